//! A visitor's connection, in the clear or under TLS: the same to whoever speaks over it. Holds no buffers while
//! nothing moves.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::outgoing::Outgoing;
use super::scratch;
use super::sealed::Sealed;

/// See the module.
#[derive(Debug)]
pub(in crate::edge) struct Socket {
    kind: Kind,
    /// Read and not yet used.
    pub(super) ahead: BytesMut,
}

#[derive(Debug)]
enum Kind {
    Plain(TcpStream, Outgoing),
    Sealed(Box<Sealed>),
}

impl Socket {
    pub(in crate::edge) fn plain(socket: TcpStream) -> Self {
        Self { kind: Kind::Plain(socket, Outgoing::default()), ahead: BytesMut::new() }
    }

    /// After a TLS handshake.
    pub(in crate::edge) async fn sealed(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let sealed = Sealed::accept(socket, config).await?;
        Ok(Self { kind: Kind::Sealed(Box::new(sealed)), ahead: BytesMut::new() })
    }

    /// Did the handshake choose HTTP/2?
    pub(in crate::edge) fn speaks_http2(&self) -> bool {
        matches!(&self.kind, Kind::Sealed(sealed) if sealed.alpn() == Some(b"h2"))
    }

    /// Reads more behind what is there. 0: the visitor sends nothing more.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let (socket, into) = match &mut self.kind {
            Kind::Sealed(sealed) => return sealed.poll_fill(cx, &mut self.ahead),
            Kind::Plain(socket, _) => (socket, &mut self.ahead),
        };
        scratch::incoming(&[], |room| {
            let mut buffer = ReadBuf::new(room);
            ready!(Pin::new(socket).poll_read(cx, &mut buffer))?;
            into.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
    }

    /// Has the visitor closed his side? That is known even while nobody reads what he sent before.
    pub(super) fn is_left(&self, cx: &mut Context<'_>) -> bool {
        let socket = match &self.kind {
            Kind::Plain(socket, _) => socket,
            Kind::Sealed(sealed) => sealed.socket_ref(),
        };
        matches!(pin!(socket.ready(Interest::READABLE)).poll(cx), Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }

    /// Sends these in one write, as far as the socket takes them now; the rest is kept for [`Self::poll_drain`].
    pub(super) fn send(&mut self, cx: &mut Context<'_>, parts: &[&[u8]]) -> io::Result<()> {
        match &mut self.kind {
            Kind::Sealed(sealed) => sealed.send(cx, parts),
            Kind::Plain(socket, outgoing) => match (parts, outgoing.is_empty()) {
                ([only] | [only, []], true) => outgoing.write(only, socket, cx),
                _ => {
                    let all = [&[outgoing.waiting()], parts].concat().concat();
                    outgoing.write(&all, socket, cx)
                }
            },
        }
    }

    /// Ready when all has left.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.kind {
            Kind::Sealed(sealed) => sealed.poll_drain(cx),
            Kind::Plain(socket, outgoing) => outgoing.poll_drain(socket, cx),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            ready!(self.poll_fill(cx))?;
        }
        let count = self.ahead.len().min(buffer.remaining());
        buffer.put_slice(&self.ahead[..count]);
        self.ahead.advance(count);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        const MOST: usize = 64 << 10;
        ready!(self.poll_drain(cx))?;
        let data = &data[..data.len().min(MOST)];
        self.send(cx, &[data])?;
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_drain(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Kind::Sealed(sealed) = &mut self.kind {
            sealed.close();
        }
        ready!(self.poll_drain(cx))?;
        match &mut self.kind {
            Kind::Sealed(sealed) => Pin::new(sealed.socket()).poll_shutdown(cx),
            Kind::Plain(socket, _) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
