//! Parse, run, map the error to an exit status.

use std::process::ExitCode;

use mcpgw::{cli, commands};

fn main() -> ExitCode {
    match cli::parse() {
        Ok(cli) => commands::run(cli.command),
        Err(error) => commands::usage(&error),
    }
}
