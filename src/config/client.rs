//! What a user decides about the clients' entries.

/// The way from a client to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Via {
    /// The session's public address.
    Tunnel,
    /// The gateway's port on this machine.
    Local,
    /// `mcpgw bridge`, which the client starts.
    Bridge,
}

impl Via {
    /// As flags have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tunnel => "tunnel",
            Self::Local => "local",
            Self::Bridge => "bridge",
        }
    }
}

/// Whose file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Scope {
    /// The user's, for every project.
    #[default]
    User,
    /// The project's, which others may share.
    Project,
}

impl Scope {
    /// As flags have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
        }
    }
}
