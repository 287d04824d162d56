//! Settings: where each may come from, which wins, and what a valid one looks like.
//!
//! flags > `MCPGW_*` environment > `mcpgw.toml` (found upwards) > `config.toml` (user) > defaults.
//! The first two arrive as one [`Layer`] from the command line; [`file`] reads the others.

mod client;
mod file;
mod settings;
mod template;

pub use client::{Scope, Via};
pub use file::{Layer, PROJECT_FILE, project, project_file, project_folder, read_text, user, user_file};
pub use settings::{Auth, HostHeader, Millis, Settings, Size, TryProvider, is_label, web_url};
pub use template::{Values, fill, valid_name};
