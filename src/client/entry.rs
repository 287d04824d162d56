//! What an entry says: the changes that make a client's entry lead to the gateway, and whose an entry is.
//! Pure.

use std::path::PathBuf;

use serde_json::Value as Json;

use super::document::{Change, Value};
use super::registry::{Client, Part, Shape};

/// How the client reaches the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It speaks HTTP to this address.
    Http {
        /// Where MCP is served.
        url: String,
        /// The key that it sends as a bearer token.
        key: Option<String>,
        /// What else it sends; their values are secrets.
        headers: Vec<(String, String)>,
    },
    /// It starts `mcpgw bridge`.
    Bridge {
        /// The absolute path of mcpgw.
        command: String,
        /// `bridge` and its flags.
        args: Vec<String>,
        /// Variables it needs.
        env: Vec<(String, String)>,
    },
}

impl Link {
    /// Where an entry with it leads, as [`leads_to`] reads it.
    pub fn leads_to(&self) -> String {
        match self {
            Self::Http { url, .. } => url.clone(),
            Self::Bridge { command, args, .. } => {
                [std::slice::from_ref(command), args].concat().join("\u{0}")
            }
        }
    }

    /// Does it write secrets into the file?
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::Http { key, headers, .. } if key.is_some() || !headers.is_empty())
    }

    /// Does it write a key of ours?
    pub fn has_key(&self) -> bool {
        matches!(self, Self::Http { key: Some(_), .. })
    }
}

const AUTHORIZATION: &str = "Authorization";

/// What leads from any entry of ours to one with this link. `had_key`: the old one holds a key that we wrote.
pub fn changes(client: &Client, newer: bool, name: &str, link: &Link, had_key: bool) -> Vec<Change> {
    let (shape, other) = match link {
        Link::Http { .. } => (client.http, client.stdio),
        Link::Bridge { .. } => (client.stdio, client.http),
    };
    let mut changes: Vec<Change> = shape
        .iter()
        // The newer layout says `disabled` where the older says `enabled`; saying neither is on in both.
        .filter(|(_, part)| !(newer && *part == Part::On))
        .filter_map(|(key, part)| field(key, *part, name, link))
        .collect();
    changes.extend(extras(client, link, had_key));
    let of_other = |part: &Part| {
        matches!(part, Part::Url | Part::Command | Part::Args | Part::CommandLine | Part::Word(_))
    };
    let has = |shape: Shape, key: &str| shape.iter().any(|(known, _)| *known == key);
    let stale = other.iter().filter(|(key, part)| of_other(part) && !has(shape, key));
    changes.extend(stale.map(|(key, _)| Change::Drop(vec![(*key).into()])));
    changes
}

fn field(key: &str, part: Part, name: &str, link: &Link) -> Option<Change> {
    let path = vec![key.to_string()];
    let value = match (part, link) {
        (Part::Url, Link::Http { url, .. }) => Value::Text(url.clone()),
        (Part::Command, Link::Bridge { command, .. }) => Value::Text(command.clone()),
        (Part::Args, Link::Bridge { args, .. }) => Value::List(args.clone()),
        (Part::CommandLine, Link::Bridge { command, args, .. }) => {
            Value::List(std::iter::once(command).chain(args).cloned().collect())
        }
        (Part::Word(word), _) => Value::Text(word.into()),
        (Part::Name, _) => Value::Text(name.into()),
        (Part::Slug, _) => return Some(Change::Fresh(path, Value::Text(slug(name)))),
        (Part::On, _) => return Some(Change::Fresh(path, Value::Flag(true))),
        (Part::Say(word), _) => return Some(Change::Fresh(path, Value::Text(word.into()))),
        (Part::Count(number), _) => return Some(Change::Fresh(path, Value::Number(number))),
        (Part::All, _) => return Some(Change::Fresh(path, Value::List(vec!["*".into()]))),
        _ => return None,
    };
    Some(Change::Set(path, value))
}

