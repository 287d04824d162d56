//! Reading what the gateway sends, and passing on what is not the answer that was waited for.

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tokio::task::spawn_local;
use tokio::time::{Instant, timeout};

use super::super::ledger::Asker;
use super::super::message::{self, Id, Incoming, Kind, Message, Part};
use super::super::sse;
use super::super::verdict::{Failure, LOST, OTHER_PATH, Refusal};
use super::super::wire::{Answer, LARGEST};
use super::Bridge;

/// What an answer brought.
pub(super) enum Heard {
    /// The message that answers the call.
    Answer(Message),
    /// The stream ended before.
    Cut { why: String, last_id: Option<String>, retry: Option<u64> },
    /// It was taken, and its answer comes another way.
    Nothing,
}

enum Whose {
    Ours,
    Others,
    Nobodys,
}

impl Bridge {
    /// Reads a successful answer to the request `id`.
    pub(super) async fn hear(
        self: &Rc<Self>,
        mut answer: Answer,
        id: &Id,
        epoch: u64,
    ) -> Result<Heard, Failure> {
        if answer.is_event_stream() {
            return Ok(self.hear_stream(answer, id, epoch).await);
        }
        let body = answer.whole().await.map_err(Failure::AnswerLost)?;
        if body.trim_ascii().is_empty() {
            return Ok(Heard::Nothing);
        }
        let parts = match message::read(&body) {
            Incoming::One(Ok(message)) => vec![message],
            Incoming::Batch(parts) => parts.into_iter().flatten().collect(),
            // "Accepted", perhaps.
            Incoming::One(Err(_)) if answer.status == 202 => vec![],
            Incoming::One(Err(_)) => return Err(Failure::Refused(no_mcp(&answer))),
        };
        let (mut found, mut stray) = (None, None);
        for message in parts {
            match self.whose(&message, id) {
                Whose::Ours if found.is_none() => found = Some(message),
                Whose::Nobodys => stray = Some(message),
                _ => self.deliver(message, epoch).await,
            }
        }
        Ok(found.or(stray).map_or(Heard::Nothing, Heard::Answer))
    }

    /// Whose answer a message on a call's own stream is. One under an id that nobody uses is the call's all the
    /// same, if no better one comes: servers round numbers, make texts of them, or do not know what they answer.
    fn whose(&self, message: &Message, id: &Id) -> Whose {
        match &message.kind {
            Kind::Response { id: its, .. } if its == id => Whose::Ours,
            Kind::Response { id: its, .. } if !self.calls.borrow().waits(its) => Whose::Nobodys,
            _ => Whose::Others,
        }
    }

    /// Reads events until the answer comes; what follows it is read by the way.
    pub(super) async fn hear_stream(self: &Rc<Self>, mut answer: Answer, id: &Id, epoch: u64) -> Heard {
        let mut reader = sse::Reader::default();
        let (mut found, mut stray) = (None, None);
        loop {
            let piece = answer.piece().await;
            let (events, end) = match piece {
                Ok(Some(_)) if reader.is_too_long(LARGEST) => (vec![], Some("its answer has no end".into())),
                Ok(Some(piece)) => (reader.feed(&piece), None),
                Ok(None) => (reader.finish().into_iter().collect(), Some("its stream ended".to_string())),
                Err(why) => (reader.finish().into_iter().collect(), Some(why)),
            };
            for message in events.into_iter().flat_map(messages) {
                match self.whose(&message, id) {
                    Whose::Ours if found.is_none() => found = Some(message),
                    Whose::Nobodys => stray = Some(message),
                    _ => self.deliver(message, epoch).await,
                }
            }
            if let Some(found) = found {
                if end.is_none() {
                    // Read to its end, the connection serves the next call.
                    spawn_local(self.clone().hear_out(answer, reader, epoch));
                }
                return Heard::Answer(found);
            }
            if let Some(why) = end {
                if let Some(stray) = stray {
                    return Heard::Answer(stray);
                }
                return Heard::Cut { why, last_id: reader.last_id, retry: reader.retry };
            }
        }
    }

    async fn hear_out(self: Rc<Self>, mut answer: Answer, mut reader: sse::Reader, epoch: u64) {
        const PATIENCE: Duration = Duration::from_secs(5);
        while let Ok(Ok(Some(piece))) = timeout(PATIENCE, answer.piece()).await {
            for message in reader.feed(&piece).into_iter().flat_map(messages) {
                self.deliver(message, epoch).await;
            }
        }
    }

    /// Passes a message of the gateway on to whom it concerns.
    pub(super) async fn deliver(&self, message: Message, epoch: u64) {
        match &message.kind {
            Kind::Response { id, .. } => {
                let known = self.calls.borrow_mut().answer(id, message.raw.clone());
                if !known {
                    self.notes.log("an answer that nobody waits for");
                }
            }
            Kind::Request { id, .. } => {
                let asker = Asker::Gateway { epoch, id: id.clone() };
                let shown = self.questions.borrow_mut().ask(id, asker);
                let line = if shown == *id { message.raw.clone() } else { message.under(&shown) };
                self.emit(line).await;
            }
            Kind::Notification { method } if method == "notifications/cancelled" => {
                let mut params = message.value(Part::Params);
                let of = serde_json::value::to_raw_value(&params["requestId"]).ok();
                let id = of.map_or_else(Id::null, |raw| Id::read(&raw));
                let shown = self.questions.borrow().taken_back(epoch, &id);
                let line = match shown {
                    Some(shown) if shown != id => {
                        params["requestId"] = serde_json::from_str(shown.json()).unwrap_or_default();
                        message::notification(method, Some(&params))
                    }
                    _ => message.raw.clone(),
                };
                self.emit(line).await;
            }
            // It concerns the bridge, which asked for the stream.
            Kind::Notification { method }
                if epoch > 0 && method == "notifications/subscriptions/acknowledged" => {}
            Kind::Notification { method } => {
                if method == "notifications/progress" {
                    self.progressed.set(Some(Instant::now()));
                }
                self.emit(message.raw).await;
            }
        }
    }

    /// The gateway is gone and waits for no answers any more.
    pub(super) async fn take_questions_back(&self, epoch: u64) {
        let orphaned = self.questions.borrow().orphaned(epoch);
        for id in orphaned {
            let id: serde_json::Value = serde_json::from_str(id.json()).unwrap_or_default();
            let params = json!({"requestId": id, "reason": "the gateway that asked is gone"});
            self.emit(message::notification("notifications/cancelled", Some(&params))).await;
        }
    }
}

/// The messages of an event; other events than messages are nothing to us.
pub(super) fn messages(event: sse::Event) -> Vec<Message> {
    if !event.name.is_empty() && event.name != "message" {
        return vec![];
    }
    match message::read(&event.data) {
        Incoming::One(message) => message.into_iter().collect(),
        Incoming::Batch(parts) => parts.into_iter().flatten().collect(),
    }
}

fn no_mcp(answer: &Answer) -> Refusal {
    let kind = match answer.media_type() {
        "" => "something that is no JSON",
        kind => kind,
    };
    Refusal {
        code: LOST,
        name: "bridge.no_mcp",
        message: format!("{} speaks no MCP: it answered {kind}", super::super::target::shown(&answer.url)),
        fix: Some(OTHER_PATH.into()),
    }
}
