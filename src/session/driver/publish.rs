//! What the driver does for the publishing machine: env file, hook, the word `ready`.

use std::ffi::OsString;
use std::time::Duration;

use tokio::sync::oneshot;
use url::Url;

use super::clients::notice;
use super::{Driver, Message, below};
use crate::error::Error;
use crate::gateway;
use crate::os;
use crate::process::{self, Hearing, Spec, Status, Stdin, Stream};
use crate::report::Event;
use crate::session::base;
use crate::session::machine::Input;
use crate::state::{EnvFile, Log, SessionRecord, State, read_key};

impl Driver<'_> {
    pub(super) fn publish(&mut self, url: Url) {
        self.edge.set_public(&url, self.provider().names_visitors_in(&self.settings));
        self.write_env_file(&url);
        let hook = self.settings.on_url.as_ref().map(|script| self.hook(script, &url));
        let (outbox, told) = (self.outbox.clone(), self.sync_clients(&url));
        tokio::spawn(async move {
            told.await;
            if let Some(hook) = hook
                && let Err(error) = hook.await
            {
                outbox.send(Message::Notice(notice(&error)));
            }
            outbox.send(Message::Happened(Input::Published(url)));
        });
    }

    pub(super) fn write_env_file(&mut self, url: &Url) {
        // Whoever clears away after us does it from another folder.
        let path = self.settings.env_file.as_ref().and_then(|path| std::path::absolute(path).ok());
        let Some(path) = path else { return };
        let variables = self.settings.variables(&base(url));
        match gateway::write_env_file(&path, &variables, self.record.env_file.clone()) {
            Ok(kept) => {
                self.record.env_file = Some(EnvFile { stays: self.outlives(url), ..kept });
                // Before anything else: whoever clears away after a SIGKILL reads it there.
                self.save();
            }
            Err(error) => self.report.event(&notice(&error)),
        }
    }

    /// Puts back what stood in the env file.
    pub(super) fn give_back_env_file(&self) {
        if let Some(Err(error)) = self.record.env_file.as_ref().map(gateway::give_back_env_file) {
            self.report.event(&notice(&error));
        }
    }

    pub(super) fn ready(&mut self, url: &Url) {
        let (mcp_url, callback_url) = (self.mcp_url(url), below(url, "/api/oauth/callback"));
        self.remember(&base(url));
        self.record.phase = "ready".into();
        self.record.url = Some(base(url));
        self.record.mcp_url = Some(mcp_url.clone());
        self.record.callback_url = Some(callback_url.clone());
        self.record.env = self.settings.variables(&base(url));
        self.save();
        let provider = self.provider().id();
        let key_file = self.record.key_file.as_ref();
        // Read anew: it may have been rotated since.
        let key = key_file.and_then(|file| read_key(file).ok()?);
        self.report.show_key(key.map(|key| key.reveal().to_string()));
        let key_file = key_file.map(|file| file.display().to_string());
        self.report.event(&Event::Ready { url: base(url), mcp_url, callback_url, provider, key_file });
        self.look_at_streams(url);
    }

    /// An address that is new makes what was registered with the one before lead nowhere.
    fn remember(&mut self, url: &str) {
        if self.provider().id() == "local" {
            // Nobody else's server ever calls this machine's own names.
            return;
        }
        let last = self.state.last_address(&self.settings.project);
        if last.as_deref() != Some(url) {
            self.state.keep_address(&self.settings.project, url);
            self.record.previous_url = last;
        }
    }

    /// Where MCP clients connect. A `--url` that has a path is that very address.
    pub(super) fn mcp_url(&self, url: &Url) -> String {
        match &self.settings.url {
            Some(given) if given.path() != "/" && given.host() == url.host() => base(given),
            _ => below(url, &self.settings.mcp_path()),
        }
    }

    /// Runs the user's `--on-url` command with the same variables the gateway gets, and MCP_URL.
    fn hook(&self, script: &str, url: &Url) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        const LIMIT: Duration = Duration::from_secs(60);
        let (program, args) = os::shell(script);
        let mut set: Vec<_> = self.settings.variables(&base(url)).into_iter().collect();
        set.push(("MCP_URL".into(), self.mcp_url(url)));
        let spec = Spec {
            program: program.into(),
            args: args.map(OsString::from).to_vec(),
            set,
            scrub: |_| false,
            folder: None,
            stdin: Stdin::Null,
        };
        let (tell, told) = oneshot::channel();
        let ear = Ear { log: Log::open(&self.record.logs, "hook"), tell: Some(tell) };
        let started = process::spawn(&spec, &self.record.id, "hook", ear);
        let script = script.to_string();
        let output = self.record.logs.join("hook.log");
        let failed = move |why: String| {
            Error::failed("hook.failed", format!("run --on-url `{script}`: {why}"))
                .fix(format!("its output: mcpgw logs hook, or {}", output.display()))
        };
        async move {
            let child = started?;
            match tokio::time::timeout(LIMIT, told).await {
                Ok(Ok(status)) if status.how == "exit code 0" => Ok(()),
                Ok(Ok(status)) => {
                    Err(failed([vec![status.how], status.last_lines].concat().join("\n    | ")))
                }
                Ok(Err(_)) => Ok(()),
                Err(_) => {
                    process::stop(&child, Duration::from_secs(1)).await;
                    Err(failed(format!("it did not end within {LIMIT:?}")))
                }
            }
        }
    }
}

/// Forgets a session that died, and puts back what stood in its env file.
pub fn clear_away(state: &State, session: &SessionRecord) {
    // Where that fails nobody is there to be told; doctor looks at such files.
    let _ = session.env_file.as_ref().map(gateway::give_back_env_file);
    state.forget(&session.id);
}

struct Ear {
    log: Log,
    tell: Option<oneshot::Sender<Status>>,
}

impl Hearing for Ear {
    fn line(&mut self, _: Stream, line: &str) {
        self.log.note(line);
    }

    fn rest(&mut self) {
        self.log.flush();
    }

    fn ended(&mut self, status: Status) {
        self.log.flush();
        if let Some(tell) = self.tell.take() {
            let _ = tell.send(status);
        }
    }
}
