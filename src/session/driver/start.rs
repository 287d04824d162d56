//! What a session begins with: the edge that listens, the reaper, the session file, the machine with its rules.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{mpsc, watch};

use super::https::{Https, hear_of_certificates};
use super::{Clock, Driver, Inbox, Outbox, Plan, Told, provider};
use crate::config::{Auth, Settings};
use crate::edge::{AllowList, Edge, Listen, Lock, Rules, Tls};
use crate::error::{Error, Result};
use crate::os;
use crate::process::Reaper;
use crate::provider::Candidate;
use crate::report::{Event, Report};
use crate::session::machine::Session;
use crate::session::{gateway as gateway_machine, provider as provider_machine};
use crate::state::{SessionRecord, State, random_hex};
use crate::web::{self, Names};

impl<'a> Driver<'a> {
    pub(super) async fn start(plan: Plan, state: &'a State, report: &'a Report) -> Result<(Self, Inbox)> {
        let Plan { settings, candidates, tls, key, notices } = plan;
        let (sender, messages) = mpsc::unbounded_channel();
        let (suspect, suspicions) = mpsc::channel(1);
        let id = random_hex(4)?;
        let logs = state.logs_for(&id, &settings.project)?;
        let outbox = Outbox(sender);
        let https = tls.as_ref().map(|keeper| Https::of(keeper, &settings));
        let listen = match tls {
            None => Listen::Plain(settings.edge_port),
            Some(keeper) => Listen::Tls(Box::new(Tls {
                port: settings.https_port,
                keeper,
                every: Https::LOOK,
                told: hear_of_certificates(outbox.clone()),
            })),
        };
        let allow = AllowList::new(
            &settings.mcp_path(),
            &settings.mcp_path,
            settings.health.as_deref(),
            &settings.allow,
        );
        let needed = key.as_ref().filter(|_| settings.auth != Auth::None);
        let key_file = needed.map(|(_, file)| file.clone());
        let lock = key.map_or_else(Lock::open, |(key, file)| Lock::with(settings.auth, key, file));
        let unproven = !settings.verify && settings.url.is_some();
        let rules = Rules {
            allow,
            lock,
            hosts: settings.allow_host.clone(),
            unproven,
            frontend: settings.frontend,
            largest_body: settings.max_body,
            log_requests: settings.log_requests.clone(),
        };
        let edge = Edge::bind(listen, rules, &logs, suspect).await?;
        os::adopt_orphans();
        let reaper = Reaper::start(&id)?;
        let expires = settings.expire.map(|after| SystemTime::now() + after);
        let mut record = new_record(&id, &settings, &edge, https.as_ref(), &logs)?;
        provider::note(&mut record, candidates[0].provider, &settings);
        record.key_file.clone_from(&key_file);
        state.save(&record)?;
        edge.probe().keep(&logs);
        report.event(&Event::EdgeReady { port: edge.port(), session: id, logs: logs.display().to_string() });
        notices.iter().for_each(|notice| report.event(notice));
        let driver = Self {
            session: session(&settings, &candidates),
            local: web::local()?,
            public: Arc::default(),
            names: Arc::new(Names::new(settings.doh.clone())),
            streams_seen: None,
            https,
            settings: Arc::new(settings),
            candidates,
            at: 0,
            api: None,
            state,
            report,
            outbox,
            edge,
            record,
            reaper,
            provider_child: None,
            gateway_child: None,
            target: None,
            told: Told::default(),
            key_file,
            watch: None,
            expires,
            hurry: watch::Sender::new(false),
            clock: Clock::start(),
            reason: "asked",
        };
        Ok((driver, Inbox { messages, suspicions }))
    }
}

fn session(settings: &Settings, candidates: &[Candidate]) -> Session {
    let rules = candidates.iter().map(|candidate| {
        let policy = candidate.policy(settings);
        provider_machine::Rules {
            id: candidate.provider.id(),
            policy,
            start_timeout: settings.start_timeout,
            probe_interval: settings.probe_interval.unwrap_or(policy.probe_interval),
            verify: settings.verify,
            wanted: settings
                .subdomain
                .clone()
                .filter(|_| candidate.provider.own_flags().contains(&"subdomain")),
            successor: false,
        }
    });
    let gateway = gateway_machine::Rules { port: settings.port, attached: settings.command.is_empty() };
    let seed = fastrand::u64(..);
    Session::new(rules.collect(), seed, gateway_machine::Machine::new(gateway, seed))
}

fn new_record(
    id: &str,
    settings: &Settings,
    edge: &Edge,
    https: Option<&Https>,
    logs: &Path,
) -> Result<SessionRecord> {
    let me = os::process(std::process::id())
        .ok_or_else(|| Error::failed("session.self", "look up mcpgw's own process"))?;
    Ok(SessionRecord {
        id: id.into(),
        pid: me.pid,
        pid_start: me.start,
        started_at: jiff::Timestamp::now().to_string(),
        phase: "starting".into(),
        folder: settings.project.clone(),
        provider: String::new(),
        program: None,
        server: None,
        api_port: None,
        gateway_port: settings.port,
        edge_port: edge.port(),
        local_url: match https {
            Some(https) => format!("https://{}:{}", https.name, edge.port()),
            None => format!("http://127.0.0.1:{}", edge.port()),
        },
        ca_file: https.map(|https| https.authority.clone()),
        mcp_path: settings.mcp_path.clone(),
        profile: settings.profile.clone(),
        key_file: None,
        url: None,
        previous_url: None,
        mcp_url: None,
        callback_url: None,
        env: std::collections::BTreeMap::new(),
        env_file: None,
        logs: logs.to_path_buf(),
    })
}
