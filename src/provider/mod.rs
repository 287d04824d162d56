//! Tunnel providers, one file each: is it ready, how is it started, what do its lines mean. Line
//! readers are pure. A new provider is one file here and one line in [`ALL`].

mod choice;
mod cloudflared;
mod external;
mod local;
mod localtunnel;
mod ngrok;
mod overview;
mod program;
mod redact;
mod setup;
#[cfg(test)]
mod transcripts;

use std::borrow::Cow;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;
use url::Url;

pub use choice::{Candidate, Choice, choose};
pub use overview::{Standing, overview};
pub use program::{Version, try_out};
pub use redact::tokens as without_tokens;
pub use setup::{Act, Keep, Run, Step, last_words};

use crate::config::Settings;
use crate::error::{Error, Result, nearest};
use crate::process::{Spec, Stream};

/// The registry, in the order in which `auto` tries them unless the config says otherwise. `local` needs
/// nothing, and `url` needs somebody else: they are never tried.
pub static ALL: [&dyn Provider; 5] =
    [&localtunnel::Localtunnel, &cloudflared::Cloudflared, &ngrok::Ngrok, &local::Local, &external::External];

/// A tunnel provider.
pub trait Provider: Sync {
    /// Its name in flags and events.
    fn id(&self) -> &'static str;

    /// Other names it answers to.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Is its address for the whole world, and does its program give one by itself?
    fn is_tunnel(&self) -> bool {
        true
    }

    /// The flags that it alone, or it among few, makes use of.
    fn own_flags(&self) -> &'static [&'static str] {
        &[]
    }

    /// Can it be used on this machine? Looks at files only: no program is run.
    fn readiness(&self, settings: &Settings) -> Readiness;

    /// How it compares with the others.
    fn facts(&self) -> Facts;

    /// How its program is asked for its version.
    fn version_args(&self) -> &'static [&'static str] {
        &["--version"]
    }

    /// Is this version of its program one that a choice by `auto` may rest on? Asked first with `None`,
    /// so that a program whose version does not matter need not run.
    fn suits(&self, version: Option<Version>) -> bool {
        let _ = version;
        true
    }

    /// Are the settings that concern it right? Wrong ones often fail silently in the tool.
    fn check(&self, settings: &Settings) -> Result<()> {
        let _ = settings;
        Ok(())
    }

    /// What the user should know of this choice before it runs.
    fn remarks(&self, settings: &Settings, version: Option<Version>) -> Vec<Remark> {
        let _ = (settings, version);
        vec![]
    }

    /// How to bring it up.
    fn launch(&self, settings: &Settings, request: &Request) -> Launch;

    /// A reader for one run's output.
    fn reader(&self, settings: &Settings) -> Box<dyn Reader>;

    /// The paths of its local API that tell how it fares, where it has one.
    fn api(&self) -> &'static [&'static str] {
        &[]
    }

    /// What its local API answered. `None` says nothing: a side channel confirms and never vetoes.
    fn read_api(&self, path: &str, status: u16, body: &str) -> Option<Signal> {
        let _ = (path, status, body);
        None
    }

    /// How it likes to be treated.
    fn policy(&self, settings: &Settings) -> Policy;

    /// Has the user logged in at it? `None` where no login is needed.
    fn logged_in(&self, settings: &Settings) -> Option<bool> {
        let _ = settings;
        None
    }

    /// The way until it is ready, in order; nothing where nothing is needed. Looks, and may run programs for
    /// that.
    fn setup(&self, settings: &Settings) -> Vec<Step> {
        let _ = settings;
        vec![]
    }

    /// What else can be set up once all steps are done, where that takes a decision.
    fn more(&self, settings: &Settings) -> Option<String> {
        let _ = settings;
        None
    }

    /// The flags that stand for these settings in a command that is shown, each after a space.
    fn flags(&self, settings: &Settings) -> String {
        let _ = settings;
        String::new()
    }

    /// Does this address of its stay the same from session to session?
    fn keeps_address(&self, settings: &Settings, url: &Url) -> bool {
        let _ = (settings, url);
        false
    }

    /// The header in which its cloud writes down the address of each visitor, over or behind whatever the visitor
    /// wrote there: the last value counts. `None`: nobody vouches for any.
    fn names_visitors_in(&self, settings: &Settings) -> Option<&'static str> {
        let _ = settings;
        None
    }

    /// Where it connects to, for telling "their server is down" from "the tool is broken".
    fn server(&self, settings: &Settings) -> Option<Url> {
        let _ = settings;
        None
    }

    /// A place that answers HTTPS whenever its cloud is within reach.
    fn cloud(&self, settings: &Settings) -> Option<Url> {
        self.server(settings)
    }

    /// What its program's own settings file does to a tunnel.
    fn own_config(&self, settings: &Settings) -> OwnConfig {
        let _ = settings;
        OwnConfig::None
    }
}

