//! The one error that leaves a room: what happened and where, the fix as its own field, and the exit
//! status it earns. Rooms keep their own error types where a caller must tell cases apart; everything
//! that reaches a person or a JSON line has become this.

use std::fmt;

/// Why a command ends early, told the same way to people and to programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Stable and dotted, for programs: `gateway.not_listening`.
    pub code: &'static str,
    /// A lower-case fragment that reads after "failed to"; names the file, flag, process or URL.
    pub message: String,
    /// What to do about it, when we know.
    pub fix: Option<String>,
    /// What the process exits with.
    pub exit: Exit,
}

/// Exit statuses above zero (DESIGN: 1 failed, 2 usage).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The work could not be done.
    Failed = 1,
    /// The call itself was wrong: a flag, a setting, a config file.
    Usage = 2,
}

/// A result whose error is ready to be shown.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The work failed.
    pub fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fix: None, exit: Exit::Failed }
    }

    /// The call was wrong.
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, ..Self::failed(code, message) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// An I/O error in words: the first letter lowered, Rust's "(os error 2)" left out.
pub fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    // Windows ends its sentences; ours go on.
    let text = text.split(" (os error").next().unwrap_or(&text).trim_end_matches('.');
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Line and column of a byte, counted from 1; columns in characters.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().unwrap_or_default().chars().count() + 1)
}

/// Of these words the one that was probably meant: a letter or two are wrong, doubled, missing or swapped
/// (optimal string alignment), or it was cut short.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let far = typed.chars().count() / 3 + 1;
    let distance = |word: &str| match typed.chars().count() >= 3 && word.starts_with(&typed) {
        true => 1,
        // Words that nobody mistypes need no quadratic time.
        false if typed.len().max(word.len()) > 64 => usize::MAX,
        false => strsim::osa_distance(&typed, word),
    };
    let near = known.into_iter().map(|word| (distance(word), word)).filter(|(distance, _)| *distance <= far);
    near.min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_leads_to_the_word_that_was_meant_and_another_word_to_none() {
        let known = ["provider", "port", "profile", "claude-desktop", "ngrok"];
        for (typed, meant) in [
            ("provdier", Some("provider")),
            ("prot", Some("port")),
            ("claude", Some("claude-desktop")),
            ("NGROK", Some("ngrok")),
            ("ngork", Some("ngrok")),
            ("telephone", None),
            ("x", None),
            (&"x".repeat(100_000), None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{}", &typed[..typed.len().min(20)]);
        }
    }

    #[test]
    fn an_io_error_reads_like_a_sentence() {
        let windows = std::io::Error::other("The system cannot find the file specified. (os error 2)");
        assert_eq!(io_reason(&windows), "the system cannot find the file specified");
        #[cfg(unix)]
        assert_eq!(io_reason(&std::io::Error::from_raw_os_error(2)), "no such file or directory");
    }
}
