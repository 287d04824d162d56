//! The built-in local CA: made once, kept in the state folder, its key the user's alone. Whoever stole
//! its key could not pretend to be a public site: it is good for names and addresses that are never public.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Pair, Place, Validity, read_certificates};
use crate::error::{Error, Result, io_reason};
use crate::file::{self, Privacy};
use crate::state::State;

/// A CA and where its certificate lies.
#[derive(Debug)]
pub struct LocalCa {
    issuer: Issuer<'static, KeyPair>,
    /// The certificate, PEM, for whoever is to trust it.
    pub path: PathBuf,
    /// The same, DER.
    pub certificate: CertificateDer<'static>,
    /// How long its certificates live.
    life: jiff::SignedDuration,
}

/// A certificate that was just made, and its key.
#[derive(Debug)]
pub(super) struct Leaf {
    certificate: rcgen::Certificate,
    key: KeyPair,
    ca: CertificateDer<'static>,
}

/// Apple refuses more than 825 days.
const LIFE: jiff::SignedDuration = jiff::SignedDuration::from_hours(365 * 24);

impl LocalCa {
    /// Opens the CA, making it where there is none.
    pub fn open(state: &State) -> Result<Self> {
        let folder = state.private_folder("ca")?;
        let (cert, key) = (folder.join("mcpgw-ca.pem"), folder.join("mcpgw-ca.key"));
        let pair = match (fs::read_to_string(&cert), fs::read_to_string(&key)) {
            (Ok(_), Ok(secret)) => KeyPair::from_pem(&secret).map_err(|error| broken(&key, error))?,
            (Err(a), Err(b)) if [&a, &b].iter().all(|error| error.kind() == io::ErrorKind::NotFound) => {
                let pair = KeyPair::generate().map_err(|error| broken(&key, error))?;
                let pem = params()?.self_signed(&pair).map_err(|error| broken(&cert, error))?.pem();
                for (path, text, privacy) in
                    [(&key, pair.serialize_pem(), Privacy::Private), (&cert, pem, Privacy::Ordinary)]
                {
                    file::replace(path, text.as_bytes(), privacy)
                        .map_err(|error| broken(path, io_reason(&error)))?;
                }
                pair
            }
            (Err(error), _) => return Err(broken(&cert, io_reason(&error))),
            (_, Err(error)) => return Err(broken(&key, io_reason(&error))),
        };
        let read = read_certificates(&cert).ok().and_then(|found| found.into_iter().next());
        let certificate = read.ok_or_else(|| broken(&cert, "it is no certificate"))?;
        let now = jiff::Timestamp::now();
        if Validity::of(&certificate).is_none_or(|validity| validity.is_off(now)) {
            return Err(broken(&cert, "it is over, or this machine's clock is wrong"));
        }
        Ok(Self { issuer: Issuer::new(params()?, pair), path: cert, certificate, life: LIFE })
    }

    /// The CA of this folder, if there is one, without making it.
    pub fn existing(state: &State) -> Option<Result<Self>> {
        let folder = state.private_folder("ca").ok()?;
        ["mcpgw-ca.pem", "mcpgw-ca.key"]
            .iter()
            .any(|name| folder.join(name).exists())
            .then(|| Self::open(state))
    }

    /// The same, with certificates that live only so long.
    #[must_use]
    pub fn with_life(self, life: jiff::SignedDuration) -> Self {
        Self { life, ..self }
    }

    /// A new certificate.
    pub(super) fn issue(&self, names: &[String]) -> Result<Leaf> {
        let failed =
            |error: rcgen::Error| Error::failed("cert.issue", format!("make a certificate: {error}"));
        let mut leaf = CertificateParams::new(names).map_err(failed)?;
        leaf.distinguished_name = DistinguishedName::new();
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.use_authority_key_identifier_extension = true;
        valid_for(&mut leaf, self.life);
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = leaf.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Leaf { certificate, key, ca: self.certificate.clone() })
    }
}

impl Leaf {
    /// Writes it to `place`: the leaf alone, for clients know the CA.
    pub(super) fn keep(&self, place: &Place) -> Result<Pair> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let pair = Pair::new(vec![self.certificate.der().clone()], key, place.clone())?;
        if !pair.is_of(&self.ca) {
            return Err(Error::usage("cert.public_name", "make a certificate: one of the names may be public, and mcpgw's local CA vouches only for names that never are")
                .fix("use names under .localhost, .test, .local, .internal or .home.arpa, private addresses, or files of your own: --tls-cert and --tls-key"));
        }
        for (path, text, privacy) in [
            (&place.key, self.key.serialize_pem(), Privacy::Private),
            (&place.cert, self.certificate.pem(), Privacy::Ordinary),
        ] {
            file::replace(path, text.as_bytes(), privacy).map_err(|error| {
                Error::failed("cert.write", format!("write {}: {}", path.display(), io_reason(&error)))
            })?;
        }
        Ok(pair)
    }
}

