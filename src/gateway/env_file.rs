//! `--env-file`: our variables kept in a file that may hold others. Lines that are not ours stay as
//! they are, to the byte.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::error::{Error, Result, io_reason};
use crate::file::{self, Privacy};
use crate::state::EnvFile;

/// Sets the variables in the file, and says what stood there before; `kept` is what was said the last time. Nothing is
/// written when it says the same already.
pub fn write(path: &Path, variables: &BTreeMap<String, String>, kept: Option<EnvFile>) -> Result<EnvFile> {
    // Reading a pipe would wait for a writer that never comes.
    check(path)?;
    let old = read(path)?;
    let before = kept.unwrap_or_else(|| before(path, old.as_deref(), variables));
    let old = old.unwrap_or_default();
    let new = edit(&old, variables);
    if new != old {
        // Other programs' secrets may share it; a new file is the user's alone.
        file::replace(path, &new, Privacy::Private).map_err(|error| trouble(path, "write", &error))?;
    }
    Ok(EnvFile { written: variables.clone(), ..before })
}

/// Puts back what stood in the file before a session wrote its variables there. Lines that somebody changed since are
/// theirs and stay.
pub fn give_back(kept: &EnvFile) -> Result<()> {
    let Some(old) = read(&kept.path)?.filter(|_| !kept.stays) else { return Ok(()) };
    let new = undo(&old, kept);
    let done = match () {
        () if new == old => Ok(()),
        () if kept.created && new.is_empty() => fs::remove_file(&kept.path),
        () => file::replace(&kept.path, &new, Privacy::Private),
    };
    done.map_err(|error| trouble(&kept.path, "give back", &error))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(old) => Ok(Some(old)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(trouble(path, "read", &error)),
    }
}

fn before(path: &Path, old: Option<&[u8]>, variables: &BTreeMap<String, String>) -> EnvFile {
    let mut before: BTreeMap<String, String> =
        variables.keys().map(|name| (name.clone(), String::new())).collect();
    for line in old.unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
        if let Some(lines) = assigned(line).and_then(|name| before.get_mut(name)) {
            lines.push_str(&String::from_utf8_lossy(line));
        }
    }
    EnvFile {
        path: path.to_path_buf(),
        written: BTreeMap::new(),
        before,
        created: old.is_none(),
        open_ended: old.is_some_and(|old| !old.is_empty() && !old.ends_with(b"\n")),
        stays: false,
    }
}

/// The file's bytes with our lines turned into what was there before.
fn undo(now: &[u8], kept: &EnvFile) -> Vec<u8> {
    let mut old = Vec::with_capacity(now.len());
    let mut appended = false;
    for line in now.split_inclusive(|byte| *byte == b'\n') {
        let ours = assigned(line).and_then(|name| {
            let value = kept.written.get(name)?;
            let text = line.trim_ascii();
            let text = text.strip_prefix(b"export ").unwrap_or(text).trim_ascii_start();
            (text == format!("{name}={}", quoted(value)).as_bytes()).then(|| kept.before.get(name))?
        });
        match ours {
            None => old.extend_from_slice(line),
            Some(before) => {
                appended |= before.is_empty();
                old.extend_from_slice(before.as_bytes());
            }
        }
    }
    if kept.open_ended && appended && old.ends_with(b"\n") {
        old.truncate(old.len() - line_end(&old).len());
    }
    old
}

/// Is there a regular file at `path`, or room for one? A wrong path is better told before anything runs.
pub fn check(path: &Path) -> Result<()> {
    file::must_be_writable(path).map(drop).map_err(|error| trouble(path, "use", &error))
}

fn trouble(path: &Path, verb: &str, error: &io::Error) -> Error {
    Error::failed("gateway.env_file", format!("{verb} {}: {}", path.display(), io_reason(error)))
        .fix("check the --env-file path and its permissions")
}

/// The file's bytes with each variable set once: in its first line where it has one (later ones would
/// win in most readers, so they go), else at the end.
fn edit(old: &[u8], variables: &BTreeMap<String, String>) -> Vec<u8> {
    let newline: &[u8] = if old.windows(2).any(|pair| pair == b"\r\n") { b"\r\n" } else { b"\n" };
    let mut missing: BTreeMap<&str, &str> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut new = Vec::with_capacity(old.len() + 128);
    for line in old.split_inclusive(|byte| *byte == b'\n') {
        match assigned(line).filter(|name| variables.contains_key(*name)) {
            None => new.extend_from_slice(line),
            Some(name) => {
                if let Some(value) = missing.remove(name) {
                    let export = if line.trim_ascii_start().starts_with(b"export ") { "export " } else { "" };
                    new.extend_from_slice(format!("{export}{name}={}", quoted(value)).as_bytes());
                    new.extend_from_slice(line_end(line));
                }
            }
        }
    }
    if !missing.is_empty() && !new.is_empty() && !new.ends_with(b"\n") {
        new.extend_from_slice(newline);
    }
    for (name, value) in missing {
        new.extend_from_slice(format!("{name}={}", quoted(value)).as_bytes());
        new.extend_from_slice(newline);
    }
    new
}

