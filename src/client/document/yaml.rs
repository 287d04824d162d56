//! YAML (1.2). The servers may be a map (Goose) or a list of entries that name themselves (Continue). New lines
//! take the indentation of their neighbours; inside `{}` and `[]` an entry goes on one line.

use std::collections::HashSet;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{Change, Existing, Found, Refusal, Result, Spot, Value, nested, newline};

/// Deeper ones are nobody's configuration.
const DEPTH: usize = 200;

/// A node and where it is, in bytes.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// From its first byte, its properties apart, to behind its last that says something.
    pub(super) at: Range<usize>,
    /// Anchor and tag, as they are.
    marks: String,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Scalar(String, ScalarStyle),
    Alias(usize),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    fn get(&self, name: &str) -> Option<usize> {
        let Kind::Map(pairs) = &self.kind else { return None };
        pairs.iter().rposition(|(key, _)| key.says() == Some(name))
    }

    fn says(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(text, ScalarStyle::Plain) if ["", "~", "null", "Null", "NULL"].contains(&text.as_str()))
    }

    fn is_flow(&self, text: &str) -> bool {
        matches!(self.kind, Kind::List(_) | Kind::Map(_)) && text[self.at.start..].starts_with(['{', '['])
    }

    fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::List(items) => items.is_empty(),
            Kind::Map(pairs) => pairs.is_empty(),
            _ => self.is_nothing(),
        }
    }

    fn kind_word(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(..) => "a single value",
            Kind::Alias(_) => "a reference",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }

    /// What it says, in a form that can be compared: anchors, tags and quotes included.
    pub(super) fn meaning(&self) -> serde_json::Value {
        let said = match &self.kind {
            Kind::Scalar(text, style) => serde_json::json!([text, *style == ScalarStyle::Plain]),
            Kind::Alias(id) => serde_json::json!({ "alias": id }),
            Kind::List(items) => items.iter().map(Node::meaning).collect(),
            Kind::Map(pairs) => {
                serde_json::json!({"map": pairs.iter().map(|(key, value)| (key.meaning(), value.meaning())).collect::<Vec<_>>()})
            }
        };
        match self.marks.is_empty() {
            true => said,
            false => serde_json::json!({"marks": self.marks, "of": said}),
        }
    }

    fn json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Scalar(text, ScalarStyle::Plain) => match text.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                _ if self.is_nothing() => serde_json::Value::Null,
                _ => text.parse::<u32>().map_or_else(|_| text.as_str().into(), Into::into),
            },
            Kind::Scalar(text, _) => text.as_str().into(),
            Kind::Alias(_) => serde_json::Value::Null,
            Kind::List(items) => items.iter().map(Node::json).collect(),
            Kind::Map(pairs) => {
                let fields =
                    pairs.iter().filter_map(|(key, value)| Some((key.says()?.to_string(), value.json())));
                fields.collect::<serde_json::Map<_, _>>().into()
            }
        }
    }
}

/// The document's root; none where there are only comments. Refuses what is not one YAML document.
pub(super) fn parse(text: &str) -> Result<Option<Node>> {
    let places = Places::of(text);
    let mut stack: Vec<(Node, Option<Node>)> = vec![];
    let mut root = None;
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|error| Refusal::at(places.byte(error.marker().index()), error.info().to_string()))?;
        let at = places.range(span);
        let node = match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(Refusal::at(at.start, "a second document begins here, and it must be one"));
                }
                continue;
            }
            Event::Scalar(said, style, anchor, tag) => {
                let end = end_of_scalar(text, &at, style);
                Node {
                    kind: Kind::Scalar(said.into_owned(), style),
                    at: at.start..end,
                    marks: marks(anchor, tag.as_deref()),
                }
            }
            Event::Alias(id) => Node { kind: Kind::Alias(id), at, marks: String::new() },
            Event::SequenceStart(anchor, tag) => {
                stack.push((
                    Node { kind: Kind::List(vec![]), at, marks: marks(anchor, tag.as_deref()) },
                    None,
                ));
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                stack
                    .push((Node { kind: Kind::Map(vec![]), at, marks: marks(anchor, tag.as_deref()) }, None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((mut node, _)) = stack.pop() else { continue };
                node.at.end = match node.is_flow(text) {
                    // The parser may pass over blanks and a comment behind the bracket.
                    true => at.start + 1,
                    false => last_byte(&node).max(node.at.start),
                };
                node
            }
            _ => continue,
        };
        if stack.len() > DEPTH {
            return Err(Refusal::at(node.at.start, "this is nested too deeply"));
        }
        match stack.last_mut() {
            None => root = Some(node),
            Some((above, key)) => match &mut above.kind {
                Kind::List(items) => items.push(node),
                Kind::Map(pairs) => match key.take() {
                    None => *key = Some(node),
                    Some(key) => pairs.push((key, node)),
                },
                _ => {}
            },
        }
    }
    Ok(root.filter(|root| !(root.is_nothing() && root.at.is_empty())))
}

