//! The gateway's own stream, for what it says unasked; and with it the watch over the connection: when the
//! stream breaks the gateway is looked for again, whether the client asks for something or not.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::super::sse;
use super::super::verdict::Failure;
use super::super::wire::{Answer, LARGEST};
use super::Bridge;
use super::answers::messages;
use super::call::pause;
use super::session::{Session, Transport};

/// How a stream ended.
enum Ended {
    /// It may be opened again.
    Open,
    /// The session is over, or has no such stream.
    Done,
}

impl Bridge {
    /// Has a session at all times, as far as there is a gateway.
    pub(super) async fn keep_connected(self: Rc<Self>) {
        /// What refuses now is asked again, but rarely.
        const REFUSED: Duration = Duration::from_secs(15);
        loop {
            let session = match self.session(None).await {
                Ok(session) => session,
                Err(_) => {
                    sleep(REFUSED).await;
                    continue;
                }
            };
            let mut greeted = session.greeted.subscribe();
            tokio::select! {
                _ = greeted.wait_for(|greeted| *greeted) => {}
                () = session.over() => {}
            }
            let listening = async {
                match &session.transport {
                    Transport::Streamable => self.listen(&session).await,
                    Transport::Modern { .. } => self.subscribe(&session).await,
                    Transport::Old { .. } => {}
                }
            };
            tokio::select! {
                () = listening => {}
                () = session.over() => {}
            }
            session.listening.set(false);
            session.over().await;
            self.take_questions_back(session.epoch).await;
        }
    }

    async fn listen(self: &Rc<Self>, session: &Rc<Session>) {
        let mut stream = Listening { known: false, last_id: None, retry: None, pauses: 0, idle: 0 };
        loop {
            if let Ended::Done = self.listen_once(session, &mut stream).await {
                return;
            }
            let least = stream.retry.map(Duration::from_millis).unwrap_or_default();
            sleep(pause(stream.pauses).max(least).max(stream.rest())).await;
            stream.pauses += 1;
        }
    }

    async fn listen_once(self: &Rc<Self>, session: &Rc<Session>, stream: &mut Listening) -> Ended {
        /// A stream that lived so long ended for another reason than the last one.
        const STABLE: Duration = Duration::from_secs(10);
        let answer = match session.listen(stream.last_id.as_deref()).await {
            Ok(answer) => answer,
            Err(Failure::NotTaken(_) | Failure::AnswerLost(_)) => {
                stream.known = true;
                return if self.moved(Some(session)) { Ended::Done } else { Ended::Open };
            }
            Err(_) => return Ended::Done,
        };
        if answer.is_success() && answer.is_event_stream() {
            let began = Instant::now();
            stream.known = true;
            session.listening.set(true);
            self.hear_all(answer, stream, session.epoch).await;
            session.listening.set(false);
            if began.elapsed() >= STABLE {
                (stream.pauses, stream.idle) = (0, 0);
            } else {
                stream.idle += 1;
            }
            return Ended::Open;
        }
        match answer.status {
            429 | 500.. => Ended::Open,
            // A gateway that had the stream, or has been away, has forgotten the session.
            400 | 404 | 410 if stream.known && session.id.is_some() => {
                self.lose(session, "the gateway does not know the session any more");
                Ended::Done
            }
            _ => Ended::Done,
        }
    }

    async fn hear_all(&self, mut answer: Answer, stream: &mut Listening, epoch: u64) {
        let mut reader = sse::Reader::behind(stream.last_id.take());
        while !reader.is_too_long(LARGEST)
            && let Ok(Some(piece)) = answer.piece().await
        {
            for message in reader.feed(&piece).into_iter().flat_map(messages) {
                self.deliver(message, epoch).await;
            }
        }
        stream.last_id = reader.last_id;
        stream.retry = reader.retry.or(stream.retry);
    }

    /// The one stream of an HTTP+SSE session; its end is the session's.
    pub(super) async fn hear_old(
        self: Rc<Self>,
        mut answer: Answer,
        mut reader: sse::Reader,
        epoch: u64,
        gone: watch::Sender<bool>,
    ) {
        while !reader.is_too_long(LARGEST)
            && let Ok(Some(piece)) = answer.piece().await
        {
            for message in reader.feed(&piece).into_iter().flat_map(messages) {
                self.deliver(message, epoch).await;
            }
        }
        let current = self.session.borrow().clone().filter(|session| session.epoch == epoch);
        match current {
            Some(session) => self.lose(&session, "the gateway's stream ended"),
            None => drop(gone.send_replace(true)),
        }
    }
}

struct Listening {
    /// It was open before, or the gateway was away since: a refusal means more than that there is none.
    known: bool,
    last_id: Option<String>,
    retry: Option<u64>,
    pauses: u32,
    /// Streams in a row that ended soon.
    idle: u32,
}

impl Listening {
    /// A gateway that ends every stream at once is asked ever more rarely, at last once a minute.
    fn rest(&self) -> Duration {
        const SUSPICIOUS: u32 = 3;
        match self.idle.checked_sub(SUSPICIOUS) {
            None => Duration::ZERO,
            Some(more) => Duration::from_secs(2 << more.min(5)).min(Duration::from_secs(60)),
        }
    }
}
