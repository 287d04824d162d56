//! mcpgw itself: its settings files, its variables, its state folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Check, Finding, World};
use crate::config::{self, Layer};
use crate::error::{Error, Result};
use crate::os;
use crate::state::State;

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::looks("config.file", project_file),
        Check::looks("config.user", user_file),
        Check::looks("config.env", variables),
        Check::looks("config.values", values).needs(&["config.file", "config.user", "config.env"]),
        Check::looks("config.command", command).needs(&["config.values"]),
        Check::looks("state.home", home),
        Check::looks("state.access", access).needs(&["state.home"]),
        Check::looks("state.mode", modes).needs(&["state.home"]).repair(make_private),
        Check::looks("state.key", keys).needs(&["state.home"]),
    ]
}

fn project_file(world: &World) -> Finding {
    file(config::project_file(&world.here), &world.project, "no mcpgw.toml here or above")
}

fn user_file(world: &World) -> Finding {
    file(config::user_file().filter(|path| path.is_file()), &world.user, "no settings of the user's own")
}

fn file(path: Option<PathBuf>, read: &Result<Layer>, none: &str) -> Finding {
    match (read, path) {
        (Err(error), _) => blame(error),
        (Ok(_), Some(path)) => Finding::pass(format!("{} is valid", path.display())),
        (Ok(_), None) => Finding::pass(none),
    }
}

fn blame(error: &Error) -> Finding {
    let fix = error.fix.clone().unwrap_or_else(|| "correct it".into());
    Finding::fail(error.message.clone()).fix(fix)
}

fn variables(world: &World) -> Finding {
    if let Err(why) = &world.told.environment {
        let what = why.lines().find(|line| !line.trim().is_empty()).unwrap_or(why);
        let what = what.trim_start_matches("error: ");
        return Finding::fail(what).fix("correct that MCPGW_* variable, or unset it");
    }
    match config::slip(world.variables.keys().map(String::as_str), &world.told.variables) {
        None => Finding::pass("the MCPGW_* variables are settings and valid"),
        Some((name, near)) => Finding::warn(format!("{name} is no setting and changes nothing"))
            .fix(format!("did you mean {near}?")),
    }
}

fn values(world: &World) -> Finding {
    match &world.settings {
        Ok(_) => Finding::pass("they fit together"),
        Err(error) => blame(error),
    }
}

fn command(world: &World) -> Finding {
    let Ok(settings) = &world.settings else { return Finding::skip("the settings are broken") };
    let Some(program) = settings.command.first() else {
        return Finding::skip("no gateway command in the settings");
    };
    let folder = settings.folder.clone().unwrap_or_else(|| world.here.clone());
    match which::which_in(program, std::env::var_os("PATH"), folder) {
        Ok(path) => Finding::pass(format!("the gateway's command is {}", path.display())),
        Err(_) => Finding::fail(format!("the gateway's command `{program}` is not there"))
            .fix("check its spelling and that it is installed, on PATH and executable"),
    }
}

fn home(world: &World) -> Finding {
    match &world.state {
        Err(error) => blame(error),
        Ok(state) => match (fs::metadata(state.root()), state.root().display()) {
            (Ok(found), path) if found.is_dir() => Finding::pass(format!("it is {path}")),
            (Ok(_), path) => Finding::fail(format!("{path} is no folder"))
                .fix("remove that file, or set MCPGW_HOME to a folder"),
            (Err(_), path) => Finding::pass(format!("{path} will be made by the first session")),
        },
    }
}

/// Can state be written there? Asked of the system; nothing is written.
fn access(world: &World) -> Finding {
    let Ok(state) = &world.state else { return Finding::skip("no state folder") };
    let fix = "make it yours: check its owner and mode, or set MCPGW_HOME to another folder";
    let root = state.root();
    let nearest = root.ancestors().find(|path| path.exists()).unwrap_or(root);
    if !nearest.is_dir() {
        return Finding::fail(format!("{} is no folder", nearest.display())).fix(fix);
    }
    let parts = ["sessions", "logs", "ports"].map(|part| root.join(part));
    let folders =
        std::iter::once(nearest.to_path_buf()).chain(parts.into_iter().filter(|part| part.exists()));
    for folder in folders {
        if !os::may_write(&folder) {
            return Finding::fail(format!("{} cannot be written to", folder.display())).fix(fix);
        }
    }
    match os::free_space(nearest) {
        Some(free) if free < ENOUGH => {
            Finding::fail(format!("{} MiB are left on the disk of {}", free >> 20, nearest.display()))
                .fix("make room: sessions, logs and clients' files cannot be written")
        }
        _ => Finding::pass("it can be written to"),
    }
}

/// Logs alone may take a few times four megabytes.
const ENOUGH: u64 = 16 << 20;

/// What of the state folder others may enter or read.
fn open_to_others(state: &State) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![state.root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        let others = |path: &Path| os::mode(path).is_some_and(|mode| mode & 0o077 != 0);
        if others(&folder) {
            found.push(folder.clone());
        }
        for path in fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            // What a link leads to has its own place and its own mode.
            match path.symlink_metadata() {
                Ok(it) if it.is_dir() => folders.push(path),
                Ok(it) if it.is_file() && others(&path) && !is_for_everybody(&path) => found.push(path),
                _ => {}
            }
        }
    }
    found
}

/// Certificates are shown to whoever is to trust them.
fn is_for_everybody(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ["pem", "crt", "toml"].iter().any(|it| ending == *it))
        && !path.to_string_lossy().contains("key")
}

fn modes(world: &World) -> Finding {
    let Ok(state) = &world.state else { return Finding::skip("no state folder") };
    if !state.root().exists() {
        return Finding::skip("there is no state folder yet");
    }
    match open_to_others(state).as_slice() {
        [] => Finding::pass("the state folder is yours alone"),
        [root] if root == state.root() && os::mode(root).is_some_and(|mode| mode & 0o022 == 0) => {
            Finding::warn(format!("others can list the names in {}, and read none of it", root.display()))
                .fix(format!("chmod 700 {}, or mcpgw doctor --fix", root.display()))
        }
        open @ [first, ..] => {
            let more = if open.len() > 1 { format!(" and {} more", open.len() - 1) } else { String::new() };
            let mode = os::mode(first).unwrap_or_default();
            Finding::fail(format!("others can get at {} (mode {mode:04o}){more}", first.display()))
                .fix(format!("chmod -R go= {}, or mcpgw doctor --fix", state.root().display()))
        }
    }
}

fn make_private(world: &World) -> Vec<String> {
    let Ok(state) = &world.state else { return vec![] };
    let closed = open_to_others(state).into_iter().filter(|path| os::make_private(path).is_ok());
    closed.map(|path| format!("took {} away from others", path.display())).collect()
}

/// Every key in a key file must be one.
fn keys(world: &World) -> Finding {
    let Ok(state) = &world.state else { return Finding::skip("no state folder") };
    let files = fs::read_dir(state.root().join("keys")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "key"));
    let own = world.variable("MCPGW_KEY").map(crate::state::Key::parse);
    if own.is_some_and(|key| key.is_none()) {
        return Finding::fail("MCPGW_KEY is no key")
            .fix("use 16 to 256 letters, digits, `-`, `.`, `_` and `~`, or unset it");
    }
    for path in &files {
        if let Err(error) = crate::state::read_key(path) {
            return blame(&error);
        }
    }
    match files.len() {
        0 => Finding::skip("there is no key yet"),
        count => {
            Finding::pass(format!("{count} project{} a key", if count == 1 { " has" } else { "s have" }))
        }
    }
}
