//! Every provider as a user has it: recordings of ngrok and cloudflared played with their timing in front of a
//! stand-in for their clouds, the real ngrok 2, a tunnel that somebody else runs, and one provider after another.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use support::{Cloud, Home, LtServer, Mcpgw, Replayer, Session, free_port, http, tools, wait_for};

const QUICK: &str = "meadow-rapid-orbit-lantern.trycloudflare.com";
const NGROK: &str = "apt-walrus-keen.ngrok-free.app";

/// A home in which one tool is played from recordings, behind a cloud of its own.
struct World {
    home: Home,
    cloud: Cloud,
    tool: PathBuf,
}

impl World {
    fn new(tool: &str) -> Self {
        let home = Home::new();
        let tool = Replayer::install(&home, tool);
        Self { home, cloud: Cloud::start(), tool }
    }

    /// `mcpgw ARGS` where the tool plays these recordings, one a start, so many times faster.
    fn mcpgw(&self, recordings: &[&str], speed: &str) -> Mcpgw {
        let mut mcpgw = Mcpgw::new(&self.home).path_first(self.tool.parent().unwrap());
        for (name, value) in self.cloud.environment() {
            mcpgw = mcpgw.env(&name, value);
        }
        mcpgw
            .env("REPLAY", Replayer::recordings(recordings))
            .env("REPLAY_COUNT", self.home.path().join("count"))
            .env("REPLAY_LOG", self.log())
            .env("REPLAY_SPEED", speed)
    }

    /// `mcpgw tunnel --json --demo --provider TOOL`.
    fn tunnel(&self, recordings: &[&str], speed: &str) -> Mcpgw {
        let name = self.tool.file_name().unwrap().to_str().unwrap();
        self.mcpgw(recordings, speed).args(["tunnel", "--json", "--yes", "--demo", "--provider", name])
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("starts.jsonl")
    }

    fn starts(&self) -> Vec<Value> {
        Replayer::starts(&self.log())
    }

    fn argv(&self, start: usize) -> Vec<String> {
        self.starts()[start]["argv"]
            .as_array()
            .unwrap()
            .iter()
            .map(|arg| arg.as_str().unwrap().into())
            .collect()
    }

    fn count(&self, host: &str, what: &str) -> u64 {
        self.cloud.stats()["hosts"][host][what]["count"].as_u64().unwrap_or(0)
    }

    /// Everything that mcpgw wrote into its state folder.
    fn state(&self) -> String {
        let mut text = String::new();
        let mut folders = vec![self.home.state()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                match entry.path().is_dir() {
                    true => folders.push(entry.path()),
                    false => text += &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()),
                }
            }
        }
        text
    }
}

fn after(args: &[String], flag: &str) -> Option<String> {
    let at = args.iter().position(|arg| arg == flag)?;
    args.get(at + 1).cloned()
}

fn at(event: &Value) -> u64 {
    let at: jiff::Timestamp = event["at"].as_str().unwrap().parse().unwrap();
    at.as_millisecond().try_into().unwrap()
}

fn notice(session: &mut Session, code: &str, within: u64) -> Value {
    let what = format!("notice {code}");
    session.expect_where(&what, Duration::from_secs(within), |event| event["code"] == code)
}

#[test]
fn a_quick_tunnel_is_ready_once_it_is_connected_and_its_name_is_looked_up_over_https_only_then() {
    let world = World::new("cloudflared");
    world.home.write(".cloudflared/config.yml", "tunnel: mine\nurl: http://localhost:1\n");
    let mut session = world
        .tunnel(&["cloudflared/quick-success"], "0.05")
        .env("TUNNEL_URL", "http://localhost:1")
        .env("TUNNEL_TOKEN_FILE", "/nonexistent")
        .start();
    let found = session.expect("url_found");
    assert_eq!(found["url"], format!("https://{QUICK}"));
    let ready = session.expect("ready");
    assert_eq!((&ready["url"], &ready["provider"]), (&found["url"], &"cloudflared".into()));
    let argv = world.argv(0);
    let (start, edge) = (world.starts()[0].clone(), session.events()[0]["port"].clone());
    assert_eq!(after(&argv, "--url").unwrap(), format!("http://127.0.0.1:{edge}"));
    assert!(argv.contains(&"--no-autoupdate".into()) && argv.contains(&"--grace-period".into()), "{argv:?}");
    assert_eq!(start["config"], "{}\n", "nothing of the user's own config");
    let variables: Vec<_> = start["env"].as_object().unwrap().keys().collect();
    assert!(!variables.iter().any(|name| name.starts_with("TUNNEL_")), "{variables:?}");
    let stats = world.cloud.stats();
    let asked = stats["hosts"][QUICK]["dns"]["times"][0].as_u64().unwrap();
    // At this speed the connection is registered 0.6 s after the address is stated.
    assert!(asked > at(&found) + 400, "asked {} ms after the address was stated", asked - at(&found));
    session.stop();
}

