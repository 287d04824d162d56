//! What goes beside the client's calls: requests of the bridge's own, pings, cancellations, answers to the
//! gateway's questions, notifications.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

use super::super::judgement;
use super::super::ledger::Asker;
use super::super::message::{self, Id, Kind, Message, Part};
use super::super::modern::{self, Params};
use super::super::verdict::Failure;
use super::answers::Heard;
use super::call::{Call, Trials, pause};
use super::session::{Session, Transport};
use super::{Bridge, Sink};

impl Bridge {
    /// Reads the tools with a request of the bridge's own, for the headers that their parameters go into.
    pub(super) async fn learn_tools(self: &Rc<Self>, call: &Call) {
        let id = self.own_id("tools");
        let session = self.session.borrow().clone().filter(|_| call.params.version().is_none());
        let meta =
            session.and_then(|session| self.declaration(&session)).unwrap_or_else(|| call.params.meta());
        let params = json!({"_meta": meta});
        let Incoming(Ok(message)) = Incoming::of(message::request(&id, "tools/list", &params)) else {
            return;
        };
        let params = Params::read(message.part(Part::Params));
        let own = Call { id, method: "tools/list".into(), params, message };
        let version = call.params.version().unwrap_or(modern::VERSION);
        if let Ok(answer) = self.try_modern(&own, version, &mut Trials::default()).await {
            self.client.borrow_mut().tools.learn(&answer.value(Part::Result));
        }
    }

    /// A request of the bridge's own in a session; its result.
    pub(super) async fn own_call(
        self: &Rc<Self>,
        session: &Rc<Session>,
        method: &str,
        params: &Value,
    ) -> Option<Message> {
        const LIMIT: Duration = Duration::from_secs(20);
        let id = self.own_id(method);
        if session.is_modern() {
            let Incoming(Ok(message)) = Incoming::of(message::request(&id, method, params)) else {
                return None;
            };
            let call = Call { id, method: method.into(), params: Params::default(), message };
            let mut trials = Trials::default();
            let asked = self.try_translated(&call, session, &mut trials);
            return timeout(LIMIT, asked).await.ok()?.ok();
        }
        let waiting = self.calls.borrow_mut().open(id.clone(), false);
        let asked = async {
            let answer = session.post(message::request(&id, method, params)).await.ok()?;
            if !answer.is_success() || session.transport != Transport::Streamable {
                return std::future::pending().await;
            }
            match self.hear(answer, &id, session.epoch).await.ok()? {
                Heard::Answer(message) => Some(message),
                _ => None,
            }
        };
        let elsewhere = async {
            let line = waiting.answer.await.ok()?;
            Incoming::of(line).0.ok()
        };
        let answer = timeout(LIMIT, async {
            tokio::select! { answer = asked => answer, answer = elsewhere => answer, () = session.over() => None }
        });
        let answer = answer.await.ok().flatten();
        self.calls.borrow_mut().close(&id, waiting.number);
        answer.filter(|answer| matches!(answer.kind, Kind::Response { failed: false, .. }))
    }

    pub(super) fn own_id(&self, name: &str) -> Id {
        let number = self.own.get() + 1;
        self.own.set(number);
        Id::own(&format!("{name}-{number}"))
    }

    /// The gateway's answer, or soon the bridge's own: a client that asks whether its server lives must not
    /// take a gateway's restart for a dead server.
    pub(super) async fn ping(self: &Rc<Self>, message: Message, id: &Id, sink: &Sink) {
        const SOON: Duration = Duration::from_secs(2);
        // 2026-07-28 has no pings.
        let session = self.session.borrow().clone().filter(|session| !session.is_modern());
        let asked = async {
            let session = session?;
            let answer = session.post(message.raw.clone()).await.ok()?;
            match self.hear(answer, id, session.epoch).await.ok()? {
                Heard::Answer(message) => Some(judgement::addressed(&message, id)),
                _ => None,
            }
        };
        let answer = timeout(SOON, asked).await.ok().flatten();
        let answer = answer.unwrap_or_else(|| message::success(id, &json!({})));
        self.put(sink, Some(answer)).await;
    }

    /// `notifications/cancelled`: the call is off, and the gateway hears of it where it must.
    pub(super) fn cancel(&self, message: Message) {
        let raw = message.part(Part::Params).and_then(|raw| {
            let params: serde_json::Map<String, Value> = serde_json::from_str(raw.get()).ok()?;
            serde_json::value::to_raw_value(params.get("requestId")?).ok()
        });
        let id = raw.map_or_else(Id::null, |raw| Id::read(&raw));
        let told = self.calls.borrow_mut().cancel(&id);
        // A call that still waits for a gateway has not reached one.
        if told && self.session.borrow().is_some() {
            let _ = self.posts.send(message);
        }
        self.news.notify_waiters();
    }

    /// The client answers a question.
    pub(super) fn client_answers(self: &Rc<Self>, message: Message, id: &Id) {
        let asker = self.questions.borrow_mut().answered(id);
        match asker {
            None => self.notes.log("an answer of the client to no question"),
            Some(Asker::Bridge(take)) => {
                let _ = take.send(message.raw);
            }
            Some(Asker::Gateway { epoch, id: its }) => {
                let line = if its == *id { message.raw.clone() } else { message.under(&its) };
                spawn_local(self.clone().answer_gateway(epoch, line));
            }
        }
    }

    /// Answers go to the session that asked, or nowhere. Taking one twice does a gateway no harm.
    async fn answer_gateway(self: Rc<Self>, epoch: u64, line: Bytes) {
        let since = Instant::now();
        let mut pauses = 0;
        while since.elapsed() < self.plan.patience {
            let Some(session) = self.session.borrow().clone().filter(|session| session.epoch == epoch) else {
                self.notes.log("an answer of the client to a gateway that is gone");
                return;
            };
            match session.post(line.clone()).await {
                Ok(answer) if answer.is_success() => return,
                Ok(answer) if answer.status == 404 && session.id.is_some() => {
                    return self.lose(&session, "the gateway does not know the session any more");
                }
                Ok(answer) if answer.status < 500 => {
                    return self.notes.log(&format!("the gateway refused an answer: HTTP {}", answer.status));
                }
                Ok(_) | Err(_) => {
                    pauses += 1;
                    sleep(pause(pauses)).await;
                    self.moved(Some(&session));
                }
            }
        }
    }

    /// Sends the client's notifications, one after the other.
    pub(super) async fn send_posts(self: Rc<Self>, mut posted: mpsc::UnboundedReceiver<Message>) {
        const LIMIT: Duration = Duration::from_secs(10);
        while let Some(message) = posted.recv().await {
            let sent = async {
                let session = self.session(Some(Instant::now() + LIMIT)).await?;
                if session.is_modern() {
                    return Ok(());
                }
                let answer = session.post(message.raw.clone()).await?;
                self.checked(answer, &session.wire.shown(), true).await.map(drop)
            };
            if let Ok(Err(failure)) | Err(failure) =
                timeout(LIMIT, sent).await.map_err(|_| Failure::AnswerLost("no answer".into()))
            {
                self.notes.log(&format!("a notification was lost: {failure:?}"));
            }
        }
    }
}

/// One message of the bridge's own making, read back.
struct Incoming(Result<Message, message::Wrong>);

impl Incoming {
    fn of(line: Bytes) -> Self {
        match message::read(&line) {
            message::Incoming::One(message) => Self(message),
            message::Incoming::Batch(_) => Self(Err(message::Wrong::NoMessage(Id::null()))),
        }
    }
}
