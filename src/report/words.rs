//! An event in a person's words. Short, calm, no jargon that the field does not use.

use std::time::Duration;

use dialoguer::console::style;

use super::Event;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A step done.
    Done,
    /// A step to be done; its way out is how.
    Open,
    /// Worth knowing, nothing to do at once.
    Notice,
    /// Something is wrong.
    Trouble,
}

/// A line, and below it the way out where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) tone: Tone,
    label: &'static str,
    text: String,
    fix: Option<String>,
}

impl Line {
    fn done(text: String) -> Self {
        Self { tone: Tone::Done, label: "", text, fix: None }
    }

    /// Something that was lost is back.
    pub(super) fn back(after: Duration) -> Self {
        Self::done(format!("back after {:.1} s, under the same address", after.as_secs_f64()))
    }

    pub(super) fn trouble(label: &'static str, text: &str, fix: Option<&str>) -> Self {
        Self { tone: Tone::Trouble, label, text: text.into(), fix: fix.map(Into::into) }
    }

    /// A step of several that is done, told apart from those that are not.
    pub(super) fn did(text: &str) -> Self {
        Self { label: "done", ..Self::done(text.into()) }
    }

    pub(super) fn to_do(text: &str, how: &str) -> Self {
        Self { tone: Tone::Open, label: "to do", text: text.into(), fix: Some(how.into()) }
    }

    pub(super) fn notice(text: &str, fix: Option<&str>) -> Self {
        Self { tone: Tone::Notice, label: "note", text: text.into(), fix: fix.map(Into::into) }
    }

    pub(super) fn plain(&self) -> String {
        let head =
            if self.label.is_empty() { self.text.clone() } else { format!("{}: {}", self.label, self.text) };
        self.with_fix(head, self.way())
    }

    pub(super) fn styled(&self) -> String {
        let head = match self.tone {
            Tone::Done => format!("{} {}", style("✔").green(), self.text),
            Tone::Open => format!("{} {}", style("○").cyan(), self.text),
            Tone::Notice => format!("{} {}", style("•").yellow(), self.text),
            Tone::Trouble => format!("{} {}", style(format!("{}:", self.label)).red().bold(), self.text),
        };
        self.with_fix(head, &style(self.way()).bold().to_string())
    }

    fn way(&self) -> &'static str {
        if self.tone == Tone::Open { "how:" } else { "fix:" }
    }

    fn with_fix(&self, head: String, label: &str) -> String {
        match &self.fix {
            Some(fix) => format!("{head}\n  {label} {}", fix.replace('\n', "\n       ")),
            None => head,
        }
    }
}

/// What a person is told of `event`; the panel of `ready` comes on top.
pub(super) fn of(event: &Event) -> Vec<Line> {
    let line = match event {
        Event::EdgeReady { .. } | Event::ProviderStarting { .. } | Event::GatewayStarting { .. } => {
            return vec![];
        }
        Event::UrlFound { url, provider } => Line::done(format!("{provider} gave {url}")),
        Event::UrlVerified { url, elapsed_ms } => {
            Line::done(format!("{url} answers from here, verified in {elapsed_ms} ms"))
        }
        Event::GatewayReady { port, attached: true } => {
            Line::done(format!("using the gateway that runs on port {port}"))
        }
        Event::GatewayReady { port, attached: false } => {
            Line::done(format!("gateway answers on port {port}"))
        }
        Event::ClientSynced { client, path, action, reload } => {
            let hint = reload.map(|reload| format!("; to see it: {reload}")).unwrap_or_default();
            Line::done(format!("{client}: {action} {path}{hint}"))
        }
        Event::Ready { .. } => return vec![],
        Event::GatewayLost { reason } => Line::trouble("gateway lost", reason, None),
        Event::TunnelLost { reason } => Line::trouble("tunnel lost", reason, None),
        Event::Unverifiable { reason, fix } => Line::trouble("not verified", reason, fix.as_deref()),
        Event::Notice { message, fix, .. } => Line::notice(message, fix.as_deref()),
        Event::Restarting { what, attempt, delay_ms } => Line::done(format!(
            "restarting the {what} in {:.1} s (attempt {attempt})",
            *delay_ms as f64 / 1e3
        )),
        Event::Failover { from, to, reason } => {
            Line::trouble("failover", &format!("from {from} to {to}: {reason}"), None)
        }
        Event::UrlChanged { old, new } => {
            Line::notice(&format!("the address changed from {old} to {new}"), None)
        }
        Event::Failed { message, fix, .. } => Line::trouble("error", message, fix.as_deref()),
        Event::Stopped { reason } => Line::done(match *reason {
            "expired" => "stopped, for the time of --expire is over; nothing left running".into(),
            "hung up" => "stopped, for its terminal is gone; nothing left running".into(),
            _ => "stopped, nothing left running".into(),
        }),
    };
    vec![line]
}

/// The phase that begins with `event`, for the spinner.
pub(super) fn waiting_for(event: &Event) -> Option<String> {
    match event {
        Event::EdgeReady { .. } => Some("Starting".into()),
        Event::ProviderStarting { provider, .. } => Some(format!("Waiting for an address from {provider}")),
        Event::UrlFound { .. } => Some("Checking that the address leads here".into()),
        Event::UrlVerified { .. } => Some("Looking for the gateway".into()),
        Event::GatewayStarting { .. } => Some("Waiting for the gateway to answer".into()),
        Event::TunnelLost { .. } => Some("Getting the tunnel back".into()),
        Event::GatewayLost { .. } => Some("Getting the gateway back, visitors wait meanwhile".into()),
        Event::Restarting { what, attempt: 1, .. } => Some(format!("Restarting the {what}")),
        Event::Restarting { what, attempt, .. } => Some(format!("Restarting the {what}, attempt {attempt}")),
        Event::Failover { to, .. } => Some(format!("Starting {to}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_names_its_fix_on_a_line_of_its_own() {
        let failed = Event::Failed { code: "x", message: "no lt".into(), fix: Some("npm install -g".into()) };
        assert_eq!(of(&failed)[0].plain(), "error: no lt\n  fix: npm install -g");
    }

    #[test]
    fn every_step_of_a_start_has_a_phase_or_a_line() {
        let url = "https://x.example".to_string();
        for event in [
            Event::EdgeReady { port: 1, session: String::new(), logs: String::new() },
            Event::ProviderStarting { provider: "localtunnel", pid: None },
            Event::UrlFound { url: url.clone(), provider: "localtunnel" },
            Event::GatewayStarting { pid: None, app_url: url },
            Event::GatewayReady { port: 1, attached: true },
        ] {
            assert!(waiting_for(&event).is_some() || !of(&event).is_empty(), "{event:?}");
        }
    }
}
