//! Does what the machine says and tells it what happened: the one place of a session that sleeps,
//! spawns and talks. Decides nothing.

mod clients;
mod clock;
mod gateway;
mod https;
mod provider;
mod publish;
mod start;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::Client;
use tokio::sync::{OnceCell, mpsc, watch};
use url::Url;

pub use clients::restored;
use clock::Clock;
use gateway::AbortOnDrop;
use https::Https;
pub use publish::clear_away;

use super::machine::{Input, Session};
use super::{Action, Epoch, gateway as gateway_machine, provider as provider_machine};
use crate::cert::Keeper;
use crate::config::Settings;
use crate::edge::{Edge, Target};
use crate::error::{Error, Result};
use crate::gateway::Manners;
use crate::os::{self, Interruption, Suspension, Termination};
use crate::process::{self, Child, Reaper};
use crate::provider::Candidate;
use crate::report::{Audience, Event, Report};
use crate::state::{Key, SessionRecord, State};
use crate::web::{self, Names};

/// What a session is to be.
#[derive(Debug)]
pub struct Plan {
    /// Everything the user wants.
    pub settings: Settings,
    /// The provider to use, then those that take over when it cannot go on. Never empty.
    pub candidates: Vec<Candidate>,
    /// Does the edge speak TLS itself, with this certificate?
    pub tls: Option<Keeper>,
    /// What visitors must show, and the file it lies in; `None` where nothing is asked of them.
    pub key: Option<(Key, PathBuf)>,
    /// Said once the edge stands.
    pub notices: Vec<Event>,
}

/// Runs a session until it is asked to end or cannot go on.
pub async fn run(plan: Plan, state: &State, report: &Report) -> Result<()> {
    let mut termination = Termination::listen()
        .map_err(|error| Error::failed("session.signals", format!("listen for signals: {error}")))?;
    let (mut driver, mut inbox) = Driver::start(plan, state, report).await?;
    let outcome = driver.drive(&mut inbox, &mut termination).await;
    let reason = driver.reason;
    driver.clean_up().await;
    outcome?;
    report.event(&Event::Stopped { reason });
    Ok(())
}

/// What tasks tell the driver.
enum Message {
    Happened(Input),
    /// The gateway answers; this is how it wants to be spoken to.
    Answers {
        epoch: Epoch,
        /// The address that it was told, or that it was asked through.
        url: Url,
        target: Target,
        manners: Manners,
    },
    /// The gateway that was asked whether it guards itself may be gone.
    InDoubt {
        epoch: Epoch,
        url: Url,
    },
    Notice(Event),
    /// The local API of the provider's run listens on this port.
    Api(Epoch, u16),
}

#[derive(Clone)]
struct Outbox(mpsc::UnboundedSender<Message>);

impl Outbox {
    fn send(&self, message: Message) {
        // After the end nobody listens, and nothing is lost by that.
        let _ = self.0.send(message);
    }

    fn provider(&self, epoch: Epoch, input: provider_machine::Input) {
        self.send(Message::Happened(Input::Provider(epoch, input)));
    }

    fn gateway(&self, epoch: Epoch, input: gateway_machine::Input) {
        self.send(Message::Happened(Input::Gateway(epoch, input)));
    }
}

struct Inbox {
    messages: mpsc::UnboundedReceiver<Message>,
    suspicions: mpsc::Receiver<()>,
}

struct Driver<'a> {
    settings: Arc<Settings>,
    candidates: Vec<Candidate>,
    /// Which of them it is now.
    at: usize,
    /// The port of its local API, once known.
    api: Option<u16>,
    state: &'a State,
    report: &'a Report,
    session: Session,
    outbox: Outbox,
    edge: Edge,
    /// For services on this machine.
    local: Client,
    /// As visitors come in; made beside the provider's start, for it reads all the system's CAs.
    public: Arc<OnceCell<Client>>,
    names: Arc<Names>,
    /// Whether event streams are held back has been looked at for this URL.
    streams_seen: Option<Url>,
    https: Option<Https>,
    record: SessionRecord,
    /// Covers SIGKILL; ends by itself when we do.
    reaper: Reaper,
    provider_child: Option<Child>,
    gateway_child: Option<Child>,
    target: Option<Target>,
    told: Told,
    /// Where the key lies that visitors need; `None` with `--auth none`.
    key_file: Option<PathBuf>,
    /// Looks whether the gateway is still the one that was asked.
    watch: Option<AbortOnDrop>,
    /// When it ends by itself.
    expires: Option<SystemTime>,
    /// Turns true when nobody gets any more time.
    hurry: watch::Sender<bool>,
    clock: Clock,
    reason: &'static str,
}

