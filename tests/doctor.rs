//! `mcpgw doctor`: a table of faults, each really there, each named first by the right check and gone with its
//! repair; a healthy world raises no alarm; looking changes nothing.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]
#![allow(clippy::print_stdout, reason = "`benches/figures doctor` counts what was found")]

#[path = "doctor/clients.rs"]
mod clients;
#[path = "doctor/own.rs"]
mod own;
#[path = "doctor/promises.rs"]
mod promises;
#[path = "doctor/session.rs"]
mod session;
mod support;
#[path = "doctor/tools.rs"]
mod tools;
#[path = "doctor/world.rs"]
mod world;

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
    Cloud, Gateway, Home, LtServer, Mcpgw, Output, Replayer, Session, Signal, free_port, gateway_command,
    http, tools, wait_for,
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
