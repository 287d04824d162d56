//! `mcpgw doctor`: a table of faults, each really there, each named first by the right check and gone with its
//! repair; a healthy world raises no alarm; looking changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]
#![allow(clippy::print_stdout, reason = "`benches/figures doctor` counts what was found")]

mod support;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mcpgw::client;
use mcpgw::config::Scope;
use mcpgw::state::State;
use serde_json::{Value, json};
use support::{
    Cloud, Gateway, Home, LtServer, Mcpgw, Output, Session, Signal, free_port, gateway_command, http, tools,
    wait_for,
};

const MCP: &str = "/api/mcp/default";

/// A world that doctor looks at, with everything in it that a fault may touch.
struct Bench {
    home: Home,
    port: u16,
    /// Variables of doctor's call.
    variables: BTreeMap<String, String>,
    arguments: Vec<String>,
    /// Are the tunnel tools within its reach?
    tools: bool,
    session: Option<Session>,
    server: Option<LtServer>,
    gateway: Option<Gateway>,
    cloud: Option<Cloud>,
    /// What a fault put here to live until its repair.
    kept: Vec<Box<dyn Any>>,
    /// Files as they were before the fault.
    before: Vec<(PathBuf, Option<Vec<u8>>)>,
}

/// One fault.
struct Seed {
    /// The check that must name it first.
    id: &'static str,
    /// What is wrong, and how it comes and goes.
    fault: Fault,
    /// What the evidence or the fix must say.
    says: &'static str,
}

