//! The settings of one session: every value checked, every default in one place.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::{Layer, Values, fill, valid_name};
use crate::error::{Error, Result};

/// Which `Host` the gateway sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum HostHeader {
    /// The visitor's, unless the gateway refuses it (asked once at start).
    #[default]
    Auto,
    /// Always the visitor's.
    Preserve,
    /// Always `localhost:PORT`.
    Local,
}

/// What a stranger needs to get in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// A key, unless the gateway itself refuses anonymous calls.
    #[default]
    Auto,
    /// Always a key.
    Key,
    /// Nothing.
    None,
}

/// A duration as people write it: `500ms`, `5s`, `1m 30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Millis(pub Duration);

impl std::str::FromStr for Millis {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parsed: jiff::SignedDuration =
            text.parse().map_err(|_| format!("`{text}` is not a duration: write 500ms, 5s or 1m30s"))?;
        match Duration::try_from(parsed) {
            Ok(duration) if duration >= Duration::from_millis(100) => Ok(Self(duration)),
            _ => Err(format!("`{text}` is too short: at least 100ms")),
        }
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A size as people write it, in bytes: `512k`, `64MB`, `1GiB`; `k`, `m` and `g` count in 1024s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("`{text}` is not a size: write 512k, 64M or 1G");
        let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
        let unit: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            "kb" => 1000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            _ => return Err(wrong()),
        };
        let number: u64 = digits.trim().parse().map_err(|_| wrong())?;
        number.checked_mul(unit).map(Self).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// `auto`, or the name of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TryProvider {
    /// The first that is ready.
    Auto,
    /// This one or an error.
    Named(String),
}

/// Everything a session is told.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each is the flag of that name; cli/tunnel.rs says what it does")]
pub struct Settings {
    pub provider: TryProvider,
    /// The providers that `auto` tries; empty for the order of the registry.
    pub order: Vec<String>,
    pub fallback: Vec<String>,
    pub url: Option<Url>,
    pub server: Option<Url>,
    pub subdomain: Option<String>,
    pub domain: Option<String>,
    pub tunnel_name: Option<String>,
    pub hostname: Option<String>,
    pub edge_port: Option<u16>,
    pub port: u16,
    /// Was the port chosen, or is it the default?
    pub port_given: bool,
    pub https_port: u16,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub profile: String,
    pub mcp_path: String,
    pub host_header: HostHeader,
    pub health: Option<String>,
    pub allow: Vec<String>,
    pub allow_host: Vec<String>,
    pub auth: Auth,
    pub expire: Option<Duration>,
    /// In bytes.
    pub max_body: u64,
    pub frontend: Option<u16>,
    pub log_requests: Option<PathBuf>,
    pub env: BTreeMap<String, String>,
    pub env_file: Option<PathBuf>,
    pub on_url: Option<String>,
    /// The clients that are told the address.
    pub configure: Vec<String>,
    /// Do their entries stay at the end?
    pub keep: bool,
    pub verify: bool,
    pub probe_interval: Option<Duration>,
    pub start_timeout: Duration,
    pub lt: Option<PathBuf>,
    pub ngrok: Option<PathBuf>,
    pub cloudflared: Option<PathBuf>,
    pub doh: Option<Url>,
    pub command: Vec<String>,
    pub folder: Option<PathBuf>,
    /// The project's own folder: keys and sessions belong to it.
    pub project: PathBuf,
}

impl Settings {
    /// The gateway's port when nobody says otherwise.
    pub const PORT: u16 = 3001;

    /// The longest body of a request, in bytes, when nobody says otherwise: 1 GiB.
    const MAX_BODY: u64 = 1 << 30;

