//! Asking ourselves through the public URL, and what the answer means.

use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::header::HeaderMap;
use url::Url;

use crate::edge::Probe;
use crate::loopback;
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
pub enum Blame {
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

/// Why a probe failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In words.
    pub reason: String,
    /// What the failure itself tells of whose fault it is.
    pub blame: Option<Blame>,
    /// Did nothing answer at all: no name, no connection?
    pub unreachable: bool,
}

/// Asks once.
pub(super) async fn probe(
    client: &Client,
    url: &Url,
    probe: &Probe,
    limit: Duration,
) -> Result<Duration, Failure> {
    let began = Instant::now();
    let request = get(client, url, &probe.path)?.timeout(limit);
    let response = request.send().await.map_err(|error| Failure {
        reason: match error.is_timeout() {
            true => format!("no answer within {limit:?}"),
            false => web::reason(&error),
        },
        blame: None,
        unreachable: error.is_connect() && !error.is_timeout(),
    })?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = beginning(response).await;
    match body == probe.answer {
        true => Ok(began.elapsed()),
        false => Err(explain(url, status, &headers, &body)),
    }
}

/// Does the first event of a stream arrive while the stream is open?
pub(super) async fn streams(client: &Client, url: &Url, probe: &Probe, limit: Duration) -> Option<bool> {
    let request = get(client, url, &probe.stream).ok()?.header("accept", "text/event-stream");
    let first = async {
        let mut response = request.send().await.ok()?;
        let whole = |chunk: &[u8]| chunk.starts_with(format!("data: {}", probe.answer).as_bytes());
        response.chunk().await.ok()?.map(|chunk| whole(&chunk))
    };
    tokio::time::timeout(limit, first).await.unwrap_or(Some(false))
}

fn get(client: &Client, url: &Url, path: &str) -> Result<reqwest::RequestBuilder, Failure> {
    let asked = url.join(path).map_err(|error| Failure {
        reason: error.to_string(),
        blame: None,
        unreachable: false,
    })?;
    // Interstitial pages are for browsers; these headers skip them even so.
    let request =
        client.get(asked).header("bypass-tunnel-reminder", "1").header("ngrok-skip-browser-warning", "1");
    Ok(request.header("user-agent", concat!("mcpgw/", env!("CARGO_PKG_VERSION"))))
}

/// How a body begins. Ours is short; somebody else's may be a film.
pub async fn beginning(mut response: reqwest::Response) -> String {
    const ENOUGH: usize = 16 << 10;
    let mut body = vec![];
    while body.len() < ENOUGH
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk[..chunk.len().min(ENOUGH - body.len())]);
    }
    String::from_utf8_lossy(&body).into_owned()
}

/// Who answered in our place. Pages that are known are called by their name.
pub fn explain(url: &Url, status: u16, headers: &HeaderMap, body: &str) -> Failure {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (code, server) = (header("ngrok-error-code"), header("server").to_ascii_lowercase());
    let said = |code_or_text: &str| code == code_or_text || body.contains(code_or_text);
    let elsewhere = Url::parse(header("location"))
        .ok()
        .filter(|_| (300..400).contains(&status))
        .and_then(|to| to.host_str().map(str::to_string))
        .filter(|host| Some(host.as_str()) != url.host_str());
    let (reason, blame) = if said("ERR_NGROK_6024") {
        ("ngrok's browser warning page is in the way (ERR_NGROK_6024)".into(), Blame::Tunnel)
    } else if said("ERR_NGROK_3200") {
        ("ngrok's cloud takes the tunnel for offline (ERR_NGROK_3200)".into(), Blame::Tunnel)
    } else if said("ERR_NGROK_8012") || said("ERR_NGROK_3004") {
        ("ngrok could not reach mcpgw's edge on this machine (ERR_NGROK_8012)".into(), Blame::Here)
    } else if body.contains("loca.lt/mytunnelpassword") || (status == 401 && body.contains("unnel Password"))
    {
        ("localtunnel's password page is in the way".into(), Blame::Tunnel)
    } else if body.contains("error code: 1033") || status == 530 {
        ("Cloudflare says that this tunnel has no connection (error 1033)".into(), Blame::Tunnel)
    } else if status == 511 {
        ("a captive portal wants a login on this network".into(), Blame::Here)
    } else if let Some(host) = elsewhere {
        match url.scheme() {
            // Nobody on the way can forge an answer over TLS.
            "https" => (format!("a login page stands before it: it redirects to {host}"), Blame::Tunnel),
            _ => (format!("a captive portal or a proxy redirects to {host}"), Blame::Here),
        }
    } else if matches!(status, 502..=504) {
        (format!("the tunnel's server cannot reach this machine (status {status})"), Blame::Tunnel)
    } else {
        let whose = if server.is_empty() { String::new() } else { format!(", server: {server}") };
        (format!("something else answered there (status {status}{whose})"), Blame::Tunnel)
    };
    Failure { reason, blame: Some(blame), unreachable: false }
}

/// Has this machine a way out to where `url` lives? Asks the routing table, sends nothing.
pub(super) fn has_route(url: &Url) -> bool {
    if url.host_str().is_none_or(loopback::is_name) {
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

    fn explained(url: &str, status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Failure {
        let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()));
        explain(&Url::parse(url).unwrap(), status, &headers.collect(), body)
    }

    #[test]
    fn who_answers_in_our_place_is_called_by_its_name() {
        let https = "https://x.example";
        let password = "Tunnel Password: see https://loca.lt/mytunnelpassword";
        type Header = (&'static str, &'static str);
        type Case = (&'static str, u16, &'static [Header], &'static str, &'static str, Blame);
        let cases: [Case; 12] = [
            (https, 401, &[], password, "localtunnel's password page", Blame::Tunnel),
            (
                https,
                200,
                &[("ngrok-error-code", "ERR_NGROK_6024")],
                "<html>",
                "ERR_NGROK_6024",
                Blame::Tunnel,
            ),
            (https, 404, &[], "... ERR_NGROK_3200 ...", "ERR_NGROK_3200", Blame::Tunnel),
            (https, 502, &[("ngrok-error-code", "ERR_NGROK_8012")], "", "mcpgw's edge", Blame::Here),
            (https, 530, &[], "error code: 1033", "Cloudflare", Blame::Tunnel),
            (
                https,
                302,
                &[("location", "https://team.cloudflareaccess.com/x")],
                "",
                "login page",
                Blame::Tunnel,
            ),
            (
                "http://x.example",
                302,
                &[("location", "http://login.hotel/")],
                "",
                "captive portal",
                Blame::Here,
            ),
            ("http://x.example", 511, &[], "", "captive portal", Blame::Here),
            (https, 302, &[("location", "https://x.example/other")], "", "something else", Blame::Tunnel),
            (https, 502, &[], "", "cannot reach this machine (status 502)", Blame::Tunnel),
            (https, 200, &[("server", "nginx")], "<html>", "(status 200, server: nginx)", Blame::Tunnel),
            (https, 404, &[], "", "something else answered there (status 404)", Blame::Tunnel),
        ];
        for (url, status, headers, body, words, blame) in cases {
            let failure = explained(url, status, headers, body);
            assert!(failure.reason.contains(words), "{words}: {}", failure.reason);
            assert_eq!(failure.blame, Some(blame), "{words}");
        }
    }

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
