//! YAML (1.2). The servers may be a map (Goose) or a list of entries that name themselves (Continue). New lines
//! take the indentation of their neighbours; inside `{}` and `[]` an entry goes on one line.

mod edit;
mod node;
mod way;
mod write;

use saphyr_parser::ScalarStyle;

use edit::{add, cut, fill, insert_lines, piece, replace};
use node::{Kind, Node, parse};
pub use way::Servers;
use way::{Way, entry, servers, way};
use write::{Member, Style, content, flow, member, scalar};

use super::{Change, Existing, Found, Refusal, Result, Spot, Value, nested};

/// What the document says, in a form that can be compared; none where there are only comments.
pub(super) fn meaning(text: &str) -> Result<Option<serde_json::Value>> {
    Ok(parse(text)?.map(|root| root.meaning()))
}

/// The entry.
pub(super) fn read(text: &str, spot: &Spot, kind: Servers) -> Result<Option<Found>> {
    let Some(root) = parse(text)? else { return Ok(None) };
    let Way::There(node) = way(&root, &spot.path)? else { return Ok(None) };
    let servers = servers(node, spot, kind)?;
    let found = entry(servers, &spot.name)
        .map(|(at, node)| Found { value: node.json(), raw: text[piece(text, servers, at)].into() });
    Ok(found)
}

pub(super) fn has_path(text: &str, path: &[String]) -> bool {
    parse(text).is_ok_and(|root| {
        root.is_some_and(|root| matches!(way(&root, path), Ok(Way::There(_) | Way::Nothing(..))))
    })
}

/// The document with the entry: a new one from `fresh`, or the old one after `changes`.
pub(super) fn put(
    text: &str,
    spot: &Spot,
    kind: Servers,
    fresh: &dyn Fn() -> Value,
    changes: &[Change],
    existing: Existing,
) -> Result<String> {
    let style = Style::of(text);
    let Some(root) = parse(text)? else {
        let lines = style.lines(&member(kind, spot, 0, &fresh()), "");
        return Ok(insert_lines(text, text.len(), &lines, &style));
    };
    match way(&root, &spot.path)? {
        Way::Missing(map, depth) => add(text, map, &member(kind, spot, depth, &fresh()), &style),
        Way::Nothing(map, found, depth) => {
            Ok(fill(text, map, found, &content(kind, spot, depth, &fresh()), &style))
        }
        Way::There(node) => {
            let servers = servers(node, spot, kind)?;
            let Some((at, node)) = entry(servers, &spot.name) else {
                let new = Member { key: (kind == Servers::Map).then(|| spot.name.clone()), value: fresh() };
                return match servers.is_empty() {
                    true => put_into_empty(text, &root, spot, kind, &fresh(), &style),
                    false => add(text, servers, &new, &style),
                };
            };
            if existing == Existing::Replace || !matches!(node.kind, Kind::Map(_)) {
                let new = Member { key: (kind == Servers::Map).then(|| spot.name.clone()), value: fresh() };
                return Ok(replace(text, servers, at, &new, &style));
            }
            change(text, spot, changes, &style)
        }
    }
}

/// `{}` or `[]` becomes lines below its key.
fn put_into_empty(
    text: &str,
    root: &Node,
    spot: &Spot,
    kind: Servers,
    value: &Value,
    style: &Style,
) -> Result<String> {
    let (last, above) = spot.path.split_last().ok_or_else(|| Refusal::whole("the servers need a key"))?;
    let Way::There(map) = way(root, above)? else { return Err(Refusal::whole("the servers need a key")) };
    let found = map.get(last).ok_or_else(|| Refusal::whole("the servers need a key"))?;
    Ok(fill(text, map, found, &content(kind, spot, spot.path.len() - 1, value), style))
}

fn change(text: &str, spot: &Spot, changes: &[Change], style: &Style) -> Result<String> {
    let mut new = text.to_string();
    for change in changes {
        let root = parse(&new)?.ok_or_else(|| Refusal::whole("the document is empty"))?;
        let Way::There(node) = way(&root, &spot.path)? else { return Ok(new) };
        let Some((_, node)) = entry(node, &spot.name) else { return Ok(new) };
        new = match change {
            Change::Set(path, value) => set(&new, node, path, value, style)?,
            Change::Drop(path) => drop_field(&new, node, path),
            Change::Fresh(..) => continue,
        };
    }
    Ok(new)
}

