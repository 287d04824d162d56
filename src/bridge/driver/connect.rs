//! Beginning sessions: looking for the gateway, `initialize`, and the word to the client.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::super::greeting::{self, LISTS};
use super::super::message::{self, Id, Kind, Message, Part};
use super::super::sse;
use super::super::target::{self, Address};
use super::super::verdict::{self, Failure, Refusal};
use super::super::wire::{Answer, Wire};
use super::answers::Heard;
use super::call::{fingerprint, pause, refused};
use super::session::{SESSION, Session, Transport};
use super::{Bridge, Sink};
use crate::error::{Error, Result};
use crate::state::read_key;

/// Is it the client's first `initialize`?
pub(super) struct First(bool);

/// Why no session began.
pub(super) enum NoSession {
    /// It may work in a moment.
    NotYet(String),
    /// Trying again changes nothing; `at` is the HTTP status behind it.
    Refused { refusal: Refusal, at: u16 },
    /// The gateway's own error in answer to `initialize`.
    Answered(Message),
}

impl Bridge {
    /// Where the gateway is now; the same wire as before unless it moved.
    pub(super) fn look(&self) -> std::result::Result<Rc<Wire>, String> {
        let running = match (&self.plan.want.url, &self.plan.state) {
            (None, Some(state)) => state.running(),
            _ => vec![],
        };
        let address: Address = target::choose(&self.plan.want, &running)?;
        let key = match &address.key_file {
            Some(path) => read_key(path).map_err(|error| error.message)?,
            None => None,
        };
        let mut wire = self.wire.borrow_mut();
        if let Some(wire) = wire.as_ref().filter(|wire| wire.address == address && wire.key == key) {
            return Ok(wire.clone());
        }
        let new = Rc::new(Wire::new(address, key, &self.plan.headers)?);
        self.notes.log(&format!("the gateway is looked for at {} ({})", new.shown(), new.address.whose));
        *wire = Some(new.clone());
        Ok(new)
    }

    /// The wire in use.
    pub(super) fn wire(&self) -> std::result::Result<Rc<Wire>, Failure> {
        let known = self.wire.borrow().clone();
        known.map_or_else(|| self.look().map_err(Failure::NotTaken), Ok)
    }

    /// Looks whether the gateway moved since; a session stays behind then. One without an id tells nothing
    /// of itself, so it is begun anew after any absence.
    pub(super) fn moved(&self, session: Option<&Rc<Session>>) -> bool {
        let before = self.wire.borrow().clone();
        let Ok(now) = self.look() else { return false };
        match session {
            None => before.is_none_or(|before| !Rc::ptr_eq(&before, &now)),
            Some(session) if !Rc::ptr_eq(&session.wire, &now) => {
                self.lose(session, "the gateway moved");
                true
            }
            Some(session) if session.is_unknown() => {
                self.lose(session, "the gateway was away");
                true
            }
            Some(_) => false,
        }
    }

    /// The session is over for everybody.
    pub(super) fn lose(&self, session: &Rc<Session>, why: &str) {
        if session.gone.send_replace(true) {
            return;
        }
        self.notes.say(why);
        let mut current = self.session.borrow_mut();
        if current.as_ref().is_some_and(|current| Rc::ptr_eq(current, session)) {
            *current = None;
        }
    }

