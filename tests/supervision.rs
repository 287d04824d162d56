//! Whatever dies comes back, whatever ends leaves nothing: faults injected into the real `lt`, its real server, the gateway, and
//! mcpgw itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Gateway, Home, LtServer, Mcpgw, Session, Signal, free_port, gateway_command, http, wait_for};

const SOON: Duration = Duration::from_secs(30);

/// A session through the real `lt` that is ready, with its world.
struct Up {
    session: Session,
    server: LtServer,
    home: Home,
    url: String,
    port: u16,
}

impl Up {
    fn start(gateway: &[&str], args: &[&str]) -> Self {
        let (home, server, port) = (Home::new(), LtServer::start(), free_port());
        let text = port.to_string();
        let starts = home.path().join("starts").display().to_string();
        let mut session = Mcpgw::tunnel(&home)
            .args(["--provider", "lt", "--server", &server.url(), "--port", &text])
            .args(args)
            .args(["--"])
            .args(gateway_command(&[&["--port", &text, "--starts-file", &starts], gateway].concat()))
            .start();
        let url = session.expect("ready")["url"].as_str().unwrap().to_string();
        Self { session, server, home, url, port }
    }

    fn lt(&self) -> support::Process {
        self.session.process("/lt ")
    }

    /// The tunnel was lost and is back under the same URL, proven and serving, the gateway untouched.
    fn comes_back(&mut self) {
        let lost = self.session.expect_within("tunnel_lost", SOON);
        assert!(!lost["reason"].as_str().unwrap().is_empty());
        assert_eq!(self.session.expect_within("url_verified", SOON)["url"], self.url.as_str());
        assert_eq!(self.session.expect_within("ready", SOON)["url"], self.url.as_str());
        assert_eq!(http::fetch(&format!("{}/health", self.url)).unwrap().status, 200);
        assert_eq!(self.starts(), 1, "the gateway was left alone");
    }

    fn starts(&self) -> usize {
        self.home.read("starts").lines().count()
    }
}

#[test]
fn a_killed_lt_comes_back_under_its_name_wanted_or_random() {
    for args in [&["--subdomain", "wanted"][..], &[]] {
        let mut up = Up::start(&[], args);
        for signal in [Signal::KILL, Signal::TERM] {
            up.lt().signal(signal);
            up.comes_back();
        }
        up.session.stop();
    }
}

#[test]
fn the_death_of_lt_is_noticed_at_once() {
    let mut up = Up::start(&[], &["--subdomain", "noticed"]);
    let lt = up.lt();
    let before = jiff::Timestamp::now();
    lt.signal(Signal::KILL);
    let at: jiff::Timestamp = up.session.expect("tunnel_lost")["at"].as_str().unwrap().parse().unwrap();
    let took = at.as_millisecond() - before.as_millisecond();
    // The figure is 10 ms (benches/); this only fails when somebody polls.
    assert!(took < 500, "{took} ms");
    up.session.stop();
}

#[test]
fn a_frozen_lt_is_replaced() {
    let mut up = Up::start(&[], &["--subdomain", "frozen", "--probe-interval", "1s"]);
    up.lt().signal(Signal::STOP);
    up.comes_back();
    up.session.stop();
}

#[test]
fn a_server_that_forgot_everything_is_asked_for_the_same_name_again() {
    let mut up = Up::start(&[], &["--subdomain", "forgotten", "--probe-interval", "1s"]);
    up.server.command("forget");
    up.comes_back();
    up.server.restart();
    up.comes_back();
    up.session.stop();
}

#[test]
fn sockets_closed_or_reset_or_a_hot_loop_of_both_do_no_lasting_harm() {
    let mut up = Up::start(&[], &["--subdomain", "sockets", "--probe-interval", "1s"]);
    up.server.command("drop on");
    up.session.expect_within("tunnel_lost", SOON);
    up.server.command("drop off");
    up.session.expect_within("ready", SOON);
    // lt survives a reset of idle sockets, and dies of one without a word; the address serves either way.
    up.server.command("reset");
    wait_for("the address to serve again", SOON, || {
        http::fetch(&format!("{}/health", up.url)).ok().filter(|answer| answer.status == 200)
    });
    up.session.stop();
}

#[test]
fn a_server_that_is_away_is_waited_for_without_a_storm() {
    let mut up = Up::start(&[], &["--subdomain", "patience", "--probe-interval", "1s"]);
    up.server.kill();
    up.session.expect_within("tunnel_lost", SOON);
    let port = up.server.port();
    // Long enough that a supervisor without manners would have started lt dozens of times.
    std::thread::sleep(Duration::from_secs(30));
    let starts = up.session.count("provider_starting");
    up.server = LtServer::start_on(port);
    up.session.expect_within("ready", SOON);
    assert!(starts <= 3, "{starts} starts of lt while its server was away");
    up.session.stop();
}