fn line_end(line: &[u8]) -> &[u8] {
    let text = line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line));
    &line[text.len()..]
}

/// The name that a line assigns to, if it is an assignment.
fn assigned(line: &[u8]) -> Option<&str> {
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"export ").unwrap_or(line).trim_ascii_start();
    let name = line.split(|byte| *byte == b'=').next().filter(|name| name.len() < line.len())?;
    std::str::from_utf8(name.trim_ascii_end()).ok()
}

/// As dotenv readers and shells agree on: bare where nothing needs quoting, else in single quotes.
fn quoted(value: &str) -> String {
    let bare = |char: char| char.is_ascii_alphanumeric() || "-._:/@%+,=".contains(char);
    match value.chars().all(bare) {
        true => value.to_string(),
        false => format!("'{}'", value.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ours() -> BTreeMap<String, String> {
        BTreeMap::from([("APP_URL".into(), "https://x.example".into()), ("CORS".into(), "a b".into())])
    }

    fn edited(old: &str) -> String {
        String::from_utf8(edit(old.as_bytes(), &ours())).unwrap()
    }

    #[test]
    fn lines_of_others_stay_to_the_byte_and_ours_are_replaced_in_place() {
        let old = "# mine\nDB=x # y\n\nAPP_URL=http://old\nexport CORS=old\n#APP_URL=no\nLAST='z'";
        let new = "# mine\nDB=x # y\n\nAPP_URL=https://x.example\nexport CORS='a b'\n#APP_URL=no\nLAST='z'";
        assert_eq!(edited(old), new);
    }

    #[test]
    fn a_new_file_and_one_without_a_last_newline_get_whole_lines() {
        assert_eq!(edited(""), "APP_URL=https://x.example\nCORS='a b'\n");
        assert_eq!(edited("A=1"), "A=1\nAPP_URL=https://x.example\nCORS='a b'\n");
        assert_eq!(edited("A=1\r\n"), "A=1\r\nAPP_URL=https://x.example\r\nCORS='a b'\r\n");
    }

    #[test]
    fn at_the_end_the_file_is_what_it_was_and_what_others_wrote_meanwhile_is_theirs() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".env");
        let values = |url: &str| BTreeMap::from([("APP_URL".to_string(), url.to_string())]);
        let session = |meanwhile: &str| {
            let first = write(&path, &values("https://a.example"), None).unwrap();
            let second = write(&path, &values("https://b.example"), Some(first)).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains("APP_URL=https://b.example"), "{text}");
            fs::write(&path, text.replace("APP_URL=https://b.example", meanwhile)).unwrap();
            give_back(&second).unwrap();
            fs::read_to_string(&path).ok()
        };
        let untouched = "APP_URL=https://b.example";
        assert_eq!(session(untouched), None, "there was no file");
        for old in ["", "A=1\n", "A=1", "A=1\r\n", "export APP_URL='x y' # mine\nB=2", "B=2\nAPP_URL = old"] {
            fs::write(&path, old).unwrap();
            assert_eq!(session(untouched).as_deref(), Some(old));
        }
        fs::write(&path, "APP_URL=old\n").unwrap();
        assert_eq!(session("APP_URL=theirs").as_deref(), Some("APP_URL=theirs\n"));
        let kept = write(&path, &values("https://a.example"), None).unwrap();
        fs::remove_file(&path).unwrap();
        give_back(&kept).unwrap();
        assert!(!path.exists(), "who removed it meant it");
    }

    #[test]
    fn a_second_assignment_that_would_win_goes() {
        assert_eq!(
            edited("APP_URL=1\nX=1\nAPP_URL=2\nCORS=1\n"),
            "APP_URL=https://x.example\nX=1\nCORS='a b'\n"
        );
    }

    proptest! {
        #[test]
        fn whatever_the_file_holds_other_lines_survive_and_a_second_edit_changes_nothing(
            lines in proptest::collection::vec("[A-Z#= '\"a-z\\r]{0,12}|APP_URL=x|export CORS = 1", 0..12),
        ) {
            let old = lines.join("\n");
            let new = edit(old.as_bytes(), &ours());
            prop_assert_eq!(&edit(&new, &ours()), &new);
            let others = |bytes: &[u8]| -> Vec<Vec<u8>> {
                bytes.split(|byte| *byte == b'\n')
                    .filter(|line| !matches!(assigned(line), Some("APP_URL" | "CORS")))
                    .map(|line| line.trim_ascii_end().to_vec()).filter(|line| !line.is_empty()).collect()
            };
            prop_assert_eq!(others(old.as_bytes()), others(&new));
        }
    }
}
