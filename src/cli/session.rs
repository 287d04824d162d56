//! The flags of the commands that look at running sessions: status, url, run, logs, stop.

use std::ffi::OsString;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::config::Millis;

/// Which session is meant, when several run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which session")]
pub struct Which {
    /// The session of this name (its project folder's last name) or id [default: this project's; outside of one, the
    /// only one]
    #[arg(long, value_name = "NAME|ID", env = "MCPGW_SESSION", hide_env = true)]
    pub session: Option<String>,
    /// The session on this gateway port
    #[arg(long, short, env = "MCPGW_PORT", hide_env = true)]
    pub port: Option<u16>,
}

/// The same where the session's name may stand alone: `mcpgw stop shop`.
#[derive(Debug, Args)]
pub struct Named {
    /// The session's name or id, as for --session
    #[arg(value_name = "SESSION")]
    name: Option<String>,
    #[command(flatten)]
    which: Which,
}

impl Named {
    /// What is meant: the name that stands alone before all others.
    pub fn which(&self) -> Which {
        let session = self.name.clone().or_else(|| self.which.session.clone());
        Which { session, port: self.which.port }
    }
}

/// `mcpgw status`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpgw status\n  mcpgw status shop --watch\n  mcpgw status --requests --watch\n  mcpgw status --json | jq -r '.sessions[].mcp_url'"
)]
pub struct StatusArgs {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    /// Go on, and show every change until Ctrl-C; with --json, one document a line
    #[arg(long, short)]
    pub watch: bool,
    /// Show the last requests of visitors, and totals; with --watch, each as it comes
    #[arg(long)]
    pub requests: bool,
    /// This session alone, by its name or id [default: all]
    #[arg(value_name = "SESSION")]
    pub name: Option<String>,
    /// The same, as other commands have it
    #[arg(long, value_name = "NAME|ID", conflicts_with = "name")]
    pub session: Option<String>,
}

/// `mcpgw url`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpgw url --mcp --copy\n  mcpgw url shop --qr\n  curl \"$(mcpgw url)/health\""
)]
pub struct UrlArgs {
    /// The URL for MCP clients
    #[arg(long, group = "what")]
    pub mcp: bool,
    /// The URL for MCP clients that can send no header (claude.ai, ChatGPT): the key is in its path
    #[arg(long, group = "what")]
    pub with_key: bool,
    /// The URL to register with OAuth providers
    #[arg(long, group = "what")]
    pub callback: bool,
    /// The address for programs on this machine, which goes round the tunnel
    #[arg(long, group = "what")]
    pub local: bool,
    /// Put it into the clipboard too
    #[arg(long, short)]
    pub copy: bool,
    /// Show it as a QR code too
    #[arg(long)]
    pub qr: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub which: Named,
}

/// `mcpgw run`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpgw run -- printenv APP_URL\n  mcpgw run --restart -- pnpm --dir apps/backend dev"
)]
pub struct RunArgs {
    /// Start the command anew whenever the address changes
    #[arg(long)]
    pub restart: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub which: Which,
}

/// One of a session's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogName {
    /// The gateway's output.
    Gateway,
    /// The tunnel program's output.
    Provider,
    /// What the edge did with visitors.
    Edge,
    /// The output of --on-url.
    Hook,
}

/// How much of the past is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// The last few.
    Last(usize),
    /// Everything that is kept.
    All,
}

impl FromStr for Lines {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            _ => text.parse().map(Self::Last).map_err(|_| "write a number, or all".into()),
        }
    }
}

/// `mcpgw logs`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpgw logs -f\n  mcpgw logs gateway -n 20\n  mcpgw logs -n all provider | grep ERR\n\n\
    When no session runs, the logs of the last one (of this project) are shown."
)]
pub struct LogsArgs {
    /// Whose; all of them, merged by time, when none is named
    #[arg(value_enum, value_name = "WHOSE")]
    pub whose: Vec<LogName>,
    /// Go on with what comes, until the session ends
    #[arg(long, short)]
    pub follow: bool,
    /// Show everything as it was said: also what lt says to those who work on it, and ngrok's records
    #[arg(long, short)]
    pub verbose: bool,
    /// How many lines of the past: a number, or all
    #[arg(long, short = 'n', value_name = "N", default_value = "100")]
    pub lines: Lines,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub which: Which,
}

/// `mcpgw stop`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mcpgw stop\n  mcpgw stop shop\n  mcpgw stop --all")]
pub struct StopArgs {
    /// Every session
    #[arg(long)]
    pub all: bool,
    /// How long it may take to end by itself before it is killed
    #[arg(long, value_name = "TIME", default_value = "20s")]
    pub timeout: Millis,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub which: Named,
}
