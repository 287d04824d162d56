//! One source of settings, and the two files that are such sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Auth, HostHeader, Millis, Size};
use crate::error::{Error, Result, io_reason, line_and_column, nearest};

/// What one source says; the keys of the files are the names of the flags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[allow(missing_docs, reason = "each is the flag of that name; cli/tunnel.rs says what it does")]
pub struct Layer {
    pub provider: Option<String>,
    pub order: Vec<String>,
    pub fallback: Vec<String>,
    pub url: Option<String>,
    pub server: Option<String>,
    pub subdomain: Option<String>,
    pub domain: Option<String>,
    pub tunnel_name: Option<String>,
    pub hostname: Option<String>,
    pub edge_port: Option<u16>,
    pub port: Option<u16>,
    pub https_port: Option<u16>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub profile: Option<String>,
    pub mcp_path: Option<String>,
    pub host_header: Option<HostHeader>,
    pub health: Option<String>,
    pub allow: Vec<String>,
    pub allow_host: Vec<String>,
    pub auth: Option<Auth>,
    pub expire: Option<Millis>,
    pub max_body: Option<Size>,
    pub frontend: Option<u16>,
    pub log_requests: Option<PathBuf>,
    pub env: BTreeMap<String, String>,
    pub env_file: Option<PathBuf>,
    pub on_url: Option<String>,
    pub configure: Vec<String>,
    pub keep: Option<bool>,
    pub verify: Option<bool>,
    pub probe_interval: Option<Millis>,
    pub start_timeout: Option<Millis>,
    pub lt: Option<PathBuf>,
    pub ngrok: Option<PathBuf>,
    pub cloudflared: Option<PathBuf>,
    pub doh: Option<String>,
    /// The gateway's command line.
    pub command: Vec<String>,
    /// Where that command runs: the folder of the file that names it.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// The files that this was read from, the nearest first.
    #[serde(skip)]
    pub files: Vec<PathBuf>,
}

impl Layer {
    /// This source before `below`: single values replace, lists and tables add up.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let (command, folder) = match self.command.is_empty() {
            true => (below.command, below.folder),
            false => (self.command, self.folder),
        };
        let mut env = below.env;
        env.extend(self.env);
        Self {
            provider: self.provider.or(below.provider),
            // An order and a list of substitutes are decisions as a whole: they do not add up.
            order: if self.order.is_empty() { below.order } else { self.order },
            fallback: if self.fallback.is_empty() { below.fallback } else { self.fallback },
            url: self.url.or(below.url),
            server: self.server.or(below.server),
            subdomain: self.subdomain.or(below.subdomain),
            domain: self.domain.or(below.domain),
            tunnel_name: self.tunnel_name.or(below.tunnel_name),
            hostname: self.hostname.or(below.hostname),
            edge_port: self.edge_port.or(below.edge_port),
            port: self.port.or(below.port),
            https_port: self.https_port.or(below.https_port),
            tls_cert: self.tls_cert.or(below.tls_cert),
            tls_key: self.tls_key.or(below.tls_key),
            profile: self.profile.or(below.profile),
            mcp_path: self.mcp_path.or(below.mcp_path),
            host_header: self.host_header.or(below.host_header),
            health: self.health.or(below.health),
            allow: self.allow.into_iter().chain(below.allow).collect(),
            allow_host: self.allow_host.into_iter().chain(below.allow_host).collect(),
            auth: self.auth.or(below.auth),
            expire: self.expire.or(below.expire),
            max_body: self.max_body.or(below.max_body),
            frontend: self.frontend.or(below.frontend),
            log_requests: self.log_requests.or(below.log_requests),
            env,
            env_file: self.env_file.or(below.env_file),
            on_url: self.on_url.or(below.on_url),
            // Who is told is a decision as a whole, too.
            configure: if self.configure.is_empty() { below.configure } else { self.configure },
            keep: self.keep.or(below.keep),
            verify: self.verify.or(below.verify),
            probe_interval: self.probe_interval.or(below.probe_interval),
            start_timeout: self.start_timeout.or(below.start_timeout),
            lt: self.lt.or(below.lt),
            ngrok: self.ngrok.or(below.ngrok),
            cloudflared: self.cloudflared.or(below.cloudflared),
            doh: self.doh.or(below.doh),
            command,
            folder,
            files: self.files.into_iter().chain(below.files).collect(),
        }
    }
}

