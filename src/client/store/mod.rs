//! Changing a client's file so that nothing is ever lost: what was there is kept first, the new content takes
//! its place whole, and what another program wrote meanwhile is seen and edited anew, not overwritten.

mod claude_lock;
mod content;
mod fault;
mod ledger;
mod restore;
mod turn;
mod words;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

pub use content::{Content, look};
use ledger::state_of;
pub use ledger::{Ledger, Mine, Writer, digest};
use turn::Turn;
pub use words::refuse;
use words::refused;

use crate::error::Result;
use crate::file::Privacy;
use crate::state::State;

/// How long others may keep us from our turn.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file that is to be changed.
#[derive(Debug)]
pub struct Subject<'a> {
    /// As the client calls it.
    pub path: &'a Path,
    /// Does Claude Code's lock guard it?
    pub locked: bool,
    /// Who may read it, when it is new.
    pub privacy: Privacy,
}

/// What an edit makes of a file.
pub enum Edit {
    /// It is as it should be.
    Keep,
    /// This text, and what is to be known of the entry.
    Write(String, Mine, Over),
    /// This text, the entry being taken out.
    TakeOut(String, Mine, Over),
}

/// What an edit finds at the entry's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// What we wrote there.
    Ours,
    /// What somebody else left there: an entry, or nothing.
    Theirs,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Nothing was to be done.
    Unchanged,
    /// The file was there and is another.
    Changed,
    /// The file is new.
    Created,
    /// The file is as it was before us, to the byte.
    Restored,
    /// The file was ours and is gone.
    Deleted,
}

impl Done {
    /// As people and programs are told; `changed`: what a change is called.
    pub fn word(self, changed: &'static str) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => changed,
            Self::Created => "created",
            Self::Restored => "restored",
            Self::Deleted => "deleted",
        }
    }
}

/// Changes a file by `edit`, which is asked again whenever another program changed the file meanwhile.
pub fn change(
    state: &State,
    subject: &Subject<'_>,
    writer: &Writer,
    edit: &dyn Fn(&Content, &[Mine]) -> Result<Edit>,
) -> Result<Done> {
    let turn = Turn::take(state, subject)?;
    let end = Instant::now() + PATIENCE;
    let mut seen: Option<Done> = None;
    loop {
        let (content, edited) = turn.settled(|content| edit(content, &turn.mine()))?;
        let written = match edited {
            Edit::Keep => return Ok(seen.unwrap_or(Done::Unchanged)),
            Edit::Write(text, mine, over) => turn.write(writer, &content, &text, mine, over)?,
            Edit::TakeOut(text, mine, over) => turn.take_out(writer, &content, &text, mine, over)?,
        };
        if let Some((done, bytes)) = written {
            // Read back: a program that had read before us may have written after us.
            if fs::read(&turn.target).ok() == bytes {
                return Ok(done);
            }
            seen = Some(done);
        }
        if Instant::now() > end {
            return Err(refused(subject.path, "another program rewrites it all the time"));
        }
    }
}

/// Puts a file back as it was before a writer's changes: to the byte where nobody else changed it since, else
/// as far as our own entries go. `wanted` says which of them.
pub fn undo(
    state: &State,
    subject: &Subject<'_>,
    writer: &Writer,
    wanted: &dyn Fn(&Mine) -> bool,
) -> Result<Vec<(Mine, Done)>> {
    let turn = Turn::take(state, subject)?;
    let end = Instant::now() + PATIENCE;
    loop {
        let Some(record) = turn.ledger.record(writer) else { return Ok(vec![]) };
        if let Some(undone) = turn.undo(writer, record, wanted)? {
            return Ok(undone);
        }
        if Instant::now() > end {
            return Err(refused(subject.path, "another program rewrites it all the time"));
        }
    }
}

/// Changes the copies that sessions give back, where `edit` has something to change in them: a file that a session
/// restores is as true as one that it never touched.
pub fn change_copies(
    state: &State,
    subject: &Subject<'_>,
    edit: &dyn Fn(&str) -> Option<String>,
) -> Result<()> {
    let turn = Turn::take(state, subject)?;
    let writers = turn.ledger.writers();
    for session in writers.iter().filter(|writer| **writer != Writer::User) {
        let Some(old) =
            turn.ledger.base(session).ok().and_then(|bytes| content::decode(subject.path, bytes).ok())
        else {
            continue;
        };
        let Some(new) = edit(&old.text).map(|text| old.with(&text)) else { continue };
        turn.ledger.keep_base(session, &new)?;
        // Whoever knew the file as it was knows it as it is given back now.
        let (was, is) = (state_of(old.bytes.as_deref()), state_of(Some(&new)));
        for writer in &writers {
            let Some(mut record) = turn.ledger.record(writer) else { continue };
            for known in record.states.iter_mut().filter(|known| **known == was) {
                known.clone_from(&is);
            }
            turn.ledger.save(writer, &record)?;
        }
    }
    Ok(())
}
