//! The key that strangers lack: one a project, so that clients' files stay true between sessions. Each
//! lies in a file of its own that holds the key and nothing else, and that only the user can read.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{State, random_hex};
use crate::error::{Error, Result};
use crate::file::{self, Privacy};

/// A key. Its text leaves only by [`Key::reveal`]; debugging shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// 256 random bits as 64 hexadecimal digits.
    pub fn random() -> Result<Self> {
        random_hex(32).map(Self)
    }

    /// A key of the user's own: 16 to 256 of the characters that need no encoding in a path (RFC 3986
    /// section 2.3), because it may stand in one.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |char: char| char.is_ascii_alphanumeric() || "-._~".contains(char);
        let text = text.trim();
        ((16..=256).contains(&text.len()) && text.chars().all(plain)).then(|| Self(text.into()))
    }

    /// The key itself, for whoever must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl State {
    /// Where the key of the project in `folder` lies, whether it exists or not.
    pub fn key_file(&self, folder: &Path) -> PathBuf {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let plain = |char: &char| char.is_ascii_alphanumeric() || "-._".contains(*char);
        let name: String = name.chars().filter(plain).take(40).collect();
        let id = fingerprint(folder.as_os_str().as_encoded_bytes());
        self.root.join("keys").join(format!("{name}-{id:016x}.key"))
    }

    /// The project's key, if it has one.
    pub fn key(&self, folder: &Path) -> Result<Option<Key>> {
        read_key(&self.key_file(folder))
    }

    /// Makes `key` the project's; answers its file.
    pub fn keep_key(&self, folder: &Path, key: &Key) -> Result<PathBuf> {
        self.private_folder("keys")?;
        let path = self.key_file(folder);
        let text = format!("{}\n", key.reveal());
        file::replace(&path, text.as_bytes(), Privacy::Private)
            .map_err(|error| self.trouble("write", &path, &error))?;
        Ok(path)
    }
}

/// The key in a file; `None` where there is no file.
pub fn read_key(path: &Path) -> Result<Option<Key>> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.unwrap_or_default(),
    };
    let broken = || {
        Error::failed("key.broken", format!("read the key in {}: it holds none", path.display()))
            .fix("make a new one with `mcpgw key rotate`")
    };
    Key::parse(&text).map(Some).ok_or_else(broken)
}

/// FNV-1a, 64 bits: tells folders of one name apart, and stays the same in every version of mcpgw.
pub(super) fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_keeps_its_key_and_another_of_the_same_name_has_its_own() {
        let home = tempfile::tempdir().unwrap();
        let state = State::at(home.path().to_path_buf());
        let (mine, other) = (Path::new("/a/shop"), Path::new("/b/shop"));
        assert_eq!(state.key(mine).unwrap(), None);
        let key = Key::random().unwrap();
        let path = state.keep_key(mine, &key).unwrap();
        assert_eq!(state.key(mine).unwrap(), Some(key.clone()));
        assert_eq!(state.key(other).unwrap(), None);
        assert_eq!(fs::read_to_string(&path).unwrap().trim(), key.reveal());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_is_long_and_fits_into_a_path() {
        assert!(Key::parse("0123456789abcdef\n").is_some());
        for text in ["", "short", "0123456789abcde/", "0123456789 abcdef", "0123456789abcd\u{e9}f"] {
            assert!(Key::parse(text).is_none(), "{text}");
        }
        assert_eq!(format!("{:?}", Key::random().unwrap()), "Key(…)");
    }

    #[test]
    fn a_file_that_holds_no_key_is_named() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x.key");
        fs::write(&path, "oops").unwrap();
        assert!(read_key(&path).unwrap_err().message.contains("x.key"));
    }
}
