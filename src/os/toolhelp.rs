//! Windows: who runs, who owns a port. A process's end can be waited for.

#![allow(unsafe_code, reason = "a process that is no child of ours has no handle in std")]

use std::collections::{BTreeSet, HashMap};
use std::mem::size_of;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::time::Duration;

use windows_sys::Win32::Foundation::{FILETIME, INVALID_HANDLE_VALUE, WAIT_OBJECT_0};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, MIB_TCP6ROW_OWNER_PID, MIB_TCPROW_OWNER_PID, TCP_TABLE_OWNER_PID_LISTENER,
};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE,
    TerminateProcess, WaitForSingleObject,
};

use super::Process;

/// All processes we may see.
pub fn processes() -> Vec<Process> {
    let mut all: Vec<Process> = snapshot().iter().map(read).collect();
    let starts: HashMap<u32, u64> = all.iter().map(|process| (process.pid, process.start)).collect();
    for process in &mut all {
        // A parent's id outlives the parent and is soon somebody else's, who then has started later.
        let start = starts.get(&process.parent);
        if start.is_none_or(|start| *start == 0 || *start > process.start) {
            process.parent = 0;
        }
    }
    all
}

fn snapshot() -> Vec<PROCESSENTRY32W> {
    let size = u32::try_from(size_of::<PROCESSENTRY32W>()).unwrap_or_default();
    let mut entry = PROCESSENTRY32W { dwSize: size, ..Default::default() };
    let mut entries = vec![];
    // SAFETY: the snapshot is ours alone; the entry says its own size.
    unsafe {
        let snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
        if snapshot == INVALID_HANDLE_VALUE {
            return entries;
        }
        let snapshot = OwnedHandle::from_raw_handle(snapshot);
        let mut there = Process32FirstW(snapshot.as_raw_handle(), &raw mut entry);
        while there != 0 {
            entries.push(entry);
            there = Process32NextW(snapshot.as_raw_handle(), &raw mut entry);
        }
    }
    entries
}

fn read(entry: &PROCESSENTRY32W) -> Process {
    let name = entry.szExeFile.split(|unit| *unit == 0).next().unwrap_or_default();
    Process {
        pid: entry.th32ProcessID,
        parent: entry.th32ParentProcessID,
        session: 0,
        start: start(entry.th32ProcessID),
        name: String::from_utf16_lossy(name),
        zombie: false,
        stopped: false,
    }
}

/// In tenths of a microsecond since 1601; zero where we may not know.
fn start(pid: u32) -> u64 {
    let Some(handle) = open(pid, PROCESS_QUERY_LIMITED_INFORMATION) else { return 0 };
    let [mut made, mut ended, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: the handle is open; all four places are there to be written to.
    unsafe {
        GetProcessTimes(
            handle.as_raw_handle(),
            &raw mut made,
            &raw mut ended,
            &raw mut kernel,
            &raw mut user,
        );
    }
    u64::from(made.dwHighDateTime) << 32 | u64::from(made.dwLowDateTime)
}

/// One process, if it lives.
pub fn process(pid: u32) -> Option<Process> {
    processes().into_iter().find(|process| process.pid == pid)
}

/// Waits until that very process has ended, woken by the kernel; false when it outlives `limit`.
pub fn wait_for_end(process: &Process, limit: Duration) -> bool {
    let Some(handle) = open(process.pid, PROCESS_SYNCHRONIZE) else { return !lives(process) };
    // From here on its id is given to nobody else; before, it may have been.
    if !lives(process) {
        return true;
    }
    let limit = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX - 1);
    // SAFETY: the handle is open until the end of this function.
    unsafe { WaitForSingleObject(handle.as_raw_handle(), limit) == WAIT_OBJECT_0 }
}

fn lives(process: &Process) -> bool {
    self::process(process.pid).is_some_and(|now| now.start == process.start)
}

/// Ends a process at once; one that is gone is no error.
pub(super) fn kill(pid: u32) {
    if let Some(handle) = open(pid, PROCESS_TERMINATE) {
        // SAFETY: the handle is open.
        unsafe { TerminateProcess(handle.as_raw_handle(), 1) };
    }
}

