//! Where an entry is to lead: through the tunnel, straight to the gateway on this machine, or through
//! `mcpgw bridge`. Decides on values; the key alone is read, from the file that a session names.

use std::path::{Path, PathBuf};

use url::Url;

use super::by_hand::ByHand;
use super::entry::{HOME, Link};
use super::registry::Client;
use crate::config::{self, Layer, Settings, Values, Via, fill};
use crate::error::{Error, Result};
use crate::loopback;
use crate::state::{SessionRecord, read_key};

/// What is known of the gateway and wanted of the entries.
#[derive(Debug, Clone)]
pub struct Aim {
    /// The way, where the user chose it.
    pub via: Option<Via>,
    /// The address, where the user named it.
    pub url: Option<Url>,
    /// The session whose gateway it is.
    pub session: Option<SessionRecord>,
    /// The profile.
    pub profile: String,
    /// Where the gateway serves MCP: a template.
    pub mcp_path: String,
    /// The gateway's port.
    pub port: u16,
    /// The project that the entries belong to.
    pub project: Option<PathBuf>,
    /// What a bridge cannot find out by the project: see [`bridge_flags`].
    pub bridge_flags: Vec<String>,
    /// The user's own headers.
    pub headers: Vec<(String, String)>,
    /// The program that a bridge is.
    pub mcpgw: PathBuf,
    /// The state folder, where it is not in its usual place.
    pub home: Option<PathBuf>,
}

impl Aim {
    /// The way this client goes.
    pub fn via(&self, client: &Client) -> Via {
        match (self.via, client.speaks_http()) {
            (Some(via), _) => via,
            (None, true) => Via::Tunnel,
            (None, false) => Via::Bridge,
        }
    }

    /// What the client's entry is to say.
    pub fn link(&self, client: &Client) -> Result<Link> {
        let via = self.via(client);
        if via == Via::Bridge {
            return self.bridge();
        }
        if !client.speaks_http() {
            let message = format!("use --via {} for {}: it speaks stdio only", via.word(), client.name);
            return Err(Error::usage("client.stdio_only", message).fix("leave --via out: it gets the bridge"));
        }
        let url = self.address(via)?;
        if client.https_only && url.scheme() == "http" && !loopback::is_url(&url) {
            let message = format!("give {} the address {url}: it takes https only", client.name);
            return Err(Error::failed("client.https_only", message).fix("use a tunnel, or --via bridge"));
        }
        let has_own = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let key = if has_own { None } else { self.key_for(&url)? };
        Ok(Link::Http { url: url.into(), key, headers: self.headers.clone() })
    }

    fn bridge(&self) -> Result<Link> {
        if !self.headers.is_empty() {
            let message =
                "put --header into an entry that runs the bridge: its arguments can be read by others";
            return Err(
                Error::usage("client.bridge_header", message).fix("use --via tunnel where the client can")
            );
        }
        let word = |path: &PathBuf| {
            path.to_str().map(str::to_string).ok_or_else(|| {
                Error::failed("client.path", format!("write {} into a file: it is not UTF-8", path.display()))
            })
        };
        let mut args: Vec<String> = ["bridge", "--profile", &self.profile].map(Into::into).into();
        match (&self.url, &self.project) {
            (Some(url), _) => args.extend(["--url".into(), self.with_path(url)?.into()]),
            (None, project) => {
                if let Some(folder) = project {
                    args.extend(["--project".into(), word(folder)?]);
                }
                args.extend(self.bridge_flags.iter().cloned());
            }
        }
        let env = self.home.iter().map(|home| Ok((HOME.to_string(), word(home)?))).collect::<Result<_>>()?;
        Ok(Link::Bridge { command: word(&self.mcpgw)?, args, env })
    }

