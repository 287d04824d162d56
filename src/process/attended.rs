//! A program that works at our terminal for as long as we let it: it has our streams and our group, so that the
//! keyboard's signals reach it as if we were not there.

use std::process::ExitStatus;
use std::time::Duration;

use super::child::cannot_start;
use super::{Child, Spec};
use crate::error::Result;
use crate::os::{self, Signal};

/// A running one.
#[derive(Debug)]
pub struct Attended {
    child: tokio::process::Child,
    tree: Child,
}

impl Attended {
    /// Starts it. `run` tells it and all it starts from others of its kind.
    pub fn start(spec: &Spec, run: &str) -> Result<Self> {
        let mut command = spec.command();
        command.envs(spec.set.iter().map(|(name, value)| (name, value)));
        command.env("MCPGW_RUN", run);
        let child = command.spawn().map_err(|error| cannot_start(spec, &error))?;
        let tree = Child { pid: child.id().unwrap_or_default(), mark: format!("MCPGW_RUN={run}") };
        Ok(Self { child, tree })
    }

    /// Its end.
    pub async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Passes a signal on.
    pub fn signal(&self, signal: Signal) {
        os::signal_process(self.tree.pid, signal);
    }

    /// Ends it with everything it started.
    pub async fn stop(mut self, grace: Duration) {
        tokio::join!(super::stop(&self.tree, grace), async {
            let _ = self.child.wait().await;
        });
    }
}
