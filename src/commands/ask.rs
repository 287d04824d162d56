//! Questions to the person at the terminal.

use dialoguer::console::Term;

use crate::error::Result;
use crate::os::{Interruption, Termination};

/// Asks for a yes. Ctrl-C is a no, and gives the cursor back, which the question hides.
pub(super) fn confirm(question: &str) -> Result<bool> {
    let runtime = super::runtime()?;
    let question = question.to_string();
    let prompt = move || dialoguer::Confirm::new().with_prompt(question).default(false).interact_opt();
    let answer = runtime.block_on(async {
        // While these are listened to, Ctrl-C does not end the process in the middle of the question.
        let mut termination = Termination::listen().ok()?;
        let asked = tokio::task::spawn_blocking(move || prompt().ok().flatten());
        tokio::select! {
            answer = asked => answer.ok().flatten(),
            () = interrupted(&mut termination) => None,
        }
    });
    // An interrupted question still waits for a key: it is left behind.
    runtime.shutdown_background();
    if answer.is_none() {
        let _ = Term::stderr().show_cursor();
    }
    Ok(answer.unwrap_or(false))
}

async fn interrupted(termination: &mut Termination) {
    while termination.next().await == Interruption::ChildEnded {}
}
