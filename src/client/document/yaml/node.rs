//! What a document says and where: a tree of nodes with their bytes, made of a parser's events.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::super::{Refusal, Result};

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
    pub(super) fn get(&self, name: &str) -> Option<usize> {
        let Kind::Map(pairs) = &self.kind else { return None };
        pairs.iter().rposition(|(key, _)| key.says() == Some(name))
    }

    pub(super) fn says(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(text, ScalarStyle::Plain) if ["", "~", "null", "Null", "NULL"].contains(&text.as_str()))
    }

    pub(super) fn is_flow(&self, text: &str) -> bool {
        matches!(self.kind, Kind::List(_) | Kind::Map(_)) && text[self.at.start..].starts_with(['{', '['])
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::List(items) => items.is_empty(),
            Kind::Map(pairs) => pairs.is_empty(),
            _ => self.is_nothing(),
        }
    }

    pub(super) fn kind_word(&self) -> &'static str {
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

    pub(super) fn json(&self) -> serde_json::Value {
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

pub(super) fn last_byte(node: &Node) -> usize {
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
