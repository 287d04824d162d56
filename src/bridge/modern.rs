//! MCP since 2026-07-28: no `initialize`, no session; every request says of itself what it is, in its `_meta`
//! and once more in HTTP headers. Pure.

use std::collections::{BTreeMap, HashMap};

use base64::prelude::{BASE64_STANDARD as STANDARD, Engine};
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::message::{Id, Kind, Message, Part};
use serde_json::value::RawValue;

/// The first version of this kind.
pub(super) const VERSION: &str = "2026-07-28";
pub(super) const VERSION_FIELD: &str = "io.modelcontextprotocol/protocolVersion";

/// `HeaderMismatch`: a header is missing or differs from the body.
pub(super) const HEADER_MISMATCH: i64 = -32020;

/// What is read of a request's `params`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Params {
    name: Option<Value>,
    uri: Option<Value>,
    #[serde(rename = "_meta")]
    meta: HashMap<String, Value>,
    arguments: Option<Box<RawValue>>,
}

impl Params {
    /// Of a request's raw `params`; of anything else, nothing.
    pub(super) fn read(raw: Option<&RawValue>) -> Self {
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// The version that the request declares: with one, it needs no session.
    pub(super) fn version(&self) -> Option<&str> {
        self.meta.get(VERSION_FIELD)?.as_str()
    }

    /// The tool or prompt it names.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_ref()?.as_str()
    }

    /// Its `_meta` as the bridge's own requests on the client's behalf carry it.
    pub(super) fn meta(&self) -> Value {
        let ours = self.meta.iter().filter(|(name, _)| name.starts_with("io.modelcontextprotocol/"));
        ours.map(|(name, value)| (name.clone(), value.clone())).collect::<serde_json::Map<_, _>>().into()
    }
}

/// The tools' parameters that go into headers (`x-mcp-header`), and the tools that may run twice.
#[derive(Debug, Default)]
pub(super) struct Tools(HashMap<String, Tool>);

#[derive(Debug, Default)]
struct Tool {
    /// Where in the arguments, and the header's name.
    headers: Vec<(Vec<String>, HeaderName)>,
    harmless: bool,
}

impl Tools {
    /// Learns from the result of a `tools/list`.
    pub(super) fn learn(&mut self, result: &Value) {
        for tool in result["tools"].as_array().into_iter().flatten() {
            let Some(name) = tool["name"].as_str() else { continue };
            let hint = |name: &str| tool["annotations"][name] == true;
            let mut headers = vec![];
            find_headers(&tool["inputSchema"]["properties"], &mut vec![], &mut headers);
            let harmless = hint("readOnlyHint") || hint("idempotentHint");
            self.0.insert(name.into(), Tool { headers, harmless });
        }
    }

    /// Another gateway has other tools.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Does its description say that running it twice does no harm?
    pub(super) fn is_harmless(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|tool| tool.harmless)
    }
}

/// Only properties that a chain of `properties` leads to (2026-07-28, Streamable HTTP, Schema Extension).
fn find_headers(properties: &Value, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, HeaderName)>) {
    for (name, schema) in properties.as_object().into_iter().flatten() {
        path.push(name.clone());
        let header = schema["x-mcp-header"].as_str().filter(|header| !header.is_empty());
        if let Some(header) = header.and_then(|header| format!("mcp-param-{header}").parse().ok()) {
            found.push((path.clone(), header));
        }
        find_headers(&schema["properties"], path, found);
        path.pop();
    }
}

/// The headers of a request that declares its version.
pub(super) fn headers(method: &str, version: &str, params: &Params, tools: &Tools) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(&encoded(value)) {
            headers.insert(name, value);
        }
    };
    add(HeaderName::from_static("mcp-protocol-version"), version);
    add(HeaderName::from_static("mcp-method"), method);
    let named = match method {
        "tools/call" | "prompts/get" => params.name.as_ref(),
        "resources/read" => params.uri.as_ref(),
        _ => None,
    };
    if let Some(name) = named.and_then(Value::as_str) {
        add(HeaderName::from_static("mcp-name"), name);
    }
    let tool = params.name().filter(|_| method == "tools/call").and_then(|name| tools.0.get(name));
    if let Some(tool) = tool.filter(|tool| !tool.headers.is_empty())
        && let Some(arguments) = &params.arguments
    {
        let arguments: Value = serde_json::from_str(arguments.get()).unwrap_or_default();
        for (path, header) in &tool.headers {
            match path.iter().fold(&arguments, |value, name| &value[name]) {
                Value::String(text) => add(header.clone(), text),
                Value::Bool(truth) => add(header.clone(), &truth.to_string()),
                Value::Number(number) => add(header.clone(), &number.to_string()),
                Value::Null | Value::Array(_) | Value::Object(_) => {}
            }
        }
    }
    headers
}

