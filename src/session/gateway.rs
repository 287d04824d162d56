//! The gateway's machine: start it with the current URL, notice when it dies or hangs, bring it back;
//! or look after one that somebody else runs. Pure: values in, actions out.

use std::time::Duration;

use url::Url;

use super::backoff::Backoff;
use super::{Action, Epoch, Moment, Outcome, base, why};
use crate::error::Error;
use crate::process::Status;
use crate::report::Event;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// The tunnel leads here under this URL.
    Url(Url),
    /// The child runs.
    Started { pid: Option<u32> },
    /// It could not be started; nothing runs.
    StartFailed(Error),
    /// It answers.
    Alive,
    /// A single look at it ended.
    Checked { alive: bool, reason: String },
    /// Its port refused a request at the edge.
    Suspect,
    /// Its process ended; what it started may live on.
    Exited(Status),
    /// Nothing of it lives any more.
    Gone,
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
    pub(super) port: u16,
    /// Somebody else runs it: it is never started, stopped or told anything.
    pub(super) attached: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// No URL is known yet.
    Idle,
    /// Launched, or somebody else's: waited for.
    Starting {
        deadline: Option<Moment>,
        /// When people will want to know why it takes so long.
        slow: Option<Moment>,
    },
    Healthy {
        since: Moment,
        next: Option<Moment>,
        misses: u32,
    },
    Stopping {
        restart: Option<Restart>,
    },
    Waiting {
        until: Moment,
    },
    Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restart {
    /// After the next delay of the backoff.
    Backoff,
    /// At once: nothing failed, the URL is another.
    NewUrl,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    rules: Rules,
    state: State,
    epoch: Epoch,
    backoff: Backoff,
    url: Option<Url>,
    ever_up: bool,
    finishing: bool,
}

/// Gateways take 4 to 18 s to start (FACTS); a first one that installs things takes longer.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Most have answered by then.
const START_SLOW: Duration = Duration::from_secs(20);
/// How often a healthy one is looked at.
const LOOK: Duration = Duration::from_secs(10);
/// So many looks in vain mean it hangs.
const MISSES: u32 = 3;
/// Starts in vain before it has ever answered, and restarts without a stable minute after.
const FIRST_STARTS: u32 = 3;
const RESTARTS: u32 = 6;

impl Machine {
    pub(super) fn new(rules: Rules, seed: u64) -> Self {
        let backoff = Backoff::new(seed);
        Self { rules, state: State::Idle, epoch: 0, backoff, url: None, ever_up: false, finishing: false }
    }

    /// The current run.
    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Does nothing of the gateway live, for good?
    pub(super) fn ended(&self) -> bool {
        self.state == State::Ended
    }

