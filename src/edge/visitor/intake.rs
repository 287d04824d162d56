//! A request's body on its way from its connection to whoever wants it. Nothing is read before it is wanted, so
//! that who sends faster than the gateway listens waits in his own socket.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// The end that reads.
#[derive(Debug)]
pub(in crate::edge) struct Intake {
    slot: Arc<Mutex<Slot>>,
    /// How long the rest is, where that is known.
    left: Option<u64>,
}

/// The end that the connection fills.
#[derive(Debug)]
pub(in crate::edge) struct Outlet(Arc<Mutex<Slot>>);

#[derive(Debug, Default)]
struct Slot {
    piece: Option<Bytes>,
    over: bool,
    /// Who waits for more.
    wanted: Option<Waker>,
}

/// What the reading end is doing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    More,
    /// It has enough for now.
    Nothing,
    /// Nobody will read any more of it.
    Gone,
}

/// Both ends of a body.
pub(in crate::edge) fn body(length: Option<u64>) -> (Outlet, Intake) {
    let slot = Arc::<Mutex<Slot>>::default();
    (Outlet(slot.clone()), Intake { slot, left: length })
}

impl Intake {
    pub(in crate::edge) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut slot = lock(&self.slot);
        if let Some(piece) = slot.piece.take() {
            self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
            return Poll::Ready(Some(piece));
        }
        if slot.over {
            return Poll::Ready(None);
        }
        slot.wanted = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(in crate::edge) fn is_over(&self) -> bool {
        let slot = lock(&self.slot);
        slot.piece.is_none() && slot.over || self.left == Some(0)
    }

    /// How long the rest is, where that is known.
    pub(in crate::edge) fn left(&self) -> Option<u64> {
        self.left
    }
}

impl Outlet {
    pub(super) fn wish(&self) -> Wish {
        match lock(&self.0).wanted {
            _ if Arc::strong_count(&self.0) == 1 => Wish::Gone,
            Some(_) => Wish::More,
            None => Wish::Nothing,
        }
    }

    /// To be called in a task that looks at the reading end afterwards, or else wakes who does.
    pub(super) fn put(&self, piece: Bytes, cx: &Context<'_>) {
        let mut slot = lock(&self.0);
        slot.piece = Some(piece);
        slot.wake(cx);
    }

    /// That was all.
    pub(super) fn end(&self, cx: &Context<'_>) {
        let mut slot = lock(&self.0);
        slot.over = true;
        slot.wake(cx);
    }
}

impl Slot {
    fn wake(&mut self, cx: &Context<'_>) {
        if let Some(waker) = self.wanted.take().filter(|waker| !waker.will_wake(cx.waker())) {
            waker.wake();
        }
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}
