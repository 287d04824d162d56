//! How a run ends and what comes after it.

use std::time::Duration;

use super::{Machine, Restart, State};
use crate::error::Error;
use crate::process::Status;
use crate::provider::{Fault, Verdict};
use crate::report::Event;
use crate::session::{Action, Moment, Outcome, why};

/// Before the first URL a session gives up after so many starts (DESIGN section 1).
const FIRST_STARTS: u32 = 3;
/// So many losses without a stable minute between them are a crash loop: a successor takes over.
const CRASH_LOOP: u32 = 5;
/// How long a lost server is waited for before the tool is tried all the same: it may know another way.
const SERVER_PATIENCE: Duration = Duration::from_secs(30);
/// The waits for a name that is still bound to the run before: fifteen seconds in all.
const BOUND: [Duration; 3] = [Duration::from_secs(3), Duration::from_secs(5), Duration::from_secs(7)];

impl Machine {
    pub(super) fn exited(&mut self, status: &Status, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        if let State::Stopping { ended, .. } = &mut self.state {
            ended.get_or_insert(now);
        }
        // The word of its end can come after everything of it was seen to be gone.
        if !self.runs() {
            return None;
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

    /// A failure that is known, and what it calls for.
    pub(super) fn fault(&mut self, fault: Fault, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        if !self.runs() || self.finishing {
            return None;
        }
        let final_word = !self.ever_up || self.rules.successor;
        match fault.verdict {
            Verdict::NotOurs => {
                if self.told.insert(fault.code) {
                    out.push(Action::Emit(notice(&fault)));
                }
                None
            }
            Verdict::Permanent => Some(self.give_up(fault, out)),
            Verdict::Wait(_) if final_word => Some(self.give_up(fault, out)),
            Verdict::Wait(time) => self.pause(&fault, time, out),
            Verdict::Taken if !self.ever_up => Some(self.give_up(fault, out)),
            Verdict::NameBound | Verdict::Taken => match BOUND.get(self.bound) {
                Some(time) => {
                    self.bound += 1;
                    self.pause(&fault, *time, out)
                }
                None if final_word => Some(self.give_up(fault, out)),
                None => self.lost(fault.message, now, out),
            },
            Verdict::Restart => {
                self.faults.insert(fault.code);
                self.lost(fault.message, now, out)
            }
        }
    }

    /// Trying again cannot help, or would make it worse.
    fn give_up(&mut self, fault: Fault, out: &mut Vec<Action>) -> Outcome {
        self.stop(Restart::No, None, out);
        let message = format!("keep a tunnel by {}: {}", self.rules.id, fault.message);
        Outcome::Failed(Error { fix: fault.fix, ..Error::failed(fault.code, message) })
    }

    /// Its cloud wants to be left alone for a while.
    fn pause(&mut self, fault: &Fault, time: Duration, out: &mut Vec<Action>) -> Option<Outcome> {
        let was_up = matches!(self.state, State::Up { .. } | State::Reconnecting { .. });
        let known_lost = matches!(self.state, State::Reconnecting { .. });
        if was_up && !known_lost {
            out.push(Action::Emit(Event::TunnelLost { reason: fault.message.clone() }));
        }
        out.push(Action::Emit(notice(fault)));
        self.stop(Restart::After(time), None, out);
        (was_up && !known_lost).then_some(Outcome::Down)
    }

    /// The run is of no use any more, whatever is left of it.
    pub(super) fn lost(&mut self, reason: String, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        if let State::Up { since, .. } = self.state {
            self.backoff.lost_after(since, now);
            out.push(Action::Emit(Event::TunnelLost { reason: reason.clone() }));
            return match self.rules.successor && self.backoff.attempt() >= CRASH_LOOP {
                true => Some(self.hopeless(&reason, CRASH_LOOP, out)),
                false => {
                    self.stop(Restart::Backoff, None, out);
                    Some(Outcome::Down)
                }
            };
        }
        // Its loss has been told already.
        if let State::Reconnecting { .. } = self.state {
            out.push(Action::Emit(Event::notice("provider.restart", reason, None)));
            self.stop(Restart::Backoff, None, out);
            return None;
        }
        self.failed_starts += 1;
        if (!self.ever_up || self.rules.successor) && self.failed_starts >= FIRST_STARTS {
            return Some(self.hopeless(&reason, FIRST_STARTS, out));
        }
        out.push(Action::Emit(Event::notice("provider.failed_start", reason, None)));
        self.stop(Restart::Backoff, None, out);
        None
    }

    fn hopeless(&mut self, reason: &str, times: u32, out: &mut Vec<Action>) -> Outcome {
        self.stop(Restart::No, None, out);
        let message = format!("get a working address from {}: {reason}, {times} times", self.rules.id);
        let fix = "check the network, and with localtunnel the --server address; provider.log has all that it said. \
            `mcpgw tunnel --provider local` needs no tunnel";
        Outcome::Failed(Error::failed("provider.no_url", message).fix(fix))
    }

    /// Every run is stopped exactly once: also one that ended by itself, for what it may have started.
    pub(super) fn stop(&mut self, restart: Restart, ended: Option<Moment>, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Idle | State::Waiting { .. } | State::Ended => self.state = State::Ended,
            State::Stopping { restart: planned, .. } => {
                if restart == Restart::No {
                    *planned = Restart::No;
                }
            }
            _ => {
                let restart = if self.finishing { Restart::No } else { restart };
                self.state = State::Stopping { restart, ended };
                self.ask = None;
                out.push(Action::StopProvider { epoch: self.epoch });
            }
        }
    }

    pub(super) fn gone(&mut self, now: Moment, out: &mut Vec<Action>) {
        let State::Stopping { restart, ended } = self.state else { return };
        let delay = match restart {
            Restart::No => {
                self.state = State::Ended;
                return;
            }
            Restart::Backoff => self.backoff.next(),
            Restart::After(time) => time,
            Restart::ForName => Duration::ZERO,
        };
        let name_free =
            ended.unwrap_or(now) + if self.name.is_some() { self.rules.policy.name_grace } else { delay };
        let until = (now + delay).max(name_free);
        if restart != Restart::ForName {
            let delay_ms = (until - now).as_millis() as u64;
            let attempt = self.backoff.attempt().max(1);
            out.push(Action::Emit(Event::Restarting { what: "provider", attempt, delay_ms }));
        }
        self.state = State::Waiting { until, server: false };
        // A server that never was there may have a wrong address: that is not waited for, but said.
        let patience = if self.ever_up { SERVER_PATIENCE } else { Duration::ZERO };
        out.push(Action::AwaitServer { epoch: self.epoch, patience });
    }
}

fn notice(fault: &Fault) -> Event {
    Event::notice(fault.code, fault.message.clone(), fault.fix.clone())
}