/// Whether a provider can be used, and if not, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// It can; this program will run, if it is one.
    Ready(Option<PathBuf>),
    /// Its program is there and something else is not: a login, say.
    Unready {
        /// The program.
        program: PathBuf,
        /// What is missing.
        why: String,
        /// The command that helps.
        fix: String,
    },
    /// It is not installed.
    Missing {
        /// What is missing.
        why: String,
        /// The command that helps.
        fix: String,
    },
}

impl Readiness {
    /// Can it be used?
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready(_))
    }

    /// Its program, where it is one and is installed.
    pub fn program(&self) -> Option<&PathBuf> {
        match self {
            Self::Ready(program) => program.as_ref(),
            Self::Unready { program, .. } => Some(program),
            Self::Missing { .. } => None,
        }
    }

    /// What is missing, and the command that helps.
    pub fn trouble(&self) -> Option<(&str, &str)> {
        match self {
            Self::Ready(_) => None,
            Self::Unready { why, fix, .. } | Self::Missing { why, fix } => Some((why, fix)),
        }
    }
}

/// What a provider costs and gives, for those who choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Facts {
    /// Its price.
    pub price: &'static str,
    /// May the name in the address be chosen?
    pub custom_subdomain: &'static str,
    /// Does the address stay the same from start to start?
    pub stable_url: &'static str,
    /// What of it survives a lost connection.
    pub persistence: &'static str,
    /// What it takes to set it up.
    pub setup_effort: &'static str,
}

/// Something worth a notice: a stable code, the words, the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Stable and dotted.
    pub code: &'static str,
    /// What is so.
    pub message: String,
    /// What to do about it.
    pub fix: Option<String>,
}

/// What a program's own settings file does to a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnConfig {
    /// There is none.
    None,
    /// Nothing that matters; which file it is.
    Fine(String),
    /// Something that matters to whoever starts the program by hand, or that is good to know.
    Odd(Remark),
    /// The program cannot work with it.
    Broken(Remark),
}

/// What a run is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The port it must lead to.
    pub edge_port: u16,
    /// The name to ask for: the user's, or the one it had.
    pub subdomain: Option<String>,
    /// A free port of loopback, for a local API.
    pub api_port: u16,
    /// A private folder for files it needs.
    pub folder: PathBuf,
    /// Its program's version, where that was asked for.
    pub version: Option<Version>,
    /// The codes of the faults that ended runs before.
    pub faults: Vec<&'static str>,
}

/// How a provider comes up.
#[derive(Debug, Clone)]
pub enum Launch {
    /// A program that prints its URL.
    Program {
        /// How it is started.
        spec: Spec,
        /// Files it needs first, with their content. They may hold no secret.
        files: Vec<(PathBuf, String)>,
        /// The port of its local API, where we chose it.
        api_port: Option<u16>,
    },
    /// No program: the edge itself is reachable at this URL.
    Direct(Url),
}

impl From<Spec> for Launch {
    fn from(spec: Spec) -> Self {
        Self::Program { spec, files: vec![], api_port: None }
    }
}

/// Understands one run's lines. Pure: no clock, no process, no socket.
pub trait Reader: Send {
    /// What a line means, if anything.
    fn read(&mut self, stream: Stream, line: &str) -> Vec<Signal>;

    /// The line without its secrets, for logs and errors.
    fn redact<'a>(&self, line: &'a str) -> Cow<'a, str> {
        redact::tokens(line)
    }
}

