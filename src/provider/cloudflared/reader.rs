//! What cloudflared's lines mean. All of them come on standard error, as plain text or, should the
//! user's environment ask for it, as JSON; its fatal last words are plain in both.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use url::Url;

use super::UDP_BLOCKED;
use crate::process::Stream;
use crate::provider::{Fault, Reader, Signal, Verdict, pattern, redact};

/// After a 429 Cloudflare wants minutes of silence. The words below say how many.
const RATE_LIMIT: Duration = Duration::from_secs(5 * 60);
/// So many failed QUIC dials, five seconds each, before HTTP/2 is tried instead.
const QUIC_TRIES: u32 = 2;

pub(super) struct CloudflaredReader {
    /// Known beforehand: a named tunnel's output never holds it.
    named: Option<Url>,
    secrets: Vec<String>,
    stated: bool,
    /// How many more lines may hold the address, after the box's heading.
    box_lines: u32,
    connections: BTreeSet<u32>,
    ever_connected: bool,
    quic_failures: u32,
    /// What Cloudflare answered to the request for a tunnel has been told.
    answered: bool,
    ending: bool,
}

impl CloudflaredReader {
    pub(super) fn new(named: Option<Url>, secrets: Vec<String>) -> Self {
        Self {
            named,
            secrets,
            stated: false,
            box_lines: 0,
            connections: BTreeSet::new(),
            ever_connected: false,
            quic_failures: 0,
            answered: false,
            ending: false,
        }
    }
}

impl Reader for CloudflaredReader {
    fn read(&mut self, stream: Stream, line: &str) -> Vec<Signal> {
        let record = Record::parse(line);
        if stream == Stream::Out {
            return usage(&record.message).into_iter().collect();
        }
        if record.message.starts_with("Initiating graceful shutdown") {
            self.ending = true;
        }
        if self.ending {
            return vec![];
        }
        if let Some(url) = self.address(&record.message) {
            return vec![Signal::Url(url)];
        }
        self.connection(&record).unwrap_or_else(|| self.failure(&record).into_iter().collect())
    }

    fn redact<'a>(&self, line: &'a str) -> Cow<'a, str> {
        redact::secrets(line, &self.secrets)
    }
}

impl CloudflaredReader {
    /// The quick tunnel's address: alone on one of the two lines below the box's heading.
    fn address(&mut self, message: &str) -> Option<Url> {
        if self.stated || self.named.is_some() {
            return None;
        }
        let text = message.trim_matches(|char: char| char == '|' || char.is_whitespace());
        if text.starts_with("Your quick Tunnel has been created!")
            || text.starts_with("Your free tunnel has started!")
        {
            self.box_lines = 2;
            return None;
        }
        self.box_lines = self.box_lines.checked_sub(1)?;
        let url = Url::parse(text)
            .ok()
            .filter(|url| url.scheme() == "https" && url.path() == "/" && url.query().is_none())?;
        let host = url.host_str().filter(|host| host.contains('.') && !host.starts_with("api."))?;
        // Nothing else on the line.
        (text.trim_end_matches('/').len() == "https://".len() + host.len()).then(|| {
            self.stated = true;
            url.clone()
        })
    }

    /// One more or one fewer connection. Losing one of several is no outage.
    fn connection(&mut self, record: &Record<'_>) -> Option<Vec<Signal>> {
        const LOST: [&str; 7] = [
            "Lost connection with the edge",
            "Connection terminated",
            "Retrying connection in up to",
            "Unregistered tunnel connection",
            "Serve tunnel error",
            "Unable to establish connection with Cloudflare edge",
            "Register tunnel error from server side",
        ];
        if registered(&record.message) {
            let first = self.connections.is_empty();
            self.connections.insert(record.index().unwrap_or(0));
            self.ever_connected = true;
            // A named tunnel states no address: this is the moment at which it has one.
            let url =
                self.named.clone().filter(|_| !std::mem::replace(&mut self.stated, true)).map(Signal::Url);
            return Some(url.into_iter().chain(first.then_some(Signal::Connected)).collect());
        }
        if LOST.iter().any(|lost| record.message.starts_with(lost))
            && self.connections.remove(&record.index()?)
            && self.connections.is_empty()
        {
            let why = record.error().as_deref().map_or(String::new(), |error| format!(": {error}"));
            return Some(vec![Signal::Disconnected(format!(
                "cloudflared lost its connection to Cloudflare{why}"
            ))]);
        }
        None
    }

