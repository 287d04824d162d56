//! One turn at a file, alone among all mcpgw: the new content beside the old one, the record of it before both change
//! places, and what another program wrote meanwhile seen in time.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::claude_lock::ClaudeLock;
use super::content::{Content, look};
use super::ledger::{Base, Ledger, Mine, Record, Writer, state_of};
use super::words::trouble;
use super::{Done, Over, PATIENCE, Subject, fault};
use crate::error::{Error, Result};
use crate::file::{self, Staged, Swapped};
use crate::state::State;

/// A program that writes in place has its file empty or half-written for a moment.
const SETTLED: Duration = Duration::from_millis(250);

/// What was done, and the bytes that are in the file by that.
pub(super) type Written = (Done, Option<Vec<u8>>);

/// Our turn at a file: no other mcpgw changes it meanwhile, and no Claude Code where that has a lock.
pub(super) struct Turn<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) target: PathBuf,
    pub(super) ledger: Ledger,
    pub(super) made: Vec<PathBuf>,
    _ours: File,
    _claude: Option<ClaudeLock>,
}

impl<'a> Turn<'a> {
    pub(super) fn take(state: &State, subject: &'a Subject<'a>) -> Result<Self> {
        let target = file::resolve(subject.path).map_err(|error| trouble("find", subject.path, &error))?;
        let target = std::path::absolute(&target).unwrap_or(target);
        let ledger = Ledger::open(state, &target)?;
        let ours = exclusive(&ledger.beside("lock"))?;
        ledger.remove_litter();
        let made = make_folders(&target)?;
        file::remove_litter(file::folder_of(&target));
        let claude = match subject.locked {
            true => Some(ClaudeLock::take(subject.path, ledger.beside("claude-lock"))?),
            false => None,
        };
        fault::point("locked");
        Ok(Self { subject, target, ledger, made, _ours: ours, _claude: claude })
    }

    pub(super) fn mine(&self) -> Vec<Mine> {
        let writers = self.ledger.writers();
        writers
            .iter()
            .filter_map(|writer| self.ledger.record(writer))
            .flat_map(|record| record.entries)
            .collect()
    }

    /// What `edit` makes of the file, once it is whole: an empty or broken one that was written a moment ago is
    /// being written.
    pub(super) fn settled<T>(&self, edit: impl Fn(&Content) -> Result<T>) -> Result<(Content, T)> {
        loop {
            let content = look(&self.target).map_err(|error| self.named(error))?;
            let edited = edit(&content);
            let half = edited.is_err() || (content.exists() && content.text.trim().is_empty());
            if half && self.age().is_some_and(|age| age < SETTLED) {
                thread::sleep(Duration::from_millis(10));
                continue;
            }
            return edited.map(|edited| (content, edited));
        }
    }

    fn age(&self) -> Option<Duration> {
        SystemTime::now().duration_since(fs::metadata(&self.target).ok()?.modified().ok()?).ok()
    }

    /// People know the file by the client's name for it.
    pub(super) fn named(&self, error: Error) -> Error {
        let (target, path) = (self.target.display().to_string(), self.subject.path.display().to_string());
        Error { message: error.message.replace(&target, &path), ..error }
    }

    pub(super) fn write(
        &self,
        writer: &Writer,
        content: &Content,
        text: &str,
        mine: Mine,
        over: Over,
    ) -> Result<Option<Written>> {
        let new = content.with(text);
        let staged = self.stage(&new)?;
        fault::point("staged");
        let mine = self.taken_over(writer, mine, over);
        let record = self.entered(writer, content, &new, |entries| enter(entries, mine, over))?;
        let swapped = self.swap(staged, writer, record, content)?;
        let done = if content.exists() { Done::Changed } else { Done::Created };
        Ok((swapped == Swapped::Done).then_some((done, Some(new))))
    }

    /// The entry, with what was in the place of ours before a session wrote it.
    fn taken_over(&self, writer: &Writer, mine: Mine, over: Over) -> Mine {
        match self.take_from_session(writer, &mine).filter(|_| over == Over::Ours) {
            Some(old) => Mine { before: old.before, room: old.room, ..mine },
            None => mine,
        }
    }

    /// What a user configures is no session's any more: the session's end must not take it away.
    fn take_from_session(&self, writer: &Writer, mine: &Mine) -> Option<Mine> {
        if *writer != Writer::User {
            return None;
        }
        let mut found = None;
        for session in self.ledger.writers().into_iter().filter(|one| *one != Writer::User) {
            let Some(mut record) = self.ledger.record(&session) else { continue };
            let Some(at) = record.entries.iter().position(|entry| entry.is_same(mine)) else { continue };
            if record.entries.len() == 1 && self.ledger.record(writer).is_none() {
                self.ledger.hand_over(&session);
                return None;
            }
            found = Some(record.entries.remove(at));
            match record.entries.is_empty() {
                true => self.ledger.forget(&session),
                false => drop(self.ledger.save(&session, &record)),
            }
        }
        found
    }