    /// The session, begun where there is none; waits for a gateway until then.
    pub(super) async fn session(
        self: &Rc<Self>,
        until: Option<Instant>,
    ) -> std::result::Result<Rc<Session>, Failure> {
        let current = self.session.borrow().clone();
        if let Some(session) = current {
            return Ok(session);
        }
        let mut why = String::from("nothing listens there");
        let begun = async {
            let mut pauses = 0;
            loop {
                let turn = self.connecting.lock().await;
                let current = self.session.borrow().clone();
                if let Some(session) = current {
                    return Ok(session);
                }
                let connected = self.connect().await;
                // Between attempts it is others' turn: the client may begin anew.
                drop(turn);
                match connected {
                    Ok(session) => return Ok(session),
                    Err(NoSession::NotYet(reason)) => why = reason,
                    // A path that was there will be there again; a stranger's page in its place goes.
                    Err(NoSession::Refused { refusal, at: 404 | 405 | 400 }) if self.has_connected() => {
                        why = refusal.message;
                    }
                    Err(NoSession::Refused { refusal, .. }) => return Err(Failure::Refused(refusal)),
                    Err(NoSession::Answered(error)) if self.has_connected() => why = error_words(&error),
                    Err(NoSession::Answered(error)) => {
                        return Err(Failure::Refused(Refusal {
                            code: verdict::LOST,
                            name: "bridge.initialize",
                            message: format!("the gateway refuses to begin: {}", error_words(&error)),
                            fix: None,
                        }));
                    }
                }
                self.notes.say(&format!("waiting for the gateway: {why}"));
                pauses += 1;
                sleep(pause(pauses)).await;
            }
        };
        let begun = match until {
            None => return begun.await,
            Some(until) => timeout_at(until, begun).await,
        };
        begun.unwrap_or(Err(Failure::NotTaken(why)))
    }

    fn has_connected(&self) -> bool {
        self.client.borrow().upstream.is_some()
    }

    /// One attempt.
    pub(super) async fn connect(self: &Rc<Self>) -> std::result::Result<Rc<Session>, NoSession> {
        let wire = self.look().map_err(NoSession::NotYet)?;
        let epoch = self.epochs.get() + 1;
        self.epochs.set(epoch);
        let params = {
            let client = self.client.borrow();
            // A client that never says `initialize` gets what it asks for, without a session.
            let Some(asked) = &client.asked else {
                let session = Rc::new(Session::new(epoch, wire, Transport::Streamable));
                session.greeting.set(true);
                drop(client);
                self.session.replace(Some(session.clone()));
                return Ok(session);
            };
            greeting::again(asked, client.told.as_ref())
        };
        let (session, answer) = self.initialize(wire, epoch, &params).await?;
        if matches!(answer.kind, Kind::Response { failed: true, .. }) {
            return Err(NoSession::Answered(answer));
        }
        let result = answer.value(Part::Result);
        let session = Rc::new(session.speaking(&result));
        let before = self.client.borrow_mut().upstream.replace(result.clone());
        self.notes.say(&format!("connected to {} ({})", session.wire.shown(), session.wire.address.whose));
        self.keep(&result);
        if self.client.borrow().ready {
            self.greet(&session).await;
            self.restore(&session).await;
        }
        self.session.replace(Some(session.clone()));
        // It may have said so while this was under way.
        if self.client.borrow().ready {
            self.greet(&session).await;
        }
        let provisional = self.client.borrow().provisional;
        if before.is_some() || provisional {
            let (bridge, session) = (self.clone(), session.clone());
            spawn_local(async move { bridge.compare(&session, before.as_ref(), &result).await });
        }
        Ok(session)
    }

