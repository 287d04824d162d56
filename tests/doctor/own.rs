//! Faults of mcpgw's own settings and folder, of the environment, and of certificates.

use super::*;

/// mcpgw's settings, its folder, the environment.
pub(super) const OWN: &[Seed] = &[
    seed("config.file", Settings("port = "), "mcpgw.toml:4:8"),
    seed("config.file", Settings("prot = 3001"), "did you mean `port`?"),
    seed("config.user", File(".mcpgw/config.toml", Some("provider = [")), "config.toml:1"),
    seed("config.env", Variables(&[("MCPGW_PORT", "many")]), "MCPGW_PORT"),
    seed("config.env", Variables(&[("MCPGW_PROVDER", "ngrok")]), "did you mean MCPGW_PROVIDER?"),
    seed("config.values", Settings("mcp-path = 'mcp'"), "is not a path"),
    seed("config.command", Settings("command = ['no-such-program']"), "`no-such-program` is not there"),
    seed("state.home", Variables(&[("MCPGW_HOME", "{home}/answers.json")]), "is no folder"),
    seed("state.access", Variables(&[("MCPGW_HOME", "{home}/answers.json/below")]), "is no folder"),
    seed("state.mode", Fixed(|bench| loosen(bench, "logs", 0o755)), "others can get at"),
    seed("state.mode", Fixed(|bench| loosen(bench, "", 0o755)), "chmod 700"),
    seed("state.key", File(".mcpgw/keys/shop-0000000000000000.key", Some("oops")), "mcpgw key rotate"),
    seed("state.key", Variables(&[("MCPGW_KEY", "short")]), "MCPGW_KEY is no key"),
    seed("env.lt", Variables(&[("HOST", "0.0.0.0")]), "HOST=0.0.0.0"),
    seed("env.lt", Variables(&[("PORT", "8080")]), "unset PORT"),
    seed("env.lt", Variables(&[("SUBDOMAIN", "mine"), ("LOCAL_HOST", "x")]), "unset LOCAL_HOST SUBDOMAIN"),
    seed(
        "env.cloudflared",
        Act(tunnel_url, |bench| drop(bench.variables.remove("TUNNEL_URL"))),
        "unset TUNNEL_URL",
    ),
    seed("env.proxy", Variables(&[("HTTPS_PROXY", "http://127.0.0.1:1")]), "cannot be reached"),
    seed("env.proxy", Variables(&[("HTTPS_PROXY", "http://")]), "no address of a proxy"),
    seed(
        "env.no_proxy",
        Act(http_proxy, |bench| drop(bench.variables.remove("HTTP_PROXY"))),
        "NO_PROXY=localhost",
    ),
    seed("env.node", Variables(&[("NODE_EXTRA_CA_CERTS", "/nowhere/ca.pem")]), "/nowhere/ca.pem"),
    seed("env.node", Variables(&[("NODE_EXTRA_CA_CERTS", "{home}/answers.json")]), "holds no certificate"),
    seed(
        "env.node",
        Variables(&[("NODE_TLS_REJECT_UNAUTHORIZED", "0")]),
        "unset NODE_TLS_REJECT_UNAUTHORIZED",
    ),
    seed("env.turbo", Act(turbo, |_| {}), "globalPassThroughEnv"),
    seed("env.app_url", Variables(&[("APP_URL", "https://x.example/")]), "APP_URL=https://x.example"),
    seed(
        "env.app_url",
        File(".env", Some("BETTER_AUTH_URL=x.example\n")),
        "BETTER_AUTH_URL=https://x.example",
    ),
];

