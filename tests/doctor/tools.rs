//! Faults of the tunnel programs and the gateway, and what earlier sessions left.

use super::*;

/// The tunnel programs, and what earlier sessions left.
pub(super) const TOOLS: &[Seed] = &[
    seed(
        "provider.localtunnel",
        Act(|bench| bench.tools = false, |bench| bench.tools = true),
        "npm install -g localtunnel",
    ),
    seed(
        "provider.localtunnel",
        Act(|bench| bench.install("lt", b"#!/nowhere/node\n"), |_| {}),
        "does not run",
    ),
    seed(
        "provider.localtunnel",
        Act(|bench| bench.install("lt", b"#!/bin/sh\necho 'Cannot find module' >&2; exit 1\n"), |_| {}),
        "Cannot find module",
    ),
    seed(
        "provider.localtunnel",
        Act(|bench| bench.install("lt", b"\x7fELF\x02\x01\x01 of another world"), |_| {}),
        "does not run",
    ),
    seed("provider.ngrok", Act(|bench| ngrok(bench, "3.20.0"), |_| {}), "no authtoken"),
    seed("provider.ngrok", Act(|bench| logged_in(bench, "2.3.41", TOKEN), |_| {}), "ngrok 2"),
    seed(
        "provider.ngrok.config",
        Act(|bench| logged_in(bench, "3.20.0", "authtoken: [\n"), |_| {}),
        "ngrok config check",
    ),
    seed(
        "provider.ngrok.config",
        Act(
            |bench| {
                logged_in(
                    bench,
                    "3.20.0",
                    "version: \"2\"\nauthtoken: 2aBcDeFgHiJkLmNoPqRsTuV\nweb_addr: false\n",
                )
            },
            |_| {},
        ),
        "web_addr",
    ),
    seed("provider.ngrok.agent", Act(another_ngrok, Bench::forget), "one agent at a time"),
    seed("provider.cloudflared", Act(named_tunnel, |_| {}), "no credentials for tunnel mine"),
    seed(
        "provider.cloudflared.config",
        Act(|bench| cloudflared(bench, "ingress:\n  - service: http://localhost:3001\n"), |_| {}),
        "`ingress`",
    ),
    seed("provider.cloudflared.config", Act(|bench| cloudflared(bench, "tunnel: [\n"), |_| {}), "no YAML"),
    seed("provider.choice", Settings("subdomain = 'x'"), "--subdomain x"),
    seed(
        "provider.choice",
        Act(nothing_installed, |bench| bench.tools = true),
        "mcpgw providers setup localtunnel",
    ),
    seed(
        "session.file",
        Fixed(|bench| {
            bench.put(".mcpgw/sessions/0badf00d.json", Some("{"));
            bench.before.clear();
        }),
        "0badf00d.json",
    ),
    seed("session.stale", Fixed(dead_session), "ended without a goodbye"),
    seed("session.orphans", Fixed(orphan), "still runs"),
    seed("gateway.port", Act(|bench| drop(bench.gateway.take()), Bench::start_gateway), "nothing listens"),
    seed("gateway.port", Settings("command = ['node']"), "could not start the gateway there"),
    seed(
        "gateway.owner",
        Act(
            |bench| bench.gateway.as_ref().unwrap().signal(Signal::STOP),
            |bench| bench.gateway.as_ref().unwrap().signal(Signal::CONT),
        ),
        "kill -CONT",
    ),
    seed(
        "gateway.http",
        Act(no_http, |bench| {
            bench.forget();
            bench.start_gateway();
        }),
        "does not speak HTTP",
    ),
    seed("gateway.health", Answers(|| json!({"/api/health/ready": {"status": 503}})), "answers 503"),
    seed(
        "gateway.health",
        Answers(|| json!({"/api/health/ready": {"body": {"status": "ok", "database": {"status": "down"}}}})),
        "says \\\"status\\\"",
    ),
    seed(
        "gateway.path",
        Answers(|| json!({MCP: {"status": 404}, "/mcp": {"body": answer()}})),
        "--mcp-path /mcp",
    ),
    seed("gateway.path", Answers(|| json!({MCP: {"status": 404}})), "--profile"),
    seed("gateway.mcp", Answers(|| json!({MCP: {"body": "<html>It works!"}})), "not MCP"),
    seed("gateway.mcp", Answers(|| json!({MCP: {"status": 500, "body": "boom"}})), "answers 500: boom"),
    seed(
        "provider.server",
        Act(|bench| bench.server.as_mut().unwrap().kill(), |bench| bench.server.as_mut().unwrap().restart()),
        "start that server",
    ),
    seed("exposure.bypass", Act(bypass, Bench::forget), "past mcpgw's guard"),
];

