//! A real MCP server behind a session with HTTPS and a key, and programs that believe its CA.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use super::{Home, Mcpgw, Session, free_port, tools};

/// `mcp-server-everything` as the gateway of a session with the provider `local`.
pub struct Everything {
    session: Session,
    ready: Value,
    /// The certificate that vouches for the session.
    pub ca: PathBuf,
}

impl Everything {
    /// Starts it in this home; nobody gets in without the key.
    pub fn start(home: &Home) -> Self {
        let (port, https) = (free_port().to_string(), free_port().to_string());
        let server = tools().bin("mcp-server-everything").display().to_string();
        let mut session = Mcpgw::closed_tunnel(home)
            .args(["--provider", "local", "--https-port", &https, "--port", &port, "--auth", "key"])
            .args(["--mcp-path", "/mcp", "--env", "PORT={port}", "--", &server, "streamableHttp"])
            .start();
        let ready = session.expect("ready");
        let status = Mcpgw::new(home).args(["status", "--json"]).run().json();
        let ca = status["sessions"][0]["ca_file"].as_str().unwrap().into();
        Self { session, ready, ca }
    }

    /// Where clients connect.
    pub fn mcp_url(&self) -> &str {
        self.ready["mcp_url"].as_str().unwrap()
    }

    /// A program of Node's, in this home, with nothing but a few system programs on its PATH.
    pub fn node(&self, home: &Home, script: PathBuf) -> Command {
        let mut command = Command::new(&tools().node);
        command.arg(script);
        self.dressed(home, command)
    }

    /// Any program, the same way.
    pub fn dressed(&self, home: &Home, mut command: Command) -> Command {
        command.current_dir(home.path()).env_clear().envs(home.environment());
        command.env("PATH", &tools().system_dir).env("NODE_EXTRA_CA_CERTS", &self.ca);
        command
    }

    pub fn stop(mut self) {
        self.session.stop();
    }
}
