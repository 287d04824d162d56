//! MCP clients: whether their config files can be read, whether our entry in them is true, and what dead
//! sessions left there.

use url::Url;

use super::{Check, Finding, World};
use crate::client::{self, Client, Ground, Server};
use crate::config::Scope;
use crate::loopback;
use crate::state::read_key;

pub(super) fn checks() -> Vec<Check> {
    let mut checks = vec![Check::looks("client.leftovers", leftovers).needs(&["state.home"]).repair(restore)];
    checks.extend(
        client::ALL
            .iter()
            .map(|client| Check::looks(format!("client.{}", client.id), move |world| entry(client, world))),
    );
    checks
}

/// What sessions put into clients' files and could not take back.
fn leftovers(world: &World) -> Finding {
    let Ok(state) = &world.state else { return Finding::skip("no state folder") };
    match client::leftovers(state).first() {
        None => Finding::pass("no dead session left its address in a client's file"),
        Some(left) => Finding::fail(format!(
            "session {} has ended, and its address is still in {}",
            left.session,
            left.path.display()
        ))
        .fix("mcpgw doctor --fix restores the file; the next `mcpgw tunnel` does, too"),
    }
}

fn restore(world: &World) -> Vec<String> {
    let Ok(state) = &world.state else { return vec![] };
    let restored = client::restore_leftovers(state).into_iter().flatten();
    restored.map(|outcome| format!("restored {}", outcome.path.display())).collect()
}

/// Every entry of this client's files that leads to a gateway of ours.
fn entry(client: &'static Client, world: &World) -> Finding {
    let project = world.settings.as_ref().map_or(world.here.clone(), |settings| settings.project.clone());
    let Ok(ground) = Ground::now(project) else { return Finding::skip("no home folder") };
    let mut seen = vec![];
    let mut fine = None;
    for scope in [Scope::User, Scope::Project] {
        let Ok(path) = client::file_of(client, scope, &ground) else { continue };
        if !path.is_file() || seen.contains(&path) {
            continue;
        }
        let servers = match client::servers(client, &path) {
            Ok(servers) => servers,
            Err(error) => {
                let fix = error.fix.clone().unwrap_or_else(|| format!("correct {}", path.display()));
                return Finding::fail(error.message).fix(fix);
            }
        };
        if let Some(finding) = servers.iter().find_map(|server| gone(client, server)) {
            return finding;
        }
        let mine: Vec<&Server> = servers
            .iter()
            .filter(|server| is_mine(server, world) && !is_of_another_project(client, server, world, &ground))
            .collect();
        for server in &mine {
            if let Some(finding) = wrong(client, server, world) {
                return finding;
            }
        }
        let twice = mine.iter().enumerate().find_map(|(at, one)| {
            let same = |other: &&&Server| (&other.address, &other.program) == (&one.address, &one.program);
            mine[at + 1..].iter().find(same).map(|other| (one, other))
        });
        if let Some((one, other)) = twice {
            return Finding::warn(format!(
                "`{}` and `{}` in {} lead to the same gateway: every tool is there twice",
                one.name,
                other.name,
                path.display()
            ))
            .fix(format!(
                "take one of them out: mcpgw configure {} --remove --name {}",
                client.id, other.name
            ));
        }
        if let Some(one) = mine.first() {
            fine = Some(format!("`{}` in {} leads here", one.name, path.display()));
        }
        seen.push(path);
    }
    match fine {
        Some(evidence) => Finding::pass(evidence),
        None if !client::is_installed(client, &ground) => Finding::skip("not installed"),
        None => Finding::skip("installed, and not configured").fix(format!("mcpgw configure {}", client.id)),
    }
}

/// Called as our entries are, or leading to where this session is.
fn is_mine(server: &Server, world: &World) -> bool {
    let leads_here = || server.address.as_deref().and_then(|to| Url::parse(to).ok());
    server.name == "mcpgw" || server.is_bridge || leads_here().is_some_and(|to| is_here(&to, world))
}

/// Another project's entry leads to that project, rightly.
fn is_of_another_project(client: &Client, server: &Server, world: &World, ground: &Ground) -> bool {
    let (Ok(state), Some(session)) = (&world.state, &world.session) else { return false };
    client::owner(state, client, &server.path, &server.name)
        .is_some_and(|owner| owner != ground.project && owner != session.folder)
}

/// A bridge serves a project's tools; one whose folder is gone serves nobody, whatever else runs.
fn gone(client: &Client, server: &Server) -> Option<Finding> {
    let project = server.project.as_ref().filter(|project| !project.is_dir())?;
    let (name, path) = (&server.name, server.path.display());
    Some(
        Finding::fail(format!("`{name}` in {path} is the bridge of {}, which is gone", project.display()))
            .fix(format!(
                "mcpgw configure {0} --remove --name {name}; where the project is now: mcpgw configure {0}",
                client.id
            )),
    )
}

/// Where the session is reached: from the world, at the edge, at the gateway.
fn is_here(to: &Url, world: &World) -> bool {
    let own = |text: &str| Url::parse(text).is_ok_and(|own| own.origin() == to.origin());
    let session = world.session.as_ref();
    let at_gateway =
        loopback::is_url(to) && to.scheme() == "http" && to.port_or_known_default() == Some(world.port());
    at_gateway || session.is_some_and(|it| own(&it.local_url) || it.url.as_deref().is_some_and(own))
}

fn wrong(client: &Client, server: &Server, world: &World) -> Option<Finding> {
    let (name, path) = (&server.name, server.path.display());
    let again = match name.as_str() {
        "mcpgw" => format!("mcpgw configure {}", client.id),
        name => format!("mcpgw configure {} --name {name}", client.id),
    };
    if let Some(program) = &server.program {
        let found = which::which(program).is_ok();
        return (!found).then(|| {
            Finding::fail(format!("`{name}` in {path} starts {program}, which is not there")).fix(again)
        });
    }
    let Some(to) = &server.address else {
        return Some(Finding::fail(format!("`{name}` in {path} leads nowhere")).fix(again));
    };
    if !client.speaks_http() {
        return Some(
            Finding::fail(format!(
                "`{name}` in {path} has an address, and {} starts programs only: it skips the entry",
                client.name
            ))
            .fix(format!("mcpgw configure {} puts `mcpgw bridge` there", client.id)),
        );
    }
    let Ok(url) = Url::parse(to) else {
        return Some(
            Finding::fail(format!("`{name}` in {path} leads to no address: {}", client::covered(to)))
                .fix(again),
        );
    };
    let Some(session) = &world.session else {
        return (!loopback::is_url(&url)).then(|| {
            Finding::skip(format!(
                "`{name}` in {path} leads to {}, and no session runs",
                crate::session::base(&url)
            ))
        });
    };
    let current = world.url()?;
    if !is_here(&url, world) {
        return Some(
            Finding::fail(format!(
                "`{name}` in {path} leads to {}, and the address is {}",
                client::covered(to),
                crate::session::base(&current)
            ))
            .fix(again),
        );
    }
    let key = session.key_file.as_ref().and_then(|file| read_key(file).ok()?)?;
    let sends = |key: &str| to.contains(key) || server.secrets.iter().any(|secret| secret.contains(key));
    let through_edge = [session.url.as_deref(), Some(session.local_url.as_str())];
    let needs = through_edge
        .into_iter()
        .flatten()
        .filter_map(|own| Url::parse(own).ok())
        .any(|own| own.origin() == url.origin());
    (needs && !sends(key.reveal())).then(|| {
        Finding::fail(format!("`{name}` in {path} does not send the session's key: it will be refused"))
            .fix(again)
    })
}
