//! TOML and YAML: what an entry looks like in each manner of writing, and that taking it out gives the bytes back.

use proptest::prelude::*;

use super::*;
use crate::error::line_and_column;

fn toml_spot() -> Spot {
    Spot { format: Format::Toml, path: vec!["mcp_servers".into()], name: "mcpgw".into() }
}

fn goose() -> Spot {
    Spot { format: Format::Yaml(Servers::Map), path: vec!["extensions".into()], name: "mcpgw".into() }
}

fn continued() -> Spot {
    Spot { format: Format::Yaml(Servers::List), path: vec!["mcpServers".into()], name: "mcpgw".into() }
}

fn changes(url: &str) -> Vec<Change> {
    let text = |text: &str| Value::Text(text.into());
    vec![
        Change::Set(vec!["name".into()], text("mcpgw")),
        Change::Set(vec!["url".into()], text(url)),
        Change::Fresh(vec!["enabled".into()], Value::Flag(true)),
        Change::Set(vec!["headers".into(), "Authorization".into()], text("Bearer x")),
        Change::Drop(vec!["command".into()]),
    ]
}

/// Put in, put in again, led elsewhere, taken out: the text after the first of them.
fn round(text: &str, spot: &Spot) -> String {
    let room = room(text, spot);
    let once = put(text, spot, &changes("https://a.example"), Existing::Merge)
        .unwrap_or_else(|refusal| panic!("{refusal:?}\n{text}"));
    assert_eq!(put(&once, spot, &changes("https://a.example"), Existing::Merge).unwrap(), once);
    let twice = put(&once, spot, &changes("https://b.example"), Existing::Merge).unwrap();
    assert_eq!(twice.replace("b.example", "a.example"), once);
    let found = read(&twice, spot).unwrap().unwrap();
    assert_eq!(
        (&found.value["url"], &found.value["headers"]["Authorization"]),
        (&"https://b.example".into(), &"Bearer x".into())
    );
    let replaced = put(&twice, spot, &changes("https://c.example"), Existing::Replace).unwrap();
    assert_eq!(read(&replaced, spot).unwrap().unwrap().value["url"], "https://c.example");
    assert_eq!(
        read(&put_back(&replaced, spot, &found.raw).unwrap(), spot).unwrap().unwrap().value,
        found.value
    );
    let out = take_out(&twice, spot, room).unwrap();
    assert!(read(&out, spot).unwrap().is_none());
    // A key that said nothing says `{}` or `[]` then.
    let end = |text: &str| text.trim_end().replace(": {}", ":").replace(": []", ":");
    assert_eq!(end(&out), end(text), "{twice}");
    once
}

const ENTRY: &str = "[mcp_servers.mcpgw]\nname = \"mcpgw\"\nurl = \"https://a.example\"\nenabled = true\nheaders = { Authorization = \"Bearer x\" }\n";

#[test]
fn a_new_entry_in_toml_is_a_table_at_the_end() {
    for before in [
        "",
        "# mine\nmodel = \"gpt\" # fast\n",
        "[mcp_servers.files]\ncommand = \"npx\"\n\n[projects.\"/home/me\"]\ntrust_level = \"trusted\"\n",
        "mcp_servers.files.command = \"npx\"\n",
        "[mcp_servers]\nfiles = { command = \"npx\" }\n\n",
        "text = \"\"\"\n[mcp_servers.mcpgw]\n\"\"\"\n[[list]]\na = [ { b = 1 }, { b = 2 } ]\n",
    ] {
        let gap = if before.is_empty() || before.ends_with("\n\n") { "" } else { "\n" };
        assert_eq!(round(before, &toml_spot()), format!("{before}{gap}{ENTRY}"));
        let crlf = |text: &str| text.replace('\n', if before.is_empty() { "\n" } else { "\r\n" });
        assert_eq!(round(&crlf(before), &toml_spot()), crlf(&format!("{before}{gap}{ENTRY}")));
    }
    assert_eq!(round("a = 1", &toml_spot()), format!("a = 1\n\n{ENTRY}"));
}

#[test]
fn servers_in_an_inline_table_get_it_there() {
    assert_eq!(
        round("mcp_servers = { files = { command = \"npx\" } } # all\nz = 1\n", &toml_spot()),
        "mcp_servers = { files = { command = \"npx\" }, mcpgw = { name = \"mcpgw\", url = \"https://a.example\", enabled = true, headers = { Authorization = \"Bearer x\" } } } # all\nz = 1\n"
    );
}

