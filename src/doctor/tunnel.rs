//! The way from the world to the edge: name, connection, certificate, who answers, and what the way does to
//! MCP, event streams, WebSockets and headers.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::gateway::tail;
use super::{Check, Finding, World};
use crate::edge::SOCKET_KEY;
use crate::error::Result;
use crate::session::{base, beginning, explain};
use crate::state::{SessionRecord, read_key};
use crate::web;

pub(super) fn checks() -> Vec<Check> {
    let mut checks = super::provider::far_checks();
    checks.extend([
        Check::asks("tunnel.dns", dns).needs(&["session.ready"]),
        Check::asks("tunnel.connect", connect).needs(&["tunnel.dns"]),
        Check::asks("tunnel.tls", tls).needs(&["tunnel.connect"]),
        Check::asks("tunnel.probe", probe).needs(&["tunnel.tls", "session.edge"]),
        Check::asks("tunnel.headers", headers).needs(&["tunnel.probe"]),
        Check::asks("tunnel.mcp", mcp).needs(&["tunnel.probe", "gateway.host"]),
        Check::asks("tunnel.sse", sse).needs(&["tunnel.probe"]),
        Check::asks("tunnel.websocket", websocket).needs(&["tunnel.probe"]),
        Check::asks("tunnel.page", page).needs(&["tunnel.probe"]),
    ]);
    checks
}

const LIMIT: Duration = Duration::from_secs(4);

/// A client for the edge's own address on this machine.
pub(super) fn near(world: &World) -> Result<Client> {
    let ca = world.session.as_ref().and_then(|session| session.ca_file.as_ref());
    match ca.and_then(|file| std::fs::read_to_string(file).ok()) {
        Some(pem) => web::public(Some(&pem), world.names.clone()),
        None => world.local.clone(),
    }
}

/// Host, and port where it is not the scheme's own.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
}

/// The header that lets a visitor in; none where none is needed. `None`: its file cannot be read.
pub(super) fn key_of(session: &SessionRecord) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Some(file) = &session.key_file {
        let key = read_key(file).ok()??;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal())).ok()?;
        value.set_sensitive(true);
        headers.insert("authorization", value);
    }
    Some(headers)
}

/// Does the system leave looking up names to a proxy?
fn proxied(world: &World) -> Option<&str> {
    if !world.is_public() || world.url().is_none_or(|url| url.scheme() != "https") {
        return None;
    }
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].iter().find_map(|name| world.variable(name))
}

/// The system's resolver against DNS over HTTPS. A name that the world does not know yet is not asked of
/// the system: that very question would spoil its answer for half an hour.
async fn dns(world: Arc<World>) -> Finding {
    let Some(url) = world.url() else { return Finding::skip("no session runs") };
    let host = url.host_str().unwrap_or_default().to_string();
    if !world.is_public() {
        return Finding::pass(format!("{host} is this machine itself"));
    }
    let client = match world.public().await {
        Ok(client) => client,
        Err(error) => return Finding::unable(error.message),
    };
    let everywhere = world.names.look_up(&client, &host).await;
    if everywhere.as_ref().is_some_and(Vec::is_empty) {
        return Finding::fail(format!("there is no such name as {host} (asked over HTTPS)"))
            .fix("wait a minute if the tunnel is new; else restart the session: its address is gone");
    }
    if proxied(&world).is_some() {
        return Finding::pass(format!("the proxy looks up {host}"));
    }
    match (system(&host).await, everywhere) {
        (Ok(here), Some(_) | None) => Finding::pass(format!("{host} is {}", list(&here))),
        (Err(why), Some(there)) => Finding::fail(format!(
            "this machine's resolver does not find {host} ({why}), and the rest of the world does: {}",
            list(&there)
        ))
        .fix(flush()),
        (Err(why), None) => {
            Finding::fail(format!("{host} is not found ({why}), and nobody can be asked over HTTPS"))
                .fix("check the network; try another resolver, 1.1.1.1 say")
        }
    }
}

async fn system(host: &str) -> std::result::Result<Vec<IpAddr>, String> {
    match tokio::time::timeout(LIMIT, tokio::net::lookup_host((host, 443))).await {
        Ok(Ok(found)) => Ok(found.map(|address| address.ip()).collect()),
        Ok(Err(error)) => Err(crate::error::io_reason(&error)),
        Err(_) => Err("it does not answer".into()),
    }
}

