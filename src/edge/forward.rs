//! One request through the edge: judged, relabelled, sent on, streamed back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::rt::TokioIo;
use serde_json::json;

use super::body::{Body, RequestBody};
use super::headers::{self, Visit};
use super::lock::Shown;
use super::upstream::NoAnswer;
use super::{Shared, guard, lock};

/// Answers one request. Never fails: what goes wrong becomes an answer and a line in the log.
pub(super) async fn answer(
    shared: Arc<Shared>,
    address: IpAddr,
    request: Request<Incoming>,
) -> Response<Body> {
    let mut request = request.map(RequestBody::new);
    if let Some(answer) = shared.probe.answer(&mut request) {
        return answer;
    }
    let began = Instant::now();
    let asked = format!("{} {}", request.method(), shown(request.uri().path()));
    let answered = match admit(&shared, &request) {
        Ok(admitted) => pass(&shared, address, request, admitted).await,
        Err(refusal) => Err(refusal),
    };
    let (response, remark) = match answered {
        Ok(response) => (response, String::new()),
        Err(refusal) => {
            let remark = format!(" refused: {}", refusal.why);
            (refusal.response(), remark)
        }
    };
    shared.log(&format!("{asked} {} {} ms{remark}", response.status().as_u16(), began.elapsed().as_millis()));
    response
}

/// What the guard found out about a request.
struct Admitted {
    host: HeaderValue,
    uri: Uri,
    /// It leads to MCP servers and shows no key: whether that is enough depends on the gateway.
    keyless: bool,
    /// `Authorization` is our key, which is none of the gateway's business.
    ours: bool,
}

struct Refusal {
    status: StatusCode,
    why: &'static str,
    /// What the answer says where that is JSON.
    document: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, why: &'static str) -> Self {
        Self { status, why, document: None }
    }

    /// No key, or a wrong one, is a 403 that says what to send: a 401 would send MCP clients looking for
    /// OAuth. Its shape is JSON-RPC's, which they show.
    fn locked(shown: Shown, host: &HeaderValue, path: &str) -> Self {
        let (why, code) = match shown {
            Shown::Wrong => ("a wrong key", "key_wrong"),
            Shown::Nothing | Shown::Right => ("no key", "key_missing"),
        };
        let host = host.to_str().unwrap_or_default();
        let message = format!(
            "{why}: this MCP gateway is shared by mcpgw. Send the header `Authorization: Bearer KEY`; a client that can \
             send no header uses the address https://{host}/k/KEY{path}. Its owner gets KEY from `mcpgw key show`."
        );
        let data =
            json!({"reason": code, "header": "Authorization: Bearer KEY", "path": format!("/k/KEY{path}")});
        let error = json!({"code": -32001, "message": message, "data": data});
        let document = json!({"jsonrpc": "2.0", "id": null, "error": error}).to_string();
        Self { document: Some(document), ..Self::new(StatusCode::FORBIDDEN, why) }
    }

    fn response(self) -> Response<Body> {
        let text = match (self.document, self.status) {
            (Some(document), status) => return answer_json(status, document),
            (_, StatusCode::NOT_FOUND) => "not found (mcpgw shares only the MCP, OAuth and health paths)\n",
            _ => "bad request\n",
        };
        say(self.status, text)
    }
}

fn answer_json(status: StatusCode, document: String) -> Response<Body> {
    let mut response = Response::new(Body::words(document));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn admit(shared: &Shared, request: &Request<RequestBody>) -> Result<Admitted, Refusal> {
    let refuse = Refusal::new;
    let uri = request.uri();
    // HTTP/2 names the host in the URI; HTTP/1 in one Host header, and two would be read differently.
    let mut hosts = request.headers().get_all(header::HOST).iter();
    // Where both are there they must agree: a tunnel's server chose its tunnel by the header.
    let host = match (uri.authority(), hosts.next(), hosts.next()) {
        (Some(authority), None, None) => HeaderValue::from_str(authority.as_str()).ok(),
        (Some(authority), Some(host), None)
            if !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) =>
        {
            None
        }
        (_, Some(host), None) => Some(host.clone()),
        _ => None,
    };
    let host = host.ok_or(refuse(StatusCode::BAD_REQUEST, "no single Host"));
    let path = if request.method() == Method::CONNECT { "" } else { uri.path() };
    let in_path = shared.lock.try_path(path);
    let path = in_path.as_ref().map_or(path, |(_, path)| path);
    let admission = match shared.allow.lock() {
        Ok(allow) => allow.judge(path).map_err(|why| refuse(StatusCode::NOT_FOUND, why)),
        Err(_) => Err(refuse(StatusCode::NOT_FOUND, "lock")),
    }?;
    let host = host?;
    if !guard::names_a_host(host.as_bytes()) {
        return Err(refuse(StatusCode::BAD_REQUEST, "a Host that is none"));
    }
    let in_header = shared.lock.try_header(request.headers());
    let shown = match (in_path.as_ref().map(|(shown, _)| *shown), in_header) {
        // A wrong key in the path is no path of the gateway's, whatever else is shown.
        (Some(Shown::Wrong), _) => return Err(Refusal::locked(Shown::Wrong, &host, &admission.path)),
        (Some(Shown::Right), _) | (_, Shown::Right) => Shown::Right,
        (_, shown) => shown,
    };
    let keyless = admission.mcp && shown != Shown::Right;
    if keyless && shared.lock.is_shut() {
        return Err(Refusal::locked(shown, &host, &admission.path));
    }
    let target = match uri.query() {
        Some(query) => format!("{}?{query}", admission.path),
        None => admission.path.into_owned(),
    };
    let uri = PathAndQuery::try_from(target).map(Uri::from);
    let uri = uri.map_err(|_| refuse(StatusCode::BAD_REQUEST, "not a path"))?;
    Ok(Admitted { host, uri, keyless, ours: in_header == Shown::Right })
}

