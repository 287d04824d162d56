//! Replacing a file so that a reader sees the old bytes or the new ones, never half of either, and
//! nothing about the file changes but its bytes: link, mode and folder stay.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::os;

/// How the names of our temporary files begin; the id of the process that writes follows.
const TEMPORARY: &str = ".mcpgw-";

/// Removes temporary files from `folder` whose writer was killed before it could.
pub fn remove_litter(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let writer =
            name.to_str().and_then(|name| name.strip_prefix(TEMPORARY)?.split('-').next()?.parse().ok());
        if writer.is_some_and(|pid| os::process(pid).is_none()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Who may read a file that did not exist before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    /// The user alone (0600).
    Private,
    /// Whoever the umask admits.
    Ordinary,
}

/// Writes `data` to `path`: temporary file beside the target, fsync, rename, fsync of the folder. A
/// symbolic link stays one and its target is replaced; an existing file keeps its mode and its owner.
pub fn replace(path: &Path, data: &[u8], privacy: Privacy) -> io::Result<()> {
    let Staged { temporary, target } = Staged::beside(path, data, privacy)?;
    temporary.persist(&target).map_err(|error| error.error)?;
    sync_folder(&target);
    Ok(())
}

/// New content that lies beside its target, written and synced, and is nobody's yet.
#[derive(Debug)]
pub struct Staged {
    temporary: NamedTempFile,
    target: PathBuf,
}

/// What became of new content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swapped {
    /// It is in its place.
    Done,
    /// Another program changed the file meanwhile: its content stays, ours is gone.
    Changed,
}

impl Staged {
    /// Writes `data` beside the file that `path` leads to.
    pub fn beside(path: &Path, data: &[u8], privacy: Privacy) -> io::Result<Self> {
        let target = must_be_writable(path)?;
        let mut temporary = temporary_beside(&target)?;
        temporary.write_all(data)?;
        match (target.exists(), privacy) {
            (true, _) => os::keep_mode(&target, temporary.path())?,
            (false, Privacy::Ordinary) => os::ordinary_mode(temporary.path())?,
            (false, Privacy::Private) => {}
        }
        temporary.as_file().sync_all()?;
        Ok(Self { temporary, target })
    }

    /// Puts it in its place if the file there still has the content `expected` (`None`: is not there). Where
    /// the system can exchange two files at once, what was displaced is looked at afterwards and given back when
    /// it was something else, so that nothing written between a look and a rename is lost. `step` is told when
    /// the new content can be seen.
    pub fn swap(self, expected: Option<&[u8]>, step: &dyn Fn()) -> io::Result<Swapped> {
        let Some(expected) = expected else {
            return match self.temporary.persist_noclobber(&self.target) {
                Ok(_) => {
                    step();
                    sync_folder(&self.target);
                    Ok(Swapped::Done)
                }
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(Swapped::Changed),
                Err(error) => Err(error.error),
            };
        };
        if !holds(&self.target, expected)? {
            return Ok(Swapped::Changed);
        }
        let here = self.temporary.path();
        match os::exchange(here, &self.target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Swapped::Changed),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.temporary.persist(&self.target).map_err(|error| error.error)?;
                step();
                sync_folder(&self.target);
                return Ok(Swapped::Done);
            }
            Err(error) => return Err(error),
        }
        step();
        sync_folder(&self.target);
        // Looked at after the folder's sync: a program that had the old file open has written by then.
        match holds(here, expected)? {
            true => Ok(Swapped::Done),
            false => give_back(here, &self.target),
        }
    }
}

/// Exchanges the two until what comes out is what was put in last: then nobody wrote in between.
fn give_back(here: &Path, target: &Path) -> io::Result<Swapped> {
    let mut inside = fs::read(target)?;
    for _ in 0..100 {
        let put_in = fs::read(here)?;
        os::exchange(here, target)?;
        if holds(here, &inside)? {
            sync_folder(target);
            return Ok(Swapped::Changed);
        }
        inside = put_in;
    }
    Err(io::Error::other("another program rewrites it all the time"))
}

