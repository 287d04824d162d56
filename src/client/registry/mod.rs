//! The MCP clients: a table, one row a client. What a row says was read from the client itself or its source
//! unless its confidence says otherwise; a new client is a new row, its name in [`ALL`], and its fixtures. Decides
//! nothing.

mod apps;
mod editors;
mod shapes;
mod terminal;

use super::document::Format;

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

/// The registry.
pub static ALL: &[Client] = &[
    terminal::CLAUDE_CODE,
    apps::CLAUDE_DESKTOP,
    editors::CURSOR,
    editors::VSCODE,
    editors::VSCODE_INSIDERS,
    editors::VSCODIUM,
    editors::VISUAL_STUDIO,
    terminal::CODEX,
    terminal::GEMINI_CLI,
    terminal::QWEN_CODE,
    terminal::OPENCODE,
    terminal::COPILOT_CLI,
    editors::ZED,
    editors::WINDSURF,
    editors::CLINE,
    editors::ROO_CODE,
    editors::KILO_CODE,
    editors::CONTINUE,
    terminal::GOOSE,
    terminal::CRUSH,
    apps::LM_STUDIO,
    editors::KIRO,
    terminal::AMAZON_Q,
    terminal::AMP,
    terminal::AUGMENT,
    terminal::MCPORTER,
    editors::ANTIGRAVITY,
    terminal::WARP,
    terminal::FACTORY_DROID,
    editors::JUNIE,
    editors::TRAE,
    terminal::GROK_BUILD,
    terminal::KIMI_CODE,
    apps::BOLTAI,
    apps::FIVEIRE,
];