#[test]
fn a_name_that_is_not_in_the_dns_yet_is_waited_for() {
    let world = World::new("cloudflared");
    world.cloud.fault(QUICK, "nxdomain");
    let mut session = world.tunnel(&["cloudflared/quick-success"], "10").start();
    let slow = notice(&mut session, "tunnel.slow", 20);
    assert!(slow["message"].as_str().unwrap().contains("not in the DNS yet"), "{slow}");
    assert_eq!(world.count(QUICK, "connects"), 0, "the name is not used before it is known");
    world.cloud.fault(QUICK, "none");
    session.expect("ready");
    assert_eq!(world.starts().len(), 1);
    session.stop();
}

#[test]
fn a_quick_tunnel_that_drops_and_returns_by_itself_is_left_to_it_and_keeps_its_address() {
    let world = World::new("cloudflared");
    let mut session = world.tunnel(&["cloudflared/quick-edge-drop-reconnect"], "1").start();
    let ready = session.expect("ready");
    let lost = session.expect("tunnel_lost");
    assert!(lost["reason"].as_str().unwrap().contains("lost its connection"), "{lost}");
    session.expect("url_verified");
    assert_eq!(session.expect("ready")["url"], ready["url"]);
    assert_eq!((world.starts().len(), session.count("gateway_starting")), (1, 1));
    session.stop();
}

#[test]
fn a_quick_tunnel_that_cloudflare_forgot_is_replaced() {
    let world = World::new("cloudflared");
    // It forgets it so soon in the recording that nobody would have seen it work: two seconds are put between.
    let recorded =
        std::fs::read_to_string(Replayer::recording("cloudflared/quick-unauthorized-after-drop")).unwrap();
    let later = recorded.lines().scan(0.0, |late, line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        if event["data"].as_str().unwrap().contains("Lost connection") {
            *late = 2.0;
        }
        event["t"] = (event["t"].as_f64().unwrap() + *late).into();
        Some(format!("{event}\n"))
    });
    let forgotten = world.home.write("later.timeline.jsonl", later.collect::<String>());
    let then = Replayer::recording("cloudflared/quick-success");
    let recordings = format!("{}:{then}", forgotten.display());
    let mut session = world.tunnel(&[], "1").env("REPLAY", recordings).start();
    session.expect("ready");
    session.expect("tunnel_lost");
    let why = notice(&mut session, "provider.restart", 20);
    assert!(why["message"].as_str().unwrap().contains("forgotten"), "{why}");
    session.expect("ready");
    assert_eq!(world.starts().len(), 2);
    session.stop();
}

#[test]
fn a_rate_limit_before_the_first_address_ends_the_session_and_says_how_long_to_wait() {
    for recording in ["cloudflared/quick-rate-limited", "cloudflared/quick-rate-limited-json"] {
        let world = World::new("cloudflared");
        let output = world.tunnel(&[recording], "1").run();
        let failed: Value = serde_json::from_str(output.stdout.lines().last().unwrap()).unwrap();
        assert_eq!((output.code, failed["code"].as_str()), (1, Some("cloudflared.rate_limited")), "{failed}");
        assert!(failed["fix"].as_str().unwrap().contains("minutes"), "{failed}");
        assert_eq!(world.starts().len(), 1, "never retried");
    }
}

#[test]
fn where_udp_is_blocked_the_next_start_uses_http2() {
    let world = World::new("cloudflared");
    let recordings = ["cloudflared/quick-edge-down-quic", "cloudflared/quick-success"];
    let mut session = world.tunnel(&recordings, "5").start();
    session.expect("ready");
    assert_eq!(after(&world.argv(0), "--protocol"), None);
    assert_eq!(after(&world.argv(1), "--protocol").as_deref(), Some("http2"));
    session.stop();
}

