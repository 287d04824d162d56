//! Asking ourselves through the public address: does this very process answer?

use std::time::{Duration, Instant};

use reqwest::Client;
use url::Url;

use super::World;
use crate::session::{base, beginning, explain};
use crate::web;

/// How long anybody on the way may take.
pub(super) const LIMIT: Duration = Duration::from_secs(4);

/// What came of asking ourselves through the public address.
#[derive(Debug, Clone)]
pub(super) enum Reached {
    /// This very process answered.
    Ours(Duration),
    /// Somebody else did; who, as far as can be told.
    Other(String),
    /// The certificate is not to be believed.
    Untrusted(String),
    /// Nobody is there.
    Unreachable(String),
    /// Somebody is there and says nothing.
    Silent,
    /// There was nothing to ask.
    Unasked,
}

pub(super) async fn reach(world: &World) -> Reached {
    let (Some(url), Some(probe), Ok(client)) = (world.url(), &world.probe, world.public().await) else {
        return Reached::Unasked;
    };
    // The system's own resolver is the business of `tunnel.dns`: one question too early would spoil its answer.
    let host = url.host_str().unwrap_or_default();
    if world.is_public() {
        let _ = tokio::time::timeout(Duration::from_millis(1500), world.names.know(&client, host)).await;
    }
    let began = Instant::now();
    let answer = match visit(&client, &url, &probe.path).send().await {
        Ok(answer) => answer,
        Err(error) => {
            return match web::tls_trouble(&error) {
                Some(why) => Reached::Untrusted(why),
                None if error.is_timeout() => Reached::Silent,
                None => Reached::Unreachable(web::reason(&error)),
            };
        }
    };
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = beginning(answer).await;
    match body == probe.answer {
        true => Reached::Ours(began.elapsed()),
        false => Reached::Other(explain(&url, status, &headers, &body).reason),
    }
}

/// A request as a program makes it: interstitial pages let it pass.
pub(super) fn visit(client: &Client, url: &Url, path: &str) -> reqwest::RequestBuilder {
    let place = format!("{}{path}", base(url));
    let request = client.get(place).timeout(LIMIT);
    let request = request.header("bypass-tunnel-reminder", "1").header("ngrok-skip-browser-warning", "1");
    request.header("user-agent", concat!("mcpgw/", env!("CARGO_PKG_VERSION")))
}
