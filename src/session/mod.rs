//! A session: provider, gateway and publishing kept in step. Three small pure machines, composed in
//! [`machine`], decide on values alone; [`driver`] does what they say and tells them what happened.
//! Only the driver sleeps, spawns or talks.

mod backoff;
mod driver;
mod gateway;
mod machine;
mod provider;
mod publishing;
#[cfg(test)]
mod trials;
mod verify;

use std::time::Duration;

use url::Url;

use crate::error::Error;
use crate::process::Status;
use crate::report::Event;

pub use driver::{Plan, clear_away, restored, run};
pub use verify::{Blame, Failure, beginning, explain};

/// Time since the session began. Machines get it as a value and never ask a clock.
pub type Moment = Duration;

/// Which run of a child something belongs to. Machines ignore what comes from an earlier one, so a
/// late line of a dead tunnel can never win.
pub type Epoch = u64;

/// Something the driver is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    /// From now on, the provider is this one of the plan's candidates.
    UseProvider { index: usize },
    /// Start the provider and ask for this name. `faults`: the codes of those that ended runs before.
    /// Answered by `Started` or `StartFailed`.
    LaunchProvider { epoch: Epoch, subdomain: Option<String>, faults: Vec<&'static str> },
    /// Ask the provider's local API. Answered by `Asked`.
    AskProvider { epoch: Epoch },
    /// Wait until the provider's server accepts connections, at most so long. Answered by
    /// `ServerReachable`.
    AwaitServer { epoch: Epoch, patience: Duration },
    /// End the provider's tree. Answered by `Gone`.
    StopProvider { epoch: Epoch },
    /// Ask ourselves through the URL. Answered by `Probed`.
    Probe { epoch: Epoch, url: Url, limit: Duration },
    /// Write the env file, start the gateway with this URL. Answered by `Started` or `StartFailed`.
    LaunchGateway { epoch: Epoch, url: Url },
    /// Wait until the gateway answers. Answered by `Alive`.
    AwaitGateway { epoch: Epoch, url: Url },
    /// Ask the gateway once. Answered by `Checked`.
    CheckGateway { epoch: Epoch },
    /// End the gateway's tree. Answered by `Gone`.
    StopGateway { epoch: Epoch },
    /// Let requests wait at the edge.
    Hold,
    /// Let them through to the gateway that answered last.
    Open,
    /// Tell clients, the env file and hooks about the URL. Answered by `Published`.
    Publish { url: Url },
    /// Say that all is well.
    Ready { url: Url },
    /// Tell the audience.
    Emit(Event),
    /// Take no new requests and finish those under way. Answered by `Drained`.
    Drain,
    /// Give nobody any more time.
    Hurry,
    /// The end.
    Quit(Option<Error>),
}

/// What a machine tells the composition.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// The tunnel leads to us under this URL.
    TunnelUp(Url),
    /// The gateway answers, told this URL.
    GatewayUp(Url),
    /// It does not any more; it is being seen to.
    Down,
    /// It cannot be helped.
    Failed(Error),
}

/// A URL as people write it: without the slash at the end.
pub fn base(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_string()
}

/// Why a child ended, in one line.
fn why(status: &Status, trouble: Option<String>) -> String {
    match trouble {
        Some(trouble) => format!("{trouble} ({})", status.how),
        None => status.how.clone(),
    }
}
