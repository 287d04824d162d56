//! Room that all connections of a thread share for the moment of a read or a write, so that none of them holds
//! any while it is silent. Never handed on between two moments: who uses it copies out what is to stay.

use std::cell::RefCell;

/// One read from a socket.
pub(super) const READ: usize = 64 << 10;

thread_local! {
    static INCOMING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTGOING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static PLAIN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// With room for a read behind `kept`, which the room begins with.
pub(super) fn incoming<T>(kept: &[u8], read: impl FnOnce(&mut [u8]) -> T) -> T {
    INCOMING.with_borrow_mut(|room| {
        grow(room, kept.len() + READ);
        room[..kept.len()].copy_from_slice(kept);
        read(&mut room[..kept.len() + READ])
    })
}

/// With room that [`grow`] makes larger.
pub(super) fn outgoing<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    OUTGOING.with_borrow_mut(write)
}

/// With an empty vector.
pub(super) fn plain<T>(write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    PLAIN.with_borrow_mut(|room| {
        room.clear();
        write(room)
    })
}

/// It is filled with zeros once and not for every use.
pub(super) fn grow(room: &mut Vec<u8>, size: usize) {
    if room.len() < size {
        room.resize(size, 0);
    }
}
