//! The findings as people and as programs read them: two renderers of the same rows.

use serde::Serialize;

use super::{Row, Verdict};
use crate::report::Checked;

/// Something that `--fix` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repaired {
    /// For which check.
    pub id: String,
    /// What.
    pub did: String,
}

/// What `--json` prints (docs/doctor.schema.json).
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    checks: &'a [Row],
    /// With `--fix` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<&'a [Repaired]>,
}

/// The one JSON document.
pub fn document(rows: &[Row], repaired: Option<&[Repaired]>) -> String {
    serde_json::to_string(&Document { version: 1, checks: rows, repaired }).unwrap_or_default()
}

/// A line a finding. What was not looked at for one and the same reason shares a line.
pub fn lines(rows: &[Row]) -> Vec<Checked> {
    let mut lines: Vec<Checked> = vec![];
    let mut told: Vec<&str> = vec![];
    for row in rows {
        let (id, text, fix) = (row.id.clone(), row.evidence.clone(), row.fix.clone());
        let line = match (row.verdict, row.because.as_deref()) {
            (Verdict::Pass, _) => Checked::Good { id, text },
            (Verdict::Warn, _) => Checked::Odd { id, text, fix },
            (Verdict::Fail, _) => Checked::Bad { id, text, fix },
            (Verdict::Skip, Some(root)) if told.contains(&root) => continue,
            (Verdict::Skip, Some(root)) => {
                told.push(root);
                let same = rows.iter().filter(|other| other.because.as_deref() == Some(root));
                Checked::Unseen { what: groups(&same.map(|row| row.id.as_str()).collect::<Vec<_>>()), text }
            }
            (Verdict::Skip, None) if told.contains(&row.evidence.as_str()) => continue,
            (Verdict::Skip, None) => {
                told.push(&row.evidence);
                let same = rows
                    .iter()
                    .filter(|other| other.verdict == Verdict::Skip && other.evidence == row.evidence);
                Checked::Unseen { what: groups(&same.map(|row| row.id.as_str()).collect::<Vec<_>>()), text }
            }
        };
        lines.push(line);
    }
    lines
}

/// What is wrong or odd, to be told again at the end where it would have scrolled out of sight.
pub fn once_more(lines: &[Checked]) -> Vec<Checked> {
    const IN_SIGHT: usize = 20;
    const MOST: usize = 5;
    let is_alarm = |line: &&Checked| matches!(line, Checked::Odd { .. } | Checked::Bad { .. });
    let is_far = |at: usize| lines.len() - at > IN_SIGHT;
    match lines.iter().position(|line| is_alarm(&line)) {
        Some(at) if is_far(at) => {
            let failed = |line: &&Checked| matches!(line, Checked::Bad { .. });
            let first = lines.iter().filter(failed);
            let then = lines.iter().filter(|line| is_alarm(line) && !failed(line));
            first.chain(then).take(MOST).cloned().collect()
        }
        _ => vec![],
    }
}

/// `gateway.mcp`, or how many of each group: `gateway (5), tunnel (9)`.
fn groups(ids: &[&str]) -> String {
    let mut counted: Vec<(&str, &str, usize)> = vec![];
    for id in ids {
        let group = id.split('.').next().unwrap_or_default();
        match counted.iter_mut().find(|(known, ..)| *known == group) {
            Some((.., count)) => *count += 1,
            None => counted.push((group, id, 1)),
        }
    }
    let words = counted.into_iter().map(|(group, id, count)| match count {
        1 => id.to_string(),
        _ => format!("{group} ({count})"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// How many of each, in words.
pub fn summary(rows: &[Row]) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    let named = [
        (count(Verdict::Fail), "failed"),
        (count(Verdict::Warn), "to be looked at"),
        (count(Verdict::Pass), "passed"),
        (count(Verdict::Skip), "skipped"),
    ];
    let some =
        named.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let counted = some.collect::<Vec<_>>().join(", ");
    match rows.iter().find(|row| row.verdict == Verdict::Fail) {
        Some(first) => format!("{counted}; begin with {}", first.id),
        None => counted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_again_only_where_it_is_out_of_sight_failures_first() {
        let good = |count| (0..count).map(|n| Checked::Good { id: format!("g.{n}"), text: String::new() });
        let odd = Checked::Odd { id: "odd".into(), text: String::new(), fix: None };
        let bad = Checked::Bad { id: "bad".into(), text: String::new(), fix: None };
        let lines = |after| [odd.clone(), bad.clone()].into_iter().chain(good(after)).collect::<Vec<_>>();
        assert_eq!(once_more(&lines(30)), [bad.clone(), odd.clone()]);
        assert_eq!(once_more(&lines(5)), []);
        assert_eq!(once_more(&good(50).collect::<Vec<_>>()), []);
    }
}
