//! `mcpgw bridge` between a client that speaks lines and a server that speaks HTTP in every way servers do, and
//! what it makes of restarts, lost sessions and broken streams.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Bridge, Home, McpServer, Mcpgw, Signal, bridge_log, free_port, wait_for};

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("no text: {answer}"))
}

/// The file that keeps what the gateway answered to `initialize`, once it is there.
fn kept_answer(home: &Home) -> PathBuf {
    let folder = home.state().join("bridge");
    wait_for("the kept answer", Duration::from_secs(10), || {
        let mut files = fs::read_dir(&folder).ok()?.flatten().map(|entry| entry.path());
        files.find(|path| path.extension().is_some_and(|ending| ending == "json"))
    })
}

#[test]
fn whatever_way_a_server_answers_the_client_gets_one_line_with_its_own_id() {
    let server = McpServer::start(&[]);
    for style in ["sse", "json", "pretty", "crlf", "cr", "bytes", "gzip", "text-id", "null-id"] {
        let home = Home::new();
        let mut bridge = Bridge::ready(&home, &server.url(&format!("answers={style}")));
        for id in [json!(1), json!("1"), json!("ü\n"), json!(9_007_199_254_740_993_u64), json!(-1.5)] {
            assert_eq!(
                text(&bridge.call(id, "echo", json!({"text": "ä ☃\r\n\u{2028}"}))),
                "ä ☃\r\n\u{2028}",
                "{style}"
            );
        }
        let error = bridge.call("bad", "nothing", json!({}));
        assert_eq!(error["error"]["code"], -32602, "{style}: {error}");
        assert_eq!(bridge.ask(7, "no/such", json!({}))["error"]["code"], -32601, "{style}");
        assert!(bridge.others().is_empty(), "{style}");
        bridge.end();
    }
}

#[test]
fn calls_run_side_by_side_and_are_answered_as_they_end() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let mut bridge = Bridge::ready(&home, &server.url("answers=json"));
    let call = |wait: u64| json!({"name": "count", "arguments": {"call": wait, "wait": wait}});
    bridge.request(1, "tools/call", call(1500));
    bridge.request(2, "tools/call", call(1));
    bridge.answer(2);
    assert!(bridge.others().is_empty(), "the slow one is not done");
    bridge.answer(1);
    bridge.end();
}

#[test]
fn fifty_megabytes_pass_both_ways() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let size = 50 << 20;
    for style in ["json", "sse"] {
        let mut bridge = Bridge::ready(&home, &server.url(&format!("answers={style}")));
        assert_eq!(text(&bridge.call(1, "big", json!({"size": size}))).len(), size, "{style}");
        let long = "x".repeat(size);
        assert!(
            text(&bridge.call(2, "echo", json!({"text": long}))) == long,
            "{style}: it came back changed"
        );
        bridge.end();
    }
}

#[test]
fn what_is_no_message_is_complained_about_and_changes_nothing() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let mut bridge = Bridge::ready(&home, &server.url(""));
    bridge.send_text("hello\n{\"id\":\n\r\n\n3\n");
    for code in [-32700, -32700, -32600] {
        let answer = bridge.expect("a complaint", |message| message["id"].is_null());
        assert_eq!(answer["error"]["code"], code);
    }
    assert_eq!(text(&bridge.call(1, "echo", json!({"text": "still here"}))), "still here");
    bridge.end();
}

#[test]
fn a_batch_is_answered_with_a_batch() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let mut bridge = Bridge::ready(&home, &server.url(""));
    let echo = |id: u64| {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": {"name": "echo", "arguments": {"text": id}}})
    };
    let progress =
        json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1}});
    bridge.send(&json!([echo(1), progress, echo(2)]));
    let batch = bridge.expect("a batch", Value::is_array);
    let mut ids: Vec<u64> =
        batch.as_array().unwrap().iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    wait_for("the notification", Duration::from_secs(10), || {
        (!server.log_of("notifications/progress").is_empty()).then_some(())
    });
    bridge.end();
}

