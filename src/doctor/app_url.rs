//! What the gateway was told its public address is: nothing else in its environment decides where callbacks lead.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use super::near::has_logins;
use super::program::program_of;
use super::{Finding, World};
use crate::os;

/// The variables that gateways read their public address from (FACTS: three eras in use).
const ADDRESSES: [&str; 3] = ["APP_URL", "BETTER_AUTH_URL", "FRONTEND_URL"];

/// What the gateway was told its public address is: by its process's environment, else by an env file,
/// else by this shell.
pub(super) async fn app_url(world: Arc<World>) -> Finding {
    let looking = world.clone();
    match tokio::task::spawn_blocking(move || look(&looking)).await {
        Ok(Seen::Clear(finding)) => finding,
        Ok(Seen::Untold(who)) if has_logins(&world).await => {
            let what =
                format!("{who} was not told its public address: it ran before the session, or without it");
            Finding::warn(what).fix(RESTART)
        }
        Ok(Seen::Untold(who)) => {
            Finding::pass(format!("{who} was not told its public address, and has no callback that needs it"))
        }
        Err(_) => Finding::unable("the check itself broke off"),
    }
}

const RESTART: &str =
    "restart the gateway with it: `mcpgw tunnel -- CMD` starts it, `mcpgw run -- CMD` tells it";

/// What the variables say.
enum Seen {
    Clear(Finding),
    /// This program runs without an address, which some have no use for.
    Untold(String),
}

fn look(world: &World) -> Seen {
    let current = world.url().map(|url| crate::session::base(&url));
    let wanted = world.session.as_ref().map(|session| &session.env);
    let holder = os::listener_on(world.port());
    if let (Some(current), Some(holder)) = (&current, &holder)
        && let Some(variables) = os::environment(holder.pid)
    {
        return told(world, current, wanted, &variables, &program_of(holder));
    }
    let sources = env_files(world).into_iter().flat_map(|path| {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<String> =
            text.lines().map(|line| line.trim_start_matches("export ").trim().to_string()).collect();
        lines.into_iter().map(move |line| (path.display().to_string(), line))
    });
    let shell =
        world.variables.iter().map(|(name, value)| ("this shell".to_string(), format!("{name}={value}")));
    let mut found = None;
    for (place, line) in shell.chain(sources) {
        let Some((name, value)) = line.split_once('=').filter(|(name, _)| ADDRESSES.contains(name)) else {
            continue;
        };
        let value = value.trim().trim_matches(['"', '\'']);
        if let Some(finding) = misspelt(name, value, &place) {
            return Seen::Clear(finding);
        }
        if let Some(current) = &current
            && name == "APP_URL"
            && value != current
            && place != "this shell"
        {
            let what = format!("{name} in {place} is {value}, and the address is {current}");
            let fix = format!("mcpgw tunnel --env-file {place} keeps it current");
            return Seen::Clear(Finding::fail(what).fix(fix));
        }
        found = Some(format!("{name} in {place} is well written"));
    }
    Seen::Clear(Finding::pass(found.unwrap_or_else(|| "nobody says otherwise".into())))
}

/// The gateway's own variables against the current address.
fn told(
    world: &World,
    current: &str,
    wanted: Option<&std::collections::BTreeMap<String, String>>,
    variables: &[String],
    who: &str,
) -> Seen {
    let value_of = |name: &str| {
        variables.iter().find_map(|one| one.strip_prefix(name)?.strip_prefix('=')).map(str::to_string)
    };
    for name in ADDRESSES {
        if let Some(value) = value_of(name)
            && let Some(finding) = misspelt(name, &value, who)
        {
            return Seen::Clear(finding);
        }
    }
    let started_by_us = variables.iter().any(|one| {
        world
            .session
            .as_ref()
            .is_some_and(|session| *one == format!("{}={}", crate::process::SESSION_MARK, session.id))
    });
    // Read by the gateway itself, it is in no environment that others can see.
    let file =
        world.session.as_ref().and_then(|session| session.env_file.as_ref()).map(|file| file.path.display());
    for (name, value) in wanted.into_iter().flatten() {
        match value_of(name) {
            Some(has) if has == *value => {}
            Some(has) => {
                let what = format!("{who} was told {name}={has}, and it should be {value}");
                return Seen::Clear(Finding::fail(what).fix(RESTART));
            }
            // What turbo drops, an env file brings.
            None if started_by_us && file.is_none() => {
                let what = format!(
                    "{name} did not reach {who}: something between mcpgw and it (turbo, pnpm, a script) drops it"
                );
                let fix = format!(
                    "list {name} in turbo.json's globalPassThroughEnv, use --env-file .env, or start the backend directly"
                );
                return Seen::Clear(Finding::fail(what).fix(fix));
            }
            None if name == "APP_URL" => {
                return match file {
                    Some(file) => Seen::Clear(Finding::pass(format!(
                        "{who} finds its address in {file}, if it reads that and was started since"
                    ))),
                    None => Seen::Untold(who.into()),
                };
            }
            None => {}
        }
    }
    Seen::Clear(Finding::pass(match value_of("APP_URL") {
        Some(_) => format!("{who} was told {current}"),
        None => format!("{who} needs no APP_URL"),
    }))
}

/// Written so that no gateway can use it?
fn misspelt(name: &str, value: &str, place: &str) -> Option<Finding> {
    if value.is_empty() {
        return None;
    }
    if value.ends_with('/') {
        return Some(
            Finding::fail(format!(
                "{name} of {place} ends in a slash: callbacks become //api/oauth/callback"
            ))
            .fix(format!("set {name}={}", value.trim_end_matches('/'))),
        );
    }
    match Url::parse(value) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => None,
        _ => Some(
            Finding::fail(format!("{name} of {place} is no web address: {value}"))
                .fix(format!("write it with its scheme: {name}=https://{}", value.trim_start_matches('/'))),
        ),
    }
}

/// The files that a gateway may read its variables from: the one mcpgw keeps, else the project's `.env`.
fn env_files(world: &World) -> Vec<PathBuf> {
    let kept = world.settings.as_ref().ok().and_then(|settings| settings.env_file.clone());
    let project = world.settings.as_ref().map_or(world.here.clone(), |settings| settings.project.clone());
    let usual = [world.here.join(".env"), project.join(".env")];
    let mut files: Vec<PathBuf> = kept.into_iter().chain(usual).filter(|path| path.is_file()).collect();
    files.dedup();
    files
}
