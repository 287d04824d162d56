//! The MCP clients: a table, one row a client. What a row says was read from the client itself or its source
//! unless its confidence says otherwise; a new client is a new row and its fixtures. Decides nothing.

use super::document::{Format, Servers, Syntax};

/// How sure we are of a client's path and shape, on Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Told by others, never seen: offered with `--experimental` only.
    Low,
    /// Documented, or seen in part.
    Medium,
    /// Run, or read in the client's source.
    High,
}

impl Confidence {
    /// As people and programs read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// One field of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The address.
    Url,
    /// This word, always.
    Word(&'static str),
    /// The program that a client starts.
    Command,
    /// That program's arguments.
    Args,
    /// Program and arguments in one list.
    CommandLine,
    /// The entry's own name.
    Name,
    /// Its name in letters and digits, a letter first.
    Slug,
    /// True in a new entry; the user's to change.
    On,
    /// This word in a new entry; the user's to change.
    Say(&'static str),
    /// This number in a new entry; the user's to change.
    Count(u32),
    /// `["*"]` in a new entry; the user's to change.
    All,
}

/// The fields of an entry, in their order.
pub type Shape = &'static [(&'static str, Part)];

/// Where an entry's headers go, from the entry on; none where the client sends none.
pub type Headers = Option<&'static [&'static str]>;

/// One MCP client.
#[derive(Debug)]
pub struct Client {
    /// Its name in flags and documents.
    pub id: &'static str,
    /// Its name among people.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// How sure we are.
    pub confidence: Confidence,
    /// Its user file: the first that is there, else the first. See [`super::place`] for how these are written.
    pub linux: &'static [&'static str],
    /// The same on macOS.
    pub macos: &'static [&'static str],
    /// The same on Windows.
    pub windows: &'static [&'static str],
    /// Variables that move the user file, the strongest first: `{}` is the variable's value.
    pub moved_by: &'static [(&'static str, &'static str)],
    /// Its file in a project.
    pub project: &'static [&'static str],
    /// How its files are written.
    pub format: Format,
    /// The keys that lead to the servers.
    pub path: &'static [&'static str],
    /// A newer layout: used where a file has it.
    pub newer_path: &'static [&'static str],
    /// An entry that speaks HTTP; empty where the client speaks stdio only.
    pub http: Shape,
    /// Where that entry's headers are.
    pub headers: Headers,
    /// An entry that starts a program.
    pub stdio: Shape,
    /// Where that entry's variables are.
    pub env: &'static str,
    /// Does it refuse `http://` beyond loopback?
    pub https_only: bool,
    /// What lets it see a change.
    pub reload: &'static str,
    /// What stands between a written entry and its use.
    pub trust: Option<&'static str>,
    /// The same for a project's file.
    pub project_trust: Option<&'static str>,
    /// Its programs on PATH.
    pub programs: &'static [&'static str],
    /// Folders and files that show it is installed, beside its user file's own folder; with them named, that
    /// folder alone shows nothing.
    pub marks: &'static [&'static str],
    /// Does it guard its file with a lock of Claude Code's kind?
    pub locked: bool,
    /// What a new file must say beside our entry.
    pub preamble: &'static str,
    /// Does it refuse a file that begins with a byte order mark?
    pub rejects_bom: bool,
}

impl Client {
    /// Does it speak HTTP by itself?
    pub fn speaks_http(&self) -> bool {
        !self.http.is_empty()
    }

    /// Is this its name, or one of them?
    pub fn answers_to(&self, name: &str) -> bool {
        self.names().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// All its names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        std::iter::once(self.id).chain(self.aliases.iter().copied())
    }
}

/// The client of that name.
pub fn find(name: &str) -> Option<&'static Client> {
    ALL.iter().find(|client| client.answers_to(name))
}

const JSON: Format = Format::Json(Syntax { comments: false, trailing_commas: false });
/// Reads comments; says no word, or no good one, about a comma before a closing bracket.
const COMMENTED: Format = Format::Json(Syntax { comments: true, trailing_commas: false });
const JSONC: Format = Format::Json(Syntax { comments: true, trailing_commas: true });

const URL: Shape = &[("url", Part::Url)];
const HTTP_URL: Shape = &[("type", Part::Word("http")), ("url", Part::Url)];
const COMMAND: Shape = &[("command", Part::Command), ("args", Part::Args)];
const STDIO_COMMAND: Shape =
    &[("type", Part::Word("stdio")), ("command", Part::Command), ("args", Part::Args)];
const HEADERS: Headers = Some(&["headers"]);
const MCP_SERVERS: &[&str] = &["mcpServers"];

