//! Bodies. Of an answer: the gateway's stream, or a few words of ours, and with it the token that says
//! "still under way". Of a request: however it comes, and no more of it than is allowed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::header::HeaderMap;
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};

use super::pulse::Pulse;
use super::requests::Ticket;
use super::rpc::Note;
use super::upgrade::Switch;
use super::upstream::Reply;
use super::visitor::Intake;

/// See the module.
#[derive(Debug)]
pub(super) struct Body {
    content: Content,
    /// Dropped with the body, that is when its last byte is sent or the visitor has gone.
    _under_way: Option<mpsc::Sender<()>>,
    /// Writes down what was sent when all is.
    ticket: Option<Ticket>,
}

#[derive(Debug)]
enum Content {
    Stream(Reply),
    /// Events, and comments where there are none.
    Events(Reply, Pulse),
    Words(Option<Bytes>),
    /// Words at once, the end when the time is over.
    Slow(Option<Bytes>, Pin<Box<Sleep>>),
    /// None: another protocol follows.
    Switch(Box<Switch>),
}

impl Body {
    /// The gateway's, with these headers.
    pub(super) fn stream(reply: Reply, headers: &HeaderMap, under_way: Option<mpsc::Sender<()>>) -> Self {
        /// Tunnels and proxies cut what is silent for 100 s and more.
        const COMMENT: Duration = Duration::from_secs(25);
        let content = match Pulse::suits(headers, &reply) {
            true => Content::Events(reply, Pulse::new(COMMENT)),
            false => Content::Stream(reply),
        };
        Self { content, _under_way: under_way, ticket: None }
    }

    /// Words, and then nothing for longer than anybody waits who wonders whether they are held back.
    pub(super) fn slow(text: impl Into<Bytes>) -> Self {
        const OPEN: Duration = Duration::from_secs(5);
        Self {
            content: Content::Slow(Some(text.into()), Box::pin(sleep(OPEN))),
            _under_way: None,
            ticket: None,
        }
    }

    /// What is sent of it is counted.
    pub(super) fn counted(self, ticket: Ticket) -> Self {
        Self { ticket: Some(ticket), ..self }
    }

    /// A piece of it, read straight into `room`. `None`: it comes in frames.
    pub(super) fn poll_into(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Option<Poll<io::Result<usize>>> {
        let Content::Stream(reply) = &mut self.content else { return None };
        let polled = reply.poll_into(cx, room)?;
        if let (Poll::Ready(Ok(count)), Some(ticket)) = (&polled, &mut self.ticket) {
            ticket.bytes += *count as u64;
        }
        Some(polled)
    }

    /// What follows is not HTTP.
    pub(super) fn switched(switch: Switch) -> Self {
        Self { content: Content::Switch(Box::new(switch)), _under_way: None, ticket: None }
    }

    /// What follows, if it is not HTTP.
    pub(super) fn into_switch(self) -> Option<Switch> {
        if let Content::Switch(switch) = self.content { Some(*switch) } else { None }
    }

    pub(super) fn words(text: impl Into<Bytes>) -> Self {
        Self { content: Content::Words(Some(text.into())), _under_way: None, ticket: None }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let polled = match &mut this.content {
            Content::Stream(reply) => Pin::new(reply).poll_frame(cx),
            Content::Events(reply, pulse) => {
                let stream = Pin::new(reply).poll_frame(cx);
                pulse.poll(stream, cx)
            }
            Content::Words(words) => Poll::Ready(words.take().map(|words| Ok(Frame::data(words)))),
            Content::Slow(words, open) => match words.take() {
                Some(words) => Poll::Ready(Some(Ok(Frame::data(words)))),
                None => open.as_mut().poll(cx).map(|()| None),
            },
            Content::Switch(_) => Poll::Ready(None),
        };
        if let (Poll::Ready(Some(Ok(frame))), Some(ticket)) = (&polled, &mut this.ticket) {
            ticket.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Stream(reply) | Content::Events(reply, _) => reply.is_end_stream(),
            Content::Words(words) => words.is_none(),
            Content::Slow(..) => false,
            Content::Switch(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Stream(reply) | Content::Events(reply, _) => reply.size_hint(),
            Content::Words(words) => {
                SizeHint::with_exact(words.as_ref().map_or(0, |words| words.len() as u64))
            }
            Content::Slow(..) => SizeHint::default(),
            Content::Switch(_) => SizeHint::with_exact(0),
        }
    }
}

/// A request's body. Who stops sending in the middle of it is given up after a while, unless the gateway answers
/// meanwhile: then it is a talk, in which either side may be silent.
#[derive(Debug, Default)]
pub(super) struct RequestBody {
    source: Source,
    /// So many bytes more may come.
    left: u64,
    note: Option<Arc<Note>>,
    /// How long nothing has come.
    silence: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Default)]
enum Source {
    #[default]
    Nothing,
    /// Whole.
    Words(Bytes),
    /// It comes by HTTP/1, whose connection reads on when this is dropped.
    Visitor(Intake),
    /// It comes by HTTP/2.
    Stream(ReadOn),
}

/// A stream whose rest is still read when it is dropped: its bytes count against what the connection may send.
#[derive(Debug)]
struct ReadOn(Option<Incoming>);

impl Drop for ReadOn {
    fn drop(&mut self) {
        /// A visitor who goes on sending for longer what nobody wants is cut off.
        const PATIENCE: Duration = Duration::from_secs(30);
        if let Some(mut rest) = self.0.take().filter(|rest| !rest.is_end_stream()) {
            tokio::spawn(tokio::time::timeout(PATIENCE, async move {
                while let Some(Ok(_)) = rest.frame().await {}
            }));
        }
    }
}

impl RequestBody {
    /// So long may nothing come in the middle of a body.
    const SILENCE: Duration = Duration::from_secs(60);

