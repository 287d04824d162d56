//! Whether a `Host` is one. Pure.

/// Is this a host and perhaps a port, and nothing else? Gateways build URLs from it, so that a `Host` of
/// `x/api/auth/sign-up/email?` would choose another path than the one that was judged.
pub(super) fn names_a_host(authority: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(authority) else { return false };
    let (host, port) = match text.rsplit_once(':').filter(|_| !text.ends_with(']')) {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let known = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && name(host),
    };
    // What a URL parser refuses (`xn--`, `1.2.3.4.5`) makes a gateway throw, and some end by that.
    known
        && (is_plain(host) || url::Host::parse(host).is_ok())
        && port
            .is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// Is it a name or an address that every parser takes as it is written? Most are, and it is quickly seen.
fn is_plain(host: &str) -> bool {
    let label = |label: &str| {
        let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty() && !label.starts_with("xn--") && label.bytes().all(letters)
    };
    let named = |last: &str| last.starts_with(|first: char| first.is_ascii_lowercase());
    host.rsplit('.').next().is_some_and(named) && host.split('.').all(label)
        || host.parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_looks_plain_is_a_host_to_url_parsers_too(host in "[a-z0-9-.x]{1,20}") {
            prop_assert!(!is_plain(&host) || url::Host::parse(&host).is_ok(), "{}", host);
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in ["x.loca.lt", "x_y.localhost:4000", "127.0.0.1:80", "[::1]:3001", "[::1]", "A-1.example."]
        {
            assert!(names_a_host(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            ":80",
            "x/api/auth/sign-up/email?",
            "x?y",
            "x#y",
            "x\\y",
            "user@x",
            "x y",
            "x,y",
            "x%2fy",
            "x;y",
            "x:",
            "x:80/",
            "x:99999",
            "x:+80",
            "a:b:80",
            "[::1",
            "[x]",
            "[::1]x",
            "\u{e9}.example",
            "xn--",
            "xn--a.example",
            "1.2.3.4.5",
            "999.1.1.1",
        ] {
            assert!(!names_a_host(host.as_bytes()), "{host}");
        }
    }
}
