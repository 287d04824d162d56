//! Linux: who runs, who owns a port, read from /proc (proc(5)).

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Process;

/// All processes we may see.
pub fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return vec![] };
    entries.flatten().filter_map(|entry| process(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// One process, if it lives.
pub fn process(pid: u32) -> Option<Process> {
    parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Waits until that very process has ended, woken by the kernel (pidfd_open(2)); false when it outlives
/// `limit`.
pub fn wait_for_end(process: &Process, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    let same = || self::process(process.pid).is_some_and(|now| now.start == process.start && !now.zombie);
    let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
    let fd = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    // The id may have been given away before it was opened; from here on it cannot be.
    while same() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        match &fd {
            Some(fd) => {
                let left =
                    Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
                let _ = poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&left));
            }
            // Kernels before 5.3, and sandboxes that forbid the call.
            None => std::thread::sleep(Duration::from_millis(20).min(left)),
        }
    }
    true
}

/// Was it started with exactly this `NAME=value` in its environment?
pub fn carries(pid: u32, variable: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == variable.as_bytes()))
}

/// Its arguments, the program first.
pub fn arguments(pid: u32) -> Vec<String> {
    split(fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default())
}

/// The variables it was started with, each a `NAME=value`. `None` where we may not see them.
pub fn environment(pid: u32) -> Option<Vec<String>> {
    fs::read(format!("/proc/{pid}/environ")).ok().map(split)
}

fn split(joined: Vec<u8>) -> Vec<String> {
    let parts = joined.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

/// The process that listens on a TCP port of loopback or of every address.
pub fn listener_on(port: u16) -> Option<Process> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| listeners(table)).filter(|(at, _)| *at == port);
    let wanted: Vec<String> = rows.map(|(_, inode)| format!("socket:[{inode}]")).collect();
    if wanted.is_empty() {
        return None;
    }
    processes().into_iter().find(|process| sockets(process.pid).any(|socket| wanted.contains(&socket)))
}

/// The TCP ports that these processes listen on.
pub fn listening_ports(pids: &[u32]) -> Vec<u16> {
    let held: HashSet<String> = pids.iter().flat_map(|pid| sockets(*pid)).collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| listeners(table));
    let ports: BTreeSet<u16> =
        rows.filter(|(_, inode)| held.contains(&format!("socket:[{inode}]"))).map(|(port, _)| port).collect();
    ports.into_iter().collect()
}

/// What a process has open that is a socket.
fn sockets(pid: u32) -> impl Iterator<Item = String> {
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    fds.filter_map(|fd| fs::read_link(fd.path()).ok()?.into_os_string().into_string().ok())
}

/// `(port, inode)` of every listening socket in `/proc/net/tcp`: sl, local address, remote address, state,
/// …, the tenth column the inode.
fn listeners(table: &str) -> impl Iterator<Item = (u16, &str)> {
    table.lines().skip(1).filter_map(|line| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, port) = columns.get(1)?.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        (*columns.get(3)? == LISTEN).then_some((port, *columns.get(9)?))
    })
}

const LISTEN: &str = "0A";

/// `/proc/PID/stat`: the name stands in brackets and may hold anything, so count from the last bracket.
fn parse_stat(pid: u32, stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_string();
    let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
    Some(Process {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
        name,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        stopped: matches!(*fields.first()?, "T" | "t"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_columns() {
        let stat = "42 (a) b (c) S 7 42 43 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 1 1";
        let process = parse_stat(42, stat).unwrap();
        assert_eq!((process.parent, process.session), (7, 43));
        assert_eq!((process.start, process.name.as_str()), (98765, "a) b (c"));
        assert!(!process.zombie);
    }

    #[test]
    fn only_listening_sockets_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:0BB9 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 111 1\n\
            1: 0100007F:0BB9 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1\n";
        assert_eq!(listeners(table).collect::<Vec<_>>(), [(3001, "222")]);
    }

    #[test]
    fn this_process_is_found_by_its_own_listener() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(listener_on(port).unwrap().pid, std::process::id());
        assert!(listening_ports(&[std::process::id()]).contains(&port));
        assert!(!listening_ports(&[1]).contains(&port));
    }
}
