//! Promises of the composed machine under any sequence of events (DESIGN section 4): every live child
//! is stopped exactly once, the end comes exactly once and after both are gone, nothing starts after a
//! stop, and what belongs to an earlier run changes nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test module in a file of its own")]

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use url::Url;

use super::gateway::{self, Input as G};
use super::machine::{Input, Session};
use super::provider::{self, Input as P};
use super::verify::{Blame, Probed};
use super::{Action, Epoch, Moment};
use crate::error::Error;
use crate::process::Status;
use crate::provider::{Fault, Policy, Verdict};
use crate::report::Event;

/// What may happen next; what it means depends on what runs at that moment.
#[derive(Debug, Clone)]
enum Step {
    Provider(P),
    Gateway(G),
    /// Something of a run that is over, or never was.
    Stale(P, G),
    Later(Duration),
    Suspect,
    Woke,
    Stop,
}

fn url(name: u8) -> Url {
    Url::parse(&format!("https://name{}.example", name % 3)).unwrap()
}

fn ended() -> Status {
    Status { how: "exit code 1".into(), last_lines: vec!["last words".into()] }
}

fn provider_input() -> impl Strategy<Value = P> {
    prop_oneof![
        1 => Just(P::Started { pid: Some(1) }),
        4 => any::<u8>().prop_map(|name| P::Url(url(name))),
        2 => Just(P::Exited(ended())),
        4 => Just(P::Gone),
        4 => any::<bool>().prop_map(|was_down| P::ServerReachable { was_down }),
        6 => Just(P::Probed(Probed::Ours { took: Duration::from_millis(5) })),
        2 => prop_oneof![Just(Blame::Tunnel), Just(Blame::Here)]
            .prop_map(|blame| P::Probed(Probed::Failed { reason: "x".into(), blame })),
        1 => Just(P::Trouble("trouble".into())),
        2 => Just(P::Connected),
        1 => Just(P::Disconnected("gone".into())),
        1 => Just(P::HasApi),
        1 => (proptest::option::of(any::<u8>()), any::<Option<bool>>())
            .prop_map(|(name, connected)| P::Asked { url: name.map(url), connected }),
        1 => fault().prop_map(P::Fault),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Verdict::Permanent),
        Just(Verdict::Wait(Duration::from_secs(300))),
        Just(Verdict::NameBound),
        Just(Verdict::Restart),
        Just(Verdict::NotOurs),
    ]
    .prop_map(known)
}

fn known(verdict: Verdict) -> Fault {
    Fault { code: "test.fault", verdict, message: "it failed".into(), fix: Some("help it".into()) }
}

fn gateway_input() -> impl Strategy<Value = G> {
    prop_oneof![
        1 => Just(G::Started { pid: Some(2) }),
        6 => Just(G::Alive),
        2 => any::<bool>().prop_map(|alive| G::Checked { alive, reason: "x".into() }),
        2 => Just(G::Exited(ended())),
        4 => Just(G::Gone),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => provider_input().prop_map(Step::Provider),
        6 => gateway_input().prop_map(Step::Gateway),
        2 => (provider_input(), gateway_input()).prop_map(|(p, g)| Step::Stale(p, g)),
        6 => (0u64..90_000).prop_map(|ms| Step::Later(Duration::from_millis(ms))),
        1 => Just(Step::Suspect),
        1 => Just(Step::Woke),
        1 => Just(Step::Stop),
    ]
}

/// A tool that is restarted whenever it is lost, like lt.
fn rules(id: &'static str, wanted: Option<String>) -> provider::Rules {
    let policy = Policy {
        name_grace: Duration::from_secs(1),
        name_in: |url| url.host_str()?.split_once('.').map(|(name, _)| name.into()),
        ..Policy::PLAIN
    };
    let (probe_interval, start_timeout) = (policy.probe_interval, Duration::from_secs(20));
    provider::Rules { id, policy, start_timeout, probe_interval, verify: true, wanted, successor: false }
}

