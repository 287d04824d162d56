//! The playback: what is written when, and how it ends.

use std::{
    process::ExitCode,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use rustix::io::Errno;

use super::{
    recording::{Event, Recording, Stream},
    signals::die_by,
    world::World,
};

/// How often a flood looks at the clock.
const TICK: Duration = Duration::from_millis(1);

/// Writes one text to standard output, and that is all.
pub(crate) fn say(text: &str) -> ExitCode {
    write(Stream::Stdout, text.as_bytes());
    ExitCode::SUCCESS
}

/// Plays one recording.
pub(crate) struct Player {
    speed: Option<f64>,
    flood: Option<(f64, Duration)>,
    signals: Receiver<i32>,
    /// The signal that came.
    signalled: Option<i32>,
    /// An instant, and the recorded time that it stands for.
    origin: (Instant, f64),
    world: World,
}

impl Player {
    pub(crate) fn new(
        speed: Option<f64>,
        flood: Option<(f64, Duration)>,
        signals: Receiver<i32>,
        world: World,
    ) -> Self {
        Self { speed, flood, signals, signalled: None, origin: (Instant::now(), 0.0), world }
    }

    pub(crate) fn play(mut self, recording: &Recording) -> ExitCode {
        let events = &recording.events;
        let flood = self.flood.zip(recording.flood());
        let mut next = 0;
        while let Some((time, event)) = events.get(next) {
            let mut came = match event {
                Event::Signal => Some(self.hold()),
                _ => self.wait_until(*time),
            };
            if came.is_none() {
                match event {
                    Event::Output(stream, data) => self.output(*stream, data),
                    Event::Exit(code @ 0..) => return self.exit(*code),
                    Event::Exit(code) => {
                        let signal = self.signalled.unwrap_or(-code);
                        return self.die(signal);
                    }
                    Event::Signal => {}
                }
                if let Some((measure, (_, stream, line))) =
                    flood.as_ref().filter(|(_, (last, ..))| *last == next)
                {
                    came = self.pour(*measure, *stream, line);
                }
            }
            if let Some(signal) = came {
                let recorded = events[next..].iter().position(|(_, event)| matches!(event, Event::Signal));
                let Some(skipped) = recorded else { return self.die(signal) };
                next += skipped;
                self.origin = (Instant::now(), events[next].0);
            }
            next += 1;
        }
        // Without a recorded end there is only the signal's.
        let signal = self.signalled.unwrap_or_else(|| self.hold());
        self.die(signal)
    }

    /// What is said about the tunnel is true by the time that it can be read.
    fn output(&mut self, stream: Stream, data: &str) {
        self.world.see(stream, data);
        write(stream, data.as_bytes());
    }

    /// Waits for the first signal. The second one never comes here: it kills.
    fn hold(&mut self) -> i32 {
        let signal = self.signals.recv().expect("signals come from a thread that does not end");
        self.note(signal)
    }

    /// Waits until this recorded time; gives the signal, if one comes first.
    fn wait_until(&mut self, time: f64) -> Option<i32> {
        let Some(speed) = self.speed else {
            return self.signals.try_recv().ok().map(|signal| self.note(signal));
        };
        let (instant, from) = self.origin;
        let end = instant + Duration::from_secs_f64((time - from).max(0.0) / speed);
        self.wait_until_instant(end)
    }

    fn wait_until_instant(&mut self, end: Instant) -> Option<i32> {
        match self.signals.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(signal) => Some(self.note(signal)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                unreachable!("signals come from a thread that does not end")
            }
        }
    }

    fn note(&mut self, signal: i32) -> i32 {
        self.signalled = Some(signal);
        self.world.stop();
        signal
    }

    /// Repeats the line, each in a write of its own; gives the signal that ends it, if one comes.
    fn pour(&mut self, (rate, duration): (f64, Duration), stream: Stream, line: &str) -> Option<i32> {
        let start = Instant::now();
        let mut written = 0.0;
        loop {
            let elapsed = start.elapsed().min(duration);
            while written < (rate * elapsed.as_secs_f64()).floor() {
                write(stream, line.as_bytes());
                written += 1.0;
            }
            if elapsed == duration {
                // The recording goes on as if the flood had taken no time.
                self.origin.0 += duration;
                return None;
            }
            let signal = self.wait_until_instant(Instant::now() + TICK);
            if signal.is_some() {
                return signal;
            }
        }
    }

    fn exit(mut self, code: i32) -> ExitCode {
        self.world.stop();
        ExitCode::from(u8::try_from(code).unwrap())
    }

    fn die(mut self, signal: i32) -> ExitCode {
        self.world.stop();
        die_by(signal)
    }
}

/// One write a chunk, so that a reader sees the recorded boundaries; more only where a pipe takes no more at once.
fn write(stream: Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let written = match stream {
            Stream::Stdout => rustix::io::write(rustix::stdio::stdout(), bytes),
            Stream::Stderr => rustix::io::write(rustix::stdio::stderr(), bytes),
        };
        match written {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            // The reader is gone: a real tool dies of this or goes on unheard, and a test has nobody left to tell.
            Err(_) => return,
        }
    }
}
