//! Changing a client's file so that nothing is ever lost: what was there is kept first, the new content takes
//! its place whole, and what another program wrote meanwhile is seen and edited anew, not overwritten.

mod claude_lock;
mod fault;
mod ledger;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use claude_lock::ClaudeLock;
use ledger::state_of;
pub use ledger::{Base, Ledger, Mine, Record, Writer, digest};

use super::document::{self, Refusal, Spot, line_and_column};
use crate::error::{Error, Result, io_reason};
use crate::file::{self, Privacy, Staged, Swapped};
use crate::state::State;

/// How long others may keep us from our turn.
const PATIENCE: Duration = Duration::from_secs(20);
/// A program that writes in place has its file empty or half-written for a moment.
const SETTLED: Duration = Duration::from_millis(250);

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

/// A file's content, as an editor sees it.
#[derive(Debug, Clone)]
pub struct Content {
    bytes: Option<Vec<u8>>,
    /// Its text, the byte order mark left out.
    pub text: String,
    bom: bool,
}

impl Content {
    /// Is there a file?
    pub fn exists(&self) -> bool {
        self.bytes.is_some()
    }

    /// Does it begin with a byte order mark?
    pub fn bom(&self) -> bool {
        self.bom
    }

    fn with(&self, text: &str) -> Vec<u8> {
        let mark = if self.bom { "\u{feff}" } else { "" };
        [mark, text].concat().into_bytes()
    }
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

/// Reads a file without changing anything.
pub fn look(path: &Path) -> Result<Content> {
    let target = file::resolve(path).map_err(|error| trouble("read", path, &error))?;
    match fs::metadata(&target) {
        Ok(found) if found.is_dir() => Err(refused(path, "it is a folder")),
        Ok(found) if !found.is_file() => Err(refused(path, "it is not a regular file")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(trouble("read", path, &error)),
        _ => match fs::read(&target) {
            Ok(bytes) => decode(path, bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Content { bytes: None, text: String::new(), bom: false })
            }
            Err(error) => Err(trouble("read", path, &error)),
        },
    }
}

fn decode(path: &Path, bytes: Vec<u8>) -> Result<Content> {
    if bytes.starts_with(&[0xff, 0xfe])
        || bytes.starts_with(&[0xfe, 0xff])
        || bytes.iter().take(4).any(|byte| *byte == 0)
    {
        return Err(refused(path, "it is written in UTF-16").fix("save it as UTF-8"));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            let bom = text.starts_with('\u{feff}');
            let text = text.trim_start_matches('\u{feff}').to_string();
            Ok(Content { bytes: Some(bytes), text, bom })
        }
        Err(error) => {
            let read = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
            let (line, column) = line_and_column(&read, read.len());
            let place = format!("edit {}:{line}:{column}: a byte there is not UTF-8", path.display());
            Err(Error::failed("client.encoding", place).fix("save it as UTF-8"))
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
        let Some(old) = turn.ledger.base(session).ok().and_then(|bytes| decode(subject.path, bytes).ok())
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

/// What was done, and the bytes that are in the file by that.
type Written = (Done, Option<Vec<u8>>);

/// Our turn at a file: no other mcpgw changes it meanwhile, and no Claude Code where that has a lock.
struct Turn<'a> {
    subject: &'a Subject<'a>,
    target: PathBuf,
    ledger: Ledger,
    made: Vec<PathBuf>,
    _ours: File,
    _claude: Option<ClaudeLock>,
}

impl<'a> Turn<'a> {
    fn take(state: &State, subject: &'a Subject<'a>) -> Result<Self> {
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

    fn mine(&self) -> Vec<Mine> {
        let writers = self.ledger.writers();
        writers
            .iter()
            .filter_map(|writer| self.ledger.record(writer))
            .flat_map(|record| record.entries)
            .collect()
    }

    /// What `edit` makes of the file, once it is whole: an empty or broken one that was written a moment ago is
    /// being written.
    fn settled<T>(&self, edit: impl Fn(&Content) -> Result<T>) -> Result<(Content, T)> {
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
    fn named(&self, error: Error) -> Error {
        let (target, path) = (self.target.display().to_string(), self.subject.path.display().to_string());
        Error { message: error.message.replace(&target, &path), ..error }
    }

    fn write(
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
        let taken_over = self.taken_over(writer, &mine).filter(|_| over == Over::Ours);
        let mine = taken_over.map_or(mine.clone(), |old| Mine { before: old.before, room: old.room, ..mine });
        let record = self.entered(writer, content, &new, |entries| enter(entries, mine, over))?;
        let swapped = self.swap(staged, writer, record, content)?;
        let done = if content.exists() { Done::Changed } else { Done::Created };
        Ok((swapped == Swapped::Done).then_some((done, Some(new))))
    }

    /// What a user configures is no session's any more: the session's end must not take it away.
    fn taken_over(&self, writer: &Writer, mine: &Mine) -> Option<Mine> {
        if *writer != Writer::User {
            return None;
        }
        let mut found = None;
        for session in self.ledger.writers().into_iter().filter(|one| *one != Writer::User) {
            let Some(mut record) = self.ledger.record(&session) else { continue };
            let Some(at) =
                record.entries.iter().position(|entry| entry.keys == mine.keys && entry.name == mine.name)
            else {
                continue;
            };
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

    fn take_out(
        &self,
        writer: &Writer,
        content: &Content,
        text: &str,
        mine: Mine,
        over: Over,
    ) -> Result<Option<Written>> {
        let taken_over = self.taken_over(writer, &mine).filter(|_| over == Over::Ours);
        let mine = taken_over.map_or(mine.clone(), |old| Mine { before: old.before, room: old.room, ..mine });
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
    fn entered(
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

    fn stage(&self, new: &[u8]) -> Result<Staged> {
        Staged::beside(&self.target, new, self.subject.privacy)
            .map_err(|error| self.named(trouble("write", &self.target, &error)))
    }

    /// Puts the new content in its place; what the ledger says is taken back where that fails.
    fn swap(
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

    /// One attempt; none when another program came between.
    fn undo(
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
    fn restore(&self, writer: &Writer, record: &Record, content: &Content) -> Result<Option<Done>> {
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

/// Is nothing left that somebody could miss? Empty levels above entries are nothing.
fn says_nothing(text: &str, entries: &[Mine]) -> bool {
    let said: String = text.split_whitespace().collect();
    let level = |entry: &Mine| matches!(&entry.keys[..], [key] if said == format!("{{\"{key}\":{{}}}}"));
    let preamble = |entry: &Mine| {
        super::registry::find(&entry.client).is_some_and(|client| text.trim() == client.preamble.trim())
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
    let Some(client) = super::registry::find(&entry.client) else { return Ok(text.into()) };
    let spot = Spot { format: client.format, path: entry.keys.clone(), name: entry.name.clone() };
    let found = document::read(text, &spot)?;
    match (found, &entry.before) {
        (None, Some(before)) if entry.removed => document::put_back(text, &spot, before),
        (None, _) => Ok(text.into()),
        (Some(found), before) => {
            let leads_to = super::entry::leads_to(client, &found.value);
            match (leads_to.is_some_and(|leads_to| entry.led_to.contains(&leads_to)), before) {
                // Somebody made it their own.
                (false, _) => Ok(text.into()),
                (true, Some(before)) => document::put_back(text, &spot, before),
                (true, None) => document::take_out(text, &spot, entry.room),
            }
        }
    }
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

/// A refusal with its place.
pub fn refuse(path: &Path, text: &str, refusal: &Refusal) -> Error {
    let place = match refusal.at {
        Some(at) => {
            let (line, column) = line_and_column(text, at);
            format!("{}:{line}:{column}", path.display())
        }
        None => path.display().to_string(),
    };
    Error::failed("client.document", format!("edit {place}: {}", refusal.why))
        .fix("correct it there and try again; nothing was changed")
}

fn refused(path: &Path, why: &str) -> Error {
    Error::failed("client.file", format!("edit {}: {why}", path.display()))
}

fn trouble(verb: &str, path: &Path, error: &io::Error) -> Error {
    let fix = match error.kind() {
        io::ErrorKind::PermissionDenied => "make the file and its folder yours to write",
        io::ErrorKind::ReadOnlyFilesystem => "it lies on a read-only file system: change it where it is made",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room on the disk; nothing was changed"
        }
        io::ErrorKind::ResourceBusy => {
            "it is mounted by itself, into a container say: mount its folder instead"
        }
        _ => "check the file and its folder",
    };
    Error::failed("client.io", format!("{verb} {}: {}", path.display(), io_reason(error))).fix(fix)
}
