//! The authtoken put into ngrok's config, text to text: a line more, and every other byte as it was. What
//! comes out is read again and compared, so that a file written in an unforeseen way is refused, not spoilt.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Value, json};
use yaml_edit::{YamlFile, YamlNode};

use crate::provider::pattern;

/// Has it the shape of a token? What it is good for, only ngrok knows.
pub(super) fn check(token: &str) -> Result<(), &'static str> {
    match token {
        "" => Err("it is empty"),
        _ if !(20..=200).contains(&token.len()) => Err("it does not have 20 to 200 characters"),
        _ if !token.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'`\\#".contains(&byte)) => {
            Err("it has spaces, quotes or other characters that no token has")
        }
        _ => Ok(()),
    }
}

/// The config with the token where its version wants it. `Err` says why the file is left alone.
pub(super) fn with_token(old: &str, token: &str) -> Result<String, &'static str> {
    let (bom, text) = match old.strip_prefix('\u{feff}') {
        Some(text) => ("\u{feff}", text),
        None => ("", old),
    };
    let before = Content::read(text)?;
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let line = |indent: &str| format!("{indent}authtoken: {}{newline}", written(token));
    let new = match before.version.as_deref() {
        _ if before.empty => {
            let new = format!("version: \"3\"{newline}agent:{newline}{}", line("    "));
            appended(text, &new, newline)
        }
        Some("3") => below_agent(text, token, newline, &line)
            .unwrap_or_else(|| appended(text, &format!("agent:{newline}{}", line("    ")), newline)),
        None | Some("2") => filled(text, "", token).unwrap_or_else(|| at_the_top(text, &line(""), newline)),
        Some(_) => return Err("its version is neither 2 nor 3"),
    };
    let after = Content::read(&new).map_err(|_| "it is written in a way that mcpgw does not edit")?;
    match (after.rest == before.rest || before.empty) && after.token.as_deref() == Some(token) {
        true => Ok(format!("{bom}{new}")),
        false => Err("it is written in a way that mcpgw does not edit"),
    }
}

/// Is it a config at all? `Err` says what keeps it from being one.
pub(super) fn check_readable(text: &str) -> Result<(), &'static str> {
    Content::read(text.trim_start_matches('\u{feff}')).map(drop)
}

/// Quoted where YAML could take it for something else than text.
fn written(token: &str) -> String {
    let plain = token.starts_with(|char: char| char.is_ascii_alphanumeric())
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        && token.bytes().any(|byte| byte.is_ascii_alphabetic());
    if plain { token.into() } else { format!("'{token}'") }
}

/// The text with the token in the block of `agent:`; `None` when there is no such line.
fn below_agent(text: &str, token: &str, newline: &str, line: &dyn Fn(&str) -> String) -> Option<String> {
    static AGENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^agent:[ \t]*(?:#[^\n]*)?\r?(?:\n|\z)"));
    let end = AGENT.find(text)?.end();
    let block =
        end + text[end..].split_inclusive('\n').take_while(|line| below(line)).map(str::len).sum::<usize>();
    let child = text[end..block].lines().find(|line| says_something(line));
    let indent = child.map_or("    ", |child| &child[..child.len() - child.trim_start().len()]);
    let (head, body, tail) = (&text[..end], &text[end..block], &text[block..]);
    if let Some(body) = filled(body, indent, token) {
        return Some(format!("{head}{body}{tail}"));
    }
    let gap = if head.ends_with('\n') { "" } else { newline };
    Some(format!("{head}{gap}{}{body}{tail}", line(indent)))
}

/// Does the line belong to the block above it?
fn below(line: &str) -> bool {
    !says_something(line) || line.starts_with(' ')
}

fn says_something(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// The text with the token in an `authtoken:` of that indent which has no value.
fn filled(text: &str, indent: &str, token: &str) -> Option<String> {
    static EMPTY: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r#"(?m)^( *)(authtoken:)[ \t]*(?:""|''|null|~)?([ \t]+#[^\r\n]*)?[ \t]*(\r?)$"#)
    });
    let found = EMPTY.captures_iter(text).find(|found| &found[1] == indent)?;
    let new = |found: &Captures<'_>| {
        let comment = found.get(3).map_or("", |comment| comment.as_str());
        format!("{}{} {}{comment}{}", &found[1], &found[2], written(token), &found[4])
    };
    let whole = found.get(0)?;
    Some(format!("{}{}{}", &text[..whole.start()], new(&found), &text[whole.end()..]))
}

