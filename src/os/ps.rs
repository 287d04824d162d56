//! macOS and the BSDs: who runs, read from ps(1); who listens, from lsof(8). Not run by our CI.

use std::collections::BTreeSet;
use std::process::Command;

use super::Process;

/// All processes we may see.
pub fn processes() -> Vec<Process> {
    run("ps", &["-axo", "pid=,ppid=,pgid=,stat=,lstart=,comm="]).lines().filter_map(parse_ps).collect()
}

/// One process, if it lives.
pub fn process(pid: u32) -> Option<Process> {
    processes().into_iter().find(|process| process.pid == pid)
}

/// Was it started with exactly this `NAME=value` in its environment?
pub fn carries(pid: u32, variable: &str) -> bool {
    run("ps", &["-Eww", "-o", "command=", "-p", &pid.to_string()])
        .split_ascii_whitespace()
        .any(|one| one == variable)
}

/// Its arguments, the program first; one with a space in it comes as two.
pub fn arguments(pid: u32) -> Vec<String> {
    run("ps", &["-ww", "-o", "command=", "-p", &pid.to_string()])
        .split_ascii_whitespace()
        .map(Into::into)
        .collect()
}

/// ps(1) does not tell where the arguments end and the variables begin.
pub fn environment(_pid: u32) -> Option<Vec<String>> {
    None
}

/// The process that listens on a TCP port.
pub fn listener_on(port: u16) -> Option<Process> {
    process(
        run("lsof", &["-nP", "-t", "-sTCP:LISTEN", &format!("-iTCP:{port}")]).lines().next()?.parse().ok()?,
    )
}

/// The TCP ports that these processes listen on.
pub fn listening_ports(pids: &[u32]) -> Vec<u16> {
    let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
    let rows = run("lsof", &["-nP", "-a", "-sTCP:LISTEN", "-iTCP", "-Fn", "-p", &pids.join(",")]);
    let ports = rows.lines().filter_map(|row| row.strip_prefix('n')?.rsplit(':').next()?.parse().ok());
    ports.collect::<BTreeSet<u16>>().into_iter().collect()
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).env("LC_ALL", "C").output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

/// `123 1 123 S Tue Nov 24 03:05:53 2026 /bin/name`: the five words of the start time hash to one number.
fn parse_ps(line: &str) -> Option<Process> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut words = line.split_ascii_whitespace();
    let pid = words.next()?.parse().ok()?;
    let parent = words.next()?.parse().ok()?;
    let group = words.next()?.parse().ok()?;
    let state = words.next()?;
    let (zombie, stopped) = (state.starts_with('Z'), state.starts_with('T'));
    let mut hasher = DefaultHasher::new();
    words.by_ref().take(5).for_each(|word| word.hash(&mut hasher));
    let path = words.collect::<Vec<_>>().join(" ");
    let name = path.rsplit('/').next().unwrap_or_default().to_string();
    // `sess` is a pointer there; the group is the session's own for all that make no other.
    Some(Process { pid, parent, session: group, start: hasher.finish(), name, zombie, stopped })
}
