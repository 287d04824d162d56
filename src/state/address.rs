//! The address that a project's last session had: an OAuth app, once registered with it, knows no other.

use std::fs;
use std::path::{Path, PathBuf};

use super::State;
use crate::file::{self, Privacy};

impl State {
    /// The address of the project's last session, where it is known.
    pub fn last_address(&self, folder: &Path) -> Option<String> {
        let text = fs::read_to_string(self.address_file(folder)).ok()?;
        Some(text.trim().to_string()).filter(|text| !text.is_empty())
    }

    /// Keeps the address of the project's session. Only a later look needs it, so nothing fails by it.
    pub fn keep_address(&self, folder: &Path, url: &str) {
        if self.private_folder("addresses").is_ok() {
            let _ = file::replace(&self.address_file(folder), url.as_bytes(), Privacy::Private);
        }
    }

    fn address_file(&self, folder: &Path) -> PathBuf {
        self.root
            .join("addresses")
            .join(self.key_file(folder).with_extension("txt").file_name().unwrap_or_default())
    }
}
