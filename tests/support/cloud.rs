//! The public side of ngrok and Cloudflare (`tests/tools/cloud.cjs`): whoever goes by the environment given here finds
//! it behind every public HTTPS name.

use std::{fs, path::PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    child::Child,
    http,
    node::{next_line, script},
};

/// The names that its certificate is good for.
const NAMES: [&str; 4] = ["*.trycloudflare.com", "*.ngrok-free.app", "*.example.com", "*.loca.lt"];

/// A running cloud, with a CA of its own.
pub struct Cloud {
    _child: Child,
    dir: TempDir,
    port: u16,
}

impl Cloud {
    /// Starts it on a free port.
    pub fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("mcpgw-test-cloud-").tempdir().unwrap();
        let [key, cert] = certify(&dir);
        let mut child = script("cloud.cjs", &["--key", &key, "--cert", &cert]);
        let line = next_line(&mut child, "the cloud's port");
        let port = serde_json::from_str::<Value>(&line).ok().and_then(|value| value["port"].as_u64());
        let port = port.unwrap_or_else(|| panic!("not a port: {line}\n{}", child.words()));
        Self { _child: child, dir, port: port.try_into().unwrap() }
    }

    /// Its address: HTTPS proxy, control and DNS in one.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The CA's certificate, PEM.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// The variables that lead a program here, and its tunnel tools too.
    pub fn environment(&self) -> Vec<(String, String)> {
        let ca = self.ca().into_os_string().into_string().unwrap();
        [
            ("HTTPS_PROXY", self.url()),
            ("https_proxy", self.url()),
            ("NO_PROXY", String::new()),
            ("SSL_CERT_FILE", ca),
            ("CLOUD", self.url()),
            ("MCPGW_DOH", format!("{}/dns-query", self.url())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// What this host (`*`: each that has no fault of its own) does from now on: `none`, `loca`, `ngrok-6024`,
    /// `ngrok-3200`, `ngrok-8012`, `captive`, `other`, `dead`, `down`, `buffer`, `nxdomain`, `loca-browser`,
    /// `rewrite-host`, `no-upgrade`.
    pub fn fault(&self, host: &str, name: &str) {
        let answer = http::fetch(&format!("{}/_fault?host={host}&fault={name}", self.url())).unwrap();
        assert_eq!(answer.status, 200, "{host} {name}: {}", answer.text());
    }

    /// Sets the clock of its DNS so many seconds ahead.
    pub fn skew(&self, seconds: i64) {
        let answer = http::fetch(&format!("{}/_skew?seconds={seconds}", self.url())).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// What came so far: `{"hosts":{HOST:{"port","fault","requests","connects","dns"}}}`, each of the latter three
    /// `{"count","times"}` with Unix milliseconds.
    pub fn stats(&self) -> Value {
        http::fetch(&format!("{}/_stats", self.url())).unwrap().json()
    }
}

/// Makes a CA and a certificate; gives the paths of the latter's key and of itself.
fn certify(dir: &TempDir) -> [String; 2] {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "mcpgw test cloud CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();

    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
    leaf.distinguished_name.push(DnType::CommonName, "mcpgw test cloud");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let cert = leaf.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap().pem();

    let files = [("ca.pem", ca_pem), ("key.pem", key.serialize_pem()), ("cert.pem", cert)];
    let [_, key, cert] = files.map(|(name, text)| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    });
    [key, cert]
}
