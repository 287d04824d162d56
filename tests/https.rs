//! HTTPS on this machine: whose certificate, who believes it, and that it changes without anybody noticing.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use support::tls::{Visitor, shown};
use support::{Home, Mcpgw, Session, debian, free_port, gateway_command};

/// A session with the provider `local`, and where it listens.
struct Local {
    session: Session,
    address: String,
    ready: serde_json::Value,
}

fn call(home: &Home, port: u16, arguments: &[&str]) -> Mcpgw {
    let (gateway, https) = (free_port().to_string(), port.to_string());
    Mcpgw::tunnel(home)
        .args(["--provider", "local", "--https-port", &https, "--port", &gateway, "--auth", "none", "--yes"])
        .args(arguments)
        .args(["--"])
        .args(gateway_command(&["--port", &gateway]))
}

fn start(home: &Home, arguments: &[&str], prepare: impl Fn(Mcpgw) -> Mcpgw) -> Local {
    let port = free_port();
    let mut session = prepare(call(home, port, arguments)).start();
    let ready = session.expect("ready");
    Local { session, address: format!("127.0.0.1:{port}"), ready }
}

/// Programs in front of everything else on the PATH.
fn programs(home: &Home, programs: &[(&str, &Path)]) -> PathBuf {
    let bin = home.path().join("programs");
    fs::create_dir_all(&bin).unwrap();
    for (name, path) in programs {
        symlink(path, bin.join(name)).unwrap();
    }
    bin
}

