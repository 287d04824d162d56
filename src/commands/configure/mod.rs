//! `mcpgw configure`: the gateway into MCP clients' files, out of them, and back to what was.

mod aim;
mod list;
mod undo;
mod write;

use std::process::ExitCode;

use serde::Serialize;

use super::told::Told;
use super::{ask, pick};
use crate::cli::ConfigureArgs;
use crate::client::{self, ByHand, Client, Confidence, Ground};
use crate::config;
use crate::error::{Error, Result};
use crate::report::{self, Event};
use crate::state::State;

pub(super) fn run(args: &ConfigureArgs) -> Result<ExitCode> {
    let here = std::env::current_dir().unwrap_or_default();
    let ground = Ground::now(config::project_folder(&here))?;
    if args.list {
        list::run(args, &State::look()?, &ground);
        return Ok(ExitCode::SUCCESS);
    }
    let state = State::open()?;
    let (mut told, mut notices) = (vec![], vec![]);
    if !args.dry_run {
        told.extend(client::restore_leftovers(&state).into_iter().map(Told::undone));
    }
    let chosen = chosen(args, &ground)?;
    let by_hand: Vec<&ByHand> = args.clients.iter().filter_map(|name| by_hand(name)).collect();
    if !by_hand.is_empty() && !args.undo && !args.remove {
        told.extend(write::by_hand(args, &by_hand, &ground)?);
    }
    notices.extend(either_claude(args));
    told.extend(match args.undo {
        true => undo::run(args, &state, &chosen, &ground, &mut notices)?,
        false => write::each(args, &state, &chosen, &ground, &mut notices)?,
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

/// Two clients go by that name.
fn either_claude(args: &ConfigureArgs) -> Option<Event> {
    let meant = args.clients.iter().any(|name| name.trim().eq_ignore_ascii_case("claude"));
    let fix = "for Claude Code: mcpgw configure claude-code";
    meant.then(|| Event::notice("client.claude", "`claude` is Claude Desktop here", Some(fix.into())))
}

fn tell(args: &ConfigureArgs, told: &[Told], notices: &[Event]) {
    #[derive(Serialize)]
    struct Document<'a> {
        clients: &'a [Told],
        #[serde(skip_serializing_if = "<[Event]>::is_empty")]
        notices: &'a [Event],
    }
    if args.json {
        return report::out(&serde_json::to_string(&Document { clients: told, notices }).unwrap_or_default());
    }
    if args.undo && told.is_empty() {
        report::out("nothing to undo");
    }
    for one in told {
        if one.failure.is_none() && !one.lines.is_empty() {
            report::diff_lines(&one.lines);
        }
        one.tell(&line(args, one));
    }
    notices.iter().for_each(report::advise);
}

fn line(args: &ConfigureArgs, told: &Told) -> String {
    let path = told.shown_path();
    match (args.dry_run, told.lines.is_empty()) {
        (true, true) => format!("{path} is as it should be"),
        (true, false) => String::new(),
        (false, _) => {
            let to = told.url.as_ref().map(|url| format!(" -> {url}")).unwrap_or_default();
            format!("{} {path}{to}{}", told.action, told.shown_entries())
        }
    }
}
