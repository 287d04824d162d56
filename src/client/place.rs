//! Where a client's files are on this machine. Paths of the registry begin with `~/`, or with one of
//! `{xdg}` (XDG_CONFIG_HOME, else ~/.config), `{appdata}` (where Electron keeps its things) and
//! `{localappdata}` (Windows); a `*` in the name of a folder stands for whatever is there.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::registry::Client;
use crate::config::Scope;
use crate::error::{Error, Result};

/// The value of a variable of the environment.
type Variables = Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>;

/// What paths depend on.
pub struct Ground {
    /// The user's home.
    pub home: PathBuf,
    /// `linux`, `macos` or `windows`.
    pub os: &'static str,
    /// The working folder.
    pub here: PathBuf,
    /// The project's folder.
    pub project: PathBuf,
    /// The environment.
    pub variable: Variables,
}

impl std::fmt::Debug for Ground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground").field("home", &self.home).field("os", &self.os).finish_non_exhaustive()
    }
}

impl Ground {
    /// This machine, now; `project` is the project's folder.
    pub fn now(project: PathBuf) -> Result<Self> {
        let home = dirs::home_dir().filter(|home| home.is_absolute()).ok_or_else(|| {
            Error::failed("client.no_home", "find the clients' files: no home folder is set").fix("set HOME")
        })?;
        let here = std::env::current_dir().unwrap_or_default();
        Ok(Self {
            home,
            os: std::env::consts::OS,
            here,
            project,
            variable: Box::new(|name| std::env::var_os(name)),
        })
    }

    /// A variable that says something.
    fn value(&self, name: &str) -> Option<PathBuf> {
        (self.variable)(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    fn folder(&self, name: &str) -> PathBuf {
        let given = |name: &str| self.value(name).filter(|path| path.is_absolute());
        match (name, self.os) {
            ("xdg", _) | ("appdata", "linux") => {
                given("XDG_CONFIG_HOME").unwrap_or_else(|| self.home.join(".config"))
            }
            ("appdata", "macos") => self.home.join("Library/Application Support"),
            ("appdata", _) => given("APPDATA").unwrap_or_else(|| self.home.join("AppData/Roaming")),
            _ => given("LOCALAPPDATA").unwrap_or_else(|| self.home.join("AppData/Local")),
        }
    }

    /// The paths that a template of the registry stands for: one, unless it has a `*`.
    fn paths(&self, template: &str) -> Vec<PathBuf> {
        let named = template.strip_prefix('{').and_then(|rest| rest.split_once("}/"));
        let (start, rest) = match (template.strip_prefix("~/"), named) {
            (Some(rest), _) => (self.home.clone(), rest),
            (None, Some((name, rest))) => (self.folder(name), rest),
            (None, None) => (self.project.clone(), template),
        };
        rest.split('/').fold(vec![start], |found, part| {
            found.into_iter().flat_map(|folder| matching(folder, part)).collect()
        })
    }
}

fn matching(folder: PathBuf, part: &str) -> Vec<PathBuf> {
    let Some((begin, end)) = part.split_once('*') else { return vec![folder.join(part)] };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let fits = |name: &str| name.starts_with(begin) && name.ends_with(end);
    let fitting = entries.filter(|entry| entry.file_name().to_str().is_some_and(fits));
    fitting.map(|entry| entry.path()).collect()
}

/// The files that may be the client's, the likeliest first. Empty where it has none there.
pub fn candidates(client: &Client, scope: Scope, ground: &Ground) -> Result<Vec<PathBuf>> {
    if scope == Scope::Project {
        return Ok(client.project.iter().map(|path| ground.project.join(path)).collect());
    }
    let own = user_templates(client, ground.os);
    if own.is_empty() {
        return Ok(vec![]);
    }
    for (name, template) in client.moved_by {
        if let Some(value) = ground.value(name) {
            return moved(name, &value, template, ground).map(|path| vec![path]);
        }
    }
    Ok(own.iter().flat_map(|template| ground.paths(template)).collect())
}

fn user_templates(client: &Client, os: &str) -> &'static [&'static str] {
    match os {
        "macos" => client.macos,
        "windows" => client.windows,
        _ => client.linux,
    }
}

fn moved(name: &str, value: &Path, template: &str, ground: &Ground) -> Result<PathBuf> {
    if value.starts_with("~") {
        let message = format!("use {name}={}: no program makes a home folder of that `~`", value.display());
        return Err(Error::usage("client.variable", message).fix(format!("write ${{HOME}} in {name}")));
    }
    let rest = template.trim_start_matches("{}").trim_start_matches('/');
    let moved = ground.here.join(value);
    Ok(if rest.is_empty() { moved } else { moved.join(rest) })
}

/// Does the client seem to be installed: has it a file, a folder or a program here?
pub fn is_installed(client: &Client, ground: &Ground) -> bool {
    let files = candidates(client, Scope::User, ground).unwrap_or_default();
    let marks = client.marks.iter().flat_map(|mark| ground.paths(mark));
    let folders = files
        .iter()
        .filter(|_| client.marks.is_empty())
        .filter_map(|file| file.parent().map(Path::to_path_buf));
    let path = (ground.variable)("PATH");
    let has_program = |name: &&str| which::which_in(name, path.as_ref(), &ground.here).is_ok();
    files.iter().any(|file| file.is_file())
        || marks.chain(folders).any(|path| path != ground.home && path.exists())
        || (!user_templates(client, ground.os).is_empty() && client.programs.iter().any(has_program))
}

/// A path that a person wrote, perhaps with a `~` that the shell left alone (`--config=~/x`).
pub fn written(path: &Path, ground: &Ground) -> PathBuf {
    match path.strip_prefix("~") {
        Ok(rest) => ground.home.join(rest),
        Err(_) => ground.here.join(path),
    }
}

#[cfg(test)]
mod tests {
    use super::super::registry::{ALL, find};
    use super::*;

