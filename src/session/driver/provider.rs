//! What the driver does for the provider's machine.

use std::borrow::Cow;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use url::Url;

use super::{Driver, Message, Outbox};
use crate::config::Settings;
use crate::error::{Error, Result, io_reason};
use crate::file::{self, Privacy};
use crate::loopback;
use crate::process::{self, Hearing, Status, Stream};
use crate::provider::{Fault, Launch, Provider, Reader, Request, Signal};
use crate::report::Event;
use crate::session::provider::Input;
use crate::session::verify::{self, Blame, Failure, Probed};
use crate::session::{Epoch, base};
use crate::state::{Log, SessionRecord};
use crate::web::{Known, Names};

/// Passes a provider's words through its reader to the driver.
struct Ear {
    epoch: Epoch,
    reader: Box<dyn Reader>,
    outbox: Outbox,
    log: Log,
    /// What it last complained of.
    trouble: String,
}

impl Ear {
    /// What a tool says of itself may repeat its secrets.
    fn hidden(&self, words: &str) -> String {
        self.reader.redact(words).into_owned()
    }

    fn understand(&mut self, stream: Stream, line: &str, whole: bool) {
        self.log.note(self.reader.redact(line));
        for signal in self.reader.read(stream, line) {
            let input = match signal {
                // What no newline ended may be half an address.
                Signal::Url(_) if !whole => continue,
                Signal::Url(url) => Input::Url(url),
                Signal::Connected => Input::Connected,
                Signal::Disconnected(reason) => Input::Disconnected(self.hidden(&reason)),
                // A flood of the same complaint is one complaint.
                Signal::Trouble(trouble) if trouble == self.trouble => continue,
                Signal::Trouble(trouble) => {
                    self.trouble.clone_from(&trouble);
                    Input::Trouble(self.hidden(&trouble))
                }
                Signal::Fault(fault) => Input::Fault(Fault { message: self.hidden(&fault.message), ..fault }),
                Signal::Api(port) => {
                    self.outbox.send(Message::Api(self.epoch, port));
                    continue;
                }
            };
            self.outbox.provider(self.epoch, input);
        }
    }
}

impl Hearing for Ear {
    fn line(&mut self, stream: Stream, line: &str) {
        self.understand(stream, line, true);
    }

    fn fragment(&mut self, stream: Stream, line: &str) {
        self.understand(stream, line, false);
    }

    fn rest(&mut self) {
        self.log.flush();
    }

    fn redact<'a>(&self, line: &'a str) -> Cow<'a, str> {
        self.reader.redact(line)
    }

    fn ended(&mut self, status: Status) {
        self.log.line(&format!("[ended: {}]", status.how));
        self.outbox.provider(self.epoch, Input::Exited(status));
    }
}

/// Says in the session's file which provider it is on, and what that was told.
pub(super) fn note(record: &mut SessionRecord, provider: &dyn Provider, settings: &Settings) {
    record.provider = provider.id().into();
    let ready = provider.readiness(settings);
    record.program = ready.program().and_then(|program| std::path::absolute(program).ok());
    let server = settings.server.as_ref().filter(|_| provider.own_flags().contains(&"server"));
    record.server = server.map(base);
}

