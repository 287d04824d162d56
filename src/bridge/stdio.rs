//! The client's side: lines from standard input, lines to standard output. Each has a thread, because neither
//! can be waited for in any other way that leaves the terminal or the pipe as it was.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use tokio::sync::{mpsc, oneshot};

use crate::report;

/// The longest line, in bytes.
const LONGEST: usize = 512 << 20;

/// Lines of standard input, without their ends and without empty ones; closed at its end.
pub(super) fn lines() -> mpsc::Receiver<Bytes> {
    let (sender, lines) = mpsc::channel(64);
    // It ends with the process: a read cannot be called off.
    std::thread::spawn(move || {
        read_lines(std::io::stdin().lock(), |line| sender.blocking_send(line).is_ok())
    });
    lines
}

/// Gives each line to `take` until that wants no more.
fn read_lines(mut input: impl Read, mut take: impl FnMut(Bytes) -> bool) {
    const PIECE: usize = 64 << 10;
    let mut buffer = BytesMut::new();
    let mut searched = 0;
    loop {
        let filled = buffer.len();
        // Room for the next piece; long lines grow by doubling.
        buffer.resize(filled + PIECE.max(filled.min(8 << 20)), 0);
        let count = match input.read(&mut buffer[filled..]) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => 0,
            Ok(0) | Err(_) => {
                buffer.truncate(filled);
                // The last line may lack its end.
                let _ = give(buffer.freeze(), &mut take);
                return;
            }
            Ok(count) => count,
        };
        buffer.truncate(filled + count);
        while let Some(at) = memchr::memchr(b'\n', &buffer[searched..]) {
            let line = buffer.split_to(searched + at + 1).freeze();
            searched = 0;
            if !give(line, &mut take) {
                return;
            }
        }
        searched = buffer.len();
        if searched > LONGEST {
            return;
        }
    }
}

fn give(line: Bytes, take: &mut impl FnMut(Bytes) -> bool) -> bool {
    /// Up to here a copy is cheaper than holding the whole buffer for as long as the call takes.
    const COPIED: usize = 16 << 10;
    let trimmed = line.trim_ascii();
    let owned = match trimmed.len() <= COPIED {
        true => Bytes::copy_from_slice(trimmed),
        false => line.slice_ref(trimmed),
    };
    drop(line);
    owned.is_empty() || take(owned)
}

/// What the writer is given.
pub(super) enum Out {
    /// One message.
    Line(Bytes),
    /// Say when everything before is written.
    Flush(oneshot::Sender<()>),
}

/// Takes what goes to standard output. Where nobody reads that, the channel fills and whoever sends waits;
/// where nobody ever will, it closes.
pub(super) fn writer() -> mpsc::Sender<Out> {
    let (sender, mut receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        let mut waiting = vec![];
        while receiver.blocking_recv_many(&mut waiting, 64) > 0 {
            let mut lines: Vec<Bytes> = vec![];
            let mut flushed = vec![];
            for out in waiting.drain(..) {
                match out {
                    Out::Line(line) => lines.push(line),
                    Out::Flush(tell) => flushed.push(tell),
                }
            }
            if report::protocol(&lines).is_err() {
                return;
            }
            for tell in flushed {
                let _ = tell.send(());
            }
        }
    });
    sender
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces of this size.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let long = "x".repeat(300_000);
        let input = format!("one\r\n\n  \ntwo ☃\n{long}\nlast");
        for size in [1, 3, 7, 1 << 20] {
            let mut lines = vec![];
            read_lines(Pieces(input.as_bytes(), size), |line| {
                lines.push(String::from_utf8(line.to_vec()).unwrap());
                true
            });
            assert_eq!(lines, ["one", "two ☃", &long, "last"], "{size}");
        }
    }
}
