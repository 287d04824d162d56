//! The provider's machine: start it, prove its URL, notice its loss, bring it back under its name.
//! Pure: values in, actions out. Here is what a run goes through; `looking` holds what answers to looks
//! at it mean, `ending` how a run ends and what comes after.

mod ending;
mod looking;

use std::collections::BTreeSet;
use std::time::Duration;

use url::Url;

use super::backoff::Backoff;
use super::verify::{Probed, Rtt};
use super::{Action, Epoch, Moment, Outcome, base};
use crate::error::Error;
use crate::process::Status;
use crate::provider::{Fault, Policy};
use crate::report::Event;

/// Trouble that ends the run is over by then, and told with its end.
const TROUBLE_STAYS: Duration = Duration::from_secs(1);

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
    /// It is connected to its cloud.
    Connected,
    /// It is not any more, and tries again by itself.
    Disconnected(String),
    /// It said why things will not work.
    Trouble(String),
    /// It failed in a way that is known.
    Fault(Fault),
    /// It has a local API that can be asked.
    HasApi,
    /// What that says; nothing, when it cannot be reached.
    Asked { url: Option<Url>, connected: Option<bool> },
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
    /// Does another provider take over when this one cannot go on?
    pub(super) successor: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Idle,
    /// Launched; a URL is to come until `deadline`, and where that is needed a connection.
    Starting {
        deadline: Moment,
        url: Option<Url>,
        connected: bool,
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
    /// It was; the tool is left alone to bring it back until `until`.
    Reconnecting {
        url: Url,
        since: Moment,
        until: Moment,
        next: Option<Moment>,
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
    /// After this time: its cloud said so.
    After(Duration),
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
    /// Starts in a row that ended without a proven URL.
    failed_starts: u32,
    ever_up: bool,
    /// The name to ask for.
    name: Option<String>,
    /// How often in a row another name was given than asked for.
    misnamed: u32,
    /// How often in a row its name was still bound to a run before.
    bound: usize,
    trouble: Option<String>,
    /// When people are told of it, unless the run ends by it first.
    tell: Option<Moment>,
    /// The trouble that they were told last.
    told_trouble: Option<String>,
    /// The faults that ended runs before.
    faults: BTreeSet<&'static str>,
    /// Faults that were told and need no second word.
    told: BTreeSet<&'static str>,
    /// When to ask its local API; none while it is asked, or where there is none.
    ask: Option<Moment>,
    /// Its local API has answered in this run.
    api_answers: bool,
    /// Its local API's bad news are not looked into before this.
    suspect_again: Moment,
    finishing: bool,
}

impl Machine {
    /// `epoch` is that of the last run of a provider before this one.
    pub(super) fn new(rules: Rules, seed: u64, epoch: Epoch) -> Self {
        let name = rules.wanted.clone();
        Self {
            rules,
            state: State::Idle,
            epoch,
            backoff: Backoff::new(seed),
            rtt: Rtt::default(),
            failed_starts: 0,
            ever_up: false,
            name,
            misnamed: 0,
            bound: 0,
            trouble: None,
            tell: None,
            told_trouble: None,
            faults: BTreeSet::new(),
            told: BTreeSet::new(),
            ask: None,
            api_answers: false,
            suspect_again: Duration::ZERO,
            finishing: false,
        }
    }

    /// The current run.
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Its provider's name.
    pub(super) fn id(&self) -> &'static str {
        self.rules.id
    }

    /// Does nothing of the provider live, for good?
    pub(super) fn ended(&self) -> bool {
        self.state == State::Ended
    }

    /// When it wants to be ticked.
    pub(super) fn deadline(&self) -> Option<Moment> {
        let own = match &self.state {
            State::Starting { deadline, .. } => Some(self.tell.map_or(*deadline, |tell| tell.min(*deadline))),
            State::Verifying { next, .. } | State::Up { next, .. } => *next,
            State::Reconnecting { until, next, .. } => Some(next.map_or(*until, |next| next.min(*until))),
            State::Waiting { until, server: true } => Some(*until),
            _ => None,
        };
        own.into_iter().chain(self.ask.filter(|_| self.runs())).min()
    }

    /// Is there a run that has not been told to end?
    fn runs(&self) -> bool {
        matches!(
            self.state,
            State::Starting { .. } | State::Verifying { .. } | State::Up { .. } | State::Reconnecting { .. }
        )
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
            Input::Trouble(trouble) => self.heard_trouble(trouble, now),
            Input::Fault(fault) => return self.fault(fault, now, out),
            Input::Url(url) => return self.stated(url, now, out),
            Input::Connected => return self.connected(now, out),
            Input::Disconnected(reason) => return self.disconnected(reason, now, out),
            Input::HasApi => self.ask = Some(now + looking::ASK_SOON),
            Input::Asked { url, connected } => return self.asked(url, connected, now, out),
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
        self.tell = None;
        self.ask = None;
        self.api_answers = false;
        let deadline = now + self.rules.start_timeout;
        self.state = State::Starting { deadline, url: None, connected: false };
        let (epoch, subdomain, faults) =
            (self.epoch, self.name.clone(), self.faults.iter().copied().collect());
        out.push(Action::LaunchProvider { epoch, subdomain, faults });
    }

    fn stated(&mut self, url: Url, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        match &self.state {
            State::Starting { url: None, .. } => {}
            // It came back under another address.
            State::Reconnecting { url: old, .. } if *old != url => {}
            State::Up { url: old, .. } if *old != url => return self.moved(url, now, out),
            _ => return None,
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
        self.tell = None;
        out.push(Action::Emit(Event::UrlFound { url: base(&url), provider: self.rules.id }));
        match &mut self.state {
            State::Starting { url: stated, connected: false, .. } if self.rules.policy.awaits_connection => {
                *stated = Some(url);
                None
            }
            _ => self.verify(url, now, out),
        }
    }

    /// It stated another address while the old one was taken for good.
    fn moved(&mut self, url: Url, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        let reason = format!("{} moved to another address", self.rules.id);
        out.push(Action::Emit(Event::TunnelLost { reason }));
        out.push(Action::Emit(Event::UrlFound { url: base(&url), provider: self.rules.id }));
        self.verify(url, now, out).or(Some(Outcome::Down))
    }

    /// It is connected: what it stated can be proved now.
    fn connected(&mut self, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        match &mut self.state {
            State::Starting { url, connected, .. } => {
                *connected = true;
                let url = url.take().filter(|_| self.rules.policy.awaits_connection)?;
                self.verify(url, now, out)
            }
            State::Reconnecting { url, .. } if !self.rules.verify => {
                let url = url.clone();
                Some(self.up(url, now))
            }
            State::Reconnecting { next: next @ Some(_), .. } => {
                *next = Some(now);
                None
            }
            _ => None,
        }
    }

    fn verify(&mut self, url: Url, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        if !self.rules.verify {
            let message = "the address was not verified (--no-verify)";
            out.push(Action::Emit(Event::notice("tunnel.not_verified", message, None)));
            return Some(self.up(url, now));
        }
        self.probe(&url, false, out);
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
        self.bound = 0;
        self.told_trouble = None;
        // The next run asks for the name this one got, a random one too.
        self.name = (self.rules.policy.name_in)(&url).or(self.name.take());
        let next = self.rules.verify.then(|| now + self.rules.probe_interval);
        self.state = State::Up { url: url.clone(), since: now, next, failures: 0, told: false };
        Outcome::TunnelUp(url)
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        if self.runs() && self.ask.is_some_and(|ask| ask <= now) {
            self.ask = None;
            out.push(Action::AskProvider { epoch: self.epoch });
        }
        match &mut self.state {
            State::Starting { deadline, .. } if *deadline <= now => {
                let reason = self.too_slow();
                return self.lost(reason, now, out);
            }
            State::Starting { .. } if self.tell.is_some_and(|tell| tell <= now) => self.tell_trouble(out),
            State::Verifying { url, next, .. } | State::Up { url, next, .. }
                if next.is_some_and(|next| next <= now) =>
            {
                *next = None;
                let url = url.clone();
                self.probe(&url, false, out);
            }
            State::Reconnecting { until, .. } if *until <= now => {
                let reason = format!("{} did not reconnect by itself", self.rules.id);
                return self.lost(reason, now, out);
            }
            State::Reconnecting { url, next, .. } if next.is_some_and(|next| next <= now) => {
                *next = None;
                let url = url.clone();
                self.probe(&url, true, out);
            }
            State::Waiting { until, server: true } if *until <= now => self.launch(now, out),
            _ => {}
        }
        None
    }

    /// It says why it has no address, and tries again by itself: nobody should wait for the deadline to hear of it.
    fn heard_trouble(&mut self, trouble: String, now: Moment) {
        let is_news = self.told_trouble.as_ref() != Some(&trouble);
        if is_news && self.tell.is_none() && matches!(self.state, State::Starting { url: None, .. }) {
            self.tell = Some(now + TROUBLE_STAYS);
        }
        self.trouble = Some(trouble);
    }

    fn tell_trouble(&mut self, out: &mut Vec<Action>) {
        self.tell = None;
        let Some(trouble) = &self.trouble else { return };
        let message = format!("{} has no address yet and tries again: {trouble}", self.rules.id);
        out.push(Action::Emit(Event::notice("provider.trouble", message, None)));
        self.told_trouble.clone_from(&self.trouble);
    }

    fn too_slow(&mut self) -> String {
        let (id, within) = (self.rules.id, self.rules.start_timeout);
        let what = match &self.state {
            State::Starting { url: Some(_), .. } => "was not connected to its cloud",
            _ => "stated no address",
        };
        match self.trouble.take() {
            Some(trouble) => format!("{id} {what} within {within:?}: {trouble}"),
            None => format!("{id} {what} within {within:?}"),
        }
    }

    fn probe(&self, url: &Url, again: bool, out: &mut Vec<Action>) {
        let limit = self.rtt.limit(self.rules.probe_interval, again);
        out.push(Action::Probe { epoch: self.epoch, url: url.clone(), limit });
    }
}
