//! JSON with or without comments. A new member takes the manner of its neighbours: their indentation, their
//! line ends, one line or many. Ours never has a comment or a comma too many.

use super::json_scan::{Object, Root, end_of_comments, object, scan};
use super::{
    Change, Existing, Found, Refusal, Result, Room, Spot, Syntax, Value, indent_before, indent_of_line,
    nested, newline,
};

/// The entry.
pub(super) fn read(text: &str, syntax: Syntax, spot: &Spot) -> Result<Option<Found>> {
    let Some(container) = container(text, syntax, &spot.path)? else { return Ok(None) };
    let Some(at) = container.find(&spot.name) else { return Ok(None) };
    let raw = &text[container.members[at].value.clone()];
    let value = serde_json::from_str(&super::check::without_comments(raw));
    Ok(Some(Found { value: value.unwrap_or(serde_json::Value::Null), raw: raw.into() }))
}

/// Is there an object at the end of the path?
pub(super) fn has_path(text: &str, syntax: Syntax, path: &[String]) -> bool {
    container(text, syntax, path).is_ok_and(|found| found.is_some())
}

/// What a new entry finds at its place.
pub(super) fn room(text: &str, syntax: Syntax, path: &[String]) -> Room {
    let found = scan(text, syntax).and_then(|scanned| root(text, scanned));
    let Ok(Some(mut at)) = found else { return Room { made: path.len(), comma: false } };
    let comma = |at: &Object| at.members.last().is_some_and(|last| last.comma.is_some());
    for (depth, key) in path.iter().enumerate() {
        let below = at.find(key).map(|found| step(text, at.members[found].value.start, key));
        match below {
            Some(Ok(Step::Object(start)))
                if object(text, start).is_ok_and(|below| {
                    at = below;
                    true
                }) => {}
            _ => return Room { made: path.len() - depth, comma: comma(&at) },
        }
    }
    Room { made: 0, comma: comma(&at) }
}

fn container(text: &str, syntax: Syntax, path: &[String]) -> Result<Option<Object>> {
    let Some(mut at) = root(text, scan(text, syntax)?)? else { return Ok(None) };
    for key in path {
        let Some(found) = at.find(key) else { return Ok(None) };
        match step(text, at.members[found].value.start, key)? {
            Step::Object(start) => at = object(text, start)?,
            Step::Null => return Ok(None),
        }
    }
    Ok(Some(at))
}

fn root(text: &str, scanned: Root) -> Result<Option<Object>> {
    match scanned {
        Root::Nothing => Ok(None),
        Root::Object(root) => Ok(Some(root)),
        Root::Other(start) => Err(not_an_object(text, start, "the document")),
    }
}

enum Step {
    Object(usize),
    Null,
}

fn step(text: &str, at: usize, key: &str) -> Result<Step> {
    match text.as_bytes()[at] {
        b'{' => Ok(Step::Object(at)),
        b'n' => Ok(Step::Null),
        _ => Err(not_an_object(text, at, &format!("`{key}`"))),
    }
}

fn not_an_object(text: &str, at: usize, what: &str) -> Refusal {
    let kind = match text.as_bytes()[at] {
        b'[' => "a list",
        b'"' => "a string",
        b't' | b'f' => "true or false",
        b'n' => "null",
        _ => "a number",
    };
    Refusal::at(at, format!("{what} must be an object, and is {kind}"))
}

/// The document with the entry: a new one from `fresh`, or the old one after `changes`.
pub(super) fn put(
    text: &str,
    syntax: Syntax,
    spot: &Spot,
    fresh: &dyn Fn() -> Value,
    changes: &[Change],
    existing: Existing,
) -> Result<String> {
    let root = root(text, scan(text, syntax)?)?;
    let style = Style::of(text, root.as_ref());
    let whole = [spot.path.as_slice(), std::slice::from_ref(&spot.name)].concat();
    let Some(mut container) = root else {
        return Ok(first_value(text, &nested(&whole, fresh()), &style));
    };
    for (depth, key) in spot.path.iter().enumerate() {
        let rest = || nested(&whole[depth + 1..], fresh());
        let Some(found) = container.find(key) else {
            return Ok(insert(text, &container, key, &rest(), &style));
        };
        let value = container.members[found].value.clone();
        match step(text, value.start, key)? {
            Step::Object(start) => container = object(text, start)?,
            Step::Null => return Ok(replace(text, value, &rest(), &style)),
        }
    }
    let Some(found) = container.find(&spot.name) else {
        return Ok(insert(text, &container, &spot.name, &fresh(), &style));
    };
    let value = container.members[found].value.clone();
    if existing == Existing::Replace || !text[value.start..].starts_with('{') {
        return Ok(replace(text, value, &fresh(), &style));
    }
    let mut new = text.to_string();
    for change in changes {
        match change {
            Change::Set(path, wanted) => new = set(&new, value.start, path, wanted, &style)?,
            Change::Drop(path) => new = drop_field(&new, value.start, path)?,
            Change::Fresh(..) => {}
        }
    }
    Ok(new)
}

