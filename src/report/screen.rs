//! The terminal's last line while something is waited for: a spinner that lines are printed above, and that is
//! gone without a trace when it is over.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Screen {
    spinner: Option<ProgressBar>,
    /// What was waited for when the terminal was left to others.
    suspended: Option<String>,
}

impl Screen {
    /// Shows what is waited for.
    pub(super) fn spin(&mut self, phase: String) {
        let spinner = self.spinner.get_or_insert_with(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        spinner.set_message(phase);
    }

    /// Does `line` above the spinner.
    pub(super) fn above(&self, line: impl FnOnce()) {
        match &self.spinner {
            Some(spinner) => spinner.suspend(line),
            None => line(),
        }
    }

    /// Takes the spinner away.
    pub(super) fn rest(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    /// Takes it away for a while.
    pub(super) fn suspend(&mut self) {
        self.suspended = self.spinner.as_ref().map(ProgressBar::message);
        self.rest();
    }

    /// Shows it again.
    pub(super) fn resume(&mut self) {
        if let Some(phase) = self.suspended.take() {
            self.spin(phase);
        }
    }
}
