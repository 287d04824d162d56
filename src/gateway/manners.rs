//! How this gateway wants to be spoken to, asked once after it came up: whether it refuses a foreign
//! `Host` (DNS-rebinding protection), whether it refuses anonymous calls, and which endpoints its OAuth
//! metadata names.

use std::time::Duration;

use hyper::header::HeaderValue;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use url::Url;

use super::Origin;
use crate::config::HostHeader;
use crate::edge::{HostRule, Witness};
use crate::web;

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    /// Which `Host` it gets.
    pub host: HostRule,
    /// Did `auto` choose the local one?
    pub refuses_foreign_host: bool,
    /// It answers anonymous calls with 401 and a challenge, wherever it serves MCP.
    pub guard: Option<Witness>,
    /// Where its challenge says that its OAuth metadata are.
    pub metadata: Option<String>,
    /// Paths its OAuth metadata names, on its own origin.
    pub endpoints: Vec<String>,
    /// The path where clients will look for MCP answers 404.
    pub astray: Option<Astray>,
}

/// MCP is not where it was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Astray {
    /// Where it is, if it is at a usual place.
    pub served_at: Option<&'static str>,
}

const LIMIT: Duration = Duration::from_secs(3);

/// The gateway, asked as if through `url`.
#[derive(Clone, Copy)]
struct Gateway<'a> {
    client: &'a Client,
    origin: Origin,
    url: &'a Url,
}

impl Manners {
    /// Asks the gateway at `origin`, as if through `url`.
    pub async fn ask(client: &Client, origin: Origin, url: &Url, mcp_path: &str, wanted: HostHeader) -> Self {
        let gateway = Gateway { client, origin, url };
        let witness = Witness::call(origin.address).await.ok();
        let (foreign, local) = (authority(url), format!("localhost:{}", origin.address.port()));
        let (greeting, endpoints) = tokio::join!(
            gateway.greet(mcp_path, wanted, &foreign, &local),
            endpoints(client, origin, url, &foreign)
        );
        let Greeting { refuses, host, answer } = greeting;
        let astray = match answer.as_ref().map(|answer| answer.status) {
            Some(StatusCode::NOT_FOUND) => {
                let serves = |status: StatusCode| status.is_success() || status == StatusCode::UNAUTHORIZED;
                Some(Astray { served_at: gateway.door(mcp_path, &host, serves).await })
            }
            _ => None,
        };
        let mut challenge = answer.and_then(|answer| answer.challenge());
        // One that guards this profile and leaves another door open does not guard itself.
        let open = |status: StatusCode| status.is_success();
        if challenge.is_some() && gateway.door(mcp_path, &host, open).await.is_some() {
            challenge = None;
        }
        let host = match HeaderValue::try_from(&local) {
            Ok(local) if refuses || wanted == HostHeader::Local => HostRule::Replace(local),
            _ => HostRule::Preserve,
        };
        let metadata = challenge.as_deref().and_then(resource_metadata);
        let guard = witness.filter(|witness| challenge.is_some() && witness.stands());
        Self { host, refuses_foreign_host: refuses, guard, metadata, endpoints, astray }
    }
}

/// How the gateway took the first word.
struct Greeting {
    /// It refuses a foreign `Host`.
    refuses: bool,
    /// The one it gets therefore.
    host: String,
    answer: Option<Answer>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
}

impl Answer {
    /// What a 401 says about how to get in.
    fn challenge(self) -> Option<String> {
        let value = self.headers.get(WWW_AUTHENTICATE).filter(|_| self.status == StatusCode::UNAUTHORIZED)?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

impl Gateway<'_> {
    /// 403 or 421 to the foreign name and not to its own: that is rebinding protection and not a gateway
    /// that refuses everybody.
    async fn greet(self, mcp_path: &str, wanted: HostHeader, foreign: &str, local: &str) -> Greeting {
        const DENIED: [StatusCode; 2] = [StatusCode::FORBIDDEN, StatusCode::MISDIRECTED_REQUEST];
        let denied =
            |answer: &Option<Answer>| answer.as_ref().is_some_and(|answer| DENIED.contains(&answer.status));
        let first = if wanted == HostHeader::Local { local } else { foreign };
        let answer = self.initialize(mcp_path, first).await;
        if wanted == HostHeader::Auto && denied(&answer) {
            let own = self.initialize(mcp_path, local).await;
            if own.is_some() && !denied(&own) {
                return Greeting { refuses: true, host: local.into(), answer: own };
            }
        }
        Greeting { refuses: false, host: first.into(), answer }
    }

    /// The first other of the usual MCP paths, all of which visitors reach, that answers like this.
    async fn door(self, mcp_path: &str, host: &str, fits: fn(StatusCode) -> bool) -> Option<&'static str> {
        let doors = ["/mcp", "/api/mcp", "/api/mcp/default", "/api/mcp/gateway"];
        for door in doors.into_iter().filter(|door| *door != mcp_path) {
            if self.initialize(door, host).await.is_some_and(|answer| fits(answer.status)) {
                return Some(door);
            }
        }
        None
    }

    /// MCP's first request, the one that every server looks at, without any credentials. A session that it
    /// opened is closed again.
    async fn initialize(self, path: &str, host: &str) -> Option<Answer> {
        let Self { client, origin, url } = self;
        let endpoint = origin.url(path);
        let body = web::initialize("mcpgw");
        let request = client.post(&endpoint).timeout(LIMIT).header("host", host);
        let request =
            request.header("x-forwarded-proto", url.scheme()).header("x-forwarded-host", authority(url));
        let request = request.header("accept", "application/json, text/event-stream").json(&body);
        let response = request.send().await.ok()?;
        if let Some(session) = response.headers().get("mcp-session-id") {
            let end = client.delete(&endpoint).timeout(LIMIT).header("host", host);
            let _ = end.header("mcp-session-id", session).send().await;
        }
        Some(Answer { status: response.status(), headers: response.headers().clone() })
    }
}

/// `resource_metadata` of a challenge (RFC 9728 section 5.1).
fn resource_metadata(challenge: &str) -> Option<String> {
    let (_, value) = challenge.split_once("resource_metadata")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split([',', ' ']).next()?,
    };
    Some(value.to_string())
}

async fn endpoints(client: &Client, origin: Origin, url: &Url, host: &str) -> Vec<String> {
    let ask = async |document: &str| {
        let request = client.get(origin.url(&format!("/.well-known/{document}"))).timeout(LIMIT);
        let request = request.header("host", host).header("x-forwarded-proto", url.scheme());
        let metadata: Option<Value> = request.send().await.ok()?.json().await.ok();
        metadata.map(|metadata| named_paths(&metadata, url, origin.address.port()))
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
    use serde_json::json;

    #[test]
    fn where_the_metadata_are_is_read_from_the_challenge() {
        for (challenge, metadata) in [
            (
                r#"Bearer resource_metadata="https://x/.well-known/y", scope="a""#,
                Some("https://x/.well-known/y"),
            ),
            (r#"Bearer realm="x", resource_metadata = https://x/y, scope=a"#, Some("https://x/y")),
            ("Bearer", None),
        ] {
            assert_eq!(resource_metadata(challenge).as_deref(), metadata, "{challenge}");
        }
    }

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
