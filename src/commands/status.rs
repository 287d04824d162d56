//! `mcpgw status`: the sessions, and whether they live. Shows where a key lies and never the key.

use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;

use super::pick;
use crate::cli::StatusArgs;
use crate::client::{self, Leftover};
use crate::error::Result;
use crate::report::{self, Canvas, Card, Event};
use crate::state::{self, Pulse, SessionRecord, State, Watch};

pub(super) fn run(args: &StatusArgs) -> Result<()> {
    let state = State::open()?;
    let wanted = args.name.as_deref().or(args.session.as_deref());
    match (args.requests, args.watch) {
        (true, false) => return super::requests::run(&pick::named(state.running(), wanted)?, args.json),
        (true, true) => return super::requests::watch(&state, wanted, args.json),
        (false, true) => return watch(&state, wanted, args.json),
        (false, false) => {}
    }
    let sessions = look(pick::named(state.sessions(), wanted)?);
    match args.json {
        true => report::out(&document(&sessions)),
        false if sessions.is_empty() => report::out(NONE),
        false => report::cards(&cards(&sessions)),
    }
    if !args.json {
        client::leftovers(&state).iter().for_each(left);
    }
    Ok(())
}

/// What `--session` takes for each, for shells that complete it.
pub(super) fn names() -> Result<()> {
    let sessions = State::look()?.sessions();
    let all: Vec<&SessionRecord> = sessions.iter().collect();
    all.iter().for_each(|session| report::out(&state::handle(session, &all)));
    Ok(())
}

/// Says what a session that died left in a client's file, and changes nothing.
fn left(left: &Leftover) {
    let message = format!("{} still has the entry of a session that died", left.path.display());
    let fix = "`mcpgw stop` gives back what was there".to_string();
    report::advise(&Event::notice("client.leftover", message, Some(fix)));
}

const NONE: &str = "no session is running";

/// A session and how it fares.
type Look = (SessionRecord, Pulse);

/// All of them at once: a hung one takes its time.
fn look(sessions: Vec<SessionRecord>) -> Vec<Look> {
    std::thread::scope(|scope| {
        let feel = |session: SessionRecord| {
            scope.spawn(move || {
                let pulse = session.pulse();
                (session, pulse)
            })
        };
        let looks: Vec<_> = sessions.into_iter().map(feel).collect();
        looks.into_iter().filter_map(|look| look.join().ok()).collect()
    })
}

/// Shows every change, until nobody listens any more.
fn watch(state: &State, wanted: Option<&str>, json: bool) -> Result<()> {
    /// A session that hangs or dies changes no file: how often that is looked for.
    const PULSE: Duration = Duration::from_secs(2);
    let (mut watch, mut canvas) = (state.watch(), Canvas::default());
    let mut shown = None;
    loop {
        // One that is named and not there may yet come, or has ended.
        let sessions = look(pick::named(state.sessions(), wanted).unwrap_or_default());
        if shown.as_ref() != Some(&sessions) {
            let told = match (json, sessions.is_empty()) {
                (true, _) => report::told(&document(&sessions)),
                (false, true) => canvas.line(NONE),
                (false, false) => canvas.cards(&cards(&sessions)),
            };
            if !told {
                return Ok(());
            }
            shown = Some(sessions);
        }
        let next = Instant::now() + PULSE;
        while !watch.changed() && Instant::now() < next {
            sleep(Watch::PACE);
        }
    }
}

/// What `--json` prints of one: no variables, for the user may have put a secret among them.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    name: String,
    /// `live`, `hung` or `dead`.
    pulse: &'static str,
    /// Why it is not live, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    phase: &'a str,
    folder: String,
    provider: &'a str,
    url: Option<&'a str>,
    mcp_url: Option<&'a str>,
    callback_url: Option<&'a str>,
    local_url: &'a str,
    profile: &'a str,
    gateway_port: u16,
    edge_port: u16,
    pid: u32,
    started_at: &'a str,
    key_file: Option<String>,
    ca_file: Option<String>,
    logs: String,
}

fn document(sessions: &[Look]) -> String {
    let rows: Vec<Row<'_>> = sessions.iter().map(|(session, pulse)| row(session, pulse)).collect();
    serde_json::json!({ "sessions": rows }).to_string()
}

fn row<'a>(session: &'a SessionRecord, pulse: &'a Pulse) -> Row<'a> {
    let text = |path: &std::path::Path| path.display().to_string();
    let (name, why, fix) = match pulse {
        Pulse::Live => ("live", None, None),
        Pulse::Hung { why, fix } => ("hung", Some(why.as_str()), Some(fix.clone())),
        Pulse::Dead => ("dead", Some("its process is gone"), Some(clear(session))),
    };
    Row {
        id: &session.id,
        name: session.name(),
        pulse: name,
        why,
        fix,
        phase: &session.phase,
        folder: text(&session.folder),
        provider: &session.provider,
        url: session.url.as_deref(),
        mcp_url: session.mcp_url.as_deref(),
        callback_url: session.callback_url.as_deref(),
        local_url: &session.local_url,
        profile: &session.profile,
        gateway_port: session.gateway_port,
        edge_port: session.edge_port,
        pid: session.pid,
        started_at: &session.started_at,
        key_file: session.key_file.as_deref().map(text),
        ca_file: session.ca_file.as_deref().map(text),
        logs: text(&session.logs),
    }
}