/// The name of a project's settings file.
pub const PROJECT_FILE: &str = "mcpgw.toml";

/// The nearest `mcpgw.toml` from `folder` upwards.
pub fn project(folder: &Path) -> Result<Layer> {
    match project_file(folder) {
        Some(path) => read(&path),
        None => Ok(Layer::default()),
    }
}

/// Where the nearest `mcpgw.toml` from `folder` upwards is.
pub fn project_file(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join(PROJECT_FILE)).find(|path| path.is_file())
}

/// The project that `folder` belongs to: where its `mcpgw.toml` is, else the root of its git
/// repository, else the folder itself.
pub fn project_folder(folder: &Path) -> PathBuf {
    let settings = project_file(folder).and_then(|path| path.parent().map(Path::to_path_buf));
    let repository = || folder.ancestors().find(|folder| folder.join(".git").exists()).map(Path::to_path_buf);
    settings.or_else(repository).unwrap_or_else(|| folder.to_path_buf())
}

/// `config.toml` in `MCPGW_HOME`, else in the user's config folder.
pub fn user() -> Result<Layer> {
    match user_file() {
        Some(path) if path.is_file() => read(&path),
        _ => Ok(Layer::default()),
    }
}

/// Where the user's own settings are, whether there are any or not.
pub fn user_file() -> Option<PathBuf> {
    let home = std::env::var_os("MCPGW_HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let folder = home.or_else(|| dirs::config_dir().map(|base| base.join("mcpgw")))?;
    Some(folder.join("config.toml"))
}

fn read(path: &Path) -> Result<Layer> {
    let text = fs::read_to_string(path).map_err(|error| {
        Error::usage("config.unreadable", format!("read {}: {}", path.display(), io_reason(&error)))
    })?;
    let mut layer = parse(&text).map_err(|mistake| mistake.error(&path.display().to_string()))?;
    // Paths in a file mean the file's folder, wherever the command was called.
    let folder = path.parent().unwrap_or(Path::new("."));
    let files = [&mut layer.env_file, &mut layer.tls_cert, &mut layer.tls_key, &mut layer.log_requests];
    for file in files.into_iter().flatten() {
        *file = folder.join(&file);
    }
    for program in [&mut layer.lt, &mut layer.ngrok, &mut layer.cloudflared].into_iter().flatten() {
        if program.components().count() > 1 {
            *program = folder.join(&program);
        }
    }
    layer.files = vec![path.to_path_buf()];
    layer.folder = (!layer.command.is_empty()).then(|| folder.to_path_buf());
    Ok(layer)
}

/// The text of such a file, read. Paths in it mean nothing yet.
pub fn read_text(text: &str) -> Result<Layer> {
    parse(text).map_err(|mistake| mistake.error(PROJECT_FILE))
}

/// What is wrong with a file.
#[derive(Debug, PartialEq, Eq)]
struct Mistake {
    line: usize,
    column: usize,
    why: String,
    fix: Option<String>,
}

impl Mistake {
    fn error(self, file: &str) -> Error {
        let Self { line, column, why, fix } = self;
        let message = format!("read {file}:{line}:{column}: {why}");
        Error { fix, ..Error::usage("config.invalid", message) }
    }
}

fn parse(text: &str) -> std::result::Result<Layer, Mistake> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let (line, column) = line_and_column(text, error.span().map_or(0, |span| span.start));
        let (why, fix) = explain(error.message());
        Mistake { line, column, why, fix }
    })
}

