//! What looks at a run say: probes through its URL, and its own local API.

use std::time::Duration;

use url::Url;

use super::{Machine, State, Told};
use crate::report::Event;
use crate::session::verify::{Blame, Probed};
use crate::session::{Action, Moment, Outcome, base};

/// After so long, people want to know why it takes so long.
const VERIFY_SLOW: Duration = Duration::from_secs(4);
/// Between two looks at a URL that cannot be verified from here.
const LATER: Duration = Duration::from_secs(5);
/// Between two looks while the tool brings its tunnel back.
const RETURNING: Duration = Duration::from_secs(2);
/// Until a local API is asked for what is not known yet.
pub(super) const ASK_SOON: Duration = Duration::from_secs(1);
/// Between two questions to a local API while all is well.
const ASK_LATER: Duration = Duration::from_secs(5);
/// Its own bad news make a probe come sooner, but not more often than this: probes may cost a quota.
const SUSPECT_PAUSE: Duration = Duration::from_secs(30);

impl Machine {
    pub(super) fn probed(&mut self, probed: Probed, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        match probed {
            Probed::Ours { took } => self.proved(took, now, out),
            Probed::Failed { reason, blame } => self.not_proved(reason, blame, now, out),
        }
    }

    fn proved(&mut self, took: Duration, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        match &mut self.state {
            State::Verifying { url, since, .. } | State::Reconnecting { url, since, .. } => {
                let (url, since) = (url.clone(), *since);
                self.rtt.measured(took);
                let elapsed_ms = (now - since).as_millis() as u64;
                out.push(Action::Emit(Event::UrlVerified { url: base(&url), elapsed_ms }));
                Some(self.up(url, now))
            }
            State::Up { url, next, failures, told, .. } => {
                self.rtt.measured(took);
                *next = Some(now + self.rules.probe_interval);
                *failures = 0;
                if std::mem::take(told) {
                    let elapsed_ms = took.as_millis() as u64;
                    out.push(Action::Emit(Event::UrlVerified { url: base(url), elapsed_ms }));
                }
                None
            }
            _ => None,
        }
    }

    fn not_proved(
        &mut self,
        reason: String,
        blame: Blame,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Option<Outcome> {
        let returning = RETURNING.max(self.rules.probe_interval / 30);
        let patience = self.rules.policy.verify_within;
        match &mut self.state {
            State::Verifying { url, since, next, told } => {
                let waited = now.saturating_sub(*since);
                if waited >= patience && blame == Blame::Tunnel {
                    return self.lost(format!("the address does not lead here: {reason}"), now, out);
                }
                // Fast at first: most tunnels need a moment after stating their URL.
                let pause = (waited / 4).clamp(Duration::from_millis(25), Duration::from_secs(2));
                *next = Some(now + if waited < patience { pause } else { LATER });
                if waited >= patience && *told < Told::Unverifiable {
                    *told = Told::Unverifiable;
                    out.push(Action::Emit(unverifiable(reason)));
                } else if waited >= VERIFY_SLOW && *told < Told::Slow {
                    *told = Told::Slow;
                    let message = format!("{} does not lead here yet: {reason}", base(url));
                    out.push(Action::Emit(Event::notice("tunnel.slow", message, None)));
                }
                None
            }
            State::Up { failures: 1.., .. } if blame == Blame::Tunnel => self.missed(reason, now, out),
            State::Up { url, failures, .. } if blame == Blame::Tunnel => {
                *failures += 1;
                let url = url.clone();
                self.probe(&url, true, out);
                None
            }
            State::Up { next, told, .. } => {
                *next = Some(now + LATER.min(self.rules.probe_interval));
                if !std::mem::replace(told, true) {
                    out.push(Action::Emit(unverifiable(reason)));
                }
                None
            }
            State::Reconnecting { until, next, .. } => {
                *next = Some(now + returning);
                // Offline, no new process fares better, and this one keeps its address.
                if blame == Blame::Here {
                    *until = (*until).max(now + returning * 5);
                }
                None
            }
            _ => None,
        }
    }

    /// It does not answer. One that reconnects by itself gets the time it usually takes for that: a new
    /// process may have another address.
    fn missed(&mut self, reason: String, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        match self.rules.policy.reconnects_within.is_zero() {
            true => self.lost(reason, now, out),
            false => self.disconnected(reason, now, out),
        }
    }

    /// It said, or we saw, that it has lost its connection.
    pub(super) fn disconnected(
        &mut self,
        reason: String,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Option<Outcome> {
        let within = self.rules.policy.reconnects_within;
        match &self.state {
            State::Starting { connected: true, deadline, url } => {
                let (deadline, url) = (*deadline, url.clone());
                self.state = State::Starting { deadline, url, connected: false };
                None
            }
            State::Verifying { url, .. } if self.rules.policy.awaits_connection => {
                let (url, deadline) = (Some(url.clone()), now + self.rules.start_timeout.max(within));
                self.state = State::Starting { deadline, url, connected: false };
                None
            }
            State::Up { url, since, .. } if !within.is_zero() => {
                let (url, since) = (url.clone(), *since);
                self.backoff.lost_after(since, now);
                out.push(Action::Emit(Event::TunnelLost { reason }));
                self.ask = self.ask.map(|ask| ask.min(now + ASK_SOON));
                let next = self.rules.verify.then_some(now + RETURNING);
                self.state = State::Reconnecting { url, since: now, until: now + within, next };
                Some(Outcome::Down)
            }
            _ => None,
        }
    }

    /// Its local API answered, or did not. It confirms what the output said and fills in what that left
    /// out; against the output it only makes us look sooner.
    pub(super) fn asked(
        &mut self,
        url: Option<Url>,
        connected: Option<bool>,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Option<Outcome> {
        if !self.runs() {
            return None;
        }
        let silent = url.is_none() && connected.is_none();
        let bad_news = connected == Some(false) || (silent && self.api_answers);
        self.api_answers |= !silent;
        self.ask = Some(now + if matches!(self.state, State::Up { .. }) { ASK_LATER } else { ASK_SOON });
        match &mut self.state {
            State::Up { next: next @ Some(_), .. } if bad_news && now >= self.suspect_again => {
                self.suspect_again = now + SUSPECT_PAUSE;
                // Once is enough for an API that stays silent.
                self.api_answers = !silent;
                *next = Some(now);
                None
            }
            State::Starting { url: None, .. } if url.is_some() => {
                let down = url.and_then(|url| self.stated(url, now, out));
                down.or_else(|| connected.filter(|yes| *yes).and_then(|_| self.connected(now, out)))
            }
            State::Starting { .. } | State::Reconnecting { .. } if connected == Some(true) => {
                self.connected(now, out)
            }
            _ => None,
        }
    }
}

fn unverifiable(reason: String) -> Event {
    let fix = "check this machine's network; --no-verify takes the provider's word for the address";
    Event::Unverifiable { reason, fix: Some(fix.into()) }
}
