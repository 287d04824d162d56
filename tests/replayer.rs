//! The tests' own tools: recordings come out as they were taken, and the cloud is what it pretends to be.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::{
    collections::HashMap,
    env, fs,
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::{
    net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair},
    process::{Pid, kill_process},
};
use serde_json::{Value, json};
use support::{Cloud, Gateway, Home, Replayer, Signal, free_port, http, tools, transcripts, wait_for};

const PATIENCE: Duration = Duration::from_secs(20);

const FAST: (&str, &str) = ("REPLAY_SPEED", "max");

/// A recorded event.
#[derive(Clone, Debug)]
struct Event {
    kind: String,
    data: String,
}

fn events(path: &Path) -> Vec<Event> {
    let text = fs::read_to_string(path).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.map(|row| Event { kind: text(&row["ev"]), data: text(&row["data"]) }).collect()
}

/// The signals of a recording; one that has two notes them as actions.
fn is_signal(event: &Event) -> bool {
    event.kind == "SIGNAL" || event.data.contains("-> SIGTERM #")
}

fn chunks(events: &[Event], kind: &str) -> Vec<String> {
    events.iter().filter(|event| event.kind == kind).map(|event| event.data.clone()).collect()
}

fn timelines(tool: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(transcripts().join(tool)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.to_str().unwrap().ends_with(".jsonl")).collect();
    files.sort();
    files
}

/// A played tool, its streams read write by write: a packet socket keeps them apart, where a pipe joins them.
struct Played {
    child: Child,
    stdout: Chunks,
    stderr: Chunks,
}

struct Chunks {
    so_far: Vec<String>,
    coming: std::sync::mpsc::Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Chunks {
    fn new() -> (Self, OwnedFd) {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        let (sender, coming) = std::sync::mpsc::channel();
        let reader = thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            while let Ok((count @ 1.., _)) = recv(&ours, buffer.as_mut_slice(), RecvFlags::empty()) {
                let _ = sender.send(String::from_utf8(buffer[..count].to_vec()).unwrap());
            }
        });
        (Self { so_far: Vec::new(), coming, reader: Some(reader) }, theirs)
    }

    /// Waits until there are so many.
    fn wait(&mut self, count: usize) {
        while self.so_far.len() < count {
            let chunk = self.coming.recv_timeout(PATIENCE);
            self.so_far.push(chunk.unwrap_or_else(|_| panic!("chunk {count} of {:#?}", self.so_far)));
        }
    }

    /// Waits until one has this in it.
    fn wait_for(&mut self, needle: &str) {
        while !self.so_far.last().is_some_and(|chunk| chunk.contains(needle)) {
            self.wait(self.so_far.len() + 1);
        }
    }

    fn take_all(&mut self) -> Vec<String> {
        self.reader.take().unwrap().join().unwrap();
        self.so_far.extend(self.coming.try_iter());
        std::mem::take(&mut self.so_far)
    }
}