#[test]
fn an_entry_in_toml_is_changed_where_it_stands() {
    let set = |text: &str| put(text, &toml_spot(), &changes("https://a.example"), Existing::Merge).unwrap();
    // As the client itself rewrites it, with fields of the user's.
    let text = "[mcp_servers.mcpgw]\nname = \"mcpgw\"\nurl = \"x\" # mine\nstartup_timeout_sec = 20\n\n[mcp_servers.mcpgw.headers]\nX-Team = \"blue\"\n\n[tui]\n";
    assert_eq!(
        set(text),
        text.replace("\"x\"", "\"https://a.example\"")
            .replace("\"blue\"\n", "\"blue\"\nAuthorization = \"Bearer x\"\n")
    );
    let dotted = "mcp_servers.mcpgw.url = 'x'\nmcp_servers.mcpgw.name = 'mcpgw'\nz = 1\n";
    assert_eq!(
        set(dotted),
        "mcp_servers.mcpgw.url = \"https://a.example\"\nmcp_servers.mcpgw.name = 'mcpgw'\nmcp_servers.mcpgw.headers = { Authorization = \"Bearer x\" }\nz = 1\n"
    );
    let inline = "[mcp_servers]\nmcpgw = { command = \"old\", name = 'mcpgw', url = 'x' } # mine\nother = { command = 'y' }\n";
    assert_eq!(
        set(inline),
        "[mcp_servers]\nmcpgw = { name = 'mcpgw', url = \"https://a.example\", headers = { Authorization = \"Bearer x\" } } # mine\nother = { command = 'y' }\n"
    );
}

#[test]
fn toml_that_is_none_is_refused_with_its_place() {
    let refused = |text: &str| put(text, &toml_spot(), &changes("x"), Existing::Merge).unwrap_err();
    assert_eq!(line_and_column("a = 1\nb = \n", refused("a = 1\nb = \n").at.unwrap()).0, 2);
    assert!(refused("mcp_servers = 1\n").why.contains("must be a table"));
    assert!(refused("[[mcp_servers]]\na = 1\n").why.contains("must be a table"));
    assert!(refused("a = 1\na = 2\n").at.is_some());
}

#[test]
fn a_new_entry_in_a_yaml_map_takes_the_manner_of_its_neighbours() {
    let entry = "  mcpgw:\n    name: mcpgw\n    url: https://a.example\n    enabled: true\n    headers:\n      Authorization: \"Bearer x\"\n";
    let neighbour = "  developer: # built in\n    enabled: true\n    type: builtin\n";
    assert_eq!(round("", &goose()), format!("extensions:\n{entry}"));
    assert_eq!(round("GOOSE_MODEL: x\n", &goose()), format!("GOOSE_MODEL: x\nextensions:\n{entry}"));
    assert_eq!(round("# only words\n", &goose()), format!("# only words\nextensions:\n{entry}"));
    for tail in ["", "GOOSE_MODE: auto # mine\n", "\n# end\n"] {
        let before = format!("extensions:\n{neighbour}{tail}");
        assert_eq!(round(&before, &goose()), format!("extensions:\n{neighbour}{entry}{tail}"));
    }
    assert_eq!(round("extensions:\nz: 1\n", &goose()), format!("extensions:\n{entry}z: 1\n"));
    let crlf = |text: &str| text.replace('\n', "\r\n");
    assert_eq!(
        round(&crlf(&format!("extensions:\n{neighbour}")), &goose()),
        crlf(&format!("extensions:\n{neighbour}{entry}"))
    );
    let wide = "extensions:\n    a:\n        type: x\n";
    assert!(round(wide, &goose()).contains("\n    mcpgw:\n        name: mcpgw\n"));
    assert_eq!(
        round("extensions: {a: {type: x}}\nz: 1\n", &goose()),
        "extensions: {a: {type: x}, mcpgw: {name: \"mcpgw\", url: \"https://a.example\", enabled: true, headers: {Authorization: \"Bearer x\"}}}\nz: 1\n"
    );
    let block = "extensions:\n  a:\n    prompt: |\n      text\n      more\n\nz: \u{fc}\n";
    assert!(round(block, &goose()).contains("more\n\n  mcpgw:\n"));
}

#[test]
fn a_new_entry_in_a_yaml_list_names_itself() {
    let entry = "  - name: mcpgw\n    url: https://a.example\n    enabled: true\n    headers:\n      Authorization: \"Bearer x\"\n";
    let head = "name: me\nversion: 1.0.0\n";
    assert_eq!(round(head, &continued()), format!("{head}mcpServers:\n{entry}"));
    let other = "  - name: files # mine\n    command: npx\n    args:\n      - -y\n";
    assert_eq!(
        round(&format!("{head}mcpServers:\n{other}models: []\n"), &continued()),
        format!("{head}mcpServers:\n{other}{entry}models: []\n")
    );
    // The dashes may stand below the key itself.
    let flush = "mcpServers:\n- name: files\n  command: npx\nz: 1\n";
    assert!(round(flush, &continued()).contains("command: npx\n- name: mcpgw\n  url: https://a.example\n"));
}

