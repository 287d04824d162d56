//! A recording as it lies in `fixtures/transcripts`.

use std::{fs, path::Path};

use serde_json::Value;

use super::start::first;

/// Where a chunk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Event {
    Output(Stream, String),
    Signal,
    /// The exit code, or the negated signal.
    Exit(i32),
}

/// Events with their times in seconds since the start.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) events: Vec<(f64, Event)>,
}

impl Recording {
    pub(crate) fn open(path: &Path) -> Self {
        let read = |path: &Path| {
            fs::read_to_string(path).unwrap_or_else(|error| panic!("recording {}: {error}", path.display()))
        };
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            return Self { events: read(path).lines().filter_map(event).collect() };
        }
        let mut events = vec![(0.0, Event::Output(Stream::Stdout, read(path)))];
        let stderr = path.with_extension("stderr");
        if stderr.exists() {
            events.push((0.0, Event::Output(Stream::Stderr, read(&stderr))));
            events.push((0.0, Event::Exit(1)));
        }
        Self { events }
    }

    /// Does the output of either stream hold this?
    pub(crate) fn says(&self, needle: &str) -> bool {
        [Stream::Stdout, Stream::Stderr].iter().any(|stream| self.whole(*stream).contains(needle))
    }

    /// The address of ngrok's local API as its log states it.
    pub(crate) fn web_address(&self) -> Option<String> {
        [Stream::Stdout, Stream::Stderr].iter().find_map(|stream| {
            let text = self.whole(*stream);
            let line = text.lines().find(|line| line.contains("starting web service"))?;
            first(line, r#"addr"?[=:]"?(127\.0\.0\.1:\d+)"#)
        })
    }

    pub(crate) fn replace_all(&mut self, replacements: &[(&str, &str)]) {
        for (from, to) in replacements {
            for stream in [Stream::Stdout, Stream::Stderr] {
                self.replace(stream, from, to);
            }
        }
    }

    /// The index of the last output before the first signal or the end, its stream, and that stream's last line.
    pub(crate) fn flood(&self) -> Option<(usize, Stream, String)> {
        let end = self.events.iter().position(|(_, event)| !matches!(event, Event::Output(..)));
        let last = end.unwrap_or(self.events.len()).checked_sub(1)?;
        let Event::Output(stream, _) = self.events[last].1 else { return None };
        let said: String =
            self.chunks(stream).take_while(|(index, _)| *index <= last).map(|(_, data)| data).collect();
        Some((last, stream, format!("{}\n", said.lines().last()?)))
    }

    fn chunks(&self, wanted: Stream) -> impl Iterator<Item = (usize, &str)> {
        self.events.iter().enumerate().filter_map(move |(index, (_, event))| match event {
            Event::Output(stream, data) if *stream == wanted => Some((index, data.as_str())),
            _ => None,
        })
    }

    fn whole(&self, stream: Stream) -> String {
        self.chunks(stream).map(|(_, data)| data).collect()
    }

    /// Replaces in the stream as a whole and cuts it again where it was cut.
    fn replace(&mut self, stream: Stream, from: &str, to: &str) {
        let whole = self.whole(stream);
        if from.is_empty() || !whole.contains(from) {
            return;
        }
        let matches: Vec<usize> = whole.match_indices(from).map(|(at, _)| at).collect();
        let moved = |cut: usize| {
            let before = matches.iter().take_while(|at| **at + from.len() <= cut).count();
            let start = cut - before * from.len() + before * to.len();
            // A cut within `from` becomes one within `to`.
            match matches.get(before).filter(|at| **at < cut) {
                Some(at) => start - (cut - at) + to.floor_char_boundary_of(cut - at),
                None => start,
            }
        };
        let (replaced, mut end) = (whole.replace(from, to), 0);
        let mut cut = 0;
        for (_, event) in &mut self.events {
            if let Event::Output(found, data) = event
                && *found == stream
            {
                end += data.len();
                let next = moved(end);
                *data = replaced[cut..next].to_owned();
                cut = next;
            }
        }
    }
}

trait Boundary {
    fn floor_char_boundary_of(&self, at: usize) -> usize;
}

impl Boundary for str {
    /// The nearest place at or before `at` that cuts no character, within the text.
    fn floor_char_boundary_of(&self, at: usize) -> usize {
        (0..=at.min(self.len())).rev().find(|at| self.is_char_boundary(*at)).unwrap_or(0)
    }
}

fn event(line: &str) -> Option<(f64, Event)> {
    let row: Value = serde_json::from_str(line).unwrap();
    let data = row["data"].as_str().unwrap().to_owned();
    let event = match row["ev"].as_str().unwrap() {
        "stdout" => Event::Output(Stream::Stdout, data),
        "stderr" => Event::Output(Stream::Stderr, data),
        "SIGNAL" => Event::Signal,
        "EXIT" => Event::Exit(data.parse().unwrap()),
        // A recording of two signals notes them as actions: `... -> SIGTERM #1`.
        "ACTION" if data.contains("-> SIGTERM #") || data.contains("-> SIGINT #") => Event::Signal,
        "ACTION" => return None,
        other => panic!("a recording with a `{other}`"),
    };
    Some((row["t"].as_f64().unwrap(), event))
}
