//! The way from the world to the edge: name, connection, certificate, who answers, and what the way does to
//! MCP, event streams, WebSockets and headers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dns::dns;
use super::near::{authority, key_of};
use super::reach::{LIMIT, Reached, visit};
use super::speak::{Spoken, speak, tail};
use super::{Check, Finding, World};
use crate::edge::SOCKET_KEY;
use crate::session::{base, beginning, explain};
use crate::web;

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::asks("tunnel.dns", dns).needs(&["session.ready"]),
        Check::asks("tunnel.connect", connect).needs(&["tunnel.dns"]),
        Check::asks("tunnel.tls", tls).needs(&["tunnel.connect"]),
        Check::asks("tunnel.probe", probe).needs(&["tunnel.tls", "session.edge"]),
        Check::asks("tunnel.headers", headers).needs(&["tunnel.probe"]),
        Check::asks("tunnel.mcp", mcp).needs(&["tunnel.probe", "gateway.host"]),
        Check::asks("tunnel.sse", sse).needs(&["tunnel.probe"]),
        Check::asks("tunnel.websocket", websocket).needs(&["tunnel.probe"]),
        Check::asks("tunnel.page", page).needs(&["tunnel.probe"]),
    ]
}

/// The CA that vouches for the session's address, where that is not one of the world's.
fn own_ca(world: &World) -> Option<String> {
    let session = world.session.as_ref().filter(|session| session.provider == "local")?;
    session.ca_file.as_ref().map(|file| file.display().to_string())
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
        _ => Finding::pass(match own_ca(&world) {
            // Doctor asks as somebody who trusts it.
            Some(ca) => {
                format!("whoever trusts {ca} believes the certificate: cert.trust says who does here")
            }
            None => "the certificate is believed".into(),
        }),
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
    let Some(mut headers) = key_of(&world, session) else {
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
        true => Finding::pass(match own_ca(&world) {
            Some(_) => "no page stands in a browser's way, once it believes the certificate (cert.trust)",
            None => "browsers get through, too",
        }),
        false => {
            let who = explain(&url, status, &headers, &body).reason;
            Finding::warn(format!("programs get through, and browsers do not: {who}"))
                .fix("whoever logs in by OAuth sees that page once and must click or type the password (https://loca.lt/mytunnelpassword)")
        }
    }
}
