//! cloudflared 2026.8.2: quick tunnels, which need no account, and named ones. What it prints and how
//! it fails was recorded with the real program (`fixtures/transcripts/cloudflared`).

mod named;
mod reader;
mod setup;

use std::time::Duration;

use url::Url;

use super::{
    Facts, Launch, OwnConfig, Policy, Provider, Reader, Readiness, Remark, Request, Signal, Step, Version,
    program,
};
use crate::config::Settings;
use crate::error::Result;
use crate::process::{Spec, Stdin};
use crate::provider::setup::typed;

use named::Tunnel;
use reader::CloudflaredReader;

pub(super) struct Cloudflared;

const INSTALL: &str =
    "https://developers.cloudflare.com/cloudflare-one/connections/connect-networks/downloads/";
/// QUIC goes over UDP, which many networks block; HTTP/2 does not.
pub(super) const UDP_BLOCKED: &str = "cloudflared.udp_blocked";

impl Provider for Cloudflared {
    fn id(&self) -> &'static str {
        "cloudflared"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["cloudflare"]
    }

    fn own_flags(&self) -> &'static [&'static str] {
        &["tunnel-name", "hostname"]
    }

    fn keeps_address(&self, settings: &Settings, _: &Url) -> bool {
        !matches!(Tunnel::of(settings), Ok(Tunnel::Quick) | Err(_))
    }

    fn readiness(&self, settings: &Settings) -> Readiness {
        let named = settings.cloudflared.as_deref();
        let Some(program) = program::find(named, "cloudflared") else {
            return Readiness::Missing {
                why: program::not_installed(named, "cloudflared"),
                fix: format!("install it: {INSTALL}"),
            };
        };
        match Tunnel::of(settings).map(|tunnel| tunnel.missing()) {
            Ok(Some((why, fix))) => Readiness::Unready { program, why, fix },
            // A mistake in the settings is told by `check`.
            Ok(None) | Err(_) => Readiness::Ready(Some(program)),
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            price: "free",
            custom_subdomain: "named tunnels: your own domain",
            stable_url: "named tunnels: yes; quick ones: new at every start",
            persistence: "reconnects by itself under the same address",
            setup_effort: "quick: none; named: account, domain, login",
        }
    }

    fn logged_in(&self, settings: &Settings) -> Option<bool> {
        let needed = matches!(Tunnel::of(settings), Ok(Tunnel::Local { .. }));
        let done = named::logged_in();
        // A quick tunnel needs none, and the tunnel of a token has its own.
        (needed || done).then_some(done)
    }

    fn setup(&self, settings: &Settings) -> Vec<Step> {
        setup::steps(&setup::State::look(settings), settings)
    }

    fn more(&self, settings: &Settings) -> Option<String> {
        settings.tunnel_name.is_none().then(|| setup::later(settings))
    }

    fn flags(&self, settings: &Settings) -> String {
        let flag = |name: &str, value: &Option<String>| {
            value.as_ref().map_or(String::new(), |value| format!(" {}", typed(name, &[value])))
        };
        flag("--tunnel-name", &settings.tunnel_name) + &flag("--hostname", &settings.hostname)
    }

    fn cloud(&self, _: &Settings) -> Option<Url> {
        Url::parse("https://api.trycloudflare.com").ok()
    }

    fn own_config(&self, settings: &Settings) -> OwnConfig {
        named::own_config(settings)
    }

    fn check(&self, settings: &Settings) -> Result<()> {
        Tunnel::of(settings).map(drop)
    }

    fn remarks(&self, settings: &Settings, _: Option<Version>) -> Vec<Remark> {
        Tunnel::of(settings).map(|tunnel| tunnel.remarks(settings)).unwrap_or_default()
    }

    fn launch(&self, settings: &Settings, request: &Request) -> Launch {
        let program = program::find(settings.cloudflared.as_deref(), "cloudflared");
        let tunnel = Tunnel::of(settings).unwrap_or(Tunnel::Quick);
        let config = request.folder.join("cloudflared.yml");
        let mut args = vec!["tunnel".to_string(), "--no-autoupdate".into()];
        // Its own file, empty if need be: the user's would be mixed in.
        args.extend(["--config".into(), config.display().to_string()]);
        args.extend(["--metrics".into(), format!("127.0.0.1:{}", request.api_port)]);
        // The edge has drained by then.
        args.extend(["--grace-period".into(), "2s".into()]);
        if request.faults.contains(&UDP_BLOCKED) {
            args.extend(["--protocol".into(), "http2".into()]);
        }
        args.extend(tunnel.args(request.edge_port));
        let spec = Spec {
            program: program.unwrap_or_else(|| "cloudflared".into()).into(),
            args: args.into_iter().map(Into::into).collect(),
            set: vec![],
            scrub: tunnel.scrub(),
            folder: None,
            stdin: Stdin::Null,
        };
        let files = vec![(config, tunnel.config(request.edge_port))];
        Launch::Program { spec, files, api_port: Some(request.api_port) }
    }

    fn reader(&self, settings: &Settings) -> Box<dyn Reader> {
        let tunnel = Tunnel::of(settings).unwrap_or(Tunnel::Quick);
        Box::new(CloudflaredReader::new(tunnel.url(), secret().into_iter().collect()))
    }

    fn api(&self) -> &'static [&'static str] {
        &["/quicktunnel", "/ready"]
    }

    fn read_api(&self, path: &str, _: u16, body: &str) -> Option<Signal> {
        let answer: serde_json::Value = serde_json::from_str(body).ok()?;
        match path {
            "/ready" if answer["readyConnections"].as_u64()? > 0 => Some(Signal::Connected),
            "/ready" => Some(Signal::Disconnected("cloudflared has no connection to Cloudflare".into())),
            _ => {
                let host = answer["hostname"].as_str().filter(|host| !host.is_empty())?;
                Url::parse(&format!("https://{host}")).ok().map(Signal::Url)
            }
        }
    }

    fn names_visitors_in(&self, _: &Settings) -> Option<&'static str> {
        Some("cf-connecting-ip")
    }

    fn policy(&self, settings: &Settings) -> Policy {
        let quick = matches!(Tunnel::of(settings), Ok(Tunnel::Quick));
        Policy {
            stop_grace: Duration::from_secs(4),
            awaits_connection: true,
            // It comes back by itself in 1 to 18 s, under the same address; a new process has a new one.
            reconnects_within: Duration::from_secs(30),
            // A new name is in the DNS after 2 to 6 s, and not to be called dead in the first minute.
            verify_within: Duration::from_secs(75),
            cloud: true,
            new_names: quick,
            may_buffer: quick,
            ..Policy::PLAIN
        }
    }
}

/// The token of a tunnel that is managed in Cloudflare's dashboard.
fn secret() -> Option<String> {
    std::env::var("TUNNEL_TOKEN").ok().filter(|token| !token.trim().is_empty())
}