/// What most rows say.
const COMMON: Client = Client {
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

/// The registry.
pub static ALL: &[Client] = &[
    Client {
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
    },
    Client {
        id: "claude-desktop",
        name: "Claude Desktop",
        aliases: &["claude"],
        linux: &["{appdata}/Claude/claude_desktop_config.json"],
        macos: &["{appdata}/Claude/claude_desktop_config.json"],
        windows: &[
            "{localappdata}/Packages/Claude_*/LocalCache/Roaming/Claude/claude_desktop_config.json",
            "{appdata}/Claude/claude_desktop_config.json",
        ],
        format: JSON,
        http: &[],
        headers: None,
        https_only: true,
        reload: "quit and restart the application; closing its window is not enough",
        ..COMMON
    },
    Client {
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
    },
    Client {
        id: "vscode",
        name: "VS Code (GitHub Copilot)",
        aliases: &["code", "vs-code"],
        linux: &[
            "{appdata}/Code/User/mcp.json",
            "~/.var/app/com.visualstudio.code/config/Code/User/mcp.json",
        ],
        macos: &["{appdata}/Code/User/mcp.json"],
        windows: &["{appdata}/Code/User/mcp.json", "~/scoop/persist/vscode/data/user-data/User/mcp.json"],
        moved_by: &[
            ("VSCODE_PORTABLE", "{}/user-data/User/mcp.json"),
            ("VSCODE_APPDATA", "{}/Code/User/mcp.json"),
        ],
        programs: &["code"],
        ..VSCODE
    },
    Client {
        id: "vscode-insiders",
        name: "VS Code Insiders",
        aliases: &["code-insiders"],
        confidence: Confidence::Medium,
        linux: &["{appdata}/Code - Insiders/User/mcp.json"],
        macos: &["{appdata}/Code - Insiders/User/mcp.json"],
        windows: &["{appdata}/Code - Insiders/User/mcp.json"],
        programs: &["code-insiders"],
        ..VSCODE
    },
    Client {
        id: "vscodium",
        name: "VSCodium",
        aliases: &["codium"],
        confidence: Confidence::Medium,
        linux: &["{appdata}/VSCodium/User/mcp.json"],
        macos: &["{appdata}/VSCodium/User/mcp.json"],
        windows: &["{appdata}/VSCodium/User/mcp.json"],
        programs: &["codium"],
        ..VSCODE
    },
    Client {
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
    },
    Client {
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
        project_trust: Some(
            "a project's file is read only where its folder is trusted in ~/.codex/config.toml",
        ),
        programs: &["codex"],
        ..COMMON
    },
    Client {
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
    },
    Client {
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
    },
    Client {
        id: "opencode",
        name: "opencode",
        linux: &["{xdg}/opencode/opencode.jsonc", "{xdg}/opencode/opencode.json"],
        macos: &["{xdg}/opencode/opencode.jsonc", "{xdg}/opencode/opencode.json"],
        windows: &["{xdg}/opencode/opencode.jsonc", "{xdg}/opencode/opencode.json"],
        project: &["opencode.jsonc", "opencode.json", ".opencode/opencode.jsonc", ".opencode/opencode.json"],
        programs: &["opencode"],
        newer_path: &["mcp", "servers"],
        ..OPENCODE
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
        id: "kilo-code",
        name: "Kilo Code",
        aliases: &["kilo"],
        linux: &["{xdg}/kilo/kilo.jsonc", "{xdg}/kilo/kilo.json"],
        macos: &["{xdg}/kilo/kilo.jsonc", "{xdg}/kilo/kilo.json"],
        windows: &["{xdg}/kilo/kilo.jsonc", "{xdg}/kilo/kilo.json"],
        project: &["kilo.jsonc", "kilo.json"],
        programs: &["kilo"],
        ..OPENCODE
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
        id: "lm-studio",
        name: "LM Studio",
        aliases: &["lmstudio"],
        linux: &["~/.lmstudio/mcp.json", "~/.cache/lm-studio/mcp.json"],
        macos: &["~/.lmstudio/mcp.json", "~/.cache/lm-studio/mcp.json"],
        windows: &["~/.lmstudio/mcp.json", "~/.cache/lm-studio/mcp.json"],
        reload: "restart it, or open Program > Edit mcp.json again",
        programs: &["lms"],
        ..COMMON
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
        id: "mcporter",
        name: "MCPorter",
        linux: &["~/.mcporter/mcporter.json", "~/.mcporter/mcporter.jsonc"],
        macos: &["~/.mcporter/mcporter.json", "~/.mcporter/mcporter.jsonc"],
        windows: &["~/.mcporter/mcporter.json", "~/.mcporter/mcporter.jsonc"],
        project: &["config/mcporter.json"],
        reload: "reads it at every run",
        programs: &["mcporter"],
        ..COMMON
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
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
    },
    Client {
        id: "boltai",
        name: "BoltAI",
        confidence: Confidence::Low,
        macos: &["~/.boltai/mcp.json"],
        http: &[],
        headers: None,
        https_only: true,
        ..COMMON
    },
    Client {
        id: "fiveire",
        name: "5ire",
        aliases: &["5ire"],
        confidence: Confidence::Low,
        linux: &["{appdata}/5ire/mcp.json"],
        macos: &["{appdata}/5ire/mcp.json"],
        windows: &["{appdata}/5ire/mcp.json"],
        http: &[
            ("type", Part::Word("remote")),
            ("url", Part::Url),
            ("key", Part::Slug),
            ("isActive", Part::On),
        ],
        stdio: &[
            ("type", Part::Word("local")),
            ("command", Part::Command),
            ("args", Part::Args),
            ("key", Part::Slug),
            ("isActive", Part::On),
        ],
        ..COMMON
    },
];

/// The VS Code family.
const VSCODE: Client = Client {
    project: &[".vscode/mcp.json"],
    path: &["servers"],
    http: HTTP_URL,
    stdio: STDIO_COMMAND,
    reload: "picks it up by itself; start the server with `MCP: List Servers` or above its entry",
    trust: Some("asks whether you trust the server when it first starts or has changed"),
    ..COMMON
};

/// opencode and what came of it.
const OPENCODE: Client = Client {
    path: &["mcp"],
    http: &[("type", Part::Word("remote")), ("url", Part::Url), ("enabled", Part::On)],
    stdio: &[("type", Part::Word("local")), ("command", Part::CommandLine), ("enabled", Part::On)],
    env: "environment",
    ..COMMON
};
