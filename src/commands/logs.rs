//! `mcpgw logs`: what a session's gateway, provider, edge and hook said, merged by time.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::pick;
use crate::cli::{self, LogName, LogsArgs};
use crate::error::Result;
use crate::os;
use crate::process::clean;
use crate::provider::Plain;
use crate::report::{self, Said};
use crate::state::{self, Here, SessionRecord, State, Tail, Watch};

const ALL: [LogName; 4] = [LogName::Provider, LogName::Gateway, LogName::Edge, LogName::Hook];

pub(super) fn run(args: &LogsArgs) -> Result<()> {
    let (folder, session) = find(args)?;
    let whose = if args.whose.is_empty() { &ALL[..] } else { &args.whose };
    let mut tails: Vec<_> = whose.iter().map(|one| (name(*one), Tail::open(&folder, name(*one)))).collect();
    let several = tails.len() > 1;
    let mut plain = (!args.verbose).then(Plain::default);
    let mut past: VecDeque<Said> = next(&mut tails, &mut plain).into();
    if let cli::Lines::Last(count) = args.lines {
        past.drain(..past.len().saturating_sub(count));
    }
    if past.is_empty() && !args.follow {
        report::remark(&format!("nothing was said yet (the logs are in {})", folder.display()));
    }
    if !tell(past, several) {
        return Ok(());
    }
    let process = session.as_ref().and_then(SessionRecord::process);
    if let (true, Some(process)) = (args.follow, process) {
        let mut ended = false;
        while !ended {
            ended = os::wait_for_end(&process, Watch::PACE);
            if !tell(next(&mut tails, &mut plain), several) {
                return Ok(());
            }
        }
    }
    let last = tails.iter_mut().filter_map(|(whose, tail)| Some(said(whose, tail.end()?)));
    tell(last.collect::<Vec<_>>(), several);
    Ok(())
}

/// The logs of the session that runs; where none does, those of the last one, in a project of its last one.
fn find(args: &LogsArgs) -> Result<(PathBuf, Option<SessionRecord>)> {
    let state = State::open()?;
    let here = pick::here(&state);
    let error = match pick::among(&state.running(), &args.which, &here) {
        Ok(session) => return Ok((session.logs.clone(), Some(session))),
        Err(error) if error.code != "session.none" || args.which.port.is_some() => return Err(error),
        Err(error) => error,
    };
    let name = args.which.session.as_deref();
    let project = match &here {
        Here::Project(folder) if name.is_none() => Some(folder.as_path()),
        _ => None,
    };
    let past = state.past_logs(name, project).ok_or(error)?;
    let id = past.file_name().unwrap_or_default().to_string_lossy();
    let of = state::project_of(&past).map_or(String::new(), |project| format!(" in {}", project.display()));
    let none = match (name, project) {
        (Some(name), _) => format!("no session `{name}` runs"),
        (None, Some(_)) => "no session of this project runs".into(),
        (None, None) => "no session runs".into(),
    };
    report::remark(&format!("{none}: these are the logs of {id}{of}, which has ended"));
    Ok((past, None))
}

fn next(tails: &mut [(&'static str, Tail)], plain: &mut Option<Plain>) -> Vec<Said> {
    let mut lines: Vec<Said> = vec![];
    for (whose, tail) in tails {
        for line in tail.more().into_iter().map(|line| said(whose, line)) {
            match plain.as_mut().filter(|_| *whose == "provider") {
                None => lines.push(line),
                Some(plain) => lines.extend(
                    plain.of(&line.text).map(|text| Said { text: clean(text.as_bytes()), ..line.clone() }),
                ),
            }
        }
    }
    lines.sort_by(|a, b| a.at.cmp(&b.at));
    lines
}

fn said(whose: &'static str, line: crate::state::LogLine) -> Said {
    Said { at: line.at, whose, text: clean(&line.text) }
}

/// False when nobody listens any more.
fn tell(lines: impl IntoIterator<Item = Said>, several: bool) -> bool {
    lines.into_iter().all(|line| report::said(&line, several))
}

fn name(log: LogName) -> &'static str {
    match log {
        LogName::Gateway => "gateway",
        LogName::Provider => "provider",
        LogName::Edge => "edge",
        LogName::Hook => "hook",
    }
}