fn list(addresses: &[IpAddr]) -> String {
    let mut shown: Vec<String> = addresses.iter().take(2).map(ToString::to_string).collect();
    shown.dedup();
    shown.join(", ")
}

/// How a resolver is made to forget.
fn flush() -> &'static str {
    match std::env::consts::OS {
        "macos" => "sudo dscacheutil -flushcache && sudo killall -HUP mDNSResponder",
        "windows" => "ipconfig /flushdns",
        _ => {
            "resolvectl flush-caches, or use another resolver (1.1.1.1); a name asked for too early is forgotten after 30 minutes"
        }
    }
}

/// What came of asking ourselves through the public address.
#[derive(Debug, Clone)]
pub(super) enum Reached {
    /// This very process answered.
    Ours(Duration),
    /// Somebody else did; who, as far as can be told.
    Other(String),
    /// The certificate is not to be believed.
    Untrusted(String),
    /// Nobody is there.
    Unreachable(String),
    /// Somebody is there and says nothing.
    Silent,
    /// There was nothing to ask.
    Unasked,
}

pub(super) async fn reach(world: &World) -> Reached {
    let (Some(url), Some(probe), Ok(client)) = (world.url(), &world.probe, world.public().await) else {
        return Reached::Unasked;
    };
    // The system's own resolver is the business of `tunnel.dns`: one question too early would spoil its answer.
    let host = url.host_str().unwrap_or_default();
    if world.is_public() {
        let _ = tokio::time::timeout(Duration::from_millis(1500), world.names.know(&client, host)).await;
    }
    let began = Instant::now();
    let answer = match visit(&client, &url, &probe.path).send().await {
        Ok(answer) => answer,
        Err(error) => {
            return match web::tls_trouble(&error) {
                Some(why) => Reached::Untrusted(why),
                None if error.is_timeout() => Reached::Silent,
                None => Reached::Unreachable(web::reason(&error)),
            };
        }
    };
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = beginning(answer).await;
    match body == probe.answer {
        true => Reached::Ours(began.elapsed()),
        false => Reached::Other(explain(&url, status, &headers, &body).reason),
    }
}

/// A request as a program makes it: interstitial pages let it pass.
fn visit(client: &Client, url: &Url, path: &str) -> reqwest::RequestBuilder {
    let place = format!("{}{path}", base(url));
    let request = client.get(place).timeout(LIMIT);
    let request = request.header("bypass-tunnel-reminder", "1").header("ngrok-skip-browser-warning", "1");
    request.header("user-agent", concat!("mcpgw/", env!("CARGO_PKG_VERSION")))
}

async fn connect(world: Arc<World>) -> Finding {
    let shown = world.url().map(|url| base(&url)).unwrap_or_default();
    match world.reached().await {
        Reached::Unreachable(why) => Finding::fail(format!("nobody can be reached at {shown}: {why}"))
            .fix("the tunnel is down or this network blocks it: mcpgw logs provider tells more"),
        Reached::Silent => Finding::fail(format!("{shown} accepts connections and does not answer"))
            .fix("the tunnel is alive but dead: restart the session, or use another --provider"),
        Reached::Unasked => Finding::skip("the session tells nobody how to recognise it"),
        _ => Finding::pass(format!("somebody answers at {shown}")),
    }
}

async fn tls(world: Arc<World>) -> Finding {
    let Some(url) = world.url() else { return Finding::skip("no session runs") };
    match world.reached().await {
        Reached::Untrusted(why) => {
            Finding::fail(format!("the certificate of {} is not believed: {why}", base(&url))).fix(
                "a proxy or a captive portal may stand between: log in there, or add its CA to the system's",
            )
        }
        _ if url.scheme() == "http" => Finding::pass("plain http, as its server has it"),
        _ => Finding::pass("the certificate is believed"),
    }
}

async fn probe(world: Arc<World>) -> Finding {
    match world.reached().await {
        Reached::Ours(took) => {
            Finding::pass(format!("this very session answers, in {} ms", took.as_millis()))
        }
        Reached::Other(who) => Finding::fail(format!("the address does not lead here: {who}")).fix(
            "restart the session; if somebody else holds the name, use another --subdomain or --provider",
        ),
        _ => Finding::unable("nothing was asked"),
    }
}

