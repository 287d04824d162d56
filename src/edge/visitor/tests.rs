//! How long visitors are waited for, by a clock that does not wait itself.

use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::edge::{Edge, HostRule, Listen, Rules, Target};

/// An edge in front of a gateway that takes connections and does nothing with them.
struct Standing {
    edge: Edge,
    gateway: TcpListener,
    _home: TempDir,
    _suspicions: mpsc::Receiver<()>,
}

impl Standing {
    async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (suspect, suspicions) = mpsc::channel(1);
        let edge = Edge::bind(Listen::Plain(None), Rules::open(), home.path(), suspect).await.unwrap();
        let gateway = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = gateway.local_addr().unwrap();
        edge.open(Target { address, tls: false, host: HostRule::Preserve, guard: None });
        Self { edge, gateway, _home: home, _suspicions: suspicions }
    }

    /// Somebody who has begun to send a long body.
    async fn visitor(&self) -> TcpStream {
        let mut visitor = TcpStream::connect(("127.0.0.1", self.edge.port())).await.unwrap();
        let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\nhalf";
        visitor.write_all(head.as_bytes()).await.unwrap();
        visitor
    }
}

#[tokio::test(start_paused = true)]
async fn who_stops_in_the_middle_of_his_body_is_told_so_after_a_minute() {
    let standing = Standing::start().await;
    let mut visitor = standing.visitor().await;
    let began = Instant::now();
    let mut answer = [0; 12];
    visitor.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    let silent = began.elapsed().as_secs();
    assert!((55..70).contains(&silent), "{silent} s");
}

#[tokio::test(start_paused = true)]
async fn who_is_being_answered_may_think_for_as_long_as_he_likes() {
    let standing = Standing::start().await;
    let mut visitor = standing.visitor().await;
    let (mut gateway, _) = standing.gateway.accept().await.unwrap();
    read_to(&mut gateway, "half").await;
    gateway.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await.unwrap();
    read_to(&mut visitor, "first").await;
    sleep(Duration::from_secs(600)).await;
    visitor.write_all(b"more").await.unwrap();
    read_to(&mut gateway, "more").await;
    gateway.write_all(b"6\r\nsecond\r\n").await.unwrap();
    read_to(&mut visitor, "second").await;
}

async fn read_to(stream: &mut TcpStream, end: &str) {
    let mut read = vec![];
    while !String::from_utf8_lossy(&read).contains(end) {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "the end, and no {end}");
    }
}
