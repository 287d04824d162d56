//! How this gateway wants to be spoken to, asked once after it came up: whether it refuses a foreign
//! `Host` (DNS-rebinding protection), and which endpoints its OAuth metadata names.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::header::HeaderValue;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use url::Url;

use crate::config::HostHeader;
use crate::edge::HostRule;

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    /// Which `Host` it gets.
    pub host: HostRule,
    /// Did `auto` choose the local one?
    pub refuses_foreign_host: bool,
    /// Paths its OAuth metadata names, on its own origin.
    pub endpoints: Vec<String>,
}

const LIMIT: Duration = Duration::from_secs(3);

impl Manners {
    /// Asks the gateway at `address`, as if through `url`.
    pub async fn ask(
        client: &Client,
        address: SocketAddr,
        url: &Url,
        mcp_path: &str,
        wanted: HostHeader,
    ) -> Self {
        let foreign = authority(url);
        let local = format!("localhost:{}", address.port());
        let endpoints = endpoints(client, address, url, &foreign);
        let (refuses, endpoints) = match wanted {
            HostHeader::Auto => {
                tokio::join!(refuses(client, address, mcp_path, &foreign, &local), endpoints)
            }
            HostHeader::Preserve | HostHeader::Local => (false, endpoints.await),
        };
        let host = match HeaderValue::try_from(&local) {
            Ok(local) if refuses || wanted == HostHeader::Local => HostRule::Replace(local),
            _ => HostRule::Preserve,
        };
        Self { host, refuses_foreign_host: refuses, endpoints }
    }
}

/// 403 or 421 to the foreign name and not to its own: that is rebinding protection and not a gateway
/// that refuses everybody.
async fn refuses(client: &Client, address: SocketAddr, mcp_path: &str, foreign: &str, local: &str) -> bool {
    let denied = [StatusCode::FORBIDDEN, StatusCode::MISDIRECTED_REQUEST];
    match initialize(client, address, mcp_path, foreign).await {
        Some(status) if denied.contains(&status) => {
            let own = initialize(client, address, mcp_path, local).await;
            own.is_some_and(|status| !denied.contains(&status))
        }
        _ => false,
    }
}

/// MCP's first request, the one that every server looks at. A session that it opened is closed again.
async fn initialize(client: &Client, address: SocketAddr, mcp_path: &str, host: &str) -> Option<StatusCode> {
    let endpoint = format!("http://{address}{mcp_path}");
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "mcpgw", "version": env!("CARGO_PKG_VERSION")}}});
    let request = client.post(&endpoint).timeout(LIMIT).header("host", host);
    let request = request.header("accept", "application/json, text/event-stream").json(&body);
    let response = request.send().await.ok()?;
    if let Some(session) = response.headers().get("mcp-session-id") {
        let end =
            client.delete(&endpoint).timeout(LIMIT).header("host", host).header("mcp-session-id", session);
        let _ = end.send().await;
    }
    Some(response.status())
}

async fn endpoints(client: &Client, address: SocketAddr, url: &Url, host: &str) -> Vec<String> {
    let ask = async |document: &str| {
        let request = client.get(format!("http://{address}/.well-known/{document}")).timeout(LIMIT);
        let request = request.header("host", host).header("x-forwarded-proto", url.scheme());
        let metadata: Option<Value> = request.send().await.ok()?.json().await.ok();
        metadata.map(|metadata| named_paths(&metadata, url, address.port()))
    };
    let (oauth, openid) = tokio::join!(ask("oauth-authorization-server"), ask("openid-configuration"));
    oauth.into_iter().chain(openid).flatten().collect()
}

/// The paths of all endpoints (RFC 8414: `*_endpoint` and `jwks_uri`) on the gateway's own origin.
fn named_paths(metadata: &Value, url: &Url, port: u16) -> Vec<String> {
    let own = |endpoint: &Url| {
        endpoint.host_str() == url.host_str()
            || (endpoint.port() == Some(port)
                && matches!(endpoint.host_str(), Some("localhost" | "127.0.0.1")))
    };
    metadata
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .filter_map(|(_, value)| Url::parse(value.as_str()?).ok())
        .filter(own)
        .map(|endpoint| endpoint.path().to_string())
        .filter(|path| path != "/")
        .collect()
}

/// Host, and port where it is not the scheme's own: what a visitor's `Host` header says.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_endpoints_of_the_gateways_own_origin_are_named() {
        let metadata = json!({
            "issuer": "https://x.example",
            "token_endpoint": "https://x.example/api/auth/oauth2/token",
            "registration_endpoint": "http://localhost:3001/api/auth/oauth2/register",
            "jwks_uri": "https://x.example/api/auth/jwks",
            "authorization_endpoint": "https://accounts.other.example/authorize",
            "userinfo_endpoint": 5,
            "end_session_endpoint": "https://x.example/",
        });
        let mut paths = named_paths(&metadata, &Url::parse("https://x.example").unwrap(), 3001);
        paths.sort_unstable();
        assert_eq!(paths, ["/api/auth/jwks", "/api/auth/oauth2/register", "/api/auth/oauth2/token"]);
    }
}
