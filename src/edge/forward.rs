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

use super::body::{Body, RequestBody};
use super::guard;
use super::headers::{self, Visit};
use super::upstream::NoAnswer;
use super::{Shared, Verdict};

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
    let (response, remark) = match admit(&shared, &request) {
        Ok(admitted) => (pass(&shared, address, request, admitted).await, String::new()),
        Err(refusal) => (refusal.response(), format!(" refused: {}", refusal.why)),
    };
    shared.log(&format!("{asked} {} {} ms{remark}", response.status().as_u16(), began.elapsed().as_millis()));
    response
}

/// What the guard found out about a request.
struct Admitted {
    host: HeaderValue,
    uri: Uri,
}

struct Refusal {
    status: StatusCode,
    why: &'static str,
}

impl Refusal {
    fn response(&self) -> Response<Body> {
        let text = match self.status {
            StatusCode::NOT_FOUND => "not found (mcpgw shares only the MCP, OAuth and health paths)\n",
            _ => "bad request\n",
        };
        say(self.status, text)
    }
}

fn admit(shared: &Shared, request: &Request<RequestBody>) -> Result<Admitted, Refusal> {
    let refuse = |status, why| Refusal { status, why };
    let uri = request.uri();
    let path = if request.method() == Method::CONNECT { "" } else { uri.path() };
    let verdict = shared.allow.lock().map_or(Verdict::Refuse("lock"), |allow| allow.judge(path));
    let path = match verdict {
        Verdict::Pass => path.to_string(),
        Verdict::PassAs(path) => path,
        Verdict::Refuse(why) => return Err(refuse(StatusCode::NOT_FOUND, why)),
    };
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
    let host = host.ok_or(refuse(StatusCode::BAD_REQUEST, "no single Host"))?;
    if !guard::names_a_host(host.as_bytes()) {
        return Err(refuse(StatusCode::BAD_REQUEST, "a Host that is none"));
    }
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let uri = PathAndQuery::try_from(target).map(Uri::from);
    uri.map(|uri| Admitted { host, uri }).map_err(|_| refuse(StatusCode::BAD_REQUEST, "not a path"))
}

async fn pass(
    shared: &Shared,
    address: IpAddr,
    mut request: Request<RequestBody>,
    admitted: Admitted,
) -> Response<Body> {
    let under_way = match endless(&request) {
        true => None,
        false => shared.in_flight.lock().ok().and_then(|sender| sender.clone()),
    };
    let protocol = headers::strip_hop_by_hop(request.headers_mut());
    let visitor = protocol.is_some().then(|| hyper::upgrade::on(&mut request));
    if let Some(protocol) = protocol {
        headers::restore_upgrade(request.headers_mut(), protocol);
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
        let visit = Visit { host: &admitted.host, scheme, address };
        headers::forwarded(request.headers_mut(), visit, &target.host);
    };
    let mut response = match shared.upstream.send(request, prepare).await {
        Ok(response) => response,
        Err(NoAnswer::Away) => {
            let mut response =
                say(StatusCode::SERVICE_UNAVAILABLE, "the gateway is away, please try again\n");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            return response;
        }
        Err(NoAnswer::Broken) => return say(StatusCode::BAD_GATEWAY, "the gateway broke off\n"),
    };
    let switched = headers::strip_hop_by_hop(response.headers_mut());
    match (response.status(), visitor, switched) {
        (StatusCode::SWITCHING_PROTOCOLS, Some(visitor), Some(protocol)) => {
            tokio::spawn(join(visitor, hyper::upgrade::on(&mut response)));
            headers::restore_upgrade(response.headers_mut(), protocol);
        }
        (StatusCode::SWITCHING_PROTOCOLS, ..) => {
            return say(StatusCode::BAD_GATEWAY, "the gateway switched protocols unasked\n");
        }
        _ => {}
    }
    response.map(|body| Body::stream(body, under_way))
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

/// A path for the log: never longer than a line should be. Queries may hold tokens and stay out of it.
fn shown(path: &str) -> String {
    const LIMIT: usize = 200;
    path.chars().filter(|char| !char.is_control()).take(LIMIT).collect()
}
