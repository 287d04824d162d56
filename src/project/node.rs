//! package.json: which script starts the gateway, and how the project's package manager is asked for it
//! directly. turbo and `pnpm -r` in between take variables away and leave processes behind.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::sources::text;
use super::written;

/// A way to start the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The command line.
    pub command: Vec<String>,
    /// `script dev of apps/backend/package.json`
    pub at: String,
    /// What the script says.
    pub script: String,
    /// Its package's folder, seen from the project's.
    pub folder: PathBuf,
    /// Does it go through a task runner?
    pub indirect: bool,
    merit: i32,
}

/// All ways, the best first.
pub(super) fn starts(root: &Path) -> Vec<Start> {
    let Some(top) = read(&root.join("package.json")) else { return vec![] };
    let manager = Manager::of(root, &top);
    let mut starts = of_package(root, Path::new(""), &top, manager);
    for folder in workspaces(root, &top) {
        if let Some(package) = read(&root.join(&folder).join("package.json")) {
            starts.extend(of_package(root, &folder, &package, manager));
        }
    }
    starts.sort_by_key(|start| -start.merit);
    starts
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_str(&text(path)?).ok()
}

fn of_package(root: &Path, folder: &Path, package: &Value, manager: Manager) -> Vec<Start> {
    const SCRIPTS: [&str; 6] = ["start", "dev", "start:dev", "serve", "start:prod", "server"];
    let merit = merit(folder, package);
    let scripts = SCRIPTS.iter().zip(0..).filter_map(|(name, rank)| {
        let script = package["scripts"][name].as_str()?;
        let indirect = is_indirect(script);
        let unbuilt = needs_build(script) && !built(&root.join(folder), script);
        Some(Start {
            command: manager.command(folder, name),
            at: format!("script {name} of {}", written(&folder.join("package.json"))),
            script: script.into(),
            folder: folder.into(),
            indirect,
            merit: merit * 10 - rank - if indirect { 200 } else { 0 } - if unbuilt { 8 } else { 0 },
        })
    });
    scripts.collect()
}

/// How much a package looks like the gateway.
fn merit(folder: &Path, package: &Value) -> i32 {
    const SERVERS: [&str; 8] = [
        "@nestjs/core",
        "@modelcontextprotocol/sdk",
        "better-auth",
        "express",
        "fastify",
        "hono",
        "koa",
        "fastmcp",
    ];
    const PAGES: [&str; 6] = ["next", "vite", "react-dom", "vue", "svelte", "@angular/core"];
    const NAMES: [&str; 5] = ["backend", "api", "server", "gateway", "mcp"];
    let has = |name: &&str| {
        ["dependencies", "devDependencies"].iter().any(|kind| package[*kind].get(*name).is_some())
    };
    let name = folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let named = NAMES.iter().any(|word| name.contains(word));
    let server = SERVERS.iter().any(has);
    i32::from(server) * 3 + i32::from(named) * 2 - i32::from(PAGES.iter().any(has) && !server) * 5
}

/// Does it start others instead of doing the work?
fn is_indirect(script: &str) -> bool {
    const RUNNERS: [&str; 8] = [
        "turbo",
        "lerna",
        "nx run-many",
        "concurrently",
        "npm-run-all",
        "run-p",
        "--workspaces",
        "workspaces foreach",
    ];
    let words: Vec<&str> = script.split_whitespace().collect();
    let recursive = words.contains(&"pnpm") && words.iter().any(|word| ["-r", "--recursive"].contains(word));
    recursive || RUNNERS.iter().any(|runner| script.contains(runner))
}

fn needs_build(script: &str) -> bool {
    ["dist/", "build/", "out/", "lib/", ".next"].iter().any(|folder| script.contains(folder))
        || script.contains("node dist")
}

fn built(package: &Path, script: &str) -> bool {
    let folders = ["dist", "build", "out", "lib", ".next"];
    folders.iter().any(|folder| script.contains(folder) && package.join(folder).exists())
}

/// The folders that the workspace's patterns name, `X/*` and `X/**` one level deep.
fn workspaces(root: &Path, top: &Value) -> Vec<PathBuf> {
    let mut patterns: Vec<String> = [&top["workspaces"], &top["workspaces"]["packages"]]
        .into_iter()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|pattern| Some(pattern.as_str()?.to_string()))
        .collect();
    if let Some(text) = text(&root.join("pnpm-workspace.yaml")) {
        let items = text.lines().filter_map(|line| line.trim().strip_prefix("- "));
        patterns.extend(items.map(|item| item.trim().trim_matches(['\'', '"']).to_string()));
    }
    let mut folders = vec![];
    for pattern in patterns.iter().map(|pattern| pattern.trim_start_matches("./")) {
        let plain = Path::new(pattern).components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || pattern.starts_with('!') {
            continue;
        }
        match pattern.split_once("/*") {
            None => folders.push(PathBuf::from(pattern)),
            Some((above, _)) => {
                let entries = fs::read_dir(root.join(above)).into_iter().flatten().flatten();
                let below = entries.filter(|entry| entry.path().join("package.json").is_file());
                folders.extend(below.map(|entry| Path::new(above).join(entry.file_name())));
            }
        }
    }
    // What is no text could not be written down either.
    folders.retain(|folder| folder.to_str().is_some());
    folders.sort();
    folders.dedup();
    folders
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Npm,
    Pnpm,
    Yarn,
    Bun,
}

impl Manager {
    /// By the project's own word, else by its lock file.
    fn of(root: &Path, top: &Value) -> Self {
        let named = top["packageManager"].as_str().unwrap_or_default();
        let by_name =
            [("pnpm@", Self::Pnpm), ("yarn@", Self::Yarn), ("bun@", Self::Bun), ("npm@", Self::Npm)];
        let by_lock = [
            ("pnpm-lock.yaml", Self::Pnpm),
            ("yarn.lock", Self::Yarn),
            ("bun.lock", Self::Bun),
            ("bun.lockb", Self::Bun),
        ];
        let name = by_name.into_iter().find(|(start, _)| named.starts_with(start));
        let lock = || by_lock.into_iter().find(|(file, _)| root.join(file).exists());
        name.or_else(lock).map_or(Self::Npm, |(_, manager)| manager)
    }

    fn command(self, folder: &Path, script: &str) -> Vec<String> {
        let folder = &*written(folder);
        let words: &[&str] = match (self, folder.is_empty()) {
            (Self::Npm, true) => &["npm", "run", script],
            (Self::Npm, false) => &["npm", "--prefix", folder, "run", script],
            (Self::Pnpm, true) => &["pnpm", script],
            (Self::Pnpm, false) => &["pnpm", "--dir", folder, script],
            (Self::Yarn, true) => &["yarn", script],
            (Self::Yarn, false) => &["yarn", "--cwd", folder, script],
            (Self::Bun, true) => &["bun", "run", script],
            (Self::Bun, false) => &["bun", "run", "--cwd", folder, script],
        };
        words.iter().map(ToString::to_string).collect()
    }
}
