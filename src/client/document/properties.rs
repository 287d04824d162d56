//! Promises of the editors, over documents that chance makes, judged by parsers that mcpgw does not use.

use proptest::prelude::*;

use super::*;

const LOOSE: Format = Format::Json(Syntax { comments: true, trailing_commas: true });
const STRICT: Format = Format::Json(Syntax { comments: false, trailing_commas: false });

fn spot(format: Format) -> Spot {
    Spot { format, path: vec!["mcpServers".into()], name: "mcpgw".into() }
}

fn changes(url: &str) -> Vec<Change> {
    vec![
        Change::Set(vec!["type".into()], Value::Text("http".into())),
        Change::Set(vec!["url".into()], Value::Text(url.into())),
        Change::Fresh(vec!["enabled".into()], Value::Flag(true)),
        Change::Set(vec!["headers".into(), "Authorization".into()], Value::Text("Bearer x".into())),
    ]
}

/// What a document is made of: the manner of its blanks, and a tree.
#[derive(Debug, Clone)]
struct Manner {
    newline: &'static str,
    indent: &'static str,
    comments: bool,
    trailing: bool,
    lines: bool,
}

#[derive(Debug, Clone)]
enum Tree {
    Plain(&'static str),
    List(Vec<Tree>),
    Map(Vec<(&'static str, Tree)>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let plain = prop::sample::select(vec![
        "1",
        "-0.5e3",
        "true",
        "null",
        "\"\"",
        "\"a // b\"",
        "\"\u{e9}\\u00e9\"",
        "\"${env:X}\"",
        "\"/* */ , }\"",
        "\"\\\"\"",
    ]);
    let keys = vec!["a", "b", "mcpServers", "mcpgw", "url", "\u{fc}", "a b", "headers"];
    plain.prop_map(Tree::Plain).prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
            prop::collection::vec((prop::sample::select(keys.clone()), inner), 0..4).prop_map(Tree::Map),
        ]
    })
}

fn manner(strict: bool) -> impl Strategy<Value = Manner> {
    let newline = prop::sample::select(vec!["\n", "\r\n"]);
    let indent = prop::sample::select(vec!["  ", "    ", "\t", " "]);
    (newline, indent, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        move |(newline, indent, comments, trailing, lines)| Manner {
            newline,
            indent,
            comments: comments && !strict,
            trailing: trailing && !strict,
            lines: lines || (comments && !strict),
        },
    )
}

/// Documents whose servers are an object, or not there: what an editor is for.
fn document(strict: bool) -> impl Strategy<Value = String> {
    let members =
        prop::collection::vec((prop::sample::select(vec!["a", "b", "z\u{e9}", "servers"]), tree()), 0..4);
    let servers = prop::option::of(prop::collection::vec(
        (prop::sample::select(vec!["a", "b", "other"]), tree()),
        0..4,
    ));
    (members, servers, any::<prop::sample::Index>(), manner(strict)).prop_map(
        |(mut members, servers, at, manner)| {
            if let Some(servers) = servers {
                let at = at.index(members.len() + 1);
                members.insert(at, ("mcpServers", Tree::Map(servers)));
            }
            let mut text = String::new();
            if manner.comments {
                text.push_str(&format!("// at the top{}", manner.newline));
            }
            write(&Tree::Map(members), &manner, 0, &mut text);
            if manner.lines {
                text.push_str(manner.newline);
            }
            text
        },
    )
}

fn write(tree: &Tree, manner: &Manner, depth: usize, out: &mut String) {
    let (open, close, parts): (_, _, Vec<(Option<&str>, &Tree)>) = match tree {
        Tree::Plain(text) => return out.push_str(text),
        Tree::List(items) => ('[', ']', items.iter().map(|item| (None, item)).collect()),
        Tree::Map(fields) => ('{', '}', fields.iter().map(|(key, value)| (Some(*key), value)).collect()),
    };
    let line = |out: &mut String, depth: usize| {
        if manner.lines {
            out.push_str(manner.newline);
            (0..depth).for_each(|_| out.push_str(manner.indent));
        }
    };
    out.push(open);
    let last = parts.len().saturating_sub(1);
    for (at, (key, value)) in parts.iter().enumerate() {
        line(out, depth + 1);
        if let Some(key) = key {
            out.push_str(&format!("\"{key}\": "));
        }
        write(value, manner, depth + 1, out);
        if at < last || manner.trailing {
            out.push(',');
        }
        if manner.comments {
            out.push_str(if at % 2 == 0 { " // about it" } else { " /* a, \"b\" */" });
        }
    }
    if !parts.is_empty() {
        line(out, depth);
    }
    out.push(close);
}

