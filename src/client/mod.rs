//! The MCP clients' configuration files: which client keeps its servers where and in what shape
//! ([`registry`], [`place`], [`entry`]), how its file is edited ([`document`]) and how it is written
//! ([`store`]). Never shows a key, and never writes a file that it could not read.

mod aim;
mod by_hand;
pub mod document;
pub mod entry;
mod naming;
pub mod place;
pub mod registry;
mod rekey;
mod servers;
pub mod store;
#[cfg(test)]
mod trials;
mod undo;

use std::path::{Path, PathBuf};

pub use aim::{Aim, bridge_flags};
pub use by_hand::{BY_HAND, ByHand};
pub use entry::{HOME, Link, covered};
pub use naming::{Named, name_for, owner};
pub use place::{Ground, is_installed, written};
pub use registry::{ALL, Client, Confidence, find};
pub use rekey::rekey;
pub use servers::{Server, servers};
pub use store::{Done, Writer};
pub use undo::{Leftover, Undone, Which, leftovers, owners, restore_leftovers, undo};

use document::{Existing, Found, Room, Spot};
use store::{Content, Edit, Ledger, Mine, Over, Subject};

use crate::config::Scope;
use crate::error::{Error, Result, nearest};
use crate::file::{self, Privacy};
use crate::os;
use crate::report::Event;
use crate::state::State;

/// An entry somewhere: which client's, in which of its files, under which name.
#[derive(Debug, Clone)]
pub struct Place {
    /// Whose.
    pub client: &'static Client,
    /// The file.
    pub path: PathBuf,
    /// Whose file that is.
    pub scope: Scope,
    /// The entry's name.
    pub name: String,
    /// The project that it is for.
    pub project: Option<PathBuf>,
}

/// What became of one client.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Whose file.
    pub client: &'static Client,
    /// The file.
    pub path: PathBuf,
    /// What was done to it.
    pub done: Done,
}

/// The file in which this client would get its entry.
pub fn file_of(client: &'static Client, scope: Scope, ground: &Ground) -> Result<PathBuf> {
    let candidates = place::candidates(client, scope, ground)?;
    let Some(first) = candidates.first() else {
        let message = format!("configure {}: it has no {} file on {}", client.name, scope.word(), ground.os);
        return Err(Error::usage("client.no_file", message).fix(match scope {
            Scope::Project => "leave out --scope project",
            Scope::User => "name the file with --config",
        }));
    };
    let there: Vec<&PathBuf> = candidates.iter().filter(|path| path.is_file()).collect();
    let has_servers = |path: &&&PathBuf| {
        store::look(path).is_ok_and(|content| document::has_path(&content.text, &old_spot(client, "")))
    };
    let chosen = if there.len() > 1 { there.iter().find(has_servers).copied() } else { None };
    Ok(chosen.or(there.first().copied()).unwrap_or(first).clone())
}

fn old_spot(client: &Client, name: &str) -> Spot {
    let path = client.path.iter().map(|key| (*key).to_string()).collect();
    Spot { format: client.format, path, name: name.into() }
}

/// Where the entry is in this document, and whether it has the client's newer layout.
fn spot(client: &Client, text: &str, name: &str) -> (Spot, bool) {
    let old = old_spot(client, name);
    let Some((last, above)) = client.newer_path.split_last() else { return (old, false) };
    let newer =
        Spot { path: client.newer_path.iter().map(|key| (*key).to_string()).collect(), ..old.clone() };
    let above = above.iter().map(|key| (*key).to_string()).collect();
    let server = document::read(text, &Spot { path: above, name: (*last).into(), ..old.clone() });
    // A server may be called as the newer layout's level is.
    let is_server = server.ok().flatten().is_some_and(|found| found.value["type"].is_string());
    match document::has_path(text, &newer) && !is_server {
        true => (newer, true),
        false => (old, false),
    }
}

/// Has the client an entry of that name, and does it lead to a gateway of ours as far as we know?
pub fn has_entry(place: &Place) -> Result<bool> {
    let content = store::look(&place.path)?;
    let (spot, _) = spot(place.client, &content.text, &place.name);
    let found = document::read(&content.text, &spot);
    found.map(|found| found.is_some()).map_err(|refusal| store::refuse(&place.path, &content.text, &refusal))
}

/// Puts the entry there. `force`: over somebody else's of that name, too.
pub fn configure(state: &State, place: &Place, link: &Link, force: bool, writer: &Writer) -> Result<Outcome> {
    let subject = subject(place, link.is_secret());
    let edit = |content: &Content, mine: &[Mine]| {
        let Some(written) = with_entry(place, link, force, content, mine)? else { return Ok(Edit::Keep) };
        let Written { text, spot, before, over } = written;
        let room = if before.is_some() { Room::default() } else { document::room(&content.text, &spot) };
        let led_to = vec![link.leads_to()];
        let mine = Mine { led_to, has_key: link.has_key(), room, ..note(place, spot, before) };
        Ok(Edit::Write(text, mine, over))
    };
    let done = store::change(state, &subject, writer, &edit)?;
    Ok(Outcome { client: place.client, path: place.path.clone(), done })
}

