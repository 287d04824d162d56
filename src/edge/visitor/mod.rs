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
mod turn;
mod waiting;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use hyper::{Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(super) use intake::Intake;
#[cfg(test)]
pub(super) use intake::body;
pub(super) use socket::Socket;

use super::body::RequestBody;
use super::upgrade::Switch;
use super::{Shared, forward};
use answer::{Asked, Coding};
use head::{Head, Look, Refused, Rest};
use turn::Turn;
use waiting::Waiting;

/// So long may a request's head take, and a connection wait for the next.
const HEAD: Duration = Duration::from_secs(30);
/// So long is a body read on that nobody wants. Closing a connection with unread bytes resets it, and `lt` loses one of
/// its ten sockets for good with every reset.
const UNWANTED: Duration = Duration::from_secs(30);

/// Answers requests until the visitor or an answer says that it was the last.
pub(super) async fn attend(socket: Socket, peer: SocketAddr, shared: Arc<Shared>) {
    let mut visit = Visit { socket, peer, shared, waiting: Waiting::new(HEAD), unread: false };
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
