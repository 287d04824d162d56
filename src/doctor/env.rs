//! The environment: variables that tunnel tools take for options, proxies, and how the gateway learns its
//! public address. Needs nothing installed.

use std::fs;
use std::path::Path;

use serde_json::Value;
use url::Url;

use super::app_url::app_url;
use super::usage::{Use, use_of};
use super::{Check, Finding, World};
use crate::provider;

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::looks("env.lt", |world| options_of("localtunnel", "env.lt", "lt", world)),
        Check::looks("env.cloudflared", |world| {
            options_of("cloudflared", "env.cloudflared", "cloudflared", world)
        }),
        Check::looks("env.proxy", proxy),
        Check::looks("env.no_proxy", no_proxy),
        Check::looks("env.node", node),
        Check::looks("env.turbo", turbo),
        Check::asks("env.app_url", app_url),
    ]
}

/// What lt 2.0.2 takes from the environment (yargs, `.env(true)`): every option of its own.
const LT: [&str; 11] = [
    "HOST",
    "PORT",
    "SUBDOMAIN",
    "LOCAL_HOST",
    "LOCAL_HTTPS",
    "LOCAL_CERT",
    "LOCAL_KEY",
    "LOCAL_CA",
    "ALLOW_INVALID_CERT",
    "OPEN",
    "PRINT_REQUESTS",
];

/// mcpgw keeps these from the tools it starts. Whoever starts one by hand has them in the way, where it is in use.
fn options_of(id: &str, check: &str, tool: &str, world: &World) -> Finding {
    let taken = |name: &str| match tool {
        "lt" => LT.contains(&name),
        _ => name.starts_with("TUNNEL_") && !["TUNNEL_TOKEN", "TUNNEL_ORIGIN_CERT"].contains(&name),
    };
    let set: Vec<&str> = world
        .variables
        .keys()
        .map(String::as_str)
        .filter(|name| taken(name) && world.variable(name).is_some())
        .collect();
    if set.is_empty() {
        return Finding::pass(format!("no variable that {tool} would take for an option"));
    }
    let unused =
        provider::find(id).is_ok_and(|one| use_of(one, world) == Use::Not) && !world.asked_for(check);
    let port = world.variable("PORT").filter(|port| tool == "lt" && **port != world.port().to_string());
    match (unused, port) {
        // Most gateways listen where PORT says, and mcpgw looks where --port says.
        (true, Some(port)) if world.session.is_none() => {
            Finding::warn(format!("PORT is {port}: a gateway would listen there, not on {}", world.port()))
                .fix("unset PORT")
        }
        (true, _) => {
            let names = set.join(", ");
            Finding::pass(format!("{tool} would take {names} for its options, and is not in use"))
        }
        (false, port) => {
            let hangs = match (world.variable("HOST"), port) {
                (Some(host), _) if tool == "lt" => {
                    format!(" (HOST={host} is then its server, and it waits for ever)")
                }
                (None, Some(port)) => {
                    format!(" (and a gateway would listen on {port}, not on {})", world.port())
                }
                _ => String::new(),
            };
            Finding::warn(format!(
                "{tool} takes {} for its options{hangs}; mcpgw keeps them from it, a {tool} started by hand gets them",
                set.join(", ")
            ))
            .fix(format!("unset {}", set.join(" ")))
        }
    }
}

const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The proxies that are set; where two spellings differ, both.
fn proxies(world: &World) -> impl Iterator<Item = (&'static str, &str)> {
    PROXIES.into_iter().filter_map(|name| Some((name, world.variable(name)?)))
}

/// What goes to the world goes through the proxy: it must be there.
fn proxy(world: &World) -> Finding {
    let mut seen = vec![];
    for (name, value) in proxies(world) {
        let with_scheme = if value.contains("://") { value.to_string() } else { format!("http://{value}") };
        let parsed = Url::parse(&with_scheme).ok();
        let place = parsed
            .as_ref()
            .and_then(|url| Some((url.host_str()?.to_string(), url.port_or_known_default().unwrap_or(1080))));
        let Some((host, port)) = place else {
            return Finding::fail(format!("{name} is no address of a proxy"))
                .fix(format!("set it like {name}=http://proxy.example:3128, or unset it"));
        };
        if seen.contains(&(host.clone(), port)) {
            continue;
        }
        if let Err(why) = connects(&host, port) {
            return Finding::fail(format!("the proxy of {name} cannot be reached ({host}:{port}: {why})"))
                .fix(format!("start it, or unset {name}"));
        }
        seen.push((host, port));
    }
    match seen.as_slice() {
        [] => Finding::pass("no proxy is set"),
        [(host, port), ..] => Finding::pass(format!("the proxy {host}:{port} answers")),
    }
}

fn connects(host: &str, port: u16) -> Result<(), String> {
    use std::net::{TcpStream, ToSocketAddrs};
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(2);
    let bare = host.trim_matches(['[', ']']);
    let addresses = (bare, port).to_socket_addrs().map_err(|_| "there is no such name".to_string())?;
    let mut why = "it has no address".to_string();
    for address in addresses {
        match TcpStream::connect_timeout(&address, LIMIT) {
            Ok(_) => return Ok(()),
            Err(error) => why = crate::error::io_reason(&error),
        }
    }
    Err(why)
}

