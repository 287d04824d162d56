//! Faults of a running session, and what one was told wrong.

use super::*;

/// A running session.
pub(super) const SESSION: &[Seed] = &[
    seed(
        "session.edge",
        Act(
            |bench| bench.session.as_ref().unwrap().signal(Signal::STOP),
            |bench| bench.session.as_ref().unwrap().signal(Signal::CONT),
        ),
        "is suspended",
    ),
    seed(
        "session.provider",
        Act(
            |bench| bench.session.as_ref().unwrap().process("bin/lt ").signal(Signal::STOP),
            |bench| bench.session.as_ref().unwrap().process("bin/lt ").signal(Signal::CONT),
        ),
        "alive but dead",
    ),
    seed(
        "session.env_file",
        File(".env.tunnel", Some("APP_URL=https://yesterday.example\n")),
        "yesterday.example",
    ),
    seed("session.env_file", File(".env.tunnel", None), "cannot be read"),
    seed(
        "session.key",
        Act(
            |bench| {
                let file = bench.record()["key_file"].as_str().unwrap().to_string();
                let name =
                    Path::new(&file).strip_prefix(bench.home.path()).unwrap().to_str().unwrap().to_string();
                bench.put(&name, None);
            },
            |_| {},
        ),
        "is gone",
    ),
    seed("gateway.host", Answers(|| json!({MCP: {"status": 421, "foreign": true}})), "421"),
    seed(
        "oauth.drift",
        File(".env", Some("GITHUB_CALLBACK_URL=https://yesterday.loca.lt/api/oauth/callback\n")),
        "yesterday.loca.lt",
    ),
    seed(
        "oauth.drift",
        File(".env", Some("GITHUB_CALLBACK_URL=http://localhost:3001/api/oauth/callback\n")),
        "a login from elsewhere",
    ),
    seed(
        "oauth.metadata",
        Answers(
            || json!({"/.well-known/oauth-authorization-server": {"body": {"issuer": "https://yesterday.loca.lt"}}}),
        ),
        "yesterday.loca.lt",
    ),
    seed(
        "oauth.metadata",
        Answers(|| json!({"/.well-known/oauth-protected-resource": {"body": {"resource": "yesterday"}}})),
        "is no address",
    ),
];

#[test]
fn what_is_wrong_with_a_session_is_found() {
    run(Bench::live(), SESSION);
}

/// Faults that a session is started with; each has its repair in a session without it.
#[test]
fn what_a_session_was_told_wrong_is_found() {
    let mut bench = Bench::live();
    bench.is_healthy("the start");
    // One that never says a word.
    let mute = bench.home.write("mute/lt", "#!/bin/sh\nsleep 1000\n");
    fs::set_permissions(&mute, fs::Permissions::from_mode(0o755)).unwrap();
    let cases: [(&str, &[&str], &str); 4] = [
        ("exposure.paths", &["--allow", "/admin"], "/admin"),
        ("exposure.key", &["--auth", "none"], "no key is asked for"),
        ("provider.server", &["--server", "http://127.0.0.1:1"], "does not answer"),
        ("session.ready", &["--lt", mute.to_str().unwrap()], "not ready yet"),
    ];
    for (id, arguments, says) in cases {
        bench.session.take().unwrap().stop();
        bench.home.write("answers.json", json!({"/admin": {"body": "secrets"}}).to_string());
        let mut session = bench.mcpgw().args(["tunnel", "--json", "--yes"]).args(arguments).start();
        session.expect(if id.starts_with("exposure") { "ready" } else { "provider_starting" });
        bench.session = Some(session);
        let rows = rows(&bench.doctor(&[]));
        let first = first_alarm(&rows).unwrap_or_else(|| panic!("{id}: nothing was found"));
        assert_eq!(first["id"], id, "{:#?}", rows.iter().filter(|row| is_alarm(row)).collect::<Vec<_>>());
        assert!(first["evidence"].as_str().unwrap().contains(says), "{first}");
    }
    bench.session.take().unwrap().stop();
    bench.home.write("answers.json", "{}");
    bench.start_session(&[]);
    bench.is_healthy("all of them");
}