/// What is to be known of an entry.
fn note(place: &Place, spot: Spot, before: Option<String>) -> Mine {
    Mine {
        client: place.client.id.into(),
        path: place.path.clone(),
        keys: spot.path,
        name: spot.name,
        before,
        room: Room::default(),
        led_to: vec![],
        has_key: false,
        removed: false,
        project: place.project.clone(),
    }
}

/// The file before and after, when nothing is written.
pub fn preview(state: &State, place: &Place, link: Option<&Link>, force: bool) -> Result<Preview> {
    let content = store::look(&place.path)?;
    let mine = known(state, &place.path);
    let new = match link {
        Some(link) => with_entry(place, link, force, &content, &mine)?.map(|written| written.text),
        None => without_entry(place, force, &content, &mine)?.map(|written| written.text),
    };
    let new = new.unwrap_or_else(|| content.text.clone());
    let entry = |text: &str| document::read(text, &spot(place.client, text, &place.name).0).ok().flatten();
    let entries = [entry(&content.text), entry(&new)].into_iter().flatten();
    let secrets = entries.flat_map(|found| entry::secrets(place.client, &found.value)).collect();
    Ok(Preview { exists: content.exists(), old: content.text, new, secrets })
}

/// What a change would do.
#[derive(Debug)]
pub struct Preview {
    /// Is there a file?
    pub exists: bool,
    /// Its text.
    pub old: String,
    /// Its text after the change.
    pub new: String,
    /// What of both must not be shown.
    pub secrets: Vec<String>,
}

fn known(state: &State, path: &Path) -> Vec<Mine> {
    let target = file::resolve(path).ok().and_then(|target| std::path::absolute(target).ok());
    let ledger = target.map(|target| Ledger::of(state, &target));
    let records = ledger
        .iter()
        .flat_map(|ledger| ledger.writers().into_iter().filter_map(|writer| ledger.record(&writer)));
    records.flat_map(|record| record.entries).collect()
}

/// A document that has the entry.
struct Written {
    text: String,
    spot: Spot,
    /// The entry that was there.
    before: Option<String>,
    over: Over,
}

/// The document with the entry; none when it has it already.
fn with_entry(
    place: &Place,
    link: &Link,
    force: bool,
    content: &Content,
    mine: &[Mine],
) -> Result<Option<Written>> {
    let blank = content.text.trim().is_empty() && !place.client.preamble.is_empty();
    let text = if blank { place.client.preamble } else { &content.text };
    let refuse = |refusal| store::refuse(&place.path, text, &refusal);
    let (spot, newer) = spot(place.client, text, &place.name);
    let mine: Vec<&Mine> = mine.iter().filter(|entry| entry.is_at(&spot)).collect();
    let had_key = mine.iter().any(|entry| entry.has_key);
    let changes = entry::changes(place.client, newer, &place.name, link, had_key);
    let found = document::read(text, &spot).map_err(refuse)?;
    let existing = match &found {
        None => Existing::Merge,
        Some(found) if is_ours(place.client, &found.value, &mine, Some(link)) => Existing::Merge,
        Some(_) if force => Existing::Replace,
        Some(_) => return Err(foreign(place, "overwrite")),
    };
    let new = document::put(text, &spot, &changes, existing).map_err(refuse)?;
    let over = over(place.client, found.as_ref(), &mine);
    let before = found.map(|found| found.raw);
    Ok((new != content.text).then_some(Written { text: new, spot, before, over }))
}

fn without_entry(place: &Place, force: bool, content: &Content, mine: &[Mine]) -> Result<Option<Written>> {
    let text = &content.text;
    let refuse = |refusal| store::refuse(&place.path, text, &refusal);
    let (spot, _) = spot(place.client, text, &place.name);
    let mine: Vec<&Mine> = mine.iter().filter(|entry| entry.is_at(&spot)).collect();
    let Some(found) = document::read(text, &spot).map_err(refuse)? else { return Ok(None) };
    if !(is_ours(place.client, &found.value, &mine, None) || force) {
        return Err(foreign(place, "remove"));
    }
    let room = mine.iter().map(|entry| entry.room).max_by_key(|room| room.made).unwrap_or_default();
    let new = document::take_out(text, &spot, room).map_err(refuse)?;
    let over = over(place.client, Some(&found), &mine);
    Ok(Some(Written { text: new, spot, before: Some(found.raw), over }))
}

/// Whose is what stands there, as far as we noted it down?
fn over(client: &Client, found: Option<&Found>, mine: &[&Mine]) -> Over {
    let leads_to = found.and_then(|found| entry::leads_to(client, &found.value));
    let ours = leads_to.is_some_and(|to| mine.iter().any(|entry| entry.led_to.contains(&to)));
    if ours { Over::Ours } else { Over::Theirs }
}

