//! A visitor's connection over HTTP/1.1: request after request, each read to its end and answered in the
//! connection's own task. Never knows what a request is for; a silent connection holds next to no memory, for there
//! may be thousands of event streams.

mod answer;
mod head;
mod intake;
mod outgoing;
mod scratch;
mod sealed;
mod socket;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use hyper::body::{Body as _, Frame};
use hyper::{Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, Sleep, sleep};

pub(super) use intake::Intake;
#[cfg(test)]
pub(super) use intake::body;
pub(super) use socket::Socket;

use super::body::{Body, RequestBody};
use super::upgrade::Switch;
use super::{Shared, forward};
use answer::{Asked, Coding};
use head::{Head, Look, Refused, Rest};
use intake::{Outlet, Wish};

/// So long may a request's head take, and a connection wait for the next.
const HEAD: Duration = Duration::from_secs(30);
/// So long is a body read on that nobody wants. Closing a connection with unread bytes resets it, and `lt` loses one of
/// its ten sockets for good with every reset.
const UNWANTED: Duration = Duration::from_secs(30);
/// Small pieces are gathered up to this size before they are sent.
const GATHERED: usize = 16 << 10;
/// So much is read of what follows a request while it is being answered.
const AHEAD: usize = 16 << 10;

/// Answers requests until the visitor or an answer says that it was the last.
pub(super) async fn attend(socket: Socket, peer: SocketAddr, shared: Arc<Shared>) {
    let mut visit = Visit { socket, peer, shared, waiting: Waiting::new(), unread: false };
    loop {
        let next = match visit.next_head().await {
            Ok(Some(head)) => visit.answer(head).await,
            Ok(None) => break,
            Err(refused) => {
                visit.refuse(refused).await;
                break;
            }
        };
        match next {
            Ok(Next::Request) => {}
            Ok(Next::End) => break,
            Ok(Next::Protocol(switch)) => return Box::pin(switch.run(visit.socket)).await,
            // Broken off in the middle: who is there must not take it for the end.
            Err(_) => return,
        }
    }
    visit.close().await;
}

struct Visit {
    socket: Socket,
    peer: SocketAddr,
    shared: Arc<Shared>,
    waiting: Waiting,
    /// Something of a request may still come.
    unread: bool,
}

/// What follows an answer.
enum Next {
    Request,
    End,
    Protocol(Switch),
}

