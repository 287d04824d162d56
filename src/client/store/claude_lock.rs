//! Claude Code's own lock: a folder beside its file, named as the file is called and not as a link resolves,
//! its time set anew every few seconds; one that was not for 10 s is nobody's (npm `proper-lockfile`, as
//! Claude Code 2.1.330 uses it). While we hold it, Claude Code waits instead of writing over us.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use crate::error::{Error, Result, io_reason};
use crate::os;

/// Claude Code takes a lock over that was not refreshed for 10 to 15 s: so do we, at the safe end.
const STALE: Duration = Duration::from_secs(15);
const REFRESH: Duration = Duration::from_secs(2);
/// How long somebody else may hold it: as long as Claude Code itself waits.
const PATIENCE: Duration = Duration::from_secs(14);

/// The lock, until it is dropped.
#[derive(Debug)]
pub(super) struct ClaudeLock {
    folder: PathBuf,
    note: PathBuf,
    stop: Option<Sender<()>>,
    refresher: Option<JoinHandle<()>>,
}

impl ClaudeLock {
    /// Takes the lock of `file`. `note` is ours alone: it says that the lock is ours, so that one that a killed
    /// mcpgw left need not be waited out.
    pub(super) fn take(file: &Path, note: PathBuf) -> Result<Self> {
        let mut name = file.as_os_str().to_owned();
        name.push(".lock");
        let folder = PathBuf::from(name);
        remove_ours(&folder, &note);
        let end = Instant::now() + PATIENCE;
        loop {
            // Before the lock: a note without one says nothing.
            let me = os::process(std::process::id()).map_or(0, |me| me.start);
            let _ = fs::write(&note, format!("{} {me}", std::process::id()));
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(Self::held(folder, note)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(trouble(&folder, &io_reason(&error))),
            }
            let _ = fs::remove_file(&note);
            match age(&folder) {
                Some(age) if age > STALE => drop(fs::remove_dir(&folder)),
                _ if Instant::now() > end => return Err(trouble(&folder, "another program holds it")),
                _ => thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn held(folder: PathBuf, note: PathBuf) -> Self {
        let (stop, stopped) = channel::<()>();
        let mine = folder.clone();
        let refresher = thread::spawn(move || {
            while stopped.recv_timeout(REFRESH) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = os::touch(&mine, SystemTime::now());
            }
        });
        Self { folder, note, stop: Some(stop), refresher: Some(refresher) }
    }
}

impl Drop for ClaudeLock {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.refresher.take().map(JoinHandle::join);
        let _ = fs::remove_dir(&self.folder);
        let _ = fs::remove_file(&self.note);
    }
}

/// Removes a lock that an mcpgw took which lives no more. Called by one process at a time.
fn remove_ours(folder: &Path, note: &Path) {
    let Ok(text) = fs::read_to_string(note) else { return };
    let mut numbers = text.split(' ').map(|number| number.parse::<u64>().unwrap_or(0));
    let (pid, start) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let lives = u32::try_from(pid).ok().and_then(os::process).is_some_and(|process| process.start == start);
    // A lock younger than the note may be ours or be taken since; one much younger is somebody else's.
    let noted = fs::metadata(note).and_then(|note| note.modified());
    let made = fs::metadata(folder).and_then(|folder| folder.modified());
    let ours = matches!((noted, made), (Ok(noted), Ok(made)) if made <= noted + REFRESH);
    if !lives {
        if ours {
            let _ = fs::remove_dir(folder);
        }
        let _ = fs::remove_file(note);
    }
}

fn age(folder: &Path) -> Option<Duration> {
    SystemTime::now().duration_since(fs::metadata(folder).ok()?.modified().ok()?).ok()
}

fn trouble(folder: &Path, why: &str) -> Error {
    Error::failed("client.locked", format!("take Claude Code's lock {}: {why}", folder.display()))
        .fix("end the Claude Code that hangs, or try again in a quarter of a minute")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_waited_for_and_a_free_one_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let (file, note) = (home.path().join(".claude.json"), home.path().join("note"));
        let folder = home.path().join(".claude.json.lock");
        fs::create_dir(&folder).unwrap();
        let other = folder.clone();
        let holder = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            fs::remove_dir(other).unwrap();
        });
        let lock = ClaudeLock::take(&file, note.clone()).unwrap();
        assert!(holder.is_finished() && folder.is_dir());
        drop(lock);
        holder.join().unwrap();
        assert!(!folder.exists() && !note.exists());
    }

    #[test]
    fn a_lock_that_nobody_refreshes_is_nobodys() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("x.lock");
        fs::create_dir(&folder).unwrap();
        let long_ago = SystemTime::now() - STALE - Duration::from_secs(1);
        os::touch(&folder, long_ago).unwrap();
        drop(ClaudeLock::take(&home.path().join("x"), home.path().join("note")).unwrap());
    }

    #[test]
    fn a_lock_that_a_killed_mcpgw_left_goes_at_once() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("x.lock");
        fs::write(home.path().join("note"), "4194304 1").unwrap();
        fs::create_dir(&folder).unwrap();
        let began = Instant::now();
        drop(ClaudeLock::take(&home.path().join("x"), home.path().join("note")).unwrap());
        assert!(began.elapsed() < PATIENCE / 2 && !folder.exists());
    }
}
