//! JSON-RPC as it passes through: what kind of message a piece of JSON is, read without building a tree of
//! it, and the few messages the bridge writes itself. Pure.

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// An id, as JSON text in one spelling: `1.0` and `1` are the same, and so are `"a"` and `"\u0061"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id(String);

impl Id {
    /// The id of requests that have none: `null`.
    pub(super) fn null() -> Self {
        Self("null".into())
    }

    /// An id of the bridge's own.
    pub(super) fn own(name: &str) -> Self {
        Self(Value::from(format!("mcpgw-{name}")).to_string())
    }

    pub(super) fn read(raw: &RawValue) -> Self {
        match serde_json::from_str(raw.get()) {
            Ok(Value::Number(number)) => match number.as_f64() {
                // Integers that a double holds exactly are told by their value (RFC 8259 section 6).
                Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                    Self(format!("{float:.0}"))
                }
                _ => Self(raw.get().into()),
            },
            Ok(value) => Self(value.to_string()),
            Err(_) => Self::null(),
        }
    }

    pub(super) fn json(&self) -> &str {
        &self.0
    }
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// It wants an answer.
    Request { id: Id, method: String },
    /// It wants none.
    Notification { method: String },
    /// It is one.
    Response { id: Id, failed: bool },
}

/// One message, on one line.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) kind: Kind,
    pub(super) raw: Bytes,
}

/// Why something is no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is no JSON.
    NoJson,
    /// It is JSON that JSON-RPC does not know; the id, if it has one.
    NoMessage(Id),
}

/// What came at once.
#[derive(Debug)]
pub(super) enum Incoming {
    One(Result<Message, Wrong>),
    /// A batch (JSON-RPC 2.0 section 6; MCP 2025-03-26 has them).
    Batch(Vec<Result<Message, Wrong>>),
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// `null` is something else than nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads what came: a message or a batch of them. A byte order mark and white space around it are nothing.
pub(super) fn read(raw: &Bytes) -> Incoming {
    let raw = trimmed(raw);
    if raw.first() != Some(&b'[') {
        return Incoming::One(read_one(raw));
    }
    match serde_json::from_slice::<Vec<&RawValue>>(&raw) {
        Err(_) => Incoming::One(Err(Wrong::NoJson)),
        // An empty batch is an invalid request (JSON-RPC 2.0 section 6).
        Ok(parts) if parts.is_empty() => Incoming::One(Err(Wrong::NoMessage(Id::null()))),
        Ok(parts) => Incoming::Batch(
            parts.into_iter().map(|part| read_one(raw.slice_ref(part.get().as_bytes()))).collect(),
        ),
    }
}

fn read_one(raw: Bytes) -> Result<Message, Wrong> {
    let Ok(head) = serde_json::from_slice::<Head<'_>>(&raw) else {
        return Err(match serde_json::from_slice::<&RawValue>(&raw) {
            Ok(_) => Wrong::NoMessage(Id::null()),
            Err(_) => Wrong::NoJson,
        });
    };
    let id = head.id.map(Id::read);
    let kind = match (head.method, id) {
        (Some(method), Some(id)) => Kind::Request { id, method },
        (Some(method), None) => Kind::Notification { method },
        (None, id) if head.result.is_some() || head.error.is_some() => {
            Kind::Response { id: id.unwrap_or_else(Id::null), failed: head.error.is_some() }
        }
        (None, id) => return Err(Wrong::NoMessage(id.unwrap_or_else(Id::null))),
    };
    Ok(Message { kind, raw: one_line(raw) })
}

fn trimmed(raw: &Bytes) -> Bytes {
    let start = if raw.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
    raw.slice_ref(raw[start..].trim_ascii())
}

/// A line break in JSON is never inside a string: it is white space, and a blank does as well.
fn one_line(raw: Bytes) -> Bytes {
    let breaks = |byte: &u8| matches!(byte, b'\n' | b'\r');
    match memchr::memchr2(b'\n', b'\r', &raw) {
        None => raw,
        Some(_) => raw.iter().map(|byte| if breaks(byte) { b' ' } else { *byte }).collect::<Vec<_>>().into(),
    }
}

impl Message {
    /// A part of the message: `params`, `result`, `error`.
    pub(super) fn part(&self, name: Part) -> Option<&RawValue> {
        let head = serde_json::from_slice::<Head<'_>>(&self.raw).ok()?;
        match name {
            Part::Params => head.params,
            Part::Result => head.result,
            Part::Error => head.error,
        }
    }

