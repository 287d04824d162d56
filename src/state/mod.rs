//! What mcpgw keeps between runs: one file a running session, logs, keys, the local CA. Everything lies in
//! one folder that only the user can enter (0700, files 0600); `MCPGW_HOME` moves it.

mod address;
mod choose;
mod key;
mod log;
mod port;
mod pulse;
mod tail;
mod watch;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, io_reason};
use crate::file::{self, Privacy};
use crate::os;

pub use choose::{Here, Wanted, choose, handle};
pub use key::{Key, read_key};
pub use log::{Log, stamp};
pub use port::PortClaim;
pub use pulse::Pulse;
pub use tail::{LogLine, Tail};
pub use watch::Watch;

/// The state folder.
#[derive(Debug, Clone)]
pub struct State {
    root: PathBuf,
}

/// One running session, as other commands and the next start see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Random, eight hexadecimal digits; every child carries it as `MCPGW_SESSION`.
    pub id: String,
    /// The process that runs it; with `pid_start` it is named for good.
    pub pid: u32,
    /// When that process started, in the system's own unit.
    pub pid_start: u64,
    /// RFC 3339.
    pub started_at: String,
    /// `starting`, `ready`, `restarting`, `stopping`.
    pub phase: String,
    /// The project it belongs to; its last name is the session's.
    #[serde(default)]
    pub folder: PathBuf,
    /// The provider in use.
    pub provider: String,
    /// Its program, where it has one.
    #[serde(default)]
    pub program: Option<PathBuf>,
    /// The server that it was told to use.
    #[serde(default)]
    pub server: Option<String>,
    /// The port of its program's local API, where it has one.
    #[serde(default)]
    pub api_port: Option<u16>,
    /// The gateway's port.
    pub gateway_port: u16,
    /// The edge's port on loopback.
    pub edge_port: u16,
    /// The edge's address for programs on this machine, without a slash at the end.
    #[serde(default)]
    pub local_url: String,
    /// The certificate (PEM) of the CA that vouches for `local_url`, where that is HTTPS.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Where the gateway serves MCP: a template with `{profile}`.
    #[serde(default)]
    pub mcp_path: String,
    /// The profile of `mcp_url`.
    #[serde(default)]
    pub profile: String,
    /// The file that holds the key visitors must send; none when they need none.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The public address, once verified.
    pub url: Option<String>,
    /// The address that the project's session before this one had, where it was another.
    #[serde(default)]
    pub previous_url: Option<String>,
    /// Where MCP clients connect.
    pub mcp_url: Option<String>,
    /// What OAuth providers call back.
    pub callback_url: Option<String>,
    /// What the gateway and `mcpgw run` get: APP_URL and the templates of `--env`, filled in.
    pub env: BTreeMap<String, String>,
    /// The env file that it keeps its address in.
    #[serde(default)]
    pub env_file: Option<EnvFile>,
    /// Where its logs are.
    pub logs: PathBuf,
}

/// A file that holds a session's variables, and what stood in it before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvFile {
    /// The file.
    pub path: PathBuf,
    /// What was written last.
    pub written: BTreeMap<String, String>,
    /// The lines that set the same variables before, one after the other; empty where there was none.
    pub before: BTreeMap<String, String>,
    /// There was no such file.
    pub created: bool,
    /// Its last line had no end.
    pub open_ended: bool,
    /// The address outlives the session, and so do the lines.
    pub stays: bool,
}

impl State {
    /// Opens the folder, creating it where needed.
    pub fn open() -> Result<Self> {
        let state = Self::at(Self::folder()?);
        for part in ["sessions", "logs", "ports"] {
            let path = state.root.join(part);
            os::private_dir(&path).map_err(|error| state.trouble("create", &path, &error))?;
        }
        Ok(state)
    }

