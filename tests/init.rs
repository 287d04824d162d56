//! `mcpgw init`: what it finds in a project, what it writes, and what it never touches.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs;

use support::{Gateway, Home, Mcpgw, Output, free_port, gateway_command};

fn init(home: &Home, args: &[&str]) -> Output {
    Mcpgw::new(home).args(["init"]).args(args).run()
}

fn workspace(home: &Home) {
    home.write("package.json", r#"{"packageManager":"pnpm@9.0.0","scripts":{"dev":"turbo run dev"}}"#);
    home.write("pnpm-workspace.yaml", "packages:\n  - 'apps/*'\n");
    home.write(
        "apps/backend/package.json",
        r#"{"scripts":{"dev":"nest start --watch"},"dependencies":{"@nestjs/core":"10","better-auth":"1"}}"#,
    );
    home.write("apps/backend/.env", format!("PORT={}\n", free_port()));
}

#[test]
fn a_dry_run_prints_a_commented_file_and_writes_nothing() {
    let home = Home::new();
    workspace(&home);
    home.write("apps/backend/.env", "PORT=59999\n");
    let output = init(&home, &["--dry-run"]);
    assert_eq!(output.code, 0, "{output:?}");
    insta::assert_snapshot!(output.stdout);
    assert!(!home.path().join("mcpgw.toml").exists());
}

#[test]
fn what_it_writes_is_what_tunnel_then_does() {
    let home = Home::new();
    let port = free_port().to_string();
    let command = gateway_command(&["--port", &port]);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let flags =
        ["--yes", "--provider", "local", "--port", &port, "--profile", "team", "--preset", "express", "--"];
    let output = init(&home, &[&flags[..], &command].concat());
    assert!(output.code == 0 && output.stdout.contains("wrote "), "{output:?}");
    assert!(home.read("mcpgw.toml").starts_with("#:schema https://"));
    let https = free_port().to_string();
    let mut session = Mcpgw::tunnel(&home).args(["--https-port", &https]).start();
    let ready = session.expect("ready");
    assert_eq!(ready["mcp_url"], format!("https://localhost:{https}/api/mcp/team"));
    session.stop();
}

#[test]
fn a_file_that_exists_stays_until_force_is_given_and_the_difference_is_shown() {
    let home = Home::new();
    workspace(&home);
    home.write("mcpgw.toml", "# mine\nport = 4000\n");
    let output = init(&home, &[]);
    assert_eq!(output.code, 1);
    assert!(
        output.stdout.contains("-# mine") && output.stdout.contains("+command = [\"pnpm\""),
        "{output:?}"
    );
    assert!(
        output.stderr.contains("there is one already") && output.stderr.contains("--force"),
        "{output:?}"
    );
    assert_eq!(home.read("mcpgw.toml"), "# mine\nport = 4000\n");
    assert_eq!(init(&home, &["--force"]).code, 0);
    assert!(home.read("mcpgw.toml").contains("command = [\"pnpm\", \"--dir\", \"apps/backend\", \"dev\"]"));
    let again = init(&home, &[]);
    assert_eq!((again.code, again.stdout.contains("says this already")), (0, true), "{again:?}");
}

#[test]
fn a_settings_file_above_is_told_of() {
    let home = Home::new();
    home.write("mcpgw.toml", "port = 4000\n");
    home.write("apps/backend/package.json", r#"{"scripts":{"start":"node x.js"}}"#);
    let call = Mcpgw::new(&home).current_dir(&home.path().join("apps/backend")).args(["init", "--yes"]);
    let output = call.run();
    assert_eq!(output.code, 0, "{output:?}");
    let above = home.path().join("mcpgw.toml").display().to_string();
    assert!(output.stdout.contains(&format!("takes the place of {above}")), "{output:?}");
    assert!(home.read("apps/backend/mcpgw.toml").contains("command = [\"npm\", \"run\", \"start\"]"));
}

#[test]
fn a_gateway_that_runs_is_asked_what_it_is() {
    let home = Home::new();
    let gateway = Gateway::start(&[]);
    let output = init(&home, &["--dry-run", "--port", &gateway.port().to_string()]);
    assert!(output.stdout.contains("health = \"/api/health\""), "{output:?}");
    // Somebody who has nothing to do with it is not taken for a gateway.
    let empty = init(&home, &["--dry-run", "--port", &free_port().to_string()]);
    assert!(empty.stdout.contains("\n# health = "), "{empty:?}");
}

#[test]
fn a_mistake_in_a_flag_writes_nothing_and_leads_to_the_right_word() {
    let home = Home::new();
    for (args, words) in [
        (&["--provider", "ngork"][..], "did you mean ngrok?"),
        (&["--preset", "nset"], "did you mean nest?"),
        (&["--health", "health"], "is not a path"),
        (&["--configure", "crusor"], "cursor"),
    ] {
        let output = init(&home, args);
        assert!(output.code == 2 && output.stderr.contains(words), "{output:?}");
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "not even a state folder");
}