/// Headers and variables. A key of ours that is not wanted any more goes; what a user added stays.
fn extras(client: &Client, link: &Link, had_key: bool) -> Vec<Change> {
    let header = |name: &str| -> Vec<String> {
        let place = client.headers.unwrap_or_default().iter().map(|part| (*part).to_string());
        place.chain([name.to_string()]).collect()
    };
    let variable = |name: &str| vec![client.env.to_string(), name.to_string()];
    let text = |value: &String| Value::Text(value.clone());
    match link {
        Link::Http { key, headers, .. } => {
            let mut changes = vec![Change::Drop(variable(HOME))];
            match key {
                Some(key) => {
                    changes.push(Change::Set(header(AUTHORIZATION), Value::Text(format!("Bearer {key}"))))
                }
                None if had_key => changes.push(Change::Drop(header(AUTHORIZATION))),
                None => {}
            }
            changes.extend(headers.iter().map(|(name, value)| Change::Set(header(name), text(value))));
            changes
        }
        Link::Bridge { env, .. } => {
            let mut changes = vec![];
            if client.headers.is_some() {
                changes.push(Change::Drop(header(AUTHORIZATION)));
            }
            if env.is_empty() {
                changes.push(Change::Drop(variable(HOME)));
            }
            changes.extend(env.iter().map(|(name, value)| Change::Set(variable(name), text(value))));
            changes
        }
    }
}

/// The values of an entry that must not be shown.
pub fn secrets(client: &Client, entry: &Json) -> Vec<String> {
    let headers = client.headers.unwrap_or_default().iter().try_fold(entry, |value, key| value.get(key));
    let values = headers.and_then(Json::as_object).into_iter().flat_map(|headers| headers.values());
    values.filter_map(|value| value.as_str().map(str::to_string)).filter(|value| !value.is_empty()).collect()
}

/// The variable that a bridge needs where mcpgw's state is elsewhere.
pub const HOME: &str = "MCPGW_HOME";

fn slug(name: &str) -> String {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    if letters.starts_with(|first: char| first.is_ascii_alphabetic()) {
        letters
    } else {
        format!("m{letters}")
    }
}

/// Where an entry leads: its address, or its command line. By this we know it again.
pub fn leads_to(client: &Client, entry: &Json) -> Option<String> {
    let word = |value: &Json| value.as_str().map(str::to_string);
    let words = |value: &Json| -> Option<String> {
        Some(
            value
                .as_array()?
                .iter()
                .map(|word| word.as_str().unwrap_or_default())
                .collect::<Vec<_>>()
                .join("\u{0}"),
        )
    };
    let part = |shape: Shape, wanted: Part| {
        shape.iter().find(|(_, part)| *part == wanted).and_then(|(key, _)| entry.get(key))
    };
    let url = part(client.http, Part::Url).and_then(word);
    let line = part(client.stdio, Part::CommandLine).and_then(words);
    let command = part(client.stdio, Part::Command).and_then(word);
    let args = part(client.stdio, Part::Args).and_then(words).unwrap_or_default();
    let with_args = |command: String| if args.is_empty() { command } else { format!("{command}\u{0}{args}") };
    url.or(line).or(command.map(with_args))
}

/// Does it start a bridge of mcpgw's? Nobody else's entry does.
pub fn is_bridge(leads_to: &str) -> bool {
    let mut words = leads_to.split('\u{0}');
    let program = words.next().unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    program.trim_end_matches(".exe") == "mcpgw" && words.next() == Some("bridge")
}

/// The project that a bridge of ours is tied to.
pub fn project_of_bridge(leads_to: &str) -> Option<PathBuf> {
    let mut words = leads_to.split('\u{0}').skip_while(|word| *word != "--project");
    words.nth(1).filter(|_| is_bridge(leads_to)).map(PathBuf::from)
}

/// Text fit to be shown: bearer tokens and keys in paths are covered.
pub fn covered(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, marker)) =
        ["Bearer ", "bearer ", "/k/"].iter().filter_map(|mark| rest.find(mark).map(|at| (at, *mark))).min()
    {
        let (head, tail) = rest.split_at(at + marker.len());
        let length = tail
            .find(|char: char| {
                !(char.is_ascii_alphanumeric() || "-._~+=".contains(char) || (char == '/' && marker != "/k/"))
            })
            .unwrap_or(tail.len());
        shown.push_str(head);
        let (secret, after) = tail.split_at(length);
        shown.push_str(if secret.len() >= 8 { "***" } else { secret });
        rest = after;
    }
    shown.push_str(rest);
    shown
}