    /// The state folder at `root`, which is made when something is kept in it.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder as it is, for those who only look: nothing is created.
    pub fn look() -> Result<Self> {
        Ok(Self::at(Self::folder()?))
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `MCPGW_HOME`, else the platform's place for state (XDG_STATE_HOME, Application Support, AppData).
    fn folder() -> Result<PathBuf> {
        if let Some(home) = std::env::var_os("MCPGW_HOME").filter(|home| !home.is_empty()) {
            return std::path::absolute(home).map_err(|error| {
                Error::usage("state.home", format!("use MCPGW_HOME: {}", io_reason(&error)))
            });
        }
        dirs::state_dir().or_else(dirs::data_local_dir).map(|base| base.join("mcpgw")).ok_or_else(|| {
            Error::failed("state.no_home", "find a folder for state: no home folder is set")
                .fix("set HOME, or MCPGW_HOME to a folder of your choice")
        })
    }

    /// Where a folder below the state folder is, whether it exists or not.
    pub fn folder_of(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A folder of its own below the state folder, created where needed.
    pub fn private_folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.root.join(name);
        os::private_dir(&path).map_err(|error| self.trouble("create", &path, &error))?;
        Ok(path)
    }

    /// Where the logs of session `id` of this project go. Keeps those of the newest few sessions.
    pub fn logs_for(&self, id: &str, project: &Path) -> Result<PathBuf> {
        const KEPT: usize = 10;
        let all = self.root.join("logs");
        let mut old: Vec<_> =
            fs::read_dir(&all).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        let live: Vec<PathBuf> = self.sessions().into_iter().map(|session| session.logs).collect();
        // Files beside the folders belong to no session: bridge.log.
        old.retain(|path| path.is_dir() && !live.contains(path));
        old.sort_by_key(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok());
        for path in old.iter().rev().skip(KEPT) {
            let _ = fs::remove_dir_all(path);
        }
        let logs = self.private_folder(&format!("logs/{id}"))?;
        let whose = logs.join(WHOSE);
        file::replace(&whose, project.as_os_str().as_encoded_bytes(), Privacy::Private)
            .map_err(|error| self.trouble("write", &whose, &error))?;
        Ok(logs)
    }

    /// Keeps what a gateway answered to `initialize`, under a name for where it was asked for.
    pub fn keep_greeting(&self, name: &str, answer: &[u8]) -> Result<()> {
        self.private_folder("bridge")?;
        let path = self.greeting_file(name);
        file::replace(&path, answer, Privacy::Private).map_err(|error| self.trouble("write", &path, &error))
    }

    /// What was kept under this name.
    pub fn greeting(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.greeting_file(name)).ok()
    }

    fn greeting_file(&self, name: &str) -> PathBuf {
        self.root.join("bridge").join(format!("{:016x}.json", key::fingerprint(name.as_bytes())))
    }

    /// Writes a session's file.
    pub fn save(&self, session: &SessionRecord) -> Result<()> {
        let path = self.session_file(&session.id);
        let mut text = serde_json::to_vec_pretty(session).unwrap_or_default();
        text.push(b'\n');
        file::replace(&path, &text, Privacy::Private).map_err(|error| self.trouble("write", &path, &error))
    }

    /// Forgets a session.
    pub fn forget(&self, id: &str) {
        let _ = fs::remove_file(self.session_file(id));
    }

    /// Removes what writers that were killed left half-written.
    pub fn remove_litter(&self) {
        file::remove_litter(&self.root.join("sessions"));
        port::remove_litter(&self.root.join("ports"));
    }

    /// All sessions with a file, the newest first, whether their process lives or not.
    pub fn sessions(&self) -> Vec<SessionRecord> {
        let entries = fs::read_dir(self.root.join("sessions")).into_iter().flatten().flatten();
        let mut sessions: Vec<SessionRecord> =
            entries.filter_map(|entry| serde_json::from_slice(&fs::read(entry.path()).ok()?).ok()).collect();
        sessions.sort_by(|a, b| b.started_at.cmp(&a.started_at));
        sessions
    }

    /// The sessions whose process lives.
    pub fn running(&self) -> Vec<SessionRecord> {
        self.sessions().into_iter().filter(SessionRecord::is_alive).collect()
    }

    /// Notices changes of the sessions' files.
    pub fn watch(&self) -> Watch {
        Watch::of(self.root.join("sessions"))
    }

    /// The logs of the last session that ended, if they are still kept: of those of this name or id, or of this
    /// project, or of all.
    pub fn past_logs(&self, name: Option<&str>, project: Option<&Path>) -> Option<PathBuf> {
        let is_called = |path: &Path, name: &str| {
            let is_last = |path: &Path| path.file_name().is_some_and(|last| last == name);
            is_last(path) || project_of(path).is_some_and(|project| is_last(&project))
        };
        let wanted = self.kept_logs().filter(|path| {
            name.is_none_or(|name| is_called(path, name))
                && project.is_none_or(|project| is_of(path, project))
        });
        wanted.max_by_key(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok())
    }

