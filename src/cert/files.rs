//! `--tls-cert` and `--tls-key`: the user's own pair, read again whenever its files change.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use jiff::Timestamp;

use super::{Pair, Place};
use crate::error::{Error, Result};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Certificate and chain, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// When each file was changed last, and how long it is.
pub(super) type Stamp = [Option<(SystemTime, u64)>; 2];

impl Files {
    /// Reads the pair. One that is over is no use to anybody.
    pub fn read(&self) -> Result<Pair> {
        let pair = Pair::read(&Place { cert: self.cert.clone(), key: self.key.clone() })?;
        let (file, now) = (self.cert.display(), Timestamp::now());
        let when = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M UTC").to_string();
        if now > pair.validity.until {
            let message = format!("use the certificate {file}: it ended on {}", when(pair.validity.until));
            return Err(Error::failed("cert.expired", message).fix("renew it, or leave --tls-cert out"));
        }
        if now < pair.validity.from {
            let message =
                format!("use the certificate {file}: it begins only on {}", when(pair.validity.from));
            return Err(Error::failed("cert.not_yet", message).fix("check this machine's clock"));
        }
        Ok(pair)
    }

    pub(super) fn stamp(&self) -> Stamp {
        [&self.cert, &self.key].map(|path| {
            let found = fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        })
    }
}