impl Played {
    fn start(tool: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let ((stdout, out), (stderr, err)) = (Chunks::new(), Chunks::new());
        let mut command = Command::new(tool);
        command.args(arguments).env_clear().envs(environment.iter().copied());
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        // The command holds the far ends of the sockets.
        drop(command);
        Self { child, stdout, stderr }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its end, and what each stream got, chunk by chunk.
    fn end(mut self) -> (ExitStatus, [Vec<String>; 2]) {
        let status = wait_for("the played tool to end", PATIENCE, || self.child.try_wait().unwrap());
        let said = [&mut self.stdout, &mut self.stderr].map(Chunks::take_all);
        (status, said)
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        // Both fail where it has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// ngrok's local port is a free one; as it was recorded, for a comparison.
fn with_recorded_port(said: [Vec<String>; 2], recorded: &[Event]) -> [Vec<String>; 2] {
    let port = |text: &str| {
        let line = text.lines().find(|line| line.contains("starting web service"))?.to_owned();
        let rest = line.split_once("127.0.0.1:")?.1.to_owned();
        Some(rest.chars().take_while(char::is_ascii_digit).collect::<String>())
    };
    let whole: String = recorded.iter().map(|event| event.data.as_str()).collect();
    let (Some(now), Some(then)) = (port(&said.concat().concat()), port(&whole)) else { return said };
    let (now, then) = (format!("127.0.0.1:{now}"), format!("127.0.0.1:{then}"));
    said.map(|chunks| chunks.into_iter().map(|chunk| chunk.replace(&now, &then)).collect())
}

#[test]
fn every_recording_comes_out_in_its_chunks_on_its_streams_and_ends_as_it_did() {
    let home = Home::new();
    let mut played = 0;
    for tool in ["lt", "ngrok", "cloudflared"] {
        let program = Replayer::install(&home, tool);
        for path in timelines(tool) {
            let name = path.to_str().unwrap();
            let recorded = events(&path);
            let log = home.path().join(format!("log-{played}"));
            let environment = [("REPLAY", name), FAST, ("REPLAY_LOG", log.to_str().unwrap())];
            let mut run = Played::start(&program, &[], &environment);
            // It logs its start once it takes signals, which is all that is seen of a silent one.
            wait_for("the start", PATIENCE, || (!Replayer::starts(&log).is_empty()).then_some(()));
            for (at, event) in recorded.iter().enumerate().filter(|(_, event)| is_signal(event)) {
                run.stdout.wait(chunks(&recorded[..at], "stdout").len());
                run.stderr.wait(chunks(&recorded[..at], "stderr").len());
                run.signal(if event.data == "SIGINT" { Signal::INT } else { Signal::TERM });
            }
            let (status, said) = run.end();
            let said = with_recorded_port(said, &recorded);
            assert_eq!(said, ["stdout", "stderr"].map(|kind| chunks(&recorded, kind)), "{name}");
            let code = status.code().unwrap_or_else(|| -status.signal().unwrap());
            assert_eq!(vec![code.to_string()], chunks(&recorded, "EXIT"), "{name}");
            played += 1;
        }
    }
    assert!(played > 70, "only {played} recordings");
}

/// The path and the JSON of a recorded `GET URL -> STATUS b'BODY' ...`.
fn answered(event: &Event) -> Option<(String, u16, Value)> {
    let (url, rest) = event.data.strip_prefix("GET http://127.0.0.1:")?.split_once(" -> ")?;
    let path = url.split_once('/')?.1;
    let (status, body) = rest.split_once(" b'")?;
    let body = body.split('\'').next()?.replace("\\n", "\n");
    let known = ["ready", "quicktunnel", "healthcheck", "api/tunnels"].contains(&path);
    known.then(|| {
        (path.to_owned(), status.parse().unwrap(), serde_json::from_str(&body).unwrap_or(json!(body)))
    })
}

/// Each answer is asked for where the recording did, the tool held there by a signal that it waits for.
#[test]
fn the_local_interfaces_answer_as_the_recorded_ones_did() {
    let home = Home::new();
    let mut asked = 0;
    for tool in ["ngrok", "cloudflared"] {
        let program = Replayer::install(&home, tool);
        for path in timelines(tool) {
            let recorded = events(&path);
            let lines = fs::read_to_string(&path).unwrap();
            // Nobody reads the port of this one.
            let silent = chunks(&recorded, "stdout").is_empty() && tool == "ngrok";
            for (at, event) in recorded.iter().enumerate().filter(|_| !silent) {
                let Some((asked_for, status, body)) = answered(event) else { continue };
                let hold = r#"{"t": 0, "ev": "SIGNAL", "data": "SIGTERM"}"#;
                let head: String =
                    lines.lines().take(at).chain([hold]).map(|line| format!("{line}\n")).collect();
                let cut = home.write("cut.timeline.jsonl", head);
                let metrics = format!("127.0.0.1:{}", free_port());
                let environment = [("REPLAY", cut.to_str().unwrap()), FAST];
                let mut run = Played::start(&program, &["--metrics", &metrics], &environment);
                run.stdout.wait(chunks(&recorded[..at], "stdout").len());
                run.stderr.wait(chunks(&recorded[..at], "stderr").len());
                let address = if tool == "ngrok" { web_address(&run.stdout.so_far) } else { metrics };
                let answer = http::get(&address, &address, &format!("/{asked_for}")).unwrap();
                let said = serde_json::from_slice(&answer.body).unwrap_or(json!(answer.text()));
                assert_eq!((answer.status, &said), (status, &body), "{}: {}", path.display(), event.data);
                run.signal(Signal::TERM);
                run.end();
                asked += 1;
            }
        }
    }
    assert!(asked >= 16, "only {asked} answers");
}

fn web_address(stdout: &[String]) -> String {
    let text = stdout.concat();
    let line = text.lines().find(|line| line.contains("starting web service")).unwrap();
    let address = &line[line.find("127.0.0.1:").unwrap()..];
    address.chars().take_while(|letter| letter.is_ascii_digit() || ".:".contains(*letter)).collect()
}

/// The recorded `stderr`, up to the first signal.
fn before_the_signal(name: &str) -> Vec<String> {
    let recorded = events(Path::new(&Replayer::recording(name)));
    let end = recorded.iter().position(is_signal).unwrap();
    chunks(&recorded[..end], "stderr")
}

#[test]
fn a_second_signal_kills_whatever_goes_on() {
    let home = Home::new();
    let program = Replayer::install(&home, "cloudflared");
    let name = "cloudflared/sigterm-edge-lingers-default-grace";
    let recording = Replayer::recording(name);
    // At the recorded speed it would take 30 s to end.
    let mut run = Played::start(&program, &[], &[("REPLAY", &recording)]);
    run.stderr.wait(before_the_signal(name).len());
    run.signal(Signal::TERM);
    run.stderr.wait_for("Unregistered tunnel connection");
    run.signal(Signal::INT);
    assert_eq!(run.end().0.signal(), Some(Signal::INT.as_raw()));
}

#[test]
fn an_early_signal_skips_to_what_followed_the_recorded_one() {
    let home = Home::new();
    let program = Replayer::install(&home, "cloudflared");
    let recording = Replayer::recording("cloudflared/quick-edge-drop-reconnect");
    let mut run = Played::start(&program, &[], &[("REPLAY", &recording)]);
    run.stderr.wait_for("Registered tunnel connection");
    run.signal(Signal::TERM);
    let (status, [_, stderr]) = run.end();
    assert_eq!(status.code(), Some(0));
    let text = stderr.concat();
    assert!(text.contains("Metrics server stopped") && !text.contains("Serve tunnel error"), "{text}");
}

#[test]
fn what_has_no_signal_recorded_dies_of_one() {
    let home = Home::new();
    let program = Replayer::install(&home, "ngrok");
    let mut run = Played::start(&program, &[], &[("REPLAY", &Replayer::recording("ngrok/v3-success"))]);
    run.stdout.wait(1);
    run.signal(Signal::TERM);
    assert_eq!(run.end().0.signal(), Some(Signal::TERM.as_raw()));
    let refused = Replayer::recording("ngrok/v3-no-authtoken");
    let (status, [stdout, stderr]) = Played::start(&program, &[], &[("REPLAY", &refused)]).end();
    assert_eq!(status.code(), Some(1));
    assert!(stdout[0].contains("ERR_NGROK_4018") && stderr[0].contains("ERR_NGROK_4018"));
}

#[test]
fn a_replacement_reaches_what_the_end_of_a_chunk_cuts_and_leaves_it_cut() {
    let home = Home::new();
    let program = Replayer::install(&home, "lt");
    let played = |said: &[&str], replacement: &str| {
        let lines: String = said
            .iter()
            .map(|data| format!("{}\n", json!({ "t": 0, "ev": "stdout", "data": data })))
            .collect();
        let end = json!({ "t": 0, "ev": "EXIT", "data": "0" });
        let file = home.write("cut.timeline.jsonl", format!("{lines}{end}\n"));
        let environment = [("REPLAY", file.to_str().unwrap()), FAST, ("REPLAY_REPLACE", replacement)];
        Played::start(&program, &[], &environment).end().1[0].clone()
    };
    assert_eq!(played(&["a ol", "d b", " old"], "old=>newer"), ["a ne", "wer b", " newer"]);
    assert_eq!(played(&["old", "old"], "old=>ü"), ["ü", "ü"]);
    // What is left of a chunk may be nothing, and nothing is not written.
    assert_eq!(played(&["x", "o", "l", "d", "y"], "old=>n"), ["x", "n", "y"]);
    assert_eq!(played(&["o", "ld"], "old=>üü"), ["üü"]);
    assert_eq!(played(&["one two"], "one=>two\ntwo=>2"), ["2 2"]);
}

#[test]
fn each_start_takes_its_turn_and_is_logged_and_a_version_is_no_start() {
    let home = Home::new();
    let program = Replayer::install(&home, "cloudflared");
    let recordings =
        Replayer::recordings(&["cloudflared/quick-rate-limited", "cloudflared/named-run-noname"]);
    let (count, log) = (home.path().join("count"), home.path().join("log"));
    let config = home.write("config.yml", "ingress: []\n");
    let environment = [
        ("REPLAY", recordings.as_str()),
        ("REPLAY_COUNT", count.to_str().unwrap()),
        ("REPLAY_LOG", log.to_str().unwrap()),
        FAST,
    ];
    let run = |arguments: &[&str]| Played::start(&program, arguments, &environment).end();
    let (status, [stdout, _]) = run(&["--version"]);
    assert_eq!(status.code(), Some(0));
    assert_eq!(stdout, chunks(&events(Path::new(&Replayer::recording("cloudflared/version"))), "stdout"));
    let arguments = ["tunnel", "--config", config.to_str().unwrap()];
    let codes: Vec<_> = (0..3).map(|_| run(&arguments).0.code().unwrap()).collect();
    assert_eq!(codes, [1, 255, 255]);
    let starts = Replayer::starts(&log);
    assert_eq!(starts.len(), 3);
    assert_eq!((&starts[0]["argv"][1], &starts[0]["config"]), (&json!("tunnel"), &json!("ingress: []\n")));
    assert_eq!(starts[0]["env"]["REPLAY_SPEED"], "max");
}

#[test]
fn a_flood_repeats_the_last_line_and_the_recording_goes_on() {
    let home = Home::new();
    let program = Replayer::install(&home, "cloudflared");
    let recording = Replayer::recording("cloudflared/quick-success");
    let environment = [("REPLAY", recording.as_str()), FAST, ("REPLAY_FLOOD", "5000,0.2")];
    let mut run = Played::start(&program, &[], &environment);
    let before = before_the_signal("cloudflared/quick-success");
    run.stderr.wait(before.len() + 1000);
    let line = before.last().unwrap().lines().last().unwrap();
    assert!(run.stderr.so_far[before.len()..].iter().all(|chunk| chunk.trim_end() == line));
    run.signal(Signal::TERM);
    let (status, [_, stderr]) = run.end();
    assert_eq!((status.code(), stderr.len()), (Some(0), before.len() + 1000 + 7));
}

#[test]
fn ngroks_api_lists_the_tunnel_in_the_published_shape_while_the_session_lasts() {
    let home = Home::new();
    let program = Replayer::install(&home, "ngrok");
    let published = fs::read_to_string(transcripts().join("ngrok/api-tunnels.stdout")).unwrap();
    let published: Value = serde_json::from_str(&published).unwrap();
    for name in ["ngrok/v3-success", "ngrok/v3-success-json", "ngrok/v3-reconnect"] {
        let mut run = Played::start(&program, &[], &[("REPLAY", &Replayer::recording(name))]);
        run.stdout.wait(1);
        let address = web_address(&run.stdout.so_far);
        assert_eq!(http::get(&address, &address, "/api/tunnels").unwrap().json(), published, "{name}");
    }
    let text = fs::read_to_string(transcripts().join("ngrok/v3-reconnect.stdout")).unwrap();
    let lost = text.split_inclusive('\n').take_while(|line| !line.contains("10:05:30")).collect::<String>();
    let lost = home.write("lost.stdout", lost);
    let mut run = Played::start(&program, &[], &[("REPLAY", lost.to_str().unwrap())]);
    run.stdout.wait(1);
    let address = web_address(&run.stdout.so_far);
    let empty = json!({ "tunnels": [], "uri": "/api/tunnels" });
    assert_eq!(http::get(&address, &address, "/api/tunnels").unwrap().json(), empty);
}

/// A visitor who goes by the cloud's proxy and trusts its CA alone: status, the header `ngrok-error-code` or
/// `location`, body.
fn visit(cloud: &Cloud, url: &str) -> Result<(u16, String, String), reqwest::Error> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let ca = reqwest::Certificate::from_pem(&fs::read(cloud.ca()).unwrap()).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([ca])
        .proxy(reqwest::Proxy::https(cloud.url()).unwrap())
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let answer = client.get(url).send().await?;
        let headers = ["ngrok-error-code", "location"].map(|name| answer.headers().get(name).cloned());
        let header = headers.into_iter().flatten().next();
        let header = header.map_or(String::new(), |value| value.to_str().unwrap().to_owned());
        Ok((answer.status().as_u16(), header, answer.text().await?))
    })
}

