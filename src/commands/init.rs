//! `mcpgw init`: look at the project, ask what is left open, write mcpgw.toml.

use std::fs;
use std::path::Path;

use super::ask;
use crate::cli::InitArgs;
use crate::client::{self, Confidence, Ground};
use crate::config::{self, PROJECT_FILE, Settings};
use crate::error::{Error, Result, io_reason, nearest};
use crate::file::{self, Privacy};
use crate::project::{self, Answer, ERAS, Era, Project, Wishes};
use crate::{os, provider, report, web};

pub(super) fn run(args: InitArgs) -> Result<()> {
    let here = std::env::current_dir()
        .map_err(|error| Error::failed("init.folder", format!("find this folder: {}", io_reason(&error))))?;
    if let Some(name) = args.provider.as_deref().filter(|name| *name != "auto") {
        provider::find(name)?;
    }
    args.configure.iter().try_for_each(|name| client::known_as(name).map(drop))?;
    let preset = args.preset.as_deref().map(preset).transpose()?;
    let (yes, dry_run, force) = (args.yes, args.dry_run, args.force);
    let mut project = Project::look(&here);
    let port = args.port.or(project.port.as_ref().map(|port| port.value)).unwrap_or(Settings::PORT);
    if let Some(answer) = answers(port)? {
        project.era = Some(answer.era);
        project.health = answer.health.or(project.health);
    }
    let mut wishes = wishes(args, preset, &project);
    if !yes && ask::possible() && !dry_run {
        questions(&mut wishes, &project, preset.is_some())?;
    }
    let text = project::render(&wishes, &project);
    // Whatever the project holds, the file that is written can be read.
    Settings::from_layer(config::read_text(&text)?)?;
    match dry_run {
        true => report::bytes(text.as_bytes()),
        false => write(&here, &text, force)?,
    }
    Ok(())
}

/// `None` for a gateway that is none of these.
fn preset(id: &str) -> Result<Option<&'static Era>> {
    let ids = || ERAS.iter().map(|era| era.id).chain(["none"]);
    match (Era::find(id), id) {
        (None, "none") => Ok(None),
        (None, _) => {
            let error = Error::usage("init.preset", format!("use --preset {id}: there is no such preset"));
            let all = ids().collect::<Vec<_>>().join(", ");
            Err(match nearest(id, ids()) {
                Some(meant) => error.fix(format!("did you mean {meant}? There are {all}")),
                None => error.fix(format!("use one of {all}")),
            })
        }
        (era, _) => Ok(era),
    }
}

/// What the gateway says of itself, if it runs.
fn answers(port: u16) -> Result<Option<Answer>> {
    // A connection that is refused costs less than an HTTP client.
    if os::listener_on(port).is_none() {
        return Ok(None);
    }
    let runtime = super::runtime()?;
    let client = web::local()?;
    Ok(runtime.block_on(project::ask(&client, port)))
}

/// Flags, then the preset, then what was found.
fn wishes(args: InitArgs, preset: Option<Option<&'static Era>>, project: &Project) -> Wishes {
    let given = preset.is_some();
    let era = preset.unwrap_or(project.era.as_ref().map(|era| era.value));
    let command = match args.command.is_empty() {
        true => project.starts.first().map(|start| start.command.clone()).unwrap_or_default(),
        false => args.command,
    };
    let mut wishes = Wishes {
        command,
        port: args.port.or(project.port.as_ref().map(|port| port.value)),
        health: args.health,
        mcp_path: args.mcp_path,
        profile: args.profile,
        provider: args.provider,
        subdomain: args.subdomain,
        configure: args.configure,
        era: None,
    };
    follow(&mut wishes, era, project, given);
    wishes
}

/// Fills what the flags left open as this era has it. What was found in the code or by asking is nearer to the truth
/// than what is known of an era, unless somebody chose that.
fn follow(wishes: &mut Wishes, era: Option<&'static Era>, project: &Project, chosen: bool) {
    let known = era.and_then(|era| era.health).map(str::to_string);
    let found = project.health.as_ref().map(|health| health.value.clone());
    let health = if chosen { known.or(found) } else { found.or(known) };
    wishes.health = wishes.health.take().or(health);
    let code = project.mcp_path.as_ref().map(|path| path.value.clone());
    let path = era.and_then(|era| era.mcp_path).map(|path| code.unwrap_or_else(|| path.into()));
    wishes.mcp_path = wishes.mcp_path.take().or(path);
    wishes.profile = wishes.profile.take().or(era.and_then(|era| era.profile).map(str::to_string));
    wishes.era = era;
}

