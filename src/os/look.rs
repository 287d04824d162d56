//! Where the system cannot wake us at the end of a process that is not our child, or only by calls that were
//! never tried: look.

use std::time::{Duration, Instant};

use super::Process;

/// Waits until that very process has ended; false when it outlives `limit`.
pub fn wait_for_end(process: &Process, limit: Duration) -> bool {
    const LOOK: Duration = Duration::from_millis(20);
    let end = Instant::now() + limit;
    loop {
        let now = super::process(process.pid);
        if now.is_none_or(|now| now.start != process.start || now.zombie) {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(LOOK);
    }
}