fn resolve(cloud: &Cloud, name: &str) -> Value {
    http::fetch(&format!("{}/dns-query?name={name}&type=A", cloud.url())).unwrap().json()
}

const QUICK: &str = "meadow-rapid-orbit-lantern.trycloudflare.com";

/// A played tool whose tunnel is up at the cloud, to this gateway.
fn tunnel(home: &Home, cloud: &Cloud, gateway: &Gateway) -> Played {
    let program = Replayer::install(home, "cloudflared");
    let (recording, log) = (Replayer::recording("cloudflared/quick-success"), home.path().join("log"));
    let (cloud, origin) = (cloud.url(), format!("http://127.0.0.1:{}", gateway.port()));
    let environment =
        [("REPLAY", recording.as_str()), ("CLOUD", &cloud), ("REPLAY_LOG", log.to_str().unwrap()), FAST];
    let mut run = Played::start(&program, &["tunnel", "--url", &origin], &environment);
    run.stderr.wait_for("Registered tunnel connection");
    assert_eq!(Replayer::starts(&log).len(), 1);
    run
}

#[test]
fn a_tunnel_that_is_up_is_served_by_the_cloud_until_it_stops_or_is_killed() {
    let (cloud, gateway) = (Cloud::start(), Gateway::start(&[]));
    let url = format!("https://{QUICK}/mcp?a=b");
    assert_eq!(visit(&cloud, &url).unwrap(), (530, String::new(), "error code: 1033\n".to_owned()));
    assert_eq!(resolve(&cloud, QUICK)["Status"], 3);
    for signal in [Signal::TERM, Signal::KILL] {
        let home = Home::new();
        let run = tunnel(&home, &cloud, &gateway);
        assert_eq!(resolve(&cloud, QUICK)["Answer"][0]["data"], "127.0.0.1");
        let (status, _, body) = visit(&cloud, &url).unwrap();
        let seen: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &seen["url"]), (200, &json!("/mcp?a=b")));
        assert_eq!(seen["headers"]["X-Forwarded-Proto"], "https");
        assert_eq!(seen["headers"]["host"], QUICK);
        run.signal(signal);
        run.end();
        wait_for("the cloud to notice", Duration::from_secs(5), || {
            (resolve(&cloud, QUICK)["Status"] == 3).then_some(())
        });
        assert_eq!(visit(&cloud, &url).unwrap().0, 530);
    }
    let stats = &cloud.stats()["hosts"][QUICK];
    assert_eq!((&stats["requests"]["count"], &stats["connects"]["count"]), (&json!(5), &json!(5)), "{stats}");
    assert_eq!(stats["requests"]["times"].as_array().unwrap().len(), 5);
    assert!(stats["dns"]["count"].as_u64().unwrap() >= 5 && stats["port"].is_null(), "{stats}");
}

