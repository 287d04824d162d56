//! Looking at sessions from another terminal: status, url, run, logs, stop, against live, hung and dead ones.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Home, Mcpgw, Session, Signal, free_port, gateway_command, wait_for};

const SOON: Duration = Duration::from_secs(20);

/// The demo at `https://localhost:PORT`, in a project folder of this name.
fn demo(home: &Home, project: &str) -> (Session, u16) {
    let port = free_port();
    let folder = home.path().join(project);
    fs::create_dir_all(&folder).unwrap();
    let args = ["--demo", "--https-port", &port.to_string()];
    let mut session = Mcpgw::tunnel(home).without_tools().current_dir(&folder).args(args).start();
    session.expect("ready");
    (session, port)
}

fn rows(home: &Home) -> Vec<Value> {
    let output = Mcpgw::new(home).args(["status", "--json"]).run();
    output.json()["sessions"].as_array().unwrap().clone()
}

fn session_file(home: &Home) -> PathBuf {
    let mut files = fs::read_dir(home.state().join("sessions")).unwrap().flatten();
    files.next().expect("a session's file").path()
}

/// Changes a session's file as the session itself would: a whole new one takes its place.
fn edit(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut record = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    change(&mut record);
    let fresh = file.with_extension("fresh");
    fs::write(&fresh, record.to_string()).unwrap();
    fs::rename(fresh, file).unwrap();
}

#[test]
fn several_sessions_are_named_by_their_folders_and_the_one_at_home_is_meant() {
    let home = Home::new();
    let (mut shop, shop_port) = demo(&home, "shop");
    let (mut blog, blog_port) = demo(&home, "blog");
    let url = |folder: &str, more: &[&str]| {
        let call = Mcpgw::new(&home).current_dir(&home.path().join(folder)).args(["url"]).args(more);
        call.run()
    };
    assert_eq!(url("shop", &[]).stdout.trim(), format!("https://localhost:{shop_port}"));
    assert_eq!(url("blog", &[]).stdout.trim(), format!("https://localhost:{blog_port}"));
    assert_eq!(url("", &["--session", "shop"]).stdout.trim(), format!("https://localhost:{shop_port}"));
    let unclear = url("", &[]);
    assert_eq!(unclear.code, 2);
    assert!(unclear.stderr.contains("shop (port") && unclear.stderr.contains("blog (port"), "{unclear:?}");
    assert!(url("", &["--session", "shpo"]).stderr.contains("did you mean --session shop?"));

    let names: Vec<_> = rows(&home).iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["blog", "shop"], "the newest first");
    assert_eq!(url("", &["shop"]).stdout, url("", &["--session", "shop"]).stdout);
    let status = |args: &[&str]| Mcpgw::new(&home).args(["status"]).args(args).run();
    for args in [&["shop"][..], &["--session", "shop"]] {
        let shown = status(args).stdout;
        assert!(shown.starts_with("shop ") && !shown.contains("blog"), "{shown}");
    }
    assert_eq!(status(&["blog", "--json"]).json()["sessions"].as_array().unwrap().len(), 1);
    let slip = status(&["blgo"]);
    assert!(slip.code == 1 && slip.stderr.contains("blog"), "{slip:?}");
    assert!(Mcpgw::new(&home).args(["stop", "shop"]).run().stdout.contains("stopped shop"));
    assert!(shop.wait().success());
    assert_eq!(url("", &[]).stdout.trim(), format!("https://localhost:{blog_port}"));
    for stop in [&["stop"][..], &["stop", "--all"]] {
        assert_eq!(Mcpgw::new(&home).args(stop).run().code, 0, "nothing to end is no failure");
    }
    assert_eq!(Mcpgw::new(&home).args(["stop", "--session", "nosuch"]).run().code, 1);
    assert!(blog.wait().success());
}

