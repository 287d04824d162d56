//! Server-sent events, read piece by piece (WHATWG HTML, section 9.2.6). Pure.

use bytes::{Bytes, BytesMut};

/// One event that holds something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type; empty for `message`.
    pub(super) name: String,
    pub(super) data: Bytes,
}

/// Reads a stream that arrives in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: BytesMut,
    /// So much of `line` holds no line end.
    searched: usize,
    begun: bool,
    /// The last line ended with CR: an LF right behind belongs to it.
    after_cr: bool,
    name: String,
    data: Option<Data>,
    id: Option<String>,
    /// The id of the last event that was complete.
    pub(super) last_id: Option<String>,
    /// How long to wait before a new connection, in milliseconds.
    pub(super) retry: Option<u64>,
}

/// The usual event has one line of data, which is not copied.
#[derive(Debug)]
enum Data {
    One(Bytes),
    Many(BytesMut),
}

impl Reader {
    /// For a stream that goes on behind this event.
    pub(super) fn behind(last_id: Option<String>) -> Self {
        Self { last_id, ..Self::default() }
    }

    /// Takes the next piece; the events that it completes.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Vec<Event> {
        self.line.extend_from_slice(piece);
        let mut events = vec![];
        while let Some(line) = self.next_line() {
            events.extend(self.take(line));
        }
        events
    }

    /// Does it hold more of an event that does not end than any message may be long?
    pub(super) fn is_too_long(&self, most: usize) -> bool {
        let data = match &self.data {
            None => 0,
            Some(Data::One(data)) => data.len(),
            Some(Data::Many(data)) => data.len(),
        };
        self.line.len() + data > most
    }

    /// The end of the stream. The standard throws an event away that no empty line ends; servers that forget
    /// it exist, and what is cut off in the middle is no JSON.
    pub(super) fn finish(&mut self) -> Option<Event> {
        let line = self.line.split().freeze();
        let last = self.take(line);
        last.or_else(|| self.dispatch())
    }

    fn next_line(&mut self) -> Option<Bytes> {
        if self.after_cr && self.line.first() == Some(&b'\n') {
            let _ = self.line.split_to(1);
            self.after_cr = false;
        }
        if self.line.is_empty() {
            return None;
        }
        self.after_cr = false;
        let Some(at) = memchr::memchr2(b'\n', b'\r', &self.line[self.searched..]) else {
            self.searched = self.line.len();
            return None;
        };
        let mut line = self.line.split_to(self.searched + at + 1);
        self.searched = 0;
        self.after_cr = line.last() == Some(&b'\r');
        line.truncate(line.len() - 1);
        Some(line.freeze())
    }

    fn take(&mut self, mut line: Bytes) -> Option<Event> {
        if !std::mem::replace(&mut self.begun, true) && line.starts_with("\u{feff}".as_bytes()) {
            line = line.slice(3..);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let colon = memchr::memchr(b':', &line).unwrap_or(line.len());
        let value = line.slice((colon + 1).min(line.len())..);
        let value = if value.first() == Some(&b' ') { value.slice(1..) } else { value };
        match &line[..colon] {
            b"data" => {
                self.data = Some(match self.data.take() {
                    None => Data::One(value),
                    Some(Data::One(first)) => Data::Many(joined(BytesMut::from(&first[..]), &value)),
                    Some(Data::Many(lines)) => Data::Many(joined(lines, &value)),
                });
            }
            b"event" => self.name = String::from_utf8_lossy(&value).into_owned(),
            b"id" if !value.contains(&0) => self.id = Some(String::from_utf8_lossy(&value).into_owned()),
            b"retry" => {
                let digits = std::str::from_utf8(&value).ok().filter(|text| text.bytes().all(is_digit));
                self.retry = digits.and_then(|text| text.parse().ok()).or(self.retry);
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        if let Some(id) = self.id.take() {
            self.last_id = Some(id).filter(|id| !id.is_empty());
        }
        let name = std::mem::take(&mut self.name);
        let data = match self.data.take()? {
            Data::One(data) => data,
            Data::Many(data) => data.freeze(),
        };
        // An event without data only brings an id.
        (!data.is_empty()).then_some(Event { name, data })
    }
}

fn joined(mut lines: BytesMut, line: &[u8]) -> BytesMut {
    lines.extend_from_slice(b"\n");
    lines.extend_from_slice(line);
    lines
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> (Vec<(String, String)>, Reader) {
        let mut reader = Reader::default();
        let mut events = vec![];
        for piece in pieces {
            events.extend(reader.feed(piece));
        }
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        (events.into_iter().map(|event| (event.name, text(event.data))).collect(), reader)
    }

    fn datas(stream: &str) -> Vec<String> {
        read(&[stream.as_bytes()]).0.into_iter().map(|(_, data)| data).collect()
    }

    #[test]
    fn lines_end_with_lf_cr_or_both() {
        for end in ["\n", "\r", "\r\n"] {
            let stream = format!("event: a{end}data: 1{end}data:2{end}{end}data{end}{end}data: 3{end}{end}");
            assert_eq!(datas(&stream), ["1\n2", "3"], "{end:?}");
        }
    }

    #[test]
    fn comments_unknown_fields_and_a_byte_order_mark_are_nothing() {
        assert_eq!(datas("\u{feff}data: a\n: hello\nfoo: bar\n\n:\n\n"), ["a"]);
        assert_eq!(datas("data:  two blanks\n\n"), [" two blanks"]);
    }

    #[test]
    fn ids_count_when_their_event_is_complete_and_retry_is_a_number() {
        let (events, reader) = read(&[b"id: 1\ndata: \n\nretry: 1500\nretry: soon\nid: 2\ndata: x\n"]);
        assert_eq!((events.len(), reader.last_id.as_deref(), reader.retry), (0, Some("1"), Some(1500)));
        let (_, reader) = read(&[b"id: 1\ndata: x\n\ndata: y\n\n"]);
        assert_eq!(reader.last_id.as_deref(), Some("1"), "an event without an id keeps the last one");
        let (_, reader) = read(&[b"id: 1\n\nid: a\0b\n\n"]);
        assert_eq!(reader.last_id.as_deref(), Some("1"));
    }

    #[test]
    fn an_event_that_the_end_completes_counts() {
        let mut reader = Reader::default();
        assert!(reader.feed(b"id: 9\ndata: {}").is_empty());
        assert_eq!(reader.finish().map(|event| event.data), Some(Bytes::from_static(b"{}")));
        assert_eq!(Reader::default().finish(), None);
    }

    #[test]
    fn an_event_without_an_end_is_noticed() {
        for piece in [&b"data: xxxx"[..], b"data: xxxx\n"] {
            let mut reader = Reader::default();
            assert!(!reader.is_too_long(18));
            (0..4).for_each(|_| drop(reader.feed(piece)));
            assert!(reader.is_too_long(18), "{reader:?}");
        }
    }

    proptest! {
        #[test]
        fn it_makes_no_difference_where_the_pieces_are_cut(
            parts in prop::collection::vec("(data: ?|id:|event: |:|retry: )?[a-zß☃0-9 ]{0,5}(\n|\r|\r\n|\n\n)", 0..12),
            cuts in prop::collection::vec(0usize..80, 0..8),
        ) {
            let stream = parts.concat().into_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let (cut, cut_reader) = read(&pieces);
            let (whole, whole_reader) = read(&[&stream]);
            prop_assert_eq!(cut, whole);
            prop_assert_eq!(cut_reader.last_id, whole_reader.last_id);
        }
    }
}
