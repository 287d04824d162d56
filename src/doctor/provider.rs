//! The tunnel providers: which is used, and for each whether its program is there, runs, suits, is logged
//! in, reads a config of its own, and reaches its cloud. What nobody uses is no failure.

use std::sync::Arc;

use super::reach::Reached;
use super::{Check, Finding, World};
use crate::config::TryProvider;
use crate::loopback::is_host;
use crate::provider::{self, OwnConfig, Provider, Readiness};
use crate::web;

pub(super) fn checks() -> Vec<Check> {
    let mut checks = vec![];
    for provider in tunnels() {
        let id = provider.id();
        checks.push(Check::looks(format!("provider.{id}"), move |world| program(provider, world)));
        if !matches!(id, "localtunnel") {
            checks.push(Check::looks(format!("provider.{id}.config"), move |world| {
                own_config(provider, world)
            }));
        }
    }
    checks.extend(super::agent::checks());
    checks.push(Check::looks("provider.choice", choice).needs(&["config.values"]));
    checks
}

/// Whether anything beyond this machine can be reached, and the clouds: asked after all that is nearer.
pub(super) fn far_checks() -> Vec<Check> {
    vec![
        Check::asks("net.online", online).needs(&["env.proxy"]),
        Check::asks("net.clock", clock).needs(&["net.online"]),
        Check::asks("provider.server", server).needs(&["net.online"]),
    ]
}

fn tunnels() -> impl Iterator<Item = &'static dyn Provider> {
    provider::ALL.iter().copied().filter(|one| one.is_tunnel())
}

/// How much a provider matters here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The session runs on it, the settings name it, or its check was asked for by name.
    Chosen,
    /// No session runs and nothing is named: it may be taken.
    Possible,
    /// Another is in use.
    Not,
}

pub(super) fn use_of(provider: &dyn Provider, world: &World) -> Use {
    let id = provider.id();
    if world.told.selection.names(&format!("provider.{id}")) {
        return Use::Chosen;
    }
    if let Some(session) = &world.session {
        return if session.provider == id { Use::Chosen } else { Use::Not };
    }
    match world.settings.as_ref().map(|settings| (&settings.provider, settings)) {
        Ok((TryProvider::Named(name), settings)) => {
            let means = |name: &str| name == id || provider.aliases().contains(&name);
            match means(name) || settings.fallback.iter().any(|name| means(name)) {
                true => Use::Chosen,
                false => Use::Not,
            }
        }
        _ => Use::Possible,
    }
}

/// The one whose cloud matters: the session's, the named one, else what `auto` would take.
fn relevant(world: &World) -> Option<&'static dyn Provider> {
    let chosen = || tunnels().find(|one| use_of(*one, world) == Use::Chosen);
    let first_ready = || {
        let settings = world.settings.as_ref().ok()?;
        let choice = provider::choose(settings).ok()?;
        Some(choice.first().provider).filter(|one| one.is_tunnel())
    };
    match &world.session {
        Some(session) => tunnels().find(|one| one.id() == session.provider),
        None => chosen().or_else(first_ready),
    }
}