/// How a fault comes; all but the last go by themselves.
enum Fault {
    Variables(&'static [(&'static str, &'static str)]),
    /// A file in the home: `None` removes it.
    File(&'static str, Option<&'static str>),
    /// Lines added to mcpgw.toml.
    Settings(&'static str),
    /// What the gateway answers from now on.
    Answers(fn() -> Value),
    /// What the cloud does to `mcp.example.com`.
    Cloud(&'static str),
    Act(fn(&mut Bench), fn(&mut Bench)),
    /// Put right by `--fix`.
    Fixed(fn(&mut Bench)),
}

use Fault::{Act, Answers, File, Fixed, Settings, Variables};

const fn seed(id: &'static str, fault: Fault, says: &'static str) -> Seed {
    Seed { id, fault, says }
}

impl Bench {
    fn new() -> Self {
        let home = Home::new();
        fs::create_dir(home.state()).unwrap();
        fs::set_permissions(home.state(), fs::Permissions::from_mode(0o700)).unwrap();
        Self {
            home,
            port: free_port(),
            variables: BTreeMap::new(),
            arguments: vec![],
            tools: true,
            session: None,
            server: None,
            gateway: None,
            cloud: None,
            kept: vec![],
            before: vec![],
        }
    }

    /// Everything is installed, a gateway runs, no session does.
    fn idle() -> Self {
        let mut bench = Self::new();
        let server = LtServer::start();
        bench.home.write("answers.json", "{}");
        bench.start_gateway();
        let settings =
            format!("provider = 'localtunnel'\nserver = '{}'\nport = {}\n", server.url(), bench.port);
        bench.home.write("mcpgw.toml", settings);
        bench.server = Some(server);
        bench
    }

    /// A session with the real lt, and a gateway that it started.
    fn live() -> Self {
        let mut bench = Self::new();
        let server = LtServer::start();
        bench.home.write("answers.json", "{}");
        let command =
            json!(gateway_command(&bench.gateway_arguments().iter().map(String::as_str).collect::<Vec<_>>()));
        let settings = format!(
            "provider = 'localtunnel'\nserver = '{}'\nport = {}\ncommand = {command}\nenv-file = '.env.tunnel'\n\
             probe-interval = '10m'\n",
            server.url(),
            bench.port
        );
        bench.home.write("mcpgw.toml", settings);
        bench.server = Some(server);
        bench.start_session(&[]);
        bench
    }

    /// A session with a public address, and a gateway that ran before it.
    fn public() -> Self {
        let mut bench = Self::new();
        let (cloud, edge) = (Cloud::start(), free_port());
        bench.home.write("answers.json", "{}");
        bench.variables = cloud.environment().into_iter().collect();
        let command =
            json!(gateway_command(&bench.gateway_arguments().iter().map(String::as_str).collect::<Vec<_>>()));
        let settings = format!(
            "url = 'https://mcp.example.com'\nedge-port = {edge}\nport = {}\ncommand = {command}\nprobe-interval = '10m'\n",
            bench.port
        );
        bench.home.write("mcpgw.toml", settings);
        let port = cloud.url().rsplit(':').next().unwrap().parse().unwrap();
        bench.kept.push(Box::new(register(port, edge)));
        bench.cloud = Some(cloud);
        bench.start_session(&[]);
        bench
    }

    fn gateway_arguments(&self) -> Vec<String> {
        let answers = self.home.path().join("answers.json").display().to_string();
        ["--port", &self.port.to_string(), "--mcp", MCP, "--answers", &answers].map(String::from).to_vec()
    }

    fn start_gateway(&mut self) {
        let arguments = self.gateway_arguments();
        let arguments: Vec<&str> = arguments[2..].iter().map(String::as_str).collect();
        self.gateway = Some(Gateway::start_on(self.port, &arguments));
    }

    fn mcpgw(&self) -> Mcpgw {
        let mcpgw = Mcpgw::new(&self.home);
        let mcpgw = if self.tools { mcpgw } else { mcpgw.without_tools() };
        let bin = self.home.path().join("bin");
        self.variables.iter().fold(mcpgw.path_first(&bin), |mcpgw, (name, value)| mcpgw.env(name, value))
    }

    fn start_session(&mut self, arguments: &[&str]) {
        let mut session = self.mcpgw().args(["tunnel", "--json", "--yes"]).args(arguments).start();
        session.expect("ready");
        self.session = Some(session);
    }

    fn doctor(&self, more: &[&str]) -> Output {
        self.mcpgw().args(["doctor", "--json"]).args(&self.arguments).args(more).run()
    }

    /// Doctor finds nothing to say: no failure, no warning.
    fn is_healthy(&self, after: &str) {
        let looked = self.looks_healthy();
        println!("healthy: {} alarms", looked.as_ref().err().map_or(0, Vec::len));
        if let Err(alarms) = looked {
            panic!("after {after}: {alarms:#?}");
        }
    }

    /// The same, once a session had the time to help itself.
    fn becomes_healthy(&self, after: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.looks_healthy().is_err() && Instant::now() < end {}
        self.is_healthy(after);
    }

    fn looks_healthy(&self) -> Result<(), Vec<Value>> {
        let output = self.doctor(&[]);
        let alarms: Vec<Value> = rows(&output).into_iter().filter(is_alarm).collect();
        match alarms.is_empty() && output.code == 0 {
            true => Ok(()),
            false => Err(alarms),
        }
    }

    /// The fault is named first by its check, and its repair ends every alarm.
    fn finds(&mut self, seed: &Seed) {
        let name = format!("{} ({})", seed.id, seed.says);
        self.inject(&seed.fault);
        let output = self.doctor(&[]);
        let rows = rows(&output);
        let named = first_alarm(&rows).is_some_and(|first| first["id"] == seed.id);
        println!("fault {}: {}, {}", seed.id, if named { "named first" } else { "missed" }, seed.says);
        let first = first_alarm(&rows).unwrap_or_else(|| panic!("{name}: nothing was found\n{rows:#?}"));
        assert_eq!(
            first["id"],
            seed.id,
            "{name}: {:#?}",
            rows.iter().filter(|row| is_alarm(row)).collect::<Vec<_>>()
        );
        let told = format!("{} {}", first["evidence"], first["fix"]);
        assert!(told.contains(seed.says), "{name}: {told}");
        assert!(first["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{name} has no fix: {first}");
        let failed = rows.iter().any(|row| row["verdict"] == "fail");
        assert!(output.code == i32::from(failed) || output.code == 3, "{name}: exit {}", output.code);
        self.repair(&seed.fault, &name);
        self.becomes_healthy(&name);
    }

    fn inject(&mut self, fault: &Fault) {
        match fault {
            Variables(variables) => {
                for (name, value) in *variables {
                    let value = value.replace("{home}", &self.home.path().display().to_string());
                    self.variables.insert((*name).into(), value);
                }
            }
            File(name, content) => self.put(name, *content),
            Settings(lines) => {
                let old = self.home.read("mcpgw.toml");
                self.put("mcpgw.toml", Some(&format!("{old}{lines}\n")));
            }
            Answers(answers) => self.put("answers.json", Some(&answers().to_string())),
            Fault::Cloud(fault) => self.cloud.as_ref().unwrap().fault("mcp.example.com", fault),
            Act(act, _) | Fixed(act) => act(self),
        }
    }

    fn repair(&mut self, fault: &Fault, name: &str) {
        match fault {
            Variables(variables) => variables.iter().for_each(|(name, _)| drop(self.variables.remove(*name))),
            Fault::Cloud(_) => self.cloud.as_ref().unwrap().fault("mcp.example.com", "none"),
            Act(_, undo) => undo(self),
            Fixed(_) => {
                let output = self.doctor(&["--fix"]);
                let repaired = output.json()["repaired"].as_array().unwrap().len();
                assert!(repaired > 0 && output.code == 0, "{name}: --fix did nothing\n{output:#?}");
            }
            File(..) | Settings(_) | Answers(_) => {}
        }
        for (path, content) in std::mem::take(&mut self.before) {
            match content {
                Some(content) => {
                    fs::write(&path, content).unwrap();
                    if path.starts_with(self.home.state()) {
                        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
                    }
                }
                None => drop(fs::remove_file(path)),
            }
        }
    }

    /// Writes a file that the repair puts back.
    fn put(&mut self, name: &str, content: Option<&str>) {
        let path = self.home.path().join(name);
        self.before.push((path.clone(), fs::read(&path).ok()));
        match content {
            Some(content) => drop(self.home.write(name, content)),
            None => return fs::remove_file(path).unwrap(),
        }
        if path.starts_with(self.home.state()) {
            fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    /// A program in the home's `bin`, which comes first on the PATH; gone with the repair.
    fn install(&mut self, name: &str, content: &[u8]) {
        let path = self.home.path().join("bin").join(name);
        self.before.push((path.clone(), fs::read(&path).ok()));
        fs::set_permissions(
            self.home.write(&format!("bin/{name}"), content),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
    }

    fn record(&self) -> Value {
        let folder = self.home.state().join("sessions");
        let file = fs::read_dir(folder).unwrap().flatten().next().unwrap().path();
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    }

    fn forget(&mut self) {
        self.kept.clear();
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // The session goes before the world that it lives in.
        self.session.take();
    }
}

/// A process of a fault's own, killed with it.
struct Stranger(Child);

impl Stranger {
    fn start(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).envs(variables.iter().copied());
        Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `sleep` under another name.
fn sleeper(bench: &Bench, name: &str) -> PathBuf {
    let path = bench.home.path().join("strangers").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if !path.exists() {
        symlink(fs::canonicalize(tools().system_dir.join("sleep")).unwrap(), &path).unwrap();
    }
    path
}

/// Says to the cloud that this name leads to this port, for as long as the answer lives.
fn register(cloud: u16, port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", cloud)).unwrap();
    let head = format!(
        "POST /_register?host=mcp.example.com&port={port} HTTP/1.1\r\nHost: cloud\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 16];
    std::io::Read::read_exact(&mut stream, &mut answer).unwrap();
    stream
}

fn rows(output: &Output) -> Vec<Value> {
    let document = output.json();
    assert_eq!(document["version"], 1);
    document["checks"].as_array().unwrap().clone()
}

fn is_alarm(row: &Value) -> bool {
    row["verdict"] == "fail" || row["verdict"] == "warn"
}

/// The first failure; where nothing failed, the first warning.
fn first_alarm(rows: &[Value]) -> Option<&Value> {
    let first = |verdict: &str| rows.iter().find(|row| row["verdict"] == verdict);
    first("fail").or_else(|| first("warn"))
}

fn run(mut bench: Bench, seeds: &[Seed]) {
    bench.is_healthy("the start");
    seeds.iter().for_each(|seed| bench.finds(seed));
}

/// mcpgw's settings, its folder, the environment.
const OWN: &[Seed] = &[
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
    seed("env.cloudflared", Variables(&[("TUNNEL_URL", "http://localhost:1")]), "unset TUNNEL_URL"),
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

fn loosen(bench: &mut Bench, name: &str, mode: u32) {
    let folder = bench.home.state().join(name);
    fs::create_dir_all(&folder).unwrap();
    for path in [bench.home.state(), folder.clone()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
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

/// Certificates for this machine.
const CERTIFICATES: &[Seed] = &[
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
    let ca = bench.record()["ca_file"].as_str().unwrap().to_string();
    bench.variables.insert("SSL_CERT_FILE".into(), ca.clone());
    assert_eq!(first(&bench), Some(json!("cert.node")));
    bench.variables.insert("NODE_EXTRA_CA_CERTS".into(), ca);
    bench.is_healthy("both were told");
}

/// The tunnel programs, and what earlier sessions left.
const TOOLS: &[Seed] = &[
    seed(
        "provider.localtunnel",
        Act(|bench| bench.tools = false, |bench| bench.tools = true),
        "npm install -g localtunnel",
    ),
    seed(
        "provider.localtunnel",
        Act(|bench| bench.install("lt", b"#!/nowhere/node\n"), |_| {}),
        "does not run",
    ),
    seed(
        "provider.localtunnel",
        Act(|bench| bench.install("lt", b"#!/bin/sh\necho 'Cannot find module' >&2; exit 1\n"), |_| {}),
        "Cannot find module",
    ),
    seed(
        "provider.localtunnel",
        Act(|bench| bench.install("lt", b"\x7fELF\x02\x01\x01 of another world"), |_| {}),
        "does not run",
    ),
    seed("provider.ngrok", Act(|bench| ngrok(bench, "3.20.0"), |_| {}), "no authtoken"),
    seed("provider.ngrok", Act(|bench| logged_in(bench, "2.3.41", TOKEN), |_| {}), "ngrok 2"),
    seed(
        "provider.ngrok.config",
        Act(|bench| logged_in(bench, "3.20.0", "authtoken: [\n"), |_| {}),
        "ngrok config check",
    ),
    seed(
        "provider.ngrok.config",
        Act(
            |bench| {
                logged_in(
                    bench,
                    "3.20.0",
                    "version: \"2\"\nauthtoken: 2aBcDeFgHiJkLmNoPqRsTuV\nweb_addr: false\n",
                )
            },
            |_| {},
        ),
        "web_addr",
    ),
    seed("provider.ngrok.agent", Act(another_ngrok, Bench::forget), "one agent at a time"),
    seed("provider.cloudflared", Act(named_tunnel, |_| {}), "no credentials for tunnel mine"),
    seed(
        "provider.cloudflared.config",
        Act(|bench| cloudflared(bench, "ingress:\n  - service: http://localhost:3001\n"), |_| {}),
        "`ingress`",
    ),
    seed("provider.cloudflared.config", Act(|bench| cloudflared(bench, "tunnel: [\n"), |_| {}), "no YAML"),
    seed("provider.choice", Settings("subdomain = 'x'"), "--subdomain x"),
    seed(
        "provider.choice",
        Act(nothing_installed, |bench| bench.tools = true),
        "mcpgw providers setup localtunnel",
    ),
    seed(
        "session.file",
        Fixed(|bench| {
            bench.put(".mcpgw/sessions/0badf00d.json", Some("{"));
            bench.before.clear();
        }),
        "0badf00d.json",
    ),
    seed("session.stale", Fixed(dead_session), "ended without a goodbye"),
    seed("session.orphans", Fixed(orphan), "still runs"),
    seed("gateway.port", Act(|bench| drop(bench.gateway.take()), Bench::start_gateway), "nothing listens"),
    seed("gateway.port", Settings("command = ['node']"), "could not start the gateway there"),
    seed(
        "gateway.owner",
        Act(
            |bench| bench.gateway.as_ref().unwrap().signal(Signal::STOP),
            |bench| bench.gateway.as_ref().unwrap().signal(Signal::CONT),
        ),
        "kill -CONT",
    ),
    seed(
        "gateway.http",
        Act(no_http, |bench| {
            bench.forget();
            bench.start_gateway();
        }),
        "does not speak HTTP",
    ),
    seed("gateway.health", Answers(|| json!({"/api/health/ready": {"status": 503}})), "answers 503"),
    seed(
        "gateway.health",
        Answers(|| json!({"/api/health/ready": {"body": {"status": "ok", "database": {"status": "down"}}}})),
        "says \\\"status\\\"",
    ),
    seed(
        "gateway.path",
        Answers(|| json!({MCP: {"status": 404}, "/mcp": {"body": answer()}})),
        "--mcp-path /mcp",
    ),
    seed("gateway.path", Answers(|| json!({MCP: {"status": 404}})), "--profile"),
    seed("gateway.mcp", Answers(|| json!({MCP: {"body": "<html>It works!"}})), "not MCP"),
    seed("gateway.mcp", Answers(|| json!({MCP: {"status": 500, "body": "boom"}})), "answers 500: boom"),
    seed(
        "provider.server",
        Act(|bench| bench.server.as_mut().unwrap().kill(), |bench| bench.server.as_mut().unwrap().restart()),
        "start that server",
    ),
    seed("exposure.bypass", Act(bypass, Bench::forget), "past mcpgw's guard"),
];

const TOKEN: &str =
    "version: \"3\"\nagent:\n    authtoken: 2aBcDeFgHiJkLmNoPqRsTuVwXyZ_1a2B3c4D5e6F7g8H9i0J1\n";

fn answer() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-11-25", "serverInfo": {"name": "x"}}})
}

fn ngrok(bench: &mut Bench, version: &str) {
    bench.install("ngrok", format!("#!/bin/sh\necho ngrok version {version}\n").as_bytes());
    let settings = bench.home.read("mcpgw.toml");
    bench.put("mcpgw.toml", Some(&format!("{settings}fallback = ['ngrok']\n")));
}

fn logged_in(bench: &mut Bench, version: &str, config: &str) {
    ngrok(bench, version);
    bench.put(".config/ngrok/ngrok.yml", Some(config));
}

fn another_ngrok(bench: &mut Bench) {
    logged_in(bench, "3.20.0", TOKEN);
    let program = sleeper(bench, "ngrok");
    bench.kept.push(Box::new(Stranger::start(&program, &["1000"], &[])));
}

fn cloudflared(bench: &mut Bench, config: &str) {
    bench.install("cloudflared", b"#!/bin/sh\necho cloudflared version 2026.8.2\n");
    bench.put(".cloudflared/config.yml", Some(config));
}

fn named_tunnel(bench: &mut Bench) {
    bench.install("cloudflared", b"#!/bin/sh\necho cloudflared version 2026.8.2\n");
    let settings = format!(
        "provider = 'cloudflared'\ntunnel-name = 'mine'\nhostname = 'mcp.example.com'\nport = {}\n",
        bench.port
    );
    bench.put("mcpgw.toml", Some(&settings));
}

fn nothing_installed(bench: &mut Bench) {
    bench.tools = false;
    let settings = format!("port = {}\n", bench.port);
    bench.put("mcpgw.toml", Some(&settings));
}

/// A session whose mcpgw and whose reaper were both killed, as a power cut does.
fn dead_session(bench: &mut Bench) {
    let mut session = bench
        .mcpgw()
        .args([
            "tunnel",
            "--json",
            "--demo",
            "--provider",
            "local",
            "--https-port",
            &free_port().to_string(),
            "--port",
            &free_port().to_string(),
        ])
        .start();
    session.expect("ready");
    session.kill();
    session.leaves_nothing();
}

fn orphan(bench: &mut Bench) {
    fs::create_dir_all(bench.home.state().join("logs/deadbeef")).unwrap();
    loosen(bench, "logs/deadbeef", 0o700);
    fs::set_permissions(bench.home.state().join("logs"), fs::Permissions::from_mode(0o700)).unwrap();
    let program = sleeper(bench, "sleep");
    bench.kept.push(Box::new(Stranger::start(&program, &["1000"], &[("MCPGW_SESSION", "deadbeef")])));
}

/// Something that is no web server has the port.
fn no_http(bench: &mut Bench) {
    bench.gateway.take();
    let listener =
        wait_for("the port", Duration::from_secs(5), || TcpListener::bind(("127.0.0.1", bench.port)).ok());
    let server = listener.try_clone().unwrap();
    std::thread::spawn(move || {
        for mut visitor in server.incoming().flatten() {
            if visitor.write_all(b"SSH-2.0-x\r\n").is_err() {
                return;
            }
        }
    });
    bench.kept.push(Box::new(Closing(listener)));
}

/// A listener whose thread ends with it.
struct Closing(TcpListener);

impl Drop for Closing {
    fn drop(&mut self) {
        rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both).unwrap();
    }
}

/// lt by hand, straight to the gateway.
fn bypass(bench: &mut Bench) {
    let server = bench.server.as_ref().unwrap().url();
    let lt = tools().bin("lt");
    let port = bench.port.to_string();
    let stranger =
        Stranger::start(&tools().node, &[lt.to_str().unwrap(), "--port", &port, "--host", &server], &[]);
    bench.kept.push(Box::new(stranger));
    let server = bench.server.as_mut().unwrap();
    wait_for("the tunnel", Duration::from_secs(20), || (!server.tunnels().is_empty()).then_some(()));
}

#[test]
fn what_is_wrong_with_tools_leftovers_and_the_gateway_is_found() {
    let bench = Bench::idle();
    run(bench, TOOLS);
}

/// A running session.
const SESSION: &[Seed] = &[
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

/// Clients' files, in a world where two clients were configured as they should be.
const CLIENTS: &[Seed] = &[
    seed("client.leftovers", Fixed(leftover), "its address is still in"),
    seed("client.cursor", File(CURSOR, Some("{\n  \"mcpServers\": {,}\n}")), "mcp.json:2:"),
    seed(
        "client.cursor",
        Act(
            |bench| {
                edit(
                    bench,
                    |url, _| json!({"mcpgw": {"url": url.replace(".localhost", ".yesterday.example")}}),
                )
            },
            |_| {},
        ),
        "yesterday.example",
    ),
    seed(
        "client.cursor",
        Act(|bench| edit(bench, |url, _| json!({"mcpgw": {"url": url}})), |_| {}),
        "does not send the session's key",
    ),
    seed(
        "client.cursor",
        Act(|bench| edit(bench, |_, entry| json!({"mcpgw": entry, "again": entry})), |_| {}),
        "every tool is there twice",
    ),
    seed(
        "client.claude-desktop",
        File(CLAUDE, Some(r#"{"mcpServers": {"mcpgw": {"url": "https://x.example/mcp"}}}"#)),
        "starts programs only",
    ),
    seed(
        "client.claude-desktop",
        File(CLAUDE, Some(r#"{"mcpServers": {"mcpgw": {"command": "/nowhere/mcpgw", "args": ["bridge"]}}}"#)),
        "/nowhere/mcpgw",
    ),
];

/// A session that was killed after it had told Cursor its address.
fn leftover(bench: &mut Bench) {
    let cursor = client::find("cursor").unwrap();
    let place = client::Place {
        client: cursor,
        path: bench.home.path().join(CURSOR),
        scope: Scope::User,
        name: "mcpgw".into(),
    };
    let link = client::Link::Http {
        url: "https://yesterday.loca.lt/api/mcp/default".into(),
        key: None,
        headers: vec![],
    };
    let writer = client::Writer::Session("0badf00d".into());
    client::configure(&State::at(bench.home.state()), &place, &link, true, &writer).unwrap();
}

const CURSOR: &str = ".cursor/mcp.json";
const CLAUDE: &str = ".config/Claude/claude_desktop_config.json";

/// Cursor's servers, made from the session's MCP URL and the entry that was there.
fn edit(bench: &mut Bench, servers: fn(&str, &Value) -> Value) {
    let url = bench.record()["mcp_url"].as_str().unwrap().to_string();
    let old: Value = serde_json::from_str(&bench.home.read(CURSOR)).unwrap();
    let new = json!({"mcpServers": servers(&url, &old["mcpServers"]["mcpgw"])});
    bench.put(CURSOR, Some(&new.to_string()));
}

#[test]
fn what_is_wrong_in_clients_files_is_found() {
    let bench = Bench::live();
    let output = bench.mcpgw().args(["configure", "cursor", "claude-desktop"]).run();
    assert_eq!(output.code, 0, "{output:#?}");
    let table = bench.doctor(&[]);
    for id in ["client.cursor", "client.claude-desktop"] {
        let row = rows(&table).into_iter().find(|row| row["id"] == id).unwrap();
        assert_eq!(row["verdict"], "pass", "{row}");
    }
    run(bench, CLIENTS);
}

#[test]
fn what_is_wrong_with_a_session_is_found() {
    run(Bench::live(), SESSION);
}

/// The way in from the world.
const PUBLIC: &[Seed] = &[
    seed("net.online", Act(offline, online), "nothing on the internet answers"),
    seed(
        "net.clock",
        Act(|bench| bench.cloud.as_ref().unwrap().skew(3600), |bench| bench.cloud.as_ref().unwrap().skew(0)),
        "behind",
    ),
    seed(
        "net.clock",
        Act(|bench| bench.cloud.as_ref().unwrap().skew(-90), |bench| bench.cloud.as_ref().unwrap().skew(0)),
        "ahead of",
    ),
    seed("tunnel.dns", Fault::Cloud("nxdomain"), "no such name"),
    seed("tunnel.dns", Act(without_proxy, with_proxy), "the rest of the world does"),
    seed("tunnel.connect", Fault::Cloud("dead"), "does not answer"),
    seed("tunnel.connect", Fault::Cloud("down"), "nobody can be reached"),
    seed(
        "tunnel.tls",
        Act(
            |bench| drop(bench.variables.remove("SSL_CERT_FILE")),
            |bench| {
                let ca = bench.cloud.as_ref().unwrap().ca().display().to_string();
                bench.variables.insert("SSL_CERT_FILE".into(), ca);
            },
        ),
        "is not believed",
    ),
    seed("tunnel.probe", Fault::Cloud("other"), "something else answered"),
    seed("tunnel.probe", Fault::Cloud("loca"), "password page"),
    seed("tunnel.probe", Fault::Cloud("ngrok-3200"), "ERR_NGROK_3200"),
    seed("tunnel.probe", Fault::Cloud("captive"), "login.hotel"),
    seed("tunnel.headers", Fault::Cloud("rewrite-host"), "localhost arrives as Host"),
    seed("tunnel.sse", Fault::Cloud("buffer"), "event streams"),
    seed("tunnel.websocket", Fault::Cloud("no-upgrade"), "400 instead of 101"),
    seed("tunnel.page", Fault::Cloud("loca-browser"), "browsers do not"),
    seed(
        "oauth.metadata",
        Answers(
            || json!({"/.well-known/oauth-authorization-server": {"body": {"issuer": "http://mcp.example.com"}}}),
        ),
        "X-Forwarded-Proto",
    ),
    seed(
        "oauth.metadata",
        Answers(
            || json!({"/.well-known/oauth-authorization-server": {"body": {"issuer": "https://mcp.example.com", "token_endpoint": "https://mcp.example.com//api/token"}}}),
        ),
        "doubled slash",
    ),
    seed("oauth.redirect", Answers(|| login("http://localhost:3000/login")), "--frontend 3000"),
    seed(
        "oauth.redirect",
        Answers(|| {
            login(
                "https://github.com/login/oauth/authorize?redirect_uri=https%3A%2F%2Fyesterday.loca.lt%2Fapi%2Foauth%2Fcallback",
            )
        }),
        "yesterday.loca.lt",
    ),
];

fn login(page: &str) -> Value {
    let metadata = json!({"issuer": "https://mcp.example.com", "authorization_endpoint": "https://mcp.example.com/api/auth/mcp/authorize"});
    json!({
        "/.well-known/oauth-authorization-server": {"body": metadata},
        "/api/auth/mcp/authorize": {"status": 302, "headers": {"location": page}},
    })
}

/// No proxy, no DNS over HTTPS, and a name that no DNS knows.
fn offline(bench: &mut Bench) {
    without_proxy(bench);
    bench.variables.insert("MCPGW_DOH".into(), "http://127.0.0.1:1/".into());
}

fn without_proxy(bench: &mut Bench) {
    for name in ["HTTPS_PROXY", "https_proxy"] {
        bench.variables.remove(name);
    }
}

fn with_proxy(bench: &mut Bench) {
    let environment = bench.cloud.as_ref().unwrap().environment();
    bench.variables.extend(environment);
}

fn online(bench: &mut Bench) {
    with_proxy(bench);
}

#[test]
fn what_is_wrong_on_the_way_from_the_world_is_found() {
    run(Bench::public(), PUBLIC);
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
fn an_address_that_is_lost_on_the_way_to_the_gateway_is_found() {
    let mut bench = Bench::live();
    bench.session.take().unwrap().stop();
    let command = gateway_command(&bench.gateway_arguments().iter().map(String::as_str).collect::<Vec<_>>());
    let lossy: Vec<&str> =
        ["env", "-u", "APP_URL"].into_iter().chain(command.iter().map(String::as_str)).collect();
    bench.start_session(&[&["--"], lossy.as_slice()].concat());
    let rows = rows(&bench.doctor(&[]));
    let first = first_alarm(&rows).unwrap();
    assert_eq!(first["id"], "env.app_url", "{rows:#?}");
    assert!(first["evidence"].as_str().unwrap().contains("did not reach"), "{first}");
}

/// Checks that no test makes fail, and why.
const UNSEEDED: [(&str, &str); 5] = [
    ("session.several", "two sessions on one port keep each other out; a port claim sees to it"),
    ("session.running", "no session is no fault"),
    ("exposure.network", "tests bind loopback only; its decision is tested beside it"),
    ("oauth.callback", "it tells what to register and judges nothing"),
    ("tunnel.mcp", "what breaks it alone breaks `gateway.host` first, which is nearer"),
];

#[test]
fn every_check_has_a_fault_that_makes_it_speak() {
    let tables: Vec<&str> = [OWN, CERTIFICATES, TOOLS, SESSION, CLIENTS, PUBLIC]
        .iter()
        .flat_map(|seeds| seeds.iter().map(|seed| seed.id))
        .collect();
    let others =
        ["exposure.paths", "exposure.key", "session.ready", "env.app_url", "cert.trust", "cert.node"];
    let seeded: BTreeSet<&str> = tables.iter().copied().chain(others).collect();
    assert!(tables.len() + 7 >= 40, "{} faults", tables.len());
    for check in mcpgw::doctor::table() {
        // Every client is looked at by the same code; two kinds of them are broken here.
        if check.id.starts_with("client.") && check.id != "client.leftovers" {
            continue;
        }
        let known = seeded.contains(check.id.as_str()) || UNSEEDED.iter().any(|(id, _)| *id == check.id);
        assert!(known, "{} has no fault in this file", check.id);
    }
}

#[test]
fn the_page_about_doctor_names_every_check_and_no_other() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/doctor.md")).unwrap();
    let rows =
        page.lines().filter(|line| line.starts_with("| `") && line.split('|').nth(1).unwrap().contains('.'));
    let named = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    let one_for_all = |id: &&str| !id.starts_with("client.") || *id == "client.leftovers";
    let named: BTreeSet<String> = named.filter(one_for_all).map(String::from).collect();
    let table = mcpgw::doctor::table();
    let there: BTreeSet<String> = table
        .iter()
        .map(|check| check.id.clone())
        .filter(|id| !id.starts_with("client.") || id == "client.leftovers")
        .collect();
    assert_eq!(named, there);
}

#[test]
fn a_check_needs_only_checks_above_it() {
    let table = mcpgw::doctor::table();
    for (at, check) in table.iter().enumerate() {
        for need in check.needs {
            assert!(table[..at].iter().any(|above| above.id == *need), "{} needs {need}", check.id);
        }
        assert!(table[..at].iter().all(|above| above.id != check.id), "{} twice", check.id);
    }
}

#[test]
fn a_fresh_machine_is_told_what_to_do_and_nothing_is_wrong() {
    let home = Home::new();
    let output = Mcpgw::new(&home).without_tools().args(["doctor", "--json"]).run();
    assert_eq!(output.code, 0, "{output:#?}");
    let rows = rows(&output);
    assert!(rows.iter().all(|row| row["verdict"] != "fail"), "{rows:#?}");
    assert!(!home.state().exists(), "looking made something");
}

#[test]
fn only_what_was_asked_for_is_shown_and_a_slip_is_told() {
    let home = Home::new();
    let doctor =
        |arguments: &[&str]| Mcpgw::new(&home).without_tools().args(["doctor"]).args(arguments).run();
    let port = free_port().to_string();
    let output = doctor(&["--json", "--only", "gateway", "--port", &port]);
    let ids: Vec<Value> = rows(&output).into_iter().map(|row| row["id"].clone()).collect();
    assert!(ids.len() >= 6 && ids.iter().all(|id| id.as_str().unwrap().starts_with("gateway.")), "{ids:?}");
    assert_eq!(output.code, 1, "the port is closed");
    // Its prerequisite fails and is not shown: it could not be checked.
    assert_eq!(doctor(&["--only", "gateway.mcp", "--port", &port]).code, 3);
    assert_eq!(doctor(&["--only", "env.lt,state.home"]).code, 0);
    let slip = doctor(&["--only", "gateway.prot"]);
    assert!(slip.code == 2 && slip.stderr.contains("did you mean `gateway.port`?"), "{slip:?}");
}

#[test]
fn looking_changes_nothing() {
    let bench = Bench::live();
    let look = || {
        let mut found = BTreeMap::new();
        let mut folders = vec![bench.home.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
                let meta = path.symlink_metadata().unwrap();
                // The session's own logs go on.
                let log = path.extension().is_some_and(|end| end == "log");
                found.insert(
                    path.clone(),
                    (meta.permissions().mode(), (!log).then(|| meta.modified().unwrap())),
                );
                if meta.is_dir() {
                    folders.push(path);
                }
            }
        }
        found
    };
    let before = look();
    bench.is_healthy("nothing");
    assert_eq!(before, look());
}

#[test]
fn offline_it_takes_less_than_ten_seconds() {
    let home = Home::new();
    home.write("mcpgw.toml", "provider = 'localtunnel'\n");
    let began = Instant::now();
    // A black hole: what goes there is never answered.
    let output = Mcpgw::new(&home).args(["doctor", "--json", "--port", &free_port().to_string()]).run();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(first_alarm(&rows(&output)).unwrap()["id"], "gateway.port");
}

#[test]
fn no_client_that_was_configured_raises_an_alarm() {
    let bench = Bench::live();
    let listed = bench.mcpgw().args(["configure", "--list", "--experimental", "--json"]).run().json();
    let clients = listed["clients"].as_array().unwrap();
    let ids: Vec<&str> =
        clients.iter().filter(|one| one["path"].is_string()).map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.len() > 20, "{listed}");
    // One after the other: some have no file on this system, which is told.
    let told = bench.mcpgw().args(["configure", "--experimental"]).args(&ids).run();
    let rows = rows(&bench.doctor(&["--only", "client"]));
    for id in ids {
        let row = rows.iter().find(|row| row["id"] == format!("client.{id}")).unwrap();
        assert_eq!(row["verdict"], "pass", "{row}\n{told:?}");
    }
}
