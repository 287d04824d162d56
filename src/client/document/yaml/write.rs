//! Values as lines of a block, or on one line inside brackets.

use super::super::{Spot, Value, nested, newline};
use super::way::Servers;

/// A new member of a map or a list.
pub(super) struct Member {
    pub(super) key: Option<String>,
    pub(super) value: Value,
}

/// What the key of this depth on is to hold.
pub(super) fn member(kind: Servers, spot: &Spot, depth: usize, value: &Value) -> Member {
    Member { key: Some(spot.path[depth].clone()), value: content(kind, spot, depth, value) }
}

pub(super) fn content(kind: Servers, spot: &Spot, depth: usize, value: &Value) -> Value {
    let servers = match kind {
        Servers::Map => Value::Map(vec![(spot.name.clone(), value.clone())]),
        Servers::List => Value::Map(vec![(LIST_ITEM.into(), value.clone())]),
    };
    nested(&spot.path[depth + 1..], servers)
}

/// Stands for the one item of a list in a [`Value`], which has no lists of maps.
const LIST_ITEM: &str = "\u{0}-";

pub(super) struct Style {
    pub(super) newline: &'static str,
    unit: usize,
}

impl Style {
    pub(super) fn of(text: &str) -> Self {
        let indents = text.lines().filter_map(|line| {
            let said = line.trim_start_matches(' ');
            let indent = line.len() - said.len();
            (indent > 0 && !said.is_empty() && !said.starts_with('#')).then_some(indent)
        });
        Self { newline: newline(text), unit: indents.min().filter(|unit| *unit <= 8).unwrap_or(2) }
    }

    /// The lines of a member, each with `indent` before it.
    pub(super) fn lines(&self, member: &Member, indent: &str) -> String {
        let mut out = String::new();
        match (&member.key, &member.value) {
            (_, Value::Raw(raw)) => out.push_str(raw),
            (Some(key), value) => self.pair(key, value, indent, &mut out),
            (None, value) => self.item(value, indent, &mut out),
        }
        out
    }

    pub(super) fn pair(&self, key: &str, value: &Value, indent: &str, out: &mut String) {
        out.push_str(&format!("{indent}{}:", plain(key)));
        let inner = format!("{indent}{}", " ".repeat(self.unit));
        match value {
            Value::Map(fields) if fields.is_empty() => out.push_str(&format!(" {{}}{}", self.newline)),
            Value::Map(fields) => {
                out.push_str(self.newline);
                for (name, value) in fields {
                    match (name == LIST_ITEM, value) {
                        (_, Value::Raw(raw)) => out.push_str(raw),
                        (true, value) => self.item(value, &inner, out),
                        (false, value) => self.pair(name, value, &inner, out),
                    }
                }
            }
            Value::List(items) if !items.is_empty() => {
                out.push_str(self.newline);
                for item in items {
                    out.push_str(&format!("{inner}- {}{}", plain(item), self.newline));
                }
            }
            Value::List(_) => out.push_str(&format!(" []{}", self.newline)),
            value => out.push_str(&format!(" {}{}", scalar(value), self.newline)),
        }
    }

    fn item(&self, value: &Value, indent: &str, out: &mut String) {
        let Value::Map(fields) = value else { return };
        let inner = format!("{indent}  ");
        let mut lines = String::new();
        fields.iter().for_each(|(name, value)| self.pair(name, value, &inner, &mut lines));
        out.push_str(&format!("{indent}- {}", lines.strip_prefix(&inner).unwrap_or(&lines)));
    }
}

pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::Text(text) => plain(text),
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Without quotes where no reader can take it for anything else.
pub(super) fn plain(text: &str) -> String {
    let fine = |char: char| char.is_ascii_alphanumeric() || "-_./:~@%+=".contains(char);
    let word = text.to_ascii_lowercase();
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&word.as_str());
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    match begins && !special && text.chars().all(fine) && !text.ends_with(':') {
        true => text.into(),
        false => serde_json::Value::from(text).to_string(),
    }
}

pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Map(fields) if fields.first().is_some_and(|(name, _)| name == LIST_ITEM) => {
            format!("[{}]", fields.iter().map(|(_, value)| flow(value)).collect::<Vec<_>>().join(", "))
        }
        Value::Map(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{}: {}", plain(key), flow(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| flow_text(item)).collect::<Vec<_>>().join(", "))
        }
        Value::Text(text) => flow_text(text),
        Value::Raw(raw) => raw.clone(),
        value => scalar(value),
    }
}

/// Quoted: inside brackets a colon may end a word in some readers.
fn flow_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