#[test]
fn the_cloud_misbehaves_as_asked() {
    let (cloud, gateway, home) = (Cloud::start(), Gateway::start(&[]), Home::new());
    let _run = tunnel(&home, &cloud, &gateway);
    let faults = [
        ("loca", 401, "", "loca.lt/mytunnelpassword"),
        ("ngrok-6024", 200, "ERR_NGROK_6024", "You are about to visit"),
        ("ngrok-3200", 404, "ERR_NGROK_3200", "offline"),
        ("ngrok-8012", 502, "ERR_NGROK_8012", "failed to connect"),
        ("captive", 302, "http://login.hotel.example/", ""),
        ("other", 200, "", "nginx"),
        ("nxdomain", 200, "", "app_url"),
        ("none", 200, "", "app_url"),
    ];
    let url = format!("https://{QUICK}/");
    for (fault, status, header, text) in faults {
        cloud.fault(QUICK, fault);
        let answer = visit(&cloud, &url).unwrap();
        assert_eq!((answer.0, answer.1.as_str()), (status, header), "{fault}");
        assert!(answer.2.contains(text), "{fault}: {}", answer.2);
        assert_eq!(resolve(&cloud, QUICK)["Status"], if fault == "nxdomain" { 3 } else { 0 }, "{fault}");
    }
    cloud.fault(QUICK, "dead");
    assert!(visit(&cloud, &url).unwrap_err().is_timeout());
    cloud.fault(QUICK, "down");
    assert!(!visit(&cloud, &url).unwrap_err().is_timeout());
    cloud.fault("*", "other");
    assert_eq!(visit(&cloud, "https://unknown.loca.lt/").unwrap().0, 200);
}

