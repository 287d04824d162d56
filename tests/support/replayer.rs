//! Tunnel tools that no registry ships, played by `examples/replayer` from recordings.

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::Value;

use super::Home;

/// The player of recordings; what it plays is up to its environment (`examples/replayer/main.rs`).
pub struct Replayer;

impl Replayer {
    /// Installs it as `lt`, `ngrok` or `cloudflared` in the home's `bin`, and gives that path.
    /// `Mcpgw::path_first(path.parent().unwrap())` finds it there.
    ///
    /// # Panics
    /// When cargo did not build it, or not since it was changed: `cargo test --test NAME` builds no examples.
    pub fn install(home: &Home, tool: &str) -> PathBuf {
        let path = home.path().join("bin").join(tool);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(built(), &path).unwrap();
        path
    }

    /// What REPLAY says for these recordings, each a `TOOL/NAME` of `fixtures/transcripts`. With REPLAY_COUNT, each
    /// start plays the next one.
    pub fn recordings(names: &[&str]) -> String {
        let paths: Vec<String> = names.iter().map(|name| Self::recording(name)).collect();
        paths.join(":")
    }

    /// The path of one recording, `TOOL/NAME`.
    pub fn recording(name: &str) -> String {
        let folder = transcripts();
        let files = ["timeline.jsonl", "stdout"].map(|kind| folder.join(format!("{name}.{kind}")));
        let file = files.into_iter().find(|file| file.exists());
        file.unwrap_or_else(|| panic!("no recording {name}")).into_os_string().into_string().unwrap()
    }

    /// The lines of a REPLAY_LOG: `{"argv","env","config","at","pid"}` a start. No file is no start.
    ///
    /// # Panics
    /// When a side channel of a tool failed.
    pub fn starts(log: &Path) -> Vec<Value> {
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().all(|line| line["error"].is_null()), "{text}");
        lines
    }
}

/// The folder of the recordings.
pub fn transcripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/transcripts")
}

/// TARGET/PROFILE/examples/replayer, beside this test in TARGET/PROFILE/deps.
fn built() -> PathBuf {
    let this = env::current_exe().unwrap();
    let path = this.parent().and_then(Path::parent).unwrap().join("examples/replayer");
    let built = modified(&path);
    let sources = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/replayer")).unwrap();
    let changed = sources.map(|source| modified(&source.unwrap().path())).max().unwrap();
    assert!(
        built.is_some() && built >= changed,
        "{} is missing or older than its source: run `cargo build --example replayer`, or all of `cargo test`",
        path.display()
    );
    path
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
