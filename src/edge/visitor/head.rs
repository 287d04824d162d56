//! HTTP/1 requests as they come over the wire. Where one request ends and the next begins must be the same to
//! everybody on the way: the tunnel's server in front of us reads the same bytes. So what is ambiguous (a bare LF,
//! `Content-Length` twice or beside `Transfer-Encoding`, a folded line) is refused and never repaired (RFC 9112
//! sections 2.2, 5.2 and 6.3), as soon as its line is there. Pure.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri, Version};

/// Why a request is not read on: nobody could say where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Malformed,
    /// Its head is longer than heads may be.
    TooLarge,
}

/// The head of a request.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) request: Request<()>,
    pub(super) body: Rest,
    /// May another request follow on the connection?
    pub(super) kept: bool,
    /// The visitor waits for our word before it sends the body.
    pub(super) expects: bool,
}

/// What of a request's body is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    Sized(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    /// So many bytes of trailers may come.
    Trailers(usize),
}

/// Looks at a head line by line as it comes.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Where the line begins that is not whole yet, and how far it was searched for its end.
    line: usize,
    searched: usize,
    begun: bool,
    empty_lines: u8,
    fields: Fields,
}

/// What the fields say about where the request ends.
#[derive(Debug, Default)]
struct Fields {
    http_1_0: bool,
    length: Option<u64>,
    chunked: bool,
}

/// Why a line will not do: not worth telling apart.
struct Bad;

impl From<Bad> for Refused {
    fn from(_: Bad) -> Self {
        Self::Malformed
    }
}

impl Look {
    /// The longest head, and its most fields.
    pub(super) const LONGEST: usize = 64 << 10;
    const MOST_FIELDS: usize = 100;

    /// Takes a head off the front of `buffer` once it is whole. The same buffer is to be shown until then.
    pub(super) fn take(&mut self, buffer: &mut BytesMut) -> Result<Option<Head>, Refused> {
        // No method begins so, but TLS does, say: no line end may ever come.
        if !self.begun
            && buffer
                .get(self.line)
                .is_some_and(|first| !first.is_ascii_graphic() && !b"\r\n".contains(first))
        {
            return Err(Refused::Malformed);
        }
        while let Some(end) = memchr::memchr(b'\n', &buffer[self.searched..]) {
            let end = self.searched + end;
            let start = std::mem::replace(&mut self.line, end + 1);
            self.searched = self.line;
            if end >= Self::LONGEST {
                return Err(Refused::TooLarge);
            }
            let line = buffer[start..end].strip_suffix(b"\r").ok_or(Refused::Malformed)?;
            if memchr::memchr(b'\r', line).is_some() {
                return Err(Refused::Malformed);
            }
            match (self.begun, line.is_empty()) {
                // Some clients send one too many after a body (RFC 9112 section 2.2).
                (false, true) if self.empty_lines < 2 => self.empty_lines += 1,
                (false, true) => return Err(Refused::Malformed),
                (false, false) => {
                    self.begun = true;
                    self.fields.http_1_0 = line.ends_with(b" HTTP/1.0");
                }
                (true, false) => self.fields.field(line)?,
                (true, true) => {
                    let look = std::mem::take(self);
                    let bytes = buffer.split_to(look.line).freeze();
                    return look.fields.parse(&bytes).map(Some);
                }
            }
        }
        self.searched = buffer.len();
        if buffer.len() > Self::LONGEST { Err(Refused::TooLarge) } else { Ok(None) }
    }
}