#[test]
fn every_request_carries_what_the_specification_asks_for() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let url = server.url("version=2025-06-18");
    let mut bridge =
        Bridge::start(&home, &["--url", &url, "--header", "X-Mine=a", "--header", "Authorization: Bearer b"]);
    bridge.initialize();
    bridge.call(1, "echo", json!({}));
    bridge.end();
    let header = |entry: &Value, name: &str| entry["headers"][name].as_str().map(String::from);
    let begun = &server.log_of("initialize")[0];
    assert_eq!((header(begun, "mcp-session-id"), header(begun, "mcp-protocol-version")), (None, None));
    assert_eq!(header(begun, "accept").as_deref(), Some("application/json, text/event-stream"));
    assert_eq!(begun["message"]["params"]["clientInfo"]["name"], "test", "the client's own parameters");
    let call = &server.log_of("tools/call")[0];
    assert!(header(call, "mcp-session-id").is_some());
    assert_eq!(header(call, "mcp-protocol-version").as_deref(), Some("2025-06-18"));
    assert_eq!(
        (header(call, "x-mine").as_deref(), header(call, "authorization").as_deref()),
        (Some("a"), Some("Bearer b"))
    );
    let log = server.log();
    let at = |what: &str| log.iter().position(|entry| entry["message"]["method"] == what).unwrap();
    assert!(at("notifications/initialized") < at("tools/call"), "in order");
    let get = log.iter().find(|entry| entry["http"] == "GET").expect("the gateway's own stream is asked for");
    assert_eq!(header(get, "accept").as_deref(), Some("text/event-stream"));
    let deleted = log.iter().find(|entry| entry["http"] == "DELETE").expect("the session is ended");
    assert_eq!(header(deleted, "mcp-session-id"), header(call, "mcp-session-id"));
}

#[test]
fn the_end_of_input_and_sigterm_end_it_in_time_with_the_session() {
    for (signal, query) in [(None, ""), (Some(Signal::TERM), ""), (Some(Signal::INT), "delete=405&get=405")] {
        let (home, server) = (Home::new(), McpServer::start(&[]));
        let mut bridge = Bridge::ready(&home, &server.url(query));
        // A call under way holds nothing up.
        bridge.request(1, "tools/call", json!({"name": "count", "arguments": {"call": 1, "wait": 60_000}}));
        wait_for("the call", Duration::from_secs(10), || {
            (!server.log_of("tools/call").is_empty()).then_some(())
        });
        match signal {
            Some(signal) => bridge.signal(signal),
            None => bridge.close_stdin(),
        }
        let (status, took) = bridge.wait();
        assert!(status.success() && took < Duration::from_secs(2), "{signal:?}: {status}, {took:?}");
        assert!(server.log().iter().any(|entry| entry["http"] == "DELETE"), "{signal:?}");
    }
}

#[test]
fn answers_under_way_still_come_when_the_input_ends() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let mut bridge = Bridge::ready(&home, &server.url(""));
    bridge.request(1, "tools/call", json!({"name": "count", "arguments": {"call": 1, "wait": 200}}));
    bridge.close_stdin();
    bridge.answer(1);
    assert!(bridge.wait().0.success());
}

#[test]
fn a_client_may_say_everything_at_once() {
    for query in ["", "modern=only"] {
        let (home, server) = (Home::new(), McpServer::start(&[]));
        let mut bridge = Bridge::start(&home, &["--url", &server.url(query)]);
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
        bridge.request(0, "initialize", params);
        bridge.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        bridge.request(1, "tools/call", json!({"name": "echo", "arguments": {"text": "x"}}));
        bridge.close_stdin();
        bridge.answer(0);
        assert_eq!(text(&bridge.answer(1)), "x");
        assert!(bridge.wait().0.success());
        assert_eq!(server.log_of("notifications/initialized").len(), usize::from(query.is_empty()));
    }
}

#[test]
fn a_frozen_gateway_cannot_hold_the_end_up() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let mut bridge = Bridge::ready(&home, &server.url(""));
    bridge.call(1, "echo", json!({}));
    server.signal(Signal::STOP);
    bridge.end();
    server.signal(Signal::CONT);
}

#[test]
fn a_client_that_has_gone_ends_it() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let mut bridge = Bridge::ready(&home, &server.url(""));
    // Nobody reads: what is written waits, and a signal still ends it.
    for id in 0..40 {
        bridge.request(id, "tools/call", json!({"name": "big", "arguments": {"size": 200_000}}));
    }
    bridge.signal(Signal::TERM);
    assert!(bridge.wait().1 < Duration::from_secs(2));
}

#[test]
fn a_cancelled_call_is_not_answered_and_its_id_can_be_used_again() {
    for query in ["", "answers=json"] {
        let (home, server) = (Home::new(), McpServer::start(&[]));
        let mut bridge = Bridge::ready(&home, &server.url(query));
        bridge.request(5, "tools/call", json!({"name": "count", "arguments": {"call": "old", "wait": 600}}));
        wait_for("the call", Duration::from_secs(10), || {
            (!server.log_of("tools/call").is_empty()).then_some(())
        });
        bridge.send(
            &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}),
        );
        let answer = bridge.call(5, "count", json!({"call": "new", "wait": 900}));
        assert_eq!(text(&answer), "new", "{query}");
        assert!(bridge.others().is_empty(), "{query}: only one answer");
        assert_eq!(server.log_of("notifications/cancelled").len(), 1, "{query}");
        bridge.end();
    }
}