/// By what the real ones go by: an ingress, the command line, ngrok's free-form target.
#[test]
fn every_tool_tells_the_cloud_its_public_name_and_its_local_port() {
    let (cloud, home) = (Cloud::start(), Home::new());
    let ingress = "ingress:\n- hostname: mcp.example.com\n  service: http://127.0.0.1:3002\n- service: http_status:404\n";
    let config = home.write("config.yml", ingress);
    let config = config.to_str().unwrap();
    let url = cloud.url();
    let installed: HashMap<_, _> =
        ["lt", "ngrok", "cloudflared"].map(|tool| (tool, Replayer::install(&home, tool))).into();
    let ngrok = "apt-walrus-keen.ngrok-free.app";
    let rows: [(&str, &[&str], &str, u16); 6] = [
        ("cloudflared/named-run-success", &["tunnel", "--config", config, "run"], "mcp.example.com", 3002),
        ("cloudflared/quick-success", &["tunnel", "--url=http://localhost:3003"], QUICK, 3003),
        ("ngrok/v3-success", &["http", "--log", "stdout", "3004"], ngrok, 3004),
        (
            "ngrok/v3-success-json",
            &["http", "http://127.0.0.1:3005", "--url", "https://x.example"],
            ngrok,
            3005,
        ),
        ("ngrok/v3-reconnect", &["http", "localhost:3006"], ngrok, 3006),
        ("lt/success", &["--port", "3007"], "fixed.loca.lt", 3007),
    ];
    for (name, arguments, host, port) in rows {
        let program = installed[name.split('/').next().unwrap()].as_path();
        let (recording, log) = (Replayer::recording(name), home.path().join("log"));
        let environment = [
            ("REPLAY", recording.as_str()),
            ("REPLAY_LOG", log.to_str().unwrap()),
            ("REPLAY_REPLACE", "http://mcpgw.localhost:9000=>https://fixed.loca.lt"),
            ("CLOUD", &url),
            FAST,
        ];
        let run = Played::start(program, arguments, &environment);
        wait_for(&format!("{name} at the cloud"), Duration::from_secs(5), || {
            // What fails there is noted, and told here.
            Replayer::starts(&log);
            (cloud.stats()["hosts"][host]["port"] == port).then_some(())
        });
        run.signal(Signal::TERM);
        run.end();
        assert!(cloud.stats()["hosts"][host]["port"].is_null(), "{name} is gone");
    }
}

#[test]
fn the_installed_ngrok_is_the_one_that_was_recorded() {
    let recorded = events(Path::new(&Replayer::recording("ngrok/v2-version")));
    let output = Command::new(tools().ngrok_v2()).arg("version").env_clear().output().unwrap();
    assert_eq!(vec![String::from_utf8(output.stdout).unwrap()], chunks(&recorded, "stdout"));
}

/// reqwest's own ways to a proxy and to a CA, as any program has them that is not told otherwise.
#[test]
fn the_environment_alone_leads_to_the_cloud() {
    const INSIDE: &str = "MCPGW_TEST_INSIDE_THE_CLOUD";
    if env::var_os(INSIDE).is_none() {
        let cloud = Cloud::start();
        let this = ["--exact", "the_environment_alone_leads_to_the_cloud"];
        let mut again = Command::new(env::current_exe().unwrap());
        let output = again.args(this).envs(cloud.environment()).env(INSIDE, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let answer = reqwest::get(format!("https://{QUICK}/")).await.unwrap();
        assert_eq!(answer.status().as_u16(), 530);
    });
}
