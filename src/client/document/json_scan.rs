//! Where things are in a JSON document: one pass over the bytes, without recursion and without a tree, so that
//! neither a deep document nor one of many megabytes costs much. Comments and commas before a closing bracket
//! are noted, not judged: that is the caller's.

use std::ops::Range;

use super::{Refusal, Result, Syntax};

/// What a document that has been read to its end holds.
#[derive(Debug)]
pub(super) enum Root {
    /// Blanks and comments.
    Nothing,
    Object(Object),
    /// Another value, which begins here.
    Other(usize),
}

/// One `"key": value` of an object.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// What the key says.
    pub(super) name: String,
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
    /// The comma behind it.
    pub(super) comma: Option<usize>,
}

/// The members of an object that begins at `open` and ends before `end`.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) open: usize,
    /// Where the closing brace is.
    pub(super) close: usize,
    pub(super) members: Vec<Member>,
}

impl Object {
    /// The member that readers take: of several with one name the last (ECMA-262, JSON.parse).
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.members.iter().rposition(|member| member.name == name)
    }
}

/// Reads the whole document.
pub(super) fn scan(text: &str, syntax: Syntax) -> Result<Root> {
    let mut scanner = Scanner::new(text, 0);
    scanner.blank()?;
    let start = scanner.at;
    let root = match scanner.peek() {
        None => Root::Nothing,
        Some(b'{') => Root::Object(scanner.object(text)?),
        Some(_) => {
            scanner.value()?;
            Root::Other(start)
        }
    };
    scanner.blank()?;
    if scanner.peek().is_some() {
        return Err(scanner.refuse("the document has ended, and something follows"));
    }
    match (scanner.comment, scanner.loose_comma) {
        (Some(at), _) if !syntax.comments => {
            Err(Refusal::at(at, "a comment, which this client does not read"))
        }
        (_, Some(at)) if !syntax.trailing_commas => {
            Err(Refusal::at(at, "a comma before a closing bracket, which this client does not read"))
        }
        _ => Ok(root),
    }
}

/// The members of the object at `start`, in a document that has been scanned.
pub(super) fn object(text: &str, start: usize) -> Result<Object> {
    Scanner::new(text, start).object(text)
}

/// What a string in quotes says. A lone surrogate, which JavaScript writes and Rust has no text for, is
/// replaced: no name that is looked for has one.
pub(super) fn decoded(quoted: &str) -> String {
    serde_json::from_str(quoted).unwrap_or_else(|_| quoted.trim_matches('"').to_string())
}

