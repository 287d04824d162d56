//! `mcpgw key`: the key that strangers lack, one a project. `show` prints it, `rotate` makes a new one.

use std::path::{Path, PathBuf};

use crate::cli::KeyCommand;
use crate::config;
use crate::error::{Error, Result};
use crate::report;
use crate::state::{Key, State};

/// The variable that sets it.
const VARIABLE: &str = "MCPGW_KEY";

pub(super) fn run(command: &KeyCommand) -> Result<()> {
    let state = State::open()?;
    let project = config::project_folder(&std::env::current_dir().unwrap_or_default());
    match command {
        KeyCommand::Show => show(&state, &project),
        KeyCommand::Rotate => rotate(&state, &project),
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
    report::out(&format!("the new key is in {}; `mcpgw key show` prints it", file.display()));
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
