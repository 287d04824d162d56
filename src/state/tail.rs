//! Reading a log that somebody else writes and turns over (see [`super::Log`]): its past, then what comes.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::os;

/// One line of a log, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written (RFC 3339, UTC); that of the line before where it does not say.
    pub at: String,
    /// The rest. Hostile: it is what a child printed, or what somebody wrote into the file.
    pub text: Vec<u8>,
}

/// A log being read.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    file: Option<File>,
    /// The beginning of a line whose end has not been written yet.
    rest: Vec<u8>,
    last: String,
}

impl Tail {
    /// The log `NAME.log` in `folder`, which need not exist yet.
    pub fn open(folder: &Path, name: &str) -> Self {
        Self { path: folder.join(format!("{name}.log")), file: None, rest: vec![], last: String::new() }
    }

    /// What was written since the last call; at the first, all that is kept.
    pub fn more(&mut self) -> Vec<LogLine> {
        let mut found = vec![];
        if self.file.is_none() {
            self.file = File::open(&self.path).ok();
            let before = self.path.with_extension("log.1");
            // Turned over this very moment, it is the open one.
            let other = self.file.as_ref().is_none_or(|file| !os::is_at(file, &before));
            if let Ok(bytes) = fs::read(before)
                && other
            {
                self.take(&bytes, &mut found);
            }
        }
        // More than one turn between two looks leaves nothing of those in the middle.
        for _ in 0..2 {
            let Some(file) = &mut self.file else { break };
            let mut bytes = vec![];
            let _ = file.read_to_end(&mut bytes);
            let turned = !os::is_at(file, &self.path);
            self.take(&bytes, &mut found);
            match turned {
                true => self.file = File::open(&self.path).ok(),
                false => break,
            }
        }
        found
    }

    /// A last line that nobody ended.
    pub fn end(&mut self) -> Option<LogLine> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then(|| self.line(&rest))
    }

    fn take(&mut self, bytes: &[u8], found: &mut Vec<LogLine>) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            let mut line = std::mem::take(&mut self.rest);
            line.extend_from_slice(part);
            if !line.is_empty() {
                let line = self.line(&line);
                found.push(line);
            }
        }
        self.rest.extend_from_slice(last);
    }

    fn line(&mut self, line: &[u8]) -> LogLine {
        let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let head = std::str::from_utf8(&line[..end]).unwrap_or_default();
        let text = match is_time(head) {
            // A clock that was set back must not move lines within one log.
            true => {
                if *head > *self.last {
                    self.last = head.into();
                }
                line.get(end + 1..).unwrap_or_default()
            }
            false => line,
        };
        LogLine { at: self.last.clone(), text: text.into() }
    }
}

/// `2026-01-02T03:04:05.678Z`, which sorts as text.
fn is_time(text: &str) -> bool {
    text.len() == 24 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn texts(lines: &[LogLine]) -> Vec<String> {
        lines.iter().map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect()
    }

    #[test]
    fn a_log_is_read_once_over_its_turns_and_a_line_only_when_it_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("edge.log");
        let mut tail = Tail::open(home.path(), "edge");
        assert_eq!(tail.more(), []);
        fs::write(home.path().join("edge.log.1"), "2026-01-01T00:00:00.000Z oldest\n").unwrap();
        let mut log = File::create(&path).unwrap();
        write!(log, "2026-01-01T00:00:01.000Z old\n  more of it\n2026-01-01T00:00:02.000Z ha").unwrap();
        let lines = tail.more();
        assert_eq!(texts(&lines), ["oldest", "old", "  more of it"]);
        assert_eq!(lines[2].at, "2026-01-01T00:00:01.000Z");
        write!(log, "lf\nlast before the turn\n").unwrap();
        fs::rename(&path, home.path().join("edge.log.1")).unwrap();
        fs::write(&path, "2026-01-01T00:00:03.000Z new\nunfinished").unwrap();
        assert_eq!(texts(&tail.more()), ["half", "last before the turn", "new"]);
        assert_eq!(texts(&tail.more()), Vec::<String>::new());
        assert_eq!(texts(&tail.end().into_iter().collect::<Vec<_>>()), ["unfinished"]);
    }

    #[test]
    fn a_clock_set_back_moves_no_line() {
        let home = tempfile::tempdir().unwrap();
        let text = "2026-01-02T00:00:00.000Z first\n2026-01-01T00:00:00.000Z second\n";
        fs::write(home.path().join("x.log"), text).unwrap();
        let lines = Tail::open(home.path(), "x").more();
        assert!(lines[0].at <= lines[1].at && texts(&lines) == ["first", "second"]);
    }
}
