//! The key that strangers lack: nobody gets in without it, and it reaches nobody who has no need of it.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Gateway, Home, Mcpgw, Session, Signal, free_port, gateway_command, http, wait_for};

/// A session whose stand-in for `lt` states a URL that leads to the edge itself.
struct Closed {
    session: Session,
    home: Home,
    /// `127.0.0.1:PORT` of the edge.
    address: String,
    ready: Value,
}

impl Closed {
    fn start(gateway: &[&str], args: &[&str]) -> Self {
        Self::start_with(gateway, args, |call| call)
    }

    fn start_with(gateway: &[&str], args: &[&str], more: impl FnOnce(Mcpgw) -> Mcpgw) -> Self {
        let (home, port) = (Home::new(), free_port().to_string());
        let call = tunnel(&home, &port, args)
            .args(["--"])
            .args(gateway_command(&[&["--port", &port], gateway].concat()));
        Self::of(more(call).start(), home)
    }

    fn of(mut session: Session, home: Home) -> Self {
        let edge = session.expect("edge_ready")["port"].as_u64().unwrap();
        let ready = session.expect("ready");
        Self { session, home, address: format!("127.0.0.1:{edge}"), ready }
    }

    fn key(&self) -> String {
        let output = Mcpgw::new(&self.home).args(["key", "show"]).run();
        assert_eq!(output.code, 0, "{output:?}");
        output.stdout.trim().to_string()
    }

    fn get(&self, path: &str, headers: &[&str]) -> http::Response {
        self.ask("GET", path, headers)
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str]) -> http::Response {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: edge.localhost\r\nConnection: close\r\n");
        http::send(&self.address, format!("{head}{headers}\r\n")).unwrap()
    }

    /// Everything below the state folder but the key itself, and all that was said.
    fn all_that_was_written(&mut self) -> String {
        let mut text = self.session.transcript();
        let mut folders = vec![self.home.state()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                match entry.file_type().unwrap().is_dir() {
                    true if entry.file_name() != "keys" => folders.push(entry.path()),
                    true => {}
                    false => text.push_str(&String::from_utf8_lossy(&fs::read(entry.path()).unwrap())),
                }
            }
        }
        text
    }
}

fn tunnel(home: &Home, port: &str, args: &[&str]) -> Mcpgw {
    let fake =
        home.write("bin/lt", "#!/bin/sh\necho \"your url is: http://edge.localhost:$2\"\nexec sleep 600\n");
    fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    Mcpgw::closed_tunnel(home)
        .args(["--provider", "lt", "--lt", fake.to_str().unwrap()])
        .args(["--server", "http://127.0.0.1:1", "--port", port])
        .args(args)
}

const MCP: [&str; 4] = ["/api/mcp/default", "/mcp", "/api/mcp/other/profile", "/api//mcp/../mcp/x"];

#[test]
fn mcp_paths_open_with_the_key_alone_and_the_answer_to_others_says_what_to_send() {
    let closed = Closed::start(&[], &[]);
    let key = closed.key();
    assert_eq!(key.len(), 64, "256 bits");
    let (right, wrong) = (format!("Authorization: Bearer {key}"), "Authorization: Bearer 0123456789abcdef");
    let basic = "Authorization: Basic eDp5";
    let tries = [
        ("GET", MCP[0], vec![]),
        ("POST", MCP[1], vec![wrong]),
        ("DELETE", MCP[2], vec![basic]),
        ("PUT", MCP[3], vec![&right, &right]),
        ("OPTIONS", MCP[0], vec![]),
        ("TRACE", MCP[1], vec![]),
        ("BREW", MCP[2], vec![wrong]),
    ];
    for (method, path, headers) in tries {
        let refused = closed.ask(method, path, &headers);
        assert_eq!(refused.status, 403, "{method} {path} {headers:?}");
        assert_eq!(refused.header("www-authenticate"), None, "it would send clients into OAuth");
        let message = refused.json()["error"]["message"].as_str().unwrap().to_string();
        for word in ["Authorization: Bearer KEY", "/k/KEY/", "mcpgw key show"] {
            assert!(message.contains(word), "{message}");
        }
    }
    for path in MCP {
        assert_eq!(closed.get(path, &[&right]).status, 200, "{path}");
        assert_eq!(closed.get(&format!("/k/{key}{path}"), &[]).status, 200, "{path}");
    }
    for path in ["/health", "/api/oauth/callback?code=x", "/.well-known/oauth-protected-resource"] {
        assert_eq!(closed.get(path, &[]).status, 200, "{path} needs no key");
    }
}

