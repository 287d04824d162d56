//! Unix: sessions, signals, file modes.

#![allow(unsafe_code, reason = "pre_exec: the one way to run setsid between fork and exec")]

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use rustix::fs::Mode;
use rustix::process::{Pid, Signal as Sig, WaitOptions};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use super::{Interruption, Signal};

/// Makes the command the leader of a session of its own, so that a signal from our terminal misses it
/// and one to its group reaches its whole tree.
pub fn own_session(command: &mut tokio::process::Command) {
    // SAFETY: setsid(2) is async-signal-safe and touches no memory of the parent.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(io::Error::from));
    }
}

/// The same for a helper that must outlive us.
pub fn detach(command: &mut Command) {
    // SAFETY: as above.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(io::Error::from));
    }
}

/// Signals one process; one that is gone is no error.
pub fn signal_process(pid: u32, signal: Signal) {
    if let Some(pid) = to_pid(pid) {
        let _ = rustix::process::kill_process(pid, to_signal(signal));
    }
}

/// Signals a process group; one that is gone is no error.
pub fn signal_group(leader: u32, signal: Signal) {
    if let Some(pid) = to_pid(leader) {
        let _ = rustix::process::kill_process_group(pid, to_signal(signal));
    }
}

/// Ends when nobody will ever read our standard output any more; never where it is a file or a terminal.
pub async fn reader_left() {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdout = io::stdout();
    let kind = rustix::fs::fstat(&stdout).map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode));
    if !matches!(kind, Ok(rustix::fs::FileType::Fifo | rustix::fs::FileType::Socket)) {
        return std::future::pending().await;
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    // A thread of its own: the runtime's reactor tells of a broken pipe only together with room in it.
    let watch = std::thread::Builder::new().stack_size(64 << 10).spawn(move || {
        let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        loop {
            let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
            match poll(&mut fds, None) {
                Ok(_) if fds[0].revents().intersects(gone) => break,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
        let _ = tell.send(());
    });
    if watch.is_err() || told.await.is_err() {
        std::future::pending().await
    }
}

/// Orphans of our children become ours instead of init's, so that the sweep finds them (Linux only).
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Waits for adopted orphans that have ended. Those that are `waited_for` are left to whoever does.
pub fn reap_orphans(waited_for: impl Fn(u32) -> bool) {
    let me = std::process::id();
    for orphan in super::processes() {
        if orphan.zombie
            && orphan.parent == me
            && !waited_for(orphan.pid)
            && let Some(pid) = to_pid(orphan.pid)
        {
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
}

/// The command line that hands `script` to the user's shell language.
pub fn shell(script: &str) -> (&'static str, [&str; 2]) {
    ("sh", ["-c", script])
}

/// Where Linux distributions keep the CAs that their users add, and what takes notice of a new one (Debian
/// and Alpine, Fedora, Arch, openSUSE).
const STORES: [(&str, &[&str]); 4] = [
    ("/usr/local/share/ca-certificates", &["update-ca-certificates"]),
    ("/etc/pki/ca-trust/source/anchors", &["update-ca-trust", "extract"]),
    ("/etc/ca-certificates/trust-source/anchors", &["trust", "extract-compat"]),
    ("/usr/share/pki/trust/anchors", &["update-ca-certificates"]),
];

/// The commands that make the whole system trust a CA certificate: each a program and its arguments. Where a
/// password is needed and nobody is `attended` to type it, they fail instead of waiting.
pub fn trust_steps(pem: &Path, attended: bool) -> Vec<Vec<String>> {
    let pem = pem.display().to_string();
    if cfg!(target_os = "macos") {
        let add = ["security", "add-trusted-cert", "-r", "trustRoot", "-k", &login_keychain(), &pem];
        return vec![add.map(String::from).to_vec()];
    }
    let (file, update) = store();
    vec![as_root(&["install", "-m", "0644", &pem, &file], attended), as_root(update, attended)]
}

/// The same, backwards.
pub fn untrust_steps(pem: &Path, attended: bool) -> Vec<Vec<String>> {
    if cfg!(target_os = "macos") {
        let remove = ["security", "remove-trusted-cert", &pem.display().to_string()];
        return vec![remove.map(String::from).to_vec()];
    }
    let (file, update) = store();
    vec![as_root(&["rm", "-f", &file], attended), as_root(update, attended)]
}

fn login_keychain() -> String {
    dirs::home_dir().unwrap_or_default().join("Library/Keychains/login.keychain-db").display().to_string()
}

fn store() -> (String, &'static [&'static str]) {
    let here = STORES.iter().find(|(folder, _)| Path::new(folder).is_dir()).unwrap_or(&STORES[0]);
    (format!("{}/mcpgw-ca.crt", here.0), here.1)
}

fn as_root(command: &[&str], attended: bool) -> Vec<String> {
    let sudo: &[&str] = match (rustix::process::geteuid().is_root(), attended) {
        (true, _) => &[],
        (false, true) => &["sudo"],
        (false, false) => &["sudo", "-n"],
    };
    sudo.iter().chain(command).map(ToString::to_string).collect()
}

/// Creates a folder, and those above it, that only the user can enter (0700).
pub fn private_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Options that create a file only the user can read (0600).
pub fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Gives `to` the owner and the mode of `from`.
pub fn keep_mode(from: &Path, to: &Path) -> io::Result<()> {
    let (old, new) = (fs::metadata(from)?, fs::metadata(to)?);
    if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
        std::os::unix::fs::chown(to, Some(old.uid()), Some(old.gid()))?;
    }
    fs::set_permissions(to, old.permissions())
}

/// Sets when a file or a folder was last changed.
pub fn touch(path: &Path, when: SystemTime) -> io::Result<()> {
    File::open(path)?.set_modified(when)
}

/// Exchanges two files of one folder at once. `Unsupported` where the system or the file system cannot.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).map_err(|error| match error {
        Errno::INVAL | Errno::NOSYS | Errno::NOTSUP => io::ErrorKind::Unsupported.into(),
        error => error.into(),
    })
}