#[test]
fn progress_comes_before_the_answer_and_at_once() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let mut bridge = Bridge::ready(&home, &server.url(""));
    let params =
        json!({"name": "progress", "arguments": {"steps": 3, "every": 150}, "_meta": {"progressToken": "t"}});
    bridge.request(1, "tools/call", params);
    let mut at = vec![];
    for step in 1..=3 {
        let told = bridge.told("notifications/progress");
        assert_eq!(
            (&told["params"]["progress"], &told["params"]["progressToken"]),
            (&json!(step), &json!("t"))
        );
        at.push(Instant::now());
    }
    assert!(at[2] - at[0] > Duration::from_millis(200), "they came one by one");
    bridge.answer(1);
    bridge.end();
}

#[test]
fn the_gateways_questions_reach_the_client_on_either_stream() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let mut bridge = Bridge::ready(&home, &server.url(""));
    for over in ["post", "get"] {
        bridge.request(1, "tools/call", json!({"name": "ask", "arguments": {"over": over}}));
        let question = bridge.told("sampling/createMessage");
        bridge.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": {"model": over}}));
        assert_eq!(text(&bridge.answer(1)), format!(r#"{{"model":"{over}"}}"#));
    }
    bridge.end();
}

#[test]
fn a_question_of_a_gateway_that_is_gone_is_taken_back_and_its_answer_goes_nowhere() {
    let home = Home::new();
    let mut server = McpServer::start(&[]);
    let mut bridge = Bridge::ready(&home, &server.url(""));
    let ask = json!({"name": "ask", "arguments": {"id": "same"}});
    bridge.request(1, "tools/call", ask.clone());
    let old = bridge.told("sampling/createMessage");
    server.kill();
    assert!(bridge.answer(1)["error"]["message"].as_str().unwrap().contains("may have run"));
    server = McpServer::start_on(server.port(), &[]);
    assert_eq!(bridge.told("notifications/cancelled")["params"]["requestId"], old["id"]);
    // The new gateway asks under the same id; the answer to the old question is not taken for its own.
    bridge.request(2, "tools/call", ask);
    let new = bridge.told("sampling/createMessage");
    assert_ne!(new["id"], old["id"]);
    bridge.send(&json!({"jsonrpc": "2.0", "id": old["id"], "result": {"model": "old"}}));
    bridge.send(&json!({"jsonrpc": "2.0", "id": new["id"], "result": {"model": "new"}}));
    assert_eq!(text(&bridge.answer(2)), r#"{"model":"new"}"#);
    bridge.end();
    drop(server);
}

#[test]
fn a_forgotten_session_begins_again_without_the_client() {
    for query in ["lost=404", "lost=400", "lost=404&get=405&answers=json", "sessions=no", "get=close"] {
        let home = Home::new();
        let mut server = McpServer::start(&[]);
        let mut bridge = Bridge::ready(&home, &server.url(query));
        bridge.ask("l", "logging/setLevel", json!({"level": "error"}));
        bridge.ask("s", "resources/subscribe", json!({"uri": "x:y"}));
        server.kill();
        server = McpServer::start_on(server.port(), &[]);
        assert_eq!(text(&bridge.call(1, "echo", json!({"text": "again"}))), "again", "{query}");
        if query != "sessions=no" {
            assert!(!server.log_of("initialize").is_empty(), "{query}");
            assert_eq!(server.log_of("logging/setLevel").len(), 1, "{query}: what was set is set again");
            assert_eq!(server.log_of("resources/subscribe").len(), 1, "{query}");
        }
        bridge.end();
    }
}

#[test]
fn calls_wait_for_a_gateway_that_restarts() {
    let home = Home::new();
    let mut server = McpServer::start(&[]);
    let mut bridge = Bridge::ready(&home, &server.url(""));
    server.kill();
    bridge.request(1, "tools/call", json!({"name": "echo", "arguments": {"text": "slow"}}));
    assert_eq!(bridge.ask(2, "ping", json!({}))["result"], json!({}), "the bridge itself lives");
    assert!(bridge.others().is_empty());
    server = McpServer::start_on(server.port(), &[]);
    assert_eq!(text(&bridge.answer(1)), "slow");
    bridge.end();
    drop(server);
}

#[test]
fn a_gateway_that_stays_away_is_told_after_a_while_and_that_nothing_ran() {
    let home = Home::new();
    let mut server = McpServer::start(&[]);
    let mut bridge = Bridge::start(&home, &["--url", &server.url(""), "--patience", "500ms"]);
    bridge.initialize();
    server.kill();
    let error = bridge.call(1, "echo", json!({}))["error"].clone();
    assert_eq!(error["data"]["code"], "bridge.unreachable", "{error}");
    assert!(error["message"].as_str().unwrap().contains("not run"), "{error}");
    bridge.end();
}

#[test]
fn a_busy_gateway_is_asked_again_but_not_for_ever_and_a_broken_one_is_not() {
    let server = McpServer::start(&[]);
    for (status, tool, code) in [
        ("429", "echo", "bridge.unreachable"),
        ("503", "echo", "bridge.unreachable"),
        ("502", "echo", "bridge.answer_lost"),
    ] {
        let (home, before) = (Home::new(), server.log_of("tools/call").len());
        let url = server.url(&format!("busy={status}"));
        let mut bridge = Bridge::start(&home, &["--url", &url, "--patience", "400ms"]);
        bridge.initialize();
        assert_eq!(bridge.call(1, tool, json!({}))["error"]["data"]["code"], code, "{status}");
        let tries = server.log_of("tools/call").len() - before;
        assert_eq!(tries > 1, code == "bridge.unreachable", "{status}: {tries} times");
        bridge.end();
    }
}

#[test]
fn a_call_that_may_have_run_is_told_and_never_run_again_unless_that_is_harmless() {
    for (tool, runs) in [("count", 1), ("safe", 2)] {
        for style in ["sse", "json"] {
            let home = Home::new();
            let file = home.path().join("runs");
            let server = McpServer::start(&["--count-file", file.to_str().unwrap()]);
            let mut bridge = Bridge::ready(&home, &server.url(&format!("answers={style}")));
            bridge.ask("list", "tools/list", json!({}));
            let answer = bridge.call(1, tool, json!({"call": "a", "break": true}));
            assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), runs, "{tool} {style}");
            match runs {
                1 => assert_eq!(answer["error"]["data"]["code"], "bridge.answer_lost", "{style}: {answer}"),
                _ => assert_eq!(text(&answer), "a", "{style}"),
            }
            bridge.end();
        }
    }
}

