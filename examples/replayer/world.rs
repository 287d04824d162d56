//! What the played output says about the tunnel, for the side channels that a real tool has: its local API, and the
//! cloud that visitors come through.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{
    cloud::Cloud,
    recording::{Recording, Stream},
    serve::serve,
    start::{Start, Tool, first},
};

/// The line of cloudflared's log at which it listens.
const METRICS_LINE: &str = "Starting metrics server on ";

/// Lines of cloudflared's log after which the connection they name is gone. The first to come is not always the same.
const LOST: [&str; 5] = [
    "Lost connection with the edge",
    "Serve tunnel error",
    "Retrying connection in up to",
    "Connection terminated",
    "Unregistered tunnel connection",
];

/// The tunnel as its tool sees it.
pub(crate) struct State {
    pub(crate) tool: Tool,
    /// The host of the URL that was printed; empty before.
    pub(crate) host: String,
    named_host: Option<String>,
    /// cloudflared: the box with the URL was begun.
    box_begun: bool,
    connector: String,
    connections: BTreeSet<u32>,
    /// ngrok: what `/api/tunnels` lists.
    tunnels: Vec<Value>,
    /// ngrok: no reconnect loop runs.
    session: bool,
    stopped: bool,
}

impl State {
    fn new(tool: Tool, named_host: Option<String>) -> Self {
        Self {
            tool,
            host: String::new(),
            named_host,
            box_begun: false,
            connector: "00000000-0000-0000-0000-000000000000".to_owned(),
            connections: BTreeSet::new(),
            tunnels: Vec::new(),
            session: false,
            stopped: false,
        }
    }

    /// The public host, while visitors to it come through.
    fn up(&self) -> Option<&str> {
        let up = match self.tool {
            Tool::Cloudflared => !self.connections.is_empty(),
            Tool::Ngrok => self.session && !self.tunnels.is_empty(),
            Tool::Lt => true,
        };
        let host =
            self.named_host.as_deref().filter(|_| self.tool == Tool::Cloudflared).unwrap_or(&self.host);
        (up && !self.stopped && !host.is_empty()).then_some(host)
    }

    /// cloudflared's `/ready`: the status and the body.
    pub(crate) fn ready(&self) -> (u16, Value) {
        let count = self.connections.len();
        let status = if count > 0 { 200 } else { 503 };
        (status, json!({ "status": status, "readyConnections": count, "connectorId": self.connector }))
    }

    /// ngrok's `/api/tunnels`.
    pub(crate) fn tunnels(&self) -> Value {
        let tunnels = if self.session { self.tunnels.as_slice() } else { &[] };
        json!({ "tunnels": tunnels, "uri": "/api/tunnels" })
    }

    fn line(&mut self, line: &str) {
        match self.tool {
            Tool::Cloudflared => self.cloudflared(line),
            Tool::Ngrok => self.ngrok(line),
            Tool::Lt => {
                if let Some(host) = first(line, r"^your url is: https?://([^/:\s]+)") {
                    self.host = host;
                }
            }
        }
    }

    fn cloudflared(&mut self, line: &str) {
        self.box_begun |= line.contains("Your quick Tunnel has been created!");
        if self.box_begun
            && self.host.is_empty()
            && let Some(host) = first(line, r"https://([\w.-]+)")
        {
            self.host = host;
        }
        if let Some(connector) = first(line, r"Generated Connector ID: ([\w-]+)") {
            self.connector = connector;
        }
        let Some(index) = first(line, r#"connIndex"?[=:](\d+)"#).and_then(|index| index.parse().ok()) else {
            return;
        };
        if line.contains("Registered tunnel connection") {
            self.connections.insert(index);
        } else if LOST.iter().any(|lost| line.contains(lost)) {
            self.connections.remove(&index);
        }
    }

    fn ngrok(&mut self, line: &str) {
        if line.contains("client session established") {
            self.session = true;
        } else if ["terminating session", "session closed", "session closing", "failed to reconnect session"]
            .iter()
            .any(|lost| line.contains(lost))
        {
            self.session = false;
        } else if line.contains("started tunnel") {
            self.session = true;
            self.tunnels.extend(tunnel(line));
            let https =
                self.tunnels.iter().find_map(|row| row["public_url"].as_str()?.strip_prefix("https://"));
            self.host = https.unwrap_or_default().to_owned();
        }
    }
}

/// A row of `/api/tunnels`, as agent 3 gives it.
fn tunnel(line: &str) -> Option<Value> {
    let field = |name: &str| first(line, &format!(r#"\b{name}"?[=:]"?([^\s",]+)"#));
    let (name, url) = (field("name").unwrap_or_default(), field("url")?);
    let rates =
        json!({ "count": 0, "rate1": 0, "rate5": 0, "rate15": 0, "p50": 0, "p90": 0, "p95": 0, "p99": 0 });
    let mut connections = rates.clone();
    connections["gauge"] = json!(0);
    Some(json!({
        "name": name,
        "uri": format!("/api/tunnels/{name}"),
        "public_url": url,
        "proto": url.split(':').next(),
        "config": { "addr": field("addr"), "inspect": true },
        "metrics": { "conns": connections, "http": rates },
    }))
}

/// The state, kept up by the output, and what follows from it.
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    cloud: Option<Cloud>,
    runtime: Handle,
    /// cloudflared: where to listen, until it does.
    metrics: Option<String>,
    /// Of standard output and standard error, what ended without a line's end.
    rest: [String; 2],
}

impl World {
    /// ngrok's recorded local address gives way to one that is free.
    pub(crate) fn new(start: &Rc<Start>, recording: &mut Recording, runtime: Handle) -> Self {
        let state = Arc::new(Mutex::new(State::new(start.tool, start.named_host())));
        let metrics = start.metrics().map(str::to_owned);
        let cloud = start.cloud().map(|_| Cloud::new(start.clone()));
        let mut world = Self { state, cloud, runtime, metrics, rest: Default::default() };
        if start.tool == Tool::Ngrok
            && let Some(recorded) = recording.web_address()
        {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            recording.replace_all(&[(&recorded, &listener.local_addr().unwrap().to_string())]);
            world.listen(listener);
        }
        if !recording.says(METRICS_LINE) {
            world.listen_for_metrics();
        }
        world
    }

    /// Takes notice of a chunk that is about to be written.
    pub(crate) fn see(&mut self, stream: Stream, data: &str) {
        let rest = &mut self.rest[usize::from(stream == Stream::Stderr)];
        rest.push_str(data);
        let Some(end) = rest.rfind('\n') else { return };
        let tail = rest.split_off(end + 1);
        let lines = std::mem::replace(rest, tail);
        for line in lines.lines() {
            self.state().line(line);
            if line.contains(METRICS_LINE) {
                self.listen_for_metrics();
            }
            // A line at a time: one chunk can hold the loss and the return.
            self.tell();
        }
    }

    /// The tool was told to stop, or ends.
    pub(crate) fn stop(&mut self) {
        self.state().stopped = true;
        self.tell();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn tell(&mut self) {
        let state = self.state.lock().unwrap();
        if let Some(cloud) = &mut self.cloud {
            cloud.set(state.up());
        }
    }

    fn listen_for_metrics(&mut self) {
        // The real one ends when the port is taken; which recording is played decides that here.
        if let Some(listener) = self.metrics.take().and_then(|address| TcpListener::bind(address).ok()) {
            self.listen(listener);
        }
    }

    fn listen(&self, listener: TcpListener) {
        self.runtime.spawn(serve(listener, self.state.clone()));
    }
}
