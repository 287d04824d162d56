//! What the bridge says beside the protocol: all of it to `bridge.log`, what a person should see to standard
//! error too. Never a message's content, a header or a query.

use std::cell::RefCell;

use crate::report;
use crate::state::{Log, State};

/// See the module.
pub(super) struct Notes {
    log: RefCell<Option<Log>>,
    said: RefCell<String>,
}

impl Notes {
    /// `bridge.log` is shared by all bridges; each names its process.
    pub(super) fn open(state: Option<&State>) -> Self {
        let folder = state.and_then(|state| state.private_folder("logs").ok());
        Self {
            log: RefCell::new(folder.map(|folder| Log::open(&folder, "bridge"))),
            said: RefCell::default(),
        }
    }

    /// Into the log.
    pub(super) fn log(&self, text: &str) {
        if let Some(log) = &mut *self.log.borrow_mut() {
            let text: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
            log.line(&format!("[{}] {text}", std::process::id()));
        }
    }

    /// Into the log, and to standard error unless that was the last thing said.
    pub(super) fn say(&self, text: &str) {
        self.log(text);
        if *self.said.borrow() != text {
            report::remark(&format!("mcpgw bridge: {text}"));
            self.said.replace(text.into());
        }
    }
}