fn set(text: &str, node: &Node, path: &[String], wanted: &Value, style: &Style) -> Result<String> {
    let Some((key, rest)) = path.split_first() else { return Ok(text.into()) };
    let Kind::Map(pairs) = &node.kind else { return Err(Refusal::at(node.at.start, "this must be a map")) };
    let new = || Member { key: Some(key.clone()), value: nested(rest, wanted.clone()) };
    let Some(found) = node.get(key) else { return add(text, node, &new(), style) };
    let value = &pairs[found].1;
    match (&value.kind, wanted) {
        (Kind::Map(_), _) if !rest.is_empty() && !value.is_empty() => set(text, value, rest, wanted, style),
        _ if rest.is_empty() && value.json() == wanted.read() => Ok(text.into()),
        (Kind::Scalar(_, said), Value::Text(_) | Value::Flag(_) | Value::Number(_))
            if rest.is_empty()
                && !value.at.is_empty()
                && !matches!(said, ScalarStyle::Literal | ScalarStyle::Folded) =>
        {
            let said = if node.is_flow(text) { flow(wanted) } else { scalar(wanted) };
            Ok(format!("{}{}{}", &text[..value.at.start], said, &text[value.at.end..]))
        }
        _ => Ok(replace(text, node, found, &new(), style)),
    }
}

fn drop_field(text: &str, node: &Node, path: &[String]) -> String {
    let Some((key, rest)) = path.split_first() else { return text.into() };
    let (Kind::Map(pairs), Some(found)) = (&node.kind, node.get(key)) else { return text.into() };
    let value = &pairs[found].1;
    let alone = match &value.kind {
        Kind::Map(below) => below.len() == 1 && rest.first().is_some_and(|name| value.get(name).is_some()),
        _ => false,
    };
    match rest.is_empty() || (alone && rest.len() == 1) {
        true => cut(text, node, found),
        false => drop_field(text, value, rest),
    }
}

/// The document without the entry, and without those of the levels that it made which are empty then.
pub(super) fn take_out(text: &str, spot: &Spot, kind: Servers, made: usize) -> Result<String> {
    let Some(root) = parse(text)? else { return Ok(text.into()) };
    let Way::There(node) = way(&root, &spot.path)? else { return Ok(text.into()) };
    let Some((at, _)) = entry(servers(node, spot, kind)?, &spot.name) else { return Ok(text.into()) };
    let only = match &node.kind {
        Kind::Map(pairs) => pairs.len() == 1,
        Kind::List(items) => items.len() == 1,
        _ => false,
    };
    if !only {
        return Ok(cut(text, node, at));
    }
    // The last one leaves an empty block, which says nothing: the levels that we made go, the others say so.
    let keep = spot.path.len() - made.min(spot.path.len());
    let mut depth = spot.path.len();
    while depth > keep {
        let Way::There(map) = way(&root, &spot.path[..depth - 1])? else { break };
        let (Kind::Map(pairs), Some(found)) = (&map.kind, map.get(&spot.path[depth - 1])) else { break };
        if pairs.len() > 1 || depth - 1 == 0 || depth - 1 == keep {
            return Ok(cut(text, map, found));
        }
        depth -= 1;
    }
    if node.is_flow(text) {
        return Ok(cut(text, node, at));
    }
    let Way::There(map) = way(&root, &spot.path[..spot.path.len() - 1])? else { return Ok(text.into()) };
    let (Kind::Map(pairs), Some(found)) = (&map.kind, map.get(&spot.path[spot.path.len() - 1])) else {
        return Ok(text.into());
    };
    let key_end = pairs[found].0.at.end;
    let colon = key_end + text[key_end..].find(':').unwrap_or(0) + 1;
    let empty = if kind == Servers::Map { " {}" } else { " []" };
    let without = cut(text, node, at);
    Ok(format!("{}{empty}{}", &without[..colon], &without[colon..]))
}
