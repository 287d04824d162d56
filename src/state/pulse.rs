//! Does a session that has a file still do anything? Its process is looked up, and its edge is sent a line that
//! is no HTTP: whatever it answers, it answers, and no request is counted.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use super::SessionRecord;
use crate::error::io_reason;

/// How a session fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulse {
    /// It answers.
    Live,
    /// Its process is there and does not answer.
    Hung {
        /// What was seen.
        why: String,
        /// What to do about it.
        fix: String,
    },
    /// Its process is gone: it was killed, or the machine was switched off.
    Dead,
}

impl SessionRecord {
    /// Feels it. Takes two seconds where nothing answers.
    pub fn pulse(&self) -> Pulse {
        let Some(process) = self.process() else { return Pulse::Dead };
        let stop = format!("mcpgw stop --session {}", self.id);
        if process.stopped {
            let why = format!("its process {} is suspended (Ctrl-Z, or SIGSTOP)", self.pid);
            return Pulse::Hung {
                why,
                fix: format!("fg in its terminal, kill -CONT {}, or {stop}", self.pid),
            };
        }
        match self.knock() {
            Ok(()) => Pulse::Live,
            // Its edge closes before it ends.
            Err(_) if self.phase == "stopping" => Pulse::Live,
            Err(_) if !self.is_alive() => Pulse::Dead,
            Err(why) => {
                let why = format!("its edge at port {} does not answer: {why}", self.edge_port);
                Pulse::Hung { why, fix: stop }
            }
        }
    }

    fn knock(&self) -> Result<(), String> {
        const LIMIT: Duration = Duration::from_secs(2);
        let reason = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => format!("nothing in {LIMIT:?}"),
            _ => io_reason(&error),
        };
        let address = (Ipv4Addr::LOCALHOST, self.edge_port).into();
        let mut stream = TcpStream::connect_timeout(&address, LIMIT).map_err(reason)?;
        stream.set_read_timeout(Some(LIMIT)).map_err(reason)?;
        stream.write_all(b"?\r\n\r\n").map_err(reason)?;
        match stream.read(&mut [0; 16]) {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => Err(reason(error)),
            // A refusal, a TLS alert, the end of the connection: somebody is at home.
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::record;
    use std::net::TcpListener;

    fn at(listener: &TcpListener) -> SessionRecord {
        SessionRecord { edge_port: listener.local_addr().unwrap().port(), ..record("a") }
    }

    #[test]
    fn who_answers_lives_who_does_not_is_hung_and_who_is_gone_is_dead() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let session = at(&listener);
        assert!(matches!(session.pulse(), Pulse::Hung { why, .. } if why.contains("nothing in 2s")));
        let answer = std::thread::spawn(move || drop(listener.accept()));
        // The first connection still waits in the queue and is the one that is dropped.
        answer.join().unwrap();
        assert!(matches!(session.pulse(), Pulse::Hung { .. }), "nobody listens any more");
        assert_eq!(SessionRecord { phase: "stopping".into(), ..session.clone() }.pulse(), Pulse::Live);
        assert_eq!(SessionRecord { pid_start: 1, ..session }.pulse(), Pulse::Dead);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let session = at(&listener);
        std::thread::spawn(move || listener.incoming().for_each(drop));
        assert_eq!(session.pulse(), Pulse::Live);
    }
}
