//! The way to a cloudflared that is ready: the program, and for a named tunnel the login, the tunnel and
//! the name that leads to it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{INSTALL, named};
use crate::config::Settings;
use crate::process::{Spec, Stdin};
use crate::provider::setup::typed;
use crate::provider::{Act, Run, Step, program};

/// What there is already.
#[derive(Debug, Default, Clone)]
pub(super) struct State {
    program: Option<PathBuf>,
    logged_in: bool,
    /// Does the account have the tunnel? `None` when it could not be asked.
    created: Option<bool>,
}

impl State {
    /// Looks. The account is asked about a named tunnel alone, and only when there is a login.
    pub(super) fn look(settings: &Settings) -> Self {
        let program = program::find(settings.cloudflared.as_deref(), "cloudflared");
        let logged_in = named::logged_in();
        let created = match (&program, &settings.tunnel_name, logged_in) {
            (Some(program), Some(name), true) => created(program.clone(), name),
            _ => Some(false),
        };
        Self { program, logged_in, created }
    }
}

/// The steps from there.
pub(super) fn steps(state: &State, settings: &Settings) -> Vec<Step> {
    let install = Step {
        what: "install cloudflared".into(),
        done: Some(state.program.is_some()),
        how: install(std::env::consts::OS).into(),
        act: Act::ByHand,
    };
    let Some(name) = settings.tunnel_name.as_deref() else { return vec![install] };
    let shown = settings.cloudflared.as_ref().map_or("cloudflared".into(), |path| path.display().to_string());
    let program = state.program.clone().unwrap_or_else(|| "cloudflared".into());
    let step = |what: String, done: Option<bool>, args: &[&str], run: fn(Spec) -> Run| Step {
        what,
        done,
        how: typed(&shown, args),
        act: Act::Run(run(spec(program.clone(), args))),
    };
    let heard = |spec| Run { spec, alone: false, done_before: &["already exists"], then: None };
    let mut steps = vec![
        install,
        step(
            "log in to Cloudflare: this opens a browser, where you choose your domain".into(),
            Some(state.logged_in),
            &["tunnel", "login"],
            |spec| Run { spec, alone: true, done_before: &[], then: None },
        ),
        step(format!("create the tunnel {name}"), state.created, &["tunnel", "create", name], heard),
    ];
    let host = settings.hostname.as_deref().unwrap_or("HOST");
    let route = ["tunnel", "route", "dns", name, host];
    let mut lead = step(format!("lead {host} to the tunnel"), None, &route, heard);
    match (&mut lead.act, settings.hostname.is_some()) {
        (Act::Run(run), true) => {
            run.done_before = &["already exists", "already configured"];
            // Whoever made it may have led it elsewhere.
            let overwrite = ["tunnel", "route", "dns", "--overwrite-dns", name, host];
            run.then = Some(format!(
                "the name {host} exists already; if it leads elsewhere: {}",
                typed(&shown, &overwrite)
            ));
        }
        _ => {
            lead.what = "lead a host name of your domain to the tunnel".into();
            lead.how.push_str(" (give --hostname HOST)");
            lead.act = Act::ByHand;
        }
    }
    steps.push(lead);
    steps
}

/// What a named tunnel takes, for whoever has not asked for one.
pub(super) fn later(settings: &Settings) -> String {
    let host = settings.hostname.as_deref().unwrap_or("HOST");
    format!(
        "quick tunnels need nothing more\n\
         a named tunnel keeps its address; it takes a domain of yours at Cloudflare, and:\n  \
         cloudflared tunnel login\n  cloudflared tunnel create NAME\n  cloudflared tunnel route dns NAME {host}\n\
         mcpgw does that with: mcpgw providers setup cloudflared --tunnel-name NAME --hostname {host}"
    )
}

fn install(system: &str) -> &'static str {
    match system {
        "macos" => "brew install cloudflared",
        "windows" => "winget install --id Cloudflare.cloudflared",
        _ => INSTALL,
    }
}

fn spec(program: PathBuf, args: &[&str]) -> Spec {
    Spec {
        program: program.into(),
        args: args.iter().map(Into::into).collect(),
        set: vec![],
        scrub: foreign,
        folder: None,
        stdin: Stdin::Null,
    }
}