/// The document without the entry, and without those of the levels that it made which are empty then.
pub(super) fn take_out(text: &str, syntax: Syntax, spot: &Spot, room: Room) -> Result<String> {
    let mut new = text.to_string();
    let mut path = spot.path.clone();
    let mut name = spot.name.clone();
    for level in 0..=room.made {
        let Some(container) = container(&new, syntax, &path)? else { return Ok(new) };
        let Some(at) = container.find(&name) else { return Ok(new) };
        let start = container.members[at].value.start;
        if level > 0 && !object(&new, start)?.members.is_empty() {
            return Ok(new);
        }
        new = remove(&new, &container, at, room.comma);
        let Some(above) = path.pop() else { return Ok(new) };
        name = above;
    }
    Ok(new)
}

fn set(text: &str, start: usize, path: &[String], wanted: &Value, style: &Style) -> Result<String> {
    let Some((name, rest)) = path.split_first() else { return Ok(text.into()) };
    let entry = object(text, start)?;
    let Some(found) = entry.find(name) else {
        return Ok(insert(text, &entry, name, &nested(rest, wanted.clone()), style));
    };
    let value = entry.members[found].value.clone();
    if !rest.is_empty() && text[value.start..].starts_with('{') {
        return set(text, value.start, rest, wanted, style);
    }
    let wanted = nested(rest, wanted.clone());
    let says = serde_json::from_str(&super::check::without_comments(&text[value.clone()]));
    match says.is_ok_and(|says: serde_json::Value| says == wanted.read()) {
        true => Ok(text.into()),
        false => Ok(replace(text, value, &wanted, style)),
    }
}

fn drop_field(text: &str, start: usize, path: &[String]) -> Result<String> {
    let Some((name, rest)) = path.split_first() else { return Ok(text.into()) };
    let entry = object(text, start)?;
    let Some(found) = entry.find(name) else { return Ok(text.into()) };
    let below = entry.members[found].value.start;
    if rest.is_empty() {
        return Ok(remove(text, &entry, found, false));
    }
    if !text[below..].starts_with('{') {
        return Ok(text.into());
    }
    let new = drop_field(text, below, rest)?;
    // A map that held nothing but our field has no use any more.
    match new != text && object(&new, below)?.members.is_empty() {
        true => Ok(remove(&new, &object(&new, start)?, found, false)),
        false => Ok(new),
    }
}

/// How the document is laid out.
struct Style {
    newline: &'static str,
    unit: String,
    /// Does it use several lines?
    lines: bool,
    /// What stands after a colon and a comma on one line.
    gap: &'static str,
    /// What stands inside braces on one line.
    pad: &'static str,
}

