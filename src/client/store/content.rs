//! Reading a client's file: what of it can be edited, and what is refused before anything is tried.

use std::fs;
use std::io;
use std::path::Path;

use super::words::{refused, trouble};
use crate::error::{Error, Result, line_and_column};
use crate::file;

/// A file's content, as an editor sees it.
#[derive(Debug, Clone)]
pub struct Content {
    pub(super) bytes: Option<Vec<u8>>,
    /// Its text, the byte order mark left out.
    pub text: String,
    pub(super) bom: bool,
}

impl Content {
    /// Is there a file?
    pub fn exists(&self) -> bool {
        self.bytes.is_some()
    }

    /// Does it begin with a byte order mark?
    pub fn bom(&self) -> bool {
        self.bom
    }

    pub(super) fn with(&self, text: &str) -> Vec<u8> {
        let mark = if self.bom { "\u{feff}" } else { "" };
        [mark, text].concat().into_bytes()
    }
}

/// Reads a file without changing anything.
pub fn look(path: &Path) -> Result<Content> {
    let target = file::resolve(path).map_err(|error| trouble("read", path, &error))?;
    match fs::metadata(&target) {
        Ok(found) if found.is_dir() => Err(refused(path, "it is a folder")),
        Ok(found) if !found.is_file() => Err(refused(path, "it is not a regular file")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(trouble("read", path, &error)),
        _ => match fs::read(&target) {
            Ok(bytes) => decode(path, bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Content { bytes: None, text: String::new(), bom: false })
            }
            Err(error) => Err(trouble("read", path, &error)),
        },
    }
}

pub(super) fn decode(path: &Path, bytes: Vec<u8>) -> Result<Content> {
    if bytes.starts_with(&[0xff, 0xfe])
        || bytes.starts_with(&[0xfe, 0xff])
        || bytes.iter().take(4).any(|byte| *byte == 0)
    {
        return Err(refused(path, "it is written in UTF-16").fix("save it as UTF-8"));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            let bom = text.starts_with('\u{feff}');
            let text = text.trim_start_matches('\u{feff}').to_string();
            Ok(Content { bytes: Some(bytes), text, bom })
        }
        Err(error) => {
            let read = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
            let (line, column) = line_and_column(&read, read.len());
            let place = format!("edit {}:{line}:{column}: a byte there is not UTF-8", path.display());
            Err(Error::failed("client.encoding", place).fix("save it as UTF-8"))
        }
    }
}
