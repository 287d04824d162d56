//! Settings: where each may come from, which wins, and what a valid one looks like.
//!
//! flags > `MCPGW_*` environment > `mcpgw.toml` (found upwards) > `config.toml` (user) > defaults.
//! The first two arrive as one [`Layer`] from the command line; [`file`] reads the others.

mod check;
mod client;
mod file;
mod here;
mod place;
mod settings;
mod slip;
mod template;
mod value;

pub use check::{is_label, web_url};
pub use client::{Scope, Via};
pub use file::{Layer, PROJECT_FILE, project, project_file, project_folder, read_text, user, user_file};
pub use here::here;
pub use settings::{Settings, TryProvider};
pub use slip::{may_be_a_setting, slip};
pub use template::{Values, fill, valid_name};
pub use value::{Auth, HostHeader, Millis, Size};
