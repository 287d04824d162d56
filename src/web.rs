//! The HTTP questions mcpgw asks: of the gateway on loopback, and of itself through the public URL.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, redirect};

use crate::error::{Error, Result};

/// A client for services on this machine: no proxy, no redirects, no kept connections.
pub fn local() -> Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .tls_certs_only([])
        .build()
        .map_err(|error| failed(&error))
}

/// A client that comes in from outside as visitors do: through the system's proxy, over a fresh
/// connection every time, trusting what the system trusts, or the local CA alone (`ca`, PEM).
pub fn public(ca: Option<&str>) -> Result<Client> {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .connect_timeout(Duration::from_secs(10))
        .dns_resolver(Loopback);
    let builder = match ca {
        None => builder,
        // Our own certificate is for loopback names only, and those need no proxy.
        Some(pem) => {
            let ca = Certificate::from_pem(pem.as_bytes()).map_err(|error| failed(&error))?;
            builder.tls_certs_only([ca]).no_proxy()
        }
    };
    builder.build().map_err(|error| failed(&error))
}

fn failed(error: &reqwest::Error) -> Error {
    Error::failed("web.client", format!("set up an HTTP client: {}", reason(error)))
}

/// The innermost cause of a failed request, without the URL around it.
pub fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match cause.downcast_ref::<std::io::Error>() {
        Some(io) => crate::error::io_reason(io),
        None => cause.to_string(),
    }
}

/// DNS as the system does it, but for names under `.localhost`: those are loopback without asking
/// anybody (RFC 6761 section 6.3), which not every system's resolver knows.
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str();
            if is_loopback_name(host) {
                let both =
                    [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
                return Ok(Box::new(both.into_iter()) as Addrs);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// `localhost` and every name under it.
pub fn is_loopback_name(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_localhost_and_names_below_it_are_loopback() {
        for name in ["localhost", "x.localhost", "a.b.LOCALHOST", "x.localhost."] {
            assert!(is_loopback_name(name), "{name}");
        }
        for name in ["localhost.example", "xlocalhost", "example.com"] {
            assert!(!is_loopback_name(name), "{name}");
        }
    }
}
