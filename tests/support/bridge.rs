//! `mcpgw bridge` as a client sees it, line by line, and the MCP server that misbehaves behind it
//! (`tests/tools/mcp-server.cjs`).

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    Home,
    child::Child,
    free_port, http,
    node::{next_line, script},
    tools, wait_for,
};

/// How long a message may take, unless the test says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server.
pub struct McpServer {
    child: Child,
    port: u16,
}

impl McpServer {
    /// Starts it on a free port; its options are in the script.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_on(0, arguments)
    }

    pub fn start_on(port: u16, arguments: &[&str]) -> Self {
        let port = port.to_string();
        let mut child = script("mcp-server.cjs", &[&["--port", &port], arguments].concat());
        let line = next_line(&mut child, "a listening server");
        let port = line.strip_prefix("listening ").and_then(|port| port.parse().ok());
        Self { port: port.unwrap_or_else(|| panic!("not a port: {line}\n{}", child.words())), child }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address with this query, for example `answers=json&get=405`.
    pub fn url(&self, query: &str) -> String {
        format!("http://127.0.0.1:{}/mcp?{query}", self.port)
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    pub fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    /// Everything that came: `[{http, headers, message}]`.
    pub fn log(&self) -> Vec<Value> {
        let log = http::fetch(&format!("http://127.0.0.1:{}/_log", self.port)).unwrap().json();
        log.as_array().unwrap().clone()
    }

    /// What came with this JSON-RPC method.
    pub fn log_of(&self, method: &str) -> Vec<Value> {
        let mut log = self.log();
        log.retain(|entry| entry["http"] == "POST" && entry["message"]["method"] == method);
        log
    }

    /// Breaks every event stream off.
    pub fn kick(&self) {
        http::fetch(&format!("http://127.0.0.1:{}/_kick", self.port)).unwrap();
    }
}

/// A client and its bridge.
pub struct Bridge {
    child: Child,
    /// What came and was not waited for yet.
    kept: Vec<Value>,
}

impl Bridge {
    /// `mcpgw bridge` with these arguments, as a desktop client starts it: with an empty environment but for
    /// MCPGW_HOME, in another folder.
    pub fn start(home: &Home, arguments: &[&str]) -> Self {
        let home = home.state();
        Self::start_with(arguments, &[("MCPGW_HOME", home.to_str().unwrap())], Path::new("/"))
    }

    pub fn start_with(arguments: &[&str], variables: &[(&str, &str)], folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcpgw"));
        command.arg("bridge").args(arguments).env_clear().envs(variables.iter().copied()).current_dir(folder);
        Self::of(command)
    }

    /// Any MCP server on standard input and output.
    pub fn of(command: Command) -> Self {
        Self { child: Child::spawn(command), kept: vec![] }
    }

    /// To a server, and past `initialize`.
    pub fn ready(home: &Home, url: &str) -> Self {
        let mut bridge = Self::start(home, &["--url", url]);
        bridge.initialize();
        bridge
    }

    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    pub fn send_text(&mut self, text: &str) {
        self.child.write(text.as_bytes());
    }

    pub fn send(&mut self, message: &Value) {
        self.send_text(&format!("{message}\n"));
    }

    pub fn request(&mut self, id: impl Into<Value>, method: &str, params: Value) {
        let id: Value = id.into();
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
    }

    /// A request and its answer.
    pub fn ask(&mut self, id: impl Into<Value>, method: &str, params: Value) -> Value {
        let id: Value = id.into();
        self.request(id.clone(), method, params);
        self.answer(id)
    }

    pub fn call(&mut self, id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
        self.ask(id, "tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// `initialize` and `notifications/initialized`; the result.
    pub fn initialize(&mut self) -> Value {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {"sampling": {}},
            "clientInfo": {"name": "test", "version": "1"}});
        let answer = self.ask("init", "initialize", params);
        assert!(answer["error"].is_null(), "{answer}\n{}", self.child.words());
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        answer["result"].clone()
    }

    /// The next answer to this id.
    pub fn answer(&mut self, id: impl Into<Value>) -> Value {
        let id: Value = id.into();
        self.expect(&format!("answer to {id}"), |message| message["method"].is_null() && message["id"] == id)
    }

    /// The next message of this method.
    pub fn told(&mut self, method: &str) -> Value {
        self.expect(method, |message| message["method"] == method)
    }

    /// The next message like this that no one has waited for; the others are kept.
    pub fn expect(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&fits) {
            return self.kept.remove(at);
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let line = match self.child.line(end) {
                Ok(Some(line)) => line,
                Ok(None) => panic!("it ended without {what}\n{}\n{:#?}", self.child.words(), self.kept),
                Err(_) => panic!("no {what} within {PATIENCE:?}\n{}\n{:#?}", self.child.words(), self.kept),
            };
            let message = serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("a line that is no message ({error}): {line:.300}"));
            match fits(&message) {
                true => return message,
                false => self.kept.push(message),
            }
        }
    }

    /// Everything that came and was not waited for.
    pub fn others(&mut self) -> &[Value] {
        while let Some(line) = self.child.line_at_hand() {
            self.kept.push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
        }
        &self.kept
    }

    pub fn stderr(&self) -> String {
        self.child.stderr()
    }

    pub fn signal(&self, signal: Signal) {
        self.child.signal(signal);
    }

    pub fn close_stdin(&mut self) {
        self.child.close_stdin();
    }

    /// Waits for its end; how long it took.
    pub fn wait(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        let kept = &mut self.kept;
        let keep = |line: String| kept.push(serde_json::from_str(&line).unwrap_or(Value::String(line)));
        match self.child.exit(Instant::now() + PATIENCE, keep) {
            Ok(status) => (status, began.elapsed()),
            Err(_) => panic!("it did not end\n{}", self.child.words()),
        }
    }

    /// Ends its input, and looks that it ends well and in time.
    pub fn end(mut self) {
        self.close_stdin();
        let (status, took) = self.wait();
        assert!(status.success(), "{status}\n{}", self.child.words());
        assert!(took < Duration::from_secs(2), "its end took {took:?}");
    }
}

