//! What the driver does for the gateway's machine.

use std::time::Duration;

use tokio::task::AbortHandle;
use url::Url;

use super::{Driver, Message, Outbox};
use crate::config::Auth;
use crate::error::{Error, Result};
use crate::gateway::{self, Health, Manners};
use crate::process::{self, Hearing, Status, Stream};
use crate::report::Event;
use crate::session::Epoch;
use crate::session::base;
use crate::session::gateway::Input;
use crate::state::Log;
use crate::{edge, os};

/// Writes down what the gateway says.
struct Ear {
    epoch: Epoch,
    outbox: Outbox,
    log: Log,
}

impl Hearing for Ear {
    fn line(&mut self, _: Stream, line: &str) {
        self.log.note(line);
    }

    fn rest(&mut self) {
        self.log.flush();
    }

    fn ended(&mut self, status: Status) {
        self.log.line(&format!("[ended: {}]", status.how));
        self.outbox.gateway(self.epoch, Input::Exited(status));
    }
}

/// A gateway that has opened a port by now, and not ours, is waited for in vain.
async fn say_where_it_listens(outbox: &Outbox, child: &process::Child, port: u16) {
    const SETTLED: Duration = Duration::from_secs(5);
    tokio::time::sleep(SETTLED).await;
    if let Some(notice) = gateway::port::elsewhere(port, &process::listening_ports(child)) {
        outbox.send(Message::Notice(notice));
    }
}

