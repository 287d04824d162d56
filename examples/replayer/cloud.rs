//! The tool's connection to the stand-in cloud (`tests/tools/cloud.cjs`): while it lasts, the cloud hands visitors of
//! the host to the local port. It is a connection, so that the cloud sees a killed tool go.

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Write},
    net::TcpStream,
    process,
    rc::Rc,
    time::Duration,
};

use super::start::Start;

/// For each answer of the cloud.
const PATIENCE: Duration = Duration::from_secs(5);

/// The host that is registered, and whose end ends that.
pub(crate) struct Cloud {
    start: Rc<Start>,
    registered: Option<(String, BufReader<TcpStream>)>,
}

impl Cloud {
    pub(crate) fn new(start: Rc<Start>) -> Self {
        Self { start, registered: None }
    }

    /// Makes this host the registered one, or none; the cloud knows when this returns.
    pub(crate) fn set(&mut self, host: Option<&str>) {
        if self.registered.as_ref().map(|(host, _)| host.as_str()) == host {
            return;
        }
        if let Some((host, connection)) = self.registered.take() {
            let told = self.post(&format!("_unregister?host={host}&owner={}", process::id()));
            drop(connection);
            self.check(told);
        }
        let Some(host) = host else { return };
        let registered = match self.start.local_port() {
            Some(port) => self.post(&format!("_register?host={host}&port={port}&owner={}", process::id())),
            None => Err(io::Error::new(ErrorKind::NotFound, format!("no local port is known for {host}"))),
        };
        self.registered = self.check(registered).map(|connection| (host.to_owned(), connection));
    }

    /// Asks, and waits for the head of the answer.
    fn post(&self, target: &str) -> io::Result<BufReader<TcpStream>> {
        let mut connection = TcpStream::connect(self.start.cloud().ok_or(ErrorKind::NotFound)?)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        let request = format!("POST /{target} HTTP/1.1\r\nHost: cloud\r\nContent-Length: 0\r\n\r\n");
        connection.write_all(request.as_bytes())?;
        let mut answer = BufReader::new(connection);
        let mut status = String::new();
        answer.read_line(&mut status)?;
        match status.split(' ').nth(1) {
            Some("200") => Ok(answer),
            _ => Err(io::Error::other(format!("{target}: {status:?}"))),
        }
    }

    fn check<T>(&self, result: io::Result<T>) -> Option<T> {
        result.map_err(|error| self.start.note_error(&format!("cloud: {error}"))).ok()
    }
}
