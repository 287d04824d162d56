//! What people see: completions and the manual page as committed, and a terminal's view of a session.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use support::{Home, Mcpgw, free_port};

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

/// `mcpgw` at a terminal of its own.
struct Terminal {
    child: Child,
    chunks: Receiver<Vec<u8>>,
    keyboard: File,
    shown: String,
    _home: Home,
}

impl Terminal {
    fn start(args: &[&str], variables: &[(&str, &str)]) -> Self {
        let home = Home::new();
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).and_then(|()| unlockpt(&master)).unwrap();
        let name = ptsname(&master, vec![]).unwrap().into_string().unwrap();
        let slave = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcpgw"));
        command.args(args).env_clear().envs(home.environment()).env("TERM", "xterm").env("PATH", "/nowhere");
        command.envs(variables.iter().copied()).stdin(slave()).stdout(slave()).stderr(slave());
        let child = command.spawn().unwrap();
        let master = File::from(master);
        let keyboard = master.try_clone().unwrap();
        let (sender, chunks) = channel();
        std::thread::spawn(move || {
            let mut master = master;
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = master.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { child, chunks, keyboard, shown: String::new(), _home: home }
    }

    fn expect(&mut self, words: &str) -> &str {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.shown.contains(words) {
            let left = end.saturating_duration_since(Instant::now());
            let chunk = self.chunks.recv_timeout(left);
            let chunk =
                chunk.unwrap_or_else(|_| panic!("the terminal never showed `{words}`:\n{}", self.shown));
            self.shown.push_str(&String::from_utf8_lossy(&chunk));
        }
        &self.shown
    }

    /// Presses the keys until these words are shown: a key that comes before the terminal listens for single
    /// keys is lost, and nothing tells when it does.
    fn insist(&mut self, keys: &str, words: &str) {
        for _ in 0..40 {
            // Gone, it needs no more keys.
            let _ = self.keyboard.write_all(keys.as_bytes());
            let end = Instant::now() + Duration::from_millis(500);
            while let Ok(chunk) = self.chunks.recv_timeout(end.saturating_duration_since(Instant::now())) {
                self.shown.push_str(&String::from_utf8_lossy(&chunk));
                if self.shown.contains(words) {
                    return;
                }
            }
        }
        panic!("the terminal never showed `{words}`:\n{}", self.shown);
    }

    fn stop(mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        self.expect("stopped, nothing left running");
        assert!(self.child.wait().unwrap().success());
        std::mem::take(&mut self.shown)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_terminal_gets_a_spinner_a_panel_and_a_qr_code() {
    let port = free_port().to_string();
    let mut terminal = Terminal::start(&["tunnel", "--demo", "--https-port", &port], &[]);
    terminal.expect("Ctrl-C stops it.");
    let shown = terminal.stop();
    let panel = &shown[shown.find('█').expect("a QR code")..];
    for words in ["address", "MCP URL", "OAuth callback", "local CA", "npm install -g localtunnel"] {
        assert!(panel.contains(words), "{words}:\n{shown}");
    }
    assert!(shown.contains("\x1b[32m"), "colour:\n{shown}");
}

#[test]
fn no_color_means_no_colour_and_a_dumb_terminal_gets_plain_lines() {
    let port = free_port().to_string();
    let mut terminal = Terminal::start(&["tunnel", "--demo", "--https-port", &port], &[("NO_COLOR", "1")]);
    terminal.expect("Ctrl-C stops it.");
    let shown = terminal.stop();
    assert!(shown.contains('█') && !shown.contains("\x1b[3") && !shown.contains("\x1b[1m"), "{shown}");
    let mut dumb = Terminal::start(&["tunnel", "--demo", "--https-port", &port], &[("TERM", "dumb")]);
    dumb.expect("MCP URL");
    assert!(!dumb.stop().contains('\x1b'));
}

#[test]
fn an_open_gateway_is_asked_about_at_a_terminal_and_a_no_starts_nothing() {
    // Ctrl-C is a no too, and the hidden cursor comes back.
    for keys in ["n", "\x03"] {
        let mut terminal = Terminal::start(&["tunnel", "--demo", "--auth", "none"], &[]);
        terminal.expect("Go on without a key?");
        terminal.expect("\x1b[?25l");
        terminal.insist(keys, "not agreed to");
        assert_eq!(terminal.child.wait().unwrap().code(), Some(1));
        assert!(
            terminal.shown.rfind("\x1b[?25h") > terminal.shown.rfind("\x1b[?25l"),
            "{:?}",
            terminal.shown
        );
    }
    let port = free_port().to_string();
    let mut yes =
        Terminal::start(&["tunnel", "--demo", "--auth", "none", "--yes", "--https-port", &port], &[]);
    yes.expect("Ctrl-C stops it.");
    yes.stop();
}
