//! The session's events, field for field as the contract has them (DESIGN section 2).

use serde::Serialize;

/// One thing that happened in a session. In JSON: `{"event":"url_found","at":"2026-…Z",…}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the contract's and say it")]
pub enum Event {
    EdgeReady {
        port: u16,
        session: String,
        /// The folder of this session's logs.
        logs: String,
    },
    ProviderStarting {
        provider: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<u32>,
    },
    /// The tool stated a URL; nothing is known of it yet.
    UrlFound {
        url: String,
        provider: &'static str,
    },
    /// A request through the URL came back to this very process.
    UrlVerified {
        url: String,
        elapsed_ms: u64,
    },
    GatewayStarting {
        #[serde(skip_serializing_if = "Option::is_none")]
        pid: Option<u32>,
        app_url: String,
    },
    GatewayReady {
        port: u16,
        attached: bool,
    },
    /// A client's file was brought up to date, or given back what was there.
    ClientSynced {
        client: &'static str,
        path: String,
        action: &'static str,
        /// What lets the client see it, where it must.
        #[serde(skip_serializing_if = "Option::is_none")]
        reload: Option<&'static str>,
    },
    Ready {
        url: String,
        mcp_url: String,
        callback_url: String,
        provider: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        key_file: Option<String>,
    },
    GatewayLost {
        reason: String,
    },
    TunnelLost {
        reason: String,
    },
    Unverifiable {
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        fix: Option<String>,
    },
    Notice {
        code: &'static str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        fix: Option<String>,
    },
    Restarting {
        what: &'static str,
        attempt: u32,
        delay_ms: u64,
    },
    /// A provider could not go on; another takes its place.
    Failover {
        from: &'static str,
        to: &'static str,
        reason: String,
    },
    UrlChanged {
        old: String,
        new: String,
    },
    Failed {
        code: &'static str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        fix: Option<String>,
    },
    Stopped {
        reason: &'static str,
    },
}

impl Event {
    /// A notice without more words than needed.
    pub fn notice(code: &'static str, message: impl Into<String>, fix: Option<String>) -> Self {
        Self::Notice { code, message: message.into(), fix }
    }
}

impl From<&crate::error::Error> for Event {
    fn from(error: &crate::error::Error) -> Self {
        Self::Failed { code: error.code, message: error.message.clone(), fix: error.fix.clone() }
    }
}

/// An event with its time (RFC 3339, UTC, milliseconds), as one line of JSON.
pub(super) fn json_line(event: &Event, at: jiff::Timestamp) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(flatten)]
        event: &'a Event,
        at: String,
    }
    serde_json::to_string(&Line { event, at: format!("{at:.3}") }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_line_holds_the_name_the_time_and_the_fields() {
        let at = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let line = json_line(&Event::Restarting { what: "provider", attempt: 2, delay_ms: 950 }, at);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["event"], "restarting");
        assert_eq!(value["at"], "2026-01-02T03:04:05.678Z");
        assert_eq!((value["attempt"].as_u64(), value["delay_ms"].as_u64()), (Some(2), Some(950)));
    }

    #[test]
    fn what_is_not_known_is_left_out_rather_than_null() {
        let line = json_line(&Event::notice("a.b", "words", None), jiff::Timestamp::UNIX_EPOCH);
        assert!(!line.contains("fix"), "{line}");
    }
}
