//! The house is a strict stack (lib.rs): a room uses only rooms below it. This reads every `use crate::`
//! and every `crate::` path, and fails on an arrow that runs upwards or on a room the stack does not know.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Top to bottom.
const STACK: [&str; 20] = [
    "commands", "doctor", "session", "bridge", "client", "provider", "gateway", "edge", "process", "project",
    "cert", "web", "cli", "config", "state", "report", "file", "os", "loopback", "error",
];

fn rank(room: &str) -> usize {
    STACK
        .iter()
        .position(|known| *known == room)
        .unwrap_or_else(|| panic!("`{room}` has no place in the stack"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false => found.push(path),
        }
    }
}

/// The room a file belongs to: its folder's or its own name below src.
fn room(path: &Path) -> String {
    let below = path.strip_prefix("src").unwrap();
    below.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_string()
}

/// Every room named after `crate::`, `crate::{a, b::c}` included.
fn used(text: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => drop(rooms.insert(word(rest))),
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (at, char) in list.char_indices() {
                    match char {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        char if char.is_whitespace() => {}
                        _ if start => {
                            rooms.insert(word(&list[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    rooms.remove("");
    rooms
}

#[test]
fn no_arrow_runs_upwards() {
    let mut files = vec![];
    sources(Path::new("src"), &mut files);
    let mut wrong = vec![];
    for path in files.iter().filter(|path| !["lib", "main"].contains(&room(path).as_str())) {
        let here = room(path);
        for there in used(&fs::read_to_string(path).unwrap()).into_iter().filter(|there| *there != here) {
            if rank(&there) < rank(&here) {
                wrong.push(format!("{} uses `{there}`, which is above it", path.display()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The files beside this one that it names: `super::near::...`.
fn neighbours(path: &Path) -> BTreeSet<PathBuf> {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap();
    let named = code.match_indices("super::").filter_map(|(at, found)| {
        let rest = &code[at + found.len()..];
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        rest[name.len()..].starts_with("::").then(|| path.with_file_name(name + ".rs"))
    });
    named.filter(|path| path.is_file()).collect()
}

#[test]
fn no_file_leads_back_to_itself() {
    let mut files = vec![];
    sources(Path::new("src"), &mut files);
    files.retain(|path| path.file_name().is_some_and(|name| name != "mod.rs"));
    for start in files {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start.clone()]);
        while let Some(path) = next.pop() {
            let new: Vec<PathBuf> = neighbours(&path).difference(&seen).cloned().collect();
            assert!(!new.contains(&start), "{} leads back to itself by {}", start.display(), path.display());
            seen.extend(new.iter().cloned());
            next.extend(new);
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut files = vec![];
    sources(Path::new("src"), &mut files);
    sources(Path::new("tests"), &mut files);
    files.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
    let silent: Vec<_> =
        files.iter().filter(|path| !fs::read_to_string(path).unwrap().starts_with("//!")).collect();
    assert!(silent.is_empty(), "no `//!` on the first line of {silent:?}");
}

#[test]
fn what_differs_between_systems_lives_in_one_room() {
    let mut files = vec![];
    sources(Path::new("src"), &mut files);
    let outside = files.iter().filter(|path| room(path) != "os");
    let wrong: Vec<_> = outside
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            ["cfg(unix", "cfg(windows", "cfg(target_os", "unsafe {"]
                .iter()
                .any(|needle| code.contains(needle))
        })
        .collect();
    assert!(wrong.is_empty(), "cfg or unsafe outside src/os: {wrong:?}");
}
