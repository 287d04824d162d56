//! Editors and what extends them: a row each.

use super::shapes::{COMMENTED, COMMON, HTTP_URL, JSON, LIKE_OPENCODE, LIKE_VSCODE, STDIO_COMMAND};
use super::{Client, Confidence, Part};
use crate::client::document::{Format, Servers};

pub(super) const CURSOR: Client = Client {
    id: "cursor",
    name: "Cursor",
    linux: &["~/.cursor/mcp.json"],
    macos: &["~/.cursor/mcp.json"],
    windows: &["~/.cursor/mcp.json"],
    project: &[".cursor/mcp.json"],
    format: COMMENTED,
    reload: "picks it up by itself; if its first connection fails, turn the server off and on in its settings",
    project_trust: Some("a new server of a project waits for approval in Cursor's MCP settings"),
    programs: &["cursor", "cursor-agent"],
    ..COMMON
};

pub(super) const VSCODE: Client = Client {
    id: "vscode",
    name: "VS Code (GitHub Copilot)",
    aliases: &["code", "vs-code"],
    linux: &["{appdata}/Code/User/mcp.json", "~/.var/app/com.visualstudio.code/config/Code/User/mcp.json"],
    macos: &["{appdata}/Code/User/mcp.json"],
    windows: &["{appdata}/Code/User/mcp.json", "~/scoop/persist/vscode/data/user-data/User/mcp.json"],
    moved_by: &[
        ("VSCODE_PORTABLE", "{}/user-data/User/mcp.json"),
        ("VSCODE_APPDATA", "{}/Code/User/mcp.json"),
    ],
    programs: &["code"],
    ..LIKE_VSCODE
};

pub(super) const VSCODE_INSIDERS: Client = Client {
    id: "vscode-insiders",
    name: "VS Code Insiders",
    aliases: &["code-insiders"],
    confidence: Confidence::Medium,
    linux: &["{appdata}/Code - Insiders/User/mcp.json"],
    macos: &["{appdata}/Code - Insiders/User/mcp.json"],
    windows: &["{appdata}/Code - Insiders/User/mcp.json"],
    programs: &["code-insiders"],
    ..LIKE_VSCODE
};

pub(super) const VSCODIUM: Client = Client {
    id: "vscodium",
    name: "VSCodium",
    aliases: &["codium"],
    confidence: Confidence::Medium,
    linux: &["{appdata}/VSCodium/User/mcp.json"],
    macos: &["{appdata}/VSCodium/User/mcp.json"],
    windows: &["{appdata}/VSCodium/User/mcp.json"],
    programs: &["codium"],
    ..LIKE_VSCODE
};

pub(super) const VISUAL_STUDIO: Client = Client {
    id: "visual-studio",
    name: "Visual Studio 2022/2026",
    confidence: Confidence::Medium,
    windows: &["~/.mcp.json"],
    project: &[".mcp.json"],
    path: &["servers"],
    http: HTTP_URL,
    stdio: STDIO_COMMAND,
    reload: "picks it up on save; start it from the line above the entry",
    marks: &["{localappdata}/Microsoft/VisualStudio"],
    ..COMMON
};

pub(super) const ZED: Client = Client {
    id: "zed",
    name: "Zed",
    linux: &["{xdg}/zed/settings.json", "~/.var/app/dev.zed.Zed/config/zed/settings.json"],
    macos: &["~/.config/zed/settings.json"],
    windows: &["{appdata}/Zed/settings.json"],
    moved_by: &[("FLATPAK_XDG_CONFIG_HOME", "{}/zed/settings.json")],
    project: &[".zed/settings.json"],
    path: &["context_servers"],
    reload: "picks it up by itself",
    project_trust: Some("a project's settings wait until you trust the worktree"),
    programs: &["zed", "zeditor"],
    ..COMMON
};

pub(super) const WINDSURF: Client = Client {
    id: "windsurf",
    name: "Windsurf (Devin Desktop)",
    aliases: &["codeium", "cascade", "devin-desktop"],
    linux: &["~/.codeium/windsurf/mcp_config.json"],
    macos: &["~/.codeium/windsurf/mcp_config.json"],
    windows: &["~/.codeium/windsurf/mcp_config.json"],
    http: &[("serverUrl", Part::Url)],
    reload: "press Refresh in its MCP panel, or restart it",
    programs: &["windsurf"],
    ..COMMON
};

pub(super) const CLINE: Client = Client {
    id: "cline",
    name: "Cline (VS Code extension and CLI)",
    aliases: &["cline-cli", "cline-vscode"],
    linux: &[
        "~/.cline/data/settings/cline_mcp_settings.json",
        "{appdata}/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
    ],
    macos: &[
        "~/.cline/data/settings/cline_mcp_settings.json",
        "{appdata}/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
    ],
    windows: &[
        "~/.cline/data/settings/cline_mcp_settings.json",
        "{appdata}/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
    ],
    moved_by: &[
        ("CLINE_MCP_SETTINGS_PATH", "{}"),
        ("CLINE_DATA_DIR", "{}/settings/cline_mcp_settings.json"),
        ("CLINE_DIR", "{}/data/settings/cline_mcp_settings.json"),
    ],
    format: JSON,
    http: &[("type", Part::Word("streamableHttp")), ("url", Part::Url)],
    stdio: STDIO_COMMAND,
    reload: "picks it up by itself",
    programs: &["cline"],
    marks: &["~/.cline", "{appdata}/Code/User/globalStorage/saoudrizwan.claude-dev"],
    ..COMMON
};