    fn kept_logs(&self) -> impl Iterator<Item = PathBuf> {
        let all = fs::read_dir(self.root.join("logs")).into_iter().flatten().flatten();
        all.map(|entry| entry.path()).filter(|path| path.is_dir())
    }

    /// Has this project a key, or had it one of the last sessions?
    pub fn knows(&self, project: &Path) -> bool {
        self.key_file(project).exists() || self.kept_logs().any(|logs| is_of(&logs, project))
    }

    /// Claims a gateway port for as long as the answer lives; the kernel lets go of it however we end.
    pub fn claim_port(&self, port: u16) -> Result<PortClaim> {
        PortClaim::take(&self.root.join("ports"), port)
    }

    fn session_file(&self, id: &str) -> PathBuf {
        self.root.join("sessions").join(format!("{id}.json"))
    }

    fn trouble(&self, verb: &str, path: &Path, error: &io::Error) -> Error {
        Error::failed("state.io", format!("{verb} {}: {}", path.display(), io_reason(error)))
            .fix("check the folder's owner and free space, or set MCPGW_HOME to another folder")
    }
}

/// The file beside a session's logs that says whose they are: the project's folder.
const WHOSE: &str = "project";

/// The project of the session with these logs, as far as it can be told.
pub fn project_of(logs: &Path) -> Option<PathBuf> {
    fs::read_to_string(logs.join(WHOSE)).ok().map(PathBuf::from)
}

fn is_of(logs: &Path, project: &Path) -> bool {
    fs::read(logs.join(WHOSE)).is_ok_and(|whose| whose == project.as_os_str().as_encoded_bytes())
}

impl SessionRecord {
    /// Is the process that wrote this still the one with that pid?
    pub fn is_alive(&self) -> bool {
        self.process().is_some()
    }

    /// The process that runs it, while it lives.
    pub fn process(&self) -> Option<os::Process> {
        os::process(self.pid).filter(|process| process.start == self.pid_start && !process.zombie)
    }
}

/// `bytes` random bytes as hexadecimal digits.
pub fn random_hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0; bytes];
    getrandom::fill(&mut buffer).map_err(|error| {
        Error::failed("state.random", format!("get random bytes from the system: {error}"))
    })?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, State) {
        let home = tempfile::tempdir().unwrap();
        let state = State { root: home.path().join("state") };
        for part in ["sessions", "logs", "ports"] {
            os::private_dir(&state.root.join(part)).unwrap();
        }
        (home, state)
    }

    pub(crate) fn record(id: &str) -> SessionRecord {
        let me = os::process(std::process::id()).unwrap();
        SessionRecord {
            id: id.into(),
            pid: me.pid,
            pid_start: me.start,
            started_at: "2026-01-01T00:00:00Z".into(),
            phase: "starting".into(),
            folder: PathBuf::new(),
            provider: "local".into(),
            program: None,
            server: None,
            api_port: None,
            gateway_port: 3001,
            edge_port: 1,
            local_url: String::new(),
            ca_file: None,
            mcp_path: String::new(),
            profile: String::new(),
            key_file: None,
            url: None,
            previous_url: None,
            mcp_url: None,
            callback_url: None,
            env: BTreeMap::new(),
            env_file: None,
            logs: PathBuf::new(),
        }
    }

    #[test]
    fn a_session_whose_pid_was_given_to_another_process_is_not_running() {
        let (_home, state) = state();
        state.save(&record("a")).unwrap();
        state.save(&SessionRecord { pid_start: 1, ..record("b") }).unwrap();
        let running: Vec<_> = state.running().into_iter().map(|session| session.id).collect();
        assert_eq!((running, state.sessions().len()), (vec!["a".to_string()], 2));
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_0700_and_files_0600() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (_home, state) = state();
        state.save(&record("a")).unwrap();
        Log::open(&state.logs_for("a", Path::new("/p")).unwrap(), "edge").line("x");
        assert_eq!(mode(&state.root), 0o700);
        assert_eq!(mode(&state.session_file("a")), 0o600);
        assert_eq!(mode(&state.root.join("logs/a/edge.log")), 0o600);
    }
}