/// A tool that says when it is connected and reconnects by itself, like cloudflared.
fn clever(id: &'static str) -> provider::Rules {
    let policy = Policy {
        awaits_connection: true,
        reconnects_within: Duration::from_secs(30),
        cloud: true,
        ..Policy::PLAIN
    };
    provider::Rules { policy, ..rules(id, None) }
}

/// What sessions there are.
fn candidates() -> impl Strategy<Value = Vec<provider::Rules>> {
    prop_oneof![
        Just(vec![rules("plain", None)]),
        Just(vec![rules("plain", Some("name1".into()))]),
        Just(vec![clever("clever")]),
        Just(vec![clever("clever"), rules("plain", None)]),
        Just(vec![rules("plain", None), clever("clever"), rules("last", None)]),
    ]
}

/// A world that does what the machine says and keeps count.
struct World {
    session: Session,
    now: Moment,
    /// Live runs of each child, and how often each was told to stop.
    providers: HashMap<Epoch, u32>,
    gateways: HashMap<Epoch, u32>,
    quits: u32,
    stopping: bool,
    /// A look at the server is under way.
    awaiting: bool,
    log: Vec<Action>,
}

impl World {
    fn new(attached: bool, wanted: Option<String>) -> Self {
        Self::with(attached, vec![rules("plain", wanted)])
    }

    fn with(attached: bool, candidates: Vec<provider::Rules>) -> Self {
        let gateway = gateway::Machine::new(gateway::Rules { port: 3001, attached }, 2);
        let session = Session::new(candidates, 1, gateway);
        let mut world = Self {
            session,
            now: Duration::ZERO,
            providers: HashMap::new(),
            gateways: HashMap::new(),
            quits: 0,
            stopping: false,
            awaiting: false,
            log: vec![],
        };
        world.feed(Input::Begin);
        world
    }

    fn feed(&mut self, input: Input) {
        self.stopping |= input == Input::Stop;
        self.awaiting &=
            !matches!(input, Input::Provider(epoch, P::ServerReachable { .. }) if epoch != Epoch::MAX);
        for action in self.session.step(input, self.now) {
            assert_eq!(self.quits, 0, "nothing comes after the end: {action:?}");
            match &action {
                Action::LaunchProvider { epoch, .. } => {
                    assert!(!self.stopping, "a provider was started after a stop");
                    assert!(self.providers.is_empty(), "two providers at once");
                    self.providers.insert(*epoch, 0);
                }
                Action::LaunchGateway { epoch, .. } => {
                    assert!(!self.stopping, "a gateway was started after a stop");
                    assert!(self.gateways.is_empty(), "two gateways at once");
                    self.gateways.insert(*epoch, 0);
                }
                Action::StopProvider { epoch } => {
                    *self.providers.get_mut(epoch).expect("only what lives is stopped") += 1;
                    assert_eq!(self.providers[epoch], 1, "stopped once");
                }
                Action::StopGateway { epoch } => {
                    *self.gateways.get_mut(epoch).expect("only what lives is stopped") += 1;
                    assert_eq!(self.gateways[epoch], 1, "stopped once");
                }
                Action::AwaitServer { .. } => self.awaiting = true,
                Action::Drain => self.stopping = true,
                Action::Quit(_) => {
                    assert!(
                        self.providers.is_empty() && self.gateways.is_empty(),
                        "the end left a child behind"
                    );
                    self.quits += 1;
                }
                Action::Ready { .. } | Action::Publish { .. } => {
                    assert!(!self.stopping, "{action:?} after a stop")
                }
                _ => {}
            }
            self.log.push(action);
        }
    }

