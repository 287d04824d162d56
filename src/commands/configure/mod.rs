//! `mcpgw configure`: the gateway into MCP clients' files, out of them, and back to what was.

mod told;

use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use told::{Told, tell};
use url::Url;

use super::{ask, pick};
use crate::cli::ConfigureArgs;
use crate::client::{self, Aim, ByHand, Client, Confidence, Done, Ground, Link, Named, Place, Writer};
use crate::config::{self, Layer, Scope, Settings, Via};
use crate::error::{Error, Result};
use crate::gateway;
use crate::report::{self, Event};
use crate::state::{Here, SessionRecord, State};

pub(super) fn run(args: &ConfigureArgs) -> Result<ExitCode> {
    let here = std::env::current_dir().unwrap_or_default();
    let ground = Ground::now(config::project_folder(&here))?;
    if args.list {
        list(args, &ground);
        return Ok(ExitCode::SUCCESS);
    }
    let state = State::open()?;
    let (mut told, mut notices) = (vec![], vec![]);
    if !args.dry_run {
        told.extend(client::restore_leftovers(&state).into_iter().map(|result| Told::of(result, "restored")));
    }
    let chosen = chosen(args, &ground)?;
    let by_hand: Vec<&ByHand> = args.clients.iter().filter_map(|name| by_hand(name)).collect();
    if !by_hand.is_empty() && !args.undo && !args.remove {
        told.extend(enter(args, &by_hand, &ground)?);
    }
    notices.extend(either_claude(args));
    told.extend(match args.undo {
        true => undo(args, &state, &chosen, &ground),
        false => each(args, &state, &chosen, &ground, &mut notices)?,
    });
    // Of an address that nobody was given there is nothing to say.
    if !told.is_empty() && told.iter().all(|one| one.failure.is_some()) {
        notices.clear();
    }
    tell(args, &told, &notices);
    let failures = told.iter().filter_map(|one| one.failure.as_ref());
    Ok(match failures.map(|error| error.exit).min_by_key(|exit| *exit as u8) {
        None => ExitCode::SUCCESS,
        Some(exit) => ExitCode::from(exit as u8),
    })
}

/// The clients that are meant.
fn chosen(args: &ConfigureArgs, ground: &Ground) -> Result<Vec<&'static Client>> {
    let offered = |client: &Client| args.experimental || client.confidence > Confidence::Low;
    let installed = || client::ALL.iter().filter(|one| offered(one) && client::is_installed(one, ground));
    if args.config.is_some() && args.clients.len() != 1 {
        return Err(Error::usage("client.config", "use --config without exactly one client")
            .fix("name the client whose file it is"));
    }
    if args.undo && args.clients.is_empty() {
        return Ok(vec![]);
    }
    if args.all {
        return match installed().collect::<Vec<_>>() {
            none if none.is_empty() => Err(nobody(&[])),
            some => Ok(some),
        };
    }
    if args.clients.is_empty() {
        return interactively(&installed().collect::<Vec<_>>());
    }
    let mut chosen: Vec<&'static Client> = vec![];
    for name in args.clients.iter().filter(|name| by_hand(name).is_none()) {
        let client = client::known_as(name)?;
        if client.confidence == Confidence::Low && !args.experimental && !args.undo && !args.remove {
            let message =
                format!("configure {}: nobody has seen where it keeps its servers, and how", client.name);
            return Err(Error::usage("client.experimental", message)
                .fix("give --experimental to try what is told of it"));
        }
        if !chosen.iter().any(|known| known.id == client.id) {
            chosen.push(client);
        }
    }
    Ok(chosen)
}

