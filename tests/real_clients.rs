//! Real clients read what mcpgw wrote, each in its own way, and get over HTTPS, with the key, to a real MCP server
//! behind the edge. Those of hundreds of megabytes are in `big_clients.rs`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{Everything, Home, Mcpgw, sources, tools};

/// The clients whose files MCPorter imports, and itself.
const CLIENTS: [&str; 7] = ["cursor", "claude-code", "codex", "windsurf", "opencode", "vscode", "mcporter"];

#[test]
fn what_was_written_for_six_clients_connects_over_https() {
    let home = Home::new();
    let imports = json!({"mcpServers": {}, "imports": CLIENTS[..6]});
    home.write(".mcporter/mcporter.json", imports.to_string());
    let behind = Everything::start(&home);
    // Each under a name of its own: MCPorter takes the first of several with one name.
    for client in CLIENTS {
        let done = Mcpgw::new(&home).args(["configure", client, "--name", &format!("by-{client}")]).run();
        assert_eq!(done.code, 0, "{done:?}");
    }
    let mut list = behind.node(&home, tools().bin("mcporter"));
    let listed = document(list.args(["list", "--json"]));
    for client in CLIENTS {
        let servers = listed["servers"].as_array().unwrap();
        let name = format!("by-{client}");
        let server = servers.iter().find(|server| server["name"] == name.as_str());
        let server = server.unwrap_or_else(|| panic!("{name} is not listed: {listed:#}"));
        // It knows no `http_headers`, where Codex itself takes the key from: it is asked for one, over HTTPS.
        let status = if client == "codex" { "auth" } else { "ok" };
        assert_eq!(server["status"], status, "{server:#}");
        assert_eq!(server["transport"], format!("HTTP {}", behind.mcp_url()), "{server:#}");
    }
    behind.stop();
}

#[test]
fn mcp_remote_gets_there_with_the_address_and_the_header_that_a_client_was_given() {
    let home = Home::new();
    let behind = Everything::start(&home);
    assert_eq!(Mcpgw::new(&home).args(["configure", "cursor"]).run().code, 0);
    let file: Value = serde_json::from_str(&home.read(".cursor/mcp.json")).unwrap();
    let entry = &file["mcpServers"]["mcpgw"];
    let url = entry["url"].as_str().unwrap();
    let key = entry["headers"]["Authorization"].as_str().unwrap();
    let through = |header: &str| {
        let mut client = behind.node(&home, sources().join("sdk-client.mjs"));
        client.current_dir(&tools().dir).arg("--").arg(&tools().node).arg(tools().bin("mcp-remote"));
        client.args([url, "--transport", "http-only", "--header", header]);
        client
    };
    let report = document(&mut through(&format!("Authorization: {key}")));
    assert_eq!((&report["echo"], &report["together"]), (&json!("Echo: hällo"), &json!(32)), "{report}");
    // It was the key that opened.
    let refused = through("Authorization: Bearer 0123456789abcdef").output().unwrap();
    assert!(!refused.status.success(), "{}", String::from_utf8_lossy(&refused.stdout));
    behind.stop();
}

/// Version 1 runs on Node 20, with its `--cli`; of HTTP entries it takes no headers, of others everything.
#[test]
fn the_inspector_starts_the_bridge_that_claude_desktop_was_given() {
    let home = Home::new();
    let behind = Everything::start(&home);
    assert_eq!(Mcpgw::new(&home).args(["configure", "claude-desktop"]).run().code, 0);
    let file = home.path().join(".config/Claude/claude_desktop_config.json");
    let inspect = |more: &[&str]| {
        let mut inspector = behind.node(&home, tools().bin("mcp-inspector-cli"));
        // It looks for its own package.json from the folder that it is started in.
        inspector.current_dir(tools().node_modules.join("@modelcontextprotocol/inspector-cli/build"));
        inspector.args(["--cli", "--config"]).arg(&file).args(["--server", "mcpgw"]).args(more);
        document(&mut inspector)
    };
    let listed = inspect(&["--method", "tools/list"]);
    let names: Vec<_> = listed["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert!(names.contains(&&json!("echo")), "{names:?}");
    let called = inspect(&["--method", "tools/call", "--tool-name", "echo", "--tool-arg", "message=hi"]);
    assert_eq!(called["content"][0]["text"], "Echo: hi", "{called}");
    behind.stop();
}

/// What it prints, which must be one JSON document.
fn document(command: &mut Command) -> Value {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let words = || [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", words()))
}
