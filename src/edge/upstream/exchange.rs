//! One request and its answer over one connection to the gateway, both ways at once and in one task: whoever
//! polls the answer drives the request's body too. Nothing is buffered while nothing moves, and dropping
//! the answer closes the connection: a visitor who leaves takes his request with him.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use hyper::{Method, Request, Response, StatusCode, header};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::framing::{self, Framing, Head, Upload};
use super::stream::Stream;
use super::{Target, Upstream};
use crate::edge::body::RequestBody;

/// A connection to the gateway.
#[derive(Debug)]
pub(in crate::edge) struct Connection {
    stream: Stream,
    /// Read and not yet used.
    buffer: BytesMut,
    /// Which opening of the gate it belongs to.
    pub(super) opening: u64,
    /// Since when it waits for its next request.
    pub(super) idle_since: Instant,
    /// It has served before, so that the gateway may be closing it at any moment.
    pub(super) used: bool,
}

/// First read of a body: most answers and events are smaller. Reads that fill it grow it.
const FIRST_READ: usize = 8 << 10;
const LARGEST_READ: usize = 128 << 10;

impl Connection {
    pub(super) async fn open(target: &Target, opening: u64) -> io::Result<Self> {
        let stream = Stream::connect(target).await?;
        Ok(Self { stream, buffer: BytesMut::new(), opening, idle_since: Instant::now(), used: false })
    }

    /// Node and uvicorn close a connection that idles for 5 s: a request must not cross that on its way.
    const LONGEST_IDLE: Duration = Duration::from_secs(4);

    /// Has the gateway neither closed it nor spoken out of turn, and will it not close it just now?
    pub(super) fn is_idle(&self) -> bool {
        if self.idle_since.elapsed() >= Self::LONGEST_IDLE {
            return false;
        }
        let mut byte = [0];
        match &self.stream {
            Stream::Plain(stream) if self.buffer.is_empty() => {
                matches!(stream.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            // Over TLS silence cannot be told from tickets; such connections are used once.
            Stream::Plain(_) | Stream::Tls(_) => false,
        }
    }

    /// The bare socket, and what was read beyond the answer's head.
    pub(in crate::edge) fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.buffer.freeze())
    }

    /// Reads more, at most `size` bytes; 0 at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, size: usize) -> Poll<io::Result<usize>> {
        loop {
            if let Stream::Plain(stream) = &self.stream
                && stream.poll_read_ready(cx)?.is_pending()
            {
                // A silent stream holds no memory.
                if self.buffer.is_empty() {
                    self.buffer = BytesMut::new();
                }
                return Poll::Pending;
            }
            self.buffer.reserve(size);
            match pin!(self.stream.read_buf(&mut self.buffer)).poll(cx) {
                // It looked ready and was not.
                Poll::Pending if matches!(self.stream, Stream::Plain(_)) => {}
                read => return read,
            }
        }
    }
}

/// How much to read at once of a body that begins.
fn first_read(framing: Framing) -> usize {
    match framing {
        Framing::Sized(length) => {
            usize::try_from(length).unwrap_or(LARGEST_READ).clamp(FIRST_READ, LARGEST_READ)
        }
        Framing::Chunked(_) | Framing::ToTheEnd => FIRST_READ,
    }
}

/// Who keeps a request from being sent to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stuck {
    /// He left in the middle of it: the gateway must not wait for the rest.
    Visitor,
    /// It does not listen any more; it may have answered before.
    Gateway,
}

/// What of a request is still to be sent.
#[derive(Debug)]
struct Sending {
    waiting: VecDeque<Bytes>,
    body: Option<RequestBody>,
    how: Upload,
    /// Has a byte left?
    begun: bool,
    /// Has what was written left the TLS layer?
    flushed: bool,
    /// Will the rest never leave?
    failed: bool,
}

