//! Signals: the first is an event for the player, the second kills.

use std::{
    env,
    os::unix::process::CommandExt,
    process::Command,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use rustix::process::{Signal, getpid, kill_process};
use tokio::{
    runtime::{Builder, Handle},
    signal::unix::{SignalKind, signal},
};

const DIE_BY: &str = "REPLAY_DIE_BY";

/// The second half of `die_by`.
pub(crate) fn die_if_asked() {
    if let Some(number) = env::var(DIE_BY).ok().and_then(|number| number.parse().ok()) {
        let signal = Signal::from_named_raw(number).expect(DIE_BY);
        kill_process(getpid(), signal).unwrap();
    }
}

/// Ends this process by a signal that it has a handler for: a new program image has none, and it is the same process.
/// Its sockets close here.
pub(crate) fn die_by(signal: i32) -> ! {
    let name = env::args_os().next().unwrap_or_default();
    let image = env::current_exe().expect("this program's path");
    let error = Command::new(image).arg0(name).env(DIE_BY, signal.to_string()).exec();
    panic!("cannot die by signal {signal}: {error}");
}

/// Takes SIGTERM and SIGINT from now on. The handle is of a runtime on a thread of its own, so that neither signals
/// nor side channels wait for a reader of the output.
pub(crate) fn watch() -> (Handle, Receiver<i32>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    let (sender, receiver) = channel();
    let (terminate, interrupt) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate()).unwrap(), signal(SignalKind::interrupt()).unwrap())
    };
    thread::spawn(move || runtime.block_on(relay(terminate, interrupt, sender)));
    (handle, receiver)
}

async fn relay(
    mut terminate: tokio::signal::unix::Signal,
    mut interrupt: tokio::signal::unix::Signal,
    player: Sender<i32>,
) {
    for count in 1.. {
        let signal = tokio::select! {
            _ = terminate.recv() => Signal::TERM,
            _ = interrupt.recv() => Signal::INT,
        };
        if count > 1 || player.send(signal.as_raw()).is_err() {
            die_by(signal.as_raw());
        }
    }
}
