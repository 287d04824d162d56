//! The world's side of a tunnel, played by node: a localtunnel server with faults on request, and a gateway
//! that misbehaves.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Signal,
    child::Child,
    tools::{sources, tools},
};

/// How long a node program may take to start or to answer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn script(name: &str, arguments: &[&str]) -> Child {
    let mut command = Command::new(&tools().node);
    command.arg(sources().join(name)).args(arguments).current_dir(&tools().dir);
    Child::spawn(command)
}

pub(super) fn next_line(child: &mut Child, what: &str) -> String {
    match child.line(Instant::now() + PATIENCE) {
        Ok(Some(line)) => line,
        Ok(None) => panic!("it ended without {what}\n{}", child.words()),
        Err(_) => panic!("no {what} within {PATIENCE:?}\n{}", child.words()),
    }
}

/// A real localtunnel server on loopback (`tests/tools/lt-server.cjs`); its URLs are `http://NAME.localhost:PORT`.
pub struct LtServer {
    child: Child,
    port: u16,
    arguments: &'static [&'static str],
}

impl LtServer {
    /// Starts it on a free port.
    pub fn start() -> Self {
        Self::start_on(0)
    }

    /// Starts it on this port, for example where one was killed.
    pub fn start_on(port: u16) -> Self {
        Self::start_with(port, &[])
    }

    /// As the real program does by itself: the URLs it gives lack the port.
    pub fn start_without_port() -> Self {
        Self::start_with(0, &["--domain-without-port"])
    }

    fn start_with(port: u16, arguments: &'static [&'static str]) -> Self {
        let mut child = script("lt-server.cjs", &[&["--port", &port.to_string()], arguments].concat());
        let line = next_line(&mut child, "the tunnel server's port");
        let port = serde_json::from_str::<Value>(&line).ok().and_then(|value| value["port"].as_u64());
        let port = port.unwrap_or_else(|| panic!("not a port: {line}\n{}", child.words()));
        Self { child, port: port.try_into().unwrap(), arguments }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What `--server` (and lt's `--host`) want to know.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The URL of a tunnel of this name.
    pub fn tunnel_url(&self, name: &str) -> String {
        format!("http://{name}.localhost:{}", self.port)
    }

    /// Injects a fault (`drop`, `drop on`, `reset`, `forget`, `blackhole on`, `refuse 500` ...).
    pub fn command(&mut self, line: &str) -> Value {
        self.child.write(format!("{line}\n").as_bytes());
        let answer = next_line(&mut self.child, &format!("answer to `{line}`"));
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert!(answer["error"].is_null(), "{line}: {answer}");
        answer
    }

    /// The names of the tunnels it knows.
    pub fn tunnels(&mut self) -> Vec<String> {
        let stats = self.command("stats");
        stats["tunnels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// SIGKILL: port and tunnels are gone at once.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// SIGSTOP: it still accepts, and does nothing.
    pub fn freeze(&self) {
        self.child.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.child.signal(Signal::CONT);
    }

    /// On the same port again, knowing no tunnel.
    pub fn restart(&mut self) {
        self.kill();
        *self = Self::start_with(self.port, self.arguments);
    }
}

/// The command line of `tests/tools/gateway.cjs`, for what follows `--` (its options are in that file).
pub fn gateway_command(arguments: &[&str]) -> Vec<String> {
    let script = sources().join("gateway.cjs").into_os_string().into_string().unwrap();
    ["node".to_owned(), script]
        .into_iter()
        .chain(arguments.iter().map(|&argument| argument.to_owned()))
        .collect()
}

/// The same gateway started by the test: somebody else's, for `mcpgw` to attach to.
pub struct Gateway {
    child: Child,
    port: u16,
}

impl Gateway {
    /// Starts it on a free port and waits until it listens.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_on(0, arguments)
    }

    /// Starts it on this port.
    pub fn start_on(port: u16, arguments: &[&str]) -> Self {
        let port = port.to_string();
        let mut child = script("gateway.cjs", &[&["--until-eof", "--port", &port], arguments].concat());
        loop {
            let line = next_line(&mut child, "a listening gateway");
            if let Some(port) = line.strip_prefix("listening ") {
                return Self { port: port.parse().unwrap(), child };
            }
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    pub fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }
}
