//! A visitor's side of HTTP/1.1, byte for byte: what a test writes as a path goes out in that very spelling.

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use serde_json::Value;

/// For a whole answer; for each piece of a `Stream`.
const PATIENCE: Duration = Duration::from_secs(10);

/// For one try of many. A localtunnel server never answers the request that a dying tunnel socket took with it.
const ONE_TRY: Duration = Duration::from_millis(500);

/// Names and values as sent, in order.
pub type Headers = Vec<(String, String)>;

/// An answer.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is something else; the message shows it.
    pub fn json(&self) -> Value {
        let text = self.text();
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{} is no JSON ({error}): {text}", self.status))
    }
}

/// GET of a `http://` URL as it is written. Names under `.localhost` are loopback, without asking DNS.
pub fn fetch(url: &str) -> io::Result<Response> {
    let (host, path) = split(url);
    get(host, host, path)
}

/// One quick GET among many, for `wait_for`: the answer, if one comes within 500 ms.
pub fn try_fetch(url: &str) -> Option<Response> {
    let (host, path) = split(url);
    exchange(host, request(host, path), ONE_TRY).ok()
}

/// GET of `path`, verbatim, from `address` (`HOST:PORT`) under a `host` header of its own.
pub fn get(address: &str, host: &str, path: &str) -> io::Result<Response> {
    send(address, request(host, path))
}

/// POST to a `http://` URL with more headers (`Name: value`) and a body.
pub fn post(url: &str, headers: &[&str], body: &str) -> io::Result<Response> {
    let (host, path) = split(url);
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n");
    send(host, format!("{head}{headers}\r\n{body}"))
}

/// Sends these bytes and reads one answer to its end, within 10 s.
pub fn send(address: &str, request: impl AsRef<[u8]>) -> io::Result<Response> {
    exchange(address, request, PATIENCE)
}

fn request(host: &str, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

fn exchange(address: &str, request: impl AsRef<[u8]>, patience: Duration) -> io::Result<Response> {
    let end = Instant::now() + patience;
    let mut stream = Stream::open_within(address, request, patience)?;
    let mut body = Vec::new();
    while let Some(chunk) = stream.chunk()? {
        body.extend(chunk);
        if Instant::now() > end {
            return Err(ErrorKind::TimedOut.into());
        }
    }
    Ok(Response { status: stream.status, headers: stream.headers, body })
}

/// An answer that is read piece by piece: event streams, echoes, upgrades.
pub struct Stream {
    pub status: u16,
    pub headers: Headers,
    connection: BufReader<TcpStream>,
    body: Body,
}

/// How a body ends.
enum Body {
    Chunked,
    Sized(u64),
    ToTheEnd,
    Over,
}

impl Stream {
    /// Sends these bytes and reads the head of the answer.
    pub fn open(address: &str, request: impl AsRef<[u8]>) -> io::Result<Self> {
        Self::open_within(address, request, PATIENCE)
    }

    fn open_within(address: &str, request: impl AsRef<[u8]>, patience: Duration) -> io::Result<Self> {
        let mut connection = connect(address, patience)?;
        connection.write_all(request.as_ref())?;
        let mut connection = BufReader::new(connection);
        let status = line(&mut connection)?;
        let code = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = code.ok_or_else(|| broken(&status))?;
        let mut headers = Headers::new();
        while let Some((name, value)) = line(&mut connection)?.split_once(':') {
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let body = body_of(status, &headers);
        Ok(Self { status, headers, connection, body })
    }

    /// More bytes to the server: of a request's body, or of an upgraded connection.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.connection.get_mut().write_all(bytes.as_ref())
    }

    /// The next piece of the body, one chunk where it is chunked; `None` at its end.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let piece = match self.body {
            Body::Over => Vec::new(),
            Body::Chunked => self.coded_chunk()?,
            Body::Sized(left) => self.available(left)?,
            Body::ToTheEnd => self.available(u64::MAX)?,
        };
        match &mut self.body {
            Body::Sized(left) if piece.is_empty() && *left > 0 => return Err(ErrorKind::UnexpectedEof.into()),
            Body::Sized(left) => *left -= piece.len() as u64,
            _ => {}
        }
        if piece.is_empty() {
            self.body = Body::Over;
            return Ok(None);
        }
        Ok(Some(piece))
    }

    /// The next whole event of an event stream, without its empty line; comments are events here.
    pub fn event(&mut self) -> io::Result<Option<String>> {
        let mut event = Vec::new();
        while !event.ends_with(b"\n\n") {
            let Some(chunk) = self.chunk()? else { return Ok(None) };
            event.extend(chunk);
        }
        Ok(Some(String::from_utf8_lossy(&event).trim_end().to_owned()))
    }

    fn coded_chunk(&mut self) -> io::Result<Vec<u8>> {
        let size = line(&mut self.connection)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).map_err(|_| broken(&size))?;
        let mut chunk = vec![0; size];
        self.connection.read_exact(&mut chunk)?;
        line(&mut self.connection)?;
        Ok(chunk)
    }

    fn available(&mut self, limit: u64) -> io::Result<Vec<u8>> {
        let buffer = self.connection.fill_buf()?;
        let size = buffer.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        let piece = buffer[..size].to_vec();
        self.connection.consume(size);
        Ok(piece)
    }
}

fn body_of(status: u16, headers: &Headers) -> Body {
    if matches!(status, 204 | 304) {
        return Body::Over;
    }
    if find(headers, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return Body::Chunked;
    }
    find(headers, "content-length").and_then(|length| length.parse().ok()).map_or(Body::ToTheEnd, Body::Sized)
}

fn find<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let mut named = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    named.next().map(|(_, value)| value.as_str())
}

fn connect(address: &str, patience: Duration) -> io::Result<TcpStream> {
    let (host, port) = address.rsplit_once(':').unwrap_or_else(|| panic!("no port in {address}"));
    let host = if host.ends_with(".localhost") { "localhost" } else { host.trim_matches(['[', ']']) };
    let port: u16 = port.parse().unwrap_or_else(|_| panic!("no port in {address}"));
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => {
                stream.set_read_timeout(Some(patience))?;
                stream.set_write_timeout(Some(patience))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn broken(line: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("not HTTP/1.1: {line:?}"))
}

fn line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// `http://HOST:PORT/PATH` as `HOST:PORT` and `/PATH`.
fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not a http:// URL: {url}"));
    match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('/') => rest.split_at(at),
        Some(at) => panic!("a path starts with `/`: {}", &rest[at..]),
        None => (rest, "/"),
    }
}