/// What a provider's output says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// The tunnel's address.
    Url(Url),
    /// It has a connection to its cloud.
    Connected,
    /// It has lost its last one and tries again by itself; why.
    Disconnected(String),
    /// Its local API listens on this port of loopback.
    Api(u16),
    /// Why things do not work, in better words than its exit code. It may yet help itself.
    Trouble(String),
    /// It said something that decides what is to be done.
    Fault(Fault),
}

/// A known failure of a tool and what it calls for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Stable and dotted: `ngrok.4018`.
    pub code: &'static str,
    /// What it calls for.
    pub verdict: Verdict,
    /// What is so, in plain words.
    pub message: String,
    /// What the user can do.
    pub fix: Option<String>,
}

/// What a failure calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Trying again cannot help.
    Permanent,
    /// Its cloud wants to be left alone for so long.
    Wait(Duration),
    /// Its name is still bound to the run before: a few short waits.
    NameBound,
    /// Somebody else has the only place there is. Once it was ours, that may be our own run before: a few
    /// short waits then.
    Taken,
    /// It will not help itself: only a new process does.
    Restart,
    /// The tunnel is fine; the trouble is on our side of it.
    NotOurs,
}

/// How a provider likes to be treated.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Its server keeps a name for so long after the last connection; asked sooner it gives another.
    pub name_grace: Duration,
    /// How often the public URL may be probed.
    pub probe_interval: Duration,
    /// How long it gets to end by itself when asked to.
    pub stop_grace: Duration,
    /// The name in a URL that can be asked for again, where the provider has such names.
    pub name_in: fn(&Url) -> Option<String>,
    /// Does a stated URL lead nowhere before the tool has said that it is connected?
    pub awaits_connection: bool,
    /// How long it is left alone when it reconnects by itself. Zero: it never does.
    pub reconnects_within: Duration,
    /// How long a stated URL may take to prove true.
    pub verify_within: Duration,
    /// Is its address that of a cloud which is always there? Then no connection to it means that this
    /// machine is offline.
    pub cloud: bool,
    /// Are its names so new that asking the system's DNS too early spoils the answer for half an hour?
    pub new_names: bool,
    /// May it hold back event streams?
    pub may_buffer: bool,
}

impl Policy {
    /// Of a provider that is as simple as can be.
    pub const PLAIN: Self = Self {
        name_grace: Duration::ZERO,
        probe_interval: Duration::from_secs(5),
        stop_grace: Duration::from_secs(2),
        name_in: |_| None,
        awaits_connection: false,
        reconnects_within: Duration::ZERO,
        verify_within: Duration::from_secs(20),
        cloud: false,
        new_names: false,
        may_buffer: false,
    };
}

/// A provider's log as a person wants it: without what is of use to the program's makers alone, records in words.
#[derive(Debug, Default)]
pub struct Plain(localtunnel::Chatter);

impl Plain {
    /// What to show of this line; to be asked of every line, in order. What comes of a record may hold anything:
    /// clean it.
    pub fn of<'a>(&mut self, line: &'a str) -> Option<Cow<'a, str>> {
        if self.0.is(line) {
            return None;
        }
        Some(ngrok::in_words(line).map_or(Cow::Borrowed(line), Cow::Owned))
    }
}

impl std::fmt::Debug for dyn Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

/// The provider of that name.
pub fn find(name: &str) -> Result<&'static dyn Provider> {
    let known = |one: &&dyn Provider| one.id() == name || one.aliases().contains(&name);
    ALL.iter().copied().find(known).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|one| one.id()).collect();
        let error =
            Error::usage("provider.unknown", format!("use {name}: there is no provider of that name"));
        match nearest(
            name,
            ALL.iter().flat_map(|one| [one.id()].into_iter().chain(one.aliases().iter().copied())),
        ) {
            Some(meant) => error.fix(format!("did you mean {meant}? There are auto, {}", names.join(", "))),
            None => error.fix(format!("use one of auto, {}", names.join(", "))),
        }
    })
}

/// Compiles a reader's pattern. They are constants, so a wrong one is a bug every test of it meets.
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| unreachable!("{error}"))
}
