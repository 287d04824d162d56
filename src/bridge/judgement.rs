//! What an HTTP answer that is no success says about the call. Pure.

use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::Value;

use super::message::{self, Id, Incoming, Kind, Message, Part};
use super::modern;
use super::verdict::{Failure, LOST, OTHER_PATH, Refusal};
use crate::edge::UNTOUCHED;

/// What the call's own side knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent<'a> {
    /// In a session that began with `initialize`.
    pub(super) in_session: bool,
    /// Address, for people.
    pub(super) to: &'a str,
}

/// An answer for the client, or how the exchange failed.
pub(super) fn of(status: u16, headers: &HeaderMap, body: &Bytes, sent: Sent<'_>) -> Result<Message, Failure> {
    let answer = error_of(body);
    let code = answer.as_ref().map(|answer| answer.value(Part::Error)["code"].as_i64().unwrap_or_default());
    let text = String::from_utf8_lossy(body);
    let forgotten = sent.in_session && speaks_of_a_lost_session(&text);
    match (status, code) {
        (400, Some(modern::HEADER_MISMATCH)) if !sent.in_session => return Err(Failure::ParamsUnknown),
        // MCP 2025-11-25, Session Management: 404 it is; 400 is what older SDKs say.
        (404 | 410, code) if sent.in_session && code != Some(-32601) => return Err(Failure::SessionGone),
        (400, _) if forgotten => return Err(Failure::SessionGone),
        (401 | 403, None) => return Err(Failure::Refused(unwelcome(status, headers, &text, sent.to))),
        // In the server's own words; the bridge first looks whether the key has changed.
        (403, Some(code)) => {
            let said = answer.as_ref().map(|answer| answer.value(Part::Error)["message"].clone());
            let message = said.as_ref().and_then(Value::as_str).unwrap_or("it refuses").to_string();
            return Err(Failure::Refused(Refusal { code, name: "bridge.unwelcome", message, fix: None }));
        }
        (401, Some(_)) => return Err(Failure::Refused(unwelcome(status, headers, "", sent.to))),
        _ => {}
    }
    if let Some(answer) = answer {
        return Ok(answer);
    }
    let why = format!("HTTP {status}{}", excerpt(&text));
    Err(match status {
        503 if headers.contains_key(UNTOUCHED) => Failure::NotTaken("the gateway is away".into()),
        // Both say that nothing was done (RFC 6585 section 4, RFC 9110 section 15.6.4), and when to come again.
        429 => Failure::NotTaken(why),
        503 if headers.contains_key(RETRY_AFTER) => Failure::NotTaken(why),
        // What stands between may have given up on a gateway that was still at work.
        502..=504 => Failure::AnswerLost(why),
        _ => Failure::Refused(Refusal {
            code: LOST,
            name: "bridge.http",
            message: format!("{} answered {why}", sent.to),
            fix: (status == 404).then(|| OTHER_PATH.into()),
        }),
    })
}

/// The JSON-RPC error in a body.
pub(super) fn error_of(body: &Bytes) -> Option<Message> {
    let error = |message: &Message| matches!(message.kind, Kind::Response { failed: true, .. });
    match message::read(body) {
        Incoming::One(message) => message.ok().filter(error),
        Incoming::Batch(parts) => parts.into_iter().flatten().find(error),
    }
}

/// `Bad Request: No valid session ID provided`, `Session not found`, `Server not initialized`.
fn speaks_of_a_lost_session(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("session") || text.contains("not initialized")
}

/// 401 and 403: who asks for what, and what helps. The flow of OAuth itself has no place here yet: it would
/// begin where `resource_metadata` is known (MCP 2025-11-25, Authorization).
fn unwelcome(status: u16, headers: &HeaderMap, text: &str, to: &str) -> Refusal {
    let challenges = headers.get_all(WWW_AUTHENTICATE).into_iter().filter_map(|value| value.to_str().ok());
    let challenge = challenges.collect::<Vec<_>>().join(", ");
    let oauth = challenge.contains("resource_metadata");
    let message = match oauth {
        true => format!("{to} wants its visitors to log in (OAuth), which the bridge cannot do"),
        false => format!("{to} refuses visitors without the right key (HTTP {status}){}", excerpt(text)),
    };
    let fix = match oauth {
        true => {
            "use a client that speaks OAuth, with the address that `mcpgw url --mcp` prints, or give the \
                bridge a token: --header 'Authorization: Bearer ${TOKEN}'"
        }
        false => "give the bridge the key: --header 'Authorization: Bearer ${KEY}'",
    };
    let name = if oauth { "bridge.oauth" } else { "bridge.unwelcome" };
    Refusal { code: LOST, name, message, fix: Some(fix.into()) }
}

