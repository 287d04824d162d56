//! Clients in a terminal: a row each.

use super::shapes::{COMMENTED, COMMON, HTTP_URL, JSON, LIKE_OPENCODE, STDIO_COMMAND};
use super::{Client, Confidence, Part};
use crate::client::document::{Format, Servers};

pub(super) const CLAUDE_CODE: Client = Client {
    id: "claude-code",
    name: "Claude Code",
    linux: &["~/.claude.json"],
    macos: &["~/.claude.json"],
    windows: &["~/.claude.json"],
    moved_by: &[("CLAUDE_CONFIG_DIR", "{}/.claude.json")],
    project: &[".mcp.json"],
    format: JSON,
    http: HTTP_URL,
    stdio: STDIO_COMMAND,
    reload: "start a new session, or /mcp and reconnect",
    project_trust: Some(
        "a server of a project's .mcp.json waits for your approval in an interactive session",
    ),
    programs: &["claude"],
    marks: &["~/.claude", "~/.claude.json"],
    locked: true,
    ..COMMON
};

pub(super) const CODEX: Client = Client {
    id: "codex",
    name: "OpenAI Codex (CLI, IDE extension, app)",
    linux: &["~/.codex/config.toml"],
    macos: &["~/.codex/config.toml"],
    windows: &["~/.codex/config.toml"],
    moved_by: &[("CODEX_HOME", "{}/config.toml")],
    project: &[".codex/config.toml"],
    format: Format::Toml,
    path: &["mcp_servers"],
    // A literal `bearer_token` breaks the whole client, and `bearer_token_env_var` asks for a variable that
    // nobody has set.
    headers: Some(&["http_headers"]),
    reload: "start a new session; reload the window of an IDE",
    project_trust: Some("a project's file is read only where its folder is trusted in ~/.codex/config.toml"),
    programs: &["codex"],
    ..COMMON
};

pub(super) const GEMINI_CLI: Client = Client {
    id: "gemini-cli",
    name: "Gemini CLI",
    aliases: &["gemini"],
    linux: &["~/.gemini/settings.json"],
    macos: &["~/.gemini/settings.json"],
    windows: &["~/.gemini/settings.json"],
    moved_by: &[("GEMINI_CLI_HOME", "{}/.gemini/settings.json")],
    project: &[".gemini/settings.json"],
    format: COMMENTED,
    http: &[("httpUrl", Part::Url)],
    reload: "restart it, or /mcp reload in the session",
    trust: Some("in a folder it does not trust, Gemini CLI shows every server as disabled"),
    programs: &["gemini"],
    rejects_bom: true,
    ..COMMON
};

pub(super) const QWEN_CODE: Client = Client {
    id: "qwen-code",
    name: "Qwen Code",
    aliases: &["qwen"],
    linux: &["~/.qwen/settings.json"],
    macos: &["~/.qwen/settings.json"],
    windows: &["~/.qwen/settings.json"],
    moved_by: &[("QWEN_HOME", "{}/settings.json")],
    project: &[".qwen/settings.json"],
    format: COMMENTED,
    http: &[("httpUrl", Part::Url)],
    project_trust: Some("a project's server waits for your approval"),
    programs: &["qwen"],
    ..COMMON
};

pub(super) const OPENCODE: Client = Client {
    id: "opencode",
    name: "opencode",
    linux: &["{xdg}/opencode/opencode.jsonc", "{xdg}/opencode/opencode.json"],
    macos: &["{xdg}/opencode/opencode.jsonc", "{xdg}/opencode/opencode.json"],
    windows: &["{xdg}/opencode/opencode.jsonc", "{xdg}/opencode/opencode.json"],
    project: &["opencode.jsonc", "opencode.json", ".opencode/opencode.jsonc", ".opencode/opencode.json"],
    programs: &["opencode"],
    newer_path: &["mcp", "servers"],
    ..LIKE_OPENCODE
};

pub(super) const COPILOT_CLI: Client = Client {
    id: "copilot-cli",
    name: "GitHub Copilot CLI",
    aliases: &["github-copilot-cli", "copilot"],
    linux: &["~/.copilot/mcp-config.json"],
    macos: &["~/.copilot/mcp-config.json"],
    windows: &["~/.copilot/mcp-config.json"],
    moved_by: &[("COPILOT_HOME", "{}/mcp-config.json")],
    project: &[".mcp.json", ".github/mcp.json"],
    http: &[("type", Part::Word("http")), ("url", Part::Url), ("tools", Part::All)],
    stdio: &[
        ("type", Part::Word("stdio")),
        ("command", Part::Command),
        ("args", Part::Args),
        ("tools", Part::All),
    ],
    reload: "start a new session",
    project_trust: Some("a project's file is read only in a folder that Copilot CLI trusts"),
    programs: &["copilot"],
    ..COMMON
};

pub(super) const GOOSE: Client = Client {
    id: "goose",
    name: "Goose",
    linux: &["{xdg}/goose/config.yaml"],
    macos: &["{xdg}/goose/config.yaml"],
    windows: &["{appdata}/Block/goose/config/config.yaml"],
    moved_by: &[("GOOSE_PATH_ROOT", "{}/config/config.yaml")],
    format: Format::Yaml(Servers::Map),
    path: &["extensions"],
    // Without a description the extension is dropped.
    http: &[
        ("enabled", Part::On),
        ("type", Part::Word("streamable_http")),
        ("name", Part::Name),
        ("description", Part::Say("")),
        ("uri", Part::Url),
        ("timeout", Part::Count(300)),
    ],
    stdio: &[
        ("enabled", Part::On),
        ("type", Part::Word("stdio")),
        ("name", Part::Name),
        ("description", Part::Say("")),
        ("cmd", Part::Command),
        ("args", Part::Args),
        ("timeout", Part::Count(300)),
    ],
    env: "envs",
    reload: "start a new session",
    programs: &["goose"],
    ..COMMON
};