#[test]
fn a_stream_that_breaks_off_goes_on_where_it_was() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let mut bridge = Bridge::ready(&home, &server.url("ids=yes"));
    let params =
        json!({"name": "progress", "arguments": {"steps": 12, "every": 100}, "_meta": {"progressToken": 1}});
    bridge.request(1, "tools/call", params);
    for step in 1..=12 {
        assert_eq!(
            bridge.told("notifications/progress")["params"]["progress"],
            step,
            "none lost, none twice"
        );
        if step % 4 == 0 {
            server.kick();
        }
    }
    assert_eq!(text(&bridge.answer(1)), "done");
    assert_eq!(server.log_of("tools/call").len(), 1, "it was sent once");
    assert!(server.log().iter().any(|entry| !entry["headers"]["last-event-id"].is_null()));
    bridge.end();
}

#[test]
fn the_client_hears_of_other_tools_and_only_then() {
    let home = Home::new();
    let mut server = McpServer::start(&[]);
    let mut bridge = Bridge::ready(&home, &server.url(""));
    let tools = |answer: &Value| answer["result"]["tools"].as_array().unwrap().len();
    let before = tools(&bridge.ask(1, "tools/list", json!({})));
    let mut restart = |arguments: &[&str]| {
        server.kill();
        server = McpServer::start_on(server.port(), arguments);
    };
    restart(&[]);
    bridge.call(2, "echo", json!({}));
    let changed = |bridge: &mut Bridge| {
        bridge
            .others()
            .iter()
            .filter(|message| message["method"] == "notifications/tools/list_changed")
            .count()
    };
    restart(&["--tools", "more"]);
    bridge.told("notifications/tools/list_changed");
    assert_eq!(changed(&mut bridge), 0, "the first restart changed nothing");
    assert_eq!(tools(&bridge.ask(3, "tools/list", json!({}))), before + 1);
    restart(&["--tools", "more", "--name", "another"]);
    bridge.told("notifications/tools/list_changed");
    bridge.end();
}

#[test]
fn without_a_gateway_it_answers_and_comes_alive_with_it() {
    let home = Home::new();
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/mcp");
    let began = Instant::now();
    let mut bridge = Bridge::start(&home, &["--url", &url]);
    let result = bridge.initialize();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(result["serverInfo"]["name"], "mcpgw");
    bridge.request(1, "tools/list", json!({}));
    let server = McpServer::start_on(port, &["--name", "first"]);
    assert!(bridge.answer(1)["result"]["tools"].as_array().is_some_and(|tools| !tools.is_empty()));
    bridge.told("notifications/tools/list_changed");
    assert_eq!(
        bridge.ask(2, "prompts/list", json!({}))["result"],
        json!({"prompts": []}),
        "promised, and not there"
    );
    kept_answer(&home);
    bridge.end();
    drop(server);
    // What the gateway said is kept for the next time.
    let mut again = Bridge::start(&home, &["--url", &url]);
    assert_eq!(again.initialize()["serverInfo"]["name"], "first");
    again.end();
}

