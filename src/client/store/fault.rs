//! Points at which a test build of mcpgw can be made to die, as a power cut or a `kill -9` would make it. In
//! the build that users have they are nothing.

use crate::os::{self, Signal};

/// Dies here when `MCPGW_FAULT` names this point. Debug builds only.
pub(super) fn point(name: &str) {
    if cfg!(debug_assertions) && std::env::var_os("MCPGW_FAULT").is_some_and(|wanted| wanted == name) {
        os::signal_process(std::process::id(), Signal::Kill);
        loop {
            std::thread::park();
        }
    }
}
