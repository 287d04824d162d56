//! The only place of the bridge that waits and talks. One task a call; what they share is here. What to do
//! with whatever comes back is decided by the pure files around this folder.

mod answers;
mod asides;
mod call;
mod connect;
mod listen;
mod notes;
mod session;
mod translate;
mod welcome;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, sleep, timeout};

use super::Plan;
use super::ledger::{Calls, Questions};
use super::message::{self, Incoming, Kind, Message, Part};
use super::modern::{Params, Tools};
use super::stdio::{self, Out};
use super::wire::Wire;
use crate::error::{Error, Result, io_reason};
use crate::os::{Interruption, Termination};
use notes::Notes;
use session::Session;

/// What the tasks share.
pub(super) struct Bridge {
    plan: Plan,
    out: mpsc::Sender<Out>,
    notes: Notes,
    calls: RefCell<Calls>,
    questions: RefCell<Questions>,
    client: RefCell<Client>,
    wire: RefCell<Option<Rc<Wire>>>,
    session: RefCell<Option<Rc<Session>>>,
    /// Sessions so far.
    epochs: Cell<u64>,
    /// Requests of the bridge's own so far.
    own: Cell<u64>,
    /// One at a time begins a session.
    connecting: tokio::sync::Mutex<()>,
    /// Notifications of the client, which go out in order.
    posts: mpsc::UnboundedSender<Message>,
    /// When the client was last told of progress.
    progressed: Cell<Option<Instant>>,
    /// Why the bridge cannot go on (`--strict`).
    fatal: RefCell<Option<Error>>,
    /// What the gateway said, on its way to the disk.
    keeping: RefCell<Option<JoinHandle<()>>>,
    /// Answers under way that are no calls: to `initialize` and `ping`.
    greetings: Cell<usize>,
    /// Something that the end waits for may have happened.
    news: Notify,
}

/// What is known of the client, and what it was told.
#[derive(Default)]
struct Client {
    /// The `params` of its `initialize`.
    asked: Option<Value>,
    /// The result it got.
    told: Option<Value>,
    /// What it was told came from no gateway.
    provisional: bool,
    /// It has said `notifications/initialized`.
    ready: bool,
    /// What the gateway last answered to `initialize`.
    upstream: Option<Value>,
    /// Its `logging/setLevel`, for the next session.
    level: Option<Value>,
    /// Its `resources/subscribe` by URI, likewise.
    subscriptions: BTreeMap<String, Value>,
    /// The lists it has read, by method: a fingerprint of the first page.
    seen: HashMap<&'static str, u64>,
    tools: Tools,
}

/// Where the answer of a call goes: straight out, or into its batch.
#[derive(Clone)]
enum Sink {
    Out,
    Batch(Rc<RefCell<Batch>>),
}

struct Batch {
    missing: usize,
    lines: Vec<Bytes>,
}

/// Why the bridge ends.
enum End {
    Closed,
    Asked,
}

pub(super) async fn run(plan: Plan) -> Result<()> {
    LocalSet::new().run_until(serve(plan)).await
}

async fn serve(plan: Plan) -> Result<()> {
    let mut termination = Termination::listen().map_err(|error| {
        Error::failed("bridge.signals", format!("listen for signals: {}", io_reason(&error)))
    })?;
    let (posts, posted) = mpsc::unbounded_channel();
    let notes = Notes::open(plan.state.as_ref());
    let bridge = Rc::new(Bridge {
        plan,
        out: stdio::writer(),
        notes,
        calls: RefCell::default(),
        questions: RefCell::default(),
        client: RefCell::default(),
        wire: RefCell::default(),
        session: RefCell::default(),
        epochs: Cell::new(0),
        own: Cell::new(0),
        connecting: tokio::sync::Mutex::default(),
        posts,
        progressed: Cell::new(None),
        fatal: RefCell::default(),
        keeping: RefCell::default(),
        greetings: Cell::new(0),
        news: Notify::new(),
    });
    bridge.notes.log("started");
    if bridge.plan.strict {
        bridge.must_be_there().await?;
    }
    spawn_local(bridge.clone().send_posts(posted));
    let reading = spawn_local(bridge.clone().read_all());
    let end = tokio::select! {
        _ = reading => End::Closed,
        () = bridge.out.closed() => End::Asked,
        () = bridge.failed() => End::Asked,
        () = asked_to_end(&mut termination) => End::Asked,
    };
    let finish = bridge.finish(&end);
    match end {
        End::Asked => finish.await,
        // Answers may be on their way; a signal still ends it at once.
        End::Closed => tokio::select! {
            () = finish => {}
            () = asked_to_end(&mut termination) => bridge.finish(&End::Asked).await,
        },
    }
    bridge.notes.log("ended");
    bridge.fatal.take().map_or(Ok(()), Err)
}

async fn asked_to_end(termination: &mut Termination) {
    while matches!(termination.next().await, Interruption::ChildEnded) {}
}

impl Bridge {
    /// Takes the client's lines until there are no more.
    async fn read_all(self: Rc<Self>) {
        let mut lines = stdio::lines();
        while let Some(line) = lines.recv().await {
            match message::read(&line) {
                Incoming::One(Ok(message)) => self.take(message, Sink::Out).await,
                Incoming::One(Err(wrong)) => self.emit(message::complaint(&wrong)).await,
                Incoming::Batch(parts) => self.take_batch(parts).await,
            }
        }
    }

