//! Questions to the person at the terminal.

use dialoguer::console::Term;

/// Asks for a yes. Ctrl-C is a no, and gives the cursor back.
pub(super) fn confirm(question: &str) -> bool {
    let answer = dialoguer::Confirm::new().with_prompt(question).default(false).interact_opt();
    if answer.is_err() {
        let _ = Term::stderr().show_cursor();
    }
    matches!(answer, Ok(Some(true)))
}
