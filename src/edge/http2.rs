//! HTTP/2 as visitors speak it, by hyper: every stream is a request of its own. A connection on which no stream
//! has been for a while is closed, and one that has any is not, however silent it is.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};

/// So long may a connection be without a stream.
const IDLE: Duration = Duration::from_secs(60);

/// Answers what comes over a connection until it ends.
pub(super) async fn speak<S, A, F, B>(socket: S, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>, Data: Send> + Unpin + Send + 'static,
{
    /// So long does a visitor have to hear that he should go.
    const GOODBYE: Duration = Duration::from_secs(5);
    let streams = Streams::default();
    let service = service_fn({
        let streams = streams.clone();
        move |request| {
            let (stream, answer) = (streams.begin(), answer(request));
            async move { Ok::<_, Infallible>(answer.await.map(|body| Counted { body, _stream: stream })) }
        }
    });
    let builder = http2::Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), service));
    while let Err(look) = streams.idle() {
        tokio::select! {
            // An error here is the visitor's: broken off, or not HTTP.
            _ = &mut connection => return,
            () = sleep_until(look) => {}
        }
    }
    connection.as_mut().graceful_shutdown();
    // A request may have crossed our goodbye.
    while timeout(GOODBYE, &mut connection).await.is_err() && streams.idle().is_err() {}
}

/// How many streams a connection has, and since when.
#[derive(Debug, Clone)]
struct Streams(Arc<Mutex<(usize, Instant)>>);

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Mutex::new((0, Instant::now()))))
    }
}

impl Streams {
    fn begin(&self) -> Stream {
        self.change(|count| count + 1);
        Stream(self.clone())
    }

    fn change(&self, change: impl FnOnce(usize) -> usize) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = (change(now.0), Instant::now());
    }

    /// Has there been none for long enough? An error says when to look again.
    fn idle(&self) -> Result<(), Instant> {
        let (count, since) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match count {
            0 if now >= since + IDLE => Ok(()),
            0 => Err(since + IDLE),
            _ => Err(now + IDLE),
        }
    }
}

/// One that is there until it is dropped.
#[derive(Debug)]
struct Stream(Streams);

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.change(|count| count.saturating_sub(1));
    }
}

/// The body of an answer, which ends with its stream.
struct Counted<B> {
    body: B,
    _stream: Stream,
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::channel::Channel;
    use http_body_util::{BodyExt, Empty};
    use hyper::client::conn::http2::SendRequest;
    use tokio::io::{DuplexStream, duplex};
    use tokio::task::JoinHandle;

    /// Longer than a connection may be without a stream.
    const STREAM: Duration = Duration::from_secs(600);

    /// A connection on which every request is answered by a stream that is silent until it ends.
    fn connection() -> (DuplexStream, JoinHandle<Duration>) {
        let (visitor, socket) = duplex(64 << 10);
        let serving = tokio::spawn(async move {
            let began = Instant::now();
            let answer = async |_| {
                let (sender, channel) = Channel::<Bytes, Infallible>::new(1);
                tokio::spawn(async move {
                    tokio::time::sleep(STREAM).await;
                    drop(sender);
                });
                Response::new(channel)
            };
            speak(socket, answer).await;
            began.elapsed()
        });
        (visitor, serving)
    }

    async fn shake_hands(visitor: DuplexStream) -> SendRequest<Empty<&'static [u8]>> {
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(visitor)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_not_waited_for() {
        let (visitor, serving) = connection();
        let took = serving.await.unwrap();
        assert!(took >= IDLE && took < IDLE + Duration::from_secs(10), "{took:?} without a word");
        drop(visitor);
        let (visitor, serving) = connection();
        let sender = shake_hands(visitor).await;
        let took = serving.await.unwrap();
        assert!(took >= IDLE && took < IDLE + Duration::from_secs(10), "{took:?} without a request");
        drop(sender);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_stands_while_a_stream_does_and_a_while_longer() {
        let (visitor, serving) = connection();
        let mut sender = shake_hands(visitor).await;
        let answer = sender.send_request(Request::new(Empty::new())).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "");
        let took = serving.await.unwrap();
        assert!(took >= STREAM + IDLE && took < STREAM + IDLE + Duration::from_secs(10), "{took:?}");
    }
}