#[test]
fn lists_are_empty_while_there_is_no_gateway_and_the_client_hears_when_they_are_not() {
    let (home, port) = (Home::new(), free_port());
    let url = format!("http://127.0.0.1:{port}/mcp");
    let mut bridge = Bridge::start(&home, &["--url", &url, "--patience", "300ms"]);
    bridge.initialize();
    assert_eq!(bridge.ask(1, "tools/list", json!({}))["result"], json!({"tools": []}));
    assert_eq!(bridge.call(2, "echo", json!({}))["error"]["data"]["code"], "bridge.unreachable");
    let server = McpServer::start_on(port, &[]);
    bridge.told("notifications/tools/list_changed");
    assert_eq!(text(&bridge.call(3, "echo", json!({"text": "x"}))), "x");
    bridge.end();
    drop(server);
}

#[test]
fn what_is_kept_is_the_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let url = format!("{}&token=s3cret", server.url(""));
    let mut bridge = Bridge::start(&home, &["--url", &url, "--header", "X-Key: s3cret"]);
    bridge.initialize();
    bridge.call(1, "echo", json!({"text": "s3cret"}));
    let kept = kept_answer(&home);
    assert_eq!(fs::metadata(kept).unwrap().permissions().mode() & 0o777, 0o600);
    let stderr = bridge.stderr();
    bridge.end();
    let log = bridge_log(&home);
    assert!(
        log.contains("connected") && !log.contains("s3cret") && !stderr.contains("s3cret"),
        "{log}{stderr}"
    );
}

#[test]
fn strict_fails_where_there_is_no_gateway() {
    let home = Home::new();
    let url = format!("http://127.0.0.1:{}/mcp", free_port());
    let output = Mcpgw::new(&home).args(["bridge", "--strict", "--url", &url]).run();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""));
    assert!(
        output.stderr.contains("--strict") && output.stderr.contains("mcpgw tunnel"),
        "{}",
        output.stderr
    );
}

#[test]
fn what_cannot_work_is_said_at_once_with_what_helps() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
    // The log page is JSON, but no MCP.
    let url = format!("http://127.0.0.1:{}/_log", server.port());
    let mut bridge = Bridge::start(&home, &["--url", &url]);
    let answer = bridge.ask(1, "initialize", params);
    assert!(answer["error"]["message"].as_str().unwrap().contains("--url"), "{answer}");
    bridge.end();
}

#[test]
fn a_gateway_that_wants_a_login_or_a_key_is_recognised_and_a_header_opens_it() {
    let server = McpServer::start(&[]);
    for (auth, code) in [("oauth", "bridge.oauth"), ("key", "bridge.unwelcome")] {
        let (home, url) = (Home::new(), server.url(&format!("auth={auth}")));
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
        let mut bridge = Bridge::start(&home, &["--url", &url]);
        let error = bridge.ask(1, "initialize", params)["error"].clone();
        assert_eq!(error["data"]["code"], code, "{error}");
        assert!(error["message"].as_str().unwrap().contains("--header"), "{error}");
        bridge.end();
        let variables = [("MCPGW_HOME", home.path().to_str().unwrap()), ("TOKEN", "t0k")];
        let arguments = ["--url", &url, "--header", "Authorization: Bearer ${TOKEN}"];
        let mut bridge = Bridge::start_with(&arguments, &variables, Path::new("/"));
        bridge.initialize();
        assert_eq!(server.log_of("initialize").pop().unwrap()["headers"]["authorization"], "Bearer t0k");
        bridge.end();
    }
}

#[test]
fn redirects_are_followed_with_the_message() {
    let server = McpServer::start(&[]);
    for status in ["307", "308", "301"] {
        let home = Home::new();
        let mut bridge = Bridge::ready(&home, &server.url(&format!("redirect={status}")));
        assert_eq!(text(&bridge.call(1, "echo", json!({"text": "there"}))), "there", "{status}");
        bridge.end();
    }
}

#[test]
fn the_transport_of_2024_is_spoken_where_the_new_one_is_not() {
    let home = Home::new();
    let mut server = McpServer::start(&[]);
    let url = format!("http://127.0.0.1:{}/sse", server.port());
    let mut bridge = Bridge::ready(&home, &url);
    assert_eq!(text(&bridge.call(1, "echo", json!({"text": "old"}))), "old");
    bridge.request(2, "tools/call", json!({"name": "ask", "arguments": {}}));
    let question = bridge.told("sampling/createMessage");
    bridge.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": {"model": "m"}}));
    bridge.answer(2);
    bridge.request(3, "tools/call", json!({"name": "count", "arguments": {"call": 1, "wait": 60_000}}));
    wait_for("the call", Duration::from_secs(10), || (server.log_of("tools/call").len() == 3).then_some(()));
    server.kill();
    assert_eq!(bridge.answer(3)["error"]["data"]["code"], "bridge.answer_lost");
    server = McpServer::start_on(server.port(), &[]);
    assert_eq!(text(&bridge.call(4, "echo", json!({"text": "new"}))), "new");
    bridge.end();
    drop(server);
}