#[test]
fn empty_servers_in_yaml_become_lines_and_are_empty_again() {
    let with = round("extensions: {} # none\nz: 1\n", &goose());
    assert!(with.starts_with("extensions: # none\n  mcpgw:\n    name: mcpgw\n"), "{with}");
    let with = round("mcpServers: []\n", &continued());
    assert!(with.starts_with("mcpServers:\n  - name: mcpgw\n    url:"), "{with}");
}

#[test]
fn yaml_on_one_line_stays_on_one_line() {
    for (before, spot) in [
        ("{a: 1, extensions: {}}\n", goose()),
        ("{mcpServers: [], b: 2}\n", continued()),
        ("{a: 1}\n", goose()),
    ] {
        assert_eq!(round(before, &spot).lines().count(), 1, "{before}");
    }
}

#[test]
fn anchors_tags_and_quotes_of_others_stay() {
    let text = "base: &base {a: 1}\nextensions:\n  x:\n    <<: *base\n    b: !!str 1\n    c: 'it''s'\n    d: \"\\u00e9\"\n    e: >-\n      folded\n      text\n";
    assert!(round(text, &goose()).starts_with(text));
}

#[test]
fn what_a_user_added_to_an_entry_in_yaml_stays() {
    let text = "extensions:\n  mcpgw:\n    url: 'old' # mine\n    name: mcpgw\n    timeout: 60\n    headers:\n      X-Team: blue\n    command: gone\n";
    let new = put(text, &goose(), &changes("https://a.example"), Existing::Merge).unwrap();
    assert_eq!(
        new,
        "extensions:\n  mcpgw:\n    url: https://a.example # mine\n    name: mcpgw\n    timeout: 60\n    headers:\n      X-Team: blue\n      Authorization: \"Bearer x\"\n"
    );
}

#[test]
fn yaml_that_cannot_be_edited_is_refused_with_its_place() {
    let refused = |text: &str, spot: &Spot| put(text, spot, &changes("x"), Existing::Merge).unwrap_err();
    assert!(refused("extensions: [1]\n", &goose()).why.contains("must be a map, and is a list"));
    assert!(refused("mcpServers:\n  a: 1\n", &continued()).why.contains("must be a list, and is a map"));
    assert!(refused("- a\n", &goose()).why.contains("the document must be a map"));
    assert_eq!(line_and_column("a: 1\n b: : 2\n", refused("a: 1\n b: : 2\n", &goose()).at.unwrap()).0, 2);
    assert!(refused("a: 1\n---\nb: 2\n", &goose()).why.contains("second document"));
    for (text, place) in [
        ("extensions:\n  a: {}\nz: 1\nextensions:\n  b: {}\n", (4, 1)),
        ("z: 1\n\"z\": 2\n", (2, 1)),
        ("extensions:\n  a: {}\n  'a': {}\n", (3, 3)),
    ] {
        let refusal = refused(text, &goose());
        assert!(refusal.why.contains("for the second time"), "{refusal:?}");
        assert_eq!(line_and_column(text, refusal.at.unwrap()), place);
    }
    assert!(refused("a: \"x\n", &goose()).at.is_some());
    assert!(refused("a:\n\t- b\n", &goose()).at.is_some());
}

