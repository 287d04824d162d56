//! The edge, asked as visitors do: what passes, what does not, and that streams are streams.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use support::{Home, LtServer, Mcpgw, Session, free_port, gateway_command, http, wait_for};

/// A session without a tunnel program in between: a stand-in `lt` states a URL that leads to the edge itself, so that what a
/// visitor sends arrives byte for byte.
struct Direct {
    session: Session,
    _home: Home,
    /// `127.0.0.1:PORT` of the edge.
    address: String,
    gateway_port: u16,
}

impl Direct {
    fn start(gateway: &[&str], args: &[&str]) -> Self {
        let home = Home::new();
        let port = free_port();
        let text = port.to_string();
        // `lt --port PORT ...`
        let fake = home
            .write("bin/lt", "#!/bin/sh\necho \"your url is: http://edge.localhost:$2\"\nexec sleep 600\n");
        std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut session = Mcpgw::tunnel(&home)
            .args([
                "--provider",
                "lt",
                "--lt",
                fake.to_str().unwrap(),
                "--server",
                "http://127.0.0.1:1",
                "--port",
                &text,
            ])
            .args(args)
            .args(["--"])
            .args(gateway_command(&[&["--port", &text], gateway].concat()))
            .start();
        let edge = session.expect("edge_ready")["port"].as_u64().unwrap();
        session.expect("ready");
        Self { session, _home: home, address: format!("127.0.0.1:{edge}"), gateway_port: port }
    }

    fn get(&self, path: &str) -> http::Response {
        http::get(&self.address, "edge.localhost", path).unwrap()
    }
}

const REFUSED: [&str; 33] = [
    "/",
    "/admin",
    "/api",
    "/api/profiles",
    "/api/mcpx",
    "/api/auth/sign-up/email",
    "/api/auth/sign-in/email",
    "/api/auth/mcp",
    "/api/mcp/../profiles",
    "/api/mcp/%2e%2e/profiles",
    "/api/mcp/%2E./profiles",
    "/api/mcp/..%2fprofiles",
    "/api/mcp%2f..%2fprofiles",
    "/api/mcp/..\\profiles",
    "/api/mcp/..%5cprofiles",
    "/api/mcp/%252e%252e/profiles",
    "/api/mcp/..;/profiles",
    "/api/auth/mcp/../sign-up/email",
    "/api/auth/callback/%2e%2e/sign-up/email",
    "//api/profiles",
    "/./api/profiles",
    "/api/mcp/..//profiles",
    "/../api/profiles",
    "/api/mcp/%00",
    "/api/mcp/%zz",
    "/api/mcp/%ff",
    "/api/mcp/%c0%ae%c0%ae/profiles",
    "/%61dmin",
    "/.well-known/../admin",
    "/api/mcp%2fx",
    "/api%2fmcp",
    "/%61pi/mcp/default",
    "/api/mcp/x/../../profiles?x=/api/mcp",
];

#[test]
fn paths_outside_the_allow_list_get_404_in_every_spelling_and_never_reach_the_gateway() {
    let direct = Direct::start(&[], &[]);
    for path in REFUSED {
        let response = direct.get(path);
        assert_eq!(response.status, 404, "{path}: {}", response.text());
        assert!(!response.text().contains("app_url"), "{path} reached the gateway");
    }
    let log = direct._home.state().join("logs").join(log_of(&direct)).join("edge.log");
    wait_for("a line for each in the log", Duration::from_secs(10), || {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        let lines = log.lines().filter(|line| line.contains(" 404 ") && line.contains("refused"));
        (lines.count() == REFUSED.len()).then_some(())
    });
}

fn log_of(direct: &Direct) -> String {
    let logs = std::fs::read_dir(direct._home.state().join("logs")).unwrap();
    logs.flatten().next().unwrap().file_name().into_string().unwrap()
}

#[test]
fn the_same_holds_through_the_real_tunnel() {
    let (home, server, port) = (Home::new(), LtServer::start(), free_port().to_string());
    let mut session = Mcpgw::tunnel(&home)
        .args(["--provider", "lt", "--server", &server.url(), "--subdomain", "closed", "--port", &port, "--"])
        .args(gateway_command(&["--port", &port]))
        .start();
    session.expect("ready");
    let (address, host) =
        (format!("127.0.0.1:{}", server.port()), format!("closed.localhost:{}", server.port()));
    for path in REFUSED {
        let response = http::get(&address, &host, path).unwrap();
        assert_eq!(response.status, 404, "{path}");
    }
    for path in
        ["/api/mcp/default", "/mcp", "/health", "/api/health", "/api/oauth/callback?code=1", "/.well-known/x"]
    {
        assert_eq!(http::get(&address, &host, path).unwrap().status, 200, "{path}");
    }
    session.stop();
}

