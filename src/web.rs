//! The HTTP questions mcpgw asks: of the gateway on loopback, and of itself through the public URL.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, redirect};
use url::Url;

use crate::error::{Error, Result};
use crate::loopback;

/// A client for services on this machine: no proxy, no redirects, no kept connections.
pub fn local() -> Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .tls_certs_only([])
        // Nobody can stand between two programs on loopback, and their certificates are often home-made.
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(|error| failed(&error))
}

/// A client that comes in from outside as visitors do: through the system's proxy, over a fresh
/// connection every time, trusting what the system trusts, or the local CA alone (`ca`, PEM).
pub fn public(ca: Option<&str>, names: Arc<Names>) -> Result<Client> {
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .connect_timeout(Duration::from_secs(10))
        .dns_resolver(names);
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

/// A client that keeps its connections, for one address: through the system's proxy and trusting what the system
/// trusts, unless the address is on this machine; trusting `ca` (PEM) alone where it is given.
pub fn lasting(url: &Url, ca: Option<&str>, names: Arc<Names>) -> Result<Client> {
    // Node and uvicorn close a connection that idles for 5 s: a request must not cross that on its way.
    const IDLE: Duration = Duration::from_secs(4);
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .pool_idle_timeout(IDLE)
        .connect_timeout(Duration::from_secs(10))
        .dns_resolver(names);
    let here = loopback::is_url(url);
    let builder = if here { builder.no_proxy() } else { builder };
    let builder = match ca {
        Some(pem) => {
            builder.tls_certs_only([Certificate::from_pem(pem.as_bytes()).map_err(|error| failed(&error))?])
        }
        // Reading the system's certificates takes longer than everything else here.
        None if url.scheme() == "http" && here => builder.tls_certs_only([]),
        None => builder,
    };
    builder.build().map_err(|error| failed(&error))
}

/// The same for an address on this machine whose certificate nobody here can judge.
pub fn unverified(names: Arc<Names>) -> Result<Client> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .connect_timeout(Duration::from_secs(10))
        .dns_resolver(names)
        .tls_certs_only([])
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .build()
        .map_err(|error| failed(&error))
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

/// MCP's first request as of 2025-11-25, which every server of that age looks at, from a client of this name.
pub fn initialize(client: &str) -> serde_json::Value {
    serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": client, "version": env!("CARGO_PKG_VERSION")}}})
}

/// Does anybody answer there, with whatever words? A certificate that is not believed is an answer, too.
pub async fn reaches(client: &Client, place: &Url) -> bool {
    const LIMIT: Duration = Duration::from_millis(2500);
    match client.get(place.clone()).timeout(LIMIT).send().await {
        Ok(_) => true,
        Err(error) => tls_trouble(&error).is_some(),
    }
}

/// How many seconds this machine's clock is ahead of the one there, by its Date header.
pub async fn ahead_of(client: &Client, place: &Url) -> Option<i64> {
    const LIMIT: Duration = Duration::from_millis(2500);
    let answer = client.get(place.clone()).timeout(LIMIT).send().await.ok()?;
    let date = answer.headers().get("date")?.to_str().ok()?;
    let there = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    Some(jiff::Timestamp::now().as_second() - there.as_second())
}

/// Why the other side's certificate was not believed, where that is why a request failed.
pub fn tls_trouble(error: &reqwest::Error) -> Option<String> {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        // An I/O error keeps what caused it in a place of its own.
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let found = inner.and_then(|it| it.downcast_ref::<rustls::Error>()).or(cause.downcast_ref());
        if let Some(trouble) = found {
            return Some(trouble.to_string());
        }
        cause = cause.source()?;
    }
}

