//! What is said of a command line that is none: in the words of all other errors where that says more than the parser
//! does. Help and version are the parser's own.

use std::error::Error as _;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::error::{Error, nearest};
use crate::report::{self, Audience, Event, Report};

/// Help and version on standard output, mistakes on standard error with status 2.
pub fn usage(error: &clap::Error) -> ExitCode {
    let told = told(error);
    match &told {
        Some(told) => report::failure(told),
        // This prints through the parser's own mouth, which knows about terminals and colour.
        None => drop(error.print()),
    }
    let failed = error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if failed && wants_events() {
        let (message, fix) = match told {
            Some(Error { message, fix, .. }) => (message, fix),
            None => (first_line(error), None),
        };
        Report::new(Audience::Json).event(&Event::Failed { code: "usage", message, fix });
    }
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(2),
    }
}

/// A program that starts `mcpgw tunnel --json` reads standard output alone.
fn wants_events() -> bool {
    let mut words = std::env::args().skip(1).take_while(|word| word != "--");
    let by_variable =
        || std::env::var("MCPGW_JSON").is_ok_and(|value| ["1", "true", "yes"].contains(&value.as_str()));
    words.next().is_some_and(|command| command == "tunnel")
        && (words.any(|word| word == "--json") || by_variable())
}

/// A mistake in one line, and the way out where it is known.
pub(super) fn in_words(error: &clap::Error) -> String {
    match told(error) {
        Some(Error { message, fix: Some(fix), .. }) => format!("{message} ({fix})"),
        Some(Error { message, .. }) => message,
        None => first_line(error),
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_string()
}

/// A mistake whose way out is known.
fn told(error: &clap::Error) -> Option<Error> {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => Some(no_command(word(ContextKind::InvalidSubcommand)?)),
        ErrorKind::InvalidValue => {
            let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue) else { return None };
            let value = word(ContextKind::InvalidValue).filter(|value| !value.is_empty())?;
            let valid: Vec<&str> = valid.iter().map(String::as_str).collect();
            Some(no_value(word(ContextKind::InvalidArg)?, value, &valid))
        }
        ErrorKind::ValueValidation => {
            let (arg, value) = (word(ContextKind::InvalidArg)?, word(ContextKind::InvalidValue)?);
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            Some(wrong_value(arg, value, &why))
        }
        ErrorKind::MissingRequiredArgument => {
            let Some(ContextValue::Strings(missing)) = error.get(ContextKind::InvalidArg) else {
                return None;
            };
            let usage = error.get(ContextKind::Usage)?.to_string();
            let how = usage.trim().trim_start_matches("Usage: ").to_string();
            Some(Error::usage("usage", format!("go on without {}", missing.join(" and "))).fix(how))
        }
        ErrorKind::UnknownArgument => {
            let word = word(ContextKind::InvalidArg).filter(|word| !word.starts_with('-'))?;
            // One before it may have been taken for a port.
            let first = first_plain_word().filter(|first| !is_number(first));
            let dashes = after_dashes(first.as_deref().unwrap_or(word))?;
            Some(Error::usage("usage", format!("understand `{word}` there")).fix(dashes))
        }
        _ => None,
    }
}

/// What other tools of this kind call it.
const ELSEWHERE: [(&[&str], &str); 9] = [
    (&["start", "up", "serve", "http", "share", "expose", "open", "dev"], "mcpgw tunnel"),
    (&["list", "ls", "ps", "sessions"], "mcpgw status"),
    (&["down", "kill", "end", "quit"], "mcpgw stop"),
    (&["check", "diagnose"], "mcpgw doctor"),
    (&["login", "setup", "install", "authtoken"], "mcpgw providers setup PROVIDER"),
    (&["add"], "mcpgw configure CLIENT"),
    (&["remove"], "mcpgw configure CLIENT --remove"),
    (&["undo"], "mcpgw configure --undo"),
    (&["version"], "mcpgw --version"),
];

fn no_command(word: &str) -> Error {
    let error = Error::usage("usage", format!("run `{word}`: there is no such command"));
    if word.parse::<u16>().is_ok() {
        return error.fix(format!("for the gateway on port {word}: mcpgw tunnel {word}"));
    }
    let given = std::env::args().skip(1).take_while(|given| given != word);
    let above: Vec<String> = given.filter(|given| given != "help").collect();
    let known = ELSEWHERE.iter().find(|(words, _)| words.contains(&word));
    if let (Some((_, here)), true) = (known, above.is_empty()) {
        return error.fix(format!("that is `{here}` here"));
    }
    let mut commands = crate::cli::whole();
    for name in &above {
        if let Some(below) = commands.find_subcommand(name).cloned() {
            commands = below;
        }
    }
    let names = commands.get_subcommands().filter(|one| !one.is_hide_set()).map(clap::Command::get_name);
    let path = ["mcpgw"].into_iter().chain(above.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    error.fix(match nearest(word, names) {
        Some(meant) => format!("did you mean `{path} {meant}`?"),
        None => format!("{path} --help lists them"),
    })
}

fn no_value(arg: &str, value: &str, valid: &[&str]) -> Error {
    let message = format!("use {}: it is none of {}", given(arg, value), valid.join(", "));
    let error = Error::usage("usage", message);
    match (variable(arg), nearest(value, valid.iter().copied())) {
        (Some(variable), _) => error.fix(variable),
        (None, Some(meant)) => error.fix(format!("did you mean {meant}?")),
        (None, None) => error,
    }
}

fn wrong_value(arg: &str, value: &str, why: &str) -> Error {
    let why = match arg.contains("PORT") {
        true => "a port is a number from 1 to 65535",
        false => why,
    };
    let error = Error::usage("usage", format!("use {}: {why}", given(arg, value)));
    // `tunnel` took a command for its port.
    match variable(arg).or_else(|| after_dashes(value).filter(|_| arg == "[PORT]" && !is_number(value))) {
        Some(fix) => error.fix(fix),
        None => error,
    }
}

/// `--port abc` as it was typed, and `abc` where no flag stands before it.
fn given(arg: &str, value: &str) -> String {
    match arg.split([' ', '=']).next().filter(|flag| flag.starts_with('-')) {
        Some(flag) => format!("{flag} {value}"),
        None => format!("`{value}`"),
    }
}

/// clap names the flag, also when the wrong value came from the environment.
fn variable(arg: &str) -> Option<String> {
    let flag = arg.split([' ', '=']).next()?;
    let given = std::env::args().any(|given| given == flag || given.starts_with(&format!("{flag}=")));
    let name = format!("MCPGW_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase());
    (!given && std::env::var_os(&name).is_some()).then(|| format!("it came from the variable {name}"))
}

/// `mcpgw tunnel pnpm start` means `mcpgw tunnel -- pnpm start`.
fn after_dashes(word: &str) -> Option<String> {
    let name = std::env::args().nth(1).filter(|name| ["tunnel", "run"].contains(&name.as_str()))?;
    Some(format!("a command goes after two dashes: mcpgw {name} -- {word} ..."))
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The first word behind the command that is no flag and no flag's value.
fn first_plain_word() -> Option<String> {
    let mut words = std::env::args().skip(1);
    let all = crate::cli::whole();
    let command = all.find_subcommand(words.next()?)?;
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix('-') else { return Some(word) };
        let is = |arg: &&clap::Arg| match flag.strip_prefix('-') {
            Some(long) => arg.get_long() == Some(long),
            None => arg.get_short().is_some_and(|short| flag == short.to_string()),
        };
        if command.get_arguments().find(is).is_some_and(|arg| arg.get_action().takes_values()) {
            words.next();
        }
    }
    None
}