/// Every value with its path, in order, doubles included, our entry left out.
fn outside(text: &str) -> Vec<(String, String)> {
    let options = jsonc_parser::ParseOptions::default();
    let parsed = jsonc_parser::parse_to_ast(text, &Default::default(), &options).unwrap();
    let mut found = vec![];
    walk(parsed.value.as_ref().unwrap(), text, String::new(), &mut found);
    found.retain(|(path, _)| path != "/mcpServers" && !path.starts_with("/mcpServers/mcpgw"));
    found
}

fn walk(value: &jsonc_parser::ast::Value<'_>, text: &str, path: String, found: &mut Vec<(String, String)>) {
    use jsonc_parser::ast::Value as Ast;
    use jsonc_parser::common::Ranged;
    match value {
        Ast::Object(object) => {
            found.push((path.clone(), "{}".into()));
            for property in &object.properties {
                walk(&property.value, text, format!("{path}/{}", property.name.as_str()), found);
            }
        }
        Ast::Array(array) => {
            found.push((path.clone(), "[]".into()));
            array
                .elements
                .iter()
                .enumerate()
                .for_each(|(at, value)| walk(value, text, format!("{path}/{at}"), found));
        }
        plain => found.push((path, text[plain.range().start..plain.range().end].into())),
    }
}

fn comments(text: &str) -> usize {
    ["// at the top", "// about it", "/* a, \"b\" */"]
        .iter()
        .map(|comment| text.matches(comment).count())
        .sum()
}

fn promises(text: &str, format: Format) -> std::result::Result<(), TestCaseError> {
    let spot = spot(format);
    let room = room(text, &spot);
    let once = put(text, &spot, &changes("https://a.example"), Existing::Merge);
    let once = once.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
    let found = read(&once, &spot).unwrap().unwrap();
    prop_assert_eq!(&found.value["url"], "https://a.example");
    prop_assert_eq!(&found.value["enabled"], true);
    prop_assert_eq!(outside(text), outside(&once));
    prop_assert_eq!(comments(text), comments(&once));
    // Every line end is as the others are.
    let crlf = text.contains("\r\n");
    prop_assert!(!crlf || once.matches('\n').count() == once.matches("\r\n").count());
    prop_assert_eq!(&put(&once, &spot, &changes("https://a.example"), Existing::Merge).unwrap(), &once);
    let twice = put(&once, &spot, &changes("https://b.example"), Existing::Merge).unwrap();
    prop_assert_eq!(twice.replace("b.example", "a.example"), once.clone());
    // Taking it out gives every byte back, but for an empty object's inside.
    let out = take_out(&twice, &spot, room).unwrap();
    prop_assert_eq!(outside(text), outside(&out));
    let packed = |text: &str| text.replace(char::is_whitespace, "");
    prop_assert_eq!(packed(text), packed(&out));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn strict_json_keeps_all_that_is_not_ours(text in document(true)) {
        promises(&text, STRICT)?;
        let once = put(&text, &spot(STRICT), &changes("https://a.example"), Existing::Merge).unwrap();
        prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&once).is_ok());
    }

    #[test]
    fn json_with_comments_keeps_all_that_is_not_ours(text in document(false)) {
        promises(&text, LOOSE)?;
    }

    #[test]
    fn whatever_the_bytes_an_edit_is_refused_or_right(text in "[\\[\\]{}:,\"a/* \n0tnul.-]{0,40}") {
        if let Ok(once) = put(&text, &spot(LOOSE), &changes("https://a.example"), Existing::Merge) {
            let options = jsonc_parser::ParseOptions::default();
            prop_assert!(jsonc_parser::parse_to_ast(&once, &Default::default(), &options).is_ok(), "{once}");
        }
    }
}

