//! `mcpgw tunnel`: settle what is wanted, then run the session.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use super::{ask, key, shell};
use crate::cert::{self, Files, Keeper, Source};
use crate::cli::TunnelArgs;
use crate::config::{self, Auth, Layer, Settings};
use crate::error::{Error, Result};
use crate::provider::{self, Choice};
use crate::report::{Audience, Event, Report};
use crate::session::{self, Plan};
use crate::state::State;
use crate::{client, gateway, process};

pub(super) fn run(args: TunnelArgs) -> ExitCode {
    let report = Report::new(Audience::detect(args.json, args.quiet)).without_code(args.no_qr);
    match tunnel(args, &report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report.failure(&error);
            super::exit_status(&error)
        }
    }
}

fn tunnel(args: TunnelArgs, report: &Report) -> Result<()> {
    let (demo, yes) = (args.demo, args.yes);
    let mut settings = settle(args)?;
    let choice = provider::choose(&settings)?;
    let state = State::open()?;
    if demo {
        use_demo_gateway(&mut settings)?;
    }
    for name in &settings.configure {
        client::known_as(name).map_err(|error| settings.located(error, "configure", name))?;
    }
    find_command(&settings)?;
    settings.env_file.as_deref().map_or(Ok(()), gateway::check_env_file)?;
    agree_to_open_access(&settings, yes, report.audience())?;
    let key = match settings.auth {
        // Clients that were told it once go on sending it.
        Auth::None => key::kept(&state, &settings.project)?,
        Auth::Auto | Auth::Key => Some(key::settle(&state, &settings.project)?),
    };
    let _claim = state.claim_port(settings.port)?;
    let restored = finish_what_died(&state);
    match settings.command.is_empty() {
        true => gateway::port::require_served(settings.port)?,
        false => gateway::port::require_free(settings.port)?,
    }
    let local = choice.first().provider.id() == "local";
    let tls = local.then(|| keeper(&settings, &state)).transpose()?;
    let mut notices = notices(&settings, &choice, tls.as_ref());
    notices.extend(restored);
    notices.extend(shell::slip());
    let plan = Plan { settings, candidates: choice.candidates, tls, key, notices };
    super::runtime()?.block_on(session::run(plan, &state, report))
}

/// Flags and environment over the project's file over the user's.
fn settle(args: TunnelArgs) -> Result<Settings> {
    let here = std::env::current_dir().unwrap_or_default();
    let demo = args.demo;
    let asked = layer(args);
    // A demo is for trying things out: it needs no network unless asked for it.
    let name_wanted = asked.subdomain.is_some() || asked.server.is_some();
    let mut layer = asked.over(config::project(&here)?).over(config::user()?);
    let named = name_wanted || layer.url.is_some() || layer.tunnel_name.is_some() || layer.domain.is_some();
    if demo && layer.provider.is_none() && !named {
        layer.provider = Some("local".into());
    }
    Settings::from_layer(layer)
}

/// What the flags and the variables say.
pub(super) fn layer(args: TunnelArgs) -> Layer {
    Layer {
        provider: args.provider,
        order: vec![],
        fallback: args.fallback,
        url: args.url,
        server: args.server,
        subdomain: args.subdomain,
        domain: args.domain,
        tunnel_name: args.tunnel_name,
        hostname: args.hostname,
        edge_port: args.edge_port,
        port: args.short_port.or(args.port),
        https_port: args.https_port,
        tls_cert: args.tls_cert,
        tls_key: args.tls_key,
        profile: args.profile,
        mcp_path: args.mcp_path,
        host_header: args.host_header,
        health: args.health,
        allow: args.allow,
        allow_host: args.allow_host,
        auth: args.auth,
        expire: args.expire,
        max_body: args.max_body,
        frontend: args.frontend,
        log_requests: args.log_requests,
        env: args.env.into_iter().collect(),
        env_file: args.env_file,
        on_url: args.on_url,
        configure: args.configure,
        keep: args.keep.then_some(true),
        verify: args.no_verify.then_some(false),
        probe_interval: args.probe_interval,
        start_timeout: args.start_timeout,
        lt: args.lt,
        ngrok: args.ngrok,
        cloudflared: args.cloudflared,
        doh: args.doh,
        command: args.command,
        folder: None,
        files: vec![],
    }
}