#[test]
fn what_is_allowed_arrives_as_it_was_sent_query_included() {
    let direct = Direct::start(&[], &["--allow", "/extra"]);
    for path in [
        "/api/mcp/default?a=1&b=%2F",
        "/api/mcp/org%2Fteam",
        "/mcp/",
        "/extra/x%20y",
        "/api/auth/callback/github?code=c",
    ] {
        assert_eq!(direct.get(path).json()["url"], path);
    }
    assert_eq!(direct.get("/x/../api/mcp/default?q=1").json()["url"], "/api/mcp/default?q=1");
}

#[test]
fn the_gateway_sees_the_visitors_host_and_no_spoofed_forwarding_headers() {
    let direct = Direct::start(&[], &[]);
    let request = "GET /api/mcp/default HTTP/1.1\r\nHost: edge.localhost\r\nX-Forwarded-For: 6.6.6.6\r\n\
        X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\nX-Original-URL: /admin\r\n\
        X-Hop: secret\r\nX-Mine: stays\r\nTE: trailers\r\nConnection: close, X-Hop\r\n\r\n";
    let headers = http::send(&direct.address, request).unwrap().json()["headers"].clone();
    let header = |name: &str| {
        let found = headers.as_object().unwrap().iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str()).map(String::from)
    };
    assert_eq!(header("host").as_deref(), Some("edge.localhost"));
    assert_eq!(header("x-forwarded-host").as_deref(), Some("edge.localhost"));
    assert_eq!(header("x-forwarded-proto").as_deref(), Some("http"), "this tunnel's URL is http");
    assert_eq!(header("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    assert_eq!(header("x-mine").as_deref(), Some("stays"));
    for gone in ["forwarded", "x-original-url", "x-hop", "te"] {
        assert_eq!(header(gone), None, "{gone}");
    }
}

#[test]
fn a_gateway_that_refuses_foreign_hosts_gets_its_own_and_that_is_said() {
    let mut direct = Direct::start(&["--reject-foreign-host"], &[]);
    assert!(direct.session.events().iter().any(|event| event["code"] == "gateway.host_header"));
    let seen = direct.get("/api/mcp/default");
    assert_eq!(seen.status, 200);
    let headers = seen.json()["headers"].to_string();
    assert!(
        headers.contains(&format!("localhost:{}", direct.gateway_port)) && headers.contains("edge.localhost")
    );
}

#[test]
fn host_header_preserve_and_local_do_as_they_say() {
    let preserve = Direct::start(&["--reject-foreign-host"], &["--host-header", "preserve"]);
    assert_eq!(preserve.get("/api/mcp/default").status, 403);
    let local = Direct::start(&["--reject-foreign-host"], &["--host-header", "local"]);
    assert_eq!(local.get("/api/mcp/default").status, 200);
}

#[test]
fn two_hosts_or_none_are_refused() {
    let direct = Direct::start(&[], &[]);
    let two = "GET /mcp HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n";
    assert_eq!(http::send(&direct.address, two).unwrap().status, 400);
    let none = "GET /mcp HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_eq!(http::send(&direct.address, none).unwrap().status, 400);
}

/// better-auth asks a WHATWG URL of `https://` + Host + path which route is meant.
#[test]
fn a_host_that_would_choose_another_path_is_refused() {
    let direct = Direct::start(&[], &[]);
    for host in ["edge.localhost/api/auth/sign-up/email?", "x#", "x\\y", "user@x", "x/..", "x y", "x:80:80"] {
        let response = http::get(&direct.address, host, "/api/auth/mcp/x").unwrap();
        assert_eq!(response.status, 400, "{host}");
    }
    for target in ["http://user@x/mcp", "http://x:999999/mcp"] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(http::send(&direct.address, &request).unwrap().status, 400, "{target}");
    }
}

/// DNS rebinding: a page of evil.example resolves its own name to 127.0.0.1, or asks for 127.0.0.1 outright.
#[test]
fn a_web_page_does_not_reach_the_edge_on_loopback() {
    let direct = Direct::start(&[], &["--allow-host", "second.example"]);
    let ask = |host: &str, more: &str| {
        let head =
            format!("GET /api/mcp/default HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n");
        http::send(&direct.address, head).unwrap().status
    };
    let port = direct.address.rsplit(':').next().unwrap();
    for host in ["evil.example", &format!("evil.example:{port}"), "10.0.0.1", "edge.localhost.evil.example"] {
        assert_eq!(ask(host, ""), 421, "{host}");
    }
    for host in ["edge.localhost", "localhost", &format!("127.0.0.1:{port}"), "[::1]", "second.example"] {
        assert_eq!(ask(host, ""), 200, "{host}");
    }
    for more in [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://edge.localhost\r\nOrigin: https://evil.example\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n",
        "Origin: https://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
    ] {
        assert_eq!(ask(&format!("127.0.0.1:{port}"), more), 403, "{more}");
    }
    for more in [
        "Origin: http://localhost:6274\r\n",
        "Origin: http://edge.localhost\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n",
    ] {
        assert_eq!(ask(&format!("localhost:{port}"), more), 200, "{more}");
    }
}

