//! A certificate and its key that fit each other, and where they lie.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;

use super::{Place, Validity, read_certificates};
use crate::error::{Error, Result, io_reason};

/// See the module.
#[derive(Debug, Clone)]
pub struct Pair {
    /// What a TLS server shows.
    pub shown: Arc<CertifiedKey>,
    /// What it shows to clients that ask for it by name: see [`Pair::shown_to`].
    pub(super) by_name: Option<Arc<CertifiedKey>>,
    /// From when to when.
    pub validity: Validity,
    /// Its files.
    pub place: Place,
}

impl Pair {
    /// Reads a pair and looks whether it is one.
    pub fn read(place: &Place) -> Result<Self> {
        let chain = read_certificates(&place.cert)?;
        let key = PrivateKeyDer::from_pem_file(&place.key).map_err(|error| unreadable_key(place, &error))?;
        Self::new(chain, key, place.clone())
    }

    pub(super) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        place: Place,
    ) -> Result<Self> {
        let (cert_file, key_file) = (place.cert.display(), place.key.display());
        let validity = chain.first().and_then(|leaf| Validity::of(leaf)).ok_or_else(|| {
            Error::failed("cert.unreadable", format!("read the certificate {cert_file}: it is broken"))
                .fix("make it anew")
        })?;
        let shown = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Error::failed(
                "cert.mismatch",
                format!("use the certificate {cert_file}: the key {key_file} belongs to another"),
            )
            .fix("give the key that the certificate was made with"),
            error => Error::failed(
                "cert.unusable",
                format!("use the certificate {cert_file} with the key {key_file}: {error}"),
            )
            .fix("use an ECDSA P-256 or an RSA key, both files in PEM"),
        })?;
        Ok(Self { shown: Arc::new(shown), by_name: None, validity, place })
    }

    /// What is shown to a client that asks for a name, or for none: addresses are no names (RFC 6066). A certificate
    /// with addresses is refused by BoringSSL, and so by Bun and what is built with it (Claude Code, opencode),
    /// where the CA is limited to some addresses: who asks by name gets one without.
    pub fn shown_to(&self, asks_by_name: bool) -> Arc<CertifiedKey> {
        self.by_name.as_ref().filter(|_| asks_by_name).unwrap_or(&self.shown).clone()
    }

    /// Does it vouch for this name or address?
    pub fn names(&self, name: &str) -> bool {
        let leaf = self.shown.cert.first().and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok());
        let name = ServerName::try_from(name);
        matches!((leaf, name), (Some(leaf), Ok(name)) if leaf.verify_is_valid_for_subject_name(&name).is_ok())
    }
}

impl Pair {
    /// Would a client that believes only this CA believe it now?
    pub fn is_of(&self, ca: &CertificateDer<'_>) -> bool {
        self.verifies(ca, UnixTime::now())
    }

    /// Did this CA sign it, whether it is still valid or not?
    pub fn was_signed_by(&self, ca: &CertificateDer<'_>) -> bool {
        let begin = u64::try_from(self.validity.from.as_second()).unwrap_or_default();
        self.verifies(ca, UnixTime::since_unix_epoch(Duration::from_secs(begin)))
    }

    fn verifies(&self, ca: &CertificateDer<'_>, now: UnixTime) -> bool {
        let leaf = self.shown.cert.first().and_then(|leaf| webpki::EndEntityCert::try_from(leaf).ok());
        let (Some(leaf), Ok(anchor)) = (leaf, webpki::anchor_from_trusted_cert(ca)) else { return false };
        let algorithms = provider().signature_verification_algorithms.all;
        let usage = webpki::KeyUsage::server_auth();
        leaf.verify_for_usage(algorithms, &[anchor], &self.shown.cert[1..], now, usage, None, None).is_ok()
    }
}

/// The process's own TLS implementation.
fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

fn unreadable_key(place: &Place, error: &PemError) -> Error {
    let why = match error {
        PemError::Io(error) => io_reason(error),
        PemError::NoItemsFound if is_encrypted(place) => "it is encrypted with a passphrase".into(),
        PemError::NoItemsFound => "it holds no PEM private key".into(),
        error => error.to_string(),
    };
    Error::failed("cert.key_unreadable", format!("read the key {}: {why}", place.key.display()))
        .fix("give a PEM file with the certificate's private key, without a passphrase")
}

fn is_encrypted(place: &Place) -> bool {
    fs::read_to_string(&place.key).is_ok_and(|text| text.contains("ENCRYPTED"))
}