/// Exchanges two files of one folder at once, which this system cannot.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Gives a new file the mode the umask asks for; temporary files are born 0600.
pub fn ordinary_mode(path: &Path) -> io::Result<()> {
    // umask(2) can only be read by setting it.
    let mask = rustix::process::umask(Mode::from_raw_mode(0o022));
    rustix::process::umask(mask);
    Ok(rustix::fs::chmod(path, Mode::from_raw_mode(0o666).difference(mask))?)
}

/// The permission bits of a file or a folder, links followed.
pub fn mode(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|found| found.permissions().mode() & 0o7777)
}

/// May we make files in this folder? Asks; makes none.
pub fn may_write(folder: &Path) -> bool {
    use rustix::fs::{Access, access};
    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Bytes that are left for us on the disk of this folder.
pub fn free_space(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// Takes the group's and everybody else's permissions away.
pub fn make_private(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o700;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Can others than its owner read the file?
pub fn others_can_read(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o044 != 0)
}

/// How our terminal is set: whether it shows what is typed, for one.
#[derive(Debug, Clone)]
pub struct TerminalModes(Option<Termios>);

impl TerminalModes {
    /// As they are now.
    pub fn remember() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }

    /// Sets them again.
    pub fn restore(&self) {
        if let Some(modes) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, modes);
        }
    }
}

/// Requests to end: SIGINT (Ctrl-C), SIGTERM, SIGHUP (the terminal closed).
#[derive(Debug)]
pub struct Termination {
    interrupt: Stream,
    terminate: Stream,
    hangup: Stream,
    child: Stream,
}

impl Termination {
    /// Takes over the signals.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            child: signal(SignalKind::child())?,
        })
    }

    /// Waits for the next of them.
    pub async fn next(&mut self) -> Interruption {
        tokio::select! {
            _ = self.interrupt.recv() => Interruption::End("interrupted"),
            _ = self.terminate.recv() => Interruption::End("terminated"),
            _ = self.hangup.recv() => Interruption::End("hung up"),
            _ = self.child.recv() => Interruption::ChildEnded,
        }
    }
}

/// Requests to make room at the terminal: SIGTSTP (Ctrl-Z).
#[derive(Debug)]
pub struct Suspension(Stream);

impl Suspension {
    /// Takes over the signal.
    pub fn listen() -> io::Result<Self> {
        // tokio has no name for it; its number is the system's.
        signal(SignalKind::from_raw(Sig::TSTP.as_raw())).map(Self)
    }

    /// Waits for the next.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }

    /// Does what the signal would have done; returns when somebody says to go on.
    pub fn suspend() {
        let _ = rustix::process::kill_process(rustix::process::getpid(), Sig::STOP);
    }
}

/// Becomes that program, under this very process id: signals, the terminal and the exit status are its own.
/// Returns only when that failed.
pub fn become_program(command: &mut Command) -> io::Result<i32> {
    Err(command.exec())
}

/// The program's file, which the system finds by itself.
pub fn program<'a>(name: &'a OsStr, _: &Path) -> Cow<'a, OsStr> {
    Cow::Borrowed(name)
}

/// Is that what starting a program for another kind of machine ends in?
pub fn is_foreign(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NOEXEC)
}

/// What a shell would say of this end: the exit code, or 128 and the signal's number.
pub fn exit_code(status: std::process::ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Is this open file still the one at `path`, or was another put there?
pub fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn to_signal(signal: Signal) -> Sig {
    match signal {
        Signal::Term => Sig::TERM,
        Signal::Continue => Sig::CONT,
        Signal::Kill => Sig::KILL,
        Signal::Interrupt => Sig::INT,
        Signal::Hangup => Sig::HUP,
    }
}