pub(super) const CRUSH: Client = Client {
    id: "crush",
    name: "Crush (Charm)",
    linux: &["{xdg}/crush/crush.json"],
    macos: &["{xdg}/crush/crush.json"],
    windows: &["{xdg}/crush/crush.json"],
    moved_by: &[("CRUSH_GLOBAL_CONFIG", "{}/crush.json")],
    project: &[".crush.json", "crush.json"],
    format: JSON,
    path: &["mcp"],
    http: HTTP_URL,
    stdio: STDIO_COMMAND,
    programs: &["crush"],
    ..COMMON
};

pub(super) const AMAZON_Q: Client = Client {
    id: "amazon-q",
    name: "Amazon Q Developer CLI",
    aliases: &["amazonq", "q"],
    linux: &["~/.aws/amazonq/mcp.json"],
    macos: &["~/.aws/amazonq/mcp.json"],
    windows: &["~/.aws/amazonq/mcp.json"],
    project: &[".amazonq/mcp.json"],
    format: JSON,
    http: HTTP_URL,
    stdio: STDIO_COMMAND,
    programs: &["q"],
    ..COMMON
};

pub(super) const AMP: Client = Client {
    id: "amp",
    name: "Amp (Sourcegraph)",
    linux: &["~/.config/amp/settings.json"],
    macos: &["~/.config/amp/settings.json"],
    windows: &["~/.config/amp/settings.json"],
    moved_by: &[("AMP_SETTINGS_FILE", "{}")],
    project: &[".amp/settings.json"],
    // One key with a dot in it.
    path: &["amp.mcpServers"],
    project_trust: Some("a project's server waits for `amp mcp approve`"),
    programs: &["amp"],
    ..COMMON
};

pub(super) const AUGMENT: Client = Client {
    id: "augment",
    name: "Augment (Auggie CLI)",
    aliases: &["auggie"],
    linux: &["~/.augment/settings.json"],
    macos: &["~/.augment/settings.json"],
    windows: &["~/.augment/settings.json"],
    http: HTTP_URL,
    stdio: STDIO_COMMAND,
    programs: &["auggie"],
    ..COMMON
};

pub(super) const MCPORTER: Client = Client {
    id: "mcporter",
    name: "MCPorter",
    linux: &["~/.mcporter/mcporter.json", "~/.mcporter/mcporter.jsonc"],
    macos: &["~/.mcporter/mcporter.json", "~/.mcporter/mcporter.jsonc"],
    windows: &["~/.mcporter/mcporter.json", "~/.mcporter/mcporter.jsonc"],
    project: &["config/mcporter.json"],
    reload: "reads it at every run",
    programs: &["mcporter"],
    ..COMMON
};

pub(super) const WARP: Client = Client {
    id: "warp",
    name: "Warp",
    confidence: Confidence::Medium,
    linux: &["~/.warp/.mcp.json"],
    macos: &["~/.warp/.mcp.json"],
    windows: &["~/.warp/.mcp.json"],
    project: &[".warp/.mcp.json"],
    reload: "it appears under Settings > Agents > MCP servers, and may need a Start there",
    programs: &["warp-terminal"],
    ..COMMON
};

pub(super) const FACTORY_DROID: Client = Client {
    id: "factory-droid",
    name: "Factory Droid",
    aliases: &["droid"],
    confidence: Confidence::Medium,
    linux: &["~/.factory/mcp.json"],
    macos: &["~/.factory/mcp.json"],
    windows: &["~/.factory/mcp.json"],
    project: &[".factory/mcp.json"],
    http: HTTP_URL,
    stdio: STDIO_COMMAND,
    reload: "picks it up by itself",
    programs: &["droid"],
    ..COMMON
};

pub(super) const GROK_BUILD: Client = Client {
    id: "grok-build",
    name: "Grok Build",
    aliases: &["grok"],
    confidence: Confidence::Low,
    linux: &["~/.grok/config.toml"],
    macos: &["~/.grok/config.toml"],
    windows: &["~/.grok/config.toml"],
    moved_by: &[("GROK_HOME", "{}/config.toml")],
    project: &[".grok/config.toml"],
    format: Format::Toml,
    path: &["mcp_servers"],
    programs: &["grok"],
    ..COMMON
};

pub(super) const KIMI_CODE: Client = Client {
    id: "kimi-code",
    name: "Kimi Code",
    aliases: &["kimi"],
    confidence: Confidence::Low,
    linux: &["~/.kimi-code/mcp.json"],
    macos: &["~/.kimi-code/mcp.json"],
    windows: &["~/.kimi-code/mcp.json"],
    moved_by: &[("KIMI_CODE_HOME", "{}/mcp.json")],
    project: &[".kimi-code/mcp.json"],
    http: &[("transport", Part::Word("http")), ("url", Part::Url)],
    stdio: &[("transport", Part::Word("stdio")), ("command", Part::Command), ("args", Part::Args)],
    project_trust: Some("a project's file is read only in a trusted folder"),
    programs: &["kimi"],
    ..COMMON
};
