//! What goes on and on: a picture that is drawn anew at every change, and lines of logs.

use std::io::{self, IsTerminal, Write};

use base64::prelude::{BASE64_STANDARD, Engine};
use dialoguer::console::{Color, Term, measure_text_width, style};

use super::{Audience, Card, cards};

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// When (RFC 3339).
    pub at: String,
    /// Who said it.
    pub whose: &'static str,
    /// What. Already clean: nothing in it that a terminal would obey.
    pub text: String,
}

/// Tells a line of a log; with its source where there are `several`. False when nobody listens any more.
pub fn said(line: &Said, several: bool) -> bool {
    told(&match Audience::detect(false, false) {
        Audience::Terminal => styled(line, several),
        _ => plain(line, several),
    })
}

fn plain(line: &Said, several: bool) -> String {
    let Said { at, whose, text } = line;
    match several {
        true => format!("{at} {whose:<8} {text}"),
        false => format!("{at} {text}"),
    }
}

fn styled(line: &Said, several: bool) -> String {
    let Said { at, whose, text } = line;
    // The day is clear from what one does at a terminal; the zone is not.
    let time = style(at.split_once('T').map_or(at.as_str(), |(_, time)| time)).dim();
    let colour = match *whose {
        "gateway" => Color::Cyan,
        "provider" => Color::Magenta,
        "edge" => Color::Blue,
        _ => Color::Yellow,
    };
    match several {
        true => format!("{time} {} {text}", style(format!("{whose:<8}")).fg(colour)),
        false => format!("{time} {text}"),
    }
}

/// One line at once; false when nobody listens any more.
pub fn told(line: &str) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}

/// A part of the terminal that is drawn anew; a pipe gets one picture after the other.
#[derive(Debug, Default)]
pub struct Canvas {
    drawn: String,
}

impl Canvas {
    /// Shows cards. False when nobody listens any more.
    pub fn cards(&mut self, all: &[Card]) -> bool {
        match Audience::detect(false, false) {
            Audience::Terminal => self.draw(cards::terminal(all)),
            _ => told(&format!("{}\n", cards::plain(all))),
        }
    }

    /// Shows one line instead.
    pub fn line(&mut self, line: &str) -> bool {
        match Audience::detect(false, false) {
            Audience::Terminal => self.draw(line.into()),
            _ => told(line),
        }
    }

    fn draw(&mut self, picture: String) -> bool {
        let (height, width) = Term::stdout().size();
        let up = rows(&self.drawn, usize::from(width)).min(usize::from(height).saturating_sub(1));
        // Up to where the last picture began, and everything below goes.
        let back = if up == 0 { String::new() } else { format!("\x1b[{up}A\r\x1b[J") };
        self.drawn = fitting(&picture, usize::from(width), usize::from(height));
        told(&format!("{back}{}", self.drawn))
    }
}

/// As much of a text as a terminal of this size shows at once: what is higher cannot be drawn over.
fn fitting(text: &str, width: usize, height: usize) -> String {
    // The line that the cursor is left on.
    let room = height.saturating_sub(1).max(1);
    if rows(text, width) <= room {
        return text.into();
    }
    let (mut kept, mut used) = (vec![], 1);
    for line in text.lines() {
        used += rows(line, width).max(1);
        if used > room {
            break;
        }
        kept.push(line);
    }
    let left = text.lines().count() - kept.len();
    let more = style(format!("… {left} more lines: the terminal is too small")).dim();
    kept.push("");
    kept.join("\n") + &more.to_string()
}

/// How many rows of a terminal this wide a text takes.
fn rows(text: &str, width: usize) -> usize {
    text.lines().map(|line| measure_text_width(line).div_ceil(width.max(1)).max(1)).sum()
}

/// Asks the terminal to take a text into the clipboard (OSC 52, xterm's control sequences). False where there
/// is no terminal.
pub fn ask_terminal_to_copy(text: &str) -> bool {
    let sequence = format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text));
    match () {
        () if std::env::var_os("TERM").is_some_and(|term| term == "dumb") => false,
        () if io::stdout().is_terminal() => {
            write!(io::stdout(), "{sequence}").and_then(|()| io::stdout().flush()).is_ok()
        }
        () if io::stderr().is_terminal() => write!(io::stderr(), "{sequence}").is_ok(),
        () => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_as_high_as_a_narrow_terminal_makes_it() {
        assert_eq!(rows("12345\n\n123456\x1b[1m", 5), 4);
        assert_eq!(rows("", 5), 0);
    }

    #[test]
    fn a_picture_that_is_too_high_is_cut_where_the_terminal_ends() {
        let text = "1\n22222222\n3\n4\n5";
        assert_eq!(fitting(text, 80, 6), text);
        assert_eq!(fitting(text, 80, 4), "1\n22222222\n… 3 more lines: the terminal is too small");
        assert_eq!(fitting(text, 4, 5), "1\n22222222\n… 3 more lines: the terminal is too small");
        assert!(rows(&fitting(&"x\n".repeat(100), 80, 24), 80) <= 23);
        assert!(fitting(text, 1, 1).starts_with('…'));
    }

    #[test]
    fn a_pipe_gets_the_time_and_whose_line_it_is() {
        let line = Said { at: "2026-01-01T00:00:00.000Z".into(), whose: "edge", text: "GET /".into() };
        assert_eq!(plain(&line, true), "2026-01-01T00:00:00.000Z edge     GET /");
        assert_eq!(plain(&line, false), "2026-01-01T00:00:00.000Z GET /");
    }
}
