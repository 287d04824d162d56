//! Editing a client's configuration: text in, text out, and every byte that is not of our entry stays.
//! Edits are cuts and insertions at places that a scanner found, never a file written anew from a tree.
//! What comes out is read again by a parser that had no part in the edit ([`check`]); a difference outside our
//! entry refuses the edit. Pure: knows no file, no clock, no environment.

mod check;
mod json;
mod json_scan;
#[cfg(test)]
mod languages;
#[cfg(test)]
mod properties;
mod toml;
mod yaml;

pub use yaml::Servers;

/// Where in a document an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// How the document is written.
    pub format: Format,
    /// The keys that lead to the servers, from the root.
    pub path: Vec<String>,
    /// The entry's name among them.
    pub name: String,
}

/// A document's language, and what of it the client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, perhaps with comments and commas before a closing bracket.
    Json(Syntax),
    /// TOML.
    Toml,
    /// YAML, with the servers in a map or a list.
    Yaml(Servers),
}

/// What a client accepts beyond JSON (RFC 8259).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syntax {
    /// `//` and `/* */`.
    pub comments: bool,
    /// `[1, 2,]`.
    pub trailing_commas: bool,
}

/// A value to be written, its fields in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string.
    Text(String),
    /// A truth.
    Flag(bool),
    /// A whole number.
    Number(u32),
    /// A list of strings.
    List(Vec<String>),
    /// Fields.
    Map(Vec<(String, Value)>),
    /// A value as the document's language writes it, from a document of that language.
    Raw(String),
}

/// Something an entry must say. A path leads from the entry to a field, through maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The field has this value.
    Set(Vec<String>, Value),
    /// A new entry has this field; an old one keeps what it has, or has not.
    Fresh(Vec<String>, Value),
    /// There is no such field.
    Drop(Vec<String>),
}

/// What a new entry finds at its place, and a removal leaves there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Room {
    /// So many levels above the entry it has to make.
    pub made: usize,
    /// A comma stands there already, behind the last neighbour.
    pub comma: bool,
}

/// What to do about an entry that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Keep the fields that no change names.
    Merge,
    /// Put a new one in its place.
    Replace,
}

/// An entry as a document has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What it says.
    pub value: serde_json::Value,
    /// Its text, to be put back one day.
    pub raw: String,
}

/// Why a document is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The byte it is about, where one can be named.
    pub at: Option<usize>,
    /// A phrase that reads after the place: `a comma or } must follow`.
    pub why: String,
}

impl Refusal {
    fn at(at: usize, why: impl Into<String>) -> Self {
        Self { at: Some(at), why: why.into() }
    }

    fn whole(why: impl Into<String>) -> Self {
        Self { at: None, why: why.into() }
    }
}

type Result<T> = std::result::Result<T, Refusal>;

/// The entry, where there is one.
pub fn read(text: &str, spot: &Spot) -> Result<Option<Found>> {
    match spot.format {
        Format::Json(syntax) => json::read(text, syntax, spot),
        Format::Toml => toml::read(text, spot),
        Format::Yaml(servers) => yaml::read(text, spot, servers),
    }
}

/// Does the path lead to servers in this document?
pub fn has_path(text: &str, spot: &Spot) -> bool {
    match spot.format {
        Format::Json(syntax) => json::has_path(text, syntax, &spot.path),
        Format::Toml => toml::has_path(text, spot),
        Format::Yaml(_) => yaml::has_path(text, &spot.path),
    }
}

/// The document with the entry as `changes` want it.
pub fn put(text: &str, spot: &Spot, changes: &[Change], existing: Existing) -> Result<String> {
    written(text, spot, &|| fresh(changes), changes, existing)
}

/// The document with the entry as it once was.
pub fn put_back(text: &str, spot: &Spot, raw: &str) -> Result<String> {
    written(text, spot, &|| Value::Raw(raw.into()), &[], Existing::Replace)
}

fn written(
    text: &str,
    spot: &Spot,
    fresh: &dyn Fn() -> Value,
    changes: &[Change],
    existing: Existing,
) -> Result<String> {
    let new = match spot.format {
        Format::Json(syntax) => json::put(text, syntax, spot, fresh, changes, existing)?,
        Format::Toml => toml::put(text, spot, fresh, changes, existing)?,
        Format::Yaml(servers) => yaml::put(text, spot, servers, fresh, changes, existing)?,
    };
    check::only_the_entry_differs(text, &new, spot)?;
    Ok(new)
}

/// The document without the entry, and without those of the levels that it made which are empty then.
pub fn take_out(text: &str, spot: &Spot, room: Room) -> Result<String> {
    let new = match spot.format {
        Format::Json(syntax) => json::take_out(text, syntax, spot, room)?,
        Format::Toml => toml::take_out(text, spot)?,
        Format::Yaml(servers) => yaml::take_out(text, spot, servers, room.made)?,
    };
    check::only_the_entry_differs(text, &new, spot)?;
    Ok(new)
}

/// What a new entry finds at its place.
pub fn room(text: &str, spot: &Spot) -> Room {
    if let Format::Json(syntax) = spot.format {
        return json::room(text, syntax, &spot.path);
    }
    let there = |depth: &usize| has_path(text, &Spot { path: spot.path[..*depth].to_vec(), ..spot.clone() });
    let depth = (1..=spot.path.len()).rev().find(there).unwrap_or(0);
    Room { made: spot.path.len() - depth, comma: false }
}

/// A new entry with everything that the changes say.
fn fresh(changes: &[Change]) -> Value {
    let mut entry = vec![];
    for change in changes {
        if let Change::Set(path, value) | Change::Fresh(path, value) = change {
            place(&mut entry, path, value);
        }
    }
    Value::Map(entry)
}

fn place(fields: &mut Vec<(String, Value)>, path: &[String], value: &Value) {
    let Some((first, rest)) = path.split_first() else { return };
    let at = fields.iter().position(|(name, _)| name == first).unwrap_or_else(|| {
        fields.push((first.clone(), Value::Map(vec![])));
        fields.len() - 1
    });
    match (&mut fields[at].1, rest.is_empty()) {
        (Value::Map(below), false) => place(below, rest, value),
        (field, _) => *field = value.clone(),
    }
}

/// A value below the names of `path`.
fn nested(path: &[String], value: Value) -> Value {
    path.iter().rev().fold(value, |value, name| Value::Map(vec![(name.clone(), value)]))
}

impl Value {
    /// As a parser would read it. Raw text reads as nothing.
    fn read(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Number(number) => (*number).into(),
            Self::List(list) => list.clone().into(),
            Self::Map(fields) => fields
                .iter()
                .map(|(name, value)| (name.clone(), value.read()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Self::Raw(_) => serde_json::Value::Null,
        }
    }
}

/// The line end that a document uses.
fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// The blanks before `at`, when nothing else is before it on its line.
fn indent_before(text: &str, at: usize) -> Option<&str> {
    let start = text[..at].rfind('\n')? + 1;
    let blanks = &text[start..at];
    blanks.bytes().all(|byte| byte == b' ' || byte == b'\t').then_some(blanks)
}

/// The blanks that begin the line of `at`.
fn indent_of_line(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = &text[start..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}
