//! The log of requests: the last ones and totals in memory, for `mcpgw status --requests`; and every one as a line
//! of JSON where the user names a file. Keys, queries, headers and bodies are never in it. The session's own user
//! asks for it on loopback, under a secret path that lies beside the session's logs and never leaves the machine.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use hyper::Method;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::rpc::Note;
use crate::error::{Error, Result, io_reason};
use crate::file::{self, Privacy};
use crate::os;
use crate::state::{random_hex, stamp};

/// See the module.
#[derive(Debug)]
pub(super) struct Requests {
    path: String,
    kept: Mutex<Kept>,
    file: Option<Mutex<Lines>>,
    waits: AtomicBool,
}

/// What is told of requests: the document of `mcpgw status --requests --json`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Told {
    /// Since the session began.
    pub totals: Totals,
    /// The last ones, the newest last.
    pub last: VecDeque<Entry>,
}

/// Counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Answered ones, refused ones included.
    pub requests: u64,
    /// Those that the edge refused.
    pub refused: u64,
    /// Those with a status of 500 and above.
    pub failed: u64,
    /// Bytes of answers' bodies.
    pub bytes: u64,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it came, RFC 3339.
    pub time: String,
    /// Its HTTP method.
    pub method: String,
    /// Its path without query; keys are not shown.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// Of the answer's body, as far as it was sent.
    pub bytes: u64,
    /// Until the last byte of the answer.
    pub duration_ms: u64,
    /// The JSON-RPC method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpc: Option<String>,
    /// The tool that is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Why the edge refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

#[derive(Debug, Default)]
struct Kept {
    totals: Totals,
    last: VecDeque<Line>,
}

/// An [`Entry`] before anybody wants to read it.
#[derive(Debug)]
struct Line {
    came: SystemTime,
    method: Method,
    path: String,
    status: u16,
    bytes: u64,
    took: Duration,
    note: Option<Arc<Note>>,
    refused: Option<&'static str>,
}

impl Line {
    fn entry(&self) -> Entry {
        let call = self.note.as_ref().and_then(|note| note.call());
        let mut time = String::new();
        stamp(self.came, |text| time.push_str(text));
        Entry {
            time,
            method: self.method.to_string(),
            path: self.path.clone(),
            status: self.status,
            bytes: self.bytes,
            duration_ms: u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
            rpc: call.map(|call| call.method.clone()),
            tool: call.and_then(|call| call.tool.clone()),
            refused: self.refused.map(String::from),
        }
    }
}

#[derive(Debug)]
struct Lines {
    file: File,
    waiting: Vec<u8>,
}

/// A request under way; it is written down when its answer is sent, or nobody wants it any more.
#[derive(Debug)]
pub(super) struct Ticket {
    requests: Arc<Requests>,
    came: SystemTime,
    began: Instant,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) refused: Option<&'static str>,
    note: Option<Arc<Note>>,
    /// The session's own user asked: no visitor was there.
    own: bool,
}

/// Beside a session's logs: the path under which its edge tells of its requests.
const FILE: &str = "requests.path";

impl Requests {
    /// So many are kept.
    const LAST: usize = 100;

    pub(super) fn open(logs: &Path, file: Option<&Path>) -> Result<Self> {
        let path = format!("/.well-known/mcpgw-requests/{}", random_hex(32)?);
        // Only a look needs it; a session does not end because the disk is full.
        let _ = file::replace(&logs.join(FILE), path.as_bytes(), Privacy::Private);
        let file = file.map(|path| {
            let opened = os::private_options().create(true).append(true).open(path);
            let file = opened.map_err(|error| {
                Error::failed(
                    "requests.file",
                    format!("write --log-requests {}: {}", path.display(), io_reason(&error)),
                )
                .fix("name a file that can be written")
            })?;
            Ok(Mutex::new(Lines { file, waiting: vec![] }))
        });
        Ok(Self { path, kept: Mutex::default(), file: file.transpose()?, waits: AtomicBool::new(false) })
    }

