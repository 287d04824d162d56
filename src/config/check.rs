//! Whether a value can be what its setting is for. Pure.

use std::net::IpAddr;

use url::Url;

use crate::error::{Error, Result};

/// A setting that cannot be used, told as if its flag had been given: it may be a file's.
pub(super) struct Wrong {
    pub(super) key: &'static str,
    pub(super) value: String,
    pub(super) error: Error,
}

impl Wrong {
    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Self { error: self.error.fix(fix), ..self }
    }
}

pub(super) type Checked<T> = Result<T, Wrong>;

pub(super) fn port(flag: &'static str, given: Option<u16>, default: u16) -> Checked<u16> {
    match given {
        Some(0) => Err(wrong(flag, "0", "is not a port").fix(match default {
            0 => "choose one between 1024 and 65535".to_string(),
            default => format!("leave it out for {default}"),
        })),
        given => Ok(given.unwrap_or(default)),
    }
}

pub(super) fn server_url(text: &str) -> Checked<Url> {
    let refuse = |why: &str| wrong("server", text, why).fix("write --server https://tunnel.example.com");
    let url = address("server", text)
        .map_err(|wrong| if wrong.error.message.contains(text) { refuse("is not a URL") } else { wrong })?;
    match (url.scheme(), url.host()) {
        ("http" | "https", Some(_)) if url.path() == "/" && url.query().is_none() => Ok(url),
        ("http" | "https", Some(_)) => Err(refuse("has a path; a localtunnel server has none")),
        _ => Err(refuse("is not an http or https address")),
    }
}

/// An http or https address without a user in it, given as `--FLAG`.
pub fn web_url(flag: &'static str, text: &str) -> Result<Url> {
    address(flag, text).map_err(|wrong| wrong.error)
}

pub(super) fn address(flag: &'static str, text: &str) -> Checked<Url> {
    match Url::parse(text) {
        Ok(url) if url.password().is_some() || !url.username().is_empty() => {
            // Not repeated: the password would be seen.
            let message =
                format!("use --{flag}: it holds a user name or a password, which everybody would see");
            let error =
                Error::usage("config.value", message).fix(format!("write --{flag} https://name.example"));
            Err(Wrong { key: flag, value: text.into(), error })
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err(wrong(flag, text, "is not an http or https address")
            .fix(format!("write --{flag} https://name.example"))),
    }
}

/// `mcp.example.com`, also where a whole address was given.
pub(super) fn host_name(flag: &'static str, text: String) -> Checked<String> {
    let name = text.trim_start_matches("https://").trim_end_matches('/').to_ascii_lowercase();
    match name.contains('.') && name.split('.').all(is_label) && url::Host::parse(&name).is_ok() {
        true => Ok(name),
        false => Err(wrong(flag, &text, "is not a host name").fix(format!("write --{flag} mcp.example.com"))),
    }
}

pub(super) fn allow_hosts(names: Vec<String>) -> Checked<Vec<String>> {
    let is_name = |name: &str| name.parse::<IpAddr>().is_ok() || name.split('.').all(is_label);
    match names.iter().find(|name| !is_name(name)) {
        Some(name) => {
            Err(wrong("allow-host", name, "is not a host name").fix("write --allow-host mcp.example.com"))
        }
        None => Ok(names),
    }
}

/// One part of a host name (RFC 1035 section 2.3.1, and underscores, which some use).
pub fn is_label(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=63).contains(&text.len())
        && text.bytes().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A flag of cloudflared's in its place would be obeyed.
pub(super) fn tunnel_name(name: String) -> Checked<String> {
    match name.starts_with('-') || name.trim().is_empty() || name.chars().any(char::is_control) {
        true => {
            Err(wrong("tunnel-name", &name, "is not a tunnel's name")
                .fix("`cloudflared tunnel list` shows them"))
        }
        false => Ok(name),
    }
}

pub(super) fn wrong(key: &'static str, value: &str, why: &str) -> Wrong {
    let error = Error::usage("config.value", format!("use --{key} {value}: `{value}` {why}"));
    Wrong { key, value: value.into(), error }
}