#[test]
fn the_gateway_never_sees_the_key_and_sees_every_other_authorization() {
    let closed = Closed::start(&[], &[]);
    let key = closed.key();
    let bearer = format!("Authorization: Bearer {key}");
    for path in ["/api/mcp/default?q=1", "/api/oauth/token"] {
        let seen = closed.get(path, &[&bearer]);
        assert!(!seen.text().contains(&key) && seen.json()["url"] == path, "{}", seen.text());
        assert!(!seen.text().to_lowercase().contains("authorization"), "{}", seen.text());
    }
    let seen = closed.get(&format!("/k/{key}/api/mcp/default?q=1"), &["Authorization: Bearer theirs"]).json();
    assert_eq!(seen["url"], "/api/mcp/default?q=1");
    assert_eq!(seen["headers"]["authorization"], "Bearer theirs");
    let seen = closed.get("/api/oauth/token", &["Authorization: Basic eDp5"]).json();
    assert_eq!(seen["headers"]["authorization"], "Basic eDp5");
    let metadata = format!("/.well-known/oauth-protected-resource/k/{key}/api/mcp/default");
    assert_eq!(
        closed.get(&metadata, &[]).json()["url"],
        "/.well-known/oauth-protected-resource/api/mcp/default"
    );
    assert!(seen["env"].get("MCPGW_KEY").is_none());
}

/// A browser asks first, and never sends the key with that (the Fetch standard's CORS preflight).
#[test]
fn a_preflight_is_answered_by_the_edge_and_never_reaches_the_gateway() {
    let closed = Closed::start(&[], &[]);
    let asks = [
        "Origin: https://client.localhost",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: authorization,content-type",
    ];
    let answer = closed.ask("OPTIONS", "/api/mcp/default", &asks);
    assert!(answer.status == 204 && answer.body.is_empty(), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://client.localhost"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("authorization,content-type"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let refused = closed.get("/api/mcp/default", &asks[..1]);
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, Some("*")));
    assert_eq!(closed.ask("OPTIONS", "/admin", &asks).status, 404);
}

#[test]
fn who_tries_keys_is_slowed_and_who_has_the_right_one_is_not() {
    let closed = Closed::start(&[], &[]);
    let right = format!("Authorization: Bearer {}", closed.key());
    let wrong = ["Authorization: Bearer 0123456789abcdef"];
    let began = Instant::now();
    // Nor do addresses help that a visitor makes up.
    let made_up = |n: u8| [format!("X-Forwarded-For: 192.0.2.{n}"), format!("CF-Connecting-IP: 192.0.2.{n}")];
    let attempt = |n| closed.get("/mcp", &[wrong[0], &made_up(n)[0], &made_up(n)[1]]).status;
    let statuses: Vec<u16> = (0..14).map(attempt).collect();
    assert_eq!(statuses, [403; 14]);
    assert!(began.elapsed() > Duration::from_millis(50 + 100 + 200 + 400), "{:?}", began.elapsed());
    // One answer is held back; whoever tries at the same time is sent away at once.
    let request =
        format!("GET /mcp HTTP/1.1\r\nHost: edge.localhost\r\nConnection: close\r\n{}\r\n\r\n", wrong[0]);
    std::thread::scope(|scope| {
        let (address, request) = (closed.address.as_str(), request.as_str());
        let tries: Vec<_> =
            (0..8).map(|_| scope.spawn(move || http::send(address, request).unwrap().status)).collect();
        let began = Instant::now();
        for _ in 0..20 {
            assert_eq!(closed.get("/mcp", &[&right]).status, 200);
        }
        assert!(began.elapsed() < Duration::from_millis(700), "{:?} for 20", began.elapsed());
        let statuses: Vec<u16> = tries.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(statuses.contains(&429) && statuses.contains(&403), "{statuses:?}");
    });
}

