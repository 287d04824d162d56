//! What people see: completions and the manual page as committed, and a terminal's view of a session.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

#[path = "words/questions.rs"]
mod questions;
#[path = "words/schema.rs"]
mod schema;
mod support;
#[path = "words/terminal.rs"]
mod terminal;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use support::{Home, LtServer, Mcpgw, free_port, tools, wait_for};

/// The files under `completions/` and the command that prints each: a script a shell, a page a command.
fn printed() -> Vec<(String, Vec<String>)> {
    let shells = ["mcpgw.bash", "_mcpgw", "mcpgw.fish", "_mcpgw.ps1", "mcpgw.elv"];
    let names = ["bash", "zsh", "fish", "powershell", "elvish"];
    let script = |(file, name): (&str, &str)| (file.to_string(), vec!["completions".into(), name.into()]);
    let mut all: Vec<_> = shells.into_iter().zip(names).map(script).collect();
    pages(&mcpgw::cli::whole(), &mut vec!["man".into()], &mut all);
    all
}

fn pages(command: &clap::Command, path: &mut Vec<String>, all: &mut Vec<(String, Vec<String>)>) {
    let name = [&["mcpgw".to_string()], &path[1..]].concat().join("-");
    all.push((format!("{name}.1"), path.clone()));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        path.push(below.get_name().into());
        pages(below, path, all);
        path.pop();
    }
}

#[test]
fn the_committed_completions_and_manual_are_what_the_binary_prints() {
    let home = Home::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    let all = printed();
    for (name, args) in &all {
        let printed = Mcpgw::new(&home).args(args).run().stdout;
        let path = folder.join(name);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &printed).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == printed, "completions/{name} is old: run UPDATE=1 cargo test --test words");
        assert!(
            !name.ends_with(".1") || printed.contains(&format!("\"mcpgw {}\"", env!("CARGO_PKG_VERSION"))),
            "{printed}"
        );
    }
    let kept = fs::read_dir(folder).unwrap().count();
    assert_eq!(kept, all.len() + 1, "a file in completions/ is nobody's (help.txt is the other test's)");
    assert!(all.iter().any(|(name, _)| name == "mcpgw-cert-trust.1"));
}