#[test]
fn a_gateway_that_was_told_another_address_is_found() {
    let mut bench = Bench::idle();
    let told = |bench: &Bench, value: Option<&str>| {
        let command =
            gateway_command(&bench.gateway_arguments().iter().map(String::as_str).collect::<Vec<_>>());
        let arguments: Vec<&str> = command[1..].iter().map(String::as_str).chain(["--until-eof"]).collect();
        let variables: Vec<(&str, &str)> = value.into_iter().map(|value| ("APP_URL", value)).collect();
        let gateway = Stranger::start(&tools().node, &arguments, &variables);
        let url = format!("http://127.0.0.1:{}/api/health", bench.port);
        wait_for("the gateway", Duration::from_secs(20), || http::try_fetch(&url));
        gateway
    };
    bench.gateway.take();
    let mut gateway = told(&bench, None);
    bench.start_session(&["--subdomain", "doctor-told"]);
    bench.is_healthy("a gateway that has no use for its address and was not told");
    let callback = |bench: &Bench| {
        let rows = rows(&bench.doctor(&["--only", "oauth.callback"]));
        (rows[0]["verdict"].clone(), rows[0]["evidence"].as_str().unwrap().to_string())
    };
    let (verdict, seen) = callback(&bench);
    assert!(verdict == "skip" && seen.contains("nothing to register"), "it has no login: {verdict} {seen}");
    bench.put("answers.json", Some(&json!({"/api/oauth/callback": {"status": 400}}).to_string()));
    let (verdict, seen) = callback(&bench);
    assert!(verdict == "pass" && seen.starts_with("register "), "{verdict} {seen}");
    let url = bench.record()["url"].as_str().unwrap().to_string();
    let slash = format!("{url}/");
    for (value, verdict, says) in [
        (Some("https://yesterday.loca.lt"), "fail", "yesterday.loca.lt"),
        (Some(slash.as_str()), "fail", "ends in a slash"),
        (None, "warn", "was not told"),
    ] {
        drop(gateway);
        gateway = told(&bench, value);
        let rows = rows(&bench.doctor(&[]));
        let first = first_alarm(&rows).unwrap();
        assert_eq!((&first["id"], &first["verdict"]), (&json!("env.app_url"), &json!(verdict)), "{rows:#?}");
        assert!(first["evidence"].as_str().unwrap().contains(says), "{first}");
    }
    drop(gateway);
    let _gateway = told(&bench, Some(&url));
    bench.is_healthy("the right address");
}

#[test]
fn an_address_that_is_lost_on_the_way_to_the_gateway_is_found_unless_a_file_brings_it() {
    let mut bench = Bench::live();
    let command = gateway_command(&bench.gateway_arguments().iter().map(String::as_str).collect::<Vec<_>>());
    let lossy = ["--", "env", "-u", "APP_URL"].into_iter().chain(command.iter().map(String::as_str));
    let lossy: Vec<&str> = lossy.collect();
    bench.session.take().unwrap().stop();
    bench.start_session(&lossy);
    bench.is_healthy("the env file brings it");
    bench.session.take().unwrap().stop();
    let settings = bench.home.read("mcpgw.toml").replace("env-file = '.env.tunnel'\n", "");
    bench.home.write("mcpgw.toml", settings);
    bench.start_session(&lossy);
    let rows = rows(&bench.doctor(&[]));
    let first = first_alarm(&rows).unwrap();
    assert_eq!(first["id"], "env.app_url", "{rows:#?}");
    assert!(first["evidence"].as_str().unwrap().contains("did not reach"), "{first}");
}

#[test]
fn a_session_that_was_told_everything_on_its_command_line_raises_no_alarm_in_a_shell_without_its_tools() {
    let mut bench = Bench::new();
    bench.home.write("answers.json", "{}");
    let server = LtServer::start();
    let (url, lt, port) = (server.url(), tools().bin("lt").display().to_string(), bench.port.to_string());
    bench.server = Some(server);
    let command = gateway_command(&bench.gateway_arguments().iter().map(String::as_str).collect::<Vec<_>>());
    let flags = ["--provider", "lt", "--server", &url, "--lt", &lt, "--port", &port];
    let flags = flags.into_iter().chain(["--env-file", ".env.tunnel", "--"]);
    bench.start_session(&flags.chain(command.iter().map(String::as_str)).collect::<Vec<_>>());
    bench.tools = false;
    bench.is_healthy("the start");
    let row = |bench: &Bench, id: &str| {
        rows(&bench.doctor(&["--only", id])).into_iter().find(|row| row["id"] == id).unwrap()
    };
    let program = row(&bench, "provider.localtunnel");
    assert!(program["evidence"].as_str().unwrap().contains(&lt), "{program}");
    // The tunnel is gone with its server, and the server that is named is the session's own.
    bench.server.as_mut().unwrap().kill();
    let server = wait_for("the loss to be seen", Duration::from_secs(20), || {
        let row = row(&bench, "provider.server");
        (row["verdict"] == "fail").then_some(row)
    });
    assert!(server["evidence"].as_str().unwrap().contains(&url), "{server}");
    assert_eq!(server["fix"], "start that server, or correct --server");
}

#[test]
fn what_doctor_asks_is_no_visit() {
    let bench = Bench::live();
    for _ in 0..2 {
        bench.is_healthy("nothing");
    }
    let told = bench.mcpgw().args(["status", "--requests", "--json"]).run().json();
    let session = &told["sessions"][0];
    assert_eq!((&session["totals"]["requests"], &session["last"]), (&json!(0), &json!([])), "{told}");
    let log = fs::read_to_string(Path::new(bench.record()["logs"].as_str().unwrap()).join("edge.log"));
    assert!(!log.as_deref().unwrap_or_default().contains("/api/mcp"), "{log:?}");
}