#[test]
fn in_a_project_another_projects_session_is_named_and_never_taken_for_its_own() {
    let home = Home::new();
    let (mut shop, port) = demo(&home, "shop");
    home.write("blog/mcpgw.toml", "");
    home.write("notes/.git/HEAD", "");
    home.write("plain/readme", "");
    let (mut tried, _) = demo(&home, "tried");
    tried.stop();
    let call = |folder: &str, args: &[&str]| {
        Mcpgw::new(&home).without_tools().current_dir(&home.path().join(folder)).args(args).run()
    };
    let runs = format!("shop runs for {}", home.path().join("shop").display());
    for folder in ["blog", "tried"] {
        for args in [&["url"][..], &["run", "--", "true"]] {
            let refused = call(folder, args);
            assert!(refused.code == 1 && refused.stderr.contains(&runs), "{folder} {args:?}: {refused:?}");
            assert!(refused.stderr.contains("--session shop"), "{refused:?}");
        }
        assert!(call(folder, &["doctor", "--only", "session.running"]).stdout.contains("of another does"));
    }
    assert!(call("blog", &["logs"]).stderr.contains(&runs), "it has no logs of its own");
    let own = call("tried", &["logs", "-n", "all"]);
    let ended = format!("in {}, which has ended", home.path().join("tried").display());
    assert!(own.code == 0 && own.stderr.contains(&ended), "{own:?}");
    assert!(call("blog", &["logs", "--session", "tried"]).stderr.contains(&ended), "by its name, too");
    for folder in ["blog", "tried", "notes"] {
        let spared = call(folder, &["stop"]);
        assert_eq!(spared.code, 0, "{spared:?}");
        assert_eq!(spared.stdout, format!("no session of this project runs; {runs}: mcpgw stop shop\n"));
    }
    for folder in ["plain", "notes", "shop", ""] {
        assert_eq!(call(folder, &["url"]).stdout.trim(), format!("https://localhost:{port}"), "{folder}");
    }
    assert_eq!(call("blog", &["url", "shop"]).stdout.trim(), format!("https://localhost:{port}"));
    let held = call("blog", &["tunnel", "--demo", "--https-port", &port.to_string()]);
    assert!(held.code == 1 && held.stderr.contains("`mcpgw stop shop`"), "{held:?}");
    assert_eq!(call("blog", &["stop", "shop"]).stdout, "stopped shop\n");
    assert!(shop.wait().success());
}

#[test]
fn url_gives_every_address_a_qr_code_and_the_clipboards_program_its_text() {
    let home = Home::new();
    let (mut session, port) = demo(&home, "shop");
    let bin = home.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let copied = home.path().join("copied");
    let script = format!("#!/bin/sh\necho \"$*\" > '{0}.args'\nexec cat > '{0}'\n", copied.display());
    let tool = home.write("bin/xclip", script);
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let url = |args: &[&str]| {
        let call = Mcpgw::new(&home).args(["url"]).args(args);
        call.path_first(&bin).env("DISPLAY", ":0").run()
    };
    let base = format!("https://localhost:{port}");
    assert_eq!(url(&["--mcp"]).stdout.trim(), format!("{base}/api/mcp/default"));
    assert_eq!(url(&["--callback"]).stdout.trim(), format!("{base}/api/oauth/callback"));
    assert_eq!(url(&["--local"]).stdout.trim(), base);
    assert_eq!(url(&["--mcp", "--local"]).code, 2, "one of them");
    let output = url(&["--mcp", "--copy"]);
    assert!(output.stderr.contains("copied to the clipboard by xclip"), "{output:?}");
    assert_eq!(fs::read_to_string(&copied).unwrap(), format!("{base}/api/mcp/default"));
    assert_eq!(home.read("copied.args").trim(), "-selection clipboard");
    let output = url(&["--qr"]);
    assert!(output.stdout.contains('█') && output.stdout.starts_with(&base), "{output:?}");
    let nothing = Mcpgw::new(&home).args(["url", "--copy"]).run();
    assert!(nothing.code == 1 && nothing.stderr.contains("xclip or xsel"), "{nothing:?}");
    session.stop();
}

#[test]
fn a_suspended_session_is_told_as_hung_and_stop_ends_it_in_order() {
    let home = Home::new();
    let (mut session, _) = demo(&home, "shop");
    assert_eq!(rows(&home)[0]["pulse"], "live");
    session.signal(Signal::STOP);
    let row = wait_for("the kernel to stop it", SOON, || {
        rows(&home).into_iter().next().filter(|row| row["pulse"] == "hung")
    });
    assert!(row["why"].as_str().unwrap().contains("suspended"), "{row}");
    let shown = Mcpgw::new(&home).args(["status"]).run().stdout;
    assert!(shown.starts_with("shop                hung\n"), "{shown}");
    let output = Mcpgw::new(&home).args(["stop"]).run();
    assert_eq!((output.code, output.stdout.trim()), (0, "stopped shop"));
    assert!(session.wait().success(), "it ended by itself, in order");
    session.leaves_nothing();
    assert!(rows(&home).is_empty());
}

