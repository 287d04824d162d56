//! Which tunnel the settings mean, and the config file that makes it lead to the edge and nowhere else.

use std::path::PathBuf;

use url::Url;
use yaml_edit::{Document, Mapping};

use super::secret;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::provider::{OwnConfig, Remark};

/// What cloudflared is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tunnel {
    /// A new one without an account.
    Quick,
    /// One of the user's account whose config is on this machine.
    Local {
        name: String,
        hostname: String,
        /// Named in the user's own config.
        credentials: Option<PathBuf>,
    },
    /// One whose config is in Cloudflare's dashboard; TUNNEL_TOKEN opens it.
    Dashboard { hostname: String, edge_port: u16 },
}

impl Tunnel {
    pub(super) fn of(settings: &Settings) -> Result<Self> {
        if settings.tunnel_name.is_none() && settings.hostname.is_none() {
            return Ok(Self::Quick);
        }
        match secret() {
            Some(_) => Self::dashboard(settings),
            None => Self::local(settings, &UserConfig::find()),
        }
    }

    fn dashboard(settings: &Settings) -> Result<Self> {
        match (settings.hostname.clone(), settings.edge_port) {
            (Some(hostname), Some(edge_port)) => Ok(Self::Dashboard { hostname, edge_port }),
            (hostname, _) => {
                let missing = if hostname.is_none() { "--hostname" } else { "--edge-port" };
                let message = format!(
                    "use the tunnel of TUNNEL_TOKEN: {missing} is missing, and only its dashboard knows it"
                );
                Err(Error::usage("cloudflared.dashboard", message).fix(
                    "give --hostname and --edge-port as they are in the tunnel's public hostname: \
                     its service must be http://localhost:EDGE-PORT",
                ))
            }
        }
    }

    fn local(settings: &Settings, config: &UserConfig) -> Result<Self> {
        let Some(name) = settings.tunnel_name.clone().or_else(|| config.tunnel.clone()) else {
            return Err(Error::usage("cloudflared.tunnel_name", "use --hostname: which tunnel leads there?")
                .fix("name it with --tunnel-name, or set TUNNEL_TOKEN"));
        };
        let hostname = match (settings.hostname.clone(), config.hostnames.as_slice()) {
            (Some(hostname), _) => hostname,
            (None, [hostname]) => hostname.clone(),
            (None, []) => {
                let message = format!("use tunnel {name}: no hostname leads to it");
                return Err(Error::usage("cloudflared.hostname", message)
                    .fix("give --hostname mcp.example.com; `mcpgw providers setup cloudflared` makes the DNS entry"));
            }
            (None, several) => {
                let message = format!("use tunnel {name}: {} lead to it", several.join(", "));
                return Err(Error::usage("cloudflared.hostname", message).fix("choose one with --hostname"));
            }
        };
        let mine = config.tunnel.as_deref() == Some(name.as_str());
        Ok(Self::Local { name, hostname, credentials: config.credentials.clone().filter(|_| mine) })
    }

    /// What is missing before it can run, and the fix.
    pub(super) fn missing(&self) -> Option<(String, String)> {
        let Self::Local { name, hostname, credentials } = self else { return None };
        let here = match credentials {
            Some(file) => file.is_file(),
            // Its own name for a tunnel's file is the tunnel's id, which only its account can tell.
            None => {
                logged_in() || folders().iter().any(|folder| folder.join(format!("{name}.json")).is_file())
            }
        };
        let fix = format!("mcpgw providers setup cloudflared --tunnel-name {name} --hostname {hostname}");
        (!here).then(|| (format!("cloudflared has no credentials for tunnel {name}"), fix))
    }

    pub(super) fn remarks(&self, settings: &Settings) -> Vec<Remark> {
        match self {
            Self::Quick if secret().is_some() && settings.hostname.is_none() => vec![Remark {
                code: "cloudflared.token_unused",
                message: "TUNNEL_TOKEN is set and not used: this is a quick tunnel".into(),
                fix: Some("for the token's own tunnel give --hostname and --edge-port".into()),
            }],
            Self::Dashboard { hostname, edge_port } => vec![Remark {
                code: "cloudflared.dashboard",
                message: format!(
                    "in Cloudflare's dashboard, {hostname} must lead to http://localhost:{edge_port}; \
                     mcpgw cannot look"
                ),
                fix: None,
            }],
            _ => vec![],
        }
    }

    pub(super) fn url(&self) -> Option<Url> {
        match self {
            Self::Quick => None,
            Self::Local { hostname, .. } | Self::Dashboard { hostname, .. } => {
                Url::parse(&format!("https://{hostname}")).ok()
            }
        }
    }

    pub(super) fn args(&self, edge_port: u16) -> Vec<String> {
        match self {
            Self::Quick => vec!["--url".into(), format!("http://127.0.0.1:{edge_port}")],
            Self::Local { name, .. } => vec!["run".into(), name.clone()],
            Self::Dashboard { .. } => vec!["run".into()],
        }
    }