    fn failure(&mut self, record: &Record<'_>) -> Option<Signal> {
        let message = record.message.as_ref();
        if message.starts_with("Register tunnel error from server side") {
            let error = record.error().unwrap_or_default();
            let forgotten = error.contains("Tunnel not found") || error.contains("Invalid tunnel secret");
            // With other connections standing it is no news of the tunnel.
            if forgotten && self.connections.is_empty() {
                return Some(self.refused(&error));
            }
        }
        if message.starts_with("Failed to dial a quic connection") && !self.ever_connected {
            self.quic_failures += 1;
            let why = "this network seems to block UDP, which QUIC needs".to_string();
            return Some(match self.quic_failures {
                QUIC_TRIES => fault(UDP_BLOCKED, Verdict::Restart, why, "trying again over HTTP/2"),
                _ => Signal::Trouble(format!("{why}: {}", record.error().unwrap_or_default())),
            });
        }
        if let Some(answer) = message.strip_prefix("Error unmarshaling QuickTunnel response") {
            self.answered = true;
            let status = record.field("status_code").unwrap_or_default();
            if !answer.contains("error code: 1015") && !status.starts_with("429") {
                let answer =
                    answer.split(" error=").next().unwrap_or_default().trim_start_matches([':', ' ']);
                return Some(Signal::Trouble(format!(
                    "Cloudflare gave no quick tunnel: {answer} ({status})"
                )));
            }
        }
        // Behind an answer that was already told, the next line adds nothing.
        let unmarshal = message.starts_with("failed to unmarshal quick Tunnel");
        if unmarshal && self.answered && !message.contains("Error unmarshaling") {
            return None;
        }
        if message.starts_with("Error unmarshaling")
            || (unmarshal && message.contains("invalid character 'e'"))
        {
            // `error code: 1015` comes where JSON is expected; older versions tell only that it begins with an `e`.
            let why = "Cloudflare gives this network no more quick tunnels for now (429, error 1015)".into();
            let fix = "wait at least 5 minutes, or use a named tunnel: mcpgw providers setup cloudflared";
            return Some(fault("cloudflared.rate_limited", Verdict::Wait(RATE_LIMIT), why, fix));
        }
        permanent(message).or_else(|| trouble(record))
    }

    /// Cloudflare does not know the tunnel: a quick one is forgotten, a named one was never its own.
    fn refused(&self, error: &str) -> Signal {
        match self.named {
            None => fault(
                "cloudflared.forgotten",
                Verdict::Restart,
                format!("Cloudflare has forgotten this quick tunnel ({error})"),
                "a new one is asked for; its address will be another",
            ),
            Some(_) => fault(
                "cloudflared.unauthorized",
                Verdict::Permanent,
                format!("Cloudflare refuses this tunnel's credentials ({error})"),
                "check the tunnel's name and its credentials file or TUNNEL_TOKEN: mcpgw providers setup cloudflared",
            ),
        }
    }
}

/// Versions until 2022 said it in other words: `Connection ID registered connIndex=0`.
fn registered(message: &str) -> bool {
    let old = || {
        let (_, rest) = message.strip_prefix("Connection ")?.split_once(' ')?;
        Some(rest.starts_with("registered"))
    };
    message.starts_with("Registered tunnel connection") || old() == Some(true)
}

/// A line's parts, whichever form it has. Fields are looked for only when somebody asks: a flood of lines
/// has none that matter.
struct Record<'a> {
    message: Cow<'a, str>,
    json: Option<serde_json::Value>,
}

impl<'a> Record<'a> {
    fn parse(line: &'a str) -> Self {
        match line.starts_with('{').then(|| serde_json::from_str::<serde_json::Value>(line)) {
            Some(Ok(json)) => {
                let message = json["message"].as_str().unwrap_or_default().to_string();
                Self { message: message.into(), json: Some(json) }
            }
            _ => Self { message: message(line), json: None },
        }
    }

    fn error(&self) -> Option<String> {
        self.field("error")
    }

