//! A world in which the composed machine is tried: it does what the machine says, keeps count, and fails
//! at once when a child is started twice, stopped twice, or outlives the end (DESIGN section 4).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test module in a file of its own")]

mod properties;
mod scenarios;

use std::collections::HashMap;
use std::time::Duration;

use url::Url;

use super::gateway::{self, Input as G};
use super::machine::{Input, Session};
use super::provider::{self, Input as P};
use super::{Action, Epoch, Moment};
use crate::process::Status;
use crate::provider::{Fault, Policy, Verdict};

/// What may happen next; what it means depends on what runs at that moment.
#[derive(Debug, Clone)]
enum Step {
    Provider(P),
    Gateway(G),
    /// Something of a run that is over, or never was.
    Stale(P, G),
    Later(Duration),
    Suspect,
    Woke,
    Stop,
}

fn url(name: u8) -> Url {
    Url::parse(&format!("https://name{}.example", name % 3)).unwrap()
}

fn ended() -> Status {
    Status { how: "exit code 1".into(), last_lines: vec!["last words".into()] }
}

fn known(verdict: Verdict) -> Fault {
    Fault { code: "test.fault", verdict, message: "it failed".into(), fix: Some("help it".into()) }
}

/// A tool that is restarted whenever it is lost, like lt.
fn rules(id: &'static str, wanted: Option<String>) -> provider::Rules {
    let policy = Policy {
        name_grace: Duration::from_secs(1),
        name_in: |url| url.host_str()?.split_once('.').map(|(name, _)| name.into()),
        ..Policy::PLAIN
    };
    let (probe_interval, start_timeout) = (policy.probe_interval, Duration::from_secs(20));
    provider::Rules { id, policy, start_timeout, probe_interval, verify: true, wanted, successor: false }
}

/// A tool that says when it is connected and reconnects by itself, like cloudflared.
fn clever(id: &'static str) -> provider::Rules {
    let policy = Policy {
        awaits_connection: true,
        reconnects_within: Duration::from_secs(30),
        cloud: true,
        ..Policy::PLAIN
    };
    provider::Rules { policy, ..rules(id, None) }
}

/// A world that does what the machine says and keeps count.
struct World {
    session: Session,
    now: Moment,
    /// Live runs of each child, and how often each was told to stop.
    providers: HashMap<Epoch, u32>,
    gateways: HashMap<Epoch, u32>,
    quits: u32,
    stopping: bool,
    /// A look at the server is under way.
    awaiting: bool,
    log: Vec<Action>,
}

impl World {
    fn new(attached: bool, wanted: Option<String>) -> Self {
        Self::with(attached, vec![rules("plain", wanted)])
    }

    fn with(attached: bool, candidates: Vec<provider::Rules>) -> Self {
        let gateway = gateway::Machine::new(gateway::Rules { port: 3001, attached }, 2);
        let session = Session::new(candidates, 1, gateway);
        let mut world = Self {
            session,
            now: Duration::ZERO,
            providers: HashMap::new(),
            gateways: HashMap::new(),
            quits: 0,
            stopping: false,
            awaiting: false,
            log: vec![],
        };
        world.feed(Input::Begin);
        world
    }

