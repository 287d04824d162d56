//! Logs of a session: what its gateway, its provider and its edge said. Bounded, and the user's alone.

use std::cell::RefCell;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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
    pub fn note(&mut self, text: impl fmt::Display) {
        stamp(SystemTime::now(), |now| self.waiting.extend_from_slice(now.as_bytes()));
        // A buffer takes whatever is written to it.
        let _ = writeln!(self.waiting, " {text}");
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

/// A time as RFC 3339 has it, with milliseconds. Up to its second it is written once for all that fall into it: under
/// load that is every line of a log.
pub fn stamp(at: SystemTime, write: impl FnOnce(&str)) {
    thread_local! {
        static LAST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    LAST.with_borrow_mut(|(of, text)| {
        if *of != since.as_secs() || text.is_empty() {
            *of = since.as_secs();
            let second = i64::try_from(*of).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
            *text = format!("{:.3}", second.unwrap_or_default());
        }
        // `....000Z`
        let digits = text.len() - 4;
        text.truncate(digits);
        let _ = fmt::Write::write_fmt(text, format_args!("{:03}Z", since.subsec_millis()));
        write(text);
    });
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_is_written_with_milliseconds_whatever_was_written_before() {
        let text = |millis| {
            let mut text = String::new();
            stamp(SystemTime::UNIX_EPOCH + Duration::from_millis(millis), |at| text.push_str(at));
            text
        };
        for (millis, expected) in [
            (1_764_043_200_007, "2025-11-25T04:00:00.007Z"),
            (1_764_043_200_999, "2025-11-25T04:00:00.999Z"),
            (1_764_043_201_000, "2025-11-25T04:00:01.000Z"),
            (0, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(text(millis), expected);
        }
    }

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