#[test]
fn a_server_that_refuses_visitors_for_a_while_is_said_and_lt_is_left_alone() {
    let mut up = Up::start(&[], &["--subdomain", "refusing", "--probe-interval", "1s"]);
    up.server.command("refuse 4000");
    up.session.expect_within("unverifiable", SOON);
    assert_eq!(up.session.expect_within("url_verified", SOON)["url"], up.url.as_str());
    assert_eq!(up.session.count("tunnel_lost"), 0, "{}", up.session.transcript());
    up.session.stop();
}

#[test]
fn an_lt_that_ends_with_exit_code_0_and_leaves_a_child_behind_comes_back_too() {
    let (home, server, port) = (Home::new(), LtServer::start(), free_port().to_string());
    let real = support::tools().bin("lt").display().to_string();
    let wrapper = format!("#!/bin/sh\ntrap 'exit 0' USR1\nnode {real} \"$@\" &\nwait\n");
    let wrapper = home.write("wrapped", wrapper);
    fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut session = Mcpgw::tunnel(&home)
        .args(["--provider", "lt", "--lt", wrapper.to_str().unwrap(), "--server", &server.url()])
        .args(["--subdomain", "exit-zero", "--port", &port, "--"])
        .args(gateway_command(&["--port", &port]))
        .start();
    let url = session.expect("ready")["url"].clone();
    session.process("wrapped").signal(Signal::USR1);
    let reason = session.expect("tunnel_lost")["reason"].clone();
    assert!(reason.as_str().unwrap().contains("exit code 0"), "{reason}");
    assert_eq!(session.expect("ready")["url"], url, "the child it left was ended, so the name was free");
    session.stop();
}

#[test]
fn a_silent_server_is_noticed_through_the_url() {
    let mut up = Up::start(&[], &["--subdomain", "silence", "--probe-interval", "1s"]);
    up.server.command("blackhole all");
    up.session.expect_within("tunnel_lost", SOON);
    up.server.command("blackhole off");
    up.session.expect_within("ready", SOON);
    up.session.stop();
}

#[test]
fn another_url_restarts_the_gateway_with_it_and_visitors_only_wait() {
    let mut up = Up::start(&["--slow-start", "500"], &["--subdomain", "taken-name"]);
    // Somebody else takes the name while lt is away, and keeps it with a connection.
    up.lt().signal(Signal::KILL);
    let thief = wait_for("the name to be free", Duration::from_secs(10), || {
        let taken =
            http::get(&format!("127.0.0.1:{}", up.server.port()), "localhost", "/taken-name").unwrap().json();
        (taken["id"] == "taken-name").then(|| taken["port"].as_u64().unwrap())
    });
    let _keeps_it = std::net::TcpStream::connect(("localhost", u16::try_from(thief).unwrap())).unwrap();
    let changed = up.session.expect_within("url_changed", Duration::from_secs(60));
    assert_eq!(changed["old"], up.url.as_str());
    let url = changed["new"].as_str().unwrap().to_string();
    // Held at the edge until the gateway is back with the new address.
    let answer = http::fetch(&format!("{url}/api/mcp/default")).unwrap();
    assert_eq!((answer.status, answer.json()["app_url"].as_str()), (200, Some(url.as_str())));
    assert_eq!(up.session.expect("ready")["url"], url.as_str());
    assert_eq!(up.starts(), 2);
    up.session.stop();
}

#[test]
fn a_name_that_is_not_granted_is_said() {
    let (home, server) = (Home::new(), LtServer::start());
    http::get(&format!("127.0.0.1:{}", server.port()), "localhost", "/occupied").unwrap();
    let mut session = Mcpgw::tunnel(&home)
        .args(["--demo", "--provider", "lt", "--server", &server.url(), "--subdomain", "occupied"])
        .start();
    let ready = session.expect("ready");
    // Nobody connected to the squatted name, so the server may have let go of it after its grace period.
    let granted = ready["url"] == server.tunnel_url("occupied").as_str();
    let said = session.events().iter().any(|event| event["code"] == "provider.name_not_granted");
    assert_ne!(granted, said, "{}", session.transcript());
    session.stop();
}

#[test]
fn a_killed_gateway_comes_back_with_the_url_and_its_visitors_wait_for_it() {
    let mut up = Up::start(&["--slow-start", "300"], &["--subdomain", "gateway"]);
    up.session.process("gateway.cjs").signal(Signal::KILL);
    up.session.expect("gateway_lost");
    let answer = http::fetch(&format!("{}/api/mcp/default", up.url)).unwrap();
    assert_eq!((answer.status, answer.json()["app_url"].as_str()), (200, Some(up.url.as_str())));
    up.session.expect("ready");
    assert_eq!(up.starts(), 2);
    assert_eq!(up.session.count("tunnel_lost"), 0, "the tunnel is not to blame");
    up.session.stop();
}