    /// Only what can happen does: a child is gone when it was told to stop, output comes from the living.
    fn take(&mut self, step: Step) {
        match step {
            Step::Provider(input) => {
                let Some((&epoch, &stopped)) = self.providers.iter().next() else {
                    // Words of a run can come late, after it was seen to be gone.
                    if !matches!(input, P::Gone | P::Started { .. }) {
                        let epoch = self.latest(|action| match action {
                            Action::LaunchProvider { epoch, .. } => Some(*epoch),
                            _ => None,
                        });
                        self.feed(Input::Provider(epoch, input));
                    }
                    return;
                };
                if input == P::Gone {
                    if stopped == 0 {
                        return;
                    }
                    self.providers.remove(&epoch);
                }
                self.feed(Input::Provider(epoch, input));
            }
            Step::Gateway(input) => {
                let attached = self.latest(|action| match action {
                    Action::AwaitGateway { epoch, .. } => Some(*epoch),
                    _ => None,
                });
                let (epoch, stopped) = self.gateways.iter().next().map_or((attached, 0), |(e, s)| (*e, *s));
                if input == G::Gone {
                    if stopped == 0 {
                        return;
                    }
                    self.gateways.remove(&epoch);
                }
                self.feed(Input::Gateway(epoch, input));
            }
            Step::Stale(p, g) => {
                let before = format!("{:?}", self.session);
                self.feed(Input::Provider(u64::MAX, p));
                self.feed(Input::Gateway(u64::MAX, g));
                assert_eq!(before, format!("{:?}", self.session), "a stale event changed something");
            }
            Step::Later(time) => {
                self.now += time;
                self.feed(Input::Tick);
            }
            Step::Suspect => self.feed(Input::Suspect),
            Step::Woke => self.feed(Input::Woke),
            Step::Stop => self.feed(Input::Stop),
        }
        self.answer_publish();
    }

    fn answer_publish(&mut self) {
        if let Some(Action::Publish { url }) = self.log.last().cloned() {
            self.feed(Input::Published(url));
        }
    }

    fn latest(&self, find: impl Fn(&Action) -> Option<Epoch>) -> Epoch {
        self.log.iter().rev().find_map(find).unwrap_or_default()
    }

