//! How long something takes: one timer a connection, whatever is waited for. Never decides what follows.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// See the module. The timer is set anew only when it has run out.
pub(super) struct Waiting {
    timer: Pin<Box<Sleep>>,
    since: Instant,
}

impl Waiting {
    pub(super) fn new(limit: Duration) -> Self {
        Self { timer: Box::pin(sleep(limit)), since: Instant::now() }
    }

    pub(super) fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// True once in so long a while.
    pub(super) fn poll_tick(&mut self, every: Duration, cx: &mut Context<'_>) -> bool {
        let next = Instant::now() + every;
        let ticked = self.timer.as_mut().poll(cx).is_ready();
        if ticked || self.timer.deadline() > next {
            self.timer.as_mut().reset(next);
            let _ = self.timer.as_mut().poll(cx);
        }
        ticked
    }

    /// Has it taken longer than that?
    pub(super) fn poll_over(&mut self, limit: Duration, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let end = self.since + limit;
            if Instant::now() >= end {
                return true;
            }
            self.timer.as_mut().reset(end);
        }
        false
    }
}
