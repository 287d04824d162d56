//! `mcpgw` as a test starts it: the built binary in a home of its own, with nothing in its environment by
//! accident.

use std::{
    env,
    ffi::OsStr,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Home, Session,
    child::Child,
    processes::{sweep, wait_for_none},
    tools, unique,
};

/// The variable that every process of a call carries, with a value of the call's own.
const MARK: &str = "MCPGW_TEST";

/// One call of `mcpgw`.
pub struct Mcpgw {
    command: Command,
    path: Vec<PathBuf>,
    input: Vec<u8>,
    marker: String,
    deadline: Duration,
}

/// What a finished call left.
#[derive(Debug)]
pub struct Output {
    /// The exit status; a signal's number plus 128 for a killed one.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("not JSON ({error}): {self:#?}"))
    }
}

impl Mcpgw {
    /// The binary in this home, with the installed tools (`lt` ...) on its PATH.
    pub fn new(home: &Home) -> Self {
        Self::at(Path::new(env!("CARGO_BIN_EXE_mcpgw")), home)
    }

    /// Another build of it.
    pub fn at(program: &Path, home: &Home) -> Self {
        let mark = unique();
        let mut command = Command::new(program);
        command.current_dir(home.path()).env_clear().envs(home.environment()).env(MARK, &mark);
        Self {
            command,
            path: vec![tools().bin_dir.clone(), tools().system_dir.clone()],
            input: Vec::new(),
            marker: format!("{MARK}={mark}"),
            deadline: Duration::from_secs(30),
        }
    }

    /// `mcpgw tunnel --json` as users have it: who has no key does not get in.
    pub fn closed_tunnel(home: &Home) -> Self {
        Self::new(home).args(["tunnel", "--json"])
    }

    /// The same for tests of other things: everybody gets in, unless they say `--auth` themselves.
    pub fn tunnel(home: &Home) -> Self {
        Self::closed_tunnel(home).env("MCPGW_AUTH", "none").env("MCPGW_YES", "true")
    }

    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable. The PATH has methods of its own.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// A machine where no tunnel tool is installed.
    pub fn without_tools(mut self) -> Self {
        self.path.retain(|dir| *dir != tools().bin_dir);
        self
    }

    /// Puts a folder in front of the PATH: fake tools, for example.
    pub fn path_first(mut self, dir: &Path) -> Self {
        self.path.insert(0, dir.to_owned());
        self
    }

    /// Puts this machine's own PATH behind.
    pub fn system_path(mut self) -> Self {
        self.path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
        self
    }

    pub fn current_dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// What `run` gives it on standard input, before the end of it.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// The deadline of `run`; 30 s otherwise.
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs it to its end, and looks that nothing of it lives on.
    ///
    /// # Panics
    /// When it has not ended at the deadline, with all that it said; it is killed, and so are its children.
    pub fn run(self) -> Output {
        let (deadline, input, marker) = (self.deadline, self.input.clone(), self.marker.clone());
        let mut child = self.spawn();
        child.write(&input);
        child.close_stdin();
        let mut stdout = String::new();
        let Ok(status) = child.exit(Instant::now() + deadline, |line| stdout.extend([&line, "\n"])) else {
            child.kill();
            sweep(&marker);
            panic!(
                "mcpgw did not end within {deadline:?}\n{}\n--- standard output:\n{stdout}",
                child.words()
            );
        };
        wait_for_none(&marker);
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
        Output { code, stdout, stderr: child.stderr() }
    }

    /// Starts it and lets it run.
    pub fn start(self) -> Session {
        let marker = self.marker.clone();
        Session::new(self.spawn(), marker)
    }

    fn spawn(mut self) -> Child {
        self.command.env("PATH", env::join_paths(&self.path).unwrap());
        Child::spawn(self.command)
    }
}
