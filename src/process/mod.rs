//! Child processes: started in a session of their own and marked, read to their last byte in bounded
//! memory, ended with everything they started. Knows nothing of tunnels or gateways.

mod attended;
mod child;
mod feed;
mod foreground;
mod lines;
mod reaper;
mod tree;

pub use attended::Attended;
pub use child::{Child, Hearing, Spec, Status, Stdin, reap_orphans, spawn};
pub use feed::feed;
pub use foreground::foreground;
pub use lines::{Lines, Stream, clean};
pub use reaper::{Reaper, reap};
pub use tree::{SESSION_MARK, end_adopted, listening_ports, stop, sweep};

/// A variable of ours that no child has a use for.
const SECRET: [&str; 1] = ["MCPGW_KEY"];
