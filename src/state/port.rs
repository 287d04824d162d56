//! Who works on a gateway port: a locked file a port, held open by the session. The kernel unlocks it
//! however the session ends; the file itself goes with an orderly end, or at the next start.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result, io_reason};
use crate::os;

const MOMENT: Duration = Duration::from_millis(2);

/// A gateway port that is ours for as long as this lives.
#[derive(Debug)]
pub struct PortClaim {
    file: File,
    path: PathBuf,
}

impl PortClaim {
    /// Claims the port, or names the session that has it.
    pub(super) fn take(folder: &Path, port: u16) -> Result<Self> {
        let path = folder.join(format!("{port}.lock"));
        let failed = |error: &io::Error| {
            Error::failed("state.io", format!("claim {}: {}", path.display(), io_reason(error)))
                .fix("check the folder's owner and free space, or set MCPGW_HOME to another folder")
        };
        let mut patience = 50;
        loop {
            let mut file = open(&path).map_err(|error| failed(&error))?;
            match file.try_lock() {
                Ok(()) => {
                    if write_pid(&mut file, &path).map_err(|error| failed(&error))? {
                        return Ok(Self { file, path });
                    }
                }
                Err(TryLockError::WouldBlock) => {
                    let holder = read_holder(&mut file);
                    let dead = holder.parse().is_ok_and(|pid| os::process(pid).is_none());
                    if !dead || patience == 0 {
                        return Err(held(port, &holder));
                    }
                    // Somebody is just clearing away what a killed session left.
                    patience -= 1;
                    std::thread::sleep(MOMENT);
                }
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
            }
        }
    }
}

impl Drop for PortClaim {
    fn drop(&mut self) {
        // Removed while it is still locked: whoever opened it before sees so by `write_pid`.
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// Removes the files of sessions that were killed.
pub(super) fn remove_litter(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = File::open(entry.path());
        if file.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    os::private_options().create(true).truncate(false).read(true).write(true).open(path)
}

/// Writes our pid. False when the locked file is not the one at `path` any more: its holder removed it
/// after we had opened it.
fn write_pid(file: &mut File, path: &Path) -> io::Result<bool> {
    let pid = format!("{}\n", std::process::id());
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(pid.as_bytes())?;
    Ok(fs::read_to_string(path).is_ok_and(|there| there == pid))
}

fn held(port: u16, holder: &str) -> Error {
    Error::failed(
        "session.port_held",
        format!("take gateway port {port}: another mcpgw session holds it (pid {holder})"),
    )
    .fix(format!("end it with `mcpgw stop --port {port}`, or use another --port"))
}

/// Whoever takes the lock writes its pid at once, but not in the same moment.
fn read_holder(file: &mut File) -> String {
    let mut holder = String::new();
    for _ in 0..50 {
        let _ = file.rewind().and_then(|()| file.read_to_string(&mut holder));
        if holder.ends_with('\n') {
            break;
        }
        holder.clear();
        std::thread::sleep(MOMENT);
    }
    holder.trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_names_its_holder_and_leaves_nothing_after() {
        let home = tempfile::tempdir().unwrap();
        let claim = PortClaim::take(home.path(), 3001).unwrap();
        let refused = PortClaim::take(home.path(), 3001).unwrap_err();
        assert!(refused.message.contains(&std::process::id().to_string()), "{refused}");
        remove_litter(home.path());
        assert!(PortClaim::take(home.path(), 3001).is_err(), "a held claim is no litter");
        drop(claim);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        PortClaim::take(home.path(), 3001).unwrap();
    }

    #[test]
    fn the_file_of_a_killed_session_is_litter() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("3001.lock"), "4194304\n").unwrap();
        remove_litter(home.path());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
