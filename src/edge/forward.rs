//! One request through the edge: judged, relabelled, sent on, streamed back.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use hyper::body::Body as _;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};

use super::body::{Body, RequestBody};
use super::guard::Admission;
use super::headers::{self, Visit};
use super::host::Stranger;
use super::lock::Shown;
use super::refusal::Refusal;
use super::rpc::Note;
use super::upgrade::Switch;
use super::upstream::NoAnswer;
use super::{Shared, authority, pace};
use crate::web;

/// Answers one request. Never fails: what goes wrong becomes an answer and a line in the log.
pub(super) async fn answer(
    shared: Arc<Shared>,
    address: IpAddr,
    mut request: Request<RequestBody>,
) -> Response<Body> {
    let note = (!request.body().is_end_stream()).then(Arc::<Note>::default);
    if let Some(note) = &note {
        request.body_mut().watch(shared.largest_body, note.clone());
    }
    if let Some(told) = shared.requests.answer(request.uri().path()) {
        return Response::new(Body::words(told));
    }
    if let Some(answer) = shared.probe.answer(&request, &shared.lock) {
        shared.learn_name(request.headers());
        return answer;
    }
    let own = shared.probe.takes_mark(request.headers_mut());
    let path = shown(&shared, request.uri().path());
    let mut ticket = shared.requests.begin(request.method(), path, note.clone()).unlisted(own);
    let told_in = shared.names.lock().ok().and_then(|names| names.told_in());
    let told = told_in.and_then(|name| request.headers().get_all(name).iter().next_back().cloned());
    let answered = match admit(&shared, &request) {
        Ok(admitted) => match pass(&shared, address, request, admitted).await {
            // It turned out on the way that the body cannot pass.
            Ok(response) if response.status() == StatusCode::BAD_GATEWAY => match note.as_deref() {
                Some(note) if note.too_large() => Err(Refusal::too_large()),
                Some(note) if note.stalled() => Err(Refusal::stalled()),
                _ => Ok(response),
            },
            passed => passed,
        },
        Err(refusal) => {
            // Its body is read to the end meanwhile.
            drop(request);
            Err(refusal)
        }
    };
    let (response, remark) = match answered {
        Ok(response) => {
            note.iter().for_each(|note| note.set_answered());
            (response, "")
        }
        Err(refusal) => {
            ticket.refused = Some(refusal.why);
            let visitor = pace::visitor(told.as_ref(), address);
            let refusal = if own { refusal } else { refuse(&shared, refusal, visitor).await };
            (refusal.response(), " refused: ")
        }
    };
    if !own {
        let (status, took) = (response.status().as_u16(), ticket.took().as_millis());
        let why = ticket.refused.unwrap_or_default();
        shared.log(format_args!("{} {} {status} {took} ms{remark}{why}", ticket.method, ticket.path));
    }
    ticket.status = response.status().as_u16();
    response.map(|body| body.counted(ticket))
}

/// Holds back an answer to somebody who tries keys.
async fn refuse(shared: &Shared, refusal: Refusal, visitor: IpAddr) -> Refusal {
    if !refusal.is_about_the_key() {
        return refusal;
    }
    match shared.pace.failed(visitor, Instant::now()) {
        pace::Verdict::AtOnce => refusal,
        pace::Verdict::After(delay, _place) => {
            tokio::time::sleep(delay).await;
            refusal
        }
        pace::Verdict::TooMany => refusal.too_many(),
    }
}

/// What the guard found out about a request.
struct Admitted {
    for_frontend: bool,
    host: HeaderValue,
    uri: Uri,
    /// It came before anybody knew under which name visitors come: to be judged when the gateway is there.
    unknown: bool,
    origin: Option<String>,
    /// It leads to MCP servers and shows no key: whether that is enough depends on the gateway.
    keyless: bool,
    /// It shows the key, which is none of the gateway's business.
    known: bool,
    /// `Authorization` is that key.
    ours: bool,
}