    /// `initialize`, over whichever transport the gateway speaks.
    async fn initialize(
        self: &Rc<Self>,
        wire: Rc<Wire>,
        epoch: u64,
        params: &Value,
    ) -> std::result::Result<(Session, Message), NoSession> {
        const LIMIT: Duration = Duration::from_secs(30);
        let id = self.own_id("initialize");
        let body = message::request(&id, "initialize", params);
        let asked = async {
            let answer = wire.post(HeaderMap::new(), body.clone()).await?;
            let session_id = answer.headers.get(&SESSION).cloned();
            let status = answer.status;
            Ok::<_, Failure>((status, session_id, self.checked(answer, &wire.shown(), false).await))
        };
        let asked =
            timeout(LIMIT, asked).await.map_err(|_| NoSession::NotYet("it does not answer".into()))?;
        let (status, session_id, checked) = asked.map_err(|failure| no_session(failure, 0))?;
        let old = match &checked {
            Ok(Ok(_)) => false,
            // MCP 2025-11-25, Backwards Compatibility; some answer 406 or 415 to what they do not know.
            Ok(Err(_)) | Err(Failure::Refused(_) | Failure::ParamsUnknown) => {
                (400..500).contains(&status) && !matches!(status, 401 | 403)
            }
            Err(_) => false,
        };
        // An error of JSON-RPC is how a gateway says it that has never heard of `initialize`.
        let speaks = matches!(&checked, Ok(Err(_)) | Err(Failure::ParamsUnknown));
        if speaks
            && old
            && let Some(begun) = self.discover(&wire, epoch, params).await
        {
            return Ok(begun);
        }
        if old && let Some(begun) = self.initialize_old(&wire, epoch, &id, &body).await {
            return Ok(begun);
        }
        if !speaks
            && old
            && let Some(begun) = self.discover(&wire, epoch, params).await
        {
            return Ok(begun);
        }
        let answer = match checked.map_err(|failure| no_session(failure, status))? {
            Ok(answer) => answer,
            Err(error) => return Err(NoSession::Answered(error)),
        };
        let heard = timeout(LIMIT, self.hear(answer, &id, epoch)).await;
        let heard = heard.map_err(|_| NoSession::NotYet("it does not answer".into()))?;
        match heard.map_err(|failure| no_session(failure, status))? {
            // Some tell with status 200 that they know no `initialize`.
            Heard::Answer(message) if matches!(message.kind, Kind::Response { failed: true, .. }) => {
                let begun = self.discover(&wire, epoch, params).await;
                begun.ok_or(NoSession::Answered(message))
            }
            Heard::Answer(message) => {
                let mut session = Session::new(epoch, wire, Transport::Streamable);
                session.id = session_id;
                Ok((session, message))
            }
            Heard::Cut { why, .. } => Err(NoSession::NotYet(why)),
            Heard::Nothing => Err(NoSession::NotYet("it gave no answer to `initialize`".into())),
        }
    }

    /// HTTP+SSE, if the gateway speaks that: a stream whose first event names the address for messages.
    async fn initialize_old(
        self: &Rc<Self>,
        wire: &Rc<Wire>,
        epoch: u64,
        id: &Id,
        body: &Bytes,
    ) -> Option<(Session, Message)> {
        /// A stream without the first event belongs to another transport.
        const LIMIT: Duration = Duration::from_secs(3);
        let opened = async {
            let mut stream = wire.listen(HeaderMap::new()).await.ok()?;
            if !stream.is_success() || !stream.is_event_stream() {
                return None;
            }
            let mut reader = sse::Reader::default();
            loop {
                let piece = stream.piece().await.ok()??;
                let mut events = reader.feed(&piece).into_iter();
                if let Some(event) = events.find(|event| event.name == "endpoint") {
                    let path = String::from_utf8(event.data.to_vec()).ok()?;
                    return Some((stream, reader, wire.join(path.trim())?));
                }
            }
        };
        let (stream, reader, endpoint) = timeout(LIMIT, opened).await.ok().flatten()?;
        let session = Session::new(epoch, wire.clone(), Transport::Old { endpoint });
        let gone = session.gone.clone();
        let waiting = self.calls.borrow_mut().open(id.clone(), false);
        spawn_local(self.clone().hear_old(stream, reader, epoch, gone));
        let answer = async {
            session.post(body.clone()).await.ok().filter(Answer::is_success)?;
            let line = waiting.answer.await.ok()?;
            match message::read(&line) {
                message::Incoming::One(message) => message.ok(),
                message::Incoming::Batch(_) => None,
            }
        };
        let answer = timeout(LIMIT, answer).await.ok().flatten();
        self.calls.borrow_mut().close(id, waiting.number);
        Some((session, answer?))
    }

    /// The client's `initialize`: what is known of it, before anything else that it says is looked at.
    pub(super) fn begin(&self, message: &Message) -> First {
        let before = self.session.take();
        if let Some(session) = before {
            session.gone.send_replace(true);
            spawn_local(async move { session.end().await });
        }
        let asked = Some(message.value(Part::Params));
        let before = self.client.replace(super::Client { asked, ..Default::default() });
        First(before.asked.is_none())
    }