fn modern(version: &str) -> Value {
    json!({"io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}})
}

#[test]
fn a_client_of_2026_needs_no_session_and_its_headers_say_what_it_asks_for() {
    let home = Home::new();
    let mut server = McpServer::start(&[]);
    let mut bridge = Bridge::start(&home, &["--url", &server.url("modern=only")]);
    let meta = modern("2026-07-28");
    let discovered = bridge.ask("d", "server/discover", json!({"_meta": meta}));
    assert_eq!(discovered["result"]["supportedVersions"], json!(["2026-07-28"]));
    let call = |name: &str, arguments: Value| json!({"name": name, "arguments": arguments, "_meta": meta});
    assert_eq!(text(&bridge.ask(1, "tools/call", call("echo", json!({"text": "x"})))), "x");
    // Its headers come with the tool's description, which the bridge reads by itself.
    let answer = bridge.ask(2, "tools/call", call("region", json!({"region": "Zürich"})));
    assert!(answer["error"].is_object() || text(&answer) == "here", "{answer}");
    let answer = bridge.ask(3, "tools/call", call("region", json!({"region": "eu"})));
    assert_eq!(text(&answer), "here", "{answer}");
    assert_eq!(bridge.ask(4, "x/y", json!({"_meta": modern("1999-01-01")}))["error"]["code"], -32022);
    // A stream that stays open comes back with the gateway.
    bridge.request(
        5,
        "subscriptions/listen",
        json!({"_meta": meta, "notifications": {"toolsListChanged": true}}),
    );
    bridge.told("notifications/subscriptions/acknowledged");
    server.kill();
    server = McpServer::start_on(server.port(), &[]);
    bridge.told("notifications/subscriptions/acknowledged");
    // Cancelling closes the stream, and says nothing else.
    bridge.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}));
    wait_for("the stream's end", Duration::from_secs(10), || {
        server.log().iter().any(|entry| entry["http"] == "closed").then_some(())
    });
    assert!(server.log_of("notifications/cancelled").is_empty() && server.log_of("initialize").is_empty());
    bridge.end();
}

