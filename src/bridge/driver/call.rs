//! One call of the client, from its line to its answer, whatever happens to the gateway meanwhile.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::super::greeting::{self, LISTS};
use super::super::judgement::{self, Sent};
use super::super::ledger::Waiting;
use super::super::message::{self, Id, Kind, Message, Part};
use super::super::modern::{self, Params};
use super::super::verdict::{self, Failure, Next, Refusal};
use super::super::wire::Answer;
use super::answers::Heard;
use super::session::{Session, Transport};
use super::{Bridge, Sink};

/// What is known of a call.
pub(super) struct Call {
    pub(super) id: Id,
    pub(super) method: String,
    pub(super) params: Params,
    pub(super) message: Message,
}

/// What a call has been through.
#[derive(Default)]
pub(super) struct Trials {
    renewals: u32,
    learned: bool,
    pauses: u32,
    /// Since when it waits for a gateway.
    waiting: Option<Instant>,
    /// The gateway took it, this time.
    taken: bool,
    last: Option<Rc<Session>>,
}

impl Trials {
    /// The gateway took it: what it waits for from here on is an answer.
    pub(super) fn progressed(&mut self) {
        self.taken = true;
    }
}

impl Bridge {
    /// Runs a call to its end: one answer, or none where the client has called it off.
    pub(super) async fn run(self: Rc<Self>, call: Call, waiting: Waiting, sink: Sink) {
        let Waiting { number, answer } = waiting;
        let line = tokio::select! {
            line = self.answer_for(&call) => Some(line),
            // On another stream than its own; or it was called off.
            line = answer => line.ok(),
        };
        let open = self.calls.borrow_mut().close(&call.id, number);
        self.put(&sink, line.filter(|_| open)).await;
    }

    async fn answer_for(self: &Rc<Self>, call: &Call) -> Bytes {
        let mut trials = Trials::default();
        loop {
            let began = Instant::now();
            trials.taken = false;
            let failure = match self.try_call(call, &mut trials).await {
                Ok(answer) => return self.settled(call, &answer),
                Err(failure) => failure,
            };
            self.notes.log(&format!("{} {}: {failure:?}", call.method, call.id.json()));
            // A key may have been changed since the session began.
            if let Failure::Refused(Refusal { name: "bridge.unwelcome" | "bridge.oauth", .. }) = &failure
                && trials.renewals == 0
                && self.moved(trials.last.as_ref())
            {
                trials.renewals += 1;
                continue;
            }
            let why = match &failure {
                Failure::NotTaken(why) | Failure::AnswerLost(why) => why.clone(),
                _ => String::new(),
            };
            match verdict::next(failure, self.is_repeatable(call), trials.renewals) {
                Next::Again => {
                    let now = if trials.taken { Instant::now() } else { began };
                    let since = *trials.waiting.get_or_insert(now);
                    if since.elapsed() >= self.patience(&call.method) {
                        return self.gave_up(call, &why);
                    }
                    trials.pauses += 1;
                    sleep(pause(trials.pauses)).await;
                    self.moved(trials.last.as_ref());
                }
                Next::Renew => {
                    trials.renewals += 1;
                    if let Some(session) = trials.last.take() {
                        self.lose(&session, "the gateway does not know the session any more");
                    }
                }
                Next::Learn if trials.learned => {
                    return message::failure(&call.id, modern::HEADER_MISMATCH, "header mismatch", None);
                }
                Next::Learn => {
                    trials.learned = true;
                    self.learn_tools(call).await;
                }
                Next::Tell(refusal) => {
                    self.notes.say(&refusal.words());
                    return refused(&call.id, &refusal);
                }
            }
        }
    }

