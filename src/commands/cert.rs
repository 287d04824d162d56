//! `mcpgw cert`: make certificates for this machine, and let the system trust who signs them.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use serde_json::json;

use super::ask;
use crate::cert::{self, LocalCa, Mkcert, Pair, Place, Source};
use crate::cli::{CertCommand, TrustArgs, WhichCa};
use crate::error::{Error, Result};
use crate::process::{self, Spec, Stdin};
use crate::state::State;
use crate::{os, report};

pub(super) fn run(command: CertCommand) -> Result<()> {
    let state = State::open()?;
    match command {
        CertCommand::Create { names, folder, which } => create(&state, &names, folder.as_deref(), &which),
        CertCommand::Trust(args) => change(&state, &args, Wanted::Trusted),
        CertCommand::Untrust(args) => change(&state, &args, Wanted::Untrusted),
        CertCommand::Show { json, which } => show(&state, json, &which),
    }
}

fn source(state: &State, which: &WhichCa) -> Result<Source> {
    match which.built_in {
        true => Ok(Source::BuiltIn(Box::new(LocalCa::open(state)?))),
        false => Source::choose(state),
    }
}

fn create(state: &State, more: &[String], folder: Option<&Path>, which: &WhichCa) -> Result<()> {
    let (source, names) = (source(state, which)?, cert::names(more));
    let place = match folder {
        None => Place::of(state, &names)?,
        Some(folder) => free_place(folder, more, &source)?,
    };
    let pair = source.make(&names, &place)?;
    report::done(&format!("made a certificate for {}", names.join(", ")));
    report::out(&format!("certificate    {}", place.cert.display()));
    report::out(&format!("key            {}", place.key.display()));
    report::out(&format!("valid until    {}", day(pair.validity.until)));
    report::out(&format!("signed by      {}", signer(&source)));
    if !source.certificate().is_some_and(|ca| cert::is_trusted(&ca)) {
        report::note("this system does not trust that CA: mcpgw cert trust");
    }
    Ok(())
}

/// A pair that this CA made before gives way; anybody else's does not.
fn free_place(folder: &Path, names: &[String], source: &Source) -> Result<Place> {
    if !folder.is_dir() {
        let message = format!("write a certificate into {}: there is no such folder", folder.display());
        return Err(Error::usage("cert.folder", message).fix(format!("mkdir -p {}", folder.display())));
    }
    let place = Place::named(folder, names);
    let taken = [&place.cert, &place.key].into_iter().find(|path| path.symlink_metadata().is_ok());
    let Some(taken) = taken else { return Ok(place) };
    let ours = |pair: Pair| source.certificate().is_some_and(|ca| pair.was_signed_by(&ca));
    match Pair::read(&place).is_ok_and(ours) {
        true => Ok(place),
        false => {
            let message =
                format!("write {}: there is one that another CA made, or that is broken", taken.display());
            Err(Error::failed("cert.exists", message).fix("move it away, or choose another --folder"))
        }
    }
}

fn show(state: &State, as_json: bool, which: &WhichCa) -> Result<()> {
    let source = source(state, which)?;
    let trusted = source.certificate().is_some_and(|ca| cert::is_trusted(&ca));
    let pairs = cert::kept(state)?;
    let now = Timestamp::now();
    if as_json {
        let certificates = pairs.iter().map(|Pair { place, validity, .. }| {
            json!({"cert": place.cert, "key": place.key, "expires_at": validity.until.to_string(), "expired": validity.is_off(now)})
        });
        let certificates: Vec<_> = certificates.collect();
        let authority = json!({"kind": source.name(), "path": source.authority(), "trusted": trusted});
        let document = json!({"version": 1, "authority": authority, "certificates": certificates});
        report::out(&document.to_string());
        return Ok(());
    }
    report::out(&format!("CA             {}", signer(&source)));
    report::out(match trusted {
        true => "trusted        by this system",
        false => "trusted        no: mcpgw cert trust",
    });
    for Pair { place, validity, .. } in &pairs {
        let end = if validity.is_off(now) { "it is over" } else { "valid until" };
        report::out(&format!("certificate    {}, {end} {}", place.cert.display(), day(validity.until)));
    }
    report::out("\nClients that keep roots of their own:");
    for (who, what) in cert::advice(source.authority()) {
        report::out(&format!("  {who}: {what}"));
    }
    Ok(())
}

