//! TLS for clients on this machine (provider `local`). The certificate may change while connections stand:
//! each new one gets that of its moment.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::mpsc;

use crate::cert::{Keeper, Pair, Validity};
use crate::error::Result;

/// What is shown to whoever connects from now on.
#[derive(Debug)]
pub(super) struct Shown(RwLock<Pair>);

impl Shown {
    pub(super) fn new(first: Pair) -> Arc<Self> {
        Arc::new(Self(RwLock::new(first)))
    }

    pub(super) fn show(&self, next: Pair) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let pair = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(pair.shown_to(hello.server_name().is_some()))
    }
}

/// Speaks TLS 1.2 and 1.3, HTTP/2 where the client can.
pub(super) fn config(shown: Arc<Shown>) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(shown);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A client comes back over one connection at a time; each ticket costs as much as a small answer.
    config.send_tls13_tickets = 1;
    Arc::new(config)
}

/// Renews the certificate, or reads it again, while connections come and go.
pub(super) async fn look_after(
    mut keeper: Keeper,
    shown: Arc<Shown>,
    every: Duration,
    told: mpsc::UnboundedSender<Result<Validity>>,
) {
    let mut said = None;
    loop {
        tokio::time::sleep(every).await;
        // mkcert has to run for it.
        let looked = tokio::task::spawn_blocking(move || {
            let found = keeper.look(Timestamp::now());
            (keeper, found)
        });
        let Ok((kept, found)) = looked.await else { return };
        keeper = kept;
        let told = match found {
            None => continue,
            Some(Ok(pair)) => {
                let validity = pair.validity;
                shown.show(pair);
                said = None;
                told.send(Ok(validity))
            }
            // The same trouble is told once.
            Some(Err(error)) if said.as_ref() == Some(&error) => continue,
            Some(Err(error)) => {
                said = Some(error.clone());
                told.send(Err(error))
            }
        };
        if told.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use crate::cert::{self, LocalCa, Source};
    use crate::edge::{Edge, HostRule, Listen, Rules, Target, Tls};
    use crate::state::State;

    /// A gateway that answers everything.
    async fn gateway() -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut head = vec![0; 4096];
                    while stream.read(&mut head).await.is_ok_and(|count| count > 0) {
                        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                    }
                });
            }
        });
        Target { address, tls: false, host: HostRule::Preserve, guard: None }
    }

    #[tokio::test]
    async fn a_certificate_near_its_end_is_renewed_under_load_without_a_failed_request() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let home = tempfile::tempdir().unwrap();
        let state = State::at(home.path().to_path_buf());
        let ca = LocalCa::open(&state).unwrap().with_life(SignedDuration::from_secs(4));
        let pem = std::fs::read(&ca.path).unwrap();
        let keeper = Keeper::new(Source::BuiltIn(Box::new(ca)), cert::names(&[]), &state).unwrap();
        let first = keeper.pair().validity;
        let (told, mut hear) = mpsc::unbounded_channel();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen =
            Listen::Tls(Box::new(Tls { port: free, keeper, every: Duration::from_millis(300), told }));
        let (suspect, _suspicions) = mpsc::channel(1);
        let edge = Edge::bind(listen, Rules::open(), home.path(), suspect).await.unwrap();
        edge.open(gateway().await);
        // Every request shakes hands anew, and believes no certificate that is over.
        let ca = reqwest::Certificate::from_pem(&pem).unwrap();
        let client =
            reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).tls_certs_only([ca]).build();
        let (client, url) = (client.unwrap(), format!("https://localhost:{}/mcp", edge.port()));
        let beyond = first.until.saturating_add(SignedDuration::from_secs(1)).unwrap();
        let mut renewed = 0;
        while Timestamp::now() < beyond {
            assert_eq!(client.get(&url).send().await.unwrap().status(), 204);
            while let Ok(news) = hear.try_recv() {
                assert!(news.unwrap().until >= first.until);
                renewed += 1;
            }
        }
        assert!(renewed > 1, "renewed {renewed} times");
    }
}
