//! What ngrok's lines mean: records of either form on standard output, and plain words at its end.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use url::Url;

use super::codes::known;
use super::{INSTALL, secure};
use crate::process::Stream;
use crate::provider::{Fault, Reader, Signal, Verdict, pattern, redact};

pub(super) struct NgrokReader {
    url: Option<Url>,
    connected: bool,
    reason_said: bool,
    secrets: Vec<String>,
}

impl Reader for NgrokReader {
    fn read(&mut self, stream: Stream, line: &str) -> Vec<Signal> {
        if let Some(words) = line.strip_prefix("ERROR:") {
            return self.last_words(words.trim()).into_iter().collect();
        }
        let Some(record) = record(line) else {
            return if stream == Stream::Out { usage(line).into_iter().collect() } else { vec![] };
        };
        let get = |name: &str| record.get(name).map(String::as_str).unwrap_or_default();
        match get("msg") {
            "started tunnel" => self.started(get("url")),
            "starting web service" => port(get("addr")).map(Signal::Api).into_iter().collect(),
            // The address stays bound while it reconnects; the tunnels of the old session come back.
            "tunnel session started" if self.url.is_some() => self.up().into_iter().collect(),
            "heartbeat timeout, terminating session" | "session closed, starting reconnect loop" => {
                self.down(get("err")).into_iter().collect()
            }
            msg => {
                let grave = matches!(get("lvl"), "eror" | "crit" | "error" | "critical" | "warn");
                let said = if get("err").is_empty() { msg } else { get("err") };
                if grave { self.grave(msg, said).into_iter().collect() } else { vec![] }
            }
        }
    }

    fn redact<'a>(&self, line: &'a str) -> Cow<'a, str> {
        redact::secrets(line, &self.secrets)
    }
}

impl NgrokReader {
    pub(super) fn new(secrets: Vec<String>) -> Self {
        Self { url: None, connected: false, reason_said: false, secrets }
    }

    fn started(&mut self, url: &str) -> Vec<Signal> {
        let Some(url) = secure(url) else { return vec![] };
        let changed = self.url.as_ref() != Some(&url);
        let stated = changed.then(|| Signal::Url(url.clone()));
        self.url = Some(url);
        stated.into_iter().chain(self.up()).collect()
    }

    fn up(&mut self) -> Option<Signal> {
        (!std::mem::replace(&mut self.connected, true)).then_some(Signal::Connected)
    }

    fn down(&mut self, error: &str) -> Option<Signal> {
        let why = if error.is_empty() { String::new() } else { format!(": {}", self.short(error)) };
        std::mem::take(&mut self.connected)
            .then(|| Signal::Disconnected(format!("ngrok lost its session{why}")))
    }

    fn grave(&mut self, msg: &str, said: &str) -> Option<Signal> {
        if msg == "failed to open private leg" {
            return known(8012).map(|known| Signal::Fault(known.fault(&self.short(said))));
        }
        // Unasked news about updates are no reason for anything.
        if msg == "failed to check for update" || msg.starts_with("can't bind default web address") {
            return None;
        }
        self.words(said).or_else(|| Some(Signal::Trouble(self.short(said))))
    }

    /// An error with a code decides; without one it is nothing to go by.
    fn words(&self, text: &str) -> Option<Signal> {
        static CODE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bERR_NGROK_(\d+)\b"));
        let code: u32 = CODE.captures(text)?[1].parse().ok()?;
        known(code).map(|known| {
            let said = self.short(text);
            // A line that holds nothing but the code adds nothing to our own words.
            let said =
                if said.starts_with("ERR_NGROK_") { said } else { format!("ERR_NGROK_{code}: {said}") };
            Signal::Fault(known.fault(&said))
        })
    }

    /// What it says plainly at its end: the reason first, then advice.
    fn last_words(&mut self, words: &str) -> Option<Signal> {
        if words.starts_with("unknown flag") {
            return Some(not_understood(&self.short(words)));
        }
        self.words(words).or_else(|| {
            let first = !words.is_empty() && !std::mem::replace(&mut self.reason_said, true);
            first.then(|| Signal::Trouble(self.short(words)))
        })
    }

    /// The first sentence or two of ngrok's many, on one line and without tokens.
    fn short(&self, text: &str) -> String {
        const LONGEST: usize = 160;
        let text = self.redact(text);
        let first = text.split(['\n', '\r']).map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        first.chars().take(LONGEST).collect()
    }
}

/// Unknown flags end version 2 with exit code 0 and its usage; so does a forgotten argument.
fn usage(line: &str) -> Option<Signal> {
    line.starts_with("NAME:").then(|| not_understood("it printed its usage"))
}

fn not_understood(said: &str) -> Signal {
    Signal::Fault(Fault {
        code: "ngrok.usage",
        verdict: Verdict::Permanent,
        message: format!("ngrok does not understand how it was called ({said})"),
        fix: Some(format!("install the newest version: {INSTALL}")),
    })
}

