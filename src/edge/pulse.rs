//! Keeps silent event streams alive: tunnels and proxies cut what says nothing for 100 to 300 s. A comment goes
//! between two events, where no client can mistake it for a part of one, and never into anything but a plain
//! event stream of unknown length.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::header::{self, HeaderMap};
use tokio::time::{Instant, Sleep, sleep};

/// See the module. One timer a stream, set anew only when it has run out.
#[derive(Debug)]
pub(super) struct Pulse {
    every: Duration,
    timer: Pin<Box<Sleep>>,
    /// When something was sent last.
    last: Instant,
    /// The last bytes of it.
    tail: [u8; 4],
    /// Nothing has been sent yet but comments of ours.
    only_comments: bool,
}

impl Pulse {
    /// An empty line starts a stream as it ends an event.
    const BOUNDARY: [u8; 4] = *b"\n\n\n\n";
    /// A comment and the empty line behind it dispatch nothing (HTML standard, section 9.2.6).
    const COMMENT: Bytes = Bytes::from_static(b":\n\n");

    pub(super) fn new(every: Duration) -> Self {
        Self {
            every,
            timer: Box::pin(sleep(every)),
            last: Instant::now(),
            tail: Self::BOUNDARY,
            only_comments: false,
        }
    }

    /// Does an answer with these headers want it? `body` is the answer's.
    pub(super) fn suits(headers: &HeaderMap, body: &impl Body) -> bool {
        let events = |value: &[u8]| {
            let kind = value.split(|byte| *byte == b';').next().unwrap_or_default();
            kind.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
        };
        headers.get(header::CONTENT_TYPE).is_some_and(|value| events(value.as_bytes()))
            && !headers.contains_key(header::CONTENT_ENCODING)
            && !headers.contains_key(header::CONTENT_LENGTH)
            && body.size_hint().exact().is_none()
    }

    /// What the stream has, or else a comment when it has been silent for too long.
    pub(super) fn poll<E>(
        &mut self,
        stream: Poll<Option<Result<Frame<Bytes>, E>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        if let Poll::Ready(frame) = stream {
            let comments_first = std::mem::take(&mut self.only_comments);
            return Poll::Ready(frame.map(|frame| {
                frame.map(|frame| match frame.into_data() {
                    Ok(data) => {
                        // Behind a comment it would not be at the beginning, where alone it means nothing.
                        let data = if comments_first { without_mark(data) } else { data };
                        self.sent(&data);
                        Frame::data(data)
                    }
                    Err(trailers) => trailers,
                })
            }));
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let silent = self.last.elapsed();
            if silent >= self.every && self.at_boundary() {
                self.only_comments |= self.tail == Self::BOUNDARY;
                self.sent(&Self::COMMENT);
                self.timer.as_mut().reset(self.last + self.every);
                return Poll::Ready(Some(Ok(Frame::data(Self::COMMENT))));
            }
            // In the middle of an event there is nothing to do but to wait for its rest.
            let left = self.every.saturating_sub(silent);
            let wait = if left.is_zero() { self.every } else { left };
            self.timer.as_mut().reset(Instant::now() + wait);
        }
        Poll::Pending
    }

    fn sent(&mut self, data: &[u8]) {
        self.last = Instant::now();
        let count = data.len().min(self.tail.len());
        self.tail.rotate_left(count);
        let keep = self.tail.len() - count;
        self.tail[keep..].copy_from_slice(&data[data.len() - count..]);
    }

    /// Has an empty line just ended, however lines are ended here?
    fn at_boundary(&self) -> bool {
        self.tail.ends_with(b"\n\n") || self.tail.ends_with(b"\r\r") || self.tail == *b"\r\n\r\n"
    }
}

