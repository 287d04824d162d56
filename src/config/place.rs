//! Where in a settings file a value stands, so that a mistake can be told with file, line and column.

use std::fs;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use crate::error::{Error, line_and_column};

/// The error, as one of the file that says `value` for `key`; as it is where none does.
pub(super) fn located(error: Error, files: &[PathBuf], key: &str, value: &str) -> Error {
    let place = files.iter().find_map(|path| {
        let (line, column) = find(&fs::read_to_string(path).ok()?, key, value)?;
        Some(format!("{}:{line}:{column}", path.display()))
    });
    match place {
        Some(place) => of_file(error, &place, key),
        None => error,
    }
}

/// `use --port 0: it is none`, fix `write --port 1` becomes `read FILE:1:8: it is none`, fix `write port = "1"`.
fn of_file(error: Error, place: &str, key: &str) -> Error {
    let why = error.message.split_once(": ").map_or(error.message.as_str(), |(_, why)| why);
    let fix = error.fix.map(|fix| match fix.strip_prefix(&format!("write --{key} ")) {
        Some(value) if ["allow", "allow-host"].contains(&key) => format!("write {key} = [\"{value}\"]"),
        Some(value) => format!("write {key} = \"{value}\""),
        None => fix,
    });
    Error { message: format!("read {place}: {why}"), fix, ..error }
}

/// Line and column of this value of `key`: itself, one of its list, or a name or value of its table.
fn find(text: &str, key: &str, value: &str) -> Option<(usize, usize)> {
    let document = DeTable::parse(text).ok()?;
    let (_, found) = document.get_ref().iter().find(|(name, _)| name.get_ref() == key)?;
    let is = |one: &DeValue<'_>| match one {
        DeValue::String(text) => text == value,
        DeValue::Integer(number) => number.as_str() == value,
        _ => false,
    };
    let span = match found.get_ref() {
        DeValue::Array(list) => list.iter().find(|one| is(one.get_ref()))?.span(),
        DeValue::Table(table) => {
            let (name, content) =
                table.iter().find(|(name, content)| name.get_ref() == value || is(content.get_ref()))?;
            if name.get_ref() == value { name.span() } else { content.span() }
        }
        single if is(single) => found.span(),
        _ => return None,
    };
    Some(line_and_column(text, span.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_alone_in_a_list_and_in_a_table() {
        let text =
            "# ü\nport = 0\norder = ['lt',\n  'x']\nenv = { A = '{u}', 'B C' = '' }\n[more]\nport = 5\n";
        for (key, value, place) in [
            ("port", "0", Some((2, 8))),
            ("order", "x", Some((4, 3))),
            ("env", "{u}", Some((5, 13))),
            ("env", "B C", Some((5, 20))),
            ("port", "5", None),
            ("profile", "x", None),
        ] {
            assert_eq!(find(text, key, value), place, "{key} {value}");
        }
    }

    #[test]
    fn a_flags_mistake_becomes_the_files() {
        let flag = Error::usage("config.value", "use --health x: `x` is not a path").fix("write --health /x");
        let file = of_file(flag, "mcpgw.toml:1:10", "health");
        assert_eq!(file.message, "read mcpgw.toml:1:10: `x` is not a path");
        assert_eq!(file.fix.as_deref(), Some("write health = \"/x\""));
    }
}