fn questions(wishes: &mut Wishes, project: &Project, preset_given: bool) -> Result<()> {
    let declined = || {
        Error::failed("init.declined", "write mcpgw.toml: not agreed to").fix("run it again, or give --yes")
    };
    wishes.command = command(wishes, project)?.ok_or_else(declined)?;
    let port = wishes.port.unwrap_or(Settings::PORT).to_string();
    let port = ask::text_or("The gateway's port", &port)?.ok_or_else(declined)?;
    wishes.port = Some(port.trim().parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        Error::usage("config.value", format!("use {port} as a port: it is none"))
            .fix("a number from 1 to 65535")
    })?);
    if !preset_given {
        let mut items: Vec<String> = ERAS.iter().map(|era| format!("{}: {}", era.id, era.what)).collect();
        items.push("none of these".into());
        let at = wishes.era.and_then(|era| ERAS.iter().position(|one| one == era)).unwrap_or(ERAS.len());
        let chosen = ask::choose("What is the gateway?", &items, at)?.ok_or_else(declined)?;
        if chosen != at {
            (wishes.health, wishes.mcp_path, wishes.profile) = (None, None, None);
            follow(wishes, ERAS.get(chosen), project, true);
        }
    }
    let profile = wishes.profile.clone().unwrap_or_else(|| "default".into());
    wishes.profile = Some(ask::text_or("The profile that MCP clients use", &profile)?.ok_or_else(declined)?);
    if wishes.provider.is_none() {
        let tunnels: Vec<_> = provider::ALL.iter().filter(|one| one.id() != "url").collect();
        let mut items = vec!["auto: the first that is ready".to_string()];
        items.extend(tunnels.iter().map(|one| format!("{}: {}", one.id(), one.facts().price)));
        let chosen = ask::choose("Who carries the tunnel?", &items, 0)?.ok_or_else(declined)?;
        wishes.provider = chosen.checked_sub(1).map(|at| tunnels[at].id().into());
    }
    if wishes.configure.is_empty() {
        wishes.configure = clients()?;
    }
    Ok(())
}

/// Of the clients that are installed here those that are chosen.
fn clients() -> Result<Vec<String>> {
    let here = std::env::current_dir().unwrap_or_default();
    let ground = Ground::now(config::project_folder(&here))?;
    let known = client::ALL.iter().filter(|one| one.confidence > Confidence::Low);
    let installed: Vec<_> = known.filter(|one| client::is_installed(one, &ground)).collect();
    if installed.is_empty() {
        return Ok(vec![]);
    }
    let names: Vec<&str> = installed.iter().map(|one| one.name).collect();
    let question = "Whose files shall lead to the gateway? (space chooses, enter goes on)";
    let chosen = ask::choose_several(question, &names)?.unwrap_or_default();
    Ok(chosen.into_iter().map(|at| installed[at].id.to_string()).collect())
}

/// `None` when nothing was chosen.
fn command(wishes: &Wishes, project: &Project) -> Result<Option<Vec<String>>> {
    let offered: Vec<Vec<String>> = match project.starts.iter().any(|start| start.command == wishes.command) {
        true => project.starts.iter().map(|start| start.command.clone()).collect(),
        // It came from the flags.
        false if !wishes.command.is_empty() => return Ok(Some(wishes.command.clone())),
        false => vec![],
    };
    let mut items: Vec<String> =
        project.starts.iter().map(|start| format!("{} ({})", start.command.join(" "), start.at)).collect();
    items.extend(["another command".into(), "none: it runs already, or I start it myself".into()]);
    let Some(chosen) = ask::choose("How does the gateway start?", &items, 0)? else { return Ok(None) };
    match (offered.get(chosen), chosen + 1 == items.len()) {
        (Some(command), _) => Ok(Some(command.clone())),
        (None, true) => Ok(Some(vec![])),
        (None, false) => Ok(ask::text("The command")?.map(|line| words(&line))),
    }
}

