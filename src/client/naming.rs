//! What an entry is called when nobody names it. Each project has an entry of its own in a client's file: the first
//! is `mcpgw`, and where another project has that, `mcpgw-FOLDER`. So nobody's entry goes without a word.

use std::path::{Path, PathBuf};

use super::document;
use super::entry;
use super::registry::Client;
use super::store::{self, Mine};
use super::{Link, known, spot};
use crate::state::State;

/// The first project's.
const NAME: &str = "mcpgw";
/// Clients put it before the names of tools, and some take 60 letters for both.
const LONGEST: usize = 20;

/// A name, and why it is that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The entry's name.
    pub name: String,
    /// The project that has `mcpgw`.
    pub beside: Option<PathBuf>,
}

/// The name for an entry of `project` in this file: the one that it has there, else the first that no other project
/// has. With `link`, an entry that leads to the same place will do, whoever wrote it.
pub fn name_for(
    state: &State,
    client: &Client,
    path: &Path,
    project: Option<&Path>,
    link: Option<&Link>,
) -> Named {
    let plain = Named { name: NAME.into(), beside: None };
    let (Some(project), Ok(content)) = (project, store::look(path)) else { return plain };
    let mine = known(state, path);
    let names = names(project);
    let found: Vec<Option<Entry>> =
        names.iter().map(|name| look(client, &content.text, &mine, name)).collect();
    let beside = || found[0].as_ref().and_then(|entry| entry.owner.clone()).filter(|owner| owner != project);
    let its_own =
        |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| entry.owner.as_deref() == Some(project));
    let same = |entry: &Option<Entry>| match (entry, link) {
        (Some(entry), Some(link)) => entry.leads_to.as_ref() == Some(&link.leads_to()),
        _ => false,
    };
    // A project that is gone has no use for its entry.
    let free = |entry: &Option<Entry>| {
        entry.as_ref().and_then(|entry| entry.owner.as_ref()).is_none_or(|owner| !owner.exists())
    };
    let at = found.iter().position(its_own).or(found.iter().position(same)).or(found.iter().position(free));
    match at.unwrap_or(names.len() - 1) {
        0 => plain,
        at => Named { name: names[at].clone(), beside: beside() },
    }
}

/// The project that this entry was written for, as far as is known.
pub fn owner(state: &State, client: &Client, path: &Path, name: &str) -> Option<PathBuf> {
    look(client, &store::look(path).ok()?.text, &known(state, path), name)?.owner
}

struct Entry {
    leads_to: Option<String>,
    owner: Option<PathBuf>,
}

fn look(client: &Client, text: &str, mine: &[Mine], name: &str) -> Option<Entry> {
    // Files have megabytes: those that nowhere say the name are not read for it.
    if !text.contains(name) {
        return None;
    }
    let (spot, _) = spot(client, text, name);
    let found = document::read(text, &spot).ok()??;
    let leads_to = entry::leads_to(client, &found.value);
    let written = leads_to.as_ref().and_then(|to| {
        let mut known = mine.iter().rev().filter(|entry| entry.is_at(&spot) && entry.led_to.contains(to));
        known.find_map(|entry| entry.project.clone())
    });
    let owner = leads_to.as_deref().and_then(entry::project_of_bridge).or(written);
    Some(Entry { leads_to, owner })
}

/// What this project's entry may be called, the likeliest first.
fn names(project: &Path) -> [String; 3] {
    let folder = project.file_name().unwrap_or_default().to_string_lossy();
    let plain = |char: char| if char.is_ascii_alphanumeric() || "-_".contains(char) { char } else { '-' };
    let folder: String = folder.chars().map(plain).take(LONGEST - NAME.len() - 1).collect();
    let folder = folder.trim_matches('-');
    // Folders of one name.
    let id = store::digest(project.as_os_str().as_encoded_bytes());
    let other = format!("{NAME}-{}", &id[..6]);
    match folder.is_empty() {
        true => [NAME.into(), other.clone(), other],
        false => [NAME.into(), format!("{NAME}-{folder}"), other],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projects_names_are_short_and_plain_and_its_own() {
        let of = |path: &str| names(Path::new(path));
        assert_eq!(of("/home/me/shop")[..2], ["mcpgw", "mcpgw-shop"]);
        assert_eq!(of("/x/a b.c")[1], "mcpgw-a-b-c");
        assert_eq!(of("/x/a-name-without-an-end-to-it")[1], "mcpgw-a-name-without");
        assert_ne!(of("/a/shop")[2], of("/b/shop")[2]);
        for path in ["/", "/x/\u{e9}", "/x/..."] {
            assert!(of(path).iter().all(|name| name.len() <= LONGEST && !name.ends_with('-')), "{path}");
        }
    }
}
