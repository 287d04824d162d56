//! The real programs the tests drive, installed once a target folder, at the versions of
//! `tests/tools/package-lock.json`.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

const MANIFEST: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

/// What every test may call by name, beside the installed tools. The rest of the machine is out of sight.
const SYSTEM: [&str; 4] = ["sh", "env", "cat", "sleep"];

/// Where the tools are.
pub struct Tools {
    /// Holds `node_modules`.
    pub dir: PathBuf,
    pub node_modules: PathBuf,
    /// `lt`, `mcp-server-everything`.
    pub bin_dir: PathBuf,
    /// `node` and a few system programs, and nothing else: a machine's own tunnel tools stay unseen.
    pub system_dir: PathBuf,
    /// The real program, not a version manager's stand-in.
    pub node: PathBuf,
}

impl Tools {
    /// The path of an installed program.
    pub fn bin(&self, name: &str) -> PathBuf {
        let path = self.bin_dir.join(name);
        assert!(path.exists(), "{} is missing: is it in tests/tools/package.json?", path.display());
        path
    }

    /// ngrok 2.3.41, the last agent that a package registry ships. Offline it does what agent 3 does; ngrok's
    /// service refuses it.
    pub fn ngrok_v2(&self) -> PathBuf {
        let path = self.node_modules.join("@expo/ngrok-bin-linux-x64/ngrok");
        assert!(path.exists(), "{} is missing: npm has it for Linux on x86-64 only", path.display());
        path
    }
}

/// The tools, installed on first use.
///
/// # Panics
/// When `node` or `npm` is missing or the installation fails, with npm's own words.
pub fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| install("tools", &sources()))
}

/// The clients of hundreds of megabytes, 1.3 GB in all; installed on first use, like [`tools`].
pub fn big_tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| install("tools-big", &sources().join("big")))
}

/// The folder of this repository's `tests/tools`.
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools")
}

fn install(name: &str, from: &Path) -> Tools {
    let node = real_node();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let all = target.join(name);
    fs::create_dir_all(&all).unwrap();
    let dir = all.join(fingerprint(&node, from));

    // Test binaries run side by side: one installs, the others wait for it here.
    let lock = File::create(all.join("lock")).unwrap();
    lock.lock().unwrap();
    if !dir.exists() {
        let fresh = tempfile::Builder::new().prefix("installing-").tempdir_in(&all).unwrap();
        fill(fresh.path(), &node, from);
        fs::rename(fresh.keep(), &dir).unwrap();
    }
    let node_modules = dir.join("node_modules");
    Tools { bin_dir: node_modules.join(".bin"), node_modules, system_dir: dir.join("system"), node, dir }
}

fn fingerprint(node: &Path, from: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    node.hash(&mut hasher);
    SYSTEM.hash(&mut hasher);
    for name in MANIFEST {
        fs::read(from.join(name)).unwrap().hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

fn fill(dir: &Path, node: &Path, from: &Path) {
    for name in MANIFEST {
        fs::copy(from.join(name), dir.join(name)).unwrap();
    }
    let npm = output("npm", Command::new("npm").arg("ci").current_dir(dir));
    // The last file that npm writes: npm 10 can end with status 0 and empty folders when it reaches no registry.
    let complete = npm.status.success() && dir.join("node_modules/.package-lock.json").exists();
    assert!(
        complete,
        "`npm ci` for {} failed: is a package registry within reach?\n{}",
        from.display(),
        words(&npm)
    );

    let system = dir.join("system");
    fs::create_dir(&system).unwrap();
    symlink(node, system.join("node")).unwrap();
    for name in SYSTEM {
        symlink(on_path(name), system.join(name)).unwrap();
    }
}

fn real_node() -> PathBuf {
    let node = output("node", Command::new("node").args(["-p", "process.execPath"]));
    assert!(node.status.success(), "`node -p process.execPath` failed: {}", words(&node));
    PathBuf::from(String::from_utf8(node.stdout).unwrap().trim())
}

fn on_path(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("the tests need `{name}`, which is not on the PATH"))
}

fn output(name: &str, command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| {
        panic!("the tests need `{name}` on the PATH ({error}): install Node.js 20 or newer, with npm")
    })
}

fn words(output: &Output) -> String {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{stdout}{stderr}", output.status)
}
