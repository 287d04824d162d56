//! `mcpgw key`: the key that strangers lack, one a project. `show` prints it, `rotate` makes a new one.

use std::path::{Path, PathBuf};

use super::pick;
use crate::cli::{KeyCommand, Which};
use crate::config;
use crate::error::{Error, Result};
use crate::report;
use crate::state::{Key, State};

/// The variable that sets it.
const VARIABLE: &str = "MCPGW_KEY";

pub(super) fn run(command: &KeyCommand) -> Result<()> {
    let state = State::open()?;
    match command {
        KeyCommand::Show(which) => show(&state, &project(&state, which, "show")?),
        KeyCommand::Rotate(which) => rotate(&state, &project(&state, which, "rotate")?),
    }
}

/// Whose key is meant: that of the project here, else that of the session that runs. A folder that is neither
/// would get a key that nobody asks for.
fn project(state: &State, which: &Which, verb: &str) -> Result<PathBuf> {
    let running = state.running();
    let here = config::project_folder(&std::env::current_dir().unwrap_or_default());
    let is_project = || {
        state.key_file(&here).exists()
            || config::project_file(&here).is_some()
            || here.join(".git").exists()
            || running.iter().any(|session| session.folder == here)
    };
    if which.session.is_none() && which.port.is_none() && is_project() {
        return Ok(here);
    }
    match pick::among(&running, which) {
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

fn rotate(state: &State, project: &Path) -> Result<()> {
    let key = match given()? {
        Some(key) => key,
        None => Key::random()?,
    };
    let file = state.keep_key(project, &key)?;
    report::out(&format!(
        "the new key of {} is in {}; `mcpgw key show` prints it",
        project.display(),
        file.display()
    ));
    let running =
        state.running().into_iter().filter(|session| session.key_file.as_ref() == Some(&file)).count();
    if running > 0 {
        report::out("the session that runs asks for it within a second; the old key opens nothing any more");
    }
    report::out("clients need it too: `mcpgw configure` writes it into their settings");
    Ok(())
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