/// The same with everything that descends from it.
pub(super) fn kill_tree(root: u32) {
    let all = processes();
    let mut family = vec![root];
    let mut at = 0;
    while let Some(parent) = family.get(at).copied() {
        family.extend(all.iter().filter(|process| process.parent == parent).map(|process| process.pid));
        at += 1;
    }
    family.into_iter().for_each(kill);
}

fn open(pid: u32, access: u32) -> Option<OwnedHandle> {
    // SAFETY: the call takes numbers only; what it gives is a handle of ours alone, or null.
    unsafe {
        let handle = OpenProcess(access, 0, pid);
        (!handle.is_null()).then(|| OwnedHandle::from_raw_handle(handle))
    }
}

/// Asked of every process of the machine this would take seconds. Who belongs to us is told by parentage and,
/// at the end, by the job that [`super::adopt_orphans`] makes.
pub fn carries(_pid: u32, _variable: &str) -> bool {
    false
}

/// Only its name is known here.
pub fn arguments(pid: u32) -> Vec<String> {
    process(pid).map(|process| process.name).into_iter().collect()
}

/// Another process's environment is its own here.
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
    let four = table::<MIB_TCPROW_OWNER_PID>(AF_INET).into_iter();
    let six = table::<MIB_TCP6ROW_OWNER_PID>(AF_INET6).into_iter();
    let all = four
        .map(|row| (row.dwLocalPort, row.dwOwningPid))
        .chain(six.map(|row| (row.dwLocalPort, row.dwOwningPid)));
    // The low half holds the port as the network has it.
    all.map(|(port, pid)| (u16::from_be_bytes([port.to_le_bytes()[0], port.to_le_bytes()[1]]), pid)).collect()
}

/// The system's table of listeners, whose rows are of kind `Row`: their number comes first.
fn table<Row: Copy>(family: u16) -> Vec<Row> {
    const HEAD: usize = size_of::<u32>();
    // Words, so that the rows, which are made of such, lie as they must.
    let mut words = vec![0_u32; 4096];
    loop {
        let room = words.len() * HEAD;
        let mut size = u32::try_from(room).unwrap_or(u32::MAX);
        // SAFETY: there is as much room as is said.
        let failed = unsafe {
            let to = words.as_mut_ptr().cast();
            GetExtendedTcpTable(to, &raw mut size, 0, family.into(), TCP_TABLE_OWNER_PID_LISTENER, 0)
        };
        let wanted = size as usize;
        match failed {
            0 => break,
            // The table has grown.
            _ if wanted > room => words.resize(wanted.div_ceil(HEAD) + 256, 0),
            _ => return vec![],
        }
    }
    let count = (words[0] as usize).min((words.len() - 1) * HEAD / size_of::<Row>());
    // SAFETY: the system has written that many rows behind their number, and all of them lie within `words`.
    unsafe { std::slice::from_raw_parts(words[1..].as_ptr().cast::<Row>(), count) }.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_by_its_own_listener() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(listener_on(port).unwrap().pid, std::process::id());
        assert!(listening_ports(&[std::process::id()]).contains(&port));
    }

    /// A child that ends when its standard input does.
    fn waiting() -> std::process::Child {
        let mut command = std::process::Command::new("cmd");
        command.args(["/C", "set /p LINE="]).stdin(std::process::Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn a_child_is_known_by_its_parent_and_its_end_is_waited_for() {
        let mut child = waiting();
        let found = process(child.id()).unwrap();
        assert_eq!(found.parent, std::process::id());
        assert!(found.start > 0);
        assert_eq!(arguments(child.id()), std::slice::from_ref(&found.name));
        assert!(!wait_for_end(&found, Duration::from_millis(50)));
        drop(child.stdin.take());
        assert!(wait_for_end(&found, Duration::from_secs(10)));
        child.wait().unwrap();
        assert!(process(child.id()).is_none());
    }

    #[test]
    fn a_killed_process_is_gone() {
        let mut child = waiting();
        kill(child.id());
        assert_eq!(child.wait().unwrap().code(), Some(1));
    }
}
