//! What is said where a file cannot be read or changed: which, where in it, why, and the way out.

use std::io;
use std::path::Path;

use crate::client::document::Refusal;
use crate::error::{Error, io_reason, line_and_column};

/// A refusal with its place.
pub fn refuse(path: &Path, text: &str, refusal: &Refusal) -> Error {
    let place = match refusal.at {
        Some(at) => {
            let (line, column) = line_and_column(text, at);
            format!("{}:{line}:{column}", path.display())
        }
        None => path.display().to_string(),
    };
    Error::failed("client.document", format!("edit {place}: {}", refusal.why))
        .fix("correct it there and try again; nothing was changed")
}

pub(super) fn refused(path: &Path, why: &str) -> Error {
    Error::failed("client.file", format!("edit {}: {why}", path.display()))
}

pub(super) fn trouble(verb: &str, path: &Path, error: &io::Error) -> Error {
    let fix = match error.kind() {
        io::ErrorKind::PermissionDenied => "make the file and its folder yours to write",
        io::ErrorKind::ReadOnlyFilesystem => "it lies on a read-only file system: change it where it is made",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on the disk; nothing was changed"
        }
        io::ErrorKind::ResourceBusy => {
            "it is mounted by itself, into a container say: mount its folder instead"
        }
        _ => "check the file and its folder",
    };
    Error::failed("client.io", format!("{verb} {}: {}", path.display(), io_reason(error))).fix(fix)
}
