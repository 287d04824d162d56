//! The gateway's source files and environment files, and what their text tells. Bounded: a project may be huge.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::{Found, written};

/// Text files, the likeliest first, each with its name as seen from the project's folder.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// `.env` and its kin.
    environment: Vec<(String, String)>,
    code: Vec<(String, String)>,
}

const MOST_FILES: usize = 400;
const LARGEST: u64 = 256 << 10;
const DEEPEST: usize = 8;

impl Sources {
    /// Of the project in `root`, whose gateway lives in the folder `gateway` below.
    pub(super) fn read(root: &Path, gateway: &Path) -> Self {
        const NAMES: [&str; 5] = [".env.local", ".env.development", ".env", ".env.example", ".env.sample"];
        let mut folders = vec![gateway.to_path_buf()];
        if !gateway.as_os_str().is_empty() {
            folders.push(PathBuf::new());
        }
        let mut sources = Self::default();
        for folder in &folders {
            for name in NAMES.map(|name| folder.join(name)) {
                sources.environment.extend(named(root, &name));
            }
        }
        sources.code.extend(named(root, &gateway.join("package.json")));
        sources.walk(root, gateway, 0);
        sources
    }

    fn walk(&mut self, root: &Path, folder: &Path, depth: usize) {
        const CODE: [&str; 7] = ["ts", "js", "mts", "mjs", "cts", "cjs", "py"];
        const FOREIGN: [&str; 8] =
            ["node_modules", "dist", "build", "out", "coverage", "target", "venv", "__pycache__"];
        let mut entries: Vec<_> = fs::read_dir(root.join(folder)).into_iter().flatten().flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (Ok(kind), name) = (entry.file_type(), entry.file_name()) else { continue };
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            if self.code.len() >= MOST_FILES {
                return;
            }
            let path = folder.join(name);
            let code = path.extension().is_some_and(|ending| CODE.iter().any(|known| ending == *known));
            // Links are not followed: they may lead out of the project, or in a circle.
            if kind.is_dir() && depth < DEEPEST && !FOREIGN.contains(&name) {
                self.walk(root, &path, depth + 1);
            } else if kind.is_file() && code {
                self.code.extend(named(root, &path));
            }
        }
    }

    /// The first file that says one of these words, and its name.
    pub(super) fn says(&self, words: &[&str]) -> Option<&str> {
        let all = self.environment.iter().chain(&self.code);
        let mut saying = all.filter(|(_, text)| words.iter().any(|word| text.contains(word)));
        saying.next().map(|(name, _)| name.as_str())
    }

    /// PORT in an environment file, in the script (and where that stands), as a default in the code.
    pub(super) fn port(&self, script: Option<(&str, &str)>) -> Option<Found<u16>> {
        const ASSIGNED: &str = r#"(?m)^\s*(?:export\s+)?PORT\s*=\s*["']?(\d{2,5})\b"#;
        let in_file = |files: &[(String, String)], pattern: &str| {
            files.iter().find_map(|(name, text)| {
                Some(Found { value: number(pattern, text)?, at: format!("PORT in {name}") })
            })
        };
        let in_script = || {
            let (text, at) = script?;
            let value = number(r"(?:^|\s)PORT=(\d{2,5})\b", text)
                .or_else(|| number(r"(?:--port|-p)[ =](\d{2,5})\b", text))?;
            Some(Found { value, at: at.into() })
        };
        in_file(&self.environment, ASSIGNED)
            .or_else(in_script)
            .or_else(|| in_file(&self.code, r#"\bPORT\b['"\]]*\s*(?:\?\?|\|\||,)\s*['"]?(\d{4,5})\b"#))
    }

    /// A path that the code answers health checks at.
    pub(super) fn health(&self) -> Option<Found<String>> {
        let literal = self.capture(r#"['"`]((?:/api)?/(?:health/ready|health|healthz))['"`]"#);
        // Nest puts its paths together.
        let nest = || {
            let mut found = self.capture(r#"@Controller\(\s*['"`]/?(health)['"`]"#)?;
            let below_api = self.says(&["setGlobalPrefix('api'", "setGlobalPrefix(\"api\""]).is_some();
            found.value = if below_api { "/api/health".into() } else { "/health".into() };
            Some(found)
        };
        nest().or(literal)
    }

    /// Where a plain MCP server serves.
    pub(super) fn mcp_path(&self) -> Option<Found<String>> {
        let route = r#"\.(?:post|all|use|route)\(\s*['"`](/[\w/-]*mcp)/?['"`]"#;
        let compared = r#"\b(?:u|url|path|pathname|p)\s*={2,3}\s*['"`](/[\w/-]*mcp)/?['"`]"#;
        self.capture(route).or_else(|| self.capture(compared))
    }

    fn capture(&self, pattern: &str) -> Option<Found<String>> {
        let pattern = Regex::new(pattern).ok()?;
        self.code.iter().find_map(|(name, text)| {
            let value = pattern.captures(text)?.get(1)?.as_str().to_string();
            Some(Found { value, at: name.clone() })
        })
    }
}

fn number(pattern: &str, text: &str) -> Option<u16> {
    let number: u16 = Regex::new(pattern).ok()?.captures(text)?.get(1)?.as_str().parse().ok()?;
    (number > 0).then_some(number)
}

/// A text file of reasonable size; a pipe would be waited for.
pub(super) fn text(path: &Path) -> Option<String> {
    let found = fs::metadata(path).ok()?;
    (found.is_file() && found.len() <= LARGEST).then(|| fs::read_to_string(path).ok())?
}

fn named(root: &Path, name: &Path) -> Option<(String, String)> {
    Some((written(name), text(&root.join(name))?))
}
