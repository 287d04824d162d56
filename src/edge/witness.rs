//! Is the gateway still the one that was asked whether it guards itself? A connection is held open to it and
//! never used: whatever ends that process ends the connection, in the kernel and at once. One that guards
//! itself may be replaced by one that does not, faster than any look at it.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// See the module.
#[derive(Debug, Clone)]
pub struct Witness(Arc<TcpStream>);

impl Witness {
    /// Connects. To be called before the gateway is asked.
    pub async fn call(address: SocketAddr) -> io::Result<Self> {
        const LIMIT: Duration = Duration::from_secs(2);
        let stream = tokio::time::timeout(LIMIT, tokio::net::TcpStream::connect(address)).await??;
        // Asked by system call and not of the runtime: what the kernel knows already must count.
        Ok(Self(Arc::new(stream.into_std()?)))
    }

    /// Is it still that gateway? Servers also close connections that nobody uses: no is not a no for good.
    pub fn stands(&self) -> bool {
        matches!(self.0.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Waits until it does not stand any more.
    pub fn fallen(&self) -> impl Future<Output = ()> + Send + use<> {
        let watched = self.0.try_clone().and_then(tokio::net::TcpStream::from_std);
        async move {
            if let Ok(stream) = watched {
                let _ = stream.readable().await;
            }
        }
    }
}

impl PartialEq for Witness {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Witness {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_stands_until_the_other_side_ends_or_speaks() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let witness = Witness::call(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert!(witness.stands());
        drop(server);
        witness.fallen().await;
        assert!(!witness.stands());
    }
}