fn interactively(installed: &[&'static Client]) -> Result<Vec<&'static Client>> {
    if installed.is_empty() || !ask::possible() {
        return Err(nobody(installed));
    }
    let names: Vec<&str> = installed.iter().map(|client| client.name).collect();
    let picked =
        ask::choose_several("Which clients? (space chooses, enter goes on)", &names)?.unwrap_or_default();
    match picked.is_empty() {
        true => Err(Error::failed("client.none", "configure anything: no client was chosen")),
        false => Ok(picked.into_iter().map(|at| installed[at]).collect()),
    }
}

fn nobody(installed: &[&'static Client]) -> Error {
    let names: Vec<&str> = installed.iter().map(|client| client.id).collect();
    let here = match names.is_empty() {
        true => "none is installed here as far as mcpgw can see".to_string(),
        false => format!("installed here: {}", names.join(", ")),
    };
    Error::usage("client.none", format!("choose the clients: none is named ({here})"))
        .fix("mcpgw configure CLIENT..., or --all; `mcpgw configure --list` names those that can be")
}

fn by_hand(name: &str) -> Option<&'static ByHand> {
    client::BY_HAND.iter().find(|client| client.answers_to(name.trim()))
}

/// What people enter themselves.
fn enter(args: &ConfigureArgs, clients: &[&'static ByHand], ground: &Ground) -> Result<Vec<Told>> {
    let aim = aim(args, ground)?;
    let told = |client: &&'static ByHand| {
        let new =
            || Told { id: client.id, title: client.name, ..Told::new(&client::ALL[0], None, "by hand") };
        match aim.by_hand(client) {
            Err(error) => {
                Told { action: "failed", error: Some(Event::from(&error)), failure: Some(error), ..new() }
            }
            Ok((url, needs_key)) => {
                let how = match client.sends_headers {
                    true => "with the header `Authorization: Bearer KEY`; `mcpgw key show` prints the key",
                    false => "with the key that `mcpgw key show` prints in place of KEY",
                };
                let key =
                    needs_key.then(|| Event::notice("client.key", format!("{}: {how}", client.name), None));
                Told {
                    url: Some(url),
                    reload: Some(client.steps),
                    warnings: key.into_iter().collect(),
                    ..new()
                }
            }
        }
    };
    Ok(clients.iter().map(told).collect())
}

/// Writes, removes, or shows what would be.
fn each(
    args: &ConfigureArgs,
    state: &State,
    chosen: &[&'static Client],
    ground: &Ground,
    notices: &mut Vec<Event>,
) -> Result<Vec<Told>> {
    if args.name.as_ref().is_some_and(|name| name.trim().is_empty() || name.chars().any(char::is_control)) {
        return Err(Error::usage("client.name", "use that --name: an entry needs a name that can be read")
            .fix("leave it out for `mcpgw`"));
    }
    if chosen.is_empty() {
        return Ok(vec![]);
    }
    let aim = if args.remove { None } else { Some(aim(args, ground)?) };
    let project = match &aim {
        Some(aim) => aim.project.clone(),
        None => project(pick::if_any(&args.which).unwrap_or_default().as_ref(), ground),
    };
    notices.extend(aim.iter().flat_map(|aim| of_the_way(aim, chosen, ground)));
    let one = |client: &&'static Client| {
        let path = match &args.config {
            Some(path) => client::written(path, ground),
            None => match client::file_of(client, args.scope, ground) {
                Ok(path) => path,
                Err(error) => return Told::failed(client, None, error),
            },
        };
        let link = aim.as_ref().map(|aim| aim.link(client)).transpose();
        let told = link.and_then(|link| {
            let named = match &args.name {
                Some(name) => Named { name: name.clone(), beside: None },
                None => client::name_for(state, client, &path, project.as_deref(), link.as_ref()),
            };
            let place = Place {
                client,
                path: path.clone(),
                scope: args.scope,
                name: named.name,
                project: project.clone(),
            };
            let owner = client::owner(state, client, &path, &place.name)
                .filter(|owner| Some(owner) != project.as_ref());
            let mut told = match (&aim, &link) {
                (Some(aim), Some(link)) => configured(args, state, &place, aim, link, ground)?,
                _ => removed(args, state, &place)?,
            };
            told.warnings.extend(of_other_projects(&told, &place, named.beside, owner, args.remove));
            told.entry = Some(place.name);
            Ok(told)
        });
        told.unwrap_or_else(|error| Told::failed(client, Some(path), error))
    };
    Ok(chosen.iter().map(one).collect())
}

/// Two clients go by that name.
fn either_claude(args: &ConfigureArgs) -> Option<Event> {
    let meant = args.clients.iter().any(|name| name.trim().eq_ignore_ascii_case("claude"));
    let fix = "for Claude Code: mcpgw configure claude-code";
    meant.then(|| Event::notice("client.claude", "`claude` is Claude Desktop here", Some(fix.into())))
}

/// What there is to say of the way to the gateway, whichever clients are told.
fn of_the_way(aim: &Aim, chosen: &[&'static Client], ground: &Ground) -> Vec<Event> {
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

/// What became of entries of other projects: none goes without a word.
fn of_other_projects(
    told: &Told,
    place: &Place,
    beside: Option<PathBuf>,
    owner: Option<PathBuf>,
    remove: bool,
) -> Option<Event> {
    let changed = told.action != "unchanged";
    match (beside, owner) {
        (Some(beside), _) if changed != remove => Some(client::beside(place, &beside, remove)),
        (None, Some(owner)) if changed && !remove => Some(client::replaced(place, &owner)),
        _ => None,
    }
}

fn configured(
    args: &ConfigureArgs,
    state: &State,
    place: &Place,
    aim: &Aim,
    link: &Link,
    ground: &Ground,
) -> Result<Told> {
    if args.dry_run {
        return client::preview(state, place, Some(link), args.force).map(|preview| shown(place, &preview));
    }
    let installed = client::is_installed(place.client, ground);
    let outcome = client::configure(state, place, link, args.force, &Writer::User)?;
    let mut warnings = client::warnings(place, link);
    if !installed && args.config.is_none() && args.scope == Scope::User {
        let message = format!("{} does not seem to be installed here", place.client.name);
        warnings.push(Event::notice("client.not_installed", message, None));
    }
    let via = aim.via(place.client);
    let url = if via == Via::Bridge { None } else { Some(client::covered(aim.address(via)?.as_str())) };
    if let Some(ca) = aim.session.as_ref().and_then(|session| session.ca_file.as_ref())
        && url.as_ref().is_some_and(|url| url.starts_with("https://localhost"))
    {
        let message = format!("{} must trust mcpgw's local CA: {}", place.client.name, ca.display());
        let fix = format!("NODE_EXTRA_CA_CERTS={} in its environment, or `mcpgw cert trust`", ca.display());
        warnings.push(Event::notice("local.trust", message, Some(fix)));
    }
    Ok(Told {
        via: Some(via.word()),
        url,
        reload: (outcome.done != Done::Unchanged).then_some(place.client.reload),
        trust: place.client.trust.or(place.client.project_trust.filter(|_| args.scope == Scope::Project)),
        warnings,
        ..Told::of(Ok(outcome), "updated")
    })
}

fn removed(args: &ConfigureArgs, state: &State, place: &Place) -> Result<Told> {
    if args.dry_run {
        return client::preview(state, place, None, args.force).map(|preview| shown(place, &preview));
    }
    let outcome = client::remove(state, place, args.force)?;
    let reload = (outcome.done != Done::Unchanged).then_some(place.client.reload);
    let action = if outcome.done == Done::Unchanged { "unchanged" } else { "removed" };
    Ok(Told { reload, ..Told::new(outcome.client, Some(outcome.path), action) })
}

fn shown(place: &Place, preview: &client::Preview) -> Told {
    let path = place.path.display().to_string();
    let lines = report::unified_diff(&path, &preview.old, &preview.new, preview.exists);
    let covered = |line: String| {
        preview
            .secrets
            .iter()
            .fold(client::covered(&line), |line, secret| line.replace(secret.as_str(), "***"))
    };
    let lines: Vec<_> = lines.into_iter().map(|(side, line)| (side, covered(line))).collect();
    let diff = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    let action = if lines.is_empty() { "unchanged" } else { "would change" };
    Told { diff: Some(diff), lines, ..Told::new(place.client, Some(place.path.clone()), action) }
}

fn undo(args: &ConfigureArgs, state: &State, chosen: &[&'static Client], ground: &Ground) -> Vec<Told> {
    let path = args.config.as_ref().map(|path| client::written(path, ground));
    let undone = client::undo(state, &Writer::User, chosen, path.as_deref());
    undone.into_iter().map(|result| Told::of(result, "restored")).collect()
}

/// Where the entries are to lead: flags and environment over the project's file over the user's.
fn aim(args: &ConfigureArgs, ground: &Ground) -> Result<Aim> {
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
fn project(session: Option<&SessionRecord>, ground: &Ground) -> Option<PathBuf> {
    let of_session = session.map(|session| session.folder.clone()).filter(|folder| folder.is_absolute());
    let had_session = || State::look().is_ok_and(|state| state.key_file(&ground.project).exists());
    let is_project = || {
        [config::PROJECT_FILE, ".git"].iter().any(|name| ground.project.join(name).exists())
            || (ground.project != ground.home && had_session())
    };
    of_session.or_else(|| is_project().then(|| ground.project.clone()))
}

#[derive(Serialize)]
struct Row {
    id: &'static str,
    name: &'static str,
    installed: bool,
    path: Option<PathBuf>,
    configured: bool,
    confidence: &'static str,
}

fn list(args: &ConfigureArgs, ground: &Ground) {
    let row = |client: &'static Client| {
        let path = client::file_of(client, args.scope, ground).ok();
        let name = args.name.clone().unwrap_or_else(|| "mcpgw".into());
        let place = path.clone().map(|path| Place { client, path, scope: args.scope, name, project: None });
        Row {
            id: client.id,
            name: client.name,
            installed: client::is_installed(client, ground),
            configured: place.is_some_and(|place| client::has_entry(&place).unwrap_or(false)),
            confidence: client.confidence.word(),
            path,
        }
    };
    let rows: Vec<Row> = client::ALL.iter().map(row).collect();
    if args.json {
        return report::out(&serde_json::json!({"clients": rows}).to_string());
    }
    for row in rows {
        let state = match (row.configured, row.installed, &row.path) {
            (true, _, _) => "configured",
            (_, true, _) => "installed",
            (_, _, Some(_)) => "not installed",
            (_, _, None) => "not here",
        };
        let path = row.path.map(|path| path.display().to_string()).unwrap_or_default();
        let note = if row.confidence == "low" { "  (needs --experimental)" } else { "" };
        report::out(&format!("{:<16} {state:<14} {:<7} {path}{note}", row.id, row.confidence));
    }
}
