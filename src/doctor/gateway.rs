//! The gateway: who listens on its port, whether it is well, where it speaks MCP, and what it takes for its
//! own address.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::near::{authority, key_of, near};
use super::program::program_of;
use super::speak::{Spoken, speak, tail};
use super::{Check, Finding, World};
use crate::os::{self, Process};

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::looks("gateway.port", port).needs(&["config.values"]),
        Check::looks("gateway.owner", owner).needs(&["gateway.port"]),
        Check::asks("gateway.http", http).needs(&["gateway.owner"]),
        Check::asks("gateway.health", health).needs(&["gateway.http"]),
        Check::asks("gateway.path", path).needs(&["gateway.http"]),
        Check::asks("gateway.mcp", mcp).needs(&["gateway.path"]),
        Check::asks("gateway.host", host).needs(&["gateway.mcp", "session.ready", "session.key"]),
    ]
}

/// Does anybody listen? Whether somebody should, depends on who would have started it.
fn port(world: &World) -> Finding {
    let port = world.port();
    let holder = os::listener_on(port);
    let served = holder.is_some() || crate::gateway::port::require_served(port).is_ok();
    let who = holder.as_ref().map_or("a program of somebody else".into(), program_of);
    let ours_to_start = world.settings.as_ref().is_ok_and(|settings| !settings.command.is_empty());
    match (served, &world.session) {
        (true, None) if ours_to_start && world.told.port.is_none() => {
            let kill = holder.map_or("end that program".into(), |holder| format!("kill {}", holder.pid));
            Finding::fail(format!(
                "{who} listens on port {port}: `mcpgw tunnel` could not start the gateway there"
            ))
            .fix(format!("{kill}, or use another --port"))
        }
        (true, _) => Finding::pass(format!("{who} listens on port {port}")),
        (false, Some(session)) if session.url.is_none() => {
            Finding::skip("the session starts the gateway once it has an address")
        }
        (false, Some(session)) => {
            Finding::fail(format!("nothing listens on port {port}: the gateway is down")).fix(format!(
                "look at {}, or start it with mcpgw tunnel -- CMD",
                session.logs.join("gateway.log").display()
            ))
        }
        (false, None) if ours_to_start && world.told.port.is_none() => {
            Finding::skip(format!("port {port} is free for the gateway that `mcpgw tunnel` starts"))
        }
        (false, None) => {
            let what = format!("nothing listens on port {port}");
            let fix =
                format!("start the gateway: mcpgw tunnel --port {port} -- CMD, or try mcpgw tunnel --demo");
            let chosen = world.settings.as_ref().is_ok_and(|settings| settings.port_given);
            match world.told.port.is_some() || chosen || world.asked_for("gateway.port") {
                true => Finding::fail(what).fix(fix),
                // Whoever has just installed mcpgw has no gateway running, and nothing is wrong.
                false => Finding::warn(what).fix(fix).blocking(),
            }
        }
    }
}

/// An orphan of an earlier run answers convincingly, and knows only yesterday's address.
fn owner(world: &World) -> Finding {
    let Some(holder) = os::listener_on(world.port()) else {
        return Finding::pass("this system does not tell whose it is");
    };
    if holder.stopped {
        return Finding::fail(format!(
            "{} is stopped: it accepts connections and answers none",
            program_of(&holder)
        ))
        .fix(format!("kill -CONT {}", holder.pid));
    }
    let alive = |id: &str| world.sessions.iter().any(|session| session.id == id && session.is_alive());
    match (world.mark(holder.pid), &world.session) {
        (Some(id), Some(session)) if id == session.id => Finding::pass("the session started it"),
        (Some(id), _) if !alive(&id) && ancestor_is_mcpgw(&holder) => {
            Finding::pass(format!("session {id} started it"))
        }
        (Some(id), _) if !alive(&id) => {
            Finding::fail(format!("{} was left by session {id}, which has ended", program_of(&holder)))
                .fix(format!("kill {}", holder.pid))
        }
        _ => Finding::pass(format!("it runs by itself: {}", program_of(&holder))),
    }
}

