//! The tunnel providers: which is used, and for each whether its program is there, runs, suits, is logged
//! in, and reads a config of its own.

use super::usage::{Use, relevant, tunnels, use_of};
use super::{Check, Finding, World};
use crate::provider::{self, OwnConfig, Provider, Readiness};

pub(super) fn checks() -> Vec<Check> {
    let mut checks = vec![];
    for provider in tunnels() {
        let id = provider.id();
        checks.push(Check::looks(format!("provider.{id}"), move |world| program(provider, world)));
        if !matches!(id, "localtunnel") {
            checks.push(Check::looks(format!("provider.{id}.config"), move |world| {
                own_config(provider, world)
            }));
        }
    }
    checks.extend(super::agent::checks());
    checks.push(Check::looks("provider.choice", choice).needs(&["config.values"]));
    checks
}

fn program(provider: &dyn Provider, world: &World) -> Finding {
    let Ok(settings) = &world.settings else { return Finding::skip("the settings are broken") };
    let used = use_of(provider, world);
    if let Some(session) = &world.session
        && session.provider == provider.id()
        && let Some(program) = &session.program
    {
        // Whether this shell would find it, and what it needs, does not matter to the session; what becomes of it
        // there, other checks see.
        return Finding::pass(format!("the session uses {}", program.display()));
    }
    let (program, trouble) = match provider.readiness(settings) {
        Readiness::Missing { why, fix } => {
            return match used {
                Use::Chosen => Finding::fail(why).fix(fix),
                Use::Possible | Use::Not => Finding::skip("not installed, and not in use").fix(fix),
            };
        }
        Readiness::Ready(program) => (program, None),
        Readiness::Unready { program, why, fix } => (Some(program), Some((why, fix))),
    };
    let Some(program) = program else { return Finding::pass("it is part of mcpgw") };
    let version = match provider::try_out(&program, provider.version_args()) {
        Ok(version) => version,
        Err(why) => {
            let broken = format!("{} does not run: {why}", program.display());
            let fix = format!("install it anew: mcpgw providers setup {}", provider.id());
            return match used {
                Use::Not => Finding::warn(broken).fix(fix),
                Use::Chosen | Use::Possible => Finding::fail(broken).fix(fix),
            };
        }
    };
    let shown = format!(
        "{} ({})",
        version.map_or("version unknown".into(), |version| version.to_string()),
        program.display()
    );
    let old = version.is_some() && !provider.suits(version);
    let remark = provider.remarks(settings, version).into_iter().next().filter(|_| old);
    let trouble = match (remark, trouble) {
        (Some(remark), _) => {
            Some((remark.message, remark.fix.unwrap_or_else(|| "install a newer one".into())))
        }
        (None, trouble) => trouble,
    };
    match (trouble, used) {
        (None, _) => Finding::pass(shown),
        (Some((why, fix)), Use::Chosen) => Finding::fail(format!("{why}; {shown}")).fix(fix),
        (Some((why, fix)), Use::Possible) => match relevant(world) {
            Some(_) => Finding::warn(format!("{why}; {shown}")).fix(fix),
            // It was installed to be used, and nothing else is there.
            None => Finding::fail(format!("{why}; {shown}")).fix(fix),
        },
        (Some((why, fix)), Use::Not) => Finding::skip(format!("{why}; not in use")).fix(fix),
    }
}

fn own_config(provider: &dyn Provider, world: &World) -> Finding {
    let Ok(settings) = &world.settings else { return Finding::skip("the settings are broken") };
    let installed = provider.readiness(settings).program().is_some();
    match (provider.own_config(settings), use_of(provider, world)) {
        (OwnConfig::None, _) => Finding::pass("it has no config of its own"),
        (OwnConfig::Fine(file), _) => Finding::pass(format!("{file} is in nobody's way")),
        (OwnConfig::Odd(remark), _) => with_fix(Finding::warn(remark.message), remark.fix),
        (OwnConfig::Broken(remark), Use::Chosen) => with_fix(Finding::fail(remark.message), remark.fix),
        (OwnConfig::Broken(remark), Use::Possible) if installed => {
            with_fix(Finding::fail(remark.message), remark.fix)
        }
        (OwnConfig::Broken(remark), _) => with_fix(Finding::warn(remark.message), remark.fix),
    }
}

fn with_fix(finding: Finding, fix: Option<String>) -> Finding {
    match fix {
        Some(fix) => finding.fix(fix),
        None => finding,
    }
}

/// What `mcpgw tunnel` would take.
fn choice(world: &World) -> Finding {
    let Ok(settings) = &world.settings else { return Finding::skip("the settings are broken") };
    if let Some(session) = &world.session {
        return Finding::pass(format!("the session runs on {}", session.provider));
    }
    match provider::choose(settings) {
        Err(error) if error.code == "provider.not_ready" => {
            Finding::skip(format!("the one that is named is not ready: {}", error.message))
        }
        Err(error) => with_fix(Finding::fail(error.message.clone()), error.fix),
        Ok(choice) if choice.nothing_better => {
            Finding::warn("no tunnel program is ready: `mcpgw tunnel` gives an address for this machine only")
                .fix("mcpgw providers setup localtunnel")
        }
        Ok(choice) => Finding::pass(format!("`mcpgw tunnel` takes {}", choice.first().provider.id())),
    }
}
