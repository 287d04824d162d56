//! `mcpgw stop`: ask sessions to end, and wait until they have.

use std::time::{Duration, Instant};

use super::pick;
use crate::cli::StopArgs;
use crate::error::{Error, Result};
use crate::os::{self, Signal};
use crate::report;
use crate::state::{SessionRecord, State};

pub(super) fn run(args: &StopArgs) -> Result<()> {
    let sessions = if args.all { State::open()?.running() } else { vec![pick::session(&args.which)?] };
    sessions.iter().for_each(|session| os::signal_process(session.pid, Signal::Term));
    sessions.iter().try_for_each(wait_for_end)?;
    report::out(&format!(
        "stopped {}",
        if sessions.len() == 1 { "1 session".into() } else { format!("{} sessions", sessions.len()) }
    ));
    Ok(())
}

/// Longer than a drain, two grace periods and a kill take together.
const LIMIT: Duration = Duration::from_secs(20);

fn wait_for_end(session: &SessionRecord) -> Result<()> {
    let began = Instant::now();
    while session.is_alive() {
        if began.elapsed() > LIMIT {
            return Err(Error::failed(
                "stop.timeout",
                format!("stop the session: pid {} still runs", session.pid),
            )
            .fix(format!(
                "look at its logs in {}, or end it with kill -9 {}",
                session.logs.display(),
                session.pid
            )));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
