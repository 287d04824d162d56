//! `mcpgw status --requests`: what visitors asked the running sessions for, and how it went.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::edge::{self, Entry, Told};
use crate::error::{Error, Result};
use crate::state::{SessionRecord, State};
use crate::{report, web};

/// Asks every session that lives.
pub(super) fn run(as_json: bool) -> Result<()> {
    let runtime = super::runtime()?;
    let mut told = vec![];
    for session in State::open()?.running() {
        told.push((runtime.block_on(ask(&session))?, session));
    }
    if as_json {
        let rows = told
            .iter()
            .map(|(told, session)| json!({"id": session.id, "totals": told.totals, "last": told.last}));
        report::out(&json!({"sessions": rows.collect::<Vec<_>>()}).to_string());
        return Ok(());
    }
    if told.is_empty() {
        report::out("no session is running");
    }
    for (told, session) in &told {
        let totals = told.totals;
        report::out(&format!(
            "session {}: {} requests, {} refused, {} failed, {} bytes sent",
            session.id, totals.requests, totals.refused, totals.failed, totals.bytes
        ));
        told.last.iter().for_each(|entry| report::out(&row(entry)));
    }
    Ok(())
}

fn row(entry: &Entry) -> String {
    let Entry { time, method, path, status, bytes, duration_ms, rpc, tool, refused } = entry;
    let what = [rpc.as_deref(), tool.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let why = refused.as_deref().map(|why| format!("refused: {why}")).unwrap_or_default();
    format!("{time} {status} {method:<6} {path}  {duration_ms} ms  {bytes} B  {what}{why}")
        .trim_end()
        .to_string()
}

async fn ask(session: &SessionRecord) -> Result<Told> {
    const LIMIT: Duration = Duration::from_secs(5);
    let unknown = || {
        Error::failed(
            "requests.none",
            format!("ask session {} for its requests: it does not answer", session.id),
        )
        .fix("`mcpgw status` tells whether it lives")
    };
    let path = edge::path_of_requests(&session.logs).ok_or_else(unknown)?;
    let client = match &session.ca_file {
        None => web::local()?,
        Some(file) => {
            let ca = fs::read_to_string(file).map_err(|_| unknown())?;
            web::public(Some(&ca), Arc::new(web::Names::new(None)))?
        }
    };
    let response = client.get(format!("{}{path}", session.local_url)).timeout(LIMIT).send().await;
    response.map_err(|_| unknown())?.json().await.map_err(|_| unknown())
}
