//! What holds under any sequence of events: every live child is stopped exactly once, the end comes exactly
//! once and after both are gone, nothing starts after a stop, and what belongs to an earlier run changes
//! nothing.

use std::time::Duration;

use proptest::prelude::*;

use super::{Fault, G, P, Step, Verdict, World, clever, ended, known, provider, rules, url};
use crate::report::Event;
use crate::session::verify::{Blame, Probed};
use crate::session::{Action, base};

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

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Verdict::Permanent),
        Just(Verdict::Wait(Duration::from_secs(300))),
        Just(Verdict::NameBound),
        Just(Verdict::Taken),
        Just(Verdict::Restart),
        Just(Verdict::NotOurs),
    ]
    .prop_map(known)
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
                    prop_assert_eq!(proven.clone(), Some(base(url)));
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
