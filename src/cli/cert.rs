//! The flags of `mcpgw cert`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};

/// `mcpgw cert`
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// Make a certificate for localhost, 127.0.0.1, ::1 and the names given
    Create {
        /// More names and addresses
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Put it there instead of mcpgw's own folder
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
        /// Whose CA
        #[command(flatten)]
        which: WhichCa,
    },
    /// Make this system trust the local CA; every command is shown before it runs
    Trust(TrustArgs),
    /// Take that back
    Untrust(TrustArgs),
    /// Show the local CA, whether the system trusts it, and the certificates
    Show {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
        /// Whose CA
        #[command(flatten)]
        which: WhichCa,
    },
}

/// Whose CA.
#[derive(Debug, Clone, Args)]
pub struct WhichCa {
    /// mcpgw's own CA, also where mkcert is installed
    #[arg(long)]
    pub built_in: bool,
}

/// `mcpgw cert trust`, `mcpgw cert untrust`
#[derive(Debug, Args)]
pub struct TrustArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "the help text says it")]
    pub which: WhichCa,
    /// Agree to every command
    #[arg(long, short, env = "MCPGW_YES", hide_env = true, value_parser = BoolishValueParser::new())]
    pub yes: bool,
}