    fn ground(os: &'static str, variables: &'static [(&'static str, &'static str)]) -> Ground {
        let variable = move |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        Ground {
            home: "/home/me".into(),
            os,
            here: "/work/shop/src".into(),
            project: "/work/shop".into(),
            variable: Box::new(variable),
        }
    }

    /// With `/` between its parts, whatever system the test runs on.
    fn first(id: &str, os: &'static str, variables: &'static [(&'static str, &'static str)]) -> String {
        let found = candidates(find(id).unwrap(), Scope::User, &ground(os, variables)).unwrap();
        found[0].to_str().unwrap().replace('\\', "/")
    }

    #[test]
    fn a_client_is_where_its_platform_has_it() {
        assert_eq!(first("cursor", "linux", &[]), "/home/me/.cursor/mcp.json");
        assert_eq!(first("vscode", "linux", &[]), "/home/me/.config/Code/User/mcp.json");
        assert_eq!(first("vscode", "macos", &[]), "/home/me/Library/Application Support/Code/User/mcp.json");
        assert_eq!(first("zed", "macos", &[("XDG_CONFIG_HOME", "/x")]), "/home/me/.config/zed/settings.json");
        assert_eq!(first("crush", "windows", &[]), "/home/me/.config/crush/crush.json");
    }

    #[test]
    fn variables_move_what_they_move() {
        assert_eq!(first("claude-code", "linux", &[("CLAUDE_CONFIG_DIR", "/c")]), "/c/.claude.json");
        assert_eq!(first("claude-code", "linux", &[("CLAUDE_CONFIG_DIR", "")]), "/home/me/.claude.json");
        assert_eq!(
            first("claude-code", "linux", &[("CLAUDE_CONFIG_DIR", "c")]),
            "/work/shop/src/c/.claude.json"
        );
        // Absolute on the system that the test runs on.
        const ROOT: &str = if cfg!(windows) { "C:/x" } else { "/x" };
        let moved = first("opencode", "macos", &[("XDG_CONFIG_HOME", ROOT)]);
        assert_eq!(moved, format!("{ROOT}/opencode/opencode.jsonc"));
        assert_eq!(
            first("copilot-cli", "linux", &[("XDG_CONFIG_HOME", "/x")]),
            "/home/me/.copilot/mcp-config.json"
        );
        assert_eq!(
            first("cline", "linux", &[("CLINE_MCP_SETTINGS_PATH", "/c.json"), ("CLINE_DIR", "/d")]),
            "/c.json"
        );
        assert_eq!(first("cursor", "linux", &[("XDG_CONFIG_HOME", "relative")]), "/home/me/.cursor/mcp.json");
    }

    #[test]
    fn a_tilde_that_nobody_expands_is_named() {
        let ground = ground("linux", &[("CLAUDE_CONFIG_DIR", "~/c")]);
        let error = candidates(find("claude-code").unwrap(), Scope::User, &ground).unwrap_err();
        assert!(error.message.contains("CLAUDE_CONFIG_DIR=~/c") && error.fix.is_some(), "{error:?}");
        assert_eq!(written(Path::new("~/x.json"), &ground), Path::new("/home/me/x.json"));
        assert_eq!(written(Path::new("x.json"), &ground), Path::new("/work/shop/src/x.json"));
        assert_eq!(written(Path::new("~x.json"), &ground), Path::new("/work/shop/src/~x.json"));
    }

    #[test]
    fn every_row_has_a_place_and_a_name_of_its_own() {
        let mut names: Vec<&str> =
            ALL.iter().flat_map(|client| client.aliases.iter().copied().chain([client.id])).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for client in ALL {
            let places = [client.linux, client.macos, client.windows, client.project];
            assert!(places.iter().any(|paths| !paths.is_empty()), "{}", client.id);
            assert!(!client.path.is_empty() && !client.reload.is_empty(), "{}", client.id);
            assert_eq!(client.headers.is_some(), client.speaks_http(), "{}", client.id);
        }
    }
}
