//! What happens to a message's headers on the way through. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Which `Host` the gateway sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostRule {
    /// The visitor's.
    Preserve,
    /// This one.
    Replace(HeaderValue),
}

/// What the edge knows of a visit beyond its headers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit<'a> {
    /// The `Host` the visitor used.
    pub host: &'a HeaderValue,
    /// `http` or `https`, as the visitor saw it.
    pub scheme: &'static str,
    /// The visitor's address, as far as it can be believed.
    pub address: IpAddr,
}

/// Headers that end at this hop (RFC 9110 section 7.6.1), beside those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// By these a visitor could lie about itself, or about the path that was judged; beside them, all that
/// begin with one of [`SPOOFABLE_PREFIXES`].
const SPOOFABLE: [&str; 14] = [
    "forwarded",
    "x-forwarded",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "fastly-client-ip",
    "x-cluster-client-ip",
    "x-url-scheme",
    "front-end-https",
    "x-host",
    // To programs that speak CGI it is `HTTP_PROXY`, through which they would then speak to the world.
    "proxy",
];
/// What nobody may write with underscores.
const OURS: [&str; 5] = ["authorization", "content-length", "cookie", "host", "transfer-encoding"];
/// By the last, Next.js tells itself which guards of its own to pass over.
const SPOOFABLE_PREFIXES: [&str; 5] =
    ["x-forwarded-", "x-original-", "x-rewrite-", "x-envoy-", "x-middleware-"];

/// Removes what ends at this hop. Answers `websocket` when the message asks to switch to that. Other
/// protocols are not let through: over h2c a visitor could ask the gateway for any path behind our back.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) -> Option<HeaderValue> {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let upgrade = named.contains(&header::UPGRADE).then(|| headers.get(header::UPGRADE).cloned()).flatten();
    let upgrade = upgrade.filter(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    // `Host` cannot be listed away: the gateway would see a request for nobody.
    for name in named.iter().chain(&HOP_BY_HOP).filter(|name| **name != header::HOST) {
        headers.remove(name);
    }
    upgrade
}

/// Takes our key out where it may stand: in `Authorization` when that was it, among several of those (nobody
/// can say which one counts), and in the address of the page that a browser came from.
pub(super) fn strip_key(headers: &mut HeaderMap, ours: bool) {
    if ours || headers.get_all(header::AUTHORIZATION).iter().nth(1).is_some() {
        headers.remove(header::AUTHORIZATION);
    }
    let holds_a_key = |value: &HeaderValue| value.as_bytes().windows(3).any(|part| part == b"/k/");
    if headers.get_all(header::REFERER).iter().any(holds_a_key) {
        headers.remove(header::REFERER);
    }
}

/// Puts `Connection: upgrade` back on a message that switches protocols.
pub(super) fn restore_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocol);
}

/// Tells the gateway who asked for what; whatever the visitor said about that is replaced.
pub(super) fn forwarded(headers: &mut HeaderMap, visit: Visit<'_>, rule: &HostRule) {
    let spoofable = |name: &&HeaderName| {
        let name = name.as_str();
        // To gateways that speak CGI or WSGI behind, `X_Forwarded_For` is the same name; RFC 3875 section 4.1.18.
        let disguised = name.contains('_').then(|| name.replace('_', "-"));
        let real = disguised.as_deref().unwrap_or(name);
        SPOOFABLE.contains(&real)
            || SPOOFABLE_PREFIXES.iter().any(|prefix| real.starts_with(prefix))
            || (disguised.is_some() && OURS.contains(&real))
    };
    let said: Vec<HeaderName> = headers.keys().filter(spoofable).cloned().collect();
    for name in said {
        headers.remove(name);
    }
    join_cookies(headers);
    headers.insert(FORWARDED_HOST, visit.host.clone());
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(visit.scheme));
    if let Some(address) = written(visit.address) {
        headers.insert(FORWARDED_FOR, address);
    }
    headers.insert(
        header::HOST,
        match rule {
            HostRule::Preserve => visit.host.clone(),
            HostRule::Replace(host) => host.clone(),
        },
    );
}

