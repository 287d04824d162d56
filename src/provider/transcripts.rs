//! Recordings of the real tools (`fixtures/transcripts`), fed to their readers as they were and spoiled
//! in every way a pipe can spoil them.

#![allow(clippy::unwrap_used, reason = "a test module in a file of its own")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::{Fault, Reader, Signal};
use crate::process::{Lines, Stream};

/// What a tool wrote: `(stream, bytes)` in order.
pub(super) type Chunks = Vec<(Stream, Vec<u8>)>;

fn folder(tool: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/transcripts").join(tool)
}

/// Every recording of a tool by name: those with a timeline, and the bare streams of those without.
pub(super) fn all(tool: &str) -> Vec<(String, Chunks)> {
    let names: BTreeSet<String> = fs::read_dir(folder(tool))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .map(|name| name.split('.').next().unwrap().to_string())
        .collect();
    names.into_iter().map(|name| (name.clone(), recording(tool, &name))).collect()
}

fn recording(tool: &str, name: &str) -> Chunks {
    let path = |ending: &str| folder(tool).join(format!("{name}.{ending}"));
    if let Ok(timeline) = fs::read_to_string(path("timeline.jsonl")) {
        return timeline.lines().filter_map(chunk).collect();
    }
    let streams = [(Stream::Out, "stdout"), (Stream::Err, "stderr")];
    streams.into_iter().filter_map(|(stream, ending)| Some((stream, fs::read(path(ending)).ok()?))).collect()
}

/// What was done to the tool is left out.
fn chunk(line: &str) -> Option<(Stream, Vec<u8>)> {
    let event: serde_json::Value = serde_json::from_str(line).unwrap();
    let stream = match event["ev"].as_str()? {
        "stdout" => Stream::Out,
        "stderr" => Stream::Err,
        _ => return None,
    };
    Some((stream, event["data"].as_str()?.as_bytes().to_vec()))
}

/// What a fresh reader makes of it. A URL in a line that never ended counts for nothing, as in a session.
pub(super) fn signals(reader: &dyn Fn() -> Box<dyn Reader>, chunks: &Chunks) -> Vec<Signal> {
    let mut reader = reader();
    let (mut out, mut err, mut signals) = (Lines::default(), Lines::default(), vec![]);
    for (stream, chunk) in chunks {
        let lines = if *stream == Stream::Out { &mut out } else { &mut err };
        lines.feed(chunk, |line| signals.extend(reader.read(*stream, line)));
    }
    for (stream, lines) in [(Stream::Out, &mut out), (Stream::Err, &mut err)] {
        let whole = |signal: &Signal| !matches!(signal, Signal::Url(_));
        lines.finish(|line| signals.extend(reader.read(stream, line).into_iter().filter(whole)));
    }
    signals.dedup();
    signals
}

/// Checks that no way to spoil it changes what is understood, and that no cut makes a wrong URL.
pub(super) fn survives(name: &str, reader: &dyn Fn() -> Box<dyn Reader>, whole: &Chunks) {
    let expected = signals(reader, whole);
    let spoiled = |how: &str, chunks: &Chunks| {
        assert_eq!(signals(reader, chunks), expected, "{name} {how}");
    };
    let each = |change: &dyn Fn(&str) -> String| -> Chunks {
        whole
            .iter()
            .map(|(stream, bytes)| (*stream, change(&String::from_utf8_lossy(bytes)).into_bytes()))
            .collect()
    };
    let bytes = whole.iter().flat_map(|(stream, chunk)| chunk.iter().map(|byte| (*stream, vec![*byte])));
    spoiled("cut at every byte", &bytes.collect());
    spoiled("with CRLF", &each(&|text| text.replace('\n', "\r\n")));
    let colours = ["\x1b[0m", "\x1b[32m", "\x1b[1;90m", "\x1b]0;title\x07"];
    let coloured = |text: &str| {
        let mut at = 0;
        text.split_inclusive(' ')
            .map(|word| {
                at += 1;
                format!("{}{word}{}", colours[at % 4], colours[0])
            })
            .collect()
    };
    spoiled("in colour", &each(&coloured));
    let flood = vec![b'x'; 1 << 20];
    for junk in [&b"\xff\xfe\xc3\x28 https://wrong.example \xf0\x9f\n"[..], &[&flood[..], b"\n"].concat()] {
        // Before everything, after everything, and between two lines in the middle.
        for at in [0, whole.len() / 2, whole.len()] {
            let between = whole[..at].last().is_none_or(|(_, bytes)| bytes.ends_with(b"\n"));
            let mut chunks = whole.clone();
            for stream in [Stream::Out, Stream::Err].into_iter().filter(|_| between) {
                chunks.insert(at, (stream, junk.to_vec()));
            }
            spoiled("among junk", &chunks);
        }
    }
    cut_short(name, reader, whole, &expected);
}

/// The tool may die in the middle of any line: what was understood by then is still right.
fn cut_short(name: &str, reader: &dyn Fn() -> Box<dyn Reader>, whole: &Chunks, expected: &[Signal]) {
    for (at, (stream, bytes)) in whole.iter().enumerate() {
        let before = &whole[..at];
        let interesting = String::from_utf8_lossy(bytes).contains("http") && at < 12;
        let cuts = (0..bytes.len()).filter(|cut| interesting && bytes.len() < 4096 || cut % 97 == 0);
        for cut in cuts.take(if at < 200 { usize::MAX } else { 1 }) {
            let chunks = [before, &[(*stream, bytes[..cut].to_vec())]].concat();
            for signal in signals(reader, &chunks) {
                let wrong = matches!(signal, Signal::Url(_)) && !expected.contains(&signal);
                assert!(!wrong, "{name} cut after {cut} bytes of chunk {at}: {signal:?}");
            }
        }
    }
}

/// The URLs among them.
pub(super) fn urls(signals: &[Signal]) -> Vec<String> {
    let url = |signal: &Signal| match signal {
        Signal::Url(url) => Some(url.to_string().trim_end_matches('/').to_string()),
        _ => None,
    };
    signals.iter().filter_map(url).collect()
}

/// The faults among them.
pub(super) fn faults(signals: &[Signal]) -> Vec<&Fault> {
    fn fault(signal: &Signal) -> Option<&Fault> {
        match signal {
            Signal::Fault(fault) => Some(fault),
            _ => None,
        }
    }
    signals.iter().filter_map(fault).collect()
}

/// `+` for every connection, `-` for every loss of the last one.
pub(super) fn connections(signals: &[Signal]) -> String {
    let mark = |signal: &Signal| match signal {
        Signal::Connected => Some('+'),
        Signal::Disconnected(_) => Some('-'),
        _ => None,
    };
    signals.iter().filter_map(mark).collect()
}
