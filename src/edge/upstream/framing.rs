//! HTTP/1.1 as the gateway is spoken to: the head of a request, the head of an answer, and where its body
//! ends. Pure. What could be read in two ways is an error: a gateway's answer ends where it says it does.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

/// An answer that is no HTTP/1.1, or ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Where a body ends (RFC 9112 section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many more bytes.
    Sized(u64),
    /// It tells by itself.
    Chunked(Chunk),
    /// With the connection.
    ToTheEnd,
}

/// Where in a chunked body we are (RFC 9112 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    /// A line with a size comes next.
    Size,
    /// So many bytes of data come next.
    Data(u64),
    /// The line end behind the data comes next.
    Behind,
    /// Trailers, then an empty line. So many bytes of them may come.
    Trailers(usize),
    /// That was all.
    Over,
}

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Head {
    pub response: Response<()>,
    pub framing: Framing,
    /// May the connection serve again afterwards?
    pub kept: bool,
}

/// Room for an answer's head; a size line, an extension or trailers may take as much.
pub(super) const LONGEST: usize = 64 << 10;
const MOST_HEADERS: usize = 128;

/// How a request's body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upload {
    None,
    Sized(u64),
    Chunked,
}

/// Writes a request's head. Length and coding are ours to say, and nobody waits for a `100 Continue`.
pub(super) fn write_head<B>(request: &Request<B>, upload: Upload) -> Vec<u8> {
    let mut head = Vec::with_capacity(1024);
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    for part in [request.method().as_str(), " ", target, " HTTP/1.1\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    let ours = |name: &HeaderName| {
        [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT].contains(name)
    };
    for (name, value) in request.headers().iter().filter(|(name, _)| !ours(name)) {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    match upload {
        Upload::None => {}
        Upload::Sized(length) => {
            head.extend_from_slice(b"content-length: ");
            head.extend_from_slice(length.to_string().as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        Upload::Chunked => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// Takes an answer's head off the front of `buffer`, once it is whole. Interim answers (1xx) are passed
/// over, but for the one that switches protocols.
pub(super) fn take_head(buffer: &mut BytesMut, method: &Method) -> Result<Option<Head>, Malformed> {
    loop {
        let Some((response, minor)) = parse(buffer)? else {
            return if buffer.len() < LONGEST { Ok(None) } else { Err(Malformed) };
        };
        let status = response.status();
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            continue;
        }
        return finish(response, minor, method).map(Some);
    }
}

fn parse(buffer: &mut BytesMut) -> Result<Option<(Response<()>, u8)>, Malformed> {
    // The parser starts over with every read, so it is not asked before the end is there. Most heads
    // come with one read.
    if !ends(buffer) {
        return Ok(None);
    }
    let mut fields = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let parsed = config.parse_response_with_uninit_headers(&mut head, buffer, &mut fields);
    let Ok(httparse::Status::Complete(length)) = parsed else {
        return if parsed.is_err() { Err(Malformed) } else { Ok(None) };
    };
    let (status, minor) = (head.code.ok_or(Malformed)?, head.version.ok_or(Malformed)?);
    let start = buffer.as_ptr().addr();
    // Where in the head each field is: the head is then cut off and its values point into it.
    let mut places = [(0, 0, 0, 0); MOST_HEADERS];
    let count = head.headers.len();
    for (place, field) in places.iter_mut().zip(head.headers.iter()) {
        let name = field.name.as_ptr().addr() - start;
        let value = field.value.as_ptr().addr() - start;
        *place = (name, name + field.name.len(), value, value + field.value.len());
    }
    let bytes = buffer.split_to(length).freeze();
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).map_err(|_| Malformed)?;
    let headers = response.headers_mut();
    headers.reserve(count);
    for &(name, name_end, value, value_end) in &places[..count] {
        let name = HeaderName::from_bytes(&bytes[name..name_end]).map_err(|_| Malformed)?;
        let value: Bytes = bytes.slice(value..value_end);
        headers.append(name, HeaderValue::from_maybe_shared(value).map_err(|_| Malformed)?);
    }
    Ok(Some((response, minor)))
}

fn ends(buffer: &[u8]) -> bool {
    let mut lines = memchr_lines(buffer);
    lines.any(|line| line.is_empty() || line == b"\r")
}

fn memchr_lines(buffer: &[u8]) -> impl Iterator<Item = &[u8]> {
    // A last piece without a line end is no line yet.
    buffer.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"))
}

fn finish(mut response: Response<()>, minor: u8, method: &Method) -> Result<Head, Malformed> {
    let status = response.status();
    let headers = response.headers_mut();
    let mut kept = minor == 1 && !says(headers, header::CONNECTION, "close");
    let bodiless = *method == Method::HEAD
        || matches!(
            status,
            StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    let framing = match (bodiless, headers.contains_key(header::TRANSFER_ENCODING)) {
        (true, coded) => {
            // Where one is announced that must not come, some send it all the same: it must not be taken for the
            // answer to somebody else's request.
            kept &= length(headers)?.unwrap_or(0) == 0 && !coded;
            Framing::Sized(0)
        }
        (false, true) => {
            let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
            let chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
            // Codings below `chunked` would have to be undone here, and nobody uses them.
            if minor != 1 || !codings.next().is_some_and(chunked) || codings.next().is_some() {
                return Err(Malformed);
            }
            headers.remove(header::CONTENT_LENGTH);
            Framing::Chunked(Chunk::Size)
        }
        (false, false) => match length(headers)? {
            Some(length) => Framing::Sized(length),
            None => {
                kept = false;
                Framing::ToTheEnd
            }
        },
    };
    *response.version_mut() = Version::HTTP_11;
    Ok(Head { response, framing, kept })
}

/// The one length that all `Content-Length` headers agree on.
fn length(headers: &mut HeaderMap) -> Result<Option<u64>, Malformed> {
    let mut found = None;
    for value in headers.get_all(header::CONTENT_LENGTH) {
        let text = value.to_str().map_err(|_| Malformed)?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed);
        }
        let length: u64 = text.parse().map_err(|_| Malformed)?;
        if found.replace(length).is_some_and(|before| before != length) {
            return Err(Malformed);
        }
    }
    if let Some(length) = found {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(found)
}

fn says(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let values = headers.get_all(name);
    let mut words = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    words.any(|one| one.trim().eq_ignore_ascii_case(word))
}

impl Framing {
    /// Nothing is left to come.
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Sized(0) | Self::Chunked(Chunk::Over))
    }

    /// Takes data of the body off the front of `buffer`. Empty: more bytes are needed, or it is over.
    pub(super) fn take(&mut self, buffer: &mut BytesMut) -> Result<Bytes, Malformed> {
        match self {
            Self::ToTheEnd => Ok(buffer.split().freeze()),
            Self::Sized(left) => Ok(take_data(left, buffer)),
            Self::Chunked(chunk) => chunk.take(buffer),
        }
    }
}

fn take_data(left: &mut u64, buffer: &mut BytesMut) -> Bytes {
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    *left -= count as u64;
    buffer.split_to(count).freeze()
}

impl Chunk {
    fn take(&mut self, buffer: &mut BytesMut) -> Result<Bytes, Malformed> {
        loop {
            match self {
                Self::Data(left) => {
                    let data = take_data(left, buffer);
                    if *left == 0 {
                        *self = Self::Behind;
                        // Its own end most often came with it.
                        if buffer.starts_with(b"\r\n") {
                            buffer.advance(2);
                            *self = Self::Size;
                        }
                    }
                    return Ok(data);
                }
                Self::Over => return Ok(Bytes::new()),
                Self::Behind | Self::Size | Self::Trailers(_) => {
                    let Some(line) = take_line(buffer)? else { return Ok(Bytes::new()) };
                    *self = self.after(&line)?;
                }
            }
        }
    }

    /// What comes after this line.
    fn after(self, line: &[u8]) -> Result<Self, Malformed> {
        match self {
            Self::Size => match size(line)? {
                0 => Ok(Self::Trailers(LONGEST)),
                size => Ok(Self::Data(size)),
            },
            Self::Trailers(_) if line.is_empty() => Ok(Self::Over),
            Self::Trailers(room) => room.checked_sub(line.len()).map(Self::Trailers).ok_or(Malformed),
            Self::Behind if line.is_empty() => Ok(Self::Size),
            _ => Err(Malformed),
        }
    }
}

/// A line without its CRLF, once it is whole. A bare LF ends none.
fn take_line(buffer: &mut BytesMut) -> Result<Option<BytesMut>, Malformed> {
    match buffer.iter().position(|byte| *byte == b'\n') {
        Some(at) if at > 0 && buffer[at - 1] == b'\r' => {
            let mut line = buffer.split_to(at + 1);
            line.truncate(at - 1);
            Ok(Some(line))
        }
        None if buffer.len() < LONGEST => Ok(None),
        _ => Err(Malformed),
    }
}

/// Hexadecimal digits, then perhaps extensions, which say nothing to us.
fn size(line: &[u8]) -> Result<u64, Malformed> {
    const MOST_DIGITS: usize = 15;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let rest = line[digits..].trim_ascii_start();
    if digits == 0 || digits > MOST_DIGITS || !(rest.is_empty() || rest.starts_with(b";")) {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(&line[..digits]).map_err(|_| Malformed)?;
    u64::from_str_radix(text, 16).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn head(text: &str) -> Result<Option<Head>, Malformed> {
        take_head(&mut BytesMut::from(text), &Method::GET)
    }

    fn framing(headers: &str) -> Result<Framing, Malformed> {
        head(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n")).map(|head| head.unwrap().framing)
    }

    #[test]
    fn an_answer_ends_where_it_says() {
        let chunked = Framing::Chunked(Chunk::Size);
        assert_eq!(framing("Content-Length: 5\r\n"), Ok(Framing::Sized(5)));
        assert_eq!(framing("Content-Length: 5\r\nContent-Length: 5\r\n"), Ok(Framing::Sized(5)));
        assert_eq!(framing("Transfer-Encoding: Chunked\r\n"), Ok(chunked));
        assert_eq!(framing("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), Ok(chunked));
        assert_eq!(framing(""), Ok(Framing::ToTheEnd));
        for wrong in [
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: \r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            " folded: x\r\n",
        ] {
            assert_eq!(framing(wrong), Err(Malformed), "{wrong}");
        }
    }

    #[test]
    fn a_length_beside_chunks_does_not_reach_the_visitor() {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n";
        assert!(!head(text).unwrap().unwrap().response.headers().contains_key(header::CONTENT_LENGTH));
    }

    #[test]
    fn answers_without_a_body_have_none_whatever_they_say() {
        for status in ["204 No Content", "304 Not Modified", "101 Switching Protocols"] {
            let found = head(&format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n")).unwrap().unwrap();
            assert!(found.framing.is_over(), "{status}");
        }
        let mut buffer = BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        let found = take_head(&mut buffer, &Method::HEAD).unwrap().unwrap();
        assert!(found.framing.is_over());
        assert_eq!(found.response.headers()[header::CONTENT_LENGTH], "5");
        let mut two = BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n");
        assert_eq!(take_head(&mut two, &Method::HEAD).unwrap_err(), Malformed);
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        let found = head(text).unwrap().unwrap();
        assert_eq!((found.response.status().as_u16(), found.response.headers().len()), (201, 1));
    }

    #[test]
    fn only_what_says_so_keeps_its_connection() {
        let kept = |text: &str| head(text).unwrap().unwrap().kept;
        assert!(kept("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert!(!kept("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n"));
        assert!(!kept("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert!(!kept("HTTP/1.1 200 OK\r\n\r\n"));
        assert!(
            kept("HTTP/1.1 204 No Content\r\n\r\n") && kept("HTTP/1.1 304 x\r\nContent-Length: 0\r\n\r\n")
        );
        assert!(!kept("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"));
        assert!(!kept("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"));
    }

    #[test]
    fn a_head_without_an_end_is_given_up() {
        let mut buffer = BytesMut::from(&b"HTTP/1.1 200 OK\r\nx: "[..]);
        buffer.resize(LONGEST, b'x');
        assert_eq!(take_head(&mut buffer, &Method::GET).unwrap_err(), Malformed);
    }

    #[test]
    fn chunks_that_could_be_read_otherwise_are_malformed() {
        for wrong in
            ["5\nhello\n", "+5\r\nhello", "0x5\r\nhello", "\r\n", "5 5\r\nhello", "g\r\n", "1\r\nab\r\n"]
        {
            let mut framing = Framing::Chunked(Chunk::Size);
            let mut buffer = BytesMut::from(wrong);
            let taken = std::iter::repeat_with(|| framing.take(&mut buffer)).take(3).find(Result::is_err);
            assert_eq!(taken, Some(Err(Malformed)), "{wrong:?}");
        }
    }

    fn body() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6)
    }

    proptest! {
        /// However the bytes are cut up on the way: the same body, and the same end.
        #[test]
        fn chunks_are_put_together_wherever_reads_cut_them(chunks in body(), cuts in prop::collection::vec(1_usize..9, 1..60)) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend(format!("{:x};ext=1\r\n", chunk.len()).into_bytes());
                wire.extend(chunk);
                wire.extend(b"\r\n");
            }
            wire.extend(b"0\r\nTrailer: x\r\n\r\nNEXT");
            let (mut framing, mut buffer) = (Framing::Chunked(Chunk::Size), BytesMut::new());
            let (mut got, mut rest, mut sizes) = (Vec::new(), &wire[..], cuts.iter().cycle());
            while !framing.is_over() {
                let data = framing.take(&mut buffer).unwrap();
                if data.is_empty() && !framing.is_over() {
                    let (piece, more) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
                    prop_assert!(!piece.is_empty());
                    buffer.extend_from_slice(piece);
                    rest = more;
                }
                got.extend(data);
            }
            prop_assert_eq!(got, chunks.concat());
            prop_assert_eq!([&buffer[..], rest].concat(), b"NEXT".to_vec());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            let _ = take_head(&mut buffer, &Method::GET);
            let mut framing = Framing::Chunked(Chunk::Size);
            let mut buffer = BytesMut::from(&bytes[..]);
            for _ in 0..20 {
                if framing.take(&mut buffer).is_err() { break }
            }
        }
    }
}
