//! A project's new key in the place of its old one: in every entry of ours that holds the old one, and nowhere
//! else. The copies from which a session gives files back are files, too.

use super::document::{self, Spot};
use super::registry::{self, Client};
use super::store::{self, Content, Edit, Ledger, Mine, Over, Writer};
use super::{Outcome, Place, entry, subject};
use crate::config::Scope;
use crate::error::Result;
use crate::state::{Key, State};

/// The entries that held `old` hold `new`. What could not be changed is told with its file.
pub fn rekey(state: &State, old: &Key, new: &Key) -> Vec<Result<Outcome>> {
    let mut outcomes = vec![];
    for ledger in Ledger::all(state) {
        for (writer, mine) in entries(&ledger) {
            let Some(client) = registry::find(&mine.client) else { continue };
            match store::look(&mine.path) {
                Ok(content) if content.text.contains(old.reveal()) => {}
                // Most files hold no key of this project: they need no turn.
                Ok(_) => continue,
                Err(_) if !mine.has_key => continue,
                Err(error) => {
                    outcomes.push(Err(error));
                    continue;
                }
            }
            let done = one(state, client, &writer, &mine, (old, new));
            outcomes.extend(
                done.transpose()
                    .map(|done| done.map(|done| Outcome { client, path: mine.path.clone(), done })),
            );
        }
    }
    outcomes
}

/// The entries of this file, each with the one who wrote it last.
fn entries(ledger: &Ledger) -> Vec<(Writer, Mine)> {
    let mut found: Vec<(Writer, Mine)> = vec![];
    // Sessions last: they write over what users configured.
    for writer in ledger.writers() {
        for mine in ledger.record(&writer).into_iter().flat_map(|record| record.entries) {
            found.retain(|(_, known)| !known.is_same(&mine));
            if !mine.removed {
                found.push((writer.clone(), mine));
            }
        }
    }
    found
}

fn one(
    state: &State,
    client: &'static Client,
    writer: &Writer,
    mine: &Mine,
    (old, new): (&Key, &Key),
) -> Result<Option<store::Done>> {
    let place =
        Place { client, path: mine.path.clone(), scope: Scope::User, name: mine.name.clone(), project: None };
    let spot = mine.spot(client.format);
    let edit = |content: &Content, _: &[Mine]| {
        let refuse = |refusal| store::refuse(&mine.path, &content.text, &refusal);
        let Some(text) = replaced(&content.text, &spot, old, new).map_err(refuse)? else {
            return Ok(Edit::Keep);
        };
        let leads_to = |text: &str| -> Result<Option<String>> {
            let found = document::read(text, &spot).map_err(refuse)?;
            Ok(found.and_then(|found| entry::leads_to(client, &found.value)))
        };
        // An entry that somebody made their own stays theirs, new key or not.
        let is_ours = leads_to(&content.text)?.is_some_and(|to| mine.led_to.contains(&to));
        let led_to = leads_to(&text)?.filter(|_| is_ours).into_iter().collect();
        Ok(Edit::Write(text, Mine { led_to, ..mine.clone() }, Over::Ours))
    };
    let subject = subject(&place, true);
    let done = store::change(state, &subject, writer, &edit)?;
    store::change_copies(state, &subject, &|text| replaced(text, &spot, old, new).ok().flatten())?;
    Ok((done != store::Done::Unchanged).then_some(done))
}

/// The document with the new key in the entry; none where the entry holds no old one.
fn replaced(
    text: &str,
    spot: &Spot,
    old: &Key,
    new: &Key,
) -> std::result::Result<Option<String>, document::Refusal> {
    let Some(found) = document::read(text, spot)?.filter(|found| found.raw.contains(old.reveal())) else {
        return Ok(None);
    };
    document::put_back(text, spot, &found.raw.replace(old.reveal(), new.reveal())).map(Some)
}
