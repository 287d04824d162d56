//! `mcpgw providers setup`: the steps until a provider is ready, each run when agreed to.

use std::io::{self, BufRead, BufReader, Read};

use super::ask;
use crate::cli::SetupArgs;
use crate::config::{Layer, Settings};
use crate::error::{Error, Result, nearest};
use crate::provider::{self, Act, Keep, Provider, Run, Step};
use crate::{os, process, report};

pub(super) fn run(args: &SetupArgs, layer: Layer) -> Result<()> {
    let provider = find(&args.provider)?;
    let mut settings = Settings::from_layer(layer.clone())?;
    let asks = ask::possible() && !args.yes;
    let mut steps = provider.setup(&settings);
    if asks
        && all_done(&steps)
        && let Some(more) = provider.more(&settings)
        && let Some(decided) = ask_for_more(&more, layer)?
    {
        settings = decided;
        steps = provider.setup(&settings);
    }
    steps.iter().for_each(show);
    if !asks && !args.yes {
        nobody_to_ask(provider, &steps)?;
    }
    walk(provider, &settings, steps, args.yes)?;
    end(provider, &settings, asks)
}

/// Goes through the steps. What one has done changes what is known of the next, so each look is new.
fn walk(provider: &dyn Provider, settings: &Settings, mut steps: Vec<Step>, yes: bool) -> Result<()> {
    let mut at = 0;
    while let Some(step) = steps.get(at) {
        if step.done != Some(true) {
            perform(step, yes)?;
            let (what, how) = (step.what.clone(), step.how.clone());
            steps = provider.setup(settings);
            if steps.get(at).is_some_and(|step| step.done == Some(false)) {
                return Err(Error::failed(
                    "setup.without_effect",
                    format!("{what}: it ran, and is not done yet"),
                )
                .fix(format!("look at what it printed, and run it by hand: {how}")));
            }
            report::done(&what);
        }
        at += 1;
    }
    Ok(())
}

fn find(name: &str) -> Result<&'static dyn Provider> {
    let provider = provider::find(name).map_err(|_| {
        let all = ["localtunnel", "lt", "cloudflared", "ngrok"];
        let error =
            Error::usage("provider.unknown", format!("set up {name}: there is no provider of that name"));
        error.fix(match nearest(name, all) {
            Some(meant) => format!("did you mean {meant}?"),
            None => "use localtunnel, cloudflared or ngrok".into(),
        })
    })?;
    match provider.id() {
        "url" => Err(Error::usage("provider.foreign", "set up url: that is a tunnel which somebody else runs")
            .fix("let it lead to a port of your choice, then mcpgw tunnel --url https://name.example --edge-port PORT")),
        _ => Ok(provider),
    }
}

fn all_done(steps: &[Step]) -> bool {
    steps.iter().all(|step| step.done == Some(true))
}

fn show(step: &Step) {
    match step.done {
        Some(true) => report::done(&format!("{} (it was before)", step.what)),
        _ => report::to_do(&step.what, &step.how),
    }
}

/// Without a terminal nobody can agree to anything: what is shown is all.
fn nobody_to_ask(provider: &dyn Provider, steps: &[Step]) -> Result<()> {
    let Some(open) = steps.iter().find(|step| step.done != Some(true)) else { return Ok(()) };
    match open.act {
        Act::ByHand => Err(by_hand(open)),
        _ => {
            let message =
                format!("set up {}: nothing was run, for there is no terminal to ask at", provider.id());
            Err(Error::failed("setup.not_agreed", message)
                .fix("give --yes to run these steps, or run them by hand"))
        }
    }
}

/// A decision that only the person can take. A no leaves things as they are.
fn ask_for_more(more: &str, layer: Layer) -> Result<Option<Settings>> {
    report::note(more);
    if !ask::confirm("Set up a named tunnel?")? {
        return Ok(None);
    }
    let name = ask::text("Its name")?.ok_or_else(|| declined("set up a named tunnel"))?;
    let hostname = match &layer.hostname {
        Some(hostname) => hostname.clone(),
        None => ask::text("Its host name, mcp.example.com for example")?
            .ok_or_else(|| declined("set up a named tunnel"))?,
    };
    Settings::from_layer(Layer { tunnel_name: Some(name), hostname: Some(hostname), ..layer }).map(Some)
}

fn perform(step: &Step, yes: bool) -> Result<()> {
    match &step.act {
        Act::ByHand => Err(by_hand(step)),
        Act::Run(run) => {
            agree(yes, &format!("Run `{}`?", step.how), step)?;
            start(step, run)
        }
        Act::Keep(keep) => {
            agree(yes, &format!("Write {} into {}?", keep.name, keep.file.display()), step)?;
            (keep.keep)(secret(keep)?.trim())?;
            if os::others_can_read(&keep.file) {
                let file = keep.file.display();
                report::note(&format!("others on this machine can read {file}: chmod 600 {file}"));
            }
            Ok(())
        }
    }
}

fn agree(yes: bool, question: &str, step: &Step) -> Result<()> {
    match yes || ask::confirm(question)? {
        true => Ok(()),
        false => Err(declined(&step.what)),
    }
}

fn declined(what: &str) -> Error {
    Error::failed("setup.declined", format!("{what}: not agreed to")).fix("answer yes, or give --yes")
}

fn by_hand(step: &Step) -> Error {
    Error::failed("setup.by_hand", format!("{}: mcpgw does not do that for you", step.what))
        .fix(format!("{}, then run this again", step.how))
}

fn start(step: &Step, run: &Run) -> Result<()> {
    let pass_on = (!run.alone).then_some(report::pass_on as fn(&[u8]));
    let (status, said) = super::runtime()?.block_on(process::foreground(&run.spec, pass_on))?;
    if status.success() {
        return Ok(());
    }
    if run.was_done_before(&said) {
        run.then.iter().for_each(|then| report::note(then));
        return Ok(());
    }
    let words = provider::last_words(&said);
    let words = if words.is_empty() { status.to_string() } else { words };
    Err(Error::failed("setup.step", format!("{}: `{}` failed: {words}", step.what, step.how))
        .fix("mend that and run this again: what is done is skipped"))
}

/// From the keyboard without an echo, else one line of standard input.
fn secret(keep: &Keep) -> Result<String> {
    const LONGEST: u64 = 4096;
    if ask::possible() {
        report::note(&format!("you find {} at {}", keep.name, keep.source));
        return ask::secret(&format!("Paste {}", keep.name))?.ok_or_else(|| declined("read it"));
    }
    let mut line = String::new();
    let read = BufReader::new(io::stdin().lock().take(LONGEST)).read_line(&mut line);
    match read {
        Ok(_) if !line.trim().is_empty() => Ok(line),
        _ => Err(Error::failed(
            "setup.secret",
            format!("read {} from standard input: there is none", keep.name),
        )
        .fix(format!("give it as one line (it is at {}), or run this at a terminal", keep.source))),
    }
}

/// All steps are done: is it ready?
fn end(provider: &dyn Provider, settings: &Settings, asked: bool) -> Result<()> {
    let id = provider.id();
    if let Some((why, fix)) = provider.readiness(settings).trouble() {
        return Err(Error::failed("provider.not_ready", format!("use {id}: {why}")).fix(fix));
    }
    // A mistake in the settings would end the next command, too.
    provider.check(settings)?;
    if !asked && let Some(more) = provider.more(settings) {
        report::note(&more);
    }
    report::done(&format!("{id} is ready: mcpgw tunnel --provider {id}{}", provider.flags(settings)));
    Ok(())
}
