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

impl Health {
    /// Asks once; the address that answered, IPv4 before IPv6.
    pub async fn ask(&self, limit: Duration) -> Result<SocketAddr, String> {
        let mut why = String::new();
        for address in
            [SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)), (Ipv6Addr::LOCALHOST, self.port).into()]
        {
            match self.ask_at(address, limit).await {
                Ok(()) => return Ok(address),
                Err(reason) if why.is_empty() => why = reason,
                Err(_) => {}
            }
        }
        Err(why)
    }

    async fn ask_at(&self, address: SocketAddr, limit: Duration) -> Result<(), String> {
        // Cheaper than an HTTP client's refusal, and by far the most frequent answer during a start.
        TcpStream::connect(address).await.map_err(|error| crate::error::io_reason(&error))?;
        let path = self.path.as_deref().unwrap_or("/");
        let request = self
            .client
            .get(format!("http://{address}{path}"))
            .header("host", format!("localhost:{}", self.port))
            .timeout(limit);
        match request.send().await {
            Ok(response) if self.path.is_none() || response.status() == 200 => Ok(()),
            Ok(response) => Err(format!("{path} answered {}", response.status().as_u16())),
            Err(error) if error.is_timeout() => Err(format!("no answer on port {} in {limit:?}", self.port)),
            Err(error) => Err(crate::web::reason(&error)),
        }
    }
}

/// Asks until it lives. Nothing tells us when a stranger's process starts to listen, so this looks: at
/// first often, for a fast gateway, then ten times a second.
pub async fn wait_until_alive(health: &Health) -> SocketAddr {
    const LIMIT: Duration = Duration::from_secs(5);
    let mut pause = Duration::from_millis(10);
    loop {
        if let Ok(address) = health.ask(LIMIT).await {
            return address;
        }
        tokio::time::sleep(pause).await;
        pause = (pause + Duration::from_millis(2)).min(Duration::from_millis(100));
    }
}