impl Fields {
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
            _ => {}
        }
        Ok(())
    }

    fn parse(&self, bytes: &Bytes) -> Result<Head, Refused> {
        let mut fields = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; Look::MOST_FIELDS];
        let mut head = httparse::Request::new(&mut []);
        match head.parse_with_uninit_headers(bytes, &mut fields) {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(Refused::TooLarge),
            _ => return Err(Refused::Malformed),
        }
        let (Some(method), Some(target), Some(minor)) = (head.method, head.path, head.version) else {
            return Err(Refused::Malformed);
        };
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|_| Bad)?;
        *request.uri_mut() = Uri::from_maybe_shared(bytes.slice_ref(target.as_bytes())).map_err(|_| Bad)?;
        *request.version_mut() = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
        let headers = request.headers_mut();
        // And for what is added on the way.
        headers.reserve(head.headers.len() + 4);
        for field in head.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Bad)?;
            let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).map_err(|_| Bad)?;
            headers.append(name, value);
        }
        let body = if self.chunked { Rest::ChunkSize } else { Rest::Sized(self.length.unwrap_or(0)) };
        // What would follow an offer to switch could be of either protocol.
        let kept = !says(&request, "close") && (minor == 1 || says(&request, "keep-alive"));
        let kept = kept && !request.headers().contains_key(header::UPGRADE);
        let expects = minor == 1
            && request
                .headers()
                .get(header::EXPECT)
                .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        Ok(Head { request, body, kept, expects })
    }
}

