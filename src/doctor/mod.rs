//! `mcpgw doctor`: what is wrong, and how to put it right. Checks are a table ([`table`]); one engine runs
//! them, side by side and in the order of what they need; whoever shows the findings gets values. A check
//! looks and never touches; only [`repair`] changes anything, and only what is safe.
//!
//! The table's order is the order in which a user should repair: the root cause comes first, and what
//! follows from it is `skip`.

mod agent;
mod app_url;
mod cert;
mod check;
mod client;
mod config;
mod dns;
mod engine;
mod env;
mod exposure;
mod finding;
mod gateway;
mod near;
mod net;
mod oauth;
mod program;
mod provider;
mod reach;
mod selection;
mod session;
mod show;
mod speak;
mod tunnel;
mod usage;
mod world;

use std::sync::Arc;

pub use check::Check;
pub use finding::{Finding, Row, Verdict};
pub use selection::Selection;
pub use show::{Repaired, document, lines, once_more, summary};
pub use world::{Told, World};

/// All checks, the likely root of others first.
pub fn table() -> Vec<Check> {
    let groups = [
        config::checks(),
        env::checks(),
        provider::checks(),
        session::checks(),
        agent::session_checks(),
        gateway::checks(),
        net::checks(),
        tunnel::checks(),
        exposure::checks(),
        oauth::checks(),
        cert::checks(),
        client::checks(),
    ];
    groups.into_iter().flatten().collect()
}

/// Runs what is wanted and what that needs; the findings in the table's order.
pub async fn examine(selection: &Selection, world: Arc<World>) -> Vec<Row> {
    engine::run(table(), selection, world).await
}

/// Puts right what the findings complain of, where that is safe; says what was done.
pub fn repair(rows: &[Row], world: &World) -> Vec<Repaired> {
    let complaints = |id: &str| {
        rows.iter().any(|row| row.id == id && matches!(row.verdict, Verdict::Warn | Verdict::Fail))
    };
    let checks = table().into_iter().filter(|check| complaints(&check.id));
    checks
        .filter_map(|check| Some((check.id, check.repair?(world))))
        .flat_map(|(id, done)| done.into_iter().map(move |did| Repaired { id: id.clone(), did }))
        .collect()
}