#[test]
fn right_after_the_key_was_rotated_nothing_is_wrong() {
    let bench = Bench::live();
    for _ in 0..3 {
        let rotated = bench.mcpgw().args(["key", "rotate"]).run();
        assert_eq!(rotated.code, 0, "{rotated:?}");
        bench.is_healthy("the key is new");
    }
}

#[test]
fn an_oauth_app_that_was_registered_under_the_address_before_is_told_of() {
    let mut bench = Bench::live();
    bench.put(".env", Some("GITHUB_CLIENT_ID=Iv1.0123\n"));
    bench.is_healthy("the first address");
    for (name, alarm) in [("doctor-drift-a", true), ("doctor-drift-a", false), ("doctor-drift-b", true)] {
        let before = bench.record()["url"].as_str().unwrap().to_string();
        bench.session.take().unwrap().stop();
        bench.start_session(&["--subdomain", name]);
        let rows = rows(&bench.doctor(&[]));
        let first = first_alarm(&rows);
        assert_eq!(first.map(|row| row["id"].clone()), alarm.then(|| json!("oauth.drift")), "{rows:#?}");
        let told = first.map(|row| row["evidence"].as_str().unwrap().to_string()).unwrap_or_default();
        assert_eq!(told.contains(&before), alarm, "{told}");
    }
}

#[test]
fn what_a_tunnel_program_says_of_itself_is_heard() {
    let mut bench = Bench::new();
    Replayer::install(&bench.home, "cloudflared");
    let cloud = Cloud::start();
    bench.variables = cloud.environment().into_iter().collect();
    bench.variables.insert("REPLAY".into(), Replayer::recordings(&["cloudflared/quick-success"]));
    bench.cloud = Some(cloud);
    let port = bench.port.to_string();
    bench.start_session(&["--provider", "cloudflared", "--demo", "--port", &port]);
    let row = |bench: &Bench| {
        let rows = rows(&bench.doctor(&["--only", "session.api"]));
        (rows[0]["verdict"].clone(), rows[0]["evidence"].as_str().unwrap().to_string())
    };
    assert_eq!(row(&bench).0, "pass", "{:?}", row(&bench));
    // Its port is another's, who says that nothing is connected; then nobody's.
    let cut_off = json!({"/ready": {"status": 503, "body": {"status": 503, "readyConnections": 0}}});
    let answers = bench.home.write("answers.json", cut_off.to_string());
    let other = Gateway::start(&["--mcp", MCP, "--answers", answers.to_str().unwrap()]);
    let file = fs::read_dir(bench.home.state().join("sessions")).unwrap().flatten().next().unwrap().path();
    let mut record = bench.record();
    for (port, says) in [(other.port(), "no connection to Cloudflare"), (free_port(), "does not answer")] {
        record["api_port"] = json!(port);
        fs::write(&file, record.to_string()).unwrap();
        let (verdict, told) = row(&bench);
        assert!(verdict == "warn" && told.contains(says), "{verdict} {told}");
    }
}

#[test]
fn a_session_of_another_project_is_judged_by_that_projects_files_and_this_one_by_none_of_its() {
    let mut bench = Bench::new();
    bench.home.write("answers.json", "{}");
    let server = LtServer::start();
    let command =
        json!(gateway_command(&bench.gateway_arguments().iter().map(String::as_str).collect::<Vec<_>>()));
    let settings = format!(
        "provider = 'localtunnel'\nserver = '{}'\nport = {}\ncommand = {command}\nenv-file = '.env'\nprobe-interval = '10m'\n",
        server.url(),
        bench.port
    );
    bench.home.write("shop/mcpgw.toml", settings);
    bench.server = Some(server);
    // The other one's files would make the shop look wrong.
    bench
        .home
        .write("blog/mcpgw.toml", "provider = 'local'\nport = 1\nenv-file = '.env'\ncommand = ['node']\n");
    bench.home.write("blog/.env", "APP_URL=https://yesterday.example\n");
    bench.home.write("notes/x", "");
    let at = |folder: &str| bench.home.path().join(folder);
    let tunnel = bench.mcpgw().current_dir(&at("shop")).args(["tunnel", "--json", "--yes"]);
    let mut session = tunnel.start();
    session.expect("ready");
    let look = |folder: &str, more: &[&str]| {
        let output = bench.mcpgw().current_dir(&at(folder)).args(["doctor", "--json"]).args(more).run();
        let rows = rows(&output);
        let running = rows.iter().find(|row| row["id"] == "session.running").cloned().unwrap();
        (running, rows.into_iter().filter(is_alarm).collect::<Vec<_>>())
    };
    for (folder, more, verdict) in [
        ("shop", &[][..], "pass"),
        ("notes", &[], "pass"),
        ("blog", &["--session", "shop"], "pass"),
        ("blog", &[], "skip"),
    ] {
        let (running, alarms) = look(folder, more);
        assert_eq!(
            (&running["verdict"], &alarms),
            (&json!(verdict), &vec![]),
            "{folder} {more:?}: {running}"
        );
        assert!(running.to_string().contains("shop"), "{running}");
    }
    session.stop();
}
