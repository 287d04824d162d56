//! The way to the gateway: a gate that holds requests while it is away, and the idle connections.
//! A request is sent again only when no byte of it has left.

mod exchange;
mod framing;
mod stream;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::{Request, Response};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

pub(super) use exchange::{Connection, Reply};

use super::body::RequestBody;
use super::{HostRule, Witness};
use exchange::{Lost, exchange};

/// A gateway that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Does it speak TLS?
    pub tls: bool,
    /// Which `Host` it wants to see.
    pub host: HostRule,
    /// It refuses anonymous calls by itself, for as long as this stands.
    pub guard: Option<Witness>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Gate {
    Open(Target),
    Held,
    Refused,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Upstream {
    gate: watch::Sender<Gate>,
    waiting: AtomicUsize,
    /// How often the gate was turned: a connection from before leads to a gateway that is gone.
    openings: AtomicU64,
    idle: Mutex<Vec<Connection>>,
    suspect: mpsc::Sender<()>,
}

/// Why a request got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The gateway did not come back in time, or too many wait already.
    Away,
    /// The connection broke after the request had been sent.
    Broken,
    /// This gateway must not see it.
    Locked,
    /// It came under a name that turned out not to be ours.
    Stranger,
    /// Nobody knows at this moment whether the gateway guards itself.
    InDoubt,
}

impl Upstream {
    /// So many requests may wait; their bodies wait unread in the sockets' buffers.
    const MAX_WAITING: usize = 256;
    /// So long may one wait.
    const MAX_WAIT: Duration = Duration::from_secs(30);
    /// Idle connections kept.
    const MAX_IDLE: usize = 32;

    pub(super) fn new(suspect: mpsc::Sender<()>) -> Self {
        Self {
            gate: watch::Sender::new(Gate::Held),
            waiting: AtomicUsize::new(0),
            openings: AtomicU64::new(0),
            idle: Mutex::default(),
            suspect,
        }
    }

    pub(super) fn open(&self, target: Target) {
        self.turn(Gate::Open(target));
    }

    /// Something about the open gate's target is new.
    pub(super) fn renew(&self, target: Target) {
        let other = matches!(&*self.gate.borrow(), Gate::Open(open) if *open != target);
        if other {
            self.turn(Gate::Open(target));
        }
    }

    pub(super) fn hold(&self) {
        self.turn(Gate::Held);
    }

    pub(super) fn refuse(&self) {
        self.turn(Gate::Refused);
    }

    fn turn(&self, gate: Gate) {
        self.openings.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut idle) = self.idle.lock() {
            idle.clear();
        }
        self.gate.send_replace(gate);
    }

    /// Sends a request to the gateway, waiting for it where needed. `prepare` fits the request to the
    /// target; it runs again when the target changed meanwhile.
    pub(super) async fn send(
        self: &Arc<Self>,
        mut request: Request<RequestBody>,
        prepare: impl Fn(&mut Request<RequestBody>, &Target) -> Result<(), NoAnswer>,
    ) -> Result<Response<Reply>, NoAnswer> {
        let deadline = Instant::now() + Self::MAX_WAIT;
        loop {
            let target = self.target(deadline).await?;
            match prepare(&mut request, &target) {
                Err(NoAnswer::InDoubt) => {
                    self.await_change(&target, deadline).await?;
                    continue;
                }
                prepared => prepared?,
            }
            let connection = match self.take_idle() {
                Some(connection) => connection,
                None => {
                    let opening = self.openings.load(Ordering::Relaxed);
                    match Connection::open(&target, opening).await {
                        Ok(connection) => connection,
                        Err(_) => {
                            self.await_change(&target, deadline).await?;
                            continue;
                        }
                    }
                }
            };
            match exchange(connection, request, self).await {
                Ok(response) => return Ok(response),
                Err(Lost::Unsent(again)) => request = *again,
                Err(Lost::Sent) => return Err(NoAnswer::Broken),
            }
        }
    }

    /// The open gate's target, after a wait where needed.
    async fn target(&self, deadline: Instant) -> Result<Target, NoAnswer> {
        if let Gate::Open(target) = &*self.gate.borrow() {
            return Ok(target.clone());
        }
        let mut gate = self.gate.subscribe();
        let _place = self.queue()?;
        let opened = tokio::time::timeout_at(deadline, gate.wait_for(|gate| *gate != Gate::Held)).await;
        match opened {
            Ok(Ok(gate)) => match &*gate {
                Gate::Open(target) => Ok(target.clone()),
                Gate::Held | Gate::Refused => Err(NoAnswer::Away),
            },
            _ => Err(NoAnswer::Away),
        }
    }

    /// The gate is open and yet nobody is behind it: says so, and waits for news or a moment.
    async fn await_change(&self, dead: &Target, deadline: Instant) -> Result<(), NoAnswer> {
        const MOMENT: Duration = Duration::from_millis(250);
        if Instant::now() >= deadline {
            return Err(NoAnswer::Away);
        }
        let _place = self.queue()?;
        let _ = self.suspect.try_send(());
        let mut gate = self.gate.subscribe();
        let _ = tokio::time::timeout(MOMENT, gate.wait_for(|gate| *gate != Gate::Open(dead.clone()))).await;
        Ok(())
    }

    fn queue(&self) -> Result<Place<'_>, NoAnswer> {
        let place = Place(&self.waiting);
        match self.waiting.fetch_add(1, Ordering::Relaxed) < Self::MAX_WAITING {
            true => Ok(place),
            false => Err(NoAnswer::Away),
        }
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().ok()?;
        while let Some(connection) = idle.pop() {
            if connection.is_idle() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    fn keep(&self, mut connection: Connection) {
        connection.idle_since = Instant::now();
        connection.used = true;
        let current = self.openings.load(Ordering::Relaxed) == connection.opening;
        if let Ok(mut idle) = self.idle.lock()
            && current
            && idle.len() < Self::MAX_IDLE
        {
            // The oldest is the first that its gateway closes.
            if idle.first().is_some_and(|oldest| !oldest.is_idle()) {
                idle.remove(0);
            }
            idle.push(connection);
        }
    }
}

