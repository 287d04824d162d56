//! The bridge's side of HTTP: one client an address, its own headers, redirects that keep the method, and
//! bodies that come piece by piece. Talks; decides nothing about calls.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
    USER_AGENT,
};
use reqwest::{Client, Method, Response, StatusCode};
use url::Url;

use super::target::{Address, shown};
use super::verdict::Failure;
use crate::state::Key;
use crate::web;

/// The largest message, in bytes.
pub(super) const LARGEST: usize = 512 << 20;

/// One address and the way there.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) address: Address,
    pub(super) key: Option<Key>,
    client: Client,
    /// What the user wants every request to carry, and the key.
    own: HeaderMap,
    /// Where a permanent redirect led.
    url: RefCell<Url>,
}

impl Wire {
    pub(super) fn new(address: Address, key: Option<Key>, headers: &HeaderMap) -> Result<Self, String> {
        let ca = match &address.ca_file {
            None => None,
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                format!("{} cannot be read: {}", path.display(), crate::error::io_reason(&error))
            })?),
        };
        let client = web::lasting(&address.url, ca.as_deref(), Arc::new(web::Names::new(None)));
        let client = client.map_err(|error| error.message)?;
        let mut own = HeaderMap::new();
        if let Some(key) = &key
            && let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", key.reveal()))
        {
            bearer.set_sensitive(true);
            own.insert(AUTHORIZATION, bearer);
        }
        for name in headers.keys() {
            own.remove(name);
            for value in headers.get_all(name) {
                own.append(name, value.clone());
            }
        }
        Ok(Self { url: RefCell::new(address.url.clone()), address, key, client, own })
    }

    /// The address, for people.
    pub(super) fn shown(&self) -> String {
        shown(&self.address.url)
    }

    /// A POST of one message.
    pub(super) async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<Answer, Failure> {
        self.send(Method::POST, None, headers, Some(body)).await
    }

    /// A POST to another path of the same server.
    pub(super) async fn post_to(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Failure> {
        self.send(Method::POST, Some(url), headers, Some(body)).await
    }

    /// A GET for an event stream.
    pub(super) async fn listen(&self, headers: HeaderMap) -> Result<Answer, Failure> {
        self.send(Method::GET, None, headers, None).await
    }

    /// A DELETE of a session.
    pub(super) async fn delete(&self, headers: HeaderMap) -> Result<Answer, Failure> {
        self.send(Method::DELETE, None, headers, None).await
    }

    /// `address`, or where the gateway says a path of its own is.
    pub(super) fn join(&self, path: &str) -> Option<Url> {
        let base = self.url.borrow();
        let url = base.join(path).ok()?;
        (url.origin() == base.origin()).then_some(url)
    }

    async fn send(
        &self,
        method: Method,
        url: Option<&Url>,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Answer, Failure> {
        const MOST_REDIRECTS: usize = 5;
        let mut url = url.cloned().unwrap_or_else(|| self.url.borrow().clone());
        for _ in 0..MOST_REDIRECTS {
            let response = self.send_once(method.clone(), &url, headers.clone(), body.clone()).await?;
            let Some(next) = redirect(&response) else { return Answer::of(response, url) };
            if matches!(response.status(), StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT)
                && *self.url.borrow() == url
            {
                self.url.replace(next.clone());
            }
            url = next;
        }
        Err(Failure::NotTaken(format!("{} redirects in a circle", self.shown())))
    }

    async fn send_once(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Result<Response, Failure> {
        let accept =
            if method == Method::GET { "text/event-stream" } else { "application/json, text/event-stream" };
        let mut request = self
            .client
            .request(method, url.clone())
            .header(ACCEPT, accept)
            // Compression holds events back on their way.
            .header(ACCEPT_ENCODING, "identity")
            .header(USER_AGENT, concat!("mcpgw/", env!("CARGO_PKG_VERSION")));
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        request = request.headers(headers);
        // What is meant for this server alone is not told to another.
        if url.origin() == self.address.url.origin() || is_upgrade(&self.address.url, url) {
            request = request.headers(self.own.clone());
        }
        request.send().await.map_err(|error| failure(&error))
    }
}

/// The same name, now over HTTPS.
fn is_upgrade(from: &Url, to: &Url) -> bool {
    from.scheme() == "http" && to.scheme() == "https" && from.host_str() == to.host_str()
}

fn redirect(response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    response.url().join(location).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Did anything of the request leave? hyper gives back what it never began to write.
fn failure(error: &reqwest::Error) -> Failure {
    let why = web::reason(error);
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) {
            return Failure::NotTaken(why);
        }
        cause = error.source();
    }
    match error.is_connect() || error.is_builder() {
        true => Failure::NotTaken(why),
        false => Failure::AnswerLost(why),
    }
}

/// An answer whose body has not been read.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) url: Url,
    body: Response,
    gunzip: Option<MultiGzDecoder<Vec<u8>>>,
}

impl Answer {
    fn of(body: Response, url: Url) -> Result<Self, Failure> {
        let headers = body.headers().clone();
        let encoding = headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
        let gunzip = match encoding.as_deref() {
            None | Some(b"identity" | b"") => None,
            // Unasked, and yet sent by some.
            Some(b"gzip" | b"x-gzip") => Some(MultiGzDecoder::new(vec![])),
            Some(_) => return Err(Failure::AnswerLost("it is in an encoding that was not asked for".into())),
        };
        Ok(Self { status: body.status().as_u16(), headers, url, body, gunzip })
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn is_event_stream(&self) -> bool {
        self.media_type().eq_ignore_ascii_case("text/event-stream")
    }

    /// `application/json`, without parameters.
    pub(super) fn media_type(&self) -> &str {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    /// The next piece of the body; `None` at its end, an error where it is cut off.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, String> {
        loop {
            let piece = self.body.chunk().await.map_err(|error| web::reason(&error))?;
            let Some(gunzip) = &mut self.gunzip else { return Ok(piece) };
            let Some(piece) = piece else { return Ok(None) };
            let failed = |error: std::io::Error| crate::error::io_reason(&error);
            gunzip.write_all(&piece).and_then(|()| gunzip.flush()).map_err(failed)?;
            let plain = std::mem::take(gunzip.get_mut());
            if !plain.is_empty() {
                return Ok(Some(plain.into()));
            }
        }
    }

    /// The whole body.
    pub(super) async fn whole(&mut self) -> Result<Bytes, String> {
        let Some(first) = self.piece().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.piece().await? else { return Ok(first) };
        let mut body = Vec::with_capacity(self.expected(first.len() + second.len()));
        body.extend_from_slice(&first);
        body.extend_from_slice(&second);
        while let Some(piece) = self.piece().await? {
            body.extend_from_slice(&piece);
            if body.len() > LARGEST {
                return Err(format!("it is larger than {} MiB", LARGEST >> 20));
            }
        }
        Ok(body.into())
    }

    fn expected(&self, least: usize) -> usize {
        const BELIEVED: u64 = 64 << 20;
        let length = self.body.content_length().unwrap_or_default().min(BELIEVED);
        usize::try_from(length).unwrap_or_default().max(least)
    }

    /// The beginning of a body that only says what went wrong.
    pub(super) async fn excerpt(&mut self) -> Bytes {
        const LIMIT: usize = 64 << 10;
        let mut body = vec![];
        while body.len() < LIMIT
            && let Ok(Some(piece)) = self.piece().await
        {
            body.extend_from_slice(&piece);
        }
        body.into()
    }
}
