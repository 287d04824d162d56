//! A process as its user knows it: what was typed, without secrets. And words of others, cut where they are too long.

use crate::os::{self, Process};
use crate::provider::without_tokens;

/// A process as its user knows it: what was typed, without secrets, and its id.
pub(super) fn program_of(process: &Process) -> String {
    const LONGEST: usize = 100;
    let arguments = os::arguments(process.pid);
    let typed = match arguments.is_empty() {
        true => process.name.clone(),
        false => arguments.join(" "),
    };
    let mut hide = false;
    let words = typed.split_whitespace().map(|word| {
        let secret = std::mem::replace(&mut hide, names_a_secret(word) && !word.contains('='));
        match word.split_once('=') {
            _ if secret => "[hidden]".to_string(),
            Some((name, _)) if names_a_secret(name) => format!("{name}=[hidden]"),
            _ => word.to_string(),
        }
    });
    let typed = words.collect::<Vec<_>>().join(" ");
    format!("{} (pid {})", short(&without_tokens(&typed), LONGEST), process.pid)
}

fn names_a_secret(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    word.starts_with('-')
        && ["token", "key", "secret", "password", "auth"].iter().any(|part| word.contains(part))
}

/// Without control characters, and with a sign where more was said.
pub(super) fn short(text: &str, longest: usize) -> String {
    let mut chars = text.chars().filter(|char| !char.is_control());
    let shown: String = chars.by_ref().take(longest).collect();
    if chars.next().is_some() { format!("{}…", shown.trim_end()) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(short("node \u{7}lt --port 1", 20), "node lt --port 1");
        assert_eq!(short("node lt --port 4000", 9), "node lt -…");
        assert_eq!(short("node lt", 7), "node lt");
    }
}