    async fn try_call(self: &Rc<Self>, call: &Call, trials: &mut Trials) -> Result<Message, Failure> {
        if let Some(version) = call.params.version() {
            return self.try_modern(call, version, trials).await;
        }
        let since = trials.waiting.unwrap_or_else(Instant::now);
        let session = self.session(Some(since + self.patience(&call.method))).await?;
        trials.last = Some(session.clone());
        if session.is_modern() {
            return self.try_translated(call, &session, trials).await;
        }
        let answer = session.post(call.message.raw.clone()).await?;
        let old = matches!(session.transport, Transport::Old { .. });
        let begun = self.client.borrow().asked.is_some();
        let answer = match self.checked(answer, &session.wire.shown(), begun).await? {
            Ok(answer) => answer,
            Err(error) => return Ok(error),
        };
        trials.progressed();
        let heard = match old {
            true => Heard::Nothing,
            false => self.hear(answer, &call.id, session.epoch).await?,
        };
        match heard {
            Heard::Answer(message) => Ok(message),
            Heard::Cut { last_id: Some(last), retry, .. } => self.resume(call, &session, last, retry).await,
            Heard::Cut { why, .. } => Err(Failure::AnswerLost(why)),
            Heard::Nothing => {
                // The answer comes on the session's own stream, and ends this wait from outside.
                let deaf = async {
                    const MOMENT: Duration = Duration::from_secs(2);
                    sleep(MOMENT).await;
                    if old || session.listening.get() {
                        std::future::pending::<()>().await;
                    }
                };
                tokio::select! {
                    () = session.over() => Err(Failure::AnswerLost("its stream ended".into())),
                    () = deaf => Err(Failure::AnswerLost("it took the call and has no stream for the answer".into())),
                }
            }
        }
    }

    /// A call that declares its version needs no session.
    pub(super) async fn try_modern(
        self: &Rc<Self>,
        call: &Call,
        version: &str,
        trials: &mut Trials,
    ) -> Result<Message, Failure> {
        let wire = self.wire()?;
        let headers = modern::headers(&call.method, version, &call.params, &self.client.borrow().tools);
        let answer = wire.post(headers, call.message.raw.clone()).await?;
        let answer = match self.checked(answer, &wire.shown(), false).await? {
            Ok(answer) => answer,
            Err(error) => return Ok(error),
        };
        trials.progressed();
        match self.hear(answer, &call.id, 0).await? {
            Heard::Answer(message) => Ok(message),
            Heard::Cut { why, .. } => Err(Failure::AnswerLost(why)),
            Heard::Nothing => Err(Failure::AnswerLost("it took the call and gave no answer".into())),
        }
    }

    /// A success passes; anything else is read: an error for the client, or a failure.
    pub(super) async fn checked(
        &self,
        mut answer: Answer,
        to: &str,
        in_session: bool,
    ) -> Result<Result<Answer, Message>, Failure> {
        if answer.is_success() {
            return Ok(Ok(answer));
        }
        let body = answer.excerpt().await;
        judgement::of(answer.status, &answer.headers, &body, Sent { in_session, to }).map(Err)
    }

    /// Goes on behind the last event of a stream that broke off.
    async fn resume(
        self: &Rc<Self>,
        call: &Call,
        session: &Rc<Session>,
        mut last: String,
        mut retry: Option<u64>,
    ) -> Result<Message, Failure> {
        let mut pauses = 0;
        let mut since = Instant::now();
        loop {
            let patience = self.patience(&call.method);
            // As long as the gateway asks for, and longer where it brings nothing.
            let wanted = retry.map(Duration::from_millis).unwrap_or_default().min(patience);
            let own = if retry.is_some() && pauses == 0 { Duration::ZERO } else { pause(pauses) };
            sleep(wanted.max(own)).await;
            if since.elapsed() > patience {
                return Err(Failure::AnswerLost("its stream broke off and did not come back".into()));
            }
            pauses += 1;
            // The gateway may have moved and still know the session.
            let wire = self.look().unwrap_or_else(|_| session.wire.clone());
            let heard = match wire.listen(session.headers_after(&last)).await {
                Err(_) => continue,
                Ok(answer) if answer.is_success() && answer.is_event_stream() => {
                    self.hear_stream(answer, &call.id, session.epoch).await
                }
                Ok(answer) if answer.status >= 500 => continue,
                Ok(answer) => {
                    let why = format!("its stream broke off and cannot go on, HTTP {}", answer.status);
                    return Err(Failure::AnswerLost(why));
                }
            };
            match heard {
                Heard::Answer(message) => return Ok(message),
                Heard::Cut { last_id, retry: wanted, .. } => {
                    retry = wanted.or(retry);
                    if let Some(id) = last_id {
                        last = id;
                        (pauses, since) = (0, Instant::now());
                    }
                }
                Heard::Nothing => {}
            }
        }
    }

