//! Beginning sessions: looking for the gateway, `initialize`, and the word to the client.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::super::greeting;
use super::super::message::{self, Id, Kind, Message, Part};
use super::super::sse;
use super::super::target::{self, Address};
use super::super::verdict::{self, Failure, Refusal};
use super::super::wire::{Answer, Wire};
use super::Bridge;
use super::answers::Heard;
use super::call::pause;
use super::session::{SESSION, Session, Transport};
use crate::state::read_key;

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
