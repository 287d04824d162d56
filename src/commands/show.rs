//! `mcpgw status` and `mcpgw url`: look at running sessions.

use serde_json::json;

use super::pick;
use crate::cli::{StatusArgs, UrlArgs};
use crate::error::{Error, Result};
use crate::report;
use crate::state::{SessionRecord, State};

/// All running sessions.
pub(super) fn status(args: &StatusArgs) -> Result<()> {
    let sessions = State::open()?.running();
    if args.json {
        report::out(&json!({"sessions": sessions}).to_string());
    } else if sessions.is_empty() {
        report::out("no session is running");
    }
    if !args.json {
        sessions.iter().for_each(|session| report::out(&row(session)));
    }
    Ok(())
}

fn row(session: &SessionRecord) -> String {
    let SessionRecord { phase, provider, gateway_port, pid, .. } = session;
    let url = session.mcp_url.as_deref().unwrap_or("no address yet");
    format!("{phase:<10} {url}  ({provider}, gateway port {gateway_port}, pid {pid})")
}

/// The address of one.
pub(super) fn url(args: &UrlArgs) -> Result<()> {
    let session = pick::session(&args.which)?;
    let url = if args.mcp { session.mcp_url } else { session.url };
    report::out(&url.ok_or_else(|| {
        Error::failed("session.no_url", "print the URL: the session has none yet")
            .fix("wait until it is ready")
    })?);
    Ok(())
}
