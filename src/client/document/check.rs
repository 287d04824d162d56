//! A second opinion: the document before and after an edit, read by a parser that had no part in the edit.
//! Whatever is not of our entry must be the same, written the same.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::{Format, Refusal, Result, Servers, Spot};

/// Refuses `new` unless it says what `old` said, our entry apart.
pub(super) fn only_the_entry_differs(old: &str, new: &str, spot: &Spot) -> Result<()> {
    let same = match spot.format {
        Format::Json(_) => strict_or_loose(old, new, spot),
        Format::Toml => toml(old, new, spot),
        Format::Yaml(servers) => yaml(old, new, spot, servers),
    };
    match same {
        Some(true) => Ok(()),
        _ => Err(Refusal::whole("it is written in a way that mcpgw does not edit")),
    }
}

/// Strict documents are read as they are; for others, comments and loose commas are blanked first.
fn strict_or_loose(old: &str, new: &str, spot: &Spot) -> Option<bool> {
    same_level(old.trim(), new.trim(), &spot.path, &spot.name).or_else(|| {
        same_level(without_comments(old).trim(), without_comments(new).trim(), &spot.path, &spot.name)
    })
}

/// What both say without our entry and without levels above it that hold nothing; numbers that are none are
/// equal as they are written.
fn toml(old: &str, new: &str, spot: &Spot) -> Option<bool> {
    let others = |text: &str| {
        let mut said = super::toml::meaning(text).ok()?;
        forget(&mut said, &spot.path, &spot.name);
        Some(format!("{said:?}"))
    };
    Some(others(old)? == others(new)?)
}

fn forget(table: &mut ::toml::Table, path: &[String], name: &str) {
    let Some((first, rest)) = path.split_first() else { return drop(table.remove(name)) };
    if let Some(::toml::Value::Table(below)) = table.get_mut(first) {
        forget(below, rest, name);
        if below.is_empty() {
            table.remove(first);
        }
    }
}

/// The same for YAML, where anchors, tags and quotes count too.
fn yaml(old: &str, new: &str, spot: &Spot, servers: Servers) -> Option<bool> {
    let others = |text: &str| -> Option<Json> {
        let mut said = super::yaml::meaning(text).ok()?.unwrap_or_else(|| json!({"map": []}));
        without(&mut said, &spot.path, &spot.name, servers);
        Some(said)
    };
    Some(others(old)? == others(new)?)
}

fn without(node: &mut Json, path: &[String], name: &str, servers: Servers) {
    let says = |node: &Json, text: &str| node[0] == text;
    let Some((first, rest)) = path.split_first() else {
        let named = |item: &Json| {
            let pairs = item["map"].as_array().into_iter().flatten();
            pairs.filter(|pair| says(&pair[0], "name")).any(|pair| says(&pair[1], name))
        };
        let members = if servers == Servers::Map { node.get_mut("map") } else { Some(node) };
        let Some(members) = members.and_then(Json::as_array_mut) else { return };
        let ours = members.iter().rposition(|member| match servers {
            Servers::Map => says(&member[0], name),
            Servers::List => named(member),
        });
        return drop(ours.map(|at| members.remove(at)));
    };
    let Some(pairs) = node.get_mut("map").and_then(Json::as_array_mut) else { return };
    let Some(at) = pairs.iter().rposition(|pair| says(&pair[0], first)) else { return };
    without(&mut pairs[at][1], rest, name, servers);
    let below = &pairs[at][1];
    // A level that says nothing may come and go with our entry.
    let nothing = ["", "~", "null", "Null", "NULL"].iter().any(|word| *below == json!([word, true]));
    if nothing || *below == json!({"map": []}) || *below == json!([]) {
        pairs.remove(at);
    }
}

/// Compares an object with what became of it. `""` is an object that was not there.
fn same_level(old: &str, new: &str, path: &[String], name: &str) -> Option<bool> {
    let (old, new) = (members(old)?, members(new)?);
    let ours = path.first().map_or(name, String::as_str);
    let (in_old, in_new) = (last(&old, ours), last(&new, ours));
    let same = others(&old, in_old).eq(others(&new, in_new));
    if !same || path.is_empty() {
        return Some(same);
    }
    same_level(below(&old, in_old), below(&new, in_new), &path[1..], name)
}

/// Of several members with one name, readers take the last.
fn last(members: &[Raw<'_>], name: &str) -> Option<usize> {
    members.iter().rposition(|(key, _)| key == name)
}

fn others<'a>(members: &'a [Raw<'a>], ours: Option<usize>) -> impl Iterator<Item = (&'a str, &'a str)> {
    let others = members.iter().enumerate().filter(move |(at, _)| Some(*at) != ours);
    others.map(|(_, (key, value))| (key.as_str(), value.get()))
}

/// `null` is where an object may come.
fn below<'a>(members: &[Raw<'a>], at: Option<usize>) -> &'a str {
    at.map(|at| members[at].1.get()).filter(|text| *text != "null").unwrap_or_default()
}

type Raw<'a> = (String, &'a RawValue);

fn members(text: &str) -> Option<Vec<Raw<'_>>> {
    match text {
        "" => Some(vec![]),
        _ => serde_json::from_str::<Members<'_>>(text).ok().map(|members| members.0),
    }
}

/// An object's members in their order, doubles included, each value as it is written.
struct Members<'a>(Vec<Raw<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut members = vec![];
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((key, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The document with blanks for its comments and for commas before a closing bracket.
pub(super) fn without_comments(text: &str) -> Cow<'_, str> {
    if !text.contains("//") && !text.contains("/*") && !has_loose_comma(text) {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    let mut comma = None;
    while at < bytes.len() {
        let rest = &text.as_bytes()[at..];
        let length = match rest[0] {
            b'"' => string_length(rest),
            b'/' => {
                let end = match rest.get(1) {
                    Some(b'*') => text[at..].find("*/").map(|end| end + 2),
                    _ => text[at..].find('\n'),
                };
                let end = end.unwrap_or(rest.len());
                bytes[at..at + end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
                at += end;
                continue;
            }
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'}' | b']' => {
                if let Some(comma) = comma {
                    bytes[comma] = b' ';
                }
                1
            }
            _ => 1,
        };
        comma = (rest[0] == b',').then_some(at);
        at += length;
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn has_loose_comma(text: &str) -> bool {
    let closing = |at: usize| text[at + 1..].trim_start().starts_with(['}', ']']);
    text.match_indices(',').any(|(at, _)| closing(at))
}

fn string_length(quoted: &[u8]) -> usize {
    let mut at = 1;
    while at < quoted.len() {
        match quoted[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    quoted.len()
}
