//! How a path is read: as the most generous server behind us could, and not at all where two could differ. Pure.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What stands in a path unencoded, whoever writes it.
pub(super) const SPELT: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

/// A path as it is meant.
pub(super) struct Path<'a> {
    pub(super) segments: Vec<Cow<'a, str>>,
    /// How many slashes stand before the first percent sign; no limit when there is none.
    pub(super) literal: usize,
    /// Does its own spelling say the same? Then it may pass untouched: a slash that is encoded stays so.
    pub(super) plain: bool,
}

pub(super) fn canonical(path: &str) -> Result<Path<'_>, &'static str> {
    if !path.starts_with('/') {
        return Err("not a path");
    }
    let decoded = percent_decode_str(path).decode_utf8().map_err(|_| "not UTF-8")?;
    if broken_escapes(path) || encoded_twice(&decoded) {
        return Err("ambiguous percent encoding");
    }
    if decoded.chars().any(char::is_control) {
        return Err("control characters");
    }
    let mut segments = vec![];
    let mut plain = true;
    let mut parts = decoded[1..].split(['/', '\\']).peekable();
    while let Some(part) = parts.next() {
        match part {
            "" => plain &= parts.peek().is_none(),
            "." => plain = false,
            ".." => {
                plain = false;
                segments.pop().ok_or("leaves the root")?;
            }
            part if part.starts_with(".;") || part.starts_with("..;") => {
                return Err("dot segment with parameters");
            }
            part => segments.push(part),
        }
    }
    // Where the spelling is not plain the gateway gets our own, which is.
    let plain = plain && !decoded.contains('\\');
    let literal = path.find('%').filter(|_| plain).map_or(usize::MAX, |at| path[..at].matches('/').count());
    let segments = match &decoded {
        // Most paths are written as they are read.
        Cow::Borrowed(text) => segments.iter().map(|part| Cow::Borrowed(within(text, part))).collect(),
        Cow::Owned(_) => segments.iter().map(|part| Cow::Owned((*part).to_string())).collect(),
    };
    Ok(Path { segments, literal, plain })
}

/// The same part, for as long as the text lives.
fn within<'a>(text: &'a str, part: &str) -> &'a str {
    let at = part.as_ptr().addr() - text.as_ptr().addr();
    &text[at..at + part.len()]
}

fn broken_escapes(path: &str) -> bool {
    path.split('%').skip(1).any(|after| !is_escape(after))
}

fn encoded_twice(decoded: &str) -> bool {
    decoded.split('%').skip(1).any(is_escape)
}

fn is_escape(after_percent: &str) -> bool {
    after_percent.len() >= 2 && after_percent.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit)
}

/// The path of these segments, spelt as everybody does.
pub(super) fn encode(segments: &[Cow<'_, str>], slash: bool) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const SEGMENT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@').remove(b':');
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        path.extend(utf8_percent_encode(segment, SEGMENT));
    }
    if slash {
        path.push('/');
    }
    path
}