#[test]
fn tricks_with_the_prefix_open_nothing() {
    let closed = Closed::start(&[], &[]);
    let key = closed.key();
    for (path, status) in [
        (format!("/k/{key}/../admin"), 404),
        (format!("/k/{key}/%2e%2e/api/profiles"), 404),
        (format!("/k/{key}/api/mcp/../../admin"), 404),
        (format!("/k/{key}/admin"), 404),
        (format!("/k/{key}"), 404),
        (format!("/k/{key}/"), 404),
        (format!("/k/{key}/k/{key}/mcp"), 404),
        (format!("/K/{key}/mcp"), 404),
        (format!("//k/{key}/mcp"), 404),
        (format!("/x/../k/{key}/mcp"), 404),
        (format!("/k/{}/mcp", key.to_uppercase()), 403),
        (format!("/k/{}/mcp", &key[1..]), 403),
        (format!("/k/{key};x/mcp"), 403),
        (format!("/k/%{:02x}{}/mcp", key.as_bytes()[0], &key[1..]), 403),
        ("/k//mcp".into(), 403),
        ("/k/mcp".into(), 404),
        (format!("/mcp?key={key}&k={key}"), 403),
        (format!("/mcp?Authorization=Bearer%20{key}"), 403),
        (format!("/mcp/k/{key}"), 403),
    ] {
        assert_eq!(closed.get(&path, &[]).status, status, "{path}");
    }
    for header in ["X-Api-Key", "Proxy-Authorization", "Cookie", "X-Authorization"] {
        assert_eq!(closed.get("/mcp", &[&format!("{header}: Bearer {key}")]).status, 403, "{header}");
    }
    let listed = ["Connection: authorization", &format!("Authorization: Bearer {key}")];
    assert!(!closed.get("/mcp", &listed).text().contains(&key), "the key is not the gateway's business");
}

#[test]
fn keys_are_kept_by_the_project_and_reach_no_log_no_event_and_no_argument() {
    let mut closed = Closed::start(&[], &[]);
    let key = closed.key();
    let file = closed.ready["key_file"].as_str().unwrap().to_string();
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), key);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let status = Mcpgw::new(&closed.home).args(["status", "--json"]).run();
    assert_eq!(status.json()["sessions"][0]["key_file"], file.as_str());

    let guess = "guess-0123456789abcdef";
    closed.get(&format!("/k/{key}/mcp"), &[]);
    closed.get(&format!("/k/{guess}/mcp"), &[&format!("Authorization: Bearer {guess}")]);
    closed.get(&format!("/%6b/{key}//mcp"), &[]);
    closed.get(&format!("/.well-known/x/k/{key}/mcp"), &[]);
    // The edge writes its log within a moment, not with each request.
    let written = wait_for("the requests in the edge's log", Duration::from_secs(10), || {
        let written = closed.all_that_was_written();
        let whole = ["GET /k/***/mcp 200", "GET /k/***/mcp 403", "GET /.well-known/x/k/***/mcp"];
        whole.iter().all(|line| written.contains(line)).then_some(written)
    });
    for secret in [key.as_str(), guess] {
        assert!(!written.contains(secret) && !status.stdout.contains(secret), "{written}");
    }
    let commands: String = closed.session.survivors().iter().map(|process| process.command.clone()).collect();
    assert!(!commands.contains(&key), "{commands}");

    closed.session.stop();
    let mut again = tunnel(&closed.home, &free_port().to_string(), &["--demo"]).start();
    assert_eq!(again.expect("ready")["key_file"], file.as_str());
    again.stop();
    assert_eq!(closed.key(), key, "the same in the next session");
    let elsewhere = closed.home.path().join("other");
    fs::create_dir(&elsewhere).unwrap();
    let none = Mcpgw::new(&closed.home).current_dir(&elsewhere).args(["key", "show"]).run();
    assert!(
        none.code == 1 && none.stderr.contains("it is no project") && none.stderr.contains("--session"),
        "{none:?}"
    );
    fs::write(elsewhere.join("mcpgw.toml"), "").unwrap();
    let none = Mcpgw::new(&closed.home).current_dir(&elsewhere).args(["key", "show"]).run();
    assert!(none.code == 1 && none.stderr.contains("mcpgw key rotate"), "{none:?}");
}

#[test]
fn the_address_for_clients_that_send_no_header_can_be_printed() {
    let closed = Closed::start(&[], &[]);
    let output = Mcpgw::new(&closed.home).args(["url", "--with-key"]).run();
    let path = format!("/k/{}/api/mcp/default", closed.key());
    assert!(output.stdout.trim().ends_with(&path), "{output:?}");
    assert_eq!(closed.get(&path, &[]).status, 200);
}

#[test]
fn a_rotated_key_counts_in_the_session_that_runs() {
    let closed = Closed::start(&[], &[]);
    let old = closed.key();
    assert_eq!(closed.get(&format!("/k/{old}/mcp"), &[]).status, 200);
    let rotated = Mcpgw::new(&closed.home).args(["key", "rotate"]).run();
    assert!(rotated.code == 0 && rotated.stdout.contains("the session that runs"), "{rotated:?}");
    let new = closed.key();
    assert!(new != old && !rotated.stdout.contains(&new));
    assert_eq!(closed.get(&format!("/k/{old}/mcp"), &[]).status, 403, "when it is said, it is true");
    assert!(rotated.stdout.contains("the old key opens nothing any more"), "{rotated:?}");
    assert_eq!(closed.get(&format!("/k/{new}/mcp"), &[]).status, 200);
}

