//! The only mouth: everything mcpgw says to a person or a program leaves through here (a lint keeps
//! it so). Rooms hand over values ([`Event`], [`Error`], a document); how they look is decided here.
//!
//! Standard output carries the result (JSON lines with `--json`), standard error the trouble.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this room is the mouth")]

mod cards;
mod checked;
mod diff;
mod event;
mod live;
mod panel;
mod screen;
mod stage;
mod words;

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::Instant;

use dialoguer::console::{Term, style};

pub use cards::Card;
pub use checked::Checked;
pub use diff::unified as unified_diff;
pub use event::Event;
pub use live::{Canvas, Said, ask_terminal_to_copy, said, told};
use panel::Room;
pub use panel::url_with_key;
use screen::Screen;
use stage::{Act, Stage};
use words::{Line, Tone};

use crate::error::{Error, Exit};

/// Who is listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// A program: JSON lines on standard output.
    Json,
    /// A person at a terminal: spinners, colour, a panel with a QR code.
    Terminal,
    /// A pipe or a file: one plain line an event.
    Plain,
    /// Somebody who wants the address and nothing else but trouble.
    Quiet,
}

impl Audience {
    /// What the flags and the two streams make of it.
    pub fn detect(json: bool, quiet: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match (json, quiet) {
            (true, _) => Self::Json,
            (_, true) => Self::Quiet,
            _ if io::stdout().is_terminal() && io::stderr().is_terminal() && !dumb => Self::Terminal,
            _ => Self::Plain,
        }
    }
}

/// Tells a session's story to one audience.
pub struct Report {
    audience: Audience,
    /// Does the panel show the address as a QR code?
    code: bool,
    show: Mutex<Show>,
}

/// What is shown at the moment.
#[derive(Default)]
struct Show {
    stage: Stage,
    screen: Screen,
    /// The address that a pipe was told of last.
    told: Option<String>,
    /// For the panel, where a person sees it.
    key: Option<String>,
}

impl Report {
    /// A report for `audience`.
    pub fn new(audience: Audience) -> Self {
        Self { audience, code: true, show: Mutex::default() }
    }

    /// The same without a QR code.
    #[must_use]
    pub fn without_code(self, unwanted: bool) -> Self {
        Self { code: !unwanted, ..self }
    }

    fn room(&self) -> Room {
        let (rows, columns) = Term::stdout().size_checked().unwrap_or((u16::MAX, u16::MAX));
        Room { rows: rows.into(), columns: columns.into(), code: self.code }
    }

    /// Who listens.
    pub fn audience(&self) -> Audience {
        self.audience
    }

    /// The key that the next panel shows a person who sits at the terminal. Nobody else ever sees it.
    pub fn show_key(&self, key: Option<String>) {
        if self.audience == Audience::Terminal
            && let Ok(mut show) = self.show.lock()
        {
            show.key = key;
        }
    }

    /// Tells one event.
    pub fn event(&self, event: &Event) {
        match self.audience {
            Audience::Json => out(&event::json_line(event, jiff::Timestamp::now())),
            Audience::Terminal => self.perform(event),
            Audience::Plain => {
                for line in words::of(event) {
                    plain(&line);
                }
                if let Event::Ready { url, .. } = event {
                    self.ready_in_plain_words(event, url);
                }
            }
            Audience::Quiet => match event {
                Event::Ready { mcp_url, .. } => out(mcp_url),
                _ => words::of(event).iter().filter(|line| line.tone == Tone::Trouble).for_each(plain),
            },
        }
    }

    /// The end of a failed command. As an event too where a program listens.
    pub fn failure(&self, error: &Error) {
        if self.audience == Audience::Json {
            self.event(&Event::from(error));
        }
        match (self.audience, error.exit) {
            (Audience::Json, Exit::Failed) => {}
            _ => {
                self.rest();
                failure(error);
            }
        }
    }

    /// The addresses; one line where they are the same as before.
    fn ready_in_plain_words(&self, event: &Event, url: &str) {
        let Ok(mut show) = self.show.lock() else { return };
        match show.told.as_deref() == Some(url) {
            true => out(&format!("ready again under {url}")),
            false => out(&panel::plain(event)),
        }
        show.told = Some(url.into());
    }

    fn perform(&self, event: &Event) {
        let Ok(mut show) = self.show.lock() else { return };
        for act in show.stage.hear(event, Instant::now()) {
            match act {
                Act::Say(line) => show.screen.above(|| terminal(&line)),
                Act::Spin(phase) => show.screen.spin(phase),
                Act::Rest => show.screen.rest(),
                Act::Panel => {
                    out(&panel::paste(event, show.key.as_deref()));
                    out(&panel::terminal(event, &show.stage.logs, self.room()));
                }
                Act::Hint => out(&style("Ctrl-C stops it.").dim().to_string()),
            }
        }
    }

