//! The gateway: how it is started, when it counts as alive, how it wants to be spoken to. Decides
//! nothing about restarts.

pub mod demo;
mod env_file;
mod health;
mod manners;
pub mod port;

use std::ffi::OsString;

pub use env_file::{check as check_env_file, give_back as give_back_env_file, write as write_env_file};
pub use health::{Health, Origin, wait_until_alive};
pub use manners::{Astray, Manners};

use crate::config::Settings;
use crate::process::{Spec, Stdin};

/// Is this the command of the gateway inside mcpgw?
pub fn is_demo(command: &[String]) -> bool {
    command.get(1).is_some_and(|word| word == "__demo-gateway")
}

/// The gateway's command line with APP_URL and whatever `--env` adds; nothing of the user's own
/// environment is taken away.
pub fn spec(settings: &Settings, url: &str) -> Option<Spec> {
    let (program, args) = settings.command.split_first()?;
    Some(Spec {
        program: program.into(),
        args: args.iter().map(OsString::from).collect(),
        set: settings.variables(url).into_iter().collect(),
        scrub: |_| false,
        folder: settings.folder.clone(),
        // Some MCP servers (supergateway) end when their standard input does.
        stdin: Stdin::Held,
    })
}
