//! Which names and addresses mean this machine and no other. Pure; asks no DNS.

use std::net::IpAddr;

use url::Url;

/// `localhost` and every name under it (RFC 6761).
pub fn is_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// Such a name, or an address of loopback, IPv6 in brackets or not.
pub fn is_host(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    is_name(host) || address.is_ok_and(|address| address.is_loopback())
}

/// Does it lead to this machine?
pub fn is_url(url: &Url) -> bool {
    url.host_str().is_some_and(is_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_localhost_and_names_below_it_are_loopback() {
        for name in ["localhost", "x.localhost", "a.b.LOCALHOST", "x.localhost."] {
            assert!(is_name(name), "{name}");
        }
        for name in ["localhost.example", "xlocalhost", "example.com"] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn addresses_are_of_loopback_with_and_without_brackets() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "x.localhost"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["10.0.0.1", "[::2]", "0.0.0.0", "127.0.0.1.example.com"] {
            assert!(!is_host(host), "{host}");
        }
        assert!(is_url(&Url::parse("http://[::1]:3/x").unwrap()));
        assert!(!is_url(&Url::parse("data:x").unwrap()));
    }
}