/// The demo gateway is a child like any other: our own program, on a free port unless one was chosen.
fn use_demo_gateway(settings: &mut Settings) -> Result<()> {
    let failed = |error: std::io::Error| Error::failed("demo", format!("set up the demo gateway: {error}"));
    if !settings.port_given {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        settings.port = free.map_err(failed)?.port();
    }
    let program = std::env::current_exe().map_err(failed)?.display().to_string();
    settings.command = vec![program, "__demo-gateway".into(), "--port".into(), settings.port.to_string()];
    settings.folder = None;
    Ok(())
}

/// A typo in the gateway's command is better told now than after the tunnel stands.
fn find_command(settings: &Settings) -> Result<()> {
    let Some(program) = settings.command.first() else { return Ok(()) };
    let folder = settings.folder.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    which::which_in(program, std::env::var_os("PATH"), folder).map(drop).map_err(|_| {
        Error::failed("gateway.command", format!("start the gateway: there is no program `{program}`"))
            .fix("check its spelling and that it is installed, on PATH and executable")
    })
}

/// `--auth none` is a decision: at a terminal it is asked for once more, elsewhere `--yes` says it.
fn agree_to_open_access(settings: &Settings, yes: bool, audience: Audience) -> Result<()> {
    if settings.auth != Auth::None || yes {
        return Ok(());
    }
    if audience != Audience::Terminal || !ask::possible() {
        let message = "open the gateway without a key: nobody is there to agree to it";
        return Err(Error::usage("auth.unattended", message).fix("give --yes too, or leave --auth none out"));
    }
    let question = "Whoever learns the address can use the gateway's MCP servers. Go on without a key?";
    match ask::confirm(question)? {
        true => Ok(()),
        false => Err(Error::failed("auth.declined", "open the gateway without a key: not agreed to")
            .fix("answer yes, or give --yes")),
    }
}

/// An mcpgw that was killed may have left processes and a session file: both go before a new start.
fn finish_what_died(state: &State) -> Vec<Event> {
    for session in state.sessions().into_iter().filter(|session| !session.is_alive()) {
        process::sweep(&session.id, &[]);
        session::clear_away(state, &session);
    }
    state.remove_litter();
    session::restored(client::restore_leftovers(state))
}

/// What the user should know before anything runs.
fn notices(settings: &Settings, choice: &Choice, tls: Option<&Keeper>) -> Vec<Event> {
    let first = choice.first();
    // Asked only where it matters: the program has to run for that.
    let version = (!first.provider.suits(None)).then(|| first.version(settings)).flatten();
    let remarks = first.provider.remarks(settings, version).into_iter();
    let mut notices: Vec<Event> =
        remarks.map(|remark| Event::notice(remark.code, remark.message, remark.fix)).collect();
    let unused = choice.unused(settings);
    for flag in &unused {
        let message = format!("--{flag} changes nothing: {} makes no use of it", first.provider.id());
        notices.push(Event::notice("settings.unused", message, None));
    }
    if let Some(tls) = tls {
        notices.extend(trust(tls, settings));
        notices.push(public_address(settings, choice));
    }
    if let Some(port) = settings.frontend {
        let message = format!(
            "everybody who learns this address can reach the web frontend on port {port}, and sign in at the gateway"
        );
        let fix =
            "a development server shows its sources too; leave --frontend out when nobody needs to log in";
        notices.push(Event::notice("frontend.open", message, Some(fix.into())));
    }
    if let Some(after) = settings.expire {
        let left = jiff::SignedDuration::try_from(after).unwrap_or_default();
        let message = format!("the session ends by itself after {left:#}");
        notices.push(Event::notice("session.expires", message, None));
    }
    if settings.auth == Auth::None {
        let message = "no key is asked for: whoever learns this address can use the gateway's MCP servers";
        let fix = "leave --auth none out, and visitors need a key";
        notices.push(Event::notice("auth.none", message, Some(fix.into())));
    }
    let server = settings.server.as_ref().filter(|_| !unused.contains(&"server"));
    if let Some(server) = server.filter(|server| server.scheme() == "http") {
        let message = format!(
            "{} is plain http: what goes through this tunnel can be read on the way",
            session::base(server)
        );
        notices.push(Event::notice("server.plain_http", message, None));
    }
    notices
}

