//! `mcpgw run -- CMD`: CMD with the variables of the running session; its exit status becomes ours.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdin};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use super::pick;
use crate::cli::RunArgs;
use crate::error::{Error, Result, io_reason};
use crate::os::{self, Interruption, Signal, Termination};
use crate::process::{Attended, Spec, Stdin};
use crate::state::{SessionRecord, State, Watch};
use crate::{process, report};

pub(super) fn run(args: &RunArgs) -> Result<ExitCode> {
    let session = pick::session(&args.which)?;
    if session.env.is_empty() {
        return Err(Error::failed("session.no_url", "run the command: the session has no address yet")
            .fix("wait until `mcpgw tunnel` says it is ready"));
    }
    match args.restart {
        true => super::runtime()?.block_on(keep_running(args, session)),
        false => become_it(args, &session),
    }
}

/// Nothing of us stays between it and its caller.
fn become_it(args: &RunArgs, session: &SessionRecord) -> Result<ExitCode> {
    let (program, rest) =
        args.command.split_first().ok_or_else(|| Error::usage("run.command", "run nothing"))?;
    let mut command = Command::new(os::program(program, Path::new(".")));
    let code = os::become_program(command.args(rest).envs(&session.env)).map_err(|error| {
        let program = program.to_string_lossy();
        Error::failed("run.start", format!("start `{program}`: {}", io_reason(&error)))
            .fix(format!("check that `{program}` is installed and on PATH"))
    })?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Runs it, and anew for every new address, until it ends by itself.
async fn keep_running(args: &RunArgs, mut session: SessionRecord) -> Result<ExitCode> {
    const GRACE: Duration = Duration::from_secs(5);
    let failed = |error: std::io::Error| Error::failed("run.wait", format!("wait for the command: {error}"));
    let state = State::open()?;
    let mut watch = state.watch();
    let mut termination = Termination::listen().map_err(failed)?;
    for turn in 0_u64.. {
        let mut child =
            Attended::start(&spec(args, &session.env)?, &format!("run.{}.{turn}", std::process::id()))?;
        let next = loop {
            tokio::select! {
                status = child.wait() => return Ok(ExitCode::from(os::exit_code(status.map_err(failed)?))),
                interruption = termination.next() => pass_on(&interruption, &child),
                () = tokio::time::sleep(Watch::PACE) => {
                    let changed = watch.changed().then(|| follow(&session, state.running())).flatten();
                    if let Some(next) = changed.filter(|next| next.env != session.env) {
                        break next;
                    }
                }
            }
        };
        let url = next.url.as_deref().unwrap_or_default();
        report::remark(&format!("mcpgw: the address is now {url}: starting the command anew"));
        child.stop(GRACE).await;
        session = next;
    }
    Ok(ExitCode::SUCCESS)
}

fn spec(args: &RunArgs, env: &BTreeMap<String, String>) -> Result<Spec> {
    let (program, rest) =
        args.command.split_first().ok_or_else(|| Error::usage("run.command", "run nothing"))?;
    let set = env.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let (program, args) = (program.clone(), rest.to_vec());
    Ok(Spec { program, args, set, scrub: |_| false, folder: None, stdin: Stdin::Null })
}

/// The keyboard's Ctrl-C reaches the command without us.
fn pass_on(interruption: &Interruption, child: &process::Attended) {
    match interruption {
        Interruption::End("interrupted") if stdin().is_terminal() => {}
        Interruption::End("interrupted") => child.signal(Signal::Interrupt),
        Interruption::End("hung up") => child.signal(Signal::Hangup),
        Interruption::End(_) => child.signal(Signal::Term),
        Interruption::ChildEnded => {}
    }
}

/// The same session, or the one that took its place in the project.
fn follow(session: &SessionRecord, running: Vec<SessionRecord>) -> Option<SessionRecord> {
    let same = |other: &&SessionRecord| other.id == session.id;
    let heir = |other: &&SessionRecord| other.folder == session.folder && !other.env.is_empty();
    running.iter().find(same).or_else(|| running.iter().find(heir)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::record;

    #[test]
    fn the_command_follows_its_session_and_then_the_next_of_the_project() {
        let of = |id: &str, folder: &str, url: &str| SessionRecord {
            folder: folder.into(),
            env: if url.is_empty() { BTreeMap::new() } else { [("APP_URL".into(), url.into())].into() },
            ..record(id)
        };
        let mine = of("a", "/shop", "https://1.example");
        let id = |running: &[SessionRecord]| follow(&mine, running.to_vec()).map(|session| session.id);
        let (heir, other) = (of("b", "/shop", "https://2.example"), of("c", "/blog", "https://3.example"));
        assert_eq!(id(&[heir.clone(), mine.clone()]).as_deref(), Some("a"));
        assert_eq!(id(&[other.clone(), heir]).as_deref(), Some("b"));
        assert_eq!(id(&[other, of("d", "/shop", "")]), None, "it has no address yet");
    }
}
