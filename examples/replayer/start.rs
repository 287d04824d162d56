//! What this start was asked for: command line and environment.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use regex::Regex;
use serde_json::{Value, json};

/// The tool that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    Lt,
    Ngrok,
    Cloudflared,
}

/// One start of the tool.
pub(crate) struct Start {
    pub(crate) tool: Tool,
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    /// The content of the file given with `--config`.
    config: Option<String>,
}

impl Start {
    pub(crate) fn from_process() -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let argv: Vec<String> = env::args_os().map(lossy).collect();
        let name = Path::new(&argv[0]).file_name().unwrap().to_string_lossy().into_owned();
        let tool = match name.as_str() {
            "lt" => Tool::Lt,
            "ngrok" => Tool::Ngrok,
            "cloudflared" => Tool::Cloudflared,
            other => panic!("installed as `{other}`: link it as `lt`, `ngrok` or `cloudflared`"),
        };
        let config = option(&argv, "--config").and_then(|path| fs::read_to_string(path).ok());
        Self {
            tool,
            env: env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect(),
            argv,
            config,
        }
    }

    /// What to print, when this start is but a question for the version.
    pub(crate) fn version(&self) -> Option<String> {
        let asked = ["--version", "-v", "-V", "version"].contains(&self.argv.get(1)?.as_str());
        let version = self.var("REPLAY_VERSION").unwrap_or(match self.tool {
            Tool::Lt => "2.0.2",
            Tool::Ngrok => "ngrok version 3.20.0",
            Tool::Cloudflared => "cloudflared version 2026.8.2 (built 2026-08-14T12:00:00Z)",
        });
        asked.then(|| format!("{}\n", version.trim_end_matches('\n')))
    }

    /// The recording whose turn it is; this counts the start.
    pub(crate) fn recording(&self) -> PathBuf {
        let all: Vec<&str> = self.var("REPLAY").expect("REPLAY names no recording").split(':').collect();
        let turn = self.var("REPLAY_COUNT").map_or(0, |file| count(Path::new(file)));
        all[turn.min(all.len() - 1)].into()
    }

    /// How much faster than recorded; `None` for no waits.
    pub(crate) fn speed(&self) -> Option<f64> {
        match self.var("REPLAY_SPEED") {
            Some("max") => None,
            speed => Some(speed.map_or(1.0, |factor| factor.parse().expect("REPLAY_SPEED"))),
        }
    }

    pub(crate) fn replacements(&self) -> Vec<(&str, &str)> {
        let lines = self.var("REPLAY_REPLACE").unwrap_or_default().lines();
        lines.map(|line| line.split_once("=>").expect("REPLAY_REPLACE: FROM=>TO")).collect()
    }

    /// Lines a second, and for how long.
    pub(crate) fn flood(&self) -> Option<(f64, Duration)> {
        let (rate, seconds) =
            self.var("REPLAY_FLOOD")?.split_once(',').expect("REPLAY_FLOOD: LINES_PER_SECOND,SECONDS");
        let number = |text: &str| text.trim().parse::<f64>().expect("REPLAY_FLOOD");
        Some((number(rate), Duration::from_secs_f64(number(seconds))))
    }

    /// Where the cloud listens, as `HOST:PORT`.
    pub(crate) fn cloud(&self) -> Option<&str> {
        Some(self.var("CLOUD")?.trim_start_matches("http://").trim_end_matches('/'))
    }

    /// The address given with `--metrics`.
    pub(crate) fn metrics(&self) -> Option<&str> {
        option(&self.argv, "--metrics").filter(|_| self.tool == Tool::Cloudflared)
    }

    /// The public name of a named tunnel, which its output never holds.
    pub(crate) fn named_host(&self) -> Option<String> {
        let configured = || first(self.config.as_deref()?, r#"hostname"?\s*:\s*["']?([\w.-]+)"#);
        self.var("REPLAY_HOST").map(str::to_owned).or_else(configured)
    }

    /// The local port that visitors are sent to.
    pub(crate) fn local_port(&self) -> Option<u16> {
        let given = match self.tool {
            Tool::Lt => option(&self.argv, "--port").or_else(|| option(&self.argv, "-p")).map(str::to_owned),
            Tool::Ngrok => {
                let target = self.argv.iter().skip_while(|argument| *argument != "http").skip(1);
                target.filter(|argument| !argument.starts_with('-')).find_map(|argument| port_of(argument))
            }
            // A named tunnel goes by its ingress: it ignores `--url`.
            Tool::Cloudflared => self.ingress_port().or_else(|| port_of(option(&self.argv, "--url")?)),
        };
        given.as_deref().or_else(|| self.var("REPLAY_PORT"))?.parse().ok()
    }

    fn ingress_port(&self) -> Option<String> {
        first(self.config.as_deref()?, r#"service"?\s*:\s*["']?https?://[^:/\s]+:(\d+)"#)
    }

    /// Notes this start in REPLAY_LOG.
    pub(crate) fn log(&self) {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let at = u64::try_from(at).unwrap();
        let pid = std::process::id();
        self.note(
            &json!({ "argv": self.argv, "env": self.env, "config": self.config, "at": at, "pid": pid }),
        );
    }

    /// Notes what went wrong: the tool's own streams are for the recording alone.
    pub(crate) fn note_error(&self, error: &str) {
        self.note(&json!({ "error": error }));
    }

    fn note(&self, line: &Value) {
        let Some(file) = self.var("REPLAY_LOG") else { return };
        let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
        // In one write: several tools may share the file.
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// The value of `--name VALUE` or `--name=VALUE`.
fn option<'a>(argv: &'a [String], name: &str) -> Option<&'a str> {
    let mut arguments = argv.iter();
    while let Some(argument) = arguments.next() {
        if argument == name {
            return arguments.next().map(String::as_str);
        }
        if let Some(value) = argument.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value);
        }
    }
    None
}

/// `3001`, `HOST:3001` or `http://HOST:3001`.
fn port_of(target: &str) -> Option<String> {
    first(target, r"^(?:https?://)?(?:[^:/]+:)?(\d+)/?$")
}

/// What the expression's first group finds.
pub(crate) fn first(text: &str, expression: &str) -> Option<String> {
    Some(Regex::new(expression).unwrap().captures(text)?[1].to_owned())
}

/// Adds one to the number in the file, and gives the one before.
fn count(file: &Path) -> usize {
    let mut file = File::options().create(true).truncate(false).read(true).write(true).open(file).unwrap();
    file.lock().unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    let starts = text.trim().parse().unwrap_or(0);
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(format!("{}\n", starts + 1).as_bytes()).unwrap();
    starts
}
