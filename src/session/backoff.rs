//! How long to wait before trying again: at once the first time, then twice as long each time, with
//! jitter, until a stable minute forgives everything.

use std::time::Duration;

use super::Moment;

/// Counts attempts and says how long to wait.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    attempt: u32,
    random: fastrand::Rng,
}

impl Backoff {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);
    /// Up for so long, all attempts are forgotten.
    pub(super) const STABLE: Duration = Duration::from_secs(60);

    /// The same seed gives the same delays.
    pub(super) fn new(seed: u64) -> Self {
        Self { attempt: 0, random: fastrand::Rng::with_seed(seed) }
    }

    /// Attempts since the last stable minute.
    pub(super) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// It had been up since `since` when it was lost.
    pub(super) fn lost_after(&mut self, since: Moment, now: Moment) {
        if now.saturating_sub(since) >= Self::STABLE {
            self.attempt = 0;
        }
    }

    /// Counts another attempt; how long to wait before it.
    pub(super) fn next(&mut self) -> Duration {
        self.attempt += 1;
        match self.attempt {
            1 => Duration::ZERO,
            attempt => {
                let doubled = Self::FIRST.saturating_mul(1 << (attempt - 2).min(10)).min(Self::LONGEST);
                // Between half and all of it: many who lost the same server do not come back as one.
                doubled.mul_f64(0.5 + self.random.f64() / 2.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_once_then_doubling_with_jitter_up_to_a_minute() {
        let mut backoff = Backoff::new(7);
        assert_eq!(backoff.next(), Duration::ZERO);
        for step in 0..12 {
            let most = Duration::from_secs(1 << step).min(Duration::from_secs(60));
            let delay = backoff.next();
            assert!(delay >= most / 2 && delay <= most, "{delay:?} of {most:?}");
        }
    }

    #[test]
    fn a_stable_minute_forgives_and_less_does_not() {
        let mut backoff = Backoff::new(7);
        let _ = [backoff.next(), backoff.next(), backoff.next()];
        backoff.lost_after(Duration::from_secs(10), Duration::from_secs(69));
        assert_eq!(backoff.attempt(), 3);
        backoff.lost_after(Duration::from_secs(10), Duration::from_secs(70));
        assert_eq!(backoff.next(), Duration::ZERO);
    }
}
