//! `mcpgw providers`: how the providers compare, and how they stand on this machine.

use serde::Serialize;

use super::setup;
use crate::cli::{ProviderSettings, ProvidersArgs, ProvidersCommand};
use crate::config::{self, Layer, Settings};
use crate::error::{Error, Result};
use crate::provider::{self, Standing};
use crate::report::{self, Card};

pub(super) fn run(args: ProvidersArgs) -> Result<()> {
    let layer = settle(args.settings)?;
    match args.command {
        Some(ProvidersCommand::Setup(_)) if args.json => {
            Err(Error::usage("providers.json", "use --json: a setup has no JSON form").fix("leave it out"))
        }
        Some(ProvidersCommand::Setup(setup)) => setup::run(&setup, layer),
        None => list(args.json, &Settings::from_layer(layer)?),
    }
}

/// Flags and environment over the project's file over the user's, as for `mcpgw tunnel`.
fn settle(flags: ProviderSettings) -> Result<Layer> {
    let ProviderSettings { tunnel_name, hostname, lt, ngrok, cloudflared } = flags;
    let here = std::env::current_dir().unwrap_or_default();
    let layer = Layer { tunnel_name, hostname, lt, ngrok, cloudflared, ..Layer::default() };
    Ok(layer.over(config::project(&here)?).over(config::user()?))
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    providers: &'a [Standing],
}

fn list(json: bool, settings: &Settings) -> Result<()> {
    let standings = provider::overview(settings);
    match json {
        true => {
            let document = Document { version: 1, providers: &standings };
            report::out(&serde_json::to_string(&document).unwrap_or_default());
        }
        false => report::cards(&standings.iter().map(card).collect::<Vec<_>>()),
    }
    Ok(())
}

fn card(standing: &Standing) -> Card {
    let facts = standing.facts;
    let mut rows: Vec<(&str, String)> = vec![
        ("price", facts.price.into()),
        ("custom subdomain", facts.custom_subdomain.into()),
        ("stable URL", facts.stable_url.into()),
        ("persistence", facts.persistence.into()),
        ("setup effort", facts.setup_effort.into()),
    ];
    let version = standing.version.as_deref();
    let installed = match (standing.installed, &standing.program) {
        (false, _) => "no".into(),
        (true, None) => "yes, part of mcpgw".into(),
        (true, Some(program)) => {
            format!("yes, {} ({})", version.unwrap_or("version unknown"), program.display())
        }
    };
    let login = match standing.logged_in {
        None => "not needed",
        Some(true) => "yes",
        Some(false) => "no",
    };
    rows.extend([("installed", installed), ("logged in", login.into())]);
    rows.extend(standing.why.clone().map(|why| ("why", why)));
    rows.push(("next", standing.next.clone()));
    let (good, state) = if standing.ready { (true, "ready") } else { (false, "not ready") };
    Card { title: standing.id.into(), good, state, rows }
}