fn one(text: &str) -> String {
    put(text, &spot(LOOSE), &[Change::Set(vec!["url".into()], Value::Text("u".into()))], Existing::Merge)
        .unwrap()
}

#[test]
fn an_entry_takes_the_manner_of_the_document() {
    assert_eq!(one(""), "{\n  \"mcpServers\": {\n    \"mcpgw\": {\n      \"url\": \"u\"\n    }\n  }\n}\n");
    assert_eq!(one("{}"), "{\n  \"mcpServers\": {\n    \"mcpgw\": {\n      \"url\": \"u\"\n    }\n  }\n}");
    assert_eq!(
        one("// x\r\n"),
        "// x\r\n{\r\n  \"mcpServers\": {\r\n    \"mcpgw\": {\r\n      \"url\": \"u\"\r\n    }\r\n  }\r\n}\r\n"
    );
    assert_eq!(one("{\"a\":1}"), "{\"a\":1,\"mcpServers\":{\"mcpgw\":{\"url\":\"u\"}}}");
    assert_eq!(one("{ \"a\": 1 }"), "{ \"a\": 1, \"mcpServers\": { \"mcpgw\": { \"url\": \"u\" } } }");
    assert_eq!(
        one("{\n\t\"mcpServers\": {\n\t\t\"a\": {} // a\n\t}\n}\n"),
        "{\n\t\"mcpServers\": {\n\t\t\"a\": {}, // a\n\t\t\"mcpgw\": {\n\t\t\t\"url\": \"u\"\n\t\t}\n\t}\n}\n"
    );
    assert_eq!(
        one("{\n    \"mcpServers\": null\n}"),
        "{\n    \"mcpServers\": {\n        \"mcpgw\": {\n            \"url\": \"u\"\n        }\n    }\n}"
    );
    assert_eq!(
        one("{\n  \"mcpServers\": {\n    // none\n  }\n}"),
        "{\n  \"mcpServers\": {\n    // none\n    \"mcpgw\": {\n      \"url\": \"u\"\n    }\n  }\n}"
    );
    assert_eq!(
        one("{\n  \"mcpServers\": {\n    \"a\": {},\n  },\n}"),
        "{\n  \"mcpServers\": {\n    \"a\": {},\n    \"mcpgw\": {\n      \"url\": \"u\"\n    }\n  },\n}"
    );
}

#[test]
fn what_a_user_added_to_our_entry_stays_and_a_double_is_the_last() {
    let text =
        "{\"mcpServers\": {\"mcpgw\": {\"url\": \"1\"}, \"mcpgw\": {\"mine\": [1], \"url\": \"2\" /* x */}}}";
    assert_eq!(one(text), text.replace("\"2\"", "\"u\""));
    let twice = "{\"mcpServers\": {\"x\": {}}, \"mcpServers\": {}}";
    assert!(one(twice).starts_with("{\"mcpServers\": {\"x\": {}}, \"mcpServers\": {"));
}

#[test]
fn a_wrong_type_is_refused_with_its_place() {
    for (text, at) in [("[]", 0), ("{\"mcpServers\": []}", 15), ("{\"mcpServers\": \"x\"}", 15), ("7", 0)] {
        let refusal = put(text, &spot(LOOSE), &[], Existing::Merge).unwrap_err();
        assert_eq!(refusal.at, Some(at), "{text}: {refusal:?}");
        assert!(refusal.why.contains("must be an object"), "{refusal:?}");
    }
}

#[test]
fn half_a_surrogate_as_javascript_writes_it_stays() {
    let text = "{\"history\": [\"cut off \\ud83d\"], \"mcpServers\": {\"a\": {\"x\": \"\\udc00\"}}}";
    assert!(one(text).starts_with(text.strip_suffix("}}").unwrap()));
}

#[test]
fn deep_and_large_documents_are_edited_too() {
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(one(&deep).starts_with(&deep[..deep.len() - 1]));
}