    pub(super) fn incoming(incoming: Incoming) -> Self {
        Self { source: Source::Stream(ReadOn(Some(incoming))), ..Self::default() }
    }

    pub(super) fn visitors(intake: Intake) -> Self {
        Self { source: Source::Visitor(intake), ..Self::default() }
    }

    pub(super) fn words(text: impl Into<Bytes>) -> Self {
        Self { source: Source::Words(text.into()), ..Self::default() }
    }

    /// What passes is noted, and no more than this passes.
    pub(super) fn watch(&mut self, largest: u64, note: Arc<Note>) {
        (self.left, self.note) = (largest, Some(note));
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.source {
            Source::Nothing => Poll::Ready(None),
            Source::Words(words) => {
                let words = std::mem::take(words);
                self.source = Source::Nothing;
                Poll::Ready(Some(words).filter(|words| !words.is_empty()).map(|words| Ok(Frame::data(words))))
            }
            Source::Visitor(intake) => {
                intake.poll_piece(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
            Source::Stream(ReadOn(None)) => Poll::Ready(None),
            Source::Stream(ReadOn(Some(stream))) => {
                let frame = Pin::new(stream).poll_frame(cx);
                frame.map(|frame| frame.map(|frame| frame.map_err(io::Error::other)))
            }
        }
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.note.as_ref().is_some_and(|note| note.answered()) {
            self.silence = None;
            return Poll::Pending;
        }
        let timer = self.silence.get_or_insert_with(|| Box::pin(sleep(Self::SILENCE)));
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        if let Some(note) = &self.note {
            note.set_stalled();
        }
        Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())))
    }
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Poll::Ready(frame) = self.poll_source(cx) else { return self.poll_silence(cx) };
        self.silence = None;
        if let (Some(Ok(frame)), Some(note)) = (&frame, &self.note)
            && let Some(data) = frame.data_ref()
        {
            note.begin(data);
            match self.left.checked_sub(data.len() as u64) {
                Some(left) => self.left = left,
                None => {
                    note.set_too_large();
                    return Poll::Ready(Some(Err(io::Error::other("the body is too large"))));
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Nothing => true,
            Source::Words(words) => words.is_empty(),
            Source::Visitor(intake) => intake.is_over(),
            Source::Stream(ReadOn(stream)) => stream.as_ref().is_none_or(hyper::body::Body::is_end_stream),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Nothing => SizeHint::with_exact(0),
            Source::Words(words) => SizeHint::with_exact(words.len() as u64),
            Source::Visitor(intake) => intake.left().map_or_else(SizeHint::default, SizeHint::with_exact),
            Source::Stream(ReadOn(stream)) => {
                stream.as_ref().map_or_else(|| SizeHint::with_exact(0), hyper::body::Body::size_hint)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    use tokio::time::{Instant, timeout};

    use crate::edge::visitor;

    fn upload() -> (impl Sized, RequestBody, Arc<Note>) {
        let (outlet, intake) = visitor::body(Some(9));
        let (mut body, note) = (RequestBody::visitors(intake), Arc::<Note>::default());
        body.watch(100, note.clone());
        (outlet, body, note)
    }

    async fn next(body: &mut RequestBody) -> Option<io::Result<Frame<Bytes>>> {
        poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_sending_is_given_up_after_a_minute() {
        let (_outlet, mut body, note) = upload();
        let began = Instant::now();
        let error = next(&mut body).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), note.stalled()), (io::ErrorKind::TimedOut, true));
        let silent = began.elapsed();
        assert!(silent >= RequestBody::SILENCE && silent < RequestBody::SILENCE * 2, "{silent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_being_answered_may_be_silent() {
        let (_outlet, mut body, note) = upload();
        // It was silent for a while before the answer began, too.
        assert!(timeout(RequestBody::SILENCE / 2, next(&mut body)).await.is_err());
        note.set_answered();
        assert!(timeout(RequestBody::SILENCE * 60, next(&mut body)).await.is_err());
        assert!(!note.stalled());
    }
}
