//! Giving files back: what the user configured, of one project or of all, and what sessions left that died.

use std::path::{Path, PathBuf};

use super::registry::{self, Client};
use super::store::{self, Done, Ledger, Mine, Writer};
use super::{Place, subject};
use crate::config::Scope;
use crate::error::Result;
use crate::state::State;

/// Which entries are meant: of these clients (all where none is named), in this file, of this name, that fit.
#[derive(Default)]
pub struct Which<'a> {
    /// Whose files.
    pub clients: &'a [&'static Client],
    /// In this file alone.
    pub path: Option<&'a Path>,
    /// Of this name alone.
    pub name: Option<&'a str>,
    /// Of these projects alone; `None` is the project of an entry that was written outside of any.
    pub projects: Option<&'a [Option<PathBuf>]>,
}

impl Which<'_> {
    fn fits(&self, entry: &Mine) -> bool {
        (self.clients.is_empty() || self.clients.iter().any(|client| client.id == entry.client))
            && self.path.is_none_or(|path| path == entry.path)
            && self.name.is_none_or(|name| name == entry.name)
            && self.projects.is_none_or(|projects| projects.contains(&entry.project))
    }
}

/// What became of a file, and the entries of it that are undone.
#[derive(Debug, Clone)]
pub struct Undone {
    /// Whose file.
    pub client: &'static Client,
    /// The file.
    pub path: PathBuf,
    /// What was done to it.
    pub done: Done,
    /// The names of the entries, and the project of each, as far as is known.
    pub entries: Vec<(String, Option<PathBuf>)>,
}

/// The projects that such entries of the user's were written for.
pub fn owners(state: &State, which: &Which<'_>) -> Vec<Option<PathBuf>> {
    let records = Ledger::all(state).into_iter().filter_map(|ledger| ledger.record(&Writer::User));
    let fitting = records.flat_map(|record| record.entries).filter(|entry| which.fits(entry));
    let mut owners: Vec<_> = fitting.map(|entry| entry.project).collect();
    owners.sort();
    owners.dedup();
    owners
}

/// Undoes what `writer` did: each file once.
pub fn undo(state: &State, writer: &Writer, which: &Which<'_>) -> Vec<Result<Undone>> {
    let wanted = |entry: &Mine| which.fits(entry);
    let mut outcomes = vec![];
    for record in Ledger::all(state).iter().filter_map(|ledger| ledger.record(writer)) {
        let Some(first) = record.entries.iter().find(|entry| wanted(entry)) else { continue };
        let Some(client) = registry::find(&first.client) else { continue };
        let place = Place {
            client,
            path: first.path.clone(),
            scope: Scope::User,
            name: first.name.clone(),
            project: None,
        };
        match store::undo(state, &subject(&place, true), writer, &wanted) {
            Ok(undone) => outcomes.extend(by_file(undone, client).into_iter().map(Ok)),
            Err(error) => outcomes.push(Err(error)),
        }
    }
    outcomes
}

/// A file may have several entries, and several names.
fn by_file(undone: Vec<(Mine, Done)>, client: &'static Client) -> Vec<Undone> {
    let mut files: Vec<Undone> = vec![];
    for (entry, done) in undone {
        let client = registry::find(&entry.client).unwrap_or(client);
        let named = (entry.name, entry.project);
        match files.iter_mut().find(|file| file.client.id == client.id && file.path == entry.path) {
            Some(file) => {
                file.entries.push(named);
                if file.done == Done::Unchanged {
                    file.done = done;
                }
            }
            None => files.push(Undone { client, path: entry.path, done, entries: vec![named] }),
        }
    }
    files
}

/// A file that a session changed which lives no more, and that is still as the session left it.
#[derive(Debug, Clone)]
pub struct Leftover {
    /// The session.
    pub session: String,
    /// The client's id.
    pub client: String,
    /// The file.
    pub path: PathBuf,
}

/// What sessions left that died before they could restore it. Looks, and changes nothing.
pub fn leftovers(state: &State) -> Vec<Leftover> {
    let alive: Vec<String> = state.running().into_iter().map(|session| session.id).collect();
    let mut found = vec![];
    for ledger in Ledger::all(state) {
        for writer in ledger.writers() {
            let Writer::Session(session) = &writer else { continue };
            if alive.contains(session) {
                continue;
            }
            let entries = ledger.record(&writer).map(|record| record.entries).unwrap_or_default();
            found.extend(entries.into_iter().map(|entry| Leftover {
                session: session.clone(),
                client: entry.client,
                path: entry.path,
            }));
        }
    }
    found
}

/// Restores what sessions left that died before they could; what could not be restored is said.
pub fn restore_leftovers(state: &State) -> Vec<Result<Undone>> {
    let mut sessions: Vec<String> = leftovers(state).into_iter().map(|left| left.session).collect();
    sessions.dedup();
    sessions
        .into_iter()
        .flat_map(|session| undo(state, &Writer::Session(session), &Which::default()))
        .collect()
}
