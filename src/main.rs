//! Parse, run, map the error to an exit status.

use std::process::ExitCode;

use clap::Parser;
use mcpgw::{cli::Cli, commands};

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => commands::run(cli.command),
        Err(error) => commands::usage(&error),
    }
}