impl Style {
    fn of(text: &str, root: Option<&Object>) -> Self {
        let newline = newline(text);
        let plain = Self { newline, unit: "  ".into(), lines: true, gap: " ", pad: " " };
        let Some(root) = root else { return plain };
        let Some(first) = root.members.first() else { return plain };
        let unit = root.members.iter().find_map(|member| indent_before(text, member.key.start));
        let outer = indent_of_line(text, root.open);
        let unit = unit.and_then(|unit| unit.strip_prefix(outer)).filter(|unit| !unit.is_empty());
        let is_blank = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_whitespace);
        let colon = &text[first.key.end..first.value.start];
        Self {
            newline,
            unit: unit.unwrap_or("  ").into(),
            lines: text[root.open..root.close].contains('\n'),
            gap: if colon.ends_with([' ', '\t', '\n']) { " " } else { "" },
            pad: if is_blank(root.open + 1) { " " } else { "" },
        }
    }

    fn member(&self, name: &str, value: &Value, indent: Option<&str>) -> String {
        let gap = if indent.is_some() { " " } else { self.gap };
        format!("{}:{gap}{}", quoted(name), self.render(value, indent))
    }

    /// On lines of their own below `indent`, or on one line without.
    fn render(&self, value: &Value, indent: Option<&str>) -> String {
        let parts = |inner: Option<&str>| -> (Vec<String>, [char; 2]) {
            match value {
                Value::List(items) => (items.iter().map(|item| quoted(item)).collect(), ['[', ']']),
                Value::Map(fields) => {
                    (fields.iter().map(|(name, value)| self.member(name, value, inner)).collect(), ['{', '}'])
                }
                _ => (vec![], ['{', '}']),
            }
        };
        match value {
            Value::Text(text) => quoted(text),
            Value::Flag(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Raw(raw) => raw.clone(),
            Value::List(_) | Value::Map(_) => match indent {
                Some(indent) => {
                    let inner = format!("{indent}{}", self.unit);
                    let (parts, [open, close]) = parts(Some(&inner));
                    let newline = self.newline;
                    match parts.is_empty() {
                        true => format!("{open}{close}"),
                        false => {
                            let parts = parts.join(&format!(",{newline}{inner}"));
                            format!("{open}{newline}{inner}{parts}{newline}{indent}{close}")
                        }
                    }
                }
                None => {
                    let (parts, [open, close]) = parts(None);
                    let pad = if open == '{' && !parts.is_empty() { self.pad } else { "" };
                    format!("{open}{pad}{}{pad}{close}", parts.join(&format!(",{}", self.gap)))
                }
            },
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The first value of a document that has none: after the comments, before the blanks at the end.
fn first_value(text: &str, value: &Value, style: &Style) -> String {
    let said = text.trim_end();
    let gap = if said.is_empty() { "" } else { style.newline };
    let end = &text[said.len()..];
    let end = if end.ends_with('\n') && !said.is_empty() { end } else { style.newline };
    format!("{said}{gap}{}{end}", style.render(value, Some("")))
}

fn replace(text: &str, at: std::ops::Range<usize>, value: &Value, style: &Style) -> String {
    // Its own lines where it has them or its neighbours do; a short one stays short.
    let old = &text[at.clone()];
    let lines = old.contains('\n') || (style.lines && !old.starts_with(['{', '[']));
    let indent = lines.then(|| indent_of_line(text, at.start));
    format!("{}{}{}", &text[..at.start], style.render(value, indent), &text[at.end..])
}

fn insert(text: &str, object: &Object, name: &str, value: &Value, style: &Style) -> String {
    let Some(last) = object.members.last() else { return insert_first(text, object, name, value, style) };
    let end = last.comma.map_or(last.value.end, |comma| comma + 1);
    let comma = if last.comma.is_some() { "" } else { "," };
    match own_line(text, object, object.members.len() - 1) {
        Some(indent) => {
            let new = style.member(name, value, Some(indent));
            // What is said after the last member on its line is about that member.
            let content = end_of_comments(text, end, object.close);
            let (said, tail) = (&text[last.value.end..content], &text[content..]);
            let head = &text[..last.value.end];
            format!("{head}{comma}{said}{}{indent}{new}{tail}", style.newline)
        }
        None => {
            let new = style.member(name, value, None);
            let (head, tail) = text.split_at(end);
            format!("{head}{comma}{}{new}{tail}", style.gap)
        }
    }
}

fn insert_first(text: &str, object: &Object, name: &str, value: &Value, style: &Style) -> String {
    let content = end_of_comments(text, object.open + 1, object.close);
    let (head, tail) = (&text[..content], &text[object.close..]);
    if !style.lines && !text[object.open..object.close].contains('\n') {
        let new = style.member(name, value, None);
        return format!("{head}{}{new}{}{tail}", style.pad, style.pad);
    }
    let outer = indent_of_line(text, object.open);
    let indent = format!("{outer}{}", style.unit);
    let new = style.member(name, value, Some(&indent));
    format!("{head}{0}{indent}{new}{0}{outer}{tail}", style.newline)
}

/// The indentation of a member that begins a line, comments before it apart.
fn own_line<'a>(text: &'a str, object: &Object, index: usize) -> Option<&'a str> {
    let before = index.checked_sub(1).and_then(|before| object.members[before].comma).unwrap_or(object.open);
    let key = object.members[index].key.start;
    text[before..key].contains('\n').then(|| indent_of_line(text, key))
}

/// The text without one member and the comma that is too many then, unless that was there before us. Comments
/// stay.
fn remove(text: &str, object: &Object, index: usize, keep_comma: bool) -> String {
    let member = &object.members[index];
    let before = index.checked_sub(1).map(|before| &object.members[before]);
    let from = before.and_then(|before| before.comma).unwrap_or(object.open) + 1;
    let start = end_of_comments(text, from, member.key.start);
    let end = member.comma.map_or(member.value.end, |comma| comma + 1);
    let kept = match before.and_then(|before| before.comma).filter(|_| member.comma.is_none() && !keep_comma)
    {
        Some(comma) => format!("{}{}", &text[..comma], &text[comma + 1..start]),
        None => text[..start].to_string(),
    };
    let mut tail = &text[end..];
    let last_one = object.members.len() == 1;
    let inner = &text[object.open + 1..start];
    if last_one && inner.trim().is_empty() && text[end..object.close].trim().is_empty() {
        return format!("{}{}", &text[..=object.open], &text[object.close..]);
    }
    if index == 0 && !last_one && own_line(text, object, 0).is_none() {
        // On one line, what comes next takes its place.
        tail = tail.trim_start_matches([' ', '\t']);
        return format!("{}{tail}", &text[..member.key.start]);
    }
    format!("{kept}{tail}")
}
