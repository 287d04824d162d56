//! Questions to the person at the terminal.

use std::io::{self, IsTerminal};

use dialoguer::console::Term;

use crate::error::Result;
use crate::os::{Interruption, TerminalModes, Termination};

/// Is there somebody to ask?
pub(super) fn possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a yes. Ctrl-C is a no.
pub(super) fn confirm(question: &str) -> Result<bool> {
    let question = question.to_string();
    let prompt = move || dialoguer::Confirm::new().with_prompt(question).default(false).interact_opt();
    ask(move || prompt().ok().flatten()).map(|answer| answer.unwrap_or(false))
}

/// Asks for a line. `None` when there is none.
pub(super) fn text(question: &str) -> Result<Option<String>> {
    let question = question.to_string();
    ask(move || dialoguer::Input::new().with_prompt(question).interact_text().ok())
}

/// Asks for a line, which is `default` when nothing is typed. `None` after Ctrl-C.
pub(super) fn text_or(question: &str, default: &str) -> Result<Option<String>> {
    let (question, default) = (question.to_string(), default.to_string());
    ask(move || dialoguer::Input::new().with_prompt(question).default(default).interact_text().ok())
}

/// Asks for one of these; its place. `None` when none was chosen.
pub(super) fn choose(question: &str, items: &[String], default: usize) -> Result<Option<usize>> {
    let (question, items) = (question.to_string(), items.to_vec());
    ask(move || {
        let prompt = dialoguer::Select::new().with_prompt(question).items(items).default(default);
        prompt.interact_opt().ok().flatten()
    })
}

/// Asks for a line that the terminal does not show. `None` when there is none.
pub(super) fn secret(question: &str) -> Result<Option<String>> {
    let question = question.to_string();
    // A terminal that is gone gives empty lines for ever: one is enough.
    let answer = ask(move || {
        let prompt = dialoguer::Password::new();
        prompt.with_prompt(question).report(false).allow_empty_password(true).interact().ok()
    })?;
    Ok(answer.filter(|answer| !answer.trim().is_empty()))
}

/// Asks which of these; their places. `None` after Ctrl-C.
pub(super) fn choose_several(question: &str, items: &[&str]) -> Result<Option<Vec<usize>>> {
    let question = question.to_string();
    let items: Vec<String> = items.iter().map(|item| (*item).to_string()).collect();
    let prompt = move || dialoguer::MultiSelect::new().with_prompt(question).items(items).interact_opt();
    ask(move || prompt().ok().flatten())
}

/// The answer; `None` after Ctrl-C, which gives back the cursor and the echo that a question hides.
fn ask<T: Send + 'static>(prompt: impl FnOnce() -> Option<T> + Send + 'static) -> Result<Option<T>> {
    let runtime = super::runtime()?;
    let modes = TerminalModes::remember();
    let answer = runtime.block_on(async {
        // While these are listened to, Ctrl-C does not end the process in the middle of the question.
        let mut termination = Termination::listen().ok()?;
        let asked = tokio::task::spawn_blocking(prompt);
        tokio::select! {
            answer = asked => answer.ok().flatten(),
            () = interrupted(&mut termination) => None,
        }
    });
    // An interrupted question still waits for a key: it is left behind.
    runtime.shutdown_background();
    if answer.is_none() {
        modes.restore();
        let _ = Term::stderr().show_cursor();
    }
    Ok(answer)
}

async fn interrupted(termination: &mut Termination) {
    while termination.next().await == Interruption::ChildEnded {}
}
