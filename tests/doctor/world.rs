//! Faults on the way from the world to the edge.

use super::*;

/// The way in from the world.
pub(super) const PUBLIC: &[Seed] = &[
    seed("net.online", Act(offline, online), "nothing on the internet answers"),
    seed(
        "net.clock",
        Act(|bench| bench.cloud.as_ref().unwrap().skew(3600), |bench| bench.cloud.as_ref().unwrap().skew(0)),
        "behind",
    ),
    seed(
        "net.clock",
        Act(|bench| bench.cloud.as_ref().unwrap().skew(-90), |bench| bench.cloud.as_ref().unwrap().skew(0)),
        "ahead of",
    ),
    seed("tunnel.dns", Fault::Cloud("nxdomain"), "no such name"),
    seed("tunnel.dns", Act(without_proxy, with_proxy), "the rest of the world does"),
    seed("tunnel.connect", Fault::Cloud("dead"), "does not answer"),
    seed("tunnel.connect", Fault::Cloud("down"), "nobody can be reached"),
    seed(
        "tunnel.tls",
        Act(
            |bench| drop(bench.variables.remove("SSL_CERT_FILE")),
            |bench| {
                let ca = bench.cloud.as_ref().unwrap().ca().display().to_string();
                bench.variables.insert("SSL_CERT_FILE".into(), ca);
            },
        ),
        "is not believed",
    ),
    seed("tunnel.probe", Fault::Cloud("other"), "something else answered"),
    seed("tunnel.probe", Fault::Cloud("loca"), "password page"),
    seed("tunnel.probe", Fault::Cloud("ngrok-3200"), "ERR_NGROK_3200"),
    seed("tunnel.probe", Fault::Cloud("captive"), "login.hotel"),
    seed("tunnel.headers", Fault::Cloud("rewrite-host"), "localhost arrives as Host"),
    seed("tunnel.sse", Fault::Cloud("buffer"), "event streams"),
    seed("tunnel.websocket", Fault::Cloud("no-upgrade"), "400 instead of 101"),
    seed("tunnel.page", Fault::Cloud("loca-browser"), "browsers do not"),
    seed(
        "oauth.metadata",
        Answers(
            || json!({"/.well-known/oauth-authorization-server": {"body": {"issuer": "http://mcp.example.com"}}}),
        ),
        "X-Forwarded-Proto",
    ),
    seed(
        "oauth.metadata",
        Answers(
            || json!({"/.well-known/oauth-authorization-server": {"body": {"issuer": "https://mcp.example.com", "token_endpoint": "https://mcp.example.com//api/token"}}}),
        ),
        "doubled slash",
    ),
    seed("oauth.redirect", Answers(|| login("http://localhost:3000/login")), "--frontend 3000"),
    seed(
        "oauth.redirect",
        Answers(|| {
            login(
                "https://github.com/login/oauth/authorize?redirect_uri=https%3A%2F%2Fyesterday.loca.lt%2Fapi%2Foauth%2Fcallback",
            )
        }),
        "yesterday.loca.lt",
    ),
];

fn login(page: &str) -> Value {
    let metadata = json!({"issuer": "https://mcp.example.com", "authorization_endpoint": "https://mcp.example.com/api/auth/mcp/authorize"});
    json!({
        "/.well-known/oauth-authorization-server": {"body": metadata},
        "/api/auth/mcp/authorize": {"status": 302, "headers": {"location": page}},
    })
}

/// No proxy, no DNS over HTTPS, and a name that no DNS knows.
fn offline(bench: &mut Bench) {
    without_proxy(bench);
    bench.variables.insert("MCPGW_DOH".into(), "http://127.0.0.1:1/".into());
}

fn without_proxy(bench: &mut Bench) {
    for name in ["HTTPS_PROXY", "https_proxy"] {
        bench.variables.remove(name);
    }
}

fn with_proxy(bench: &mut Bench) {
    let environment = bench.cloud.as_ref().unwrap().environment();
    bench.variables.extend(environment);
}

fn online(bench: &mut Bench) {
    with_proxy(bench);
}

#[test]
fn what_is_wrong_on_the_way_from_the_world_is_found() {
    run(Bench::public(), PUBLIC);
}
