//! The body of every answer: the gateway's stream, or a few words of ours, and with it the token that
//! says "still under way".

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::mpsc;

/// See the module.
#[derive(Debug)]
pub(super) struct Body {
    content: Content,
    /// Dropped with the body, that is when its last byte is sent or the visitor has gone.
    _under_way: Option<mpsc::Sender<()>>,
}

#[derive(Debug)]
enum Content {
    Stream(Incoming),
    Words(Option<Bytes>),
}

impl Body {
    pub(super) fn stream(incoming: Incoming, under_way: Option<mpsc::Sender<()>>) -> Self {
        Self { content: Content::Stream(incoming), _under_way: under_way }
    }

    pub(super) fn words(text: impl Into<Bytes>) -> Self {
        Self { content: Content::Words(Some(text.into())), _under_way: None }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.get_mut().content {
            Content::Stream(incoming) => Pin::new(incoming).poll_frame(cx),
            Content::Words(words) => Poll::Ready(words.take().map(|words| Ok(Frame::data(words)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Stream(incoming) => incoming.is_end_stream(),
            Content::Words(words) => words.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Stream(incoming) => incoming.size_hint(),
            Content::Words(words) => {
                SizeHint::with_exact(words.as_ref().map_or(0, |words| words.len() as u64))
            }
        }
    }
}