    fn feed(&mut self, input: Input) {
        self.stopping |= input == Input::Stop;
        self.awaiting &=
            !matches!(input, Input::Provider(epoch, P::ServerReachable { .. }) if epoch != Epoch::MAX);
        for action in self.session.step(input, self.now) {
            assert_eq!(self.quits, 0, "nothing comes after the end: {action:?}");
            match &action {
                Action::LaunchProvider { epoch, .. } => {
                    assert!(!self.stopping, "a provider was started after a stop");
                    assert!(self.providers.is_empty(), "two providers at once");
                    self.providers.insert(*epoch, 0);
                }
                Action::LaunchGateway { epoch, .. } => {
                    assert!(!self.stopping, "a gateway was started after a stop");
                    assert!(self.gateways.is_empty(), "two gateways at once");
                    self.gateways.insert(*epoch, 0);
                }
                Action::StopProvider { epoch } => {
                    *self.providers.get_mut(epoch).expect("only what lives is stopped") += 1;
                    assert_eq!(self.providers[epoch], 1, "stopped once");
                }
                Action::StopGateway { epoch } => {
                    *self.gateways.get_mut(epoch).expect("only what lives is stopped") += 1;
                    assert_eq!(self.gateways[epoch], 1, "stopped once");
                }
                Action::AwaitServer { .. } => self.awaiting = true,
                Action::Drain => self.stopping = true,
                Action::Quit(_) => {
                    assert!(
                        self.providers.is_empty() && self.gateways.is_empty(),
                        "the end left a child behind"
                    );
                    self.quits += 1;
                }
                Action::Ready { .. } | Action::Publish { .. } => {
                    assert!(!self.stopping, "{action:?} after a stop")
                }
                _ => {}
            }
            self.log.push(action);
        }
    }

    /// Only what can happen does: a child is gone when it was told to stop, output comes from the living.
    fn take(&mut self, step: Step) {
        match step {
            Step::Provider(input) => {
                let Some((&epoch, &stopped)) = self.providers.iter().next() else {
                    // Words of a run can come late, after it was seen to be gone.
                    if !matches!(input, P::Gone | P::Started { .. }) {
                        let epoch = self.latest(|action| match action {
                            Action::LaunchProvider { epoch, .. } => Some(*epoch),
                            _ => None,
                        });
                        self.feed(Input::Provider(epoch, input));
                    }
                    return;
                };
                if input == P::Gone {
                    if stopped == 0 {
                        return;
                    }
                    self.providers.remove(&epoch);
                }
                self.feed(Input::Provider(epoch, input));
            }
            Step::Gateway(input) => {
                let attached = self.latest(|action| match action {
                    Action::AwaitGateway { epoch, .. } => Some(*epoch),
                    _ => None,
                });
                let (epoch, stopped) = self.gateways.iter().next().map_or((attached, 0), |(e, s)| (*e, *s));
                if input == G::Gone {
                    if stopped == 0 {
                        return;
                    }
                    self.gateways.remove(&epoch);
                }
                self.feed(Input::Gateway(epoch, input));
            }
            Step::Stale(p, g) => {
                let before = format!("{:?}", self.session);
                self.feed(Input::Provider(u64::MAX, p));
                self.feed(Input::Gateway(u64::MAX, g));
                assert_eq!(before, format!("{:?}", self.session), "a stale event changed something");
            }
            Step::Later(time) => {
                self.now += time;
                self.feed(Input::Tick);
            }
            Step::Suspect => self.feed(Input::Suspect),
            Step::Woke => self.feed(Input::Woke),
            Step::Stop => self.feed(Input::Stop),
        }
        self.answer_publish();
    }

    fn answer_publish(&mut self) {
        if let Some(Action::Publish { url }) = self.log.last().cloned() {
            self.feed(Input::Published(url));
        }
    }

    fn latest(&self, find: impl Fn(&Action) -> Option<Epoch>) -> Epoch {
        self.log.iter().rev().find_map(find).unwrap_or_default()
    }

    /// Somebody presses Ctrl-C, and everything that was asked for happens.
    fn end(&mut self) {
        if self.quits == 0 && !self.stopping {
            self.feed(Input::Stop);
        }
        if self.quits == 0 {
            self.feed(Input::Drained);
        }
        for epoch in self.providers.keys().copied().collect::<Vec<_>>() {
            assert_eq!(self.providers.remove(&epoch), Some(1), "a live provider was not stopped");
            self.feed(Input::Provider(epoch, P::Gone));
        }
        for epoch in self.gateways.keys().copied().collect::<Vec<_>>() {
            assert_eq!(self.gateways.remove(&epoch), Some(1), "a live gateway was not stopped");
            self.feed(Input::Gateway(epoch, G::Gone));
        }
    }
}