fn admit(shared: &Shared, request: &Request<RequestBody>) -> Result<Admitted, Refusal> {
    let uri = request.uri();
    let headers = request.headers();
    let path = if request.method() == Method::CONNECT { "" } else { uri.path() };
    let in_path = shared.lock.try_path(path);
    let path = in_path.as_ref().map_or(path, |(_, path)| path);
    let (admission, for_frontend) = match shared.allow.lock() {
        Ok(allow) => match allow.judge(path) {
            Ok(admission) => (admission, false),
            // The key's prefix is for the gateway alone.
            Err(_) if shared.frontend.is_some() && in_path.is_none() => {
                let path = allow.judge_for_frontend(path).map_err(Refusal::not_found)?;
                (Admission { path, mcp: false }, true)
            }
            Err(why) => return Err(Refusal::not_found(why)),
        },
        Err(_) => return Err(Refusal::not_found("lock")),
    };
    let host = host_of(request).ok_or_else(|| Refusal::bad_request("no single Host"))?;
    if !authority::names_a_host(host.as_bytes()) {
        return Err(Refusal::bad_request("a Host that is none"));
    }
    let origin = origin_of(headers);
    let unknown = match shared.judge_names(&host, origin.as_deref()) {
        Some(Err(stranger)) => return Err(Refusal::stranger(stranger)),
        known => known.is_none(),
    };
    let in_header = shared.lock.try_header(headers);
    let shown = match (in_path.as_ref().map(|(shown, _)| *shown), in_header) {
        // A wrong key in the path is no path of the gateway's, whatever else is shown.
        (Some(Shown::Wrong), _) if !shared.lock.is_open() => {
            return Err(Refusal::locked(Shown::Wrong, shared.scheme(), &host, &admission.path));
        }
        (Some(Shown::Right), _) | (_, Shown::Right) => Shown::Right,
        (_, shown) => shown,
    };
    let keyless = admission.mcp && shown != Shown::Right;
    if keyless && shared.lock.is_shut() {
        let preflight = (request.method() == Method::OPTIONS).then(|| Refusal::preflight(headers)).flatten();
        return Err(
            preflight.unwrap_or_else(|| Refusal::locked(shown, shared.scheme(), &host, &admission.path))
        );
    }
    if request.body().size_hint().lower() > shared.largest_body {
        return Err(Refusal::too_large());
    }
    let uri = match (&admission.path, uri.path_and_query()) {
        (Cow::Borrowed(path), Some(whole)) if *path == whole.path() => whole.clone().into(),
        (path, whole) => {
            let target = match whole.and_then(PathAndQuery::query) {
                Some(query) => format!("{path}?{query}"),
                None => path.to_string(),
            };
            Uri::try_from(target).map_err(|_| Refusal::bad_request("not a path"))?
        }
    };
    Ok(Admitted {
        for_frontend,
        host,
        uri,
        origin: origin.filter(|_| unknown),
        unknown,
        keyless,
        known: shown == Shown::Right,
        ours: in_header == Shown::Right,
    })
}

/// HTTP/2 names the host in the URI; HTTP/1 in one Host header, and two would be read differently. Where both
/// are there they must agree: a tunnel's server chose its tunnel by the header.
fn host_of(request: &Request<RequestBody>) -> Option<HeaderValue> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (request.uri().authority(), hosts.next(), hosts.next()) {
        (Some(authority), None, None) => HeaderValue::from_str(authority.as_str()).ok(),
        (Some(authority), Some(host), None)
            if !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) =>
        {
            None
        }
        (_, Some(host), None) => Some(host.clone()),
        _ => None,
    }
}

