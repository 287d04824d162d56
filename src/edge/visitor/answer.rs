//! How an answer is written: its head, and what stands around each piece of its body. Pure.

use std::cell::RefCell;
use std::time::SystemTime;

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Response, StatusCode, Version};
use jiff::Timestamp;

/// Where the body of an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// There is none.
    Nothing,
    /// After so many more bytes.
    Sized(u64),
    Chunked,
    /// With the connection.
    ToTheEnd,
}

/// What of a request its answer depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) head_only: bool,
    pub(super) http_1_0: bool,
}

impl Asked {
    pub(super) fn by(method: &Method, version: Version) -> Self {
        Self { head_only: *method == Method::HEAD, http_1_0: version == Version::HTTP_10 }
    }
}

/// How an answer with a body of this length is sent.
pub(super) fn coding<B>(answer: &Response<B>, length: Option<u64>, asked: Asked) -> Coding {
    let status = answer.status();
    if asked.head_only
        || status.is_informational()
        || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status)
    {
        return Coding::Nothing;
    }
    match length {
        Some(length) => Coding::Sized(length),
        None if asked.http_1_0 => Coding::ToTheEnd,
        None => Coding::Chunked,
    }
}

/// Does the answer say that the connection ends with it?
pub(super) fn says_close(headers: &HeaderMap) -> bool {
    headers.get(header::CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// Writes an answer's head. Length and coding are ours to say, and whether the connection stands.
pub(super) fn write_head<B>(
    head: &mut Vec<u8>,
    answer: &Response<B>,
    coding: Coding,
    asked: Asked,
    kept: bool,
) {
    let status = answer.status();
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(status.canonical_reason().unwrap_or("Unknown").as_bytes());
    head.extend_from_slice(b"\r\n");
    let switches = status == StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in answer.headers() {
        match *name {
            header::TRANSFER_ENCODING => continue,
            header::CONNECTION if !switches => continue,
            // To HEAD, and of what is not modified, it is that of the body that is not sent.
            header::CONTENT_LENGTH
                if coding != Coding::Nothing || status == StatusCode::NO_CONTENT || switches =>
            {
                continue;
            }
            _ => field(head, name.as_str(), value.as_bytes()),
        }
    }
    match coding {
        Coding::Sized(length) => number(head, "content-length", length),
        Coding::Chunked => field(head, "transfer-encoding", b"chunked"),
        Coding::Nothing | Coding::ToTheEnd => {}
    }
    match kept {
        _ if switches => {}
        false => field(head, "connection", b"close"),
        true if asked.http_1_0 => field(head, "connection", b"keep-alive"),
        true => {}
    }
    if !answer.headers().contains_key(header::DATE) {
        date(|now| field(head, "date", now.as_bytes()));
    }
    head.extend_from_slice(b"\r\n");
}

fn field(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        head.extend_from_slice(part);
    }
}

fn number(head: &mut Vec<u8>, name: &str, value: u64) {
    field(head, name, HeaderValue::from(value).as_bytes());
}

/// The line in front of a chunk.
pub(super) fn chunk_line(out: &mut Vec<u8>, size: usize) {
    let mut digits = [0; 16];
    let mut at = digits.len();
    let mut left = size;
    while left > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b"0123456789abcdef"[left % 16];
        left /= 16;
    }
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

/// Now, as HTTP writes it (RFC 9110 section 5.6.7); written anew once a second.
fn date(write: impl FnOnce(&str)) {
    thread_local! {
        static LAST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    let second = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|(of, text)| {
        if *of != second || text.is_empty() {
            let now = Timestamp::from_second(i64::try_from(second).unwrap_or(0)).unwrap_or_default();
            *text = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            *of = second;
        }
        write(text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Asked = Asked { head_only: false, http_1_0: false };
    const HEAD: Asked = Asked { head_only: true, http_1_0: false };
    const OLD: Asked = Asked { head_only: false, http_1_0: true };

    fn written(
        status: u16,
        length: Option<u64>,
        headers: &[(&'static str, &'static str)],
        asked: Asked,
        kept: bool,
    ) -> String {
        let mut answer = Response::new(());
        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
        answer.headers_mut().insert("date", HeaderValue::from_static("x"));
        for (name, value) in headers {
            answer.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        let mut head = vec![];
        write_head(&mut head, &answer, coding(&answer, length, asked), asked, kept);
        String::from_utf8(head).unwrap().replace("date: x\r\n", "").replace("\r\n", "|")
    }

    #[test]
    fn an_answer_says_where_it_ends() {
        for (text, expected) in [
            (
                written(200, Some(5), &[("content-length", "5")], GET, true),
                "HTTP/1.1 200 OK|content-length: 5||",
            ),
            (
                written(200, None, &[("transfer-encoding", "gzip")], GET, true),
                "HTTP/1.1 200 OK|transfer-encoding: chunked||",
            ),
            (written(200, None, &[], OLD, false), "HTTP/1.1 200 OK|connection: close||"),
            (
                written(200, Some(0), &[], OLD, true),
                "HTTP/1.1 200 OK|content-length: 0|connection: keep-alive||",
            ),
            (written(204, Some(0), &[("content-length", "0")], GET, true), "HTTP/1.1 204 No Content||"),
            (
                written(304, Some(0), &[("content-length", "7")], GET, true),
                "HTTP/1.1 304 Not Modified|content-length: 7||",
            ),
            (
                written(200, Some(0), &[("content-length", "7")], HEAD, true),
                "HTTP/1.1 200 OK|content-length: 7||",
            ),
            (
                written(101, Some(0), &[("connection", "upgrade"), ("upgrade", "websocket")], GET, false),
                "HTTP/1.1 101 Switching Protocols|connection: upgrade|upgrade: websocket||",
            ),
            (
                written(299, Some(1), &[("connection", "x")], GET, false),
                "HTTP/1.1 299 Unknown|content-length: 1|connection: close||",
            ),
        ] {
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn chunks_begin_with_their_size() {
        for (size, line) in [(1, "1\r\n"), (255, "ff\r\n"), (65536, "10000\r\n")] {
            let mut out = vec![];
            chunk_line(&mut out, size);
            assert_eq!(out, line.as_bytes());
        }
    }

    #[test]
    fn the_date_is_written_as_http_does() {
        date(|now| {
            assert!(now.len() == 29 && now.ends_with(" GMT") && now.as_bytes()[3] == b',', "{now}");
        });
    }
}
