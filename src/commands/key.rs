//! `mcpgw key`: the key that strangers lack, one a project. `show` prints it, `rotate` makes a new one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::pick;
use super::told::Told;
use crate::cli::{KeyCommand, Which};
use crate::client::{self, Outcome};
use crate::edge::Probe;
use crate::error::{Error, Result};
use crate::report;
use crate::state::{Here, Key, SessionRecord, State};

/// The variable that sets it.
const VARIABLE: &str = "MCPGW_KEY";

pub(super) fn run(command: &KeyCommand) -> Result<ExitCode> {
    let state = State::open()?;
    match command {
        KeyCommand::Show(which) => show(&state, &project(&state, which, "show")?).map(|()| ExitCode::SUCCESS),
        KeyCommand::Rotate { json, which } => rotate(&state, &project(&state, which, "rotate")?, *json),
    }
}

/// Whose key is meant: that of the project here, else that of the session that runs. A folder that is neither
/// would get a key that nobody asks for.
fn project(state: &State, which: &Which, verb: &str) -> Result<PathBuf> {
    let running = state.running();
    let called = pick::here(state);
    let here = called.folder().to_path_buf();
    let is_project = || {
        matches!(called, Here::Project(_))
            || state.key_file(&here).exists()
            || here.join(".git").exists()
            || running.iter().any(|session| session.folder == here)
    };
    if which.session.is_none() && which.port.is_none() && is_project() {
        return Ok(here);
    }
    match pick::among(&running, which, &called) {
        Ok(session) => Ok(session.folder),
        Err(error) if error.code == "session.none" && which.session.is_none() && which.port.is_none() => {
            let message =
                format!("{verb} the key of {}: it is no project, and no session runs", here.display());
            Err(Error::failed("key.no_project", message).fix(
                "go to the project's folder (where mcpgw.toml or .git is), or name a session that runs: --session NAME; \
                 the first `mcpgw tunnel` in a folder makes its key",
            ))
        }
        Err(error) => Err(error),
    }
}

fn show(state: &State, project: &Path) -> Result<()> {
    let missing = || {
        Error::failed("key.none", format!("show the key of {}: it has none yet", project.display()))
            .fix("the first `mcpgw tunnel` there makes one, and so does `mcpgw key rotate`")
    };
    report::out(state.key(project)?.ok_or_else(missing)?.reveal());
    Ok(())
}

fn rotate(state: &State, project: &Path, json: bool) -> Result<ExitCode> {
    let key = match given()? {
        Some(key) => key,
        None => Key::random()?,
    };
    // One that is broken is in nobody's file.
    let old = state.key(project).unwrap_or_default();
    let file = state.keep_key(project, &key)?;
    let running: Vec<SessionRecord> =
        state.running().into_iter().filter(|session| session.key_file.as_ref() == Some(&file)).collect();
    let deaf = tell_sessions(&running)?;
    let clients: Vec<Told> = match old {
        Some(old) => client::rekey(state, &old, &key).into_iter().map(rekeyed).collect(),
        None => vec![],
    };
    let failed = clients.iter().any(|client| client.failure.is_some());
    let status = if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if json {
        let sessions: Vec<&str> = running.iter().map(|session| session.id.as_str()).collect();
        let document = serde_json::json!({"key_file": file, "sessions": sessions, "clients": clients});
        report::out(&document.to_string());
        return Ok(status);
    }
    let whose = project.display();
    report::out(&format!("the new key of {whose} is in {}; `mcpgw key show` prints it", file.display()));
    if running.len() > deaf.len() {
        report::out("the session that runs asks for it; the old key opens nothing any more");
    }
    for session in deaf {
        let name = session.name();
        report::out(&format!(
            "{name} does not answer: once it does, it asks for the new key within a second"
        ));
    }
    for client in &clients {
        client.tell(&format!("the new key is in {}", client.shown_path()));
    }
    report::out(match clients.is_empty() {
        true => "no client's file held the old one: `mcpgw configure CLIENT` writes the new one",
        false => "clients that were told by hand need it too: `mcpgw url --with-key`",
    });
    Ok(status)
}

/// Tells the sessions that run; those that did not hear it.
fn tell_sessions(running: &[SessionRecord]) -> Result<Vec<&SessionRecord>> {
    if running.is_empty() {
        return Ok(vec![]);
    }
    super::runtime()?.block_on(async {
        let mut deaf = vec![];
        for session in running {
            let scheme = session.local_url.split("://").next().unwrap_or_default();
            let heard = match Probe::kept(&session.logs) {
                Some(probe) => probe.tell_of_key(scheme, session.edge_port).await,
                None => false,
            };
            if !heard {
                deaf.push(session);
            }
        }
        Ok(deaf)
    })
}

fn rekeyed(result: Result<Outcome>) -> Told {
    let reload = result.as_ref().ok().map(|outcome| outcome.client.reload);
    Told { reload, ..Told::of(result) }
}

/// The project's key and its file: `MCPGW_KEY`, else the one that was kept, else a new one.
pub(super) fn settle(state: &State, project: &Path) -> Result<(Key, PathBuf)> {
    let kept = state.key(project)?;
    let key = match (given()?, &kept) {
        (Some(given), _) => given,
        (None, Some(kept)) => kept.clone(),
        (None, None) => Key::random()?,
    };
    let file = match &kept {
        Some(kept) if *kept == key => state.key_file(project),
        kept => {
            let file = state.keep_key(project, &key)?;
            if kept.is_some() {
                report::remark(&format!(
                    "{VARIABLE} is the project's key from now on; the one before opens nothing"
                ));
            }
            for outcome in kept.iter().flat_map(|old| client::rekey(state, old, &key)) {
                report::remark(&match outcome {
                    Ok(Outcome { client, path, .. }) => {
                        format!("{}: the new key is in {}", client.name, path.display())
                    }
                    Err(error) => format!("failed to {}", error.message),
                });
            }
            file
        }
    };
    Ok((key, file))
}

/// The project's key and its file, if it has one.
pub(super) fn kept(state: &State, project: &Path) -> Result<Option<(Key, PathBuf)>> {
    Ok(state.key(project)?.map(|key| (key, state.key_file(project))))
}

/// What the user says it is. Never repeated, not even when it is no key.
fn given() -> Result<Option<Key>> {
    let Some(text) = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = || {
        Error::usage("key.invalid", format!("use {VARIABLE}: it is not a key"))
            .fix("16 to 256 letters, digits, `-`, `.`, `_` and `~`; unset it, and mcpgw makes a good one")
    };
    text.to_str().and_then(Key::parse).map(Some).ok_or_else(wrong)
}
