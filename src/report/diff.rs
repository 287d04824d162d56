//! What a change would do, as a unified diff. Pure.

use similar::{ChangeTag, TextDiff};

/// The lines of a unified diff of `path`, three lines of context around each change,
/// and what kind each is: `-`, `+`, ` `, or `@` for a head. Empty when nothing changes.
pub fn unified(path: &str, old: &str, new: &str, exists: bool) -> Vec<(char, String)> {
    if old == new {
        return vec![];
    }
    let from = if exists { path } else { "/dev/null" };
    let mut lines = vec![('@', format!("--- {from}")), ('@', format!("+++ {path}"))];
    let diff = TextDiff::from_lines(old, new);
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        lines.push(('@', hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let mark = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let text = change.value();
            lines.push((mark, format!("{mark}{}", text.trim_end_matches(['\n', '\r']))));
            if !text.ends_with('\n') {
                lines.push((' ', "\\ No newline at end of file".into()));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(old: &str, new: &str) -> String {
        unified("x.json", old, new, true).into_iter().map(|(_, line)| line + "\n").collect()
    }

    #[test]
    fn a_change_is_shown_with_what_is_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n";
        let new = "1\n2\n3\n4\n5\nx\n6\n7\n8\n";
        assert_eq!(text(old, new), "--- x.json\n+++ x.json\n@@ -3,6 +3,7 @@\n 3\n 4\n 5\n+x\n 6\n 7\n 8\n");
        assert_eq!(
            text("a", "b\n"),
            "--- x.json\n+++ x.json\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n"
        );
        assert_eq!(text(old, old), "");
    }
}
