//! What a connection becomes when both sides have switched protocols: bytes both ways, whatever they mean.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::upstream::Connection;
use super::visitor::Socket;

/// See the module.
#[derive(Debug)]
pub(super) enum Switch {
    /// The gateway speaks.
    Gateway(Connection),
    /// Our own probe asks: one WebSocket frame in, one frame out with these words.
    Probe(String),
}

impl Switch {
    /// Serves the visitor until one side ends.
    pub(super) async fn run(self, visitor: Socket) {
        match self {
            Self::Gateway(gateway) => join(visitor, gateway).await,
            Self::Probe(answer) => converse(visitor, &answer).await,
        }
    }
}

async fn join(mut visitor: Socket, gateway: Connection) {
    let (mut gateway, first) = gateway.into_parts();
    if visitor.write_all(&first).await.is_ok() {
        let _ = tokio::io::copy_bidirectional(&mut visitor, &mut gateway).await;
    }
}

/// One frame in, one frame out (RFC 6455 section 5.2), and the end.
async fn converse(mut visitor: Socket, answer: &str) {
    let mut frame = [0; 256];
    if !matches!(visitor.read(&mut frame).await, Ok(1..)) {
        return;
    }
    // 0x81: a text frame that is whole; its length fits into seven bits.
    let mut reply = vec![0x81, u8::try_from(answer.len()).unwrap_or(0)];
    reply.extend_from_slice(answer.as_bytes());
    let _ = visitor.write_all(&reply).await;
    let _ = visitor.shutdown().await;
}