impl Visit {
    /// `None`: the visitor has left, or takes too long.
    async fn next_head(&mut self) -> Result<Option<Head>, Refused> {
        self.waiting.begin();
        let mut look = Look::default();
        poll_fn(|cx| {
            loop {
                if !self.socket.ahead.is_empty()
                    && let Some(head) = look.take(&mut self.socket.ahead)?
                {
                    return Poll::Ready(Ok(Some(head)));
                }
                match self.socket.poll_fill(cx) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(_) => return Poll::Ready(Ok(None)),
                    Poll::Pending if self.waiting.poll_over(HEAD, cx) => return Poll::Ready(Ok(None)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    async fn answer(&mut self, head: Head) -> io::Result<Next> {
        let Head { request, mut body, kept, expects } = head;
        let asked = Asked::by(request.method(), request.version());
        let (outlet, content) = match body {
            Rest::Sized(0) => (None, RequestBody::default()),
            // All of it came with the head, as it does where it is short.
            Rest::Sized(length) if length <= self.socket.ahead.len() as u64 => {
                let content = body.take(&mut self.socket.ahead).map_err(|_| io::ErrorKind::InvalidData)?;
                (None, RequestBody::words(content.unwrap_or_default()))
            }
            _ => {
                let (outlet, content) = intake::body(body.length());
                (Some(outlet), RequestBody::visitors(content))
            }
        };
        if self.socket.ahead.is_empty() {
            self.socket.ahead = BytesMut::new();
        }
        // In a box, so that a stream that is under way does not hold the room that judging its request took.
        let answer = forward::answer(self.shared.clone(), self.peer.ip(), request.map(|()| content));
        let mut turn = Turn {
            socket: &mut self.socket,
            answer: Some(Box::pin(answer)),
            asked,
            kept,
            staged: vec![],
            body: None,
            coding: Coding::Nothing,
            rest: body,
            waiting: &mut self.waiting,
            expects: expects && outlet.is_some(),
            outlet,
        };
        match poll_fn(|cx| turn.poll(cx)).await {
            Ok(None) => {}
            Ok(Some(switch)) => return Ok(Next::Protocol(switch)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData && turn.answer.is_some() => {
                drop(turn);
                self.refuse(Refused::Malformed).await;
                return Ok(Next::End);
            }
            Err(error) => {
                drop(turn);
                if error.kind() == io::ErrorKind::ConnectionAborted {
                    self.read_away().await;
                }
                return Err(error);
            }
        }
        let (kept, unread) = (turn.kept, turn.outlet.is_some());
        let mut rest = turn.rest;
        // Also where the visitor was not told to send it: tunnels send it all the same.
        if unread && !self.read_on(&mut rest).await {
            self.unread = true;
            return Ok(Next::End);
        }
        Ok(if kept { Next::Request } else { Next::End })
    }

    /// Reads what is left of a body that nobody wants. Was that all?
    async fn read_on(&mut self, rest: &mut Rest) -> bool {
        self.waiting.begin();
        poll_fn(|cx| {
            loop {
                match rest.take(&mut self.socket.ahead) {
                    Err(_) => return Poll::Ready(false),
                    Ok(Some(_)) => continue,
                    Ok(None) if rest.is_over() => return Poll::Ready(true),
                    Ok(None) => {}
                }
                if self.waiting.poll_over(UNWANTED, cx) {
                    return Poll::Ready(false);
                }
                match self.socket.poll_fill(cx) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(_) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    /// Reads what a visitor sent before he left: closing a connection with unread bytes resets it. All of it is there.
    async fn read_away(&mut self) {
        poll_fn(|cx| {
            loop {
                self.socket.ahead.clear();
                match self.socket.poll_fill(cx) {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Pending if self.socket.is_left(cx) => return Poll::Pending,
                    _ => return Poll::Ready(()),
                }
            }
        })
        .await;
    }

    async fn refuse(&mut self, refused: Refused) {
        let mut answer = Response::new(());
        *answer.status_mut() = match refused {
            Refused::Malformed => StatusCode::BAD_REQUEST,
            Refused::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        };
        let asked = Asked { head_only: false, http_1_0: false };
        let mut head = vec![];
        answer::write_head(&mut head, &answer, Coding::Sized(0), asked, false);
        let _ = self.socket.write_all(&head).await;
    }

    /// Says goodbye, and listens for a moment: unread bytes would reset the connection and take the answer with them.
    async fn close(mut self) {
        const MOMENT: Duration = Duration::from_secs(2);
        const MOST: usize = 1 << 20;
        let unread = self.unread || !self.socket.ahead.is_empty();
        let goodbye = async {
            if self.socket.shutdown().await.is_err() || !unread {
                return;
            }
            let (mut room, mut read) = (vec![0; 4 << 10], 0);
            while let Ok(count @ 1..) = self.socket.read(&mut room).await {
                read += count;
                if read > MOST {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(MOMENT, Box::pin(goodbye)).await;
    }
}

/// How long something takes: one timer a connection, set anew only when it has run out.
struct Waiting {
    timer: Pin<Box<Sleep>>,
    since: Instant,
}

impl Waiting {
    fn new() -> Self {
        Self { timer: Box::pin(sleep(HEAD)), since: Instant::now() }
    }

    fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// True once in so long a while.
    fn poll_tick(&mut self, every: Duration, cx: &mut Context<'_>) -> bool {
        let next = Instant::now() + every;
        let ticked = self.timer.as_mut().poll(cx).is_ready();
        if ticked || self.timer.deadline() > next {
            self.timer.as_mut().reset(next);
            let _ = self.timer.as_mut().poll(cx);
        }
        ticked
    }

    /// Has it taken longer than that?
    fn poll_over(&mut self, limit: Duration, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let end = self.since + limit;
            if Instant::now() >= end {
                return true;
            }
            self.timer.as_mut().reset(end);
        }
        false
    }
}

/// Why no more of an answer is sent.
enum Stopped {
    /// There is nothing more for now.
    Empty,
    /// The socket takes no more.
    Full,
}

/// What became of a piece.
#[derive(PartialEq, Eq)]
enum Passed {
    Sent,
    Gathered,
}

/// One request: its answer is made and sent while its body comes.
struct Turn<'a, F> {
    socket: &'a mut Socket,
    answer: Option<Pin<Box<F>>>,
    asked: Asked,
    kept: bool,
    /// To be sent before anything else.
    staged: Vec<u8>,
    body: Option<Body>,
    coding: Coding,
    rest: Rest,
    waiting: &'a mut Waiting,
    /// Gone when the request's body has come to its end.
    outlet: Option<Outlet>,
    /// The visitor waits for our word before it sends the body.
    expects: bool,
}

impl<F: Future<Output = Response<Body>>> Turn<'_, F> {
    /// Ready when the answer has been sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Switch>>> {
        loop {
            if let Some(answer) = &mut self.answer
                && let Poll::Ready(answer) = answer.as_mut().poll(cx)
            {
                self.answer = None;
                self.begin(answer);
            }
            while self.socket.poll_drain(cx)?.is_ready() {
                match self.send_on(cx)? {
                    Stopped::Full => {}
                    Stopped::Empty if self.is_sent() && self.socket.poll_drain(cx)?.is_ready() => {
                        return Poll::Ready(self.finish());
                    }
                    Stopped::Empty if self.socket.poll_drain(cx)?.is_ready() => break,
                    Stopped::Empty => {}
                }
            }
            if !self.listen(cx)? {
                return Poll::Pending;
            }
        }
    }

    fn begin(&mut self, answer: Response<Body>) {
        self.coding = answer::coding(&answer, answer.body().size_hint().exact(), self.asked);
        self.kept &= self.coding != Coding::ToTheEnd && !answer::says_close(answer.headers());
        // Whoever was not told to send will not, and whoever sends regardless is not understood.
        self.kept &= !self.expects;
        self.staged.reserve(512);
        answer::write_head(&mut self.staged, &answer, self.coding, self.asked, self.kept);
        if self.coding == Coding::Sized(0) {
            self.coding = Coding::Nothing;
        }
        self.body = Some(answer.into_body());
    }

    fn is_sent(&self) -> bool {
        self.answer.is_none() && self.coding == Coding::Nothing && self.staged.is_empty()
    }

    fn finish(&mut self) -> io::Result<Option<Switch>> {
        let switch = self.body.take().and_then(Body::into_switch);
        // In the middle of its body nobody can begin another protocol.
        if switch.is_some() && self.outlet.is_some() {
            Err(io::ErrorKind::InvalidData.into())
        } else {
            Ok(switch)
        }
    }

    /// Sends as much of the answer as there is, and as the socket takes.
    fn send_on(&mut self, cx: &mut Context<'_>) -> io::Result<Stopped> {
        scratch::plain(|gathered| {
            gathered.append(&mut self.staged);
            self.staged = vec![];
            while self.coding != Coding::Nothing && self.body.is_some() {
                let straight = scratch::incoming(&[], |room| {
                    let piece = self.body.as_mut()?.poll_into(cx, room)?;
                    Some(piece.map(|count| count.and_then(|count| self.pass(cx, gathered, &room[..count]))))
                });
                let passed = match straight {
                    Some(passed) => passed,
                    None => match Pin::new(&mut self.body)
                        .as_pin_mut()
                        .map_or(Poll::Ready(None), |body| body.poll_frame(cx))
                    {
                        Poll::Pending => Poll::Pending,
                        Poll::Ready(None) => Poll::Ready(self.end(gathered).map(|()| Passed::Gathered)),
                        // Trailers are for the hop before us.
                        Poll::Ready(Some(frame)) => Poll::Ready(match frame.map(Frame::into_data) {
                            Ok(Ok(data)) if !data.is_empty() => self.pass(cx, gathered, &data),
                            Ok(_) => Ok(Passed::Gathered),
                            Err(error) => Err(error),
                        }),
                    },
                };
                match passed {
                    Poll::Pending => break,
                    Poll::Ready(Err(error)) => {
                        // What came before the break has come.
                        if !gathered.is_empty() {
                            self.socket.send(cx, &[gathered])?;
                        }
                        return Err(error);
                    }
                    Poll::Ready(Ok(passed)) => {
                        if passed == Passed::Sent && self.socket.poll_drain(cx)?.is_pending() {
                            self.staged.extend_from_slice(gathered);
                            return Ok(Stopped::Full);
                        }
                    }
                }
            }
            if !gathered.is_empty() {
                self.socket.send(cx, &[gathered])?;
            }
            Ok(Stopped::Empty)
        })
    }

    /// Passes a piece of the body on: at once if it is large, else gathered with what is to be sent before it.
    fn pass(&mut self, cx: &mut Context<'_>, gathered: &mut Vec<u8>, data: &[u8]) -> io::Result<Passed> {
        if self.coding == Coding::Chunked {
            answer::chunk_line(gathered, data.len());
        }
        let passed = if gathered.len() + data.len() > GATHERED { Passed::Sent } else { Passed::Gathered };
        match passed {
            Passed::Sent => {
                self.socket.send(cx, &[gathered, data])?;
                gathered.clear();
            }
            Passed::Gathered => gathered.extend_from_slice(data),
        }
        match &mut self.coding {
            Coding::Sized(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(io::ErrorKind::InvalidData)?;
                if *left == 0 {
                    self.coding = Coding::Nothing;
                }
            }
            Coding::Chunked => {
                gathered.extend_from_slice(b"\r\n");
                if self.body.as_ref().is_some_and(hyper::body::Body::is_end_stream) {
                    self.end(gathered)?;
                }
            }
            Coding::Nothing | Coding::ToTheEnd => {}
        }
        Ok(passed)
    }

    /// The body has come to its end.
    fn end(&mut self, gathered: &mut Vec<u8>) -> io::Result<()> {
        match self.coding {
            Coding::Sized(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Coding::Chunked => gathered.extend_from_slice(b"0\r\n\r\n"),
            Coding::Nothing | Coding::ToTheEnd => {}
        }
        self.coding = Coding::Nothing;
        Ok(())
    }

    /// Reads what the visitor sends: the request's body as far as it is wanted, and that it leaves. Is there
    /// anything new?
    fn listen(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let Some(outlet) = &self.outlet else {
            // What it sends after its request waits; that it leaves is to be known.
            if self.socket.ahead.len() >= AHEAD {
                return self.glance(cx);
            }
            return match self.socket.poll_fill(cx) {
                Poll::Pending => Ok(false),
                Poll::Ready(Ok(1..)) => Ok(true),
                Poll::Ready(_) => Err(io::ErrorKind::ConnectionAborted.into()),
            };
        };
        match outlet.wish() {
            Wish::Nothing => return self.glance(cx),
            Wish::Gone if self.expects => return self.glance(cx),
            Wish::Gone | Wish::More => {}
        }
        match self.rest.take(&mut self.socket.ahead) {
            // What follows cannot be told apart any more.
            Err(_) => Err(io::ErrorKind::InvalidData.into()),
            Ok(Some(piece)) => {
                self.expects = false;
                outlet.put(piece, cx);
                Ok(true)
            }
            Ok(None) if self.rest.is_over() => {
                outlet.end(cx);
                self.outlet = None;
                Ok(true)
            }
            Ok(None) => {
                if std::mem::take(&mut self.expects) && self.answer.is_some() {
                    self.socket.send(cx, &[b"HTTP/1.1 100 Continue\r\n\r\n"])?;
                }
                match self.socket.poll_fill(cx) {
                    Poll::Pending => Ok(false),
                    Poll::Ready(Ok(1..)) => Ok(true),
                    Poll::Ready(_) => Err(io::ErrorKind::ConnectionAborted.into()),
                }
            }
        }
    }

    /// What nobody reads hides that the visitor leaves, so that is looked for now and then.
    fn glance(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        const EVERY: Duration = Duration::from_secs(1);
        match self.waiting.poll_tick(EVERY, cx) && self.socket.is_left(cx) {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(false),
        }
    }
}
