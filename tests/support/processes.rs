//! Who is alive: processes are known by a `NAME=VALUE` in their environment, which children inherit however
//! they detach.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// A live process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    /// Its arguments, joined by spaces.
    pub command: String,
}

impl Process {
    /// Sends it a signal; one that has just died is no error.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid.cast_signed()).unwrap();
        let _ = kill_process(pid, signal);
    }
}

/// The live processes (zombies are not) whose environment holds `marker`, a whole `NAME=VALUE`.
pub fn survivors(marker: &str) -> Vec<Process> {
    let entries = fs::read_dir("/proc").expect("the tests find processes by /proc").flatten();
    entries.filter_map(|entry| marked(entry.file_name().to_str()?.parse().ok()?, marker)).collect()
}

fn marked(pid: u32, marker: &str) -> Option<Process> {
    // A zombie's environment is empty; that of somebody else's process cannot be read.
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment.split(|byte| *byte == 0).find(|variable| *variable == marker.as_bytes())?;
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&arguments).replace('\0', " ").trim_end().to_owned();
    Some(Process { pid, command })
}

/// Waits until nobody carries `marker`.
///
/// # Panics
/// After two seconds, with those who live.
pub fn wait_for_none(marker: &str) {
    let end = Instant::now() + Duration::from_secs(2);
    loop {
        let alive = survivors(marker);
        if alive.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "these outlived their session: {alive:#?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Kills whoever carries `marker`, and whoever those start meanwhile.
pub fn sweep(marker: &str) {
    for _ in 0..100 {
        let alive = survivors(marker);
        if alive.is_empty() {
            return;
        }
        alive.iter().for_each(|process| process.signal(Signal::KILL));
        thread::sleep(Duration::from_millis(10));
    }
}