#[test]
fn a_dead_session_is_told_as_such_and_stop_clears_it_away() {
    let home = Home::new();
    let (mut session, _) = demo(&home, "shop");
    session.kill();
    session.leaves_nothing();
    let row = &rows(&home)[0];
    assert_eq!(row["pulse"], "dead");
    assert!(row["fix"].as_str().unwrap().contains("mcpgw stop --session"), "{row}");
    assert_eq!(Mcpgw::new(&home).args(["url"]).run().code, 1, "it has no address any more");
    let output = Mcpgw::new(&home).args(["stop"]).run();
    assert_eq!(output.code, 0);
    assert!(
        output.stdout.contains("shop had died") && output.stdout.contains("nothing of it runs"),
        "{output:?}"
    );
    assert!(rows(&home).is_empty());
}

#[test]
fn one_that_ignores_the_request_is_killed_at_the_deadline_with_everything_it_started() {
    let home = Home::new();
    let (mut real, _) = demo(&home, "shop");
    let record = fs::read(session_file(&home)).unwrap();
    real.stop();
    // A process that hears no SIGTERM, with a child, in the place of the session's.
    let script = "trap '' TERM; (trap '' TERM; exec sleep 1000) & echo $!; wait";
    let mut stubborn = Command::new("sh");
    stubborn.args(["-c", script]).env("MCPGW_SESSION", "0badc0de").stdout(Stdio::piped());
    let mut stubborn = stubborn.spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stubborn.stdout.take().unwrap()), &mut line)
        .unwrap();
    let child: u32 = line.trim().parse().unwrap();
    let file = home.state().join("sessions/0badc0de.json");
    fs::write(&file, record).unwrap();
    edit(&file, |record| {
        record["id"] = json!("0badc0de");
        record["pid"] = json!(stubborn.id());
        record["pid_start"] = json!(mcpgw::os::process(stubborn.id()).unwrap().start);
    });
    let row = &rows(&home)[0];
    assert_eq!(row["pulse"], "hung");
    assert!(row["why"].as_str().unwrap().contains("does not answer"), "{row}");
    let began = Instant::now();
    let output = Mcpgw::new(&home).args(["stop", "--timeout", "300ms"]).run();
    assert_eq!(output.code, 0);
    assert!(output.stdout.contains("killed shop, for it did not end within 300ms"), "{output:?}");
    assert!(began.elapsed() >= Duration::from_millis(300));
    stubborn.wait().unwrap();
    let gone = |pid| mcpgw::os::process(pid).is_none_or(|process| process.zombie);
    assert!(gone(child), "its child too");
    assert!(rows(&home).is_empty());
}

#[test]
fn status_watch_tells_every_change_and_ends_when_nobody_listens() {
    let home = Home::new();
    let (mut session, port) = demo(&home, "shop");
    let mut watch = Mcpgw::new(&home).args(["status", "--watch", "--json"]).start();
    let state = |document: &Value| document["sessions"][0]["phase"].as_str().map(str::to_owned);
    watch.expect_where("a ready session", SOON, |document| state(document).as_deref() == Some("ready"));
    edit(&session_file(&home), |record| record["phase"] = json!("restarting"));
    watch.expect_where("the change", SOON, |document| state(document).as_deref() == Some("restarting"));
    session.stop();
    watch.expect_where("the end", SOON, |document| document["sessions"] == json!([]));
    watch.signal(Signal::TERM);
    watch.wait();

    // `head -1` goes after the first line.
    let (mut session, _) = (demo(&home, "blog").0, port);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpgw"));
    command.args(["status", "--watch"]).env_clear().envs(home.environment()).stdout(Stdio::piped());
    let mut watch = command.spawn().unwrap();
    let mut first = String::new();
    let mut lines = std::io::BufReader::new(watch.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut lines, &mut first).unwrap();
    drop(lines);
    session.stop();
    let status = wait_for("the end of a watch that nobody reads", SOON, || watch.try_wait().unwrap());
    assert!(status.success() && first.starts_with("blog"), "{status} {first}");
}