    /// The config file of a run: nothing of the user's own, whose ingress may lead past the edge.
    pub(super) fn config(&self, edge_port: u16) -> String {
        match self {
            Self::Quick | Self::Dashboard { .. } => "{}\n".into(),
            Self::Local { name, hostname, credentials } => {
                let text = |value: &str| serde_json::Value::from(value).to_string();
                let credentials = credentials.as_ref().map_or(String::new(), |file| {
                    format!("credentials-file: {}\n", text(&file.display().to_string()))
                });
                // What JSON quotes, YAML reads.
                format!(
                    "tunnel: {}\n{credentials}ingress:\n  - hostname: {}\n    service: http://127.0.0.1:{edge_port}\n  \
                     - service: http_status:404\n",
                    text(name),
                    text(hostname)
                )
            }
        }
    }

    /// Every TUNNEL_* variable is an option of cloudflared's, but for those that this tunnel needs.
    pub(super) fn scrub(&self) -> fn(&str) -> bool {
        match self {
            Self::Quick => |name| name.starts_with("TUNNEL_"),
            Self::Local { .. } => |name| name.starts_with("TUNNEL_") && name != "TUNNEL_ORIGIN_CERT",
            Self::Dashboard { .. } => |name| name.starts_with("TUNNEL_") && name != "TUNNEL_TOKEN",
        }
    }
}

/// Where cloudflared looks for its files.
pub(super) fn folders() -> Vec<PathBuf> {
    let home = dirs::home_dir().into_iter();
    let mut folders: Vec<PathBuf> = home
        .flat_map(|home| [".cloudflared", ".cloudflare-warp", "cloudflare-warp"].map(|name| home.join(name)))
        .collect();
    folders.extend(["/etc/cloudflared", "/usr/local/etc/cloudflared"].map(PathBuf::from));
    folders
}

/// Has `cloudflared tunnel login` been done?
pub(super) fn logged_in() -> bool {
    let named = std::env::var_os("TUNNEL_ORIGIN_CERT").map(PathBuf::from);
    named
        .into_iter()
        .chain(folders().into_iter().map(|folder| folder.join("cert.pem")))
        .any(|file| file.is_file())
}

/// What the user's own config does to a tunnel. mcpgw gives cloudflared another one, so that it matters
/// only to a named tunnel, whose name and credentials are taken from it, and to whoever starts it by hand.
pub(super) fn own_config(settings: &Settings) -> OwnConfig {
    let names = ["config.yml", "config.yaml"];
    let mut files = folders().into_iter().flat_map(|folder| names.map(|name| folder.join(name)));
    let Some((file, text)) = files.find_map(|file| Some((file.clone(), std::fs::read_to_string(file).ok()?)))
    else {
        return OwnConfig::None;
    };
    let shown = file.display();
    let document: Option<Document> = text.parse().ok();
    let Some(config) = document.as_ref().and_then(Document::as_mapping) else {
        let says_something =
            text.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
        return match says_something {
            false => OwnConfig::Fine(shown.to_string()),
            true => OwnConfig::Broken(Remark {
                code: "cloudflared.config",
                message: format!("{shown} is no YAML that can be read"),
                fix: Some(format!("correct {shown}; `cloudflared tunnel ingress validate` tells more")),
            }),
        };
    };
    let quick = settings.tunnel_name.is_none() && settings.hostname.is_none();
    let leading: Vec<&str> = ["ingress", "url", "unix-socket", "hello-world"]
        .into_iter()
        .filter(|key| config.get(*key).is_some())
        .collect();
    match leading.as_slice() {
        [] => OwnConfig::Fine(shown.to_string()),
        // Who uses a named tunnel has its rules there on purpose.
        _ if !quick => OwnConfig::Fine(shown.to_string()),
        keys => OwnConfig::Odd(Remark {
            code: "cloudflared.config",
            message: format!(
                "{shown} has `{}`: a quick tunnel started by hand leads there; mcpgw gives cloudflared a config of its own",
                keys.join("`, `")
            ),
            fix: Some(format!(
                "nothing with mcpgw; by hand: cloudflared --config /dev/null tunnel --url URL, or move {shown} away"
            )),
        }),
    }
}

/// What matters here of the user's own config.
#[derive(Debug, Default, PartialEq, Eq)]
struct UserConfig {
    tunnel: Option<String>,
    credentials: Option<PathBuf>,
    hostnames: Vec<String>,
}

impl UserConfig {
    fn find() -> Self {
        let names = ["config.yml", "config.yaml"];
        let files = folders().into_iter().flat_map(|folder| names.map(|name| folder.join(name)));
        // One that cannot be read tells nothing; cloudflared gets ours instead of it anyway.
        files
            .into_iter()
            .find_map(|file| std::fs::read_to_string(file).ok())
            .map_or_else(Self::default, |text| Self::read(&text))
    }

