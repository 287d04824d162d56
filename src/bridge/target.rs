//! Where the bridge connects: what the user named, else the running session's edge on loopback, else the
//! gateway's own port. Asked again at every new connection; the choice is pure.

use std::path::PathBuf;

use url::Url;

use crate::config::{Values, fill};
use crate::state::SessionRecord;

/// What the command line, the environment and the settings say.
#[derive(Debug, Clone)]
pub struct Want {
    /// This address and no other.
    pub url: Option<Url>,
    /// The session on this gateway port (where the project is named, that one before its others); without a
    /// session, that port itself.
    pub port: Option<u16>,
    /// The session of this id, or of the project folder of this name.
    pub session: Option<String>,
    /// Instead of the session's or the settings' profile.
    pub profile: Option<String>,
    /// The settings' gateway port.
    pub gateway_port: u16,
    /// The settings' template of the MCP path.
    pub mcp_path: String,
    /// The settings' profile.
    pub default_profile: String,
    /// The project that is meant.
    pub project: PathBuf,
    /// Was it named? Then no other project's session will do.
    pub bound: bool,
}

/// An address and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) url: Url,
    pub(super) key_file: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
    /// For people: whose address it is.
    pub(super) whose: String,
}

/// Chooses among the running sessions, the newest first.
pub(super) fn choose(want: &Want, running: &[SessionRecord]) -> Result<Address, String> {
    if let Some(url) = &want.url {
        let mut url = url.clone();
        if url.path() == "/" && url.query().is_none() {
            url.set_path(&path(&want.mcp_path, want, &want.default_profile)?);
        }
        return Ok(Address { url, key_file: None, ca_file: None, whose: "--url".into() });
    }
    let on_port = |session: &SessionRecord| want.port.is_none_or(|port| session.gateway_port == port);
    let fits = |session: &&SessionRecord| {
        let name = session.folder.file_name().and_then(|name| name.to_str());
        (want.bound || on_port(session))
            && want.session.as_deref().is_none_or(|wanted| session.id == wanted || name == Some(wanted))
            && (!want.bound || session.folder == want.project)
            && !session.local_url.is_empty()
    };
    let mut candidates: Vec<&SessionRecord> = running.iter().filter(fits).collect();
    // Of a project's own sessions any will do; the port says which comes first.
    candidates.sort_by_key(|session| !on_port(session));
    let mine = candidates.iter().find(|session| session.folder == want.project);
    let ready = || candidates.iter().find(|session| session.phase == "ready");
    if let Some(session) = mine.or_else(ready).or(candidates.first()) {
        let path = path(&session.mcp_path, want, &session.profile)?;
        let url = format!("{}{path}", session.local_url);
        let url = Url::parse(&url).map_err(|_| format!("the session's address `{url}` is no URL"))?;
        let name = session.folder.file_name().unwrap_or_default().to_string_lossy();
        return Ok(Address {
            url,
            key_file: session.key_file.clone(),
            ca_file: session.ca_file.clone().filter(|_| session.local_url.starts_with("https:")),
            whose: format!("session {} {name}", session.id),
        });
    }
    if let Some(name) = &want.session {
        return Err(format!("no session `{name}` is running"));
    }
    let port = want.port.unwrap_or(want.gateway_port);
    if let Some(other) = running.iter().find(|session| want.bound && session.gateway_port == port) {
        let folder = want.project.display();
        return Err(format!(
            "no session of {folder} is running, and port {port} is that of {}",
            other.name()
        ));
    }
    let path = path(&want.mcp_path, want, &want.default_profile)?;
    let url = format!("http://127.0.0.1:{port}{path}");
    let url = Url::parse(&url).map_err(|_| format!("`{url}` is no URL"))?;
    Ok(Address {
        url,
        key_file: None,
        ca_file: None,
        whose: "the gateway's own port, no session runs".into(),
    })
}

fn path(template: &str, want: &Want, profile: &str) -> Result<String, String> {
    let profile = want.profile.as_deref().unwrap_or(profile);
    let values = Values { url: "", host: "", port: want.gateway_port, profile };
    fill(template, values).map_err(|error| error.message)
}

/// What this bridge was asked for, whatever is running: the name under which its gateway's answers are kept.
pub(super) fn name(want: &Want) -> String {
    let Want { url, port, session, profile, gateway_port, mcp_path, default_profile, project, bound: _ } =
        want;
    let profile = profile.as_ref().unwrap_or(default_profile);
    match url {
        Some(url) => format!("{url}\n{mcp_path}\n{profile}"),
        None => {
            format!("{port:?}\n{session:?}\n{gateway_port}\n{mcp_path}\n{profile}\n{}", project.display())
        }
    }
}

