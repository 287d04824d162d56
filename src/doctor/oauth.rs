//! OAuth: what the gateway takes for its own address, where its login lives, what must be registered.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::near::{authority, has_logins, near};
use super::{Check, Finding, World};
use crate::loopback;
use crate::os;
use crate::session::{base, beginning};

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::asks("oauth.metadata", metadata).needs(&["session.ready", "session.edge", "gateway.http"]),
        Check::asks("oauth.redirect", redirect).needs(&["oauth.metadata"]),
        Check::looks("oauth.drift", drift).needs(&["session.ready"]),
        Check::asks("oauth.callback", callback).needs(&["session.ready"]),
    ]
}

const LIMIT: Duration = Duration::from_secs(4);
/// RFC 8414, OpenID Connect Discovery, RFC 9728.
const DOCUMENTS: [&str; 3] = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-protected-resource",
];

/// One document as a visitor gets it through the edge.
async fn document(world: &World, path: &str) -> Option<Value> {
    let answer = ask(world, path).await?;
    if answer.status() != 200 {
        return None;
    }
    serde_json::from_str(&beginning(answer).await).ok().filter(Value::is_object)
}

async fn ask(world: &World, path: &str) -> Option<reqwest::Response> {
    let (session, url, client) = (world.session.as_ref()?, world.url()?, near(world).ok()?);
    let request = client.get(format!("{}{path}", session.local_url)).timeout(LIMIT);
    request.headers(world.own()).header("host", authority(&url)).send().await.ok()
}

/// Its metadata names its address: where clients will go.
async fn metadata(world: Arc<World>) -> Finding {
    let Some(url) = world.url() else { return Finding::skip("no session runs") };
    let mut seen = false;
    for path in DOCUMENTS {
        let Some(document) = document(&world, path).await else { continue };
        seen = true;
        for field in
            ["issuer", "resource", "token_endpoint", "authorization_endpoint", "registration_endpoint"]
        {
            let Some(text) = document[field].as_str() else { continue };
            if let Some(finding) = compare(text, &url, &format!("{field} in {path}"), field) {
                return finding;
            }
        }
    }
    match seen {
        true => Finding::pass(format!("its OAuth metadata names {}", base(&url))),
        false => Finding::pass("it publishes no OAuth metadata"),
    }
}

/// Endpoints may be another's (an identity provider's); what the gateway is itself may not.
fn compare(text: &str, current: &Url, place: &str, field: &str) -> Option<Finding> {
    let restart = "restart the gateway with the current address: mcpgw tunnel -- CMD, or mcpgw run -- CMD (BETTER_AUTH_URL: --env BETTER_AUTH_URL={url})";
    let Ok(named) = Url::parse(text) else {
        return Some(Finding::fail(format!("{place} is no address: {text}")).fix(restart));
    };
    let own = field == "issuer" || field == "resource";
    let same_host = named.host_str() == current.host_str();
    if same_host && named.scheme() != current.scheme() {
        return Some(
            Finding::fail(format!(
                "{place} is {text}: the gateway does not heed X-Forwarded-Proto, and was not told its address"
            ))
            .fix(restart),
        );
    }
    if named.path().contains("//") {
        return Some(
            Finding::fail(format!(
                "{place} has a doubled slash: {text}; the gateway's own address ends in one"
            ))
            .fix("set its address (APP_URL, BETTER_AUTH_URL) without the slash at the end, and restart it"),
        );
    }
    let elsewhere = named.host_str() != current.host_str()
        || named.port_or_known_default() != current.port_or_known_default();
    (own && elsewhere).then(|| {
        Finding::fail(format!("{place} is {text}, and the address is {}: clients go astray", base(current)))
            .fix(restart)
    })
}

/// Where a login begins: the page must be within a visitor's reach, and lead back to the current address.
async fn redirect(world: Arc<World>) -> Finding {
    let Some(url) = world.url() else { return Finding::skip("no session runs") };
    let mut endpoint = None;
    for path in &DOCUMENTS[..2] {
        endpoint = endpoint.or(document(&world, path)
            .await
            .and_then(|it| it["authorization_endpoint"].as_str().map(str::to_string)));
    }
    let Some(endpoint) = endpoint.and_then(|text| Url::parse(&text).ok()) else {
        return Finding::skip("it names no place to log in");
    };
    if endpoint.host_str() != url.host_str() {
        return Finding::pass(format!("logins are at {}", endpoint.host_str().unwrap_or_default()));
    }
    let Some(answer) = ask(&world, endpoint.path()).await else {
        return Finding::unable("the gateway went away");
    };
    let location = answer.headers().get("location").and_then(|it| it.to_str().ok()).unwrap_or_default();
    let Some(target) = endpoint.join(location).ok().filter(|_| answer.status().is_redirection()) else {
        return Finding::pass(format!("{} answers {}", endpoint.path(), answer.status().as_u16()));
    };
    if let Some((_, back)) = target.query_pairs().find(|(name, _)| name == "redirect_uri")
        && let Ok(back) = Url::parse(&back)
        && back.origin() != url.origin()
    {
        return Finding::fail(format!(
            "a login leads back to {}, and the address is {}",
            base(&back),
            base(&url)
        ))
        .fix("restart the gateway with the current address, and register its callback anew");
    }
    if loopback::is_url(&target) && world.is_public() {
        let port = target.port_or_known_default().unwrap_or(3000);
        return Finding::fail(format!(
            "its login page is {}, which only this machine can open",
            base(&target)
        ))
        .fix(format!("mcpgw tunnel --frontend {port}"));
    }
    Finding::pass("a login leads where visitors can follow, and back here")
}

