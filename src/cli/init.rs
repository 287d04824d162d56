//! The flags of `mcpgw init`. What they say is not asked.

use clap::Args;
use clap::builder::BoolishValueParser;

const SETTINGS: &str = "What the file says";

/// `mcpgw init`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpgw init\n  mcpgw init --dry-run\n  mcpgw init --yes --provider cloudflared -- pnpm --dir apps/backend dev\n\n\
    It looks at package.json, lock files, workspaces, .env, the gateway's code, and asks the gateway if it runs."
)]
#[allow(missing_docs, reason = "the help texts say it")]
pub struct InitArgs {
    /// The gateway's command
    #[arg(last = true, value_name = "GATEWAY CMD")]
    pub command: Vec<String>,
    /// The gateway's port
    #[arg(long, value_name = "PORT", help_heading = SETTINGS)]
    pub port: Option<u16>,
    /// The path that must answer 200
    #[arg(long, value_name = "PATH", help_heading = SETTINGS)]
    pub health: Option<String>,
    /// Where the gateway serves MCP
    #[arg(long, value_name = "TEMPLATE", help_heading = SETTINGS)]
    pub mcp_path: Option<String>,
    /// The profile MCP clients use
    #[arg(long, value_name = "NAME", help_heading = SETTINGS)]
    pub profile: Option<String>,
    /// auto, localtunnel, cloudflared, ngrok or local
    #[arg(long, value_name = "PROVIDER", help_heading = SETTINGS)]
    pub provider: Option<String>,
    /// Ask for this name below the provider's domain
    #[arg(long, value_name = "NAME", help_heading = SETTINGS)]
    pub subdomain: Option<String>,
    /// Clients whose files are to lead to the gateway: `mcpgw configure --list` names them
    #[arg(long, value_name = "CLIENT", value_delimiter = ',', help_heading = SETTINGS)]
    pub configure: Vec<String>,
    /// What the gateway is: better-auth (2026), nest (since 0.2), express (2025), mcp (any other MCP server), or none
    #[arg(long, value_name = "WHICH", help_heading = SETTINGS)]
    pub preset: Option<String>,
    /// Ask nothing
    #[arg(long, short, env = "MCPGW_YES", hide_env = true, value_parser = BoolishValueParser::new())]
    pub yes: bool,
    /// Print the file instead of writing it
    #[arg(long)]
    pub dry_run: bool,
    /// Replace a file that exists
    #[arg(long)]
    pub force: bool,
}
