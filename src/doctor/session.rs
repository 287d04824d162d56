//! Sessions: what dead ones left behind, and whether the living one is well.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::program::{program_of, short};
use super::{Check, Finding, World};
use crate::os::{self, Process};
use crate::process;
use crate::provider::Plain;
use crate::state::{Pulse, SessionRecord, State};

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::looks("session.file", files).needs(&["state.home"]).repair(remove_broken),
        Check::looks("session.stale", stale).needs(&["state.home"]).repair(forget_stale),
        Check::looks("session.orphans", orphans).needs(&["state.home"]).repair(end_orphans),
        Check::looks("session.several", several).needs(&["state.home"]),
        Check::looks("session.running", running).needs(&["state.home"]),
        Check::looks("session.key", key_file).needs(&["session.running"]),
        Check::asks("session.edge", edge).needs(&["session.running"]),
        Check::looks("session.provider", provider).needs(&["session.edge"]),
        Check::looks("session.ready", ready).needs(&["session.edge"]),
        Check::looks("session.env_file", env_file).needs(&["session.ready", "config.values"]),
    ]
}

/// Session files that no mcpgw can read.
fn broken(state: &State) -> Vec<PathBuf> {
    let files = fs::read_dir(state.root().join("sessions")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    files.retain(|path| {
        let named = path.extension().is_some_and(|ending| ending == "json");
        let reads =
            || fs::read(path).is_ok_and(|text| serde_json::from_slice::<SessionRecord>(&text).is_ok());
        named && !reads()
    });
    files
}

fn files(world: &World) -> Finding {
    let Ok(state) = &world.state else { return Finding::skip("no state folder") };
    match broken(state).first() {
        None => Finding::pass("every session's file can be read"),
        Some(path) => {
            Finding::fail(format!("{} cannot be read: that session is seen by nobody", path.display()))
                .fix("mcpgw doctor --fix removes it")
        }
    }
}

fn remove_broken(world: &World) -> Vec<String> {
    let Ok(state) = &world.state else { return vec![] };
    let removed = broken(state).into_iter().filter(|path| fs::remove_file(path).is_ok());
    removed.map(|path| format!("removed {}", path.display())).collect()
}

fn dead(world: &World) -> impl Iterator<Item = &SessionRecord> {
    world.sessions.iter().filter(|session| !session.is_alive())
}

fn stale(world: &World) -> Finding {
    match dead(world).next() {
        None => Finding::pass("no session that ended left its file behind"),
        Some(session) => {
            let url = session.url.as_deref().unwrap_or("no address yet");
            Finding::fail(format!(
                "session {} ({url}) ended without a goodbye: pid {} is gone, and its file is still there",
                session.id, session.pid
            ))
            .fix("mcpgw doctor --fix removes it; the next `mcpgw tunnel` does, too")
        }
    }
}

fn forget_stale(world: &World) -> Vec<String> {
    let Ok(state) = &world.state else { return vec![] };
    // What it left running goes first: without its file nobody would look for that.
    let mut done = end_orphans(world);
    for session in dead(world) {
        crate::session::clear_away(state, session);
        done.push(format!("removed the file of session {}", session.id));
    }
    state.remove_litter();
    done
}

/// Processes that carry the mark of a session of this state folder that has ended.
fn left_running(world: &World) -> Vec<(&Process, String)> {
    let Ok(state) = &world.state else { return vec![] };
    let alive = |id: &str| world.sessions.iter().any(|session| session.id == id && session.is_alive());
    // Every session of ours has, or had, a folder of logs; a mark without one is another home's.
    let ours = |id: &str| {
        world.sessions.iter().any(|session| session.id == id) || state.root().join("logs").join(id).is_dir()
    };
    let named = |id: &str| id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let running =
        world.processes().iter().filter(|process| !process.zombie && process.pid != std::process::id());
    running
        .filter_map(|process| Some((process, world.mark(process.pid)?)))
        .filter(|(_, id)| named(id) && !alive(id) && ours(id))
        .collect()
}

fn orphans(world: &World) -> Finding {
    let left = left_running(world);
    match left.as_slice() {
        [] => Finding::pass("no session that ended left a process running"),
        [(first, id), ..] => {
            let count = left.len();
            let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
            Finding::fail(format!("session {id} has ended, and {}{more} still runs", program_of(first)))
                .fix("mcpgw doctor --fix ends what dead sessions left running")
        }
    }
}

fn end_orphans(world: &World) -> Vec<String> {
    let left = left_running(world);
    let mut sessions: Vec<&String> = left.iter().map(|(_, id)| id).collect();
    sessions.sort_unstable();
    sessions.dedup();
    for id in sessions {
        process::sweep(id, &[]);
    }
    left.iter().map(|(process, id)| format!("ended {}, left by session {id}", program_of(process))).collect()
}

/// Two for one project: clients follow the newer one, and the older one keeps its tunnel.
fn several(world: &World) -> Finding {
    let alive: Vec<_> = world.sessions.iter().filter(|session| session.is_alive()).collect();
    let twice = alive.iter().enumerate().find_map(|(at, one)| {
        let same = |other: &&&SessionRecord| other.gateway_port == one.gateway_port;
        alive[at + 1..].iter().find(same).map(|other| (one, other))
    });
    match (twice, alive.len()) {
        (Some((one, other)), _) => Finding::warn(format!(
            "two sessions lead to port {}: pids {} and {}",
            one.gateway_port, one.pid, other.pid
        ))
        .fix(format!("end one of them: kill {}", other.pid)),
        (None, 0) => Finding::pass("no session runs"),
        (None, 1) => Finding::pass("one session runs"),
        (None, count) => Finding::pass(format!("{count} sessions run, each on a port of its own")),
    }
}

fn running(world: &World) -> Finding {
    match &world.session {
        Some(session) => Finding::pass(format!(
            "session {} ({}) runs as pid {} on {}",
            session.id,
            session.name(),
            session.pid,
            session.provider
        )),
        None => match world.sessions.iter().find(|session| session.is_alive()) {
            Some(other) => Finding::skip(format!(
                "no session of this project runs; the one of another does (--session {})",
                other.name()
            ))
            .fix("mcpgw tunnel starts one"),
            None => Finding::skip("no session runs").fix("mcpgw tunnel starts one"),
        },
    }
}

/// A process that is there and does nothing looks alive to everybody but its visitors.
async fn edge(world: Arc<World>) -> Finding {
    const LIMIT: Duration = Duration::from_secs(4);
    let Some(session) = &world.session else { return Finding::skip("no session runs") };
    let asked = session.clone();
    if let Ok(Pulse::Hung { why, fix }) = tokio::task::spawn_blocking(move || asked.pulse()).await {
        return Finding::fail(why).fix(fix);
    }
    let Some(probe) = &world.probe else {
        return Finding::skip("the session tells nobody how to recognise it: another version of mcpgw?");
    };
    let client = match super::near::near(&world) {
        Ok(client) => client,
        Err(error) => return Finding::unable(error.message),
    };
    let fix = format!("mcpgw stop --session {}, then start it again", session.id);
    let asked = client.get(format!("{}{}", session.local_url, probe.path)).timeout(LIMIT).send().await;
    let said = match asked {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(error) => {
            let reason = crate::web::reason(&error);
            return Finding::fail(format!(
                "the edge on port {} cannot be reached: {reason}",
                session.edge_port
            ))
            .fix(fix);
        }
    };
    match said == probe.answer {
        true => Finding::pass(format!("the edge on port {} answers", session.edge_port)),
        false => {
            Finding::fail(format!("something else answers on the edge's port {}", session.edge_port)).fix(fix)
        }
    }
}

/// Does the tunnel's own program run?
fn provider(world: &World) -> Finding {
    let Some(session) = &world.session else { return Finding::skip("no session runs") };
    let is_tunnel = crate::provider::find(&session.provider).is_ok_and(|provider| provider.is_tunnel());
    if !is_tunnel {
        return Finding::skip(format!("{} needs no program", session.provider));
    }
    let name = if session.provider == "localtunnel" { "lt" } else { session.provider.as_str() };
    let mut unseen = true;
    for process in world.processes().iter().filter(|process| !process.zombie) {
        let Some(variables) = os::environment(process.pid) else { continue };
        unseen = false;
        let marked = variables.iter().any(|it| *it == format!("{}={}", process::SESSION_MARK, session.id));
        let arguments = os::arguments(process.pid);
        let is_it = arguments.iter().take(2).any(|word| word.rsplit(['/', '\\']).next() == Some(name));
        if marked && is_it {
            return match process.stopped {
                true => {
                    Finding::fail(format!("{} is stopped: the tunnel is alive but dead", program_of(process)))
                        .fix(format!("kill -CONT {0}, or kill {0} and mcpgw starts it anew", process.pid))
                }
                false => Finding::pass(format!("{} runs", program_of(process))),
            };
        }
    }
    match (unseen, session.phase.as_str()) {
        (true, _) => Finding::skip("this system shows nobody's variables"),
        // A wrapper of the user's own may be called as it likes.
        (false, "ready") => Finding::skip(format!("no process of the session is called {name}")),
        (false, _) => {
            Finding::warn(format!("{name} does not run at the moment: mcpgw is about to start it anew"))
                .fix("wait some seconds; `mcpgw logs provider` tells why it ended")
        }
    }
}

fn ready(world: &World) -> Finding {
    let Some(session) = &world.session else { return Finding::skip("no session runs") };
    let (logs, folder) = (session.logs.display(), &session.phase);
    match (folder.as_str(), &session.url) {
        ("ready", Some(url)) => Finding::pass(format!("its address is {url}")),
        ("starting", _) | (_, None) => {
            let why = last_line(session).map_or(String::new(), |line| format!("; its last word: {line}"));
            let since =
                format!("it is not ready yet (phase {}, since {}){why}", session.phase, session.started_at);
            Finding::warn(since).fix(format!("look at {logs}/provider.log and gateway.log")).blocking()
        }
        (phase, Some(_)) => Finding::warn(format!("the session is {phase}"))
            .fix(format!("wait some seconds, or look at the logs in {logs}")),
    }
}

/// What the provider said last that is of use, without what looks like a token.
fn last_line(session: &SessionRecord) -> Option<String> {
    const LONGEST: usize = 160;
    let text = fs::read_to_string(session.logs.join("provider.log")).ok()?;
    let mut plain = Plain::default();
    // Each line begins with its time.
    let said = text.lines().map(|line| line.split_once(' ').map_or(line, |(_, said)| said));
    let of_use = said.filter_map(|said| plain.of(said).filter(|words| !words.trim().is_empty()));
    let line = of_use.last()?;
    Some(short(&crate::provider::without_tokens(&line), LONGEST))
}

/// The file that mcpgw keeps the address in must hold the current one.
fn env_file(world: &World) -> Finding {
    let (Some(session), Ok(settings)) = (&world.session, &world.settings) else {
        return Finding::skip("no session runs");
    };
    let Some(path) = settings.env_file.as_ref() else { return Finding::skip("no env file is kept") };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let why = crate::error::io_reason(&error);
            return Finding::fail(format!("{} cannot be read: {why}", path.display()))
                .fix("restart the session: it writes the file anew");
        }
    };
    for (name, value) in &session.env {
        let written =
            text.lines().rev().find_map(|line| line.trim().strip_prefix(name.as_str())?.strip_prefix('='));
        match written.map(|it| it.trim().trim_matches(['"', '\''])) {
            Some(has) if has == value => {}
            Some(has) => {
                return Finding::fail(format!(
                    "{} says {name}={has}, and it should be {value}",
                    path.display()
                ))
                .fix("restart the session: it writes the file anew");
            }
            None => {
                return Finding::fail(format!("{} does not hold {name}", path.display()))
                    .fix("restart the session: it writes the file anew");
            }
        }
    }
    Finding::pass(format!("{} holds the current address", path.display()))
}

/// A key that others can read is none.
fn key_file(world: &World) -> Finding {
    let Some(file) = world.session.as_ref().and_then(|session| session.key_file.as_ref()) else {
        return Finding::skip("the session has no key");
    };
    match (file.is_file(), os::others_can_read(file)) {
        (false, _) => Finding::fail(format!("the key file {} is gone", file.display()))
            .fix("restart the session: it makes a new key; then mcpgw configure"),
        (true, true) => Finding::fail(format!("others can read the key in {}", file.display()))
            .fix(format!("chmod 600 {}, then mcpgw key rotate", file.display())),
        (true, false) => Finding::pass(format!("the key in {} is yours alone", file.display())),
    }
}
