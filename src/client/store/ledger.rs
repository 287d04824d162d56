//! What we did to a file and what was there before: a record a writer (the user's `configure`, or a session)
//! beside a copy of the file as it was. It is written before the file is changed and names the state that
//! comes, so that it is true whether the change happened or a crash came first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::client::document::{Format, Room, Spot};
use crate::error::{Error, Result, io_reason};
use crate::file::{self, Privacy};
use crate::state::State;

/// Who changes a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Writer {
    /// The user, to stay.
    User,
    /// A session, until it ends.
    Session(String),
}

impl Writer {
    fn stem(&self) -> String {
        match self {
            Self::User => "configure".into(),
            Self::Session(id) => format!("session-{id}"),
        }
    }
}

/// The file as it was before the first of our changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// There was none.
    Absent,
    /// Its bytes are kept.
    Kept,
    /// Others changed it between our changes: no bytes are those of before.
    Lost,
}

/// One entry of ours in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mine {
    /// The client's id.
    pub client: String,
    /// The file as the client calls it.
    pub path: PathBuf,
    /// The keys that lead to the servers.
    pub keys: Vec<String>,
    /// The entry's name.
    pub name: String,
    /// What somebody else last left in its place, as it was written.
    pub before: Option<String>,
    /// What it found at its place.
    pub room: Room,
    /// Where it led each time we wrote it.
    pub led_to: Vec<String>,
    /// We wrote a key into it.
    pub has_key: bool,
    /// We took it out again.
    pub removed: bool,
    /// The project that it was last written for.
    #[serde(default)]
    pub project: Option<PathBuf>,
}

impl Mine {
    /// Are both about the same entry?
    pub fn is_same(&self, other: &Self) -> bool {
        self.keys == other.keys && self.name == other.name
    }

    /// Where it is, in a file of this format.
    pub fn spot(&self, format: Format) -> Spot {
        Spot { format, path: self.keys.clone(), name: self.name.clone() }
    }

    /// Is it this entry?
    pub fn is_at(&self, spot: &Spot) -> bool {
        self.keys == spot.path && self.name == spot.name
    }
}

/// What one writer did to one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub(super) version: u32,
    /// The file, links followed.
    pub target: PathBuf,
    /// The file as it was.
    pub base: Base,
    /// Digests of every state in which nobody but us changed it since.
    pub states: Vec<String>,
    /// Folders we made for it, the deepest first.
    pub folders: Vec<PathBuf>,
    /// Was there no file before us?
    #[serde(default)]
    pub made: bool,
    /// Our entries in it.
    pub entries: Vec<Mine>,
}

impl Record {
    pub(super) fn new(target: PathBuf) -> Self {
        Self {
            version: 1,
            target,
            base: Base::Lost,
            states: vec![],
            folders: vec![],
            made: false,
            entries: vec![],
        }
    }

    /// Has nobody but us changed the file, which is in this state?
    pub(super) fn vouches_for(&self, state: &str) -> bool {
        self.base != Base::Lost && self.states.iter().any(|known| known == state)
    }
}

/// All records of one file.
#[derive(Debug, Clone)]
pub struct Ledger {
    folder: PathBuf,
}

impl Ledger {
    /// The ledger of the file `target`, links followed; it may not exist yet.
    pub fn of(state: &State, target: &Path) -> Self {
        let name = digest(target.as_os_str().as_encoded_bytes());
        Self { folder: state.folder_of("clients").join(&name[..24]) }
    }

    /// The same, to be written to.
    pub(super) fn open(state: &State, target: &Path) -> Result<Self> {
        let ledger = Self::of(state, target);
        let name = ledger.folder.file_name().unwrap_or_default().to_string_lossy();
        state.private_folder(&format!("clients/{name}"))?;
        Ok(ledger)
    }

    /// Every ledger there is.
    pub fn all(state: &State) -> Vec<Self> {
        let entries = fs::read_dir(state.folder_of("clients")).into_iter().flatten().flatten();
        let mut all: Vec<Self> = entries.map(|entry| Self { folder: entry.path() }).collect();
        all.sort_by(|one, other| one.folder.cmp(&other.folder));
        all
    }

    /// A file beside the records.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A writer's record.
    pub fn record(&self, writer: &Writer) -> Option<Record> {
        let text = fs::read(self.folder.join(format!("{}.json", writer.stem()))).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Those who have a record here.
    pub fn writers(&self) -> Vec<Writer> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut writers: Vec<Writer> = names
            .filter_map(|name| match name.strip_suffix(".json")? {
                "configure" => Some(Writer::User),
                stem => Some(Writer::Session(stem.strip_prefix("session-")?.into())),
            })
            .collect();
        writers.sort_by_key(Writer::stem);
        writers
    }

    pub(super) fn base(&self, writer: &Writer) -> io::Result<Vec<u8>> {
        fs::read(self.base_file(writer))
    }

    fn base_file(&self, writer: &Writer) -> PathBuf {
        self.folder.join(format!("{}.base", writer.stem()))
    }

    /// Keeps the file as it is before our first change.
    pub(super) fn keep_base(&self, writer: &Writer, bytes: &[u8]) -> Result<()> {
        let path = self.base_file(writer);
        file::replace(&path, bytes, Privacy::Private)
            .map_err(|error| trouble("keep a copy in", &path, &error))
    }

    pub(super) fn save(&self, writer: &Writer, record: &Record) -> Result<()> {
        let path = self.folder.join(format!("{}.json", writer.stem()));
        let mut text = serde_json::to_vec_pretty(record)
            .map_err(|error| trouble("write", &path, &io::Error::other(error)))?;
        text.push(b'\n');
        file::replace(&path, &text, Privacy::Private).map_err(|error| trouble("write", &path, &error))
    }

    /// Makes what a session did the user's.
    pub(super) fn hand_over(&self, session: &Writer) {
        let file = |writer: &Writer| self.folder.join(format!("{}.json", writer.stem()));
        let _ = fs::rename(self.base_file(session), self.base_file(&Writer::User));
        let _ = fs::rename(file(session), file(&Writer::User));
    }

    /// Forgets what a writer did.
    pub(super) fn forget(&self, writer: &Writer) {
        let _ = fs::remove_file(self.folder.join(format!("{}.json", writer.stem())));
        let _ = fs::remove_file(self.base_file(writer));
    }

    /// Removes what killed writers left half-written here.
    pub(super) fn remove_litter(&self) {
        file::remove_litter(&self.folder);
    }
}

fn trouble(verb: &str, path: &Path, error: &io::Error) -> Error {
    Error::failed("client.backup", format!("{verb} {}: {}", path.display(), io_reason(error)))
        .fix("check the folder's owner and free space, or set MCPGW_HOME to another folder")
}

/// SHA-256 in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The state of a file; one that is not there has a state too.
pub(super) fn state_of(bytes: Option<&[u8]>) -> String {
    bytes.map_or_else(|| "absent".into(), digest)
}
