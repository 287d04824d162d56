//! The provider's machine: start it, prove its URL, notice its loss, bring it back under its name.
//! Pure: values in, actions out.

use std::time::Duration;

use url::Url;

use super::backoff::Backoff;
use super::verify::{Blame, Probed, Rtt};
use super::{Action, Epoch, Moment, Outcome, base, why};
use crate::error::Error;
use crate::process::Status;
use crate::provider::Policy;
use crate::report::Event;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// The session begins.
    Begin,
    /// The child runs.
    Started { pid: Option<u32> },
    /// It could not be started; nothing runs.
    StartFailed(Error),
    /// It stated its URL.
    Url(Url),
    /// It said why things will not work.
    Trouble(String),
    /// Its process ended; what it started may live on.
    Exited(Status),
    /// Nothing of it lives any more.
    Gone,
    /// Its server accepts connections, or enough time was spent on that. `was_down`: it did not at first.
    ServerReachable { was_down: bool },
    /// A probe came to an end.
    Probed(Probed),
    /// The machine slept: whatever was known is old.
    Woke,
    /// Time has passed.
    Tick,
    /// Start nothing any more.
    Finish,
    /// End what runs.
    Stop,
}

/// Everything that stays the same for a session.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) id: &'static str,
    pub(super) policy: Policy,
    pub(super) start_timeout: Duration,
    pub(super) probe_interval: Duration,
    /// Prove the URL, or take the provider's word.
    pub(super) verify: bool,
    /// The name the user wants.
    pub(super) wanted: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Idle,
    /// Launched; a URL is to come until `deadline`.
    Starting {
        deadline: Moment,
    },
    /// A URL was stated; is it ours? `next`: when to ask (again); none while a probe is under way.
    Verifying {
        url: Url,
        since: Moment,
        next: Option<Moment>,
        told: Told,
    },
    /// It is, and was at the last look.
    Up {
        url: Url,
        since: Moment,
        next: Option<Moment>,
        failures: u32,
        told: bool,
    },
    /// Being ended.
    Stopping {
        restart: Restart,
        ended: Option<Moment>,
    },
    /// Starts again at `until`, once its server is there.
    Waiting {
        until: Moment,
        server: bool,
    },
    Ended,
}

/// What has been said of a URL that does not prove true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    Slow,
    Unverifiable,
}

/// What comes after the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restart {
    No,
    /// After the next delay of the backoff.
    Backoff,
    /// As soon as its name is free: nothing failed, it only got another name than it had.
    ForName,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    rules: Rules,
    state: State,
    epoch: Epoch,
    backoff: Backoff,
    rtt: Rtt,
    /// Starts in a row that ended without a proven URL, before the first one.
    failed_starts: u32,
    ever_up: bool,
    /// The name to ask for.
    name: Option<String>,
    /// How often in a row another name was given than asked for.
    misnamed: u32,
    trouble: Option<String>,
    finishing: bool,
}

/// Before the first URL a session gives up after so many starts (DESIGN section 1).
const FIRST_STARTS: u32 = 3;
/// How long a stated URL may take to prove true.
const VERIFY_LIMIT: Duration = Duration::from_secs(20);
/// After so long, people want to know why it takes so long.
const VERIFY_SLOW: Duration = Duration::from_secs(4);
/// How long a lost server is waited for before the tool is tried all the same: it may know another way.
const SERVER_PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at a URL that cannot be verified from here.
const LATER: Duration = Duration::from_secs(5);

impl Machine {
    pub(super) fn new(rules: Rules, seed: u64) -> Self {
        let name = rules.wanted.clone();
        Self {
            rules,
            state: State::Idle,
            epoch: 0,
            backoff: Backoff::new(seed),
            rtt: Rtt::default(),
            failed_starts: 0,
            ever_up: false,
            name,
            misnamed: 0,
            trouble: None,
            finishing: false,
        }
    }

    /// The current run.
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Does nothing of the provider live, for good?
    pub(super) fn ended(&self) -> bool {
        self.state == State::Ended
    }