fn is_ours(client: &Client, value: &serde_json::Value, mine: &[&Mine], link: Option<&Link>) -> bool {
    let Some(leads_to) = entry::leads_to(client, value) else {
        // An entry that says nothing is nobody's.
        return value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    };
    let wanted = match link {
        Some(Link::Http { url, .. }) => Some(url),
        _ => None,
    };
    entry::is_bridge(&leads_to)
        || wanted == Some(&leads_to)
        || mine.iter().any(|entry| entry.led_to.contains(&leads_to))
}

fn foreign(place: &Place, verb: &str) -> Error {
    let message = format!(
        "{verb} `{}` in {}: that entry is not one that mcpgw wrote, or somebody changed where it leads",
        place.name,
        place.path.display()
    );
    Error::failed("client.foreign", message).fix("choose another --name, or give --force")
}

/// The program that a client starts for a bridge: where PATH finds it, for that stays true after an upgrade,
/// else where it lies.
pub fn own_program() -> Result<PathBuf> {
    let own = std::env::current_exe()
        .map_err(|error| Error::failed("client.program", format!("find mcpgw itself: {error}")))?;
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let found = which::which("mcpgw").ok().and_then(|found| std::path::absolute(found).ok());
    Ok(found.filter(|found| real(found) == real(&own)).unwrap_or(own))
}

/// `MCPGW_HOME`, where that is set: a bridge must be told.
pub fn own_home() -> Option<PathBuf> {
    let home = std::env::var_os(HOME).filter(|home| !home.is_empty())?;
    std::path::absolute(home).ok()
}

/// The client of that name; an error names the nearest.
pub fn known_as(name: &str) -> Result<&'static Client> {
    find(name.trim()).ok_or_else(|| {
        let ids: Vec<&str> = ALL.iter().map(|client| client.id).collect();
        let message = format!("configure `{name}`: there is no such client");
        Error::usage("client.unknown", message).fix(match nearest(name, ALL.iter().flat_map(Client::names)) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("one of {}", ids.join(", ")),
        })
    })
}

/// Takes the entry out.
pub fn remove(state: &State, place: &Place, force: bool) -> Result<Outcome> {
    let edit = |content: &Content, mine: &[Mine]| {
        Ok(without_entry(place, force, content, mine)?.map_or(Edit::Keep, |written| {
            let Written { text, spot, before, over } = written;
            Edit::TakeOut(text, Mine { removed: true, ..note(place, spot, before) }, over)
        }))
    };
    let nothing = !store::look(&place.path)?.exists();
    let done = if nothing {
        Done::Unchanged
    } else {
        store::change(state, &subject(place, false), &Writer::User, &edit)?
    };
    Ok(Outcome { client: place.client, path: place.path.clone(), done })
}

fn subject(place: &Place, secret: bool) -> Subject<'_> {
    let privacy = if secret { Privacy::Private } else { Privacy::Ordinary };
    // Claude Code locks its own file, and not those of projects.
    let locked = place.client.locked && !place.client.project.iter().any(|name| place.path.ends_with(name));
    Subject { path: &place.path, locked, privacy }
}

/// What is said where another project has the plain name. `remove`: there was none to take out.
pub fn beside(place: &Place, owner: &Path, remove: bool) -> Event {
    let Place { client, name, .. } = place;
    let owner = owner.display();
    let (message, flags) = match remove {
        false => {
            (format!("{}: this project's entry is `{name}`, for `mcpgw` is that of {owner}", client.name), "")
        }
        true => {
            (format!("{}: this project has no entry, `mcpgw` is that of {owner}", client.name), " --remove")
        }
    };
    let fix = format!("if you mean that one: mcpgw configure {}{flags} --name mcpgw", client.id);
    Event::notice("client.beside", message, Some(fix))
}

/// What is said where another project's entry was replaced, as it was asked for.
pub fn replaced(place: &Place, owner: &Path) -> Event {
    let Place { client, name, .. } = place;
    let message = format!("{}: `{name}` was the entry of {}", client.name, owner.display());
    let fix = format!(
        "to have both, leave --name out; to give it back, there: mcpgw configure {} --name {name}",
        client.id
    );
    Event::notice("client.replaced", message, Some(fix))
}

/// What the user should know about a file that was written: who can read its secrets, who else gets it.
pub fn warnings(place: &Place, link: &Link) -> Vec<Event> {
    let path = place.path.display();
    let mut warnings = vec![];
    if link.is_secret() {
        if os::others_can_read(&place.path) {
            let message = format!("{path} holds a key now, and others on this machine can read it");
            warnings.push(Event::notice("client.readable", message, Some(format!("chmod 600 {path}"))));
        }
        if place.scope == Scope::Project {
            let message = format!("{path} holds a key now, and a project's files are shared");
            let fix = "keep it out of version control, or use --via bridge, whose entry holds no key";
            warnings.push(Event::notice("client.shared", message, Some(fix.into())));
        }
    }
    if place.client.rejects_bom && store::look(&place.path).is_ok_and(|content| content.bom()) {
        let message =
            format!("{} does not start with the byte order mark that {path} begins with", place.client.name);
        warnings.push(Event::notice("client.bom", message, Some("save the file without it".into())));
    }
    warnings
}
