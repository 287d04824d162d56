//! When a certificate is valid (RFC 5280 section 4.1.2.5): the one field that no library at hand tells. Pure.

use jiff::{SignedDuration, Timestamp};

/// From when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub until: Timestamp,
}

impl Validity {
    /// Reads it out of a certificate, DER. `None`: it is none.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (SEQUENCE, certificate, _) = element(certificate)? else { return None };
        let (SEQUENCE, mut rest, _) = element(certificate)? else { return None };
        // version (may be left out), serial number, signature's algorithm, issuer
        if rest.first() == Some(&VERSION) {
            rest = element(rest)?.2;
        }
        for _ in 0..3 {
            rest = element(rest)?.2;
        }
        let (SEQUENCE, validity, _) = element(rest)? else { return None };
        let (from_kind, from, rest) = element(validity)?;
        let (until_kind, until, _) = element(rest)?;
        Some(Self { from: time(from_kind, from)?, until: time(until_kind, until)? })
    }

    /// Is it time for a new one? In the last third of its life, but not sooner than 30 days before the end.
    pub fn is_due(&self, now: Timestamp) -> bool {
        const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
        let life = self.until.duration_since(self.from);
        self.until.duration_since(now) <= (life / 3).min(SOON)
    }

    /// Is it over, or not yet begun?
    pub fn is_off(&self, now: Timestamp) -> bool {
        now < self.from || now > self.until
    }
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Tag, content and what comes behind.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, in UTC.
fn time(kind: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match kind {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 || !rest.is_ascii() {
        return None;
    }
    let part = |at: usize| rest[at..at + 2].parse::<i8>().ok();
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    let moment = jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(moment).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn certificate(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
        params.not_after = rcgen::date_time_ymd(until.0, until.1, until.2);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn both_ways_to_write_a_time_are_read() {
        let found = Validity::of(&certificate((2024, 2, 29), (2055, 12, 31))).unwrap();
        assert_eq!(found.from.to_string(), "2024-02-29T00:00:00Z");
        assert_eq!(found.until.to_string(), "2055-12-31T00:00:00Z");
    }

    #[test]
    fn a_certificate_is_renewed_well_before_its_end() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let year = Validity { from: at("2025-01-01T00:00:00Z"), until: at("2026-01-01T00:00:00Z") };
        assert!(!year.is_due(at("2025-11-01T00:00:00Z")) && year.is_due(at("2025-12-05T00:00:00Z")));
        let short = Validity { from: at("2025-01-01T00:00:00Z"), until: at("2025-01-01T00:00:30Z") };
        assert!(!short.is_due(at("2025-01-01T00:00:15Z")) && short.is_due(at("2025-01-01T00:00:21Z")));
        assert!(short.is_off(at("2025-01-01T00:00:31Z")) && short.is_off(at("2024-12-31T00:00:00Z")));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in Just(certificate((2024, 1, 1), (2030, 1, 1))), at in 0_usize..300, byte: u8, cut in 0_usize..500) {
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(cut);
            let _ = Validity::of(&bytes);
        }
    }
}