    /// Checks a merged layer and fills the gaps.
    pub fn from_layer(layer: Layer) -> Result<Self> {
        let settings = Self {
            provider: match layer.provider.as_deref() {
                None | Some("auto") => TryProvider::Auto,
                Some(name) => TryProvider::Named(name.into()),
            },
            order: layer.order,
            fallback: layer.fallback,
            url: layer.url.as_deref().map(|url| web_url("url", url)).transpose()?,
            server: layer.server.as_deref().map(server_url).transpose()?,
            subdomain: layer.subdomain,
            domain: layer.domain.map(|name| host_name("domain", name)).transpose()?,
            tunnel_name: layer.tunnel_name.map(tunnel_name).transpose()?,
            hostname: layer.hostname.map(|name| host_name("hostname", name)).transpose()?,
            edge_port: layer.edge_port.map(|port| self::port("edge-port", Some(port), 0)).transpose()?,
            port: port("port", layer.port, Self::PORT)?,
            port_given: layer.port.is_some(),
            https_port: port("https-port", layer.https_port, 3443)?,
            tls_cert: layer.tls_cert,
            tls_key: layer.tls_key,
            profile: layer.profile.unwrap_or_else(|| "default".into()),
            mcp_path: layer.mcp_path.unwrap_or_else(|| "/api/mcp/{profile}".into()),
            host_header: layer.host_header.unwrap_or_default(),
            health: layer.health,
            allow: layer.allow,
            allow_host: allow_hosts(layer.allow_host)?,
            auth: layer.auth.unwrap_or_default(),
            expire: layer.expire.map(|millis| millis.0),
            max_body: layer.max_body.map_or(Self::MAX_BODY, |size| size.0),
            frontend: layer.frontend.map(|port| self::port("frontend", Some(port), 0)).transpose()?,
            log_requests: layer.log_requests,
            env: layer.env,
            env_file: layer.env_file,
            on_url: layer.on_url,
            configure: layer.configure,
            keep: layer.keep.unwrap_or(false),
            verify: layer.verify.unwrap_or(true),
            probe_interval: layer.probe_interval.map(|millis| millis.0),
            start_timeout: layer.start_timeout.map_or(Duration::from_secs(20), |millis| millis.0),
            lt: layer.lt,
            ngrok: layer.ngrok,
            cloudflared: layer.cloudflared,
            doh: layer.doh.as_deref().map(|url| web_url("doh", url)).transpose()?,
            command: layer.command,
            folder: layer.folder,
            project: super::project_folder(&std::env::current_dir().unwrap_or_default()),
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        for (flag, path) in [("mcp-path", Some(&self.mcp_path)), ("health", self.health.as_ref())]
            .into_iter()
            .chain(self.allow.iter().map(|path| ("allow", Some(path))))
        {
            if let Some(path) = path.filter(|path| !path.starts_with('/')) {
                return Err(wrong(flag, path, "is not a path").fix(format!("write --{flag} /{path}")));
            }
        }
        let mut paths = self.allow.iter().map(|path| ("allow", path)).chain([("mcp-path", &self.mcp_path)]);
        if let Some((flag, path)) = paths.find(|(_, path)| path.contains(['*', '?', '#'])) {
            return Err(wrong(flag, path, "is a pattern or has a query, and paths are taken as they are")
                .fix("write the path alone; what is below it is meant too"));
        }
        if self.mcp_path == "/" {
            return Err(wrong("mcp-path", "/", "would open everything, the gateway's admin pages included")
                .fix("let the gateway serve MCP at a path of its own, /mcp for example"));
        }
        if self.allow.iter().any(|path| path == "/") {
            return Err(wrong("allow", "/", "would open everything, the gateway's admin pages included")
                .fix("name the paths that visitors need"));
        }
        let plain = |char: char| char.is_ascii_alphanumeric() || "-._~/".contains(char);
        let segments = self.profile.split('/');
        if !self.profile.chars().all(plain)
            || segments.into_iter().any(|part| matches!(part, "" | "." | ".."))
        {
            return Err(wrong("profile", &self.profile, "is not a profile name").fix(
                "use letters, digits, `-`, `_`, `.` and `~`; ORG/PROFILE for gateways with organisations",
            ));
        }
        let sample = Values { url: "", host: "", port: self.port, profile: &self.profile };
        fill(&self.mcp_path, sample)?;
        for (name, template) in &self.env {
            if !valid_name(name) {
                return Err(wrong("env", name, "is not a variable name").fix("write --env NAME=TEMPLATE"));
            }
            fill(template, sample)?;
        }
        Ok(())
    }

    /// The path MCP clients use, profile filled in.
    pub fn mcp_path(&self) -> String {
        let values = Values { url: "", host: "", port: self.port, profile: &self.profile };
        fill(&self.mcp_path, values).unwrap_or_default()
    }

    /// APP_URL and whatever `--env` adds, for the address `url`.
    pub fn variables(&self, url: &str) -> BTreeMap<String, String> {
        let host = url.split_once("://").map_or(url, |(_, host)| host);
        let values = Values { url, host, port: self.port, profile: &self.profile };
        let mut variables = BTreeMap::from([("APP_URL".to_string(), url.to_string())]);
        let extra =
            self.env.iter().filter_map(|(name, template)| Some((name.clone(), fill(template, values).ok()?)));
        variables.extend(extra);
        variables
    }
}

fn port(flag: &str, given: Option<u16>, default: u16) -> Result<u16> {
    match given {
        Some(0) => Err(wrong(flag, "0", "is not a port").fix(match default {
            0 => "choose one between 1024 and 65535".to_string(),
            default => format!("leave it out for {default}"),
        })),
        given => Ok(given.unwrap_or(default)),
    }
}

fn server_url(text: &str) -> Result<Url> {
    let refuse = |why: &str| wrong("server", text, why).fix("write --server https://tunnel.example.com");
    let url = web_url("server", text)
        .map_err(|error| if error.message.contains(text) { refuse("is not a URL") } else { error })?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) if url.path() == "/" && url.query().is_none() => Ok(url),
        ("http" | "https", Some(_)) => Err(refuse("has a path; a localtunnel server has none")),
        _ => Err(refuse("is not an http or https address")),
    }
}

