//! What rows share: the languages, the usual entries, and families of clients.

use super::{Client, Confidence, Headers, Part, Shape};
use crate::client::document::{Format, Syntax};

pub(super) const JSON: Format = Format::Json(Syntax { comments: false, trailing_commas: false });
/// Reads comments; says no word, or no good one, about a comma before a closing bracket.
pub(super) const COMMENTED: Format = Format::Json(Syntax { comments: true, trailing_commas: false });
pub(super) const JSONC: Format = Format::Json(Syntax { comments: true, trailing_commas: true });

pub(super) const URL: Shape = &[("url", Part::Url)];
pub(super) const HTTP_URL: Shape = &[("type", Part::Word("http")), ("url", Part::Url)];
pub(super) const COMMAND: Shape = &[("command", Part::Command), ("args", Part::Args)];
pub(super) const STDIO_COMMAND: Shape =
    &[("type", Part::Word("stdio")), ("command", Part::Command), ("args", Part::Args)];
pub(super) const HEADERS: Headers = Some(&["headers"]);
pub(super) const MCP_SERVERS: &[&str] = &["mcpServers"];

/// What most rows say.
pub(super) const COMMON: Client = Client {
    id: "",
    name: "",
    aliases: &[],
    confidence: Confidence::High,
    linux: &[],
    macos: &[],
    windows: &[],
    moved_by: &[],
    project: &[],
    format: JSONC,
    path: MCP_SERVERS,
    newer_path: &[],
    http: URL,
    headers: HEADERS,
    stdio: COMMAND,
    env: "env",
    https_only: false,
    reload: "restart it",
    trust: None,
    project_trust: None,
    programs: &[],
    marks: &[],
    locked: false,
    preamble: "",
    rejects_bom: false,
};

/// The VS Code family.
pub(super) const LIKE_VSCODE: Client = Client {
    project: &[".vscode/mcp.json"],
    path: &["servers"],
    http: HTTP_URL,
    stdio: STDIO_COMMAND,
    reload: "picks it up by itself; start the server with `MCP: List Servers` or above its entry",
    trust: Some("asks whether you trust the server when it first starts or has changed"),
    ..COMMON
};

/// opencode and what came of it.
pub(super) const LIKE_OPENCODE: Client = Client {
    path: &["mcp"],
    http: &[("type", Part::Word("remote")), ("url", Part::Url), ("enabled", Part::On)],
    stdio: &[("type", Part::Word("local")), ("command", Part::CommandLine), ("enabled", Part::On)],
    env: "environment",
    ..COMMON
};
