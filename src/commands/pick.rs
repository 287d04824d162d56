//! Which of the running sessions a command means.

use crate::cli::Which;
use crate::error::{Error, Result};
use crate::state::{SessionRecord, State};

/// The only one, or the one on that gateway port.
pub(super) fn session(which: &Which) -> Result<SessionRecord> {
    let mut running = State::open()?.running();
    running.retain(|session| which.port.is_none_or(|port| session.gateway_port == port));
    match (running.len(), which.port) {
        (1, _) => Ok(running.remove(0)),
        (0, None) => Err(none("find a running session: there is none")),
        (0, Some(port)) => {
            Err(none(&format!("find a running session on gateway port {port}: there is none")))
        }
        _ => {
            let ports: Vec<_> = running.iter().map(|session| session.gateway_port.to_string()).collect();
            Err(Error::usage(
                "session.several",
                format!("choose a session: they run on ports {}", ports.join(", ")),
            )
            .fix(format!("name one, for example --port {}", ports[0])))
        }
    }
}

fn none(message: &str) -> Error {
    Error::failed("session.none", message)
        .fix("start one with `mcpgw tunnel`; `mcpgw status` lists those that run")
}
