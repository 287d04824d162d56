//! What `mcpgw configure` tells: of each client what became of it, for people and programs.

use std::path::PathBuf;

use serde::Serialize;

use crate::cli::ConfigureArgs;
use crate::client::{self, Client, Outcome};
use crate::error::{Error, Result};
use crate::report::{self, Event};

/// What became of one client, for people and programs.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    pub(super) id: &'static str,
    #[serde(skip)]
    pub(super) title: &'static str,
    pub(super) path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entry: Option<String>,
    pub(super) action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) via: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reload: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trust: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) diff: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Event>,
    #[serde(skip)]
    pub(super) lines: Vec<(char, String)>,
    #[serde(skip)]
    pub(super) failure: Option<Error>,
}

impl Told {
    pub(super) fn new(client: &'static Client, path: Option<PathBuf>, action: &'static str) -> Self {
        Self {
            id: client.id,
            title: client.name,
            path,
            entry: None,
            action,
            via: None,
            url: None,
            reload: None,
            trust: None,
            diff: None,
            warnings: vec![],
            error: None,
            lines: vec![],
            failure: None,
        }
    }

    pub(super) fn failed(client: &'static Client, path: Option<PathBuf>, error: Error) -> Self {
        let event = Event::from(&error);
        Self { error: Some(event), failure: Some(error), ..Self::new(client, path, "failed") }
    }

    /// `changed`: what a change is called here.
    pub(super) fn of(result: Result<Outcome>, changed: &'static str) -> Self {
        match result {
            Ok(outcome) => Self::new(outcome.client, Some(outcome.path), outcome.done.word(changed)),
            Err(error) => Self { id: "", title: "", ..Self::failed(&client::ALL[0], None, error) },
        }
    }
}

pub(super) fn tell(args: &ConfigureArgs, told: &[Told], notices: &[Event]) {
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
        if let Some(error) = &one.failure {
            report::failure(error);
            continue;
        }
        let path = one.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        match (args.dry_run, one.lines.is_empty()) {
            (true, true) => report::done(&format!("{}: {path} is as it should be", one.title)),
            (true, false) => report::diff_lines(&one.lines),
            (false, _) => {
                let to = one.url.as_ref().map(|url| format!(" -> {url}")).unwrap_or_default();
                report::done(&format!("{}: {} {path}{to}", one.title, one.action));
            }
        }
        if let Some(reload) = one.reload {
            report::note(&format!("{}: {reload}", one.title));
        }
        if let Some(trust) = one.trust.filter(|_| one.reload.is_some()) {
            report::note(&format!("{}: {trust}", one.title));
        }
        one.warnings.iter().for_each(report::advise);
    }
    notices.iter().for_each(report::advise);
}
