//! The built-in local CA: made once, kept in the state folder, its key the user's alone. It signs a
//! fresh certificate for this machine's own names at every start; those are never stored. Whoever stole
//! its key could not pretend to be a public site: it is good for names and addresses that are never public.

use std::fs;
use std::io;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::{Error, Result, io_reason};
use crate::file::{self, Privacy};
use crate::state::State;

/// A CA and where its certificate lies.
#[derive(Debug)]
pub struct LocalCa {
    issuer: Issuer<'static, KeyPair>,
    /// The certificate, PEM, for whoever is to trust it.
    pub path: PathBuf,
    /// The same, as text.
    pub pem: String,
}

/// A leaf certificate and its key.
#[derive(Debug)]
pub struct Leaf {
    /// DER, the leaf alone: clients know the CA.
    pub certificate: rustls::pki_types::CertificateDer<'static>,
    /// PKCS #8.
    pub key: PrivateKeyDer<'static>,
}

/// What this machine calls itself. No `*.localhost`: clients want two labels after a star.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl LocalCa {
    /// Opens the CA, making it where there is none.
    pub fn open(state: &State) -> Result<Self> {
        let folder = state.private_folder("ca")?;
        let (cert, key) = (folder.join("mcpgw-ca.pem"), folder.join("mcpgw-ca.key"));
        match (fs::read_to_string(&cert), fs::read_to_string(&key)) {
            (Ok(pem), Ok(secret)) => {
                let pair = KeyPair::from_pem(&secret).map_err(|error| broken(&key, error))?;
                Ok(Self { issuer: Issuer::new(params()?, pair), path: cert, pem })
            }
            (Err(a), Err(b)) if [&a, &b].iter().all(|error| error.kind() == io::ErrorKind::NotFound) => {
                let pair = KeyPair::generate().map_err(|error| broken(&key, error))?;
                let pem = params()?.self_signed(&pair).map_err(|error| broken(&cert, error))?.pem();
                for (path, text, privacy) in
                    [(&key, pair.serialize_pem(), Privacy::Private), (&cert, pem.clone(), Privacy::Ordinary)]
                {
                    file::replace(path, text.as_bytes(), privacy)
                        .map_err(|error| broken(path, io_reason(&error)))?;
                }
                Ok(Self { issuer: Issuer::new(params()?, pair), path: cert, pem })
            }
            (Err(error), _) => Err(broken(&cert, io_reason(&error))),
            (_, Err(error)) => Err(broken(&key, io_reason(&error))),
        }
    }

    /// A new certificate for this machine's own names.
    pub fn issue(&self) -> Result<Leaf> {
        self.issue_for(&NAMES)
    }

    fn issue_for(&self, names: &[&str]) -> Result<Leaf> {
        let failed =
            |error: rcgen::Error| Error::failed("cert.issue", format!("make a certificate: {error}"));
        let mut leaf = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>())
            .map_err(failed)?;
        leaf.distinguished_name = DistinguishedName::new();
        leaf.distinguished_name.push(DnType::CommonName, "localhost");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.use_authority_key_identifier_extension = true;
        // Apple refuses more than 825 days; a session does not last one.
        valid_for(&mut leaf, jiff::Span::new().days(365));
        let pair = KeyPair::generate().map_err(failed)?;
        let signed = leaf.signed_by(&pair, &self.issuer).map_err(failed)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        Ok(Leaf { certificate: signed.der().clone(), key })
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
    valid_for(&mut params, jiff::Span::new().years(10));
    Ok(params)
}

/// Valid from yesterday (clocks differ) for so long.
fn valid_for(params: &mut CertificateParams, span: jiff::Span) {
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    let [from, to] =
        [today.saturating_sub(jiff::Span::new().days(1)), today.saturating_add(span)].map(|day| {
            rcgen::date_time_ymd(day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs())
        });
    (params.not_before, params.not_after) = (from, to);
}

fn broken(path: &std::path::Path, why: impl std::fmt::Display) -> Error {
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
        assert_eq!(first.pem, again.pem);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(home.path().join("ca/mcpgw-ca.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_public_site_signed_by_it_is_not_believed() {
        use rustls::client::WebPkiServerVerifier;
        use rustls::client::danger::ServerCertVerifier;
        use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
        let home = tempfile::tempdir().unwrap();
        let ca = LocalCa::open(&State::at(home.path().to_path_buf())).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.pem.as_bytes()).unwrap()).unwrap();
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        let verify = |leaf: Leaf, name: &'static str| {
            let name = ServerName::try_from(name).unwrap();
            verifier.verify_server_cert(&leaf.certificate, &[], &name, &[], UnixTime::now())
        };
        for own in NAMES {
            verify(ca.issue().unwrap(), own).unwrap();
        }
        let believed = |name: &'static str| verify(ca.issue_for(&[name]).unwrap(), name).is_ok();
        for private in ["localhost", "gateway.localhost", "nas.local", "127.0.0.1", "192.168.1.9", "::1"] {
            assert!(believed(private), "{private}");
        }
        for public in ["example.com", "localhost.example.com", "8.8.8.8", "2001:db8::1"] {
            assert!(!believed(public), "{public}");
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