    /// The answer to it.
    pub(super) async fn welcome(self: &Rc<Self>, first: First, id: &Id, sink: &Sink) {
        let line = self.greeted(id).await;
        self.put(sink, Some(line)).await;
        if first.0 {
            spawn_local(self.clone().keep_connected());
        }
    }

    /// The answer to `initialize`: the gateway's, or after a while another.
    async fn greeted(self: &Rc<Self>, id: &Id) -> Bytes {
        /// Clients give a server up that does not answer in time; the strictest known waits 10 s.
        const LONGEST: Duration = Duration::from_secs(8);
        /// So long nothing listens before another answer is given: a gateway that is just starting has come by
        /// then, and what it says itself is better than what it said last time.
        const ABSENT: Duration = Duration::from_secs(2);
        let began = Instant::now();
        let mut pauses = 0;
        let why = loop {
            let attempt = async {
                let _turn = self.connecting.lock().await;
                let current = self.session.borrow().clone();
                match current {
                    Some(session) => Ok(session),
                    None => self.connect().await,
                }
            };
            let why = match timeout(LONGEST.saturating_sub(began.elapsed()), attempt).await {
                Err(_) => "it does not answer".into(),
                Ok(Ok(session)) if session.is_gone() => "it was lost again".into(),
                Ok(Ok(_)) => {
                    let told = greeting::told(self.client.borrow().upstream.as_ref().unwrap_or(&Value::Null));
                    self.client.borrow_mut().told = Some(told.clone());
                    return message::success(id, &told);
                }
                Ok(Err(NoSession::NotYet(why))) => why,
                Ok(Err(NoSession::Refused { refusal, .. })) => {
                    self.notes.say(&refusal.words());
                    self.give_up("bridge.refused", &refusal.message, refusal.fix.as_deref());
                    return refused(id, &refusal);
                }
                Ok(Err(NoSession::Answered(error))) => {
                    self.give_up("bridge.initialize", "the gateway refuses to begin", None);
                    return error.under(id);
                }
            };
            if self.plan.strict || began.elapsed() >= ABSENT {
                break why;
            }
            self.notes.say(&format!("waiting for the gateway: {why}"));
            pauses += 1;
            sleep(pause(pauses)).await;
        };
        if self.plan.strict {
            let refusal = verdict::unreachable(&why);
            self.give_up("bridge.unreachable", &format!("reach the gateway: {why}"), refusal.fix.as_deref());
            return refused(id, &refusal);
        }
        let mut client = self.client.borrow_mut();
        let cached = self.kept();
        let whose = if cached.is_some() { "what the gateway said last time" } else { "an answer of its own" };
        let told = greeting::provisional(client.asked.as_ref().unwrap_or(&Value::Null), cached);
        client.told = Some(told.clone());
        client.provisional = true;
        self.notes.say(&format!("no gateway yet ({why}); the client gets {whose}"));
        message::success(id, &told)
    }

    /// With `--strict`, what cannot begin ends the bridge.
    fn give_up(&self, code: &'static str, message: &str, fix: Option<&str>) {
        if !self.plan.strict {
            return;
        }
        let error = Error::failed(code, message);
        self.fatal.replace(Some(fix.map_or(error.clone(), |fix| error.fix(fix))));
        self.news.notify_waiters();
    }