#[test]
fn a_hanging_gateway_is_replaced() {
    let mut up =
        Up::start(&["--hang-after", "1500", "--starts-file", "/dev/null"], &["--subdomain", "hanging"]);
    up.session.expect_within("gateway_lost", Duration::from_secs(60));
    up.session.expect_within("gateway_starting", SOON);
    up.session.stop();
}

#[test]
fn a_gateway_that_crashes_on_and_on_ends_the_session_with_its_last_lines() {
    let (home, port) = (Home::new(), free_port().to_string());
    let https = free_port().to_string();
    let output = Mcpgw::new(&home)
        .args(["tunnel", "--provider", "local", "--https-port", &https, "--port", &port, "--"])
        .args(gateway_command(&["--port", &port, "--crash-at-start"]))
        .run();
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("exit code 3") && output.stderr.contains("boom: the reason"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_gateway_that_listens_on_another_port_is_told_apart_from_a_slow_one() {
    let (home, port, other) = (Home::new(), free_port().to_string(), free_port().to_string());
    let https = free_port().to_string();
    let mut session = Mcpgw::tunnel(&home)
        .args(["--provider", "local", "--https-port", &https, "--port", &port, "--"])
        .args(gateway_command(&["--port", &other]))
        .start();
    let told = session.expect_where("the notice", SOON, |event| event["code"] == "gateway.other_port");
    assert!(told["message"].as_str().unwrap().contains(&other), "{told}");
    assert!(told["fix"].as_str().unwrap().contains(&format!("--port {other}")), "{told}");
    session.stop();
}

#[test]
fn an_orphan_that_still_serves_the_gateways_port_is_named() {
    let (home, port) = (Home::new(), free_port());
    let (https, text) = (free_port().to_string(), port.to_string());
    // Serves once; started again it ends at once, which leaves a second in which the port is free.
    let once = "if [ -e once ]; then exit 1; fi; : > once; exec \"$@\"";
    let mut session = Mcpgw::tunnel(&home)
        .args(["--provider", "local", "--https-port", &https, "--port", &text, "--", "sh", "-c", once, "sh"])
        .args(gateway_command(&["--port", &text]))
        .start();
    session.expect("ready");
    session.process("gateway.cjs").signal(Signal::KILL);
    session.expect_where("the second attempt", SOON, |event| event["attempt"] == 2);
    let squatter = Gateway::start_on(port, &[]);
    let failed = session.expect("failed");
    assert!(failed["message"].as_str().unwrap().contains(&format!("pid {}", squatter.pid())), "{failed}");
    assert_eq!(session.wait().code(), Some(1));
    session.leaves_nothing();
}

#[test]
fn ctrl_c_and_sigterm_leave_nothing_not_even_what_made_its_own_session() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut up = Up::start(&["--grandchild"], &["--subdomain", "ending"]);
        assert!(up.session.survivors().len() >= 4, "{:?}", up.session.survivors());
        up.session.signal(signal);
        assert!(up.session.wait().success());
        up.session.leaves_nothing();
        assert_eq!(up.session.count("stopped"), 1);
    }
}

#[test]
fn what_wiped_its_environment_and_lost_its_parent_is_found_at_the_end() {
    let (home, port, https) = (Home::new(), free_port().to_string(), free_port().to_string());
    let escape = "const child = require('child_process').spawn('sleep', ['1000'], {detached: true, stdio: 'ignore', env: {}}); \
        child.unref(); require('fs').writeFileSync('escaped', String(child.pid))";
    let script = "node -e \"$0\"; exec \"$@\"";
    let mut session = Mcpgw::tunnel(&home)
        .args([
            "--provider",
            "local",
            "--https-port",
            &https,
            "--port",
            &port,
            "--",
            "sh",
            "-c",
            script,
            escape,
        ])
        .args(gateway_command(&["--port", &port]))
        .start();
    session.expect("ready");
    let status = format!("/proc/{}/status", home.read("escaped"));
    assert!(
        fs::read_to_string(&status).unwrap().contains(&format!("PPid:\t{}", session.pid())),
        "adopted by mcpgw"
    );
    assert!(session.stop().success());
    assert!(!fs::exists(&status).unwrap() || fs::read_to_string(&status).unwrap().contains("State:\tZ"));
}

