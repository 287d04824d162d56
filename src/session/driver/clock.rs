//! The session's time, and whether the machine slept through some of it: the wall clock goes on then, the
//! monotonic one does not.

use std::time::{Duration, Instant, SystemTime};

use crate::session::Moment;

/// See the module.
pub(super) struct Clock {
    began: Instant,
    wall: SystemTime,
    /// How much the wall clock was ahead at the last look.
    ahead: Duration,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { began: Instant::now(), wall: SystemTime::now(), ahead: Duration::ZERO }
    }

    /// Now.
    pub(super) fn now(&self) -> Moment {
        self.began.elapsed()
    }

    /// When that will be.
    pub(super) fn at(&self, moment: Moment) -> Instant {
        self.began + moment
    }

    /// Did the machine sleep since the last look?
    pub(super) fn slept(&mut self) -> bool {
        let wall = self.wall.elapsed().unwrap_or_default();
        self.is_nap(wall.saturating_sub(self.began.elapsed()))
    }

    /// Clocks that part by more than seconds from one look to the next did not drift.
    fn is_nap(&mut self, ahead: Duration) -> bool {
        const NAP: Duration = Duration::from_secs(5);
        let before = std::mem::replace(&mut self.ahead, ahead);
        ahead.saturating_sub(before) > NAP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nap_is_noticed_once_and_drift_or_a_clock_set_back_is_none() {
        let mut clock = Clock::start();
        let ahead = [0, 1, 2, 3602, 3602, 3603, 0, 4].map(Duration::from_secs);
        let naps = ahead.map(|ahead| clock.is_nap(ahead));
        assert_eq!(naps, [false, false, false, true, false, false, false, false]);
    }
}