pub(super) fn loosen(bench: &mut Bench, name: &str, mode: u32) {
    let folder = bench.home.state().join(name);
    fs::create_dir_all(&folder).unwrap();
    for path in [bench.home.state(), folder.clone()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
}

/// A variable that cloudflared takes for an option, where cloudflared is the one to go on with.
fn tunnel_url(bench: &mut Bench) {
    bench.install("cloudflared", b"#!/bin/sh\necho cloudflared version 2026.8.2\n");
    let settings = bench.home.read("mcpgw.toml");
    bench.put("mcpgw.toml", Some(&format!("{settings}fallback = ['cloudflared']\n")));
    bench.variables.insert("TUNNEL_URL".into(), "http://localhost:1".into());
}

/// A proxy that is there, in the way of what is for this machine.
fn http_proxy(bench: &mut Bench) {
    bench
        .variables
        .insert("HTTP_PROXY".into(), format!("127.0.0.1:{}", bench.server.as_ref().unwrap().port()));
}

fn turbo(bench: &mut Bench) {
    bench.put("turbo.json", Some("{\n  // ours\n  \"tasks\": {\"dev\": {\"env\": [\"DATABASE_*\"]}}\n}\n"));
    bench.put("package.json", Some(r#"{"scripts": {"dev": "turbo run dev"}}"#));
    bench.install("pnpm", b"#!/bin/sh\n");
    let settings = format!(
        "provider = 'localtunnel'\nserver = '{}'\ncommand = ['pnpm', 'dev']\n",
        bench.server.as_ref().unwrap().url()
    );
    bench.put("mcpgw.toml", Some(&settings));
}

#[test]
fn what_is_wrong_with_mcpgw_itself_and_its_environment_is_found() {
    let bench = Bench::idle();
    run(bench, OWN);
}

#[test]
fn variables_of_a_tool_that_is_not_in_use_are_no_alarm() {
    let mut bench = Bench::idle();
    let settings = format!("provider = 'local'\nport = {}\n", bench.port);
    bench.put("mcpgw.toml", Some(&settings));
    for (name, value) in [("HOST", "0.0.0.0"), ("SUBDOMAIN", "mine"), ("TUNNEL_URL", "http://localhost:1")] {
        bench.variables.insert(name.into(), value.into());
    }
    let of = |bench: &Bench, id: &str| {
        let rows = rows(&bench.doctor(&["--only", id]));
        rows.into_iter().find(|row| row["id"] == id).unwrap()["verdict"].as_str().unwrap().to_string()
    };
    bench.is_healthy("neither lt nor cloudflared is in use");
    assert_eq!(
        (of(&bench, "env.lt"), of(&bench, "env.cloudflared")),
        ("warn".into(), "warn".into()),
        "asked for"
    );
    bench.variables.insert("PORT".into(), "8080".into());
    let looked = rows(&bench.doctor(&[]));
    let alarm = first_alarm(&looked).unwrap();
    assert!(
        alarm["id"] == "env.lt" && alarm["evidence"].as_str().unwrap().contains("PORT is 8080"),
        "{alarm}"
    );
}

/// Certificates for this machine.
pub(super) const CERTIFICATES: &[Seed] = &[
    seed("cert.files", Settings("tls-cert = 'answers.json'\ntls-key = 'answers.json'"), "answers.json"),
    seed("cert.files", Act(|bench| own_pair(bench, -10, 300, "another.pem"), |_| {}), "belongs to another"),
    seed("cert.ca", Act(broken_ca, |_| {}), "mcpgw-ca"),
    seed("cert.expiry", Act(|bench| own_pair(bench, -400, -35, "key.pem"), |_| {}), "ended on"),
    seed("cert.expiry", Act(|bench| own_pair(bench, -400, 3, "key.pem"), |_| {}), "ends on"),
    seed("cert.expiry", Act(|bench| own_pair(bench, 30, 300, "key.pem"), |_| {}), "begins only on"),
];

/// A certificate of the user's own, valid from so many days from now to so many; `key` is the one that is named.
fn own_pair(bench: &mut Bench, from: i32, until: i32, key: &str) {
    let day = |days: i32| {
        let day = jiff::tz::TimeZone::UTC
            .to_datetime(jiff::Timestamp::now())
            .date()
            .saturating_add(jiff::Span::new().days(days));
        rcgen::date_time_ymd(day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs())
    };
    let [pair, another] = [(); 2].map(|()| rcgen::KeyPair::generate().unwrap());
    let mut params = rcgen::CertificateParams::new(["localhost".to_string()]).unwrap();
    (params.not_before, params.not_after) = (day(from), day(until));
    bench.put("cert.pem", Some(&params.self_signed(&pair).unwrap().pem()));
    bench.put("key.pem", Some(&pair.serialize_pem()));
    bench.put("another.pem", Some(&another.serialize_pem()));
    let settings = bench.home.read("mcpgw.toml");
    bench.put("mcpgw.toml", Some(&format!("{settings}tls-cert = 'cert.pem'\ntls-key = '{key}'\n")));
}

fn broken_ca(bench: &mut Bench) {
    bench.put(".mcpgw/ca/mcpgw-ca.pem", Some("nonsense"));
    bench.put(".mcpgw/ca/mcpgw-ca.key", Some("nonsense"));
}

#[test]
fn what_is_wrong_with_certificates_is_found() {
    run(Bench::idle(), CERTIFICATES);
}

#[test]
fn who_does_not_believe_a_local_sessions_certificate_is_told() {
    let mut bench = Bench::new();
    bench.home.write("answers.json", "{}");
    let command = bench.gateway_arguments();
    let command = json!(gateway_command(&command.iter().map(String::as_str).collect::<Vec<_>>()));
    let (port, https) = (bench.port, free_port());
    let settings = format!("provider = 'local'\nport = {port}\nhttps-port = {https}\ncommand = {command}\n");
    bench.home.write("mcpgw.toml", settings);
    bench.start_session(&[]);
    let first = |bench: &Bench| first_alarm(&rows(&bench.doctor(&[]))).map(|row| row["id"].clone());
    assert_eq!(first(&bench), Some(json!("cert.trust")));
    for (id, says) in [("tunnel.tls", "whoever trusts "), ("tunnel.page", "once it believes the certificate")]
    {
        let seen = rows(&bench.doctor(&[])).into_iter().find(|row| row["id"] == id).unwrap();
        let evidence = seen["evidence"].as_str().unwrap();
        assert!(seen["verdict"] == "pass" && evidence.contains(says), "what passes says for whom: {seen}");
    }
    let ca = bench.record()["ca_file"].as_str().unwrap().to_string();
    bench.variables.insert("SSL_CERT_FILE".into(), ca.clone());
    assert_eq!(first(&bench), Some(json!("cert.node")));
    bench.variables.insert("NODE_EXTRA_CA_CERTS".into(), ca);
    bench.is_healthy("both were told");
}
