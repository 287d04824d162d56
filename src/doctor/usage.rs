//! Which provider matters here and now: what nobody uses is no failure.

use super::World;
use crate::config::TryProvider;
use crate::provider::{self, Provider};

pub(super) fn tunnels() -> impl Iterator<Item = &'static dyn Provider> {
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
pub(super) fn relevant(world: &World) -> Option<&'static dyn Provider> {
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
