//! localtunnel: `lt` 2.0.2 from npm. What it prints and how it fails was recorded with the real
//! program (`fixtures/transcripts/lt`).

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use url::Url;

use super::{
    Act, Facts, Launch, Policy, Provider, Reader, Readiness, Request, Run, Signal, Step, pattern, program,
};
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::process::{Spec, Stdin, Stream};

pub(super) struct Localtunnel;

/// Its own default, said outright: a HOST variable would replace what is left unsaid.
const PUBLIC_SERVER: &str = "https://localtunnel.me";
const INSTALL: &str = "npm install -g localtunnel";

impl Provider for Localtunnel {
    fn id(&self) -> &'static str {
        "localtunnel"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["lt"]
    }

    fn own_flags(&self) -> &'static [&'static str] {
        &["subdomain", "server"]
    }

    /// A name that was asked for and granted is asked for again.
    fn keeps_address(&self, settings: &Settings, url: &Url) -> bool {
        let granted = url.host_str().and_then(|host| host.split('.').next());
        settings.subdomain.is_some() && settings.subdomain.as_deref() == granted
    }

    fn readiness(&self, settings: &Settings) -> Readiness {
        let named = settings.lt.as_deref();
        match program::find(named, "lt") {
            Some(program) => Readiness::Ready(Some(program)),
            None => Readiness::Missing {
                why: program::not_installed(named, "lt"),
                fix: format!("install it: {INSTALL}"),
            },
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            price: "free",
            custom_subdomain: "yes, while nobody else holds it",
            stable_url: "with --subdomain, or while the session lasts",
            persistence: "a lost tunnel asks for its name again",
            setup_effort: "npm install; no account",
        }
    }

    fn setup(&self, settings: &Settings) -> Vec<Step> {
        let installed = program::find(settings.lt.as_deref(), "lt").is_some();
        steps(installed, which::which("npm").ok())
    }

    fn check(&self, settings: &Settings) -> Result<()> {
        match settings.subdomain.as_deref() {
            Some(name) if !valid_name(name) => Err(Error::usage(
                "localtunnel.subdomain",
                format!(
                    "use --subdomain {name}: localtunnel's server refuses that name, and lt never says so"
                ),
            )
            .fix("use 4 to 63 lower-case letters and digits, or 6 to 63 with inner hyphens")),
            _ => Ok(()),
        }
    }

    fn launch(&self, settings: &Settings, request: &Request) -> Launch {
        let program = program::find(settings.lt.as_deref(), "lt").unwrap_or_else(|| "lt".into());
        let server = settings.server.as_ref().map_or(PUBLIC_SERVER, Url::as_str).trim_end_matches('/');
        let mut args = vec!["--port".into(), request.edge_port.to_string(), "--host".into(), server.into()];
        if let Some(name) = &request.subdomain {
            args.extend(["--subdomain".into(), name.clone()]);
        }
        Launch::from(Spec {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            // Otherwise it retries in silence, whatever its server answers.
            set: vec![("DEBUG".into(), "localtunnel:client".into())],
            scrub: becomes_an_option,
            folder: None,
            stdin: Stdin::Null,
        })
    }

    fn reader(&self, settings: &Settings) -> Box<dyn Reader> {
        Box::new(LtReader { server: settings.server.clone(), found: false })
    }

    fn policy(&self, _: &Settings) -> Policy {
        Policy {
            // The server keeps a name for 1 s; lt takes at least 0.15 s until it asks for one.
            name_grace: Duration::from_millis(950),
            // It has no handler for SIGTERM and dies at once: the stop grace of all is plenty.
            name_in: |url| url.host_str()?.split_once('.').map(|(name, _)| name.to_string()),
            ..Policy::PLAIN
        }
    }

    fn names_visitors_in(&self, settings: &Settings) -> Option<&'static str> {
        // The public server stands behind a proxy that appends the address to what the visitor wrote (its published
        // nginx configuration says `$proxy_add_x_forwarded_for`; HAProxy, which it names today, adds a line of its
        // own at the end). The server's program itself passes on whatever came.
        settings.server.is_none().then_some("x-forwarded-for")
    }

    fn server(&self, settings: &Settings) -> Option<Url> {
        settings.server.clone().or_else(|| Url::parse(PUBLIC_SERVER).ok())
    }
}

