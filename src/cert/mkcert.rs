//! mkcert, where it is installed. Facts: mkcert 1.4.4; its exit status says nothing about trust, and
//! `-install` may ask for a password, so nothing here ever runs that.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;

use super::{Pair, Place, is_trusted, read_certificates};
use crate::error::{Error, Result};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mkcert {
    /// The program.
    pub program: PathBuf,
    /// Its CA's certificate; may not exist yet.
    pub root: PathBuf,
}

impl Mkcert {
    /// The one on PATH. `None` too where it has no place for a CA (no HOME and no CAROOT).
    pub fn find() -> Option<Self> {
        let program = which::which("mkcert").ok()?;
        let Said { answer: folder, .. } = run(Command::new(&program).arg("-CAROOT"))?;
        let folder = folder.trim();
        (!folder.is_empty()).then(|| Self { root: Path::new(folder).join("rootCA.pem"), program })
    }

    /// Its CA, where it has one.
    pub fn authority(&self) -> Option<CertificateDer<'static>> {
        read_certificates(&self.root).ok()?.into_iter().next()
    }

    /// Does the system believe its CA?
    pub fn is_trusted(&self) -> bool {
        self.authority().is_some_and(|ca| is_trusted(&ca))
    }

    /// A new certificate, ECDSA P-256: half the work of RSA in a handshake.
    pub(super) fn issue(&self, names: &[String], place: &Place) -> Result<Pair> {
        let mut command = Command::new(&self.program);
        command.args(["-ecdsa", "-cert-file"]).arg(&place.cert).arg("-key-file").arg(&place.key).args(names);
        let before = fs::read(&place.cert).ok();
        let said = run(&mut command).map_or("no answer within ten seconds".into(), |said| said.remarks);
        // Its word counts for nothing: a new pair that fits together does.
        let failed = |why: &str| {
            let names = names.join(" ");
            Error::failed("cert.mkcert", format!("make a certificate with mkcert: {why}"))
                .fix(format!("try it by hand: mkcert -ecdsa {names}"))
        };
        if fs::read(&place.cert).ok().is_none_or(|now| Some(now) == before) {
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it wrote none");
            return Err(failed(last));
        }
        Pair::read(place).map_err(|error| failed(&format!("failed to {}", error.message)))
    }
}

struct Said {
    answer: String,
    /// Everything it has to say but an answer goes to standard error.
    remarks: String,
}

/// Runs it to its end, at most ten seconds.
fn run(command: &mut Command) -> Option<Said> {
    const LIMIT: Duration = Duration::from_secs(10);
    const NAP: Duration = Duration::from_millis(5);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let began = Instant::now();
    while child.try_wait().ok()?.is_none() {
        if began.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(NAP);
    }
    let (mut answer, mut remarks) = (String::new(), String::new());
    // It says less than a pipe holds.
    let _ = child.stdout.take()?.read_to_string(&mut answer);
    let _ = child.stderr.take()?.read_to_string(&mut remarks);
    Some(Said { answer, remarks })
}
