//! `mcpgw configure --list`: the clients, whether they are here, and whether they have an entry.

use std::path::PathBuf;

use serde::Serialize;

use super::aim::project;
use crate::cli::ConfigureArgs;
use crate::client::{self, Client, Ground, Place};
use crate::report;
use crate::state::State;

#[derive(Serialize)]
struct Row {
    id: &'static str,
    name: &'static str,
    installed: bool,
    path: Option<PathBuf>,
    configured: bool,
    confidence: &'static str,
}

pub(super) fn run(args: &ConfigureArgs, state: &State, ground: &Ground) {
    let project = project(None, ground);
    let row = |client: &'static Client| {
        let path = client::file_of(client, args.scope, ground).ok();
        let place = path.clone().map(|path| {
            let of_project = || client::name_for(state, client, &path, project.as_deref(), None).name;
            let name = args.name.clone().unwrap_or_else(of_project);
            Place { client, path, scope: args.scope, name, project: None }
        });
        Row {
            id: client.id,
            name: client.name,
            installed: client::is_installed(client, ground),
            configured: place.is_some_and(|place| client::has_entry(&place).unwrap_or(false)),
            confidence: client.confidence.word(),
            path,
        }
    };
    let mut rows: Vec<Row> = client::ALL.iter().map(row).collect();
    if args.json {
        return report::out(&serde_json::json!({"clients": rows}).to_string());
    }
    // What is here first: most of the others are nobody's business.
    rows.sort_by_key(|row| (!row.configured, !row.installed, row.path.is_none()));
    for row in rows {
        let state = match (row.configured, row.installed, &row.path) {
            (true, _, _) => "configured",
            (_, true, _) => "installed",
            (_, _, Some(_)) => "not installed",
            (_, _, None) => "not here",
        };
        let path = row.path.map(|path| path.display().to_string()).unwrap_or_default();
        let note = if row.confidence == "low" { "  (needs --experimental)" } else { "" };
        report::out(&format!("{:<16} {state:<14} {path}{note}", row.id));
    }
}
