//! Which checks were asked for.

use std::collections::HashSet;

use super::Check;
use crate::error::{Error, Result, nearest};

/// Everything, or the named checks and groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    names: Vec<String>,
}

impl Selection {
    /// `names` are ids (`gateway.port`) or their beginnings up to a dot (`gateway`); none means all.
    pub fn new(names: Vec<String>, table: &[Check]) -> Result<Self> {
        let names: Vec<String> = names.into_iter().filter(|name| !name.trim().is_empty()).collect();
        let selection = Self { names };
        for name in &selection.names {
            if !table.iter().any(|check| covers(name, &check.id)) {
                return Err(unknown(name, table));
            }
        }
        Ok(selection)
    }

    /// Is it to be shown?
    pub fn shows(&self, id: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| covers(name, id))
    }

    /// Did somebody ask for this very check?
    pub fn names(&self, id: &str) -> bool {
        self.names.iter().any(|name| name.trim() == id)
    }

    /// Did somebody ask for this check, or for its group?
    pub fn asks_for(&self, id: &str) -> bool {
        !self.names.is_empty() && self.shows(id)
    }

    /// The ids of what is shown and of all that it needs.
    pub(super) fn closure(&self, table: &[Check]) -> HashSet<String> {
        let mut wanted: HashSet<String> =
            table.iter().filter(|check| self.shows(&check.id)).map(|check| check.id.clone()).collect();
        // A check needs only checks above it, so one way up is enough.
        for check in table.iter().rev() {
            if wanted.contains(&check.id) {
                wanted.extend(check.needs.iter().map(ToString::to_string));
            }
        }
        wanted
    }
}

fn covers(name: &str, id: &str) -> bool {
    let name = name.trim().trim_end_matches('.');
    id == name || id.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
}

fn unknown(name: &str, table: &[Check]) -> Error {
    let groups = table.iter().filter_map(|check| check.id.split('.').next());
    let known: Vec<&str> = table.iter().map(|check| check.id.as_str()).chain(groups).collect();
    let fix = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`mcpgw doctor --json` shows all ids".into(),
    };
    Error::usage("doctor.unknown", format!("use --only {name}: there is no check of that name")).fix(fix)
}
