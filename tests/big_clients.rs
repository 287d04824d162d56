//! Clients of hundreds of megabytes, asked by their own commands what mcpgw wrote for them, and whether they get
//! there. They are installed (1.3 GB, tests/tools/big) and run by
//! `cargo test --test big_clients -- --ignored`, and by nothing else.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{Everything, Home, Mcpgw, big_tools};

/// Configured for a server behind the edge, and ready to be asked.
struct Asked {
    home: Home,
    behind: Everything,
    key: String,
    program: Box<dyn Fn() -> Command>,
}

impl Asked {
    fn of(client: &str, program: impl Fn() -> Command + 'static) -> Self {
        let home = Home::new();
        let behind = Everything::start(&home);
        let configured = Mcpgw::new(&home).args(["configure", client]).run();
        assert_eq!(configured.code, 0, "{configured:?}");
        let key = Mcpgw::new(&home).args(["key", "show"]).run().stdout.trim().to_string();
        Self { home, behind, key, program: Box::new(program) }
    }

    fn ask(&self, args: &[&str]) -> (String, String) {
        let mut command = self.behind.dressed(&self.home, (self.program)());
        let output = command.args(args).stdin(Stdio::null()).output().unwrap();
        let [stdout, stderr] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(output.status.success(), "{args:?}: {}\n{stdout}{stderr}", output.status);
        (stdout, stderr)
    }
}

/// The program inside a package, where its own start needs a script that was not run at installation.
fn native(path: &str) -> PathBuf {
    let path = big_tools().node_modules.join(path);
    assert!(path.exists(), "{} is missing: npm has it for Linux on x86-64 only", path.display());
    path
}

fn node(name: &'static str) -> impl Fn() -> Command {
    move || {
        let mut command = Command::new(&big_tools().node);
        command.arg(big_tools().bin(name));
        command
    }
}

#[test]
#[ignore = "404 MB: cargo test --test big_clients -- --ignored"]
fn codex_reads_the_address_and_the_key() {
    let asked = Asked::of("codex", node("codex"));
    let (listed, _) = asked.ask(&["mcp", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let (got, _) = asked.ask(&["mcp", "get", "mcpgw", "--json"]);
    let got: Value = serde_json::from_str(&got).unwrap();
    for server in [&listed[0], &got] {
        assert_eq!((&server["name"], &server["enabled"]), (&json!("mcpgw"), &json!(true)), "{server}");
        let transport = &server["transport"];
        assert_eq!(transport["type"], "streamable_http", "{server}");
        assert_eq!(transport["url"], asked.behind.mcp_url(), "{server}");
        assert_eq!(transport["http_headers"]["Authorization"], format!("Bearer {}", asked.key), "{server}");
    }
    asked.behind.stop();
}

#[test]
#[ignore = "381 MB: cargo test --test big_clients -- --ignored"]
fn claude_code_connects() {
    let asked =
        Asked::of("claude-code", || Command::new(native("@anthropic-ai/claude-code-linux-x64/claude")));
    let (listed, _) = asked.ask(&["mcp", "list"]);
    assert!(listed.contains(&format!("mcpgw: {} (HTTP) - ✔ Connected", asked.behind.mcp_url())), "{listed}");
    let (got, _) = asked.ask(&["mcp", "get", "mcpgw"]);
    for words in ["Scope: User config", "Type: http", "Connected", &asked.key] {
        assert!(got.contains(words), "{words}: {got}");
    }
    asked.behind.stop();
}

#[test]
#[ignore = "96 MB: cargo test --test big_clients -- --ignored"]
fn gemini_cli_connects_in_a_folder_that_it_trusts_and_says_so_elsewhere() {
    let asked = Asked::of("gemini-cli", node("gemini"));
    let server = format!("mcpgw: {} (http)", asked.behind.mcp_url());
    let (untrusted, said) = asked.ask(&["mcp", "list"]);
    let untrusted = format!("{untrusted}{said}");
    assert!(untrusted.contains(&server) && untrusted.contains("untrusted"), "{untrusted}");
    let folder = json!({asked.home.path().to_str().unwrap(): "TRUST_FOLDER"});
    asked.home.write(".gemini/trustedFolders.json", folder.to_string());
    let (listed, said) = asked.ask(&["mcp", "list"]);
    assert!(format!("{listed}{said}").contains(&format!("{server} - Connected")), "{listed}{said}");
    asked.behind.stop();
}

#[test]
#[ignore = "177 MB: cargo test --test big_clients -- --ignored"]
fn opencode_connects() {
    let asked = Asked::of("opencode", || Command::new(native("opencode-linux-x64/bin/opencode")));
    let (listed, said) = asked.ask(&["mcp", "list"]);
    let listed = format!("{listed}{said}");
    assert!(listed.contains("✓ mcpgw") && listed.contains("connected"), "{listed}");
    assert!(listed.contains(asked.behind.mcp_url()), "{listed}");
    asked.behind.stop();
}
