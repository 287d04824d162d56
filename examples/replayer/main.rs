//! Plays a recording of a tunnel tool as if it were the tool: installed under the name `lt`, `ngrok` or
//! `cloudflared` (the file name of argv[0]), it writes the recorded chunks to their streams at their times, waits
//! for the signals that the recording had, and ends as the recording did.
//!
//! It is set up by its environment:
//!
//! - `REPLAY`: recordings separated by `:`, each a `NAME.timeline.jsonl` or a `NAME.stdout` (with the `NAME.stderr`
//!   beside it; both come at once). The latter exits 1 when there is a `NAME.stderr`, and else runs until a signal.
//! - `REPLAY_COUNT`: a file with the number of starts so far; each start plays the next recording, the last one
//!   repeats.
//! - `REPLAY_SPEED`: how much faster than recorded (1 unless set), `max` for no waits at all.
//! - `REPLAY_REPLACE`: lines `FROM=>TO` for the output. Each is applied to a stream as a whole, so it finds what a
//!   chunk's end cuts; the cut stays within the replacement.
//! - `REPLAY_VERSION`: the answer to `--version`, which counts as no start.
//! - `REPLAY_LOG`: a file that gets a JSON line a start: `argv`, `env`, `config` (the content of `--config`'s file),
//!   `at` (Unix milliseconds), `pid`; and a line `{"error":...}` when a side channel fails.
//! - `REPLAY_FLOOD`: `LINES_PER_SECOND,SECONDS`: repeats the last line before the first signal or the end.
//! - `REPLAY_HOST`, `REPLAY_PORT`: the public name and the local port of a named tunnel, where neither the
//!   command line nor the `--config` holds them.
//! - `CLOUD`: `http://127.0.0.1:PORT`, where a tunnel that is up is registered (`tests/tools/cloud.cjs`).
//!
//! A signal before the recorded one skips to what followed that; a recording without signals dies of it. The second
//! signal kills, whatever goes on. `killed by` is the signal that came, which may be another than the recorded one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's tool ends where its world breaks")]

#[cfg(unix)]
#[path = "tool.rs"]
mod tool;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    tool::main()
}

/// Recordings end by signals.
#[cfg(not(unix))]
fn main() {
    panic!("signals are played on Unix only");
}