/// Every TUNNEL_* variable is an option of cloudflared's; only the login may be named by one.
fn foreign(variable: &str) -> bool {
    variable.starts_with("TUNNEL_") && variable != "TUNNEL_ORIGIN_CERT"
}

/// Asks the account whether it has a tunnel of that name (or id).
fn created(program: PathBuf, name: &str) -> Option<bool> {
    const LIMIT: Duration = Duration::from_secs(15);
    let mut command = Command::new(program);
    command.args(["tunnel", "list", "--output", "json"]);
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(foreign) {
            command.env_remove(variable);
        }
    }
    listed(&program::output(&mut command, LIMIT)?, name)
}

/// Is the tunnel in that list? It is `null` for an account that has none.
fn listed(list: &str, name: &str) -> Option<bool> {
    let list: Option<Vec<serde_json::Value>> = serde_json::from_str(list).ok()?;
    Some(list.iter().flatten().any(|tunnel| tunnel["name"] == name || tunnel["id"] == name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;

    fn settings(name: Option<&str>, host: Option<&str>) -> Settings {
        let (tunnel_name, hostname) = (name.map(Into::into), host.map(Into::into));
        Settings::from_layer(Layer { tunnel_name, hostname, ..Layer::default() }).unwrap()
    }

    fn installed(logged_in: bool, created: Option<bool>) -> State {
        State { program: Some("/x/cloudflared".into()), logged_in, created }
    }

    #[test]
    fn a_quick_tunnel_takes_the_program_and_nothing_else() {
        let settings = settings(None, None);
        let missing = steps(&State::default(), &settings);
        assert_eq!((missing.len(), missing[0].done), (1, Some(false)));
        assert!(matches!(missing[0].act, Act::ByHand), "installed unasked");
        assert_eq!(steps(&installed(false, Some(false)), &settings)[0].done, Some(true));
        assert!(later(&settings).contains("cloudflared tunnel route dns NAME HOST"));
    }

    #[test]
    fn a_named_one_takes_login_tunnel_and_name_in_that_order() {
        let settings = settings(Some("my tunnel"), Some("mcp.example.com"));
        let steps = steps(&installed(true, None), &settings);
        let shown: Vec<_> = steps[1..].iter().map(|step| (step.how.as_str(), step.done)).collect();
        let expected = [
            ("cloudflared tunnel login", Some(true)),
            ("cloudflared tunnel create 'my tunnel'", None),
            ("cloudflared tunnel route dns 'my tunnel' mcp.example.com", None),
        ];
        assert_eq!(shown, expected);
        let Act::Run(run) = &steps[3].act else { panic!("{steps:?}") };
        assert_eq!(run.spec.args, ["tunnel", "route", "dns", "my tunnel", "mcp.example.com"]);
        assert!(run.was_done_before("code: 1003, reason: A record with that host Already exists."));
        assert!(!run.was_done_before("failed"));
    }

    #[test]
    fn without_a_host_name_the_last_step_is_left_to_the_person() {
        let steps = steps(&installed(true, Some(true)), &settings(Some("t"), None));
        assert!(matches!(steps[3].act, Act::ByHand) && steps[3].how.contains("--hostname"), "{:?}", steps[3]);
    }

    #[test]
    fn the_list_of_tunnels_is_read_also_when_there_are_none() {
        let list = r#"[{"id":"6f2b3c1e","name":"mcp","created_at":"2026-01-01T00:00:00Z"}]"#;
        assert_eq!(listed(list, "mcp"), Some(true));
        assert_eq!(listed(list, "6f2b3c1e"), Some(true));
        assert_eq!(listed(list, "other"), Some(false));
        assert_eq!(listed("null\n", "mcp"), Some(false));
        assert_eq!(listed("Error locating origin cert", "mcp"), None);
    }

    #[test]
    fn every_system_is_told_how_to_install_it() {
        for system in ["linux", "macos", "windows", "freebsd"] {
            assert!(!install(system).is_empty());
        }
    }
}