/// serde names what it found and all that it knows, in backticks; people need the nearest of those.
fn explain(message: &str) -> (String, Option<String>) {
    // What a value of ours says of itself, help included.
    if message.starts_with('`') {
        return (message.trim().into(), None);
    }
    if let Some(number) = message.strip_suffix("`, expected u16").and_then(|start| start.rsplit('`').next()) {
        return (format!("`{number}` is not a port"), Some("choose one between 1024 and 65535".into()));
    }
    let message = message.trim().replace('\n', ", ").replace("expected u16", "expected a port");
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = ["unknown field", "unknown variant"].iter().any(|start| message.starts_with(start));
    let Some(typed) = quoted.next().filter(|_| unknown) else {
        let fix = match message.contains("expected a sequence") {
            true => "write a list: command = [\"node\", \"server.js\"]",
            false => "the keys are the names of the flags: see `mcpgw tunnel --help`",
        };
        return (message, Some(fix.into()));
    };
    let known: Vec<&str> = quoted.collect();
    let what = message.split('`').next().unwrap_or_default();
    let fix = match nearest(&typed.replace('_', "-"), known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.len() < 8 => format!("use one of {}", known.join(", ")),
        None => "the keys are the names of the flags: see `mcpgw tunnel --help`".into(),
    };
    (format!("{what}`{typed}`"), Some(fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_in_one_string_is_led_to_the_list_it_must_be() {
        let mistake = parse("command = 'node server.js'").unwrap_err();
        assert!(mistake.fix.unwrap().contains(r#"command = ["node", "server.js"]"#));
    }

    #[test]
    fn the_source_above_wins_and_lists_add_up() {
        let above = parse("port = 4000\nallow = ['/a']\nenv = { A = '1' }").unwrap();
        let below =
            parse("port = 5000\nprofile = 'team'\nallow = ['/b']\nenv = { A = '2', B = '3' }").unwrap();
        let both = above.over(below);
        assert_eq!((both.port, both.profile.as_deref()), (Some(4000), Some("team")));
        assert_eq!(both.allow, ["/a", "/b"]);
        assert_eq!(
            both.env.into_iter().collect::<Vec<_>>(),
            [("A".into(), "1".into()), ("B".into(), "3".into())]
        );
    }

    #[test]
    fn a_mistake_is_named_with_line_and_column() {
        let mistake = parse("port = 3001\nprot = 5\n").unwrap_err();
        assert_eq!((mistake.line, mistake.column), (2, 1));
        assert_eq!(mistake.why, "unknown field `prot`");
        assert_eq!(parse("port = 'x'").unwrap_err().line, 1);
    }

    #[test]
    fn an_unknown_word_leads_to_the_one_that_was_meant() {
        let fix = |text: &str| parse(text).unwrap_err().fix.unwrap();
        assert_eq!(fix("prot = 5"), "did you mean `port`?");
        assert_eq!(fix("providr = 'lt'"), "did you mean `provider`?");
        assert_eq!(fix("env_file = '.env'"), "did you mean `env-file`?");
        assert_eq!(fix("auth = 'kye'"), "did you mean `key`?");
        assert_eq!(fix("auth = 'telephone'"), "use one of auto, key, none");
        assert!(fix("telephone = 1").contains("mcpgw tunnel --help"));
    }

    #[test]
    fn a_project_file_is_found_from_a_folder_below_and_its_paths_are_its_own() {
        let home = tempfile::tempdir().unwrap();
        let deep = home.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        fs::write(home.path().join("mcpgw.toml"), "env-file = '.env'\ncommand = ['x']").unwrap();
        let layer = project(&deep).unwrap();
        assert_eq!(layer.env_file.unwrap(), home.path().join(".env"));
        assert_eq!(layer.folder.unwrap(), home.path());
        assert_eq!(project_folder(&deep), home.path());
    }

    #[test]
    fn a_project_without_a_settings_file_is_its_repository_or_its_folder() {
        let home = tempfile::tempdir().unwrap();
        let deep = home.path().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        assert_eq!(project_folder(&deep), deep);
        fs::create_dir(home.path().join("a/.git")).unwrap();
        assert_eq!(project_folder(&deep), home.path().join("a"));
    }
}