    fn index(&self) -> Option<u32> {
        self.field("connIndex")?.parse().ok()
    }

    fn field(&self, name: &str) -> Option<String> {
        match &self.json {
            Some(json) => match &json[name] {
                serde_json::Value::String(text) => Some(text.clone()),
                serde_json::Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
            None => field(&self.message, name),
        }
    }
}

/// `2026-11-24T01:04:08Z INF message key=value key="quoted value"`, or, until 2020,
/// `time="…" level=info msg="message"`. Fatal last words have no head.
fn message(line: &str) -> Cow<'_, str> {
    static HEAD: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:?[0-9]{2}) [A-Z]{3} ")
    });
    if line.starts_with("time=\"") {
        return field(line, "msg").unwrap_or_default().into();
    }
    line[HEAD.find(line).map_or(0, |head| head.end())..].into()
}

/// The value behind ` name=`, without its quotes.
fn field(message: &str, name: &str) -> Option<String> {
    let named = |at: &usize| {
        let before = at.checked_sub(1).map(|before| message.as_bytes()[before]);
        before == Some(b' ') && message.as_bytes().get(at + name.len()) == Some(&b'=')
    };
    let at = message.match_indices(name).map(|(at, _)| at).find(named)?;
    let value = &message[at + name.len() + 1..];
    Some(match value.strip_prefix('"') {
        Some(quoted) => {
            let mut escaped = false;
            let end = quoted.find(|char: char| {
                let end = char == '"' && !escaped;
                escaped = char == '\\' && !escaped;
                end
            });
            quoted[..end.unwrap_or(quoted.len())].replace("\\\"", "\"")
        }
        None => value.split(' ').next().unwrap_or_default().to_string(),
    })
}

/// Unknown flags end it with exit code 0 and its usage on standard output.
fn usage(message: &str) -> Option<Signal> {
    let why = message.strip_prefix("Incorrect Usage")?.trim_start_matches(['.', ':', ' ']);
    let why = format!("cloudflared does not understand how it was called: {why}");
    Some(fault("cloudflared.usage", Verdict::Permanent, why, "update cloudflared, or mcpgw"))
}

fn permanent(message: &str) -> Option<Signal> {
    const LOGIN: &str = "mcpgw providers setup cloudflared";
    const KNOWN: [(&str, &str, &str, &str); 9] = [
        (
            "Cannot determine default origin certificate path",
            "cloudflared.not_logged_in",
            "cloudflared is not logged in",
            LOGIN,
        ),
        (
            "error parsing tunnel ID",
            "cloudflared.not_logged_in",
            "cloudflared knows no such tunnel, or is not logged in",
            LOGIN,
        ),
        ("Error locating origin cert", "cloudflared.not_logged_in", "cloudflared is not logged in", LOGIN),
        (
            "tunnel credentials file not found",
            "cloudflared.no_credentials",
            "the tunnel's credentials file is not on this machine",
            LOGIN,
        ),
        (
            "Tunnel credentials file",
            "cloudflared.no_credentials",
            "the tunnel's credentials file cannot be used",
            LOGIN,
        ),
        (
            "Provided Tunnel token is not valid",
            "cloudflared.bad_token",
            "TUNNEL_TOKEN is not a tunnel's token",
            "copy it again from Cloudflare's dashboard",
        ),
        (
            "error parsing YAML in config file",
            "cloudflared.config",
            "cloudflared cannot read its config file",
            "report this as a bug of mcpgw",
        ),
        (
            "Couldn't start tunnel",
            "cloudflared.config",
            "cloudflared refuses its config",
            "look at provider.log for its reason",
        ),
        (
            "\"cloudflared tunnel run\" requires",
            "cloudflared.usage",
            "cloudflared was not told which tunnel to run",
            "give --tunnel-name",
        ),
    ];
    let (_, code, why, fix) = KNOWN.iter().find(|(words, ..)| message.starts_with(words))?;
    Some(fault(code, Verdict::Permanent, format!("{why} ({message})"), fix))
}

