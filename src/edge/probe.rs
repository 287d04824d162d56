//! The random path by which the edge recognises itself: asked through the public URL, only this very
//! process can give the answer. Not somebody else's sub-domain, not an interstitial, not a corpse.

use crate::error::Result;
use crate::state::random_hex;

/// A secret path and the secret answer to it; both new for every session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Where to ask.
    pub path: String,
    /// Where an event stream is to be had whose first event comes at once and whose end comes later.
    pub stream: String,
    /// What only we can answer.
    pub answer: String,
}

impl Probe {
    /// 128 random bits each.
    pub fn random() -> Result<Self> {
        let path = format!("/.well-known/mcpgw-probe/{}", random_hex(16)?);
        Ok(Self { stream: format!("{path}/stream"), path, answer: random_hex(16)? })
    }
}
