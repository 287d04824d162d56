//! The program of a provider: where it is, and which version.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use regex::Regex;

use super::pattern;
use crate::os;

/// `3.16.0` and the like; what is left out is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// The first version in a text such as `cloudflared version 2026.8.2 (built …)`.
    pub fn first_in(text: &str) -> Option<Self> {
        static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d+)\.(\d+)(?:\.(\d+))?"));
        let found = VERSION.captures(text)?;
        let part = |at: usize| found.get(at).and_then(|part| part.as_str().parse().ok());
        Some(Self(part(1)?, part(2)?, part(3).unwrap_or(0)))
    }

    /// Asks `program`. Nobody waits longer than three seconds for the answer.
    pub fn of(program: &Path, args: &[&str]) -> Option<Self> {
        const LIMIT: Duration = Duration::from_secs(3);
        // One chunk is enough, and some programs do not end by themselves.
        let chunk = |mut stdout: ChildStdout| {
            let mut text = vec![0; 512];
            let read = stdout.read(&mut text).unwrap_or(0);
            text.truncate(read);
            text
        };
        Self::first_in(&answer(Command::new(program).args(args), LIMIT, chunk)?)
    }
}

/// Does it run at all? Its version, where it tells one; else why not, in words.
pub fn try_out(program: &Path, args: &[&str]) -> Result<Option<Version>, String> {
    const LIMIT: Duration = Duration::from_secs(3);
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "what it starts with (`#!`) is not installed".to_string(),
        _ if os::is_foreign(&error) => "it is for another kind of machine".to_string(),
        _ => crate::error::io_reason(&error),
    })?;
    let (sender, answer) = mpsc::channel();
    let streams = (child.stdout.take(), child.stderr.take());
    std::thread::spawn(move || {
        let read = |stream: Option<Box<dyn Read>>| {
            let mut text = vec![];
            let _ = stream.map(|stream| stream.take(4096).read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        };
        let (stdout, stderr) = streams;
        let stdout = read(stdout.map(|stream| Box::new(stream) as Box<dyn Read>));
        let stderr = read(stderr.map(|stream| Box::new(stream) as Box<dyn Read>));
        let _ = sender.send((stdout, stderr));
    });
    let said = answer.recv_timeout(LIMIT);
    let _ = child.kill();
    let status = child.wait();
    // One that takes its time runs.
    let Ok((stdout, stderr)) = said else { return Ok(None) };
    match Version::first_in(&stdout) {
        Some(version) => Ok(Some(version)),
        // Killed by us once it had closed its streams, or ended well: it runs.
        None if status.is_ok_and(|status| status.code().is_none_or(|code| code == 0)) => Ok(None),
        None => Err(stderr.lines().chain(stdout.lines()).find(|line| !line.trim().is_empty()).map_or_else(
            || "it ends at once with an error".to_string(),
            |line| format!("it says: {}", super::redact::tokens(line.trim())),
        )),
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// All that a program prints on standard output, if it ends in time.
pub(super) fn output(command: &mut Command, limit: Duration) -> Option<String> {
    const MOST: u64 = 4 << 20;
    answer(command, limit, |stdout| {
        let mut text = vec![];
        let _ = stdout.take(MOST).read_to_end(&mut text);
        text
    })
}

/// What `read` gets from a program's standard output. Nobody waits longer than `limit`.
fn answer(
    command: &mut Command,
    limit: Duration,
    read: impl FnOnce(ChildStdout) -> Vec<u8> + Send + 'static,
) -> Option<String> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let stdout = child.stdout.take()?;
    let (sender, answer) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = sender.send(String::from_utf8_lossy(&read(stdout)).into_owned());
    });
    let text = answer.recv_timeout(limit);
    let _ = child.kill();
    let _ = child.wait();
    text.ok()
}

/// The program named in the settings, else `name` on PATH, else in a `node_modules/.bin` upwards.
pub(super) fn find(named: Option<&Path>, name: &str) -> Option<PathBuf> {
    if let Some(named) = named {
        return which::which(named).ok();
    }
    which::which(name).ok().or_else(|| {
        let here = std::env::current_dir().ok()?;
        here.ancestors()
            .find_map(|folder| which::which_in(name, Some(folder.join("node_modules/.bin")), folder).ok())
    })
}

/// Why [`find`] found nothing.
pub(super) fn not_installed(named: Option<&Path>, name: &str) -> String {
    let name = named.unwrap_or(Path::new(name)).display();
    format!("`{name}` is not installed (not on PATH, not in node_modules/.bin)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_whatever_the_tool_writes_around_it() {
        for (text, version) in [
            ("cloudflared version 2026.8.2 (built 2026-08-14T12:00:00Z)", Some(Version(2026, 8, 2))),
            ("ngrok version 3.20.0-beta", Some(Version(3, 20, 0))),
            ("ngrok version 2.3.41\n", Some(Version(2, 3, 41))),
            ("v3.9", Some(Version(3, 9, 0))),
            ("ngrok", None),
        ] {
            assert_eq!(Version::first_in(text), version, "{text}");
        }
        assert!(Version(3, 16, 0) > Version(3, 9, 5));
    }
}