#[test]
fn events_arrive_one_by_one_as_the_gateway_sends_them() {
    let direct = Direct::start(&[], &[]);
    let request = "GET /api/mcp/sse?every=100&count=5 HTTP/1.1\r\nHost: edge.localhost\r\nAccept: text/event-stream\r\n\r\n";
    let mut stream = http::Stream::open(&direct.address, request).unwrap();
    let began = Instant::now();
    let mut at = vec![];
    while at.len() < 5 {
        let event = stream.event().unwrap().unwrap();
        assert!(event.contains("data:"), "{event}");
        at.push(began.elapsed());
    }
    let spread = at[4] - at[0];
    assert!(spread > Duration::from_millis(300), "five events 100 ms apart came within {spread:?}: buffered");
}

#[test]
fn a_body_streams_up_while_the_answer_streams_down() {
    let direct = Direct::start(&[], &[]);
    let request = "POST /api/mcp/echo HTTP/1.1\r\nHost: edge.localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut stream = http::Stream::open(&direct.address, format!("{request}3\r\none\r\n")).unwrap();
    assert_eq!(stream.chunk().unwrap().unwrap(), b"one");
    stream.write("3\r\ntwo\r\n").unwrap();
    assert_eq!(stream.chunk().unwrap().unwrap(), b"two");
    stream.write("0\r\n\r\n").unwrap();
    assert_eq!(stream.chunk().unwrap(), None);
}

#[test]
fn an_upgraded_connection_carries_bytes_both_ways() {
    let direct = Direct::start(&[], &[]);
    let request = "GET /api/mcp/upgrade HTTP/1.1\r\nHost: edge.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    let mut socket = TcpStream::connect(&direct.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    for message in ["ping", "pong"] {
        socket.write_all(message.as_bytes()).unwrap();
        let mut back = [0; 4];
        socket.read_exact(&mut back).unwrap();
        assert_eq!(back, message.as_bytes());
    }
}

#[test]
fn no_other_protocol_is_switched_to() {
    let direct = Direct::start(&[], &[]);
    let request = "GET /api/mcp/default HTTP/1.1\r\nHost: edge.localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let answer = http::send(&direct.address, request).unwrap();
    let seen = answer.json()["headers"].to_string().to_lowercase();
    assert!(answer.status == 200 && !seen.contains("upgrade") && !seen.contains("http2-settings"), "{seen}");
}

#[test]
fn megabytes_pass_in_both_directions_unchanged() {
    let direct = Direct::start(&[], &[]);
    let body: String = (0..200_000).map(|n| format!("{n:010}\n")).collect();
    let url = format!("http://{}/api/mcp/echo", direct.address);
    assert!(http::post(&url, &[], &body).unwrap().text() == body, "2.2 MB came back changed");
}

#[test]
fn only_loopback_can_reach_the_edge() {
    let direct = Direct::start(&[], &[]);
    let port = direct.address.rsplit(':').next().unwrap();
    // Were it bound to every address, this one of the loopback range would find it too, or be taken.
    TcpListener::bind(format!("127.0.0.2:{port}")).unwrap();
    assert!(TcpStream::connect(format!("127.0.0.2:{port}")).is_err());
    assert!(TcpStream::connect(format!("[::1]:{port}")).is_ok());
}

#[test]
fn bodies_that_nobody_wants_do_not_cost_lt_its_sockets() {
    let (home, server, port) = (Home::new(), LtServer::start(), free_port().to_string());
    let mut session = Mcpgw::tunnel(&home)
        .args(["--provider", "lt", "--server", &server.url(), "--subdomain", "unread", "--port", &port])
        .args(["--host-header", "preserve", "--"])
        .args(gateway_command(&["--port", &port, "--reject-foreign-host"]))
        .start();
    session.expect("ready");
    let url = server.tunnel_url("unread");
    let body = "x".repeat(3 << 20);
    // lt has ten sockets and loses one for good with every connection that is reset under it.
    for round in 0..14 {
        // Refused by the edge, and by a gateway that answers before it has read.
        for (path, status) in [("/admin", 404), ("/api/mcp/default", 403)] {
            let answer = http::post(&format!("{url}{path}"), &[], &body).unwrap();
            assert_eq!(answer.status, status, "round {round}, {path}");
        }
    }
    assert_eq!(session.count("tunnel_lost"), 0, "{}", session.transcript());
    session.stop();
}

