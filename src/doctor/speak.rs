//! A word of MCP with whoever is at an address: what they make of it. Sends nothing but questions, and closes the
//! session that one of them opened.

use std::time::Duration;

use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::program::short;
use crate::web;

/// What somebody made of MCP's first words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spoken {
    /// It speaks MCP; who it is and which protocol.
    Mcp(String),
    /// It wants OAuth, and says where (RFC 9728).
    OAuth,
    /// It understood and refused.
    Refused(String),
    /// A status that is no success, and how the body begins.
    Status(u16, String),
    /// A success that is no MCP, and how the body begins.
    Other(String),
    /// No answer, and why.
    Nothing(String),
}

/// `initialize` as of 2025-11-25; where that is refused, a question of 2026-07-28, which knows neither
/// initialize nor sessions.
pub(super) async fn speak(client: &Client, place: &str, headers: HeaderMap, limit: Duration) -> Spoken {
    let hello = web::initialize(WHO);
    let first = exchange(client, place, &headers, "2025-11-25", &hello, limit).await;
    let refused = match &first {
        Spoken::Refused(_) | Spoken::Status(400, _) => true,
        _ => return first,
    };
    let question = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": WHO, "version": env!("CARGO_PKG_VERSION")},
        "io.modelcontextprotocol/clientCapabilities": {}}}});
    let mut headers = headers;
    headers.insert("mcp-method", HeaderValue::from_static("server/discover"));
    match exchange(client, place, &headers, "2026-07-28", &question, limit).await {
        Spoken::Mcp(who) if refused => Spoken::Mcp(who),
        _ => first,
    }
}

const WHO: &str = "mcpgw-doctor";

async fn exchange(
    client: &Client,
    place: &str,
    headers: &HeaderMap,
    version: &'static str,
    message: &Value,
    limit: Duration,
) -> Spoken {
    let request = client.post(place).headers(headers.clone()).json(message);
    let request = request
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", version)
        .header("user-agent", concat!("mcpgw/", env!("CARGO_PKG_VERSION")));
    let talk = async {
        let mut answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Spoken::Nothing(web::reason(&error)),
        };
        let status = answer.status().as_u16();
        if status == 401
            && answer
                .headers()
                .get("www-authenticate")
                .is_some_and(|it| it.as_bytes().to_ascii_lowercase().starts_with(b"bearer"))
        {
            return Spoken::OAuth;
        }
        let session = answer.headers().get("mcp-session-id").cloned();
        let (mut body, mut said) = (vec![], None);
        const ENOUGH: usize = 256 << 10;
        while said.is_none() && body.len() < ENOUGH {
            match answer.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(ENOUGH)]),
                _ => break,
            }
            said = message_in(&body);
        }
        drop(answer);
        if let Some(session) = session {
            // What was opened is closed again.
            let end = client.delete(place).headers(headers.clone()).header("mcp-session-id", session);
            let _ = end.timeout(Duration::from_secs(1)).send().await;
        }
        judge(status, said, &body)
    };
    tokio::time::timeout(limit, talk)
        .await
        .unwrap_or_else(|_| Spoken::Nothing(format!("no answer within {limit:?}")))
}

/// What was said, if anything, as the end of a sentence.
pub(super) fn tail(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

fn judge(status: u16, said: Option<Value>, body: &[u8]) -> Spoken {
    const LONGEST: usize = 120;
    let words = String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" ");
    let beginning = short(&words, LONGEST);
    match said {
        Some(message) if message["result"].is_object() => {
            let result = &message["result"];
            let text = |value: &Value| value.as_str().map(|text| short(text, LONGEST / 2));
            let name = text(&result["serverInfo"]["name"]).unwrap_or("an MCP server".into());
            let version = text(&result["serverInfo"]["version"]).map_or(String::new(), |it| format!(" {it}"));
            let protocol = text(&result["protocolVersion"]).unwrap_or("2026-07-28".into());
            Spoken::Mcp(format!("{name}{version}, protocol {protocol}"))
        }
        Some(message) if message["error"].is_object() && (200..500).contains(&status) => {
            let why = message["error"]["message"].as_str().unwrap_or("an error without words");
            match status {
                404 | 403 | 421 => Spoken::Status(status, short(why, LONGEST)),
                _ => Spoken::Refused(short(why, LONGEST)),
            }
        }
        _ if (200..300).contains(&status) => Spoken::Other(beginning),
        _ => Spoken::Status(status, beginning),
    }
}

/// The JSON-RPC message in a body that may still grow: JSON, or the first event of a stream that holds one.
fn message_in(body: &[u8]) -> Option<Value> {
    let is_message = |value: &Value| {
        value["jsonrpc"] == "2.0" && (value.get("result").is_some() || value.get("error").is_some())
    };
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        return Some(value).filter(is_message);
    }
    let text = String::from_utf8_lossy(body);
    // Only events that are complete: each ends with an empty line.
    let text = text.replace("\r\n", "\n");
    let whole = text.rfind("\n\n").map(|end| &text[..end])?;
    whole
        .split("\n\n")
        .filter_map(|event| {
            let data =
                event.lines().filter_map(|line| line.strip_prefix("data:")).collect::<Vec<_>>().join("\n");
            serde_json::from_str::<Value>(data.trim()).ok()
        })
        .find(is_message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_in_json_and_in_a_stream_that_is_still_open() {
        let whole = br#"{"jsonrpc":"2.0","id":1,"result":{"serverInfo":{"name":"x","version":"1"},"protocolVersion":"2025-06-18"}}"#;
        let message = message_in(whole).unwrap();
        assert_eq!(judge(200, Some(message), whole), Spoken::Mcp("x 1, protocol 2025-06-18".into()));
        let stream = b": hello\r\n\r\nevent: message\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\r\n\r\ndata: {";
        assert!(message_in(stream).is_some());
        assert!(message_in(b"event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1").is_none());
    }

    #[test]
    fn what_is_no_mcp_is_told_from_a_refusal() {
        assert_eq!(judge(200, None, b"<html> hi"), Spoken::Other("<html> hi".into()));
        assert_eq!(judge(404, None, b""), Spoken::Status(404, String::new()));
        let error = json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "no"}});
        assert_eq!(judge(200, Some(error), b""), Spoken::Refused("no".into()));
    }
}