async fn headers(world: Arc<World>) -> Finding {
    let (Some(url), Some(probe), Ok(client)) = (world.url(), &world.probe, world.public().await) else {
        return Finding::skip("no session runs");
    };
    let asked = visit(&client, &url, &probe.seen).send().await;
    let seen: Value = match asked {
        Ok(answer) => serde_json::from_str(&beginning(answer).await).unwrap_or_default(),
        Err(error) => return Finding::unable(web::reason(&error)),
    };
    let Some(host) = seen["host"].as_str() else { return Finding::skip("the session is of another version") };
    let wanted = authority(&url);
    // A localtunnel server may be told one port and be reached by another.
    let bare = |host: &str| host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    if bare(host) != bare(&wanted) {
        return Finding::fail(format!(
            "visitors ask for {wanted}, and {host} arrives as Host: callbacks would lead there"
        ))
        .fix("let the tunnel keep the Host header (no --host-header, --local-host, httpHostHeader)");
    }
    match seen["x-forwarded-proto"].as_str() {
        Some(proto) if proto.split(',').next().unwrap_or_default().trim() != url.scheme() => Finding::warn(
            format!("the tunnel says X-Forwarded-Proto: {proto}, and visitors use {}", url.scheme()),
        )
        .fix("nothing: mcpgw tells the gateway the right one; look at what else the tunnel rewrites"),
        Some(proto) => Finding::pass(format!("Host and X-Forwarded-Proto ({proto}) arrive as they should")),
        None => Finding::pass("Host arrives as it should"),
    }
}

async fn mcp(world: Arc<World>) -> Finding {
    let (Some(session), Ok(client)) = (&world.session, world.public().await) else {
        return Finding::skip("no session runs");
    };
    let Some(place) = session.mcp_url.as_ref() else { return Finding::skip("no address yet") };
    let Some(mut headers) = key_of(session) else {
        return Finding::unable("the key's file went away");
    };
    for name in ["bypass-tunnel-reminder", "ngrok-skip-browser-warning"] {
        headers.insert(name, HeaderValue::from_static("1"));
    }
    let began = Instant::now();
    match speak(&client, place, headers, LIMIT).await {
        Spoken::Mcp(who) => Finding::pass(format!("{who}, in {} ms", began.elapsed().as_millis())),
        Spoken::OAuth => Finding::pass("the gateway asks for OAuth, as it should"),
        Spoken::Status(status @ (401 | 403), said) => {
            Finding::fail(format!("{place} refuses the session's own key ({status}){}", tail(&said)))
                .fix("restart the session: it and its key file do not agree (mcpgw key show)")
        }
        Spoken::Status(status, said) => Finding::fail(format!("{place} answers {status}{}", tail(&said)))
            .fix("mcpgw logs edge tells what became of it"),
        Spoken::Refused(said) | Spoken::Other(said) | Spoken::Nothing(said) => {
            Finding::fail(format!("{place}: {said}")).fix("mcpgw logs edge tells what became of it")
        }
    }
}

async fn sse(world: Arc<World>) -> Finding {
    let (Some(url), Some(probe), Ok(client)) = (world.url(), &world.probe, world.public().await) else {
        return Finding::skip("no session runs");
    };
    let began = Instant::now();
    let first = async {
        let request = visit(&client, &url, &probe.stream).header("accept", "text/event-stream");
        let mut answer = request.send().await.ok()?;
        answer.chunk().await.ok()?
    };
    match tokio::time::timeout(Duration::from_millis(2500), first).await {
        Ok(Some(chunk)) if chunk.starts_with(b"data: ") => {
            Finding::pass(format!("the first event came after {} ms, the stream still open", began.elapsed().as_millis()))
        }
        Ok(Some(_)) => Finding::unable("something else came than the event"),
        Ok(None) | Err(_) => {
            Finding::warn("the tunnel holds event streams back until they end: what a client only listens to (GET) comes late or never")
                .fix("use another provider, or a named tunnel: quick tunnels of Cloudflare do that")
        }
    }
}