#[test]
fn a_body_that_was_not_asked_for_is_taken_all_the_same() {
    let direct = Direct::start(&[], &[]);
    let mut visitor = TcpStream::connect(&direct.address).unwrap();
    // More than all buffers on the way hold.
    let body = vec![b'x'; 48 << 20];
    let length = body.len();
    let head = format!(
        "POST /admin HTTP/1.1\r\nHost: edge.localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    visitor.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    visitor.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 404");
    visitor.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    // Only this shows a reset: who reads has heard the end before.
    visitor.write_all(&body).unwrap();
    let mut rest = String::new();
    visitor.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("connection: close"), "{rest}");
}

#[test]
fn what_came_before_a_gateway_broke_off_arrives() {
    let direct = Direct::start(&[], &[]);
    for round in 0..30 {
        let mut visitor = TcpStream::connect(&direct.address).unwrap();
        visitor.write_all(b"GET /api/mcp/cut HTTP/1.1\r\nHost: edge.localhost\r\n\r\n").unwrap();
        let mut answer = vec![];
        visitor.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains("data: x\n\n") && !answer.ends_with("0\r\n\r\n"), "round {round}: {answer}");
    }
}

/// Of `mcpgw` itself, in KiB: what is resident now (`VmRSS`) or was at the most (`VmHWM`).
fn memory(direct: &Direct, which: &str) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", direct.session.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_gigabyte_goes_up_in_constant_memory() {
    const PIECE: usize = 1 << 20;
    const PIECES: usize = 1024;
    let direct = Direct::start(&[], &[]);
    let before = memory(&direct, "VmHWM");
    let length = PIECE * PIECES;
    let head = format!(
        "POST /api/mcp/default HTTP/1.1\r\nHost: edge.localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let mut visitor = TcpStream::connect(&direct.address).unwrap();
    visitor.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    visitor.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    visitor.write_all(head.as_bytes()).unwrap();
    let piece = vec![b'x'; PIECE];
    for _ in 0..PIECES {
        visitor.write_all(&piece).unwrap();
    }
    let mut answer = String::new();
    visitor.read_to_string(&mut answer).unwrap();
    assert!(answer.contains(&format!("\"body_length\":{length}")), "{answer}");
    let grown = memory(&direct, "VmHWM") - before;
    assert!(grown < 4096, "a gigabyte cost {grown} KiB");
}

#[test]
fn who_reads_slowly_costs_only_himself() {
    let direct = Direct::start(&[], &[]);
    let before = memory(&direct, "VmRSS");
    let head = "POST /api/mcp/echo HTTP/1.1\r\nHost: edge.localhost\r\nContent-Length: 1000000000\r\n\r\n";
    let mut slow = vec![];
    for _ in 0..8 {
        let mut visitor = TcpStream::connect(&direct.address).unwrap();
        visitor.write_all(head.as_bytes()).unwrap();
        // Sends what it can, and reads nothing of the echo: everything on the way fills up, and stays so.
        visitor.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        while visitor.write_all(&[b'x'; 64 << 10]).is_ok() {}
        slow.push(visitor);
    }
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(direct.get("/api/mcp/default").status, 200);
        assert!(began.elapsed() < Duration::from_secs(5), "others waited {:?}", began.elapsed());
    }
    let grown = memory(&direct, "VmRSS") - before;
    assert!(grown < 8192, "eight slow readers cost {grown} KiB");
}

#[test]
fn a_visitor_who_leaves_takes_his_request_with_him() {
    let direct = Direct::start(&[], &[]);
    let under_way = || direct.get("/api/mcp/default").json()["under_way"].as_u64().unwrap();
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: edge.localhost\r\n\r\n");
    // One whose answer has begun, one whose answer has not, one who says more meanwhile than anybody listens to, and
    // one in the middle of his own body.
    let events = http::Stream::open(&direct.address, request("/api/mcp/sse?every=60000")).unwrap();
    let mut waiting = TcpStream::connect(&direct.address).unwrap();
    waiting.write_all(request("/api/mcp/default?delay=600000").as_bytes()).unwrap();
    let mut eager = TcpStream::connect(&direct.address).unwrap();
    eager.write_all(request("/api/mcp/default?delay=600000").as_bytes()).unwrap();
    eager.write_all(request("/api/mcp/next").repeat(2000).as_bytes()).unwrap();
    let mut sending = TcpStream::connect(&direct.address).unwrap();
    let head = "POST /api/mcp/default HTTP/1.1\r\nHost: edge.localhost\r\nContent-Length: 9\r\n\r\nhalf";
    sending.write_all(head.as_bytes()).unwrap();
    let patience = Duration::from_secs(10);
    wait_for("four requests at the gateway", patience, || (under_way() == 4).then_some(()));
    drop((events, waiting, eager, sending));
    wait_for("the gateway to be rid of them", patience, || (under_way() == 0).then_some(()));
}
