//! ngrok 2 and 3. What version 2 prints was recorded with the real program, version 3's lines come from
//! published logs (`fixtures/transcripts/ngrok`); error codes as in ngrok's public reference.

mod account;
mod codes;
mod config;
mod reader;
mod words;

use std::time::Duration;

use url::Url;

use super::{
    Facts, Launch, OwnConfig, Policy, Provider, Reader, Readiness, Remark, Request, Signal, Step, Version,
    program,
};
use crate::config::{Settings, is_label};
use crate::error::{Error, Result};
use crate::process::{Spec, Stdin};
use account::authtoken;
use reader::NgrokReader;
pub(super) use words::in_words;

pub(super) struct Ngrok;

const INSTALL: &str = "https://ngrok.com/download";
const LOGIN: &str = "mcpgw providers setup ngrok";
/// From here on `--url` names the address; before, `--domain` did.
const URL_FLAG: Version = Version(3, 16, 0);

impl Provider for Ngrok {
    fn id(&self) -> &'static str {
        "ngrok"
    }

    fn own_flags(&self) -> &'static [&'static str] {
        &["subdomain", "domain"]
    }

    /// A domain or a name that was asked for, or the account's own; a random one holds hexadecimal digits.
    fn keeps_address(&self, settings: &Settings, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let label = host.split('.').next().unwrap_or_default();
        let own = [".ngrok-free.dev", ".ngrok-free.app", ".ngrok.dev", ".ngrok.app"];
        let random = label.starts_with(|first: char| first.is_ascii_digit())
            || label.split('-').any(|part| {
                part.len() >= 4
                    && part.bytes().all(|byte| byte.is_ascii_hexdigit())
                    && part.bytes().any(|byte| byte.is_ascii_digit())
            });
        settings.domain.is_some()
            || settings.subdomain.is_some()
            || (own.iter().any(|end| host.ends_with(end)) && !random)
    }

    fn readiness(&self, settings: &Settings) -> Readiness {
        let named = settings.ngrok.as_deref();
        let Some(program) = program::find(named, "ngrok") else {
            return Readiness::Missing {
                why: program::not_installed(named, "ngrok"),
                fix: format!("install it: {INSTALL}"),
            };
        };
        match authtoken() {
            Some(_) => Readiness::Ready(Some(program)),
            None => Readiness::Unready {
                program,
                why: "ngrok has no authtoken (neither in NGROK_AUTHTOKEN nor in its own config)".into(),
                fix: format!(
                    "{LOGIN} (the token is at https://dashboard.ngrok.com/get-started/your-authtoken)"
                ),
            },
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            price: "free plan: 20,000 requests a month; paid beyond",
            custom_subdomain: "paid, or your own domain",
            stable_url: "yes: one fixed address an account, also free",
            persistence: "reconnects by itself under the same address",
            setup_effort: "account and authtoken",
        }
    }

    fn logged_in(&self, _: &Settings) -> Option<bool> {
        Some(authtoken().is_some())
    }

    fn setup(&self, settings: &Settings) -> Vec<Step> {
        let program = program::find(settings.ngrok.as_deref(), "ngrok");
        let version = program.as_ref().and_then(|program| Version::of(program, self.version_args()));
        let file = account::config_files().into_iter().next();
        account::steps(program.is_some(), version, authtoken().is_some(), file)
    }

    fn version_args(&self) -> &'static [&'static str] {
        &["version"]
    }

    fn suits(&self, version: Option<Version>) -> bool {
        version.is_some_and(|version| version.0 >= 3)
    }

    fn check(&self, settings: &Settings) -> Result<()> {
        match (&settings.subdomain, &settings.domain) {
            (Some(name), Some(domain)) => Err(Error::usage(
                "ngrok.domain",
                format!("use --subdomain {name} and --domain {domain}: an address has one name"),
            )
            .fix("leave one of them out")),
            (Some(name), None) if !is_label(name) => {
                let message = format!("use --subdomain {name}: that is no name below a domain");
                Err(Error::usage("ngrok.subdomain", message)
                    .fix("use letters, digits and inner hyphens; a whole domain goes into --domain"))
            }
            _ => Ok(()),
        }
    }

    fn remarks(&self, settings: &Settings, version: Option<Version>) -> Vec<Remark> {
        let mut remarks = vec![];
        if version.is_some_and(|version| version.0 < 3) {
            remarks.push(Remark {
                code: "ngrok.old",
                message: "this is ngrok 2, which ngrok refuses to free accounts".into(),
                fix: Some(format!("install version 3: {INSTALL}")),
            });
        }
        if settings.probe_interval.is_some_and(|interval| interval < QUOTA_INTERVAL) {
            remarks.push(Remark {
                code: "ngrok.quota",
                message:
                    "every look at the tunnel through its address counts against ngrok's monthly requests"
                        .into(),
                fix: Some("leave --probe-interval out: ngrok's local API is asked instead".into()),
            });
        }
        remarks
    }

    fn launch(&self, settings: &Settings, request: &Request) -> Launch {
        let program = program::find(settings.ngrok.as_deref(), "ngrok");
        let mut args = vec!["http".to_string(), request.edge_port.to_string()];
        // The user's own config may ask for less than the line that states the address.
        args.extend(["--log", "stdout", "--log-format", "json", "--log-level", "info"].map(String::from));
        args.extend(name_flags(request.subdomain.as_deref(), settings.domain.as_deref(), request.version));
        Launch::from(Spec {
            program: program.unwrap_or_else(|| "ngrok".into()).into(),
            args: args.into_iter().map(Into::into).collect(),
            set: vec![],
            scrub: |_| false,
            folder: None,
            stdin: Stdin::Null,
        })
    }

    fn reader(&self, _: &Settings) -> Box<dyn Reader> {
        Box::new(NgrokReader::new(authtoken().into_iter().collect()))
    }

    fn api(&self) -> &'static [&'static str] {
        &["/api/tunnels", "/api/endpoints"]
    }

    fn read_api(&self, path: &str, status: u16, body: &str) -> Option<Signal> {
        if status != 200 {
            return None;
        }
        let answer: serde_json::Value = serde_json::from_str(body).ok()?;
        let (list, field) = match path {
            "/api/tunnels" => (answer["tunnels"].as_array()?, "public_url"),
            _ => (answer["endpoints"].as_array()?, "url"),
        };
        let mut urls = list.iter().filter_map(|tunnel| secure(tunnel[field].as_str()?));
        match (urls.next(), path) {
            (Some(url), _) => Some(Signal::Url(url)),
            // It answers so while it is offline.
            (None, "/api/tunnels") => Some(Signal::Disconnected("ngrok has no tunnel to its cloud".into())),
            (None, _) => None,
        }
    }

    fn cloud(&self, _: &Settings) -> Option<Url> {
        Url::parse("https://connect.ngrok-agent.com").ok()
    }

    fn own_config(&self, _: &Settings) -> OwnConfig {
        account::own_config()
    }

    fn names_visitors_in(&self, _: &Settings) -> Option<&'static str> {
        // It appends to what the visitor wrote, and says itself that the last value is the one to be read.
        Some("x-forwarded-for")
    }

    fn policy(&self, _: &Settings) -> Policy {
        Policy {
            // Its local API tells whether it lives.
            probe_interval: QUOTA_INTERVAL,
            reconnects_within: Duration::from_secs(45),
            stop_grace: Duration::from_secs(3),
            cloud: true,
            ..Policy::PLAIN
        }
    }
}

