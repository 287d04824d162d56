//! The word to the client: the answer to its `initialize`, with or without a gateway, and which lists have
//! changed when one comes back.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::super::greeting::{self, LISTS};
use super::super::message::{self, Id, Message, Part};
use super::super::target;
use super::super::verdict::{self, Failure};
use super::call::{fingerprint, pause, refused};
use super::connect::NoSession;
use super::session::Session;
use super::{Bridge, Sink};
use crate::error::{Error, Result};

/// Is it the client's first `initialize`?
pub(super) struct First(bool);

impl Bridge {
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
                    let why = format!("connect to the gateway: {}", refusal.message);
                    self.give_up("bridge.refused", &why, refusal.fix.as_deref());
                    return refused(id, &refusal);
                }
                Ok(Err(NoSession::Answered(error))) => {
                    self.give_up("bridge.initialize", "begin a session: the gateway refuses", None);
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
    pub(super) async fn greet(&self, session: &Rc<Session>) {
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
    pub(super) async fn restore(self: &Rc<Self>, session: &Rc<Session>) {
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
    pub(super) async fn compare(self: &Rc<Self>, session: &Rc<Session>, before: Option<&Value>, now: &Value) {
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
    pub(super) fn keep(&self, result: &Value) {
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
