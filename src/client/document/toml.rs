//! TOML (1.0). A new entry is a table of its own at the end, where it can disturb nothing; an old one is changed
//! where it stands, be it a table, an inline table or dotted keys.

use std::ops::Range;

use ::toml::{Table as Tree, Value as Branch};
use toml_parser::decoder::Encoding;
use toml_parser::parser::{Event, EventKind, RecursionGuard, parse_document};
use toml_parser::{ParseError, Raw, Source, Span};

use super::{Change, Existing, Found, Refusal, Result, Spot, Value, newline};

/// Deeper ones are nobody's configuration.
const DEPTH: u32 = 100;

/// The document's meaning; refuses what is no TOML.
pub(super) fn meaning(text: &str) -> Result<Tree> {
    text.parse::<Tree>().map_err(|error| {
        let why = error.message().trim().replace('\n', ", ");
        Refusal { at: Some(error.span().map_or(0, |span| span.start)), why }
    })
}

/// The entry.
pub(super) fn read(text: &str, spot: &Spot) -> Result<Option<Found>> {
    let meaning = meaning(text)?;
    let Some(servers) = servers(&meaning, text, spot)? else { return Ok(None) };
    let Some(entry) = servers.get(&spot.name) else { return Ok(None) };
    let value = serde_json::to_value(entry).unwrap_or_default();
    Ok(Some(Found { value, raw: raw(text, spot, entry) }))
}

/// The table at the end of the path.
fn servers<'a>(meaning: &'a Tree, text: &str, spot: &Spot) -> Result<Option<&'a Tree>> {
    let mut table = meaning;
    for (depth, key) in spot.path.iter().enumerate() {
        match table.get(key) {
            None => return Ok(None),
            Some(Branch::Table(below)) => table = below,
            Some(other) => {
                let layout = Layout::of(text);
                let at =
                    layout.pairs.iter().find(|pair| pair.path == spot.path[..=depth]).map(|pair| pair.key);
                let at = at.or_else(|| text.find(&format!("[[{key}")));
                return Err(Refusal {
                    at,
                    why: format!("`{key}` must be a table, and is a {}", other.type_str()),
                });
            }
        }
    }
    Ok(Some(table))
}

pub(super) fn has_path(text: &str, spot: &Spot) -> bool {
    meaning(text).is_ok_and(|meaning| servers(&meaning, text, spot).is_ok_and(|found| found.is_some()))
}

/// The entry's own tables as they are written; one of another manner as tables.
fn raw(text: &str, spot: &Spot, entry: &Branch) -> String {
    let layout = Layout::of(text);
    let whole = whole(spot);
    let own: Vec<&Table> = layout.tables.iter().filter(|table| table.path.starts_with(&whole)).collect();
    let all_in = layout.pairs_below(&whole).all(|pair| own.iter().any(|table| table.holds(pair.key)));
    match !own.is_empty() && all_in {
        true => own.iter().map(|table| text[table.start..layout.end_of(text, table)].to_string()).collect(),
        false => {
            let nested = whole
                .iter()
                .rev()
                .fold(entry.clone(), |value, key| Branch::Table(Tree::from_iter([(key.clone(), value)])));
            ::toml::to_string(&nested).unwrap_or_default()
        }
    }
}

fn whole(spot: &Spot) -> Vec<String> {
    [spot.path.as_slice(), std::slice::from_ref(&spot.name)].concat()
}

/// The document with the entry: a new one from `fresh`, or the old one after `changes`.
pub(super) fn put(
    text: &str,
    spot: &Spot,
    fresh: &dyn Fn() -> Value,
    changes: &[Change],
    existing: Existing,
) -> Result<String> {
    let meaning = meaning(text)?;
    let there = servers(&meaning, text, spot)?.is_some_and(|servers| servers.contains_key(&spot.name));
    let is_table = servers(&meaning, text, spot)?
        .and_then(|servers| servers.get(&spot.name))
        .is_some_and(Branch::is_table);
    if there && (existing == Existing::Replace || !is_table) {
        let without = take_out(text, spot)?;
        return put(&without, spot, fresh, changes, Existing::Merge);
    }
    if !there {
        return add(text, spot, &fresh());
    }
    let mut new = text.to_string();
    for change in changes {
        new = match change {
            Change::Set(path, value) => set(&new, spot, path, value)?,
            Change::Drop(path) => drop_field(&new, spot, path),
            Change::Fresh(..) => new,
        };
    }
    Ok(new)
}

