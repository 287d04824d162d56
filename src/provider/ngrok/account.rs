//! ngrok's authtoken: where it may be, and the steps until it is there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use super::{INSTALL, config};
use crate::error::{Error, Result, io_reason};
use crate::file::{self, Privacy};
use crate::os;
use crate::provider::{Act, Keep, OwnConfig, Remark, Step, Version, pattern};

/// Where ngrok shows it to those who have an account.
const TOKEN_PAGE: &str = "https://dashboard.ngrok.com/get-started/your-authtoken";

/// NGROK_AUTHTOKEN, else the one in ngrok's own config of either version.
pub(super) fn authtoken() -> Option<String> {
    let variable = std::env::var("NGROK_AUTHTOKEN").ok().filter(|token| !token.trim().is_empty());
    variable.or_else(|| config_files().into_iter().find_map(|file| token_in(&fs::read_to_string(file).ok()?)))
}

fn token_in(text: &str) -> Option<String> {
    static LINE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"(?m)(?:^|[{,])[ \t]*authtoken:[ \t]*["']?([^\s"'#,}]+)"#));
    let found = LINE.captures_iter(text).map(|found| found[1].to_string());
    // YAML's words for nothing.
    found.into_iter().find(|token| !["null", "~"].contains(&token.as_str()))
}

/// Where ngrok keeps its config: version 3's place first.
pub(super) fn config_files() -> Vec<PathBuf> {
    let new = dirs::config_local_dir().map(|folder| folder.join("ngrok/ngrok.yml"));
    // On macOS version 3 knows two places.
    let linux = dirs::home_dir().map(|home| home.join(".config/ngrok/ngrok.yml"));
    let old = dirs::home_dir().map(|home| home.join(".ngrok2/ngrok.yml"));
    let mut files: Vec<PathBuf> = [new, linux, old].into_iter().flatten().collect();
    files.dedup();
    files
}

