//! Keeps one certificate good: from the last start where that one will do, else new; renewed before it ends,
//! read again when the user changed it. Whoever asks [`Keeper::look`] now and then always has one to show.

use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;

use super::files::Stamp;
use super::{Pair, Place, Source, read_certificates};
use crate::error::Result;
use crate::state::State;

/// See the module.
#[derive(Debug)]
pub struct Keeper {
    source: Source,
    names: Vec<String>,
    place: Place,
    pair: Pair,
    stamp: Option<Stamp>,
}

impl Keeper {
    /// A certificate of `source` for `names`, which must hold at least this machine's own.
    pub fn new(source: Source, names: Vec<String>, state: &State) -> Result<Self> {
        let place = match &source {
            Source::Files(files) => Place { cert: files.cert.clone(), key: files.key.clone() },
            Source::Mkcert(_) | Source::BuiltIn(_) => Place::of(state, &names)?,
        };
        let stamp = stamp(&source);
        let pair = match kept(&source, &names, &place) {
            Some(pair) => pair,
            None => source.make(&names, &place)?,
        };
        let pair = with_names(&source, &names, pair)?;
        Ok(Self { source, names, place, pair, stamp })
    }

    /// Where it comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The certificate of now.
    pub fn pair(&self) -> &Pair {
        &self.pair
    }

    /// A new certificate, when it is time for one. On an error the old one stays.
    pub fn look(&mut self, now: Timestamp) -> Option<Result<Pair>> {
        let stamp = stamp(&self.source);
        let changed = stamp.is_some() && stamp != self.stamp;
        // A user's files are the user's to renew.
        let due = stamp.is_none() && self.pair.validity.is_due(now);
        if !changed && !due {
            return None;
        }
        let made = self.source.make(&self.names, &self.place);
        let made = made.and_then(|pair| with_names(&self.source, &self.names, pair));
        // A pair that is written file by file fits together a moment later: it is looked at again then.
        if let Ok(pair) = &made {
            self.pair = pair.clone();
            self.stamp = stamp;
        }
        Some(made)
    }
}

/// With the one for clients that ask by name, beside it.
fn with_names(source: &Source, names: &[String], pair: Pair) -> Result<Pair> {
    let Source::BuiltIn(_) = source else { return Ok(pair) };
    let is_name = |name: &&String| name.parse::<IpAddr>().is_err();
    let names: Vec<String> = names.iter().filter(is_name).cloned().collect();
    let stem = pair.place.cert.file_stem().unwrap_or_default().to_string_lossy();
    let place = Place::at(pair.place.cert.parent().unwrap_or(Path::new("")), &format!("{stem}.names"));
    let by_name = match kept(source, &names, &place) {
        Some(pair) => pair,
        None => source.make(&names, &place)?,
    };
    // Who renews one renews both.
    let validity =
        if by_name.validity.until < pair.validity.until { by_name.validity } else { pair.validity };
    Ok(Pair { by_name: Some(by_name.shown), validity, ..pair })
}

fn stamp(source: &Source) -> Option<Stamp> {
    match source {
        Source::Files(files) => Some(files.stamp()),
        Source::Mkcert(_) | Source::BuiltIn(_) => None,
    }
}

/// What an earlier start left, if it is of this CA, for these names, and not near its end.
fn kept(source: &Source, names: &[String], place: &Place) -> Option<Pair> {
    if let Source::Files(_) = source {
        return None;
    }
    let pair = Pair::read(place).ok()?;
    let now = Timestamp::now();
    let good = !pair.validity.is_due(now) && !pair.validity.is_off(now);
    let issuer = read_certificates(source.authority()).ok()?;
    let ours = pair.is_of(issuer.first()?);
    (good && ours && names.iter().all(|name| pair.names(name))).then_some(pair)
}