/// A task that ends with whoever waits for it.
pub(super) struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Driver<'_> {
    pub(super) fn launch_gateway(&mut self, epoch: Epoch, url: &Url) {
        // A gateway that reads a file for its address must find it there when it starts.
        self.write_env_file(url);
        match self.spawn_gateway(epoch, url) {
            Ok(child) => {
                self.reaper.watch(&child);
                self.outbox.gateway(epoch, Input::Started { pid: Some(child.pid) });
                self.gateway_child = Some(child);
            }
            Err(error) => self.outbox.gateway(epoch, Input::StartFailed(error)),
        }
    }

    fn spawn_gateway(&self, epoch: Epoch, url: &Url) -> Result<process::Child> {
        let port = self.settings.port;
        gateway::port::require_free(port)?;
        let mut spec = gateway::spec(&self.settings, &base(url))
            .ok_or_else(|| Error::failed("gateway.command", "start the gateway: no command was given"))?;
        if let Some(https) = &self.https {
            spec.set.extend(https.variables());
        }
        let ear = Ear { epoch, outbox: self.outbox.clone(), log: Log::open(&self.record.logs, "gateway") };
        process::spawn(&spec, &self.record.id, &format!("gateway-{epoch}"), ear)
    }

    pub(super) fn await_gateway(&self, epoch: Epoch, url: Url) {
        // Before anybody is let through: visitors come under this name.
        self.edge.set_public(&url, self.provider().names_visitors_in(&self.settings));
        let (health, settings, outbox) = (self.health(), self.settings.clone(), self.outbox.clone());
        let child = self.gateway_child.clone();
        tokio::spawn(async move {
            let look_around = async {
                if let Some(child) = &child {
                    say_where_it_listens(&outbox, child, health.port).await;
                }
                std::future::pending().await
            };
            let origin = tokio::select! {
                origin = gateway::wait_until_alive(&health) => origin,
                () = outbox.0.closed() => return,
                () = look_around => return,
            };
            // Somebody else may serve that port by now if our child is gone; its epoch is over then.
            if child.is_some_and(|child| os::process(child.pid).is_none_or(|process| process.zombie)) {
                return;
            }
            let mcp_path = settings.mcp_path();
            let manners = Manners::ask(&health.client, origin, &url, &mcp_path, settings.host_header).await;
            let target = edge::Target {
                address: origin.address,
                tls: origin.tls,
                host: manners.host.clone(),
                guard: manners.guard.clone(),
            };
            outbox.send(Message::Answers { epoch, url, target, manners });
        });
    }

    pub(super) fn check_gateway(&self, epoch: Epoch) {
        const LIMIT: Duration = Duration::from_secs(5);
        let (health, outbox) = (self.health(), self.outbox.clone());
        tokio::spawn(async move {
            let (alive, reason) = match health.ask(LIMIT).await {
                Ok(_) => (true, String::new()),
                Err(reason) => (false, reason),
            };
            outbox.gateway(epoch, Input::Checked { alive, reason });
        });
    }

    pub(super) fn stop_gateway(&mut self, epoch: Epoch) {
        const GRACE: Duration = Duration::from_secs(5);
        const FREE: Duration = Duration::from_secs(3);
        const SOON: Duration = Duration::from_secs(1);
        let (outbox, port) = (self.outbox.clone(), self.settings.port);
        let child = self.gateway_child.take();
        let mut ended = Box::pin(self.end_tree(child, GRACE));
        let last = self.record.phase == "stopping";
        tokio::spawn(async move {
            if tokio::time::timeout(SOON, &mut ended).await.is_err() {
                let fix = last.then(|| "Ctrl-C again ends it at once".to_string());
                let message = format!("waiting up to {GRACE:?} for the gateway to end by itself");
                outbox.send(Message::Notice(Event::notice("gateway.slow_end", message, fix)));
                ended.await;
            }
            // The kernel may take a moment to let go of the port.
            let _ = tokio::time::timeout(FREE, async {
                while gateway::port::require_free(port).is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
            .await;
            outbox.gateway(epoch, Input::Gone);
        });
    }

    /// The gateway answers, and this is how it wants to be spoken to.
    pub(super) fn learn(&mut self, epoch: Epoch, url: &Url, target: edge::Target, manners: &Manners) {
        manners.endpoints.iter().for_each(|path| self.edge.allow_endpoint(path));
        if manners.refuses_foreign_host && !std::mem::replace(&mut self.told.host, true) {
            let message = "the gateway refuses requests for other hosts, so it sees `localhost` as Host";
            let fix = "its OAuth callback may be wrong then; --host-header preserve keeps the visitor's";
            self.report.event(&Event::notice("gateway.host_header", message, Some(fix.into())));
        }
        let guarded = manners.guard.is_some() && self.settings.auth == Auth::Auto;
        let key_file = self.key_file.clone().filter(|_| !guarded);
        let changed = std::mem::replace(&mut self.record.key_file, key_file) != self.record.key_file;
        if guarded && std::mem::replace(&mut self.told.guarded, true) != guarded {
            let message = "the gateway asks for a login itself, so no key of mcpgw's is needed";
            self.report.event(&Event::notice("auth.gateway", message, None));
        }
        if let Some(astray) =
            manners.astray.as_ref().filter(|_| !std::mem::replace(&mut self.told.astray, true))
        {
            self.report.event(&not_there(&self.settings.mcp_path(), astray));
        }
        if let Some(metadata) = manners.metadata.as_deref().filter(|metadata| !leads_to(metadata, url)) {
            let message = format!(
                "the gateway sends clients to {metadata} for its OAuth metadata, which is not this address: {}",
                base(url)
            );
            let fix = "tell it its address by the variable it reads, for example --env BETTER_AUTH_URL={url}; \
                a gateway that already runs needs a restart for that";
            self.report.event(&Event::notice("auth.resource_metadata", message, Some(fix.into())));
        }
        self.watch = guarded.then(|| self.watch(epoch, url.clone(), manners.guard.as_ref())).flatten();
        self.edge.renew(target.clone());
        self.target = Some(target);
        if changed && self.record.phase == "ready" {
            self.ready(url);
        }
    }

    /// Asks the gateway again when nobody can say any more that it is the one that was asked.
    fn watch(&self, epoch: Epoch, url: Url, guard: Option<&edge::Witness>) -> Option<AbortOnDrop> {
        const BREATH: Duration = Duration::from_millis(250);
        let (fallen, outbox) = (guard?.fallen(), self.outbox.clone());
        let task = tokio::spawn(async move {
            // A server that throws out whoever is silent is not asked on and on.
            tokio::join!(fallen, tokio::time::sleep(BREATH));
            outbox.send(Message::InDoubt { epoch, url });
        });
        Some(AbortOnDrop(task.abort_handle()))
    }

    fn health(&self) -> Health {
        Health { client: self.local.clone(), port: self.settings.port, path: self.settings.health.clone() }
    }
}

/// What to say when clients will be sent to a path that the gateway does not know.
fn not_there(mcp_path: &str, astray: &gateway::Astray) -> Event {
    let (message, fix) = match astray.served_at {
        Some(path) => (
            format!(
                "the gateway serves MCP at {path}; at {mcp_path}, where clients will be sent, it answers 404"
            ),
            format!("--mcp-path {path}, or mcp-path = \"{path}\" in mcpgw.toml"),
        ),
        None => (
            format!("the gateway answers 404 at {mcp_path}, where clients will be sent"),
            "--mcp-path says where it serves MCP, --profile which profile of it".into(),
        ),
    };
    Event::notice("gateway.path", message, Some(fix))
}

/// Is this an address of the public URL's own origin?
fn leads_to(metadata: &str, url: &Url) -> bool {
    Url::parse(metadata).is_ok_and(|metadata| metadata.origin() == url.origin())
}
