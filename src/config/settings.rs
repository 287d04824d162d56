//! The settings of one session: every value checked, every default in one place.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::check::{Checked, Wrong, address, allow_hosts, host_name, port, server_url, tunnel_name, wrong};
use super::place::located;
use super::{Auth, HostHeader, Layer, Values, fill, valid_name};
use crate::error::{Error, Result};

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
    /// The files that say any of this.
    pub files: Vec<PathBuf>,
    /// The project's own folder: keys and sessions belong to it.
    pub project: PathBuf,
}

impl Settings {
    /// The gateway's port when nobody says otherwise.
    pub const PORT: u16 = 3001;

    /// The longest body of a request, in bytes, when nobody says otherwise: 1 GiB.
    const MAX_BODY: u64 = 1 << 30;

    /// Checks a merged layer and fills the gaps. A mistake that stands in a file is told with its place there.
    pub fn from_layer(layer: Layer) -> Result<Self> {
        let files = layer.files.clone();
        Self::checked(layer).map_err(|Wrong { key, value, error }| located(error, &files, key, &value))
    }

    /// The error, with its place where a file says `value` for `key`.
    pub fn located(&self, error: Error, key: &str, value: &str) -> Error {
        located(error, &self.files, key, value)
    }

    fn checked(layer: Layer) -> Checked<Self> {
        let settings = Self {
            provider: match layer.provider.as_deref() {
                None | Some("auto") => TryProvider::Auto,
                Some(name) => TryProvider::Named(name.into()),
            },
            order: layer.order,
            fallback: layer.fallback,
            url: layer.url.as_deref().map(|url| address("url", url)).transpose()?,
            server: layer.server.as_deref().map(server_url).transpose()?,
            subdomain: layer.subdomain,
            domain: layer.domain.map(|name| host_name("domain", name)).transpose()?,
            tunnel_name: layer.tunnel_name.map(tunnel_name).transpose()?,
            hostname: layer.hostname.map(|name| host_name("hostname", name)).transpose()?,
            edge_port: layer.edge_port.map(|given| port("edge-port", Some(given), 0)).transpose()?,
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
            frontend: layer.frontend.map(|given| port("frontend", Some(given), 0)).transpose()?,
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
            doh: layer.doh.as_deref().map(|url| address("doh", url)).transpose()?,
            command: layer.command,
            folder: layer.folder,
            files: layer.files,
            project: super::project_folder(&std::env::current_dir().unwrap_or_default()),
        };
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Checked<()> {
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
        let unfilled = |key, value: &str, error| Wrong { key, value: value.into(), error };
        fill(&self.mcp_path, sample).map_err(|error| unfilled("mcp-path", &self.mcp_path, error))?;
        for (name, template) in &self.env {
            if !valid_name(name) {
                return Err(wrong("env", name, "is not a variable name")
                    .fix("use letters, digits and `_`, and no digit first: NAME=TEMPLATE"));
            }
            fill(template, sample).map_err(|error| unfilled("env", template, error))?;
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
}
