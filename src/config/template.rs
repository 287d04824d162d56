//! `--env NAME=TEMPLATE` and `--mcp-path TEMPLATE`: text with `{url}`, `{host}`, `{port}`, `{profile}`.

use crate::error::{Error, Result};

/// What the placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// The public address without a slash at the end.
    pub url: &'a str,
    /// Its host, with the port where it is not the scheme's own.
    pub host: &'a str,
    /// The gateway's port.
    pub port: u16,
    /// The profile.
    pub profile: &'a str,
}

/// Fills a template; an unknown placeholder is an error, `{{` and `}}` are braces.
pub fn fill(template: &str, values: Values<'_>) -> Result<String> {
    let mut filled = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let tail = &rest[at..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            filled.push_str(&tail[..1]);
            rest = &tail[2..];
            continue;
        }
        let name = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')).map(|(name, _)| name);
        match name {
            Some("url") => filled.push_str(values.url),
            Some("host") => filled.push_str(values.host),
            Some("port") => filled.push_str(&values.port.to_string()),
            Some("profile") => filled.push_str(values.profile),
            _ => return Err(unknown(template, name)),
        }
        rest = &tail[name.map_or(0, str::len) + 2..];
    }
    filled.push_str(rest);
    Ok(filled)
}

fn unknown(template: &str, name: Option<&str>) -> Error {
    let what =
        name.map_or("a brace that is never closed or opened".into(), |name| format!("unknown `{{{name}}}`"));
    Error::usage("config.template", format!("fill the template `{template}`: {what}"))
        .fix("use {url}, {host}, {port} or {profile}; write {{ and }} for braces")
}

/// May this be the name of an environment variable?
pub fn valid_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|char| char.is_ascii_alphanumeric() || char == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: Values<'_> =
        Values { url: "https://x.example", host: "x.example", port: 3001, profile: "team" };

    #[test]
    fn placeholders_are_filled_and_doubled_braces_stay() {
        let filled = fill("{url}/api/{profile}?p={port}&h={host}{{}}", VALUES).unwrap();
        assert_eq!(filled, "https://x.example/api/team?p=3001&h=x.example{}");
    }

    #[test]
    fn a_typo_is_an_error_that_names_it() {
        assert!(fill("{ulr}", VALUES).unwrap_err().message.contains("{ulr}"));
        for broken in ["{", "}", "{url", "a{b", "{}"] {
            assert!(fill(broken, VALUES).is_err(), "{broken}");
        }
    }
}
