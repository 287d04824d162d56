//! What a look at one thing came to: what `mcpgw doctor` prints, a line each and the way out below it.

use dialoguer::console::style;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "a name, what was seen, and the way out, each time")]
pub enum Checked {
    /// As it should be.
    Good { id: String, text: String },
    /// Worth a look.
    Odd { id: String, text: String, fix: Option<String> },
    /// Wrong.
    Bad { id: String, text: String, fix: Option<String> },
    /// Not looked at, all for the same reason.
    Unseen { what: String, text: String },
}

const LABEL: usize = 28;

pub(super) fn plain(line: &Checked) -> String {
    match line {
        Checked::Good { id, text } => format!("ok    {id:<LABEL$} {text}"),
        Checked::Odd { id, text, fix } => with(format!("warn  {id:<LABEL$} {text}"), fix.as_deref()),
        Checked::Bad { id, text, fix } => with(format!("FAIL  {id:<LABEL$} {text}"), fix.as_deref()),
        Checked::Unseen { what, text } => format!("skip  {what:<LABEL$} {text}"),
    }
}

pub(super) fn terminal(line: &Checked) -> String {
    let name = |id: &str| style(format!("{id:<LABEL$}")).bold();
    match line {
        Checked::Good { id, text } => format!("{} {id:<LABEL$} {}", style("✔").green(), style(text).dim()),
        Checked::Odd { id, text, fix } => {
            with(format!("{} {} {text}", style("!").yellow(), name(id)), fix.as_deref())
        }
        Checked::Bad { id, text, fix } => {
            with(format!("{} {} {}", style("✘").red(), name(id), style(text).red()), fix.as_deref())
        }
        Checked::Unseen { what, text } => style(format!("- {what:<LABEL$} {text}")).dim().to_string(),
    }
}

fn with(line: String, fix: Option<&str>) -> String {
    match fix {
        Some(fix) => format!("{line}\n      fix: {}", fix.replace('\n', "\n           ")),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_out_stands_below_what_is_wrong() {
        let bad =
            Checked::Bad { id: "gateway.port".into(), text: "closed".into(), fix: Some("open it".into()) };
        assert_eq!(plain(&bad), "FAIL  gateway.port                 closed\n      fix: open it");
        let unseen = Checked::Unseen { what: "a (2)".into(), text: "needs x".into() };
        assert!(plain(&unseen).starts_with("skip  a (2) "));
    }
}
