//! The reverse proxy between the tunnel and the gateway. Its port exists before anything else does, it
//! answers the probe, lets pass what is allowed, holds requests while the gateway restarts, and
//! streams both ways. Never knows which provider is in front of it or why the gateway is away.

mod authority;
mod body;
mod forward;
mod frontend;
mod guard;
mod headers;
mod host;
mod http2;
mod lock;
mod pace;
mod path;
mod probe;
mod pulse;
mod refusal;
mod requests;
mod rpc;
mod server;
mod tls;
mod upgrade;
mod upstream;
mod visitor;
mod witness;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::header::{self, HeaderMap, HeaderValue};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use url::Url;

pub use guard::AllowList;
pub use headers::HostRule;
pub use lock::Lock;
pub use probe::{OWN, Probe, SOCKET_KEY};
pub use requests::{Entry, Told, Totals, path_of_requests};
pub use upstream::Target;
pub use witness::Witness;

use crate::cert::{Keeper, Validity};
use crate::error::Result;
use crate::state::Log;
use frontend::Frontend;
use host::{Names, Stranger};
use pace::Pace;
use requests::Requests;
use upstream::Upstream;

/// Marks an answer that the edge gave for a gateway that never had the request: it may be sent again.
pub const UNTOUCHED: &str = "mcpgw-untouched";

/// The edge of one session.
#[derive(Debug)]
pub struct Edge {
    port: u16,
    shared: Arc<Shared>,
    servers: JoinSet<()>,
    in_flight: Option<mpsc::Receiver<()>>,
}

/// What every connection needs.
#[derive(Debug)]
struct Shared {
    probe: Probe,
    allow: Mutex<AllowList>,
    lock: Lock,
    pace: Arc<Pace>,
    names: Mutex<Names>,
    requests: Arc<Requests>,
    /// Longer bodies do not pass.
    largest_body: u64,
    frontend: Option<Frontend>,
    upstream: Arc<Upstream>,
    log: Mutex<Log>,
    /// Has it lines that are to be written in a moment?
    log_waits: AtomicBool,
    /// Cloned into every request that is to be waited for; dropped here, the channel closes with the last.
    in_flight: Mutex<Option<mpsc::Sender<()>>>,
}

/// Who gets through, and to what.
#[derive(Debug)]
pub struct Rules {
    /// The paths that pass.
    pub allow: AllowList,
    /// What is asked of visitors on the MCP paths.
    pub lock: Lock,
    /// Host names that are served beside the public address's.
    pub hosts: Vec<String>,
    /// Nothing will prove how the tunnel names us.
    pub unproven: bool,
    /// The port of the web frontend that everybody may reach.
    pub frontend: Option<u16>,
    /// Longer bodies of requests do not pass, in bytes.
    pub largest_body: u64,
    /// Where requests are written down, beside memory.
    pub log_requests: Option<PathBuf>,
}

#[cfg(test)]
impl Rules {
    /// Nothing but the MCP paths, for everybody.
    fn open() -> Self {
        Self {
            allow: AllowList::new("/mcp", "/mcp", None, &[]),
            lock: Lock::open(),
            hosts: vec![],
            unproven: false,
            frontend: None,
            largest_body: 1 << 30,
            log_requests: None,
        }
    }
}

/// Where the edge listens.
#[derive(Debug)]
pub enum Listen {
    /// Plain HTTP on loopback, for a tunnel program beside us: on this port, else on any free one.
    Plain(Option<u16>),
    /// HTTPS, for clients on this machine.
    Tls(Box<Tls>),
}

/// HTTPS on loopback.
#[derive(Debug)]
pub struct Tls {
    /// The port.
    pub port: u16,
    /// The certificate, which is looked after while the edge stands.
    pub keeper: Keeper,
    /// How often that is.
    pub every: Duration,
    /// Hears when the certificate is new, and when a new one could not be had.
    pub told: mpsc::UnboundedSender<Result<Validity>>,
}

