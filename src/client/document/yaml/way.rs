//! The way to the servers and to the entry among them, as far as it exists.

use std::collections::HashSet;

use super::super::{Refusal, Result, Spot};
use super::node::{Kind, Node};

/// What the path leads to, as far as it exists.
pub(super) enum Way<'a> {
    /// The node at its end.
    There(&'a Node),
    /// It ends before the key of this depth, in this map.
    Missing(&'a Node, usize),
    /// The value of the key of this depth says nothing; this is its map, and its place there.
    Nothing(&'a Node, usize, usize),
}

pub(super) fn way<'a>(root: &'a Node, path: &[String]) -> Result<Way<'a>> {
    let mut at = root;
    for (depth, key) in path.iter().enumerate() {
        let Kind::Map(pairs) = &at.kind else {
            return Err(Refusal::at(
                at.at.start,
                format!("{} must be a map, and is {}", name(path, depth), at.kind_word()),
            ));
        };
        no_doubles(pairs)?;
        let Some(found) = at.get(key) else { return Ok(Way::Missing(at, depth)) };
        if pairs[found].1.is_nothing() {
            return Ok(Way::Nothing(at, found, depth));
        }
        at = &pairs[found].1;
    }
    Ok(Way::There(at))
}

/// Two keys of one name are no YAML (1.2.2, 3.2.1.1), and the clients refuse the whole file: what is written into it
/// would help nobody. Looked for on the way to the servers; what is elsewhere is not ours to judge.
fn no_doubles(pairs: &[(Node, Node)]) -> Result<()> {
    let mut seen = HashSet::new();
    let double = pairs.iter().find_map(|(key, _)| {
        let name = key.says().filter(|name| *name != "<<")?;
        (!seen.insert(name)).then_some((key, name))
    });
    match double {
        Some((key, name)) => {
            Err(Refusal::at(key.at.start, format!("the key `{name}` is there for the second time")))
        }
        None => Ok(()),
    }
}

fn name(path: &[String], depth: usize) -> String {
    depth.checked_sub(1).map_or_else(|| "the document".into(), |above| format!("`{}`", path[above]))
}

/// How the servers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Servers {
    /// A map from names to entries.
    Map,
    /// A list of entries with a `name`.
    List,
}

pub(super) fn servers<'a>(node: &'a Node, spot: &Spot, kind: Servers) -> Result<&'a Node> {
    match (&node.kind, kind) {
        (Kind::Map(pairs), Servers::Map) => no_doubles(pairs).map(|()| node),
        (Kind::List(_), Servers::List) => Ok(node),
        _ => {
            let wanted = if kind == Servers::Map { "a map" } else { "a list" };
            let what = name(&spot.path, spot.path.len());
            Err(Refusal::at(node.at.start, format!("{what} must be {wanted}, and is {}", node.kind_word())))
        }
    }
}

/// The entry among the servers, and its place.
pub(super) fn entry<'a>(servers: &'a Node, name: &str) -> Option<(usize, &'a Node)> {
    match &servers.kind {
        Kind::Map(pairs) => servers.get(name).map(|at| (at, &pairs[at].1)),
        Kind::List(items) => {
            let named = |item: &Node| match &item.kind {
                Kind::Map(pairs) => item.get("name").is_some_and(|at| pairs[at].1.says() == Some(name)),
                _ => false,
            };
            items.iter().rposition(named).map(|at| (at, &items[at]))
        }
        _ => None,
    }
}
