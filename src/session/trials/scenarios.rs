//! Stories with an end that matters: what is lost comes back, what cannot be helped ends with its reason.

use std::time::Duration;

use super::{G, Input, P, Step, Verdict, World, clever, ended, known, provider, rules, url};
use crate::error::Error;
use crate::report::Event;
use crate::session::Action;
use crate::session::verify::{Blame, Probed};

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
fn why_there_is_no_address_yet_is_told_while_it_tries_and_once() {
    let mut world = World::new(false, None);
    let told = |world: &World| {
        let is =
            |action: &&Action| matches!(action, Action::Emit(Event::Notice { code: "provider.trouble", .. }));
        world.log.iter().filter(is).count()
    };
    let offline = || Step::Provider(P::Trouble("getaddrinfo ENOTFOUND x.example".into()));
    world.take(offline());
    assert_eq!(told(&world), 0, "a run that ends by it tells it with its end");
    world.take(seconds(1));
    let message = format!("{:?}", world.log.last());
    assert!(message.contains("tries again: getaddrinfo ENOTFOUND x.example"), "{message}");
    [offline(), seconds(1), offline(), seconds(1)].into_iter().for_each(|step| world.take(step));
    assert_eq!(told(&world), 1);
    [Step::Provider(P::Trouble("502".into())), seconds(1)].into_iter().for_each(|step| world.take(step));
    assert_eq!(told(&world), 2, "another reason is news");
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

/// The gateway is being stopped for the address in between.
#[test]
fn an_address_that_is_left_and_comes_back_at_once_is_not_ready_before_the_gateway_is() {
    let mut world = up();
    let from = world.log.len();
    for name in [1, 0] {
        [Step::Provider(P::Url(url(name))), ours()].into_iter().for_each(|step| world.take(step));
    }
    let ready = |world: &World| world.log[from..].iter().any(|action| matches!(action, Action::Ready { .. }));
    assert!(!ready(&world), "{:#?}", &world.log[from..]);
    [Step::Gateway(G::Gone), Step::Gateway(G::Alive)].into_iter().for_each(|step| world.take(step));
    assert!(ready(&world), "{:#?}", &world.log[from..]);
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
fn a_place_that_is_taken_ends_a_first_start_and_later_may_be_held_by_our_own_run_before() {
    let taken = || Step::Provider(P::Fault(known(Verdict::Taken)));
    let mut world = World::with(false, vec![clever("clever")]);
    take(&mut world, [taken()]);
    world.end();
    assert_eq!((launches(&world), world.quits), (1, 1));
    let mut world = clever_up(vec![clever("clever")]);
    take(&mut world, [Step::Provider(P::Exited(ended()))]);
    take(&mut world, restarted());
    assert_eq!(launches(&world), 2);
    take(&mut world, [taken()]);
    take(&mut world, restarted());
    assert_eq!(launches(&world), 3);
}

#[test]
fn a_tool_that_moves_while_it_is_up_is_followed() {
    let mut world = clever_up(vec![clever("clever")]);
    take(
        &mut world,
        [Step::Provider(P::Url(url(1))), ours(), Step::Gateway(G::Gone), Step::Gateway(G::Alive)],
    );
    assert!(
        matches!(world.log.last(), Some(Action::Ready { url: ready }) if *ready == url(1)),
        "{:?}",
        world.log
    );
    assert_eq!(
        (launches(&world), emitted(&world, |event| matches!(event, Event::UrlChanged { .. }))),
        (1, 1)
    );
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
