//! The way to a provider that is ready, as steps: what each is for, whether it is done, the command line.
//! Data only: asking and running is the command's part.

use std::path::PathBuf;

use super::redact;
use crate::error::Result;
use crate::process::Spec;

/// One step of the way.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it is for: `log in to Cloudflare`.
    pub what: String,
    /// Is it done? `None` where only its own run tells.
    pub done: Option<bool>,
    /// What a person would type, or do.
    pub how: String,
    /// What mcpgw does about it, when it may.
    pub act: Act,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Nothing: it is left to the person.
    ByHand,
    /// Runs a program in the foreground.
    Run(Run),
    /// Asks for a secret and keeps it where the provider's program looks for it.
    Keep(Keep),
}

/// A program that a step runs.
#[derive(Debug, Clone)]
pub struct Run {
    /// How it is started.
    pub spec: Spec,
    /// Does it need the terminal to itself? It is not listened to then.
    pub alone: bool,
    /// What it says when it fails because the step was done before, in lower case.
    pub done_before: &'static [&'static str],
    /// What to look at in that case.
    pub then: Option<String>,
}

/// A secret that a step keeps.
#[derive(Debug, Clone)]
pub struct Keep {
    /// What it is called.
    pub name: &'static str,
    /// Where the person finds it.
    pub source: &'static str,
    /// The file it goes to.
    pub file: PathBuf,
    /// Puts it there.
    pub keep: fn(&str) -> Result<()>,
}

impl Run {
    /// Was the step done before, going by what its failed run said?
    pub fn was_done_before(&self, said: &str) -> bool {
        let said = said.to_lowercase();
        self.done_before.iter().any(|words| said.contains(words))
    }
}

/// A command line as it would be typed.
pub(super) fn typed(program: &str, args: &[&str]) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-._~/:@%+=,".contains(char);
    let quoted = |word: &&str| match !word.is_empty() && word.chars().all(plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    std::iter::once(&program).chain(args).map(quoted).collect::<Vec<_>>().join(" ")
}

/// The end of what a program said, on one line, without secrets and control characters.
pub fn last_words(said: &str) -> String {
    const LINES: usize = 3;
    const LONGEST: usize = 300;
    let lines: Vec<&str> = said.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("; ");
    let last: String = redact::tokens(&last).chars().filter(|char| !char.is_control()).collect();
    let surplus = last.chars().count().saturating_sub(LONGEST);
    last.chars().skip(surplus).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_typed_as_it_is_shown() {
        assert_eq!(typed("npm", &["install", "-g", "localtunnel"]), "npm install -g localtunnel");
        assert_eq!(typed("x", &["my tunnel", "it's", ""]), r"x 'my tunnel' 'it'\''s' ''");
    }

    #[test]
    fn last_words_are_short_and_hold_no_secret() {
        let token = "2aBcDeFgHiJkLmNoPqRsTuVwXyZ_1a2B3c4D5e6F7g8H9i0J1";
        let said = format!("first\n\nsecond\r\nthe token {token} is wrong\x1b[0m\nlast\n");
        assert_eq!(last_words(&said), "second; the token [hidden] is wrong[0m; last");
        assert!(last_words(&"x".repeat(5000)).len() <= 300);
        assert_eq!(last_words(""), "");
    }
}
