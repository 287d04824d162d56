//! The edge and the gateway as this machine reaches them: a client, what a visitor would show, whether there are logins.

use std::time::Duration;

use reqwest::Client;
use reqwest::header::{HeaderMap, HeaderValue};
use url::Url;

use super::World;
use crate::error::Result;
use crate::state::{SessionRecord, read_key};
use crate::web;

/// A client for the edge's own address on this machine.
pub(super) fn near(world: &World) -> Result<Client> {
    let ca = world.session.as_ref().and_then(|session| session.ca_file.as_ref());
    match ca.and_then(|file| std::fs::read_to_string(file).ok()) {
        Some(pem) => web::public(Some(&pem), world.names.clone()),
        None => world.local.clone(),
    }
}

/// Host, and port where it is not the scheme's own.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
}

/// The header that lets a visitor in; none where none is needed. `None`: its file cannot be read.
pub(super) fn key_of(world: &World, session: &SessionRecord) -> Option<HeaderMap> {
    let mut headers = world.own();
    if let Some(file) = &session.key_file {
        let key = read_key(file).ok()??;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal())).ok()?;
        value.set_sensitive(true);
        headers.insert("authorization", value);
    }
    Some(headers)
}

/// Does the gateway have logins that lead back to it? Without one it can do without its address.
pub(super) async fn has_logins(world: &World) -> bool {
    const PATHS: [&str; 2] = ["/api/oauth/callback", "/.well-known/oauth-authorization-server"];
    const LIMIT: Duration = Duration::from_secs(2);
    let (Ok(address), Ok(client)) = (world.gateway().await, &world.local) else { return false };
    for path in PATHS {
        let request = client.get(format!("http://{address}{path}")).timeout(LIMIT);
        let answer = request.header("host", format!("localhost:{}", address.port())).send().await;
        if answer.is_ok_and(|answer| ![404, 405].contains(&answer.status().as_u16())) {
            return true;
        }
    }
    false
}