fn program(provider: &dyn Provider, world: &World) -> Finding {
    let Ok(settings) = &world.settings else { return Finding::skip("the settings are broken") };
    let used = use_of(provider, world);
    if let Some(session) = &world.session
        && session.provider == provider.id()
        && let Some(program) = &session.program
    {
        // Whether this shell would find it, and what it needs, does not matter to the session; what becomes of it
        // there, other checks see.
        return Finding::pass(format!("the session uses {}", program.display()));
    }
    let (program, trouble) = match provider.readiness(settings) {
        Readiness::Missing { why, fix } => {
            return match used {
                Use::Chosen => Finding::fail(why).fix(fix),
                Use::Possible | Use::Not => Finding::skip("not installed, and not in use").fix(fix),
            };
        }
        Readiness::Ready(program) => (program, None),
        Readiness::Unready { program, why, fix } => (Some(program), Some((why, fix))),
    };
    let Some(program) = program else { return Finding::pass("it is part of mcpgw") };
    let version = match provider::try_out(&program, provider.version_args()) {
        Ok(version) => version,
        Err(why) => {
            let broken = format!("{} does not run: {why}", program.display());
            let fix = format!("install it anew: mcpgw providers setup {}", provider.id());
            return match used {
                Use::Not => Finding::warn(broken).fix(fix),
                Use::Chosen | Use::Possible => Finding::fail(broken).fix(fix),
            };
        }
    };
    let shown = format!(
        "{} ({})",
        version.map_or("version unknown".into(), |version| version.to_string()),
        program.display()
    );
    let old = version.is_some() && !provider.suits(version);
    let remark = provider.remarks(settings, version).into_iter().next().filter(|_| old);
    let trouble = match (remark, trouble) {
        (Some(remark), _) => {
            Some((remark.message, remark.fix.unwrap_or_else(|| "install a newer one".into())))
        }
        (None, trouble) => trouble,
    };
    match (trouble, used) {
        (None, _) => Finding::pass(shown),
        (Some((why, fix)), Use::Chosen) => Finding::fail(format!("{why}; {shown}")).fix(fix),
        (Some((why, fix)), Use::Possible) => match relevant(world) {
            Some(_) => Finding::warn(format!("{why}; {shown}")).fix(fix),
            // It was installed to be used, and nothing else is there.
            None => Finding::fail(format!("{why}; {shown}")).fix(fix),
        },
        (Some((why, fix)), Use::Not) => Finding::skip(format!("{why}; not in use")).fix(fix),
    }
}

fn own_config(provider: &dyn Provider, world: &World) -> Finding {
    let Ok(settings) = &world.settings else { return Finding::skip("the settings are broken") };
    let installed = provider.readiness(settings).program().is_some();
    match (provider.own_config(settings), use_of(provider, world)) {
        (OwnConfig::None, _) => Finding::pass("it has no config of its own"),
        (OwnConfig::Fine(file), _) => Finding::pass(format!("{file} is in nobody's way")),
        (OwnConfig::Odd(remark), _) => with_fix(Finding::warn(remark.message), remark.fix),
        (OwnConfig::Broken(remark), Use::Chosen) => with_fix(Finding::fail(remark.message), remark.fix),
        (OwnConfig::Broken(remark), Use::Possible) if installed => {
            with_fix(Finding::fail(remark.message), remark.fix)
        }
        (OwnConfig::Broken(remark), _) => with_fix(Finding::warn(remark.message), remark.fix),
    }
}

