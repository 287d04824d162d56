//! Windows: console groups, jobs, files that are private by the profile's own access list.

#![allow(unsafe_code, reason = "std has no word for consoles, jobs and events")]

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::mem::size_of;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use tokio::sync::mpsc;
use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent, SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CreateEventW, EVENT_MODIFY_STATE, GetCurrentProcess, INFINITE, OpenEventW,
    SetEvent, WaitForSingleObject,
};

use super::{Interruption, Signal};

/// Does this process start its children as leaders of console groups? An event for a group that is none may
/// reach everybody at the console.
static LEADERS: AtomicBool = AtomicBool::new(false);

/// A process group of its own, so that our Ctrl-C misses it and a Ctrl-Break for it reaches its whole tree.
pub fn own_session(command: &mut tokio::process::Command) {
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
    LEADERS.store(true, Ordering::Relaxed);
}

/// The same for a helper that must outlive us.
pub fn detach(command: &mut Command) {
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

/// Signals one process; one that is gone is no error. Only another mcpgw can be asked to end (see
/// [`Termination`]); of others each end is by [`Signal::Kill`].
pub fn signal_process(pid: u32, signal: Signal) {
    match signal {
        Signal::Kill => super::toolhelp::kill(pid),
        Signal::Term | Signal::Interrupt | Signal::Hangup => ask_to_end(pid),
        Signal::Continue => {}
    }
}

/// Signals a process group; one that is gone is no error. Where it shares no console with us it cannot be asked,
/// and is ended.
pub fn signal_group(leader: u32, signal: Signal) {
    match signal {
        Signal::Kill => super::toolhelp::kill(leader),
        Signal::Term | Signal::Interrupt | Signal::Hangup => ask_group(leader),
        Signal::Continue => {}
    }
}

/// See the other systems: here nothing tells.
pub async fn reader_left() {
    std::future::pending().await
}

/// All that we start from here on ends with us, however we end: the kernel sees to it, for it is in one job with us
/// that is closed with our last handle to it, which nobody closes but our end.
pub fn adopt_orphans() {
    let size = u32::try_from(size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>()).unwrap_or_default();
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    // SAFETY: the job is ours and stays open; `limits` is of the kind and the size that is said.
    unsafe {
        let job = CreateJobObjectW(null(), null());
        let limits = (&raw const limits).cast();
        if SetInformationJobObject(job, JobObjectExtendedLimitInformation, limits, size) != 0 {
            AssignProcessToJobObject(job, GetCurrentProcess());
        }
    }
}

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

/// Access lists are too much to tell; a write will.
pub fn may_write(_: &Path) -> bool {
    true
}

/// Bytes that are left for us on the disk of this folder.
pub fn free_space(folder: &Path) -> Option<u64> {
    let folder: Vec<u16> = folder.as_os_str().encode_wide().chain([0]).collect();
    let mut free = 0;
    // SAFETY: the path ends in a zero; what is not asked for is null.
    let known = unsafe { GetDiskFreeSpaceExW(folder.as_ptr(), &raw mut free, null_mut(), null_mut()) };
    (known != 0).then_some(free)
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

/// Requests to end: Ctrl-C, Ctrl-Break, the window closing, and `mcpgw stop`, which is at another console and so
/// sets an event that is named after us.
#[derive(Debug)]
pub struct Termination {
    interrupt: tokio::signal::windows::CtrlC,
    abort: tokio::signal::windows::CtrlBreak,
    close: tokio::signal::windows::CtrlClose,
    asked: mpsc::UnboundedReceiver<()>,
    /// Without it `asked` would close when the event has come.
    _open: mpsc::UnboundedSender<()>,
}

impl Termination {
    /// Takes over the signals.
    pub fn listen() -> io::Result<Self> {
        let (tell, asked) = mpsc::unbounded_channel();
        listen_for_stop(tell.clone())?;
        Ok(Self {
            interrupt: tokio::signal::windows::ctrl_c()?,
            abort: tokio::signal::windows::ctrl_break()?,
            close: tokio::signal::windows::ctrl_close()?,
            asked,
            _open: tell,
        })
    }

    /// Waits for the next of them.
    pub async fn next(&mut self) -> Interruption {
        tokio::select! {
            _ = self.interrupt.recv() => Interruption::End("interrupted"),
            _ = self.abort.recv() => Interruption::End("terminated"),
            _ = self.close.recv() => Interruption::End("hung up"),
            Some(()) = self.asked.recv() => Interruption::End("terminated"),
        }
    }
}

/// The event by which the mcpgw with this id is asked to end. Only this user's own programs can set it.
fn stop_event(pid: u32) -> Vec<u16> {
    format!("Local\\mcpgw-stop-{pid}").encode_utf16().chain([0]).collect()
}

fn ask_group(leader: u32) {
    if !LEADERS.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: the call takes two numbers.
    if unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, leader) } == 0 {
        super::toolhelp::kill_tree(leader);
    }
}

fn ask_to_end(pid: u32) {
    // SAFETY: the name ends in a zero; the handle is ours alone.
    unsafe {
        let event = OpenEventW(EVENT_MODIFY_STATE, 0, stop_event(pid).as_ptr());
        if !event.is_null() {
            let event = OwnedHandle::from_raw_handle(event);
            SetEvent(event.as_raw_handle());
        }
    }
}

fn listen_for_stop(tell: mpsc::UnboundedSender<()>) -> io::Result<()> {
    // SAFETY: the name ends in a zero; set once, the event stays so for all who listen. The handle is ours alone.
    let event = unsafe {
        let event = CreateEventW(null(), 1, 0, stop_event(std::process::id()).as_ptr());
        if event.is_null() {
            return Err(io::Error::last_os_error());
        }
        OwnedHandle::from_raw_handle(event)
    };
    let wait = move || {
        // SAFETY: the handle is open for as long as this thread lives.
        unsafe { WaitForSingleObject(event.as_raw_handle(), INFINITE) };
        let _ = tell.send(());
    };
    std::thread::Builder::new().stack_size(64 << 10).spawn(wait).map(drop)
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

/// There is no exec here: runs the program, waits for it, and gives its exit code. The keyboard's signals are
/// its own to answer.
pub fn become_program(command: &mut Command) -> io::Result<i32> {
    unsafe extern "system" fn stay(_: u32) -> i32 {
        1
    }
    // SAFETY: `stay` touches nothing, and is there for ever.
    unsafe { SetConsoleCtrlHandler(Some(stay), 1) };
    command.status().map(|status| status.code().unwrap_or(1))
}

/// The program's file: the system looks for `.exe` only, and `npm`, `pnpm` and their kin are `.cmd`.
pub fn program<'a>(name: &'a OsStr, folder: &Path) -> Cow<'a, OsStr> {
    let found = which::which_in(name, std::env::var_os("PATH"), folder);
    found.map_or(Cow::Borrowed(name), |path| Cow::Owned(path.into_os_string()))
}

/// Is that what starting a program for another kind of machine ends in?
pub fn is_foreign(error: &io::Error) -> bool {
    const BAD_EXE_FORMAT: i32 = 193;
    error.raw_os_error() == Some(BAD_EXE_FORMAT)
}

/// The exit code, as far as it fits.
pub fn exit_code(status: std::process::ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Is this open file still the one at `path`, or was another put there?
pub fn is_at(file: &File, path: &Path) -> bool {
    let open = file.try_clone().and_then(same_file::Handle::from_file);
    matches!((open, same_file::Handle::from_path(path)), (Ok(open), Ok(there)) if open == there)
}