#[test]
fn held_back_event_streams_are_noticed() {
    let world = World::new("cloudflared");
    world.cloud.fault(QUICK, "buffer");
    let mut session = world.tunnel(&["cloudflared/quick-success"], "10").start();
    session.expect("ready");
    notice(&mut session, "tunnel.sse_buffered", 10);
    session.stop();
}

#[test]
fn a_named_tunnel_leads_to_the_edge_whatever_the_users_own_config_says() {
    let world = World::new("cloudflared");
    world.home.write(
        ".cloudflared/config.yml",
        "tunnel: mine\ningress:\n  - hostname: mcp.example.com\n    service: http://localhost:3001\n  - service: http_status:404\n",
    );
    world.home.write(".cloudflared/cert.pem", "");
    let tunnel = world.tunnel(&["cloudflared/named-run-success"], "1");
    let mut session = tunnel.args(["--tunnel-name", "mine"]).env("HOME", world.home.path()).start();
    let ready = session.expect("ready");
    assert_eq!(ready["url"], "https://mcp.example.com");
    let config = world.starts()[0]["config"].as_str().unwrap().to_string();
    let edge = &session.events()[0]["port"];
    assert!(config.contains(&format!("service: http://127.0.0.1:{edge}")), "{config}");
    assert!(!config.contains("3001"), "{config}");
    assert_eq!(world.argv(0).iter().rev().take(2).collect::<Vec<_>>(), ["mine", "run"]);
    session.stop();
}

#[test]
fn a_dashboards_tunnel_needs_its_hostname_and_port_and_its_token_is_never_seen() {
    let world = World::new("cloudflared");
    let token = format!("eyJhIjoi{}", "Zm9v".repeat(20));
    let edge = free_port().to_string();
    let incomplete = world.tunnel(&["cloudflared/named-run-success"], "1");
    let output = incomplete.env("TUNNEL_TOKEN", &token).args(["--hostname", "mcp.example.com"]).run();
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("--edge-port is missing"), "{}", output.stderr);
    let mut session = world
        .tunnel(&["cloudflared/named-run-success"], "1")
        .env("TUNNEL_TOKEN", &token)
        .env("REPLAY_HOST", "mcp.example.com")
        .env("REPLAY_PORT", &edge)
        .args(["--hostname", "mcp.example.com", "--edge-port", &edge])
        .start();
    let said = notice(&mut session, "cloudflared.dashboard", 10);
    assert!(said["message"].as_str().unwrap().contains(&format!("http://localhost:{edge}")), "{said}");
    assert_eq!(session.expect("ready")["url"], "https://mcp.example.com");
    assert_eq!(world.starts()[0]["env"]["TUNNEL_TOKEN"], token.as_str());
    assert!(!world.argv(0).join(" ").contains(&token));
    session.stop();
    assert!(!session.transcript().contains(&token) && !world.state().contains(&token));
}

#[test]
fn a_named_tunnel_without_credentials_is_not_ready_and_says_what_sets_it_up() {
    let world = World::new("cloudflared");
    let tunnel = world.tunnel(&["cloudflared/named-run-success"], "1");
    let output = tunnel.args(["--tunnel-name", "mine", "--hostname", "mcp.example.com"]).run();
    let failed = output.json();
    assert_eq!((output.code, failed["code"].as_str()), (1, Some("provider.not_ready")), "{failed}");
    assert!(
        failed["fix"].as_str().unwrap().contains("providers setup cloudflared --tunnel-name mine"),
        "{failed}"
    );
    assert!(world.starts().is_empty());
}

#[test]
fn ngrok_is_called_as_its_version_wants_it() {
    for (version, flags) in [
        ("ngrok version 3.20.0", ["--url", "https://apt-walrus-keen.ngrok-free.app"]),
        ("ngrok version 3.9.1", ["--domain", NGROK]),
        ("ngrok version 2.3.41", ["--hostname", NGROK]),
    ] {
        let world = World::new("ngrok");
        let mut session = world
            .tunnel(&["ngrok/v3-success-json"], "1")
            .env("NGROK_AUTHTOKEN", "a-token-of-mine")
            .env("REPLAY_VERSION", version)
            .args(["--domain", NGROK])
            .start();
        assert_eq!(session.expect("ready")["url"], format!("https://{NGROK}"));
        let argv = world.argv(0);
        assert_eq!(after(&argv, flags[0]).as_deref(), Some(flags[1]), "{argv:?}");
        assert_eq!(after(&argv, "--log-format").as_deref(), Some("json"));
        assert!(!argv.join(" ").contains("a-token-of-mine"));
        let warned = session.events().iter().any(|event| event["code"] == "ngrok.old");
        assert_eq!(warned, version.contains(" 2."), "version 2 is warned of");
        session.stop();
    }
}

