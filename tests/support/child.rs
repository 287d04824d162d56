//! A child process whose end is an event and whose words are kept; it dies with its owner.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child as StdChild, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// After a child's end, how long its last lines may take: somebody else may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How much of the end of standard error a failure shows, in bytes.
const SHOWN: usize = 16 << 10;

/// What a child does.
enum Said {
    /// A line of standard output, without its end.
    Line(String),
    /// The end of standard output or standard error.
    Closed,
    /// The process ended; it is not yet reaped, so its id is still its own.
    Exited,
}

/// A running program: its standard output comes line by line, its standard error is collected.
pub struct Child {
    child: StdChild,
    status: Option<ExitStatus>,
    said: Receiver<Said>,
    /// Of its two outputs.
    open: u8,
    exited: bool,
    stderr: Arc<Mutex<Vec<u8>>>,
    title: String,
}

impl Child {
    /// Starts it, with an open pipe as its standard input.
    pub fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let title = format!("{command:?}").chars().take(500).collect();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {title}: {error}"));
        let (sender, said) = channel();
        let stderr = Arc::new(Mutex::new(Vec::new()));
        collect(child.stderr.take().unwrap(), stderr.clone(), sender.clone());
        send_lines(child.stdout.take().unwrap(), sender.clone());
        send_exit(Pid::from_child(&child), sender);
        Self { child, status: None, said, open: 2, exited: false, stderr, title }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input. A child that no longer reads is no error here: its end tells more.
    pub fn write(&mut self, bytes: &[u8]) {
        if let Some(stdin) = &mut self.child.stdin {
            let _ = stdin.write_all(bytes).and_then(|()| stdin.flush());
        }
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    /// What it wrote to standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap()).into_owned()
    }

    /// The command line and standard error, for a failure's message.
    pub fn words(&self) -> String {
        let stderr = self.stderr.lock().unwrap();
        let shown = String::from_utf8_lossy(&stderr[stderr.len().saturating_sub(SHOWN)..]);
        let end = self.status.map_or(String::new(), |status| format!("\n--- it ended: {status}"));
        format!("--- {}\n--- standard error:\n{shown}{end}", self.title)
    }

    /// Its next line; `None` when it has ended and there is no more.
    pub fn line(&mut self, end: Instant) -> Result<Option<String>, TimedOut> {
        let mut end = end;
        while self.open > 0 || !self.exited {
            match self.said.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Said::Line(line)) => return Ok(Some(line)),
                Ok(Said::Closed) => self.open -= 1,
                Ok(Said::Exited) => {
                    self.exited = true;
                    end = Instant::now() + LAST_WORDS;
                }
                Err(_) if self.exited => self.open = 0,
                Err(_) => return Err(TimedOut),
            }
        }
        Ok(None)
    }

    /// A line that came already.
    pub fn line_at_hand(&mut self) -> Option<String> {
        self.line(Instant::now()).ok().flatten()
    }

    /// Its exit status, once it has one. Lines that come meanwhile go to `keep`.
    pub fn exit(&mut self, end: Instant, mut keep: impl FnMut(String)) -> Result<ExitStatus, TimedOut> {
        while let Some(line) = self.line(end)? {
            keep(line);
        }
        let status = self.child.wait().unwrap();
        self.status = Some(status);
        Ok(status)
    }

    /// Sends a signal, unless it was reaped.
    pub fn signal(&self, signal: Signal) {
        if self.status.is_none() {
            // An error means that it is already dead, which every caller is content with.
            let _ = kill_process(Pid::from_child(&self.child), signal);
        }
    }

    /// SIGKILL, and reaped.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        if self.status.is_none() {
            self.status = self.child.wait().ok();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A deadline passed.
#[derive(Debug)]
pub struct TimedOut;

fn collect(mut stderr: impl Read + Send + 'static, into: Arc<Mutex<Vec<u8>>>, sender: Sender<Said>) {
    thread::spawn(move || {
        let mut chunk = [0; 8192];
        while let Ok(count @ 1..) = stderr.read(&mut chunk) {
            into.lock().unwrap().extend_from_slice(&chunk[..count]);
        }
        let _ = sender.send(Said::Closed);
    });
}

fn send_lines(stdout: impl Read + Send + 'static, sender: Sender<Said>) {
    thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n') {
            let Ok(line) = line else { break };
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            let _ = sender.send(Said::Line(line));
        }
        let _ = sender.send(Said::Closed);
    });
}

fn send_exit(pid: Pid, sender: Sender<Said>) {
    thread::spawn(move || {
        // NOWAIT leaves the zombie, and with it the id, to the owner.
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let _ = sender.send(Said::Exited);
    });
}