const TOKEN: &str =
    "version: \"3\"\nagent:\n    authtoken: 2aBcDeFgHiJkLmNoPqRsTuVwXyZ_1a2B3c4D5e6F7g8H9i0J1\n";

fn answer() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-11-25", "serverInfo": {"name": "x"}}})
}

fn ngrok(bench: &mut Bench, version: &str) {
    bench.install("ngrok", format!("#!/bin/sh\necho ngrok version {version}\n").as_bytes());
    let settings = bench.home.read("mcpgw.toml");
    bench.put("mcpgw.toml", Some(&format!("{settings}fallback = ['ngrok']\n")));
}

fn logged_in(bench: &mut Bench, version: &str, config: &str) {
    ngrok(bench, version);
    bench.put(".config/ngrok/ngrok.yml", Some(config));
}

fn another_ngrok(bench: &mut Bench) {
    logged_in(bench, "3.20.0", TOKEN);
    let program = sleeper(bench, "ngrok");
    bench.kept.push(Box::new(Stranger::start(&program, &["1000"], &[])));
}

fn cloudflared(bench: &mut Bench, config: &str) {
    bench.install("cloudflared", b"#!/bin/sh\necho cloudflared version 2026.8.2\n");
    bench.put(".cloudflared/config.yml", Some(config));
}

fn named_tunnel(bench: &mut Bench) {
    bench.install("cloudflared", b"#!/bin/sh\necho cloudflared version 2026.8.2\n");
    let settings = format!(
        "provider = 'cloudflared'\ntunnel-name = 'mine'\nhostname = 'mcp.example.com'\nport = {}\n",
        bench.port
    );
    bench.put("mcpgw.toml", Some(&settings));
}

fn nothing_installed(bench: &mut Bench) {
    bench.tools = false;
    let settings = format!("port = {}\n", bench.port);
    bench.put("mcpgw.toml", Some(&settings));
}

/// A session whose mcpgw and whose reaper were both killed, as a power cut does.
fn dead_session(bench: &mut Bench) {
    let mut session = bench
        .mcpgw()
        .args([
            "tunnel",
            "--json",
            "--demo",
            "--provider",
            "local",
            "--https-port",
            &free_port().to_string(),
            "--port",
            &free_port().to_string(),
        ])
        .start();
    session.expect("ready");
    session.kill();
    session.leaves_nothing();
}

fn orphan(bench: &mut Bench) {
    // Of this run of the tests alone: another one beside it has an orphan of its own.
    let session = format!("{:08x}", std::process::id());
    let logs = format!("logs/{session}");
    fs::create_dir_all(bench.home.state().join(&logs)).unwrap();
    own::loosen(bench, &logs, 0o700);
    fs::set_permissions(bench.home.state().join("logs"), fs::Permissions::from_mode(0o700)).unwrap();
    let program = sleeper(bench, "sleep");
    bench.kept.push(Box::new(Stranger::start(&program, &["1000"], &[("MCPGW_SESSION", &session)])));
}

/// Something that is no web server has the port.
fn no_http(bench: &mut Bench) {
    bench.gateway.take();
    let listener =
        wait_for("the port", Duration::from_secs(5), || TcpListener::bind(("127.0.0.1", bench.port)).ok());
    let server = listener.try_clone().unwrap();
    std::thread::spawn(move || {
        for mut visitor in server.incoming().flatten() {
            if visitor.write_all(b"SSH-2.0-x\r\n").is_err() {
                return;
            }
        }
    });
    bench.kept.push(Box::new(Closing(listener)));
}

/// A listener whose thread ends with it.
struct Closing(TcpListener);

impl Drop for Closing {
    fn drop(&mut self) {
        rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both).unwrap();
    }
}

/// lt by hand, straight to the gateway.
fn bypass(bench: &mut Bench) {
    let server = bench.server.as_ref().unwrap().url();
    let lt = tools().bin("lt");
    let port = bench.port.to_string();
    let stranger =
        Stranger::start(&tools().node, &[lt.to_str().unwrap(), "--port", &port, "--host", &server], &[]);
    bench.kept.push(Box::new(stranger));
    let server = bench.server.as_mut().unwrap();
    wait_for("the tunnel", Duration::from_secs(20), || (!server.tunnels().is_empty()).then_some(()));
}

#[test]
fn what_is_wrong_with_tools_leftovers_and_the_gateway_is_found() {
    let bench = Bench::idle();
    run(bench, TOOLS);
}
