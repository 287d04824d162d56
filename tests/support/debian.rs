//! Programs that only Debian packages: fetched by apt and unpacked into the target folder, never installed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The program `name` of the package of the same name.
///
/// # Panics
/// When apt cannot fetch it; the message says what apt said.
pub fn debian(name: &str) -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("debian");
    fs::create_dir_all(&all).unwrap();
    // Test binaries run side by side: one unpacks, the others wait for it here.
    let lock = File::create(all.join("lock")).unwrap();
    lock.lock().unwrap();
    let dir = all.join(name);
    if !dir.exists() {
        let fresh = tempfile::Builder::new().prefix("unpacking-").tempdir_in(&all).unwrap();
        if !run(fresh.path(), "apt-get", &["download", name]).0 {
            // A new machine has no lists yet.
            run(fresh.path(), "apt-get", &["update"]);
            let (fetched, said) = run(fresh.path(), "apt-get", &["download", name]);
            assert!(fetched, "the tests need Debian's package `{name}`, and apt-get gave none:\n{said}");
        }
        let package = fs::read_dir(fresh.path()).unwrap().flatten().next().unwrap().path();
        let (unpacked, said) = run(fresh.path(), "dpkg", &["-x", package.to_str().unwrap(), "."]);
        assert!(unpacked, "dpkg -x failed:\n{said}");
        fs::rename(fresh.keep(), &dir).unwrap();
    }
    dir.join("usr/bin").join(name)
}

fn run(dir: &Path, program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(arguments).current_dir(dir).stdin(Stdio::null()).output();
    let output =
        output.unwrap_or_else(|error| panic!("the tests need `{program}` ({error}): this is Debian's"));
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), said.concat())
}
