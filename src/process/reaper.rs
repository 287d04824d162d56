//! What covers SIGKILL: a copy of ourselves that holds one end of a pipe, does nothing until the other
//! end closes with our death, then sweeps up what we left.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use super::child::waited_for;
use super::tree::Leader;
use super::{SESSION_MARK, sweep};
use crate::error::{Error, Result, io_reason};
use crate::os;

/// A running reaper. It acts when the pipe to it closes, by [`Reaper::finish`] or by our death.
#[derive(Debug)]
pub struct Reaper(Child);

impl Reaper {
    /// Starts the reaper of `session`. It must run before any child does.
    pub fn start(session: &str) -> Result<Self> {
        let failed = |error: &std::io::Error| {
            Error::failed("process.reaper", format!("start mcpgw's own reaper: {}", io_reason(error)))
        };
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let mut command = Command::new(program);
        command.args(["__reap", session]).env_remove(SESSION_MARK);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // It must not keep the user's folder busy.
        command.current_dir(std::env::temp_dir());
        os::detach(&mut command);
        let child = command.spawn().map_err(|error| failed(&error))?;
        waited_for(child.id(), true);
        Ok(Self(child))
    }

    /// Tells it of a child, so that it finds what that child started even where the mark was wiped.
    pub fn watch(&mut self, child: &super::Child) {
        if let (Some(pipe), Some(process)) = (&mut self.0.stdin, os::process(child.pid)) {
            let _ = writeln!(pipe, "{} {}", process.pid, process.start);
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Lets it sweep now, and waits until it has.
    pub fn finish(mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// The reaper's whole life.
pub fn reap(session: &str) {
    let lines = std::io::stdin().lines().map_while(std::result::Result::ok);
    let children: Vec<Leader> = lines.filter_map(|line| leader(&line)).collect();
    sweep(session, &children);
}

/// `PID START`
fn leader(line: &str) -> Option<Leader> {
    let (pid, start) = line.split_once(' ')?;
    Some(Leader { pid: pid.parse().ok()?, start: start.parse().ok()? })
}
