//! Notices changes of the sessions' files. There is no event for that on every system, so whoever waits looks,
//! a few times a second and by name, time and size alone.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// See the module.
#[derive(Debug)]
pub struct Watch {
    folder: PathBuf,
    seen: Vec<(OsString, Option<SystemTime>, u64)>,
}

impl Watch {
    /// How often to look.
    pub const PACE: Duration = Duration::from_millis(250);

    pub(super) fn of(folder: PathBuf) -> Self {
        let mut watch = Self { folder, seen: vec![] };
        watch.changed();
        watch
    }

    /// Has any of them come, gone or changed since the last look?
    pub fn changed(&mut self) -> bool {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let sessions =
            entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "json"));
        let mut now: Vec<_> = sessions
            .filter_map(|entry| {
                let meta = entry.metadata().ok()?;
                Some((entry.file_name(), meta.modified().ok(), meta.len()))
            })
            .collect();
        now.sort();
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

#[cfg(test)]
mod tests {
    use crate::state::State;
    use crate::state::tests::record;

    #[test]
    fn a_session_that_comes_changes_or_goes_is_noticed_once() {
        let home = tempfile::tempdir().unwrap();
        let state = State::at(home.path().into());
        state.private_folder("sessions").unwrap();
        let mut watch = state.watch();
        assert!(!watch.changed());
        let mut session = record("a");
        state.save(&session).unwrap();
        assert!(watch.changed() && !watch.changed());
        session.phase = "restarting".into();
        state.save(&session).unwrap();
        assert!(watch.changed() && !watch.changed());
        state.forget("a");
        assert!(watch.changed() && !watch.changed());
    }
}