    /// Notes what an answer tells for later, and addresses it.
    fn settled(&self, call: &Call, answer: &Message) -> Bytes {
        let failed = matches!(answer.kind, Kind::Response { failed: true, .. });
        let mut client = self.client.borrow_mut();
        if failed {
            let unknown = answer.value(Part::Error)["code"] == -32601;
            if let Some(empty) = greeting::empty_list(&call.method).filter(|_| unknown && client.provisional)
            {
                return message::success(&call.id, &empty);
            }
            return judgement::addressed(answer, &call.id);
        }
        match call.method.as_str() {
            "logging/setLevel" => client.level = Some(call.message.value(Part::Params)),
            "resources/subscribe" | "resources/unsubscribe" => {
                let params = call.message.value(Part::Params);
                let uri = params["uri"].as_str().unwrap_or_default().to_string();
                client.subscriptions.remove(&uri);
                if call.method == "resources/subscribe" {
                    client.subscriptions.insert(uri, params);
                }
            }
            "tools/list" => client.tools.learn(&answer.value(Part::Result)),
            _ => {}
        }
        if let Some((.., method)) = LISTS.iter().find(|(.., method)| *method == call.method)
            && call.message.value(Part::Params)["cursor"].is_null()
        {
            client.seen.insert(method, fingerprint(answer));
        }
        judgement::addressed(answer, &call.id)
    }

    /// Nobody came in time. A list is empty then, where the client was promised to be told of changes; it
    /// would give the whole server up otherwise.
    fn gave_up(&self, call: &Call, why: &str) -> Bytes {
        let mut client = self.client.borrow_mut();
        if let Some(empty) = greeting::empty_list(&call.method)
            && client.provisional
            && client.upstream.is_none()
        {
            if let Some((.., method)) = LISTS.iter().find(|(.., method)| *method == call.method) {
                client.seen.insert(method, 0);
            }
            return message::success(&call.id, &empty);
        }
        refused(&call.id, &verdict::unreachable(why))
    }

    /// How long a call waits for a gateway that is away.
    pub(super) fn patience(&self, method: &str) -> Duration {
        const NEVER_SEEN: Duration = Duration::from_secs(20);
        const PROBE: Duration = Duration::from_secs(3);
        const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);
        match method {
            // A client asks this to find out how old the server is, and goes on without an answer.
            "server/discover" => PROBE.min(self.plan.patience),
            "subscriptions/listen" => FOR_EVER,
            _ if self.client.borrow().provisional && self.client.borrow().upstream.is_none() => {
                NEVER_SEEN.min(self.plan.patience)
            }
            _ => self.plan.patience,
        }
    }

    fn is_repeatable(&self, call: &Call) -> bool {
        let harmless = call.params.name().is_some_and(|name| self.client.borrow().tools.is_harmless(name));
        verdict::repeatable(&call.method, harmless)
    }
}

pub(super) fn refused(id: &Id, refusal: &Refusal) -> Bytes {
    message::failure(id, refusal.code, &refusal.words(), Some(&refusal.data()))
}

/// Tells two lists apart.
pub(super) fn fingerprint(answer: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    answer.part(Part::Result).map(|raw| raw.get()).hash(&mut hasher);
    hasher.finish()
}

/// The wait before the next attempt: 50 ms, doubling up to 2 s, with jitter.
pub(super) fn pause(attempt: u32) -> Duration {
    let longest = Duration::from_millis(50 << attempt.min(6)).min(Duration::from_secs(2));
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}
