//! Hostile visitors, over HTTP/1.1 and HTTP/2: whatever they send, nothing reaches the gateway that should not, and
//! those with the key go on being served. And the limits and doors that a user sets.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use support::{Gateway, Home, Mcpgw, Session, Signal, free_port, gateway_command, http, wait_for};

const KEY: &str = "the-key-of-these-tests";

/// A session on HTTPS that is spoken to by its plain sibling: a stand-in for `lt` whose URL leads to the edge itself.
struct Edge {
    session: Session,
    home: Home,
    address: String,
}

impl Edge {
    fn start(args: &[&str]) -> Self {
        let (home, port) = (Home::new(), free_port().to_string());
        let fake = home
            .write("bin/lt", "#!/bin/sh\necho \"your url is: http://edge.localhost:$2\"\nexec sleep 600\n");
        fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut session = Mcpgw::closed_tunnel(&home)
            .env("MCPGW_KEY", KEY)
            .args(["--provider", "lt", "--lt", fake.to_str().unwrap(), "--server", "http://127.0.0.1:1"])
            .args(["--port", &port])
            .args(args)
            .args(["--"])
            .args(gateway_command(&["--port", &port]))
            .start();
        let edge = session.expect("edge_ready")["port"].as_u64().unwrap();
        session.expect("ready");
        Self { session, home, address: format!("127.0.0.1:{edge}") }
    }

    fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> http::Response {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: edge.localhost\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n"
        );
        http::send(&self.address, format!("{head}{more}\r\n{body}")).unwrap()
    }

    /// Everything that comes back for these bytes.
    fn raw(&self, bytes: &[u8]) -> String {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        socket.write_all(bytes).unwrap();
        let mut answer = vec![];
        let _ = socket.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// Each is read in one way by some server and in another by the next.
const SMUGGLED: [&str; 14] = [
    "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "Content-Length: 5, 5\r\n\r\nhello",
    "Content-Length: +5\r\n\r\nhello",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "X: y\r\n Content-Length: 5\r\n\r\nhello",
    "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "X: y\rContent-Length: 5\r\n\r\nhello",
    "X\0: y\r\n\r\n",
];

#[test]
fn what_can_be_read_in_two_ways_is_refused_and_the_connection_closed() {
    let edge = Edge::start(&[]);
    let head =
        format!("POST /mcp/smuggled HTTP/1.1\r\nHost: edge.localhost\r\nAuthorization: Bearer {KEY}\r\n");
    let hidden = "GET /mcp/hidden HTTP/1.1\r\nHost: edge.localhost\r\n\r\n";
    for rest in SMUGGLED {
        let answer = edge.raw(format!("{head}{rest}{hidden}").as_bytes());
        // Where bytes were left unread the reset may overtake the answer.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{rest:?}: {answer}");
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "one answer, and the end: {rest:?}: {answer}");
        // Behind a good one on the same connection, which is answered.
        let good =
            format!("GET /mcp/good HTTP/1.1\r\nHost: edge.localhost\r\nAuthorization: Bearer {KEY}\r\n\r\n");
        let answer = edge.raw(format!("{good}{head}{rest}{hidden}").as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 200"), "{rest:?}: {answer}");
        assert!(!answer.contains("hidden") && !answer.contains("smuggled"), "{rest:?}: {answer}");
    }
    let log = Mcpgw::new(&edge.home).args(["status", "--requests", "--json"]).run().stdout;
    assert!(log.contains("/mcp/good") && !log.contains("hidden") && !log.contains("smuggled"), "{log}");
    let chunk = "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n";
    let answer = edge.raw(format!("{head}{chunk}{hidden}").as_bytes());
    assert!(!answer.contains("HTTP/1.1 200") && !answer.contains("hidden"), "{answer}");
}

#[test]
fn odd_methods_and_targets_reach_nothing_that_is_closed() {
    let edge = Edge::start(&[]);
    let key = format!("Authorization: Bearer {KEY}\r\n");
    for (line, status) in [
        ("CONNECT edge.localhost:80", "400 or 404"),
        ("CONNECT /admin", "400 or 404"),
        ("OPTIONS *", "404"),
        ("TRACE /admin", "404"),
        ("GET http://edge.localhost/admin", "404"),
        ("GET http://edge.localhost@evil.example/mcp", "400"),
        ("GET http://evil.example/mcp", "400"),
        ("GET //edge.localhost/admin", "404"),
        ("GET /mcp/..\\admin", "404"),
        ("GET /mcp/%2e%2e;/admin", "404"),
        ("GET /mcp#/../admin", "400 or 200"),
        ("PRI *", "400 or 404 or 505"),
        ("GET mcp", "400 or 404"),
        ("GET /mcp HTTP/1.1 HTTP/1.1", "400"),
    ] {
        let answer = edge.raw(
            format!("{line} HTTP/1.1\r\nHost: edge.localhost\r\n{key}Connection: close\r\n\r\n").as_bytes(),
        );
        let got = answer.split(' ').nth(1).unwrap_or("closed");
        assert!(status.split(" or ").any(|one| one == got), "{line}: {answer}");
        assert!(!answer.contains("\"url\":\"/admin"), "{line}: {answer}");
    }
    for more in [
        "X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n",
        "X_Forwarded_For: 6.6.6.6\r\nX_Original_URL: /admin\r\nContent_Length: 5\r\n",
    ] {
        let seen = edge.ask("GET", "/mcp", more, "");
        assert!(!seen.text().contains("/admin") && !seen.text().contains("6.6.6.6"), "{}", seen.text());
    }
    let huge = format!("X: {}\r\n", "y".repeat(80 << 10));
    let answer = edge.raw(format!("GET /mcp HTTP/1.1\r\nHost: edge.localhost\r\n{huge}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 4") || answer.is_empty(), "{answer}");
    let many = "X: y\r\n".repeat(500);
    let answer = edge.raw(format!("GET /mcp HTTP/1.1\r\nHost: edge.localhost\r\n{many}\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(edge.ask("GET", "/mcp", "", "").status, 200, "and it serves on");
}

#[test]
fn the_key_reaches_neither_the_gateway_nor_a_log_wherever_it_stands() {
    let mut edge = Edge::start(&["--log-requests", "requests.jsonl"]);
    let address = edge.address.clone();
    let ask = |path: &str, more: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: edge.localhost\r\nConnection: close\r\n{more}\r\n");
        http::send(&address, head).unwrap()
    };
    for more in [
        format!("Authorization: {KEY}\r\n"),
        format!("Authorization: Bearer {KEY}, x\r\n"),
        format!("Authorization: Bearer {KEY}\r\nAuthorization: Basic x\r\n"),
        format!("X-Api-Key: {KEY}\r\n"),
        format!("Cookie: key={KEY}\r\nCookie: a=b\r\n"),
        format!("Referer: http://x\r\nReferer: http://edge.localhost/k/{KEY}/mcp\r\n"),
        format!("Referer: http://edge.localhost/mcp?key={KEY}\r\n"),
    ] {
        let seen = ask(&format!("/k/{KEY}/mcp"), &more);
        assert!(seen.status == 200 && !seen.text().contains(KEY), "{more}: {}", seen.text());
    }
    let bearer = format!("Authorization: Bearer {KEY}\r\n");
    for (path, more, status) in [
        (format!("/k/{KEY}/k/{KEY}/mcp"), "", 404),
        (format!("/k/{KEY}/mcp?key={KEY}"), "", 400),
        (format!("/mcp/{KEY}"), &bearer, 400),
        (format!("/.well-known/x/k/{KEY}/k/{KEY}/mcp"), "", 400),
        // Whoever does not have the key learns nothing about a guess.
        (format!("/mcp?key={KEY}"), "", 403),
        (format!("/mcp/%74{}", &KEY[1..]), "", 403),
    ] {
        let seen = ask(&path, more);
        assert!(seen.status == status && !seen.text().contains("\"url\""), "{path}: {}", seen.text());
    }
    let told = wait_for("all requests", Duration::from_secs(10), || {
        let told = Mcpgw::new(&edge.home).args(["status", "--requests", "--json"]).run().json();
        (told["sessions"][0]["last"].as_array()?.len() == 13).then_some(told)
    });
    let files = wait_for("a line for each", Duration::from_secs(10), || {
        let lines = fs::read_to_string(edge.home.path().join("requests.jsonl")).ok()?;
        let logs = fs::read_dir(edge.home.state().join("logs")).ok()?.next()?.ok()?.path();
        let log = fs::read_to_string(logs.join("edge.log")).ok()?;
        (lines.lines().count() == 13 && log.lines().count() >= 13).then(|| lines + &log)
    });
    let events = format!("{:?}", edge.session.events());
    for text in [&told.to_string(), &files, &events] {
        assert!(!text.contains(&KEY[1..]), "{text}");
    }
}

#[test]
fn slow_and_many_connections_keep_nobody_out_and_leave_nothing() {
    let edge = Edge::start(&[]);
    let open = || fs::read_dir(format!("/proc/{}/fd", edge.session.pid())).unwrap().count();
    let before = open();
    let mut slow: Vec<TcpStream> = (0..100).map(|_| TcpStream::connect(&edge.address).unwrap()).collect();
    for (n, socket) in slow.iter_mut().enumerate() {
        let part: &[u8] = if n % 2 == 0 {
            b"GET /mcp HTTP/1.1\r\nHost: edge"
        } else {
            b"POST /health HTTP/1.1\r\nHost: edge.localhost\r\nContent-Length: 9\r\n\r\nab"
        };
        socket.write_all(part).unwrap();
    }
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(edge.ask("GET", "/mcp", "", "").status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?} for 20 requests", began.elapsed());
    drop(slow);
    // In heaps that fit into the listener's queue, which is empty again when a request is answered.
    for _ in 0..250 {
        let some: Vec<TcpStream> = (0..40).filter_map(|_| TcpStream::connect(&edge.address).ok()).collect();
        drop(some);
        assert_eq!(http::get(&edge.address, "edge.localhost", "/admin").unwrap().status, 404);
    }
    assert_eq!(edge.ask("GET", "/mcp", "", "").status, 200, "after 10,000 connections");
    wait_for("the connections to be let go of", Duration::from_secs(20), || {
        (open() <= before + 20).then_some(())
    });
}

#[test]
fn http2_obeys_the_same_rules() {
    let (home, port, https) = (Home::new(), free_port().to_string(), free_port());
    let mut session = Mcpgw::closed_tunnel(&home)
        .env("MCPGW_KEY", KEY)
        .args(["--provider", "local", "--https-port", &https.to_string(), "--port", &port, "--"])
        .args(gateway_command(&["--port", &port]))
        .start();
    session.expect("ready");
    let status = Mcpgw::new(&home).args(["status", "--json"]).run().json();
    let ca = fs::read(status["sessions"][0]["ca_file"].as_str().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ask = async |path: &str, host: &str, headers: &[(&str, &str)]| {
            let mut sender = connect(https, &ca).await;
            let uri: Uri = format!("https://{host}{path}").parse().ok()?;
            let mut request = Request::builder().uri(uri);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = sender.send_request(request.body(Empty::<&[u8]>::new()).ok()?).await.ok()?;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            Some((status, String::from_utf8_lossy(&body).into_owned()))
        };
        let host = format!("localhost:{https}");
        let bearer = format!("Bearer {KEY}");
        let key = [("authorization", bearer.as_str())];
        assert_eq!(ask("/mcp", &host, &key).await.unwrap().0, 200);
        assert_eq!(ask(&format!("/k/{KEY}/mcp"), &host, &[]).await.unwrap().0, 200);
        assert_eq!(ask("/mcp", &host, &[]).await.unwrap().0, 403);
        assert_eq!(ask("/mcp", "evil.example", &key).await.unwrap().0, 421);
        assert_eq!(ask("/mcp", &host, &[key[0], ("origin", "https://evil.example")]).await.unwrap().0, 403);
        assert_eq!(
            ask("/mcp", &host, &[key[0], ("host", "other.localhost")]).await.map_or(400, |seen| seen.0),
            400
        );
        let mut asked = 0;
        for path in [
            "/",
            "/admin",
            "/api/profiles",
            "/api/mcp/../profiles",
            "/api/mcp/%2e%2e/profiles",
            "/api/mcp/..%2fprofiles",
            "/api/mcp%2f..%2fprofiles",
            "/api/mcp/%252e%252e/profiles",
            "/api/mcp/..;/profiles",
            "//api/profiles",
            "/api/mcp/..%5cprofiles",
            "/api/auth/sign-up/email",
            "/api/mcp/%00",
            "/%61dmin",
            "/.well-known/../admin",
            "/api%2fmcp",
            "/api/mcp/..//profiles",
        ] {
            if let Some((status, body)) = ask(path, &host, &key).await {
                assert_eq!(status, 404, "{path}: {body}");
                asked += 1;
            }
        }
        assert!(asked >= 15, "{asked}");
        // A request may be smuggled through a downgrade too: these are no headers of HTTP/2.
        for header in
            [("transfer-encoding", "chunked"), ("connection", "keep-alive"), ("content-length", "5")]
        {
            let answer = ask("/mcp", &host, &[key[0], header]).await;
            assert!(
                answer.as_ref().is_none_or(|seen| seen.0 == 400 || !seen.1.contains("chunked")),
                "{header:?}: {answer:?}"
            );
        }
    });
    session.stop();
}

async fn connect(port: u16, ca: &[u8]) -> hyper::client::conn::http2::SendRequest<Empty<&'static [u8]>> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca).unwrap()).unwrap();
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[test]
fn bodies_are_as_long_as_is_allowed_and_no_longer() {
    let edge = Edge::start(&["--max-body", "100k"]);
    let fits = "x".repeat(100 << 10);
    let length = |size: usize| format!("Content-Length: {size}\r\n");
    assert_eq!(edge.ask("POST", "/mcp", &length(fits.len()), &fits).json()["body_length"], 100 << 10);
    let declared = edge.ask("POST", "/mcp", &length(fits.len() + 1), &format!("{fits}x"));
    assert!(declared.status == 413 && declared.text().contains("--max-body"), "{declared:?}");
    let chunks = format!("{0:x}\r\n{fits}\r\n1\r\nx\r\n0\r\n\r\n", fits.len());
    assert_eq!(edge.ask("POST", "/mcp", "Transfer-Encoding: chunked\r\n", &chunks).status, 413);
}

#[test]
fn a_session_that_expires_ends_well() {
    let home = Home::new();
    let https = free_port().to_string();
    let args = ["--demo", "--https-port", &https, "--expire", "3s"];
    let mut session = Mcpgw::closed_tunnel(&home).args(args).start();
    session.expect("ready");
    assert_eq!(session.expect("stopped")["reason"], "expired");
    assert!(session.wait().success());
    session.leaves_nothing();
}

#[test]
fn requests_are_told_to_the_user_without_a_secret_in_them() {
    let edge = Edge::start(&["--log-requests", "requests.jsonl"]);
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"secret":"hush"}}}"#;
    let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", call.len());
    edge.ask("POST", &format!("/k/{KEY}/api/mcp/default?token=hush"), &head, call);
    edge.ask("GET", "/admin", "", "");
    // Who claims to be the session's own user, and cannot prove it, is a visitor.
    let seen = edge.ask("GET", &format!("/k/{KEY}/api/mcp/own"), "mcpgw-own: 0123456789\r\n", "");
    assert_eq!((seen.status, &seen.json()["url"]), (200, &Value::from("/api/mcp/own")));
    assert!(!seen.text().to_lowercase().contains("mcpgw-own"), "{}", seen.text());
    let ask = || Mcpgw::new(&edge.home).args(["status", "--requests", "--json"]).run();
    let told = wait_for("all requests", Duration::from_secs(10), || {
        let told = ask().json();
        (told["sessions"][0]["last"].as_array()?.len() == 3).then_some(told)
    });
    let session = &told["sessions"][0];
    assert_eq!(
        (session["totals"]["requests"].as_u64(), session["totals"]["refused"].as_u64()),
        (Some(3), Some(1))
    );
    let first = &session["last"][0];
    assert_eq!(first["path"], "/k/***/api/mcp/default");
    assert_eq!((first["rpc"].as_str(), first["tool"].as_str()), (Some("tools/call"), Some("echo")));
    assert!(first["bytes"].as_u64().unwrap() > 0 && first["status"] == 200, "{first}");
    let people = Mcpgw::new(&edge.home).args(["status", "--requests"]).run();
    assert!(people.stdout.contains("tools/call echo") && people.stdout.contains("refused:"), "{people:?}");
    let file = wait_for("three lines", Duration::from_secs(10), || {
        let text = fs::read_to_string(edge.home.path().join("requests.jsonl")).ok()?;
        (text.lines().count() == 3).then_some(text)
    });
    for text in [&file, &people.stdout, &told.to_string()] {
        assert!(!text.contains(KEY) && !text.contains("hush"), "{text}");
    }
    let mut watch = Mcpgw::new(&edge.home).args(["status", "--requests", "--watch", "--json"]).start();
    let last = |document: &Value| document["sessions"][0]["last"].as_array().map_or(0, Vec::len);
    watch.expect_where("those that were", Duration::from_secs(10), |document| last(document) == 3);
    edge.ask("GET", "/late", "", "");
    let late = watch.expect_where("the new one", Duration::from_secs(10), |document| last(document) == 4);
    assert_eq!(late["sessions"][0]["last"][3]["path"], "/late");
    watch.signal(Signal::TERM);
    watch.wait();
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(edge.home.path().join("requests.jsonl")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_frontend_gets_what_is_not_the_gateways_and_the_gateway_stays_closed() {
    let frontend = Gateway::start(&[]);
    let port = frontend.port().to_string();
    let mut edge = Edge::start(&["--frontend", &port]);
    assert!(edge.session.events().iter().any(|event| event["code"] == "frontend.open"));
    let pid = |path: &str| {
        let seen = http::get(&edge.address, "edge.localhost", path).unwrap();
        (seen.status == 200).then(|| seen.json()["pid"].as_u64().unwrap())
    };
    for path in ["/", "/login?next=/x", "/_next/static/a.js"] {
        assert_eq!(pid(path), Some(frontend.pid().into()), "{path}");
    }
    assert!(pid("/api/auth/sign-in/email").is_some_and(|pid| pid != u64::from(frontend.pid())));
    for path in [
        "/api/auth/sign-up/email",
        "/API/x",
        "/x/../api/profiles",
        "/x%2f..%2fapi",
        "/admin",
        "/api;/x",
        "/mcp",
    ] {
        assert_eq!(pid(path), None, "{path}");
    }
    let seen = edge.ask("GET", "/", "", "").text();
    assert!(!seen.contains(KEY), "{seen}");
}
