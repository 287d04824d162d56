//! Is the gateway alive? Any HTTP answer means so, unless `--health PATH` asks for a 200.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Client;
use tokio::net::TcpStream;

/// How to ask.
#[derive(Debug, Clone)]
pub struct Health {
    /// For services on this machine.
    pub client: Client,
    /// The gateway's port.
    pub port: u16,
    /// A path that must answer 200.
    pub path: Option<String>,
}

/// Where a gateway answers, and how it is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Where.
    pub address: SocketAddr,
    /// Over TLS?
    pub tls: bool,
}

impl Origin {
    /// The URL of a path there.
    pub fn url(self, path: &str) -> String {
        format!("{}://{}{path}", if self.tls { "https" } else { "http" }, self.address)
    }
}

impl Health {
    /// Asks once; the address that answered, IPv4 before IPv6, HTTP before HTTPS.
    pub async fn ask(&self, limit: Duration) -> Result<Origin, String> {
        let mut why = String::new();
        for address in
            [SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), (Ipv6Addr::LOCALHOST, self.port).into()]
        {
            match self.ask_at(address, limit).await {
                Ok(origin) => return Ok(origin),
                Err(reason) if why.is_empty() => why = reason,
                Err(_) => {}
            }
        }
        Err(why)
    }

    async fn ask_at(&self, address: SocketAddr, limit: Duration) -> Result<Origin, String> {
        // Cheaper than an HTTP client's refusal, and by far the most frequent answer during a start.
        TcpStream::connect(address).await.map_err(|error| crate::error::io_reason(&error))?;
        let [plain, secure] = [false, true].map(|tls| Origin { address, tls });
        match self.try_once(plain, limit).await {
            // A server that speaks TLS breaks off, or says so with a 400 (Go, nginx).
            Err(NoAnswer::Broken(why)) => match self.try_once(secure, limit).await {
                Ok(_) => Ok(secure),
                Err(NoAnswer::Status(why)) => Err(why),
                Err(_) => Err(why),
            },
            Ok(400) if self.try_once(secure, limit).await.is_ok() => Ok(secure),
            Ok(_) => Ok(plain),
            Err(NoAnswer::Status(why) | NoAnswer::Late(why)) => Err(why),
        }
    }

    /// The status it answered with.
    async fn try_once(&self, origin: Origin, limit: Duration) -> Result<u16, NoAnswer> {
        let path = self.path.as_deref().unwrap_or("/");
        let request = self
            .client
            .get(origin.url(path))
            .header("host", format!("localhost:{}", self.port))
            .timeout(limit);
        match request.send().await {
            Ok(response) if self.path.is_none() || response.status() == 200 => Ok(response.status().as_u16()),
            Ok(response) if response.status() == 400 && !origin.tls => {
                Err(NoAnswer::Broken(format!("{path} answered 400")))
            }
            Ok(response) => Err(NoAnswer::Status(format!("{path} answered {}", response.status().as_u16()))),
            Err(error) if error.is_timeout() => {
                Err(NoAnswer::Late(format!("no answer on port {} in {limit:?}", self.port)))
            }
            Err(error) => Err(NoAnswer::Broken(crate::web::reason(&error))),
        }
    }
}

/// Why a question got none, and the words for it.
enum NoAnswer {
    Status(String),
    Late(String),
    Broken(String),
}

/// Asks until it lives. Nothing tells us when a stranger's process starts to listen, so this looks: at
/// first often, for a fast gateway, then ten times a second.
pub async fn wait_until_alive(health: &Health) -> Origin {
    const LIMIT: Duration = Duration::from_secs(5);
    let mut pause = Duration::from_millis(10);
    loop {
        if let Ok(origin) = health.ask(LIMIT).await {
            return origin;
        }
        tokio::time::sleep(pause).await;
        pause = (pause + Duration::from_millis(2)).min(Duration::from_millis(100));
    }
}
