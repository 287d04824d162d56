//! What visitors are told who do not get through: what is wrong and what to do, and nothing about what is
//! behind the edge.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::body::Body;
use super::host::Stranger;
use super::lock::Shown;

/// See the module.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// For the log.
    pub(super) why: &'static str,
    words: Words,
    headers: Vec<(HeaderName, HeaderValue)>,
    about_the_key: bool,
}

#[derive(Debug)]
enum Words {
    None,
    Plain(&'static str),
    Json(String),
}

impl Refusal {
    fn new(status: StatusCode, why: &'static str, words: Words) -> Self {
        Self { status, why, words, headers: vec![], about_the_key: false }
    }

    pub(super) fn not_found(why: &'static str) -> Self {
        let words = "not found (mcpgw shares only the MCP, OAuth and health paths)\n";
        Self::new(StatusCode::NOT_FOUND, why, Words::Plain(words))
    }

    pub(super) fn bad_request(why: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why, Words::Plain("bad request\n"))
    }

    pub(super) fn no_frontend() -> Self {
        let words = Words::Plain("the web frontend does not answer\n");
        Self::new(StatusCode::BAD_GATEWAY, "no frontend listens", words)
    }

    pub(super) fn too_large() -> Self {
        let words = "the body is larger than mcpgw lets through (--max-body)\n";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "a body that is too large", Words::Plain(words))
    }

    pub(super) fn stalled() -> Self {
        let words = Words::Plain("the rest of the body did not come\n");
        Self::new(StatusCode::REQUEST_TIMEOUT, "a body that stopped coming", words)
    }

    /// No key, or a wrong one, is a 403 that says what to send: a 401 would send MCP clients looking for
    /// OAuth. Its shape is JSON-RPC's, which they show.
    pub(super) fn locked(shown: Shown, scheme: &str, host: &HeaderValue, path: &str) -> Self {
        let (why, reason) = match shown {
            Shown::Wrong => ("a wrong key", "key_wrong"),
            Shown::Nothing | Shown::Right => ("no key", "key_missing"),
        };
        let host = host.to_str().unwrap_or_default();
        let message = format!(
            "{why}: this MCP gateway is shared by mcpgw. Send the header `Authorization: Bearer KEY`; a client that can \
             send no header uses the address {scheme}://{host}/k/KEY{path}. Its owner gets KEY from `mcpgw key show`."
        );
        let data =
            json!({"reason": reason, "header": "Authorization: Bearer KEY", "path": format!("/k/KEY{path}")});
        let mut refusal = Self::new(StatusCode::FORBIDDEN, why, explained(&message, &data));
        // Clients in a browser may read it: it holds no secret.
        refusal.headers.push((header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")));
        refusal.about_the_key = true;
        refusal
    }

    /// Was no key shown, or a wrong one?
    pub(super) fn is_about_the_key(&self) -> bool {
        self.about_the_key
    }

    /// The same for an address that tries too much at once.
    pub(super) fn too_many(mut self) -> Self {
        self.status = StatusCode::TOO_MANY_REQUESTS;
        self.headers.push((header::RETRY_AFTER, HeaderValue::from_static("2")));
        self
    }

    /// The two ways in which a web page reaches for what listens on its visitor's machine.
    pub(super) fn stranger(stranger: Stranger) -> Self {
        let (status, why, message) = match stranger {
            Stranger::Host => (
                StatusCode::MISDIRECTED_REQUEST,
                "a Host that is not served",
                "mcpgw does not serve this host (DNS rebinding protection); --allow-host NAME admits another",
            ),
            Stranger::Origin => (
                StatusCode::FORBIDDEN,
                "a foreign page on this machine",
                "mcpgw does not serve pages of other sites on this machine (DNS rebinding protection)",
            ),
        };
        Self::new(status, why, explained(message, &json!({"reason": "rebinding"})))
    }

    /// A browser asks before it sends the key, and never sends the key with that. The gateway need not hear
    /// of it; whether a page may read the answer is still the gateway's to say in the answer itself.
    pub(super) fn preflight(asked: &HeaderMap) -> Option<Self> {
        let origin = asked.get(header::ORIGIN)?.clone();
        let method = asked.get(header::ACCESS_CONTROL_REQUEST_METHOD)?.clone();
        let mut answer = Self::new(StatusCode::NO_CONTENT, "a preflight, answered here", Words::None);
        answer.headers = vec![
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin),
            (header::ACCESS_CONTROL_ALLOW_METHODS, method),
            (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
            (header::VARY, HeaderValue::from_static("origin")),
        ];
        let names = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        answer.headers.extend(names.map(|names| (header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone())));
        Some(answer)
    }

    pub(super) fn response(self) -> Response<Body> {
        let (words, kind) = match self.words {
            Words::None => (Body::words(""), None),
            Words::Plain(text) => (Body::words(text), Some("text/plain; charset=utf-8")),
            Words::Json(text) => (Body::words(text), Some("application/json")),
        };
        let mut response = Response::new(words);
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        response
    }
}

fn explained(message: &str, data: &Value) -> Words {
    let error = json!({"code": -32001, "message": message, "data": data});
    Words::Json(json!({"jsonrpc": "2.0", "id": null, "error": error}).to_string())
}