    pub(super) fn take_out(
        &self,
        writer: &Writer,
        content: &Content,
        text: &str,
        mine: Mine,
        over: Over,
    ) -> Result<Option<Written>> {
        let mine = self.taken_over(writer, mine, over);
        let known = self.ledger.record(writer);
        let state = state_of(content.bytes.as_deref());
        let alone = |record: &&Record| {
            let [entry] = &record.entries[..] else { return false };
            entry.is_same(&mine) && entry.before.is_none()
        };
        if let Some(record) = known.as_ref().filter(|record| record.vouches_for(&state)).filter(alone) {
            let done = self.restore(writer, record, content)?;
            let Some(done) = done else { return Ok(None) };
            let bytes = if done == Done::Deleted { None } else { fs::read(&self.target).ok() };
            self.ledger.forget(writer);
            return Ok(Some((done, bytes)));
        }
        let new = content.with(text);
        let staged = self.stage(&new)?;
        let record = self.entered(writer, content, &new, |entries| enter(entries, mine, over))?;
        let swapped = self.swap(staged, writer, record, content)?;
        Ok((swapped == Swapped::Done).then_some((Done::Changed, Some(new))))
    }

    /// The record as it is to be, saved: with the entries as `enter` leaves them, and the state that comes.
    pub(super) fn entered(
        &self,
        writer: &Writer,
        content: &Content,
        new: &[u8],
        enter: impl FnOnce(&mut Vec<Mine>),
    ) -> Result<Option<Record>> {
        let old = self.ledger.record(writer);
        let state = state_of(content.bytes.as_deref());
        let mut record = match old.clone() {
            Some(record) if record.vouches_for(&state) => record,
            // Somebody took the file away and our entries with it: what comes is a new file.
            Some(record) if content.bytes.is_none() => Record {
                base: Base::Absent,
                made: true,
                states: vec![state.clone()],
                folders: [self.made.clone(), record.folders].concat(),
                ..Record::new(record.target)
            },
            Some(record) => Record { base: Base::Lost, states: vec![], ..record },
            None => {
                let base = match &content.bytes {
                    None => Base::Absent,
                    Some(bytes) => {
                        self.ledger.keep_base(writer, bytes)?;
                        Base::Kept
                    }
                };
                fault::point("backed-up");
                Record {
                    base,
                    made: base == Base::Absent,
                    states: vec![state.clone()],
                    folders: self.made.clone(),
                    ..Record::new(self.target.clone())
                }
            }
        };
        enter(&mut record.entries);
        let comes = state_of(Some(new));
        if !record.states.contains(&comes) {
            record.states.push(comes);
        }
        // The first is the base's, the others those that a crash may leave: two are enough.
        let middle = record.states.len().saturating_sub(3);
        record.states.drain(1..1 + middle);
        self.ledger.save(writer, &record)?;
        fault::point("recorded");
        Ok(old)
    }

    pub(super) fn stage(&self, new: &[u8]) -> Result<Staged> {
        Staged::beside(&self.target, new, self.subject.privacy)
            .map_err(|error| self.named(trouble("write", &self.target, &error)))
    }

    /// Puts the new content in its place; what the ledger says is taken back where that fails.
    pub(super) fn swap(
        &self,
        staged: Staged,
        writer: &Writer,
        old: Option<Record>,
        content: &Content,
    ) -> Result<Swapped> {
        let swapped = staged.swap(content.bytes.as_deref(), &|| fault::point("renamed"));
        if !matches!(swapped, Ok(Swapped::Done)) {
            match old {
                Some(record) => self.ledger.save(writer, &record)?,
                None => self.ledger.forget(writer),
            }
        }
        swapped.map_err(|error| self.named(trouble("write", &self.target, &error)))
    }
}

/// Enters what was done to an entry. What an undo brings back is what somebody else last left in its place: our own
/// changes in between leave that as it is.
fn enter(entries: &mut Vec<Mine>, mine: Mine, over: Over) {
    let Some(entry) = entries.iter_mut().find(|entry| entry.is_same(&mine)) else {
        return entries.push(mine);
    };
    let nothing_since_ours = mine.before.is_none() && entry.removed;
    if over == Over::Theirs && !nothing_since_ours {
        entry.before.clone_from(&mine.before);
        entry.room = mine.room;
    }
    let Mine { client, path, led_to, has_key, project, removed, .. } = mine;
    entry.led_to.extend(led_to);
    entry.led_to.dedup();
    *entry = Mine { client, path, has_key, project, removed, ..entry.clone() };
}

/// Waits for the lock, which the system lets go of however its holder ends.
fn exclusive(path: &Path) -> Result<File> {
    let cannot = |error: io::Error| trouble("lock", path, &error);
    let file =
        crate::os::private_options().create(true).truncate(false).write(true).open(path).map_err(cannot)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
            Err(TryLockError::WouldBlock) if Instant::now() > end => {
                let message = format!("wait for another mcpgw that holds {}", path.display());
                return Err(Error::failed("client.busy", message).fix("end it, or try again"));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(3)),
        }
    }
}

/// Makes the folders that the file needs; those that were made, the deepest first.
fn make_folders(target: &Path) -> Result<Vec<PathBuf>> {
    let folder = file::folder_of(target);
    let missing: Vec<PathBuf> =
        folder.ancestors().take_while(|folder| !folder.exists()).map(Path::to_path_buf).collect();
    fs::create_dir_all(folder).map_err(|error| trouble("create the folder of", target, &error))?;
    Ok(missing)
}
