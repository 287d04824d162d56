//! A row of the table of checks.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::{Finding, World};

type Answer = Pin<Box<dyn Future<Output = Finding> + Send>>;

/// One check.
pub struct Check {
    /// Stable and dotted, its group first.
    pub id: String,
    /// The checks that must not have failed for this one to make sense.
    pub needs: &'static [&'static str],
    /// How long it may take.
    pub limit: Duration,
    pub(super) run: Box<dyn Fn(Arc<World>) -> Answer + Send + Sync>,
    /// Puts right what it complains of, where that is safe; says what it did.
    pub repair: Option<fn(&World) -> Vec<String>>,
}

impl Check {
    /// A check that asks somebody over a socket.
    pub(super) fn asks<F>(id: impl Into<String>, run: fn(Arc<World>) -> F) -> Self
    where
        F: Future<Output = Finding> + Send + 'static,
    {
        Self::new(id.into(), Box::new(move |world| Box::pin(run(world))))
    }

    /// A check that looks at files, processes and variables, or runs a program.
    pub(super) fn looks(
        id: impl Into<String>,
        run: impl Fn(&World) -> Finding + Send + Sync + 'static,
    ) -> Self {
        let run = Arc::new(run);
        let look = move |world: Arc<World>| -> Answer {
            let run = run.clone();
            Box::pin(async move {
                let looked = tokio::task::spawn_blocking(move || run(&world)).await;
                looked.unwrap_or_else(|_| Finding::unable("the check itself broke off"))
            })
        };
        Self::new(id.into(), Box::new(look))
    }

    fn new(id: String, run: Box<dyn Fn(Arc<World>) -> Answer + Send + Sync>) -> Self {
        const LIMIT: Duration = Duration::from_secs(6);
        Self { id, needs: &[], limit: LIMIT, run, repair: None }
    }

    pub(super) fn needs(mut self, needs: &'static [&'static str]) -> Self {
        self.needs = needs;
        self
    }

    pub(super) fn repair(mut self, repair: fn(&World) -> Vec<String>) -> Self {
        self.repair = Some(repair);
        self
    }
}
