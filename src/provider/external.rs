//! `url`: a tunnel that somebody else runs (tailscale funnel, devtunnel, a reverse proxy). It is proved
//! and watched, never started.

use url::Url;

use super::{Facts, Launch, Policy, Provider, Reader, Readiness, Request, Signal};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::process::Stream;

pub(super) struct External;

impl Provider for External {
    fn id(&self) -> &'static str {
        "url"
    }

    fn is_tunnel(&self) -> bool {
        false
    }

    fn own_flags(&self) -> &'static [&'static str] {
        &["url"]
    }

    fn keeps_address(&self, _: &Settings, _: &Url) -> bool {
        true
    }

    fn readiness(&self, _: &Settings) -> Readiness {
        Readiness::Ready(None)
    }

    fn facts(&self) -> Facts {
        Facts {
            price: "yours",
            custom_subdomain: "yours",
            stable_url: "yours",
            persistence: "yours",
            setup_effort: "point it at --edge-port",
        }
    }

    fn check(&self, settings: &Settings) -> Result<()> {
        match (&settings.url, settings.edge_port) {
            (None, _) => Err(Error::usage("url.missing", "use --provider url: no --url was given")
                .fix("give the tunnel's address: --url https://name.example")),
            (Some(url), None) => {
                let message = format!("use --url {url}: its tunnel cannot know which port leads here");
                Err(Error::usage("url.edge_port", message).fix(
                    "choose one with --edge-port 3002, and let the tunnel lead to http://127.0.0.1:3002",
                ))
            }
            (Some(_), Some(_)) => Ok(()),
        }
    }

    fn launch(&self, settings: &Settings, _: &Request) -> Launch {
        let origin = settings.url.as_ref().map(|url| url.origin().ascii_serialization());
        let url = origin.and_then(|origin| Url::parse(&origin).ok());
        Launch::Direct(url.unwrap_or_else(|| unreachable!("check() has seen it")))
    }

    fn reader(&self, _: &Settings) -> Box<dyn Reader> {
        Box::new(Silent)
    }

    fn policy(&self, _: &Settings) -> Policy {
        Policy::PLAIN
    }
}

/// Reads what has nothing to say.
pub(super) struct Silent;

impl Reader for Silent {
    fn read(&mut self, _: Stream, _: &str) -> Vec<Signal> {
        vec![]
    }
}