    /// When it wants to be ticked.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match &self.state {
            State::Starting { deadline } => Some(*deadline),
            State::Verifying { next, .. } | State::Up { next, .. } => *next,
            State::Waiting { until, server: true } => Some(*until),
            _ => None,
        }
    }

    pub(super) fn step(&mut self, input: Input, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        match input {
            Input::Begin => self.launch(now, out),
            Input::Started { pid } => {
                out.push(Action::Emit(Event::ProviderStarting { provider: self.rules.id, pid }))
            }
            Input::StartFailed(error) => {
                self.state = State::Ended;
                return Some(Outcome::Failed(error));
            }
            Input::Trouble(trouble) => self.trouble = Some(trouble),
            Input::Url(url) => return self.stated(url, now, out),
            Input::Probed(probed) => return self.probed(probed, now, out),
            Input::Exited(status) => return self.exited(&status, now, out),
            Input::Gone => self.gone(now, out),
            Input::ServerReachable { was_down } => {
                if let State::Waiting { until, server } = &mut self.state {
                    *server = true;
                    // Its server forgot every name when it went down: no grace period to wait out.
                    *until = if was_down { now } else { *until };
                }
            }
            Input::Woke => {
                if let State::Up { next: next @ Some(_), .. } = &mut self.state {
                    *next = Some(now);
                }
            }
            Input::Tick => return self.tick(now, out),
            Input::Finish => {
                self.finishing = true;
                match &mut self.state {
                    State::Idle | State::Waiting { .. } => self.state = State::Ended,
                    State::Stopping { restart, .. } => *restart = Restart::No,
                    _ => {}
                }
            }
            Input::Stop => self.stop(Restart::No, None, out),
        }
        None
    }

    fn launch(&mut self, now: Moment, out: &mut Vec<Action>) {
        self.epoch += 1;
        self.trouble = None;
        self.state = State::Starting { deadline: now + self.rules.start_timeout };
        out.push(Action::LaunchProvider { epoch: self.epoch, subdomain: self.name.clone() });
    }

    fn stated(&mut self, url: Url, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        if !matches!(self.state, State::Starting { .. }) {
            return None;
        }
        let given = (self.rules.policy.name_in)(&url);
        if given.is_some() && self.name.is_some() && given != self.name {
            let patience = if self.ever_up { 2 } else { 1 };
            self.misnamed += 1;
            // Its own name may still be held by the connections of the run before.
            if self.misnamed <= patience {
                self.stop(Restart::ForName, None, out);
                return None;
            }
            out.push(Action::Emit(self.not_granted(&url)));
        }
        self.misnamed = 0;
        // Whatever held it up before is over.
        self.trouble = None;
        out.push(Action::Emit(Event::UrlFound { url: base(&url), provider: self.rules.id }));
        if !self.rules.verify {
            let message = "the address was not verified (--no-verify)";
            out.push(Action::Emit(Event::notice("tunnel.not_verified", message, None)));
            return Some(self.up(url, now));
        }
        let limit = self.rtt.limit(self.rules.probe_interval, false);
        out.push(Action::Probe { epoch: self.epoch, url: url.clone(), limit });
        self.state = State::Verifying { url, since: now, next: None, told: Told::Nothing };
        None
    }

    fn not_granted(&self, url: &Url) -> Event {
        let name = self.name.as_deref().unwrap_or_default();
        Event::notice(
            "provider.name_not_granted",
            format!("{} did not grant the name `{name}`: the address is {}", self.rules.id, base(url)),
            Some("somebody else may hold it: choose another --subdomain, or register the new address".into()),
        )
    }

    fn up(&mut self, url: Url, now: Moment) -> Outcome {
        self.ever_up = true;
        self.failed_starts = 0;
        // The next run asks for the name this one got, a random one too.
        self.name = (self.rules.policy.name_in)(&url).or(self.name.take());
        let next = self.rules.verify.then(|| now + self.rules.probe_interval);
        self.state = State::Up { url: url.clone(), since: now, next, failures: 0, told: false };
        Outcome::TunnelUp(url)
    }

    fn probed(&mut self, probed: Probed, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        match (&mut self.state, probed) {
            (State::Verifying { url, since, .. }, Probed::Ours { took }) => {
                let (url, since) = (url.clone(), *since);
                self.rtt.measured(took);
                let elapsed_ms = (now - since).as_millis() as u64;
                out.push(Action::Emit(Event::UrlVerified { url: base(&url), elapsed_ms }));
                Some(self.up(url, now))
            }
            (State::Verifying { url, since, next, told }, Probed::Failed { reason, blame }) => {
                let waited = now.saturating_sub(*since);
                if waited >= VERIFY_LIMIT && blame == Blame::Tunnel {
                    return self.lost(format!("the address does not lead here: {reason}"), now, out);
                }
                // Fast at first: most tunnels need a moment after stating their URL.
                let pause = (waited / 4).clamp(Duration::from_millis(25), Duration::from_secs(2));
                *next = Some(now + if waited < VERIFY_LIMIT { pause } else { LATER });
                if waited >= VERIFY_LIMIT && *told < Told::Unverifiable {
                    *told = Told::Unverifiable;
                    out.push(Action::Emit(unverifiable(reason)));
                } else if waited >= VERIFY_SLOW && *told < Told::Slow {
                    *told = Told::Slow;
                    let message = format!("{} does not lead here yet: {reason}", base(url));
                    out.push(Action::Emit(Event::notice("tunnel.slow", message, None)));
                }
                None
            }
            (State::Up { url, next, failures, told, .. }, Probed::Ours { took }) => {
                self.rtt.measured(took);
                *next = Some(now + self.rules.probe_interval);
                *failures = 0;
                if std::mem::take(told) {
                    let elapsed_ms = took.as_millis() as u64;
                    out.push(Action::Emit(Event::UrlVerified { url: base(url), elapsed_ms }));
                }
                None
            }
            (State::Up { url, next, failures, told, .. }, Probed::Failed { reason, blame }) => match blame {
                Blame::Tunnel if *failures >= 1 => self.lost(reason, now, out),
                Blame::Tunnel => {
                    *failures += 1;
                    let limit = self.rtt.limit(self.rules.probe_interval, true);
                    out.push(Action::Probe { epoch: self.epoch, url: url.clone(), limit });
                    None
                }
                Blame::Here => {
                    *next = Some(now + LATER.min(self.rules.probe_interval));
                    if !std::mem::replace(told, true) {
                        out.push(Action::Emit(unverifiable(reason)));
                    }
                    None
                }
            },
            _ => None,
        }
    }

    fn exited(&mut self, status: &Status, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        match &mut self.state {
            State::Stopping { ended, .. } => {
                ended.get_or_insert(now);
                return None;
            }
            State::Starting { .. } | State::Verifying { .. } | State::Up { .. } => {}
            // The word of its end can come after everything of it was seen to be gone.
            State::Idle | State::Waiting { .. } | State::Ended => return None,
        }
        if self.finishing {
            self.stop(Restart::No, Some(now), out);
            return None;
        }
        let reason = format!("{} ended: {}", self.rules.id, why(status, self.trouble.take()));
        let outcome = self.lost(reason, now, out);
        if let State::Stopping { ended, .. } = &mut self.state {
            *ended = Some(now);
        }
        outcome
    }

    /// The run is of no use any more, whatever is left of it.
    fn lost(&mut self, reason: String, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        if let State::Up { since, .. } = self.state {
            self.backoff.lost_after(since, now);
            out.push(Action::Emit(Event::TunnelLost { reason }));
            self.stop(Restart::Backoff, None, out);
            return Some(Outcome::Down);
        }
        self.failed_starts += 1;
        if !self.ever_up && self.failed_starts >= FIRST_STARTS {
            self.stop(Restart::No, None, out);
            let message =
                format!("get a working address from {}: {reason}, {FIRST_STARTS} times", self.rules.id);
            let fix =
                "check the network and the --server address; `mcpgw tunnel --provider local` needs neither";
            return Some(Outcome::Failed(Error::failed("provider.no_url", message).fix(fix)));
        }
        out.push(Action::Emit(Event::notice("provider.failed_start", reason, None)));
        self.stop(Restart::Backoff, None, out);
        None
    }

    /// Every run is stopped exactly once: also one that ended by itself, for what it may have started.
    fn stop(&mut self, restart: Restart, ended: Option<Moment>, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Idle | State::Waiting { .. } | State::Ended => self.state = State::Ended,
            State::Stopping { restart: planned, .. } => {
                if restart == Restart::No {
                    *planned = Restart::No;
                }
            }
            State::Starting { .. } | State::Verifying { .. } | State::Up { .. } => {
                let restart = if self.finishing { Restart::No } else { restart };
                self.state = State::Stopping { restart, ended };
                out.push(Action::StopProvider { epoch: self.epoch });
            }
        }
    }

    fn gone(&mut self, now: Moment, out: &mut Vec<Action>) {
        let State::Stopping { restart, ended } = self.state else { return };
        let delay = match restart {
            Restart::No => {
                self.state = State::Ended;
                return;
            }
            Restart::Backoff => self.backoff.next(),
            Restart::ForName => Duration::ZERO,
        };
        let name_free =
            ended.unwrap_or(now) + if self.name.is_some() { self.rules.policy.name_grace } else { delay };
        let until = (now + delay).max(name_free);
        if restart == Restart::Backoff {
            let delay_ms = (until - now).as_millis() as u64;
            let attempt = self.backoff.attempt();
            out.push(Action::Emit(Event::Restarting { what: "provider", attempt, delay_ms }));
        }
        self.state = State::Waiting { until, server: false };
        // A server that never was there may have a wrong address: that is not waited for, but said.
        let patience = if self.ever_up { SERVER_PATIENCE } else { Duration::ZERO };
        out.push(Action::AwaitServer { epoch: self.epoch, patience });
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let epoch = self.epoch;
        match &mut self.state {
            State::Starting { .. } => {
                let within = self.rules.start_timeout;
                let reason = match self.trouble.take() {
                    Some(trouble) => {
                        format!("{} stated no address within {within:?}: {trouble}", self.rules.id)
                    }
                    None => format!("{} stated no address within {within:?}", self.rules.id),
                };
                return self.lost(reason, now, out);
            }
            State::Verifying { url, next, .. } | State::Up { url, next, .. } => {
                *next = None;
                let limit = self.rtt.limit(self.rules.probe_interval, false);
                out.push(Action::Probe { epoch, url: url.clone(), limit });
            }
            State::Waiting { .. } => self.launch(now, out),
            _ => {}
        }
        None
    }
}

fn unverifiable(reason: String) -> Event {
    let fix = "check this machine's network; --no-verify takes the provider's word for the address";
    Event::Unverifiable { reason, fix: Some(fix.into()) }
}
