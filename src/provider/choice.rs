//! Which providers a session may use, the first of them first.

use std::sync::OnceLock;

use super::{ALL, Policy, Provider, Version, find};
use crate::config::{Settings, TryProvider};
use crate::error::{Error, Result};

/// A provider that may be used.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The provider.
    pub provider: &'static dyn Provider,
    version: OnceLock<Option<Version>>,
}

/// What the settings come to.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The one to use, then those that take over when it cannot go on. Never empty.
    pub candidates: Vec<Candidate>,
    /// Is it `local` because nothing better is ready?
    pub nothing_better: bool,
}

impl Choice {
    /// The flags that were given and that none of the candidates makes use of.
    pub fn unused(&self, settings: &Settings) -> Vec<&'static str> {
        let given = [
            ("subdomain", settings.subdomain.is_some()),
            ("server", settings.server.is_some()),
            ("domain", settings.domain.is_some()),
            ("tunnel-name", settings.tunnel_name.is_some()),
            ("hostname", settings.hostname.is_some()),
            ("url", settings.url.is_some()),
            ("tls-cert", settings.tls_cert.is_some()),
            ("tls-key", settings.tls_key.is_some()),
        ];
        let used = |flag: &str| self.candidates.iter().any(|one| one.provider.own_flags().contains(&flag));
        given.into_iter().filter(|(flag, given)| *given && !used(flag)).map(|(flag, _)| flag).collect()
    }

    /// The one to use.
    pub fn first(&self) -> &Candidate {
        &self.candidates[0]
    }
}

impl Candidate {
    fn new(provider: &'static dyn Provider) -> Self {
        Self { provider, version: OnceLock::new() }
    }

    /// Its program's version. Asked once, when somebody wants to know.
    pub fn version(&self, settings: &Settings) -> Option<Version> {
        *self.version.get_or_init(|| {
            let readiness = self.provider.readiness(settings);
            Version::of(readiness.program()?, self.provider.version_args())
        })
    }

    /// How it likes to be treated.
    pub fn policy(&self, settings: &Settings) -> Policy {
        self.provider.policy(settings)
    }
}

/// The named provider or an error with the fix; for `auto` the ones that are ready, in order.
pub fn choose(settings: &Settings) -> Result<Choice> {
    order(settings)?;
    let named = match &settings.provider {
        TryProvider::Named(name) => Some(known(settings, "provider", name)?),
        TryProvider::Auto => implied(settings),
    };
    let mut candidates = match named {
        Some(provider) => vec![ready(settings, provider, "--provider")?],
        None => ready_in_order(settings)?,
    };
    // A name below a provider's domain is wanted: an address of this machine's own is no substitute.
    if candidates.is_empty() && (settings.subdomain.is_some() || settings.server.is_some()) {
        candidates.push(ready(settings, find("localtunnel")?, "--provider")?);
    }
    if let Some(first) = candidates.first() {
        first.provider.check(settings)?;
    }
    for name in settings.fallback.iter().filter(|name| !name.trim().is_empty()) {
        let provider = known(settings, "fallback", name)?;
        if !provider.is_tunnel() {
            let message = format!("use --fallback {name}: it is no tunnel that mcpgw could start");
            let error =
                Error::usage("provider.fallback", message).fix("name localtunnel, cloudflared or ngrok");
            return Err(settings.located(error, "fallback", name));
        }
        if candidates.iter().all(|one| one.provider.id() != provider.id()) {
            candidates.push(ready(settings, provider, "--fallback")?);
            provider.check(settings)?;
        }
    }
    name_can_be_chosen(settings, &candidates)?;
    let nothing_better = candidates.is_empty();
    if nothing_better {
        candidates.push(Candidate::new(find("local")?));
    }
    Ok(Choice { candidates, nothing_better })
}

/// The provider that a setting names.
fn known(settings: &Settings, key: &str, name: &str) -> Result<&'static dyn Provider> {
    find(name).map_err(|error| settings.located(error, key, name))
}

/// A name that nobody will ask for is a mistake. One that a substitute takes is none.
fn name_can_be_chosen(settings: &Settings, candidates: &[Candidate]) -> Result<()> {
    let (Some(name), Some(first)) = (&settings.subdomain, candidates.first()) else { return Ok(()) };
    if !first.provider.is_tunnel()
        || candidates.iter().any(|one| one.provider.own_flags().contains(&"subdomain"))
    {
        return Ok(());
    }
    let message = format!("use --subdomain {name}: {} chooses its names itself", first.provider.id());
    Err(Error::usage("provider.subdomain", message)
        .fix("use localtunnel or ngrok, or a named tunnel: --tunnel-name NAME --hostname mcp.example.com"))
}

/// Settings that make sense for one provider alone choose it.
fn implied(settings: &Settings) -> Option<&'static dyn Provider> {
    let named = [
        (settings.url.is_some(), "url"),
        (settings.tunnel_name.is_some() || settings.hostname.is_some(), "cloudflared"),
        (settings.domain.is_some(), "ngrok"),
    ];
    let (_, name) = named.into_iter().find(|(given, _)| *given)?;
    find(name).ok()
}

