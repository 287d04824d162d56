//! What the end-to-end tests share: the real tools, a home of their own, a running `mcpgw`, and a look at the
//! world around it.
//!
//! A test says `mod support;` and starts like this:
//!
//! ```ignore
//! let server = LtServer::start();
//! let home = Home::new();
//! let arguments = ["--provider", "lt", "--server", &server.url(), "--demo"];
//! let mut session = Mcpgw::tunnel(&home).args(arguments).start();
//! let ready = session.expect("ready");
//! session.stop();
//! ```
//!
//! Everything here has a deadline and fails by a panic that shows all that was said. Nothing listens beyond
//! loopback, and nothing outlives its test: children end with their owner or with their standard input.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

pub mod http;
pub mod tls;

mod bridge;
mod child;
mod cloud;
mod debian;
mod everything;
mod home;
mod mcpgw;
mod node;
mod processes;
mod python;
mod replayer;
mod session;
mod tools;

use std::{
    net::{TcpListener, UdpSocket},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

pub use bridge::{Bridge, McpServer, RealServer, bridge_log};
pub use cloud::Cloud;
pub use debian::debian;
pub use everything::Everything;
pub use home::Home;
pub use mcpgw::{Mcpgw, Output};
pub use node::{Gateway, LtServer, gateway_command};
pub use processes::{Process, survivors, wait_for_none};
pub use python::python_tools;
pub use replayer::{Replayer, transcripts};
pub use rustix::process::Signal;
pub use session::Session;
pub use tools::{Tools, big_tools, sources, tools};

/// A TCP port that is free on 127.0.0.1 and stays so: below the range from which a system serves whoever binds port 0
/// (a stand-in of ours was once given the very port meant for the gateway), and kept from every other test, in this
/// process or another, by a UDP socket on the same number.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    static KEPT: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 12_000;
    for _ in 0..COUNT {
        let place = std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + place % COUNT).unwrap();
        let Ok(reserved) = UdpSocket::bind(("127.0.0.1", port)) else { continue };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            KEPT.lock().unwrap().push(reserved);
            return port;
        }
    }
    panic!("no port free from {FIRST} on");
}

/// Asks every 10 ms until there is an answer. For the outside world only: what gives an event is waited for by
/// its event.
///
/// # Panics
/// When `deadline` passes without an answer; the message names `what`.
pub fn wait_for<T>(what: &str, deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {deadline:?} in vain for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A name that no other test uses, in this process or another.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
