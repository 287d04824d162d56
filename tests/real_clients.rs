//! MCPorter reads the files of other clients as those clients do: what mcpgw wrote into them is listed, and leads
//! over HTTPS, with the key, to a real MCP server behind the edge.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::{Home, Mcpgw, free_port, tools};

/// The clients whose files MCPorter imports, and itself.
const CLIENTS: [&str; 7] = ["cursor", "claude-code", "codex", "windsurf", "opencode", "vscode", "mcporter"];

#[test]
fn what_was_written_for_six_clients_connects_over_https() {
    let (home, port, https) = (Home::new(), free_port().to_string(), free_port().to_string());
    let everything = tools().bin("mcp-server-everything").display().to_string();
    let imports = json!({"mcpServers": {}, "imports": CLIENTS[..6]});
    home.write(".mcporter/mcporter.json", imports.to_string());
    let mut session = Mcpgw::tunnel(&home)
        .args(["--provider", "local", "--https-port", &https, "--port", &port, "--auth", "key"])
        .args(["--mcp-path", "/mcp", "--env", "PORT={port}", "--", &everything, "streamableHttp"])
        .start();
    let ready = session.expect("ready");
    // Each under a name of its own: MCPorter takes the first of several with one name.
    for client in CLIENTS {
        let done = Mcpgw::new(&home).args(["configure", client, "--name", &format!("by-{client}")]).run();
        assert_eq!(done.code, 0, "{done:?}");
    }
    let status = Mcpgw::new(&home).args(["status", "--json"]).run().json();
    let ca = status["sessions"][0]["ca_file"].as_str().unwrap().to_string();
    let mut list = Command::new(&tools().node);
    list.arg(tools().bin("mcporter")).args(["list", "--json"]).current_dir(home.path()).env_clear();
    list.env("HOME", home.path()).env("PATH", &tools().system_dir).env("NODE_EXTRA_CA_CERTS", &ca);
    let output = list.output().unwrap();
    let listed: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    for client in CLIENTS {
        let servers = listed["servers"].as_array().unwrap();
        let name = format!("by-{client}");
        let server = servers.iter().find(|server| server["name"] == name.as_str());
        let server = server.unwrap_or_else(|| panic!("{name} is not listed: {listed:#}"));
        // It knows no `http_headers`, where Codex itself takes the key from: it is asked for one, over HTTPS.
        let status = if client == "codex" { "auth" } else { "ok" };
        assert_eq!(server["status"], status, "{server:#}");
        assert_eq!(server["transport"], format!("HTTP {}", ready["mcp_url"].as_str().unwrap()), "{server:#}");
    }
    // Without the key nobody gets in: that they did was its doing.
    assert!(ready["key_file"].is_string(), "{ready}");
    session.stop();
}