async fn websocket(world: Arc<World>) -> Finding {
    let (Some(url), Some(probe), Ok(client)) = (world.url(), &world.probe, world.public().await) else {
        return Finding::skip("no session runs");
    };
    let request = visit(&client, &url, &probe.socket)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", SOCKET_KEY.0);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return no_socket(&web::reason(&error)),
    };
    let status = answer.status().as_u16();
    if status != 101 {
        return no_socket(&format!("the answer was {status} instead of 101"));
    }
    let talk = async {
        let mut stream = answer.upgrade().await.ok()?;
        // A text frame of one letter, masked as a client must (RFC 6455 section 5.3).
        stream.write_all(&[0x81, 0x81, 0, 0, 0, 0, b'?']).await.ok()?;
        let mut heard = vec![];
        let mut chunk = [0; 128];
        while heard.len() < probe.answer.len() + 2 {
            match stream.read(&mut chunk).await {
                Ok(count @ 1..) => heard.extend_from_slice(&chunk[..count]),
                _ => return None,
            }
        }
        heard.ends_with(probe.answer.as_bytes()).then_some(())
    };
    match tokio::time::timeout(LIMIT, talk).await {
        Ok(Some(())) => Finding::pass("a WebSocket carries both ways"),
        _ => no_socket("it opened and carried nothing"),
    }
}

fn no_socket(why: &str) -> Finding {
    Finding::warn(format!("WebSockets do not pass the tunnel: {why}"))
        .fix("nothing for MCP over HTTP; for WebSockets use another provider")
}

/// What a person's browser gets, who comes back from an OAuth login.
async fn page(world: Arc<World>) -> Finding {
    const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let (Some(url), Some(probe), Ok(client)) = (world.url(), &world.probe, world.public().await) else {
        return Finding::skip("no session runs");
    };
    let place = format!("{}{}", base(&url), probe.path);
    let request = client.get(place).timeout(LIMIT).header("user-agent", BROWSER);
    let answer = match request.header("accept", "text/html,*/*;q=0.8").send().await {
        Ok(answer) => answer,
        Err(error) => return Finding::unable(web::reason(&error)),
    };
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = beginning(answer).await;
    match body == probe.answer {
        true => Finding::pass("browsers get through, too"),
        false => {
            let who = explain(&url, status, &headers, &body).reason;
            Finding::warn(format!("programs get through, and browsers do not: {who}"))
                .fix("whoever logs in by OAuth sees that page once and must click or type the password (https://loca.lt/mytunnelpassword)")
        }
    }
}

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
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": who()}});
    let first = exchange(client, place, &headers, "2025-11-25", &hello, limit).await;
    let refused = match &first {
        Spoken::Refused(_) | Spoken::Status(400, _) => true,
        _ => return first,
    };
    let question = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": who(),
        "io.modelcontextprotocol/clientCapabilities": {}}}});
    let mut headers = headers;
    headers.insert("mcp-method", HeaderValue::from_static("server/discover"));
    match exchange(client, place, &headers, "2026-07-28", &question, limit).await {
        Spoken::Mcp(who) if refused => Spoken::Mcp(who),
        _ => first,
    }
}

fn who() -> Value {
    json!({"name": "mcpgw-doctor", "version": env!("CARGO_PKG_VERSION")})
}

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

fn judge(status: u16, said: Option<Value>, body: &[u8]) -> Spoken {
    let beginning: String = String::from_utf8_lossy(body)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|char| !char.is_control())
        .take(120)
        .collect();
    match said {
        Some(message) if message["result"].is_object() => {
            let result = &message["result"];
            let text = |value: &Value| value.as_str().map(|text| text.chars().take(60).collect::<String>());
            let name = text(&result["serverInfo"]["name"]).unwrap_or("an MCP server".into());
            let version = text(&result["serverInfo"]["version"]).map_or(String::new(), |it| format!(" {it}"));
            let protocol = text(&result["protocolVersion"]).unwrap_or("2026-07-28".into());
            Spoken::Mcp(format!("{name}{version}, protocol {protocol}"))
        }
        Some(message) if message["error"].is_object() && (200..500).contains(&status) => {
            let why = message["error"]["message"].as_str().unwrap_or("an error without words");
            match status {
                404 | 403 | 421 => Spoken::Status(status, why.chars().take(120).collect()),
                _ => Spoken::Refused(why.chars().take(120).collect()),
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
