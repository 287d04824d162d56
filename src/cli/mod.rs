//! The command line's shape and its words, nothing else; completions and man pages are made from it.

mod providers;
mod tunnel;

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};

pub use providers::{ProviderSettings, ProvidersArgs, ProvidersCommand, SetupArgs};
pub use tunnel::TunnelArgs;

/// Put a local MCP gateway behind a working HTTPS address, and keep it there
#[derive(Debug, Parser)]
#[command(
    name = "mcpgw",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One row of the table of commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a tunnel and the gateway behind it, and keep both alive until Ctrl-C
    Tunnel(Box<TunnelArgs>),
    /// Run a command with APP_URL (and the rest) of the running session
    Run(RunArgs),
    /// Show the running sessions
    Status(StatusArgs),
    /// Print the URL of the running session
    Url(UrlArgs),
    /// End a running session
    Stop(StopArgs),
    /// Compare the tunnel providers, show which are ready, and set them up
    Providers(Box<ProvidersArgs>),
    /// Print a completion script for a shell
    Completions {
        /// The shell it is for
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of one command if it is named
    Man {
        /// The command
        command: Option<String>,
    },
    /// The MCP gateway of `tunnel --demo`
    #[command(hide = true)]
    DemoGateway {
        /// The port to listen on, at 127.0.0.1
        #[arg(long)]
        port: u16,
    },
    /// Wait for a session's end, then end whatever it left running
    #[command(hide = true)]
    Reap {
        /// The session's id
        session: String,
    },
}

/// Which session is meant, when several run.
#[derive(Debug, Args)]
pub struct Which {
    /// The session on this gateway port
    #[arg(long, env = "MCPGW_PORT", hide_env = true)]
    pub port: Option<u16>,
}

/// `mcpgw run`
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub which: Which,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// `mcpgw status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `mcpgw url`
#[derive(Debug, Args)]
pub struct UrlArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub which: Which,
    /// The MCP URL instead of the address
    #[arg(long)]
    pub mcp: bool,
}

/// `mcpgw stop`
#[derive(Debug, Args)]
pub struct StopArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub which: Which,
    /// Every session
    #[arg(long, conflicts_with = "port")]
    pub all: bool,
}
