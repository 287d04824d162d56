//! One child: started in its own session, its output heard line by line, its end noticed by waiting
//! for the process, never by the end of its pipes (a grandchild may hold those for ever).

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsString;
use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::process::{ChildStderr, Command};
use tokio_process_stream::{Item, ProcessChunkStream};
use tokio_stream::Stream as _;

use super::{Lines, SESSION_MARK, Stream};
use crate::error::{Error, Result, io_reason};
use crate::os;

/// What a child's standard input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing at once.
    Null,
    /// A pipe held open and never written: some servers exit at its end.
    Held,
}

/// How to start a child.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The program, by path or to be found on PATH.
    pub program: OsString,
    /// Its arguments. Never a secret: every user of the machine can read them.
    pub args: Vec<OsString>,
    /// Variables to set.
    pub set: Vec<(String, String)>,
    /// Variables that must not reach it.
    pub scrub: fn(&str) -> bool,
    /// Where it runs; here when not said.
    pub folder: Option<PathBuf>,
    /// Its standard input.
    pub stdin: Stdin,
}

impl Spec {
    /// The program with its arguments, in its folder.
    pub(super) fn command(&self) -> Command {
        let here = self.folder.as_deref().unwrap_or(Path::new("."));
        let mut command = Command::new(os::program(&self.program, here));
        command.args(&self.args);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }
}

/// Who listens to a child. Called from the child's own task.
pub trait Hearing: Send + 'static {
    /// One line of output, already clean (see [`Lines`]).
    fn line(&mut self, stream: Stream, line: &str);
    /// A last line that no newline ended: the process may have died in the middle of it.
    fn fragment(&mut self, stream: Stream, line: &str) {
        self.line(stream, line);
    }
    /// Nothing more lies in the pipes: whatever was put off can be done for all lines at once.
    fn rest(&mut self) {}
    /// The line without its secrets, to be kept as one of the last.
    fn redact<'a>(&self, line: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(line)
    }
    /// The process has ended; every line it wrote before has been heard.
    fn ended(&mut self, status: Status);
}

/// How a child ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// `exit code 1`, `killed by signal 9`.
    pub how: String,
    /// Its last lines, oldest first.
    pub last_lines: Vec<String>,
}

/// A started child. Dropping this does not end it; [`super::stop`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Process id, and that of its session and group.
    pub pid: u32,
    /// `NAME=value` that it and all it starts carry in their environment.
    pub mark: String,
}

/// The children that somebody waits for. Every other zombie below us is an adopted orphan.
static WAITED_FOR: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Says that somebody waits for `pid`, or does no longer.
pub(super) fn waited_for(pid: u32, yes: bool) {
    if let Ok(mut pids) = WAITED_FOR.lock() {
        let _ = if yes { pids.insert(pid) } else { pids.remove(&pid) };
    }
}

/// Waits for adopted orphans that have ended, so that they do not pile up as zombies. To be called when
/// some child has ended, from the thread that spawns.
pub fn reap_orphans() {
    if let Ok(pids) = WAITED_FOR.lock() {
        os::reap_orphans(|pid| pids.contains(&pid));
    }
}

/// Starts a child and listens to it until it and its pipes have ended.
///
/// `session` marks everything that belongs to us, `run` (unique within it) this child's own tree.
pub fn spawn(spec: &Spec, session: &str, run: &str, hearing: impl Hearing) -> Result<Child> {
    let mut command = spec.command();
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| (spec.scrub)(name) || super::SECRET.contains(&name)) {
            command.env_remove(name);
        }
    }
    let mark = format!("MCPGW_RUN={session}.{run}");
    command.envs(spec.set.iter().map(|(name, value)| (name, value)));
    command.env(SESSION_MARK, session).env("MCPGW_RUN", format!("{session}.{run}"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(match spec.stdin {
        Stdin::Null => Stdio::null(),
        Stdin::Held => Stdio::piped(),
    });
    os::own_session(&mut command);
    let mut child = command.spawn().map_err(|error| cannot_start(spec, &error))?;
    let pid = child.id().unwrap_or_default();
    waited_for(pid, true);
    let stdin = child.stdin.take();
    let stderr = child.stderr.take();
    // With standard error taken out the chunk stream reads standard output alone: it would favour
    // standard error, and a flood there must not hide a URL here.
    let ear = Ear {
        stdout: child.into(),
        stderr,
        hearing,
        out: Lines::default(),
        err: Lines::default(),
        last: VecDeque::new(),
        pace: Pace::new(Instant::now()),
    };
    tokio::spawn(async move {
        ear.listen(pid).await;
        drop(stdin);
    });
    Ok(Child { pid, mark })
}

pub(super) fn cannot_start(spec: &Spec, error: &std::io::Error) -> Error {
    let program = spec.program.to_string_lossy();
    let failed = Error::failed("process.start", format!("start `{program}`: {}", io_reason(error)));
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            failed.fix(format!("check that `{program}` is installed and on PATH"))
        }
        std::io::ErrorKind::PermissionDenied => failed.fix(format!("make it executable: chmod +x {program}")),
        _ => failed,
    }
}

