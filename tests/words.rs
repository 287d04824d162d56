//! What people see: completions and the manual page as committed, and a terminal's view of a session.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

#[path = "words/schema.rs"]
mod schema;
mod support;

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
    pages(&mcpgw::cli::command(), &mut vec!["man".into()], &mut all);
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
fn the_committed_help_is_what_the_binary_prints() {
    let home = Home::new();
    let help = |args: &[&str]| {
        let output = Mcpgw::new(&home).args(args).args(["--help"]).run();
        assert_eq!(output.code, 0, "{args:?}: {output:?}");
        format!("$ mcpgw {}\n{}\n", [args, &["--help"]].concat().join(" "), output.stdout)
    };
    let mut all = help(&[]);
    let cli = mcpgw::cli::command();
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
        (&["tunel"][..], "'tunnel'"),
        (&["stats"], "'status'"),
        (&["tunnel", "--provder", "lt"], "'--provider'"),
        (&["tunnel", "--provider", "clodflared"], "did you mean cloudflared?"),
        (&["tunnel", "--host-header", "presrve"], "'preserve'"),
        (&["providers", "setup", "ngork"], "did you mean ngrok?"),
        (&["logs", "gatway"], "'gateway'"),
        (&["completions", "powrshell"], "'powershell'"),
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

#[test]
fn a_terminal_gets_a_spinner_and_a_panel_whose_last_lines_are_the_addresses() {
    let port = free_port().to_string();
    let mut terminal = Terminal::start(&["tunnel", "--demo", "--https-port", &port], &[]);
    terminal.expect("Ctrl-C stops it.");
    let shown = terminal.stop();
    let at = |words: &str| shown.rfind(words).unwrap_or_else(|| panic!("no {words}:\n{shown}"));
    let order = ["local CA", "npm install -g localtunnel", "mcpServers", "logs", "address", "OAuth callback"];
    assert!(order.windows(2).all(|pair| at(pair[0]) < at(pair[1])), "{shown}");
    assert!(!shown.contains('█'), "no code for an address of this machine alone:\n{shown}");
    assert!(shown.contains("\x1b[32m"), "colour:\n{shown}");
}

#[test]
fn no_color_means_no_colour_and_a_dumb_terminal_gets_plain_lines() {
    let port = free_port().to_string();
    let mut terminal = Terminal::start(&["tunnel", "--demo", "--https-port", &port], &[("NO_COLOR", "1")]);
    terminal.expect("Ctrl-C stops it.");
    let shown = terminal.stop();
    assert!(!shown.contains("\x1b[3") && !shown.contains("\x1b[1m"), "{shown}");
    let mut dumb = Terminal::start(&["tunnel", "--demo", "--https-port", &port], &[("TERM", "dumb")]);
    dumb.expect("MCP URL");
    assert!(!dumb.stop().contains('\x1b'));
}

/// What a terminal of this size shows after these bytes, line by line.
fn screen(bytes: &str, (rows, columns): (u16, u16)) -> vt100::Parser {
    let mut screen = vt100::Parser::new(NonZero::new(rows).unwrap(), NonZero::new(columns).unwrap(), 0);
    screen.process(bytes.as_bytes());
    screen
}

/// An address for the whole world: nobody proves it here.
const PUBLIC: [&str; 6] =
    ["tunnel", "--demo", "--no-verify", "--url", "https://gateway-of-mine.example.com", "--edge-port"];

#[test]
fn a_public_address_is_in_sight_with_its_code_on_a_large_screen_and_without_it_on_a_small_one() {
    for (size, wanted) in [((50, 120), true), ((24, 80), false), ((50, 28), false), ((24, 40), false)] {
        let port = free_port().to_string();
        let args = [&PUBLIC[..], &[port.as_str()]].concat();
        let mut terminal = Terminal::start_this_large(size, &args, &[]);
        terminal.expect("Ctrl-C stops it.");
        let shown = terminal.stop();
        let seen = screen(&shown, size).screen().contents().replace('\n', "");
        assert_eq!(seen.contains('█'), wanted, "{size:?}\n{shown}");
        for words in ["https://gateway-of-mine.example.com/api/mcp/default", "/api/oauth/callback"] {
            assert!(seen.contains(words), "{words} is out of sight at {size:?}:\n{shown}");
        }
        assert_eq!(shown.contains("mcpgw url --qr"), !wanted, "{shown}");
    }
    let port = free_port().to_string();
    let mut terminal = Terminal::start(&[&PUBLIC[..], &[port.as_str(), "--no-qr"]].concat(), &[]);
    terminal.expect("Ctrl-C stops it.");
    let shown = terminal.stop();
    assert!(!shown.contains('█') && !shown.contains("url --qr"), "{shown}");
}

#[test]
fn a_terminal_that_is_resized_in_mid_run_shows_no_garbage_and_gets_its_cursor_back() {
    let home = Home::new();
    let mute = home.write("lt", "#!/bin/sh\nexec sleep 1000\n");
    fs::set_permissions(&mute, fs::Permissions::from_mode(0o755)).unwrap();
    let path = tools().system_dir.display().to_string();
    let args =
        ["tunnel", "--demo", "--provider", "lt", "--lt", mute.to_str().unwrap(), "--start-timeout", "60s"];
    let large = (50, 120);
    let mut terminal = Terminal::start_this_large(large, &args, &[("PATH", &path)]);
    terminal.expect("Waiting for an address from localtunnel");
    let mut seen = screen(&terminal.shown, large);
    for (rows, columns) in [(24, 30), (12, 20), (40, 100)] {
        tcsetwinsize(&terminal.keyboard, size(rows, columns)).unwrap();
        let pid = rustix::process::Pid::from_child(&terminal.child);
        rustix::process::kill_process(pid, rustix::process::Signal::WINCH).unwrap();
        seen.screen_mut().set_size(NonZero::new(rows).unwrap(), NonZero::new(columns).unwrap());
        // Some turns of the spinner at this size.
        for _ in 0..8 {
            let chunk = terminal.chunks.recv_timeout(Duration::from_secs(20)).unwrap();
            terminal.shown.push_str(&String::from_utf8_lossy(&chunk));
            seen.process(&chunk);
        }
        let lines: Vec<String> = seen.screen().rows(0, columns).collect();
        let waiting = lines.iter().filter(|line| line.contains("Waiting")).count();
        assert_eq!(waiting, 1, "at {rows} by {columns}:\n{lines:#?}");
    }
    let before = terminal.shown.len();
    let shown = terminal.stop();
    seen.process(&shown.as_bytes()[before..]);
    let contents = seen.screen().contents();
    assert!(!seen.screen().hide_cursor() && !contents.contains("Waiting"), "{contents}");
    assert!(contents.trim_end().ends_with("nothing left running"), "{contents}");
}

/// SIGKILL to the `lt` that works with this server.
fn kill_lt(server: &str) {
    let lt = mcpgw::os::processes().into_iter().find(|one| {
        let arguments = mcpgw::os::arguments(one.pid);
        one.name == "node"
            && arguments.iter().any(|argument| argument == server)
            && arguments.iter().any(|argument| argument.ends_with("bin/lt"))
    });
    mcpgw::os::signal_process(lt.expect("a running lt").pid, mcpgw::os::Signal::Kill);
}

#[test]
fn a_pipe_is_told_that_a_regained_tunnel_is_the_same_without_all_its_addresses() {
    let (home, server) = (Home::new(), LtServer::start());
    let args = ["tunnel", "--demo", "--provider", "lt", "--server", &server.url(), "--subdomain", "again"];
    let mut session = Mcpgw::new(&home).args(args).start();
    let url = server.tunnel_url("again");
    let says = |words: String| {
        move |line: &serde_json::Value| line.as_str().is_some_and(|line| line.contains(&words))
    };
    let soon = Duration::from_secs(20);
    session.expect_where("the addresses", soon, says(format!("MCP URL        {url}")));
    kill_lt(&server.url());
    session.expect_where("the return", soon, says(format!("ready again under {url}")));
    session.stop();
    let panels = session.events().iter().filter(|line| says("MCP URL".into())(line)).count();
    assert_eq!(panels, 1, "{}", session.transcript());
}

#[test]
fn a_tunnel_lost_and_regained_is_one_line_each() {
    let server = LtServer::start();
    let path = format!("{}:{}", tools().bin_dir.display(), tools().system_dir.display());
    let url = server.url();
    let args = ["tunnel", "--demo", "--provider", "lt", "--server", &url, "--subdomain", "regained"];
    let mut terminal = Terminal::start(&args, &[("PATH", &path)]);
    terminal.expect("Ctrl-C stops it.");
    let before = terminal.shown.len();
    kill_lt(&url);
    terminal.expect("under the same address");
    let told = terminal.shown[before..].to_owned();
    assert!(told.contains("tunnel lost:") && !told.contains("gave") && !told.contains("MCP URL"), "{told}");
    terminal.stop();
}

#[test]
fn ctrl_z_leaves_the_terminal_and_fg_takes_it_back() {
    let port = free_port().to_string();
    let mut terminal = Terminal::start(&["tunnel", "--demo", "--https-port", &port], &[]);
    terminal.expect("Ctrl-C stops it.");
    let pid = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TSTP).unwrap();
    terminal.expect("Suspended");
    wait_for("the process to stop", Duration::from_secs(10), || {
        mcpgw::os::process(terminal.child.id()).filter(|process| process.stopped)
    });
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    let shown = terminal.stop();
    assert!(!shown.contains("\x1b[?25l") || shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l"), "{shown:?}");
}

#[test]
fn a_terminal_that_dies_takes_the_session_along_in_order() {
    let (home, port) = (Home::new(), free_port().to_string());
    let args = ["tunnel", "--demo", "--https-port", &port];
    let (mut child, mut master) = at_a_terminal(&home, (50, 80), &args, &[]);
    let (mut shown, mut buffer) = (String::new(), [0; 4096]);
    while !shown.contains("Ctrl-C stops it.") {
        let count = master.read(&mut buffer).unwrap();
        shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    drop(master);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    let status = wait_for("its end", Duration::from_secs(20), || child.try_wait().unwrap());
    assert!(status.success(), "{status}");
    assert_eq!(fs::read_dir(home.state().join("sessions")).unwrap().count(), 0, "it cleaned up");
}

#[test]
fn a_watched_status_is_drawn_over_itself_and_logs_are_coloured_by_their_source() {
    let (home, port) = (Home::new(), free_port().to_string());
    let mut session = Mcpgw::tunnel(&home).args(["--demo", "--https-port", &port]).start();
    let logs = session.expect("edge_ready")["logs"].as_str().unwrap().to_owned();
    session.expect("ready");
    fs::write(Path::new(&logs).join("gateway.log"), "2026-01-02T03:04:05.678Z hello\n").unwrap();
    let state = home.state();
    let variables = [("MCPGW_HOME", state.to_str().unwrap())];
    let mut status = Terminal::start(&["status", "--watch"], &variables);
    status.expect("\x1b[32mready");
    let mut logs = Terminal::start(&["logs", "-f"], &variables);
    logs.expect("\x1b[36mgateway \x1b[0m hello");
    session.stop();
    status.expect("no session is running");
    let before = status.shown.rfind("no session is running").unwrap();
    assert!(status.shown[..before].ends_with("A\r\x1b[J"), "{:?}", status.shown);
    assert!(logs.child.wait().unwrap().success(), "it ends with the session");
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

#[test]
fn init_asks_what_is_open_and_a_ctrl_c_writes_nothing() {
    let home = Home::new();
    home.write("shop/package.json", r#"{"scripts":{"start":"node x.js"},"dependencies":{"express":"4"}}"#);
    let folder = home.path().join("shop");
    let ask = |keys: &[(&str, &str)]| {
        let mut terminal = Terminal::start(&["init"], &[("MCPGW_TEST_FOLDER", folder.to_str().unwrap())]);
        terminal.expect("How does the gateway start?");
        for (keys, words) in keys {
            terminal.press(keys, words);
        }
        terminal
    };
    // Down, down: it runs already.
    let mut interrupted = ask(&[("\r", "The gateway's port")]);
    interrupted.insist("\x03", "not agreed to");
    assert_eq!(interrupted.child.wait().unwrap().code(), Some(1));
    assert!(!folder.join("mcpgw.toml").exists());

    let mut terminal = ask(&[
        ("\r", "The gateway's port"),
        ("4000\r", "What is the gateway?"),
        ("\r", "The profile that MCP clients use"),
        ("team\r", "Who carries the tunnel?"),
    ]);
    terminal.press("\r", "wrote ");
    assert!(terminal.child.wait().unwrap().success());
    let text = home.read("shop/mcpgw.toml");
    for line in [
        "command = [\"npm\", \"run\", \"start\"]",
        "port = 4000",
        "profile = \"team\"",
        "# provider = \"auto\"",
    ] {
        assert!(text.lines().any(|written| written == line), "{line}:\n{text}");
    }
}

const TOKEN: &str = "2aBcDeFgHiJkLmNoPqRsTuVwXyZ_1a2B3c4D5e6F7g8H9i0J1";

/// `mcpgw providers setup ngrok` at a terminal, where a stand-in for ngrok is installed.
fn ngrok_setup(home: &Home) -> Terminal {
    let ngrok =
        home.write("ngrok", "#!/bin/sh\necho \"$*\" >> \"$HOME/calls\"\necho 'ngrok version 3.20.0'\n");
    fs::set_permissions(&ngrok, fs::Permissions::from_mode(0o755)).unwrap();
    let variables = [("HOME", home.path().to_str().unwrap()), ("MCPGW_NGROK", ngrok.to_str().unwrap())];
    let mut terminal = Terminal::start(&["providers", "setup", "ngrok"], &variables);
    terminal.expect("Write ngrok's authtoken into");
    terminal.expect("\x1b[?25l");
    terminal
}

#[test]
fn an_authtoken_typed_at_a_terminal_is_not_shown() {
    let home = Home::new();
    let mut terminal = ngrok_setup(&home);
    terminal.press("y", "Paste ngrok's authtoken");
    wait_for("the echo to go", Duration::from_secs(10), || (!terminal.echoes()).then_some(()));
    terminal.keyboard.write_all(format!("{TOKEN}\n").as_bytes()).unwrap();
    terminal.expect("ngrok is ready");
    assert!(terminal.child.wait().unwrap().success());
    assert!(!terminal.shown.contains(TOKEN), "{}", terminal.shown);
    assert!(terminal.echoes());
    assert!(home.read(".config/ngrok/ngrok.yml").contains(TOKEN) && !home.read("calls").contains(TOKEN));
}

#[test]
fn an_interrupted_question_leaves_the_terminal_in_order_and_nothing_done() {
    let home = Home::new();
    let mut terminal = ngrok_setup(&home);
    terminal.press("y", "Paste ngrok's authtoken");
    wait_for("the echo to go", Duration::from_secs(10), || (!terminal.echoes()).then_some(()));
    let pid = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    terminal.expect("not agreed to");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(1));
    assert!(terminal.echoes(), "the next command's user sees what they type");
    let mut declined = ngrok_setup(&home);
    declined.press("n", "not agreed to");
    assert_eq!(declined.child.wait().unwrap().code(), Some(1));
    assert!(!home.path().join(".config").exists());
}

#[test]
fn the_providers_are_shown_in_colour_unless_that_is_unwanted() {
    let mut terminal = Terminal::start(&["providers"], &[]);
    terminal.expect("mcpgw tunnel --provider local");
    assert!(terminal.shown.contains("\x1b[32m"), "{}", terminal.shown);
    let mut plain = Terminal::start(&["providers"], &[("NO_COLOR", "1")]);
    plain.expect("mcpgw tunnel --provider local");
    assert!(!plain.shown.contains('\x1b'), "{}", plain.shown);
}

#[test]
fn a_named_tunnel_is_offered_at_a_terminal() {
    let home = Home::new();
    let cloudflared = home.write("cloudflared", "#!/bin/sh\necho \"$*\" >> \"$HOME/calls\"\n");
    fs::set_permissions(&cloudflared, fs::Permissions::from_mode(0o755)).unwrap();
    let home_path = home.path().to_str().unwrap();
    let variables = [("HOME", home_path), ("MCPGW_CLOUDFLARED", cloudflared.to_str().unwrap())];
    let mut terminal = Terminal::start(&["providers", "setup", "cloudflared"], &variables);
    terminal.expect("Set up a named tunnel?");
    terminal.press("y", "Its name");
    terminal.press("mcp\r", "Its host name");
    terminal.press("mcp.example.com\r", "tunnel login`?");
    terminal.press("n", "not agreed to");
    assert!(terminal.shown.contains("route dns mcp mcp.example.com"), "{}", terminal.shown);
    assert!(!home.path().join("calls").exists(), "nothing was agreed to");
    let mut quick = Terminal::start(&["providers", "setup", "cloudflared"], &variables);
    quick.expect("Set up a named tunnel?");
    quick.press("n", "cloudflared is ready");
    assert!(quick.child.wait().unwrap().success());
}

#[test]
fn an_interrupted_step_takes_its_program_along() {
    let home = Home::new();
    let script = "#!/bin/sh\n[ \"$2\" = login ] || exit 0\necho $$ > \"$HOME/pid\"\necho log in there >&2\nread -r line\n";
    let cloudflared = home.write("cloudflared", script);
    fs::set_permissions(&cloudflared, fs::Permissions::from_mode(0o755)).unwrap();
    let home_path = home.path().to_str().unwrap();
    let variables = [("HOME", home_path), ("MCPGW_CLOUDFLARED", cloudflared.to_str().unwrap())];
    let args = ["providers", "setup", "cloudflared", "--yes", "--tunnel-name", "mcp"];
    let mut terminal = Terminal::start(&args, &variables);
    terminal.expect("log in there");
    let pid = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    terminal.expect("interrupted");
    assert_eq!(terminal.child.wait().unwrap().code(), Some(1));
    let program = home.read("pid").trim().parse().ok().and_then(rustix::process::Pid::from_raw).unwrap();
    assert!(rustix::process::test_kill_process(program).is_err(), "it lives on");
}