/// A request as such a gateway gets it: with what it must declare, and the client's answers to its questions.
pub(super) fn declared(message: &Message, id: &Id, meta: &Value, extra: &BTreeMap<&str, Value>) -> Bytes {
    let params = message.part(Part::Params);
    let params: Option<BTreeMap<String, &RawValue>> =
        params.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let mut params = params.unwrap_or_default();
    let own = params.remove("_meta").and_then(|raw| serde_json::from_str(raw.get()).ok());
    let mut all = own.filter(Value::is_object).unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    for (name, value) in meta.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    let Kind::Request { method, .. } = &message.kind else { return message.raw.clone() };
    let method = Value::from(method.as_str());
    let mut text =
        format!(r#"{{"jsonrpc":"2.0","id":{},"method":{method},"params":{{"_meta":{all}"#, id.json());
    for (name, value) in extra {
        params.remove(*name);
        text.push_str(&format!(",\"{name}\":{value}"));
    }
    for (name, value) in params {
        text.push_str(&format!(",{}:", Value::from(name)));
        text.push_str(value.get());
    }
    text.push_str("}}");
    text.into()
}

/// A header's value: plain where that is safe, else base64 between the marks of the specification.
fn encoded(value: &str) -> String {
    let plain = value.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
        && value.trim() == value
        && !(value.starts_with("=?base64?") && value.ends_with("?="));
    match plain {
        true => value.into(),
        false => format!("=?base64?{}?=", STANDARD.encode(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn params(value: &Value) -> Params {
        Params::read(Some(&serde_json::value::to_raw_value(value).unwrap()))
    }

    #[test]
    fn a_request_says_in_headers_what_it_is() {
        let mut tools = Tools::default();
        tools.learn(&json!({"tools": [{"name": "sql", "inputSchema": {"properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "deep": {"type": "object", "properties": {"n": {"type": "integer", "x-mcp-header": "N"}}},
            "list": {"type": "array", "items": {"properties": {"x": {"x-mcp-header": "No"}}}},
            "absent": {"type": "string", "x-mcp-header": "Absent"},
            "odd": {"type": "string", "x-mcp-header": "a b"},
        }}}]}));
        let params = params(&json!({"name": "sql", "_meta": {VERSION_FIELD: VERSION},
            "arguments": {"region": "us", "deep": {"n": 42}, "list": [], "odd": "x"}}));
        assert_eq!(params.version(), Some(VERSION));
        let headers = headers("tools/call", VERSION, &params, &tools);
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_string());
        assert_eq!(text("mcp-protocol-version").as_deref(), Some(VERSION));
        assert_eq!(text("mcp-method").as_deref(), Some("tools/call"));
        assert_eq!(text("mcp-name").as_deref(), Some("sql"));
        assert_eq!(text("mcp-param-region").as_deref(), Some("us"));
        assert_eq!(text("mcp-param-n").as_deref(), Some("42"));
        assert_eq!(headers.len(), 5, "{headers:?}");
    }

    /// The examples of the specification.
    #[test]
    fn what_no_header_can_hold_is_encoded() {
        for (value, header) in [
            ("us-west1", "us-west1"),
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            assert_eq!(encoded(value), header);
        }
    }

    #[test]
    fn odd_params_are_no_trouble() {
        for text in ["[1]", "null", "3", r#"{"_meta": 4}"#] {
            let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
            assert_eq!(Params::read(Some(&raw)).version(), None, "{text}");
        }
    }
}
