//! The program as users build it. `cargo test` builds it with whatever features the tests' own dependencies ask
//! of shared ones, so that a pattern or a cipher may work in every other test and nowhere else.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Cloud, Home, LtServer, Mcpgw, Replayer};

/// `cargo build`, into a folder of its own: beside the tests' it would be rebuilt every time.
fn built() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = root.join("target/plain");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--bin", "mcpgw", "--target-dir"]).arg(&target).current_dir(root);
    // What cargo tells a test about itself must not reach the build.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_")) {
        cargo.env_remove(name);
    }
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("debug/mcpgw")
}

#[test]
fn every_provider_works_in_a_plain_build() {
    let (program, cloud, server) = (built(), Cloud::start(), LtServer::start());
    for (tool, recording) in [
        ("cloudflared", "cloudflared/quick-success"),
        ("cloudflared", "cloudflared/quick-rate-limited-json"),
        ("ngrok", "ngrok/v3-success"),
        ("ngrok", "ngrok/v3-success-json"),
        ("ngrok", "ngrok/v3-no-authtoken"),
    ] {
        let home = Home::new();
        let bin = Replayer::install(&home, tool);
        let mut mcpgw = Mcpgw::at(&program, &home).path_first(bin.parent().unwrap());
        for (name, value) in cloud.environment() {
            mcpgw = mcpgw.env(&name, value);
        }
        let mut session = mcpgw
            .env("REPLAY", Replayer::recording(recording))
            .env("NGROK_AUTHTOKEN", "mine")
            .args(["tunnel", "--json", "--demo", "--provider", tool])
            .start();
        match recording.contains("success") {
            true => {
                session.expect("ready");
                session.stop();
            }
            false => {
                session.expect("failed");
                session.wait();
            }
        }
        assert!(!session.stderr().contains("panicked"), "{recording}: {}", session.stderr());
    }
    let home = Home::new();
    let mut session = Mcpgw::at(&program, &home)
        .args(["tunnel", "--json", "--demo", "--provider", "lt", "--server", &server.url()])
        .start();
    session.expect("ready");
    session.stop();
    assert!(!session.stderr().contains("panicked"), "{}", session.stderr());
}
