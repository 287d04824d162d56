//! The composition: one machine each for provider, gateway and publishing, wired so that a proven URL
//! reaches the gateway, a healthy gateway reaches publishing, and an end is an end for all. Pure.

use super::gateway::Input as G;
use super::provider::Input as P;
use super::{Action, Epoch, Moment, Outcome, gateway, provider, publishing};
use crate::error::Error;
use crate::report::Event;

/// Everything that can happen to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// It begins.
    Begin,
    /// Something happened to the provider's run of this epoch.
    Provider(Epoch, P),
    /// Something happened to the gateway's run of this epoch.
    Gateway(Epoch, G),
    /// Everybody has been told this URL.
    Published(url::Url),
    /// The edge refused by the gateway's port.
    Suspect,
    /// The machine slept.
    Woke,
    /// Time has passed.
    Tick,
    /// Somebody wants it to end.
    Stop,
    /// The edge has finished what was under way.
    Drained,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Running,
    /// Requests under way are finished first.
    Draining,
    /// Both trees are being ended.
    Stopping,
    Over,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Session {
    provider: provider::Machine,
    /// Which of the candidates it is, and the others in their order.
    at: usize,
    candidates: Vec<provider::Rules>,
    /// It cannot go on; the next one begins when nothing of it lives any more.
    handing_over: bool,
    seed: u64,
    gateway: gateway::Machine,
    publishing: publishing::Machine,
    phase: Phase,
    /// Why it ends, when nobody asked for it.
    error: Option<Error>,
}

impl Session {
    /// `candidates` are tried in their order, from the first on and never back. The same seed gives the same
    /// delays.
    pub(super) fn new(mut candidates: Vec<provider::Rules>, seed: u64, gateway: gateway::Machine) -> Self {
        let last = candidates.len() - 1;
        for (at, rules) in candidates.iter_mut().enumerate() {
            rules.successor = at < last;
        }
        Self {
            provider: provider::Machine::new(candidates[0].clone(), seed, 0),
            at: 0,
            candidates,
            handing_over: false,
            seed,
            gateway,
            publishing: publishing::Machine::default(),
            phase: Phase::Running,
            error: None,
        }
    }

    /// The gateway's current run.
    pub(super) fn gateway_epoch(&self) -> Epoch {
        self.gateway.epoch()
    }

    /// When it wants to be ticked.
    pub(super) fn deadline(&self) -> Option<Moment> {
        [self.provider.deadline(), self.gateway.deadline()].into_iter().flatten().min()
    }

    /// Takes what happened and says what to do.
    pub(super) fn step(&mut self, input: Input, now: Moment) -> Vec<Action> {
        let mut out = vec![];
        match input {
            Input::Begin => self.provider(P::Begin, now, &mut out),
            Input::Provider(epoch, input) if epoch == self.provider.epoch() => {
                self.provider(input, now, &mut out)
            }
            Input::Gateway(epoch, input) if epoch == self.gateway.epoch() => {
                self.gateway(input, now, &mut out)
            }
            Input::Provider(..) | Input::Gateway(..) => {}
            Input::Published(url) if self.phase == Phase::Running => {
                self.publishing.published(&url, &mut out)
            }
            Input::Published(_) => {}
            Input::Suspect => self.gateway(G::Suspect, now, &mut out),
            Input::Woke => self.provider(P::Woke, now, &mut out),
            Input::Tick => {
                self.provider(P::Tick, now, &mut out);
                self.gateway(G::Tick, now, &mut out);
            }
            Input::Stop => self.stop(now, &mut out),
            Input::Drained => self.end_children(now, &mut out),
        }
        if self.handing_over && self.phase == Phase::Running && self.provider.ended() {
            self.succeed(now, &mut out);
        }
        if self.phase == Phase::Stopping && self.provider.ended() && self.gateway.ended() {
            self.phase = Phase::Over;
            out.push(Action::Quit(self.error.take()));
        }
        out
    }

    fn provider(&mut self, input: P, now: Moment, out: &mut Vec<Action>) {
        match self.provider.step(input, now, out) {
            Some(Outcome::TunnelUp(url)) if self.phase == Phase::Running => {
                self.publishing.tunnel(Some(url.clone()), out);
                self.gateway(G::Url(url), now, out);
            }
            Some(Outcome::Down) => self.publishing.tunnel(None, out),
            Some(Outcome::Failed(error)) => match self.candidates.get(self.at + 1) {
                Some(next) if self.phase == Phase::Running => {
                    let (from, to, reason) = (self.provider.id(), next.id, error.message);
                    out.push(Action::Emit(Event::Failover { from, to, reason }));
                    self.publishing.tunnel(None, out);
                    self.handing_over = true;
                }
                _ => self.fail(error, now, out),
            },
            _ => {}
        }
    }

    /// The next provider begins where the one before could not go on.
    fn succeed(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.handing_over = false;
        self.at += 1;
        let rules = self.candidates[self.at].clone();
        self.provider = provider::Machine::new(rules, self.seed, self.provider.epoch());
        out.push(Action::UseProvider { index: self.at });
        self.provider(P::Begin, now, out);
    }

    fn gateway(&mut self, input: G, now: Moment, out: &mut Vec<Action>) {
        match self.gateway.step(input, now, out) {
            Some(Outcome::GatewayUp(url)) if self.phase == Phase::Running => {
                self.publishing.gateway(Some(url), out)
            }
            Some(Outcome::Down) => self.publishing.gateway(None, out),
            Some(Outcome::Failed(error)) => self.fail(error, now, out),
            _ => {}
        }
    }

    fn fail(&mut self, error: Error, now: Moment, out: &mut Vec<Action>) {
        // An end that is under way already goes on at its own pace.
        if self.phase == Phase::Running {
            self.error = Some(error);
            self.stop(now, out);
        }
    }

    /// The first call drains, a second one hurries.
    fn stop(&mut self, now: Moment, out: &mut Vec<Action>) {
        match self.phase {
            Phase::Running => {
                self.phase = Phase::Draining;
                self.provider(P::Finish, now, out);
                self.gateway(G::Finish, now, out);
                out.push(Action::Drain);
            }
            Phase::Draining => {
                out.push(Action::Hurry);
                self.end_children(now, out);
            }
            Phase::Stopping => out.push(Action::Hurry),
            Phase::Over => {}
        }
    }

    fn end_children(&mut self, now: Moment, out: &mut Vec<Action>) {
        if self.phase == Phase::Draining {
            self.phase = Phase::Stopping;
            self.provider(P::Stop, now, out);
            self.gateway(G::Stop, now, out);
        }
    }
}
