//! Several things of one kind, each with the same rows: what `mcpgw providers` prints. Fits 80 columns.

use dialoguer::console::style;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// What it is.
    pub title: String,
    /// Is it well?
    pub good: bool,
    /// How it stands, in a word or two.
    pub state: &'static str,
    /// A label and what is to be said about it.
    pub rows: Vec<(&'static str, String)>,
}

const WIDTH: usize = 80;
const INDENT: usize = 2;
const LABEL: usize = 18;

pub(super) fn plain(cards: &[Card]) -> String {
    text(
        cards,
        |card| format!("{:<width$}{}", card.title, card.state, width = INDENT + LABEL),
        str::to_string,
    )
}

pub(super) fn terminal(cards: &[Card]) -> String {
    let title = |card: &Card| {
        let state = if card.good { style(card.state).green() } else { style(card.state).yellow() };
        format!("{}{state}", style(format!("{:<width$}", card.title, width = INDENT + LABEL)).bold())
    };
    text(cards, title, |label| style(label).dim().to_string())
}

fn text(cards: &[Card], title: impl Fn(&Card) -> String, label: impl Fn(&str) -> String) -> String {
    let block = |card: &Card| {
        let rows = card.rows.iter().map(|(name, value)| {
            let lines = wrapped(value, WIDTH - INDENT - LABEL);
            let margin = format!("\n{:width$}", "", width = INDENT + LABEL);
            format!("{:INDENT$}{}{}", "", label(&format!("{name:<LABEL$}")), lines.join(&margin))
        });
        std::iter::once(title(card)).chain(rows).collect::<Vec<_>>().join("\n")
    };
    cards.iter().map(block).collect::<Vec<_>>().join("\n\n")
}

/// Broken between words; a word that is too long stays whole, so that it can be copied.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_aligned_rows_that_fit_the_terminal() {
        let cards = [
            Card {
                title: "ngrok".into(),
                good: false,
                state: "not ready",
                rows: vec![
                    (
                        "why",
                        "ngrok has no authtoken (neither in NGROK_AUTHTOKEN nor in its own config)".into(),
                    ),
                    ("next", "mcpgw providers setup ngrok".into()),
                ],
            },
            Card { title: "local".into(), good: true, state: "ready", rows: vec![("price", "free".into())] },
        ];
        insta::assert_snapshot!(plain(&cards), @r"
        ngrok               not ready
          why               ngrok has no authtoken (neither in NGROK_AUTHTOKEN nor in
                            its own config)
          next              mcpgw providers setup ngrok

        local               ready
          price             free
        ");
        assert!(plain(&cards).lines().all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        assert_eq!(wrapped("a bbbbbbbb c", 4), ["a", "bbbbbbbb", "c"]);
        assert_eq!(wrapped("", 4), [""]);
    }
}
