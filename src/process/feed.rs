//! A program that takes something on standard input and is done: a clipboard's.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::error::io_reason;
use crate::os;

/// Runs it with this input; why it failed, as words that follow its name.
pub fn feed(program: &OsStr, args: &[&str], input: &[u8]) -> Result<(), String> {
    const LIMIT: Duration = Duration::from_secs(3);
    let mut command = Command::new(program);
    // What stays behind to serve the clipboard must not hold our caller's pipes open.
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let failed = |error: std::io::Error| format!("failed: {}", io_reason(&error));
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends before it has read everything tells so by its exit status.
        let _ = stdin.write_all(input);
    }
    if os::process(child.id()).is_some_and(|process| !os::wait_for_end(&process, LIMIT)) {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("did not end within {LIMIT:?}"));
    }
    match child.wait().map_err(failed)? {
        status if status.success() => Ok(()),
        status => Err(format!("failed: {status}")),
    }
}