/// What ngrok's own config does to a tunnel that mcpgw starts: it is read along.
pub(super) fn own_config() -> OwnConfig {
    static NO_API: LazyLock<Regex> = LazyLock::new(|| pattern(r#"(?m)^[ \t]*web_addr:[ \t]*["']?false\b"#));
    let found = config_files().into_iter().find_map(|file| Some((fs::read_to_string(&file).ok()?, file)));
    let Some((text, file)) = found else { return OwnConfig::None };
    let shown = file.display();
    if let Err(why) = config::check_readable(&text) {
        return OwnConfig::Broken(Remark {
            code: "ngrok.config",
            message: format!("ngrok cannot use its own config {shown}: {why}"),
            fix: Some(format!("correct {shown}; `ngrok config check` tells more")),
        });
    }
    if NO_API.is_match(&text) {
        return OwnConfig::Odd(Remark {
            code: "ngrok.web_addr",
            message: format!(
                "{shown} switches ngrok's local API off: mcpgw cannot ask it how the tunnel fares"
            ),
            fix: Some(format!("take `web_addr: false` out of {shown}")),
        });
    }
    OwnConfig::Fine(shown.to_string())
}

/// The way to an ngrok that is ready. `version` is its program's, where it is installed and told one.
pub(super) fn steps(
    installed: bool,
    version: Option<Version>,
    has_token: bool,
    file: Option<PathBuf>,
) -> Vec<Step> {
    let old = version.is_some_and(|version| version.0 < 3);
    let install = Step {
        what: if old { "install ngrok 3: free accounts may not use version 2" } else { "install ngrok" }
            .into(),
        done: Some(installed && !old),
        how: INSTALL.into(),
        act: Act::ByHand,
    };
    let by_hand = "ngrok config add-authtoken TOKEN";
    let token = Step {
        what: "give ngrok the authtoken of your account".into(),
        done: Some(has_token),
        how: match &file {
            Some(file) => format!(
                "mcpgw writes it into {}; by hand: {by_hand} (others on this machine can read that)",
                file.display()
            ),
            None => by_hand.into(),
        },
        act: file.map_or(Act::ByHand, |file| {
            Act::Keep(Keep { name: "ngrok's authtoken", source: TOKEN_PAGE, file, keep })
        }),
    };
    vec![install, token]
}

/// Writes the token into ngrok's own config. Nothing else in the file changes.
fn keep(token: &str) -> Result<()> {
    let wrong = |why| {
        Error::failed("ngrok.token", format!("keep ngrok's authtoken: {why}"))
            .fix(format!("copy it as it is from {TOKEN_PAGE}"))
    };
    config::check(token).map_err(wrong)?;
    match config_files().into_iter().next() {
        Some(path) => write(&path, token),
        None => Err(Error::failed("ngrok.config", "find ngrok's config: there is no home folder")),
    }
}

fn write(path: &Path, token: &str) -> Result<()> {
    let trouble = |verb: &str, error: &io::Error| {
        Error::failed("ngrok.config", format!("{verb} {}: {}", path.display(), io_reason(error)))
            .fix("check its permissions")
    };
    let refuse = |why: &str| {
        Error::failed("ngrok.config", format!("edit {}: {why}; it is as it was", path.display()))
            .fix("put the token into it by hand, or with `ngrok config add-authtoken TOKEN`")
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        os::private_dir(folder).map_err(|error| trouble("create the folder of", &error))?;
    }
    // Reading a pipe would wait for a writer that never comes.
    file::must_be_writable(path).map_err(|error| trouble("use", &error))?;
    let read = || match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(vec![]),
        bytes => bytes,
    };
    let old = read().map_err(|error| trouble("read", &error))?;
    let text = std::str::from_utf8(&old).map_err(|_| refuse("it is no text"))?;
    let new = config::with_token(text, token).map_err(refuse)?;
    if token_in(&new).as_deref() != Some(token) {
        return Err(refuse("the token could not be read back"));
    }
    if read().map_err(|error| trouble("read", &error))? != old {
        return Err(refuse("another program changed it meanwhile"));
    }
    file::replace(path, new.as_bytes(), Privacy::Private).map_err(|error| trouble("write", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "2aBcDeFgHiJkLmNoPqRsTuVwXyZ_1a2B3c4D5e6F7g8H9i0J1";

    #[test]
    fn an_authtoken_without_a_value_is_none() {
        for text in
            ["", "authtoken:\nregion: eu\n", "authtoken: \"\"\n", "authtoken: null\n", "# authtoken: x\n"]
        {
            assert_eq!(token_in(text), None, "{text}");
        }
        assert_eq!(token_in("agent:\n  authtoken: 'abc' # mine\n").as_deref(), Some("abc"));
    }

    #[test]
    fn the_steps_follow_from_what_is_there() {
        let done = |installed, version, token| -> Vec<Option<bool>> {
            steps(installed, version, token, Some("/x/ngrok.yml".into()))
                .iter()
                .map(|step| step.done)
                .collect()
        };
        assert_eq!(done(false, None, false), [Some(false), Some(false)]);
        assert_eq!(done(true, Some(Version(3, 20, 0)), false), [Some(true), Some(false)]);
        assert_eq!(done(true, None, true), [Some(true), Some(true)]);
        assert_eq!(done(true, Some(Version(2, 3, 41)), true), [Some(false), Some(true)]);
        let steps = steps(true, None, false, Some("/x/ngrok.yml".into()));
        assert!(steps[0].how.contains("https://ngrok.com/download"));
        assert!(steps[1].how.contains("ngrok config add-authtoken TOKEN"));
        assert!(!matches!(steps[1].act, Act::Run(_)), "a token goes on no command line");
    }

    #[test]
    fn a_file_that_is_edited_keeps_its_bytes_and_one_that_cannot_be_stays() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new/ngrok.yml");
        write(&path, TOKEN).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("version: \"3\"\nagent:\n    authtoken: {TOKEN}\n")
        );
        for broken in [&b"version: [\n"[..], b"\xff\xfe", b"- a\n- b\n"] {
            fs::write(&path, broken).unwrap();
            let error = write(&path, TOKEN).unwrap_err();
            assert!(!error.message.contains(TOKEN) && error.fix.is_some(), "{error:?}");
            assert_eq!(fs::read(&path).unwrap(), broken);
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(write(&path, TOKEN).unwrap_err().message.contains("not a regular file"));
    }
}