impl Sending {
    fn new(request: &Request<()>, body: RequestBody, how: Upload) -> Self {
        let head = framing::write_head(request, how);
        let body = Some(body).filter(|body| !body.is_end_stream());
        Self {
            waiting: VecDeque::from([Bytes::from(head)]),
            body,
            how,
            begun: false,
            flushed: true,
            failed: false,
        }
    }

    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.flushed && self.body.is_none()
    }

    fn give_up(&mut self) {
        self.waiting.clear();
        self.body = None;
        self.flushed = true;
        self.failed = true;
    }

    /// Sends on until all has left.
    fn poll(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Result<(), Stuck>> {
        loop {
            while !self.waiting.is_empty() {
                let Ok(count @ 1..) = ready!(write(stream, &self.waiting, cx)) else {
                    return Poll::Ready(Err(Stuck::Gateway));
                };
                self.begun = true;
                advance(&mut self.waiting, count);
                self.flushed = matches!(stream, Stream::Plain(_));
            }
            if !self.flushed {
                ready!(Pin::new(&mut *stream).poll_flush(cx)).map_err(|_| Stuck::Gateway)?;
                self.flushed = true;
            }
            let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(frame) => self.push(frame.map_err(|_| Stuck::Visitor)?),
                None => {
                    self.body = None;
                    if self.how == Upload::Chunked {
                        self.waiting.push_back(Bytes::from_static(b"0\r\n\r\n"));
                    }
                }
            }
        }
    }

    fn push(&mut self, frame: Frame<Bytes>) {
        // Trailers are for the hop before us.
        let Some(data) = frame.into_data().ok().filter(|data| !data.is_empty()) else { return };
        match self.how {
            Upload::Chunked => {
                let size = format!("{:x}\r\n", data.len());
                self.waiting.extend([Bytes::from(size), data, Bytes::from_static(b"\r\n")]);
            }
            _ => self.waiting.push_back(data),
        }
    }
}

fn upload(request: &Request<RequestBody>) -> Upload {
    let body = request.body();
    let usual = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
    match (body.is_end_stream(), body.size_hint().exact()) {
        (true, _) if usual || request.headers().contains_key(header::CONTENT_LENGTH) => Upload::Sized(0),
        (true, _) => Upload::None,
        (false, Some(length)) => Upload::Sized(length),
        (false, None) => Upload::Chunked,
    }
}

fn write(stream: &mut Stream, parts: &VecDeque<Bytes>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    const MOST: usize = 8;
    if let [only] = parts.as_slices().0 {
        return Pin::new(stream).poll_write(cx, only);
    }
    let mut slices = [io::IoSlice::new(&[]); MOST];
    for (slice, part) in slices.iter_mut().zip(parts) {
        *slice = io::IoSlice::new(part);
    }
    let count = parts.len().min(MOST);
    Pin::new(stream).poll_write_vectored(cx, &slices[..count])
}

fn advance(parts: &mut VecDeque<Bytes>, mut count: usize) {
    while let Some(first) = parts.front_mut() {
        if count < first.len() {
            return first.advance(count);
        }
        count -= first.len();
        parts.pop_front();
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// No byte of the request has left, or the connection was being closed while one left that changes nothing: it may
    /// be sent again.
    Unsent(Box<Request<RequestBody>>),
    /// The gateway may have seen it.
    Sent,
}

/// Sends a request, and waits for the head of the answer.
pub(super) async fn exchange(
    mut connection: Connection,
    request: Request<RequestBody>,
    home: &Arc<Upstream>,
) -> Result<Response<Reply>, Lost> {
    let how = upload(&request);
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, ());
    let mut sending = Sending::new(&request, body, how);
    // Of a body nothing is left to be sent again.
    let harmless =
        matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) && sending.body.is_none();
    let head = poll_fn(|cx| poll_head(&mut connection, &mut sending, request.method(), cx)).await;
    let Some(head) = head else {
        // Closed between two requests, and not because of this one (RFC 9110 section 9.2.2).
        let crossed = connection.used && harmless && connection.buffer.is_empty();
        return Err(match (sending.begun && !crossed, sending.body) {
            (false, body) => Lost::Unsent(Box::new(request.map(|()| body.unwrap_or_default()))),
            (true, _) => Lost::Sent,
        });
    };
    let mut reply = Reply {
        connection: Some(connection),
        framing: head.framing,
        kept: head.kept && !sending.failed,
        sending: Some(sending).filter(|sending| !sending.is_over()),
        next_read: first_read(head.framing),
        home: home.clone(),
    };
    if head.response.status() != StatusCode::SWITCHING_PROTOCOLS {
        reply.finish_if_over();
    }
    Ok(head.response.map(|()| reply))
}

