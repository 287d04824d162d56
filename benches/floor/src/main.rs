//! The smallest clap program: one subcommand, nothing behind it.

use clap::{Parser, Subcommand};

/// An empty command line.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Do nothing
    Idle,
}

fn main() {
    match Cli::parse().command {
        Command::Idle => {}
    }
}