#[test]
fn an_old_client_is_at_home_before_a_gateway_of_2026() {
    let home = Home::new();
    let mut server = McpServer::start(&[]);
    let mut bridge = Bridge::ready(&home, &server.url("modern=only"));
    bridge.ask("tools", "tools/list", json!({}));
    assert_eq!(text(&bridge.call(1, "echo", json!({"text": "x"}))), "x");
    assert_eq!(text(&bridge.call(2, "region", json!({"region": "eu"}))), "here");
    assert_eq!(bridge.ask(3, "ping", json!({}))["result"], json!({}));
    assert_eq!(bridge.ask(4, "logging/setLevel", json!({"level": "error"}))["result"], json!({}));
    assert_eq!(bridge.ask(5, "resources/subscribe", json!({"uri": "a:b"}))["result"], json!({}));
    // What the gateway wants to know is asked in the old way.
    bridge.request(6, "tools/call", json!({"name": "ask", "arguments": {}, "_meta": {"progressToken": 9}}));
    let question = bridge.told("sampling/createMessage");
    bridge.send(&json!({"jsonrpc": "2.0", "id": question["id"], "result": {"model": "m"}}));
    assert_eq!(text(&bridge.answer(6)), r#"[{"model":"m"},"state"]"#);
    let asked = server.log_of("tools/call").pop().unwrap()["message"].clone();
    let meta = &asked["params"]["_meta"];
    assert_eq!(
        (&meta["progressToken"], &meta["io.modelcontextprotocol/logLevel"]),
        (&json!(9), &json!("error"))
    );
    assert_eq!(meta["io.modelcontextprotocol/clientInfo"]["name"], "test");
    let listened = wait_for("a stream of changes", Duration::from_secs(10), || {
        let listened =
            server.log_of("subscriptions/listen").pop()?["message"]["params"]["notifications"].clone();
        (!listened["resourceSubscriptions"].is_null()).then_some(listened)
    });
    assert_eq!(
        listened,
        json!({"toolsListChanged": true, "resourcesListChanged": true, "resourceSubscriptions": ["a:b"]})
    );
    server.kill();
    server = McpServer::start_on(server.port(), &["--tools", "more"]);
    bridge.told("notifications/tools/list_changed");
    assert_eq!(text(&bridge.call(7, "echo", json!({"text": "again"}))), "again");
    assert!(server.log_of("notifications/initialized").is_empty());
    assert!(
        bridge.others().iter().all(|message| message["method"] != "notifications/subscriptions/acknowledged")
    );
    bridge.end();
}

#[test]
fn a_gateway_of_2026_is_known_however_it_refuses_to_initialize() {
    let server = McpServer::start(&[]);
    for how in ["only", "strict", "bare"] {
        let home = Home::new();
        let mut bridge = Bridge::ready(&home, &server.url(&format!("get=405&modern={how}")));
        assert_eq!(text(&bridge.call(1, "echo", json!({"text": "x"}))), "x", "{how}");
        bridge.end();
    }
}

#[test]
fn a_new_client_learns_from_an_old_server_that_it_is_old() {
    let (home, server) = (Home::new(), McpServer::start(&[]));
    let mut bridge = Bridge::start(&home, &["--url", &server.url("")]);
    let answer = bridge.ask("d", "server/discover", json!({"_meta": modern("2026-07-28")}));
    assert!(answer["error"].is_object(), "{answer}");
    bridge.initialize();
    assert_eq!(text(&bridge.call(1, "echo", json!({"text": "x"}))), "x");
    bridge.end();
}

#[test]
fn it_finds_the_running_session_by_itself_and_follows_it_to_the_next() {
    let home = Home::new();
    let start = || {
        let port = free_port().to_string();
        let mut session = Mcpgw::tunnel(&home).args(["--demo", "--https-port", &port]).start();
        session.expect("ready");
        session
    };
    let mut session = start();
    // As a desktop client would: nothing but MCPGW_HOME, elsewhere.
    let mut bridge = Bridge::start(&home, &[]);
    assert_eq!(bridge.initialize()["serverInfo"]["name"], "mcpgw-demo");
    assert_eq!(text(&bridge.call(1, "echo", json!({"text": "one"}))), "one");
    session.stop();
    bridge.request(2, "tools/call", json!({"name": "echo", "arguments": {"text": "two"}}));
    let mut next = start();
    assert_eq!(text(&bridge.answer(2)), "two");
    bridge.end();
    next.stop();
}

/// Claude Desktop itself cannot run here: its entry is started as it would, with nothing but what the entry names.
#[test]
fn the_entry_that_configure_writes_leads_to_the_session_from_an_empty_environment_and_another_folder() {
    const FILE: &str = ".config/Claude/claude_desktop_config.json";
    let (home, port) = (Home::new(), free_port().to_string());
    let mut session = Mcpgw::tunnel(&home).args(["--demo", "--auth", "key", "--https-port", &port]).start();
    session.expect("ready");
    let written = Mcpgw::new(&home).args(["configure", "claude-desktop"]).run();
    assert_eq!(written.code, 0, "{written:?}");
    let file: Value = serde_json::from_str(&home.read(FILE)).unwrap();
    let entry = &file["mcpServers"]["mcpgw"];
    let program = Path::new(entry["command"].as_str().unwrap());
    assert!(program.is_absolute(), "{entry}");
    let mut command = Command::new(program);
    command.env_clear().current_dir("/");
    command.args(entry["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()));
    for (name, value) in entry["env"].as_object().unwrap() {
        command.env(name, value.as_str().unwrap());
    }
    let mut bridge = Bridge::of(command);
    assert_eq!(bridge.initialize()["serverInfo"]["name"], "mcpgw-demo");
    assert_eq!(text(&bridge.call(1, "echo", json!({"text": "one"}))), "one");
    bridge.end();
    session.stop();
}

#[test]
fn a_key_that_is_changed_is_read_again() {
    let (home, port) = (Home::new(), free_port().to_string());
    let mut session = Mcpgw::tunnel(&home).args(["--demo", "--auth", "key", "--https-port", &port]).start();
    session.expect("ready");
    let mut bridge = Bridge::start(&home, &[]);
    bridge.initialize();
    assert_eq!(text(&bridge.call(1, "echo", json!({"text": "one"}))), "one");
    let rotated = Mcpgw::new(&home).args(["key", "rotate"]).run();
    assert_eq!(rotated.code, 0, "{rotated:?}");
    // The session asks for the new key within a second; whichever it wants meanwhile, the bridge has it.
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        assert_eq!(text(&bridge.call(2, "echo", json!({"text": "two"}))), "two");
    }
    bridge.end();
    session.stop();
}

#[test]
fn it_starts_without_any_environment() {
    let server = McpServer::start(&[]);
    let mut bridge = Bridge::start_with(
        &["--url", &server.url(""), "--strict"],
        &[("MCPGW_HOME", "/dev/null/x")],
        Path::new("/"),
    );
    bridge.initialize();
    assert_eq!(text(&bridge.call(1, "echo", json!({"text": "x"}))), "x");
    assert!(bridge.stderr().contains("no log"), "{}", bridge.stderr());
    bridge.end();
}

/// A thousand calls, thirty-two at a time, while the gateway is killed and started again at random moments.
#[test]
fn every_call_is_answered_once_and_none_runs_twice_whenever_the_gateway_dies() {
    const CALLS: usize = 1000;
    const AT_ONCE: usize = 32;
    let home = Home::new();
    let file = home.path().join("runs");
    let arguments = ["--count-file", file.to_str().unwrap()];
    let mut server = McpServer::start(&arguments);
    let mut bridge = Bridge::ready(&home, &server.url("answers=json"));
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut deaths: HashSet<usize> = (0..8).map(|_| random.usize(10..CALLS - 10)).collect();
    let (mut sent, mut answers) = (0, HashMap::new());
    while answers.len() < CALLS {
        while sent < CALLS && sent - answers.len() < AT_ONCE {
            let arguments = json!({"call": sent, "before": random.u8(0..4), "wait": random.u8(0..8)});
            bridge.request(sent, "tools/call", json!({"name": "count", "arguments": arguments}));
            sent += 1;
        }
        let answer =
            bridge.expect("an answer", |message| message["id"].is_u64() && message["method"].is_null());
        let id = usize::try_from(answer["id"].as_u64().unwrap()).unwrap();
        assert!(answers.insert(id, answer).is_none(), "{id} was answered twice");
        if deaths.remove(&answers.len()) {
            server.kill();
            server = McpServer::start_on(server.port(), &arguments);
        }
    }
    bridge.end();
    let mut runs: HashMap<usize, usize> = HashMap::new();
    for line in fs::read_to_string(&file).unwrap().lines() {
        *runs.entry(line.parse().unwrap()).or_default() += 1;
    }
    let mut unclear = 0;
    for (id, answer) in &answers {
        let runs = runs.get(id).copied().unwrap_or_default();
        assert!(runs <= 1, "{id} ran {runs} times");
        match answer["error"].is_null() {
            true => assert_eq!((runs, text(answer)), (1, id.to_string().as_str())),
            false => {
                assert_eq!(answer["error"]["data"]["code"], "bridge.answer_lost", "{answer}");
                unclear += 1;
            }
        }
    }
    // Only what was under way when it died.
    assert!(unclear <= 8 * AT_ONCE, "{unclear} calls without an answer");
    println!("{unclear} of {CALLS} calls were told that they may have run");
}

#[test]
fn an_entry_that_was_configured_in_a_project_gets_that_projects_tools_and_no_others() {
    let home = Home::new();
    let servers = [McpServer::start(&[]), McpServer::start(&[])];
    let project = |at: usize, name: &str| {
        let settings = format!("port = {}\nmcp-path = '/mcp'\n", servers[at].port());
        home.write(&format!("{name}/mcpgw.toml"), settings).parent().unwrap().to_owned()
    };
    let (shop, blog) = (project(0, "shop"), project(1, "blog"));
    let configured = Mcpgw::new(&home).current_dir(&shop).args(["configure", "claude-desktop"]).run();
    assert_eq!(configured.code, 0, "{configured:?}");
    let file = home.read(".config/Claude/claude_desktop_config.json");
    let entry = serde_json::from_str::<Value>(&file).unwrap()["mcpServers"]["mcpgw"].clone();
    // As Claude Desktop starts it: in `/`, with the entry's variables alone.
    let calls = |server: &McpServer| server.log_of("tools/call").len();
    let call = || {
        let args: Vec<String> = serde_json::from_value(entry["args"].clone()).unwrap();
        assert_eq!(args[0], "bridge");
        let args: Vec<&str> = args[1..].iter().map(String::as_str).collect();
        let mut bridge = Bridge::start_with(
            &args,
            &[("MCPGW_HOME", entry["env"]["MCPGW_HOME"].as_str().unwrap())],
            Path::new("/"),
        );
        bridge.initialize();
        assert_eq!(text(&bridge.call(1, "echo", json!({"text": "hello"}))), "hello");
        bridge.end();
    };
    call();
    assert_eq!(
        (calls(&servers[0]), calls(&servers[1])),
        (1, 0),
        "the gateway of the project, without a session"
    );
    let session = |folder: &Path| {
        let https = free_port().to_string();
        let call =
            Mcpgw::tunnel(&home).current_dir(folder).args(["--provider", "local", "--https-port", &https]);
        let mut session = call.start();
        session.expect("ready");
        session
    };
    let mut others = session(&blog);
    call();
    assert_eq!((calls(&servers[0]), calls(&servers[1])), (2, 0), "not another project's session");
    let mut own = session(&shop);
    call();
    assert_eq!((calls(&servers[0]), calls(&servers[1])), (3, 0));
    own.stop();
    others.stop();
    let gone = Mcpgw::new(&home).args(["bridge", "--project", "/no/such"]).run();
    assert!(gone.code == 2 && gone.stderr.contains("/no/such"), "{gone:?}");
}