fn clear(session: &SessionRecord) -> String {
    format!("mcpgw stop --session {} clears away what it left", session.id)
}

fn cards(sessions: &[Look]) -> Vec<Card> {
    sessions.iter().map(|(session, pulse)| card(session, pulse, Timestamp::now())).collect()
}

fn card(session: &SessionRecord, pulse: &Pulse, now: Timestamp) -> Card {
    let (good, state) = match (pulse, session.phase.as_str()) {
        (Pulse::Dead, _) => (false, "dead"),
        (Pulse::Hung { .. }, _) => (false, "hung"),
        (Pulse::Live, "ready") => (true, "ready"),
        (Pulse::Live, "starting") => (false, "starting"),
        (Pulse::Live, "stopping") => (false, "stopping"),
        (Pulse::Live, _) => (false, "restarting"),
    };
    let mut rows: Vec<(&str, String)> = match pulse {
        Pulse::Live => vec![],
        Pulse::Hung { why, fix } => vec![("why", why.clone()), ("fix", fix.clone())],
        Pulse::Dead => {
            vec![("why", format!("its process {} is gone", session.pid)), ("fix", clear(session))]
        }
    };
    let addresses = [
        ("address", session.url.clone()),
        ("MCP URL", session.mcp_url.clone()),
        ("OAuth callback", session.callback_url.clone()),
    ];
    rows.extend(addresses.into_iter().filter_map(|(label, url)| Some((label, url?))));
    if session.url.is_none() && *pulse == Pulse::Live {
        rows.push(("address", "none yet".into()));
    }
    rows.push(("provider", session.provider.clone()));
    rows.push(("gateway", format!("port {}", session.gateway_port)));
    rows.extend(session.key_file.iter().map(|file| ("key file", file.display().to_string())));
    let up = session.started_at.parse().map(|start: Timestamp| age(now.duration_since(start).as_secs()));
    let process = format!("{}{}", session.pid, up.map_or(String::new(), |up| format!(", started {up} ago")));
    rows.push(("process", process));
    rows.push(("session", format!("{} in {}", session.id, session.folder.display())));
    rows.push(("logs", session.logs.display().to_string()));
    Card { title: session.name(), good, state, rows }
}

/// `42 s`, `5 min`, `3 h 7 min`, `2 d 4 h`
fn age(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if minutes < 1 => format!("{} s", seconds.max(0)),
        () if hours < 1 => format!("{minutes} min"),
        () if days < 1 => format!("{hours} h {} min", minutes % 60),
        () => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::record;

    fn session() -> SessionRecord {
        SessionRecord {
            folder: "/home/me/shop".into(),
            provider: "localtunnel".into(),
            phase: "ready".into(),
            pid: 4242,
            url: Some("https://x.loca.lt".into()),
            mcp_url: Some("https://x.loca.lt/api/mcp/default".into()),
            callback_url: Some("https://x.loca.lt/api/oauth/callback".into()),
            local_url: "http://127.0.0.1:5000".into(),
            profile: "default".into(),
            key_file: Some("/home/me/.local/state/mcpgw/keys/shop-1.key".into()),
            env: [("TOKEN".to_string(), "secret-in-a-template".to_string())].into(),
            logs: "/home/me/.local/state/mcpgw/logs/1a2b3c4d".into(),
            ..record("1a2b3c4d")
        }
    }

    fn shown(session: &SessionRecord, pulse: &Pulse) -> String {
        let card = card(session, pulse, "2026-01-01T02:03:04Z".parse().unwrap());
        let rows = card.rows.iter().map(|(label, value)| format!("  {label}: {value}\n"));
        format!("{} {}\n{}", card.title, card.state, rows.collect::<String>())
    }

    #[test]
    fn a_live_a_hung_and_a_dead_session_are_told_apart() {
        let hung = Pulse::Hung { why: "it is suspended".into(), fix: "fg".into() };
        let all = [Pulse::Live, hung, Pulse::Dead].map(|pulse| shown(&session(), &pulse)).join("\n");
        insta::assert_snapshot!(all);
    }

    #[test]
    fn the_document_has_a_row_a_session_and_no_variable_of_the_users() {
        let document = document(&[(session(), Pulse::Dead)]);
        assert!(!document.contains("secret-in-a-template"), "{document}");
        let value: serde_json::Value = serde_json::from_str(&document).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap());
    }

    #[test]
    fn ages_are_as_people_say_them() {
        let ages = [-1, 42, 300, 11_220, 187_200].map(age);
        assert_eq!(ages, ["0 s", "42 s", "5 min", "3 h 7 min", "2 d 4 h"]);
    }
}
