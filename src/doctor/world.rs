//! What checks look at: the settings, the sessions, the gateway's port, clients for asking. Gathered once;
//! what costs something is fetched when the first check wants it. Creates nothing and changes nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderValue};
use tokio::sync::OnceCell;
use url::Url;

use super::Selection;
use super::reach::Reached;
use crate::config::{self, Layer, Settings};
use crate::edge::{OWN, Probe};
use crate::error::{Error, Result};
use crate::gateway::Health;
use crate::loopback;
use crate::os::{self, Process};
use crate::process::SESSION_MARK;
use crate::state::{self, Here, SessionRecord, State, Wanted};
use crate::web::{self, Names};

/// What only the caller knows.
#[derive(Debug)]
pub struct Told {
    /// The settings from `MCPGW_*` variables, or what is wrong with them.
    pub environment: std::result::Result<Layer, String>,
    /// The names of all variables that are settings.
    pub variables: Vec<String>,
    /// The gateway's port, where it was named.
    pub port: Option<u16>,
    /// The session's name or id, where it was named.
    pub session: Option<String>,
    /// What was asked for.
    pub selection: Selection,
}

/// Everything a check may look at.
pub struct World {
    pub(super) told: Told,
    /// Where the command was called; where the session is of another project, that project's folder.
    pub(super) here: PathBuf,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) project: Result<Layer>,
    pub(super) user: Result<Layer>,
    /// All sources together, unless one of them is broken.
    pub(super) settings: Result<Settings>,
    pub(super) state: Result<State>,
    /// Sessions with a file, whether their process lives or not.
    pub(super) sessions: Vec<SessionRecord>,
    /// The living one that is meant.
    pub(super) session: Option<SessionRecord>,
    pub(super) probe: Option<Probe>,
    pub(super) local: Result<Client>,
    pub(super) names: Arc<Names>,
    public: OnceCell<Result<Client>>,
    gateway: OnceCell<std::result::Result<SocketAddr, String>>,
    reached: OnceCell<Reached>,
    processes: OnceLock<Vec<Process>>,
}

impl World {
    /// Looks around. An error when a session was named and does not run.
    pub fn look(told: Told) -> Result<Self> {
        let called = std::env::current_dir().unwrap_or_default();
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        let state = State::look();
        let sessions = state.as_ref().map(State::sessions).unwrap_or_default();
        let place = match &state {
            Ok(state) => config::here(&called, state),
            Err(_) => Here::Folder(config::project_folder(&called)),
        };
        let session = choose(&sessions, &told, &place)?;
        // A session of another project is judged by that project's files, never by those here.
        let elsewhere = session.as_ref().map(|it| &it.folder).filter(|it| *it != place.folder());
        let here = elsewhere.filter(|folder| folder.is_dir()).cloned().unwrap_or(called);
        let (project, user) = (config::project(&here), config::user());
        let mut settings = settings(&told, &project, &user);
        if let Ok(settings) = &mut settings {
            settings.project = config::project_folder(&here);
        }
        if let (Some(session), Ok(settings)) = (&session, &mut settings) {
            as_session(settings, session);
        }
        let doh = settings.as_ref().ok().and_then(|settings| settings.doh.clone());
        Ok(Self {
            probe: session.as_ref().and_then(|session| Probe::kept(&session.logs)),
            names: Arc::new(Names::new(doh)),
            local: web::local(),
            variables: variables.collect(),
            told,
            here,
            project,
            user,
            settings,
            state,
            sessions,
            session,
            public: OnceCell::new(),
            gateway: OnceCell::new(),
            reached: OnceCell::new(),
            processes: OnceLock::new(),
        })
    }

    /// Was somebody explicit about this check?
    pub(super) fn asked_for(&self, id: &str) -> bool {
        self.told.selection.asks_for(id)
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
    }

    /// The header that keeps what doctor asks through the edge out of the log of visitors.
    pub(super) fn own(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(probe) = &self.probe
            && let Ok(mut value) = HeaderValue::from_str(&probe.answer)
        {
            value.set_sensitive(true);
            headers.insert(OWN, value);
        }
        headers
    }

    /// The gateway's port: named, else the session's, else the settings'.
    pub(super) fn port(&self) -> u16 {
        let session = self.session.as_ref().map(|session| session.gateway_port);
        let settings = self.settings.as_ref().map_or(Settings::PORT, |settings| settings.port);
        self.told.port.or(session).unwrap_or(settings)
    }

