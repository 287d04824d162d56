//! Clients whose servers are in an account or behind a dialog: nothing of theirs is a file that could be written.
//! What their users have to enter is told instead.

/// One such client.
#[derive(Debug)]
pub struct ByHand {
    /// Its name in flags and documents.
    pub id: &'static str,
    /// Its name among people.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// Where to click.
    pub steps: &'static str,
    /// Does it connect from its maker's cloud, or from this machine?
    pub from_afar: bool,
    /// May a header be entered?
    pub sends_headers: bool,
}

impl ByHand {
    /// Is this its name, or one of them?
    pub fn answers_to(&self, name: &str) -> bool {
        std::iter::once(&self.id).chain(self.aliases).any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// All of them.
pub static BY_HAND: [ByHand; 4] = [
    ByHand {
        id: "claude-web",
        name: "Claude (web and mobile, and Claude Desktop's connectors)",
        aliases: &["claude-connectors", "claude.ai"],
        steps: "Settings > Connectors > Add custom connector",
        from_afar: true,
        sends_headers: false,
    },
    ByHand {
        id: "chatgpt",
        name: "ChatGPT",
        aliases: &["openai"],
        steps: "Settings > Connectors > Advanced > Developer mode, then Create",
        from_afar: true,
        sends_headers: false,
    },
    ByHand {
        id: "raycast",
        name: "Raycast",
        aliases: &[],
        steps: "the command `Install MCP Server`",
        from_afar: false,
        sends_headers: true,
    },
    ByHand {
        id: "augment-ide",
        name: "Augment (IDE extensions)",
        aliases: &[],
        steps: "the settings of the Augment panel > MCP > Import from JSON",
        from_afar: false,
        sends_headers: true,
    },
];
