//! One session with a gateway: from its `initialize` until it is forgotten.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::sync::{Notify, watch};
use url::Url;

use super::super::verdict::Failure;
use super::super::wire::{Answer, Wire};

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
pub(super) const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// How the gateway is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Transport {
    /// Streamable HTTP (2025-03-26 and later).
    Streamable,
    /// HTTP+SSE (2024-11-05): messages go to this address, and everything comes back on one stream.
    Old { endpoint: Url },
    /// 2026-07-28 for a client that is older: every request declares this in its `_meta`.
    Modern { meta: Value },
}

/// See the module.
pub(super) struct Session {
    pub(super) epoch: u64,
    pub(super) wire: Rc<Wire>,
    pub(super) transport: Transport,
    pub(super) id: Option<HeaderValue>,
    pub(super) version: Option<HeaderValue>,
    /// `notifications/initialized` has been sent and taken.
    pub(super) greeted: watch::Sender<bool>,
    pub(super) greeting: Cell<bool>,
    /// It is over.
    pub(super) gone: watch::Sender<bool>,
    /// The gateway's own stream is open.
    pub(super) listening: Cell<bool>,
    /// The stream of changes is to be opened with other wishes (2026-07-28).
    pub(super) listening_anew: Notify,
}

impl Session {
    pub(super) fn new(epoch: u64, wire: Rc<Wire>, transport: Transport) -> Self {
        Self {
            epoch,
            wire,
            transport,
            id: None,
            version: None,
            greeted: watch::Sender::new(false),
            greeting: Cell::new(false),
            gone: watch::Sender::new(false),
            listening: Cell::new(false),
            listening_anew: Notify::new(),
        }
    }

    /// What every request of the session carries.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [(SESSION, &self.id), (VERSION, &self.version)] {
            value.iter().for_each(|value| drop(headers.insert(name.clone(), (*value).clone())));
        }
        headers
    }

    pub(super) async fn post(&self, body: Bytes) -> Result<Answer, Failure> {
        match &self.transport {
            Transport::Streamable | Transport::Modern { .. } => self.wire.post(self.headers(), body).await,
            Transport::Old { endpoint } => self.wire.post_to(endpoint, self.headers(), body).await,
        }
    }

    /// A new stream, or one that goes on behind an event.
    pub(super) async fn listen(&self, last_event: Option<&str>) -> Result<Answer, Failure> {
        self.wire.listen(self.headers_after(last_event.unwrap_or_default())).await
    }

    /// Headers for a stream that goes on behind this event, if it is one.
    pub(super) fn headers_after(&self, event: &str) -> HeaderMap {
        let mut headers = self.headers();
        if let Some(id) = HeaderValue::from_str(event).ok().filter(|id| !id.is_empty()) {
            headers.insert(LAST_EVENT, id);
        }
        headers
    }

    /// Tells the gateway that the session is over. It may not care (405).
    pub(super) async fn end(&self) {
        if self.id.is_some() {
            let _ = self.wire.delete(self.headers()).await;
        }
    }

    /// Does the gateway know nothing of it? After an absence it may be another one, and not say so.
    pub(super) fn is_unknown(&self) -> bool {
        self.id.is_none() && (self.version.is_some() || self.is_modern())
    }

    pub(super) fn is_modern(&self) -> bool {
        matches!(self.transport, Transport::Modern { .. })
    }

    pub(super) fn is_gone(&self) -> bool {
        *self.gone.borrow()
    }

    /// Waits until it is over.
    pub(super) async fn over(&self) {
        let _ = self.gone.subscribe().wait_for(|gone| *gone).await;
    }
}
