//! One file a command. A command reads like its row in the table of commands and holds no mechanism.

mod ask;
mod bridge;
mod cert;
mod clipboard;
mod configure;
mod doctor;
mod init;
mod key;
mod logs;
mod pick;
mod providers;
mod requests;
mod run;
mod setup;
mod shell;
mod status;
mod stop;
mod told;
mod tunnel;
mod url;

use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::{Cli, Command};
use crate::error::{Error, Exit, Result};
use crate::report::{Audience, Event, Report};
use crate::{gateway, process, report};

/// Runs a command; its exit status.
pub fn run(command: Command) -> ExitCode {
    if tells_slips(&command)
        && let Some(slip) = shell::slip()
    {
        report::aside(&slip);
    }
    let done = match command {
        // A session tells its own end, in the form its audience wants.
        Command::Tunnel(args) => return tunnel::run(*args),
        Command::Bridge(args) => bridge::run(*args),
        Command::Run(args) => return told(run::run(&args)),
        Command::Configure(args) => return told(configure::run(&args)),
        Command::Doctor(args) => return told(doctor::run(args)),
        Command::Status(args) => status::run(&args),
        Command::Url(args) => url::run(&args),
        Command::Logs(args) => logs::run(&args),
        Command::Stop(args) => stop::run(&args),
        Command::Key { command } => return told(key::run(&command)),
        Command::Init(args) => init::run(*args),
        Command::Cert { command } => cert::run(command),
        Command::Providers(args) => providers::run(*args),
        Command::Completions { shell } => {
            shell::completions(shell);
            Ok(())
        }
        Command::Man { command } => shell::man(&command),
        Command::DemoGateway { port } => {
            runtime().and_then(|runtime| runtime.block_on(gateway::demo::serve(port)))
        }
        Command::Reap { session } => {
            process::reap(&session);
            Ok(())
        }
    };
    told(done.map(|()| ExitCode::SUCCESS))
}

/// A session tells it among its events, doctor as a finding; what clients and shells start keeps quiet.
fn tells_slips(command: &Command) -> bool {
    use Command::{Configure, Init, Key, Logs, Providers, Run, Status, Stop, Url};
    matches!(
        command,
        Configure(_) | Init(_) | Key { .. } | Logs(_) | Providers(_) | Run(_) | Status(_) | Stop(_) | Url(_)
    )
}

fn told(done: Result<ExitCode>) -> ExitCode {
    done.unwrap_or_else(|error| {
        report::failure(&error);
        exit_status(&error)
    })
}

fn exit_status(error: &Error) -> ExitCode {
    match error.exit {
        Exit::Failed => ExitCode::from(1),
        Exit::Usage => ExitCode::from(2),
    }
}

/// One thread for everything: sessions wait far more than they work, and a thread costs memory.
fn runtime() -> Result<tokio::runtime::Runtime> {
    // The one TLS implementation of the process; a second call finds it installed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed("runtime", format!("start the async runtime: {error}")))
}

/// What clap has to say: help and version on standard output, mistakes on standard error with status 2.
pub fn usage(error: &clap::Error) -> ExitCode {
    // This prints through clap's own mouth, which knows about terminals and colour.
    let _ = error.print();
    let failed = error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if failed && wants_events() {
        let first =
            error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_string();
        Report::new(Audience::Json).event(&Event::Failed { code: "usage", message: first, fix: None });
    }
    if let Some(hint) = blamed_variable(error).or_else(|| forgotten_dashes(error)) {
        report::remark(&hint);
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

/// clap names the flag, also when the wrong value came from the environment.
fn blamed_variable(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else { return None };
    let flag = arg.split([' ', '=']).next()?;
    let given = std::env::args().any(|given| given == flag || given.starts_with(&format!("{flag}=")));
    let name = format!("MCPGW_{}", flag.trim_start_matches('-').replace('-', "_").to_uppercase());
    (!given && std::env::var_os(&name).is_some()).then(|| format!("the value came from the variable {name}"))
}

/// `mcpgw tunnel pnpm start` means `mcpgw tunnel -- pnpm start`.
fn forgotten_dashes(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(blamed)) = error.get(ContextKind::InvalidArg) else { return None };
    let misplaced = match error.kind() {
        ErrorKind::UnknownArgument => !blamed.starts_with('-'),
        // `tunnel` took it for a port.
        ErrorKind::ValueValidation => blamed == "[PORT]",
        _ => false,
    };
    let mut words = std::env::args().skip(1);
    let name = words.next().filter(|name| misplaced && ["tunnel", "run"].contains(&name.as_str()))?;
    let word = first_plain_word(Cli::command().find_subcommand(name)?, words)?;
    let port = word.bytes().all(|byte| byte.is_ascii_digit());
    (!port).then(|| format!("\nA command goes after two dashes: -- {word} ..."))
}

/// The first word that is no flag and no flag's value.
fn first_plain_word(command: &clap::Command, mut words: impl Iterator<Item = String>) -> Option<String> {
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix('-') else { return Some(word) };
        let is = |arg: &&clap::Arg| match flag.strip_prefix('-') {
            Some(long) => arg.get_long() == Some(long),
            None => arg.get_short().is_some_and(|short| flag == short.to_string()),
        };
        let known = command.get_arguments().find(is);
        if known.is_some_and(|arg| arg.get_action().takes_values()) {
            words.next();
        }
    }
    None
}
