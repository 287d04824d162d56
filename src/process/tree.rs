//! Ending a child with everything it started: TERM to the group, a grace period, KILL to every
//! descendant, by parentage and by the mark in the environment (a grandchild may have made a session
//! of its own and lost its parent).

use std::collections::HashSet;
use std::time::Duration;

use super::Child;
use crate::os::{self, Process, Signal};

/// Every child of a session carries this variable, its value the session's id.
pub const SESSION_MARK: &str = "MCPGW_SESSION";

/// How often a tree that was asked to end is looked at. There is no event for "the last descendant of
/// a stranger ended".
const LOOK: Duration = Duration::from_millis(5);

/// Ends a child's whole tree and returns once nothing of it lives. `grace` is what it gets between
/// the request and the kill.
pub async fn stop(child: &Child, grace: Duration) {
    let mut known = HashSet::from([child.pid]);
    let mut members = tree(child, &mut known);
    if members.is_empty() {
        return;
    }
    for signal in [Signal::Term, Signal::Continue] {
        os::signal_group(child.pid, signal);
        // A child that was moved out of the group by its shell is asked by name.
        members.iter().for_each(|pid| os::signal_process(*pid, signal));
    }
    let mut look = LOOK;
    let ended = tokio::time::timeout(grace, async {
        loop {
            tokio::time::sleep(look).await;
            if tree(child, &mut known).is_empty() {
                return;
            }
            look = (look * 2).min(Duration::from_millis(100));
        }
    });
    if ended.await.is_ok() {
        return;
    }
    loop {
        members = tree(child, &mut known);
        if members.is_empty() {
            return;
        }
        os::signal_group(child.pid, Signal::Kill);
        members.iter().for_each(|pid| os::signal_process(*pid, Signal::Kill));
        tokio::time::sleep(LOOK).await;
    }
}

/// The TCP ports that a child or anything it started listens on.
pub fn listening_ports(child: &Child) -> Vec<u16> {
    os::listening_ports(&tree(child, &mut HashSet::from([child.pid])))
}

/// Kills everything that carries `session`'s mark, whoever its parent is, and everything in the sessions
/// that our `children` lead, whatever its environment, until nothing is left. Returns how many processes
/// that took. For use without a runtime, when the session itself is gone.
pub fn sweep(session: &str, children: &[Leader]) -> usize {
    let mark = format!("{SESSION_MARK}={session}");
    let mut killed = HashSet::new();
    loop {
        let all = os::processes();
        let left: Vec<u32> = all
            .iter()
            .filter(|process| !process.zombie && process.pid != std::process::id())
            .filter(|process| {
                children.iter().any(|child| child.leads(process, &all)) || os::carries(process.pid, &mark)
            })
            .map(|process| process.pid)
            .collect();
        if left.is_empty() {
            return killed.len();
        }
        for pid in left {
            os::signal_process(pid, Signal::Kill);
            killed.insert(pid);
        }
        std::thread::sleep(LOOK);
    }
}

/// One of our children, and so the leader of a session of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leader {
    /// Its process id, and its session's.
    pub pid: u32,
    /// When it started; a process of another time with that id is somebody else.
    pub start: u64,
}

impl Leader {
    /// Does `process` belong to this child's session? While anything does, its id is given to nobody else.
    fn leads(&self, process: &Process, all: &[Process]) -> bool {
        let reused = || all.iter().any(|other| other.pid == self.pid && other.start != self.start);
        process.session == self.pid && !reused()
    }
}

/// Kills whatever still descends from this very process, `spared` left out: what wiped its environment and
/// left its session was adopted by us when its parent died (on Linux), so at an orderly end it is found.
pub fn end_adopted(spared: u32) {
    /// A process that cannot be killed hangs in the kernel; nobody waits for that.
    const TRIES: u32 = 200;
    for _ in 0..TRIES {
        let mut left = descendants(&os::processes(), &HashSet::from([std::process::id()]), |_| false);
        left.retain(|pid| *pid != spared);
        if left.is_empty() {
            return;
        }
        left.into_iter().for_each(|pid| os::signal_process(pid, Signal::Kill));
        std::thread::sleep(LOOK);
    }
}

/// The live members of a child's tree. `known` remembers who once belonged, for a process whose parent
/// died between two looks is nobody's descendant any more.
fn tree(child: &Child, known: &mut HashSet<u32>) -> Vec<u32> {
    let all = os::processes();
    let members = descendants(&all, known, |pid| os::carries(pid, &child.mark));
    known.extend(&members);
    members
}

/// Everybody who is, descends from, or is marked like one of `roots`. Zombies are dead, but their
/// children are not.
fn descendants(all: &[Process], roots: &HashSet<u32>, marked: impl Fn(u32) -> bool) -> Vec<u32> {
    let me = std::process::id();
    let mut family: HashSet<u32> = roots.clone();
    loop {
        let before = family.len();
        for process in all {
            if process.pid != me && family.contains(&process.parent) {
                family.insert(process.pid);
            }
        }
        if family.len() == before {
            break;
        }
    }
    let lives = |process: &&Process| !process.zombie && process.pid != me;
    let belongs = |process: &&Process| family.contains(&process.pid) || marked(process.pid);
    all.iter().filter(lives).filter(belongs).map(|process| process.pid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32, zombie: bool) -> Process {
        Process { pid, parent, session: 0, start: 0, name: String::new(), zombie, stopped: false }
    }

    #[test]
    fn a_childs_session_is_its_own_until_its_id_is_somebody_elses() {
        let leader = Leader { pid: 10, start: 5 };
        let member = Process { session: 10, ..process(11, 1, false) };
        let (same, other) =
            (Process { start: 5, ..process(10, 1, true) }, Process { start: 9, ..process(10, 1, false) });
        assert!(leader.leads(&member, std::slice::from_ref(&member)));
        assert!(leader.leads(&member, &[same, member.clone()]));
        assert!(!leader.leads(&member, &[other, member.clone()]));
        assert!(!leader.leads(&process(12, 1, false), &[]));
    }

    #[test]
    fn the_tree_holds_grandchildren_of_the_dead_and_marked_orphans_and_nobody_else() {
        let all = [
            process(10, 1, true),   // the leader, dead
            process(11, 10, false), // its child
            process(12, 11, false), // its grandchild
            process(13, 1, false),  // an orphan that carries the mark
            process(14, 1, false),  // somebody else
        ];
        let mut found = descendants(&all, &HashSet::from([10]), |pid| pid == 13);
        found.sort_unstable();
        assert_eq!(found, [11, 12, 13]);
    }
}
