//! Which of the sessions a command means.

use std::path::Path;

use crate::cli::Which;
use crate::config;
use crate::error::Result;
use crate::state::{self, SessionRecord, State, Wanted};

/// Of those that run the one that is meant.
pub(super) fn session(which: &Which) -> Result<SessionRecord> {
    among(&State::open()?.running(), which)
}

/// Of these the one that is meant.
pub(super) fn among(sessions: &[SessionRecord], which: &Which) -> Result<SessionRecord> {
    let here = config::project_folder(&std::env::current_dir().unwrap_or_default());
    state::choose(sessions, Wanted { session: which.session.as_deref(), port: which.port }, &here)
}

/// The one that is meant, where any runs: a gateway's port may be that of a gateway without a session.
pub(super) fn if_any(which: &Which) -> Result<Option<SessionRecord>> {
    match among(&State::open()?.running(), which) {
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
        true => state::choose(&others, wanted, Path::new("")).map(|found| vec![found]),
        false => Ok(fitting),
    }
}