fn ready(settings: &Settings, provider: &'static dyn Provider, flag: &str) -> Result<Candidate> {
    match provider.readiness(settings).trouble() {
        None => Ok(Candidate::new(provider)),
        Some((why, fix)) => {
            let message = format!("use {flag} {}: {why}", provider.id());
            Err(Error::failed("provider.not_ready", message).fix(fix))
        }
    }
}

/// What `auto` tries: in the order of the settings, else in that of the registry.
fn ready_in_order(settings: &Settings) -> Result<Vec<Candidate>> {
    let order = order(settings)?;
    let mut ready: Vec<Candidate> = vec![];
    for provider in order.into_iter().filter(|one| one.readiness(settings).is_ready()) {
        // A mistake in what the first one is to do is told; a substitute that could not do it is none.
        if !ready.is_empty() && provider.check(settings).is_err() {
            continue;
        }
        let candidate = Candidate::new(provider);
        // Only the first one's version is worth the wait now; the others may never be needed.
        let suits = || candidate.provider.suits(candidate.version(settings));
        if !ready.is_empty() || candidate.provider.suits(None) || suits() {
            ready.push(candidate);
        }
    }
    Ok(ready)
}

fn order(settings: &Settings) -> Result<Vec<&'static dyn Provider>> {
    if settings.order.is_empty() {
        return Ok(ALL.iter().copied().filter(|one| one.is_tunnel()).collect());
    }
    let tunnel = |name: &String| match find(name) {
        Ok(provider) if provider.is_tunnel() => Ok(provider),
        _ => {
            let message = format!("use {name} in order: there is no such tunnel");
            let error = Error::usage("provider.order", message)
                .fix("name localtunnel, cloudflared and ngrok in the order that you want");
            Err(settings.located(error, "order", name))
        }
    };
    settings.order.iter().map(tunnel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;

    fn chosen(edit: impl FnOnce(&mut Layer)) -> Result<Vec<&'static str>> {
        let mut layer = Layer::default();
        edit(&mut layer);
        let choice = choose(&Settings::from_layer(layer)?)?;
        Ok(choice.candidates.iter().map(|one| one.provider.id()).collect())
    }

    /// A program that is certainly there, in the place of each tool; and one that is not.
    fn installed(layer: &mut Layer, lt: bool, cloudflared: bool) {
        let program = |there| Some(if there { crate::os::shell("").0 } else { "no-such-program" }.into());
        layer.lt = program(lt);
        layer.cloudflared = program(cloudflared);
        layer.ngrok = program(false);
    }

    #[test]
    fn auto_takes_what_is_ready_in_order_and_keeps_the_rest_for_later() {
        assert_eq!(chosen(|layer| installed(layer, true, true)).unwrap(), ["localtunnel", "cloudflared"]);
        assert_eq!(chosen(|layer| installed(layer, false, true)).unwrap(), ["cloudflared"]);
        assert_eq!(chosen(|layer| installed(layer, false, false)).unwrap(), ["local"]);
        let ordered = chosen(|layer| {
            installed(layer, true, true);
            layer.order = vec!["cloudflared".into(), "lt".into()];
        });
        assert_eq!(ordered.unwrap(), ["cloudflared", "localtunnel"]);
    }

    #[test]
    fn a_named_provider_has_no_substitute_but_those_that_are_named() {
        let named = |fallback: &[&str]| {
            let fallback: Vec<String> = fallback.iter().map(ToString::to_string).collect();
            chosen(|layer| {
                installed(layer, true, true);
                layer.provider = Some("lt".into());
                layer.fallback = fallback;
            })
        };
        assert_eq!(named(&[]).unwrap(), ["localtunnel"]);
        assert_eq!(named(&["cloudflared", "lt"]).unwrap(), ["localtunnel", "cloudflared"]);
        let nameless = chosen(|layer| {
            installed(layer, true, true);
            layer.provider = Some("cloudflared".into());
            layer.subdomain = Some("mine".into());
        });
        assert_eq!(nameless.unwrap_err().code, "provider.subdomain");
        assert_eq!(named(&["local"]).unwrap_err().code, "provider.fallback");
        assert_eq!(named(&["ngrok"]).unwrap_err().code, "provider.not_ready");
        assert_eq!(named(&["nonesuch"]).unwrap_err().code, "provider.unknown");
    }

    #[test]
    fn a_flag_that_nobody_makes_use_of_is_known() {
        let layer = Layer {
            provider: Some("local".into()),
            domain: Some("x.example".into()),
            subdomain: Some("mine".into()),
            ..Layer::default()
        };
        let settings = Settings::from_layer(layer).unwrap();
        assert_eq!(choose(&settings).unwrap().unused(&settings), ["subdomain", "domain"]);
    }

    #[test]
    fn a_setting_that_only_one_provider_knows_chooses_it() {
        let url = chosen(|layer| {
            installed(layer, true, true);
            layer.url = Some("https://x.ts.net".into());
            layer.edge_port = Some(3002);
        });
        assert_eq!(url.unwrap(), ["url"]);
        assert_eq!(chosen(|layer| layer.provider = Some("url".into())).unwrap_err().code, "url.missing");
    }
}