    /// Where MCP is served, seen from the client.
    pub fn address(&self, via: Via) -> Result<Url> {
        if let Some(url) = &self.url {
            return self.with_path(url);
        }
        let session = self.session.as_ref().filter(|_| via == Via::Tunnel);
        let Some(session) = session else {
            return self.with_path(&parse(&format!("http://localhost:{}", self.port))?);
        };
        let as_told = session.profile == self.profile
            && (session.mcp_path.is_empty() || session.mcp_path == self.mcp_path);
        match (&session.mcp_url, &session.url) {
            (Some(url), _) if as_told => parse(url),
            (_, Some(url)) => self.with_path(&parse(url)?),
            _ => Err(Error::failed("session.no_url", "find the address: the session has none yet")
                .fix("wait until `mcpgw tunnel` says it is ready")),
        }
    }

    /// What is entered by hand: the address, with a word in the key's place where it must go into the path, and
    /// whether a key is needed.
    pub fn by_hand(&self, client: &ByHand) -> Result<(String, bool)> {
        let url = self.address(Via::Tunnel)?;
        if client.from_afar && (url.scheme() == "http" || loopback::is_url(&url)) {
            let message = format!("give {} the address {url}: it connects from the internet", client.name);
            return Err(Error::failed("client.https_only", message).fix(self.way_to_the_internet()));
        }
        let needs_key = self.key_for(&url)?.is_some();
        match needs_key && !client.sends_headers {
            true => {
                let mut with_key = url.clone();
                with_key.set_path(&format!("/k/KEY{}", url.path()));
                Ok((with_key.into(), true))
            }
            false => Ok((url.into(), needs_key)),
        }
    }

    /// What is lacking for an address that everybody reaches.
    fn way_to_the_internet(&self) -> &'static str {
        match &self.session {
            _ if self.url.is_some() => "give an https address that is reached from there: --url",
            None => "start a tunnel: mcpgw tunnel",
            Some(session) if session.provider == "local" => {
                "the session is for this machine only: end it and start one with a tunnel, \
                 mcpgw tunnel --provider cloudflared for example (`mcpgw providers` compares them)"
            }
            Some(_) => {
                "the tunnel's server is on this machine, or speaks plain http: start one without --server"
            }
        }
    }

    /// With a path it is taken as it is; without one the MCP path is appended.
    fn with_path(&self, url: &Url) -> Result<Url> {
        if url.path() != "/" {
            return Ok(url.clone());
        }
        let values = Values { url: "", host: "", port: self.port, profile: &self.profile };
        let mut url = url.clone();
        url.set_path(&fill(&self.mcp_path, values)?);
        Ok(url)
    }

    /// The session's key, for the session's own address and for no other.
    fn key_for(&self, url: &Url) -> Result<Option<String>> {
        let Some(session) = &self.session else { return Ok(None) };
        let addresses = [session.url.as_deref(), Some(session.local_url.as_str())].into_iter().flatten();
        let is_ours =
            addresses.filter_map(|own| Url::parse(own).ok()).any(|own| own.origin() == url.origin());
        match session.key_file.as_ref().filter(|_| is_ours) {
            Some(file) => Ok(read_key(file)?.map(|key| key.reveal().to_string())),
            None => Ok(None),
        }
    }
}

/// What a bridge of this project must be told beside its folder, because no settings file says it: the gateway's
/// port and its MCP path, for when no session runs.
pub fn bridge_flags(project: Option<&Path>, port: u16, mcp_path: &str) -> Result<Vec<String>> {
    let of_project = project.map(config::project).transpose()?.unwrap_or_default();
    let told = Settings::from_layer(
        Layer { port: of_project.port, mcp_path: of_project.mcp_path, ..Layer::default() }
            .over(config::user()?),
    )?;
    let mut flags = vec![];
    if port != told.port {
        flags.extend(["--port".to_string(), port.to_string()]);
    }
    if mcp_path != told.mcp_path {
        flags.extend(["--mcp-path".to_string(), mcp_path.to_string()]);
    }
    Ok(flags)
}