fn steps(installed: bool, npm: Option<PathBuf>) -> Vec<Step> {
    let act = npm.map(|npm| {
        Act::Run(Run {
            spec: Spec {
                program: npm.into(),
                args: INSTALL.split(' ').skip(1).map(Into::into).collect(),
                set: vec![],
                scrub: |_| false,
                folder: None,
                stdin: Stdin::Null,
            },
            alone: false,
            done_before: &[],
            then: None,
        })
    });
    let how = match act {
        Some(_) => INSTALL.into(),
        None => format!("{INSTALL} (install Node.js first, npm comes with it: https://nodejs.org)"),
    };
    let what = "install lt, the program of localtunnel".into();
    vec![Step { what, done: Some(installed), how, act: act.unwrap_or(Act::ByHand) }]
}

/// What the server (0.1.0) accepts; asked for anything else, `lt` retries silently for ever. With a
/// hyphen a name must have six characters.
fn valid_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let least = if name.contains('-') { 6 } else { 4 };
    // A label of a host name has 63 characters at most (RFC 1035).
    (least..=63).contains(&name.len())
        && name.bytes().all(|byte| plain(byte) || byte == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// lt reads every variable as an option (yargs `.env(true)`): HOST=0.0.0.0, common in shells, makes it
/// hang for ever. yargs takes any spelling of the case, and `A__B` as a part of `A`.
fn becomes_an_option(variable: &str) -> bool {
    const OPTIONS: [&str; 18] = [
        "port",
        "p",
        "host",
        "h",
        "subdomain",
        "s",
        "localhost",
        "l",
        "localhttps",
        "localcert",
        "localkey",
        "localca",
        "allowinvalidcert",
        "open",
        "o",
        "printrequests",
        "help",
        "version",
    ];
    let first = variable.split("__").next().unwrap_or_default();
    let name: String =
        first.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect();
    OPTIONS.contains(&name.as_str())
}

/// What lt says under DEBUG to those who work on it, which mcpgw asks it for because of one line of it.
#[derive(Debug, Default)]
pub(super) struct Chatter {
    /// In the middle of an object that goes on for some lines.
    in_object: bool,
}

impl Chatter {
    /// Is this line of that kind? To be asked of every line, in order.
    pub(super) fn is(&mut self, line: &str) -> bool {
        let debug = line.contains(" localtunnel:client ") && !line.contains("tunnel server offline");
        let goes_on = self.in_object && (line.starts_with(' ') || line.starts_with('}'));
        self.in_object = (debug && line.ends_with('{')) || (goes_on && !line.starts_with('}'));
        debug || goes_on
    }
}

struct LtReader {
    server: Option<Url>,
    /// The first URL is the tunnel's; what looks like one later was typed by a visitor.
    found: bool,
}

impl Reader for LtReader {
    fn read(&mut self, stream: Stream, line: &str) -> Vec<Signal> {
        self.meaning(stream, line).into_iter().collect()
    }
}

impl LtReader {
    fn meaning(&mut self, stream: Stream, line: &str) -> Option<Signal> {
        static URL: LazyLock<Regex> = LazyLock::new(|| pattern(r"^your url is: (https?://\S+)"));
        static WORDS: LazyLock<Regex> = LazyLock::new(|| {
            pattern(
                r"^Error: (.+)|^((?:Invalid|Missing required) argument: .+)|localtunnel:client tunnel server offline: (.+), retry",
            )
        });
        match stream {
            Stream::Out if !self.found => {
                let url = Url::parse(URL.captures(line)?.get(1)?.as_str()).ok()?;
                url.host()?;
                self.found = true;
                Some(Signal::Url(with_port(url, self.server.as_ref())))
            }
            Stream::Out => None,
            Stream::Err => {
                let words = WORDS.captures(line)?;
                let words = words.iter().skip(1).flatten().next()?;
                Some(Signal::Trouble(words.as_str().into()))
            }
        }
    }
}

/// A server started with `--domain` leaves its own port out of the URLs it gives. Where the user named
/// the server with a port, its tunnels are reached on that port too.
fn with_port(mut url: Url, server: Option<&Url>) -> Url {
    if let Some(server) = server
        && let (Some(port), None) = (server.port(), url.port())
        && let (Some(domain), Some(host)) = (server.host_str(), url.host_str())
        && server.scheme() == url.scheme()
        && host.ends_with(&format!(".{domain}"))
    {
        let _ = url.set_port(Some(port));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chatter_is_what_only_its_makers_want_and_trouble_is_not() {
        let mut chatter = Chatter::default();
        let lines = [
            ("your url is: https://x.loca.lt", false),
            ("2026-11-24T00:46:09.977Z localtunnel:client got tunnel information {", true),
            ("  id: 'updown2',", true),
            ("}", true),
            ("  something else", false),
            ("2026-11-24T00:46:09.980Z localtunnel:client tunnel open [total: 1]", true),
            ("2026-11-24T00:48:36.665Z localtunnel:client tunnel server offline: 502, retry 1s", false),
            ("connection refused: x:1 (check your firewall settings)", false),
        ];
        for (line, is) in lines {
            assert_eq!(chatter.is(line), is, "{line}");
        }
    }
    use crate::provider::transcripts;

    fn reader() -> Box<dyn Reader> {
        Box::new(LtReader { server: None, found: false })
    }

    fn read(server: Option<&str>, lines: &[(Stream, &str)]) -> Vec<Signal> {
        let mut reader = LtReader { server: server.map(|url| Url::parse(url).unwrap()), found: false };
        lines.iter().flat_map(|(stream, line)| reader.read(*stream, line)).collect()
    }

    #[test]
    fn npm_installs_lt_and_without_npm_nothing_can() {
        let step = steps(false, Some("/usr/bin/npm".into())).remove(0);
        assert_eq!((step.done, step.how.as_str()), (Some(false), "npm install -g localtunnel"));
        let Act::Run(run) = step.act else { panic!("{step:?}") };
        assert_eq!((run.spec.program, run.spec.args.len()), ("/usr/bin/npm".into(), 3));
        let without = steps(false, None).remove(0);
        assert!(matches!(without.act, Act::ByHand) && without.how.contains("https://nodejs.org"));
        assert_eq!(steps(true, None)[0].done, Some(true));
    }

    fn url(text: &str) -> Signal {
        Signal::Url(Url::parse(text).unwrap())
    }

    #[test]
    fn the_first_url_is_the_tunnels_and_no_later_one() {
        let lines = [
            (Stream::Out, "see https://theboroer.github.io/localtunnel-www/"),
            (Stream::Err, "your url is: https://spoofed.example"),
            (Stream::Out, "your url is: https://mine.loca.lt"),
            (Stream::Out, "your cachedUrl is: https://other.loca.lt"),
            (Stream::Out, "your url is: https://visitor.typed.this"),
        ];
        assert_eq!(read(None, &lines), [url("https://mine.loca.lt")]);
    }

    #[test]
    fn what_is_no_url_is_not_taken_for_one() {
        for line in [
            "your url is: undefined",
            "your url is: ",
            "your url is: https://",
            " your url is: https://x.y",
            "https://x.y",
        ] {
            assert_eq!(read(None, &[(Stream::Out, line)]), [], "{line}");
        }
    }

    const REFUSED: &str = "connection refused: ";
    /// Every recording: the URL it states, and how its trouble begins.
    const RECORDINGS: [(&str, Option<&str>, Option<&str>); 24] = [
        ("badargs-no-port", None, Some("Missing required argument: port")),
        ("badargs-port-nan", None, Some("Invalid argument: `port`")),
        ("badargs-unknown-flag", Some("http://unkflag.localhost:9000"), None),
        ("env-HOST-shell", None, None),
        ("env-PORT", Some("http://helpless-snail-32.localhost:9000"), None),
        ("help", None, None),
        ("print-requests", Some("http://printer.localhost:9000"), None),
        ("server-502", None, Some("Request failed with status code 502")),
        ("server-down-at-start", None, None),
        ("server-down-at-start-debug", None, Some("connect ECONNREFUSED")),
        ("server-down-then-up", Some("http://lateup.localhost:9000"), None),
        ("server-killed", Some("http://killed.localhost:9000"), Some(REFUSED)),
        ("server-restart", Some("http://restart.localhost:9000"), Some(REFUSED)),
        ("sigint", Some("http://sigint.localhost:9000"), None),
        ("subdomain-invalid", None, None),
        ("subdomain-taken", Some("http://rude-badger-94.localhost:9000"), None),
        ("subdomain-too-short", None, Some("Request failed with status code 403")),
        ("success", Some("http://mcpgw.localhost:9000"), None),
        ("success-random-subdomain", Some("http://old-liger-60.localhost:9000"), None),
        ("upstream-closed", Some("http://updown.localhost:9000"), None),
        ("upstream-closed-debug", Some("http://updown2.localhost:9000"), None),
        ("upstream-flap", Some("http://flap1.localhost:9000"), None),
        ("url-then-refused", Some("https://brave-otters-sing.loca.lt"), Some(REFUSED)),
        ("version", None, None),
    ];

    #[test]
    fn every_recording_is_understood_and_none_is_left_out() {
        let recordings = transcripts::all("lt");
        assert_eq!(recordings.len(), RECORDINGS.len());
        for ((name, url_stated, trouble), (recorded, chunks)) in RECORDINGS.into_iter().zip(&recordings) {
            assert_eq!(name, recorded);
            let signals = transcripts::signals(&reader, chunks);
            assert_eq!(transcripts::urls(&signals), url_stated.into_iter().collect::<Vec<_>>(), "{name}");
            let said = signals.iter().rev().find_map(|signal| match signal {
                Signal::Trouble(said) => Some(said.as_str()),
                _ => None,
            });
            assert_eq!(said.is_some(), trouble.is_some(), "{name}: {said:?}");
            assert!(said.unwrap_or_default().starts_with(trouble.unwrap_or_default()), "{name}: {said:?}");
        }
    }

    #[test]
    fn however_the_pipe_spoils_them_recordings_mean_the_same() {
        for (name, chunks) in transcripts::all("lt") {
            transcripts::survives(&name, &reader, &chunks);
        }
    }

    #[test]
    fn its_last_words_become_the_reason() {
        let words = "Error: connection refused: localtunnel.me:34567 (check your firewall settings)";
        let reason = "connection refused: localtunnel.me:34567 (check your firewall settings)";
        assert_eq!(read(None, &[(Stream::Err, words)]), [Signal::Trouble(reason.into())]);
    }

    #[test]
    fn a_servers_own_port_is_put_back_where_it_was_left_out() {
        let found = |server, line| read(Some(server), &[(Stream::Out, line)]);
        let printed = "your url is: http://a.localhost";
        assert_eq!(found("http://localhost:9000", printed), [url("http://a.localhost:9000")]);
        assert_eq!(found("http://localhost", printed), [url("http://a.localhost")]);
        assert_eq!(found("http://other:9000", printed), [url("http://a.localhost")]);
        assert_eq!(
            found("http://localhost:9000", "your url is: https://a.localhost"),
            [url("https://a.localhost")]
        );
    }

    #[test]
    fn variables_that_lt_would_obey_are_scrubbed_and_others_stay() {
        for name in [
            "HOST",
            "PORT",
            "SUBDOMAIN",
            "LOCAL_HOST",
            "local-https",
            "Open",
            "PRINT_REQUESTS",
            "HOST__X",
            "H",
            "VERSION",
        ] {
            assert!(becomes_an_option(name), "{name}");
        }
        for name in ["PATH", "HOME", "HOSTNAME", "APP_URL", "NODE_OPTIONS", "HTTPS_PROXY", "LANG"] {
            assert!(!becomes_an_option(name), "{name}");
        }
    }

    #[test]
    fn names_the_server_would_silently_refuse_are_refused_here() {
        for name in ["abcd", "my-gateway", "a1b2", "a-b-c1", &"x".repeat(63)] {
            assert!(valid_name(name), "{name}");
        }
        for name in ["abc", "Bad_Name", "-abcdef", "abcdef-", "ab-cd", "a.bcd", "", &"x".repeat(64)] {
            assert!(!valid_name(name), "{name}");
        }
    }
}