/// Where the last thing that is no blank ends, between `from` and `to`: a comment, or `from` itself.
pub(super) fn end_of_comments(text: &str, from: usize, to: usize) -> usize {
    let mut scanner = Scanner::new(&text[..to], from);
    match scanner.blank() {
        Ok(()) => scanner.comments_end.unwrap_or(from),
        Err(_) => from,
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    comment: Option<usize>,
    comments_end: Option<usize>,
    loose_comma: Option<usize>,
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str, at: usize) -> Self {
        Self { bytes: text.as_bytes(), at, comment: None, comments_end: None, loose_comma: None }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn refuse(&self, why: &str) -> Refusal {
        match self.peek() {
            None => Refusal::at(self.at, format!("{why}, and the file ends")),
            Some(_) => Refusal::at(self.at, why),
        }
    }

    fn expect(&mut self, byte: u8, why: &str) -> Result<()> {
        match self.peek() == Some(byte) {
            true => {
                self.at += 1;
                Ok(())
            }
            false => Err(self.refuse(why)),
        }
    }

    /// Passes over blanks and comments.
    fn blank(&mut self) -> Result<()> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                Some(b'/') => {
                    let start = self.at;
                    self.comment.get_or_insert(start);
                    let rest = &self.bytes[start + 1..];
                    self.at = match rest.first() {
                        Some(b'/') => {
                            let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                            // A carriage return before it is the line's, not the comment's.
                            let end = start + 1 + length;
                            end - usize::from(end < self.bytes.len() && self.bytes[end - 1] == b'\r')
                        }
                        Some(b'*') => {
                            let length = rest[1..].windows(2).position(|pair| pair == b"*/");
                            start + 4 + length.ok_or_else(|| self.refuse("this comment never ends"))?
                        }
                        _ => return Err(self.refuse("this is no JSON")),
                    };
                    self.comments_end = Some(self.at);
                }
                _ => return Ok(()),
            }
        }
    }

    fn colon(&mut self) -> Result<()> {
        self.blank()?;
        self.expect(b':', "a colon must follow the key")?;
        self.blank()
    }

    /// Passes over one value, however deep.
    fn value(&mut self) -> Result<()> {
        let mut open: Vec<u8> = vec![];
        loop {
            self.blank()?;
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.at += 1;
                    self.blank()?;
                    if self.peek() == Some(closing(bracket)) {
                        self.at += 1;
                    } else {
                        if bracket == b'{' {
                            self.key()?;
                        }
                        open.push(bracket);
                        continue;
                    }
                }
                Some(b'"') => self.string()?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                _ => return Err(self.refuse("a value must stand here")),
            }
            loop {
                let Some(bracket) = open.last().copied() else { return Ok(()) };
                self.blank()?;
                match self.peek() {
                    Some(b',') => {
                        let comma = self.at;
                        self.at += 1;
                        self.blank()?;
                        if self.peek() == Some(closing(bracket)) {
                            self.loose_comma.get_or_insert(comma);
                            self.at += 1;
                            open.pop();
                            continue;
                        }
                        if bracket == b'{' {
                            self.key()?;
                        }
                        break;
                    }
                    Some(byte) if byte == closing(bracket) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ if bracket == b'{' => return Err(self.refuse("a comma or `}` must follow")),
                    _ => return Err(self.refuse("a comma or `]` must follow")),
                }
            }
        }
    }

    /// Passes over an object, and tells its members.
    fn object(&mut self, text: &str) -> Result<Object> {
        let open = self.at;
        let mut members: Vec<Member> = vec![];
        self.expect(b'{', "an object must begin here")?;
        loop {
            self.blank()?;
            let comma = members.last().map(|last| last.comma);
            match (self.peek(), comma) {
                (Some(b'}'), comma) => {
                    if let Some(Some(comma)) = comma {
                        self.loose_comma.get_or_insert(comma);
                    }
                    self.at += 1;
                    return Ok(Object { open, close: self.at - 1, members });
                }
                (_, Some(None)) => return Err(self.refuse("a comma or `}` must follow")),
                _ => {}
            }
            let start = self.at;
            self.string()?;
            let key = start..self.at;
            self.colon()?;
            let start = self.at;
            self.value()?;
            let value = start..self.at;
            self.blank()?;
            let comma = (self.peek() == Some(b',')).then_some(self.at);
            self.at += usize::from(comma.is_some());
            members.push(Member { name: decoded(&text[key.clone()]), key, value, comma });
        }
    }

    fn key(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'"') => self.string()?,
            _ => return Err(self.refuse("a key in double quotes must stand here")),
        }
        self.colon()
    }

    fn string(&mut self) -> Result<()> {
        let start = self.at;
        self.expect(b'"', "a key in double quotes must stand here")?;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(0..=0x1f) => {
                    return Err(self.refuse("a string goes over a line's end, or holds a control character"));
                }
                Some(_) => self.at += 1,
                None => return Err(Refusal::at(start, "this string never ends")),
            }
        }
    }

    fn escape(&mut self) -> Result<()> {
        let digits = |bytes: &[u8]| bytes.len() == 4 && bytes.iter().all(u8::is_ascii_hexdigit);
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') if self.bytes.get(self.at + 2..self.at + 6).is_some_and(digits) => self.at += 6,
            _ => return Err(self.refuse("no such escape is known in JSON")),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<()> {
        let start = self.at;
        let wrong = Refusal::at(start, "this is no number in JSON");
        self.at += usize::from(self.peek() == Some(b'-'));
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits().ok_or_else(|| wrong.clone())?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits().ok_or_else(|| wrong.clone())?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits().ok_or_else(|| wrong.clone())?;
        }
        match self.peek() {
            Some(b'0'..=b'9' | b'.' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'+') => Err(wrong),
            _ => Ok(()),
        }
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Result<()> {
        match self.bytes[self.at..].starts_with(word) {
            true => {
                self.at += word.len();
                Ok(())
            }
            false => Err(self.refuse("a value must stand here")),
        }
    }
}

fn closing(bracket: u8) -> u8 {
    if bracket == b'{' { b'}' } else { b']' }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOSE: Syntax = Syntax { comments: true, trailing_commas: true };
    const STRICT: Syntax = Syntax { comments: false, trailing_commas: false };

    #[test]
    fn what_json_allows_is_read_and_nothing_else() {
        for good in [
            "{}",
            " [1, -0.5e+3, true, null]\n",
            r#"{"a": {"b": ["\ud83d", "\u00e9\/"]}}"#,
            "7",
            "",
            " \n",
            "\"\u{e9}\"",
        ] {
            scan(good, STRICT).unwrap_or_else(|error| panic!("{good}: {error:?}"));
        }
        for bad in [
            "{",
            "{a: 1}",
            "{'a': 1}",
            "{\"a\" 1}",
            "{\"a\": 1 \"b\": 2}",
            "[1 2]",
            "{\"a\": 01}",
            "[1.]",
            "[.5]",
            "[+1]",
            "[tru]",
            "\"a\n\"",
            "\"a",
            r#""\x""#,
            "{} {}",
            "{\"a\": }",
            "[1,,2]",
            "{,}",
            "[,]",
            "nulll",
            "[0x1]",
            "{}}",
            "/",
        ] {
            assert!(scan(bad, LOOSE).is_err(), "{bad}");
        }
        for loose in ["{} // x", "/* x */ {}", "[1,]", "{\"a\": 1,}"] {
            assert!(scan(loose, STRICT).is_err() && scan(loose, LOOSE).is_ok(), "{loose}");
        }
    }

    #[test]
    fn a_refusal_names_the_place() {
        let place = |text: &str| {
            let at = scan(text, STRICT).unwrap_err().at.unwrap();
            crate::error::line_and_column(text, at)
        };
        assert_eq!(place("{\n  \"a\": 1\n  \"b\": 2\n}"), (3, 3));
        assert_eq!(place("{\n  \"\u{e9}\": tru\n}"), (2, 8));
        assert_eq!(place("{\n  // x\n}"), (2, 3));
        assert_eq!(place("{\"a\": [1"), (1, 9));
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(matches!(scan(&deep, STRICT), Ok(Root::Other(0))));
    }
}
