//! Who waits for what: the client's calls that have no answer yet, and the gateway's questions to the
//! client. Each is answered once, or not at all where nobody waits any more. Pure.

use std::collections::HashMap;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::message::Id;

/// The client's calls under way.
#[derive(Debug, Default)]
pub(super) struct Calls {
    open: HashMap<Id, Call>,
    count: u64,
}

#[derive(Debug)]
struct Call {
    number: u64,
    /// Without a session: the call's own stream is all there is, and closing it calls it off.
    modern: bool,
    /// Takes an answer that came another way than on the call's own stream. Dropped: the call is off.
    answer: oneshot::Sender<Bytes>,
}

/// A call's own end of its entry.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) number: u64,
    pub(super) answer: oneshot::Receiver<Bytes>,
}

impl Calls {
    /// A new call. One that is still open under the same id is off: its answer would be taken for the new one's.
    pub(super) fn open(&mut self, id: Id, modern: bool) -> Waiting {
        self.count += 1;
        let (sender, answer) = oneshot::channel();
        self.open.insert(id, Call { number: self.count, modern, answer: sender });
        Waiting { number: self.count, answer }
    }

    /// May the call with this number be answered now? Only once.
    pub(super) fn close(&mut self, id: &Id, number: u64) -> bool {
        let mine = self.open.get(id).is_some_and(|call| call.number == number);
        mine && self.open.remove(id).is_some()
    }

    /// The client no longer wants an answer. Is the gateway to be told? Not where nobody waited, nor where the
    /// end of the call's stream tells it.
    pub(super) fn cancel(&mut self, id: &Id) -> bool {
        self.open.remove(id).is_some_and(|call| !call.modern)
    }

    /// An answer that came another way than the call's own; was anybody waiting for it?
    pub(super) fn answer(&mut self, id: &Id, line: Bytes) -> bool {
        // The entry stays until its owner has taken the answer and closes it.
        let Some(call) = self.open.get_mut(id) else { return false };
        let (closed, _) = oneshot::channel();
        std::mem::replace(&mut call.answer, closed).send(line).is_ok()
    }

    /// Does anybody wait under this id?
    pub(super) fn waits(&self, id: &Id) -> bool {
        self.open.contains_key(id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

/// Where an answer of the client goes.
#[derive(Debug)]
pub(super) enum Asker {
    /// To the gateway, in the session of this epoch, which knows the question by this id.
    Gateway { epoch: u64, id: Id },
    /// To the bridge itself, which asked for a gateway that cannot.
    Bridge(oneshot::Sender<Bytes>),
}

impl Asker {
    fn is_of(&self, session: u64) -> bool {
        matches!(self, Self::Gateway { epoch, .. } if *epoch == session)
    }
}

/// The gateway's questions that the client has not answered.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: HashMap<Id, Asker>,
    count: u64,
}

impl Questions {
    /// A new question; the id under which the client gets it: the gateway's own, unless an older question
    /// (of an earlier session, say) is still open under it.
    pub(super) fn ask(&mut self, id: &Id, asker: Asker) -> Id {
        let shown = match self.open.contains_key(id) {
            false => id.clone(),
            true => self.fresh(),
        };
        self.open.insert(shown.clone(), asker);
        shown
    }

    /// A question of the bridge's own: its id, and its answer.
    pub(super) fn ask_own(&mut self) -> (Id, oneshot::Receiver<Bytes>) {
        let (sender, answer) = oneshot::channel();
        let id = self.fresh();
        self.open.insert(id.clone(), Asker::Bridge(sender));
        (id, answer)
    }

    /// An id that no question has.
    fn fresh(&mut self) -> Id {
        self.count += 1;
        Id::own(&format!("question-{}", self.count))
    }

    /// The client answers; who asked?
    pub(super) fn answered(&mut self, id: &Id) -> Option<Asker> {
        self.open.remove(id)
    }

    /// The gateway takes a question back; the id the client knows it by.
    pub(super) fn taken_back(&self, epoch: u64, id: &Id) -> Option<Id> {
        let wanted = |asker: &Asker| {
            asker.is_of(epoch) && matches!(asker, Asker::Gateway { id: its, .. } if its == id)
        };
        self.open.iter().find(|(_, asker)| wanted(asker)).map(|(shown, _)| shown.clone())
    }

    /// The session is gone; the questions it asked, which the client need not think about any more. They
    /// stay known: an answer that is on its way must not be taken for another question's.
    pub(super) fn orphaned(&self, epoch: u64) -> Vec<Id> {
        self.open.iter().filter(|(_, asker)| asker.is_of(epoch)).map(|(shown, _)| shown.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::own(text)
    }

    #[test]
    fn a_call_is_answered_once() {
        let mut calls = Calls::default();
        let call = calls.open(id("1"), false);
        assert!(calls.close(&id("1"), call.number));
        assert!(!calls.close(&id("1"), call.number));
        assert!(!calls.answer(&id("1"), Bytes::new()));
    }

    #[test]
    fn a_cancelled_call_gets_no_answer_and_its_id_is_free_again() {
        let mut calls = Calls::default();
        let mut old = calls.open(id("1"), false);
        assert!(calls.cancel(&id("1")) && !calls.cancel(&id("1")));
        assert!(old.answer.try_recv().is_err());
        let new = calls.open(id("1"), false);
        assert!(!calls.close(&id("1"), old.number), "the old call's answer came late");
        assert!(calls.close(&id("1"), new.number));
    }

    #[test]
    fn an_answer_on_another_stream_reaches_its_call_once() {
        let mut calls = Calls::default();
        let mut call = calls.open(id("1"), false);
        assert!(calls.answer(&id("1"), Bytes::from_static(b"x")));
        assert!(!calls.answer(&id("1"), Bytes::from_static(b"y")));
        assert_eq!(call.answer.try_recv().unwrap(), Bytes::from_static(b"x"));
        assert!(calls.close(&id("1"), call.number) && calls.is_empty());
    }

    #[test]
    fn a_new_sessions_question_is_not_taken_for_an_old_ones() {
        let mut questions = Questions::default();
        let first = questions.ask(&id("0"), Asker::Gateway { epoch: 1, id: id("0") });
        assert_eq!(first, id("0"));
        assert_eq!(questions.orphaned(1), [id("0")]);
        let second = questions.ask(&id("0"), Asker::Gateway { epoch: 2, id: id("0") });
        assert_ne!(second, first);
        assert_eq!(questions.taken_back(2, &id("0")), Some(second.clone()));
        assert!(matches!(questions.answered(&first), Some(Asker::Gateway { epoch: 1, .. })));
        assert!(matches!(questions.answered(&second), Some(Asker::Gateway { epoch: 2, .. })));
        assert!(questions.answered(&second).is_none());
    }
}
