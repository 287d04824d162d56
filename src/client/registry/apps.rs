//! Applications of their own, neither editors nor in a terminal: a row each.

use super::shapes::{COMMON, JSON};
use super::{Client, Confidence, Part};

pub(super) const CLAUDE_DESKTOP: Client = Client {
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
};

pub(super) const LM_STUDIO: Client = Client {
    id: "lm-studio",
    name: "LM Studio",
    aliases: &["lmstudio"],
    linux: &["~/.lmstudio/mcp.json", "~/.cache/lm-studio/mcp.json"],
    macos: &["~/.lmstudio/mcp.json", "~/.cache/lm-studio/mcp.json"],
    windows: &["~/.lmstudio/mcp.json", "~/.cache/lm-studio/mcp.json"],
    reload: "restart it, or open Program > Edit mcp.json again",
    programs: &["lms"],
    ..COMMON
};

pub(super) const BOLTAI: Client = Client {
    id: "boltai",
    name: "BoltAI",
    confidence: Confidence::Low,
    macos: &["~/.boltai/mcp.json"],
    http: &[],
    headers: None,
    https_only: true,
    ..COMMON
};

pub(super) const FIVEIRE: Client = Client {
    id: "fiveire",
    name: "5ire",
    aliases: &["5ire"],
    confidence: Confidence::Low,
    linux: &["{appdata}/5ire/mcp.json"],
    macos: &["{appdata}/5ire/mcp.json"],
    windows: &["{appdata}/5ire/mcp.json"],
    http: &[("type", Part::Word("remote")), ("url", Part::Url), ("key", Part::Slug), ("isActive", Part::On)],
    stdio: &[
        ("type", Part::Word("local")),
        ("command", Part::Command),
        ("args", Part::Args),
        ("key", Part::Slug),
        ("isActive", Part::On),
    ],
    ..COMMON
};