#[test]
fn a_shell_offers_the_sessions_that_there_are() {
    let home = Home::new();
    fs::create_dir(home.path().join("shop")).unwrap();
    let port = free_port().to_string();
    let call = Mcpgw::tunnel(&home).without_tools().current_dir(&home.path().join("shop"));
    let mut session = call.args(["--demo", "--https-port", &port]).start();
    session.expect("ready");
    let script = |shell: &str| Mcpgw::new(&home).args(["completions", shell]).run().stdout;
    let own = Path::new(env!("CARGO_BIN_EXE_mcpgw")).parent().unwrap();
    let path = std::env::join_paths([own, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let offered = |words: &str| {
        let count = words.split(' ').count();
        let ask = format!(
            "COMP_WORDS=({words} ''); COMP_CWORD={count}; _mcpgw mcpgw '' \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             printf '%s\n' \"${{COMPREPLY[@]}}\""
        );
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &format!("{}\n{ask}", script("bash"))]).env_clear();
        let output = bash.envs(home.environment()).env("PATH", &path).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for words in ["mcpgw stop", "mcpgw url", "mcpgw logs --session", "mcpgw key show --session"] {
        assert!(offered(words).lines().any(|word| word == "shop"), "{words}: {}", offered(words));
    }
    session.stop();
    assert!(!offered("mcpgw stop").contains("shop"));
    for (shell, asks) in [("zsh", 13), ("fish", 13), ("powershell", 0), ("elvish", 0)] {
        let script = script(shell);
        assert_eq!(script.matches("mcpgw __sessions").count(), asks, "{shell}");
        assert!(!script.contains("@sessions@"), "{shell}");
    }
}

#[test]
fn the_committed_help_is_what_the_binary_prints() {
    let home = Home::new();
    let help = |args: &[&str]| {
        let output = Mcpgw::new(&home).args(args).args(["--help"]).run();
        assert_eq!(output.code, 0, "{args:?}: {output:?}");
        format!("$ mcpgw {}\n{}\n", [args, &["--help"]].concat().join(" "), output.stdout)
    };
    let mut all = help(&[]);
    let cli = mcpgw::cli::whole();
    for command in cli.get_subcommands().filter(|command| !command.is_hide_set()) {
        let text = help(&[command.get_name()]);
        assert!(text.contains("Examples:") && text.contains("\n  mcpgw "), "no example:\n{text}");
        assert!(
            all.contains(&format!("\n  {:<12} ", command.get_name())),
            "{} is not listed",
            command.get_name()
        );
        all.push_str(&text);
        for deeper in command.get_subcommands() {
            all.push_str(&help(&[command.get_name(), deeper.get_name()]));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions/help.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &all).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == all, "completions/help.txt is old: run UPDATE=1 cargo test --test words");
}

#[test]
fn a_word_that_does_not_exist_leads_to_the_one_that_was_meant() {
    let home = Home::new();
    for (args, meant) in [
        (&["tunel"][..], "did you mean `mcpgw tunnel`?"),
        (&["stats"], "did you mean `mcpgw status`?"),
        (&["cert", "trsut"], "did you mean `mcpgw cert trust`?"),
        (&["nothing"], "mcpgw --help lists them"),
        (&["http", "3001"], "that is `mcpgw tunnel` here"),
        (&["help", "tunel"], "did you mean `mcpgw tunnel`?"),
        (&["3001"], "for the gateway on port 3001: mcpgw tunnel 3001"),
        (&["tunnel", "99999"], "use `99999`: a port is a number from 1 to 65535"),
        (&["tunnel", "--port", "many"], "use --port many: a port is a number from 1 to 65535"),
        (&["tunnel", "pnpm"], "a command goes after two dashes: mcpgw tunnel -- pnpm"),
        (&["tunnel", "3001", "pnpm", "start"], "mcpgw tunnel -- pnpm"),
        (&["tunnel", "--profile", "team", "pnpm", "start"], "mcpgw tunnel -- pnpm"),
        (&["run"], "fix: mcpgw run -- <CMD>..."),
        (&["run", "pnpm"], "mcpgw run -- pnpm"),
        (&["tunnel", "--provder", "lt"], "'--provider'"),
        (&["tunnel", "--provider", "clodflared"], "did you mean cloudflared?"),
        (&["tunnel", "--host-header", "presrve"], "did you mean preserve?"),
        (&["providers", "setup", "ngork"], "did you mean ngrok?"),
        (&["logs", "gatway"], "did you mean gateway?"),
        (&["logs", "nothing"], "it is none of gateway, provider, edge, hook"),
        (&["completions", "powrshell"], "did you mean powershell?"),
        (&["man", "tunel"], "did you mean `mcpgw man tunnel`?"),
        (&["man", "cert", "trsut"], "did you mean `mcpgw man cert trust`?"),
    ] {
        let output = Mcpgw::new(&home).args(args).run();
        assert!(output.code == 2 && output.stderr.contains(meant), "{args:?}: {output:?}");
    }
}

#[test]
fn a_variable_that_is_nearly_a_setting_is_told_in_a_line_and_not_among_a_programs_output() {
    let home = Home::new();
    let status = Mcpgw::new(&home).env("MCPGW_PORTT", "4000").args(["status", "--json"]).run();
    assert!(status.code == 0 && status.json()["sessions"].is_array(), "{status:?}");
    let words = "the variable MCPGW_PORTT is no setting and changes nothing";
    assert!(
        status.stderr.contains(words) && status.stderr.contains("did you mean MCPGW_PORT?"),
        "{status:?}"
    );
    let port = free_port().to_string();
    let mut session =
        Mcpgw::tunnel(&home).env("MCPGW_PORTT", "4000").args(["--demo", "--https-port", &port]).start();
    session.expect_where("the word", Duration::from_secs(20), |event| event["code"] == "config.variable");
    session.stop();
    assert_eq!(Mcpgw::new(&home).env("MCPGW_OTHER_TOOL", "1").args(["status"]).run().stderr, "");
}

#[test]
fn the_committed_schema_is_what_the_settings_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/mcpgw.schema.json");
    let schema = schema::schema();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == schema, "schema/mcpgw.schema.json is old: run UPDATE=1 cargo test --test words");
}

/// `mcpgw` at a terminal of its own, and the other end of that.
fn at_a_terminal(
    home: &Home,
    (rows, columns): (u16, u16),
    args: &[&str],
    variables: &[(&str, &str)],
) -> (Child, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).and_then(|()| unlockpt(&master)).unwrap();
    let name = ptsname(&master, vec![]).unwrap().into_string().unwrap();
    let slave = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpgw"));
    command.args(args).env_clear().envs(home.environment()).env("TERM", "xterm").env("PATH", "/nowhere");
    if let Some((_, folder)) = variables.iter().find(|(name, _)| *name == "MCPGW_TEST_FOLDER") {
        command.current_dir(folder);
    }
    command.envs(variables.iter().copied()).stdin(slave()).stdout(slave()).stderr(slave());
    tcsetwinsize(&master, size(rows, columns)).unwrap();
    (command.spawn().unwrap(), File::from(master))
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
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
        Self::start_this_large((50, 120), args, variables)
    }

    fn start_this_large(size: (u16, u16), args: &[&str], variables: &[(&str, &str)]) -> Self {
        let home = Home::new();
        let (child, master) = at_a_terminal(&home, size, args, variables);
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

    /// Does it show what is typed?
    fn echoes(&self) -> bool {
        let modes = rustix::termios::tcgetattr(&self.keyboard).unwrap();
        modes.local_modes.contains(rustix::termios::LocalModes::ECHO)
    }

    /// Presses the keys once it listens for single ones, and waits for these words.
    fn press(&mut self, keys: &str, words: &str) {
        for key in keys.chars() {
            wait_for("a question", Duration::from_secs(20), || {
                let modes = rustix::termios::tcgetattr(&self.keyboard).unwrap();
                (!modes.local_modes.contains(rustix::termios::LocalModes::ICANON)).then_some(())
            });
            self.keyboard.write_all(key.to_string().as_bytes()).unwrap();
        }
        self.expect(words);
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
