//! What people see: completions and the manual page as committed, and a terminal's view of a session.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs;
use std::path::Path;

use support::{Home, Mcpgw};

/// The files under `completions/` and the command that prints each.
const PRINTED: [(&str, &[&str]); 7] = [
    ("mcpgw.bash", &["completions", "bash"]),
    ("_mcpgw", &["completions", "zsh"]),
    ("mcpgw.fish", &["completions", "fish"]),
    ("_mcpgw.ps1", &["completions", "powershell"]),
    ("mcpgw.elv", &["completions", "elvish"]),
    ("mcpgw.1", &["man"]),
    ("mcpgw-tunnel.1", &["man", "tunnel"]),
];

#[test]
fn the_committed_completions_and_manual_are_what_the_binary_prints() {
    let home = Home::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    for (name, args) in PRINTED {
        let printed = Mcpgw::new(&home).args(args).run().stdout;
        let path = folder.join(name);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &printed).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == printed, "completions/{name} is old: run UPDATE=1 cargo test --test words");
    }
}
