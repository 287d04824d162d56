//! The flags of `mcpgw configure`.

use std::path::PathBuf;

use clap::Args;

use super::Which;
use crate::config::{Scope, Via};

const ENTRY: &str = "The entry";
const FILE: &str = "The file";
const INSTEAD: &str = "Instead";

/// `mcpgw configure`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpgw configure cursor vscode claude-code\n  mcpgw configure --all --dry-run\n  \
    mcpgw configure claude-desktop --profile team\n  mcpgw configure --undo"
)]
#[allow(missing_docs, reason = "the help texts say it")]
pub struct ConfigureArgs {
    /// The clients: `mcpgw configure --list` names them
    #[arg(value_name = "CLIENT", value_delimiter = ',')]
    pub clients: Vec<String>,
    /// Every client that is installed here; with --undo every project's entries
    #[arg(long, conflicts_with = "clients")]
    pub all: bool,

    /// Where the entry leads; the MCP path is appended where it has none [default: the running session's address]
    #[arg(long, value_name = "URL", env = "MCPGW_URL", hide_env = true, help_heading = ENTRY)]
    pub url: Option<String>,
    /// The profile [default: the session's, else default]
    #[arg(long, value_name = "NAME", env = "MCPGW_PROFILE", hide_env = true, help_heading = ENTRY)]
    pub profile: Option<String>,
    /// Where the gateway serves MCP [default: the session's, else /api/mcp/{profile}]
    #[arg(long, value_name = "TEMPLATE", env = "MCPGW_MCP_PATH", hide_env = true, help_heading = ENTRY)]
    pub mcp_path: Option<String>,
    /// The entry's name [default: mcpgw; mcpgw-FOLDER where another project has that]
    #[arg(long, value_name = "KEY", help_heading = ENTRY)]
    pub name: Option<String>,
    /// The way to the gateway [default: tunnel where the client speaks HTTP, else bridge]
    #[arg(long, value_name = "WAY", help_heading = ENTRY)]
    pub via: Option<Via>,
    /// A header that the client is to send, beside the key
    #[arg(long, value_name = "K=V", value_parser = header, help_heading = ENTRY)]
    pub header: Vec<(String, String)>,
    #[command(flatten)]
    pub which: Which,

    /// Whose file
    #[arg(long, value_name = "WHOSE", default_value = "user", help_heading = FILE)]
    pub scope: Scope,
    /// The client's file, where it is in an unusual place
    #[arg(long, value_name = "FILE", help_heading = FILE)]
    pub config: Option<PathBuf>,
    /// Overwrite somebody else's entry of that name
    #[arg(long, help_heading = FILE)]
    pub force: bool,
    /// Clients too whose path and shape nobody has seen
    #[arg(long, help_heading = FILE)]
    pub experimental: bool,

    /// Show what would change, and write nothing
    #[arg(long, conflicts_with_all = ["undo", "list"], help_heading = INSTEAD)]
    pub dry_run: bool,
    /// Take the entry out
    #[arg(long, conflicts_with_all = ["undo", "list"], help_heading = INSTEAD)]
    pub remove: bool,
    /// Put the files back as they were before this project's entries; those of all clients where none is named
    #[arg(long, conflicts_with = "list", help_heading = INSTEAD)]
    pub undo: bool,
    /// List the clients
    #[arg(long, help_heading = INSTEAD)]
    pub list: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

fn header(text: &str) -> Result<(String, String), String> {
    let how = "write NAME=VALUE, for example X-Team=blue";
    let at = text.find(['=', ':']).ok_or(how)?;
    let (name, value) = (text[..at].trim(), text[at + 1..].trim());
    let token = |char: char| char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char);
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("`{name}` is no header name: {how}"));
    }
    match value.is_empty() || value.chars().any(char::is_control) {
        true => Err(format!("{name} has no value that a header can have")),
        false => Ok((name.into(), value.into())),
    }
}