/// DNS as the system does it, with two exceptions. Names under `.localhost` are loopback without asking
/// anybody (RFC 6761 section 6.3), which not every system's resolver knows. And names that were looked up
/// over HTTPS keep the address found there: the system's resolver, asked for a new tunnel's name a moment
/// too early, may answer for half an hour that there is no such name.
#[derive(Debug)]
pub struct Names {
    pinned: Mutex<HashMap<String, Vec<IpAddr>>>,
    first_asked: Mutex<HashMap<String, Instant>>,
    servers: Vec<Url>,
}

/// What is known of a new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It has an address, and will be found.
    Yes,
    /// The DNS does not know it yet.
    NotYet,
    /// No server could be asked.
    Unanswered,
}

/// Public DNS servers that speak HTTPS and JSON, with the addresses that need no DNS.
const SERVERS: [(&str, &str, [&str; 3]); 2] = [
    (
        "https://cloudflare-dns.com/dns-query",
        "cloudflare-dns.com",
        ["1.1.1.1", "1.0.0.1", "2606:4700:4700::1111"],
    ),
    ("https://dns.google/resolve", "dns.google", ["8.8.8.8", "8.8.4.4", "2001:4860:4860::8888"]),
];

impl Names {
    /// Asks `server` where names must be looked up over HTTPS, else the public ones.
    pub fn new(server: Option<Url>) -> Self {
        let pinned = SERVERS.iter().map(|(_, host, addresses)| {
            ((*host).to_string(), addresses.iter().filter_map(|address| address.parse().ok()).collect())
        });
        let public = || SERVERS.iter().filter_map(|(url, ..)| Url::parse(url).ok()).collect();
        Self {
            pinned: Mutex::new(pinned.collect()),
            first_asked: Mutex::default(),
            servers: server.map_or_else(public, |server| vec![server]),
        }
    }

    /// Looks `host` up over HTTPS and keeps what is found. Where no server can be reached for some seconds,
    /// the system is left to answer: by then a new name is in the DNS.
    pub async fn know(&self, client: &Client, host: &str) -> Known {
        const NEW: Duration = Duration::from_secs(10);
        if loopback::is_name(host) || self.pinned(host).is_some() {
            return Known::Yes;
        }
        let mut answered = false;
        for server in &self.servers {
            let (four, six) = tokio::join!(ask(client, server, host, "A"), ask(client, server, host, "AAAA"));
            answered |= four.is_some() || six.is_some();
            let found: Vec<IpAddr> = four.into_iter().chain(six).flatten().collect();
            if !found.is_empty() {
                if let Ok(mut pinned) = self.pinned.lock() {
                    pinned.insert(host.to_string(), found);
                }
                return Known::Yes;
            }
            if answered {
                return Known::NotYet;
            }
        }
        let first =
            self.first_asked.lock().map(|mut asked| *asked.entry(host.into()).or_insert_with(Instant::now));
        match first {
            Ok(first) if first.elapsed() < NEW => Known::Unanswered,
            _ => Known::Yes,
        }
    }

    /// What DNS over HTTPS says of `host`, without keeping it. `None`: nobody answers; nothing: no such name.
    pub async fn look_up(&self, client: &Client, host: &str) -> Option<Vec<IpAddr>> {
        for server in &self.servers {
            let (four, six) = tokio::join!(ask(client, server, host, "A"), ask(client, server, host, "AAAA"));
            if four.is_some() || six.is_some() {
                return Some(four.into_iter().chain(six).flatten().collect());
            }
        }
        None
    }

    /// The DNS servers that are asked.
    pub fn servers(&self) -> Vec<Url> {
        self.servers.clone()
    }

    fn pinned(&self, host: &str) -> Option<Vec<IpAddr>> {
        self.pinned.lock().ok()?.get(host).cloned()
    }
}