/// A living session of another state folder is nobody's orphan.
fn ancestor_is_mcpgw(process: &Process) -> bool {
    let mut at = process.clone();
    for _ in 0..64 {
        match os::process(at.parent) {
            Some(parent) if parent.name.starts_with("mcpgw") => return true,
            Some(parent) if parent.pid > 1 => at = parent,
            _ => return false,
        }
    }
    false
}

async fn http(world: Arc<World>) -> Finding {
    let began = std::time::Instant::now();
    match world.gateway().await {
        Ok(address) => Finding::pass(format!("{address} answers in {} ms", began.elapsed().as_millis())),
        Err(why) => Finding::fail(format!("port {} is open and does not speak HTTP: {why}", world.port()))
            .fix("restart the gateway; is it the gateway that listens there? (--port names another)"),
    }
}

const LIMIT: Duration = Duration::from_secs(4);

/// What gateways call their health (FACTS: three eras in use).
const HEALTH: [&str; 3] = ["/api/health/ready", "/api/health", "/health"];

async fn health(world: Arc<World>) -> Finding {
    let (Ok(address), Ok(client)) = (world.gateway().await, world.local.clone()) else {
        return Finding::unable("the gateway went away");
    };
    let wanted = world.settings.as_ref().ok().and_then(|settings| settings.health.clone());
    let paths: Vec<String> = match &wanted {
        Some(path) => vec![path.clone()],
        None => HEALTH.iter().map(ToString::to_string).collect(),
    };
    for path in paths {
        let host = format!("localhost:{}", address.port());
        let asked =
            client.get(format!("http://{address}{path}")).header("host", host).timeout(LIMIT).send().await;
        let answer = match asked {
            Ok(answer) => answer,
            Err(error) => {
                return Finding::fail(format!("{path} does not answer: {}", crate::web::reason(&error)))
                    .fix("look at the gateway's own log, and restart it");
            }
        };
        let status = answer.status().as_u16();
        let body = crate::session::beginning(answer).await;
        let fix = "look at the gateway's own log: it says itself that it is not well";
        match status {
            404 | 405 if wanted.is_none() => continue,
            200 => match unwell(&body) {
                Some(what) => return Finding::fail(format!("{path} answers 200 and says {what}")).fix(fix),
                None => return Finding::pass(format!("{path} answers 200")),
            },
            500.. => return Finding::fail(format!("{path} answers {status}")).fix(fix),
            _ if wanted.is_some() => {
                return Finding::fail(format!("{path} answers {status}, and mcpgw waits for a 200"))
                    .fix("correct --health, or leave it out: then any answer means that the gateway lives");
            }
            _ => return Finding::pass(format!("{path} answers {status}")),
        }
    }
    Finding::pass("it has no health path that is known; any answer means that it lives")
}

/// `/api/health/ready` answers 200 even while the database is down: the body tells.
fn unwell(body: &str) -> Option<String> {
    const BAD: [&str; 8] =
        ["error", "down", "unhealthy", "fail", "failed", "degraded", "disconnected", "not_ready"];
    fn search(value: &Value, at: &str) -> Option<String> {
        match value {
            Value::Object(fields) => fields.iter().find_map(|(name, value)| search(value, name)),
            Value::String(text) if BAD.contains(&text.to_ascii_lowercase().as_str()) => {
                Some(format!("\"{at}\": \"{text}\""))
            }
            Value::Bool(false) if ["ok", "healthy", "ready"].contains(&at) => {
                Some(format!("\"{at}\": false"))
            }
            _ => None,
        }
    }
    search(&serde_json::from_str(body).ok()?, "")
}

/// Where else gateways serve MCP.
const PATHS: [&str; 4] = ["/api/mcp/default", "/api/mcp/gateway", "/mcp", "/api/mcp"];

