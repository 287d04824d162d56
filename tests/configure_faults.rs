//! `mcpgw configure` under faults: killed at every step of a write, beside other writers, on disks that fail.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use support::Home;

/// Every step of a write at which a test build can be made to die.
const POINTS: [&str; 5] = ["locked", "staged", "backed-up", "recorded", "renamed"];

/// A call without the checks of `Mcpgw`, which cost more than the call.
fn mcpgw(home: &Home, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcpgw"));
    command.current_dir(home.path()).env_clear().envs(home.environment()).env("PATH", "/nowhere");
    command.arg("configure").args(args).stdin(Stdio::null());
    command
}

fn done(home: &Home, args: &[&str]) -> Output {
    let output = mcpgw(home, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    output
}

/// Dies at this point; or ends, when it does not come by there.
fn killed_at(home: &Home, point: &str, args: &[&str]) -> bool {
    let output = mcpgw(home, args).env("MCPGW_FAULT", point).output().unwrap();
    let killed = output.status.signal() == Some(9);
    assert!(killed || output.status.success(), "{point} {args:?}: {output:?}");
    killed
}

struct Subject {
    client: &'static str,
    file: &'static str,
    before: &'static str,
}

const SUBJECTS: [Subject; 4] = [
    Subject {
        client: "cursor",
        file: ".cursor/mcp.json",
        before: "// mine\n{\n\t\"mcpServers\": {\n\t\t\"a\": {\"command\": \"x\"} // a\n\t}\n}",
    },
    Subject {
        client: "claude-code",
        file: ".claude.json",
        before: "{\"numStartups\": 1, \"mcpServers\": {}}",
    },
    Subject { client: "codex", file: ".codex/config.toml", before: "model = \"x\" # y\r\n" },
    Subject {
        client: "goose",
        file: ".config/goose/config.yaml",
        before: "extensions:\n  a:\n    type: builtin\nz: 1\n",
    },
];

/// How often each subject is killed: more than 1,000 times in all.
const KILLS: usize = 260;

#[test]
fn a_kill_at_any_step_leaves_the_old_file_or_the_new_one_and_the_undo_works() {
    let subjects = Mutex::new(SUBJECTS.iter());
    let total = Mutex::new(0);
    let work = || {
        while let Some(subject) = { subjects.lock().unwrap().next() } {
            let kills = kill_again_and_again(subject);
            *total.lock().unwrap() += kills;
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    assert!(*total.lock().unwrap() >= 1000);
}

fn kill_again_and_again(subject: &Subject) -> usize {
    let Subject { client, file, before } = subject;
    let url = |round: usize| format!("https://r{round}.example/mcp");
    // What a call that nobody kills makes of it.
    let pattern = {
        let home = Home::new();
        let path = home.write(file, before);
        done(&home, &[client, "--url", &url(0)]);
        fs::read_to_string(path).unwrap()
    };
    let (mut kills, mut home) = (0, Home::new());
    let mut path = home.write(file, before);
    let mut now = (*before).to_string();
    for round in 0.. {
        if kills >= KILLS {
            break;
        }
        let point = POINTS[round % POINTS.len()];
        let new = pattern.replace(&url(0), &url(round));
        kills += usize::from(killed_at(&home, point, &[client, "--url", &url(round)]));
        let left = fs::read_to_string(&path).unwrap();
        assert!(left == now || left == new, "{client}, killed at {point}: neither old nor new\n{left}");
        now = left;
        if round % 10 == 9 {
            // Killed while it undoes, too; then undone for good.
            kills += usize::from(killed_at(&home, point, &["--undo"]));
            let left = fs::read_to_string(&path).unwrap();
            assert!(left == now || left == *before, "{client}, killed at {point} in an undo:\n{left}");
            done(&home, &["--undo"]);
            assert_eq!(fs::read_to_string(&path).unwrap(), *before, "{client}");
            let names = |folder: &Path| -> Vec<String> {
                let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
                entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
            };
            let litter = names(path.parent().unwrap());
            assert!(
                litter.iter().all(|name| !name.starts_with(".mcpgw-") && !name.ends_with(".lock")),
                "{litter:?}"
            );
            home = Home::new();
            path = home.write(file, before);
            now = (*before).to_string();
        }
    }
    kills
}

#[test]
fn a_new_file_is_whole_or_not_there_when_its_writer_is_killed() {
    for point in POINTS {
        let home = Home::new();
        killed_at(&home, point, &["cursor", "--url", "https://x.example/mcp"]);
        let path = home.path().join(".cursor/mcp.json");
        if let Ok(text) = fs::read_to_string(&path) {
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["mcpServers"]["mcpgw"]["url"], "https://x.example/mcp");
        }
        done(&home, &["--undo"]);
        assert!(!path.exists(), "{point}");
    }
}

const WRITERS: usize = 8;

/// Eight calls of ours, each with an entry of its own, beside eight of `foreign`.
fn beside(home: &Home, client: &str, path: &Path, foreign: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for at in 0..WRITERS {
            let foreign = &foreign;
            scope.spawn(move || foreign(at));
            scope.spawn(move || {
                let (name, url) = (format!("ours{at}"), format!("https://x{at}.example/mcp"));
                done(home, &[client, "--name", &name, "--url", &url]);
            });
        }
    });
    let text = fs::read_to_string(path).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    for at in 0..WRITERS {
        assert_eq!(
            value["mcpServers"][format!("ours{at}")]["url"],
            format!("https://x{at}.example/mcp"),
            "{text}"
        );
        assert_eq!(value["mcpServers"][format!("theirs{at}")]["command"], "x", "{text}");
    }
}

