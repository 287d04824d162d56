//! Which of the sessions a command means.

use std::path::PathBuf;

use crate::cli::Which;
use crate::config;
use crate::error::Result;
use crate::state::{self, Here, SessionRecord, State, Wanted};

/// Where the command is called.
pub(super) fn here(state: &State) -> Here {
    config::here(&std::env::current_dir().unwrap_or_default(), state)
}

/// Of those that run the one that is meant.
pub(super) fn session(which: &Which) -> Result<SessionRecord> {
    let state = State::open()?;
    among(&state.running(), which, &here(&state))
}

/// Of these the one that is meant.
pub(super) fn among(sessions: &[SessionRecord], which: &Which, here: &Here) -> Result<SessionRecord> {
    state::choose(sessions, wanted(which), here)
}

fn wanted(which: &Which) -> Wanted<'_> {
    Wanted { session: which.session.as_deref(), port: which.port }
}

/// The one that is meant, where any runs: a gateway's port may be that of a gateway without a session.
pub(super) fn if_any(which: &Which) -> Result<Option<SessionRecord>> {
    match session(which) {
        Err(error) if error.code == "session.none" && which.session.is_none() => Ok(None),
        found => found.map(Some),
    }
}

/// All of these, or those of that name or id.
pub(super) fn named(sessions: Vec<SessionRecord>, name: Option<&str>) -> Result<Vec<SessionRecord>> {
    let Some(name) = name else { return Ok(sessions) };
    let wanted = Wanted { session: Some(name), port: None };
    let (fitting, others): (Vec<_>, Vec<_>) = sessions.into_iter().partition(|session| wanted.fits(session));
    match fitting.is_empty() {
        true => state::choose(&others, wanted, &Here::Folder(PathBuf::new())).map(|found| vec![found]),
        false => Ok(fitting),
    }
}