impl Driver<'_> {
    /// The provider in use.
    pub(super) fn provider(&self) -> &'static dyn Provider {
        self.candidates[self.at].provider
    }

    pub(super) fn use_provider(&mut self, index: usize) {
        self.at = index;
        let provider = self.provider();
        note(&mut self.record, provider, &self.settings);
        self.save();
    }

    pub(super) fn launch_provider(
        &mut self,
        epoch: Epoch,
        subdomain: Option<String>,
        faults: Vec<&'static str>,
    ) {
        self.api = None;
        self.record.api_port = None;
        match self.start_provider(epoch, subdomain, faults) {
            Ok(Some(child)) => {
                tokio::spawn(self.public_client());
                self.reaper.watch(&child);
                self.outbox.provider(epoch, Input::Started { pid: Some(child.pid) });
                self.provider_child = Some(child);
            }
            Ok(None) => {}
            Err(error) => self.outbox.provider(epoch, Input::StartFailed(error)),
        }
    }

    fn start_provider(
        &self,
        epoch: Epoch,
        subdomain: Option<String>,
        faults: Vec<&'static str>,
    ) -> Result<Option<process::Child>> {
        let candidate = &self.candidates[self.at];
        let provider = candidate.provider;
        let request = Request {
            edge_port: self.edge.port(),
            subdomain,
            api_port: free_port()?,
            folder: self.record.logs.clone(),
            // A version that matters has been asked for; where it does not, none is.
            version: (!provider.suits(None)).then(|| candidate.version(&self.settings)).flatten(),
            faults,
        };
        let (spec, files, api_port) = match provider.launch(&self.settings, &request) {
            Launch::Direct(url) => {
                self.outbox.provider(epoch, Input::Started { pid: None });
                self.outbox.provider(epoch, Input::Url(url));
                return Ok(None);
            }
            Launch::Program { spec, files, api_port } => (spec, files, api_port),
        };
        for (path, text) in files {
            file::replace(&path, text.as_bytes(), Privacy::Private).map_err(|error| {
                let message = format!("write {}: {}", path.display(), io_reason(&error));
                Error::failed("provider.file", message).fix("check the free space of its folder")
            })?;
        }
        if let Some(port) = api_port {
            self.outbox.send(Message::Api(epoch, port));
        }
        let ear = Ear {
            epoch,
            reader: provider.reader(&self.settings),
            outbox: self.outbox.clone(),
            log: Log::open(&self.record.logs, "provider"),
            trouble: String::new(),
        };
        process::spawn(&spec, &self.record.id, &format!("provider-{epoch}"), ear).map(Some)
    }

    /// Asks the tool itself how it fares.
    pub(super) fn ask_provider(&self, epoch: Epoch) {
        const LIMIT: Duration = Duration::from_secs(2);
        let Some(port) = self.api else { return };
        let (provider, local, outbox) = (self.provider(), self.local.clone(), self.outbox.clone());
        tokio::spawn(async move {
            let (mut url, mut connected) = (None, None);
            for path in provider.api() {
                let request = local.get(format!("http://127.0.0.1:{port}{path}")).timeout(LIMIT);
                let Ok(response) = request.send().await else { continue };
                let status = response.status().as_u16();
                let body = response.text().await.unwrap_or_default();
                match provider.read_api(path, status, &body) {
                    Some(Signal::Url(stated)) => {
                        url.get_or_insert(stated);
                    }
                    Some(Signal::Connected) => connected = Some(true),
                    Some(Signal::Disconnected(_)) => connected = Some(false),
                    _ => {}
                }
            }
            outbox.provider(epoch, Input::Asked { url, connected });
        });
    }

    /// A tool started while its server is down learns late that it is back; so the server first.
    pub(super) fn await_server(&self, epoch: Epoch, patience: Duration) {
        let (server, outbox) = (self.provider().server(&self.settings), self.outbox.clone());
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
                        let pause = (began.elapsed() / 32).clamp(LOOK_SOONEST, LOOK_LATEST);
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
        let grace = self.candidates[self.at].policy(&self.settings).stop_grace;
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
            (self.outbox.clone(), self.provider().server(&self.settings), self.edge.port());
        let (names, policy) = (self.names.clone(), self.candidates[self.at].policy(&self.settings));
        tokio::spawn(async move {
            let asked = match public.await {
                Ok(public) if policy.new_names => match known(&names, &public, &url).await {
                    Ok(()) => verify::probe(&public, &url, &probe, limit).await,
                    Err(failure) => Err(failure),
                },
                Ok(public) => verify::probe(&public, &url, &probe, limit).await,
                Err(error) => Err(Failure { reason: error.message, blame: None, unreachable: false }),
            };
            let probed = match asked {
                Ok(took) => Probed::Ours { took },
                Err(Failure { reason, blame: Some(blame), .. }) => Probed::Failed { reason, blame },
                // Its cloud is always there: who cannot reach it is offline.
                Err(Failure { reason, unreachable: true, .. }) if policy.cloud => {
                    Probed::Failed { reason, blame: Blame::Here }
                }
                Err(Failure { reason, .. }) => {
                    let blame = blame(&url, server, &local, &probe, edge_port).await;
                    Probed::Failed { reason, blame }
                }
            };
            outbox.provider(epoch, Input::Probed(probed));
        });
    }

    /// Looks once for every URL whether event streams come through as they are sent.
    pub(super) fn look_at_streams(&mut self, url: &Url) {
        const LIMIT: Duration = Duration::from_secs(3);
        let may_buffer = self.candidates[self.at].policy(&self.settings).may_buffer;
        if !may_buffer || !self.settings.verify || self.streams_seen.as_ref() == Some(url) {
            return;
        }
        self.streams_seen = Some(url.clone());
        let (public, probe) = (self.public_client(), self.edge.probe().clone());
        let (outbox, url, id) = (self.outbox.clone(), url.clone(), self.provider().id());
        tokio::spawn(async move {
            let Ok(public) = public.await else { return };
            if verify::streams(&public, &url, &probe, LIMIT).await == Some(false) {
                let message =
                    format!("{id} holds back event streams that are asked for by GET until they end");
                let fix = "answers to POST stream as they should; for server notifications use a named tunnel \
                    or another provider";
                outbox.send(Message::Notice(Event::notice("tunnel.sse_buffered", message, Some(fix.into()))));
            }
        });
    }
}

/// Is the name in the DNS? Asked where asking too early does no harm.
async fn known(names: &Names, client: &reqwest::Client, url: &Url) -> std::result::Result<(), Failure> {
    let reason = match names.know(client, url.host_str().unwrap_or_default()).await {
        Known::Yes => return Ok(()),
        Known::NotYet => "its name is not in the DNS yet",
        Known::Unanswered => "no DNS server could be asked over HTTPS",
    };
    Err(Failure { reason: reason.into(), blame: Some(Blame::Tunnel), unreachable: false })
}

fn free_port() -> Result<u16> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound
        .map(|address| address.port())
        .map_err(|error| Error::failed("provider.port", format!("find a free port: {}", io_reason(&error))))
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
async fn connect(server: &Url) -> std::result::Result<(), String> {
    const LIMIT: Duration = Duration::from_secs(5);
    let host = server.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let host = if loopback::is_name(host) { "localhost" } else { host };
    let port = server.port_or_known_default().unwrap_or(443);
    match tokio::time::timeout(LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(io_reason(&error)),
        Err(_) => Err(format!("no answer within {LIMIT:?}")),
    }
}
