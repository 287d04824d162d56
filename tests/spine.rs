//! The main job, end to end: the built binary, the real `lt`, a real tunnel server, real gateways.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;
use support::{Gateway, Home, LtServer, Mcpgw, free_port, gateway_command, http, tools, wait_for};

/// `tunnel --json` through the real `lt` to this server.
fn through_lt(home: &Home, server: &LtServer) -> Mcpgw {
    Mcpgw::tunnel(home).args(["--provider", "localtunnel", "--server", &server.url()])
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["event"].as_str()).filter(|name| *name != "notice").collect()
}

#[test]
fn with_nothing_installed_the_demo_is_served_over_https_with_the_built_in_ca() {
    let home = Home::new();
    let port = free_port();
    let mut session =
        Mcpgw::tunnel(&home).without_tools().args(["--demo", "--https-port", &port.to_string()]).start();
    let ready = session.expect("ready");
    assert_eq!(ready["url"], format!("https://localhost:{port}"));
    assert_eq!(ready["mcp_url"], format!("https://localhost:{port}/api/mcp/default"));
    assert_eq!(ready["callback_url"], format!("https://localhost:{port}/api/oauth/callback"));
    assert_eq!(ready["provider"], "local");
    let fixes: String = session.events().iter().filter_map(|event| event["fix"].as_str()).collect();
    assert!(
        fixes.contains("NODE_EXTRA_CA_CERTS=") && fixes.contains("npm install -g localtunnel"),
        "{fixes}"
    );

    // A client that trusts this CA and nothing else gets in.
    let ca = fs::read(home.state().join("ca/mcpgw-ca.pem")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let health = runtime.block_on(async {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let ca = reqwest::Certificate::from_pem(&ca).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).no_proxy().build().unwrap();
        client.get(format!("https://localhost:{port}/health")).send().await.unwrap().status()
    });
    assert_eq!(health, 200);
    assert!(session.stop().success());
}

#[test]
fn the_events_of_a_start_come_in_order_and_each_with_its_time() {
    let (home, server, port) = (Home::new(), LtServer::start(), free_port().to_string());
    let mut session = through_lt(&home, &server)
        .args(["--subdomain", "in-order", "--port", &port, "--"])
        .args(gateway_command(&["--port", &port]))
        .start();
    session.expect("ready");
    assert!(session.stop().success());
    let order = [
        "edge_ready",
        "provider_starting",
        "url_found",
        "url_verified",
        "gateway_starting",
        "gateway_ready",
        "ready",
        "stopped",
    ];
    assert_eq!(names(session.events()), order);
    for event in session.events() {
        let at = event["at"].as_str().unwrap();
        assert!(at.parse::<jiff::Timestamp>().is_ok() && at.ends_with('Z'), "{event}");
    }
}

#[test]
fn the_gateway_starts_once_with_the_url_and_the_templates_filled_in() {
    let (home, server, port) = (Home::new(), LtServer::start(), free_port().to_string());
    let starts = home.path().join("starts");
    let mut session = through_lt(&home, &server)
        .args(["--subdomain", "templates", "--port", &port, "--profile", "team", "--health", "/health"])
        .args(["--env", "APP_CALLBACK={url}/cb", "--env", "GW_WHERE={host} {port} {profile}", "--"])
        .args(gateway_command(&[
            "--port",
            &port,
            "--unhealthy-for",
            "300",
            "--starts-file",
            starts.to_str().unwrap(),
        ]))
        .start();
    let ready = session.expect("ready");
    let url = server.tunnel_url("templates");
    assert_eq!(ready["url"], url.as_str());
    assert_eq!(ready["mcp_url"], format!("{url}/api/mcp/team"));
    let seen = http::fetch(ready["mcp_url"].as_str().unwrap()).unwrap().json();
    assert_eq!(seen["app_url"], url.as_str());
    assert_eq!(seen["env"]["APP_CALLBACK"], format!("{url}/cb"));
    assert_eq!(seen["env"]["GW_WHERE"], format!("templates.localhost:{} {port} team", server.port()));
    assert_eq!(home.read("starts").lines().count(), 1, "one start was enough");
    session.stop();
}

#[test]
fn what_lt_would_take_from_the_environment_does_not_reach_it() {
    let (home, server) = (Home::new(), LtServer::start());
    let mut session = through_lt(&home, &server)
        .args(["--demo", "--subdomain", "wanted"])
        .env("HOST", "0.0.0.0")
        .env("SUBDOMAIN", "unwanted")
        .env("PORT", "1")
        .env("LOCAL_HOST", "example.invalid")
        .start();
    assert_eq!(session.expect("ready")["url"], server.tunnel_url("wanted").as_str());
    session.stop();
}

