//! The flags of `mcpgw tunnel`. Each has its `MCPGW_*` variable and its key in `mcpgw.toml`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::config::{Auth, HostHeader, Millis, Size};

const GATEWAY: &str = "Gateway";
const ADDRESS: &str = "Address";
const ACCESS: &str = "Access";
const TELLING: &str = "Telling others";
const OUTPUT: &str = "Output";

/// `mcpgw tunnel`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  mcpgw tunnel --demo\n  mcpgw tunnel 3001\n  mcpgw tunnel --provider localtunnel -- pnpm start\n  \
    mcpgw tunnel --subdomain my-gateway --env BETTER_AUTH_URL={url} -- node dist/main.js"
)]
#[allow(missing_docs, reason = "the help texts say it")]
pub struct TunnelArgs {
    /// auto, localtunnel (lt), cloudflared, ngrok, local or url; auto takes the first that is ready, else local
    #[arg(long, value_name = "PROVIDER", env = "MCPGW_PROVIDER", hide_env = true, help_heading = ADDRESS)]
    pub provider: Option<String>,
    /// Providers that take over when this one cannot go on; auto has the other ready ones for that
    #[arg(long, value_name = "PROVIDER", env = "MCPGW_FALLBACK", hide_env = true, value_delimiter = ',', help_heading = ADDRESS)]
    pub fallback: Vec<String>,
    /// A tunnel that somebody else runs and that leads to --edge-port: it is proved and watched
    #[arg(long, value_name = "URL", env = "MCPGW_URL", hide_env = true, help_heading = ADDRESS)]
    pub url: Option<String>,
    /// The edge's port, where a tunnel must know it beforehand [default: any free one]
    #[arg(long, value_name = "PORT", env = "MCPGW_EDGE_PORT", hide_env = true, help_heading = ADDRESS)]
    pub edge_port: Option<u16>,
    /// Your own localtunnel server
    #[arg(long, value_name = "URL", env = "MCPGW_SERVER", hide_env = true, help_heading = ADDRESS)]
    pub server: Option<String>,
    /// Ask for this name below the provider's domain
    #[arg(long, value_name = "NAME", env = "MCPGW_SUBDOMAIN", hide_env = true, help_heading = ADDRESS)]
    pub subdomain: Option<String>,
    /// ngrok: the domain to use
    #[arg(long, value_name = "DOMAIN", env = "MCPGW_DOMAIN", hide_env = true, help_heading = ADDRESS)]
    pub domain: Option<String>,
    /// cloudflared: the named tunnel to run; with TUNNEL_TOKEN set, the one of that token
    #[arg(long, value_name = "NAME", env = "MCPGW_TUNNEL_NAME", hide_env = true, help_heading = ADDRESS)]
    pub tunnel_name: Option<String>,
    /// The host name that leads to the named tunnel (cloudflared) or to this machine (local)
    #[arg(long, value_name = "HOST", env = "MCPGW_HOSTNAME", hide_env = true, help_heading = ADDRESS)]
    pub hostname: Option<String>,
    /// The port of `https://localhost:PORT` with the provider local [default: 3443]
    #[arg(long, value_name = "PORT", env = "MCPGW_HTTPS_PORT", hide_env = true, help_heading = ADDRESS)]
    pub https_port: Option<u16>,
    /// local: your own certificate and its chain, PEM [default: SSL_CERT_PATH, else mkcert's or a local CA's]
    #[arg(long, value_name = "FILE", env = "MCPGW_TLS_CERT", hide_env = true, help_heading = ADDRESS)]
    pub tls_cert: Option<PathBuf>,
    /// local: its key, PEM [default: SSL_KEY_PATH]
    #[arg(long, value_name = "FILE", env = "MCPGW_TLS_KEY", hide_env = true, help_heading = ADDRESS)]
    pub tls_key: Option<PathBuf>,
    /// Take the provider's word for the URL instead of proving it
    #[arg(long, env = "MCPGW_NO_VERIFY", hide_env = true, value_parser = BoolishValueParser::new(), help_heading = ADDRESS)]
    pub no_verify: bool,
    /// How often to ask through the public URL whether the tunnel lives [default: 5s; 150s with ngrok]
    #[arg(long, value_name = "TIME", env = "MCPGW_PROBE_INTERVAL", hide_env = true, help_heading = ADDRESS)]
    pub probe_interval: Option<Millis>,
    /// How long a provider may take to state a URL [default: 20s]
    #[arg(long, value_name = "TIME", env = "MCPGW_START_TIMEOUT", hide_env = true, help_heading = ADDRESS)]
    pub start_timeout: Option<Millis>,
    /// The lt program, where it is not on PATH
    #[arg(long, value_name = "FILE", env = "MCPGW_LT", hide_env = true, help_heading = ADDRESS)]
    pub lt: Option<PathBuf>,
    /// The ngrok program, where it is not on PATH
    #[arg(long, value_name = "FILE", env = "MCPGW_NGROK", hide_env = true, help_heading = ADDRESS)]
    pub ngrok: Option<PathBuf>,
    /// The cloudflared program, where it is not on PATH
    #[arg(long, value_name = "FILE", env = "MCPGW_CLOUDFLARED", hide_env = true, help_heading = ADDRESS)]
    pub cloudflared: Option<PathBuf>,
    /// Where the names of new tunnels are looked up (DNS over HTTPS, JSON) [default: Cloudflare's, then Google's]
    #[arg(long, value_name = "URL", env = "MCPGW_DOH", hide_env = true, help_heading = ADDRESS)]
    pub doh: Option<String>,