/// How many of a child's lines are kept to tell why it ended.
const LAST_LINES: usize = 20;

struct Ear<H> {
    stdout: ProcessChunkStream,
    stderr: Option<ChildStderr>,
    hearing: H,
    out: Lines,
    err: Lines,
    last: VecDeque<String>,
    pace: Pace,
}

/// Notices a flood: a tool whose server refuses it may write ten thousand lines a second.
#[derive(Debug)]
struct Pace {
    since: Instant,
    lines: u32,
    flood: bool,
}

impl Pace {
    /// Less than the 26 ms in which 12,000 lines a second fill a pipe of 64 KiB.
    const BREATH: Duration = Duration::from_millis(15);
    const WINDOW: Duration = Duration::from_millis(100);
    /// More lines in a window are a flood.
    const MANY: u32 = 100;

    fn new(now: Instant) -> Self {
        Self { since: now, lines: 0, flood: false }
    }

    /// Judged by the last window that is over.
    fn is_flood(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Self::WINDOW {
            *self = Self { since: now, lines: 0, flood: self.lines > Self::MANY };
        }
        self.flood
    }
}

enum Heard {
    Chunk(Stream, bytes::Bytes),
    Ended(ExitStatus),
    Silence,
}

impl<H: Hearing> Ear<H> {
    /// More than a pipe holds: what was written before the end is heard, a grandchild's flood is not.
    const MOST_CHUNKS: usize = 64;

    async fn listen(mut self, pid: u32) {
        let mut turn = false;
        let status = loop {
            turn = !turn;
            match poll_fn(|cx| self.poll(cx, turn, true)).await {
                Heard::Chunk(stream, chunk) => self.hear(stream, &chunk),
                Heard::Ended(status) => break status,
                Heard::Silence => {}
            }
            if let Some(status) = self.take_what_is_there().await {
                break status;
            }
            if self.pace.is_flood(Instant::now())
                && let Some(status) = self.breathe().await
            {
                break status;
            }
        };
        waited_for(pid, false);
        // Last words lie in the pipes.
        self.take_what_is_there().await;
        for stream in [Stream::Out, Stream::Err] {
            self.finish(stream);
        }
        self.hearing.ended(Status { how: describe(status), last_lines: self.last.drain(..).collect() });
        // Whoever still holds the pipes may write on: reading keeps it from blocking or breaking.
        loop {
            match poll_fn(|cx| self.poll(cx, true, false)).await {
                Heard::Chunk(stream, chunk) => self.hear(stream, &chunk),
                Heard::Ended(_) => {}
                Heard::Silence => return,
            }
            self.take_what_is_there().await;
            if self.pace.is_flood(Instant::now()) {
                tokio::time::sleep(Pace::BREATH).await;
            }
        }
    }

    /// Reads the pipes empty without waiting for more. The chunk stream of standard output tells the end of the
    /// process too, once that pipe is closed: what lies in the other one is read even so.
    async fn take_what_is_there(&mut self) -> Option<ExitStatus> {
        let mut ended = None;
        for _ in 0..Self::MOST_CHUNKS {
            let chunk = tokio::task::coop::unconstrained(poll_fn(|cx| match self.poll(cx, true, false) {
                Poll::Pending => Poll::Ready(Heard::Silence),
                ready => ready,
            }));
            match chunk.await {
                Heard::Chunk(stream, chunk) => self.hear(stream, &chunk),
                Heard::Ended(status) => ended = Some(status),
                Heard::Silence => break,
            }
        }
        self.hearing.rest();
        ended
    }

