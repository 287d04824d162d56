//! Entries written, taken out, or shown as they would be; what people must enter themselves.

use std::path::PathBuf;

use super::aim::{aim, of_the_way, project};
use super::{Told, pick};
use crate::cli::ConfigureArgs;
use crate::client::{self, Aim, ByHand, Client, Done, Ground, Link, Named, Place, Writer};
use crate::config::{Scope, Via};
use crate::error::{Error, Result};
use crate::report::{self, Event};
use crate::state::State;

/// What people enter themselves.
pub(super) fn by_hand(
    args: &ConfigureArgs,
    clients: &[&'static ByHand],
    ground: &Ground,
) -> Result<Vec<Told>> {
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
pub(super) fn each(
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
        ..Told::of(Ok(outcome))
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
