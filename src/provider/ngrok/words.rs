//! ngrok's records as people read them. mcpgw asks it for JSON, which it understands best itself.

use serde_json::{Map, Value};

/// `info started tunnel url=https://...`, of a record in JSON; `None` for any other line. What stands in a record is
/// hostile: it may decode to what a terminal would obey.
pub(in crate::provider) fn in_words(line: &str) -> Option<String> {
    /// The time is the log's own; the others are of use to ngrok's makers.
    const LEFT_OUT: [&str; 5] = ["t", "lvl", "msg", "obj", "id"];
    let record: Map<String, Value> = serde_json::from_str(line).ok()?;
    let text = |name: &str| record.get(name)?.as_str();
    let rest = record.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    let rest = rest.map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    });
    let words = [text("lvl")?.to_string(), text("msg")?.to_string()];
    Some(words.into_iter().chain(rest).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_becomes_a_line_and_what_is_none_stays() {
        let record = r#"{"addr":"http://localhost:1","lvl":"info","msg":"started tunnel","name":"x","obj":"tunnels","t":"2026-01-01T00:00:00Z","url":"https://x.ngrok.app","n":3}"#;
        assert_eq!(
            in_words(record).as_deref(),
            Some("info started tunnel addr=http://localhost:1 n=3 name=x url=https://x.ngrok.app")
        );
        for other in ["", "ERROR: no", "[1]", r#"{"msg":1}"#, r#"{"lvl":"info"}"#, "{"] {
            assert_eq!(in_words(other), None, "{other}");
        }
    }
}