/// One question in the JSON form that both public servers speak. `None`: no answer; empty: no such name.
async fn ask(client: &Client, server: &Url, host: &str, kind: &str) -> Option<Vec<IpAddr>> {
    const LIMIT: Duration = Duration::from_secs(3);
    let mut url = server.clone();
    url.query_pairs_mut().append_pair("name", host).append_pair("type", kind);
    let request = client.get(url).timeout(LIMIT).header("accept", "application/dns-json");
    let answer: serde_json::Value = request.send().await.ok()?.json().await.ok()?;
    // 0: no error, 3: no such name (RFC 1035 section 4.1.1).
    matches!(answer["Status"].as_u64()?, 0 | 3).then(|| {
        let records = answer["Answer"].as_array().into_iter().flatten();
        records.filter_map(|record| record["data"].as_str()?.parse().ok()).collect()
    })
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_string();
        let known: Option<Vec<IpAddr>> = match loopback::is_name(&host) {
            true => Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]),
            false => self.pinned(&host),
        };
        Box::pin(async move {
            let found: Vec<SocketAddr> = match known {
                Some(addresses) => addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect(),
                None => tokio::net::lookup_host((host, 0)).await?.collect(),
            };
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers every request with the next of these bodies, and tells what it was asked.
    fn server(bodies: &[&'static str]) -> (u16, std::sync::mpsc::Receiver<String>) {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, asked) = std::sync::mpsc::channel();
        let bodies = bodies.to_vec();
        std::thread::spawn(move || {
            for body in bodies {
                let (mut visitor, _) = listener.accept().unwrap();
                let mut request = [0; 2048];
                let read = visitor.read(&mut request).unwrap();
                let _ = sender.send(String::from_utf8_lossy(&request[..read]).into_owned());
                let length = body.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                let _ = visitor.write_all(format!("{head}{body}").as_bytes());
            }
        });
        (port, asked)
    }

    fn known(names: &Arc<Names>, host: &str, then: Option<&str>) -> (Known, Option<String>) {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client =
                Client::builder().no_proxy().dns_resolver(names.clone()).tls_certs_only([]).build().unwrap();
            let known = names.know(&client, host).await;
            let answer = match then {
                Some(url) => Some(client.get(url).send().await.unwrap().text().await.unwrap()),
                None => None,
            };
            (known, answer)
        })
    }

    #[test]
    fn a_name_found_over_https_keeps_its_address_and_the_systems_dns_is_not_asked() {
        let found = r#"{"Status":0,"Answer":[{"name":"x","type":5,"data":"alias.example."},{"type":1,"data":"127.0.0.1"}]}"#;
        let (dns, asked) = server(&[found, r#"{"Status":0}"#]);
        let (web, visited) = server(&["hello"]);
        let names = Arc::new(Names::new(Url::parse(&format!("http://127.0.0.1:{dns}/dns-query")).ok()));
        // No DNS in the world knows a name under `.invalid` (RFC 6761 section 6.4).
        let url = format!("http://new.invalid:{web}/");
        let (known, answer) = known(&names, "new.invalid", Some(&url));
        assert_eq!((known, answer.as_deref()), (Known::Yes, Some("hello")));
        let questions: Vec<String> = asked.iter().collect();
        // Both kinds of address are asked for at once.
        let four = |question: &String| question.starts_with("GET /dns-query?name=new.invalid&type=A ");
        assert!(questions.iter().any(four), "{questions:?}");
        assert!(questions.iter().all(|question| question.contains("application/dns-json")), "{questions:?}");
        assert!(visited.recv().unwrap().to_lowercase().contains("host: new.invalid"));
    }

    #[test]
    fn a_name_that_is_not_there_yet_is_no_address_and_a_silent_server_no_answer() {
        let (dns, _asked) = server(&[r#"{"Status":3}"#, r#"{"Status":3}"#]);
        let names = Arc::new(Names::new(Url::parse(&format!("http://127.0.0.1:{dns}/")).ok()));
        assert_eq!(known(&names, "new.invalid", None).0, Known::NotYet);
        let (port, _) = server(&[]);
        let silent = Arc::new(Names::new(Url::parse(&format!("http://127.0.0.1:{port}/")).ok()));
        assert_eq!(known(&silent, "new.invalid", None).0, Known::Unanswered);
    }
}