#[test]
fn ngroks_quota_is_spared_its_own_api_is_asked_and_bad_news_there_are_looked_into() {
    let world = World::new("ngrok");
    let asked = world.home.path().join("asked");
    let tunnel = world.tunnel(&["ngrok/v3-success"], "1").env("REPLAY_ASKED", &asked);
    let mut session = tunnel.env("NGROK_AUTHTOKEN", "a-token-of-mine").start();
    session.expect("ready");
    let replayer = session.process("bin/ngrok");
    wait_for("two questions to its API", Duration::from_secs(20), || {
        let text = std::fs::read_to_string(&asked).unwrap_or_default();
        (text.matches("/api/tunnels").count() >= 2).then_some(())
    });
    assert_eq!(world.count(NGROK, "requests"), 1);
    // Frozen, its API is silent: that is looked into at once, though a probe was due in two minutes only.
    replayer.signal(support::Signal::STOP);
    wait_for("a look through the address", Duration::from_secs(30), || {
        (world.count(NGROK, "requests") > 1).then_some(())
    });
    replayer.signal(support::Signal::CONT);
    assert!(world.count(NGROK, "requests") < 5);
    session.stop();
}

#[test]
fn ngroks_own_reconnect_ends_in_ready_again() {
    let world = World::new("ngrok");
    let mut session =
        world.tunnel(&["ngrok/v3-reconnect"], "1").env("NGROK_AUTHTOKEN", "a-token-of-mine").start();
    session.expect("ready");
    assert_eq!(world.starts().len(), 1);
    session.stop();
}

/// What ngrok says when it gives up with this code, as version 3 does: three records and then plain lines.
fn ngrok_error(home: &Home, code: u32, words: &str) -> String {
    let err = format!("{words}\\r\\n\\r\\nERR_NGROK_{code}\\r\\n");
    let records: String = ["session closing", "terminating with error", "command failed"]
        .map(|msg| format!("t=2026-04-11T09:30:01+0000 lvl=eror msg=\"{msg}\" obj=app err=\"{err}\"\n"))
        .concat();
    home.write("error.stderr", format!("ERROR:  {words}\nERROR:\nERROR:  ERR_NGROK_{code}\nERROR:\n"));
    home.write("error.stdout", records).to_str().unwrap().into()
}

#[test]
fn errors_that_no_retry_helps_end_at_once_with_the_fix() {
    for (code, expected, fix) in [
        (4018, "ngrok.4018", "add-authtoken"),
        (105, "ngrok.authtoken", "add-authtoken"),
        (107, "ngrok.authtoken", "add-authtoken"),
        (108, "ngrok.108", "dashboard.ngrok.com/agents"),
        (300, "ngrok.plan", "dashboard.ngrok.com/domains"),
        (313, "ngrok.plan", "dashboard.ngrok.com/domains"),
        (121, "ngrok.version", "ngrok.com/download"),
    ] {
        let world = World::new("ngrok");
        let recording = ngrok_error(&world.home, code, "authentication failed: it does not work.");
        let output = world
            .tunnel(&["ngrok/v3-success"], "1")
            .env("REPLAY", &recording)
            .env("NGROK_AUTHTOKEN", "mine")
            .run();
        let failed: Value = serde_json::from_str(output.stdout.lines().last().unwrap()).unwrap();
        assert_eq!((output.code, failed["code"].as_str()), (1, Some(expected)), "{code}: {failed}");
        assert!(failed["fix"].as_str().unwrap().contains(fix), "{failed}");
        assert_eq!(world.starts().len(), 1, "{code} was retried");
    }
}

#[test]
fn a_token_that_ngrok_repeats_is_hidden_everywhere() {
    let world = World::new("ngrok");
    let token = "2aBcDeFgHiJkLmNoPqRsTuVwXyZ_1a2B3c4D5e6F7g8H9i0J1";
    let words =
        format!("authentication failed: The authtoken you specified is invalid.\\nYour authtoken: {token}");
    let recording = ngrok_error(&world.home, 107, &words);
    let tunnel = world.tunnel(&["ngrok/v3-success"], "1").env("REPLAY", &recording);
    let output = tunnel.env("NGROK_AUTHTOKEN", token).run();
    assert!(output.stdout.contains("ngrok.authtoken"), "{}", output.stdout);
    for said in [&output.stdout, &output.stderr, &world.state(), &world.argv(0).join(" ")] {
        assert!(!said.contains(token), "{said}");
    }
    assert!(world.state().contains("[hidden]"), "{}", world.state());
}