/// 20,000 requests a month are one every 131 s; visitors need some too.
const QUOTA_INTERVAL: Duration = Duration::from_secs(150);

/// What chooses the name, as this version wants it.
fn name_flags(subdomain: Option<&str>, domain: Option<&str>, version: Option<Version>) -> Vec<String> {
    let version = version.unwrap_or(URL_FLAG);
    let (flag, value) = match (subdomain, domain) {
        (None, None) => return vec![],
        (Some(name), _) if version.0 < 3 => ("--subdomain", name.to_string()),
        (_, Some(domain)) if version.0 < 3 => ("--hostname", domain.to_string()),
        (Some(name), _) => ("--domain", format!("{name}.ngrok.app")),
        (_, Some(domain)) => ("--domain", domain.to_string()),
    };
    match flag {
        "--domain" if version >= URL_FLAG => vec!["--url".into(), format!("https://{value}")],
        flag => vec![flag.into(), value],
    }
}

/// An address that starts with https. Version 2 opens an http one beside it.
fn secure(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| url.scheme() == "https" && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Signal {
        Signal::Url(Url::parse(text).unwrap())
    }

    #[test]
    fn the_flag_for_a_name_follows_the_version() {
        let flags = |subdomain, domain, version| name_flags(subdomain, domain, Some(version)).join(" ");
        assert_eq!(flags(None, Some("x.example"), Version(3, 16, 0)), "--url https://x.example");
        assert_eq!(flags(None, Some("x.example"), Version(3, 15, 9)), "--domain x.example");
        assert_eq!(flags(None, Some("x.example"), Version(2, 3, 41)), "--hostname x.example");
        assert_eq!(flags(Some("x"), None, Version(2, 3, 41)), "--subdomain x");
        assert_eq!(flags(Some("x"), None, Version(3, 20, 0)), "--url https://x.ngrok.app");
        assert_eq!(flags(None, None, Version(3, 20, 0)), "");
    }

    #[test]
    fn its_api_confirms_and_an_answer_that_is_none_says_nothing() {
        let tunnels =
            r#"{"tunnels":[{"public_url":"http://a.ngrok.io"},{"public_url":"https://a.ngrok.io"}]}"#;
        assert_eq!(Ngrok.read_api("/api/tunnels", 200, tunnels), Some(url("https://a.ngrok.io")));
        let endpoints = r#"{"endpoints":[{"url":"https://b.ngrok.app"}]}"#;
        assert_eq!(Ngrok.read_api("/api/endpoints", 200, endpoints), Some(url("https://b.ngrok.app")));
        let none = Ngrok.read_api("/api/tunnels", 200, r#"{"tunnels":[]}"#);
        assert!(matches!(none, Some(Signal::Disconnected(_))));
        assert_eq!(Ngrok.read_api("/api/endpoints", 404, "404 page not found"), None);
        assert_eq!(Ngrok.read_api("/api/tunnels", 200, "<html>"), None);
    }
}