/// Lines of a document that chance makes: TOML and YAML have no second manner of writing that is as simple.
#[derive(Debug, Clone)]
enum Tree {
    Plain(&'static str),
    List(Vec<&'static str>),
    Map(Vec<(&'static str, Tree)>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let word = prop::sample::select(vec!["1", "true", "\"a # b\"", "'it: is'", "\"\u{e9}\\u00fc\"", "-0.5"]);
    let keys = prop::sample::subsequence(vec!["a", "b", "url", "headers", "mcpgw", "z9"], 0..4);
    let leaf = prop_oneof![
        word.clone().prop_map(Tree::Plain),
        prop::collection::vec(word, 1..4).prop_map(Tree::List),
    ];
    leaf.prop_recursive(3, 16, 4, move |inner| {
        (keys.clone(), prop::collection::vec(inner, 4))
            .prop_map(|(keys, values)| Tree::Map(keys.into_iter().zip(values).collect()))
    })
}

/// Members of the root, those of the servers among them or not.
fn documents(servers: &'static str) -> impl Strategy<Value = (Vec<(&'static str, Tree)>, bool, bool)> {
    let members = (prop::sample::subsequence(vec!["k1", "k2", "k3"], 0..4), prop::collection::vec(tree(), 3));
    let others = prop::option::of(prop::collection::vec(tree(), 1..3));
    (members, others, any::<prop::sample::Index>(), any::<bool>(), any::<bool>()).prop_map(
        move |((keys, values), others, at, comments, crlf)| {
            let mut members: Vec<_> = keys.into_iter().zip(values).collect();
            if let Some(others) = others {
                let entry = |tree| Tree::Map(vec![("name", Tree::Plain("\"x\"")), ("more", tree)]);
                let named = ["s1", "s2"].into_iter().zip(others.into_iter().map(entry)).collect();
                members.insert(at.index(members.len() + 1), (servers, Tree::Map(named)));
            }
            (members, comments, crlf)
        },
    )
}

fn toml_text(fields: &[(&str, Tree)], path: &str, out: &mut String) {
    let (tables, plain): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, tree)| matches!(tree, Tree::Map(_)));
    for (key, tree) in plain {
        match tree {
            Tree::Plain(word) => out.push_str(&format!("{key} = {word}\n")),
            Tree::List(words) => out.push_str(&format!("{key} = [\n  {},\n]\n", words.join(",\n  "))),
            Tree::Map(_) => {}
        }
    }
    for (key, tree) in tables {
        if let Tree::Map(fields) = tree {
            let path = if path.is_empty() { (*key).to_string() } else { format!("{path}.{key}") };
            out.push_str(&format!("\n[{path}]\n"));
            toml_text(fields, &path, out);
        }
    }
}

fn yaml_text(fields: &[(&str, Tree)], indent: usize, out: &mut String) {
    for (key, tree) in fields {
        out.push_str(&format!("{}{key}:", " ".repeat(indent)));
        match tree {
            Tree::Plain(word) => out.push_str(&format!(" {word}\n")),
            Tree::List(words) => words.iter().enumerate().for_each(|(at, word)| {
                let gap = if at == 0 { "\n" } else { "" };
                out.push_str(&format!("{gap}{}- {word}\n", " ".repeat(indent + 2)));
            }),
            Tree::Map(fields) if fields.is_empty() => out.push_str(" {}\n"),
            Tree::Map(fields) => {
                out.push('\n');
                yaml_text(fields, indent + 2, out);
            }
        }
    }
}

fn dressed(text: &str, comments: bool, crlf: bool) -> String {
    let mut text = text.trim_start().to_string();
    if comments {
        let line =
            |(at, line): (usize, &str)| match (at % 3, line.ends_with([',', '[', ']']) || line.is_empty()) {
                (0, false) => format!("{line} # about it\n"),
                (1, false) if !line.starts_with(' ') => format!("# above\n{line}\n"),
                _ => format!("{line}\n"),
            };
        text = text.lines().enumerate().map(line).collect();
    }
    if crlf { text.replace('\n', "\r\n") } else { text }
}

fn promises(text: &str, spot: &Spot) -> std::result::Result<(), TestCaseError> {
    let room = room(text, spot);
    let put = |text: &str, url| {
        put(text, spot, &changes(url), Existing::Merge)
            .map_err(|refusal| TestCaseError::fail(format!("{refusal:?}")))
    };
    let once = put(text, "https://a.example")?;
    // Every line is still there, in its order.
    let mut lines = once.lines();
    for line in text.lines() {
        prop_assert!(lines.any(|kept| kept == line), "lost `{}`:\n{}", line, once);
    }
    prop_assert!(!text.contains('\r') || once.matches('\n').count() == once.matches("\r\n").count());
    prop_assert_eq!(&put(&once, "https://a.example")?, &once);
    let twice = put(&once, "https://b.example")?;
    prop_assert_eq!(twice.replace("b.example", "a.example"), once);
    let out = take_out(&twice, spot, room).map_err(|refusal| TestCaseError::fail(format!("{refusal:?}")))?;
    prop_assert_eq!(out.trim_end(), text.trim_end());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn toml_keeps_all_that_is_not_ours((members, comments, crlf) in documents("mcp_servers")) {
        let mut text = String::new();
        toml_text(&members, "", &mut text);
        promises(&dressed(&text, comments, crlf), &toml_spot())?;
    }

    #[test]
    fn yaml_keeps_all_that_is_not_ours((members, comments, crlf) in documents("extensions")) {
        let mut text = String::new();
        yaml_text(&members, 0, &mut text);
        promises(&dressed(&text, comments, crlf), &goose())?;
    }
}
