//! Listening and speaking HTTP to whoever connects.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::body::RequestBody;
use super::visitor::{self, Socket};
use super::{Shared, forward, http2};
use crate::error::{Error, Result, io_reason};
use crate::os;
use crate::state::{SessionRecord, State, handle};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A free port of loopback, the same for 127.0.0.1 and ::1.
pub(super) async fn bind_any() -> Result<Vec<TcpListener>> {
    const TRIES: usize = 8;
    for _ in 0..TRIES {
        let first =
            TcpListener::bind(SocketAddr::new(V4, 0)).await.map_err(|error| cannot_bind(0, "", &error))?;
        let port = first.local_addr().map_err(|error| cannot_bind(0, "", &error))?.port();
        match TcpListener::bind(SocketAddr::new(V6, port)).await {
            Ok(second) => return Ok(vec![first, second]),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            // No IPv6 on this machine: nobody can ask for it either.
            Err(_) => return Ok(vec![first]),
        }
    }
    Err(Error::failed("edge.bind", "find a port that is free on both 127.0.0.1 and ::1"))
}

/// This very port of loopback, chosen by `flag`.
pub(super) async fn bind_port(port: u16, flag: &str) -> Result<Vec<TcpListener>> {
    let first = TcpListener::bind(SocketAddr::new(V4, port))
        .await
        .map_err(|error| cannot_bind(port, flag, &error))?;
    match TcpListener::bind(SocketAddr::new(V6, port)).await {
        Ok(second) => Ok(vec![first, second]),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(cannot_bind(port, flag, &error)),
        Err(_) => Ok(vec![first]),
    }
}

fn cannot_bind(port: u16, flag: &str, error: &io::Error) -> Error {
    let holder = os::listener_on(port).filter(|_| error.kind() == io::ErrorKind::AddrInUse);
    let why = match &holder {
        Some(process) => format!("{} (pid {}) listens there", process.name, process.pid),
        None => io_reason(error),
    };
    let failed = Error::failed("edge.bind", format!("listen on port {port} of localhost: {why}"));
    match (flag, holder.and_then(|process| session_of(process.pid))) {
        ("", _) => failed,
        (flag, Some(name)) => failed
            .fix(format!("end that session with `mcpgw stop {name}`, or choose another port with {flag}")),
        (flag, None) => failed.fix(format!("end that program, or choose another port with {flag}")),
    }
}

/// What the running session of this process is called.
fn session_of(pid: u32) -> Option<String> {
    let running = State::look().ok()?.running();
    let all: Vec<&SessionRecord> = running.iter().collect();
    all.iter().find(|session| session.pid == pid).map(|session| handle(session, &all))
}

/// Accepts until the task is aborted; with it end all connections.
pub(super) async fn serve(listener: TcpListener, tls: Option<Arc<ServerConfig>>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Out of descriptors, or the visitor is gone already: a short breath, not a hot loop.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        connections.spawn(attend(stream, peer, tls.clone(), shared.clone()));
    }
}

/// One connection, from its first byte to its last.
async fn attend(stream: TcpStream, peer: SocketAddr, tls: Option<Arc<ServerConfig>>, shared: Arc<Shared>) {
    const HANDSHAKE: Duration = Duration::from_secs(10);
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return visitor::attend(Socket::plain(stream), peer, shared).await };
    // In boxes of their own: a connection may stand for hours, and should not hold room for its handshake.
    let handshake = Box::pin(tokio::time::timeout(HANDSHAKE, Socket::sealed(stream, tls)));
    let Ok(Ok(socket)) = handshake.await else { return };
    match socket.speaks_http2() {
        true => {
            let answer = move |request: Request<Incoming>| {
                forward::answer(shared.clone(), peer.ip(), request.map(RequestBody::incoming))
            };
            Box::pin(http2::speak(socket, answer)).await;
        }
        false => Box::pin(visitor::attend(socket, peer, shared)).await,
    }
}