#[test]
fn run_gives_its_process_to_the_command_with_the_variables_and_its_own_end() {
    let home = Home::new();
    let (mut session, port) = demo(&home, "shop");
    let run = |script: &str| Mcpgw::new(&home).args(["run", "--", "sh", "-c", script]).run();
    let output = run("echo $APP_URL; exit 7");
    assert_eq!((output.stdout.trim(), output.code), (format!("https://localhost:{port}").as_str(), 7));
    assert_eq!(run("kill -TERM $$").code, 128 + 15, "its signal is its caller's to see");
    let missing = Mcpgw::new(&home).args(["run", "--", "nosuchcommand"]).run();
    assert!(missing.code == 1 && missing.stderr.contains("start `nosuchcommand`"), "{missing:?}");

    let script = "trap 'echo heard; exit 3' TERM; echo up; while :; do sleep 0.05; done";
    for more in [&[][..], &["--restart"]] {
        let mut running = Mcpgw::new(&home).args(["run"]).args(more).args(["--", "sh", "-c", script]).start();
        running.expect_where("the command", SOON, |line| line == "up");
        running.signal(Signal::TERM);
        running.expect_where("the signal", SOON, |line| line == "heard");
        assert_eq!(running.wait().code(), Some(3));
        running.leaves_nothing();
    }
    session.stop();
}

#[test]
fn run_restart_starts_the_command_anew_under_a_new_address_and_passes_its_end() {
    let home = Home::new();
    let (mut session, _) = demo(&home, "shop");
    let script = "echo at $APP_URL; [ $APP_URL = https://third.example ] && exit 5; sleep 1000 & wait";
    let mut running = Mcpgw::new(&home).args(["run", "--restart", "--", "sh", "-c", script]).start();
    running
        .expect_where("the first", SOON, |line| line.as_str().unwrap().starts_with("at https://localhost"));
    for name in ["second", "third"] {
        let url = format!("https://{name}.example");
        edit(&session_file(&home), |record| {
            record["url"] = json!(url);
            record["env"]["APP_URL"] = json!(url);
        });
        running.expect_where("the next", SOON, |line| *line == format!("at {url}"));
    }
    assert_eq!(running.wait().code(), Some(5));
    assert!(running.stderr().contains("the address is now https://third.example"), "{}", running.stderr());
    running.leaves_nothing();
    session.stop();
}

#[test]
fn logs_are_merged_by_time_without_escape_sequences_and_followed_over_a_turn_until_the_end() {
    let home = Home::new();
    let (mut session, _) = demo(&home, "shop");
    let logs = PathBuf::from(rows(&home)[0]["logs"].as_str().unwrap());
    let append = |name: &str, text: &str| {
        let file = OpenOptions::new().append(true).create(true).open(logs.join(format!("{name}.log")));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    };
    append(
        "gateway",
        "2026-01-01T00:00:00.000Z one\n2026-01-01T00:00:02.000Z three \u{1b}]0;owned\u{7}\u{1b}[31mred\n",
    );
    append("provider", "2026-01-01T00:00:01.000Z two\n");
    let debug = "2026-01-01T00:00:00.500Z localtunnel:client tunnel open [total: 1]";
    append("provider", &format!("2026-01-01T00:00:01.500Z {debug}\n"));
    let everything = Mcpgw::new(&home).args(["logs", "provider", "-n", "all", "-v"]).run().stdout;
    assert!(everything.contains("tunnel open"), "{everything}");
    let all = Mcpgw::new(&home).args(["logs", "-n", "all"]).run().stdout;
    let mine: Vec<&str> = all.lines().filter(|line| line.starts_with("2026-01-01")).collect();
    assert_eq!(
        mine,
        [
            "2026-01-01T00:00:00.000Z gateway  one",
            "2026-01-01T00:00:01.000Z provider two",
            "2026-01-01T00:00:02.000Z gateway  three red",
        ]
    );
    let one = Mcpgw::new(&home).args(["logs", "provider", "-n", "1"]).run().stdout;
    assert_eq!(one.trim(), "2026-01-01T00:00:01.000Z two");
    let record = r#"{"lvl":"info","msg":"started tunnel \u001b]0;owned\u0007","url":"https://x.ngrok.app"}"#;
    append("provider", &format!("2026-01-01T00:00:01.600Z {record}\n"));
    let words = Mcpgw::new(&home).args(["logs", "provider", "-n", "1"]).run().stdout;
    assert!(words.trim().ends_with("info started tunnel  url=https://x.ngrok.app"), "{words:?}");

    let mut following = Mcpgw::new(&home).args(["logs", "-f", "gateway", "-n", "1"]).start();
    following.expect_where("the past", SOON, |line| line.as_str().unwrap().ends_with("three red"));
    append("gateway", "2026-01-01T00:00:03.000Z before the turn\n");
    fs::rename(logs.join("gateway.log"), logs.join("gateway.log.1")).unwrap();
    append("gateway", "2026-01-01T00:00:04.000Z after the turn\n");
    following
        .expect_where("the line before", SOON, |line| line.as_str().unwrap().ends_with("before the turn"));
    following.expect_where("the line after", SOON, |line| line.as_str().unwrap().ends_with("after the turn"));
    session.stop();
    assert!(following.wait().success(), "it ends with its session");

    let later = Mcpgw::new(&home).args(["logs", "provider"]).run();
    assert!(later.stdout.contains("two") && later.stderr.contains("which has ended"), "{later:?}");
}

