//! The world beyond this machine: whether anything there answers, its clock, and the cloud of the provider in use.

use std::sync::Arc;

use super::reach::Reached;
use super::usage::{Use, relevant, use_of};
use super::{Check, Finding, World};
use crate::loopback::is_host;
use crate::provider::Provider;
use crate::web;

/// Whether anything beyond this machine can be reached, and the clouds: asked after all that is nearer.
pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::asks("net.online", online).needs(&["env.proxy"]),
        Check::asks("net.clock", clock).needs(&["net.online"]),
        Check::asks("provider.server", server).needs(&["net.online"]),
    ]
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
