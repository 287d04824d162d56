//! Certificates for HTTPS on this machine: whether they can be read, whether they are over, and who believes
//! them. Makes none.

use std::path::Path;

use jiff::Timestamp;

use super::{Check, Finding, World};
use crate::cert::{self, LocalCa, Pair, Place, Validity};
use crate::error::Error;
use crate::os;

pub(super) fn checks() -> Vec<Check> {
    vec![
        Check::looks("cert.files", files).needs(&["config.values"]),
        Check::looks("cert.ca", authority).needs(&["state.home", "state.mode"]),
        Check::looks("cert.expiry", expiry).needs(&["cert.files", "cert.ca"]),
        Check::looks("cert.trust", trust).needs(&["cert.ca", "session.running"]),
        Check::looks("cert.node", node).needs(&["cert.trust", "env.node"]),
    ]
}

fn blame(error: Error, otherwise: &str) -> Finding {
    let fix = error.fix.unwrap_or_else(|| otherwise.into());
    Finding::fail(error.message).fix(fix)
}

/// The user's own pair, as the settings name it.
fn own(world: &World) -> Option<Place> {
    let settings = world.settings.as_ref().ok()?;
    Some(Place { cert: settings.tls_cert.clone()?, key: settings.tls_key.clone()? })
}

fn files(world: &World) -> Finding {
    let Some(place) = own(world) else { return Finding::pass("no certificate of your own is named") };
    match Pair::read(&place) {
        Ok(_) => Finding::pass(format!("{} and its key fit each other", place.cert.display())),
        Err(error) => blame(error, "correct --tls-cert and --tls-key"),
    }
}

/// A folder of state that is there and that a look does not change: its mode is as it must be.
fn has(world: &World, folder: &str) -> bool {
    let path = world.state.as_ref().ok().map(|state| state.root().join(folder));
    path.is_some_and(|path| path.is_dir() && os::mode(&path).is_none_or(|mode| mode & 0o077 == 0))
}

/// mcpgw's own CA.
fn authority(world: &World) -> Finding {
    let (Ok(state), true) = (&world.state, has(world, "ca")) else {
        return Finding::pass("mcpgw's own CA is made when it is needed");
    };
    match LocalCa::existing(state) {
        None => Finding::pass("mcpgw's own CA is made when it is needed"),
        Some(Ok(ca)) => Finding::pass(format!("{} and its key fit each other", ca.path.display())),
        Some(Err(error)) => blame(error, "mcpgw cert create"),
    }
}

/// Of all that may be shown to clients: the user's own, the CA, and what mcpgw made with it.
fn expiry(world: &World) -> Finding {
    let mut seen: Vec<(String, Validity, &str)> = vec![];
    if let Some(place) = own(world)
        && let Ok(pair) = Pair::read(&place)
    {
        seen.push((shown(&place.cert), pair.validity, "renew it where it came from"));
    }
    if let Ok(state) = &world.state {
        if has(world, "ca")
            && let Some(Ok(ca)) = LocalCa::existing(state)
            && let Some(validity) = Validity::of(&ca.certificate)
        {
            seen.push((
                shown(&ca.path),
                validity,
                "remove its folder, then mcpgw cert create and mcpgw cert trust",
            ));
        }
        if has(world, "certs") {
            let kept = cert::kept(state).unwrap_or_default().into_iter();
            seen.extend(kept.map(|pair| (shown(&pair.place.cert), pair.validity, "mcpgw cert create")));
        }
    }
    let Some((file, validity, fix)) = seen.iter().min_by_key(|(_, validity, _)| validity.until) else {
        return Finding::skip("there is no certificate yet");
    };
    judge(file, *validity, Timestamp::now()).map_or_else(
        || Finding::pass(format!("the first to end is good until {}", day(validity.until))),
        |finding| finding.fix(*fix),
    )
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn judge(file: &str, validity: Validity, now: Timestamp) -> Option<Finding> {
    // mcpgw renews its own 30 days before the end; a week before, somebody must see to it.
    const SOON: i64 = 7 * 24 * 3600;
    let left = validity.until.as_second() - now.as_second();
    match (validity.is_off(now), left) {
        (true, ..=0) => Some(Finding::fail(format!("{file} ended on {}", day(validity.until)))),
        (true, _) => Some(Finding::fail(format!(
            "{file} begins only on {}: is this machine's clock right?",
            day(validity.from)
        ))),
        (false, left) if left < SOON => {
            Some(Finding::warn(format!("{file} ends on {}", day(validity.until))))
        }
        _ => None,
    }
}

/// Does this system believe what the session shows? Matters where the session itself speaks TLS.
fn trust(world: &World) -> Finding {
    let Some(session) = &world.session else { return Finding::skip("no session runs") };
    let Some(file) = session.ca_file.as_ref().filter(|_| session.provider == "local") else {
        return Finding::skip("the tunnel's server speaks TLS, not this session");
    };
    if own(world).is_some_and(|place| place.cert == *file) {
        return Finding::skip("the certificate is your own, and so is whether it is believed");
    }
    let authority = cert::read_certificates(file).ok().and_then(|all| all.into_iter().next());
    match authority {
        None => Finding::fail(format!("{} cannot be read", file.display())).fix("restart the session"),
        Some(ca) if cert::is_trusted(&ca) => {
            Finding::pass(format!("this system believes {}", file.display()))
        }
        Some(_) => Finding::warn(format!(
            "this system does not believe {}: browsers and clients refuse the address",
            file.display()
        ))
        .fix("mcpgw cert trust")
        .blocking(),
    }
}

/// Node looks at no system's roots.
fn node(world: &World) -> Finding {
    let Some(file) = world.session.as_ref().and_then(|session| session.ca_file.as_ref()) else {
        return Finding::skip("the session needs no CA of its own");
    };
    let read = |path: &Path| cert::read_certificates(path).unwrap_or_default();
    let extra = world.variable("NODE_EXTRA_CA_CERTS").map(|path| read(Path::new(path))).unwrap_or_default();
    match read(file).iter().any(|ours| extra.contains(ours)) {
        true => Finding::pass("Node believes it, wherever NODE_EXTRA_CA_CERTS is set as here"),
        false => Finding::warn("Node clients do not believe it: they do not ask the system")
            .fix(format!("export NODE_EXTRA_CA_CERTS={}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_before_it_ends() {
        let at = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
        let validity = Validity { from: at(100), until: at(200) };
        let says = |day: i64| judge("x.pem", validity, at(day)).map(|finding| finding.evidence);
        assert_eq!(says(150), None);
        assert!(says(195).unwrap().contains("ends on"));
        assert!(says(201).unwrap().contains("ended on"));
        assert!(says(99).unwrap().contains("begins only on"));
    }
}