#[test]
fn a_child_of_a_session_means_that_session() {
    let home = Home::new();
    let bin = home.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_mcpgw"), bin.join("mcpgw")).unwrap();
    let (mut other, _) = demo(&home, "other");
    let port = free_port().to_string();
    let folder = home.path().join("mine");
    fs::create_dir_all(&folder).unwrap();
    let hook = "mcpgw status --json > seen; mcpgw url --local > told";
    let call = Mcpgw::tunnel(&home).without_tools().path_first(&bin).current_dir(&folder);
    let mut mine = call.args(["--demo", "--https-port", &port, "--on-url", hook]).start();
    mine.expect("ready");
    assert_eq!(home.read("mine/told").trim(), format!("https://localhost:{port}"));
    mine.stop();
    other.stop();
}

#[test]
fn the_env_file_is_given_back_at_the_end_and_by_who_clears_away_after_a_killed_one() {
    let home = Home::new();
    let before = "# mine\nDB=x\nAPP_URL=http://localhost:3001\n";
    let file = home.write("shop/.env", before);
    let start = || {
        let port = free_port().to_string();
        let args = ["--demo", "--https-port", &port, "--env-file", ".env"];
        let call = Mcpgw::tunnel(&home).without_tools().current_dir(file.parent().unwrap()).args(args);
        let mut session = call.start();
        session.expect("ready");
        assert!(home.read("shop/.env").contains(&format!("\nAPP_URL=https://localhost:{port}\n")));
        session
    };
    start().stop();
    assert_eq!(home.read("shop/.env"), before);
    let mut killed = start();
    killed.kill();
    killed.leaves_nothing();
    assert_eq!(Mcpgw::new(&home).args(["stop"]).run().code, 0);
    assert_eq!(home.read("shop/.env"), before);
}

#[test]
fn a_program_that_no_longer_reads_events_ends_its_session() {
    let home = Home::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpgw"));
    command.args(["tunnel", "--json", "--demo", "--https-port", &free_port().to_string()]);
    command.current_dir(home.path()).env_clear().envs(home.environment()).stdout(Stdio::piped());
    let mut session = command.spawn().unwrap();
    let mut lines = std::io::BufReader::new(session.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"ready\"") {
        line.clear();
        assert_ne!(std::io::BufRead::read_line(&mut lines, &mut line).unwrap(), 0);
    }
    drop(lines);
    let status = wait_for("the end of a session that nobody hears", SOON, || session.try_wait().unwrap());
    assert!(status.success() && rows(&home).is_empty(), "{status}");
}

#[test]
fn a_call_that_is_wrong_is_an_event_where_events_were_asked_for() {
    let home = Home::new();
    for (args, says) in [(&["--prot", "1"][..], "--prot"), (&["--port", "0"], "--port 0")] {
        let output = Mcpgw::new(&home).args(["tunnel", "--json", "--demo"]).args(args).run();
        let failed = output.json();
        assert_eq!((output.code, &failed["event"]), (2, &json!("failed")), "{output:?}");
        assert!(failed["message"].as_str().unwrap().contains(says), "{failed}");
        assert!(output.stderr.contains(says), "people are told too: {output:?}");
    }
    assert_eq!(Mcpgw::new(&home).args(["tunnel", "--prot", "1"]).run().stdout, "");
}

#[test]
fn a_gateway_that_takes_its_time_to_end_is_told_of_and_a_second_signal_ends_it() {
    let (home, port, https) = (Home::new(), free_port().to_string(), free_port().to_string());
    let call = Mcpgw::tunnel(&home).args(["--provider", "local", "--https-port", &https, "--port", &port]);
    let mut session = call.args(["--"]).args(gateway_command(&["--port", &port, "--ignore-term"])).start();
    session.expect("ready");
    session.signal(Signal::TERM);
    let told = session.expect_where("a word about it", SOON, |event| event["code"] == "gateway.slow_end");
    assert_eq!(told["fix"], "Ctrl-C again ends it at once");
    let began = Instant::now();
    session.signal(Signal::TERM);
    assert!(session.wait().success() && began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    session.leaves_nothing();
}