/// The site whose page sent this, if a page did. Browsers name it in `Origin`, and where they leave that out
/// (images, scripts) they say that it is another; following a link there is what callbacks live on.
fn origin_of(headers: &HeaderMap) -> Option<String> {
    const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
    let is =
        |name: HeaderName, value: &str| headers.get(name).is_some_and(|it| it.as_bytes() == value.as_bytes());
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => (is(SITE, "cross-site") && !is(MODE, "navigate")).then(|| "null".into()),
        (Some(origin), None) => Some(String::from_utf8_lossy(origin.as_bytes()).into_owned()),
        (Some(_), Some(_)) => Some("null".into()),
    }
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
    let upstream = match (&shared.frontend, admitted.for_frontend) {
        (Some(frontend), true) => frontend.upstream().await.ok_or_else(Refusal::no_frontend)?,
        _ => &shared.upstream,
    };
    let protocol = headers::strip_hop_by_hop(request.headers_mut());
    let asks_to_switch = protocol.is_some();
    if let Some(protocol) = protocol {
        headers::restore_upgrade(request.headers_mut(), protocol);
    }
    headers::strip_key(request.headers_mut(), admitted.ours);
    let target = admitted.uri.path_and_query().map_or("", PathAndQuery::as_str);
    if admitted.known && shared.lock.takes_key_out(request.headers_mut(), target) {
        return Err(Refusal::bad_request("the key at a wrong place of the address"));
    }
    *request.uri_mut() = admitted.uri;
    *request.version_mut() = Version::HTTP_11;
    let scheme = shared.scheme();
    let prepare = |request: &mut Request<RequestBody>, target: &super::Target| {
        if admitted.unknown && shared.judge_names(&admitted.host, admitted.origin.as_deref()) != Some(Ok(()))
        {
            return Err(NoAnswer::Stranger);
        }
        // The gateway may be another than the one that was there when this request came.
        if admitted.keyless && shared.lock.asks_for_a_key(false) {
            match &target.guard {
                Some(guard) if !shared.lock.asks_for_a_key(true) && guard.stands() => {}
                Some(_) if !shared.lock.asks_for_a_key(true) => return Err(NoAnswer::InDoubt),
                _ => return Err(NoAnswer::Locked),
            }
        }
        let visit = Visit { host: &admitted.host, scheme, address };
        headers::forwarded(request.headers_mut(), visit, &target.host);
        Ok(())
    };
    // Only who shows no key is told about it, or asked for by the path.
    let path = if admitted.keyless { request.uri().path().to_string() } else { String::new() };
    let unasked = admitted.keyless && request.method() != Method::OPTIONS && shared.lock.must_ask_at(&path);
    let sent = match unasked {
        true => match upstream.send(stranger(&request), &prepare).await {
            Ok(answer) if !is_challenge(&answer) => Err(NoAnswer::Locked),
            Ok(_) => {
                shared.lock.saw_refusal_at(&path);
                upstream.send(request, prepare).await
            }
            Err(no_answer) => Err(no_answer),
        },
        false => upstream.send(request, prepare).await,
    };
    let mut response = match sent {
        Ok(response) => response,
        Err(NoAnswer::Stranger) => return Err(Refusal::stranger(Stranger::Host)),
        Err(NoAnswer::Locked) => return Err(Refusal::locked(Shown::Nothing, scheme, &admitted.host, &path)),
        Err(NoAnswer::Away | NoAnswer::InDoubt) => {
            let mut response =
                say(StatusCode::SERVICE_UNAVAILABLE, "the gateway is away, please try again\n");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response.headers_mut().insert(super::UNTOUCHED, HeaderValue::from_static("1"));
            return Ok(response);
        }
        Err(NoAnswer::Broken) => return Ok(say(StatusCode::BAD_GATEWAY, "the gateway broke off\n")),
    };
    let switched = headers::strip_hop_by_hop(response.headers_mut());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let (true, Some(protocol), Some(gateway)) =
            (asks_to_switch, switched, response.body_mut().take_connection())
        else {
            return Ok(say(StatusCode::BAD_GATEWAY, "the gateway switched protocols unasked\n"));
        };
        headers::restore_upgrade(response.headers_mut(), protocol);
        return Ok(response.map(|_| Body::switched(Switch::Gateway(gateway))));
    }
    let (head, body) = response.into_parts();
    let body = Body::stream(body, &head.headers, under_way);
    Ok(Response::from_parts(head, body))
}

/// What somebody would send here who shows nothing at all.
fn stranger(request: &Request<RequestBody>) -> Request<RequestBody> {
    let body = web::initialize("mcpgw");
    let mut stranger = Request::new(RequestBody::words(body.to_string()));
    *stranger.method_mut() = Method::POST;
    *stranger.uri_mut() = Uri::try_from(request.uri().path()).unwrap_or_default();
    let headers = stranger.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    stranger
}

/// Does the gateway ask who is there?
fn is_challenge<B>(answer: &Response<B>) -> bool {
    answer.status() == StatusCode::UNAUTHORIZED && answer.headers().contains_key(header::WWW_AUTHENTICATE)
}

/// A GET for an event stream has no end to wait for.
fn endless(request: &Request<RequestBody>) -> bool {
    let accepts = request.headers().get_all(header::ACCEPT);
    let events =
        accepts.iter().any(|value| value.as_bytes().windows(17).any(|part| part == b"text/event-stream"));
    *request.method() == Method::GET && events
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
fn shown(shared: &Shared, path: &str) -> String {
    const LIMIT: usize = 200;
    let path = shared.lock.redact(path);
    if path.len() <= LIMIT && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return path.into_owned();
    }
    path.chars().filter(|char| !char.is_control()).take(LIMIT).collect()
}
