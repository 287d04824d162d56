//! The name of the address: the system's resolver against DNS over HTTPS.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Finding, World};

const LIMIT: Duration = Duration::from_secs(4);

/// Does the system leave looking up names to a proxy?
fn proxied(world: &World) -> Option<&str> {
    if !world.is_public() || world.url().is_none_or(|url| url.scheme() != "https") {
        return None;
    }
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].iter().find_map(|name| world.variable(name))
}

/// The system's resolver against DNS over HTTPS. A name that the world does not know yet is not asked of
/// the system: that very question would spoil its answer for half an hour.
pub(super) async fn dns(world: Arc<World>) -> Finding {
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
