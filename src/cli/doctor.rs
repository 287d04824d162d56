//! The flags of `mcpgw doctor`.

use clap::Args;

/// `mcpgw doctor`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpgw doctor\n  mcpgw doctor --fix\n  mcpgw doctor --only gateway,tunnel.dns\n  \
    mcpgw doctor --json\n\nExit status: 0 nothing failed, 1 a check failed, 3 it could not check."
)]
#[allow(missing_docs, reason = "the help texts say it")]
pub struct DoctorArgs {
    /// Put right what is safe to: stale session files, what dead sessions left running, file modes
    #[arg(long)]
    pub fix: bool,
    /// Only these checks, or groups of them (`gateway`); what they need runs, too
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub only: Vec<String>,
    /// The gateway's port, or the session on it [default: the session's, else 3001]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// The session of this name or id [default: the one of this project]
    #[arg(long, value_name = "NAME|ID")]
    pub session: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