#[test]
fn a_session_that_hangs_is_not_said_to_have_the_new_key() {
    let closed = Closed::start(&[], &[]);
    let key = closed.key();
    assert_eq!(closed.get(&format!("/k/{key}/mcp"), &[]).status, 200);
    closed.session.signal(Signal::STOP);
    let rotated = Mcpgw::new(&closed.home).args(["key", "rotate"]).run();
    assert!(rotated.code == 0 && rotated.stdout.contains("does not answer"), "{rotated:?}");
    assert!(!rotated.stdout.contains("opens nothing"), "{rotated:?}");
    closed.session.signal(Signal::CONT);
    wait_for("the old key to open nothing", Duration::from_secs(5), || {
        (closed.get(&format!("/k/{key}/mcp"), &[]).status == 403).then_some(())
    });
}

#[test]
fn away_from_every_project_a_key_is_the_running_sessions_and_without_one_nobodys() {
    let mut closed = Closed::start(&[], &[]);
    let elsewhere = tempfile::tempdir().unwrap();
    let key = |arguments: &[&str]| {
        Mcpgw::new(&closed.home).current_dir(elsewhere.path()).args(["key"]).args(arguments).run()
    };
    let name = closed.home.path().file_name().unwrap().to_str().unwrap();
    for arguments in [&["show"][..], &["show", "--session", name]] {
        assert_eq!(key(arguments).stdout.trim(), closed.key(), "{arguments:?}");
    }
    let old = closed.key();
    let rotated = key(&["rotate", "--session", name]);
    assert!(rotated.code == 0 && rotated.stdout.contains(name), "{rotated:?}");
    assert_ne!(closed.key(), old);
    let slip = key(&["rotate", "--session", "nosuch"]);
    assert!(slip.code == 1 && slip.stderr.contains("nosuch"), "{slip:?}");
    closed.session.stop();
    let nobodys = key(&["rotate"]);
    let folder = elsewhere.path().display().to_string();
    assert!(nobodys.code == 1 && nobodys.stderr.contains(&folder), "{nobodys:?}");
    assert_eq!(fs::read_dir(closed.home.state().join("keys")).unwrap().count(), 1);
}

#[test]
fn a_key_of_ones_own_comes_from_the_environment_and_a_bad_one_is_refused_unseen() {
    let own = "my-own-key_of~some.length";
    let closed = Closed::start_with(&[], &["--auth", "key"], |call| call.env("MCPGW_KEY", own));
    assert_eq!(closed.key(), own);
    let seen = closed.get(&format!("/k/{own}/mcp"), &[]);
    assert!(seen.status == 200 && !seen.text().contains(own), "no child has it: {}", seen.text());
    for bad in ["short-secret", "with a space in it somewhere", "slash/slash/slash/slash"] {
        let output = Mcpgw::new(&Home::new()).args(["tunnel", "--demo"]).env("MCPGW_KEY", bad).run();
        assert!(output.code == 2 && output.stderr.contains("MCPGW_KEY"), "{output:?}");
        assert!(!output.stderr.contains(bad), "{output:?}");
    }
}

#[test]
fn a_gateway_that_guards_itself_is_passed_through_and_a_key_can_still_be_asked_for() {
    let mut closed = Closed::start(&["--guard"], &[]);
    assert!(closed.ready.get("key_file").is_none(), "{}", closed.ready);
    let challenge = closed.get("/api/mcp/default", &[]);
    assert_eq!(challenge.status, 401);
    let url = closed.ready["url"].as_str().unwrap().to_string();
    let metadata = format!("{url}/.well-known/oauth-protected-resource/api/mcp/default");
    assert!(challenge.header("www-authenticate").unwrap().contains(&metadata));
    let seen = closed.get("/api/mcp/default", &["Authorization: Bearer user-token"]).json();
    assert_eq!(seen["headers"]["authorization"], "Bearer user-token", "untouched");
    assert!(closed.session.events().iter().all(|event| event["code"] != "auth.resource_metadata"));

    let both = Closed::start(&["--guard"], &["--auth", "key"]);
    let key = both.key();
    assert_eq!(both.get("/mcp", &["Authorization: Bearer user-token"]).status, 403);
    assert_eq!(both.get(&format!("/k/{key}/mcp"), &["Authorization: Bearer user-token"]).status, 200);
    assert_eq!(both.get(&format!("/k/{key}/mcp"), &[]).status, 401);
}

