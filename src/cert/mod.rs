//! Certificates for HTTPS on this machine: whose they are (the user's own, mkcert's, the built-in CA's), where
//! they lie, when they end, and whether the system believes them. Never changes what the system trusts.

mod ca;
mod der;
mod files;
mod keeper;
mod mkcert;
mod pair;
mod trust;

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;

pub use ca::LocalCa;
pub use der::Validity;
pub use files::Files;
pub use keeper::Keeper;
pub use mkcert::Mkcert;
pub use pair::Pair;
pub use trust::{advice, is_trusted};

use crate::error::{Error, Result, io_reason};
use crate::state::State;

/// What this machine calls itself. No `*.localhost`: clients want two labels after a star.
pub const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where certificates come from.
#[derive(Debug)]
pub enum Source {
    /// The user's own files.
    Files(Files),
    /// mkcert, which is installed and whose CA the system trusts.
    Mkcert(Mkcert),
    /// mcpgw's own CA.
    BuiltIn(Box<LocalCa>),
}

impl Source {
    /// mkcert where its CA is trusted, for then clients need nothing more; else the built-in CA.
    pub fn choose(state: &State) -> Result<Self> {
        match Mkcert::find().filter(Mkcert::is_trusted) {
            Some(mkcert) => Ok(Self::Mkcert(mkcert)),
            None => Ok(Self::BuiltIn(Box::new(LocalCa::open(state)?))),
        }
    }

    /// `files`, `mkcert` or `built-in`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Files(_) => "files",
            Self::Mkcert(_) => "mkcert",
            Self::BuiltIn(_) => "built-in",
        }
    }

    /// What vouches for the certificates, PEM; where it is somebody else's, their own chain.
    pub fn authority(&self) -> &Path {
        match self {
            Self::Files(files) => &files.cert,
            Self::Mkcert(mkcert) => &mkcert.root,
            Self::BuiltIn(ca) => &ca.path,
        }
    }

    /// The CA itself, where there is one.
    pub fn certificate(&self) -> Option<CertificateDer<'static>> {
        match self {
            Self::Files(_) => None,
            Self::Mkcert(mkcert) => mkcert.authority(),
            Self::BuiltIn(ca) => Some(ca.certificate.clone()),
        }
    }

    /// Makes a certificate for these names at `place`, or reads the user's.
    pub fn make(&self, names: &[String], place: &Place) -> Result<Pair> {
        match self {
            Self::Files(files) => files.read(),
            Self::Mkcert(mkcert) => mkcert.issue(names, place),
            Self::BuiltIn(ca) => ca.issue(names)?.keep(place),
        }
    }
}

/// Where a pair lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The certificate and its chain, PEM.
    pub cert: PathBuf,
    /// Its key, PEM, the user's alone.
    pub key: PathBuf,
}

impl Place {
    /// Below the state folder, one place a set of names.
    pub fn of(state: &State, names: &[String]) -> Result<Self> {
        let more = names.iter().filter(|name| !NAMES.contains(&name.as_str()));
        let mut file = String::from("localhost");
        for name in more {
            file.extend(["+", &name.replace(['*', ':', '/'], "_")]);
        }
        // A file's name has an end.
        let file: String = file.chars().take(120).collect();
        Ok(Self::at(&state.private_folder("certs")?, &file))
    }

    /// In a folder of the user's, by the first name that was asked for, as mkcert does it.
    pub fn named(folder: &Path, asked: &[String]) -> Self {
        let first = asked.first().map_or("localhost", String::as_str);
        Self::at(folder, &first.replace('*', "_wildcard").replace([':', '/'], "_"))
    }

    /// `FOLDER/NAME.pem` and `FOLDER/NAME-key.pem`, as mkcert names them.
    pub fn at(folder: &Path, name: &str) -> Self {
        Self { cert: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}-key.pem")) }
    }
}

/// This machine's own names and these.
pub fn names(more: &[String]) -> Vec<String> {
    let mut names: Vec<String> = NAMES.map(String::from).to_vec();
    for name in more {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// All pairs in mcpgw's own folder.
pub fn kept(state: &State) -> Result<Vec<Pair>> {
    let folder = state.private_folder("certs")?;
    let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut keys: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    keys.sort();
    let names = keys.iter().filter_map(|file| file.strip_suffix("-key.pem"));
    Ok(names.filter_map(|name| Pair::read(&Place::at(&folder, name)).ok()).collect())
}

/// The certificates of a PEM file.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    use rustls::pki_types::pem::{Error as PemError, PemObject};
    let chain = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, PemError>>);
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(PemError::NoItemsFound) => Err(unreadable(path, "it holds no PEM certificate")),
        Err(PemError::Io(error)) => Err(unreadable(path, &io_reason(&error))),
        Err(error) => Err(unreadable(path, &error.to_string())),
    }
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::failed("cert.unreadable", format!("read the certificate {}: {why}", path.display()))
        .fix("give a PEM file that begins with -----BEGIN CERTIFICATE-----")
}
