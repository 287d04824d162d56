//! What a check found.

use serde::Serialize;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// It works, and something is to be known or done.
    Warn,
    /// It does not work.
    Fail,
    /// Not looked at: it needs something that is not there, or nobody uses it.
    Skip,
}

/// What one check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen.
    pub evidence: String,
    /// One command or sentence that puts it right.
    pub fix: Option<String>,
    /// Does what needs this have nothing to look at?
    pub blocks: bool,
    /// Could it not be looked at, although it should be?
    pub unable: bool,
}

impl Finding {
    fn new(verdict: Verdict, evidence: impl Into<String>) -> Self {
        let blocks = matches!(verdict, Verdict::Fail | Verdict::Skip);
        Self { verdict, evidence: evidence.into(), fix: None, blocks, unable: false }
    }

    /// As it should be.
    pub fn pass(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, evidence)
    }

    /// Worth knowing.
    pub fn warn(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Warn, evidence)
    }

    /// Wrong.
    pub fn fail(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, evidence)
    }

    /// Nothing to look at.
    pub fn skip(evidence: impl Into<String>) -> Self {
        Self::new(Verdict::Skip, evidence)
    }

    /// It should have been looked at, and could not be.
    pub fn unable(why: impl std::fmt::Display) -> Self {
        Self { unable: true, ..Self::new(Verdict::Skip, format!("could not check: {why}")) }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// What needs this is not looked at either.
    #[must_use]
    pub fn blocking(mut self) -> Self {
        self.blocks = true;
        self
    }
}

/// A finding under its check's name: a row of what is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The check.
    pub id: String,
    /// How it stands.
    pub verdict: Verdict,
    /// What was seen; of a `skip`, why it was not looked at.
    pub evidence: String,
    /// One command or sentence that puts it right.
    pub fix: Option<String>,
    /// The prerequisite whose finding is why this was not looked at.
    #[serde(skip)]
    pub because: Option<String>,
    /// Could it not be looked at, although it should be?
    #[serde(skip)]
    pub unable: bool,
}