/// An http or https address without a user in it, given as `--FLAG`.
pub fn web_url(flag: &str, text: &str) -> Result<Url> {
    match Url::parse(text) {
        Ok(url) if url.password().is_some() || !url.username().is_empty() => {
            // Not repeated: the password would be seen.
            let message =
                format!("use --{flag}: it holds a user name or a password, which everybody would see");
            Err(Error::usage("config.value", message).fix(format!("write --{flag} https://name.example")))
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(wrong(flag, text, "is not an http or https address")
            .fix(format!("write --{flag} https://name.example"))),
    }
}

/// `mcp.example.com`, also where a whole address was given.
fn host_name(flag: &str, text: String) -> Result<String> {
    let name = text.trim_start_matches("https://").trim_end_matches('/').to_ascii_lowercase();
    match name.contains('.') && name.split('.').all(is_label) && url::Host::parse(&name).is_ok() {
        true => Ok(name),
        false => Err(wrong(flag, &text, "is not a host name").fix(format!("write --{flag} mcp.example.com"))),
    }
}

fn allow_hosts(names: Vec<String>) -> Result<Vec<String>> {
    let is_name = |name: &str| name.parse::<IpAddr>().is_ok() || name.split('.').all(is_label);
    match names.iter().find(|name| !is_name(name)) {
        Some(name) => {
            Err(wrong("allow-host", name, "is not a host name").fix("write --allow-host mcp.example.com"))
        }
        None => Ok(names),
    }
}

/// One part of a host name (RFC 1035 section 2.3.1, and underscores, which some use).
pub fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=63).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A flag of cloudflared's in its place would be obeyed.
fn tunnel_name(name: String) -> Result<String> {
    match name.starts_with('-') || name.trim().is_empty() || name.chars().any(char::is_control) {
        true => {
            Err(wrong("tunnel-name", &name, "is not a tunnel's name")
                .fix("`cloudflared tunnel list` shows them"))
        }
        false => Ok(name),
    }
}