/// Programs that keep to HTTP_PROXY send even `localhost` there, unless they are told otherwise.
fn no_proxy(world: &World) -> Finding {
    let plain = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let Some((name, _)) = proxies(world).find(|(name, _)| plain.contains(name)) else {
        return Finding::pass("no proxy stands between clients and this machine");
    };
    let spared = ["NO_PROXY", "no_proxy"].iter().filter_map(|name| world.variable(name)).any(|list| {
        list.split(',').map(str::trim).any(|host| ["localhost", "127.0.0.1", "*"].contains(&host))
    });
    match spared {
        true => Finding::pass("localhost is spared from the proxy"),
        false => Finding::warn(format!("{name} is set and NO_PROXY spares no localhost: clients may send what is for this machine to the proxy"))
            .fix("export NO_PROXY=localhost,127.0.0.1,::1"),
    }
}

/// Node trusts what these say, and nothing the system says.
fn node(world: &World) -> Finding {
    if let Some(file) = world.variable("NODE_EXTRA_CA_CERTS") {
        match fs::read_to_string(file) {
            Err(error) => {
                let why = crate::error::io_reason(&error);
                return Finding::fail(format!("NODE_EXTRA_CA_CERTS={file} cannot be read: {why}; Node ignores it with a warning nobody sees"))
                    .fix("point it at the CA's PEM file (`mcpgw tunnel --provider local` names it), or unset it");
            }
            Ok(text) if !text.contains("-----BEGIN CERTIFICATE-----") => {
                return Finding::fail(format!("NODE_EXTRA_CA_CERTS={file} holds no certificate"))
                    .fix("point it at the CA's PEM file, or unset it");
            }
            Ok(_) => {}
        }
    }
    match world.variable("NODE_TLS_REJECT_UNAUTHORIZED") {
        Some("0") => Finding::warn("NODE_TLS_REJECT_UNAUTHORIZED=0: Node programs believe every certificate")
            .fix("unset NODE_TLS_REJECT_UNAUTHORIZED, and use NODE_EXTRA_CA_CERTS for a local CA"),
        _ => Finding::pass("Node checks certificates as it should"),
    }
}

/// turbo 2 hands on listed variables only: what mcpgw sets does not reach a gateway behind it.
fn turbo(world: &World) -> Finding {
    let Ok(settings) = &world.settings else { return Finding::skip("the settings are broken") };
    let folder = settings.folder.clone().unwrap_or_else(|| world.here.clone());
    let Some(root) = folder.ancestors().find(|folder| folder.join("turbo.json").is_file()) else {
        return Finding::pass("turbo is not used here");
    };
    let package = json(&root.join("package.json"));
    if !runs_turbo(&settings.command, &package) {
        return Finding::pass("the gateway's command does not go through turbo");
    }
    let Some(config) = json(&root.join("turbo.json")) else {
        return Finding::warn(format!("{} cannot be read", root.join("turbo.json").display()))
            .fix("correct turbo.json, or start the gateway without turbo");
    };
    let wanted = names_of(&settings.variables("https://x.example"));
    let lost: Vec<&String> = wanted.iter().filter(|name| !passes(&config, name)).collect();
    if lost.is_empty() || settings.env_file.is_some() || config["envMode"] == "loose" {
        return Finding::pass("turbo hands on what mcpgw tells the gateway");
    }
    let list = lost.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    Finding::fail(format!("turbo does not hand on {list}: the gateway would not learn its public address"))
        .fix(format!(
            "add \"globalPassThroughEnv\": [{}] to {}, or use --env-file .env, or start the backend directly",
            lost.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "),
            root.join("turbo.json").display()
        ))
}

fn names_of(variables: &std::collections::BTreeMap<String, String>) -> Vec<String> {
    variables.keys().cloned().collect()
}

/// Comments are allowed in turbo.json: lines that are nothing else are left out.
fn json(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    let text: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    serde_json::from_str(&text).ok()
}

fn runs_turbo(command: &[String], package: &Option<Value>) -> bool {
    if command.iter().any(|word| word == "turbo") {
        return true;
    }
    // `pnpm dev`, `npm run dev`: the script of that name.
    let manager = command.first().is_some_and(|word| ["npm", "pnpm", "yarn", "bun"].contains(&word.as_str()));
    let scripts = package.as_ref().map(|package| &package["scripts"]);
    manager
        && command[1..]
            .iter()
            .filter_map(|word| scripts?.get(word)?.as_str())
            .any(|script| script.contains("turbo "))
}

fn passes(config: &Value, name: &str) -> bool {
    let lists = ["globalEnv", "globalPassThroughEnv"].iter().map(|key| &config[*key]);
    let tasks = config["tasks"].as_object().into_iter().chain(config["pipeline"].as_object()).flatten();
    let tasks = tasks.flat_map(|(_, task)| [&task["env"], &task["passThroughEnv"]]);
    lists.chain(tasks).filter_map(Value::as_array).flatten().filter_map(Value::as_str).any(|pattern| {
        pattern == name || pattern.strip_suffix('*').is_some_and(|start| name.starts_with(start))
    })
}