/// A place in the queue, given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    fn upstream() -> (Arc<Upstream>, mpsc::Receiver<()>) {
        let (suspect, suspicions) = mpsc::channel(1);
        (Arc::new(Upstream::new(suspect)), suspicions)
    }

    async fn ask(upstream: &Arc<Upstream>) -> Result<u16, NoAnswer> {
        let request = Request::builder().uri("/").header("host", "x").body(RequestBody::default()).unwrap();
        upstream.send(request, |_, _| Ok(())).await.map(|response| response.status().as_u16())
    }

    /// A gateway that does this with every connection, one after the other.
    async fn gateway<F: Future<Output = ()> + Send>(
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream).await;
            }
        });
        Target { address, tls: false, host: HostRule::Preserve, guard: None }
    }

    async fn read_head(stream: &mut TcpStream) {
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_only_so_long() {
        let (upstream, _suspicions) = upstream();
        let began = Instant::now();
        assert_eq!(ask(&upstream).await, Err(NoAnswer::Away));
        assert_eq!(began.elapsed(), Upstream::MAX_WAIT);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_requests_wait_and_the_next_is_sent_away_at_once() {
        let (upstream, _suspicions) = upstream();
        let waiting: Vec<_> = (0..Upstream::MAX_WAITING)
            .map(|_| {
                tokio::spawn({
                    let upstream = upstream.clone();
                    async move { ask(&upstream).await }
                })
            })
            .collect();
        while upstream.waiting.load(Ordering::Relaxed) < Upstream::MAX_WAITING {
            tokio::task::yield_now().await;
        }
        let began = Instant::now();
        assert_eq!((ask(&upstream).await, began.elapsed()), (Err(NoAnswer::Away), Duration::ZERO));
        upstream.refuse();
        for one in waiting {
            assert_eq!(one.await.unwrap(), Err(NoAnswer::Away));
        }
        assert_eq!(upstream.waiting.load(Ordering::Relaxed), 0, "every place was given back");
    }

    #[tokio::test]
    async fn a_held_request_goes_on_when_the_gateway_is_back() {
        let (upstream, _suspicions) = upstream();
        let held = tokio::spawn({
            let upstream = upstream.clone();
            async move { ask(&upstream).await }
        });
        tokio::task::yield_now().await;
        let target = gateway(async |mut stream: TcpStream| {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        });
        upstream.open(target.await);
        assert_eq!(held.await.unwrap(), Ok(204));
    }

    #[tokio::test]
    async fn a_request_that_left_is_never_sent_again() {
        let (upstream, _suspicions) = upstream();
        let (sender, mut heads) = mpsc::unbounded_channel();
        let target = gateway(move |mut stream: TcpStream| {
            let sender = sender.clone();
            async move {
                read_head(&mut stream).await;
                sender.send(()).unwrap();
            }
        });
        upstream.open(target.await);
        assert_eq!(ask(&upstream).await, Err(NoAnswer::Broken));
        assert_eq!((heads.recv().await, heads.try_recv().ok()), (Some(()), None));
    }

    #[tokio::test]
    async fn a_question_that_crossed_the_end_of_its_connection_is_asked_again_and_nothing_else_is() {
        for (method, expected) in [("GET", Ok(204)), ("POST", Err(NoAnswer::Broken))] {
            let (upstream, _suspicions) = upstream();
            // Every connection serves once, takes a second head, and ends.
            let target = gateway(async |mut stream: TcpStream| {
                read_head(&mut stream).await;
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                read_head(&mut stream).await;
            });
            upstream.open(target.await);
            assert_eq!(ask(&upstream).await, Ok(204));
            let request = Request::builder().method(method).uri("/").header("host", "x");
            let request = request.body(RequestBody::default()).unwrap();
            let answer = upstream.send(request, |_, _| Ok(())).await;
            assert_eq!(answer.map(|answer| answer.status().as_u16()), expected, "{method}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_idled_for_long_is_not_used_again() {
        let (upstream, _suspicions) = upstream();
        let target = gateway(async |mut stream: TcpStream| {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            let _ = stream.read_u8().await;
        });
        upstream.open(target.await);
        assert_eq!(ask(&upstream).await, Ok(204));
        let mut connection = upstream.take_idle().unwrap();
        connection.idle_since = Instant::now() - Duration::from_secs(4);
        upstream.idle.lock().unwrap().push(connection);
        assert!(upstream.take_idle().is_none());
    }

    #[tokio::test]
    async fn a_refused_connection_is_reported_and_the_request_waits_for_the_next_gateway() {
        let (upstream, mut suspicions) = upstream();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        upstream.open(Target { address: closed, tls: false, host: HostRule::Preserve, guard: None });
        let held = tokio::spawn({
            let upstream = upstream.clone();
            async move { ask(&upstream).await }
        });
        suspicions.recv().await.unwrap();
        let target = gateway(async |mut stream: TcpStream| {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        });
        upstream.open(target.await);
        assert_eq!(held.await.unwrap(), Ok(204));
    }
}