    /// Leaves the terminal to others, for Ctrl-Z.
    pub fn suspend(&self) {
        if let Ok(mut show) = self.show.lock() {
            show.screen.suspend();
            out(&style("Suspended: visitors wait until `fg`.").dim().to_string());
        }
    }

    /// Takes it back.
    pub fn resume(&self) {
        if let Ok(mut show) = self.show.lock() {
            show.screen.resume();
        }
    }

    /// Leaves the terminal as it was found.
    fn rest(&self) {
        if let Ok(mut show) = self.show.lock() {
            show.screen.rest();
        }
    }
}

/// One line of a one-shot command's result.
pub fn out(line: &str) {
    // A closed pipe is the reader's choice, not an error of ours.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Things that are compared, one below the other.
pub fn cards(cards: &[Card]) {
    out(&match Audience::detect(false, false) {
        Audience::Terminal => cards::terminal(cards),
        _ => cards::plain(cards),
    });
}

/// An address as a QR code, where it fits.
pub fn qr(url: &str) {
    match panel::qr_within(url, terminal_width()) {
        Some(code) => out(&code),
        None => remark("the terminal is too narrow for the QR code"),
    }
}

/// In columns; plenty where there is no terminal.
fn terminal_width() -> usize {
    Term::stdout().size_checked().map_or(usize::MAX, |(_, width)| usize::from(width))
}

/// What would change in a file.
pub fn diff(path: &std::path::Path, old: &str, new: &str) {
    diff_lines(&unified_diff(&path.display().to_string(), old, new, true));
}

/// A unified diff, in colour at a terminal.
pub fn diff_lines(lines: &[(char, String)]) {
    let coloured = Audience::detect(false, false) == Audience::Terminal;
    for (mark, line) in lines {
        match mark {
            '+' if coloured => out(&style(line).green().to_string()),
            '-' if coloured => out(&style(line).red().to_string()),
            _ => out(line),
        }
    }
}

/// What looks at one thing after the other came to.
pub fn checked(lines: &[Checked]) {
    let show = match Audience::detect(false, false) {
        Audience::Terminal => checked::terminal,
        _ => checked::plain,
    };
    lines.iter().for_each(|line| out(&show(line)));
}

/// A step that is done.
pub fn done(what: &str) {
    step(&Line::did(what));
}

/// A step that is to be done, and how.
pub fn to_do(what: &str, how: &str) {
    step(&Line::to_do(what, how));
}

/// Something worth knowing beside a step.
pub fn note(text: &str) {
    step(&Line::notice(text, None));
}

/// Something worth knowing beside a step, and what to do about it.
pub fn advise(notice: &Event) {
    words::of(notice).iter().for_each(step);
}

/// The same beside a command's result, which somebody may read by program.
pub fn aside(notice: &Event) {
    words::of(notice).iter().for_each(terminal_err);
}

fn step(line: &Line) {
    match Audience::detect(false, false) {
        Audience::Terminal => terminal(line),
        _ => plain(line),
    }
}

/// What a child writes to standard error, passed on as it is.
pub fn pass_on(data: &[u8]) {
    let _ = io::stderr().lock().write_all(data);
}

/// Raw bytes of a one-shot command's result: a completion script, a man page.
pub fn bytes(data: &[u8]) {
    let _ = io::stdout().lock().write_all(data);
}

/// Messages of a protocol that owns standard output, a line each. An error: nobody will read them.
pub fn protocol(lines: &[bytes::Bytes]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    // As one write where that costs little: the reader wakes once.
    const TOGETHER: usize = 64 << 10;
    let mut together = Vec::new();
    for line in lines {
        if line.len() > TOGETHER {
            stdout.write_all(&std::mem::take(&mut together))?;
            stdout.write_all(line)?;
        } else {
            together.extend_from_slice(line);
        }
        together.push(b'\n');
    }
    stdout.write_all(&together)?;
    stdout.flush()
}

/// A remark to a person beside a command's result.
pub fn remark(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Why a command ended, and the way out.
pub fn failure(error: &Error) {
    terminal_err(&Line::trouble("error", &error.message, error.fix.as_deref()));
}

fn plain(line: &Line) {
    match line.tone {
        Tone::Trouble => eprint_line(&line.plain()),
        _ => out(&line.plain()),
    }
}

fn terminal(line: &Line) {
    match line.tone {
        Tone::Trouble => terminal_err(line),
        _ => out(&line.styled()),
    }
}

fn terminal_err(line: &Line) {
    let text = if Term::stderr().is_term() { line.styled() } else { line.plain() };
    eprint_line(&text);
}

fn eprint_line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
