//! Cuts and insertions: members of maps and lists, in blocks and inside brackets.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use super::super::{Refusal, Result, Value};
use super::node::{Kind, Node, last_byte};
use super::write::{Member, Style, flow, plain};

/// The bytes of one member: whole lines in a block, from its key to its end on one line.
pub(super) fn piece(text: &str, above: &Node, at: usize) -> Range<usize> {
    let (start, end) = match &above.kind {
        Kind::Map(pairs) => (pairs[at].0.at.start, pairs[at].0.at.end.max(pairs[at].1.at.end)),
        Kind::List(items) => (items[at].at.start, items[at].at.end),
        _ => (0, 0),
    };
    match above.is_flow(text) {
        true => start..end,
        false => start_of_line(text, start)..after_line(text, end),
    }
}

/// A member more, behind the others.
pub(super) fn add(text: &str, above: &Node, new: &Member, style: &Style) -> Result<String> {
    if above.is_flow(text) {
        let end = last_byte(above).max(above.at.start + 1);
        let value = match (&new.key, &new.value) {
            (_, Value::Raw(raw)) => raw.clone(),
            (Some(key), value) => format!("{}: {}", plain(key), flow(value)),
            (None, value) => flow(value),
        };
        let gap = if above.is_empty() { "" } else { ", " };
        return Ok(format!("{}{gap}{value}{}", &text[..end], &text[end..]));
    }
    let (first, last) = match &above.kind {
        Kind::Map(pairs) => match (pairs.first(), pairs.last()) {
            (Some(first), Some(last)) => (first.0.at.start, &last.1),
            _ => return Err(Refusal::at(above.at.start, "an empty map in braces is expected here")),
        },
        Kind::List(items) => match (items.first(), items.last()) {
            (Some(first), Some(last)) => (first.at.start, last),
            _ => return Err(Refusal::at(above.at.start, "an empty list in brackets is expected here")),
        },
        _ => return Err(Refusal::at(above.at.start, "this must be a map")),
    };
    let begin = start_of_line(text, first);
    let line = &text[begin..];
    // A member of a list's item begins behind the dash.
    let dash = matches!(above.kind, Kind::List(_)).then(|| line.find('-').unwrap_or(0));
    let indent = " ".repeat(dash.unwrap_or_else(|| text[begin..first].chars().count()));
    let lines = style.lines(new, &indent);
    // Blank lines at the end of a text block belong to it.
    let mut end = after_line(text, above.at.end);
    if let Kind::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded) = deepest(last).kind {
        while text[end..].lines().next().is_some_and(|line| line.trim().is_empty()) && end < text.len() {
            end = after_line(text, end);
        }
    }
    Ok(insert_lines(text, end, &lines, style))
}

fn deepest(node: &Node) -> &Node {
    match &node.kind {
        Kind::List(items) => items.last().map_or(node, deepest),
        Kind::Map(pairs) => pairs.last().map_or(node, |(_, value)| deepest(value)),
        _ => node,
    }
}

/// Lines below a key whose value says nothing.
pub(super) fn fill(text: &str, map: &Node, found: usize, content: &Value, style: &Style) -> String {
    let Kind::Map(pairs) = &map.kind else { return text.into() };
    let (key, value) = &pairs[found];
    if map.is_flow(text) {
        let colon = key.at.end + text[key.at.end..].find(':').unwrap_or(0) + 1;
        let end = if value.at.is_empty() { colon } else { value.at.end };
        return format!("{} {}{}", &text[..colon], flow(content), &text[end..]);
    }
    let begin = start_of_line(text, key.at.start);
    let indent = " ".repeat(text[begin..key.at.start].chars().count());
    let mut lines = String::new();
    style.pair("x", content, &indent, &mut lines);
    let below = lines.split_once('\n').map_or("", |(_, below)| below);
    let colon = key.at.end + text[key.at.end..].find(':').unwrap_or(0) + 1;
    let gone = if value.at.is_empty() { colon..colon } else { colon..value.at.end };
    let without = format!("{}{}", &text[..gone.start], &text[gone.end..]);
    insert_lines(&without, after_line(&without, gone.start), below, style)
}

pub(super) fn replace(text: &str, above: &Node, at: usize, new: &Member, style: &Style) -> String {
    let gone = piece(text, above, at);
    if above.is_flow(text) {
        let value = match (&new.key, &new.value) {
            (_, Value::Raw(raw)) => raw.clone(),
            (Some(key), value) => format!("{}: {}", plain(key), flow(value)),
            (None, value) => flow(value),
        };
        return format!("{}{value}{}", &text[..gone.start], &text[gone.end..]);
    }
    let (start, is_item) = match &above.kind {
        Kind::Map(pairs) => (pairs[at].0.at.start, false),
        Kind::List(items) => (items[at].at.start, true),
        _ => return text.into(),
    };
    let before = &text[gone.start..start];
    let dash = before.find('-').filter(|_| is_item || before.trim_start().starts_with('-'));
    if let (Some(dash), false) = (dash, is_item) {
        // The first field of a list's item shares the line of the dash.
        let lines = style.lines(new, &" ".repeat(before.chars().count()));
        return format!(
            "{}{}{}{}",
            &text[..gone.start],
            " ".repeat(dash),
            &format!("- {}", lines.trim_start()),
            &text[gone.end..]
        );
    }
    let indent = " ".repeat(dash.unwrap_or_else(|| before.chars().count()));
    format!("{}{}{}", &text[..gone.start], style.lines(new, &indent), &text[gone.end..])
}

/// The text without one member.
pub(super) fn cut(text: &str, above: &Node, at: usize) -> String {
    let gone = piece(text, above, at);
    let neighbours: Vec<Range<usize>> = match &above.kind {
        Kind::Map(pairs) => (0..pairs.len()).map(|at| piece(text, above, at)).collect(),
        Kind::List(items) => (0..items.len()).map(|at| piece(text, above, at)).collect(),
        _ => vec![],
    };
    if above.is_flow(text) {
        let (from, to) = match (at.checked_sub(1), neighbours.get(at + 1)) {
            (Some(before), _) => (neighbours[before].end, gone.end),
            (None, Some(next)) => (gone.start, next.start),
            (None, None) => (above.at.start + 1, above.at.end - 1),
        };
        return format!("{}{}", &text[..from], &text[to..]);
    }
    // The first field of a list's item shares the line of the dash: the next one moves up to it.
    if let Kind::Map(pairs) = &above.kind {
        let before = &text[gone.start..pairs[at].0.at.start];
        if let (true, Some(next)) = (before.trim_start().starts_with('-'), pairs.get(at + 1)) {
            return format!("{}{}", &text[..pairs[at].0.at.start], &text[next.0.at.start..]);
        }
    }
    format!("{}{}", &text[..gone.start], &text[gone.end..])
}

pub(super) fn insert_lines(text: &str, at: usize, lines: &str, style: &Style) -> String {
    let (head, tail) = text.split_at(at);
    match head.is_empty() || head.ends_with('\n') {
        true => format!("{head}{lines}{tail}"),
        false => {
            let lines = lines.strip_suffix(style.newline).filter(|_| tail.is_empty()).unwrap_or(lines);
            format!("{head}{}{lines}{tail}", style.newline)
        }
    }
}

fn start_of_line(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Behind the line of `at`, its end included. `at` behind a line's end is in the next one only at its begin.
fn after_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length + 1)
}