/// After the line of the version, where readers look; else at the end.
fn at_the_top(text: &str, line: &str, newline: &str) -> String {
    static VERSION: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^version:[^\n]*\n"));
    match VERSION.find(text) {
        Some(found) => format!("{}{line}{}", &text[..found.end()], &text[found.end()..]),
        None => appended(text, line, newline),
    }
}

fn appended(text: &str, lines: &str, newline: &str) -> String {
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    format!("{text}{gap}{lines}")
}

/// What a config says: its version, its token, and all the rest in a form that can be compared.
#[derive(Debug, PartialEq)]
struct Content {
    version: Option<String>,
    token: Option<String>,
    rest: Vec<Value>,
    empty: bool,
}

impl Content {
    fn read(text: &str) -> Result<Self, &'static str> {
        let nothing = Self { version: None, token: None, rest: vec![], empty: true };
        if !text.lines().any(says_something) {
            return Ok(nothing);
        }
        let file: YamlFile = text.parse().map_err(|_| "it is not valid YAML")?;
        let documents: Vec<_> = file.documents().collect();
        let [document] = documents.as_slice() else { return Err("it has not exactly one document") };
        let config = document.as_mapping().ok_or("it is not a table of settings")?;
        let (mut version, mut token, mut rest) = (None, None, vec![]);
        let mut seen: Vec<Value> = vec![];
        for (key, value) in config.iter() {
            let (key, value) = (tree(&key), tree(&value));
            if seen.contains(&key) {
                return Err("it has a key twice");
            }
            seen.push(key.clone());
            match key.as_str() {
                Some("version") => version = value.as_str().map(Into::into),
                Some("authtoken") => {
                    token = said(&value);
                    continue;
                }
                Some("agent") => {
                    let mut agent = value;
                    let pairs = agent.get_mut("map").and_then(Value::as_array_mut);
                    let Some(pairs) = pairs else {
                        if agent.as_str().is_some_and(str::is_empty) {
                            continue;
                        }
                        return Err("its `agent` is not a table of settings");
                    };
                    if pairs.iter().filter(|pair| pair[0] == "authtoken").count() > 1 {
                        return Err("it has a key twice");
                    }
                    let own = pairs.iter().find(|pair| pair[0] == "authtoken");
                    token = own.and_then(|pair| said(&pair[1])).or(token);
                    pairs.retain(|pair| pair[0] != "authtoken");
                    if !pairs.is_empty() {
                        rest.push(json!([key, agent]));
                    }
                    continue;
                }
                _ => {}
            }
            rest.push(json!([key, value]));
        }
        Ok(Self { version, token, rest, empty: false })
    }
}

fn said(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !["", "null", "~"].contains(text)).map(Into::into)
}