    /// When it wants to be ticked.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match self.state {
            State::Starting { deadline, slow } => [deadline, slow].into_iter().flatten().min(),
            State::Healthy { next, .. } => next,
            State::Waiting { until } => Some(until),
            State::Idle | State::Stopping { .. } | State::Ended => None,
        }
    }

    pub(super) fn step(&mut self, input: Input, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        match input {
            Input::Url(url) => return self.told(url, now, out),
            Input::Started { pid } => {
                let app_url = self.url.as_ref().map(base).unwrap_or_default();
                out.push(Action::Emit(Event::GatewayStarting { pid, app_url }));
            }
            Input::StartFailed(error) => {
                self.state = State::Ended;
                return Some(Outcome::Failed(error));
            }
            Input::Alive => return self.alive(now, out),
            Input::Checked { alive, reason } => return self.checked(alive, reason, now, out),
            Input::Suspect => {
                if let State::Healthy { next: next @ Some(_), .. } = &mut self.state {
                    *next = Some(now);
                }
            }
            Input::Exited(status) => return self.exited(&status, now, out),
            Input::Gone => self.gone(now, out),
            Input::Tick => return self.tick(now, out),
            Input::Finish => {
                self.finishing = true;
                match &mut self.state {
                    State::Idle | State::Waiting { .. } => self.state = State::Ended,
                    State::Stopping { restart } => *restart = None,
                    _ => {}
                }
            }
            Input::Stop => self.stop(None, out),
        }
        None
    }

    fn told(&mut self, url: Url, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        if self.finishing {
            return None;
        }
        let same = self.url.as_ref() == Some(&url);
        self.url = Some(url);
        match &self.state {
            State::Idle => self.launch(now, out),
            // The same URL again, or one it cannot be told: it goes on as it is.
            State::Healthy { .. } if same || self.rules.attached => {
                return self.url.clone().map(Outcome::GatewayUp);
            }
            State::Starting { .. } | State::Healthy { .. } if !same && !self.rules.attached => {
                out.push(Action::Hold);
                self.stop(Some(Restart::NewUrl), out);
                return Some(Outcome::Down);
            }
            // On its way, and then with the new URL.
            _ => {}
        }
        None
    }

    fn launch(&mut self, now: Moment, out: &mut Vec<Action>) {
        let Some(url) = self.url.clone() else { return };
        self.epoch += 1;
        let epoch = self.epoch;
        if self.rules.attached {
            self.state = State::Starting { deadline: None, slow: Some(now + START_SLOW) };
            out.push(Action::AwaitGateway { epoch, url });
        } else {
            self.state = State::Starting { deadline: Some(now + START_LIMIT), slow: Some(now + START_SLOW) };
            out.push(Action::LaunchGateway { epoch, url: url.clone() });
            out.push(Action::AwaitGateway { epoch, url });
        }
    }

    fn alive(&mut self, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        let State::Starting { .. } = self.state else { return None };
        if self.rules.attached && !self.ever_up {
            out.push(Action::Emit(self.not_told()));
        }
        self.ever_up = true;
        self.state = State::Healthy { since: now, next: Some(now + LOOK), misses: 0 };
        let Rules { port, attached } = self.rules;
        out.push(Action::Emit(Event::GatewayReady { port, attached }));
        out.push(Action::Open);
        self.url.clone().map(Outcome::GatewayUp)
    }

    /// A gateway reads APP_URL when it starts, and this one started without us.
    fn not_told(&self) -> Event {
        let url = self.url.as_ref().map(base).unwrap_or_default();
        let port = self.rules.port;
        Event::notice(
            "gateway.not_told",
            format!("the gateway on port {port} was running already, so it was not told APP_URL={url}"),
            Some(format!(
                "let mcpgw start it: mcpgw tunnel --port {port} -- CMD\n\
                 or start it yourself with the address: mcpgw run -- CMD\n\
                 or keep the address in the file it reads: --env-file .env, then restart it"
            )),
        )
    }

    fn checked(
        &mut self,
        alive: bool,
        reason: String,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Option<Outcome> {
        if matches!(self.state, State::Starting { .. }) && !alive {
            out.push(Action::Emit(self.slow(&reason)));
        }
        let State::Healthy { since, next, misses } = &mut self.state else { return None };
        *next = Some(now + LOOK);
        *misses = if alive { 0 } else { *misses + 1 };
        if *misses == 0 {
            return None;
        }
        if *misses < MISSES {
            *next = Some(now + LOOK / 10);
            return None;
        }
        let since = *since;
        Some(self.lost(since, format!("the gateway does not answer: {reason}"), vec![], now, out))
    }

    fn slow(&self, reason: &str) -> Event {
        let port = self.rules.port;
        Event::notice(
            "gateway.slow",
            format!("still waiting for the gateway on port {port}: {reason}"),
            Some(match reason.contains(" answered ") {
                true => "it does listen there: --health names a path that answers 200".into(),
                false => {
                    format!("check that it listens on {port} (--port), and its words: mcpgw logs gateway")
                }
            }),
        )
    }

    fn exited(&mut self, status: &Status, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        match self.state {
            State::Starting { .. } | State::Healthy { .. } if self.finishing => self.stop(None, out),
            State::Healthy { since, .. } => {
                let reason = format!("the gateway ended: {}", why(status, None));
                return Some(self.lost(since, reason, status.last_lines.clone(), now, out));
            }
            State::Starting { .. } => {
                let reason = format!("the gateway ended while starting: {}", why(status, None));
                return self.failed_start(reason, &status.last_lines, out);
            }
            _ => {}
        }
        None
    }

    /// It had been healthy.
    fn lost(
        &mut self,
        since: Moment,
        reason: String,
        last: Vec<String>,
        now: Moment,
        out: &mut Vec<Action>,
    ) -> Outcome {
        out.push(Action::Emit(Event::GatewayLost { reason: reason.clone() }));
        out.push(Action::Hold);
        if self.rules.attached {
            self.launch(now, out);
            return Outcome::Down;
        }
        self.backoff.lost_after(since, now);
        if self.backoff.attempt() >= RESTARTS {
            self.stop(None, out);
            return Outcome::Failed(crash_loop(&reason, self.backoff.attempt(), &last));
        }
        self.stop(Some(Restart::Backoff), out);
        Outcome::Down
    }

    fn failed_start(&mut self, reason: String, last: &[String], out: &mut Vec<Action>) -> Option<Outcome> {
        let most = if self.ever_up { RESTARTS } else { FIRST_STARTS - 1 };
        if self.backoff.attempt() >= most {
            let tries = self.backoff.attempt() + 1;
            self.stop(None, out);
            return Some(Outcome::Failed(crash_loop(&reason, tries, last)));
        }
        out.push(Action::Emit(Event::notice("gateway.failed_start", with_lines(&reason, last), None)));
        self.stop(Some(Restart::Backoff), out);
        None
    }

    /// Every run is stopped exactly once: also one that ended by itself, for what it may have started.
    fn stop(&mut self, restart: Option<Restart>, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Idle | State::Waiting { .. } | State::Ended => self.state = State::Ended,
            State::Stopping { restart: planned } => {
                if restart.is_none() {
                    *planned = None;
                }
            }
            State::Starting { .. } | State::Healthy { .. } if self.rules.attached => {
                self.state = State::Ended
            }
            State::Starting { .. } | State::Healthy { .. } => {
                self.state = State::Stopping { restart: restart.filter(|_| !self.finishing) };
                out.push(Action::StopGateway { epoch: self.epoch });
            }
        }
    }

    fn gone(&mut self, now: Moment, out: &mut Vec<Action>) {
        let State::Stopping { restart } = self.state else { return };
        match restart {
            None => self.state = State::Ended,
            Some(Restart::NewUrl) => self.launch(now, out),
            Some(Restart::Backoff) => {
                let delay = self.backoff.next();
                let attempt = self.backoff.attempt();
                let delay_ms = delay.as_millis() as u64;
                out.push(Action::Emit(Event::Restarting { what: "gateway", attempt, delay_ms }));
                self.state = State::Waiting { until: now + delay };
            }
        }
    }

    fn tick(&mut self, now: Moment, out: &mut Vec<Action>) -> Option<Outcome> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        match &mut self.state {
            State::Starting { slow: slow @ Some(_), .. } if slow.is_some_and(|slow| slow <= now) => {
                *slow = None;
                out.push(Action::CheckGateway { epoch: self.epoch });
            }
            State::Starting { .. } => {
                let reason = format!("no answer on port {} within {START_LIMIT:?}", self.rules.port);
                return self.failed_start(reason, &[], out);
            }
            State::Healthy { next, .. } => {
                *next = None;
                out.push(Action::CheckGateway { epoch: self.epoch });
            }
            State::Waiting { .. } => self.launch(now, out),
            _ => {}
        }
        None
    }
}

fn crash_loop(reason: &str, times: u32, last: &[String]) -> Error {
    let message = format!("keep the gateway running: {}", with_lines(reason, last));
    // What Node, Python, Go and Rust say of a port that somebody else has.
    let taken = ["EADDRINUSE", "ddress already in use", "ddress in use"];
    let port_taken = last.iter().any(|line| taken.iter().any(|words| line.contains(words)));
    let fix = match port_taken {
        true => "the port it wants is taken: end who has it, or tell it mcpgw's by --env PORT={port}".into(),
        false => format!("it was started {times} times; run its command by itself to see what is wrong"),
    };
    Error::failed("gateway.crash_loop", message).fix(fix)
}

fn with_lines(reason: &str, last: &[String]) -> String {
    match last {
        [] => reason.to_string(),
        lines => format!("{reason}\n    | {}", lines.join("\n    | ")),
    }
}