    /// Lets a flood gather in the pipe, so that many lines cost one wake-up. The end is heard meanwhile.
    async fn breathe(&mut self) -> Option<ExitStatus> {
        let child = self.stdout.child_mut()?;
        tokio::select! {
            status = child.wait() => Some(status.unwrap_or_default()),
            () = tokio::time::sleep(Pace::BREATH) => None,
        }
    }

    /// The next chunk of either stream in fair turns, or the end of the process.
    fn poll(&mut self, cx: &mut Context<'_>, out_first: bool, wait: bool) -> Poll<Heard> {
        if wait
            && let Some(child) = self.stdout.child_mut()
            && let Poll::Ready(status) = pin!(child.wait()).poll(cx)
        {
            return Poll::Ready(Heard::Ended(status.unwrap_or_default()));
        }
        let turns = if out_first { [Stream::Out, Stream::Err] } else { [Stream::Err, Stream::Out] };
        let mut open = false;
        for stream in turns {
            let polled = match stream {
                Stream::Out => self.poll_out(cx),
                Stream::Err => self.poll_err(cx).map(|chunk| chunk.map(|chunk| Heard::Chunk(stream, chunk))),
            };
            match polled {
                Poll::Ready(Some(heard)) => return Poll::Ready(heard),
                Poll::Ready(None) => {}
                Poll::Pending => open = true,
            }
        }
        // With both pipes closed only the process itself can still be heard of.
        if open || wait { Poll::Pending } else { Poll::Ready(Heard::Silence) }
    }

    fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        Pin::new(&mut self.stdout).poll_next(cx).map(|item| match item? {
            Item::Stdout(chunk) | Item::Stderr(chunk) => Some(Heard::Chunk(Stream::Out, chunk)),
            Item::Done(status) => Some(Heard::Ended(status.unwrap_or_default())),
        })
    }

    fn poll_err(&mut self, cx: &mut Context<'_>) -> Poll<Option<bytes::Bytes>> {
        let Some(stderr) = &mut self.stderr else { return Poll::Ready(None) };
        let mut space = [std::mem::MaybeUninit::uninit(); 8 << 10];
        let mut buffer = ReadBuf::uninit(&mut space);
        match Pin::new(stderr).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                Poll::Ready(Some(bytes::Bytes::copy_from_slice(buffer.filled())))
            }
            Poll::Ready(_) => {
                self.stderr = None;
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn hear(&mut self, stream: Stream, chunk: &[u8]) {
        let Self { hearing, last, out, err, pace, .. } = self;
        let lines = if stream == Stream::Out { out } else { err };
        lines.feed(chunk, |line| {
            pace.lines += 1;
            hearing.line(stream, line);
            note(hearing, last, line);
        });
    }

    fn finish(&mut self, stream: Stream) {
        let Self { hearing, last, out, err, .. } = self;
        let lines = if stream == Stream::Out { out } else { err };
        lines.finish(|line| {
            hearing.fragment(stream, line);
            note(hearing, last, line);
        });
    }
}

fn note(hearing: &impl Hearing, last: &mut VecDeque<String>, line: &str) {
    const LONGEST: usize = 400;
    // The one that goes lends its memory to the one that comes.
    let mut kept =
        if last.len() == LAST_LINES { last.pop_front().unwrap_or_default() } else { String::new() };
    kept.clear();
    let line = hearing.redact(line);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => kept.push_str(&line[..end]),
        None => kept.push_str(&line),
    }
    last.push_back(kept);
}

fn describe(status: ExitStatus) -> String {
    // "exit status: 1", "signal: 9 (SIGKILL)": std's words, in ours.
    let text = status.to_string();
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => text.replacen("signal: ", "killed by signal ", 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_noticed_within_two_windows_and_its_end_too() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.lines = Pace::MANY + 1;
        assert!(!pace.is_flood(start + Pace::WINDOW / 2), "a burst is no flood yet");
        assert!(pace.is_flood(start + Pace::WINDOW));
        pace.lines = 3;
        assert!(pace.is_flood(start + Pace::WINDOW * 3 / 2));
        assert!(!pace.is_flood(start + Pace::WINDOW * 2));
    }
}
