//! The flags of `mcpgw bridge`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::config::Millis;

/// `mcpgw bridge`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpgw bridge\n  mcpgw bridge --session shop --profile team\n  mcpgw bridge --project ~/shop\n\nIn a client's config file:\n  {\"command\": \"mcpgw\", \"args\": [\"bridge\"]}\n\n\
    Without --url it connects to the running session of `mcpgw tunnel`, else to the gateway's own port."
)]
#[allow(missing_docs, reason = "the help texts say it")]
pub struct BridgeArgs {
    /// The MCP address to connect to; without a path, the MCP path is appended
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The profile to use [default: the session's]
    #[arg(long, value_name = "NAME", env = "MCPGW_PROFILE", hide_env = true)]
    pub profile: Option<String>,
    /// A header for every request, `K=V` or `K: V`; ${NAME} is taken from the environment
    #[arg(long, value_name = "K=V", env = "MCPGW_HEADER", hide_env = true, hide_env_values = true)]
    pub header: Vec<String>,
    /// The session on this gateway port; without a session, the gateway on it
    #[arg(long, value_name = "PORT", env = "MCPGW_PORT", hide_env = true)]
    pub port: Option<u16>,
    /// The session of this id, or of the project folder of this name
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    pub session: Option<String>,
    /// The project in this folder: its session and no other; without one, the gateway on the port of its mcpgw.toml
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["url", "session"])]
    pub project: Option<PathBuf>,
    /// Where the gateway serves MCP [default: /api/mcp/{profile}]
    #[arg(long, value_name = "TEMPLATE", env = "MCPGW_MCP_PATH", hide_env = true)]
    pub mcp_path: Option<String>,
    /// How long a call waits for a gateway that is away [default: 50s]
    #[arg(long, value_name = "TIME")]
    pub patience: Option<Millis>,
    /// Fail when there is no gateway, instead of waiting for it
    #[arg(long, env = "MCPGW_STRICT", hide_env = true, value_parser = BoolishValueParser::new())]
    pub strict: bool,
}
