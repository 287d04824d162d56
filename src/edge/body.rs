//! Bodies. Of an answer: the gateway's stream, or a few words of ours, and with it the token that says
//! "still under way". Of a request: one that is read to its end even when nobody wants it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::header::HeaderMap;
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};

use super::pulse::Pulse;
use super::requests::Ticket;
use super::rpc::Note;
use super::upstream::Reply;

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
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Stream(reply) | Content::Events(reply, _) => reply.size_hint(),
            Content::Words(words) => {
                SizeHint::with_exact(words.as_ref().map_or(0, |words| words.len() as u64))
            }
            Content::Slow(..) => SizeHint::default(),
        }
    }
}

/// A request's body. Dropped before its end (the request was refused, the gateway answered early), the
/// rest is still read: closing a connection with unread bytes resets it, and `lt` loses one of its ten
/// sockets for good with every reset.
#[derive(Debug, Default)]
pub(super) struct RequestBody {
    incoming: Option<Incoming>,
    /// Ours, where nobody sends one.
    words: Option<Bytes>,
    /// So many bytes more may come.
    left: u64,
    note: Option<Arc<Note>>,
}

impl RequestBody {
    /// A visitor who goes on sending for longer is cut off.
    const PATIENCE: Duration = Duration::from_secs(30);

    pub(super) fn new(incoming: Incoming, largest: u64, note: Option<Arc<Note>>) -> Self {
        Self { incoming: Some(incoming), words: None, left: largest, note }
    }

    pub(super) fn words(text: impl Into<Bytes>) -> Self {
        Self { incoming: None, words: Some(text.into()), left: 0, note: None }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(mut rest) = self.incoming.take().filter(|body| !hyper::body::Body::is_end_stream(body)) {
            tokio::spawn(tokio::time::timeout(Self::PATIENCE, async move {
                while let Some(Ok(_)) = rest.frame().await {}
            }));
        }
    }
}

impl hyper::body::Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(self.words.take().map(|words| Ok(Frame::data(words))));
        };
        let Poll::Ready(frame) = Pin::new(incoming).poll_frame(cx) else { return Poll::Pending };
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
        Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)))
    }

    fn is_end_stream(&self) -> bool {
        self.words.is_none() && self.incoming.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let ours = || SizeHint::with_exact(self.words.as_ref().map_or(0, |words| words.len() as u64));
        self.incoming.as_ref().map_or_else(ours, hyper::body::Body::size_hint)
    }
}
