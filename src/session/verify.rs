//! Asking ourselves through the public URL, and what the answer means.

use std::time::{Duration, Instant};

use reqwest::Client;
use url::Url;

use crate::edge::Probe;
use crate::web;

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Probed {
    /// This very process answered.
    Ours { took: Duration },
    /// It did not.
    Failed { reason: String, blame: Blame },
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// The tunnel's, or whoever's the URL is.
    Tunnel,
    /// This machine's: it has no way out, or the edge itself is stuck.
    Here,
}

/// Learns how long an answer takes here, and from that how long to wait for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rtt {
    usual: Option<Duration>,
}

impl Rtt {
    /// Follows the measured times slowly up and at once halfway down.
    pub(super) fn measured(&mut self, took: Duration) {
        self.usual = Some(match self.usual {
            None => took,
            Some(usual) if took > usual => (usual * 7 + took) / 8,
            Some(usual) => (usual + took) / 2,
        });
    }

    /// How long to wait for an answer: eight usual ones, within bounds. Someone who probes more often
    /// than every five seconds wants to know sooner; a second try after a failure waits half as long.
    pub(super) fn limit(self, interval: Duration, again: bool) -> Duration {
        const MOST: Duration = Duration::from_secs(10);
        let Some(usual) = self.usual else { return Duration::from_secs(5) };
        let least = Duration::from_millis(800).min(interval.mul_f64(0.4)).max(Duration::from_millis(100));
        let limit = (usual * 8).clamp(least, MOST);
        if again { (limit / 2).max(usual * 3) } else { limit }
    }
}

/// Asks once.
pub(super) async fn probe(
    client: &Client,
    url: &Url,
    probe: &Probe,
    limit: Duration,
) -> Result<Duration, String> {
    let began = Instant::now();
    let asked = url.join(&probe.path).map_err(|error| error.to_string())?;
    let request = client
        .get(asked)
        .timeout(limit)
        // Interstitial pages are for browsers; this header skips localtunnel's even so.
        .header("bypass-tunnel-reminder", "1")
        .header("user-agent", concat!("mcpgw/", env!("CARGO_PKG_VERSION")));
    let response = request.send().await.map_err(|error| match error.is_timeout() {
        true => format!("no answer within {limit:?}"),
        false => web::reason(&error),
    })?;
    let status = response.status();
    let length = response.content_length().unwrap_or(0);
    // Ours is short. Somebody else's may be a film.
    let body = if length > 1024 { String::new() } else { response.text().await.unwrap_or_default() };
    match body == probe.answer {
        true => Ok(began.elapsed()),
        false => Err(format!("something else answered there, with status {}", status.as_u16())),
    }
}

/// Has this machine a way out to where `url` lives? Asks the routing table, sends nothing.
pub(super) fn has_route(url: &Url) -> bool {
    if url.host_str().is_none_or(web::is_loopback_name) {
        return true;
    }
    // Any public address will do: connecting a UDP socket only looks up the route.
    let targets = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    targets
        .iter()
        .any(|(from, to)| std::net::UdpSocket::bind(from).and_then(|socket| socket.connect(to)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: Duration = Duration::from_secs(5);

    #[test]
    fn a_near_server_is_given_up_sooner_than_a_far_one() {
        let mut near = Rtt::default();
        let mut far = Rtt::default();
        near.measured(Duration::from_millis(5));
        far.measured(Duration::from_millis(400));
        assert_eq!(near.limit(FIVE, false), Duration::from_millis(800));
        assert_eq!(far.limit(FIVE, false), Duration::from_millis(3200));
        assert!(far.limit(FIVE, true) >= Duration::from_millis(1200));
    }

    #[test]
    fn before_the_first_answer_there_is_patience() {
        assert_eq!(Rtt::default().limit(FIVE, false), FIVE);
    }

    #[test]
    fn a_short_interval_asks_for_a_quick_verdict() {
        let mut near = Rtt::default();
        near.measured(Duration::from_millis(5));
        let (first, second) =
            (near.limit(Duration::from_secs(1), false), near.limit(Duration::from_secs(1), true));
        assert!(first + second <= Duration::from_millis(600), "{first:?} {second:?}");
    }
}