#[test]
fn a_random_name_is_fine_and_a_server_that_leaves_out_its_port_too() {
    let (home, server) = (Home::new(), LtServer::start_without_port());
    let mut session = through_lt(&home, &server).args(["--demo"]).start();
    let url = session.expect("ready")["url"].as_str().unwrap().to_string();
    assert!(url.ends_with(&format!(".localhost:{}", server.port())), "{url}");
    session.stop();
}

#[test]
fn auto_takes_lt_when_it_is_installed_and_the_demo_stays_local() {
    let (home, server) = (Home::new(), LtServer::start());
    let port = free_port().to_string();
    let mut auto = Mcpgw::tunnel(&home)
        .args(["--server", &server.url(), "--port", &port, "--"])
        .args(gateway_command(&["--port", &port]))
        .start();
    assert_eq!(auto.expect("ready")["provider"], "localtunnel");
    auto.stop();
    let https = free_port().to_string();
    let mut demo = Mcpgw::tunnel(&home).args(["--demo", "--https-port", &https]).start();
    assert_eq!(demo.expect("ready")["provider"], "local");
    demo.stop();
    // Whoever asks for a name, or has a server, wants it.
    let mut named = Mcpgw::tunnel(&home).args(["--demo", "--server", &server.url()]).start();
    assert_eq!(named.expect("ready")["provider"], "localtunnel");
    named.stop();
}

#[test]
fn a_gateway_that_runs_is_used_as_it_is_and_the_ways_to_tell_it_the_url_are_said() {
    let (home, server) = (Home::new(), LtServer::start());
    let gateway = Gateway::start(&[]);
    let port = gateway.port().to_string();
    home.write(".env", "SECRET=mine\nAPP_URL=http://old\n");
    let mut session = through_lt(&home, &server)
        .args(["--subdomain", "attached", "--port", &port, "--env-file", ".env"])
        .start();
    let notice = session
        .expect_where("the notice", Duration::from_secs(20), |event| event["code"] == "gateway.not_told");
    let fix = notice["fix"].as_str().unwrap();
    assert!(fix.contains("--env-file") && fix.contains("mcpgw run"), "{fix}");
    let ready = session.expect("ready");
    let seen = http::fetch(ready["mcp_url"].as_str().unwrap()).unwrap().json();
    assert_eq!((seen["pid"].as_u64(), seen["app_url"].is_null()), (Some(gateway.pid().into()), true));

    let url = server.tunnel_url("attached");
    assert_eq!(home.read(".env"), format!("SECRET=mine\nAPP_URL={url}\n"));
    let run = Mcpgw::new(&home).args(["run", "--", "sh", "-c", "echo \"$APP_URL\"; exit 7"]).run();
    assert_eq!((run.stdout.trim(), run.code), (url.as_str(), 7));
    assert_eq!(Mcpgw::new(&home).args(["url"]).run().stdout.trim(), url);
    let status = Mcpgw::new(&home).args(["status", "--json"]).run().json();
    assert_eq!(status["sessions"][0]["phase"], "ready");

    session.stop();
    wait_for("the gateway to have been left alone", Duration::from_secs(5), || {
        http::get(&format!("127.0.0.1:{port}"), "localhost", "/health").ok()
    });
}

