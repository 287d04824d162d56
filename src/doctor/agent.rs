//! Tunnel programs that run: another agent of the same account, who has ngrok's port, and what the session's own
//! program says of itself on its local API (ngrok's at 4040 and above, cloudflared's metrics). A side channel: what
//! it says is worth a warning and never more.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::program::program_of;
use super::usage::{Use, use_of};
use super::{Check, Finding, World};
use crate::os::{self, Process};
use crate::provider::{self, Signal};
use crate::session::base;

pub(super) fn checks() -> Vec<Check> {
    vec![Check::looks("provider.ngrok.agent", another), Check::looks("provider.ngrok.web", web)]
}

/// What needs a session.
pub(super) fn session_checks() -> Vec<Check> {
    vec![Check::asks("session.api", api).needs(&["session.provider", "session.ready"])]
}

fn is_ngrok(process: &Process) -> bool {
    process.name == "ngrok" && !process.zombie
}

/// One account, one agent: another ngrok that runs already keeps ours out (ERR_NGROK_108). What sessions
/// started, or left, is their business.
fn another(world: &World) -> Finding {
    let mut agents = world.processes().iter().filter(|it| is_ngrok(it));
    let Some(other) = agents.find(|it| world.mark(it.pid).is_none()) else {
        return Finding::pass("no other ngrok runs");
    };
    let used = provider::find("ngrok").map_or(Use::Not, |ngrok| use_of(ngrok, world));
    let what = format!("another ngrok runs: {}; an account has one agent at a time", program_of(other));
    let fix = format!("end it: kill {}", other.pid);
    match used {
        Use::Chosen => Finding::fail(what).fix(fix),
        Use::Possible => Finding::warn(what).fix(fix),
        Use::Not => Finding::pass(format!("ngrok is not in use here; {} runs", program_of(other))),
    }
}

/// Who has the port of ngrok's page. Taken, ngrok moves on to the next, and mcpgw reads where to.
fn web(_: &World) -> Finding {
    const PORT: u16 = 4040;
    match os::listener_on(PORT) {
        None => Finding::pass(format!("port {PORT} is free for ngrok's page")),
        Some(holder) if is_ngrok(&holder) => {
            Finding::pass(format!("{} has port {PORT}", program_of(&holder)))
        }
        Some(holder) => Finding::pass(format!(
            "{} has port {PORT}: ngrok's page is on the next free one, and mcpgw reads which",
            program_of(&holder)
        )),
    }
}

async fn api(world: Arc<World>) -> Finding {
    const LIMIT: Duration = Duration::from_secs(2);
    let (Some(session), Ok(client)) = (&world.session, &world.local) else {
        return Finding::skip("no session runs");
    };
    let (Ok(provider), Some(port)) = (provider::find(&session.provider), session.api_port) else {
        return Finding::skip(format!("{} has no local API", session.provider));
    };
    let mut said = vec![];
    let mut answers = false;
    for path in provider.api() {
        let asked = client.get(format!("http://127.0.0.1:{port}{path}")).timeout(LIMIT).send().await;
        let Ok(answer) = asked else { continue };
        let status = answer.status().as_u16();
        let body = answer.text().await.unwrap_or_default();
        answers = true;
        said.extend(provider.read_api(path, status, &body));
    }
    let id = provider.id();
    match answers {
        true => heard(id, port, world.url().as_ref(), &said),
        false => Finding::warn(format!(
            "{id}'s local API on port {port} does not answer: mcpgw cannot ask it how the tunnel fares"
        ))
        .fix("mcpgw logs provider tells more; restart the session"),
    }
}

fn heard(id: &str, port: u16, ours: Option<&Url>, said: &[Signal]) -> Finding {
    for signal in said {
        match signal {
            Signal::Disconnected(why) => {
                return Finding::warn(format!("{why}, it says on port {port}"))
                    .fix("it tries again by itself; mcpgw logs provider tells what keeps it");
            }
            Signal::Url(stated) if ours.is_some_and(|ours| ours.host() != stated.host()) => {
                return Finding::warn(format!(
                    "{id} says on port {port} that its address is {}, and the session's is {}",
                    base(stated),
                    ours.map(base).unwrap_or_default()
                ))
                .fix("restart the session");
            }
            _ => {}
        }
    }
    Finding::pass(format!("{id} says on port {port} that its tunnel stands"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_tunnel_program_that_is_cut_off_or_elsewhere_is_worth_a_warning() {
        let ours = Url::parse("https://x.example").unwrap();
        let of = |said: &[Signal]| heard("ngrok", 4040, Some(&ours), said).verdict;
        assert_eq!(of(&[]), Verdict::Pass);
        assert_eq!(of(&[Signal::Url(ours.clone()), Signal::Connected]), Verdict::Pass);
        assert_eq!(of(&[Signal::Disconnected("it is cut off".into())]), Verdict::Warn);
        assert_eq!(of(&[Signal::Url(Url::parse("https://y.example").unwrap())]), Verdict::Warn);
    }
}