/// Nearly always the tunnel's program, on this machine.
fn written(address: IpAddr) -> Option<HeaderValue> {
    match address {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => Some(HeaderValue::from_static("127.0.0.1")),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => Some(HeaderValue::from_static("::1")),
        other => HeaderValue::from_str(&other.to_string()).ok(),
    }
}

/// HTTP/2 may send a cookie in crumbs; HTTP/1 knows one header (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1
        && let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(header::COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    fn visit(host: &HeaderValue) -> Visit<'_> {
        Visit { host, scheme: "https", address: [127, 0, 0, 1].into() }
    }

    #[test]
    fn what_connection_names_ends_here_and_the_rest_goes_on() {
        let mut map = headers(&[
            ("connection", "keep-alive, X-Secret"),
            ("connection", "host, x-other"),
            ("x-secret", "1"),
            ("x-other", "1"),
            ("host", "x.example"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("x-mine", "stays"),
        ]);
        assert_eq!(strip_hop_by_hop(&mut map), None);
        let mut left: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["host", "x-mine"]);
    }

    #[test]
    fn the_key_goes_by_no_side_door() {
        let mut several = headers(&[("authorization", "Bearer key"), ("authorization", "x")]);
        strip_key(&mut several, false);
        let mut came_from =
            headers(&[("referer", "https://x.example/k/key/mcp"), ("authorization", "Bearer y")]);
        strip_key(&mut came_from, false);
        assert_eq!((several.len(), came_from.len()), (0, 1));
        let mut twice =
            headers(&[("referer", "https://x.example"), ("referer", "https://x.example/k/key/mcp")]);
        strip_key(&mut twice, false);
        assert!(twice.is_empty());
        let mut other = headers(&[("referer", "https://x.example/knock")]);
        strip_key(&mut other, true);
        assert_eq!(other.len(), 1);
    }

    #[test]
    fn an_upgrade_is_recognised_only_when_connection_says_so() {
        let mut asked = headers(&[("connection", "Upgrade"), ("upgrade", "websocket")]);
        assert_eq!(strip_hop_by_hop(&mut asked).unwrap(), "websocket");
        assert_eq!(strip_hop_by_hop(&mut headers(&[("upgrade", "websocket")])), None);
        for other in ["h2c", "HTTP/2.0", "websocket, h2c"] {
            let mut asked = headers(&[("connection", "upgrade")]);
            asked.insert("upgrade", HeaderValue::from_static(other));
            assert_eq!(strip_hop_by_hop(&mut asked), None, "{other}");
            assert!(asked.is_empty());
        }
    }

    #[test]
    fn spoofed_forwarding_headers_are_replaced_and_the_host_is_kept() {
        let host = HeaderValue::from_static("x.loca.lt");
        let mut map = headers(&[
            ("host", "x.loca.lt"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "evil"),
            ("forwarded", "for=evil"),
            ("x-original-url", "/admin"),
            ("x-forwarded-user", "root"),
            ("x-envoy-original-path", "/admin"),
            ("x-middleware-subrequest", "middleware"),
            ("proxy", "http://evil"),
            ("x-host", "evil"),
            ("cf-connecting-ip", "10.0.0.1"),
            ("x_forwarded_for", "10.0.0.1"),
            ("x_original_url", "/admin"),
            ("transfer_encoding", "chunked"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ]);
        forwarded(&mut map, visit(&host), &HostRule::Preserve);
        assert_eq!(map["host"], "x.loca.lt");
        assert_eq!(map["x-forwarded-for"], "127.0.0.1");
        assert_eq!(map["x-forwarded-proto"], "https");
        assert_eq!(map["x-forwarded-host"], "x.loca.lt");
        assert_eq!(map["cookie"], "a=1; b=2");
        assert_eq!(map.len(), 5, "{map:?}");
    }

    #[test]
    fn a_gateway_that_wants_its_own_host_gets_it_and_learns_the_visitors() {
        let host = HeaderValue::from_static("x.loca.lt");
        let mut map = HeaderMap::new();
        forwarded(&mut map, visit(&host), &HostRule::Replace(HeaderValue::from_static("localhost:3001")));
        assert_eq!(
            (&map["host"], &map["x-forwarded-host"]),
            (&HeaderValue::from_static("localhost:3001"), &host)
        );
    }
}