fn add(text: &str, spot: &Spot, value: &Value) -> Result<String> {
    let layout = Layout::of(text);
    // Inside an inline table that holds the servers, or one of the levels above.
    if let Some((depth, pair)) = (1..=spot.path.len()).rev().find_map(|depth| {
        layout.pairs.iter().find(|pair| pair.path == spot.path[..depth]).map(|pair| (depth, pair))
    }) {
        let below = &whole(spot)[depth + 1..];
        let value = super::nested(below, on_one_line(value, spot));
        return insert_inline(text, &layout, pair, &whole(spot)[depth], &value);
    }
    let newline = newline(text);
    let gap = match (text.is_empty(), text.ends_with('\n')) {
        (true, _) => String::new(),
        (false, true) if text.ends_with("\n\n") || text.ends_with("\n\r\n") => String::new(),
        (false, true) => newline.into(),
        (false, false) => format!("{newline}{newline}"),
    };
    let body = match value {
        Value::Raw(raw) => raw.replace("\r\n", "\n").replace('\n', newline),
        Value::Map(fields) => {
            let head = whole(spot).iter().map(|key| key_text(key)).collect::<Vec<_>>().join(".");
            let fields =
                fields.iter().map(|(key, value)| format!("{} = {}{newline}", key_text(key), inline(value)));
            format!("[{head}]{newline}{}", fields.collect::<String>())
        }
        _ => return Err(Refusal::whole("an entry must be a table")),
    };
    Ok(format!("{text}{gap}{body}"))
}

/// Tables as they once were, as an inline table.
fn on_one_line(value: &Value, spot: &Spot) -> Value {
    let Value::Raw(raw) = value else { return value.clone() };
    let tables = raw.parse::<Tree>().map(Branch::Table).ok();
    let entry = whole(spot).iter().try_fold(tables.as_ref(), |at, key| Some(at?.get(key)));
    Value::Raw(entry.flatten().map(Branch::to_string).unwrap_or_default())
}

/// The document without the entry.
pub(super) fn take_out(text: &str, spot: &Spot) -> Result<String> {
    meaning(text)?;
    let whole = whole(spot);
    let mut new = text.to_string();
    // One piece at a time, from the end: the places before it stay true.
    loop {
        let layout = Layout::of(&new);
        let pair = layout
            .pairs_below(&whole)
            .filter(|pair| pair.inside.is_none_or(|above| !layout.pairs[above].path.starts_with(&whole)))
            .last();
        let table = layout.tables.iter().rev().find(|table| table.path.starts_with(&whole));
        new = match (pair, table) {
            (Some(pair), table) if table.is_none_or(|table| pair.key > table.start) => {
                cut_pair(&new, &layout, pair)
            }
            (_, Some(table)) => cut_lines(&new, without_blank_before(&new, table.start), table.head_end),
            (Some(pair), None) => cut_pair(&new, &layout, pair),
            (None, None) => return Ok(new),
        };
    }
}

/// A blank line before a table goes with it.
fn without_blank_before(text: &str, start: usize) -> usize {
    let before = &text[..start];
    let shorter = before.strip_suffix("\r\n").or_else(|| before.strip_suffix('\n')).unwrap_or(before);
    match shorter.ends_with('\n') || shorter.is_empty() {
        true => shorter.len(),
        false => start,
    }
}

