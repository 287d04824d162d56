//! The flags of `mcpgw providers`. The settings among them mean what they mean to `mcpgw tunnel`.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};

/// `mcpgw providers`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  mcpgw providers\n  mcpgw providers setup ngrok")]
#[allow(missing_docs, reason = "the help texts say it")]
pub struct ProvidersArgs {
    #[command(subcommand)]
    pub command: Option<ProvidersCommand>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: ProviderSettings,
}

/// What to do about providers.
#[derive(Debug, Subcommand)]
pub enum ProvidersCommand {
    /// Show the steps until a provider is ready, and run each that is agreed to
    Setup(SetupArgs),
}

/// `mcpgw providers setup`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpgw providers setup localtunnel\n  mcpgw providers setup ngrok --yes < token.txt\n  \
    mcpgw providers setup cloudflared --tunnel-name mcp --hostname mcp.example.com"
)]
#[allow(missing_docs, reason = "the help texts say it")]
pub struct SetupArgs {
    /// localtunnel (lt), cloudflared or ngrok
    pub provider: String,
    /// Agree to every step; ngrok's authtoken is read from standard input where that is no terminal
    #[arg(long, short, env = "MCPGW_YES", hide_env = true, value_parser = BoolishValueParser::new())]
    pub yes: bool,
}

/// What providers need to know before they can be looked at.
#[derive(Debug, Args)]
#[allow(missing_docs, reason = "the help texts say it")]
pub struct ProviderSettings {
    /// cloudflared: the named tunnel
    #[arg(long, value_name = "NAME", env = "MCPGW_TUNNEL_NAME", hide_env = true, global = true)]
    pub tunnel_name: Option<String>,
    /// cloudflared: the host name that leads to the named tunnel
    #[arg(long, value_name = "HOST", env = "MCPGW_HOSTNAME", hide_env = true, global = true)]
    pub hostname: Option<String>,
    /// The lt program, where it is not on PATH
    #[arg(long, value_name = "FILE", env = "MCPGW_LT", hide_env = true, global = true)]
    pub lt: Option<PathBuf>,
    /// The ngrok program, where it is not on PATH
    #[arg(long, value_name = "FILE", env = "MCPGW_NGROK", hide_env = true, global = true)]
    pub ngrok: Option<PathBuf>,
    /// The cloudflared program, where it is not on PATH
    #[arg(long, value_name = "FILE", env = "MCPGW_CLOUDFLARED", hide_env = true, global = true)]
    pub cloudflared: Option<PathBuf>,
}
