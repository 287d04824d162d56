//! `mcpgw completions` and `mcpgw man`: what shells and `man` are given, made from the command line's shape.

use clap::CommandFactory;
use clap::builder::PossibleValuesParser;

use crate::cli::Cli;
use crate::error::{Error, Result, nearest};
use crate::{client, doctor, provider, report};

/// The command line without what only mcpgw itself calls; clap's generators would show that too.
fn shown_cli() -> clap::Command {
    let cli = Cli::command();
    let shown: Vec<_> = cli.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    clap::Command::new("mcpgw")
        .version(env!("CARGO_PKG_VERSION"))
        .about(cli.get_about().cloned().unwrap_or_default())
        .subcommands(shown)
}

/// The names that a shell can offer. Sessions come and go, so theirs are not among them.
fn with_names(cli: clap::Command) -> clap::Command {
    // clap keeps words that live as long as the program; this one prints a script and ends.
    let kept = |word: &str| &*Box::leak(Box::<str>::from(word));
    let commands: Vec<_> = cli.get_subcommands().map(|command| kept(command.get_name())).collect();
    let providers = || provider::ALL.iter().map(|provider| provider.id());
    let choices = || ["auto"].into_iter().chain(providers());
    let clients = || client::ALL.iter().map(|client| client.id);
    let checks = doctor::table().into_iter().map(|check| kept(&check.id));
    let tunnel = |command| {
        let command = offer(command, "provider", choices());
        offer(offer(command, "configure", clients()), "fallback", providers())
    };
    cli.mut_subcommand("tunnel", tunnel)
        .mut_subcommand("init", |command| {
            offer(offer(command, "provider", choices()), "configure", clients())
        })
        .mut_subcommand("configure", |command| offer(command, "clients", clients()))
        .mut_subcommand("doctor", |command| offer(command, "only", checks))
        .mut_subcommand("man", |command| offer(command, "command", commands))
        .mut_subcommand("providers", |command| {
            command.mut_subcommand("setup", |setup| offer(setup, "provider", providers()))
        })
}

fn offer(
    command: clap::Command,
    argument: &'static str,
    names: impl IntoIterator<Item = &'static str>,
) -> clap::Command {
    command.mut_arg(argument, |argument| argument.value_parser(PossibleValuesParser::new(names)))
}

pub(super) fn completions(shell: clap_complete::Shell) {
    let mut script = vec![];
    clap_complete::generate(shell, &mut with_names(shown_cli()), "mcpgw", &mut script);
    report::bytes(&script);
}

pub(super) fn man(command: Option<&str>) -> Result<()> {
    let mut cli = shown_cli();
    // Names of commands become `mcpgw-tunnel`, as in git's manual.
    cli.build();
    let shown = match command {
        None => cli,
        Some(name) => cli.find_subcommand(name).cloned().ok_or_else(|| {
            let error = Error::usage(
                "man.command",
                format!("print the manual of `{name}`: there is no such command"),
            );
            error.fix(match nearest(name, cli.get_subcommands().map(clap::Command::get_name)) {
                Some(meant) => format!("did you mean `mcpgw man {meant}`?"),
                None => "`mcpgw --help` lists them".into(),
            })
        })?,
    };
    let mut page = vec![];
    let write = |error: std::io::Error| Error::failed("man", format!("write the manual page: {error}"));
    clap_mangen::Man::new(shown).render(&mut page).map_err(write)?;
    report::bytes(&page);
    Ok(())
}