#[test]
fn nothing_to_attach_to_and_no_command_is_an_error_that_names_both() {
    let home = Home::new();
    let output =
        Mcpgw::new(&home).args(["tunnel", "--provider", "local", "--port", &free_port().to_string()]).run();
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("nothing listens on port") && output.stderr.contains("-- CMD"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_hook_runs_with_the_variables_and_before_ready() {
    let home = Home::new();
    let https = free_port().to_string();
    let mut session = Mcpgw::tunnel(&home)
        .args(["--demo", "--https-port", &https, "--on-url", "echo $APP_URL $MCP_URL >> told"])
        .start();
    session.expect("ready");
    assert_eq!(
        home.read("told"),
        format!("https://localhost:{https} https://localhost:{https}/api/mcp/default\n")
    );
    session.stop();
}

#[test]
fn a_failing_hook_is_said_and_stops_nothing() {
    let home = Home::new();
    let https = free_port().to_string();
    let mut session = Mcpgw::tunnel(&home)
        .args(["--demo", "--https-port", &https, "--on-url", "echo why >&2; exit 3"])
        .start();
    let notice =
        session.expect_where("the notice", Duration::from_secs(20), |event| event["code"] == "hook.failed");
    let message = notice["message"].as_str().unwrap();
    assert!(message.contains("exit code 3") && message.contains("why"), "{message}");
    session.expect("ready");
    session.stop();
}

#[test]
fn an_unreachable_server_ends_in_the_reason_and_the_fix() {
    let home = Home::new();
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let output = Mcpgw::new(&home)
        .args(["tunnel", "--demo", "--provider", "lt", "--server", &nobody, "--start-timeout", "500ms"])
        .run();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("stated no address within 500ms"), "{}", output.stderr);
    assert!(
        output.stderr.contains("ECONNREFUSED"),
        "lt's own reason, which it hides by default: {}",
        output.stderr
    );
    assert!(output.stderr.contains("fix:"), "{}", output.stderr);
}

#[test]
fn a_provider_that_is_not_installed_is_an_error_with_the_fix_and_never_replaced() {
    let home = Home::new();
    let output =
        Mcpgw::new(&home).without_tools().args(["tunnel", "--demo", "--provider", "lt", "--json"]).run();
    assert_eq!(output.code, 1);
    let failed = output.json();
    assert_eq!(
        (failed["event"].as_str(), failed["code"].as_str()),
        (Some("failed"), Some("provider.not_ready"))
    );
    assert!(failed["fix"].as_str().unwrap().contains("npm install -g localtunnel"));
}

#[test]
fn the_gateways_port_must_be_free_and_whoever_holds_it_is_named() {
    let home = Home::new();
    let gateway = Gateway::start(&[]);
    let port = gateway.port().to_string();
    let output = Mcpgw::new(&home)
        .args(["tunnel", "--provider", "local", "--port", &port, "--"])
        .args(gateway_command(&["--port", &port]))
        .run();
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains(&format!("(pid {})", gateway.pid())), "{}", output.stderr);
}

#[test]
fn settings_come_from_flags_then_environment_then_the_projects_file_then_the_users() {
    let home = Home::new();
    fs::create_dir_all(home.state()).unwrap();
    fs::write(home.state().join("config.toml"), "profile = 'user'\nmcp-path = '/mcp/{profile}'\n").unwrap();
    home.write("mcpgw.toml", "profile = 'project'\nhttps-port = 1\n");
    let deep = home.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    let mcp_url = |more: &dyn Fn(Mcpgw) -> Mcpgw| {
        let https = free_port().to_string();
        let call = Mcpgw::tunnel(&home).current_dir(&deep).args(["--demo", "--https-port", &https]);
        let mut session = more(call).start();
        let url = session.expect("ready")["mcp_url"].as_str().unwrap().to_string();
        session.stop();
        url.split_once(&https).unwrap().1.to_string()
    };
    assert_eq!(mcp_url(&|call| call), "/mcp/project");
    assert_eq!(mcp_url(&|call| call.env("MCPGW_PROFILE", "environment")), "/mcp/environment");
    assert_eq!(
        mcp_url(&|call| call.env("MCPGW_PROFILE", "environment").args(["--profile", "flag"])),
        "/mcp/flag"
    );
}

#[test]
fn a_mistake_in_a_file_is_named_with_line_and_column_and_one_in_a_variable_by_its_name() {
    let home = Home::new();
    home.write("mcpgw.toml", "port = 3001\nprovidr = 'lt'\n");
    let output = Mcpgw::new(&home).args(["tunnel", "--demo"]).run();
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("mcpgw.toml:2:1: unknown field `providr`"), "{}", output.stderr);
    let output = Mcpgw::new(&home).args(["tunnel", "--demo"]).env("MCPGW_PORT", "many").run();
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("MCPGW_PORT"), "{}", output.stderr);
}

#[test]
fn a_gateway_command_with_a_typo_or_without_dashes_is_told_before_anything_runs() {
    let home = Home::new();
    let port = free_port().to_string();
    let typo = ["tunnel", "--json", "--provider", "local", "--port", &port, "--", "nosuchcommand"];
    let output = Mcpgw::new(&home).args(typo).run();
    assert_eq!((output.code, output.json()["code"].as_str()), (1, Some("gateway.command")));
    let output = Mcpgw::new(&home).args(["tunnel", "node", "x.js"]).run();
    assert_eq!(output.code, 2);
    assert!(output.stderr.contains("-- node"), "{}", output.stderr);
}

