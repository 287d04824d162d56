//! Giving back what was there before us: the very bytes while nobody else changed the file, else in our entry's place
//! what somebody else last left there.

use std::fs;
use std::io;

use super::content::{Content, look};
use super::ledger::{Base, Mine, Record, Writer, state_of};
use super::turn::Turn;
use super::words::{refuse, trouble};
use super::{Done, fault};
use crate::client::document::{self, Refusal};
use crate::client::{entry, registry};
use crate::error::Result;
use crate::file::{self, Swapped};

impl Turn<'_> {
    /// One attempt; none when another program came between.
    pub(super) fn undo(
        &self,
        writer: &Writer,
        record: Record,
        wanted: &dyn Fn(&Mine) -> bool,
    ) -> Result<Option<Vec<(Mine, Done)>>> {
        let content = look(&self.target).map_err(|error| self.named(error))?;
        let state = state_of(content.bytes.as_deref());
        let (chosen, kept): (Vec<Mine>, Vec<Mine>) =
            record.entries.iter().cloned().partition(|entry| wanted(entry));
        if chosen.is_empty() {
            return Ok(Some(vec![]));
        }
        let all = |done: Done| chosen.iter().cloned().map(|entry| (entry, done)).collect::<Vec<_>>();
        if kept.is_empty() && record.vouches_for(&state) {
            return Ok(match self.restore(writer, &record, &content)? {
                None => None,
                Some(done) => {
                    self.ledger.forget(writer);
                    Some(all(done))
                }
            });
        }
        let (content, (text, undone)) = self.settled(|content| without(content, &chosen))?;
        let empty = record.made
            && kept.is_empty()
            && says_nothing(&text, &chosen)
            && (text != content.text || chosen.iter().any(|entry| entry.removed));
        if let (true, Some(bytes)) = (empty, &content.bytes) {
            // There was no file before us, and nobody else has put anything into it.
            let gone = file::remove_if_unchanged(&self.target, bytes);
            if gone.map_err(|error| self.named(trouble("remove", &self.target, &error)))? == Swapped::Changed
            {
                return Ok(None);
            }
            remove_folders(&record);
            self.ledger.forget(writer);
            return Ok(Some(all(Done::Deleted)));
        }
        if text != content.text {
            let new = content.with(&text);
            let staged = self.stage(&new)?;
            let entries = kept.clone();
            let old = self.entered(writer, &content, &new, move |mine| *mine = entries)?;
            if self.swap(staged, writer, old, &content)? == Swapped::Changed {
                return Ok(None);
            }
        }
        match kept.is_empty() {
            true => self.ledger.forget(writer),
            false => self
                .ledger
                .save(writer, &Record { entries: kept, ..self.ledger.record(writer).unwrap_or(record) })?,
        }
        Ok(Some(undone))
    }

    /// The file as it was, to the byte.
    pub(super) fn restore(
        &self,
        writer: &Writer,
        record: &Record,
        content: &Content,
    ) -> Result<Option<Done>> {
        let lost = |error: io::Error| trouble("read the copy of", &self.target, &error);
        let swapped = match (record.base, &content.bytes) {
            (Base::Kept, _) => {
                let base = self.ledger.base(writer).map_err(lost)?;
                if content.bytes.as_ref() == Some(&base) {
                    return Ok(Some(Done::Unchanged));
                }
                let staged = self.stage(&base)?;
                staged.swap(content.bytes.as_deref(), &|| fault::point("renamed"))
            }
            (_, None) => return Ok(Some(Done::Unchanged)),
            (_, Some(bytes)) => file::remove_if_unchanged(&self.target, bytes),
        };
        match swapped.map_err(|error| self.named(trouble("write", &self.target, &error)))? {
            Swapped::Changed => Ok(None),
            Swapped::Done if record.base == Base::Kept => Ok(Some(Done::Restored)),
            Swapped::Done => {
                remove_folders(record);
                Ok(Some(Done::Deleted))
            }
        }
    }
}

/// Is nothing left that somebody could miss? Empty levels above entries are nothing.
fn says_nothing(text: &str, entries: &[Mine]) -> bool {
    let said: String = text.split_whitespace().collect();
    let level = |entry: &Mine| matches!(&entry.keys[..], [key] if said == format!("{{\"{key}\":{{}}}}"));
    let preamble = |entry: &Mine| {
        registry::find(&entry.client).is_some_and(|client| text.trim() == client.preamble.trim())
    };
    said.is_empty() || said == "{}" || entries.iter().any(|entry| level(entry) || preamble(entry))
}

/// The folders that were made for the file; only empty ones go.
fn remove_folders(record: &Record) {
    record.folders.iter().all(|folder| fs::remove_dir(folder).is_ok());
}

/// The text without these entries, or with what was there before them.
fn without(content: &Content, entries: &[Mine]) -> Result<(String, Vec<(Mine, Done)>)> {
    let mut text = content.text.clone();
    let mut undone = vec![];
    if !content.exists() {
        // Somebody took the file away: it stays so.
        return Ok((text, entries.iter().map(|entry| (entry.clone(), Done::Unchanged)).collect()));
    }
    for entry in entries {
        let new = one_without(&text, entry).map_err(|refusal| refuse(&entry.path, &text, &refusal))?;
        let done = if new == text { Done::Unchanged } else { Done::Changed };
        text = new;
        undone.push((entry.clone(), done));
    }
    Ok((text, undone))
}

fn one_without(text: &str, entry: &Mine) -> std::result::Result<String, Refusal> {
    let Some(client) = registry::find(&entry.client) else { return Ok(text.into()) };
    let spot = entry.spot(client.format);
    let found = document::read(text, &spot)?;
    match (found, &entry.before) {
        (None, Some(before)) if entry.removed => document::put_back(text, &spot, before),
        (None, _) => Ok(text.into()),
        (Some(found), before) => {
            let leads_to = entry::leads_to(client, &found.value);
            match (leads_to.is_some_and(|leads_to| entry.led_to.contains(&leads_to)), before) {
                // Somebody made it their own.
                (false, _) => Ok(text.into()),
                (true, Some(before)) => document::put_back(text, &spot, before),
                (true, None) => document::take_out(text, &spot, entry.room),
            }
        }
    }
}