/// `None`: there will be none.
fn poll_head(
    connection: &mut Connection,
    sending: &mut Sending,
    method: &Method,
    cx: &mut Context<'_>,
) -> Poll<Option<Head>> {
    match sending.poll(&mut connection.stream, cx) {
        Poll::Ready(Err(Stuck::Gateway)) if sending.begun => sending.give_up(),
        Poll::Ready(Err(_)) => return Poll::Ready(None),
        _ => {}
    }
    loop {
        match framing::take_head(&mut connection.buffer, method) {
            Ok(Some(head)) => return Poll::Ready(Some(head)),
            Err(_) => return Poll::Ready(None),
            Ok(None) => {}
        }
        match ready!(connection.poll_read(cx, FIRST_READ)) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return Poll::Ready(None),
        }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(in crate::edge) struct Reply {
    /// Gone once the answer has come to its end.
    connection: Option<Connection>,
    framing: Framing,
    kept: bool,
    /// The rest of the request, where the answer came before its end.
    sending: Option<Sending>,
    next_read: usize,
    home: Arc<Upstream>,
}

impl Reply {
    /// The connection itself, once it speaks another protocol.
    pub(in crate::edge) fn take_connection(&mut self) -> Option<Connection> {
        self.connection.take()
    }

    fn finish_if_over(&mut self) {
        if self.framing.is_over() {
            self.finish();
        }
    }

    /// The connection can serve again where both sides have said all; else it closes here.
    fn finish(&mut self) {
        if let Some(connection) = self.connection.take()
            && self.kept
            && self.sending.is_none()
        {
            self.home.keep(connection);
        }
        self.sending = None;
    }

    /// Reads a piece of a long body straight into `room`: nothing is held between two pieces, and whoever passes it on
    /// passes on what the processor has just seen. `None`: there is none to be had that way, but there may be frames.
    pub(in crate::edge) fn poll_into(
        &mut self,
        cx: &mut Context<'_>,
        room: &mut [u8],
    ) -> Option<Poll<io::Result<usize>>> {
        let Framing::Sized(left @ 1..) = self.framing else { return None };
        let connection = self.connection.as_mut().filter(|connection| connection.buffer.is_empty())?;
        if self.sending.is_some() {
            return None;
        }
        let most = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut piece = ReadBuf::new(&mut room[..most]);
        let read = match Pin::new(&mut connection.stream).poll_read(cx, &mut piece) {
            Poll::Pending => return Some(Poll::Pending),
            Poll::Ready(read) => read.map(|()| piece.filled().len()),
        };
        let read = match read {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            read => read,
        };
        match &read {
            Ok(count) => {
                self.framing = Framing::Sized(left - *count as u64);
                self.finish_if_over();
            }
            Err(_) => self.connection = None,
        }
        Some(Poll::Ready(read))
    }

    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        if let Some(sending) = &mut self.sending {
            match sending.poll(&mut connection.stream, cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.sending = None,
                Poll::Ready(Err(Stuck::Gateway)) => (self.sending, self.kept) = (None, false),
                Poll::Ready(Err(Stuck::Visitor)) => {
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
                }
            }
        }
        loop {
            match self.framing.take(&mut connection.buffer) {
                Err(_) => return Poll::Ready(Some(Err(io::ErrorKind::InvalidData.into()))),
                Ok(data) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
                Ok(_) if self.framing.is_over() => return Poll::Ready(None),
                Ok(_) => {}
            }
            match ready!(connection.poll_read(cx, self.next_read)) {
                Ok(0) if self.framing == Framing::ToTheEnd => return Poll::Ready(None),
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
                Ok(count) if count >= self.next_read => {
                    self.next_read = (self.next_read * 2).min(LARGEST_READ);
                }
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        let data = ready!(this.poll_data(cx));
        match &data {
            Some(Ok(_)) => this.finish_if_over(),
            Some(Err(_)) => this.connection = None,
            None => this.finish(),
        }
        Poll::Ready(data.map(|data| data.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.framing.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        match self.framing {
            Framing::Sized(left) => SizeHint::with_exact(left),
            Framing::Chunked(_) | Framing::ToTheEnd => SizeHint::default(),
        }
    }
}