/// Without the byte order mark that may stand at the beginning of a stream.
fn without_mark(data: Bytes) -> Bytes {
    if data.starts_with(b"\xef\xbb\xbf") { data.slice(3..) } else { data }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::poll_fn;

    use http_body_util::channel::{Channel, Sender};
    use http_body_util::{Empty, Full};

    const EVERY: Duration = Duration::from_secs(25);

    fn stream() -> (Sender<Bytes, Infallible>, Channel<Bytes, Infallible>, Pulse) {
        let (sender, channel) = Channel::new(8);
        (sender, channel, Pulse::new(EVERY))
    }

    /// The next piece, and how long it took to come.
    async fn next(channel: &mut Channel<Bytes, Infallible>, pulse: &mut Pulse) -> Option<(String, u64)> {
        let began = Instant::now();
        let frame = poll_fn(|cx| {
            let stream = Pin::new(&mut *channel).poll_frame(cx);
            pulse.poll(stream, cx)
        });
        let data = frame.await?.unwrap().into_data().unwrap();
        Some((String::from_utf8(data.to_vec()).unwrap(), began.elapsed().as_secs()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_gets_a_comment_every_25_seconds_from_the_start() {
        let (mut sender, mut channel, mut pulse) = stream();
        let comment = Some((":\n\n".to_string(), 25));
        assert_eq!(next(&mut channel, &mut pulse).await, comment);
        sender.send_data("data: x\r\n\r\n".into()).await.unwrap();
        assert_eq!(next(&mut channel, &mut pulse).await, Some(("data: x\r\n\r\n".into(), 0)));
        assert_eq!(next(&mut channel, &mut pulse).await, comment);
        assert_eq!(next(&mut channel, &mut pulse).await, comment);
        drop(sender);
        assert_eq!(next(&mut channel, &mut pulse).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_order_mark_stays_at_the_beginning_or_goes() {
        for (silence, expected) in [(0, "\u{feff}data: x\n\n"), (60, "data: x\n\n")] {
            let (mut sender, mut channel, mut pulse) = stream();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(silence)).await;
                sender.send_data("\u{feff}data: x\n\n".into()).await.unwrap();
                sender.send_data("\u{feff}".into()).await.unwrap();
            });
            let mut pieces = vec![];
            while let Some((piece, _)) = next(&mut channel, &mut pulse).await {
                pieces.push(piece);
            }
            pieces.retain(|piece| piece != ":\n\n");
            assert_eq!(pieces, [expected, "\u{feff}"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_speaks_gets_none() {
        let (mut sender, mut channel, mut pulse) = stream();
        let speaker = tokio::spawn(async move {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                sender.send_data("data: x\n\n".into()).await.unwrap();
            }
        });
        while let Some((piece, _)) = next(&mut channel, &mut pulse).await {
            assert_eq!(piece, "data: x\n\n");
        }
        speaker.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn no_comment_ever_stands_inside_an_event() {
        for piece in ["data: x", "data: x\n", "data: x\r\n", "data: x\n\n\ndata: y\n", "\n\nid: 1\r"] {
            let (mut sender, mut channel, mut pulse) = stream();
            sender.send_data(Bytes::from_static(piece.as_bytes())).await.unwrap();
            assert_eq!(next(&mut channel, &mut pulse).await, Some((piece.into(), 0)));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(100)).await;
                sender.send_data("rest\n\n".into()).await.unwrap();
                std::future::pending::<()>().await;
            });
            assert_eq!(next(&mut channel, &mut pulse).await, Some(("rest\n\n".into(), 100)), "{piece:?}");
            assert_eq!(next(&mut channel, &mut pulse).await, Some((":\n\n".into(), 25)), "{piece:?}");
        }
    }

    #[test]
    fn only_plain_event_streams_of_unknown_length_get_any() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            pairs.collect::<HeaderMap>()
        };
        let (_sender, open) = Channel::<Bytes, Infallible>::new(1);
        let sized = Full::new(Bytes::from_static(b"data: x\n\n"));
        let events = ("content-type", "Text/Event-Stream; charset=utf-8");
        assert!(Pulse::suits(&headers(&[events]), &open));
        assert!(!Pulse::suits(&headers(&[events, ("content-encoding", "gzip")]), &open));
        assert!(!Pulse::suits(&headers(&[events, ("content-length", "9")]), &open));
        assert!(!Pulse::suits(&headers(&[events]), &sized));
        assert!(!Pulse::suits(&headers(&[("content-type", "text/event-streams")]), &open));
        assert!(!Pulse::suits(&headers(&[events]), &Empty::<Bytes>::new()));
    }
}
