//! Bytes on their way to a visitor's socket. What the socket does not take at once is kept; where it takes all,
//! which is nearly always, nothing is. Never knows what the bytes mean.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    kept: Vec<u8>,
    sent: usize,
}

impl Outgoing {
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What waits.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.kept[self.sent..]
    }

    /// Sent with what comes next, or when drained.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
    }

    /// Writes `all`, which begins with what waits, as far as the socket takes it.
    pub(super) fn write(
        &mut self,
        all: &[u8],
        socket: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        let taken = match Pin::new(socket).poll_write(cx, all) {
            Poll::Ready(taken) => taken?,
            Poll::Pending => 0,
        };
        *self = Self { kept: all[taken..].to_vec(), sent: 0 };
        Ok(())
    }

    /// Ready when nothing waits any more.
    pub(super) fn poll_drain(
        &mut self,
        socket: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.sent < self.kept.len() {
            match ready!(Pin::new(&mut *socket).poll_write(cx, self.waiting()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        if !self.kept.is_empty() {
            *self = Self::default();
        }
        Poll::Ready(Ok(()))
    }
}