    async fn take_batch(self: &Rc<Self>, parts: Vec<std::result::Result<Message, message::Wrong>>) {
        let wants = |part: &&std::result::Result<Message, message::Wrong>| {
            matches!(part, Ok(Message { kind: Kind::Request { .. }, .. }) | Err(_))
        };
        let missing = parts.iter().filter(wants).count();
        let sink = Sink::Batch(Rc::new(RefCell::new(Batch { missing, lines: vec![] })));
        for part in parts {
            match part {
                Ok(message) => self.take(message, sink.clone()).await,
                Err(wrong) => self.put(&sink, Some(message::complaint(&wrong))).await,
            }
        }
    }

    async fn take(self: &Rc<Self>, message: Message, sink: Sink) {
        match message.kind.clone() {
            Kind::Request { id, method } => match method.as_str() {
                "initialize" => {
                    let first = self.begin(&message);
                    self.greeting(async move |bridge: &Rc<Self>| bridge.welcome(first, &id, &sink).await);
                }
                "ping" => {
                    self.greeting(async move |bridge: &Rc<Self>| bridge.ping(message, &id, &sink).await)
                }
                _ => {
                    let params = Params::read(message.part(Part::Params));
                    let waiting = self.calls.borrow_mut().open(id.clone(), params.version().is_some());
                    let call = call::Call { id, method, params, message };
                    drop(spawn_local(self.clone().run(call, waiting, sink)));
                }
            },
            Kind::Notification { method } => match method.as_str() {
                "notifications/initialized" => self.client_is_ready().await,
                "notifications/cancelled" => self.cancel(message),
                _ => drop(self.posts.send(message)),
            },
            Kind::Response { id, .. } => self.client_answers(message, &id),
        }
    }

    /// Answers something that is no call; the end waits for it.
    fn greeting(self: &Rc<Self>, answer: impl AsyncFnOnce(&Rc<Self>) + 'static) {
        self.greetings.set(self.greetings.get() + 1);
        let bridge = self.clone();
        spawn_local(async move {
            answer(&bridge).await;
            bridge.greetings.set(bridge.greetings.get() - 1);
            bridge.news.notify_waiters();
        });
    }

    /// An answer, or that there will be none.
    async fn put(&self, sink: &Sink, line: Option<Bytes>) {
        match sink {
            Sink::Out => {
                if let Some(line) = line {
                    self.let_progress_be_seen().await;
                    self.emit(line).await;
                }
            }
            Sink::Batch(batch) => {
                let whole = {
                    let mut batch = batch.borrow_mut();
                    batch.lines.extend(line);
                    batch.missing = batch.missing.saturating_sub(1);
                    (batch.missing == 0 && !batch.lines.is_empty()).then(|| std::mem::take(&mut batch.lines))
                };
                if let Some(lines) = whole {
                    self.emit([b"[", lines.join(&b","[..]).as_slice(), b"]"].concat().into()).await;
                }
            }
        }
        self.news.notify_waiters();
    }

    /// The official TypeScript client forgets who wanted progress as soon as it has read the answer, and reads what
    /// came together before it tells anybody of the progress: the last step would be lost.
    async fn let_progress_be_seen(&self) {
        const APART: Duration = Duration::from_millis(3);
        if self.progressed.get().is_some_and(|at| at.elapsed() < APART) {
            sleep(APART).await;
        }
    }

    /// One line to the client. Waits where the client does not read.
    async fn emit(&self, line: Bytes) {
        // Closed: the client has gone, which ends the bridge.
        let _ = self.out.send(Out::Line(line)).await;
    }

    async fn failed(&self) {
        loop {
            let news = self.news.notified();
            if self.fatal.borrow().is_some() {
                return;
            }
            news.await;
        }
    }

    /// Lets answers out that are on their way, ends the session at the gateway, writes what waits: within
    /// two seconds altogether.
    async fn finish(&self, end: &End) {
        const DRAIN: Duration = Duration::from_millis(900);
        const GOODBYE: Duration = Duration::from_millis(500);
        const WRITE: Duration = Duration::from_millis(200);
        if matches!(end, End::Closed) {
            let drained = async {
                loop {
                    let news = self.news.notified();
                    if self.calls.borrow().is_empty() && self.greetings.get() == 0 {
                        return;
                    }
                    news.await;
                }
            };
            let _ = timeout(DRAIN, drained).await;
        }
        let (session, keeping) = (self.session.take(), self.keeping.take());
        let goodbye = async {
            if let Some(session) = session {
                session.end().await;
            }
        };
        let kept = async {
            if let Some(keeping) = keeping {
                let _ = keeping.await;
            }
        };
        let _ = timeout(GOODBYE, async { tokio::join!(goodbye, kept) }).await;
        let (tell, told) = oneshot::channel();
        let _ = timeout(WRITE, async {
            if self.out.send(Out::Flush(tell)).await.is_ok() {
                let _ = told.await;
            }
        })
        .await;
    }
}