    /// `--strict`, before anything else: does anybody answer at all?
    pub(super) async fn must_be_there(&self) -> Result<()> {
        const LIMIT: Duration = Duration::from_secs(8);
        let asked = async {
            let wire = self.look()?;
            match wire.listen(HeaderMap::new()).await {
                Err(Failure::NotTaken(why)) => Err(format!("{}: {why}", wire.shown())),
                _ => Ok(()),
            }
        };
        let why = match timeout(LIMIT, asked).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) => why,
            Err(_) => "it does not answer".into(),
        };
        let fix = "start it, for example with `mcpgw tunnel`, or leave --strict out to wait for it";
        Err(Error::failed("bridge.unreachable", format!("reach the gateway: {why}")).fix(fix))
    }

    /// `notifications/initialized` of the client.
    pub(super) async fn client_is_ready(self: &Rc<Self>) {
        self.client.borrow_mut().ready = true;
        let session = self.session.borrow().clone();
        if let Some(session) = session {
            self.greet(&session).await;
        }
    }

    /// Tells the gateway that the client is ready, once; what follows waits for it.
    async fn greet(&self, session: &Rc<Session>) {
        const LIMIT: Duration = Duration::from_secs(10);
        if session.is_modern() {
            session.greeted.send_replace(true);
        } else if !session.greeting.replace(true) {
            let initialized = message::notification("notifications/initialized", None);
            let sent = timeout(LIMIT, session.post(initialized)).await;
            if !matches!(&sent, Ok(Ok(answer)) if answer.is_success()) {
                self.notes.log("the gateway did not take `notifications/initialized`");
            }
            session.greeted.send_replace(true);
        }
    }

    /// What the client had set up in the session before.
    async fn restore(self: &Rc<Self>, session: &Rc<Session>) {
        let wanted: Vec<(&str, Value)> = {
            let client = self.client.borrow();
            let level = client.level.iter().map(|params| ("logging/setLevel", params.clone()));
            let subscriptions = client.subscriptions.values();
            level.chain(subscriptions.map(|params| ("resources/subscribe", params.clone()))).collect()
        };
        for (method, params) in wanted.into_iter().filter(|_| !session.is_modern()) {
            let _ = self.own_call(session, method, &params).await;
        }
    }

    /// Tells the client which lists are not what it has read.
    async fn compare(self: &Rc<Self>, session: &Rc<Session>, before: Option<&Value>, now: &Value) {
        let (provisional, told) = {
            let client = self.client.borrow();
            (client.provisional && before.is_none(), client.told.clone().unwrap_or_default())
        };
        let other = provisional || before.is_some_and(|before| greeting::is_another(before, now));
        if other {
            self.client.borrow_mut().tools.forget();
        }
        for (capability, notification, method) in LISTS {
            let seen = self.client.borrow().seen.get(method).copied();
            let changed = match seen {
                _ if told["capabilities"][capability].is_null() => false,
                _ if other => true,
                None => false,
                Some(seen) => {
                    let list = self.own_call(session, method, &json!({})).await;
                    list.is_some_and(|list| fingerprint(&list) != seen)
                }
            };
            if changed {
                self.notes.log(&format!("the gateway came back with other {capability}"));
                self.emit(message::notification(notification, None)).await;
            }
        }
    }

    /// Keeps the gateway's answer for a start without one.
    fn keep(&self, result: &Value) {
        let Some(state) = &self.plan.state else { return };
        if self.kept().as_ref() == Some(result) {
            return;
        }
        let (state, name, text) = (state.clone(), target::name(&self.plan.want), result.to_string());
        // The disk may be slow; only the end waits for it, and not for long.
        let keeping = tokio::task::spawn_blocking(move || drop(state.keep_greeting(&name, text.as_bytes())));
        self.keeping.replace(Some(keeping));
    }

    fn kept(&self) -> Option<Value> {
        let bytes = self.plan.state.as_ref()?.greeting(&target::name(&self.plan.want))?;
        serde_json::from_slice(&bytes).ok().filter(greeting::usable)
    }
}

impl Session {
    /// The session as `initialize` was answered.
    fn speaking(mut self, result: &Value) -> Self {
        if !self.is_modern() {
            let version = result["protocolVersion"].as_str();
            self.version = version.and_then(|version| HeaderValue::from_str(version).ok());
        }
        self
    }
}

fn no_session(failure: Failure, at: u16) -> NoSession {
    match failure {
        Failure::NotTaken(why) | Failure::AnswerLost(why) => NoSession::NotYet(why),
        Failure::SessionGone | Failure::ParamsUnknown => NoSession::NotYet("it knows no new session".into()),
        Failure::Refused(refusal) => NoSession::Refused { refusal, at },
    }
}

fn error_words(error: &Message) -> String {
    error.value(Part::Error)["message"].as_str().unwrap_or("it does not say why").chars().take(200).collect()
}
