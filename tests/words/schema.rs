//! schema/mcpgw.schema.json, made from the settings themselves: the keys that the file's reader knows, the kinds of
//! values that it takes, and the words of the flags. So it cannot go stale.

use std::fmt::Write;

use mcpgw::cli;
use mcpgw::config::Layer;
use serde_json::{Map, Value, json};

/// The schema's text.
pub(crate) fn schema() -> String {
    let properties: Map<String, Value> =
        keys().into_iter().map(|key| (key.clone(), property(&key))).collect();
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://raw.githubusercontent.com/mcpgw/mcpgw/main/schema/mcpgw.schema.json",
        "title": "mcpgw.toml",
        "description": "How `mcpgw tunnel` runs in a project. Flags and MCPGW_* variables win over this file.",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    let mut text = serde_json::to_string_pretty(&schema).unwrap();
    writeln!(text).unwrap();
    text
}

/// What the reader says about a piece of a file; `None` when it takes it.
fn complaint(text: &str) -> Option<String> {
    toml::from_str::<Layer>(text).err().map(|error| error.message().to_string())
}

/// The words in backticks.
fn quoted(message: &str) -> Vec<String> {
    message.split('`').skip(1).step_by(2).map(str::to_string).collect()
}

fn keys() -> Vec<String> {
    let message = complaint("no-such-key = 1").expect("an unknown key is refused");
    let keys = quoted(&message)[1..].to_vec();
    assert!(keys.len() > 20, "{message}");
    keys
}

fn property(key: &str) -> Value {
    let takes = |value: &str| complaint(&format!("{key} = {value}")).is_none();
    let mut property = match () {
        () if takes("true") => json!({"type": "boolean"}),
        () if takes("3001") => {
            assert!(!takes("70000") && !takes("-1"), "{key} is a number that is no port: say so here");
            json!({"type": "integer", "minimum": 1, "maximum": 65535})
        }
        () if takes("['x']") => json!({"type": "array", "items": {"type": "string"}}),
        () if takes("{ NAME = 'x' }") => {
            json!({"type": "object", "additionalProperties": {"type": "string"}})
        }
        () if takes("'no such value'") => json!({"type": "string"}),
        () if takes("'5s'") => {
            json!({"type": "string", "pattern": "^[0-9]", "examples": ["500ms", "5s", "1m30s"]})
        }
        () if takes("'64M'") => {
            json!({"type": "string", "pattern": "^[0-9]", "examples": ["512k", "64M", "1GiB"]})
        }
        () => {
            let message = complaint(&format!("{key} = 'no such value'")).unwrap();
            let values = quoted(&message);
            assert!(
                message.contains("unknown variant") && values.len() > 1,
                "{key} is of a new kind: {message}"
            );
            json!({"type": "string", "enum": values[1..]})
        }
    };
    property["description"] = description(key).into();
    property
}

/// The flag's own words; for the few keys that are no flag, words here.
fn description(key: &str) -> String {
    match key {
        "order" => return "The providers that auto tries, in this order".into(),
        "verify" => return "Prove the URL; false takes the provider's word for it".into(),
        _ => {}
    }
    let cli = cli::whole();
    let tunnel = cli.find_subcommand("tunnel").unwrap();
    let flag = tunnel.get_arguments().find(|arg| arg.get_long() == Some(key) || arg.get_id() == key);
    let flag = flag.unwrap_or_else(|| panic!("`{key}` is a key of mcpgw.toml and no flag: describe it here"));
    flag.get_help().unwrap_or_else(|| panic!("--{key} has no help")).to_string()
}
