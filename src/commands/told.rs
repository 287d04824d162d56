//! What commands tell of clients' files: what became of each, for people and programs.

use std::path::PathBuf;

use serde::Serialize;

use crate::client::{self, Client, Outcome, Undone};
use crate::error::{Error, Result};
use crate::report::{self, Event};

/// What became of one client, for people and programs.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) id: &'static str,
    #[serde(skip)]
    pub(super) title: &'static str,
    pub(super) path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entry: Option<String>,
    /// Of a file that was given back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) entries: Vec<Entry>,
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

/// An entry, and the project that it was written for, as far as is known.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<PathBuf>,
}

impl Told {
    pub(super) fn new(client: &'static Client, path: Option<PathBuf>, action: &'static str) -> Self {
        Self {
            id: client.id,
            title: client.name,
            path,
            entry: None,
            entries: vec![],
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

    /// Of a change.
    pub(super) fn of(result: Result<Outcome>) -> Self {
        match result {
            Ok(outcome) => Self::new(outcome.client, Some(outcome.path), outcome.done.word("updated")),
            Err(error) => Self::trouble(error),
        }
    }

    /// Of a file that was given back.
    pub(super) fn undone(result: Result<Undone>) -> Self {
        match result {
            Ok(Undone { client, path, done, entries }) => {
                let entries = entries.into_iter().map(|(name, project)| Entry { name, project }).collect();
                Self { entries, ..Self::new(client, Some(path), done.word("restored")) }
            }
            Err(error) => Self::trouble(error),
        }
    }

    /// Its words name the file.
    fn trouble(error: Error) -> Self {
        Self { id: "", title: "", ..Self::failed(&client::ALL[0], None, error) }
    }

    /// Tells people: the trouble, or this line and what there is to do after it.
    pub(super) fn tell(&self, line: &str) {
        if let Some(error) = &self.failure {
            return report::failure(error);
        }
        if !line.is_empty() {
            report::done(&format!("{}: {line}", self.title));
        }
        if let Some(reload) = self.reload {
            report::note(&format!("{}: {reload}", self.title));
        }
        if let Some(trust) = self.trust.filter(|_| self.reload.is_some()) {
            report::note(&format!("{}: {trust}", self.title));
        }
        self.warnings.iter().for_each(report::advise);
    }

    pub(super) fn shown_path(&self) -> String {
        self.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }

    /// The entries that were undone, each with its project.
    pub(super) fn shown_entries(&self) -> String {
        let word = |entry: &Entry| match &entry.project {
            Some(project) => format!("`{}` of {}", entry.name, project.display()),
            None => format!("`{}`", entry.name),
        };
        let words = self.entries.iter().map(word).collect::<Vec<_>>().join(", ");
        if words.is_empty() { words } else { format!(" ({words})") }
    }
}