fn with_fix(finding: Finding, fix: Option<String>) -> Finding {
    match fix {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

/// What `mcpgw tunnel` would take.
fn choice(world: &World) -> Finding {
    let Ok(settings) = &world.settings else { return Finding::skip("the settings are broken") };
    if let Some(session) = &world.session {
        return Finding::pass(format!("the session runs on {}", session.provider));
    }
    match provider::choose(settings) {
        Err(error) if error.code == "provider.not_ready" => {
            Finding::skip(format!("the one that is named is not ready: {}", error.message))
        }
        Err(error) => with_fix(Finding::fail(error.message.clone()), error.fix),
        Ok(choice) if choice.nothing_better => {
            Finding::warn("no tunnel program is ready: `mcpgw tunnel` gives an address for this machine only")
                .fix("mcpgw providers setup localtunnel")
        }
        Ok(choice) => Finding::pass(format!("`mcpgw tunnel` takes {}", choice.first().provider.id())),
    }
}

/// Does the session, or what the settings name, need the world beyond this machine?
fn needs_the_world(world: &World) -> Option<bool> {
    let local = |provider: &dyn Provider| {
        let settings = world.settings.as_ref().ok();
        let server = settings.and_then(|settings| provider.cloud(settings));
        server.is_some_and(|url| url.host_str().is_some_and(is_host))
    };
    match (&world.session, relevant(world)) {
        (Some(_), _) => Some(world.is_public()),
        (None, Some(provider)) => {
            let named = use_of(provider, world) == Use::Chosen;
            match local(provider) {
                true => Some(false),
                false => named.then_some(true),
            }
        }
        (None, None) => Some(false),
    }
}

/// Does anything beyond this machine answer? An answer of whatever kind will do.
async fn online(world: Arc<World>) -> Finding {
    let needed = needs_the_world(&world);
    if needed == Some(false) && !world.asked_for("net.online") {
        return Finding::pass("nothing here needs the internet");
    }
    let client = match world.public().await {
        Ok(client) => client,
        Err(error) => return Finding::unable(error.message),
    };
    let mut places = world.names.servers();
    let settings = world.settings.as_ref().ok();
    places.extend(relevant(&world).and_then(|provider| provider.cloud(settings?)));
    let mut asked = tokio::task::JoinSet::new();
    let (own, away) = (world.clone(), world.url());
    asked.spawn(async move {
        let ours = matches!(own.reached().await, Reached::Ours(_));
        away.filter(|_| ours)
    });
    for place in places {
        let client = client.clone();
        asked.spawn(async move { web::reaches(&client, &place).await.then_some(place) });
    }
    while let Some(answer) = asked.join_next().await {
        if let Ok(Some(place)) = answer {
            return Finding::pass(format!("{} answers", place.host_str().unwrap_or_default()));
        }
    }
    let what = "nothing on the internet answers from here";
    let fix = "check the network, its login page, and HTTPS_PROXY where a proxy is needed";
    match needed {
        Some(true) => Finding::fail(what).fix(fix),
        _ => Finding::warn(what).fix(fix).blocking(),
    }
}

/// A clock that is wrong makes certificates and tokens look expired, or not yet valid.
async fn clock(world: Arc<World>) -> Finding {
    const LITTLE: i64 = 30;
    const MUCH: i64 = 300;
    if needs_the_world(&world) == Some(false) && !world.asked_for("net.clock") {
        return Finding::pass("nothing here needs the internet's time");
    }
    let client = match world.public().await {
        Ok(client) => client,
        Err(error) => return Finding::unable(error.message),
    };
    for place in world.names.servers() {
        let Some(seconds) = web::ahead_of(&client, &place).await else { continue };
        let host = place.host_str().unwrap_or_default().to_string();
        let way = if seconds > 0 { "ahead of" } else { "behind" };
        let what = format!("this machine's clock is {} s {way} that of {host}", seconds.abs());
        let fix = "set the clock: turn on time synchronisation (timedatectl set-ntp true)";
        return match seconds.abs() {
            0..LITTLE => Finding::pass(format!("it agrees with the clock of {host}")),
            LITTLE..MUCH => Finding::warn(what).fix(fix),
            _ => Finding::fail(format!("{what}: certificates and tokens look expired or not yet valid"))
                .fix(fix),
        };
    }
    Finding::skip("nobody tells the time")
}

/// Where the provider in use must connect to. A tunnel that stands needs no other proof.
async fn server(world: Arc<World>) -> Finding {
    let Ok(settings) = &world.settings else { return Finding::skip("the settings are broken") };
    let Some(provider) = relevant(&world) else { return Finding::skip("no tunnel provider is in use") };
    let Some(place) = provider.cloud(settings) else {
        return Finding::skip("it needs none");
    };
    if let Reached::Ours(_) = world.reached().await {
        return Finding::pass("the session's tunnel stands");
    }
    let client = match world.public().await {
        Ok(client) => client,
        Err(error) => return Finding::unable(error.message),
    };
    let shown = crate::session::base(&place);
    match web::reaches(&client, &place).await {
        true => Finding::pass(format!("{shown} answers")),
        false => Finding::fail(format!("{}'s server {shown} does not answer", provider.id())).fix(
            match is_host(place.host_str().unwrap_or_default()) || settings.server.is_some() {
                true => "start that server, or correct --server",
                false => "try later, or another provider: mcpgw tunnel --fallback cloudflared,ngrok",
            },
        ),
    }
}