/// Behind its last byte: the parser may pass over blanks and a comment behind it.
fn end_of_scalar(text: &str, at: &Range<usize>, style: ScalarStyle) -> usize {
    let said = &text[at.clone()];
    let length = match style {
        ScalarStyle::DoubleQuoted => {
            let mut escaped = false;
            said.char_indices().skip(1).find_map(|(at, char)| match (escaped, char) {
                (false, '"') => Some(at + 1),
                (was, char) => {
                    escaped = char == '\\' && !was;
                    None
                }
            })
        }
        ScalarStyle::SingleQuoted => {
            let mut bytes = said.bytes().enumerate().skip(1).peekable();
            let mut end = None;
            while let Some((at, byte)) = bytes.next() {
                if byte == b'\'' && bytes.next_if(|(_, next)| *next == b'\'').is_none() {
                    end = Some(at + 1);
                    break;
                }
            }
            end
        }
        _ => None,
    };
    at.start + length.unwrap_or_else(|| said.trim_end().len())
}

fn marks(anchor: usize, tag: Option<&saphyr_parser::Tag>) -> String {
    let tag = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix)).unwrap_or_default();
    if anchor == 0 { tag } else { format!("&{anchor} {tag}") }
}

fn last_byte(node: &Node) -> usize {
    match &node.kind {
        Kind::List(items) => items.last().map_or(0, |last| last.at.end),
        Kind::Map(pairs) => pairs.last().map_or(0, |(key, value)| key.at.end.max(value.at.end)),
        _ => node.at.end,
    }
}

/// The parser counts characters.
struct Places(Option<Vec<usize>>, usize);

impl Places {
    fn of(text: &str) -> Self {
        Self((!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect()), text.len())
    }

    fn byte(&self, index: usize) -> usize {
        match &self.0 {
            None => index.min(self.1),
            Some(bytes) => bytes.get(index).copied().unwrap_or(self.1),
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        self.byte(span.start.index())..self.byte(span.end.index())
    }
}

/// What the path leads to, as far as it exists.
enum Way<'a> {
    /// The node at its end.
    There(&'a Node),
    /// It ends before the key of this depth, in this map.
    Missing(&'a Node, usize),
    /// The value of the key of this depth says nothing; this is its map, and its place there.
    Nothing(&'a Node, usize, usize),
}

fn way<'a>(root: &'a Node, path: &[String]) -> Result<Way<'a>> {
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

fn servers<'a>(node: &'a Node, spot: &Spot, kind: Servers) -> Result<&'a Node> {
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
fn entry<'a>(servers: &'a Node, name: &str) -> Option<(usize, &'a Node)> {
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

/// The bytes of one member: whole lines in a block, from its key to its end on one line.
fn piece(text: &str, above: &Node, at: usize) -> Range<usize> {
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

/// A new member of a map or a list.
struct Member {
    key: Option<String>,
    value: Value,
}

/// What the key of this depth on is to hold.
fn member(kind: Servers, spot: &Spot, depth: usize, value: &Value) -> Member {
    Member { key: Some(spot.path[depth].clone()), value: content(kind, spot, depth, value) }
}

fn content(kind: Servers, spot: &Spot, depth: usize, value: &Value) -> Value {
    let servers = match kind {
        Servers::Map => Value::Map(vec![(spot.name.clone(), value.clone())]),
        Servers::List => Value::Map(vec![(LIST_ITEM.into(), value.clone())]),
    };
    nested(&spot.path[depth + 1..], servers)
}

/// Stands for the one item of a list in a [`Value`], which has no lists of maps.
const LIST_ITEM: &str = "\u{0}-";

struct Style {
    newline: &'static str,
    unit: usize,
}

impl Style {
    fn of(text: &str) -> Self {
        let indents = text.lines().filter_map(|line| {
            let said = line.trim_start_matches(' ');
            let indent = line.len() - said.len();
            (indent > 0 && !said.is_empty() && !said.starts_with('#')).then_some(indent)
        });
        Self { newline: newline(text), unit: indents.min().filter(|unit| *unit <= 8).unwrap_or(2) }
    }

    /// The lines of a member, each with `indent` before it.
    fn lines(&self, member: &Member, indent: &str) -> String {
        let mut out = String::new();
        match (&member.key, &member.value) {
            (_, Value::Raw(raw)) => out.push_str(raw),
            (Some(key), value) => self.pair(key, value, indent, &mut out),
            (None, value) => self.item(value, indent, &mut out),
        }
        out
    }

    fn pair(&self, key: &str, value: &Value, indent: &str, out: &mut String) {
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

fn scalar(value: &Value) -> String {
    match value {
        Value::Text(text) => plain(text),
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Without quotes where no reader can take it for anything else.
fn plain(text: &str) -> String {
    let fine = |char: char| char.is_ascii_alphanumeric() || "-_./:~@%+=".contains(char);
    let word = text.to_ascii_lowercase();
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&word.as_str());
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/');
    match begins && !special && text.chars().all(fine) && !text.ends_with(':') {
        true => text.into(),
        false => serde_json::Value::from(text).to_string(),
    }
}

fn flow(value: &Value) -> String {
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

/// A member more, behind the others.
fn add(text: &str, above: &Node, new: &Member, style: &Style) -> Result<String> {
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
fn fill(text: &str, map: &Node, found: usize, content: &Value, style: &Style) -> String {
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

fn replace(text: &str, above: &Node, at: usize, new: &Member, style: &Style) -> String {
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
fn cut(text: &str, above: &Node, at: usize) -> String {
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

fn insert_lines(text: &str, at: usize, lines: &str, style: &Style) -> String {
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