fn parse(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|error| Error::failed("client.url", format!("read the address {text}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::super::registry::find;
    use super::*;

    fn aim() -> Aim {
        Aim {
            via: None,
            url: None,
            session: None,
            profile: "team".into(),
            mcp_path: "/api/mcp/{profile}".into(),
            port: 3001,
            project: None,
            bridge_flags: vec![],
            headers: vec![],
            mcpgw: "/opt/mcpgw".into(),
            home: None,
        }
    }

    fn url(aim: &Aim, client: &str) -> String {
        match aim.link(find(client).unwrap()).unwrap() {
            Link::Http { url, .. } => url,
            Link::Bridge { .. } => panic!("a bridge"),
        }
    }

    #[test]
    fn without_a_session_it_leads_to_the_gateway_here() {
        assert_eq!(url(&aim(), "cursor"), "http://localhost:3001/api/mcp/team");
        assert_eq!(url(&aim(), "kiro"), "http://localhost:3001/api/mcp/team");
    }

    #[test]
    fn an_address_with_a_path_is_taken_as_it_is() {
        let named = |text: &str| Aim { url: Some(Url::parse(text).unwrap()), ..aim() };
        assert_eq!(url(&named("https://x.example"), "cursor"), "https://x.example/api/mcp/team");
        assert_eq!(url(&named("https://x.example/mcp"), "cursor"), "https://x.example/mcp");
        let refused = named("http://x.example").link(find("kiro").unwrap()).unwrap_err();
        assert_eq!(refused.code, "client.https_only");
    }

    #[test]
    fn who_speaks_stdio_only_gets_a_bridge_that_holds_no_key_and_no_address() {
        let desktop = find("claude-desktop").unwrap();
        let link = aim().link(desktop).unwrap();
        let args = ["bridge", "--profile", "team"].map(String::from).to_vec();
        assert_eq!(link, Link::Bridge { command: "/opt/mcpgw".into(), args, env: vec![] });
        let tied = Aim {
            project: Some("/work/shop".into()),
            bridge_flags: vec!["--port".into(), "4".into()],
            ..aim()
        };
        let Link::Bridge { args, .. } = tied.link(desktop).unwrap() else { panic!("no bridge") };
        assert_eq!(args.join(" "), "bridge --profile team --project /work/shop --port 4");
        let named = Aim { url: Url::parse("https://x.example/mcp").ok(), ..tied };
        let Link::Bridge { args, .. } = named.link(desktop).unwrap() else { panic!("no bridge") };
        assert_eq!(args.join(" "), "bridge --profile team --url https://x.example/mcp");
        let forced = Aim { via: Some(Via::Tunnel), ..aim() }.link(desktop).unwrap_err();
        assert_eq!(forced.code, "client.stdio_only");
    }

    #[test]
    fn the_key_goes_to_the_sessions_own_address_only() {
        let home = tempfile::tempdir().unwrap();
        let key = home.path().join("key");
        std::fs::write(&key, "0123456789abcdef\n").unwrap();
        let session = serde_json::json!({
            "id": "a", "pid": 1, "pid_start": 1, "started_at": "", "phase": "ready", "provider": "local",
            "gateway_port": 3001, "edge_port": 1, "local_url": "http://127.0.0.1:1", "profile": "team",
            "key_file": key, "url": "https://x.example", "mcp_url": "https://x.example/api/mcp/team",
            "callback_url": null, "env": {}, "logs": ""
        });
        let aim = Aim { session: Some(serde_json::from_value(session).unwrap()), ..aim() };
        let has_key = |aim: &Aim| aim.link(find("cursor").unwrap()).unwrap().has_key();
        assert!(has_key(&aim));
        assert_eq!(url(&aim, "cursor"), "https://x.example/api/mcp/team");
        assert_eq!(
            url(&Aim { profile: "other".into(), ..aim.clone() }, "cursor"),
            "https://x.example/api/mcp/other"
        );
        let elsewhere = Aim { url: Some(Url::parse("https://evil.example").unwrap()), ..aim.clone() };
        assert!(!has_key(&elsewhere));
        assert!(!has_key(&Aim { via: Some(Via::Local), ..aim.clone() }));
        let own = vec![("authorization".to_string(), "Bearer mine".to_string())];
        assert!(!has_key(&Aim { headers: own, ..aim }));
    }
}
