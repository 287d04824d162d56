//! `mcpgw url`: the address of a session, for scripts, the clipboard, a phone.

use super::{clipboard, pick};
use crate::cli::UrlArgs;
use crate::error::{Error, Result};
use crate::report;
use crate::state::{SessionRecord, read_key};

pub(super) fn run(args: &UrlArgs) -> Result<()> {
    let session = pick::session(&args.which.which())?;
    let url = match args.with_key {
        true => with_key(&session)?,
        false => wanted(args, &session),
    };
    let url = url.ok_or_else(|| {
        Error::failed("session.no_url", "print the URL: the session has none yet")
            .fix("wait until it is ready: `mcpgw status --watch` shows when")
    })?;
    report::out(&url);
    if args.qr {
        report::qr(&url);
    }
    if args.copy {
        let how = clipboard::copy(&url)?;
        report::remark(&format!("copied to the clipboard {how}"));
    }
    Ok(())
}

/// The MCP URL with the key in front of its path; as it is where no key is needed.
fn with_key(session: &SessionRecord) -> Result<Option<String>> {
    let key = session.key_file.as_deref().map(read_key).transpose()?.flatten();
    Ok(session.mcp_url.as_deref().map(|url| match &key {
        Some(key) => report::url_with_key(url, key.reveal()).unwrap_or_else(|| url.into()),
        None => url.into(),
    }))
}

fn wanted(args: &UrlArgs, session: &SessionRecord) -> Option<String> {
    match (args.mcp, args.callback, args.local) {
        (true, ..) => session.mcp_url.clone(),
        (_, true, _) => session.callback_url.clone(),
        (.., true) => Some(session.local_url.clone()).filter(|url| !url.is_empty()),
        _ => session.url.clone(),
    }
}