fn with_theirs(text: &str, at: usize) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
    value["mcpServers"][format!("theirs{at}")] = json!({"command": "x"});
    serde_json::to_string_pretty(&value).unwrap()
}

fn renamed_over(path: &Path, text: &str, at: usize) {
    let aside = path.with_extension(format!("theirs{at}"));
    File::create(&aside).unwrap().write_all(text.as_bytes()).unwrap();
    fs::rename(aside, path).unwrap();
}

#[test]
fn writers_that_look_before_they_rename_and_ours_lose_nothing() {
    for _ in 0..3 {
        let home = Home::new();
        let path = home.write(".cursor/mcp.json", "{\"mcpServers\": {}}");
        let turn = Mutex::new(());
        beside(&home, "cursor", &path, |at| {
            let end = Instant::now() + Duration::from_secs(30);
            loop {
                assert!(Instant::now() < end, "a foreign writer never came to its turn");
                let _turn = turn.lock().unwrap();
                let Ok(text) = fs::read_to_string(&path) else { continue };
                let new = with_theirs(&text, at);
                if fs::read_to_string(&path).is_ok_and(|now| now == text) {
                    renamed_over(&path, &new, at);
                    break;
                }
            }
        });
    }
}

#[test]
fn writers_that_take_claudes_lock_and_ours_lose_nothing() {
    let home = Home::new();
    let path = home.write(".claude.json", "{\"mcpServers\": {}}");
    let lock = home.path().join(".claude.json.lock");
    beside(&home, "claude-code", &path, |at| {
        let end = Instant::now() + Duration::from_secs(30);
        while fs::create_dir(&lock).is_err() {
            assert!(Instant::now() < end, "a foreign writer never got the lock");
            std::thread::sleep(Duration::from_millis(1));
        }
        let text = fs::read_to_string(&path).unwrap();
        // The time in which a writer without a lock would be overwritten.
        std::thread::sleep(Duration::from_millis(5));
        renamed_over(&path, &with_theirs(&text, at), at);
        fs::remove_dir(&lock).unwrap();
    });
    assert!(!lock.exists());
}

#[test]
fn a_file_that_is_just_being_written_in_place_is_waited_for() {
    let home = Home::new();
    let path = home.write(".cursor/mcp.json", "{\"mcpServers\": {\"a\": {}}}");
    // As Node's writeFile does: emptied, then filled.
    let mut file = File::create(&path).unwrap();
    let child =
        mcpgw(&home, &["cursor", "--url", "https://x.example/mcp"]).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(60));
    file.write_all(b"{\"mcpServers\": {\"a\": {}, ").unwrap();
    std::thread::sleep(Duration::from_millis(60));
    file.write_all(b"\"b\": {}}}").unwrap();
    drop(file);
    assert!(child.wait_with_output().unwrap().status.success());
    let value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let names: Vec<&String> = value["mcpServers"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["a", "b", "mcpgw"]);
}

#[test]
fn claudes_lock_of_a_dead_program_is_taken_over_and_a_fresh_one_is_respected() {
    let home = Home::new();
    let path = home.write(".claude.json", "{}");
    let lock = home.path().join(".claude.json.lock");
    fs::create_dir(&lock).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(60);
    File::open(&lock).unwrap().set_modified(long_ago).unwrap();
    done(&home, &["claude-code", "--url", "https://x.example/mcp"]);
    assert!(!lock.exists() && fs::read_to_string(&path).unwrap().contains("x.example"));
    // Held and given back: ours waits that long.
    fs::create_dir(&lock).unwrap();
    let mut child = mcpgw(&home, &["claude-code", "--url", "https://y.example/mcp"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "it went on beside a lock that somebody holds");
    assert!(!fs::read_to_string(&path).unwrap().contains("y.example"));
    fs::remove_dir(&lock).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(fs::read_to_string(&path).unwrap().contains("y.example"));
}

#[test]
fn a_full_disk_changes_nothing() {
    let home = Home::new();
    let before = format!("{{\"mcpServers\": {{}}, \"x\": \"{}\"}}", "y".repeat(300_000));
    let path = home.write(".cursor/mcp.json", &before);
    // What a full disk says, by a limit that only this program has; the signal of that limit is not ours to die of.
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" configure cursor --url https://x.example/mcp";
    let mut command = Command::new("sh");
    command.current_dir(home.path()).env_clear().envs(home.environment()).env("PATH", "/usr/bin:/bin");
    let output = command.args(["-c", script, env!("CARGO_BIN_EXE_mcpgw")]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("failed to write") || !output.stderr.is_empty());
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    let entries = fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(entries, 1, "no litter");
}

#[test]
fn a_folder_that_is_not_ours_to_write_changes_nothing() {
    if rustix::process::geteuid().is_root() {
        // Root may write anywhere: what is asked for here cannot be seen, so another way of refusing is.
        let home = Home::new();
        fs::write(home.path().join(".cursor"), "a file where the folder should be").unwrap();
        let output = mcpgw(&home, &["cursor", "--url", "https://x.example/mcp"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        return;
    }
    let home = Home::new();
    let path: PathBuf = home.write(".cursor/mcp.json", "{}");
    fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o555)).unwrap();
    let output = mcpgw(&home, &["cursor", "--url", "https://x.example/mcp"]).output().unwrap();
    fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
}
