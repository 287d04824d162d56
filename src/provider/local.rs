//! `local`: HTTPS on localhost by the edge itself. Not a tunnel, but all that OAuth callbacks and
//! clients on this machine need, and it needs nothing installed.

use std::time::Duration;

use url::Url;

use super::{Launch, Policy, Provider, Reader, Readiness, Request, Signal};
use crate::config::Settings;
use crate::process::Stream;

pub(super) struct Local;

impl Provider for Local {
    fn id(&self) -> &'static str {
        "local"
    }

    fn readiness(&self, _: &Settings) -> Readiness {
        Readiness::Ready(None)
    }

    fn launch(&self, _: &Settings, request: &Request) -> Launch {
        let mut url = Url::parse("https://localhost").unwrap_or_else(|_| unreachable!("a constant"));
        let _ = url.set_port(Some(request.edge_port));
        Launch::Direct(url)
    }

    fn reader(&self, _: &Settings) -> Box<dyn Reader> {
        Box::new(Silent)
    }

    fn policy(&self) -> Policy {
        Policy {
            name_grace: Duration::ZERO,
            // Nothing lies between the edge and itself; this only notices a machine that slept.
            probe_interval: Duration::from_secs(60),
            stop_grace: Duration::ZERO,
            name_in: |_| None,
        }
    }
}

struct Silent;

impl Reader for Silent {
    fn read(&mut self, _: Stream, _: &str) -> Option<Signal> {
        None
    }
}
