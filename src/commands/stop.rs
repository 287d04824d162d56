//! `mcpgw stop`: ask sessions to end, wait until they have, and end what does not.

use std::time::{Duration, Instant};

use super::pick;
use crate::cli::StopArgs;
use crate::error::{Error, Result};
use crate::os::{self, Signal};
use crate::state::{Here, SessionRecord, State, handle};
use crate::{client, process, report, session};

pub(super) fn run(args: &StopArgs) -> Result<()> {
    let (state, which) = (State::open()?, args.which.which());
    let (running, dead): (Vec<_>, Vec<_>) = state.sessions().into_iter().partition(SessionRecord::is_alive);
    let here = here(&state);
    let mut spared = vec![];
    let asked = match args.all {
        true => running,
        false => match pick::among(&running, &which, &here) {
            Ok(session) => vec![session],
            // A dead one may be named too: it is cleared away below.
            Err(_) if pick::among(&dead, &which, &here).is_ok() => vec![],
            // Nothing to end is no failure, unless somebody meant a certain one.
            Err(error) if error.code == "session.none" && which.session.is_none() && which.port.is_none() => {
                spared = running;
                vec![]
            }
            Err(error) => return Err(error),
        },
    };
    asked.iter().for_each(ask);
    let began = Instant::now();
    for session in &asked {
        let left = args.timeout.0.saturating_sub(began.elapsed());
        end(&state, session, left, args.timeout.0)?;
    }
    dead.iter().for_each(|session| clear_away(&state, session));
    // Also what a session left whose file is gone.
    let left = client::leftovers(&state).is_empty();
    for restored in session::restored(client::restore_leftovers(&state)) {
        report::advise(&restored);
    }
    let all: Vec<&SessionRecord> = spared.iter().collect();
    for other in &spared {
        let (name, folder) = (handle(other, &all), other.folder.display());
        report::out(&format!("no session of this project runs; {name} runs for {folder}: mcpgw stop {name}"));
    }
    if asked.is_empty() && dead.is_empty() && left && spared.is_empty() {
        report::out("no session is running");
    }
    Ok(())
}

/// Any repository is a project here: to end another's session by accident is worse than to name it.
fn here(state: &State) -> Here {
    match pick::here(state) {
        Here::Folder(folder) if folder.join(".git").exists() => Here::Project(folder),
        here => here,
    }
}

/// A suspended process hears nothing before it is told to go on.
fn ask(session: &SessionRecord) {
    os::signal_process(session.pid, Signal::Term);
    os::signal_process(session.pid, Signal::Continue);
}

fn end(state: &State, session: &SessionRecord, left: Duration, timeout: Duration) -> Result<()> {
    /// A killed process that is not gone by then hangs in the kernel.
    const KILLED: Duration = Duration::from_secs(5);
    let name = session.name();
    let Some(process) = session.process() else { return told(&format!("stopped {name}")) };
    if os::wait_for_end(&process, left) {
        return told(&format!("stopped {name}"));
    }
    os::signal_process(session.pid, Signal::Kill);
    if !os::wait_for_end(&process, KILLED) {
        let message = format!("stop {name}: its process {} does not even end when killed", session.pid);
        return Err(Error::failed("stop.timeout", message)
            .fix(format!("look at it with `ps -o stat,wchan {}`: it hangs in the kernel", session.pid)));
    }
    // Its reaper does the same; whoever is first, nothing is left when this returns.
    process::sweep(&session.id, &[]);
    session::clear_away(state, session);
    told(&format!("killed {name}, for it did not end within {timeout:?}, and everything it had started"))
}

/// What a session left whose process is gone.
fn clear_away(state: &State, session: &SessionRecord) {
    let left = process::sweep(&session.id, &[]);
    session::clear_away(state, session);
    let what = match left {
        0 => "nothing of it runs".into(),
        1 => "one process of it still ran, and was ended".into(),
        count => format!("{count} processes of it still ran, and were ended"),
    };
    report::out(&format!("{} had died (pid {} is gone): {what}", session.name(), session.pid));
}

fn told(line: &str) -> Result<()> {
    report::out(line);
    Ok(())
}
