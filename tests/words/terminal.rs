//! What a terminal shows of a session: its panel, at any size; what is lost and regained; its end.

use super::*;

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
        // Some turns of the spinner at this size; then a look between two of them.
        let mut turns = 0;
        let waiting = loop {
            let chunk = terminal.chunks.recv_timeout(Duration::from_secs(20)).unwrap();
            terminal.shown.push_str(&String::from_utf8_lossy(&chunk));
            seen.process(&chunk);
            turns += 1;
            let lines = seen.screen().rows(0, columns);
            let waiting = lines.filter(|line| line.contains("Waiting")).count();
            if turns >= 8 && waiting > 0 {
                break waiting;
            }
        };
        assert_eq!(waiting, 1, "at {rows} by {columns}:\n{}", seen.screen().contents());
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
