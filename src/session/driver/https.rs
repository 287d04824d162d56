//! The edge's own HTTPS, seen from the session: how it is believed, and what becomes of its certificate.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use tokio::sync::mpsc;

use super::{Message, Outbox};
use crate::cert::{Keeper, Place, Source, Validity};
use crate::config::Settings;
use crate::error::Result;
use crate::report::Event;
use crate::web::{self, Names};

/// How the edge's own HTTPS is believed.
#[derive(Debug, Clone)]
pub(super) struct Https {
    /// A name for this machine that the certificate holds.
    pub(super) name: String,
    place: Place,
    pub(super) authority: PathBuf,
    /// Is the authority's file a CA that clients can be told to believe?
    has_ca: bool,
}

impl Https {
    /// How often the certificate is looked at: a user who changes it waits no longer than that.
    pub(super) const LOOK: Duration = Duration::from_secs(2);

    pub(super) fn of(keeper: &Keeper, settings: &Settings) -> Self {
        let has_ca = !matches!(keeper.source(), Source::Files(_));
        Self {
            name: match &settings.hostname {
                Some(name) if !has_ca => name.clone(),
                _ => "localhost".into(),
            },
            place: keeper.pair().place.clone(),
            authority: keeper.source().authority().to_path_buf(),
            has_ca,
        }
    }

    /// Where gateways look that want to speak HTTPS themselves.
    pub(super) fn variables(&self) -> [(String, String); 2] {
        [("SSL_CERT_PATH", &self.place.cert), ("SSL_KEY_PATH", &self.place.key)]
            .map(|(name, path)| (name.to_string(), path.display().to_string()))
    }

    /// Asks the edge. Who vouches for the user's own certificate is the user's affair: that it was this edge
    /// that answered is proved by the answer.
    pub(super) fn client(&self, names: Arc<Names>) -> Result<Client> {
        match self.has_ca {
            true => web::public(std::fs::read_to_string(&self.authority).ok().as_deref(), names),
            false => web::unverified(names),
        }
    }
}

/// What becomes of the certificate, as notices.
pub(super) fn hear_of_certificates(outbox: Outbox) -> mpsc::UnboundedSender<Result<Validity>> {
    let (told, mut hear) = mpsc::unbounded_channel::<Result<Validity>>();
    tokio::spawn(async move {
        while let Some(news) = hear.recv().await {
            outbox.send(Message::Notice(match news {
                Ok(validity) => {
                    let until = validity.until.strftime("%Y-%m-%d %H:%M UTC");
                    Event::notice("cert.renewed", format!("the certificate is new, until {until}"), None)
                }
                Err(error) => {
                    let message = format!("the old certificate stays: failed to {}", error.message);
                    Event::notice(error.code, message, error.fix)
                }
            }));
        }
    });
    told
}
