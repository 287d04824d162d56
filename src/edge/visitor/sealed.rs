//! TLS towards a visitor, by rustls's unbuffered interface: a connection that is silent holds its keys and no
//! buffers, and what is sent in one moment leaves in one write, tickets of the handshake included. Never
//! speaks HTTP.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus, WriteTraffic,
};
use rustls::{ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::outgoing::Outgoing;
use super::scratch;

/// See the module.
pub(super) struct Sealed {
    socket: TcpStream,
    session: UnbufferedServerConnection,
    /// The beginning of a record whose rest has not come.
    partial: Vec<u8>,
    /// Plain text that came before anybody asked for it.
    ahead: BytesMut,
    outgoing: Outgoing,
    /// The visitor sends nothing more.
    over: bool,
    closed: bool,
}

impl Sealed {
    /// Shakes hands.
    pub(super) async fn accept(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let session = UnbufferedServerConnection::new(config).map_err(io::Error::other)?;
        let mut sealed = Self {
            socket,
            session,
            partial: vec![],
            ahead: BytesMut::new(),
            outgoing: Outgoing::default(),
            over: false,
            closed: false,
        };
        poll_fn(|cx| sealed.poll_handshake(cx)).await?;
        Ok(sealed)
    }

    /// The protocol that both sides chose.
    pub(super) fn alpn(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.is_handshaking() {
            ready!(self.poll_drain(cx))?;
            let mut ahead = std::mem::take(&mut self.ahead);
            let read = self.poll_read_once(cx, &mut ahead);
            self.ahead = ahead;
            ready!(read)?;
            if self.over {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        match self.session.protocol_version() {
            // What is left are tickets: they can go with the first answer.
            Some(ProtocolVersion::TLSv1_3) => Poll::Ready(Ok(())),
            _ => self.poll_drain(cx),
        }
    }

    /// Appends what has come. 0: that was all.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<usize>> {
        let before = into.len();
        into.extend_from_slice(&std::mem::take(&mut self.ahead));
        while into.len() == before && !self.over {
            ready!(self.poll_read_once(cx, into))?;
        }
        Poll::Ready(Ok(into.len() - before))
    }

    fn poll_read_once(&mut self, cx: &mut Context<'_>, into: &mut BytesMut) -> Poll<io::Result<()>> {
        let kept = std::mem::take(&mut self.partial);
        let polled = scratch::incoming(&kept, |room| {
            let mut buffer = ReadBuf::new(&mut room[kept.len()..]);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
            let count = buffer.filled().len();
            self.over |= count == 0;
            let came = &mut room[..kept.len() + count];
            let used = self.process(came, into, &mut |_, _| Ok(()))?;
            self.partial = came[used..].to_vec();
            Poll::Ready(Ok(()))
        });
        match &polled {
            Poll::Pending => self.partial = kept,
            // The visitor may hear why.
            Poll::Ready(Err(_)) => drop(self.poll_drain(cx)),
            Poll::Ready(Ok(())) => {}
        }
        polled
    }

    /// Processes records, and answers how many of the bytes are done with. `ready` is called when that is over,
    /// if we may send then.
    fn process(&mut self, came: &mut [u8], into: &mut BytesMut, ready: &mut Ready<'_>) -> io::Result<usize> {
        let mut used = 0;
        loop {
            let UnbufferedStatus { mut discard, state } = self.session.process_tls_records(&mut came[used..]);
            let mut done = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(io::Error::other)?;
                        discard += record.discard;
                        into.extend_from_slice(record.payload);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut message)) => {
                    append(&mut self.outgoing, |room| message.encode(room).map_err(too_small_to_encode))?;
                }
                // It will be: it is among what waits.
                Ok(ConnectionState::TransmitTlsData(sent)) => sent.done(),
                Ok(ConnectionState::PeerClosed) => self.over = true,
                Ok(ConnectionState::WriteTraffic(traffic)) => {
                    ready(traffic, &mut self.outgoing)?;
                    done = true;
                }
                Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => done = true,
                // Early data, which is not offered.
                Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
                Err(error) => {
                    self.tell();
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
            used += discard;
            if done {
                return Ok(used);
            }
        }
    }

    /// After an error there may be an alert to send.
    fn tell(&mut self) {
        while let UnbufferedStatus { state: Ok(ConnectionState::EncodeTlsData(mut alert)), .. } =
            self.session.process_tls_records(&mut [])
        {
            if append(&mut self.outgoing, |room| alert.encode(room).map_err(too_small_to_encode)).is_err() {
                return;
            }
        }
    }

    /// Runs `seal`, unless the session may not send.
    fn seal(&mut self, seal: &mut Ready<'_>) -> io::Result<()> {
        let mut sealed = false;
        // All whole records have been processed: nothing comes of these bytes.
        let mut partial = std::mem::take(&mut self.partial);
        let used = self.process(&mut partial, &mut BytesMut::new(), &mut |traffic, outgoing| {
            sealed = true;
            seal(traffic, outgoing)
        })?;
        partial.drain(..used);
        self.partial = partial;
        if sealed { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    /// Sends these in one write, as far as the socket takes them now; the rest is kept.
    pub(super) fn send(&mut self, cx: &mut Context<'_>, parts: &[&[u8]]) -> io::Result<()> {
        scratch::outgoing(|room| {
            let mut length = 0;
            self.seal(&mut |mut traffic, outgoing| {
                let waiting = outgoing.waiting();
                length = waiting.len();
                scratch::grow(room, length);
                room[..length].copy_from_slice(waiting);
                for part in parts.iter().filter(|part| !part.is_empty()) {
                    scratch::grow(room, length + sealed_size(part));
                    length += fit(room, length, |room| traffic.encrypt(part, room).map_err(too_small))?;
                }
                Ok(())
            })?;
            self.outgoing.write(&room[..length], &mut self.socket, cx)
        })
    }

    /// Ready when all has left.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.poll_drain(&mut self.socket, cx)
    }

    /// Says goodbye; sent by draining.
    pub(super) fn close(&mut self) {
        if !std::mem::replace(&mut self.closed, true) {
            let _ = self.seal(&mut |mut traffic, outgoing| {
                append(outgoing, |room| traffic.queue_close_notify(room).map_err(too_small))
            });
        }
    }

    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    pub(super) fn socket_ref(&self) -> &TcpStream {
        &self.socket
    }
}

type Ready<'a> = dyn FnMut(WriteTraffic<'_, ServerConnectionData>, &mut Outgoing) -> io::Result<()> + 'a;

/// At least what this takes in records of 16 KiB.
fn sealed_size(plain: &[u8]) -> usize {
    const RECORD: usize = 16 << 10;
    const AROUND: usize = 32;
    plain.len() + (plain.len() / RECORD + 1) * AROUND
}

/// Writes a message behind what waits.
fn append(
    outgoing: &mut Outgoing,
    write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
) -> io::Result<()> {
    let mut room = vec![];
    let length = fit(&mut room, 0, write)?;
    outgoing.keep(&room[..length]);
    Ok(())
}

/// Writes at `at`, with as much room as it wants: an error says how much that is.
fn fit(
    room: &mut Vec<u8>,
    at: usize,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, Option<usize>>,
) -> io::Result<usize> {
    match write(&mut room[at..]) {
        Ok(length) => Ok(length),
        Err(Some(wanted)) => {
            scratch::grow(room, at + wanted);
            write(&mut room[at..]).map_err(|_| io::ErrorKind::InvalidData.into())
        }
        Err(None) => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

fn too_small_to_encode(error: EncodeError) -> Option<usize> {
    match error {
        EncodeError::InsufficientSize(InsufficientSizeError { required_size }) => Some(required_size),
        EncodeError::AlreadyEncoded => None,
    }
}

fn too_small(error: EncryptError) -> Option<usize> {
    match error {
        EncryptError::InsufficientSize(InsufficientSizeError { required_size }) => Some(required_size),
        EncryptError::EncryptExhausted => None,
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("socket", &self.socket).finish_non_exhaustive()
    }
}
