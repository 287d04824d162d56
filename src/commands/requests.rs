//! `mcpgw status --requests`: what visitors asked the running sessions for, and how it went.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::pick;
use crate::edge::{self, Entry, Told, Totals};
use crate::error::{Error, Result};
use crate::state::{SessionRecord, State};
use crate::{report, web};

/// Shows the last requests of these sessions.
pub(super) fn run(sessions: &[SessionRecord], as_json: bool) -> Result<()> {
    let runtime = super::runtime()?;
    let mut told = vec![];
    for session in sessions {
        told.push((runtime.block_on(ask(session))?, session));
    }
    if as_json {
        report::out(&document(&told));
        return Ok(());
    }
    if told.is_empty() {
        report::out("no session is running");
    }
    for (told, session) in &told {
        report::out(&head(told, session));
        told.last.iter().for_each(|entry| report::out(&row(entry)));
    }
    Ok(())
}

/// The same, and each as it comes, until nobody listens any more.
pub(super) fn watch(state: &State, wanted: Option<&str>, as_json: bool) -> Result<()> {
    const PACE: Duration = Duration::from_millis(500);
    let runtime = super::runtime()?;
    // A slip is told at once; later on, a session may end and come back.
    pick::named(state.running(), wanted)?;
    let mut shown: HashMap<String, u64> = HashMap::new();
    loop {
        let sessions = pick::named(state.running(), wanted).unwrap_or_default();
        let answers =
            sessions.iter().filter_map(|session| Some((runtime.block_on(ask(session)).ok()?, session)));
        let told: Vec<_> = answers.collect();
        let news =
            |(told, session): &&(Told, &SessionRecord)| shown.get(&session.id) != Some(&told.totals.requests);
        let new: Vec<_> = told.iter().filter(news).collect();
        let heard = match as_json {
            true => new.is_empty() || report::told(&document(&told)),
            false => new.iter().all(|(told, session)| tell(told, session, shown.get(&session.id).copied())),
        };
        if !heard {
            return Ok(());
        }
        shown.extend(told.iter().map(|(told, session)| (session.id.clone(), told.totals.requests)));
        std::thread::sleep(PACE);
    }
}

/// What came since so many were shown. False when nobody listens.
fn tell(told: &Told, session: &SessionRecord, shown: Option<u64>) -> bool {
    let new = told.totals.requests - shown.unwrap_or(0).min(told.totals.requests);
    let new = usize::try_from(new).unwrap_or(usize::MAX).min(told.last.len());
    (shown.is_some() || report::told(&head(told, session)))
        && told.last.iter().skip(told.last.len() - new).all(|entry| report::told(&row(entry)))
}

fn document(told: &[(Told, &SessionRecord)]) -> String {
    let rows = told
        .iter()
        .map(|(told, session)| json!({"id": session.id, "totals": told.totals, "last": told.last}));
    json!({"sessions": rows.collect::<Vec<_>>()}).to_string()
}

fn head(told: &Told, session: &SessionRecord) -> String {
    let Totals { requests, refused, failed, bytes } = told.totals;
    format!(
        "{} ({}): {requests} requests, {refused} refused, {failed} failed, {bytes} bytes sent",
        session.name(),
        session.id
    )
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
