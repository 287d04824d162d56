//! What an undo promises, as a model: whatever users, other programs and mcpgw did to a file, in whatever order, an
//! undo leaves in our entry's place what somebody else last left there, and touches nothing else.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

/// What is done to the file.
#[derive(Debug, Clone, Copy)]
enum Step {
    Configure {
        to: u8,
        force: bool,
    },
    Remove {
        force: bool,
    },
    Undo,
    /// Somebody puts an entry of their own in the place of ours.
    Theirs(u8),
    /// The same, but one that says nothing.
    Null,
    /// Somebody takes the entry out.
    Drop,
    /// Somebody changes something else.
    Other(u8),
    /// Somebody writes the file anew in another layout.
    Format {
        lines: bool,
    },
    /// Somebody removes the file.
    Delete,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8, any::<bool>()).prop_map(|(to, force)| Step::Configure { to, force }),
        2 => any::<bool>().prop_map(|force| Step::Remove { force }),
        3 => Just(Step::Undo),
        1 => (0..3u8).prop_map(Step::Theirs),
        1 => Just(Step::Null),
        1 => Just(Step::Drop),
        1 => (0..3u8).prop_map(Step::Other),
        1 => any::<bool>().prop_map(|lines| Step::Format { lines }),
        1 => Just(Step::Delete),
    ]
}

fn ours(to: u8) -> Json {
    json!({"url": format!("https://ours{to}.example/mcp")})
}

fn theirs(which: u8) -> Json {
    json!({"command": "theirs", "args": [which.to_string()]})
}

/// What a file says: the entry, and everything else.
#[derive(Debug, Clone, PartialEq, Default)]
struct Said {
    entry: Option<Json>,
    other: Option<Json>,
}

/// What mcpgw did since the last undo.
#[derive(Debug, Clone)]
struct Past {
    /// What somebody else last left in the entry's place.
    theirs: Option<Json>,
    removed: bool,
    /// There was no file before.
    made: bool,
    /// The bytes before, while nobody else changes the file.
    exact: Option<Option<Vec<u8>>>,
}

#[derive(Default)]
struct Model {
    file: Option<Said>,
    past: Option<Past>,
}

impl Model {
    fn configure(&mut self, to: u8, force: bool, bytes: Option<Vec<u8>>) {
        let entry = self.file.as_ref().and_then(|said| said.entry.clone());
        let is_foreign = entry.as_ref().is_some_and(|entry| entry.get("command").is_some());
        if is_foreign && !force || entry == Some(ours(to)) {
            return;
        }
        self.change(entry, bytes, false);
        self.file.get_or_insert_default().entry = Some(ours(to));
    }

    fn remove(&mut self, force: bool, bytes: Option<Vec<u8>>) {
        let Some(entry) = self.file.as_ref().and_then(|said| said.entry.clone()) else { return };
        if entry.get("command").is_some() && !force {
            return;
        }
        // The only thing that we did, taken back: as if it had never been.
        let alone = |past: &&Past| past.theirs.is_none() && past.exact.is_some();
        if let Some(past) = self.past.as_ref().filter(alone) {
            let was_there = past.exact.as_ref().is_some_and(Option::is_some);
            self.file = self.file.take().filter(|_| was_there).map(|said| Said { entry: None, ..said });
            self.past = None;
            return;
        }
        self.change(Some(entry), bytes, true);
        self.file.get_or_insert_default().entry = None;
    }

    /// Notes down what an undo is to give back.
    fn change(&mut self, entry: Option<Json>, bytes: Option<Vec<u8>>, removed: bool) {
        let made = self.file.is_none();
        let is_ours = entry.as_ref().is_some_and(|entry| entry.get("url").is_some());
        match &mut self.past {
            Some(past) if !(made && past.exact != Some(None)) => {
                let nothing_since = entry.is_none() && past.removed;
                if !is_ours && !nothing_since {
                    past.theirs = entry;
                }
                past.removed = removed;
            }
            past => *past = Some(Past { theirs: entry, removed, made, exact: Some(bytes) }),
        }
    }

    /// Somebody else did something.
    fn disturbed(&mut self) {
        if let Some(past) = &mut self.past {
            past.exact = None;
        }
    }