    /// Where the gateway serves MCP.
    pub(super) fn mcp_path(&self) -> String {
        let session = self.session.as_ref().filter(|session| !session.mcp_path.is_empty());
        match (session, &self.settings) {
            (Some(session), _) => session.mcp_path.replace("{profile}", &session.profile),
            (None, Ok(settings)) => settings.mcp_path(),
            (None, Err(_)) => "/api/mcp/default".into(),
        }
    }

    /// The session's address.
    pub(super) fn url(&self) -> Option<Url> {
        Url::parse(self.session.as_ref()?.url.as_deref()?).ok()
    }

    /// Is the session's address one for the whole world?
    pub(super) fn is_public(&self) -> bool {
        self.url()
            .and_then(|url| url.host_str().map(str::to_string))
            .is_some_and(|host| !loopback::is_name(&host) && host.parse::<std::net::IpAddr>().is_err())
    }

    /// Comes in as visitors do. Made off the runtime's thread: it reads all the system's CAs.
    pub(super) async fn public(&self) -> Result<Client> {
        let make = || async {
            let ca = self.session.as_ref().and_then(|session| session.ca_file.clone());
            let names = self.names.clone();
            let made = tokio::task::spawn_blocking(move || {
                let ca = ca.and_then(|file| std::fs::read_to_string(file).ok());
                web::public(ca.as_deref(), names)
            });
            made.await.unwrap_or_else(|_| Err(Error::failed("web.client", "set up an HTTP client")))
        };
        self.public.get_or_init(make).await.clone()
    }

    /// Where the gateway answers, asked once.
    pub(super) async fn gateway(&self) -> std::result::Result<SocketAddr, String> {
        const LIMIT: Duration = Duration::from_secs(4);
        let ask = || async {
            let client = self.local.clone().map_err(|error| error.message)?;
            Health { client, port: self.port(), path: None }.ask(LIMIT).await.map(|origin| origin.address)
        };
        self.gateway.get_or_init(ask).await.clone()
    }

    /// What came of asking ourselves through the public address, asked once.
    pub(super) async fn reached(&self) -> &Reached {
        self.reached.get_or_init(|| super::reach::reach(self)).await
    }

    /// Who runs.
    pub(super) fn processes(&self) -> &[Process] {
        self.processes.get_or_init(os::processes)
    }

    /// The session that this process belongs to, by the mark in its environment.
    pub(super) fn mark(&self, pid: u32) -> Option<String> {
        let mark = format!("{SESSION_MARK}=");
        let variables = os::environment(pid)?;
        variables.iter().find_map(|variable| variable.strip_prefix(&mark).map(Into::into))
    }
}

/// Flags and environment over the project's file over the user's, as for `mcpgw tunnel`.
fn settings(told: &Told, project: &Result<Layer>, user: &Result<Layer>) -> Result<Settings> {
    let environment = match &told.environment {
        Ok(layer) => layer.clone(),
        Err(why) => return Err(Error::usage("config.env", format!("use the environment: {why}"))),
    };
    Settings::from_layer(environment.over(project.clone()?).over(user.clone()?))
}

/// What a session was told on its command line counts more for it than what the files say.
fn as_session(settings: &mut Settings, session: &SessionRecord) {
    settings.env_file = session.env_file.as_ref().map(|file| file.path.clone());
    let program = match session.provider.as_str() {
        "localtunnel" => &mut settings.lt,
        "ngrok" => &mut settings.ngrok,
        "cloudflared" => &mut settings.cloudflared,
        _ => return,
    };
    program.clone_from(&session.program);
    settings.server = session.server.as_deref().and_then(|server| Url::parse(server).ok());
}

/// The living session that was named, or is on the port that was; else that of this project. Outside of one, the only
/// or the newest is meant.
fn choose(sessions: &[SessionRecord], told: &Told, here: &Here) -> Result<Option<SessionRecord>> {
    let alive: Vec<SessionRecord> = sessions.iter().filter(|session| session.is_alive()).cloned().collect();
    let wanted = Wanted { session: told.session.as_deref(), port: told.port };
    let newest = || {
        let mut meant = alive.iter().filter(|session| match here {
            Here::Project(folder) => session.folder == *folder,
            Here::Folder(_) => true,
        });
        meant.next().cloned()
    };
    match (state::choose(&alive, wanted, here), &told.session) {
        (Ok(session), _) => Ok(Some(session)),
        (Err(error), Some(_)) => Err(error),
        (Err(_), None) if told.port.is_some() => Ok(None),
        (Err(_), None) => Ok(newest()),
    }
}