/// The certificate that the edge shows with the provider `local`.
fn keeper(settings: &Settings, state: &State) -> Result<Keeper> {
    let given = |flag: &Option<PathBuf>, variable: &str| {
        let from_environment = || std::env::var_os(variable).filter(|path| !path.is_empty()).map(Into::into);
        flag.clone().or_else(from_environment)
    };
    let both = (given(&settings.tls_cert, "SSL_CERT_PATH"), given(&settings.tls_key, "SSL_KEY_PATH"));
    let source = match both {
        (Some(cert), Some(key)) => Source::Files(Files { cert, key }),
        (None, None) => Source::choose(state)?,
        (one, _) => {
            let (have, lack) =
                if one.is_some() { ("certificate", "--tls-key") } else { ("key", "--tls-cert") };
            let message = format!("use a {have} without its other half");
            return Err(Error::usage("cert.half", message).fix(format!("give {lack} too")));
        }
    };
    Keeper::new(source, cert::names(settings.hostname.as_slice()), state)
}

/// What clients must be told so that they believe the certificate.
fn trust(tls: &Keeper, settings: &Settings) -> Vec<Event> {
    let (source, file) = (tls.source(), tls.source().authority().display());
    let node = format!("Node clients: NODE_EXTRA_CA_CERTS={file}");
    let notice = match source {
        Source::Files(_) => {
            let name = settings.hostname.as_deref().unwrap_or("localhost");
            let message = format!("the certificate {file} does not name {name}: clients will refuse it");
            let fix =
                "give --hostname NAME, a name that the certificate holds and that leads to this machine";
            return match tls.pair().names(name) {
                true => vec![],
                false => vec![Event::notice("local.name", message, Some(fix.into()))],
            };
        }
        Source::Mkcert(_) => Event::notice("local.mkcert", "the certificate is mkcert's", Some(node)),
        Source::BuiltIn(ca) if cert::is_trusted(&ca.certificate) => {
            Event::notice("local.trusted", "this system trusts mcpgw's local CA", Some(node))
        }
        Source::BuiltIn(_) => {
            let message = format!("clients must trust mcpgw's local CA: {file}");
            let fix = format!("mcpgw cert trust; {node} (others: mcpgw cert show)");
            Event::notice("local.trust", message, Some(fix))
        }
    };
    vec![notice]
}

fn public_address(settings: &Settings, choice: &Choice) -> Event {
    let message = match choice.nothing_better {
        true => "no tunnel program is ready, so this address works on this machine only",
        false => "this address works on this machine only",
    };
    let ways = provider::ALL.iter().filter(|one| one.is_tunnel()).map(|one| {
        let trouble = one.readiness(settings).trouble().map(|(_, fix)| fix.to_string());
        (trouble, one.id())
    });
    // One that is ready, else the first.
    let way = ways.min_by_key(|(trouble, _)| trouble.is_some()).map(|(trouble, id)| {
        let before = trouble.map_or(String::new(), |fix| format!("{fix}, then "));
        format!("for a public address: {before}mcpgw tunnel --provider {id} (others: mcpgw providers)")
    });
    Event::notice("local.only", message, way)
}