/// A node in a form that can be compared: text, `[...]`, `{"map": [[key, value], ...]}`.
fn tree(node: &YamlNode) -> Value {
    match node {
        YamlNode::Scalar(scalar) => Value::from(scalar.as_string()),
        YamlNode::Mapping(map) => {
            json!({"map": map.iter().map(|(key, value)| json!([tree(&key), tree(&value)])).collect::<Vec<_>>()})
        }
        YamlNode::Sequence(list) => list.values().map(|value| tree(&value)).collect(),
        YamlNode::Alias(alias) => json!({"alias": alias.to_string()}),
        YamlNode::TaggedNode(tagged) => json!({"tagged": tagged.to_string()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "2aBcDeFgHiJkLmNoPqRsTuVwXyZ_1a2B3c4D5e6F7g8H9i0J1";

    #[test]
    fn the_token_goes_where_the_version_wants_it_and_every_other_byte_stays() {
        let cases = [
            ("version: \"3\"\nagent:\n    authtoken: TOKEN\n", ""),
            ("# mine\nversion: \"3\"\nagent:\n    authtoken: TOKEN\n", "# mine\n"),
            (
                "version: \"3\"\nagent:\n  authtoken: TOKEN\n  region: eu # near\n",
                "version: \"3\"\nagent:\n  region: eu # near\n",
            ),
            (
                "version: 3\nagent: # all of it\n    authtoken: TOKEN\n\nendpoints: []\n",
                "version: 3\nagent: # all of it\n\nendpoints: []\n",
            ),
            ("version: '3'\n\n# last\nagent:\n    authtoken: TOKEN\n", "version: '3'\n\n# last\n"),
            (
                "version: 3\nagent:\n  # why\n  authtoken: TOKEN\n  region: eu\n",
                "version: 3\nagent:\n  # why\n  authtoken: \n  region: eu\n",
            ),
            ("version: \"2\"\nauthtoken: TOKEN\nregion: us\n", "version: \"2\"\nregion: us\n"),
            (
                "region: us\ntunnels:\n  a:\n    proto: http\nauthtoken: TOKEN\n",
                "region: us\ntunnels:\n  a:\n    proto: http\n",
            ),
            ("version: \"2\"\nauthtoken: TOKEN # mine\n", "version: \"2\"\nauthtoken:  # mine\n"),
        ];
        for (expected, old) in cases {
            let expected = expected.replace("TOKEN", TOKEN);
            let new = with_token(old, TOKEN).unwrap_or_else(|why| panic!("{old}: {why}"));
            assert_eq!(new, expected, "{old}");
            let crlf = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
            if !old.is_empty() {
                assert_eq!(with_token(&crlf(old), TOKEN).unwrap(), crlf(&new), "{old}");
            }
        }
    }

    #[test]
    fn a_last_line_without_an_end_gets_one() {
        for (old, new) in [
            ("version: 3\nlog: x", "version: 3\nlog: x\nagent:\n    authtoken: TOKEN\n"),
            ("version: 3\nagent:", "version: 3\nagent:\n    authtoken: TOKEN\n"),
            ("region: us", "region: us\nauthtoken: TOKEN\n"),
            ("version: 3\r\nagent:", "version: 3\r\nagent:\r\n    authtoken: TOKEN\r\n"),
        ] {
            assert_eq!(with_token(old, TOKEN).unwrap(), new.replace("TOKEN", TOKEN));
        }
    }

    #[test]
    fn what_cannot_be_edited_without_doubt_is_refused() {
        for old in [
            "version: [\n",
            "- a\n- b\n",
            "just text\n",
            "version: \"3\"\nagent: {region: eu}\n",
            "version: \"3\"\nagent: text\n",
            "version: \"4\"\n",
            "{version: \"3\"}\n",
            "version: 3\n---\nversion: 3\n",
            "version: 3\nregion: a\nregion: b\n",
            "version: 3\n...\n",
            "version: 3\n\"agent\":\n  region: eu\n",
            "version: 3\nagent:\n  authtoken:\n  authtoken:\n",
            "version: 3\nnote: |\n  text\nagent: &x\n  region: eu\n",
        ] {
            assert!(with_token(old, TOKEN).is_err(), "{old}\n{:?}", with_token(old, TOKEN));
        }
    }

    #[test]
    fn lines_that_only_look_like_ours_are_left_alone() {
        let old = "version: \"3\"\nnote: |\n  agent:\n    authtoken:\nagent:\n  region: eu\n";
        let new = with_token(old, TOKEN).unwrap();
        assert_eq!(new, old.replace("\nagent:\n", &format!("\nagent:\n  authtoken: {TOKEN}\n")));
    }

    #[test]
    fn a_token_that_yaml_could_misread_is_quoted() {
        for token in [
            "12345678901234567890",
            "-aaaaaaaaaaaaaaaaaaaaa",
            "*aaaaaaaaaaaaaaaaaaaaa",
            "a:b{c}a:b{c}a:b{c}a",
        ] {
            let new = with_token("version: 3\n", token).unwrap();
            assert!(new.contains(&format!("'{token}'")), "{new}");
        }
    }

    #[test]
    fn the_shape_of_a_token_is_looked_at_loosely() {
        assert_eq!(check(TOKEN), Ok(()));
        let long = "x".repeat(201);
        for wrong in [
            "",
            "short",
            "has a space in its middle",
            "has\"quotes\"in-its-middle",
            "tab\tin-its-very-middle",
            &long,
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