/// What is said once in a session.
#[derive(Default)]
struct Told {
    host: bool,
    guarded: bool,
    astray: bool,
}

impl<'a> Driver<'a> {
    async fn drive(&mut self, inbox: &mut Inbox, termination: &mut Termination) -> Result<()> {
        let mut next = Some(Input::Begin);
        // Elsewhere there is nothing to tidy up before the system suspends us.
        let at_terminal = self.report.audience() == Audience::Terminal;
        let mut suspension = at_terminal.then(Suspension::listen).and_then(std::io::Result::ok);
        let mut alone = self.nobody_reads();
        loop {
            if let Some(input) = next.take() {
                if self.clock.slept() {
                    self.step(Input::Woke)?;
                }
                if self.step(input)? {
                    return Ok(());
                }
            }
            let deadline = self.session.deadline().map(|deadline| self.clock.at(deadline));
            let tick = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            if self.expires.is_some_and(|at| SystemTime::now() >= at) {
                self.expires = None;
                self.reason = "expired";
                next = Some(Input::Stop);
                continue;
            }
            let expiry = self.expires.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default());
            let expired = async {
                match expiry {
                    // Time that the machine sleeps through counts too, so the wall clock is looked at again.
                    Some(left) => tokio::time::sleep(left.min(Duration::from_secs(30))).await,
                    None => std::future::pending().await,
                }
            };
            next = tokio::select! {
                () = expired => None,
                Some(message) = inbox.messages.recv() => self.hear(message),
                Some(()) = inbox.suspicions.recv() => Some(Input::Suspect),
                () = tick => Some(Input::Tick),
                () = &mut alone => {
                    self.reason = "nobody reads";
                    alone = Box::pin(std::future::pending());
                    Some(Input::Stop)
                }
                () = ctrl_z(&mut suspension) => {
                    self.report.suspend();
                    Suspension::suspend();
                    self.report.resume();
                    None
                }
                interruption = termination.next() => match interruption {
                    Interruption::End(reason) => {
                        self.reason = reason;
                        Some(Input::Stop)
                    }
                    Interruption::ChildEnded => {
                        process::reap_orphans();
                        None
                    }
                },
            };
        }
    }

    /// A program that asked for events and left ends its session, as it would end any other program's pipe.
    fn nobody_reads(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match self.report.audience() {
            Audience::Json => Box::pin(os::reader_left()),
            _ => Box::pin(std::future::pending()),
        }
    }

    fn hear(&mut self, message: Message) -> Option<Input> {
        match message {
            Message::Happened(input) => Some(input),
            Message::Answers { epoch, url, target, manners } => {
                // A gateway of an earlier run says nothing about the one that is there now.
                if epoch == self.session.gateway_epoch() {
                    self.learn(epoch, &url, target, &manners);
                }
                Some(Input::Gateway(epoch, gateway_machine::Input::Alive))
            }
            Message::InDoubt { epoch, url } => {
                if epoch == self.session.gateway_epoch() {
                    self.await_gateway(epoch, url);
                }
                None
            }
            Message::Notice(event) => {
                self.report.event(&event);
                None
            }
            Message::Api(epoch, port) => {
                self.api = Some(port);
                self.record.api_port = Some(port);
                Some(Input::Provider(epoch, provider_machine::Input::HasApi))
            }
        }
    }

    /// Feeds the machine and does what it says. True when it says that this was all.
    fn step(&mut self, input: Input) -> Result<bool> {
        for action in self.session.step(input, self.clock.now()) {
            match action {
                Action::Quit(None) => return Ok(true),
                Action::Quit(Some(error)) => return Err(error),
                action => self.perform(action),
            }
        }
        Ok(false)
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::UseProvider { index } => self.use_provider(index),
            Action::LaunchProvider { epoch, subdomain, faults } => {
                self.launch_provider(epoch, subdomain, faults);
            }
            Action::AskProvider { epoch } => self.ask_provider(epoch),
            Action::AwaitServer { epoch, patience } => self.await_server(epoch, patience),
            Action::StopProvider { epoch } => self.stop_provider(epoch),
            Action::Probe { epoch, url, limit } => self.probe(epoch, url, limit),
            Action::LaunchGateway { epoch, url } => self.launch_gateway(epoch, &url),
            Action::AwaitGateway { epoch, url } => self.await_gateway(epoch, url),
            Action::CheckGateway { epoch } => self.check_gateway(epoch),
            Action::StopGateway { epoch } => self.stop_gateway(epoch),
            Action::Hold => self.edge.hold(),
            Action::Open => self.target.iter().for_each(|target| self.edge.open(target.clone())),
            Action::Publish { url } => self.publish(url),
            Action::Ready { url } => self.ready(&url),
            Action::Emit(event) => self.emit(&event),
            Action::Drain => self.drain(),
            Action::Hurry => drop(self.hurry.send_replace(true)),
            Action::Quit(_) => {}
        }
    }

    fn emit(&mut self, event: &Event) {
        self.report.event(event);
        let phase = match event {
            Event::TunnelLost { .. }
            | Event::GatewayLost { .. }
            | Event::Failover { .. }
            | Event::Restarting { .. } => "restarting",
            _ => return,
        };
        self.note_phase(phase);
    }

    fn note_phase(&mut self, phase: &str) {
        if self.record.phase != phase {
            self.record.phase = phase.into();
            self.save();
        }
    }

    /// Other commands read the file; a session does not end because the disk is full.
    fn save(&self) {
        if let Err(error) = self.state.save(&self.record) {
            self.report.event(&Event::notice(error.code, format!("could not {}", error.message), error.fix));
        }
    }

    fn drain(&mut self) {
        const LIMIT: Duration = Duration::from_secs(5);
        self.note_phase("stopping");
        let (drained, outbox, mut hurry) = (self.edge.drain(), self.outbox.clone(), self.hurry.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::time::timeout(LIMIT, drained) => {}
                () = async { drop(hurry.wait_for(|hurry| *hurry).await) } => {}
            }
            outbox.send(Message::Happened(Input::Drained));
        });
    }

    /// Ends a child's tree; at once when there is a hurry.
    fn end_tree(&self, child: Option<Child>, grace: Duration) -> impl Future<Output = ()> + Send + use<> {
        let mut hurry = self.hurry.subscribe();
        async move {
            let Some(child) = child else { return };
            let hurried = async move { drop(hurry.wait_for(|hurry| *hurry).await) };
            tokio::select! {
                () = process::stop(&child, grace) => return,
                () = hurried => {}
            }
            process::stop(&child, Duration::ZERO).await;
        }
    }

    /// The client that comes in as visitors do.
    fn public_client(&self) -> impl Future<Output = Result<Client>> + Send + use<> {
        let (cell, https, names) = (self.public.clone(), self.https.clone(), self.names.clone());
        async move {
            let make = || async {
                let made = tokio::task::spawn_blocking(move || match https {
                    None => web::public(None, names),
                    Some(https) => https.client(names),
                })
                .await;
                made.map_err(|error| Error::failed("web.client", format!("set up an HTTP client: {error}")))?
            };
            cell.get_or_try_init(make).await.cloned()
        }
    }

    async fn clean_up(mut self) {
        self.edge.close().await;
        self.restore_clients();
        self.give_back_env_file();
        // By now only what escaped both trees can be left, a hook's child say.
        process::end_adopted(self.reaper.pid());
        self.reaper.finish();
        self.state.forget(&self.record.id);
    }
}

async fn ctrl_z(suspension: &mut Option<Suspension>) {
    match suspension {
        Some(suspension) => suspension.next().await,
        None => std::future::pending().await,
    }
}

/// `https://x/` and `/api/mcp/default` make `https://x/api/mcp/default`.
fn below(url: &Url, path: &str) -> String {
    format!("{}{path}", super::base(url))
}
