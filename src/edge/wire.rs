//! HTTP/1 requests as they come over the wire, looked at byte by byte in front of hyper. Where one request ends
//! and the next begins must be the same to everybody on the way: the tunnel's server in front of us reads the
//! same bytes. hyper is lenient (a bare LF ends a line, `Content-Length` may come twice and beside
//! `Transfer-Encoding`); this is not (RFC 9112 sections 2.2, 5.2 and 6.3). What is ambiguous turns into a byte
//! that no reader of HTTP takes, so that hyper answers 400 and closes. Never holds bytes back, never copies.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose requests are looked at.
#[derive(Debug)]
pub(super) struct Strict<S> {
    stream: S,
    wire: Wire,
}

impl<S> Strict<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, wire: Wire::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if matches!(polled, Poll::Ready(Ok(())))
            && let Err(Ambiguous { at }) = self.wire.feed(&buffer.filled()[before..])
        {
            buffer.set_filled(before + at);
            buffer.put_slice(b"\0");
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Where in a connection's requests we are.
#[derive(Debug, Default)]
struct Wire {
    state: State,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    head: Head,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The request line, or an empty line before it.
    #[default]
    Start,
    Fields,
    /// So many bytes of a body.
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    /// Another protocol, if the gateway agrees to it: no request follows then, and else none is read.
    Foreign,
    Refused,
}

/// What a head says about the length of its body.
#[derive(Debug, Default)]
struct Head {
    http_1_0: bool,
    length: Option<u64>,
    chunked: bool,
    upgrade: bool,
    empty_lines: u8,
}

/// The byte that makes it so, counted from the beginning of what was fed.
#[derive(Debug, PartialEq, Eq)]
struct Ambiguous {
    at: usize,
}

/// Why a line will not do: not worth telling apart.
struct Bad;

impl Wire {
    /// The longest line; hyper's buffer is no larger.
    const LONGEST: usize = 64 << 10;
    /// The longest line in front of a chunk.
    const LONGEST_CHUNK_LINE: usize = 256;

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Ambiguous> {
        let mut at = 0;
        while at < bytes.len() {
            let left = (bytes.len() - at) as u64;
            match self.state {
                State::Foreign => return Ok(()),
                State::Refused => return Err(Ambiguous { at }),
                State::Body(size) | State::Chunk(size) => {
                    let taken = size.min(left);
                    at += taken as usize;
                    self.state = match (self.state, size - taken) {
                        (State::Body(_), 0) => self.head.next(),
                        (State::Body(_), rest) => State::Body(rest),
                        (_, 0) => State::ChunkEnd,
                        (_, rest) => State::Chunk(rest),
                    };
                }
                _ => {
                    let Some(end) = memchr::memchr(b'\n', &bytes[at..]) else {
                        self.line.extend_from_slice(&bytes[at..]);
                        return if self.line.len() > Self::LONGEST { self.refuse(at) } else { Ok(()) };
                    };
                    let end = at + end;
                    let kept = std::mem::take(&mut self.line);
                    let done = match kept.is_empty() {
                        true => self.line(&bytes[at..end]),
                        false => self.line(&[&kept, &bytes[at..end]].concat()),
                    };
                    if done.is_err() {
                        return self.refuse(end);
                    }
                    at = end + 1;
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self, at: usize) -> Result<(), Ambiguous> {
        self.state = State::Refused;
        self.line = vec![];
        Err(Ambiguous { at })
    }

    /// A line without its LF.
    fn line(&mut self, line: &[u8]) -> Result<(), Bad> {
        let line = line.strip_suffix(b"\r").ok_or(Bad)?;
        if memchr::memchr(b'\r', line).is_some() {
            return Err(Bad);
        }
        self.state = match self.state {
            State::Start if line.is_empty() => {
                // Some clients send one too many after a body (RFC 9112 section 2.2).
                self.head.empty_lines += 1;
                return if self.head.empty_lines > 2 { Err(Bad) } else { Ok(()) };
            }
            State::Start => {
                self.head = Head { http_1_0: line.ends_with(b" HTTP/1.0"), ..Head::default() };
                State::Fields
            }
            State::Fields if line.is_empty() => self.head.body(),
            State::Fields => {
                self.head.field(line)?;
                State::Fields
            }
            State::ChunkSize => match chunk_size(line)? {
                0 => State::Trailers,
                size => State::Chunk(size),
            },
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::Trailers if line.is_empty() => self.head.next(),
            State::Trailers => {
                // A trailer is no place for what says where the body ends.
                Head::default().field(line).map(|()| State::Trailers)?
            }
            _ => return Err(Bad),
        };
        Ok(())
    }
}

impl Head {
    fn field(&mut self, line: &[u8]) -> Result<(), Bad> {
        let colon = memchr::memchr(b':', line).ok_or(Bad)?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        // White space in front continues the line before, and behind the name hides it from some.
        if name.is_empty() || name.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
            return Err(Bad);
        }
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                let digits = (1..=19).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
                let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                if !digits || self.chunked || self.length.is_some() || length.is_none() {
                    return Err(Bad);
                }
                self.length = length;
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if !value.eq_ignore_ascii_case(b"chunked")
                    || self.chunked
                    || self.length.is_some()
                    || self.http_1_0
                {
                    return Err(Bad);
                }
                self.chunked = true;
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            _ => {}
        }
        Ok(())
    }

    fn body(&mut self) -> State {
        self.empty_lines = 0;
        match (self.chunked, self.length) {
            (true, _) => State::ChunkSize,
            (_, Some(size @ 1..)) => State::Body(size),
            _ => self.next(),
        }
    }

    /// What follows the body.
    fn next(&self) -> State {
        if self.upgrade { State::Foreign } else { State::Start }
    }
}

/// `1f` or `1f;name=value` (RFC 9112 section 7.1).
fn chunk_size(line: &[u8]) -> Result<u64, Bad> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let hex = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    if !hex || line.len() > Wire::LONGEST_CHUNK_LINE {
        return Err(Bad);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Bad)?;
    u64::from_str_radix(text, 16).map_err(|_| Bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn feed(wire: &mut Wire, text: &str) -> bool {
        wire.feed(text.as_bytes()).is_ok()
    }

    /// The state after all of it, if it passes.
    fn read(text: &str) -> Option<State> {
        let mut wire = Wire::default();
        feed(&mut wire, text).then_some(wire.state)
    }

    const GET: &str = "GET /mcp HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn requests_are_followed_to_their_end_and_the_next_begins_there() {
        for text in [
            GET,
            "\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length:0\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;a=b\r\na\n\r\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: 1\r\n\r\n",
            "GET / HTTP/1.0\r\n\r\n",
        ] {
            assert_eq!(read(text), Some(State::Start), "{text:?}");
            assert_eq!(read(&format!("{text}{GET}{text}")), Some(State::Start), "{text:?} twice");
        }
        assert_eq!(read("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n\x01\nfoo"), Some(State::Foreign));
    }

    /// What front and back could read in two ways. Each once alone and once behind a good request.
    pub(super) const SMUGGLED: [&str; 33] = [
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length: 5 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nX: y\r\n Content-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n\tX: y\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nHost: x\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nX: y\rContent-Length: 5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n: empty\r\n\r\n",
        "\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer Encoding: x\r\n\r\n",
    ];

    #[test]
    fn what_can_be_read_in_two_ways_is_refused_before_its_head_or_chunk_is_whole() {
        for text in SMUGGLED {
            assert_eq!(read(text), None, "{text:?}");
            assert_eq!(read(&format!("{GET}{text}")), None, "behind another: {text:?}");
        }
        let long = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(Wire::LONGEST));
        assert_eq!(read(&long), None);
    }

    #[test]
    fn after_a_refusal_nothing_passes() {
        let mut wire = Wire::default();
        assert!(!feed(&mut wire, "GET / HTTP/1.1\n"));
        assert_eq!(wire.feed(GET.as_bytes()), Err(Ambiguous { at: 0 }));
    }

    proptest! {
        /// However the bytes are cut into reads, the verdict is the same.
        #[test]
        fn cuts_change_nothing(
            which in 0..SMUGGLED.len() + 2,
            cuts in proptest::collection::vec(1usize..40, 0..40),
        ) {
            let good = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a\r\nabc\r\n0\r\nA: b\r\n\r\n";
            let text = SMUGGLED.get(which).copied().unwrap_or(if which.is_multiple_of(2) { GET } else { good });
            let (mut wire, mut rest, mut passed) = (Wire::default(), text.as_bytes(), true);
            for cut in cuts {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                passed &= wire.feed(now).is_ok();
                rest = later;
            }
            passed &= wire.feed(rest).is_ok();
            prop_assert_eq!(passed, read(text).is_some());
        }
    }
}
