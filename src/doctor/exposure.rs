//! What strangers can reach: past mcpgw's guard, through it, and from the network around this machine.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::near::{authority, near};
use super::program::program_of;
use super::speak::{Spoken, speak};
use super::{Check, Finding, World};
use crate::loopback;
use crate::os;

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::looks("exposure.network", network).needs(&["gateway.port"]),
        Check::looks("exposure.bypass", bypass).needs(&["gateway.port"]),
        Check::asks("exposure.paths", paths).needs(&["session.edge", "gateway.http"]),
        Check::asks("exposure.key", key).needs(&["session.edge", "gateway.mcp", "session.ready"]),
    ]
}

const LIMIT: Duration = Duration::from_secs(4);

/// Can others on the network reach the gateway's port without mcpgw?
fn network(world: &World) -> Finding {
    let port = world.port();
    // Connecting a UDP socket sends nothing: it only asks which of our addresses would be used.
    let own = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let Ok(own) = own else { return Finding::pass("this machine is on no network") };
    if own.ip().is_loopback() {
        return Finding::pass("this machine is on no network");
    }
    on_the_network(SocketAddr::new(own.ip(), port))
}

fn on_the_network(address: SocketAddr) -> Finding {
    match TcpStream::connect_timeout(&address, Duration::from_millis(500)) {
        Ok(_) => Finding::warn(format!(
            "the gateway listens on the network, too: {address} answers everybody there, without mcpgw's guard"
        ))
        .fix("let the gateway listen on 127.0.0.1 only (often HOST=127.0.0.1)"),
        Err(_) => Finding::pass("the gateway listens on this machine only"),
    }
}

/// A tunnel that somebody started by hand and that leads straight to the gateway.
fn bypass(world: &World) -> Finding {
    let port = world.port().to_string();
    let ours = |pid: u32| {
        world.mark(pid).is_some_and(|mark| world.sessions.iter().any(|it| it.id == mark && it.is_alive()))
    };
    let leads = |arguments: &[String]| {
        let means = |word: &str| {
            word == port
                || word.ends_with(&format!("localhost:{port}"))
                || word.ends_with(&format!("127.0.0.1:{port}"))
        };
        arguments.iter().skip(1).any(|word| means(word.rsplit('=').next().unwrap_or_default()))
    };
    for process in world.processes().iter().filter(|process| !process.zombie) {
        let arguments = os::arguments(process.pid);
        let names = arguments.iter().take(2).filter_map(|word| word.rsplit(['/', '\\']).next());
        let tunnel = names.into_iter().any(|name| ["lt", "ngrok", "cloudflared"].contains(&name));
        if tunnel && leads(&arguments) && !ours(process.pid) {
            return Finding::fail(format!(
                "{} leads the world straight to port {port}, past mcpgw's guard",
                program_of(process)
            ))
            .fix(format!("kill {}", process.pid));
        }
    }
    Finding::pass("no tunnel goes round mcpgw")
}

/// Pages of gateways that are nobody's but their owner's; asked for, never posted to.
const PRIVATE: [&str; 7] = [
    "/",
    "/api/profiles",
    "/api/mcp-servers",
    "/api/settings",
    "/api/debug/logs",
    "/api/auth/get-session",
    "/admin",
];

async fn paths(world: Arc<World>) -> Finding {
    let (Some(session), Ok(client)) = (&world.session, near(&world)) else {
        return Finding::skip("no session runs");
    };
    let host = world.url().map(|url| authority(&url)).unwrap_or_default();
    let mut asked = tokio::task::JoinSet::new();
    for path in PRIVATE {
        let request = client.get(format!("{}{path}", session.local_url)).headers(world.own()).timeout(LIMIT);
        let request = if host.is_empty() { request } else { request.header("host", host.clone()) };
        asked.spawn(async move {
            let answer = request.send().await.ok()?;
            // A gateway that asks who is there needs no guard.
            (answer.status().as_u16() < 400).then_some(path)
        });
    }
    let mut open = vec![];
    while let Some(answer) = asked.join_next().await {
        open.extend(answer.ok().flatten());
    }
    open.sort_unstable();
    match open.as_slice() {
        [] => Finding::pass("an anonymous visitor reaches none of the gateway's other pages"),
        // A frontend that is shared on purpose is a page at the root, and no more.
        ["/"] => Finding::pass("visitors reach the front page, which is shared on purpose"),
        open => Finding::warn(format!("an anonymous visitor reaches {}", open.join(", ")))
            .fix("take those paths out of --allow (and `allow` in mcpgw.toml), and restart the session"),
    }
}

/// Does the MCP endpoint answer those who have no key?
async fn key(world: Arc<World>) -> Finding {
    let (Some(session), Some(url), Ok(client)) = (&world.session, world.url(), near(&world)) else {
        return Finding::skip("no session runs");
    };
    let mut headers = world.own();
    if let Ok(host) = authority(&url).parse() {
        headers.insert("host", host);
    }
    let place = format!("{}{}", session.local_url, world.mcp_path());
    match (speak(&client, &place, headers, LIMIT).await, &session.key_file) {
        (Spoken::OAuth, _) => Finding::pass("the gateway itself asks strangers who they are"),
        (Spoken::Status(401 | 403, _), _) => Finding::pass("a stranger without the key is refused"),
        (Spoken::Mcp(_), Some(_)) => Finding::fail("a stranger without the key is let in")
            .fix("restart the session; mcpgw key rotate makes a new key"),
        (Spoken::Mcp(_), None)
            if url.host_str().is_some_and(loopback::is_name) && session.provider == "local" =>
        {
            Finding::pass("no key is needed, and only this machine can reach it")
        }
        (Spoken::Mcp(_), None) => {
            Finding::warn("whoever learns the address can use the MCP servers behind it: no key is asked for")
                .fix("start the session with --auth key, or leave --auth out")
        }
        (other, _) => Finding::skip(format!("it answers neither yes nor no: {}", words(&other))),
    }
}

fn words(spoken: &Spoken) -> String {
    match spoken {
        Spoken::Status(status, _) => format!("status {status}"),
        Spoken::Nothing(why) => why.clone(),
        Spoken::Refused(said) | Spoken::Other(said) | Spoken::Mcp(said) => said.clone(),
        Spoken::OAuth => "OAuth".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn an_address_that_answers_is_told_and_one_that_refuses_is_fine() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(on_the_network(address).verdict, Verdict::Warn);
        drop(listener);
        assert_eq!(on_the_network(address).verdict, Verdict::Pass);
    }
}
