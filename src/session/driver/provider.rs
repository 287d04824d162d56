//! What the driver does for the provider's machine.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use url::Url;

use super::{Driver, Outbox};
use crate::error::io_reason;
use crate::process::{self, Hearing, Status, Stream};
use crate::provider::{Launch, Reader, Request, Signal};
use crate::session::Epoch;
use crate::session::provider::Input;
use crate::session::verify::{self, Blame, Probed};
use crate::state::Log;
use crate::web;

/// Passes a provider's words through its reader to the driver.
struct Ear {
    epoch: Epoch,
    reader: Box<dyn Reader>,
    outbox: Outbox,
    log: Log,
}

impl Hearing for Ear {
    fn line(&mut self, stream: Stream, line: &str) {
        self.log.line(line);
        match self.reader.read(stream, line) {
            Some(Signal::Url(url)) => self.outbox.provider(self.epoch, Input::Url(url)),
            Some(Signal::Trouble(trouble)) => self.outbox.provider(self.epoch, Input::Trouble(trouble)),
            None => {}
        }
    }

    fn ended(&mut self, status: Status) {
        self.log.line(&format!("[ended: {}]", status.how));
        self.outbox.provider(self.epoch, Input::Exited(status));
    }
}

impl Driver<'_> {
    pub(super) fn launch_provider(&mut self, epoch: Epoch, subdomain: Option<String>) {
        let request = Request { edge_port: self.edge.port(), subdomain };
        let spec = match self.provider.launch(&self.settings, &request) {
            Launch::Direct(url) => {
                self.outbox.provider(epoch, Input::Started { pid: None });
                return self.outbox.provider(epoch, Input::Url(url));
            }
            Launch::Program(spec) => spec,
        };
        let ear = Ear {
            epoch,
            reader: self.provider.reader(&self.settings),
            outbox: self.outbox.clone(),
            log: Log::open(&self.record.logs, "provider"),
        };
        match process::spawn(&spec, &self.record.id, &format!("provider-{epoch}"), ear) {
            Ok(child) => {
                tokio::spawn(self.public_client());
                self.outbox.provider(epoch, Input::Started { pid: Some(child.pid) });
                self.provider_child = Some(child);
            }
            Err(error) => self.outbox.provider(epoch, Input::StartFailed(error)),
        }
    }

    /// A tool started while its server is down learns late that it is back; so the server first.
    pub(super) fn await_server(&self, epoch: Epoch, patience: Duration) {
        let (server, outbox) = (self.provider.server(&self.settings), self.outbox.clone());
        tokio::spawn(async move {
            const LOOK_SOONEST: Duration = Duration::from_millis(10);
            const LOOK_LATEST: Duration = Duration::from_secs(1);
            let mut was_down = false;
            if let Some(server) = server.filter(|_| !patience.is_zero()) {
                let up = async {
                    let began = Instant::now();
                    while connect(&server).await.is_err() {
                        was_down = true;
                        // The longer it is away, the less a moment more matters.
                        let pause = (began.elapsed() / 16).clamp(LOOK_SOONEST, LOOK_LATEST);
                        tokio::time::sleep(pause).await;
                    }
                };
                let _ = tokio::time::timeout(patience, up).await;
            }
            outbox.provider(epoch, Input::ServerReachable { was_down });
        });
    }

    pub(super) fn stop_provider(&mut self, epoch: Epoch) {
        let outbox = self.outbox.clone();
        let grace = self.provider.policy().stop_grace;
        let child = self.provider_child.take();
        let ended = self.end_tree(child, grace);
        tokio::spawn(async move {
            ended.await;
            outbox.provider(epoch, Input::Gone);
        });
    }

    pub(super) fn probe(&self, epoch: Epoch, url: Url, limit: Duration) {
        let (public, local, probe) = (self.public_client(), self.local.clone(), self.edge.probe().clone());
        let (outbox, server, edge_port) =
            (self.outbox.clone(), self.provider.server(&self.settings), self.edge.port());
        tokio::spawn(async move {
            let asked = match public.await {
                Ok(public) => verify::probe(&public, &url, &probe, limit).await,
                Err(error) => Err(error.message),
            };
            let probed = match asked {
                Ok(took) => Probed::Ours { took },
                Err(reason) => {
                    let blame = blame(&url, server, &local, &probe, edge_port).await;
                    Probed::Failed { reason, blame }
                }
            };
            outbox.provider(epoch, Input::Probed(probed));
        });
    }
}

/// A probe failed. The tunnel is to blame only when this machine and its own edge are in order.
async fn blame(
    url: &Url,
    server: Option<Url>,
    local: &reqwest::Client,
    probe: &crate::edge::Probe,
    edge_port: u16,
) -> Blame {
    const LOCAL_LIMIT: Duration = Duration::from_secs(1);
    if !verify::has_route(url) {
        return Blame::Here;
    }
    let Some(server) = server else { return Blame::Tunnel };
    let edge = Url::parse(&format!("http://127.0.0.1:{edge_port}"));
    let (edge, server) = tokio::join!(
        async {
            match edge {
                Ok(edge) => verify::probe(local, &edge, probe, LOCAL_LIMIT).await.is_ok(),
                Err(_) => true,
            }
        },
        connect(&server)
    );
    if edge && server.is_ok() { Blame::Tunnel } else { Blame::Here }
}

/// Does anything accept connections there?
async fn connect(server: &Url) -> Result<(), String> {
    const LIMIT: Duration = Duration::from_secs(5);
    let host = server.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let host = if web::is_loopback_name(host) { "localhost" } else { host };
    let port = server.port_or_known_default().unwrap_or(443);
    match tokio::time::timeout(LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(io_reason(&error)),
        Err(_) => Err(format!("no answer within {LIMIT:?}")),
    }
}