    /// The gateway's port [default: 3001]
    #[arg(long, short, value_name = "PORT", env = "MCPGW_PORT", hide_env = true, help_heading = GATEWAY)]
    pub port: Option<u16>,
    /// The gateway's port, as for --port
    #[arg(value_name = "PORT")]
    pub short_port: Option<u16>,
    /// The gateway's command; without it, the gateway that listens on --port is used
    #[arg(last = true, value_name = "GATEWAY CMD")]
    pub command: Vec<String>,
    /// Use the small MCP gateway inside mcpgw; takes provider local unless one is named
    #[arg(long, conflicts_with = "command", env = "MCPGW_DEMO", hide_env = true, value_parser = BoolishValueParser::new(), help_heading = GATEWAY)]
    pub demo: bool,
    /// The profile MCP clients use [default: default]
    #[arg(long, value_name = "NAME", env = "MCPGW_PROFILE", hide_env = true, help_heading = GATEWAY)]
    pub profile: Option<String>,
    /// Where the gateway serves MCP [default: /api/mcp/{profile}]
    #[arg(long, value_name = "TEMPLATE", env = "MCPGW_MCP_PATH", hide_env = true, help_heading = GATEWAY)]
    pub mcp_path: Option<String>,
    /// This path must answer 200; without it any HTTP answer means the gateway lives
    #[arg(long, value_name = "PATH", env = "MCPGW_HEALTH", hide_env = true, help_heading = GATEWAY)]
    pub health: Option<String>,
    /// The Host the gateway sees: the visitor's, or localhost [default: auto]
    #[arg(long, value_name = "WHICH", env = "MCPGW_HOST_HEADER", hide_env = true, help_heading = GATEWAY)]
    pub host_header: Option<HostHeader>,
    /// Another variable for the gateway beside APP_URL; {url}, {host}, {port}, {profile} are filled in
    #[arg(long, value_name = "NAME=TEMPLATE", value_parser = variable, help_heading = GATEWAY)]
    pub env: Vec<(String, String)>,

    /// Who gets in: those with the key, with auto unless the gateway itself asks for a login; none: everybody [default: auto]
    #[arg(long, value_name = "HOW", env = "MCPGW_AUTH", hide_env = true, help_heading = ACCESS)]
    pub auth: Option<Auth>,
    /// End the session after this time, for example 2h [default: never]
    #[arg(long, value_name = "TIME", env = "MCPGW_EXPIRE", hide_env = true, help_heading = ACCESS)]
    pub expire: Option<Millis>,
    /// The longest body of a request [default: 1GiB]
    #[arg(long, value_name = "SIZE", env = "MCPGW_MAX_BODY", hide_env = true, help_heading = ACCESS)]
    pub max_body: Option<Size>,
    /// Let everybody reach the web frontend on this port too: all paths that are not the gateway's
    #[arg(long, value_name = "PORT", env = "MCPGW_FRONTEND", hide_env = true, help_heading = ACCESS)]
    pub frontend: Option<u16>,
    /// Write every request into this file too, one JSON object a line
    #[arg(long, value_name = "FILE", env = "MCPGW_LOG_REQUESTS", hide_env = true, help_heading = ACCESS)]
    pub log_requests: Option<PathBuf>,
    /// Let visitors reach this path too, without a key, and all below it
    #[arg(long, value_name = "PATH", env = "MCPGW_ALLOW", hide_env = true, value_delimiter = ',', help_heading = ACCESS)]
    pub allow: Vec<String>,
    /// Serve visitors who come under this host name too; without it, the public address's and localhost
    #[arg(long, value_name = "HOST", env = "MCPGW_ALLOW_HOST", hide_env = true, value_delimiter = ',', help_heading = ACCESS)]
    pub allow_host: Vec<String>,
    /// Answer yes to every question
    #[arg(long, short, env = "MCPGW_YES", hide_env = true, value_parser = BoolishValueParser::new(), help_heading = ACCESS)]
    pub yes: bool,

    /// Keep the same variables in this file; its other lines stay
    #[arg(long, value_name = "FILE", env = "MCPGW_ENV_FILE", hide_env = true, help_heading = TELLING)]
    pub env_file: Option<PathBuf>,
    /// Run this in a shell whenever the URL is new, with the same variables
    #[arg(long, value_name = "CMD", env = "MCPGW_ON_URL", hide_env = true, help_heading = TELLING)]
    pub on_url: Option<String>,
    /// Put the address into these MCP clients' files, and what was there back at the end
    #[arg(long, value_name = "CLIENT", env = "MCPGW_CONFIGURE", hide_env = true, value_delimiter = ',', help_heading = TELLING)]
    pub configure: Vec<String>,
    /// Leave the clients' entries as they are at the end
    #[arg(long, env = "MCPGW_KEEP", hide_env = true, value_parser = BoolishValueParser::new(), help_heading = TELLING)]
    pub keep: bool,

    /// One JSON object a line on standard output for every event
    #[arg(long, env = "MCPGW_JSON", hide_env = true, value_parser = BoolishValueParser::new(), help_heading = OUTPUT)]
    pub json: bool,
    /// Show the address without its QR code
    #[arg(long, env = "MCPGW_NO_QR", hide_env = true, value_parser = BoolishValueParser::new(), help_heading = OUTPUT)]
    pub no_qr: bool,
    /// Print the MCP URL and trouble, nothing else
    #[arg(long, short, conflicts_with = "json", env = "MCPGW_QUIET", hide_env = true, value_parser = BoolishValueParser::new(), help_heading = OUTPUT)]
    pub quiet: bool,
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, template) =
        text.split_once('=').ok_or("write NAME=TEMPLATE, for example BETTER_AUTH_URL={url}")?;
    Ok((name.to_string(), template.to_string()))
}
