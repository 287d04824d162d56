//! A visitor over TLS who believes one CA and nothing else.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Believes the first CA in a PEM file.
#[derive(Clone)]
pub struct Visitor(Arc<ClientConfig>);

pub type Connection = StreamOwned<ClientConnection, TcpStream>;

impl Visitor {
    pub fn believing(ca: &Path) -> Self {
        Self::speaking(ca, &["http/1.1"])
    }

    /// Offers these protocols.
    pub fn speaking(ca: &Path, protocols: &[&str]) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        // Each connection shows the certificate of its moment.
        config.resumption = rustls::client::Resumption::disabled();
        Self(Arc::new(config))
    }

    /// Shakes hands with `address` under the name `name`.
    pub fn connect(&self, address: &str, name: &str) -> io::Result<Connection> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from(name.to_string()).unwrap();
        let mut tls = ClientConnection::new(self.0.clone(), name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        Ok(StreamOwned::new(tls, socket))
    }

    /// GET: the whole answer as text, over a connection of its own.
    pub fn get(&self, address: &str, name: &str, path: &str) -> io::Result<String> {
        let mut stream = self.connect(address, name)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

/// What the server showed first, DER.
pub fn shown(stream: &Connection) -> Vec<u8> {
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}
