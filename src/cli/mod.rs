//! The command line's shape and its words, nothing else; completions and man pages are made from it.

mod bridge;
mod cert;
mod configure;
mod doctor;
mod init;
mod later;
mod providers;
mod session;
mod tunnel;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use bridge::BridgeArgs;
pub use cert::{CertCommand, TrustArgs, WhichCa};
pub use configure::ConfigureArgs;
pub use doctor::DoctorArgs;
pub use init::InitArgs;
pub use later::Later;
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
    arg_required_else_help = true,
    after_help = "Examples:\n  mcpgw tunnel --demo\n  mcpgw init && mcpgw tunnel\n  mcpgw tunnel --provider cloudflared -- pnpm start\n\n\
    `mcpgw help COMMAND` tells more of each."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands by what one wants; what is in no group comes last.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Put the gateway behind an address", &["tunnel", "init", "providers"]),
    ("Let clients in", &["configure", "bridge", "key", "cert"]),
    ("Look at what runs", &["status", "url", "logs", "run", "stop", "doctor"]),
    ("More", &["completions", "man"]),
];

/// The command line that was given.
pub fn parse() -> Result<Cli, clap::Error> {
    let mut matches = command().try_get_matches()?;
    Cli::from_arg_matches_mut(&mut matches)
}

/// The command line's shape with all that is in it: for whoever looks through it.
pub fn whole() -> clap::Command {
    later::at_once(command)
}

/// The command line's shape, its help in groups; the commands' own flags come when they are called.
fn command() -> clap::Command {
    let cli = Cli::command();
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{}\n{}\n{{options}}{{after-help}}",
        grouped(&cli),
        heading("Options")
    );
    cli.help_template(template)
}

fn grouped(cli: &clap::Command) -> String {
    let grouped = |name: &str| GROUPS.iter().any(|(_, names)| names.contains(&name));
    let shown = || cli.get_subcommands().filter(|command| !command.is_hide_set());
    let row = |command: &clap::Command| {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        format!("  \u{1b}[1m{:<12}\u{1b}[0m {about}\n", command.get_name())
    };
    let mut text = String::new();
    for (title, names) in GROUPS {
        text.push_str(&format!("\n{}\n", heading(title)));
        let named = names.iter().filter_map(|name| shown().find(|command| command.get_name() == *name));
        text.extend(named.map(row));
    }
    text.extend(shown().filter(|command| !grouped(command.get_name())).map(row));
    text
}

/// As clap shows its own.
fn heading(title: &str) -> String {
    format!("\u{1b}[1m\u{1b}[4m{title}:\u{1b}[0m")
}

/// One row of the table of commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a tunnel and the gateway behind it, and keep both alive until Ctrl-C
    Tunnel(Later<TunnelArgs>),
    /// Serve MCP on standard input and output, and forward to the live gateway: what clients start
    Bridge(Later<BridgeArgs>),
    /// Put the gateway into MCP clients' config files, take it out, or undo
    Configure(Later<ConfigureArgs>),
    /// Show the sessions, and whether they live
    Status(Later<StatusArgs>),
    /// Print the address of the running session, copy it, or show it as a QR code
    Url(Later<UrlArgs>),
    /// Run a command with APP_URL (and the rest) of the running session
    Run(Later<RunArgs>),
    /// Show what a session's gateway, provider, edge and hook said
    Logs(Later<LogsArgs>),
    /// End a running session, a hung one too, and clear away after a dead one
    Stop(Later<StopArgs>),
    /// Show or change the key that visitors need
    #[command(after_help = "Examples:\n  mcpgw key show\n  mcpgw key rotate --session shop")]
    Key {
        /// What to do
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Make certificates for this machine, and let the system trust them
    #[command(
        after_help = "Examples:\n  mcpgw cert trust\n  mcpgw cert create nas.local 192.168.1.9 --folder ."
    )]
    Cert {
        /// What to do
        #[command(subcommand)]
        command: CertCommand,
    },
    /// Write a commented mcpgw.toml by looking at the project
    Init(Later<InitArgs>),
    /// Find out what is wrong, and say how to put it right
    Doctor(Later<DoctorArgs>),
    /// Compare the tunnel providers, show which are ready, and set them up
    Providers(Later<ProvidersArgs>),
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  mcpgw completions bash > ~/.local/share/bash-completion/completions/mcpgw\n  \
        mcpgw completions zsh > \"${fpath[1]}/_mcpgw\"\n  \
        mcpgw completions fish > ~/.config/fish/completions/mcpgw.fish"
    )]
    Completions {
        /// The shell it is for
        shell: clap_complete::Shell,
    },
    /// Print the manual page, of one command if it is named
    #[command(after_help = "Examples:\n  mcpgw man tunnel | man -l -")]
    Man {
        /// The command, and what is below it: `cert trust`
        command: Vec<String>,
    },
    /// The MCP gateway of `tunnel --demo`
    #[command(hide = true, name = "__demo-gateway")]
    DemoGateway {
        /// The port to listen on, at 127.0.0.1
        #[arg(long)]
        port: u16,
    },
    /// The names by which sessions can be told apart, a line each: what shells offer
    #[command(hide = true, name = "__sessions")]
    Sessions,
    /// Wait for a session's end, then end whatever it left running
    #[command(hide = true, name = "__reap")]
    Reap {
        /// The session's id
        session: String,
    },
}

/// `mcpgw key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Print the key of this project, or of a session's
    Show(Which),
    /// Make a new key, and put it into the clients' files that hold the old one, which opens nothing any more
    Rotate {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
        /// Whose key
        #[command(flatten)]
        which: Which,
    },
}