/// Standard output closes, standard error still holds the reason, the process is gone: all at one moment.
#[test]
fn the_last_words_of_a_tool_that_dies_at_once_are_heard() {
    let home = Home::new();
    let tool = home
        .write("bin/cloudflared", "#!/bin/sh\necho 'Provided Tunnel token is not valid.' >&2\nexit 255\n");
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let sessions = (0..12).map(|_| {
        let flags = ["--demo", "--provider", "cloudflared", "--cloudflared", tool.to_str().unwrap()];
        Mcpgw::tunnel(&home).system_path().args(flags).start()
    });
    for mut session in sessions.collect::<Vec<_>>() {
        assert_eq!(session.expect("failed")["code"], "cloudflared.bad_token", "{}", session.transcript());
        assert_eq!(session.count("restarting"), 0, "a permanent error was retried: {}", session.transcript());
        session.wait();
    }
}

#[test]
fn a_name_that_is_still_bound_is_waited_for_and_its_address_in_the_error_is_none() {
    let world = World::new("ngrok");
    let words = format!("failed to start tunnel: The endpoint 'https://{NGROK}' is already online.");
    let bound = ngrok_error(&world.home, 334, &words);
    let then = Replayer::recordings(&["ngrok/v3-success"]);
    let tunnel = world.tunnel(&[], "1").env("REPLAY", format!("{bound}:{then}"));
    let mut session = tunnel.env("NGROK_AUTHTOKEN", "mine").start();
    session.expect("restarting");
    assert_eq!(session.count("url_found"), 0);
    session.expect("ready");
    assert_eq!(world.starts().len(), 2);
    session.stop();
}

#[test]
fn without_an_authtoken_ngrok_is_not_ready_and_with_one_in_its_own_config_it_is() {
    let world = World::new("ngrok");
    let output = world.tunnel(&["ngrok/v3-success"], "1").env("HOME", world.home.path()).run();
    assert_eq!(output.json()["code"], "provider.not_ready");
    world.home.write(".config/ngrok/ngrok.yml", "version: \"3\"\nagent:\n  authtoken: mine\n");
    let mut session = world.tunnel(&["ngrok/v3-success"], "1").env("HOME", world.home.path()).start();
    session.expect("ready");
    session.stop();
}

#[test]
fn the_real_ngrok_2_is_warned_of_and_offline_it_ends_with_its_own_reason() {
    let home = Home::new();
    let ngrok = tools().ngrok_v2();
    let output = Mcpgw::new(&home)
        .args(["tunnel", "--json", "--demo", "--provider", "ngrok", "--ngrok", ngrok.to_str().unwrap()])
        .args(["--start-timeout", "2s"])
        .env("NGROK_AUTHTOKEN", "mine")
        .run();
    let events: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().any(|event| event["code"] == "ngrok.old"), "{}", output.stdout);
    let failed = events.last().unwrap();
    assert_eq!((output.code, failed["code"].as_str()), (1, Some("provider.no_url")), "{failed}");
    assert!(failed["message"].as_str().unwrap().contains("lookup"), "{failed}");
    assert!(events.iter().all(|event| event["event"] != "url_found"));
}

#[test]
fn pages_that_stand_in_the_way_are_called_by_their_name() {
    for (fault, words) in [
        ("loca", "localtunnel's password page"),
        ("ngrok-6024", "browser warning page"),
        ("ngrok-3200", "takes the tunnel for offline"),
        ("captive", "redirects to login.hotel.example"),
        ("other", "something else answered there (status 200, server: nginx)"),
    ] {
        let world = World::new("ngrok");
        world.cloud.fault(NGROK, fault);
        let mut session = world.tunnel(&["ngrok/v3-success"], "1").env("NGROK_AUTHTOKEN", "mine").start();
        let slow = notice(&mut session, "tunnel.slow", 20);
        assert!(slow["message"].as_str().unwrap().contains(words), "{fault}: {slow}");
        assert_eq!(session.count("ready"), 0);
        world.cloud.fault(NGROK, "none");
        session.expect("ready");
        session.stop();
    }
}

