//! `mcpgw completions` and `mcpgw man`: what shells and `man` are given, made from the command line's shape; and the
//! variables that it knows.

use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

use crate::cli;
use crate::config;
use crate::error::{Error, Result, nearest};
use crate::report::Event;
use crate::{client, doctor, provider, report};

/// The command line without what only mcpgw itself calls; clap's generators would show that too.
fn shown_cli() -> clap::Command {
    let cli = cli::whole();
    let shown: Vec<_> = cli.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    clap::Command::new("mcpgw")
        .version(env!("CARGO_PKG_VERSION"))
        .about(cli.get_about().cloned().unwrap_or_default())
        .subcommands(shown)
}

/// Stands where the names of sessions go: they come and go, so the shell asks for them when it wants them.
const SESSIONS: &str = "@sessions@";
/// What it asks, in the words of each shell that can ask in the middle of a list.
const ASK: &str = "mcpgw __sessions 2>/dev/null";

/// The names that a shell can offer.
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
    let cli = ["bridge", "status", "url", "run", "logs", "stop", "doctor", "configure"]
        .into_iter()
        .fold(cli, |cli, name| cli.mut_subcommand(name, |command| offer(command, "session", [SESSIONS])));
    let cli = NAMED
        .into_iter()
        .fold(cli, |cli, name| cli.mut_subcommand(name, |command| offer(command, "name", [SESSIONS])));
    let key = |command: clap::Command| {
        let show = command.mut_subcommand("show", |command| offer(command, "session", [SESSIONS]));
        show.mut_subcommand("rotate", |command| offer(command, "session", [SESSIONS]))
    };
    cli.mut_subcommand("key", key)
        .mut_subcommand("tunnel", tunnel)
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

/// Where a session's name may stand alone.
const NAMED: [&str; 3] = ["status", "url", "stop"];

pub(super) fn completions(shell: Shell) {
    let mut script = vec![];
    clap_complete::generate(shell, &mut with_names(shown_cli()), "mcpgw", &mut script);
    report::bytes(asking(shell, &String::from_utf8_lossy(&script)).as_bytes());
}

/// The script, with the question in the place of the sign. The shells that are not named here offer no values.
fn asking(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => script.replace(SESSIONS, &format!("$({ASK})")),
        Shell::Zsh => {
            script.replace(&format!("({SESSIONS})"), &format!("{{compadd -- ${{(f)\"$({ASK})\"}}}}"))
        }
        Shell::Fish => {
            let alone = NAMED.map(|name| {
                format!("complete -c mcpgw -n \"__fish_mcpgw_using_subcommand {name}\" -f -a \"({ASK})\"\n")
            });
            script.replace(&format!("{SESSIONS}\\t''"), &format!("({ASK})")) + &alone.concat()
        }
        _ => script.into(),
    }
}

pub(super) fn man(path: &[String]) -> Result<()> {
    let mut shown = shown_cli();
    // Names of commands become `mcpgw-tunnel`, as in git's manual.
    shown.build();
    for (depth, name) in path.iter().enumerate() {
        let found = shown.find_subcommand(name).cloned();
        shown = found.ok_or_else(|| no_such_page(&path[..depth], name, &shown))?;
    }
    let mut page = vec![];
    let write = |error: std::io::Error| Error::failed("man", format!("write the manual page: {error}"));
    let man = clap_mangen::Man::new(shown).source(concat!("mcpgw ", env!("CARGO_PKG_VERSION")));
    man.manual("mcpgw manual").render(&mut page).map_err(write)?;
    report::bytes(&page);
    Ok(())
}

fn no_such_page(above: &[String], name: &str, shown: &clap::Command) -> Error {
    let words = |name: &str| above.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(" ");
    let message = format!("print the manual of `{}`: there is no such command", words(name));
    Error::usage("man.command", message).fix(
        match nearest(name, shown.get_subcommands().map(clap::Command::get_name)) {
            Some(meant) => format!("did you mean `mcpgw man {}`?", words(meant)),
            None => "`mcpgw --help` lists them".into(),
        },
    )
}

/// The variables of all settings, of whatever command.
pub(super) fn variables() -> Vec<String> {
    let cli = cli::whole();
    let mut known = vec![];
    let mut commands: Vec<&clap::Command> = vec![&cli];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands());
        known.extend(
            command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_string_lossy().into_owned())),
        );
    }
    known.sort_unstable();
    known.dedup();
    known
}

/// A variable that looks like a setting and is none, and what was meant.
pub(super) fn slip() -> Option<Event> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let names: Vec<String> = names.filter(|name| config::may_be_a_setting(name)).collect();
    // The command line is looked through only where there is something to compare with it.
    let known = if names.is_empty() { vec![] } else { variables() };
    let (name, meant) = config::slip(names.iter().map(String::as_str), &known)?;
    let message = format!("the variable {name} is no setting and changes nothing");
    Some(Event::notice("config.variable", message, Some(format!("did you mean {meant}?"))))
}
