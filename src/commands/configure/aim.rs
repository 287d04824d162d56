//! Where the entries are to lead, whose they are, and what there is to say of the way there.

use std::path::PathBuf;

use url::Url;

use super::pick;
use crate::cli::ConfigureArgs;
use crate::client::{self, Aim, Client, Ground};
use crate::config::{self, Layer, Settings, Via};
use crate::error::Result;
use crate::gateway;
use crate::report::Event;
use crate::state::{Here, SessionRecord, State};

/// Where the entries are to lead: flags and environment over the project's file over the user's.
pub(super) fn aim(args: &ConfigureArgs, ground: &Ground) -> Result<Aim> {
    let given = Layer {
        profile: args.profile.clone(),
        port: args.which.port,
        mcp_path: args.mcp_path.clone(),
        ..Layer::default()
    };
    let layer = given.over(config::project(&ground.here)?).over(config::user()?);
    let profile = layer.profile.clone();
    let settings = Settings::from_layer(Layer { url: args.url.clone(), ..layer })?;
    // In a project its own session is meant or none: another's address would be another's tools.
    let session = match &settings.url {
        // A named address may be any session's, or none's: its key follows from the address.
        Some(url) => session_at(url.as_str()).or(pick::if_any(&args.which).unwrap_or_default()),
        None => pick::if_any(&args.which)?,
    };
    let of_session = session.as_ref().map(|session| session.mcp_path.clone()).filter(|path| !path.is_empty());
    let mcp_path = args.mcp_path.clone().or(of_session).unwrap_or(settings.mcp_path);
    let of_session = session.as_ref().map(|session| session.gateway_port);
    let port = args.which.port.or(of_session).unwrap_or(settings.port);
    let project = project(session.as_ref(), ground);
    Ok(Aim {
        via: args.via,
        url: settings.url.as_ref().map(|url| Url::parse(url.as_str())).transpose().ok().flatten(),
        profile: profile
            .or_else(|| session.as_ref().map(|session| session.profile.clone()))
            .filter(|name| !name.is_empty())
            .unwrap_or(settings.profile),
        bridge_flags: client::bridge_flags(project.as_deref(), port, &mcp_path)?,
        mcp_path,
        port,
        project,
        headers: args.header.clone(),
        mcpgw: client::own_program()?,
        home: client::own_home(),
        session,
    })
}

/// The running session whose address it is, if it is one's.
fn session_at(url: &str) -> Option<SessionRecord> {
    let url = Url::parse(url).ok()?;
    let leads_there = |own: &str| Url::parse(own).is_ok_and(|own| own.origin() == url.origin());
    let mut running = State::look().ok()?.running().into_iter();
    running.find(|session| leads_there(&session.local_url) || session.url.as_deref().is_some_and(leads_there))
}

/// The project that entries belong to: the session's, else the one of this folder, which is one where its files say
/// so or a session has a key for it.
pub(super) fn project(session: Option<&SessionRecord>, ground: &Ground) -> Option<PathBuf> {
    let of_session = session.map(|session| session.folder.clone()).filter(|folder| folder.is_absolute());
    let had_session = || State::look().is_ok_and(|state| state.key_file(&ground.project).exists());
    let is_project = || {
        [config::PROJECT_FILE, ".git"].iter().any(|name| ground.project.join(name).exists())
            || (ground.project != ground.home && had_session())
    };
    of_session.or_else(|| is_project().then(|| ground.project.clone()))
}

/// What there is to say of the way to the gateway, whichever clients are told.
pub(super) fn of_the_way(aim: &Aim, chosen: &[&'static Client], ground: &Ground) -> Vec<Event> {
    if aim.url.is_some() {
        return vec![];
    }
    if let Some(session) = &aim.session {
        let message = format!("this is the gateway of {}", session.folder.display());
        let elsewhere = session.folder != ground.project;
        return elsewhere.then(|| Event::notice("client.session", message, None)).into_iter().collect();
    }
    let none = match State::look().is_ok_and(|state| matches!(pick::here(&state), Here::Project(_))) {
        true => "no session of this project runs",
        false => "no session runs",
    };
    let (bridges, others): (Vec<&Client>, Vec<&Client>) =
        chosen.iter().partition(|client| aim.via(client) == Via::Bridge);
    let mut notices = vec![];
    if let Some(first) = others.first() {
        let port = aim.port;
        let (message, start) = match gateway::port::is_served(port) {
            true => (
                format!("{none}: the address is that of the gateway on port {port}, for this machine only"),
                "",
            ),
            false => (
                format!("{none}, and nothing listens on port {port}: the address leads nowhere yet"),
                "start the gateway there (on another one: --port), or ",
            ),
        };
        let fix = format!("{start}mcpgw tunnel --configure {} writes an address for everywhere", first.id);
        notices.push(Event::notice("client.no_session", message, Some(fix)));
    }
    if !bridges.is_empty() && aim.project.is_none() {
        let message = "this folder is no project: the bridge follows whichever session runs";
        let fix = "configure it where mcpgw.toml or .git is, and it follows that project";
        notices.push(Event::notice("client.any_session", message, Some(fix.into())));
    }
    notices
}