fn set(text: &str, spot: &Spot, path: &[String], wanted: &Value) -> Result<String> {
    let layout = Layout::of(text);
    let field = [whole(spot), path.to_vec()].concat();
    if let Some(pair) = layout.pairs.iter().find(|pair| pair.path == field) {
        let old = &text[pair.value.clone()];
        let says = format!("x = {old}")
            .parse::<Tree>()
            .ok()
            .and_then(|table| serde_json::to_value(&table["x"]).ok());
        return Ok(match says == Some(wanted.read()) {
            true => text.into(),
            false => format!("{}{}{}", &text[..pair.value.start], inline(wanted), &text[pair.value.end..]),
        });
    }
    // Below something that has a table of its own, or is an inline one, it goes there.
    for depth in (whole(spot).len()..field.len()).rev() {
        let (above, rest) = field.split_at(depth);
        let value = super::nested(&rest[1..], wanted.clone());
        if let Some(pair) = layout.pairs.iter().find(|pair| pair.path == above) {
            return match text[pair.value.start..].starts_with('{') {
                true => insert_inline(text, &layout, pair, &rest[0], &value),
                false => Ok(format!(
                    "{}{}{}",
                    &text[..pair.value.start],
                    inline(&super::nested(rest, wanted.clone())),
                    &text[pair.value.end..]
                )),
            };
        }
        if let Some(table) = layout.tables.iter().find(|table| table.path == above) {
            let at = layout.last_statement(text, table);
            return Ok(insert_line(text, at, &format!("{} = {}", key_text(&rest[0]), inline(&value))));
        }
        // Dotted keys: one more beside the last of them.
        if let Some(last) =
            layout.pairs.iter().rev().find(|pair| pair.inside.is_none() && pair.path.starts_with(above))
        {
            let head = last.path.len() - last.own;
            let keys: Vec<String> =
                above[head.min(above.len())..].iter().chain(&rest[..1]).map(|key| key_text(key)).collect();
            let at = end_of_line(text, last.value.end);
            return Ok(insert_line(text, at, &format!("{} = {}", keys.join("."), inline(&value))));
        }
    }
    Err(Refusal::whole("the entry is written in a way that mcpgw does not edit"))
}

fn drop_field(text: &str, spot: &Spot, path: &[String]) -> String {
    let layout = Layout::of(text);
    let field = [whole(spot), path.to_vec()].concat();
    let Some(pair) = layout.pairs.iter().find(|pair| pair.path == field) else { return text.into() };
    let new = cut_pair(text, &layout, pair);
    // A map that held nothing but our field has no use any more.
    match (path.len() > 1, pair.inside) {
        (true, Some(above))
            if layout.pairs.iter().filter(|other| other.inside == Some(above)).count() == 1 =>
        {
            let layout = Layout::of(&new);
            let above = layout.pairs.iter().find(|other| other.path == field[..field.len() - 1]);
            above.map_or(new.clone(), |above| cut_pair(&new, &layout, above))
        }
        _ => new,
    }
}

fn insert_line(text: &str, at: usize, line: &str) -> String {
    let newline = newline(text);
    let (head, tail) = text.split_at(at);
    match head.ends_with('\n') || head.is_empty() {
        true => format!("{head}{line}{newline}{tail}"),
        false => format!("{head}{newline}{line}{tail}"),
    }
}

fn insert_inline(text: &str, layout: &Layout, pair: &Pair, key: &str, value: &Value) -> Result<String> {
    if !text[pair.value.start..].starts_with('{') {
        return Err(Refusal::at(pair.value.start, "this must be a table"));
    }
    let index = layout.pairs.iter().position(|other| std::ptr::eq(other, pair));
    let last = layout.pairs.iter().filter(|other| other.inside == index).map(|other| other.value.end).max();
    let (at, before) = match last {
        Some(end) => (end, ", "),
        None => (pair.value.start + 1, " "),
    };
    let after = if last.is_none() && text[at..].starts_with('}') { " " } else { "" };
    let (head, tail) = text.split_at(at);
    Ok(format!("{head}{before}{} = {}{after}{tail}", key_text(key), inline(value)))
}