/// The words of a command line; one that needs a shell gets one.
fn words(line: &str) -> Vec<String> {
    match line.contains(['"', '\'', '\\', '$', '|', '&', ';', '<', '>', '*', '=']) {
        false => line.split_whitespace().map(str::to_string).collect(),
        true => {
            let (shell, args) = os::shell(line);
            [&[shell.to_string()][..], &args.map(str::to_string)].concat()
        }
    }
}

fn write(folder: &Path, text: &str, force: bool) -> Result<()> {
    let path = folder.join(PROJECT_FILE);
    let trouble = |error: std::io::Error| {
        Error::failed("init.write", format!("write {}: {}", path.display(), io_reason(&error)))
    };
    let old = fs::read_to_string(&path).unwrap_or_default();
    if !text.is_empty() && old == text {
        report::done(&format!("{} says this already", path.display()));
        return Ok(());
    }
    if fs::symlink_metadata(&path).is_ok() && !force {
        report::diff(&path, &old, text);
        return Err(Error::failed("init.exists", format!("write {}: there is one already", path.display()))
            .fix("take over by hand what you want of the difference above, or --force to replace it"));
    }
    file::replace(&path, text.as_bytes(), Privacy::Ordinary).map_err(trouble)?;
    report::done(&format!("wrote {}", path.display()));
    if let Some(above) = folder.parent().and_then(config::project_file) {
        report::note(&format!("in this folder and below it takes the place of {}", above.display()));
    }
    report::note("start the gateway and its tunnel: mcpgw tunnel");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Found;

    fn found<T>(value: T) -> Found<T> {
        Found { value, at: "somewhere".into() }
    }

    #[test]
    fn whatever_is_wished_the_file_can_be_read_and_so_can_what_it_offers_as_comments() {
        let nasty = ["\"quoted\"", "back\\slash", "new\nline", "'single'", "#hash", "ünï", "\u{1b}[31m"];
        for era in ERAS.iter().map(Some).chain([None]) {
            let project =
                Project { health: Some(found("/h".into())), era: era.map(found), ..Project::default() };
            let mut all = Wishes {
                command: nasty.map(str::to_string).to_vec(),
                port: Some(4000),
                provider: Some("ngrok".into()),
                subdomain: Some(nasty.concat()),
                configure: vec!["cursor".into(), "claude-code".into()],
                ..Wishes::default()
            };
            follow(&mut all, era, &project, false);
            for wishes in [&all, &Wishes::default()] {
                let text = project::render(wishes, &project);
                let layer = config::read_text(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
                assert_eq!((&layer.command, layer.port), (&wishes.command, wishes.port));
                assert_eq!(layer.configure, wishes.configure);
                assert_eq!((&layer.subdomain, &layer.health), (&wishes.subdomain, &wishes.health));
                Settings::from_layer(layer).unwrap();
                let setting = |line: &&str| line.strip_prefix("# ").is_some_and(|line| line.contains(" = "));
                for line in text.lines().filter(setting) {
                    config::read_text(&line[2..]).unwrap_or_else(|error| panic!("{error}: {line}"));
                }
            }
        }
    }

    #[test]
    fn what_was_chosen_wins_over_what_was_found_and_that_over_what_is_known() {
        let project = Project { health: Some(found("/ready".into())), ..Project::default() };
        let health = |chosen: bool, flag: Option<&str>| {
            let mut wishes = Wishes { health: flag.map(Into::into), ..Wishes::default() };
            follow(&mut wishes, Era::find("nest"), &project, chosen);
            wishes.health.unwrap()
        };
        assert_eq!((health(false, None), health(true, None)), ("/ready".into(), "/api/health".into()));
        assert_eq!(health(true, Some("/mine")), "/mine");
    }

    #[test]
    fn a_command_that_needs_a_shell_gets_one() {
        assert_eq!(words("pnpm  start"), ["pnpm", "start"]);
        assert_eq!(words("PORT=1 node x | tee log").last().unwrap(), "PORT=1 node x | tee log");
    }

    #[test]
    fn an_unknown_preset_leads_to_the_nearest() {
        assert!(preset("beter-auth").unwrap_err().fix.unwrap().starts_with("did you mean better-auth?"));
        assert_eq!(preset("none").unwrap(), None);
    }
}