/// An address without what may be secret in it: query, and the key in `/k/KEY/`.
pub(super) fn shown(url: &Url) -> String {
    let mut segments: Vec<&str> = url.path().split('/').collect();
    if segments.get(1) == Some(&"k") && segments.len() > 2 {
        segments[2] = "…";
    }
    let query = if url.query().is_some() { "?…" } else { "" };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}{query}", url.scheme(), segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn want() -> Want {
        Want {
            url: None,
            port: None,
            session: None,
            profile: None,
            gateway_port: 3001,
            mcp_path: "/api/mcp/{profile}".into(),
            default_profile: "default".into(),
            project: "/home/me/shop".into(),
            bound: false,
        }
    }

    fn session(id: &str, folder: &str, phase: &str, port: u16) -> SessionRecord {
        SessionRecord {
            id: id.into(),
            pid: 1,
            pid_start: 1,
            started_at: String::new(),
            phase: phase.into(),
            folder: folder.into(),
            provider: "lt".into(),
            program: None,
            server: None,
            api_port: None,
            gateway_port: port,
            edge_port: 4000,
            local_url: format!("http://127.0.0.1:4{port}"),
            ca_file: Some("/ca.pem".into()),
            mcp_path: "/mcp/{profile}".into(),
            profile: "work".into(),
            key_file: Some("/key".into()),
            url: None,
            previous_url: None,
            mcp_url: None,
            callback_url: None,
            env: BTreeMap::new(),
            env_file: None,
            logs: PathBuf::new(),
        }
    }

    fn url(want: &Want, running: &[SessionRecord]) -> String {
        choose(want, running).unwrap().url.to_string()
    }

    #[test]
    fn a_url_with_a_path_is_taken_verbatim_and_one_without_gets_the_mcp_path() {
        let at = |text: &str| url(&Want { url: Url::parse(text).ok(), ..want() }, &[]);
        assert_eq!(at("https://x.example/mcp?a=b"), "https://x.example/mcp?a=b");
        assert_eq!(at("https://x.example"), "https://x.example/api/mcp/default");
        assert_eq!(at("https://x.example/?token=t"), "https://x.example/?token=t");
    }

    #[test]
    fn the_projects_own_session_comes_first_then_the_newest_ready_one() {
        let running = [
            session("a", "/x/new", "starting", 3001),
            session("b", "/x/ready", "ready", 3002),
            session("c", "/home/me/shop", "restarting", 3003),
        ];
        assert_eq!(url(&want(), &running), "http://127.0.0.1:43003/mcp/work");
        assert_eq!(url(&want(), &running[..2]), "http://127.0.0.1:43002/mcp/work");
        assert_eq!(url(&want(), &running[..1]), "http://127.0.0.1:43001/mcp/work");
    }

    #[test]
    fn a_port_or_a_name_chooses_and_a_profile_replaces() {
        let running = [session("a", "/x/new", "ready", 3001), session("b", "/x/old", "ready", 3002)];
        let port = Want { port: Some(3002), ..want() };
        assert_eq!(url(&port, &running), "http://127.0.0.1:43002/mcp/work");
        for name in ["b", "old"] {
            let named = Want { session: Some(name.into()), profile: Some("other".into()), ..want() };
            assert_eq!(url(&named, &running), "http://127.0.0.1:43002/mcp/other");
        }
        assert!(choose(&Want { session: Some("gone".into()), ..want() }, &running).is_err());
        assert_eq!(
            url(&Want { port: Some(3009), ..want() }, &running),
            "http://127.0.0.1:3009/api/mcp/default"
        );
    }

    #[test]
    fn a_project_that_was_named_never_gets_anothers_gateway() {
        let others = [session("a", "/x/new", "ready", 3001), session("b", "/x/old", "ready", 3002)];
        let bound = Want { bound: true, ..want() };
        assert!(choose(&bound, &others).unwrap_err().contains("port 3001 is that of new"));
        let free = Want { gateway_port: 3009, ..bound.clone() };
        assert_eq!(url(&free, &others), "http://127.0.0.1:3009/api/mcp/default");
        let mine = [others[0].clone(), session("c", "/home/me/shop", "starting", 3003)];
        assert_eq!(url(&bound, &mine), "http://127.0.0.1:43003/mcp/work");
        let two = [session("d", "/home/me/shop", "ready", 3004), mine[1].clone(), mine[0].clone()];
        assert_eq!(url(&bound, &two), "http://127.0.0.1:43004/mcp/work");
        assert_eq!(url(&Want { port: Some(3003), ..bound.clone() }, &two), "http://127.0.0.1:43003/mcp/work");
        assert_eq!(url(&Want { port: Some(9), ..bound }, &two), "http://127.0.0.1:43004/mcp/work");
    }

    #[test]
    fn a_session_brings_its_key_and_its_ca_only_for_https() {
        let mut running = [session("a", "/x", "ready", 3001)];
        let address = choose(&want(), &running).unwrap();
        assert_eq!((address.key_file, address.ca_file), (Some("/key".into()), None));
        running[0].local_url = "https://localhost:3443".into();
        assert_eq!(choose(&want(), &running).unwrap().ca_file, Some("/ca.pem".into()));
    }

    #[test]
    fn neither_query_nor_key_is_shown() {
        let at = |text: &str| shown(&Url::parse(text).unwrap());
        assert_eq!(at("https://x.example:8443/mcp?token=secret"), "https://x.example:8443/mcp?…");
        assert_eq!(at("https://x.example/k/secret/mcp"), "https://x.example/k/…/mcp");
    }
}