    fn undo(&mut self) -> Option<Option<Vec<u8>>> {
        let past = self.past.take()?;
        let Some(said) = &mut self.file else { return past.exact.filter(Option::is_none) };
        let is_ours = said.entry.as_ref().is_some_and(|entry| entry.get("url").is_some());
        if is_ours || (said.entry.is_none() && past.removed) {
            said.entry = past.theirs;
            if past.made && *said == Said::default() {
                self.file = None;
            }
        }
        past.exact
    }
}

fn said(path: &Path) -> Option<Said> {
    let value: Json = serde_json::from_slice(&fs::read(path).ok()?).unwrap();
    let entry = value.get("mcpServers").and_then(|servers| servers.get("mcpgw")).cloned();
    Some(Said { entry, other: value.get("x").cloned() })
}

/// Somebody else writes the file, whole, and never as it was at any other step: bytes that we left ourselves are
/// ours, whoever wrote them again.
fn write(path: &Path, step: usize, edit: impl FnOnce(&mut Json)) {
    let mut value =
        fs::read(path).map_or_else(|_| json!({}), |bytes| serde_json::from_slice(&bytes).unwrap());
    edit(&mut value);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{value}{}", " ".repeat(step + 2))).unwrap();
}

fn run(steps: &[Step]) -> std::result::Result<(), TestCaseError> {
    let home = tempfile::tempdir().unwrap();
    let state = State::at(home.path().join("state"));
    let client = find("cursor").unwrap();
    let path = home.path().join(".cursor/mcp.json");
    let place = Place { client, path: path.clone(), scope: Scope::User, name: "mcpgw".into(), project: None };
    let mut model = Model::default();
    for (at, step) in steps.iter().enumerate() {
        let bytes = fs::read(&path).ok();
        let mut exact = None;
        match *step {
            Step::Configure { to, force } => {
                let url = ours(to)["url"].as_str().unwrap().to_string();
                let link = Link::Http { url, key: None, headers: vec![] };
                let _ = configure(&state, &place, &link, force, &Writer::User);
                model.configure(to, force, bytes);
            }
            Step::Remove { force } => {
                let _ = remove(&state, &place, force);
                model.remove(force, bytes);
            }
            Step::Undo => {
                for done in undo(&state, &Writer::User, &Which::default()) {
                    done.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
                }
                exact = model.undo();
            }
            Step::Theirs(which) => {
                write(&path, at, |value| value["mcpServers"]["mcpgw"] = theirs(which));
                model.file.get_or_insert_default().entry = Some(theirs(which));
                model.disturbed();
            }
            Step::Null => {
                write(&path, at, |value| value["mcpServers"]["mcpgw"] = Json::Null);
                model.file.get_or_insert_default().entry = Some(Json::Null);
                model.disturbed();
            }
            Step::Drop | Step::Format { .. } if bytes.is_none() => {}
            Step::Drop => {
                write(&path, at, |value| {
                    value["mcpServers"].as_object_mut().map(|servers| servers.remove("mcpgw"));
                });
                model.file.get_or_insert_default().entry = None;
                model.disturbed();
            }
            Step::Other(number) => {
                write(&path, at, |value| value["x"] = number.into());
                model.file.get_or_insert_default().other = Some(number.into());
                model.disturbed();
            }
            Step::Format { lines } => {
                let value: Json = serde_json::from_slice(&bytes.unwrap_or_default()).unwrap();
                let text = if lines { format!("{value:#}") } else { format!("  {value}") };
                fs::write(&path, format!("{text}{}", " ".repeat(at + 2))).unwrap();
                model.disturbed();
            }
            Step::Delete => {
                let _ = fs::remove_file(&path);
                model.file = None;
                model.disturbed();
            }
        }
        prop_assert_eq!(said(&path), model.file.clone(), "after step {} of {:?}", at, steps);
        if let Some(before) = exact {
            prop_assert_eq!(fs::read(&path).ok(), before, "not the bytes of before: {:?}", steps);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn an_undo_leaves_what_somebody_else_last_left(steps in prop::collection::vec(step(), 1..9)) {
        run(&steps)?;
    }
}