/// The beginning of what was said, where it is text for people.
fn excerpt(text: &str) -> String {
    const LIMIT: usize = 200;
    let text = text.trim();
    if text.is_empty() || text.starts_with('<') {
        return String::new();
    }
    let clean = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    format!(": {}", clean.take(LIMIT).collect::<String>())
}

/// The same answer for the call that it belongs to: servers that could not read a request, or did not want to,
/// answer it without its id or with one of their own.
pub(super) fn addressed(answer: &Message, id: &Id) -> Bytes {
    match &answer.kind {
        Kind::Response { id: its, .. } if its == id => answer.raw.clone(),
        _ => answer.under(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(status: u16, body: &str, in_session: bool) -> Result<String, Failure> {
        let sent = Sent { in_session, to: "http://x" };
        let answer = of(status, &HeaderMap::new(), &Bytes::copy_from_slice(body.as_bytes()), sent);
        answer.map(|answer| String::from_utf8(answer.raw.to_vec()).unwrap())
    }

    #[test]
    fn a_forgotten_session_is_known_by_404_and_by_what_a_400_says() {
        let no_session = r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}"#;
        for (status, body) in [(404, ""), (404, "Session not found"), (410, ""), (400, no_session)] {
            assert_eq!(judge(status, body, true), Err(Failure::SessionGone), "{status} {body}");
            assert_ne!(judge(status, body, false), Err(Failure::SessionGone), "{status} {body}");
        }
        let unknown = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}"#;
        assert!(judge(404, unknown, true).is_ok(), "a method that does not exist is no lost session");
    }

    #[test]
    fn an_error_in_the_body_is_the_answer_and_other_bodies_are_quoted() {
        let error = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"bad"}}"#;
        let Err(Failure::Refused(refusal)) = judge(403, error, true) else { panic!() };
        assert_eq!((refusal.code, refusal.words().as_str()), (-32602, "bad"));
        assert_eq!(judge(400, error, true).as_deref(), Ok(error));
        assert_eq!(judge(500, error, true).as_deref(), Ok(error));
        let Err(Failure::Refused(refusal)) = judge(418, "a tea\npot", true) else { panic!() };
        assert!(refusal.message.ends_with("answered HTTP 418: a tea pot"), "{refusal:?}");
    }

    #[test]
    fn a_503_means_that_nothing_was_done_only_where_it_says_when_to_come_again() {
        assert!(matches!(judge(503, "", true), Err(Failure::AnswerLost(_))));
        assert!(matches!(judge(502, "<html>", true), Err(Failure::AnswerLost(_))));
        assert!(matches!(judge(429, "", true), Err(Failure::NotTaken(_))));
        assert!(matches!(judge(500, "oops", true), Err(Failure::Refused(_))), "that is an answer");
        for name in [UNTOUCHED, "retry-after"] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), "1".parse().unwrap())]);
            let sent = Sent { in_session: true, to: "http://x" };
            assert!(matches!(of(503, &headers, &Bytes::new(), sent), Err(Failure::NotTaken(_))), "{name}");
        }
    }

    #[test]
    fn oauth_is_recognised_and_the_way_out_is_told() {
        let challenge = r#"Bearer resource_metadata="https://x/.well-known/oauth-protected-resource""#;
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, challenge.parse().unwrap())]);
        let body = Bytes::from_static(
            br#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"Unauthorized"},"id":null}"#,
        );
        let sent = Sent { in_session: false, to: "http://x" };
        let Err(Failure::Refused(refusal)) = of(401, &headers, &body, sent) else { panic!() };
        assert_eq!(refusal.name, "bridge.oauth");
        assert!(refusal.words().contains("--header"), "{refusal:?}");
        let Err(Failure::Refused(refusal)) = of(403, &HeaderMap::new(), &Bytes::from("no key\n"), sent)
        else {
            panic!()
        };
        assert!(refusal.words().contains("no key") && refusal.name == "bridge.unwelcome", "{refusal:?}");
    }
}
