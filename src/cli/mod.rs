//! The command line's shape and its words, nothing else; completions and man pages are made from it.

mod bridge;
mod configure;
mod doctor;
mod init;
mod providers;
mod session;
mod tunnel;

use clap::{Parser, Subcommand};

pub use bridge::BridgeArgs;
pub use configure::ConfigureArgs;
pub use doctor::DoctorArgs;
pub use init::InitArgs;
pub use providers::{ProviderSettings, ProvidersArgs, ProvidersCommand, SetupArgs};
pub use session::{Lines, LogName, LogsArgs, RunArgs, StatusArgs, StopArgs, UrlArgs, Which};
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
    /// Serve MCP on standard input and output, and forward to the live gateway: what clients start
    Bridge(Box<BridgeArgs>),
    /// Put the gateway into MCP clients' config files, take it out, or undo
    Configure(Box<ConfigureArgs>),
    /// Show the sessions, and whether they live
    Status(StatusArgs),
    /// Print the address of the running session, copy it, or show it as a QR code
    Url(UrlArgs),
    /// Run a command with APP_URL (and the rest) of the running session
    Run(RunArgs),
    /// Show what a session's gateway, provider, edge and hook said
    Logs(LogsArgs),
    /// End a running session, a hung one too, and clear away after a dead one
    Stop(StopArgs),
    /// Show or change the key that visitors need
    Key {
        /// What to do
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Write a commented mcpgw.toml by looking at the project
    Init(Box<InitArgs>),
    /// Find out what is wrong, and say how to put it right
    Doctor(DoctorArgs),
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

/// `mcpgw key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Print this project's key
    Show,
    /// Make a new key; the old one opens nothing any more
    Rotate,
}
