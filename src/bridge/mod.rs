//! `mcpgw bridge`: an MCP server on standard input and output that forwards to the gateway over HTTP, and
//! follows it when it restarts, moves or forgets its sessions, so that the client never has to.
//!
//! | file | what it is for |
//! |---|---|
//! | `message` `sse` | what came: JSON-RPC without building trees, server-sent events (pure) |
//! | `target` | which address: `--url`, a session's edge, the gateway's port (pure) |
//! | `greeting` | the answer to `initialize`, with and without a gateway (pure) |
//! | `ledger` | who waits for an answer (pure) |
//! | `judgement` `verdict` | what a failed exchange means, and whether a call may go out again (pure) |
//! | `modern` | MCP since 2026-07-28: headers instead of sessions (pure) |
//! | `stdio` `wire` | the two sides |
//! | `driver` | the only one that waits and talks |
//!
//! Never: anything but protocol on standard output; a call that may have run, run again; a secret in a log.

mod driver;
mod greeting;
mod judgement;
mod ledger;
mod message;
mod modern;
mod sse;
mod stdio;
mod target;
mod verdict;
mod wire;

use std::time::Duration;

use reqwest::header::HeaderMap;

use crate::error::Result;
use crate::state::State;

pub use target::Want;

/// What the command settled.
#[derive(Debug)]
pub struct Plan {
    /// Where to connect.
    pub want: Want,
    /// Headers for every request.
    pub headers: HeaderMap,
    /// Fail where there is no gateway, instead of waiting for one.
    pub strict: bool,
    /// How long a call waits for a gateway that is away.
    pub patience: Duration,
    /// For sessions, logs and kept answers; without one, the bridge does without them.
    pub state: Option<State>,
}

/// Runs until the client has gone or a signal asks for the end.
pub async fn run(plan: Plan) -> Result<()> {
    driver::run(plan).await
}