pub(super) const ROO_CODE: Client = Client {
    id: "roo-code",
    name: "Roo Code",
    aliases: &["roo", "roo-cline"],
    linux: &["{appdata}/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json"],
    macos: &["{appdata}/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json"],
    windows: &["{appdata}/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json"],
    project: &[".roo/mcp.json"],
    format: JSON,
    http: &[("type", Part::Word("streamable-http")), ("url", Part::Url)],
    stdio: STDIO_COMMAND,
    reload: "picks it up by itself",
    marks: &["{appdata}/Code/User/globalStorage/rooveterinaryinc.roo-cline"],
    ..COMMON
};

pub(super) const KILO_CODE: Client = Client {
    id: "kilo-code",
    name: "Kilo Code",
    aliases: &["kilo"],
    linux: &["{xdg}/kilo/kilo.jsonc", "{xdg}/kilo/kilo.json"],
    macos: &["{xdg}/kilo/kilo.jsonc", "{xdg}/kilo/kilo.json"],
    windows: &["{xdg}/kilo/kilo.jsonc", "{xdg}/kilo/kilo.json"],
    project: &["kilo.jsonc", "kilo.json"],
    programs: &["kilo"],
    ..LIKE_OPENCODE
};

pub(super) const CONTINUE: Client = Client {
    id: "continue",
    name: "Continue (IDE extension and cn)",
    linux: &["~/.continue/config.yaml"],
    macos: &["~/.continue/config.yaml"],
    windows: &["~/.continue/config.yaml"],
    moved_by: &[("CONTINUE_GLOBAL_DIR", "{}/config.yaml")],
    format: Format::Yaml(Servers::List),
    http: &[("name", Part::Name), ("type", Part::Word("streamable-http")), ("url", Part::Url)],
    headers: Some(&["requestOptions", "headers"]),
    stdio: &[
        ("name", Part::Name),
        ("type", Part::Word("stdio")),
        ("command", Part::Command),
        ("args", Part::Args),
    ],
    reload: "the extension picks it up by itself; start cn anew",
    preamble: "name: Local Assistant\nversion: 1.0.0\nschema: v1\n",
    programs: &["cn"],
    ..COMMON
};

pub(super) const KIRO: Client = Client {
    id: "kiro",
    name: "Kiro (IDE and CLI)",
    aliases: &["kiro-cli"],
    linux: &["~/.kiro/settings/mcp.json"],
    macos: &["~/.kiro/settings/mcp.json"],
    windows: &["~/.kiro/settings/mcp.json"],
    project: &[".kiro/settings/mcp.json"],
    https_only: true,
    reload: "the IDE connects again by itself; restart the CLI",
    programs: &["kiro", "kiro-cli"],
    marks: &["~/.kiro"],
    ..COMMON
};

pub(super) const ANTIGRAVITY: Client = Client {
    id: "antigravity",
    name: "Google Antigravity",
    confidence: Confidence::Medium,
    linux: &["~/.gemini/config/mcp_config.json", "~/.gemini/antigravity/mcp_config.json"],
    macos: &["~/.gemini/config/mcp_config.json", "~/.gemini/antigravity/mcp_config.json"],
    windows: &["~/.gemini/config/mcp_config.json", "~/.gemini/antigravity/mcp_config.json"],
    http: &[("serverUrl", Part::Url)],
    reload: "press Refresh in Manage MCP Servers",
    programs: &["antigravity"],
    ..COMMON
};

pub(super) const JUNIE: Client = Client {
    id: "junie",
    name: "JetBrains Junie",
    confidence: Confidence::Medium,
    linux: &["~/.junie/mcp/mcp.json"],
    macos: &["~/.junie/mcp/mcp.json"],
    windows: &["~/.junie/mcp/mcp.json"],
    project: &[".junie/mcp/mcp.json"],
    reload: "restart it, or press Apply in its settings",
    programs: &["junie"],
    marks: &["~/.junie"],
    ..COMMON
};

pub(super) const TRAE: Client = Client {
    id: "trae",
    name: "Trae",
    confidence: Confidence::Low,
    linux: &["{appdata}/Trae/User/mcp.json"],
    macos: &["{appdata}/Trae/User/mcp.json"],
    windows: &["{appdata}/Trae/User/mcp.json"],
    project: &[".trae/mcp.json"],
    project_trust: Some("a project's file is read only with `Enable Project MCP`"),
    programs: &["trae"],
    ..COMMON
};