fn cut_pair(text: &str, layout: &Layout, pair: &Pair) -> String {
    let Some(above) = pair.inside else {
        return cut_lines(text, start_of_line(text, pair.key), pair.value.end);
    };
    let siblings: Vec<&Pair> = layout.pairs.iter().filter(|other| other.inside == Some(above)).collect();
    let at = siblings.iter().position(|other| other.key == pair.key).unwrap_or(0);
    let (from, to) = match (at.checked_sub(1).map(|before| siblings[before].value.end), siblings.get(at + 1))
    {
        (Some(end), _) => (end, pair.value.end),
        (None, Some(next)) => (pair.key, next.key),
        (None, None) => (layout.pairs[above].value.start + 1, layout.pairs[above].value.end - 1),
    };
    format!("{}{}", &text[..from], &text[to..])
}

/// Without the lines from `from` to the one of `to`.
fn cut_lines(text: &str, from: usize, to: usize) -> String {
    let end = end_of_line(text, to);
    let end = end + usize::from(text[end..].starts_with('\r'));
    let end = end + usize::from(text[end..].starts_with('\n'));
    format!("{}{}", &text[..from], &text[end..])
}

fn start_of_line(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// Before the line's end, carriage return included.
fn end_of_line(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    end - usize::from(end > at && end < text.len() && text[..end].ends_with('\r'))
}

fn key_text(key: &str) -> String {
    let bare = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
    match !key.is_empty() && key.chars().all(bare) {
        true => key.into(),
        false => serde_json::Value::from(key).to_string(),
    }
}

fn inline(value: &Value) -> String {
    let text = |text: &str| Branch::from(text).to_string();
    match value {
        Value::Text(said) => text(said),
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::List(items) => {
            format!("[{}]", items.iter().map(|item| text(item)).collect::<Vec<_>>().join(", "))
        }
        Value::Map(fields) if fields.is_empty() => "{}".into(),
        Value::Map(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{} = {}", key_text(key), inline(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Raw(raw) => raw.clone(),
    }
}

/// `[a.b]`, and where what it begins goes on to.
#[derive(Debug)]
struct Table {
    path: Vec<String>,
    /// The begin of its line.
    start: usize,
    /// Behind its bracket.
    head_end: usize,
    /// The begin of the next table's line, or the text's end.
    end: usize,
}

impl Table {
    fn holds(&self, at: usize) -> bool {
        (self.start..self.end).contains(&at)
    }
}

/// `a.b = c`, inside an inline table or not.
#[derive(Debug)]
struct Pair {
    /// From the root.
    path: Vec<String>,
    /// So many of its keys it names itself.
    own: usize,
    key: usize,
    value: Range<usize>,
    /// The pair whose inline table it is in.
    inside: Option<usize>,
}

/// Where tables and pairs are; what is inside arrays is not looked into.
#[derive(Debug, Default)]
struct Layout {
    tables: Vec<Table>,
    pairs: Vec<Pair>,
}

impl Layout {
    fn of(text: &str) -> Self {
        let source = Source::new(text);
        let tokens = source.lex().into_vec();
        let mut reader = Reader {
            text,
            layout: Self::default(),
            head: None,
            at: vec![],
            keys: vec![],
            key: None,
            prefix: vec![],
        };
        let mut events: Vec<Event> = vec![];
        let mut errors: Option<ParseError> = None;
        parse_document(&tokens, &mut RecursionGuard::new(&mut events, DEPTH), &mut errors);
        for event in events {
            reader.take(event.kind(), event.encoding(), event.span().start()..event.span().end());
        }
        let mut layout = reader.layout;
        let starts: Vec<usize> =
            layout.tables.iter().skip(1).map(|table| table.start).chain([text.len()]).collect();
        layout.tables.iter_mut().zip(starts).for_each(|(table, end)| table.end = end);
        layout
    }

    fn pairs_below<'a>(&'a self, path: &'a [String]) -> impl Iterator<Item = &'a Pair> {
        self.pairs.iter().filter(move |pair| pair.path.starts_with(path))
    }

    /// Behind the last line that the table itself says.
    fn last_statement(&self, text: &str, table: &Table) -> usize {
        let own = self.pairs.iter().filter(|pair| pair.inside.is_none() && table.holds(pair.key));
        end_of_line(text, own.map(|pair| pair.value.end).max().unwrap_or(table.head_end))
    }

    /// The same, its line's end included.
    fn end_of(&self, text: &str, table: &Table) -> usize {
        let end = self.last_statement(text, table);
        let end = end + usize::from(text[end..].starts_with('\r'));
        end + usize::from(text[end..].starts_with('\n'))
    }
}

enum Inside {
    Table(usize),
    Array,
}

struct Reader<'a> {
    text: &'a str,
    layout: Layout,
    /// A head that has begun: its place, and whether it is one of many.
    head: Option<(usize, bool)>,
    at: Vec<Inside>,
    keys: Vec<String>,
    key: Option<usize>,
    prefix: Vec<String>,
}

impl Reader<'_> {
    fn take(&mut self, kind: EventKind, encoding: Option<Encoding>, span: Range<usize>) {
        let in_array = self.at.iter().any(|inside| matches!(inside, Inside::Array));
        match kind {
            EventKind::StdTableOpen => self.head = Some((span.start, false)),
            EventKind::ArrayTableOpen => self.head = Some((span.start, true)),
            EventKind::StdTableClose | EventKind::ArrayTableClose => {
                let mut path = std::mem::take(&mut self.keys);
                self.key = None;
                let Some((start, many)) = self.head.take() else { return };
                if many {
                    // What is below an array of tables is no path from the root.
                    path.push("\u{0}".into());
                }
                self.prefix.clone_from(&path);
                let start = start_of_line(self.text, start);
                self.layout.tables.push(Table { path, start, head_end: span.end, end: 0 });
            }
            EventKind::SimpleKey if !in_array => {
                self.key.get_or_insert(span.start);
                self.keys.push(self.decoded(encoding, span));
            }
            EventKind::KeyValSep if !in_array => self.begin(span.end),
            EventKind::Scalar if !in_array => self.value(span),
            EventKind::InlineTableOpen if in_array => self.at.push(Inside::Array),
            EventKind::InlineTableOpen => {
                self.value(span);
                self.at.push(Inside::Table(self.layout.pairs.len().saturating_sub(1)));
            }
            EventKind::ArrayOpen => {
                if !in_array {
                    self.value(span);
                }
                self.at.push(Inside::Array);
            }
            EventKind::InlineTableClose | EventKind::ArrayClose => {
                let index = match self.at.pop() {
                    Some(Inside::Table(index)) => Some(index),
                    _ if self.at.iter().all(|inside| matches!(inside, Inside::Table(_))) => {
                        // The outermost array is the newest pair's value.
                        self.layout.pairs.len().checked_sub(1)
                    }
                    _ => None,
                };
                if let Some(pair) = index.and_then(|index| self.layout.pairs.get_mut(index)) {
                    pair.value.end = span.end;
                }
            }
            _ => {}
        }
    }

    fn decoded(&self, encoding: Option<Encoding>, span: Range<usize>) -> String {
        let raw =
            Raw::new_unchecked(&self.text[span.clone()], encoding, Span::new_unchecked(span.start, span.end));
        let mut key = std::borrow::Cow::Borrowed("");
        raw.decode_key(&mut key, &mut ());
        key.into_owned()
    }

    /// A key is whole, and its value follows.
    fn begin(&mut self, end: usize) {
        let inside = self.at.iter().rev().find_map(|inside| match inside {
            Inside::Table(index) => Some(*index),
            Inside::Array => None,
        });
        let keys = std::mem::take(&mut self.keys);
        let above = inside.map_or(&self.prefix, |index| &self.layout.pairs[index].path);
        let path = above.iter().cloned().chain(keys.iter().cloned()).collect();
        let key = self.key.take().unwrap_or(end);
        self.layout.pairs.push(Pair { path, own: keys.len(), key, value: end..end, inside });
    }

    fn value(&mut self, span: Range<usize>) {
        if let Some(pair) = self.layout.pairs.last_mut() {
            pair.value = span;
        }
    }
}