fn wrong(flag: &str, value: &str, why: &str) -> Error {
    Error::usage("config.value", format!("use --{flag} {value}: `{value}` {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(edit: impl FnOnce(&mut Layer)) -> Result<Settings> {
        let mut layer = Layer::default();
        edit(&mut layer);
        Settings::from_layer(layer)
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let settings = settings(|_| {}).unwrap();
        assert_eq!((settings.port, settings.https_port), (3001, 3443));
        assert_eq!(settings.mcp_path(), "/api/mcp/default");
        assert_eq!(settings.start_timeout, Duration::from_secs(20));
        assert!(settings.verify);
    }

    #[test]
    fn app_url_has_no_slash_at_the_end_and_templates_follow() {
        let settings = settings(|layer| {
            layer.env.insert("BETTER_AUTH_URL".into(), "{url}".into());
            layer.env.insert("CORS_ORIGINS".into(), "https://{host},http://localhost:{port}".into());
        });
        let variables = settings.unwrap().variables("https://x.loca.lt");
        assert_eq!(variables["APP_URL"], "https://x.loca.lt");
        assert_eq!(variables["BETTER_AUTH_URL"], "https://x.loca.lt");
        assert_eq!(variables["CORS_ORIGINS"], "https://x.loca.lt,http://localhost:3001");
    }

    #[test]
    fn a_wrong_value_names_its_flag_and_the_fix() {
        type Edit = fn(&mut Layer);
        let cases: [(&str, Edit); 20] = [
            ("--allow", |layer| layer.allow = vec!["/a/*".into()]),
            ("--allow", |layer| layer.allow = vec!["/b?c".into()]),
            ("--mcp-path", |layer| layer.mcp_path = Some("/".into())),
            ("--url", |layer| layer.url = Some("name.example".into())),
            ("--domain", |layer| layer.domain = Some("a b.example".into())),
            ("--hostname", |layer| layer.hostname = Some("x/y.example".into())),
            ("--hostname", |layer| layer.hostname = Some("a..example.com".into())),
            ("--url", |layer| layer.url = Some("https://u:secret@x.example".into())),
            ("--tunnel-name", |layer| layer.tunnel_name = Some("--credentials-contents".into())),
            ("--edge-port", |layer| layer.edge_port = Some(0)),
            ("--port", |layer| layer.port = Some(0)),
            ("--server", |layer| layer.server = Some("tunnel.example".into())),
            ("--server", |layer| layer.server = Some("ftp://x".into())),
            ("--server", |layer| layer.server = Some("https://x/path".into())),
            ("--profile", |layer| layer.profile = Some("a/../b".into())),
            ("--profile", |layer| layer.profile = Some("a b".into())),
            ("--mcp-path", |layer| layer.mcp_path = Some("mcp".into())),
            ("--allow-host", |layer| layer.allow_host = vec!["https://x.example".into()]),
            ("--allow", |layer| layer.allow = vec!["/".into()]),
            ("--env", |layer| drop(layer.env.insert("A B".into(), String::new()))),
        ];
        for (flag, edit) in cases {
            let error = settings(edit).unwrap_err();
            assert!(error.message.contains(flag) && error.fix.is_some(), "{flag}: {error:?}");
            assert!(!error.message.contains("secret"), "{error:?}");
        }
    }

    #[test]
    fn sizes_are_written_as_people_do() {
        for (text, bytes) in
            [("512", 512), ("64k", 65536), ("1GB", 1_000_000_000), ("1 GiB", 1 << 30), ("0", 0)]
        {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for wrong in ["", "k", "-1", "1.5G", "1x", "99999999999G"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_written_as_people_do() {
        assert_eq!("500ms".parse(), Ok(Millis(Duration::from_millis(500))));
        assert_eq!("1m30s".parse(), Ok(Millis(Duration::from_secs(90))));
        for wrong in ["", "5", "-5s", "soon", "1ms"] {
            assert!(wrong.parse::<Millis>().is_err(), "{wrong}");
        }
    }
}