/// Removes the file if it still has the content `expected`.
pub fn remove_if_unchanged(path: &Path, expected: &[u8]) -> io::Result<Swapped> {
    let target = resolve(path)?;
    if !holds(&target, expected)? {
        return Ok(Swapped::Changed);
    }
    // Closed, for not every system puts a file in the place of an open one.
    let aside = temporary_beside(&target)?.into_temp_path();
    fs::rename(&target, &aside)?;
    if holds(&aside, expected)? {
        sync_folder(&target);
        return Ok(Swapped::Done);
    }
    // A newer one in its place is newer than what was taken.
    match aside.persist_noclobber(&target) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(Swapped::Changed),
    }
}

fn holds(path: &Path, expected: &[u8]) -> io::Result<bool> {
    match fs::read(path) {
        Ok(found) => Ok(found == expected),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn temporary_beside(target: &Path) -> io::Result<NamedTempFile> {
    let prefix = format!("{TEMPORARY}{}-", std::process::id());
    tempfile::Builder::new().prefix(&prefix).tempfile_in(folder_of(target))
}

/// Without this a power cut may forget a rename; where folders cannot be opened there is no such call.
fn sync_folder(target: &Path) {
    if let Ok(folder) = File::open(folder_of(target)) {
        let _ = folder.sync_all();
    }
}

/// Where a write to `path` would go. A device, a pipe or a folder is nobody's to replace: a rename over
/// it would take it from the system. A rename needs no permission of the file, so that is looked at here.
pub fn must_be_writable(path: &Path) -> io::Result<PathBuf> {
    let target = resolve(path)?;
    match fs::metadata(&target) {
        Ok(found) if !found.is_file() => Err(io::Error::other("it is not a regular file")),
        Ok(found) if found.permissions().readonly() => Err(io::Error::other("it is read-only")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => {
            fs::metadata(folder_of(&target))?;
            Ok(target)
        }
    }
}

/// The folder a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Where the bytes really live: the end of a chain of links, even when that end does not exist yet.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut at = path.to_path_buf();
    for _ in 0..40 {
        match fs::read_link(&at) {
            Ok(next) => at = at.parent().map_or_else(|| next.clone(), |folder| folder.join(&next)),
            Err(_) => return Ok(at),
        }
    }
    Err(io::Error::other(format!("{} is a circle of links", path.display())))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_private_file_is_the_users_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        replace(&path, b"secret", Privacy::Private).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"secret".to_vec(), 0o600));
    }

    #[test]
    fn an_existing_file_keeps_its_mode_and_its_link() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real", &link).unwrap();
        replace(&link, b"new", Privacy::Private).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!((fs::read(&real).unwrap(), mode(&real)), (b"new".to_vec(), 0o640));
    }

    #[test]
    fn a_failed_write_leaves_no_litter() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("taken");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("x"), "").unwrap();
        assert!(replace(&folder, b"new", Privacy::Ordinary).is_err());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_file_stays_what_it_is() {
        use std::os::unix::fs::FileTypeExt;
        use std::os::unix::net::UnixListener;
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        symlink("socket", home.path().join("link")).unwrap();
        for path in [&socket, &home.path().join("link")] {
            let error = replace(path, b"new", Privacy::Ordinary).unwrap_err();
            assert!(error.to_string().contains("not a regular file"), "{error}");
        }
        assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    }

    #[test]
    fn a_read_only_file_stays_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("mine");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        assert!(replace(&path, b"new", Privacy::Ordinary).unwrap_err().to_string().contains("read-only"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let nowhere = home.path().join("link");
        symlink("no-folder/file", &nowhere).unwrap();
        assert!(must_be_writable(&nowhere).is_err());
    }

    #[test]
    fn what_a_killed_writer_left_goes_and_what_a_living_one_writes_stays() {
        let home = tempfile::tempdir().unwrap();
        let (mine, dead) = (format!("{TEMPORARY}{}-x", std::process::id()), format!("{TEMPORARY}4194304-x"));
        [mine.as_str(), dead.as_str(), "other"]
            .iter()
            .for_each(|name| fs::write(home.path().join(name), "").unwrap());
        remove_litter(home.path());
        let exists = |name: &str| home.path().join(name).exists();
        assert_eq!((exists(&mine), exists(&dead), exists("other")), (true, false, true));
    }

    #[test]
    fn a_circle_of_links_is_said() {
        let home = tempfile::tempdir().unwrap();
        let (a, b) = (home.path().join("a"), home.path().join("b"));
        symlink(&b, &a).unwrap();
        symlink(&a, &b).unwrap();
        assert!(replace(&a, b"", Privacy::Ordinary).unwrap_err().to_string().contains("circle"));
    }
}
