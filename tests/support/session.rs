//! A running `mcpgw tunnel`: its events as they come, its processes, its end.

use std::{
    process::ExitStatus,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;

use super::{
    child::{Child, TimedOut},
    processes::{Process, survivors, sweep, wait_for_none},
    wait_for,
};

/// How long an event may take, unless the test says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// A session that runs; dropping it kills it with everything that it started.
pub struct Session {
    child: Child,
    /// Each line of standard output; what is no JSON is a string.
    events: Vec<Value>,
    /// Of `events`, those that no `expect` has passed yet start here.
    next: usize,
    marker: String,
}

impl Session {
    pub(super) fn new(child: Child, marker: String) -> Self {
        Self { child, events: Vec::new(), next: 0, marker }
    }

    /// Waits for the next event of this name after the last one expected, at most 30 s; those between are
    /// passed over.
    ///
    /// # Panics
    /// In time, or when the session ends before; with all events and standard error.
    pub fn expect(&mut self, name: &str) -> Value {
        self.expect_within(name, PATIENCE)
    }

    /// `expect` with a deadline of its own.
    pub fn expect_within(&mut self, name: &str, deadline: Duration) -> Value {
        self.expect_where(&format!("event `{name}`"), deadline, |event| {
            assert!(event.is_object(), "a line of --json is no JSON object: {event}");
            event["event"] == name
        })
    }

    /// `expect` for any condition. Lines that are no JSON (people's output) come as strings.
    pub fn expect_where(&mut self, what: &str, deadline: Duration, fits: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + deadline;
        loop {
            while self.next < self.events.len() {
                self.next += 1;
                let event = &self.events[self.next - 1];
                if fits(event) {
                    return event.clone();
                }
            }
            match self.child.line(end) {
                Ok(Some(line)) => self.keep(line),
                Ok(None) => panic!("it ended without {what}\n{}", self.transcript()),
                Err(TimedOut) => panic!("no {what} within {deadline:?}\n{}", self.transcript()),
            }
        }
    }

    /// All events so far.
    pub fn events(&mut self) -> &[Value] {
        while let Some(line) = self.child.line_at_hand() {
            self.keep(line);
        }
        &self.events
    }

    /// How many events of this name there were.
    pub fn count(&mut self, name: &str) -> usize {
        self.events().iter().filter(|event| event["event"] == name).count()
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        self.child.stderr()
    }

    /// Writes to its standard input.
    pub fn write(&mut self, text: &str) {
        self.child.write(text.as_bytes());
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Sends a signal to `mcpgw` alone.
    pub fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    /// Every live process of this session: `mcpgw` while it runs, and all that it started, detached or not.
    pub fn survivors(&self) -> Vec<Process> {
        survivors(&self.marker)
    }

    /// The one process of this session, other than `mcpgw` itself, whose command line holds `needle`: `bin/lt `,
    /// `gateway.cjs`.
    ///
    /// # Panics
    /// When there is none within 5 s, or more than one.
    pub fn process(&self, needle: &str) -> Process {
        let found = wait_for(&format!("a process `{needle}`"), Duration::from_secs(5), || {
            let mut found = self.survivors();
            found.retain(|process| process.pid != self.pid() && process.command.contains(needle));
            (!found.is_empty()).then_some(found)
        });
        assert_eq!(found.len(), 1, "more than one `{needle}`: {found:#?}");
        found.into_iter().next().unwrap()
    }

    /// SIGTERM; gives the exit status, and looks that nothing lives on.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let status = self.wait();
        self.leaves_nothing();
        status
    }

    /// Waits for its end, at most 30 s.
    pub fn wait(&mut self) -> ExitStatus {
        let events = &mut self.events;
        match self.child.exit(Instant::now() + PATIENCE, |line| events.push(parse(&line))) {
            Ok(status) => status,
            Err(TimedOut) => panic!("it did not end within {PATIENCE:?}\n{}", self.transcript()),
        }
    }

    /// SIGKILL to `mcpgw` alone, as a crash would: its children are its reaper's business.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Waits until no process of this session lives, at most 2 s.
    pub fn leaves_nothing(&self) {
        wait_for_none(&self.marker);
    }

    /// Everything it said, for a failure's message.
    pub fn transcript(&mut self) -> String {
        let events: String = self.events().iter().map(|event| format!("{event}\n")).collect();
        format!("--- events:\n{events}{}", self.child.words())
    }

    fn keep(&mut self, line: String) {
        self.events.push(parse(&line));
    }
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| Value::String(line.to_owned()))
}

impl Drop for Session {
    fn drop(&mut self) {
        self.child.kill();
        sweep(&self.marker);
    }
}
