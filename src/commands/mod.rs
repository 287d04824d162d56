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
mod usage;

use std::process::ExitCode;

pub use usage::usage;

use crate::cli::Command;
use crate::error::{Error, Exit, Result};
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
        Command::Tunnel(args) => return tunnel::run(args.into_inner()),
        Command::Bridge(args) => bridge::run(args.into_inner()),
        Command::Run(args) => return told(run::run(&args)),
        Command::Configure(args) => return told(configure::run(&args)),
        Command::Doctor(args) => return told(doctor::run(args.into_inner())),
        Command::Status(args) => status::run(&args),
        Command::Url(args) => url::run(&args),
        Command::Logs(args) => logs::run(&args),
        Command::Stop(args) => stop::run(&args),
        Command::Key { command } => return told(key::run(&command)),
        Command::Init(args) => init::run(args.into_inner()),
        Command::Cert { command } => cert::run(command),
        Command::Providers(args) => providers::run(args.into_inner()),
        Command::Completions { shell } => {
            shell::completions(shell);
            Ok(())
        }
        Command::Man { command } => shell::man(&command),
        Command::DemoGateway { port } => {
            runtime().and_then(|runtime| runtime.block_on(gateway::demo::serve(port)))
        }
        Command::Sessions => status::names(),
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