#[test]
fn a_gateway_that_leaves_one_door_open_does_not_guard_itself() {
    let closed = Closed::start(&["--guard"], &["--env", "GW_OPEN=/mcp"]);
    assert!(closed.ready["key_file"].is_string());
    assert_eq!(closed.get("/mcp", &[]).status, 403);
}

#[test]
fn a_gateway_that_guards_one_profile_and_not_another_opens_neither_to_strangers() {
    let closed = Closed::start(&["--guard"], &["--env", "GW_OPEN=/api/mcp/open"]);
    assert!(closed.ready.get("key_file").is_none(), "nobody could know: {}", closed.ready);
    for method in ["GET", "POST", "DELETE"] {
        assert_eq!(closed.ask(method, "/api/mcp/open", &[]).status, 403, "{method}");
        assert_eq!(closed.ask(method, "/api/mcp/open", &["Authorization: Bearer user-token"]).status, 403);
    }
    // Wherever it refuses strangers itself, it is passed through.
    for path in ["/api/mcp/default", "/api/mcp/other/profile"] {
        assert_eq!(closed.get(path, &[]).status, 401, "{path}");
        assert_eq!(closed.get(path, &["Authorization: Bearer user-token"]).status, 200, "{path}");
    }
    let key = closed.key();
    assert_eq!(closed.get(&format!("/k/{key}/api/mcp/open"), &[]).status, 200);
    // No key is needed at the address that clients are given.
    let output = Mcpgw::new(&closed.home).args(["url", "--with-key"]).run();
    assert_eq!(output.stdout.trim(), closed.ready["mcp_url"].as_str().unwrap());
}

#[test]
fn who_was_told_the_key_still_gets_in_where_none_is_asked_for_and_the_gateway_does_not_see_it() {
    let (home, port) = (Home::new(), free_port().to_string());
    home.write("mcpgw.toml", "");
    assert_eq!(Mcpgw::new(&home).args(["key", "rotate"]).run().code, 0);
    let gateway = gateway_command(&["--port", &port]);
    let call = tunnel(&home, &port, &["--auth", "none", "--yes"]).args(["--"]).args(gateway);
    let open = Closed::of(call.start(), home);
    assert!(open.ready.get("key_file").is_none(), "{}", open.ready);
    let key = open.key();
    assert_eq!(open.get(&format!("/k/{key}/api/mcp/default"), &[]).status, 200);
    assert_eq!(open.get("/k/some-other-key/api/mcp/default", &[]).status, 200);
    let seen = open.get("/mcp", &[&format!("Authorization: Bearer {key}")]).json();
    assert!(seen["headers"].get("authorization").is_none(), "{seen}");
}

#[test]
fn metadata_of_another_address_is_said_with_the_fix() {
    let mut closed = Closed::start(&["--guard", "--metadata", "http://localhost:3001/.well-known/x"], &[]);
    let notice =
        closed.session.events().iter().find(|event| event["code"] == "auth.resource_metadata").cloned();
    let notice = notice.expect("a notice");
    assert!(notice["message"].as_str().unwrap().contains("http://localhost:3001/.well-known/x"), "{notice}");
    assert!(notice["fix"].as_str().unwrap().contains("BETTER_AUTH_URL={url}"), "{notice}");
}

#[test]
fn a_gateway_that_was_replaced_is_asked_again() {
    let home = Home::new();
    let mut guarded = Gateway::start(&["--guard"]);
    let port = guarded.port();
    let mut closed = Closed::of(tunnel(&home, &port.to_string(), &[]).start(), home);
    assert_eq!(closed.get("/api/mcp/default", &[]).status, 401);
    guarded.kill();
    let _open = Gateway::start_on(port, &[]);
    // Whoever asks in between waits, and is judged by the gateway that is there then.
    assert_eq!(closed.get("/api/mcp/default", &[]).status, 403);
    assert!(closed.session.expect("ready")["key_file"].is_string());
    let key = closed.key();
    assert_eq!(closed.get(&format!("/k/{key}/mcp"), &[]).status, 200);
}

#[test]
fn nobody_opens_a_gateway_without_saying_so_twice() {
    let home = Home::new();
    let output = Mcpgw::new(&home).args(["tunnel", "--json", "--demo", "--auth", "none"]).run();
    assert!(output.code == 2 && output.stderr.contains("--yes"), "{output:?}");
    let https = free_port().to_string();
    let args = ["--demo", "--auth", "none", "--yes", "--https-port", &https];
    let mut session = Mcpgw::closed_tunnel(&home).args(args).start();
    assert!(session.expect("ready").get("key_file").is_none());
    let warned = session.events().iter().any(|event| event["code"] == "auth.none");
    assert!(warned && !home.state().join("keys").exists(), "{}", session.transcript());
    session.stop();
}