async fn pass(
    shared: &Shared,
    address: IpAddr,
    mut request: Request<RequestBody>,
    admitted: Admitted,
) -> Result<Response<Body>, Refusal> {
    let under_way = match endless(&request) {
        true => None,
        false => shared.in_flight.lock().ok().and_then(|sender| sender.clone()),
    };
    let protocol = headers::strip_hop_by_hop(request.headers_mut());
    let visitor = protocol.is_some().then(|| hyper::upgrade::on(&mut request));
    if let Some(protocol) = protocol {
        headers::restore_upgrade(request.headers_mut(), protocol);
    }
    if admitted.ours {
        request.headers_mut().remove(header::AUTHORIZATION);
    }
    *request.uri_mut() = admitted.uri;
    *request.version_mut() = Version::HTTP_11;
    let scheme = shared
        .public
        .lock()
        .ok()
        .and_then(|public| public.as_ref().map(|public| public.scheme))
        .unwrap_or("https");
    let prepare = |request: &mut Request<RequestBody>, target: &super::Target| {
        // The gateway may be another than the one that was asked when this request came.
        if admitted.keyless && shared.lock.asks_for_a_key(target.guarded) {
            return Err(NoAnswer::Locked);
        }
        let visit = Visit { host: &admitted.host, scheme, address };
        headers::forwarded(request.headers_mut(), visit, &target.host);
        Ok(())
    };
    let path = request.uri().path().to_string();
    let mut response = match shared.upstream.send(request, prepare).await {
        Ok(response) => response,
        Err(NoAnswer::Locked) => return Err(Refusal::locked(Shown::Nothing, &admitted.host, &path)),
        Err(NoAnswer::Away) => {
            let mut response =
                say(StatusCode::SERVICE_UNAVAILABLE, "the gateway is away, please try again\n");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response.headers_mut().insert(super::UNTOUCHED, HeaderValue::from_static("1"));
            return Ok(response);
        }
        Err(NoAnswer::Broken) => return Ok(say(StatusCode::BAD_GATEWAY, "the gateway broke off\n")),
    };
    let switched = headers::strip_hop_by_hop(response.headers_mut());
    match (response.status(), visitor, switched) {
        (StatusCode::SWITCHING_PROTOCOLS, Some(visitor), Some(protocol)) => {
            tokio::spawn(join(visitor, hyper::upgrade::on(&mut response)));
            headers::restore_upgrade(response.headers_mut(), protocol);
        }
        (StatusCode::SWITCHING_PROTOCOLS, ..) => {
            return Ok(say(StatusCode::BAD_GATEWAY, "the gateway switched protocols unasked\n"));
        }
        _ => {}
    }
    Ok(response.map(|body| Body::stream(body, under_way)))
}

/// A GET for an event stream has no end to wait for.
fn endless(request: &Request<RequestBody>) -> bool {
    let accepts = request.headers().get_all(header::ACCEPT);
    let events =
        accepts.iter().any(|value| value.as_bytes().windows(17).any(|part| part == b"text/event-stream"));
    *request.method() == Method::GET && events
}

/// After both sides have switched protocols: bytes both ways until one side ends.
async fn join(visitor: OnUpgrade, gateway: OnUpgrade) {
    if let (Ok(visitor), Ok(gateway)) = tokio::join!(visitor, gateway) {
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(visitor), &mut TokioIo::new(gateway)).await;
    }
}

fn say(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::words(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// A path for the log: without a key, and never longer than a line should be. Queries may hold tokens and
/// stay out of it.
fn shown(path: &str) -> String {
    const LIMIT: usize = 200;
    lock::redact(path).chars().filter(|char| !char.is_control()).take(LIMIT).collect()
}
