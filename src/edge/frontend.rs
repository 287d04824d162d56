//! The web frontend beside the gateway: where visitors go with paths that are not the gateway's, if the user wants
//! that. Development servers listen on 127.0.0.1 or on ::1; which one is found out when the first visitor comes.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::HostRule;
use super::upstream::{Target, Upstream};

/// See the module.
#[derive(Debug)]
pub(super) struct Frontend {
    port: u16,
    upstream: Arc<Upstream>,
    found: AtomicBool,
}

impl Frontend {
    pub(super) fn on(port: u16) -> Self {
        // Nobody restarts it when it is away.
        let (nobody, _) = mpsc::channel(1);
        Self { port, upstream: Arc::new(Upstream::new(nobody)), found: AtomicBool::new(false) }
    }

    /// The way to it; `None` when nothing listens on its port.
    pub(super) async fn upstream(&self) -> Option<&Arc<Upstream>> {
        if self.found.load(Ordering::Relaxed) {
            return Some(&self.upstream);
        }
        for address in
            [(Ipv4Addr::LOCALHOST, self.port).into(), SocketAddr::from((Ipv6Addr::LOCALHOST, self.port))]
        {
            if TcpStream::connect(address).await.is_ok() {
                self.upstream.open(Target { address, host: HostRule::Preserve, guard: None, tls: false });
                self.found.store(true, Ordering::Relaxed);
                return Some(&self.upstream);
            }
        }
        None
    }
}
