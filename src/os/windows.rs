//! Windows: trees are ended by taskkill, files are private by the profile's own access list.
//! Not run by our CI.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use super::{Interruption, Process, Signal};

const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;

/// A process group of its own, so that our Ctrl-C misses it.
pub fn own_session(command: &mut tokio::process::Command) {
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

/// The same for a helper that must outlive us.
pub fn detach(command: &mut Command) {
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

/// Ends one process; there is no polite way to ask a console process here.
pub fn signal_process(pid: u32, signal: Signal) {
    if signal != Signal::Continue {
        quiet("taskkill", &["/F", "/PID", &pid.to_string()]);
    }
}

/// Ends a process and all it started.
pub fn signal_group(leader: u32, signal: Signal) {
    if signal != Signal::Continue {
        quiet("taskkill", &["/T", "/F", "/PID", &leader.to_string()]);
    }
}

/// See the other systems: here nothing tells.
pub async fn reader_left() {
    std::future::pending().await
}

/// Windows has no orphans to adopt.
pub fn adopt_orphans() {}

/// Windows has no zombies.
pub fn reap_orphans(_waited_for: impl Fn(u32) -> bool) {}

/// The command line that hands `script` to the user's shell language.
pub fn shell(script: &str) -> (&'static str, [&str; 2]) {
    ("cmd", ["/C", script])
}

/// The commands that make Windows trust a CA certificate for this user. It asks in a window of its own.
pub fn trust_steps(pem: &Path, _attended: bool) -> Vec<Vec<String>> {
    let add = ["certutil", "-addstore", "-user", "Root", &pem.display().to_string()];
    vec![add.map(String::from).to_vec()]
}

/// The same, backwards.
pub fn untrust_steps(_: &Path, _attended: bool) -> Vec<Vec<String>> {
    vec![["certutil", "-delstore", "-user", "Root", "mcpgw local CA"].map(String::from).to_vec()]
}

/// Creates a folder below the user's profile, which others cannot read.
pub fn private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Options for a file below the user's profile.
pub fn private_options() -> OpenOptions {
    OpenOptions::new()
}

/// Access lists are inherited from the folder.
pub fn keep_mode(_from: &Path, _to: &Path) -> io::Result<()> {
    Ok(())
}

/// Sets when a file or a folder was last changed. Folders are opened by special request only.
pub fn touch(path: &Path, when: SystemTime) -> io::Result<()> {
    const WRITE_ATTRIBUTES: u32 = 0x0100;
    const BACKUP_SEMANTICS: u32 = 0x0200_0000;
    let mut options = OpenOptions::new();
    options.access_mode(WRITE_ATTRIBUTES).custom_flags(BACKUP_SEMANTICS).open(path)?.set_modified(when)
}

/// Exchanges two files of one folder at once, which this system cannot.
pub fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Access lists are inherited from the folder.
pub fn ordinary_mode(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// All processes we may see.
pub fn processes() -> Vec<Process> {
    let output = Command::new("tasklist").args(["/FO", "CSV", "/NH"]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut columns = line.trim_matches('"').split("\",\"");
            let name = columns.next()?.to_string();
            Some(Process {
                pid: columns.next()?.parse().ok()?,
                parent: 0,
                session: 0,
                start: 0,
                name,
                zombie: false,
                stopped: false,
            })
        })
        .collect()
}

/// One process, if it lives.
pub fn process(pid: u32) -> Option<Process> {
    processes().into_iter().find(|process| process.pid == pid)
}

/// Another process's environment is not readable here.
pub fn carries(_pid: u32, _variable: &str) -> bool {
    false
}

/// Only its name is known here.
pub fn arguments(pid: u32) -> Vec<String> {
    process(pid).map(|process| process.name).into_iter().collect()
}

/// Another process's environment is not readable here.
pub fn environment(_pid: u32) -> Option<Vec<String>> {
    None
}

/// The process that listens on a TCP port.
pub fn listener_on(port: u16) -> Option<Process> {
    let (_, pid) = listeners().into_iter().find(|(at, _)| *at == port)?;
    process(pid)
}

/// The TCP ports that these processes listen on.
pub fn listening_ports(pids: &[u32]) -> Vec<u16> {
    let held = listeners().into_iter().filter(|(_, pid)| pids.contains(pid));
    held.map(|(port, _)| port).collect::<BTreeSet<_>>().into_iter().collect()
}

/// `(port, pid)` of every listening socket.
fn listeners() -> Vec<(u16, u32)> {
    let Ok(output) = Command::new("netstat").args(["-ano", "-p", "TCP"]).output() else { return vec![] };
    let text = String::from_utf8_lossy(&output.stdout);
    let row = |line: &str| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let port = columns.get(1)?.rsplit(':').next()?.parse().ok()?;
        (*columns.get(3)? == "LISTENING").then(|| Some((port, columns.get(4)?.parse().ok()?))).flatten()
    };
    text.lines().filter_map(row).collect()
}

/// Access lists are too much to tell; a write will.
pub fn may_write(_: &Path) -> bool {
    true
}

/// Nobody asks the system here.
pub fn free_space(_: &Path) -> Option<u64> {
    None
}

/// There are no modes here.
pub fn mode(_: &Path) -> Option<u32> {
    None
}

/// The profile's own access list keeps others out.
pub fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The profile's own access list keeps others out.
pub fn others_can_read(_: &Path) -> bool {
    false
}

/// Nothing to remember: keys are read one by one here, and the terminal's modes never change.
#[derive(Debug, Clone)]
pub struct TerminalModes;

impl TerminalModes {
    /// As they are now.
    pub fn remember() -> Self {
        Self
    }

    /// Sets them again.
    pub fn restore(&self) {}
}

/// Requests to end: Ctrl-C, Ctrl-Break, the window closing.
#[derive(Debug)]
pub struct Termination {
    interrupt: tokio::signal::windows::CtrlC,
    abort: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
}

impl Termination {
    /// Takes over the signals.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: tokio::signal::windows::ctrl_c()?,
            abort: tokio::signal::windows::ctrl_break()?,
            close: tokio::signal::windows::ctrl_close()?,
        })
    }

    /// Waits for the next of them.
    pub async fn next(&mut self) -> Interruption {
        tokio::select! {
            _ = self.interrupt.recv() => Interruption::End("interrupted"),
            _ = self.abort.recv() => Interruption::End("terminated"),
            _ = self.close.recv() => Interruption::End("hung up"),
        }
    }
}

/// Ctrl-Z does not suspend here.
#[derive(Debug)]
pub struct Suspension;

impl Suspension {
    /// Nothing to take over.
    pub fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    /// Never.
    pub async fn next(&mut self) {
        std::future::pending().await
    }

    /// Nothing.
    pub fn suspend() {}
}

/// There is no exec here: runs the program, waits for it, and gives its exit code.
pub fn become_program(command: &mut Command) -> io::Result<i32> {
    command.status().map(|status| status.code().unwrap_or(1))
}

/// The exit code, as far as it fits.
pub fn exit_code(status: std::process::ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Is this open file still the one at `path`? A log that was turned over begins anew, and so is shorter.
pub fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => there.len() >= open.len(),
        _ => false,
    }
}

fn quiet(program: &str, args: &[&str]) {
    let _ = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
}