#[test]
fn who_cannot_go_on_hands_over_to_the_next_with_the_gateway_told() {
    let (world, server) = (World::new("cloudflared"), LtServer::start());
    let mut session = world
        .tunnel(&["cloudflared/quick-rate-limited"], "1")
        .args(["--fallback", "lt", "--server", &server.url(), "--subdomain", "second"])
        .start();
    let failover = session.expect("failover");
    assert_eq!(
        (failover["from"].as_str(), failover["to"].as_str()),
        (Some("cloudflared"), Some("localtunnel"))
    );
    assert!(failover["reason"].as_str().unwrap().contains("1015"), "{failover}");
    let ready = session.expect("ready");
    assert_eq!((ready["provider"].as_str(), world.starts().len()), (Some("localtunnel"), 1));
    assert!(ready["url"].as_str().unwrap().contains("second."), "{ready}");
    session.stop();
}

#[test]
fn auto_takes_the_first_that_is_ready_in_the_order_of_the_settings_and_keeps_the_others_for_later() {
    let (world, server) = (World::new("cloudflared"), LtServer::start());
    world.home.write("mcpgw.toml", format!("order = ['cloudflared', 'lt']\nserver = '{}'", server.url()));
    let mut session = world
        .mcpgw(&["cloudflared/quick-rate-limited"], "1")
        .args(["tunnel", "--json", "--yes", "--demo", "--provider", "auto"])
        .start();
    assert_eq!(session.expect("failover")["to"], "localtunnel");
    assert_eq!(session.expect("ready")["provider"], "localtunnel");
    session.stop();
}

/// A reverse proxy as somebody else runs it: bytes from its port to the edge's while it is switched on.
struct Proxy {
    port: u16,
    on: Arc<AtomicBool>,
}

impl Proxy {
    fn to(edge: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, on) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(true)));
        let switch = on.clone();
        std::thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                let Some(edge) =
                    switch.load(Ordering::SeqCst).then(|| TcpStream::connect(("127.0.0.1", edge)).ok())
                else {
                    continue;
                };
                let Some(edge) = edge else { continue };
                for (mut from, mut to) in
                    [(visitor.try_clone().unwrap(), edge.try_clone().unwrap()), (edge, visitor)]
                {
                    std::thread::spawn(move || {
                        let mut buffer = [0; 4096];
                        while let Ok(1..) = from
                            .read(&mut buffer)
                            .map(|read| to.write_all(&buffer[..read]).map_or(0, |()| read))
                        {
                        }
                        let _ = to.shutdown(std::net::Shutdown::Both);
                    });
                }
            }
        });
        Self { port, on }
    }
}

#[test]
fn a_tunnel_that_somebody_else_runs_is_proved_watched_and_never_spawned() {
    let (home, edge) = (Home::new(), free_port());
    let proxy = Proxy::to(edge);
    let url = format!("http://tailnet.localhost:{}", proxy.port);
    let mut session = Mcpgw::tunnel(&home)
        .args(["--demo", "--url", &url, "--edge-port", &edge.to_string(), "--probe-interval", "300ms"])
        .start();
    let ready = session.expect("ready");
    assert_eq!((ready["url"].as_str(), ready["provider"].as_str()), (Some(url.as_str()), Some("url")));
    let host = format!("tailnet.localhost:{}", proxy.port);
    assert_eq!(http::get(&format!("127.0.0.1:{}", proxy.port), &host, "/health").unwrap().status, 200);
    proxy.on.store(false, Ordering::SeqCst);
    session.expect("tunnel_lost");
    proxy.on.store(true, Ordering::SeqCst);
    session.expect("url_verified");
    assert_eq!(session.expect("ready")["url"], url.as_str());
    session.stop();
}

#[test]
fn a_url_with_a_path_is_the_mcp_url_and_without_an_edge_port_the_mistake_is_told() {
    let home = Home::new();
    let output = Mcpgw::tunnel(&home).args(["--demo", "--url", "https://x.example"]).run();
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("--edge-port 3002"), "{}", output.stderr);
    let edge = free_port();
    let proxy = Proxy::to(edge);
    let url = format!("http://tailnet.localhost:{}/api/mcp/team", proxy.port);
    let mut session =
        Mcpgw::tunnel(&home).args(["--demo", "--url", &url, "--edge-port", &edge.to_string()]).start();
    assert_eq!(session.expect("ready")["mcp_url"], url.as_str());
    session.stop();
}