    /// Somebody presses Ctrl-C, and everything that was asked for happens.
    fn end(&mut self) {
        if self.quits == 0 && !self.stopping {
            self.feed(Input::Stop);
        }
        if self.quits == 0 {
            self.feed(Input::Drained);
        }
        for epoch in self.providers.keys().copied().collect::<Vec<_>>() {
            assert_eq!(self.providers.remove(&epoch), Some(1), "a live provider was not stopped");
            self.feed(Input::Provider(epoch, P::Gone));
        }
        for epoch in self.gateways.keys().copied().collect::<Vec<_>>() {
            assert_eq!(self.gateways.remove(&epoch), Some(1), "a live gateway was not stopped");
            self.feed(Input::Gateway(epoch, G::Gone));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_happens_a_stop_stops_every_child_once_and_quits_once(
        steps in proptest::collection::vec(step(), 0..60),
        attached in any::<bool>(),
        candidates in candidates(),
    ) {
        let mut world = World::with(attached, candidates);
        for step in steps {
            if world.quits == 0 {
                world.take(step);
            }
        }
        world.end();
        prop_assert_eq!(world.quits, 1);
    }

    #[test]
    fn ready_is_never_said_without_a_proven_url_and_a_living_gateway(
        steps in proptest::collection::vec(step(), 0..60),
        candidates in candidates(),
    ) {
        let mut world = World::with(false, candidates);
        for step in steps {
            if world.quits == 0 {
                world.take(step);
            }
        }
        let (mut proven, mut alive) = (None, false);
        for action in &world.log {
            match action {
                Action::Emit(Event::UrlVerified { url, .. }) => proven = Some(url.clone()),
                Action::Emit(Event::TunnelLost { .. } | Event::Failover { .. }) => proven = None,
                Action::Emit(Event::GatewayReady { .. }) => alive = true,
                Action::Emit(Event::GatewayLost { .. }) | Action::StopGateway { .. } => alive = false,
                Action::Ready { url } => {
                    prop_assert_eq!(proven.clone(), Some(super::base(url)));
                    prop_assert!(alive);
                }
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_session_never_stands_still(
        steps in proptest::collection::vec(step(), 0..60),
        candidates in candidates(),
    ) {
        let mut world = World::with(false, candidates);
        for step in steps.into_iter().filter(|step| !matches!(step, Step::Stop)) {
            if world.quits > 0 || world.stopping {
                return Ok(());
            }
            world.take(step);
            let moves = !world.providers.is_empty() || world.session.deadline().is_some() || world.awaiting;
            prop_assert!(moves || world.stopping, "nothing will ever happen again: {:?}", world.session);
        }
    }
}

fn seconds(seconds: u64) -> Step {
    Step::Later(Duration::from_secs(seconds))
}

fn ours() -> Step {
    Step::Provider(P::Probed(Probed::Ours { took: Duration::from_millis(5) }))
}

fn failed(blame: Blame) -> Step {
    Step::Provider(P::Probed(Probed::Failed { reason: "no answer".into(), blame }))
}

/// A world that is up: proven, healthy, published.
fn up() -> World {
    let mut world = World::new(false, None);
    [Step::Provider(P::Url(url(0))), ours(), Step::Gateway(G::Alive)]
        .into_iter()
        .for_each(|step| world.take(step));
    assert!(matches!(world.log.last(), Some(Action::Ready { .. })), "{:?}", world.log);
    world
}

fn names(world: &World) -> Vec<String> {
    let name =
        |action: &Action| format!("{action:?}").split([' ', '(', '{']).next().unwrap_or_default().to_string();
    world.log.iter().map(name).collect()
}

#[test]
fn a_lost_tunnel_comes_back_under_its_name_and_is_ready_again() {
    let mut world = up();
    let from = world.log.len();
    [
        Step::Provider(P::Exited(ended())),
        Step::Provider(P::Gone),
        Step::Provider(P::ServerReachable { was_down: false }),
        seconds(1),
        Step::Provider(P::Url(url(0))),
        ours(),
    ]
    .into_iter()
    .for_each(|step| world.take(step));
    let asked = world.log[from..].iter().find_map(|action| match action {
        Action::LaunchProvider { subdomain, .. } => Some(subdomain.clone()),
        _ => None,
    });
    assert_eq!(asked.flatten().as_deref(), Some("name0"));
    assert!(matches!(world.log.last(), Some(Action::Ready { .. })));
    assert!(!names(&world)[from..].contains(&"StopGateway".into()), "the same URL restarts no gateway");
}

#[test]
fn the_name_is_not_asked_for_before_the_server_has_let_go_of_it() {
    let mut world = up();
    [
        Step::Provider(P::Exited(ended())),
        Step::Provider(P::Gone),
        Step::Provider(P::ServerReachable { was_down: false }),
    ]
    .into_iter()
    .for_each(|step| world.take(step));
    assert_eq!(world.session.deadline(), Some(world.now + Duration::from_secs(1)));
}

#[test]
fn a_server_that_was_down_has_forgotten_the_name_so_nobody_waits_for_it() {
    let mut world = up();
    [
        Step::Provider(P::Exited(ended())),
        Step::Provider(P::Gone),
        Step::Provider(P::ServerReachable { was_down: true }),
    ]
    .into_iter()
    .for_each(|step| world.take(step));
    assert_eq!(world.session.deadline(), Some(world.now));
}

#[test]
fn one_failed_probe_is_repeated_and_two_are_a_loss() {
    let mut world = up();
    world.take(seconds(5));
    world.take(failed(Blame::Tunnel));
    assert!(matches!(world.log.last(), Some(Action::Probe { .. })), "repeated at once");
    world.take(failed(Blame::Tunnel));
    assert!(names(&world).contains(&"StopProvider".into()));
}

#[test]
fn an_offline_machine_is_said_once_and_the_tunnel_is_left_alone() {
    let mut world = up();
    for _ in 0..5 {
        world.take(seconds(5));
        world.take(failed(Blame::Here));
    }
    let said =
        world.log.iter().filter(|action| matches!(action, Action::Emit(Event::Unverifiable { .. }))).count();
    assert_eq!((said, names(&world).contains(&"StopProvider".into())), (1, false));
    world.take(seconds(5));
    world.take(ours());
    assert!(matches!(world.log.last(), Some(Action::Emit(Event::UrlVerified { .. }))), "and when it is over");
}

#[test]
fn another_url_restarts_the_gateway_with_it() {
    let mut world = up();
    let from = world.log.len();
    [
        Step::Provider(P::Exited(ended())),
        Step::Provider(P::Gone),
        Step::Provider(P::ServerReachable { was_down: true }),
        seconds(1),
    ]
    .into_iter()
    .for_each(|step| world.take(step));
    // Twice more it is asked for the old name, then the new one is taken.
    for _ in 0..2 {
        [
            Step::Provider(P::Url(url(1))),
            Step::Provider(P::Gone),
            Step::Provider(P::ServerReachable { was_down: false }),
            seconds(1),
        ]
        .into_iter()
        .for_each(|step| world.take(step));
    }
    [Step::Provider(P::Url(url(1))), ours(), Step::Gateway(G::Gone), Step::Gateway(G::Alive)]
        .into_iter()
        .for_each(|step| world.take(step));
    let told = world.log[from..].iter().find_map(|action| match action {
        Action::LaunchGateway { url, .. } => Some(url.clone()),
        _ => None,
    });
    assert_eq!(told, Some(url(1)));
    assert!(matches!(world.log.last(), Some(Action::Ready { url: ready }) if *ready == url(1)));
}

#[test]
fn three_starts_without_a_url_are_the_end_with_a_fix() {
    let mut world = World::new(false, None);
    for _ in 0..3 {
        world.take(seconds(20));
        world.take(Step::Provider(P::Gone));
        world.take(Step::Provider(P::ServerReachable { was_down: false }));
        world.take(seconds(10));
    }
    world.feed(Input::Drained);
    let error = world.log.iter().find_map(|action| match action {
        Action::Quit(error) => error.clone(),
        _ => None,
    });
    assert!(error.is_some_and(|error: Error| error.fix.is_some()));
}

#[test]
fn a_gateway_that_crashes_on_and_on_ends_the_session_with_its_last_words() {
    let mut world = World::new(false, None);
    [Step::Provider(P::Url(url(0))), ours()].into_iter().for_each(|step| world.take(step));
    for _ in 0..3 {
        world.take(Step::Gateway(G::Exited(ended())));
        world.take(Step::Gateway(G::Gone));
        world.take(seconds(3));
    }
    world.end();
    let error = world.log.iter().find_map(|action| match action {
        Action::Quit(error) => error.clone(),
        _ => None,
    });
    assert!(error.is_some_and(|error| error.message.contains("last words")));
}

#[test]
fn a_gateway_that_takes_long_is_spoken_of_before_it_is_given_up() {
    let mut world = World::new(false, None);
    [Step::Provider(P::Url(url(0))), ours(), seconds(20)].into_iter().for_each(|step| world.take(step));
    assert!(matches!(world.log.last(), Some(Action::CheckGateway { .. })), "{:?}", world.log.last());
    world.take(Step::Gateway(G::Checked { alive: false, reason: "connection refused".into() }));
    let said = |world: &World| format!("{:?}", world.log.last()).contains("still waiting for the gateway");
    assert!(said(&world));
    assert!(!names(&world).contains(&"StopGateway".into()));
    world.take(seconds(100));
    assert!(names(&world).contains(&"StopGateway".into()));
}

fn emitted(world: &World, wanted: impl Fn(&Event) -> bool) -> usize {
    world.log.iter().filter(|action| matches!(action, Action::Emit(event) if wanted(event))).count()
}

fn launches(world: &World) -> usize {
    names(world).iter().filter(|name| *name == "LaunchProvider").count()
}

fn take(world: &mut World, steps: impl IntoIterator<Item = Step>) {
    steps.into_iter().for_each(|step| world.take(step));
}

fn restarted() -> [Step; 3] {
    [Step::Provider(P::Gone), Step::Provider(P::ServerReachable { was_down: false }), seconds(10)]
}

/// A clever tool that is up.
fn clever_up(candidates: Vec<provider::Rules>) -> World {
    let mut world = World::with(false, candidates);
    take(&mut world, [Step::Provider(P::Url(url(0)))]);
    assert!(!names(&world).contains(&"Probe".into()), "nobody asks for the name before it is connected");
    take(&mut world, [Step::Provider(P::Connected), ours(), Step::Gateway(G::Alive)]);
    assert!(matches!(world.log.last(), Some(Action::Ready { .. })), "{:?}", world.log);
    world
}

#[test]
fn a_tool_that_reconnects_by_itself_is_left_alone_and_is_ready_again_under_its_address() {
    let mut world = clever_up(vec![clever("clever")]);
    take(&mut world, [Step::Provider(P::Disconnected("edge closed".into())), seconds(18)]);
    take(&mut world, [Step::Provider(P::Connected), seconds(0), ours()]);
    assert!(matches!(world.log.last(), Some(Action::Ready { .. })), "{:?}", world.log);
    assert_eq!(emitted(&world, |event| matches!(event, Event::TunnelLost { .. })), 1);
    assert_eq!(launches(&world), 1);
}

#[test]
fn one_that_does_not_come_back_in_its_usual_time_is_replaced_unless_the_machine_is_offline() {
    let mut world = clever_up(vec![clever("clever")]);
    take(&mut world, [Step::Provider(P::Disconnected("edge closed".into()))]);
    for _ in 0..20 {
        take(&mut world, [seconds(2), failed(Blame::Here)]);
    }
    assert!(!names(&world).contains(&"StopProvider".into()), "offline: a new process would fare no better");
    for _ in 0..20 {
        take(&mut world, [seconds(2), failed(Blame::Tunnel)]);
    }
    assert!(names(&world).contains(&"StopProvider".into()));
}

#[test]
fn two_failed_probes_of_a_clever_tool_are_a_loss_and_no_reason_to_kill_it() {
    let mut world = clever_up(vec![clever("clever")]);
    take(&mut world, [seconds(5), failed(Blame::Tunnel), failed(Blame::Tunnel)]);
    assert_eq!(emitted(&world, |event| matches!(event, Event::TunnelLost { .. })), 1);
    assert!(!names(&world).contains(&"StopProvider".into()));
    take(&mut world, [seconds(2), ours()]);
    assert!(matches!(world.log.last(), Some(Action::Ready { .. })), "{:?}", world.log);
}

#[test]
fn a_permanent_error_is_never_retried() {
    for mut world in [clever_up(vec![clever("clever")]), World::with(false, vec![clever("clever")])] {
        let before = launches(&world);
        take(&mut world, [Step::Provider(P::Fault(known(Verdict::Permanent)))]);
        take(&mut world, restarted());
        world.end();
        assert_eq!(launches(&world), before);
        assert!(format!("{:?}", world.log.last()).contains("test.fault"), "{:?}", world.log.last());
    }
}

#[test]
fn a_rate_limit_ends_a_first_start_and_later_is_waited_out() {
    let limit = || Step::Provider(P::Fault(known(Verdict::Wait(Duration::from_secs(300)))));
    let mut world = World::with(false, vec![clever("clever")]);
    take(&mut world, [limit()]);
    world.end();
    assert_eq!((launches(&world), world.quits), (1, 1));
    let mut world = clever_up(vec![clever("clever")]);
    take(
        &mut world,
        [limit(), Step::Provider(P::Gone), Step::Provider(P::ServerReachable { was_down: false })],
    );
    assert_eq!(emitted(&world, |event| matches!(event, Event::TunnelLost { .. })), 1);
    take(&mut world, [seconds(299)]);
    assert_eq!(launches(&world), 1);
    take(&mut world, [seconds(1)]);
    assert_eq!(launches(&world), 2);
}

#[test]
fn a_bound_name_is_waited_for_three_times_within_fifteen_seconds() {
    let mut world = World::with(false, vec![rules("plain", None)]);
    let began = world.now;
    for starts in 2..=4 {
        take(&mut world, [Step::Provider(P::Fault(known(Verdict::NameBound)))]);
        take(&mut world, [Step::Provider(P::Gone), Step::Provider(P::ServerReachable { was_down: false })]);
        let wait = world.session.deadline().unwrap() - world.now;
        take(&mut world, [Step::Later(wait)]);
        assert_eq!(launches(&world), starts);
    }
    assert_eq!(world.now - began, Duration::from_secs(15));
    take(&mut world, [Step::Provider(P::Fault(known(Verdict::NameBound)))]);
    world.end();
    assert!(format!("{:?}", world.log.last()).contains("test.fault"));
}

#[test]
fn trouble_on_our_side_of_the_tunnel_is_said_once_and_leaves_it_alone() {
    let mut world = clever_up(vec![clever("clever")]);
    for _ in 0..3 {
        take(&mut world, [Step::Provider(P::Fault(known(Verdict::NotOurs)))]);
    }
    assert_eq!(emitted(&world, |event| matches!(event, Event::Notice { code: "test.fault", .. })), 1);
    assert!(!names(&world).contains(&"StopProvider".into()));
}

#[test]
fn who_cannot_go_on_hands_over_and_the_new_address_reaches_the_gateway() {
    let mut world = clever_up(vec![clever("first"), rules("second", None)]);
    take(&mut world, [Step::Provider(P::Fault(known(Verdict::Permanent)))]);
    assert_eq!(
        emitted(&world, |event| matches!(event, Event::Failover { from: "first", to: "second", .. })),
        1
    );
    take(&mut world, [Step::Provider(P::Gone), Step::Provider(P::Url(url(1))), ours()]);
    take(&mut world, [Step::Gateway(G::Gone), Step::Gateway(G::Alive)]);
    assert!(
        matches!(world.log.last(), Some(Action::Ready { url: ready }) if *ready == url(1)),
        "{:?}",
        world.log
    );
    assert!(names(&world).contains(&"UseProvider".into()));
}

#[test]
fn a_crash_loop_hands_over_and_without_a_successor_goes_on() {
    let crash = |world: &mut World| {
        let next = url(if names(world).contains(&"UseProvider".into()) { 1 } else { 0 });
        take(world, [Step::Provider(P::Exited(ended()))]);
        take(world, restarted());
        take(world, [seconds(30), Step::Provider(P::Url(next)), ours(), Step::Gateway(G::Alive)]);
    };
    let mut alone = up();
    (0..8).for_each(|_| crash(&mut alone));
    assert_eq!((alone.quits, emitted(&alone, |event| matches!(event, Event::Failover { .. }))), (0, 0));
    let mut followed = World::with(false, vec![rules("first", None), rules("second", None)]);
    take(&mut followed, [Step::Provider(P::Url(url(0))), ours(), Step::Gateway(G::Alive)]);
    for _ in 0..6 {
        crash(&mut followed);
    }
    assert_eq!(emitted(&followed, |event| matches!(event, Event::Failover { .. })), 1);
}

#[test]
fn a_silent_or_gloomy_api_makes_us_look_and_never_decides() {
    let asked = |url, connected| Step::Provider(P::Asked { url, connected });
    let mut world = clever_up(vec![clever("clever")]);
    take(&mut world, [Step::Provider(P::HasApi), asked(None, Some(true))]);
    for _ in 0..10 {
        take(&mut world, [seconds(1), asked(None, Some(false)), seconds(0), ours()]);
        take(&mut world, [seconds(1), asked(None, None), seconds(0), ours()]);
    }
    assert_eq!(emitted(&world, |event| matches!(event, Event::TunnelLost { .. })), 0);
}

#[test]
fn what_the_output_left_out_the_api_fills_in() {
    let mut world = World::with(false, vec![clever("clever")]);
    let asked = P::Asked { url: Some(url(0)), connected: Some(true) };
    take(&mut world, [Step::Provider(P::HasApi), Step::Provider(asked), ours(), Step::Gateway(G::Alive)]);
    assert!(matches!(world.log.last(), Some(Action::Ready { .. })), "{:?}", world.log);
}