fn port(address: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':')?;
    matches!(host, "127.0.0.1" | "localhost" | "[::1]" | "0.0.0.0" | "").then(|| port.parse().ok())?
}

/// A record in either of ngrok's forms. Values that are no strings, `addr` of some versions among them,
/// are kept as JSON.
fn record(line: &str) -> Option<BTreeMap<String, String>> {
    if line.starts_with('{') {
        let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        return Some(json.into_iter().map(|(name, value)| (name, text(value))).collect());
    }
    if !line.starts_with("t=") {
        return None;
    }
    static FIELD: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"([A-Za-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s|$)"#));
    // A quoted value escapes as JSON does.
    let text = |value: &str| serde_json::from_str(value).unwrap_or_else(|_| value.to_string());
    Some(FIELD.captures_iter(line).map(|field| (field[1].to_string(), text(&field[2]))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::transcripts::{self, faults, urls};

    const URL: &str = "https://apt-walrus-keen.ngrok-free.app";

    fn reader() -> Box<dyn Reader> {
        Box::new(NgrokReader::new(vec![]))
    }

    fn read(lines: &[&str]) -> Vec<Signal> {
        let mut reader = reader();
        lines.iter().flat_map(|line| reader.read(Stream::Out, line)).collect()
    }

    /// Every recording: its URL, its connections (`+` and `-`), its API port, its faults.
    type Recording = (&'static str, Option<&'static str>, &'static str, Option<u16>, &'static [&'static str]);
    const RECORDINGS: [Recording; 17] = [
        ("api-tunnels", None, "", None, &[]),
        ("api-tunnels-empty", None, "", None, &[]),
        ("v2-4040-taken", None, "", Some(4041), &[]),
        ("v2-badflag-url", None, "", None, &["ngrok.usage"]),
        ("v2-badport", None, "", Some(4040), &[]),
        ("v2-http-noargs", None, "", None, &["ngrok.usage"]),
        ("v2-no-network-json", None, "", Some(4040), &[]),
        ("v2-no-network-logfmt", None, "", Some(4040), &[]),
        ("v2-no-network-nolog-pipe", None, "", None, &[]),
        ("v2-no-network-stderr", None, "", Some(4040), &[]),
        ("v2-sigint", None, "", Some(4040), &[]),
        ("v2-version", None, "", None, &[]),
        ("v3-no-authtoken", None, "", Some(4040), &["ngrok.4018", "ngrok.4018", "ngrok.4018", "ngrok.4018"]),
        ("v3-reconnect", Some(URL), "+-+", Some(4040), &[]),
        ("v3-session-limit", None, "", Some(4040), &["ngrok.108", "ngrok.108", "ngrok.108", "ngrok.108"]),
        ("v3-success", Some(URL), "+", Some(4040), &[]),
        ("v3-success-json", Some(URL), "+", Some(4040), &[]),
    ];

    #[test]
    fn every_recording_is_understood_and_none_is_left_out() {
        let recordings = transcripts::all("ngrok");
        assert_eq!(recordings.len(), RECORDINGS.len());
        for ((name, url, connections, api, codes), (recorded, chunks)) in
            RECORDINGS.into_iter().zip(&recordings)
        {
            assert_eq!(name, recorded);
            let signals = transcripts::signals(&reader, chunks);
            assert_eq!(urls(&signals), url.into_iter().collect::<Vec<_>>(), "{name}");
            assert_eq!(transcripts::connections(&signals), connections, "{name}");
            let found = signals.iter().find_map(|signal| match signal {
                Signal::Api(port) => Some(*port),
                _ => None,
            });
            assert_eq!(found, api, "{name}");
            let found: Vec<_> = faults(&signals).iter().map(|fault| fault.code).collect();
            assert_eq!(
                found.iter().collect::<std::collections::BTreeSet<_>>(),
                codes.iter().collect(),
                "{name}"
            );
        }
    }

    #[test]
    fn however_the_pipe_spoils_them_recordings_mean_the_same() {
        for (name, chunks) in transcripts::all("ngrok") {
            transcripts::survives(&name, &reader, &chunks);
        }
    }

    fn url(text: &str) -> Signal {
        Signal::Url(Url::parse(text).unwrap())
    }

    #[test]
    fn only_a_started_tunnel_states_an_address_and_only_one_over_https() {
        for (line, found) in [
            (
                r#"{"addr":{"URL":"x"},"msg":"started tunnel","lvl":"info","url":"https://mcp.example.com"}"#,
                Some("https://mcp.example.com"),
            ),
            (
                r#"{"msg":"started tunnel","lvl":"info","url":"https://a.ngrok.app:443/"}"#,
                Some("https://a.ngrok.app"),
            ),
            (
                r#"t=1 lvl=info msg="started tunnel" obj=tunnels obj=csess name="a b" addr=x url=https://b.ngrok.io"#,
                Some("https://b.ngrok.io"),
            ),
            (r#"t=1 lvl=info msg="started tunnel" name="x (http)" url=http://b.ngrok.io"#, None),
            (r#"t=1 lvl=info msg="started tunnel" url=tcp://0.tcp.ngrok.io:1"#, None),
            (r#"t=1 lvl=info msg="started tunnel" url="#, None),
            (
                r#"t=1 lvl=info msg=open path="msg=\"started tunnel\" url=https://wrong.example" err=<nil>"#,
                None,
            ),
            (r#"t=1 lvl=info msg="join connections" r=1.2.3.4:5 url=https://wrong.example"#, None),
            (r#"{"msg":"open","nested":{"msg":"started tunnel","url":"https://wrong.example"}}"#, None),
            ("Forwarding  https://wrong.ngrok.io -> http://localhost:3001", None),
            ("https://dashboard.ngrok.com/signup", None),
            (r#"{"msg":"started tunnel","url":"https://half.ngrok"#, None),
        ] {
            assert_eq!(urls(&read(&[line])), found.into_iter().collect::<Vec<_>>(), "{line}");
        }
    }

    #[test]
    fn version_2_opens_two_and_the_secure_one_counts() {
        let lines = [
            r#"t=1 lvl=info msg="started tunnel" obj=tunnels name="command_line (http)" addr=x url=http://c.ngrok.io"#,
            r#"t=1 lvl=info msg="started tunnel" obj=tunnels name=command_line addr=x url=https://c.ngrok.io"#,
        ];
        assert_eq!(read(&lines), [url("https://c.ngrok.io"), Signal::Connected]);
    }

    #[test]
    fn a_session_that_comes_back_is_connected_again_under_its_address_or_another() {
        let started = |name: &str| format!(r#"{{"msg":"started tunnel","url":"https://{name}.ngrok.app"}}"#);
        let lost = r#"{"lvl":"eror","msg":"session closed, starting reconnect loop","err":"read EOF"}"#;
        let (one, two) = (started("one"), started("two"));
        let same = read(&[&one, lost, &one]);
        assert_eq!(same.len(), 4, "{same:?}");
        assert_eq!(same[3], Signal::Connected);
        let other = read(&[&one, lost, &two]);
        assert_eq!(other[3..], [url("https://two.ngrok.app"), Signal::Connected]);
    }

    fn fault(lines: &[&str]) -> Option<(&'static str, Verdict)> {
        faults(&read(lines)).first().map(|fault| (fault.code, fault.verdict))
    }

    #[test]
    fn every_known_code_calls_for_what_helps() {
        let error = |code: u32| {
            format!(r#"t=1 lvl=eror msg="terminating with error" err="it failed.\n\nERR_NGROK_{code}\n""#)
        };
        for (codes, verdict) in [
            (&[4018, 105, 107, 300, 121, 120, 313, 8014, 9040][..], Verdict::Permanent),
            (&[108], Verdict::Taken),
            (&[334], Verdict::NameBound),
            (&[3200], Verdict::Restart),
            (&[8012, 3004], Verdict::NotOurs),
        ] {
            for code in codes {
                assert_eq!(fault(&[&error(*code)]).map(|(_, found)| found), Some(verdict), "{code}");
                assert_eq!(
                    fault(&[&format!("ERROR:  ERR_NGROK_{code}")]).map(|(_, found)| found),
                    Some(verdict)
                );
            }
        }
        let unknown = read(&[&error(9999)]);
        assert_eq!(unknown, [Signal::Trouble("it failed.".into())], "a code nobody knows decides nothing");
    }

    #[test]
    fn the_local_side_is_not_the_tunnels_fault() {
        let line =
            r#"t=1 lvl=warn msg="failed to open private leg" privaddr=x err="dial tcp [::1]:3001: refused""#;
        assert_eq!(fault(&[line]), Some(("ngrok.local", Verdict::NotOurs)));
    }

    #[test]
    fn an_address_in_an_error_is_none() {
        let line = r#"t=1 lvl=eror msg="failed to start tunnel" err="'https://mine.ngrok.app' is already online.\n\nERR_NGROK_334\n""#;
        assert!(urls(&read(&[line])).is_empty());
        assert_eq!(fault(&[line]), Some(("ngrok.334", Verdict::NameBound)));
    }

    #[test]
    fn a_flag_that_is_not_known_ends_it_with_the_way_out() {
        assert_eq!(fault(&["ERROR:  unknown flag: --url"]), Some(("ngrok.usage", Verdict::Permanent)));
        let reasons =
            read(&["ERROR:  something new happened", "ERROR:", "ERROR:  read https://ngrok.com/docs"]);
        assert_eq!(reasons, [Signal::Trouble("something new happened".into())]);
    }
}
