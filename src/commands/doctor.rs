//! `mcpgw doctor`: find out what is wrong, say how to fix it.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use super::{shell, tunnel, usage};
use crate::cli::{Cli, Command, DoctorArgs};
use crate::config::Layer;
use crate::doctor::{self, Row, Selection, Told, Verdict, World};
use crate::error::Result;
use crate::report;

pub(super) fn run(args: DoctorArgs) -> Result<ExitCode> {
    let selection = Selection::new(args.only, &doctor::table())?;
    let runtime = super::runtime()?;
    let look = || {
        let environment = environment();
        let told = Told {
            environment,
            variables: shell::variables(),
            port: args.port,
            session: args.session.clone(),
            selection: selection.clone(),
        };
        let world = Arc::new(World::look(told)?);
        Ok((runtime.block_on(doctor::examine(&selection, world.clone())), world))
    };
    let (mut rows, world) = look()?;
    let repaired = args.fix.then(|| doctor::repair(&rows, &world));
    if repaired.as_ref().is_some_and(|done| !done.is_empty()) {
        (rows, _) = look()?;
    }
    match args.json {
        true => report::out(&doctor::document(&rows, repaired.as_deref())),
        false => {
            for repair in repaired.iter().flatten() {
                report::done(&format!("{}: {}", repair.id, repair.did));
            }
            let lines = doctor::lines(&rows);
            report::checked(&lines);
            report::out(&format!("\n{}", doctor::summary(&rows)));
            report::checked(&doctor::once_more(&lines));
        }
    }
    // A check that hangs in the system is not waited for.
    runtime.shutdown_background();
    Ok(status(&rows))
}

/// 1 when something failed; 3 when nothing did and something that was asked for could not be looked at.
fn status(rows: &[Row]) -> ExitCode {
    if rows.iter().any(|row| row.verdict == Verdict::Fail) {
        return ExitCode::from(1);
    }
    let unseen = rows.iter().all(|row| row.verdict == Verdict::Skip) || rows.iter().any(|row| row.unable);
    ExitCode::from(if unseen { 3 } else { 0 })
}

/// The settings that `mcpgw tunnel` would take from the environment.
fn environment() -> std::result::Result<Layer, String> {
    match Cli::try_parse_from(["mcpgw", "tunnel"]).map(|cli| cli.command) {
        Ok(Command::Tunnel(args)) => Ok(tunnel::layer(args.into_inner())),
        Ok(_) => Ok(Layer::default()),
        Err(error) => Err(usage::in_words(&error)),
    }
}