    /// The same part, read as a value. For small ones.
    pub(super) fn value(&self, name: Part) -> Value {
        self.part(name).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// The same message under another id.
    pub(super) fn under(&self, id: &Id) -> Bytes {
        let Ok(head) = serde_json::from_slice::<Head<'_>>(&self.raw) else { return self.raw.clone() };
        let mut text = format!(r#"{{"jsonrpc":"2.0","id":{}"#, id.json());
        if let Some(method) = head.method {
            text.push_str(r#","method":"#);
            text.push_str(&Value::from(method).to_string());
        }
        for (name, part) in [("params", head.params), ("result", head.result), ("error", head.error)] {
            if let Some(part) = part {
                text.push_str(&format!(r#","{name}":"#));
                text.push_str(part.get());
            }
        }
        text.push('}');
        text.into()
    }
}

/// See [`Message::part`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Params,
    Result,
    Error,
}

/// A request of the bridge's own.
pub(super) fn request(id: &Id, method: &str, params: &Value) -> Bytes {
    let method = Value::from(method);
    format!(r#"{{"jsonrpc":"2.0","id":{},"method":{method},"params":{params}}}"#, id.json()).into()
}

/// A notification of the bridge's own.
pub(super) fn notification(method: &str, params: Option<&Value>) -> Bytes {
    match params {
        Some(params) => json!({"jsonrpc": "2.0", "method": method, "params": params}),
        None => json!({"jsonrpc": "2.0", "method": method}),
    }
    .to_string()
    .into()
}

/// A result.
pub(super) fn success(id: &Id, result: &Value) -> Bytes {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, id.json()).into()
}

/// An error; `data` says in a stable word what happened, and what helps.
pub(super) fn failure(id: &Id, code: i64, message: &str, data: Option<&Value>) -> Bytes {
    let error = match data {
        Some(data) => json!({"code": code, "message": message, "data": data}),
        None => json!({"code": code, "message": message}),
    };
    format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, id.json()).into()
}

/// What the client is told of something that is no message (JSON-RPC 2.0 section 5.1).
pub(super) fn complaint(wrong: &Wrong) -> Bytes {
    match wrong {
        Wrong::NoJson => failure(&Id::null(), -32700, "parse error: a line is not JSON", None),
        Wrong::NoMessage(id) => failure(id, -32600, "invalid request: JSON, but no JSON-RPC message", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Message, Wrong> {
        match read(&Bytes::copy_from_slice(text.as_bytes())) {
            Incoming::One(message) => message,
            Incoming::Batch(_) => panic!("a batch: {text}"),
        }
    }

    fn id(text: &str) -> Id {
        Id::read(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_message_is_known_by_its_members() {
        let request = Kind::Request { id: id("1"), method: "tools/call".into() };
        assert_eq!(one(r#"{"method":"tools\/call","id":1,"params":{"x":[1]}}"#).unwrap().kind, request);
        let notification = Kind::Notification { method: "a".into() };
        assert_eq!(one(r#"{"jsonrpc":"2.0","method":"a"}"#).unwrap().kind, notification);
        let null = Kind::Request { id: Id::null(), method: "a".into() };
        assert_eq!(one(r#"{"id":null,"method":"a"}"#).unwrap().kind, null);
        for (text, failed) in [(r#"{"id":"x","result":null}"#, false), (r#"{"id":"x","error":{}}"#, true)] {
            assert_eq!(one(text).unwrap().kind, Kind::Response { id: id(r#""x""#), failed });
        }
    }

    #[test]
    fn ids_of_one_value_are_one_id_and_strings_are_no_numbers() {
        assert_eq!(id("1"), id("1.0"));
        assert_eq!(id("1e2"), id("100"));
        assert_eq!(id(r#""a""#), id("\"\\u0061\""));
        assert_ne!(id("1"), id(r#""1""#));
        assert_ne!(id("9007199254740993"), id("9007199254740992"), "no rounding");
    }

    #[test]
    fn what_is_no_message_is_told_apart_from_what_is_no_json() {
        for text in ["", "{", "hello", "{\"id\":1,}", "\u{1}", "{\"id\":1}{\"id\":2}"] {
            assert_eq!(one(text).unwrap_err(), Wrong::NoJson, "{text}");
        }
        for text in ["1", "null", "[]", "\"x\"", r#"{"method":1}"#, r#"{"jsonrpc":"2.0"}"#] {
            assert!(matches!(one(text), Err(Wrong::NoMessage(_))), "{text}");
        }
        assert_eq!(one(r#"{"id":7}"#).unwrap_err(), Wrong::NoMessage(id("7")));
    }

    #[test]
    fn pretty_json_becomes_one_line_and_its_strings_stay() {
        let message = one("\u{feff} {\r\n \"id\": 1,\n\"result\": \"a\\nb\"}\n").unwrap();
        let text = String::from_utf8(message.raw.to_vec()).unwrap();
        assert!(!text.contains(['\n', '\r']) && text.contains(r#""a\nb""#), "{text}");
    }

    #[test]
    fn a_batch_is_its_messages() {
        let Incoming::Batch(parts) =
            read(&Bytes::from_static(br#"[{"id":1,"method":"a"},{"method":"b"},3]"#))
        else {
            panic!("no batch")
        };
        assert_eq!(parts.len(), 3);
        assert_eq!(&parts[1].as_ref().unwrap().raw[..], br#"{"method":"b"}"#);
        assert!(parts[2].is_err());
    }

    #[test]
    fn a_message_under_another_id_keeps_everything_else() {
        let message = one(r#"{"jsonrpc":"2.0","id":1,"method":"a\"b","params":{"x": 1.50}}"#).unwrap();
        let text = String::from_utf8(message.under(&Id::own("7")).to_vec()).unwrap();
        assert_eq!(text, r#"{"jsonrpc":"2.0","id":"mcpgw-7","method":"a\"b","params":{"x": 1.50}}"#);
    }
}
