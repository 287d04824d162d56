//! Whether the system believes a CA, found out by looking, and what each kind of client needs beside that.

use std::path::Path;

use rustls::pki_types::CertificateDer;

/// Is it among the roots that the system's own programs believe?
pub fn is_trusted(ca: &CertificateDer<'_>) -> bool {
    rustls_native_certs::load_native_certs().certs.iter().any(|root| root == ca)
}

/// What clients need that keep roots of their own: who, and what to do.
pub fn advice(ca: &Path) -> Vec<(&'static str, String)> {
    let ca = ca.display();
    vec![
        ("Node (Claude Code, Cursor, VS Code ...)", format!("NODE_EXTRA_CA_CERTS={ca}")),
        ("Python", format!("SSL_CERT_FILE={ca} (requests: REQUESTS_CA_BUNDLE)")),
        ("curl", format!("--cacert {ca}")),
        ("Firefox", format!("Settings, Certificates, Authorities, Import: {ca}")),
        ("Java", format!("keytool -importcert -cacerts -alias mcpgw -file {ca}")),
    ]
}