    /// The document, if this path asks for it.
    pub(super) fn answer(&self, path: &str) -> Option<String> {
        let asked = path.len() == self.path.len() && bool::from(path.as_bytes().ct_eq(self.path.as_bytes()));
        let kept = asked.then(|| self.kept.lock().ok()).flatten()?;
        let told = Told { totals: kept.totals, last: kept.last.iter().map(Line::entry).collect() };
        serde_json::to_string(&told).ok()
    }

    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>, method: &Method, path: String, note: Option<Arc<Note>>) -> Ticket {
        /// Visitors may make up methods of any length, and out of anything: even of the key.
        const LONGEST: usize = 20;
        let method = match method.as_str().len() {
            0..=LONGEST => method.clone(),
            _ => Method::from_bytes(b"-").unwrap_or_default(),
        };
        let (requests, came, began) = (self.clone(), SystemTime::now(), Instant::now());
        Ticket { requests, came, began, method, path, status: 0, bytes: 0, refused: None, note, own: false }
    }

    fn record(self: &Arc<Self>, ticket: &mut Ticket) {
        let line = Line {
            came: ticket.came,
            method: ticket.method.clone(),
            path: std::mem::take(&mut ticket.path),
            status: ticket.status,
            bytes: ticket.bytes,
            took: ticket.began.elapsed(),
            note: ticket.note.take(),
            refused: ticket.refused,
        };
        if self.file.is_some() {
            self.note(&line.entry());
        }
        let Ok(mut kept) = self.kept.lock() else { return };
        kept.totals.requests += 1;
        kept.totals.refused += u64::from(line.refused.is_some());
        kept.totals.failed += u64::from(line.status >= 500);
        kept.totals.bytes += line.bytes;
        if kept.last.len() >= Self::LAST {
            kept.last.pop_front();
        }
        kept.last.push_back(line);
    }

    /// Written within a moment: many at once cost one write.
    fn note(self: &Arc<Self>, entry: &Entry) {
        const MOMENT: Duration = Duration::from_millis(100);
        let Some(Ok(mut lines)) = self.file.as_ref().map(Mutex::lock) else { return };
        if serde_json::to_writer(&mut lines.waiting, entry).is_ok() {
            lines.waiting.push(b'\n');
        }
        if let (false, Ok(runtime)) =
            (self.waits.swap(true, Ordering::Relaxed), tokio::runtime::Handle::try_current())
        {
            let requests = self.clone();
            runtime.spawn(async move {
                tokio::time::sleep(MOMENT).await;
                requests.waits.store(false, Ordering::Relaxed);
                requests.flush();
            });
        }
    }

    pub(super) fn flush(&self) {
        if let Some(Ok(mut lines)) = self.file.as_ref().map(Mutex::lock) {
            let waiting = std::mem::take(&mut lines.waiting);
            let _ = lines.file.write_all(&waiting);
        }
    }
}

impl Ticket {
    /// How long it has been under way.
    pub(super) fn took(&self) -> Duration {
        self.began.elapsed()
    }

    /// Leaves it out of the log, where it is the session's own user's.
    pub(super) fn unlisted(mut self, own: bool) -> Self {
        self.own = own;
        self
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.own {
            return;
        }
        let requests = self.requests.clone();
        requests.record(self);
    }
}

/// The path under which the session with these logs tells of its requests.
pub fn path_of_requests(logs: &Path) -> Option<String> {
    fs::read_to_string(logs.join(FILE)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_requests_are_kept_all_are_counted_and_only_the_secret_path_tells() {
        let logs = tempfile::tempdir().unwrap();
        let file = logs.path().join("requests.jsonl");
        let requests = Arc::new(Requests::open(logs.path(), Some(&file)).unwrap());
        for n in 0..150 {
            let note = Arc::new(Note::default());
            note.begin(br#"{"method":"tools/call","params":{"name":"echo"}}"#);
            let mut ticket = requests.begin(&Method::POST, format!("/mcp/{n}"), Some(note));
            (ticket.status, ticket.bytes) = (if n == 0 { 502 } else { 200 }, 10);
            ticket.refused = (n == 1).then_some("no key");
        }
        let endless = Method::from_bytes(&[b'A'; 60_000]).unwrap();
        assert_eq!(requests.begin(&endless, String::new(), None).unlisted(true).method.as_str(), "-");
        let path = path_of_requests(logs.path()).unwrap();
        assert_eq!(requests.answer(&format!("{path}x")), None);
        let told: Told = serde_json::from_str(&requests.answer(&path).unwrap()).unwrap();
        assert_eq!(told.totals, Totals { requests: 150, refused: 1, failed: 1, bytes: 1500 });
        assert_eq!((told.last.len(), told.last[99].path.as_str()), (100, "/mcp/149"));
        assert_eq!(
            (told.last[0].rpc.as_deref(), told.last[0].tool.as_deref()),
            (Some("tools/call"), Some("echo"))
        );
        requests.flush();
        let lines: Vec<Entry> = fs::read_to_string(&file)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!((lines.len(), lines[1].refused.as_deref()), (150, Some("no key")));
    }
}