#[test]
fn a_gateway_whose_environment_was_wiped_does_not_outlive_a_killed_mcpgw() {
    let (home, port, https) = (Home::new(), free_port().to_string(), free_port().to_string());
    let flags = ["--provider", "local", "--https-port", &https, "--port", &port];
    // The mark by which a sweep knows its own is gone with the rest.
    let mut session = Mcpgw::tunnel(&home)
        .args(flags)
        .args(["--", "env", "-i"])
        .args(gateway_command(&["--port", &port]))
        .system_path()
        .start();
    session.expect("ready");
    session.kill();
    wait_for("the gateway's end", Duration::from_secs(5), || {
        std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err().then_some(())
    });
}

#[test]
fn a_child_that_ignores_sigterm_is_killed_after_its_grace_or_at_once_by_a_second_ctrl_c() {
    let mut up = Up::start(&["--ignore-term"], &["--subdomain", "stubborn"]);
    up.session.signal(Signal::INT);
    wait_for("the drain to be over", Duration::from_secs(5), || {
        (up.session.survivors().iter().all(|process| !process.command.contains("/lt "))).then_some(())
    });
    let began = Instant::now();
    up.session.signal(Signal::INT);
    assert!(up.session.wait().success());
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    up.session.leaves_nothing();
}

#[test]
fn requests_under_way_are_finished_before_the_end() {
    let mut up = Up::start(&[], &["--subdomain", "draining"]);
    let url = format!("{}/api/mcp/default?delay=1500", up.url);
    let visitor = std::thread::spawn(move || http::fetch(&url));
    let gateway = format!("http://127.0.0.1:{}/api/mcp/default", up.port);
    let under_way = || http::fetch(&gateway).unwrap().json()["under_way"].as_u64();
    wait_for("the request to reach the gateway", Duration::from_secs(20), || {
        (under_way() == Some(1)).then_some(())
    });
    up.session.signal(Signal::TERM);
    assert_eq!(visitor.join().unwrap().unwrap().status, 200);
    assert!(up.session.wait().success());
}

#[test]
fn killed_at_any_moment_mcpgw_leaves_no_process_and_the_next_start_is_clean() {
    let (home, server) = (Home::new(), LtServer::start());
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..50 {
        let port = free_port().to_string();
        let mut session = Mcpgw::tunnel(&home)
            .args(["--provider", "lt", "--server", &server.url(), "--port", &port, "--"])
            .args(gateway_command(&["--port", &port, "--grandchild"]))
            .start();
        // From before the first child to well after ready.
        std::thread::sleep(Duration::from_millis(random.u64(0..600)));
        session.kill();
        session.leaves_nothing();
        assert!(
            http::get(&format!("127.0.0.1:{port}"), "x", "/").is_err(),
            "round {round}: the port is still served"
        );
    }
    let https = free_port().to_string();
    let mut next = Mcpgw::tunnel(&home).args(["--demo", "--https-port", &https]).start();
    next.expect("ready");
    let status = Mcpgw::new(&home).args(["status", "--json"]).run().json();
    assert_eq!(status["sessions"].as_array().map(Vec::len), Some(1), "{status}");
    let files = fs::read_dir(home.state().join("sessions")).unwrap().count();
    assert_eq!(files, 1, "files of killed sessions are gone");
    next.stop();
}

#[test]
fn the_second_session_on_a_gateway_port_is_told_who_holds_it() {
    let mut up = Up::start(&[], &["--subdomain", "first-one"]);
    let port = up.port.to_string();
    let second = Mcpgw::new(&up.home).args(["tunnel", "--provider", "local", "--port", &port]).run();
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains(&format!("(pid {})", up.session.pid())), "{}", second.stderr);
    up.session.stop();
}

#[test]
fn of_two_sessions_started_at_once_one_runs_and_the_other_names_it() {
    let home = Home::new();
    let gateway = Gateway::start(&[]);
    let port = gateway.port().to_string();
    let start = || {
        let https = free_port().to_string();
        Mcpgw::tunnel(&home).args(["--provider", "local", "--https-port", &https, "--port", &port]).start()
    };
    let mut both = [start(), start()];
    let names = both.each_mut().map(|session| {
        let first = session.expect_where("ready or failed", SOON, |event| {
            ["ready", "failed"].iter().any(|name| event["event"] == *name)
        });
        first["event"].as_str().unwrap().to_string()
    });
    let [a, b] = names.each_ref().map(String::as_str);
    assert!(matches!((a, b), ("ready", "failed") | ("failed", "ready")), "{a} {b}");
    let (winner, loser) = if a == "ready" { (0, 1) } else { (1, 0) };
    let pid = both[winner].pid();
    let failed: Vec<Value> =
        both[loser].events().iter().filter(|event| event["event"] == "failed").cloned().collect();
    assert!(failed[0]["message"].as_str().unwrap().contains(&format!("pid {pid}")), "{failed:?}");
    both[winner].stop();
}
