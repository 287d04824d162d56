//! What single values look like: durations and sizes as people write them, words to choose from.

use std::time::Duration;

use serde::Deserialize;

/// Which `Host` the gateway sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum HostHeader {
    /// The visitor's, unless the gateway refuses it (asked once at start).
    #[default]
    Auto,
    /// Always the visitor's.
    Preserve,
    /// Always `localhost:PORT`.
    Local,
}

/// What a stranger needs to get in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// A key, unless the gateway itself refuses anonymous calls.
    #[default]
    Auto,
    /// Always a key.
    Key,
    /// Nothing.
    None,
}

/// A duration as people write it: `500ms`, `5s`, `1m 30s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Millis(pub Duration);

impl std::str::FromStr for Millis {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let parsed: jiff::SignedDuration =
            text.parse().map_err(|_| format!("`{text}` is not a duration: write 500ms, 5s or 1m30s"))?;
        match Duration::try_from(parsed) {
            Ok(duration) if duration >= Duration::from_millis(100) => Ok(Self(duration)),
            _ => Err(format!("`{text}` is too short: at least 100ms")),
        }
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A size as people write it, in bytes: `512k`, `64MB`, `1GiB`; `k`, `m` and `g` count in 1024s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || format!("`{text}` is not a size: write 512k, 64M or 1G");
        let digits = text.trim_end_matches(|char: char| char.is_ascii_alphabetic());
        let unit: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            "kb" => 1000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            _ => return Err(wrong()),
        };
        let number: u64 = digits.trim().parse().map_err(|_| wrong())?;
        match number.checked_mul(unit) {
            Some(0) => Err("nothing would pass: write 512k, 64M or 1G".into()),
            size => size.map(Self).ok_or_else(wrong),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_people_do() {
        for (text, bytes) in [("512", 512), ("64k", 65536), ("1GB", 1_000_000_000), ("1 GiB", 1 << 30)] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for wrong in ["", "0", "0k", "k", "-1", "1.5G", "1x", "99999999999G"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_are_written_as_people_do() {
        assert_eq!("500ms".parse(), Ok(Millis(Duration::from_millis(500))));
        assert_eq!("1m30s".parse(), Ok(Millis(Duration::from_secs(90))));
        for wrong in ["", "5", "-5s", "soon", "1ms"] {
            assert!(wrong.parse::<Millis>().is_err(), "{wrong}");
        }
    }
}