    fn read(text: &str) -> Self {
        let document: Option<Document> = text.parse().ok();
        let Some(config) = document.as_ref().and_then(Document::as_mapping) else { return Self::default() };
        let credentials = scalar(&config, "credentials-file").map(PathBuf::from);
        let rules = config.get_sequence("ingress");
        let rules = rules.iter().flat_map(|rules| rules.values());
        let hostnames = rules.filter_map(|rule| scalar(rule.as_mapping()?, "hostname")).collect();
        Self { tunnel: scalar(&config, "tunnel"), credentials, hostnames }
    }
}

fn scalar(mapping: &Mapping, key: &str) -> Option<String> {
    Some(mapping.get(key)?.as_scalar()?.as_string()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;

    fn settings(edit: impl FnOnce(&mut Layer)) -> Settings {
        let mut layer = Layer { provider: Some("cloudflared".into()), ..Layer::default() };
        edit(&mut layer);
        Settings::from_layer(layer).unwrap()
    }

    const USERS: &str = "# mine\ntunnel: 6f2b3c1e-8a51\ncredentials-file: /home/dev/creds.json\n\
        ingress:\n  - hostname: \"mcp.example.com\"\n    service: http://localhost:3001\n  - service: http_status:404\n";

    #[test]
    fn the_users_config_gives_the_hostname_and_the_credentials() {
        let config = UserConfig::read(USERS);
        assert_eq!(config.tunnel.as_deref(), Some("6f2b3c1e-8a51"));
        assert_eq!(config.hostnames, ["mcp.example.com"]);
        let tunnel =
            Tunnel::local(&settings(|layer| layer.tunnel_name = Some("6f2b3c1e-8a51".into())), &config);
        let credentials = Some("/home/dev/creds.json".into());
        let (name, hostname) = ("6f2b3c1e-8a51".to_string(), "mcp.example.com".to_string());
        assert_eq!(tunnel.unwrap(), Tunnel::Local { name, hostname, credentials });
        for odd in ["", "[1, 2]", "tunnel: [", "ingress: 5", "\u{feff}x: y", "a: &x b\nc: *x"] {
            assert_eq!(UserConfig::read(odd), UserConfig::default(), "{odd}");
        }
    }

    #[test]
    fn our_config_leads_to_the_edge_and_nowhere_else() {
        let tunnel = Tunnel::Local {
            name: "my \"tunnel\"".into(),
            hostname: "mcp.example.com".into(),
            credentials: Some("/home/a b/creds.json".into()),
        };
        let config = tunnel.config(4321);
        let read = UserConfig::read(&config);
        assert_eq!(read.tunnel.as_deref(), Some("my \"tunnel\""), "{config}");
        assert_eq!(read.credentials, Some("/home/a b/creds.json".into()));
        assert_eq!(read.hostnames, ["mcp.example.com"]);
        assert!(config.contains("service: http://127.0.0.1:4321\n") && config.ends_with("http_status:404\n"));
    }

    #[test]
    fn what_only_the_user_can_know_is_asked_for() {
        let none = UserConfig::default();
        let two =
            UserConfig { hostnames: vec!["a.example".into(), "b.example".into()], ..UserConfig::default() };
        let named = |hostname: Option<&str>| {
            settings(|layer| {
                layer.tunnel_name = Some("t".into());
                layer.hostname = hostname.map(Into::into);
            })
        };
        assert_eq!(Tunnel::local(&named(None), &none).unwrap_err().code, "cloudflared.hostname");
        assert!(Tunnel::local(&named(None), &two).unwrap_err().message.contains("a.example, b.example"));
        assert!(Tunnel::local(&named(Some("c.example")), &two).is_ok());
        let unnamed = settings(|layer| layer.hostname = Some("c.example".into()));
        assert_eq!(Tunnel::local(&unnamed, &none).unwrap_err().code, "cloudflared.tunnel_name");
        for (hostname, edge_port) in [(None, Some(3002)), (Some("x.example"), None), (None, None)] {
            let incomplete = settings(|layer| {
                layer.tunnel_name = Some("t".into());
                layer.hostname = hostname.map(Into::into);
                layer.edge_port = edge_port;
            });
            assert_eq!(Tunnel::dashboard(&incomplete).unwrap_err().code, "cloudflared.dashboard");
        }
    }

    #[test]
    fn no_variable_of_cloudflareds_own_reaches_it_but_the_one_it_needs() {
        let dashboard = Tunnel::Dashboard { hostname: "x.example".into(), edge_port: 1 };
        for name in ["TUNNEL_URL", "TUNNEL_TOKEN", "TUNNEL_EDGE"] {
            assert!(Tunnel::Quick.scrub()(name));
            assert_eq!(dashboard.scrub()(name), name != "TUNNEL_TOKEN");
        }
        assert!(!Tunnel::Quick.scrub()("PATH"));
    }
}
