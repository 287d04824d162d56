//! `local`: HTTPS on localhost by the edge itself. Not a tunnel, but all that OAuth callbacks and
//! clients on this machine need, and it needs nothing installed.

use std::time::Duration;

use url::Url;

use super::external::Silent;
use super::{Facts, Launch, Policy, Provider, Reader, Readiness, Request};
use crate::config::Settings;

pub(super) struct Local;

impl Provider for Local {
    fn id(&self) -> &'static str {
        "local"
    }

    fn is_tunnel(&self) -> bool {
        false
    }

    fn keeps_address(&self, _: &Settings, _: &Url) -> bool {
        true
    }

    fn own_flags(&self) -> &'static [&'static str] {
        &["hostname", "tls-cert", "tls-key"]
    }

    fn readiness(&self, _: &Settings) -> Readiness {
        Readiness::Ready(None)
    }

    fn facts(&self) -> Facts {
        Facts {
            price: "free",
            custom_subdomain: "no (localhost)",
            stable_url: "yes",
            persistence: "nothing to lose",
            setup_effort: "none; clients trust the local CA",
        }
    }

    fn launch(&self, settings: &Settings, request: &Request) -> Launch {
        let mut url = Url::parse("https://localhost").unwrap_or_else(|_| unreachable!("a constant"));
        // Settings have checked that it is a host's name.
        let _ = url.set_host(settings.hostname.as_deref().or(Some("localhost")));
        let _ = url.set_port(Some(request.edge_port));
        Launch::Direct(url)
    }

    fn reader(&self, _: &Settings) -> Box<dyn Reader> {
        Box::new(Silent)
    }

    fn policy(&self, _: &Settings) -> Policy {
        Policy {
            // Nothing lies between the edge and itself; this only notices a machine that slept.
            probe_interval: Duration::from_secs(60),
            stop_grace: Duration::ZERO,
            ..Policy::PLAIN
        }
    }
}