/// As `--env-file /dev/null` would be: replacing it would take it from every program on the machine.
#[test]
fn an_env_file_that_is_no_file_is_told_before_anything_runs_and_stays() {
    use std::os::unix::fs::FileTypeExt;
    let home = Home::new();
    let pipe = home.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let missing = home.path().join("none/.env");
    for (path, why) in [(&pipe, "not a regular file"), (&missing, "no such file or directory")] {
        let file = path.to_str().unwrap();
        let output = Mcpgw::new(&home).args(["tunnel", "--json", "--demo", "--env-file", file]).run();
        let failed = output.json();
        assert_eq!((output.code, failed["code"].as_str()), (1, Some("gateway.env_file")), "{failed}");
        assert!(failed["message"].as_str().unwrap().contains(why), "{failed}");
    }
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn state_is_the_users_alone_and_a_session_has_one_file_while_it_lives() {
    let home = Home::new();
    let https = free_port().to_string();
    let mut session = Mcpgw::tunnel(&home).args(["--demo", "--https-port", &https]).start();
    session.expect("ready");
    let files: Vec<_> = fs::read_dir(home.state().join("sessions")).unwrap().flatten().collect();
    assert_eq!(files.len(), 1);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&home.state()), mode(&files[0].path())), (0o700, 0o600));
    let record: Value = serde_json::from_slice(&fs::read(files[0].path()).unwrap()).unwrap();
    assert_eq!(record["pid"].as_u64(), Some(session.pid().into()));
    session.stop();
    assert_eq!(fs::read_dir(home.state().join("sessions")).unwrap().count(), 0);
}

#[test]
fn stop_ends_the_session_and_waits_for_it() {
    let home = Home::new();
    let https = free_port().to_string();
    let mut session = Mcpgw::tunnel(&home).args(["--demo", "--https-port", &https]).start();
    session.expect("ready");
    let output = Mcpgw::new(&home).args(["stop"]).run();
    let name = home.path().file_name().unwrap().to_str().unwrap();
    assert_eq!((output.code, output.stdout.trim()), (0, format!("stopped {name}").as_str()));
    assert!(session.wait().success());
    session.leaves_nothing();
    let again = Mcpgw::new(&home).args(["stop"]).run();
    assert_eq!(
        (again.code, again.stdout.trim()),
        (0, "no session is running"),
        "to end nothing is no failure"
    );
}

#[test]
fn piped_output_is_plain_lines_and_quiet_is_the_address_alone() {
    let home = Home::new();
    let https = free_port().to_string();
    let mut plain = Mcpgw::new(&home).args(["tunnel", "--demo", "--https-port", &https]).start();
    plain.expect_where("the MCP URL", Duration::from_secs(20), |line| {
        let line = line.as_str().unwrap();
        assert!(!line.contains('\x1b') && !line.contains('█'), "{line}");
        line.starts_with("MCP URL") && line.ends_with("/api/mcp/default")
    });
    plain.stop();
    let mut quiet = Mcpgw::new(&home).args(["tunnel", "--demo", "--quiet", "--https-port", &https]).start();
    let url = format!("https://localhost:{https}/api/mcp/default");
    quiet.expect_where("the MCP URL", Duration::from_secs(20), |line| line.as_str() == Some(&url));
    quiet.stop();
    assert_eq!(quiet.events().len(), 1);
}

#[test]
fn lt_is_found_in_the_projects_own_node_modules() {
    let (home, server) = (Home::new(), LtServer::start());
    let bin = home.path().join("node_modules/.bin");
    fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(tools().bin("lt"), bin.join("lt")).unwrap();
    let mut session =
        through_lt(&home, &server).without_tools().args(["--demo", "--subdomain", "project"]).start();
    session.expect("ready");
    session.stop();
}

#[test]
fn help_version_completions_and_man_need_no_home() {
    let home = Home::new();
    for args in [vec!["--version"], vec!["tunnel", "--help"], vec!["completions", "zsh"], vec!["man"]] {
        let output = Mcpgw::new(&home).args(&args).run();
        assert!(output.code == 0 && !output.stdout.is_empty(), "{args:?}: {output:?}");
    }
    assert!(!home.state().exists(), "looking at help leaves no folder behind");
}

#[test]
fn a_name_that_was_asked_for_is_never_answered_with_an_address_of_this_machine_alone() {
    let (home, port) = (Home::new(), free_port().to_string());
    let output = Mcpgw::new(&home)
        .without_tools()
        .args(["tunnel", "--subdomain", "my-gateway", "--port", &port, "--"])
        .args(gateway_command(&["--port", &port]))
        .run();
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("localtunnel") && output.stderr.contains("npm install"), "{output:?}");
}
