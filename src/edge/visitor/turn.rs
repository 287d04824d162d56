//! One request's turn on its connection: its answer is made and sent while its body is read, in one task. Never
//! knows what comes after it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Response;
use hyper::body::{Body as _, Frame};

use super::answer::{self, Asked, Coding};
use super::head::Rest;
use super::intake::{Outlet, Wish};
use super::scratch;
use super::socket::Socket;
use super::waiting::Waiting;
use crate::edge::body::Body;
use crate::edge::upgrade::Switch;

/// Small pieces are gathered up to this size before they are sent.
const GATHERED: usize = 16 << 10;
/// So much is read of what follows a request while it is being answered.
const AHEAD: usize = 16 << 10;

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
pub(super) struct Turn<'a, F> {
    pub(super) socket: &'a mut Socket,
    pub(super) answer: Option<Pin<Box<F>>>,
    pub(super) asked: Asked,
    pub(super) kept: bool,
    /// To be sent before anything else.
    pub(super) staged: Vec<u8>,
    pub(super) body: Option<Body>,
    pub(super) coding: Coding,
    pub(super) rest: Rest,
    pub(super) waiting: &'a mut Waiting,
    /// Gone when the request's body has come to its end.
    pub(super) outlet: Option<Outlet>,
    /// The visitor waits for our word before it sends the body.
    pub(super) expects: bool,
}

impl<F: Future<Output = Response<Body>>> Turn<'_, F> {
    /// Ready when the answer has been sent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Switch>>> {
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
