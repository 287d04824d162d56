//! The real programs that only PyPI has, installed once a target folder at the versions and hashes of
//! `tests/tools/requirements.txt`.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use super::tools::sources;

/// The folder that holds them, installed on first use: `mcp-proxy`, `mcp-server-time`.
///
/// # Panics
/// When there is no Python 3.10 or newer, or the installation fails, with pip's own words.
pub fn python_tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(install)
}

fn install() -> PathBuf {
    let requirements = sources().join("requirements.txt");
    let mut hasher = DefaultHasher::new();
    fs::read(&requirements).unwrap().hash(&mut hasher);
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools-python");
    fs::create_dir_all(&all).unwrap();
    // A virtual environment knows where it is: it cannot be moved into place, so a mark says that it is whole.
    let dir = all.join(format!("{:016x}", hasher.finish()));
    let mark = dir.join("complete");

    let lock = File::create(all.join("lock")).unwrap();
    lock.lock().unwrap();
    if !mark.exists() {
        let _ = fs::remove_dir_all(&dir);
        run(Command::new("python3").args(["-m", "venv"]).arg(&dir));
        let pip =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r"];
        run(Command::new(dir.join("bin/python")).args(pip).arg(&requirements));
        fs::write(&mark, "").unwrap();
    }
    dir.join("bin")
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| {
        panic!("the tests need `python3` with venv on the PATH ({error}): install Python 3.10 or newer")
    });
    let words = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(
        output.status.success(),
        "{command:?} failed: is a package registry within reach?\n{}",
        words.concat()
    );
}
