//! What a terminal shows of a session, and when: phases until the first `ready`, the panel, and after that one
//! line for what was lost and one for what is back. Pure: takes events and times, gives acts.

use std::time::Instant;

use super::Event;
use super::words::{self, Line, Tone};

/// Something to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// A line that stays.
    Say(Line),
    /// What is waited for; replaces what was.
    Spin(String),
    /// Nothing is waited for any more.
    Rest,
    /// The addresses.
    Panel,
    /// How it ends.
    Hint,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// Notices from before anything was started: they go above the panel, where they are read. Later
    /// ones say why something takes so long, and are not held back.
    held: Vec<Line>,
    started: bool,
    /// The address that the panel shows.
    shown: Option<String>,
    /// Since when something is lost.
    lost: Option<Instant>,
    /// The last trouble, so that each try of many does not tell the same again.
    last_trouble: Option<Line>,
    pub(super) logs: String,
}

impl Stage {
    /// What `event` makes a terminal show.
    pub(super) fn hear(&mut self, event: &Event, now: Instant) -> Vec<Act> {
        let mut acts = vec![];
        match event {
            Event::EdgeReady { logs, .. } => self.logs.clone_from(logs),
            Event::ProviderStarting { .. } | Event::Failed { .. } => self.started = true,
            Event::TunnelLost { .. } | Event::GatewayLost { .. } => {
                self.lost.get_or_insert(now);
            }
            _ => {}
        }
        acts.extend(words::of(event).into_iter().filter_map(|line| self.line(event, line)));
        match event {
            Event::Ready { url, .. } => self.ready(url, now, &mut acts),
            Event::Stopped { .. } | Event::Failed { .. } => {
                acts.extend(self.held.drain(..).map(Act::Say));
                acts.push(Act::Rest);
            }
            _ => acts.extend(words::waiting_for(event).map(Act::Spin)),
        }
        acts
    }

    fn line(&mut self, event: &Event, line: Line) -> Option<Act> {
        match line.tone {
            Tone::Notice if !self.started => {
                self.held.push(line);
                None
            }
            // How a lost tunnel or gateway comes back is told by one line at its end.
            Tone::Done if self.shown.is_some() && !matches!(event, Event::Stopped { .. }) => None,
            Tone::Trouble if self.lost.is_some() && self.last_trouble.as_ref() == Some(&line) => None,
            Tone::Trouble => {
                self.last_trouble = Some(line.clone());
                Some(Act::Say(line))
            }
            _ => Some(Act::Say(line)),
        }
    }

    fn ready(&mut self, url: &str, now: Instant, acts: &mut Vec<Act>) {
        acts.push(Act::Rest);
        let lost = self.lost.take();
        self.last_trouble = None;
        if self.shown.as_deref() == Some(url) {
            acts.extend(lost.map(|since| Act::Say(Line::back(now.duration_since(since)))));
            return;
        }
        self.shown = Some(url.into());
        // The addresses last: what scrolls away on a small screen is not them.
        acts.extend(self.held.drain(..).map(Act::Say));
        acts.push(Act::Panel);
        acts.push(Act::Hint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ready(url: &str) -> Event {
        Event::Ready {
            url: url.into(),
            mcp_url: format!("{url}/mcp"),
            callback_url: format!("{url}/cb"),
            provider: "localtunnel",
            key_file: None,
        }
    }

    /// What is shown, a letter an act, lines by their words.
    fn shown(stage: &mut Stage, events: &[(u64, Event)]) -> Vec<String> {
        let start = Instant::now();
        let acts =
            events.iter().flat_map(|(at, event)| stage.hear(event, start + Duration::from_millis(*at)));
        acts.filter_map(|act| match act {
            Act::Say(line) => Some(line.plain()),
            Act::Panel => Some("PANEL".into()),
            Act::Spin(_) | Act::Rest | Act::Hint => None,
        })
        .collect()
    }

    fn found(url: &str) -> [(u64, Event); 3] {
        [
            (0, Event::ProviderStarting { provider: "localtunnel", pid: None }),
            (0, Event::UrlFound { url: url.into(), provider: "localtunnel" }),
            (0, Event::UrlVerified { url: url.into(), elapsed_ms: 5 }),
        ]
    }

    fn lost(at: u64) -> [(u64, Event); 2] {
        [
            (at, Event::TunnelLost { reason: "exit code 1".into() }),
            (at, Event::Restarting { what: "provider", attempt: 1, delay_ms: 1000 }),
        ]
    }

    const URL: &str = "https://x.example";

    #[test]
    fn a_start_shows_its_steps_then_the_panel_then_what_was_held_back() {
        let notice = (0, Event::notice("a", "worth knowing", None));
        let events = [vec![notice], found(URL).to_vec(), vec![(9, ready(URL))]].concat();
        let shown = shown(&mut Stage::default(), &events);
        let steps =
            ["localtunnel gave https://x.example", "https://x.example answers from here, verified in 5 ms"];
        assert_eq!(shown, [&steps[..], &["note: worth knowing", "PANEL"]].concat());
    }

    #[test]
    fn a_tunnel_lost_and_regained_is_a_line_each_however_many_tries_it_takes() {
        let mut stage = Stage::default();
        shown(&mut stage, &[found(URL).to_vec(), vec![(0, ready(URL))]].concat());
        let again = [lost(1000).to_vec(), lost(2000).to_vec(), found(URL).to_vec(), vec![(4300, ready(URL))]];
        assert_eq!(
            shown(&mut stage, &again.concat()),
            ["tunnel lost: exit code 1", "back after 3.3 s, under the same address"]
        );
        assert_eq!(shown(&mut stage, &[(5000, ready(URL))]), Vec::<String>::new());
        assert_eq!(shown(&mut stage, &lost(6000)), ["tunnel lost: exit code 1"], "a new loss is told");
    }

    #[test]
    fn another_address_gets_a_panel_of_its_own() {
        let mut stage = Stage::default();
        shown(&mut stage, &[found(URL).to_vec(), vec![(0, ready(URL))]].concat());
        let changed = Event::UrlChanged { old: URL.into(), new: "https://y.example".into() };
        let again = [lost(1000).to_vec(), vec![(2000, changed), (2100, ready("https://y.example"))]].concat();
        let told = shown(&mut stage, &again);
        assert_eq!((told.len(), told[2].as_str()), (3, "PANEL"), "{told:?}");
    }

    #[test]
    fn the_end_is_told_even_where_steps_are_not() {
        let mut stage = Stage::default();
        shown(&mut stage, &[(0, ready(URL))]);
        let end = Event::Stopped { reason: "interrupted" };
        assert_eq!(shown(&mut stage, &[(0, end)]), ["stopped, nothing left running"]);
    }
}