/// Callbacks that are written down somewhere and still name an earlier address.
fn drift(world: &World) -> Finding {
    let Some(url) = world.url() else { return Finding::skip("no session runs") };
    let lines = written_down(world);
    let mut here_only = None;
    for (place, line) in &lines {
        let Some((name, value)) = line.split_once('=') else { continue };
        let about = ["REDIRECT_URI", "REDIRECT_URL", "CALLBACK_URL", "CALLBACK_URI"]
            .iter()
            .any(|end| name.ends_with(end));
        let Some(named) = Url::parse(value.trim().trim_matches(['"', '\''])).ok().filter(|_| about) else {
            continue;
        };
        if !["http", "https"].contains(&named.scheme()) || named.origin() == url.origin() {
            continue;
        }
        let what = format!("{name} in {place} is {}, and the address is {}", base(&named), base(&url));
        let fix = format!("set it to {}{} there and where the app is registered", base(&url), named.path());
        // That of this machine was never another's, and leads whoever sits here back.
        if named.host_str().is_some_and(|host| host == "127.0.0.1" || loopback::is_name(host)) {
            let what = format!("{what}: a login from elsewhere does not come back");
            here_only.get_or_insert(Finding::warn(what).fix(fix));
            continue;
        }
        return Finding::fail(what).fix(fix);
    }
    if let Some(finding) = here_only {
        return finding;
    }
    let session = world.session.as_ref().filter(|session| session.provider != "local");
    if let Some(before) = session.and_then(|session| session.previous_url.as_deref())
        && let Some((name, place)) = lines.iter().find_map(|(place, line)| Some((oauth_app(line)?, place)))
    {
        let callback = session.and_then(|session| session.callback_url.clone()).unwrap_or_default();
        return Finding::warn(format!(
            "the address was {before} before, and {name} in {place} names an app that was registered somewhere: its \
             callback may still be the old one"
        ))
        .fix(format!("register {callback} there, and keep the name: --subdomain, or a provider whose address stays"));
    }
    Finding::pass("no callback that is known names an earlier address")
}

/// The variables of the gateway's process and of the project's env files, each with its place.
fn written_down(world: &World) -> Vec<(String, String)> {
    let variables = os::listener_on(world.port()).and_then(|holder| os::environment(holder.pid));
    let mut lines: Vec<(String, String)> =
        variables.into_iter().flatten().map(|line| ("the gateway's environment".to_string(), line)).collect();
    let project = world.settings.as_ref().map_or(world.here.clone(), |settings| settings.project.clone());
    for file in [world.here.join(".env"), project.join(".env")] {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        lines.extend(text.lines().map(|line| (file.display().to_string(), line.trim().to_string())));
    }
    lines
}

/// The variable of an OAuth app that somebody registered by hand: `GITHUB_CLIENT_ID=...`
fn oauth_app(line: &str) -> Option<&str> {
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    (name.ends_with("CLIENT_ID") && !value.trim_matches(['"', '\'', ' ']).is_empty()).then_some(name)
}

/// What to register, and where; nothing, where no login is to be seen.
async fn callback(world: Arc<World>) -> Finding {
    let Some(callback) = world.session.as_ref().and_then(|session| session.callback_url.as_ref()) else {
        return Finding::skip("no session runs");
    };
    let registered = written_down(&world).iter().any(|(_, line)| oauth_app(line).is_some());
    if !registered && !has_logins(&world).await {
        return Finding::skip(format!(
            "the gateway has no OAuth login that can be seen: nothing to register (its callback would be {callback})"
        ));
    }
    Finding::pass(format!(
        "register {callback} at GitHub (https://github.com/settings/developers), Google \
         (https://console.cloud.google.com/apis/credentials), or wherever else the app is"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_gateway_is_itself_must_be_the_current_address() {
        let current = Url::parse("https://now.example").unwrap();
        let of =
            |text: &str, field: &str| compare(text, &current, field, field).map(|finding| finding.evidence);
        assert_eq!(of("https://now.example", "issuer"), None);
        assert_eq!(of("https://now.example/api/mcp/x", "resource"), None);
        assert_eq!(of("https://idp.example/authorize", "authorization_endpoint"), None);
        assert!(of("https://old.example", "issuer").unwrap().contains("clients go astray"));
        assert!(of("http://now.example/token", "token_endpoint").unwrap().contains("X-Forwarded-Proto"));
        assert!(of("https://now.example//api/token", "token_endpoint").unwrap().contains("doubled slash"));
    }
}