fn script(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.write(&format!("scripts/{name}"), format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn codes(session: &mut Session) -> Vec<String> {
    let codes = session.events().iter().filter_map(|event| event["code"].as_str().map(String::from));
    codes.collect()
}

#[test]
fn without_mkcert_the_built_in_ca_vouches_and_its_certificate_outlives_the_session() {
    let home = Home::new();
    let ca = home.state().join("ca/mcpgw-ca.pem");
    let mut first = start(&home, &[], |call| call);
    assert!(codes(&mut first.session).contains(&"local.trust".to_string()));
    let visitor = Visitor::believing(&ca);
    for name in ["localhost", "127.0.0.1"] {
        let answer = visitor.get(&first.address, name, "/api/mcp/default").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains("\"X-Forwarded-Proto\":\"https\"") || answer.contains("x-forwarded-proto"),
            "{answer}"
        );
    }
    // The kept one; who asks by name is shown one that is made at every start.
    let before = shown(&visitor.connect(&first.address, "127.0.0.1").unwrap());
    first.session.stop();
    let key = home.state().join("certs/localhost-key.pem");
    assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
    let mut second = start(&home, &[], |call| call);
    assert_eq!(
        shown(&visitor.connect(&second.address, "127.0.0.1").unwrap()),
        before,
        "made anew for nothing"
    );
    second.session.stop();
}

#[test]
fn a_host_name_of_ones_own_is_the_address_and_in_the_certificate() {
    let home = Home::new();
    let mut local = start(&home, &["--hostname", "gateway.localhost"], |call| call);
    let url = local.ready["url"].as_str().unwrap();
    assert!(url.starts_with("https://gateway.localhost:"), "{url}");
    let visitor = Visitor::believing(&home.state().join("ca/mcpgw-ca.pem"));
    assert!(visitor.get(&local.address, "gateway.localhost", "/mcp").unwrap().starts_with("HTTP/1.1 200"));
    local.session.stop();
    let public = call(&home, free_port(), &["--hostname", "mcp.example.com"]).run();
    assert_eq!(public.code, 2, "{public:?}");
    assert!(public.stderr.contains("never are") && public.stderr.contains("--tls-cert"), "{public:?}");
}

#[test]
fn mkcert_signs_where_the_system_trusts_it_and_not_before() {
    let home = Home::new();
    let (mkcert, caroot) = (debian("mkcert"), home.path().join("caroot"));
    let made = Command::new(&mkcert)
        .args(["-cert-file", "x.pem", "-key-file", "x-key.pem", "localhost"])
        .current_dir(home.path())
        .env("CAROOT", &caroot)
        .env("HOME", home.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let bin = programs(&home, &[("mkcert", &mkcert)]);
    let root = caroot.join("rootCA.pem");

    let nowhere = home.write("no-roots.pem", "");
    let with = |roots: &Path| {
        let (bin, caroot, roots) = (bin.clone(), caroot.clone(), roots.to_path_buf());
        move |call: Mcpgw| call.path_first(&bin).env("CAROOT", &caroot).env("SSL_CERT_FILE", &roots)
    };
    let mut distrusted = start(&home, &[], with(&nowhere));
    assert!(codes(&mut distrusted.session).contains(&"local.trust".to_string()));
    assert!(Visitor::believing(&root).get(&distrusted.address, "localhost", "/mcp").is_err());
    distrusted.session.stop();

    let mut trusted = start(&home, &["--hostname", "mcp.example.com", "--no-verify"], with(&root));
    assert!(
        codes(&mut trusted.session).contains(&"local.mkcert".to_string()),
        "{}",
        trusted.session.transcript()
    );
    let visitor = Visitor::believing(&root);
    for name in ["localhost", "127.0.0.1", "mcp.example.com"] {
        assert!(visitor.get(&trusted.address, name, "/mcp").unwrap().starts_with("HTTP/1.1 200"), "{name}");
    }
    trusted.session.stop();
    let key = home.state().join("certs/localhost+mcp.example.com-key.pem");
    assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A CA of the test's own, and pairs that it signs.
struct Ca(Issuer<'static, KeyPair>, String);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// PEM: certificate and key, good until that year.
    fn pair(&self, name: &str, until: i32) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_string()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

#[test]
fn a_pair_that_is_none_is_named_with_its_file_and_the_way_out() {
    let home = Home::new();
    let ca = Ca::new();
    let (good, key) = ca.pair("localhost", 2040);
    let (_, other_key) = ca.pair("localhost", 2040);
    let (old, old_key) = ca.pair("localhost", 2021);
    let file = |name: &str, text: &str| home.write(name, text).into_os_string().into_string().unwrap();
    let (good, key, other_key) =
        (file("good.pem", &good), file("good.key", &key), file("other.key", &other_key));
    let (old, old_key) = (file("old.pem", &old), file("old.key", &old_key));
    let (text, gone) = (file("text.pem", "hello"), home.path().join("gone.pem").display().to_string());
    let encrypted = file(
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    for (cert, key, words) in [
        (&good, &other_key, "belongs to another"),
        (&old, &old_key, "ended on 2021-01-01"),
        (&text, &key, "holds no PEM certificate"),
        (&gone, &key, "no such file"),
        (&good, &text, "holds no PEM private key"),
        (&good, &gone, "no such file"),
        (&good, &encrypted, "passphrase"),
    ] {
        let output = call(&home, free_port(), &["--tls-cert", cert, "--tls-key", key]).run();
        assert_eq!(output.code, 1, "{words}: {output:?}");
        let failed = output.stdout.lines().last().unwrap();
        let blamed = [cert, key].iter().any(|file| failed.contains(file.as_str()));
        assert!(failed.contains(words) && blamed && failed.contains("\"fix\""), "{words}: {output:?}");
    }
    let half = call(&home, free_port(), &["--tls-cert", &good]).run();
    assert!(half.code == 2 && half.stderr.contains("--tls-key"), "{half:?}");
}

#[test]
fn the_users_own_pair_is_read_again_when_it_changes_without_a_failed_request() {
    let home = Home::new();
    let ca = Ca::new();
    let root = home.write("root.pem", &ca.1);
    let write = |(cert, key): (String, String)| (home.write("own.pem", cert), home.write("own.key", key));
    let (cert, key) = write(ca.pair("localhost", 2040));
    let mut local = start(&home, &[], |call| call.env("SSL_CERT_PATH", &cert).env("SSL_KEY_PATH", &key));
    let visitor = Visitor::believing(&root);
    let before = shown(&visitor.connect(&local.address, "localhost").unwrap());
    let (over, address) = (Arc::new(AtomicBool::new(false)), local.address.clone());
    let load = std::thread::spawn({
        let (over, visitor) = (over.clone(), visitor.clone());
        move || {
            let mut requests = 0;
            while !over.load(Ordering::Relaxed) {
                let answer = visitor.get(&address, "localhost", "/mcp").unwrap();
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                requests += 1;
            }
            requests
        }
    });
    // For a moment the two do not fit together.
    write(ca.pair("localhost", 2041));
    local
        .session
        .expect_where("a new certificate", Duration::from_secs(20), |event| event["code"] == "cert.renewed");
    let after = shown(&visitor.connect(&local.address, "localhost").unwrap());
    over.store(true, Ordering::Relaxed);
    assert!(load.join().unwrap() > 0);
    assert_ne!(before, after);
    // What is broken is said and does not take the place of what works.
    home.write("own.key", "nonsense");
    local
        .session
        .expect_where("the trouble", Duration::from_secs(20), |event| event["code"] == "cert.key_unreadable");
    assert_eq!(shown(&visitor.connect(&local.address, "localhost").unwrap()), after);
    local.session.stop();
}

#[test]
fn a_gateway_that_reads_the_certificate_and_speaks_https_itself_is_spoken_to_so() {
    let home = Home::new();
    let mut local = start(&home, &[], |call| call.env("GW_HTTPS", "1"));
    let visitor = Visitor::believing(&home.state().join("ca/mcpgw-ca.pem"));
    for _ in 0..3 {
        assert!(visitor.get(&local.address, "localhost", "/mcp").unwrap().starts_with("HTTP/1.1 200"));
    }
    let mut socket = visitor.connect(&local.address, "localhost").unwrap();
    let request = "POST /api/mcp/echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n";
    socket.write_all(request.as_bytes()).unwrap();
    socket.write_all(&vec![b'x'; 300_000]).unwrap();
    let mut answer = vec![];
    socket.read_to_end(&mut answer).unwrap();
    assert!(answer.iter().filter(|byte| **byte == b'x').count() >= 300_000);
    local.session.stop();
}

#[test]
fn http_2_and_1_are_spoken_as_the_client_can() {
    let home = Home::new();
    let mut local = start(&home, &[], |call| call);
    let ca = home.state().join("ca/mcpgw-ca.pem");
    for (offered, spoken) in
        [(&["h2", "http/1.1"][..], Some(&b"h2"[..])), (&["http/1.1"], Some(b"http/1.1")), (&[], None)]
    {
        let visitor = Visitor::speaking(&ca, offered);
        let stream = visitor.connect(&local.address, "localhost").unwrap();
        assert_eq!(stream.conn.alpn_protocol(), spoken, "{offered:?}");
    }
    local.session.stop();
}

#[test]
fn a_websocket_and_an_event_stream_pass_through_tls() {
    let home = Home::new();
    let mut local = start(&home, &[], |call| call);
    let visitor = Visitor::believing(&home.state().join("ca/mcpgw-ca.pem"));
    let mut socket = visitor.connect(&local.address, "localhost").unwrap();
    socket
        .write_all(b"GET /api/mcp/upgrade HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .unwrap();
    assert!(head(&mut socket).starts_with("HTTP/1.1 101"));
    for message in ["ping", "pong"] {
        socket.write_all(message.as_bytes()).unwrap();
        let mut back = [0; 4];
        socket.read_exact(&mut back).unwrap();
        assert_eq!(back, message.as_bytes());
    }
    let mut stream = visitor.connect(&local.address, "localhost").unwrap();
    stream
        .write_all(
            b"GET /api/mcp/sse?every=50 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
        )
        .unwrap();
    assert!(head(&mut stream).contains("text/event-stream"));
    let mut seen = String::new();
    while !seen.contains("{\"n\":3}") {
        let mut some = [0; 512];
        let count = stream.read(&mut some).unwrap();
        assert!(count > 0, "the stream ended: {seen}");
        seen.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    local.session.stop();
}

fn head(stream: &mut impl Read) -> String {
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn cert_create_makes_a_pair_for_the_names_given() {
    let home = Home::new();
    let folder = home.path().join("made");
    fs::create_dir(&folder).unwrap();
    let output =
        Mcpgw::new(&home).args(["cert", "create", "nas.local", "--folder", folder.to_str().unwrap()]).run();
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.stdout.contains("nas.local.pem") && output.stdout.contains("127.0.0.1"), "{output:?}");
    assert_eq!(fs::metadata(folder.join("nas.local-key.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    // What it made is good enough for ourselves.
    let arguments = ["--tls-cert", "made/nas.local.pem", "--tls-key", "made/nas.local-key.pem"];
    let mut local = start(&home, &arguments, |call| call);
    let visitor = Visitor::believing(&home.state().join("ca/mcpgw-ca.pem"));
    visitor.connect(&local.address, "nas.local").unwrap();
    local.session.stop();
}

#[test]
fn cert_create_replaces_its_own_pair_alone_and_wants_a_folder_that_is_there() {
    let home = Home::new();
    let create = || Mcpgw::new(&home).args(["cert", "create", "--built-in", "--folder", "made"]).run();
    let missing = create();
    assert_eq!((missing.code, missing.stderr.contains("mkdir -p made")), (2, true), "{missing:?}");
    fs::create_dir(home.path().join("made")).unwrap();
    assert_eq!(create().code, 0);
    let first = home.read("made/localhost.pem");
    assert_eq!(create().code, 0, "its own is renewed");
    let second = home.read("made/localhost.pem");
    assert_ne!(first, second);
    // A CA of another home signed this one.
    let other = Home::new();
    fs::create_dir(other.path().join("made")).unwrap();
    let theirs = Mcpgw::new(&other).args(["cert", "create", "--built-in", "--folder", "made"]).run();
    assert_eq!(theirs.code, 0, "{theirs:?}");
    for name in ["made/localhost.pem", "made/localhost-key.pem"] {
        home.write(name, other.read(name));
    }
    let refused = create();
    assert_eq!((refused.code, refused.stderr.contains("move it away")), (1, true), "{refused:?}");
    assert_eq!(home.read("made/localhost.pem"), other.read("made/localhost.pem"));
}

/// A system whose store of CAs is a folder in the home, kept by stand-ins for the system's own programs.
fn system(home: &Home) -> (PathBuf, PathBuf) {
    fs::create_dir_all(home.path().join("store")).unwrap();
    let roots = home.write("roots.pem", "");
    let store = home.path().join("store");
    let (store, bundle) = (store.display(), roots.display());
    let all = [
        script(home, "install", &format!("cat \"$3\" > {store}/\"${{4##*/}}\"")),
        script(home, "rm", &format!("echo > {store}/\"${{2##*/}}\"")),
        script(home, "sudo", "[ \"$1\" = -n ] && shift\n\"$@\""),
        script(home, "update-ca-certificates", &format!("cat {store}/*.crt > {bundle}")),
        script(home, "update-ca-trust", &format!("cat {store}/*.crt > {bundle}")),
    ];
    let named = all.each_ref().map(|path| (path.file_name().unwrap().to_str().unwrap(), path.as_path()));
    (programs(home, &named), roots)
}

#[test]
fn trust_runs_what_the_system_needs_only_when_agreed_to_and_looks_afterwards() {
    let home = Home::new();
    let (bin, roots) = system(&home);
    let cert = |arguments: &[&str]| {
        let call = Mcpgw::new(&home).args(["cert"]).args(arguments).path_first(&bin);
        call.env("SSL_CERT_FILE", &roots).run()
    };
    let trusted = || cert(&["show", "--json"]).json()["authority"]["trusted"].as_bool().unwrap();
    let unasked = cert(&["trust"]);
    assert!(unasked.code == 1 && !trusted(), "{unasked:?}");
    assert!((unasked.stdout.clone() + &unasked.stderr).contains("update-ca-"), "{unasked:?}");
    let agreed = cert(&["trust", "--yes"]);
    assert!(agreed.code == 0 && trusted(), "{agreed:?}");
    assert!((agreed.stdout.clone() + &agreed.stderr).contains("NODE_EXTRA_CA_CERTS="), "{agreed:?}");
    let taken_back = cert(&["untrust", "--yes"]);
    assert!(taken_back.code == 0 && !trusted(), "{taken_back:?}");
}

#[test]
fn commands_that_changed_nothing_are_not_taken_for_success() {
    let home = Home::new();
    let (bin, roots) = system(&home);
    for name in ["update-ca-certificates", "update-ca-trust"] {
        script(&home, name, "exit 0");
    }
    let output = Mcpgw::new(&home)
        .args(["cert", "trust", "--yes"])
        .path_first(&bin)
        .env("SSL_CERT_FILE", &roots)
        .run();
    assert!(output.code == 1 && output.stderr.contains("changed nothing"), "{output:?}");
}

#[test]
fn mkcert_is_never_installed_unattended() {
    let home = Home::new();
    let calls = home.path().join("calls");
    let text =
        format!("echo \"$@\" >> {}\n[ \"$1\" = -CAROOT ] && echo {}", calls.display(), home.path().display());
    let bin = programs(&home, &[("mkcert", &script(&home, "mkcert", &text))]);
    let output = Mcpgw::new(&home).args(["cert", "trust", "--yes"]).path_first(&bin).run();
    assert!(output.code == 1 && output.stderr.contains("-install"), "{output:?}");
    assert!(!fs::read_to_string(calls).unwrap().contains("install"));
}
