//! A program that the person at the terminal watches: it has our terminal and our group, so that Ctrl-C
//! reaches it too.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr};
use tokio::time::timeout;

use super::Spec;
use super::child::cannot_start;
use crate::error::{Error, Result};
use crate::os::{self, Interruption, Signal, Termination};

/// After its end, how long the last of what it said may take: what it started may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// How long it may take to end when we are to.
const GRACE: Duration = Duration::from_secs(3);
/// How much of the end of what it said is kept, in bytes.
const KEPT: usize = 16 << 10;

/// Runs it to its end: how it ended, and the end of what it wrote to standard error. With `pass_on` that
/// comes through us; without, the program has that stream to itself and the text is empty.
pub async fn foreground(spec: &Spec, pass_on: Option<fn(&[u8])>) -> Result<(ExitStatus, String)> {
    let mut command = spec.command();
    command.kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| (spec.scrub)(name) || super::SECRET.contains(&name)) {
            command.env_remove(name);
        }
    }
    command.envs(spec.set.iter().map(|(name, value)| (name, value)));
    command.stderr(if pass_on.is_some() { Stdio::piped() } else { Stdio::inherit() });
    let failed = |error: std::io::Error| Error::failed("process.wait", format!("wait for it: {error}"));
    let mut termination = Termination::listen().map_err(failed)?;
    let mut child = command.spawn().map_err(|error| cannot_start(spec, &error))?;
    let mut ear = Ear { stderr: child.stderr.take(), pass_on: pass_on.unwrap_or(|_| ()), said: vec![] };
    let status = tokio::select! {
        status = hear(&mut child, &mut ear) => status.map_err(failed)?,
        how = ended(&mut termination) => {
            end(&mut child).await;
            let program = spec.program.to_string_lossy();
            return Err(Error::failed("process.interrupted", format!("run `{program}` to its end: {how}")));
        }
    };
    let _ = timeout(LAST_WORDS, ear.listen()).await;
    Ok((status, String::from_utf8_lossy(&ear.said).into_owned()))
}

/// Its end, by waiting for the process and not for the end of its pipe.
async fn hear(child: &mut Child, ear: &mut Ear) -> std::io::Result<ExitStatus> {
    tokio::select! {
        status = child.wait() => return status,
        () = ear.listen() => {}
    }
    child.wait().await
}

async fn ended(termination: &mut Termination) -> &'static str {
    loop {
        if let Interruption::End(how) = termination.next().await {
            return how;
        }
    }
}

async fn end(child: &mut Child) {
    if let Some(pid) = child.id() {
        os::signal_process(pid, Signal::Term);
    }
    if timeout(GRACE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}

struct Ear {
    stderr: Option<ChildStderr>,
    pass_on: fn(&[u8]),
    said: Vec<u8>,
}

impl Ear {
    /// Until the stream's end.
    async fn listen(&mut self) {
        let Some(stderr) = &mut self.stderr else { return };
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut chunk).await {
            (self.pass_on)(&chunk[..count]);
            self.said.extend_from_slice(&chunk[..count]);
            let surplus = self.said.len().saturating_sub(KEPT);
            self.said.drain(..surplus);
        }
    }
}
