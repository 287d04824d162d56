//! What a JSON-RPC request asks for, read from its first bytes as they pass: the method, and of `tools/call` the
//! tool's name. Nothing is held back for that, and what is not in the first bytes is not known. Pure.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is known of a request's body; written while it passes.
#[derive(Debug, Default)]
pub(super) struct Note {
    call: OnceLock<Option<Call>>,
    /// It was longer than bodies may be.
    too_large: AtomicBool,
    /// It stopped coming.
    stalled: AtomicBool,
    /// The gateway has begun to answer.
    answered: AtomicBool,
}

/// A JSON-RPC call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) tool: Option<String>,
}

impl Note {
    /// The body begins with these bytes. Only the first are looked at.
    pub(super) fn begin(&self, bytes: &[u8]) {
        /// Clients write the method before the arguments, or these are short.
        const WINDOW: usize = 4 << 10;
        self.call.get_or_init(|| call(&bytes[..bytes.len().min(WINDOW)]));
    }

    pub(super) fn set_too_large(&self) {
        self.too_large.store(true, Ordering::Relaxed);
    }

    pub(super) fn too_large(&self) -> bool {
        self.too_large.load(Ordering::Relaxed)
    }

    pub(super) fn set_stalled(&self) {
        self.stalled.store(true, Ordering::Relaxed);
    }

    pub(super) fn stalled(&self) -> bool {
        self.stalled.load(Ordering::Relaxed)
    }

    pub(super) fn set_answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    pub(super) fn answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn call(&self) -> Option<&Call> {
        self.call.get()?.as_ref()
    }
}

fn call(bytes: &[u8]) -> Option<Call> {
    let mut reader = Reader { rest: bytes };
    let (mut method, mut tool) = (None, None);
    // A batch, which older clients send: its first.
    reader.skip(b'[');
    reader.object(|reader, key| match key {
        b"method" => method = reader.string().and_then(name),
        b"params" if reader.next() == Some(b'{') => reader.object(|reader, key| match key {
            b"name" => tool = reader.string().and_then(name),
            _ => reader.value(),
        }),
        _ => reader.value(),
    });
    let method = method?;
    let tool = tool.filter(|_| method == "tools/call");
    Some(Call { method, tool })
}

/// Strangers choose these words, and people read them.
fn name(text: &[u8]) -> Option<String> {
    const LONGEST: usize = 64;
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"\\".contains(byte);
    let fits = !text.is_empty() && text.len() <= LONGEST && text.iter().all(plain);
    fits.then(|| String::from_utf8_lossy(text).into_owned())
}

/// Reads as much JSON as there is; at the end of it, or where it is none, it stands still.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.first().copied()
    }

    fn skip(&mut self, wanted: u8) -> bool {
        let there = self.next() == Some(wanted);
        if there {
            self.rest = &self.rest[1..];
        }
        there
    }

    /// The text between the quotes, as it is written.
    fn string(&mut self) -> Option<&'a [u8]> {
        if self.next() != Some(b'"') {
            self.value();
            return None;
        }
        let mut at = 1;
        while at < self.rest.len() {
            match self.rest[at] {
                b'"' => {
                    let text = &self.rest[1..at];
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.rest = &[];
        None
    }

    fn object(&mut self, mut member: impl FnMut(&mut Self, &[u8])) {
        if !self.skip(b'{') {
            return;
        }
        while self.next() == Some(b'"') {
            let Some(key) = self.string() else { return };
            if !self.skip(b':') {
                self.rest = &[];
                return;
            }
            member(self, key);
            if !self.skip(b',') {
                break;
            }
        }
        self.skip(b'}');
    }

    /// Passes over a value, however deep, without recursion.
    fn value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.next() {
            match byte {
                b'"' => drop(self.string()),
                b'{' | b'[' => {
                    depth += 1;
                    self.rest = &self.rest[1..];
                }
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    self.rest = &self.rest[1..];
                }
                b',' if depth == 0 => return,
                _ => self.rest = &self.rest[1..],
            }
            if depth == 0 && matches!(self.next(), Some(b',' | b'}' | b']')) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<(String, Option<String>)> {
        call(text.as_bytes()).map(|call| (call.method, call.tool))
    }

    #[test]
    fn method_and_tool_are_read_in_whatever_order_and_from_what_is_there() {
        let tool = |name: &str| Some(("tools/call".to_string(), Some(name.to_string())));
        for text in [
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"name":"x"}}}"#,
            r#" { "params" : { "arguments" : {"a":[1,{"method":"no"}],"s":"\"}"}, "name" : "echo" } , "method" : "tools/call" }"#,
            r#"[{"id":{"a":1},"method":"tools/call","params":{"name":"echo"}},{"method":"other"}]"#,
            r#"{"method":"tools/call","params":{"name":"echo","arguments":{"text":"cut o"#,
        ] {
            assert_eq!(read(text), tool("echo"), "{text}");
        }
        assert_eq!(read(r#"{"method":"ping","params":{"name":"x"}}"#), Some(("ping".into(), None)));
        let evil = r#"{"method":"tools/call","params":{"name":"a b\u001b"}}"#;
        assert_eq!(read(evil), Some(("tools/call".into(), None)));
        for text in
            ["", "{}", "null", r#"{"method":5}"#, r#"{"method":"a"#, r#"{"result":{"method":"x"}}"#, "method"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_without_panic(bytes in proptest::collection::vec(prop_oneof![
            Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), Just(b'"'), Just(b'\\'), Just(b','), Just(b':'), Just(b'm'), any::<u8>()
        ], 0..200)) {
            call(&bytes);
        }
    }
}
