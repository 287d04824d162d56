//! `mcpgw run -- CMD`: CMD with the variables of the running session; its exit status becomes ours.

use std::process::{Command, ExitCode};

use super::pick;
use crate::cli::RunArgs;
use crate::error::{Error, Result, io_reason};

pub(super) fn run(args: &RunArgs) -> Result<ExitCode> {
    let session = pick::session(&args.which)?;
    if session.env.is_empty() {
        return Err(Error::failed("session.no_url", "run the command: the session has no address yet")
            .fix("wait until `mcpgw tunnel` says it is ready"));
    }
    let (program, rest) =
        args.command.split_first().ok_or_else(|| Error::usage("run.command", "run nothing"))?;
    let status = Command::new(program).args(rest).envs(&session.env).status().map_err(|error| {
        let program = program.to_string_lossy();
        Error::failed("run.start", format!("start `{program}`: {}", io_reason(&error)))
            .fix(format!("check that `{program}` is installed and on PATH"))
    })?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
