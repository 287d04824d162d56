//! The random path by which the edge recognises itself: asked through the public URL, only this very
//! process can give the answer. Not somebody else's sub-domain, not an interstitial, not a corpse. Below
//! it the edge tells what the way to it does to event streams, to headers and to WebSockets.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use subtle::ConstantTimeEq;

use super::body::Body;
use super::lock::Lock;
use super::upgrade::Switch;
use crate::error::Result;
use crate::file::{self, Privacy};
use crate::state::random_hex;
use crate::web;

/// A secret path and the secret answer to it; both new for every session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Where to ask.
    pub path: String,
    /// Where an event stream is to be had whose first event comes at once and whose end comes later.
    pub stream: String,
    /// Where the edge tells as JSON which Host and forwarding headers arrived: `{"host", "x-forwarded-proto"}`.
    pub seen: String,
    /// Where it is told that its key was replaced: once it answers, the one before opens nothing. Empty in sessions of
    /// versions that look only by themselves.
    #[serde(default)]
    pub key: String,
    /// Where a WebSocket is to be had that answers whatever comes with one text frame that holds the answer.
    pub socket: String,
    /// What only we can answer.
    pub answer: String,
}

/// The key that a visitor of [`Probe::socket`] sends, and what a server must make of it (RFC 6455 section
/// 1.3): always this one, so that nobody needs to compute it.
pub const SOCKET_KEY: (&str, &str) = ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

/// The header by which the session's own user asks what a visitor would: its value is [`Probe::answer`]. What is
/// asked so is in no log of requests, and the gateway never sees the header.
pub const OWN: &str = "mcpgw-own";
const OWN_NAME: HeaderName = HeaderName::from_static(OWN);

const FILE: &str = "probe.json";

impl Probe {
    /// 128 random bits each.
    pub fn random() -> Result<Self> {
        let path = format!("/.well-known/mcpgw-probe/{}", random_hex(16)?);
        let [stream, seen, socket, key] =
            ["stream", "seen", "socket", "key"].map(|name| format!("{path}/{name}"));
        Ok(Self { stream, seen, socket, key, path, answer: random_hex(16)? })
    }

    /// Keeps it beside the session's logs, for the user's other commands alone.
    pub fn keep(&self, logs: &Path) {
        let text = serde_json::to_vec(self).unwrap_or_default();
        // Only a look from outside needs it; a session does not end because the disk is full.
        let _ = file::replace(&logs.join(FILE), &text, Privacy::Private);
    }

    /// The one that the session with these logs keeps.
    pub fn kept(logs: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(logs.join(FILE)).ok()?).ok()
    }

    /// Does the session's own user ask? Takes the header that says so away.
    pub(super) fn takes_mark(&self, headers: &mut HeaderMap) -> bool {
        let shown = headers.remove(OWN_NAME);
        shown.is_some_and(|shown| shown.as_bytes().ct_eq(self.answer.as_bytes()).into())
    }

    /// Tells the session with this edge port on this machine that its key was replaced. False where it cannot be
    /// told: then it finds out by itself, a second after it goes on at the latest.
    pub async fn tell_of_key(&self, scheme: &str, port: u16) -> bool {
        const LIMIT: Duration = Duration::from_secs(2);
        let (Ok(client), false) = (web::local(), self.key.is_empty()) else { return false };
        let place = format!("{scheme}://127.0.0.1:{port}{}", self.key);
        match client.get(place).timeout(LIMIT).send().await {
            Ok(answer) => answer.text().await.is_ok_and(|said| said == self.answer),
            Err(_) => false,
        }
    }

    /// The answer, if this request is for us.
    pub(super) fn answer<B>(&self, request: &Request<B>, lock: &Lock) -> Option<Response<Body>> {
        let path = request.uri().path();
        if !path.starts_with(&self.path) {
            return None;
        }
        match path {
            _ if path == self.path => Some(Response::new(Body::words(self.answer.clone()))),
            _ if path == self.stream => Some(self.slow_stream()),
            _ if path == self.seen => Some(seen(request)),
            _ if path == self.key => {
                lock.look_anew();
                Some(Response::new(Body::words(self.answer.clone())))
            }
            _ if path == self.socket => Some(self.web_socket(request)),
            _ => None,
        }
    }

    fn slow_stream(&self) -> Response<Body> {
        let mut response = Response::new(Body::slow(format!("data: {}\n\n", self.answer)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }

    fn web_socket<B>(&self, request: &Request<B>) -> Response<Body> {
        let asked = |name, value: &str| {
            request.headers().get(name).is_some_and(|it| it.as_bytes() == value.as_bytes())
        };
        if !asked(header::UPGRADE, "websocket") || !asked(header::SEC_WEBSOCKET_KEY, SOCKET_KEY.0) {
            let mut response = Response::new(Body::words("this is for WebSockets\n"));
            *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
            return response;
        }
        let mut response = Response::new(Body::switched(Switch::Probe(self.answer.clone())));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static(SOCKET_KEY.1));
        response
    }
}

fn seen<B>(request: &Request<B>) -> Response<Body> {
    let names = ["host", "x-forwarded-proto"];
    let told = names.into_iter().filter_map(|name| {
        Some((name.to_string(), json!(String::from_utf8_lossy(request.headers().get(name)?.as_bytes()))))
    });
    let mut response = Response::new(Body::words(json!(told.collect::<Map<_, _>>()).to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
