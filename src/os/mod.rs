//! The operating system: the only home of `cfg(unix)`/`cfg(windows)` and of `unsafe`. Rooms above ask
//! here for what differs between systems and stay free of it. Never decides anything.
//!
//! (DESIGN gives `process/` this duty; private files need it too and are no processes, so it became a
//! room of its own below both.)

#[cfg(unix)]
#[path = "unix.rs"]
mod imp;
#[cfg(windows)]
#[path = "windows.rs"]
mod imp;
#[cfg(all(unix, not(target_os = "linux")))]
mod look;
#[cfg(target_os = "linux")]
mod proc_fs;
#[cfg(all(unix, not(target_os = "linux")))]
mod ps;
#[cfg(windows)]
mod toolhelp;

pub use imp::{
    Suspension, TerminalModes, Termination, adopt_orphans, become_program, detach, exchange, exit_code,
    free_space, is_at, is_foreign, keep_mode, make_private, may_write, mode, ordinary_mode, others_can_read,
    own_session, private_dir, private_options, program, reader_left, reap_orphans, shell, signal_group,
    signal_process, touch, trust_steps, untrust_steps,
};
#[cfg(all(unix, not(target_os = "linux")))]
pub use look::wait_for_end;
#[cfg(target_os = "linux")]
pub use proc_fs::{
    arguments, carries, environment, listener_on, listening_ports, process, processes, wait_for_end,
};
#[cfg(all(unix, not(target_os = "linux")))]
pub use ps::{arguments, carries, environment, listener_on, listening_ports, process, processes};
#[cfg(windows)]
pub use toolhelp::{
    arguments, carries, environment, listener_on, listening_ports, process, processes, wait_for_end,
};

/// What to tell a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Please end (SIGTERM).
    Term,
    /// Go on, if stopped (SIGCONT): a frozen process cannot hear [`Signal::Term`].
    Continue,
    /// End now (SIGKILL).
    Kill,
    /// As Ctrl-C asks for it (SIGINT).
    Interrupt,
    /// The terminal is gone (SIGHUP).
    Hangup,
}

/// What a signal to us means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// We are to end; how that was asked for.
    End(&'static str),
    /// Some child has ended.
    ChildEnded,
}

/// One live process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Parent's process id.
    pub parent: u32,
    /// The session it belongs to, named by its leader's process id: with the mark in its environment this is
    /// how we know our own. Zero where the system does not tell.
    pub session: u32,
    /// When it started, in the system's own unit: with `pid` it names this process for good.
    pub start: u64,
    /// Short name, as the system keeps it.
    pub name: String,
    /// Ended and not yet waited for.
    pub zombie: bool,
    /// Frozen by SIGSTOP or Ctrl-Z: it lives and does nothing.
    pub stopped: bool,
}
