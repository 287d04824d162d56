//! What the driver does about clients' files: told the address when it is proven, given back what was there
//! when the address dies with the session. Another program may hold a file for seconds, so it is done aside.

use url::Url;

use super::{Driver, Message};
use crate::client::{self, Aim, Client, Done, Ground, Link, Named, Outcome, Place, Undone, Which, Writer};
use crate::config::Scope;
use crate::error::{Error, Result};
use crate::gateway;
use crate::report::Event;
use crate::session::base;
use crate::state::State;

impl Driver<'_> {
    /// Tells the clients named by `--configure`; answered when all are told. Their troubles are notices.
    pub(super) fn sync_clients(&self, url: &Url) -> impl Future<Output = ()> + Send + use<> {
        let work = self.aim(url).map(|aim| {
            let writer =
                if self.outlives(url) { Writer::User } else { Writer::Session(self.record.id.clone()) };
            (aim, writer)
        });
        let names = self.settings.configure.clone();
        let (state, outbox, project) =
            (self.state.clone(), self.outbox.clone(), self.settings.project.clone());
        async move {
            if names.is_empty() {
                return;
            }
            let told = tokio::task::spawn_blocking(move || {
                let told = work.and_then(|(aim, writer)| Ok((aim, writer, Ground::now(project)?)));
                match told {
                    Err(error) => vec![notice(&error)],
                    Ok((aim, writer, ground)) => {
                        let clients = names.iter().filter_map(|name| client::find(name));
                        clients.flat_map(|client| sync(&state, client, &aim, &writer, &ground)).collect()
                    }
                }
            });
            told.await.unwrap_or_default().into_iter().for_each(|event| outbox.send(Message::Notice(event)));
        }
    }

    /// Is the address worth keeping where it was written, when the session ends?
    pub(super) fn outlives(&self, url: &Url) -> bool {
        let demo = gateway::is_demo(&self.settings.command);
        self.settings.keep || (!demo && self.provider().keeps_address(&self.settings, url))
    }

    fn aim(&self, url: &Url) -> Result<Aim> {
        let mut session = self.record.clone();
        session.url = Some(base(url));
        session.mcp_url = Some(self.mcp_url(url));
        let project = self.settings.project.clone();
        let port = self.settings.port;
        Ok(Aim {
            via: None,
            url: None,
            profile: self.settings.profile.clone(),
            mcp_path: self.settings.mcp_path.clone(),
            bridge_flags: client::bridge_flags(Some(&project), port, &self.settings.mcp_path)?,
            port,
            project: Some(project),
            headers: vec![],
            mcpgw: client::own_program()?,
            home: client::own_home(),
            session: Some(session),
        })
    }

    /// Gives the files back that this session changed for an address that dies with it.
    pub(super) fn restore_clients(&self) {
        for event in
            restored(client::undo(self.state, &Writer::Session(self.record.id.clone()), &Which::default()))
        {
            self.report.event(&event);
        }
    }
}

/// What is told of files that were given back.
pub fn restored(outcomes: Vec<Result<Undone>>) -> Vec<Event> {
    let told = |result| match result {
        Ok(Undone { client, path, done, .. }) => Event::ClientSynced {
            client: client.id,
            path: path.display().to_string(),
            action: if done == Done::Unchanged { "unchanged" } else { "restored" },
            reload: (done != Done::Unchanged).then_some(client.reload),
        },
        Err(error) => notice(&error),
    };
    outcomes.into_iter().map(told).collect()
}

fn sync(state: &State, client: &'static Client, aim: &Aim, writer: &Writer, ground: &Ground) -> Vec<Event> {
    let told = || -> Result<Vec<Event>> {
        let link = aim.link(client)?;
        let path = client::file_of(client, Scope::User, ground)?;
        let Named { name, beside } =
            client::name_for(state, client, &path, aim.project.as_deref(), Some(&link));
        let project = aim.project.clone();
        let place = Place { client, path, scope: Scope::User, name, project };
        // A bridge looks the address up: its entry outlives any.
        let writer = if matches!(link, Link::Bridge { .. }) { &Writer::User } else { writer };
        let Outcome { path, done, .. } = client::configure(state, &place, &link, false, writer)?;
        let synced = Event::ClientSynced {
            client: client.id,
            path: path.display().to_string(),
            action: done.word("updated"),
            reload: (done != Done::Unchanged).then_some(client.reload),
        };
        let beside = beside.map(|owner| client::beside(&place, &owner, false));
        Ok(std::iter::once(synced).chain(beside).chain(client::warnings(&place, &link)).collect())
    };
    told().unwrap_or_else(|error| vec![notice(&error)])
}

/// Trouble that does not end a session.
pub(super) fn notice(error: &Error) -> Event {
    Event::notice(error.code, format!("failed to {}", error.message), error.fix.clone())
}
