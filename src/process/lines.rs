//! Bytes of a child's stream to lines. Child output is hostile input: lines are capped, escape
//! sequences and control characters removed, invalid UTF-8 replaced. Pure.

/// Which stream of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Assembles lines from chunks cut anywhere. `\n`, `\r\n` and `\r` end a line (progress bars use the
/// last); empty lines are dropped.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
    /// The cap was reached: what follows up to the line's end is dropped.
    over: bool,
}

impl Lines {
    /// The longest line in bytes; the rest of a longer one is dropped.
    pub const CAP: usize = 16 << 10;

    /// Takes a chunk and hands over every line it completes.
    pub fn feed(&mut self, mut chunk: &[u8], mut each: impl FnMut(&str)) {
        while let Some(end) = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            if self.partial.is_empty() && !self.over {
                Self::emit(&chunk[..end.min(Self::CAP)], &mut each);
            } else {
                self.keep(&chunk[..end]);
                self.finish(&mut each);
            }
            chunk = &chunk[end + 1..];
        }
        self.keep(chunk);
    }

    /// The stream has ended: hands over a last line that no newline ended.
    pub fn finish(&mut self, mut each: impl FnMut(&str)) {
        self.over = false;
        let line = std::mem::take(&mut self.partial);
        Self::emit(&line, &mut each);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = Self::CAP - self.partial.len();
        self.over |= bytes.len() > room;
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn emit(line: &[u8], each: &mut impl FnMut(&str)) {
        if line.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(line);
        if !text.contains(|char: char| char.is_control()) {
            return each(&text);
        }
        let clean: String = anstream::adapter::strip_str(&text)
            .flat_map(str::chars)
            .filter(|char| *char == '\t' || !char.is_control())
            .collect();
        if !clean.is_empty() {
            each(&clean);
        }
    }
}

/// A whole line without what a terminal would obey.
pub fn clean(line: &[u8]) -> String {
    let (mut lines, mut whole) = (Lines::default(), String::new());
    let mut keep = |part: &str| {
        if !whole.is_empty() {
            whole.push(' ');
        }
        whole.push_str(part);
    };
    lines.feed(line, &mut keep);
    lines.finish(&mut keep);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let (mut lines, mut got) = (Lines::default(), vec![]);
        for chunk in chunks {
            lines.feed(chunk, |line| got.push(line.to_string()));
        }
        lines.finish(|line| got.push(line.to_string()));
        got
    }

    #[test]
    fn every_kind_of_line_end_and_none_at_all() {
        assert_eq!(lines(&[b"a\r\nb\rc\n\nd"]), ["a", "b", "c", "d"]);
    }

    #[test]
    fn escape_sequences_go_and_text_stays() {
        let colour = b"\x1b[32myour url is:\x1b[0m https://x.y\n\x1b]0;title\x07after\n";
        assert_eq!(lines(&[colour]), ["your url is: https://x.y", "after"]);
    }

    #[test]
    fn invalid_utf8_is_replaced_and_nothing_is_lost() {
        assert_eq!(lines(&[b"a\xffb\n"]), ["a\u{fffd}b"]);
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut_and_the_next_is_whole() {
        let mut flood = vec![b'x'; 1 << 20];
        flood.extend_from_slice(b"\nnext\n");
        let got = lines(&flood.chunks(4096).collect::<Vec<_>>());
        assert_eq!((got[0].len(), got[1].as_str(), got.len()), (Lines::CAP, "next", 2));
        assert_eq!(lines(&[&flood]), got, "cut the same way however it arrives");
    }

    proptest! {
        #[test]
        fn where_the_reads_cut_makes_no_difference(
            text in proptest::collection::vec(prop_oneof![
                Just(b'\n'), Just(b'\r'), Just(0x1b), Just(b'['), Just(b'm'), Just(0xc3), Just(0xa9), any::<u8>()
            ], 0..200),
            cuts in proptest::collection::vec(0usize..200, 0..8),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let mut chunks = vec![];
            let mut from = 0;
            for cut in cuts.into_iter().chain([text.len()]) {
                chunks.push(&text[from..cut]);
                from = cut;
            }
            prop_assert_eq!(lines(&chunks), lines(&[&text]));
        }
    }
}
