//! What is asked at a terminal, and what becomes of a no, of Ctrl-C, and of secrets that are typed.

use super::*;

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
