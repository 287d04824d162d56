//! Logs of a session: what its gateway, its provider and its edge said. Bounded, and the user's alone.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::os;

/// An append-only log that keeps the last few megabytes: full, it becomes `NAME.log.1` and starts anew.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: Option<File>,
    written: u64,
}

impl Log {
    const LIMIT: u64 = 4 << 20;

    /// The log `NAME.log` in `folder`. Logging never stops a session: what cannot be written is dropped.
    pub fn open(folder: &Path, name: &str) -> Self {
        let path = folder.join(format!("{name}.log"));
        let file = os::private_options().create(true).append(true).open(&path).ok();
        let written = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |meta| meta.len());
        Self { path, file, written }
    }

    /// Appends one line with the time in front.
    pub fn line(&mut self, text: &str) {
        if self.written > Self::LIMIT {
            self.turn_over();
        }
        let line = format!("{:.3} {text}\n", jiff::Timestamp::now());
        if let Some(file) = &mut self.file
            && file.write_all(line.as_bytes()).is_ok()
        {
            self.written += line.len() as u64;
        }
    }

    fn turn_over(&mut self) {
        let _ = fs::rename(&self.path, self.path.with_extension("log.1"));
        self.file = os::private_options().create(true).append(true).open(&self.path).ok();
        self.written = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_turns_over_instead_of_growing() {
        let home = tempfile::tempdir().unwrap();
        let mut log = Log::open(home.path(), "provider");
        log.written = Log::LIMIT + 1;
        log.line("after");
        assert!(home.path().join("provider.log.1").exists());
        assert!(fs::read_to_string(home.path().join("provider.log")).unwrap().ends_with("after\n"));
    }
}