/// Top-level names that no public site has (RFC 6761, 6762, 8375; ICANN for `internal`).
const PRIVATE_NAMES: [&str; 5] = ["localhost", "test", "local", "internal", "home.arpa"];
/// Loopback and private addresses (RFC 1122, 1918).
const PRIVATE_NETWORKS: [([u8; 4], u8); 4] =
    [([127, 0, 0, 0], 8), ([10, 0, 0, 0], 8), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)];

fn private_only() -> NameConstraints {
    let names = PRIVATE_NAMES.map(|name| GeneralSubtree::DnsName(name.into()));
    let networks = PRIVATE_NETWORKS
        .map(|(network, bits)| GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(network, bits)));
    let unique_local = CidrSubnet::from_v6_prefix([0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 7);
    let loopback = CidrSubnet::from_v6_prefix(std::net::Ipv6Addr::LOCALHOST.octets(), 128);
    let v6 = [unique_local, loopback].map(GeneralSubtree::IpAddress);
    let permitted_subtrees = names.into_iter().chain(networks).chain(v6).collect();
    NameConstraints { permitted_subtrees, excluded_subtrees: vec![] }
}

/// The same at every start: an issuer is its name and its key.
fn params() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(vec![])
        .map_err(|error| Error::failed("cert.ca", format!("describe the local CA: {error}")))?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "mcpgw local CA");
    params.distinguished_name.push(DnType::OrganizationName, "mcpgw");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(private_only());
    valid_for(&mut params, LIFE * 10);
    Ok(params)
}

/// Valid from yesterday (clocks differ) for so long from now.
fn valid_for(params: &mut CertificateParams, life: jiff::SignedDuration) {
    let now = jiff::Timestamp::now();
    let at = |moment: jiff::Timestamp| {
        let since = u64::try_from(moment.as_second()).unwrap_or_default();
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(since)
    };
    let day = jiff::SignedDuration::from_hours(24);
    params.not_before = at(now.saturating_sub(day).unwrap_or(now));
    params.not_after = at(now.saturating_add(life).unwrap_or(now));
}

fn broken(path: &Path, why: impl std::fmt::Display) -> Error {
    Error::failed("cert.ca", format!("use the local CA {}: {why}", path.display()))
        .fix(format!("remove the folder {} and trust the new CA", path.parent().unwrap_or(path).display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ca_is_made_once_and_its_key_is_private() {
        let home = tempfile::tempdir().unwrap();
        let state = State::at(home.path().to_path_buf());
        let first = LocalCa::open(&state).unwrap();
        let again = LocalCa::open(&state).unwrap();
        assert_eq!(first.certificate, again.certificate);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(home.path().join("ca/mcpgw-ca.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_public_site_signed_by_it_is_not_believed() {
        let home = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(&State::at(home.path().to_path_buf())).unwrap();
        let place = Place::at(home.path(), "x");
        let own = ca.issue(&super::super::names(&[])).unwrap().keep(&place).unwrap();
        assert!(super::super::NAMES.iter().all(|name| own.names(name)));
        let believed = |name: &str| ca.issue(&[name.to_string()]).unwrap().keep(&place).is_ok();
        for private in ["localhost", "gateway.localhost", "nas.local", "127.0.0.1", "192.168.1.9", "::1"] {
            assert!(believed(private), "{private}");
        }
        for public in ["example.com", "localhost.example.com", "8.8.8.8", "2001:db8::1"] {
            assert!(!believed(public), "{public}");
        }
    }

    /// BoringSSL refuses addresses below a CA that is limited to some: Claude Code 2.1.331 and opencode 1.18.33
    /// said `unsupported name constraint type`.
    #[test]
    fn who_asks_by_name_is_shown_no_addresses_and_who_asks_by_address_is() {
        let home = tempfile::tempdir().unwrap();
        let state = State::at(home.path().to_path_buf());
        let source = super::super::Source::BuiltIn(Box::new(LocalCa::open(&state).unwrap()));
        let names = super::super::names(&["gateway.localhost".into()]);
        let keeper = super::super::Keeper::new(source, names, &state).unwrap();
        let names = |by_name: bool, name: &str| {
            Pair { shown: keeper.pair().shown_to(by_name), ..keeper.pair().clone() }.names(name)
        };
        for name in ["localhost", "gateway.localhost"] {
            assert!(names(true, name) && names(false, name), "{name}");
        }
        for address in ["127.0.0.1", "::1"] {
            assert!(!names(true, address) && names(false, address), "{address}");
        }
    }

    #[test]
    fn a_broken_key_is_named_with_the_way_out_and_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let state = State::at(home.path().to_path_buf());
        LocalCa::open(&state).unwrap();
        let key = home.path().join("ca/mcpgw-ca.key");
        fs::write(&key, "nonsense").unwrap();
        let error = LocalCa::open(&state).unwrap_err();
        assert!(error.message.contains("mcpgw-ca.key") && error.fix.is_some(), "{error:?}");
        assert_eq!(fs::read_to_string(&key).unwrap(), "nonsense");
    }
}