fn signer(source: &Source) -> String {
    format!("{} ({})", source.authority().display(), source.name())
}

fn day(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d").to_string()
}

/// What `trust` and `untrust` want to be so.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Trusted,
    Untrusted,
}

/// A CA, and the commands that make the system believe it, or no longer.
struct Task {
    name: &'static str,
    path: PathBuf,
    certificate: Option<CertificateDer<'static>>,
    steps: Vec<Vec<String>>,
    /// May a step wait for a password, so that somebody must sit there?
    asks: bool,
}

impl Task {
    fn of(state: &State, which: &WhichCa, wanted: Wanted) -> Result<Self> {
        let mkcert = (!which.built_in).then(Mkcert::find).flatten();
        if let Some(mkcert) = mkcert {
            let flag = if wanted == Wanted::Trusted { "-install" } else { "-uninstall" };
            let steps = vec![vec![mkcert.program.display().to_string(), flag.into()]];
            let certificate = mkcert.authority();
            return Ok(Self { name: "mkcert's CA", path: mkcert.root, certificate, steps, asks: true });
        }
        let ca = LocalCa::open(state)?;
        let steps = match wanted {
            Wanted::Trusted => os::trust_steps(&ca.path, ask::possible()),
            Wanted::Untrusted => os::untrust_steps(&ca.path, ask::possible()),
        };
        Ok(Self {
            name: "mcpgw's local CA",
            certificate: Some(ca.certificate),
            path: ca.path,
            steps,
            asks: false,
        })
    }

    /// Looked at, not taken on anybody's word: mkcert's exit status says nothing about it.
    fn is_so(&self, wanted: Wanted) -> bool {
        let trusted = self.certificate.as_ref().is_some_and(cert::is_trusted);
        trusted == (wanted == Wanted::Trusted)
    }
}

fn change(state: &State, args: &TrustArgs, wanted: Wanted) -> Result<()> {
    let task = Task::of(state, &args.which, wanted)?;
    let (verb, state_of) = match wanted {
        Wanted::Trusted => ("trust", "this system trusts"),
        Wanted::Untrusted => ("no longer trust", "this system does not trust"),
    };
    let so = format!("{state_of} {}: {}", task.name, task.path.display());
    if task.is_so(wanted) {
        report::done(&so);
        advise(&task.path, wanted);
        return Ok(());
    }
    for step in &task.steps {
        report::to_do(&format!("make this system {verb} {}", task.name), &step.join(" "));
    }
    if task.asks && !ask::possible() {
        let message = "run mkcert: it may ask for a password, and nobody is there to answer";
        let fix = format!(
            "run `{}` at a terminal, or use mcpgw's own CA: --built-in --yes",
            task.steps[0].join(" ")
        );
        return Err(Error::failed("cert.unattended", message).fix(fix));
    }
    let agreed = args.yes || (ask::possible() && ask::confirm("Run this?")?);
    if !agreed {
        let message = format!("make this system {verb} {}: not agreed to", task.name);
        return Err(
            Error::failed("cert.not_agreed", message).fix("give --yes, or run these commands yourself")
        );
    }
    for step in &task.steps {
        perform(step)?;
    }
    let after = Task::of(state, &args.which, wanted)?;
    if !after.is_so(wanted) {
        let message = format!("make this system {verb} {}: the commands ran, and changed nothing", task.name);
        return Err(Error::failed("cert.without_effect", message)
            .fix("look at what they printed; without root rights the system's store cannot be changed"));
    }
    report::done(&so);
    advise(&task.path, wanted);
    Ok(())
}

fn advise(ca: &Path, wanted: Wanted) {
    if wanted == Wanted::Trusted {
        cert::advice(ca).iter().for_each(|(who, what)| report::note(&format!("{who}: {what}")));
    }
}

fn perform(step: &[String]) -> Result<()> {
    let Some((program, args)) = step.split_first() else { return Ok(()) };
    let spec = Spec {
        program: program.into(),
        args: args.iter().map(Into::into).collect(),
        set: vec![],
        scrub: |_| false,
        folder: None,
        stdin: Stdin::Null,
    };
    let (status, _) = super::runtime()?.block_on(process::foreground(&spec, None))?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::failed("cert.step", format!("run `{}`: {status}", step.join(" ")))
            .fix("look at what it printed; changing the system's store needs root rights")),
    }
}
