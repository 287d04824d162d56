//! Tunnel providers, one file each: is it ready, how is it started, what do its lines mean. Line
//! readers are pure. A new provider is one file here and one line in [`ALL`].

mod local;
mod localtunnel;

use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;
use url::Url;

use crate::config::{Settings, TryProvider};
use crate::error::{Error, Result};
use crate::process::{Spec, Stream};

/// The registry, in the order in which `auto` tries them. `local` comes last: it needs nothing.
pub static ALL: [&dyn Provider; 2] = [&localtunnel::Localtunnel, &local::Local];

/// A tunnel provider.
pub trait Provider: Sync {
    /// Its name in flags and events.
    fn id(&self) -> &'static str;

    /// Other names it answers to.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Can it be used on this machine?
    fn readiness(&self, settings: &Settings) -> Readiness;

    /// Are the settings that concern it right? Wrong ones often fail silently in the tool.
    fn check(&self, settings: &Settings) -> Result<()> {
        let _ = settings;
        Ok(())
    }

    /// How to bring it up.
    fn launch(&self, settings: &Settings, request: &Request) -> Launch;

    /// A reader for one run's output.
    fn reader(&self, settings: &Settings) -> Box<dyn Reader>;

    /// How it likes to be treated.
    fn policy(&self) -> Policy;

    /// Where it connects to, for telling "their server is down" from "the tool is broken".
    fn server(&self, settings: &Settings) -> Option<Url> {
        let _ = settings;
        None
    }
}

/// Whether a provider can be used, and if not, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can; this program will run, if it is one.
    Ready(Option<PathBuf>),
    /// It cannot.
    Missing {
        /// What is missing.
        why: String,
        /// The command that helps.
        fix: String,
    },
}

/// What a run is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The port it must lead to.
    pub edge_port: u16,
    /// The name to ask for: the user's, or the one it had.
    pub subdomain: Option<String>,
}

/// How a provider comes up.
#[derive(Debug, Clone)]
pub enum Launch {
    /// A program that prints its URL.
    Program(Spec),
    /// No program: the edge itself is reachable at this URL.
    Direct(Url),
}

/// Understands one run's lines. Pure: no clock, no process, no socket.
pub trait Reader: Send {
    /// What a line means, if anything.
    fn read(&mut self, stream: Stream, line: &str) -> Option<Signal>;
}

/// What a provider's output says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// The tunnel's address.
    Url(Url),
    /// Why the tool is about to end, in better words than its exit code.
    Trouble(String),
}

/// How a provider likes to be treated.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Its server keeps a name for so long after the last connection; asked sooner it gives another.
    pub name_grace: Duration,
    /// How often the public URL may be probed.
    pub probe_interval: Duration,
    /// How long it gets to end by itself when asked to.
    pub stop_grace: Duration,
    /// The name in a URL that can be asked for again, where the provider has such names.
    pub name_in: fn(&Url) -> Option<String>,
}

/// The provider that the settings mean.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// The provider.
    pub provider: &'static dyn Provider,
    /// Was it taken because nothing better is ready?
    pub fallback: bool,
}

impl std::fmt::Debug for dyn Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

/// The named provider or an error with the fix; for `auto` the first that is ready.
pub fn choose(settings: &Settings) -> Result<Choice> {
    let provider = match &settings.provider {
        TryProvider::Auto => {
            let ready = |one: &&dyn Provider| matches!(one.readiness(settings), Readiness::Ready(_));
            ALL.iter().copied().find(ready).unwrap_or(&local::Local)
        }
        TryProvider::Named(name) => find(name)?,
    };
    if let Readiness::Missing { why, fix } = provider.readiness(settings) {
        return Err(
            Error::failed("provider.not_ready", format!("use provider {}: {why}", provider.id())).fix(fix)
        );
    }
    provider.check(settings)?;
    let fallback = settings.provider == TryProvider::Auto && provider.id() == local::Local.id();
    Ok(Choice { provider, fallback })
}

fn find(name: &str) -> Result<&'static dyn Provider> {
    let known = |one: &&dyn Provider| one.id() == name || one.aliases().contains(&name);
    ALL.iter().copied().find(known).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|one| one.id()).collect();
        Error::usage("provider.unknown", format!("use --provider {name}: there is no provider of that name"))
            .fix(format!("use auto, {}", names.join(" or ")))
    })
}

/// Compiles a reader's pattern. They are constants, so a wrong one is a bug every test of it meets.
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| unreachable!("{error}"))
}
