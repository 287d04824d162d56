//! The gateway's eras: which path it is healthy at, where it serves MCP, which variables it reads its public
//! address from. Told by its code, or by what it answers when it runs.

use std::time::Duration;

use reqwest::{Client, StatusCode};

use super::Found;
use super::sources::Sources;
use crate::web;

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Era {
    /// Its name in `--preset`.
    pub id: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// Where it answers 200 while it lives.
    pub health: Option<&'static str>,
    /// Where it serves MCP, if not where the 2025 and 2026 gateways do.
    pub mcp_path: Option<&'static str>,
    /// The profile to begin with, if it is not `default`.
    pub profile: Option<&'static str>,
    /// What it reads its public address from, beside APP_URL, which everybody gets.
    pub env: &'static [(&'static str, &'static str)],
}

/// All that are known.
pub static ERAS: [Era; 4] = [
    Era {
        id: "better-auth",
        what: "the gateway of 2026: Nest, better-auth, OAuth on its MCP paths",
        health: Some("/api/health"),
        mcp_path: None,
        profile: Some("gateway"),
        // FRONTEND_URL stays where its login page is: the edge leads there only when told to.
        env: &[("BETTER_AUTH_URL", "{url}"), ("CORS_ORIGINS", "{url},http://localhost:3000")],
    },
    Era {
        id: "nest",
        what: "the gateway since 0.2: Nest, health at /api/health, its address in APP_URL",
        health: Some("/api/health"),
        mcp_path: None,
        profile: None,
        env: &[],
    },
    Era {
        id: "express",
        what: "the gateway of 2025: Express, health at /health, its address in APP_URL",
        health: Some("/health"),
        mcp_path: None,
        profile: None,
        env: &[],
    },
    Era {
        id: "mcp",
        what: "any other MCP server that speaks streamable HTTP at /mcp",
        health: None,
        mcp_path: Some("/mcp"),
        profile: None,
        env: &[],
    },
];

impl Era {
    /// By its name.
    pub fn find(id: &str) -> Option<&'static Self> {
        ERAS.iter().find(|era| era.id == id)
    }
}

/// By what its code says.
pub(super) fn by_code(sources: &Sources) -> Option<Found<&'static Era>> {
    let says = |words: &[&str]| sources.says(words).map(str::to_string);
    let found = |id: &str, at: String| Era::find(id).map(|value| Found { value, at });
    if let Some(at) = says(&["BETTER_AUTH_URL", "\"better-auth\""]) {
        return found("better-auth", at);
    }
    // A server of somebody's own may read APP_URL, too.
    if let (Some(path), None) = (sources.mcp_path(), says(&["/api/mcp"])) {
        return found("mcp", path.at);
    }
    if let Some(at) = says(&["APP_URL", "/api/mcp"]) {
        let nest = says(&["@nestjs/core"]).is_some();
        return found(if nest { "nest" } else { "express" }, at);
    }
    found("mcp", says(&["@modelcontextprotocol/", "fastmcp", "StreamableHTTP", "streamable_http"])?)
}

/// What a running gateway told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it is.
    pub era: Found<&'static Era>,
    /// A path that answered 200.
    pub health: Option<Found<String>>,
}

/// Asks the gateway on this port, if there is one.
pub async fn ask(client: &Client, port: u16) -> Option<Answer> {
    let status = async |path: &str| {
        let url = format!("http://127.0.0.1:{port}{path}");
        let request = client.get(url).timeout(LIMIT).header("host", format!("localhost:{port}"));
        request.send().await.ok().map(|response| response.status())
    };
    // Nobody there: no further questions.
    status("/").await?;
    let at = |path: &str| format!("{path} of what runs on port {port}");
    let mut health = None;
    for path in ["/api/health", "/health", "/healthz", "/ping", "/status"] {
        if status(path).await == Some(StatusCode::OK) {
            health = Some(Found { value: path.to_string(), at: at(path) });
            break;
        }
    }
    let (id, path) = match () {
        () if speaks_oauth(client, port, "/api/mcp/gateway").await => ("better-auth", "/api/mcp/gateway"),
        () if serves_mcp(client, port, "/api/mcp/default").await => {
            let nest = health.as_ref().is_some_and(|health| health.value == "/api/health");
            (if nest { "nest" } else { "express" }, "/api/mcp/default")
        }
        () if serves_mcp(client, port, "/mcp").await => ("mcp", "/mcp"),
        () => return None,
    };
    Era::find(id).map(|value| Answer { era: Found { value, at: at(path) }, health })
}

const LIMIT: Duration = Duration::from_secs(2);

async fn initialize(client: &Client, port: u16, path: &str) -> Option<reqwest::Response> {
    let body = web::initialize("mcpgw");
    let request = client.post(format!("http://127.0.0.1:{port}{path}")).timeout(LIMIT);
    let request = request.header("host", format!("localhost:{port}"));
    request.header("accept", "application/json, text/event-stream").json(&body).send().await.ok()
}

async fn speaks_oauth(client: &Client, port: u16, path: &str) -> bool {
    initialize(client, port, path).await.is_some_and(|response| {
        let challenge = response.headers().get("www-authenticate").and_then(|value| value.to_str().ok());
        response.status() == StatusCode::UNAUTHORIZED
            && challenge.is_some_and(|challenge| challenge.contains("resource_metadata"))
    })
}

/// Does it answer as MCP servers do? A session that this opened is closed again.
async fn serves_mcp(client: &Client, port: u16, path: &str) -> bool {
    let Some(response) = initialize(client, port, path).await else { return false };
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let fits = response.status() == StatusCode::OK
        && header("content-type").is_some_and(|kind| {
            kind.starts_with("text/event-stream") || kind.starts_with("application/json")
        });
    if let Some(session) = header("mcp-session-id") {
        let url = format!("http://127.0.0.1:{port}{path}");
        let end = client.delete(url).timeout(LIMIT).header("mcp-session-id", session);
        let _ = end.send().await;
    }
    fits
}