/// The log of all bridges in this home.
pub fn bridge_log(home: &Home) -> String {
    let path: PathBuf = home.state().join("logs/bridge.log");
    std::fs::read_to_string(path).unwrap_or_default()
}

/// A real MCP server, ready for clients.
pub struct RealServer {
    child: Child,
    url: String,
}

impl RealServer {
    /// The reference server, over streamable HTTP with sessions.
    pub fn everything() -> Self {
        let port = free_port();
        let mut command = installed("mcp-server-everything", &["streamableHttp"]);
        command.env("PORT", port.to_string());
        Self::ready(command, port, "/mcp")
    }

    /// The same on standard input and output, behind supergateway.
    pub fn supergateway() -> Self {
        Self::behind_supergateway("streamableHttp", "/mcp")
    }

    /// Likewise, over the transport of 2024-11-05.
    pub fn supergateway_sse() -> Self {
        Self::behind_supergateway("sse", "/sse")
    }

    fn behind_supergateway(transport: &str, path: &str) -> Self {
        let port = free_port();
        let server = tools().bin("mcp-server-everything");
        let port_text = port.to_string();
        let arguments =
            ["--stdio", server.to_str().unwrap(), "--outputTransport", transport, "--port", &port_text];
        // Without this it starts its server anew for every request.
        let arguments = [&arguments[..], if transport == "sse" { &[] } else { &["--stateful"] }].concat();
        Self::ready(installed("supergateway", &arguments), port, path)
    }

    /// mcp-server-time behind mcp-proxy of Python, which answers JSON.
    pub fn python_proxy(bin: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new(bin.join("mcp-proxy"));
        command.args(["--port", &port.to_string()]).arg(bin.join("mcp-server-time")).env_clear();
        Self::ready(command, port, "/mcp")
    }

    /// `tests/tools/modern-server.mjs`: 2026-07-28 and nothing older.
    pub fn modern() -> Self {
        let mut child = script("modern-server.mjs", &[]);
        let line = next_line(&mut child, "a listening server");
        let port = line.strip_prefix("listening ").unwrap_or_else(|| panic!("{line}\n{}", child.words()));
        Self { url: format!("http://127.0.0.1:{port}/mcp"), child }
    }

    fn ready(command: Command, port: u16, path: &str) -> Self {
        let child = Child::spawn(command);
        wait_for(&format!("port {port} to be served"), PATIENCE, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { url: format!("http://127.0.0.1:{port}{path}"), child }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // supergateway ends its child on SIGTERM only.
        self.child.signal(Signal::TERM);
        let _ = self.child.exit(Instant::now() + Duration::from_secs(3), drop);
    }
}

/// A program of `tests/tools/package.json`, with nothing else in sight.
fn installed(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(&tools().node);
    let path = std::env::join_paths([&tools().system_dir, &tools().bin_dir]).unwrap();
    command.arg(tools().bin(name)).args(arguments).env_clear().env("PATH", path).current_dir(&tools().dir);
    command
}
