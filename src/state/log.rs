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
    /// Lines that wait for [`Log::flush`].
    waiting: Vec<u8>,
}

impl Log {
    const LIMIT: u64 = 4 << 20;

    /// The log `NAME.log` in `folder`. Logging never stops a session: what cannot be written is dropped.
    pub fn open(folder: &Path, name: &str) -> Self {
        let path = folder.join(format!("{name}.log"));
        let file = os::private_options().create(true).append(true).open(&path).ok();
        let written = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |meta| meta.len());
        Self { path, file, written, waiting: vec![] }
    }

    /// Appends one line with the time in front.
    pub fn line(&mut self, text: &str) {
        self.note(text);
        self.flush();
    }

    /// The same, written with the next [`Log::flush`]: many lines at once cost one write.
    pub fn note(&mut self, text: &str) {
        // A buffer takes whatever is written to it.
        let _ = writeln!(self.waiting, "{:.3} {text}", jiff::Timestamp::now());
    }

    /// Writes what waits.
    pub fn flush(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        if self.written > Self::LIMIT {
            self.turn_over();
        }
        if let Some(file) = &mut self.file
            && file.write_all(&self.waiting).is_ok()
        {
            self.written += self.waiting.len() as u64;
        }
        self.waiting.clear();
    }

    fn turn_over(&mut self) {
        let _ = fs::rename(&self.path, self.path.with_extension("log.1"));
        self.file = os::private_options().create(true).append(true).open(&self.path).ok();
        self.written = 0;
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
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
