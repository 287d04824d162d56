//! The publishing machine: whoever must know the URL learns it once, and `ready` is said only when the
//! tunnel leads here, the gateway answers, and everybody knows. Pure.

use url::Url;

use super::{Action, base};
use crate::report::Event;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    tunnel: Option<Url>,
    gateway: Option<Url>,
    /// Being told to the world right now.
    telling: Option<Url>,
    /// Known to the world.
    published: Option<Url>,
    /// `ready` has been said and nothing was lost since.
    ready: bool,
}

impl Machine {
    /// The tunnel leads here under `url`, or nowhere.
    pub(super) fn tunnel(&mut self, url: Option<Url>, out: &mut Vec<Action>) {
        if let (Some(old), Some(new)) = (&self.published, &url)
            && old != new
        {
            out.push(Action::Emit(Event::UrlChanged { old: base(old), new: base(new) }));
        }
        self.tunnel = url;
        self.ready = false;
        self.settle(out);
    }

    /// The gateway answers, told `url`; or it is away.
    pub(super) fn gateway(&mut self, url: Option<Url>, out: &mut Vec<Action>) {
        self.ready &= url.is_some();
        self.gateway = url;
        self.settle(out);
    }

    /// Everybody has been told `url`.
    pub(super) fn published(&mut self, url: &Url, out: &mut Vec<Action>) {
        if self.telling.as_ref() == Some(url) {
            self.telling = None;
            self.published = Some(url.clone());
            self.settle(out);
        }
    }

    fn settle(&mut self, out: &mut Vec<Action>) {
        let (Some(url), Some(told)) = (&self.tunnel, &self.gateway) else { return };
        if url != told || self.ready {
            return;
        }
        if self.published.as_ref() == Some(url) {
            self.ready = true;
            out.push(Action::Ready { url: url.clone() });
        } else if self.telling.as_ref() != Some(url) {
            self.telling = Some(url.clone());
            out.push(Action::Publish { url: url.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(name: &str) -> Url {
        Url::parse(&format!("https://{name}.example")).unwrap()
    }

    fn actions(does: impl FnOnce(&mut Vec<Action>)) -> Vec<Action> {
        let mut out = vec![];
        does(&mut out);
        out
    }

    fn ready() -> Machine {
        let mut machine = Machine::default();
        let mut out = vec![];
        machine.tunnel(Some(url("a")), &mut out);
        machine.gateway(Some(url("a")), &mut out);
        machine.published(&url("a"), &mut out);
        assert_eq!(out, [Action::Publish { url: url("a") }, Action::Ready { url: url("a") }]);
        machine
    }

    #[test]
    fn the_same_url_again_is_ready_again_without_telling_anybody_anew() {
        let mut machine = ready();
        assert_eq!(actions(|out| machine.tunnel(None, out)), []);
        assert_eq!(actions(|out| machine.tunnel(Some(url("a")), out)), [Action::Ready { url: url("a") }]);
    }

    #[test]
    fn another_url_is_said_waits_for_the_gateway_and_is_told_once() {
        let mut machine = ready();
        let changed = actions(|out| machine.tunnel(Some(url("b")), out));
        assert!(matches!(changed[..], [Action::Emit(Event::UrlChanged { .. })]), "{changed:?}");
        assert_eq!(actions(|out| machine.gateway(Some(url("b")), out)), [Action::Publish { url: url("b") }]);
        assert_eq!(actions(|out| machine.published(&url("b"), out)), [Action::Ready { url: url("b") }]);
    }

    #[test]
    fn a_late_word_of_an_old_url_says_nothing() {
        let mut machine = ready();
        actions(|out| machine.tunnel(Some(url("b")), out));
        actions(|out| machine.gateway(Some(url("b")), out));
        assert_eq!(actions(|out| machine.published(&url("a"), out)), []);
    }

    #[test]
    fn a_gateway_that_comes_back_is_ready_again() {
        let mut machine = ready();
        actions(|out| machine.gateway(None, out));
        assert_eq!(actions(|out| machine.gateway(Some(url("a")), out)), [Action::Ready { url: url("a") }]);
    }
}