/// Reasons for an end that may pass.
fn trouble(record: &Record<'_>) -> Option<Signal> {
    const WORDS: [(&str, &str); 9] = [
        ("failed to request quick Tunnel: ", "Cloudflare cannot be reached: "),
        ("failed to parse quick Tunnel ID: ", "Cloudflare's answer held no quick tunnel: "),
        ("failed to unmarshal quick Tunnel: ", "Cloudflare's answer was no quick tunnel: "),
        ("Error opening metrics server listener: ", "its port for metrics is taken: "),
        (
            "edge discovery: error looking up Cloudflare edge IPs",
            "Cloudflare's servers cannot be looked up: ",
        ),
        ("Unable to establish connection with Cloudflare edge", "Cloudflare's servers cannot be reached: "),
        ("Register tunnel error from server side", "Cloudflare refused the connection: "),
        ("failed to serve incoming request", ""),
        ("Failed to dial a quic connection", "Cloudflare's servers cannot be reached: "),
    ];
    let message = &record.message;
    let (words, plain) = WORDS.iter().find(|(words, _)| message.starts_with(words))?;
    let rest = record.error().unwrap_or_else(|| message[words.len()..].to_string());
    Some(Signal::Trouble(format!("{plain}{rest}")))
}

fn fault(code: &'static str, verdict: Verdict, message: String, fix: &str) -> Signal {
    Signal::Fault(Fault { code, verdict, message, fix: Some(fix.into()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::transcripts::{self, faults, urls};

    const QUICK: &str = "https://meadow-rapid-orbit-lantern.trycloudflare.com";
    const NAMED: &str = "https://mcp.example.com";

    fn quick() -> Box<dyn Reader> {
        Box::new(CloudflaredReader::new(None, vec![]))
    }

    fn named() -> Box<dyn Reader> {
        Box::new(CloudflaredReader::new(Url::parse(NAMED).ok(), vec![]))
    }

    fn reader(name: &str) -> fn() -> Box<dyn Reader> {
        if name.starts_with("named") { named } else { quick }
    }

    /// Every recording: the URL it states, `+` for each connection and `-` for each loss of the last, and
    /// the codes of its faults.
    type Recording = (&'static str, Option<&'static str>, &'static str, &'static [&'static str]);
    const RECORDINGS: [Recording; 43] = [
        ("bad-loglevel", Some(QUICK), "", &[]),
        ("ingress-validate-bad", None, "", &[]),
        ("ingress-validate-ok", None, "", &[]),
        ("metrics-port-taken", Some(QUICK), "", &[]),
        ("named-bad-ingress", None, "", &["cloudflared.config"]),
        ("named-bad-token", None, "", &["cloudflared.bad_token"]),
        ("named-broken-yaml", None, "", &["cloudflared.config"]),
        ("named-create-no-login", None, "", &["cloudflared.not_logged_in"]),
        ("named-list-no-login", None, "", &["cloudflared.not_logged_in"]),
        ("named-login", None, "", &[]),
        ("named-missing-config", None, "", &[]),
        ("named-route-dns-no-login", None, "", &["cloudflared.not_logged_in"]),
        ("named-run-no-cert", None, "", &["cloudflared.not_logged_in"]),
        ("named-run-noname", None, "", &["cloudflared.usage"]),
        ("named-run-success", Some(NAMED), "+", &[]),
        ("named-run-uuid-no-creds", None, "", &["cloudflared.no_credentials"]),
        ("no-args", None, "", &[]),
        ("no-network", None, "", &[]),
        ("no-network-noautoupdate-json", None, "", &[]),
        ("quick-api-500", None, "", &[]),
        ("quick-api-refused", None, "", &[]),
        ("quick-api-slow", None, "", &[]),
        ("quick-edge-down-quic", Some(QUICK), "", &["cloudflared.udp_blocked"]),
        ("quick-edge-drop-reconnect", Some(QUICK), "+-+", &[]),
        ("quick-loglevel-error", None, "", &[]),
        ("quick-no-edge-dns", Some(QUICK), "", &[]),
        ("quick-origin-down", Some(QUICK), "+", &[]),
        ("quick-rate-limited", None, "", &["cloudflared.rate_limited"]),
        ("quick-rate-limited-json", None, "", &["cloudflared.rate_limited"]),
        ("quick-register-retry", Some(QUICK), "", &[]),
        ("quick-register-unauth", Some(QUICK), "", &["cloudflared.forgotten"]),
        ("quick-register-unauth-150s", Some(QUICK), "", &["cloudflared.forgotten"]),
        ("quick-sigint", Some(QUICK), "", &[]),
        ("quick-success", Some(QUICK), "+", &[]),
        ("quick-success-debug", Some(QUICK), "+", &[]),
        ("quick-success-sigint", Some(QUICK), "+", &[]),
        ("quick-unauthorized-after-drop", Some(QUICK), "+-", &["cloudflared.forgotten"]),
        ("sigterm-edge-lingers-default-grace", Some(QUICK), "+", &[]),
        ("sigterm-inflight-default-grace", Some(QUICK), "+", &[]),
        ("sigterm-twice-inflight", Some(QUICK), "+", &[]),
        ("tunnel-noargs", None, "", &[]),
        ("unknown-flag", None, "", &["cloudflared.usage"]),
        ("version", None, "", &[]),
    ];
    #[test]
    fn every_recording_is_understood_and_none_is_left_out() {
        let recordings = transcripts::all("cloudflared");
        let names: Vec<_> = recordings.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, RECORDINGS.map(|(name, ..)| name));
        for ((name, url, connections, codes), (_, chunks)) in RECORDINGS.into_iter().zip(&recordings) {
            let signals = transcripts::signals(&reader(name), chunks);
            assert_eq!(urls(&signals), url.into_iter().collect::<Vec<_>>(), "{name}");
            assert_eq!(transcripts::connections(&signals), connections, "{name}");
            let mut found: Vec<_> = faults(&signals).iter().map(|fault| fault.code).collect();
            found.dedup();
            assert_eq!(found, codes, "{name}");
        }
    }

    #[test]
    fn however_the_pipe_spoils_them_recordings_mean_the_same() {
        for (name, chunks) in transcripts::all("cloudflared") {
            transcripts::survives(&name, &reader(&name), &chunks);
        }
    }

    fn read(reader: fn() -> Box<dyn Reader>, lines: &[&str]) -> Vec<Signal> {
        let mut reader = reader();
        lines.iter().flat_map(|line| reader.read(Stream::Err, line)).collect()
    }

    const HEADING: &str = "2026-01-01T00:00:00Z INF |  Your quick Tunnel has been created! Visit it at (it may take some time to be reachable):  |";

    #[test]
    fn the_address_is_the_one_that_stands_alone_in_the_box() {
        let found = |lines: &[&str]| urls(&read(quick, lines));
        for line in [
            "2026-01-01T00:00:00Z INF |  https://a-b.trycloudflare.com        |",
            r#"{"level":"info","message":"|  https://a-b.trycloudflare.com  |","time":"2026-01-01T00:00:00Z"}"#,
            "2026-01-01T00:00:00.123+02:00 INF https://a-b.trycloudflare.com",
            r#"time="2020-01-01T00:00:00Z" level=info msg="|  https://a-b.trycloudflare.com  |""#,
        ] {
            assert_eq!(found(&[HEADING, line]), ["https://a-b.trycloudflare.com"], "{line}");
            assert!(found(&[line]).is_empty(), "without the heading: {line}");
        }
        let later = [
            "2026-01-01T00:00:00Z INF +----+",
            "2026-01-01T00:00:00Z INF done",
            "https://a.trycloudflare.com",
        ];
        assert!(found(&[&[HEADING], &later[..]].concat()).is_empty(), "after the box");
        for line in [
            "2026-01-01T00:00:00Z ERR failed: Post \"https://api.trycloudflare.com/tunnel\": EOF",
            "https://api.trycloudflare.com",
            "https://developers.cloudflare.com/cloudflare-one/connections/connect-apps",
            "http://a.trycloudflare.com",
            "https://a.trycloudflare.com and more",
            "https://localhost",
            "https://user@a.trycloudflare.com",
            "https://a.trycloudflare.com:8443",
        ] {
            assert!(found(&[HEADING, line]).is_empty(), "{line}");
        }
    }

    #[test]
    fn losing_one_of_several_connections_is_no_outage() {
        let line =
            |text: &str, index: u32| format!("2026-01-01T00:00:00Z INF {text} connIndex={index} event=0");
        let (up, down) = ("Registered tunnel connection", "Lost connection with the edge");
        let lines = [
            line(up, 0),
            line(up, 1),
            line(down, 0),
            line(down, 0),
            line(up, 0),
            line(down, 1),
            line(down, 0),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(transcripts::connections(&read(quick, &lines)), "+-");
        assert_eq!(transcripts::connections(&read(quick, &lines[..6])), "+");
        let old = ["2021-06-01T00:00:00Z INF Connection 5f1c registered connIndex=0 location=FRA"];
        assert_eq!(transcripts::connections(&read(quick, &old)), "+");
    }

    #[test]
    fn what_visitors_ask_for_is_not_taken_for_news() {
        for line in [
            r#"2026-01-01T00:00:00Z ERR Request failed error="x" connIndex=0 dest=https://a.example/Lost%20connection"#,
            r#"2026-01-01T00:00:00Z ERR  error="Unable to reach the origin: error code: 1015" connIndex=0 dest=https://a.example"#,
            r#"{"level":"error","message":"","error":"Unauthorized: Tunnel not found","dest":"Registered tunnel connection"}"#,
            r#"2026-01-01T00:00:00Z DBG GET http://x/Registered%20tunnel%20connection HTTP/2.0 connIndex=0"#,
        ] {
            assert_eq!(read(quick, &[line]), [], "{line}");
        }
    }

    #[test]
    fn a_named_tunnel_has_its_address_when_it_is_connected_and_is_refused_for_good() {
        let registered = "2026-01-01T00:00:00Z INF Registered tunnel connection connIndex=0";
        assert_eq!(read(named, &[registered]), [Signal::Url(Url::parse(NAMED).unwrap()), Signal::Connected]);
        for why in ["Unauthorized: Tunnel not found", "Unauthorized: Invalid tunnel secret"] {
            let line = format!(
                "2026-01-01T00:00:00Z ERR Register tunnel error from server side error=\"{why}\" connIndex=0"
            );
            let verdict = |reader| faults(&read(reader, &[&line])).first().map(|fault| fault.verdict);
            assert_eq!((verdict(named), verdict(quick)), (Some(Verdict::Permanent), Some(Verdict::Restart)));
        }
    }

    #[test]
    fn older_versions_rate_limit_in_one_line() {
        let line = "failed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value";
        assert_eq!(faults(&read(quick, &[line]))[0].code, "cloudflared.rate_limited");
    }

    #[test]
    fn another_answer_than_a_rate_limit_is_told_as_what_it_is_and_may_pass() {
        for answer in ["error code: 1101", "error code: 502"] {
            let first = format!(
                "2026-01-01T00:00:00Z ERR Error unmarshaling QuickTunnel response: {answer} \
                error=\"invalid character 'e' looking for beginning of value\" status_code=\"500 Internal Server Error\""
            );
            let last =
                "failed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value";
            let words = format!("Cloudflare gave no quick tunnel: {answer} (500 Internal Server Error)");
            assert_eq!(read(quick, &[&first, last]), [Signal::Trouble(words)]);
        }
    }

    #[test]
    fn one_refused_connection_of_several_is_not_the_tunnels_end() {
        let up = "2026-01-01T00:00:00Z INF Registered tunnel connection connIndex=0";
        let refused = |why: &str| {
            format!(
                "2026-01-01T00:00:00Z ERR Register tunnel error from server side error=\"Unauthorized: {why}\" connIndex=3"
            )
        };
        for why in ["Failed to get tunnel", "Tunnel not found"] {
            let signals = [quick, named].map(|reader| read(reader, &[up, &refused(why)]));
            assert!(signals.iter().all(|signals| faults(signals).is_empty()), "{signals:?}");
        }
        assert!(
            faults(&read(named, &[&refused("Failed to get tunnel")])).is_empty(),
            "this passes by itself"
        );
    }

    #[test]
    fn a_clean_stop_is_no_loss() {
        let lines = [
            "2026-01-01T00:00:00Z INF Registered tunnel connection connIndex=0",
            "2026-01-01T00:00:00Z INF Initiating graceful shutdown due to signal terminated ...",
            "2026-01-01T00:00:00Z INF Unregistered tunnel connection connIndex=0",
            "2026-01-01T00:00:00Z ERR no more connections active and exiting",
        ];
        assert_eq!(read(quick, &lines), [Signal::Connected]);
    }
}