/// Does `Connection` hold this word?
fn says(request: &Request<()>, word: &str) -> bool {
    let values = request.headers().get_all(header::CONNECTION);
    let mut words = values.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    words.any(|one| one.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

impl Rest {
    /// The longest line in front of a chunk.
    const LONGEST_CHUNK_LINE: usize = 256;

    pub(super) fn is_over(self) -> bool {
        self == Self::Sized(0)
    }

    /// How long the body will be, where that is known.
    pub(super) fn length(self) -> Option<u64> {
        if let Self::Sized(left) = self { Some(left) } else { None }
    }

    /// Takes data off the front of `buffer`. `None`: more bytes are needed, or it is over.
    pub(super) fn take(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, Refused> {
        loop {
            match self {
                Self::Sized(left) | Self::Chunk(left) => {
                    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                    *left -= count as u64;
                    if *self == Self::Chunk(0) {
                        *self = Self::ChunkEnd;
                    }
                    return Ok(Some(buffer.split_to(count).freeze()).filter(|data| !data.is_empty()));
                }
                Self::ChunkSize | Self::ChunkEnd | Self::Trailers(_) => {
                    let longest =
                        if let Self::Trailers(room) = self { *room } else { Self::LONGEST_CHUNK_LINE };
                    let Some(end) = memchr::memchr(b'\n', buffer) else {
                        return if buffer.len() > longest { Err(Refused::Malformed) } else { Ok(None) };
                    };
                    if end > longest {
                        return Err(Refused::Malformed);
                    }
                    *self = self.after(&buffer[..end])?;
                    buffer.advance(end + 1);
                }
            }
        }
    }

    /// What comes after this line, which is without its LF.
    fn after(self, line: &[u8]) -> Result<Self, Bad> {
        let line = line.strip_suffix(b"\r").filter(|line| !line.contains(&b'\r')).ok_or(Bad)?;
        match self {
            Self::ChunkSize => Ok(match chunk_size(line)? {
                0 => Self::Trailers(Look::LONGEST),
                size => Self::Chunk(size),
            }),
            Self::ChunkEnd if line.is_empty() => Ok(Self::ChunkSize),
            Self::Trailers(_) if line.is_empty() => Ok(Self::Sized(0)),
            Self::Trailers(room) => {
                let mut fields = Fields::default();
                fields.field(line)?;
                // A trailer is no place for what says where the body ends.
                if fields.length.is_some() || fields.chunked {
                    return Err(Bad);
                }
                Ok(Self::Trailers(room.saturating_sub(line.len())))
            }
            _ => Err(Bad),
        }
    }
}

/// `1f` or `1f;name=value` (RFC 9112 section 7.1).
fn chunk_size(line: &[u8]) -> Result<u64, Bad> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let hex = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    if !hex {
        return Err(Bad);
    }
    let text = std::str::from_utf8(digits).map_err(|_| Bad)?;
    u64::from_str_radix(text, 16).map_err(|_| Bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads requests from bytes that come in pieces.
    #[derive(Default)]
    struct Reading {
        buffer: BytesMut,
        look: Look,
        body: Option<Rest>,
        bodies: Vec<u8>,
        requests: usize,
    }

    impl Reading {
        fn feed(&mut self, piece: &[u8]) -> Result<(), Refused> {
            self.buffer.extend_from_slice(piece);
            loop {
                match &mut self.body {
                    Some(rest) => {
                        while let Some(data) = rest.take(&mut self.buffer)? {
                            self.bodies.extend(data);
                        }
                        if !rest.is_over() {
                            return Ok(());
                        }
                        self.body = None;
                        self.requests += 1;
                    }
                    None => match self.look.take(&mut self.buffer)? {
                        Some(head) => self.body = Some(head.body),
                        None => return Ok(()),
                    },
                }
            }
        }
    }

    /// How many requests these are, if they are nothing else.
    fn read(text: &str) -> Result<usize, Refused> {
        let mut reading = Reading::default();
        reading.feed(text.as_bytes())?;
        assert!(reading.buffer.is_empty() && reading.body.is_none(), "no end: {text:?}");
        Ok(reading.requests)
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
            assert_eq!(read(text), Ok(1), "{text:?}");
            assert_eq!(read(&format!("{text}{GET}{text}")), Ok(3), "{text:?} twice");
        }
    }

    /// What front and back could read in two ways. Each once alone and once behind a good request.
    const SMUGGLED: [&str; 35] = [
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
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];

    #[test]
    fn what_can_be_read_in_two_ways_is_refused_before_its_head_or_chunk_is_whole() {
        for text in SMUGGLED {
            assert_eq!(Reading::default().feed(text.as_bytes()), Err(Refused::Malformed), "{text:?}");
            let behind = format!("{GET}{text}");
            assert_eq!(Reading::default().feed(behind.as_bytes()), Err(Refused::Malformed), "{behind:?}");
        }
        assert_eq!(Reading::default().feed(b"\x16\x03\x01"), Err(Refused::Malformed), "TLS");
    }

    #[test]
    fn a_head_is_as_long_as_heads_may_be_and_no_longer() {
        let head = |size: usize| {
            let (before, behind) = ("GET / HTTP/1.1\r\nX: ", "\r\n\r\n");
            format!("{before}{}{behind}", "y".repeat(size - before.len() - behind.len()))
        };
        assert_eq!(read(&head(Look::LONGEST)), Ok(1));
        assert_eq!(read(&head(Look::LONGEST + 1)), Err(Refused::TooLarge));
        let endless = &head(Look::LONGEST + 9)[..Look::LONGEST + 1];
        assert_eq!(Reading::default().feed(endless.as_bytes()), Err(Refused::TooLarge));
        let many = |count| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(count));
        assert_eq!(read(&many(Look::MOST_FIELDS)), Ok(1));
        assert_eq!(read(&many(Look::MOST_FIELDS + 1)), Err(Refused::TooLarge));
    }

    #[test]
    fn what_the_head_says_of_the_connection_is_heard() {
        let head = |text: &str| Look::default().take(&mut BytesMut::from(text)).unwrap().unwrap();
        for (text, kept) in [
            ("GET / HTTP/1.1\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", false),
            ("GET / HTTP/1.0\r\n\r\n", false),
            ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
            ("GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n", false),
        ] {
            assert_eq!(head(text).kept, kept, "{text:?}");
        }
        assert!(head("POST / HTTP/1.1\r\nExpect: 100-Continue\r\n\r\n").expects);
        assert!(!head("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects);
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
            let mut whole = Reading::default();
            let verdict = whole.feed(text.as_bytes());
            let (mut reading, mut rest, mut cut_verdict) = (Reading::default(), text.as_bytes(), Ok(()));
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                cut_verdict = cut_verdict.and_then(|()| reading.feed(now));
                rest = later;
            }
            prop_assert_eq!(cut_verdict, verdict);
            prop_assert_eq!((reading.requests, reading.bodies), (whole.requests, whole.bodies));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Reading::default().feed(&bytes);
            let _ = Reading::default().feed(&[GET.as_bytes(), &bytes].concat());
        }
    }
}