impl Edge {
    /// Binds 127.0.0.1 and, where the machine has it, ::1, and starts serving. The gateway is taken
    /// for down until [`Edge::open`]. `suspect` hears whenever the gateway's port refuses a request.
    pub async fn bind(listen: Listen, rules: Rules, logs: &Path, suspect: mpsc::Sender<()>) -> Result<Self> {
        let (sender, receiver) = mpsc::channel(1);
        let mut servers = JoinSet::new();
        let (listeners, tls) = match listen {
            Listen::Plain(None) => (server::bind_any().await?, None),
            Listen::Plain(Some(port)) => (server::bind_port(port, "--edge-port").await?, None),
            Listen::Tls(tls) => {
                let Tls { port, keeper, every, told } = *tls;
                let listeners = server::bind_port(port, "--https-port").await?;
                let shown = tls::Shown::new(keeper.pair().clone());
                servers.spawn(tls::look_after(keeper, shown.clone(), every, told));
                (listeners, Some(tls::config(shown)))
            }
        };
        let Rules { mut allow, frontend, lock, hosts, unproven, largest_body, log_requests } = rules;
        if frontend.is_some() {
            allow.add_login();
        }
        let port = listeners[0].local_addr().map_or(0, |address| address.port());
        let shared = Arc::new(Shared {
            probe: Probe::random()?,
            allow: Mutex::new(allow),
            lock,
            pace: Arc::default(),
            names: Mutex::new(Names::new(port, &hosts, unproven)),
            requests: Arc::new(Requests::open(logs, log_requests.as_deref())?),
            largest_body,
            frontend: frontend.map(Frontend::on),
            upstream: Arc::new(Upstream::new(suspect)),
            log: Mutex::new(Log::open(logs, "edge")),
            log_waits: AtomicBool::new(false),
            in_flight: Mutex::new(Some(sender)),
        });
        for listener in listeners {
            servers.spawn(server::serve(listener, tls.clone(), shared.clone()));
        }
        Ok(Self { port, shared, servers, in_flight: Some(receiver) })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The secret question and answer of this edge.
    pub fn probe(&self) -> &Probe {
        &self.shared.probe
    }

    /// Says under which address visitors come, and in which header the cloud in front of us names theirs. Where
    /// there is none, a visitor's word is not believed.
    pub fn set_public(&self, url: &Url, told_in: Option<&'static str>) {
        if let Ok(mut names) = self.shared.names.lock() {
            names.set_public(url, told_in);
        }
    }

    /// Lets one more path pass, named by the gateway's own OAuth metadata.
    pub fn allow_endpoint(&self, path: &str) {
        if let Ok(mut allow) = self.shared.allow.lock() {
            allow.add_endpoint(path);
        }
    }

    /// The gateway answers here: held requests go on.
    pub fn open(&self, target: Target) {
        self.shared.lock.set_guarded(target.guard.is_some());
        self.shared.upstream.open(target);
    }

    /// The same where the gateway is open already and something about it is new. Opens nothing by itself.
    pub fn renew(&self, target: Target) {
        self.shared.lock.set_guarded(target.guard.is_some());
        self.shared.upstream.renew(target);
    }

    /// The gateway is away: requests wait from now on.
    pub fn hold(&self) {
        self.shared.upstream.hold();
    }

    /// Takes no new requests; the answer waits for those under way. Event streams that a client only
    /// listens to are not waited for: they have no end.
    pub fn drain(&mut self) -> impl Future<Output = ()> + Send + use<> {
        self.shared.upstream.refuse();
        if let Ok(mut in_flight) = self.shared.in_flight.lock() {
            in_flight.take();
        }
        let in_flight = self.in_flight.take();
        async {
            if let Some(mut in_flight) = in_flight {
                in_flight.recv().await;
            }
        }
    }

    /// Closes every socket.
    pub async fn close(&mut self) {
        self.servers.shutdown().await;
        self.shared.requests.flush();
    }
}

impl Shared {
    /// May a request under this host, sent by a page of that origin if by a page, go on? `None`: not known yet.
    fn judge_names(&self, host: &HeaderValue, origin: Option<&str>) -> Option<Result<(), Stranger>> {
        let host = host.to_str().unwrap_or_default();
        self.names.lock().map_or(Some(Err(Stranger::Host)), |names| names.admits(host, origin))
    }

    /// `http` or `https`, as visitors see it.
    fn scheme(&self) -> &'static str {
        self.names.lock().map_or("https", |names| names.scheme())
    }

    /// A probe came, so this is how the tunnel names us.
    fn learn_name(&self, headers: &HeaderMap) {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        if let (Some(host), Ok(mut names)) = (host, self.names.lock()) {
            names.prove(host);
        }
    }

    /// Written within a moment: a write for each request would cost as much as judging it.
    fn log(self: &Arc<Self>, line: std::fmt::Arguments<'_>) {
        const MOMENT: Duration = Duration::from_millis(50);
        if let Ok(mut log) = self.log.lock() {
            log.note(line);
        }
        if !self.log_waits.swap(true, Ordering::Relaxed) {
            let shared = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(MOMENT).await;
                shared.log_waits.store(false, Ordering::Relaxed);
                if let Ok(mut log) = shared.log.lock() {
                    log.flush();
                }
            });
        }
    }
}