async fn path(world: Arc<World>) -> Finding {
    let path = world.mcp_path();
    let found = asked(&world, &path).await;
    let missing = match &found {
        Spoken::Status(status @ (404 | 405 | 410), ..) => format!("{path} answers {status}"),
        Spoken::Other(said) => format!("{path} answers something that is not MCP: {said}"),
        _ => return Finding::pass(format!("there is something at {path}")),
    };
    for other in PATHS.iter().filter(|other| **other != path) {
        if let Spoken::Mcp(_) | Spoken::OAuth = asked(&world, other).await {
            return Finding::fail(format!("{missing}; MCP is at {other}"))
                .fix(format!("mcpgw tunnel --mcp-path {other}"));
        }
    }
    match found {
        // Who speaks at all is the next check's business.
        Spoken::Other(_) => Finding::pass(format!("there is something at {path}")),
        _ => Finding::fail(missing)
            .fix("name its MCP path with --mcp-path, its profile with --profile: the gateway's own pages list them"),
    }
}

async fn asked(world: &World, path: &str) -> Spoken {
    let (Ok(address), Ok(client)) = (world.gateway().await, world.local.clone()) else {
        return Spoken::Nothing("the gateway went away".into());
    };
    let mut headers = HeaderMap::new();
    if let Ok(host) = format!("localhost:{}", address.port()).parse() {
        headers.insert("host", host);
    }
    speak(&client, &format!("http://{address}{path}"), headers, LIMIT).await
}

async fn mcp(world: Arc<World>) -> Finding {
    let path = world.mcp_path();
    let restart = "look at the gateway's own log, and restart it";
    match asked(&world, &path).await {
        Spoken::Mcp(who) => Finding::pass(format!("{path} answers: {who}")),
        Spoken::OAuth => Finding::pass(format!("{path} asks for OAuth, as it should")),
        Spoken::Status(status, said) => {
            Finding::fail(format!("{path} answers {status}{}", tail(&said))).fix(restart)
        }
        Spoken::Refused(said) => Finding::fail(format!("{path} refuses an MCP client: {said}")).fix(restart),
        Spoken::Other(said) => Finding::fail(format!("{path} answers something that is not MCP: {said}"))
            .fix("name the MCP path with --mcp-path; is it the gateway that listens on this port?"),
        Spoken::Nothing(why) => {
            Finding::fail(format!("{path} does not answer `initialize`: {why}")).fix(restart)
        }
    }
}

/// The same through the edge, under the visitors' own Host: a gateway that protects itself against DNS
/// rebinding refuses that.
async fn host(world: Arc<World>) -> Finding {
    let (Some(session), Some(url)) = (&world.session, world.url()) else {
        return Finding::skip("no session runs");
    };
    let client = match near(&world) {
        Ok(client) => client,
        Err(error) => return Finding::unable(error.message),
    };
    let Some(mut headers) = key_of(&world, session) else {
        return Finding::unable("the key's file went away");
    };
    if let Ok(host) = authority(&url).parse() {
        headers.insert("host", host);
    }
    let place = format!("{}{}", session.local_url, world.mcp_path());
    match speak(&client, &place, headers, LIMIT).await {
        Spoken::Mcp(_) | Spoken::OAuth => Finding::pass("it answers under the visitors' Host"),
        Spoken::Status(status @ (403 | 421), said) => {
            Finding::fail(format!("it refuses visitors ({status}){}", tail(&said)))
                .fix("mcpgw tunnel --host-header local, or let the gateway allow the public name")
        }
        Spoken::Status(status, said) => {
            Finding::fail(format!("through mcpgw's edge it answers {status}{}", tail(&said)))
                .fix("mcpgw logs edge, and the gateway's own log, tell more")
        }
        Spoken::Refused(said) | Spoken::Other(said) | Spoken::Nothing(said) => {
            Finding::fail(format!("through mcpgw's edge: {said}")).fix("mcpgw logs edge tells more")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_says_something_is_down_is_heard() {
        assert_eq!(unwell(r#"{"status":"ok","database":"connected"}"#), None);
        assert_eq!(
            unwell(r#"{"status":"ok","db":{"status":"down"}}"#).as_deref(),
            Some(r#""status": "down""#)
        );
        assert_eq!(unwell(r#"{"ready":false}"#).as_deref(), Some(r#""ready": false"#));
        assert_eq!(unwell("fine"), None);
    }
}
