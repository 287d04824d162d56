//! How fast an address may be wrong about the key. Only answers that refuse are held back: whoever has the
//! right key never waits, whatever others do under the same address, and behind a tunnel many share one. The
//! address is what the tunnel's cloud says, in the header that is its own; what a visitor says is not heard.
//!
//! So few answers are held back at a time because `lt` has ten sockets in all: what is beyond that is
//! refused at once, with 429.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::header::HeaderValue;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Failures>);

#[derive(Debug, Default)]
struct Failures {
    by_address: HashMap<IpAddr, Failing>,
    /// How many answers are held back now.
    held: usize,
}

#[derive(Debug, Clone, Copy)]
struct Failing {
    times: u32,
    last: Instant,
    /// Is an answer to it held back now?
    held: bool,
}

/// What becomes of a refusal.
#[derive(Debug)]
pub(super) enum Verdict {
    AtOnce,
    After(Duration, Place),
    /// Others to that address, or too many in all, are being held back.
    TooMany,
}

/// An answer that is being held back; dropped, the next may be.
#[derive(Debug)]
pub(super) struct Place(Arc<Pace>, IpAddr);

/// So many mistakes are free: people mistype, and clients try twice.
const FREE: u32 = 10;
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);
/// After so long without a mistake all is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// So many addresses are remembered.
const ADDRESSES: usize = 1024;
const HELD: usize = 2;

impl Pace {
    /// `address` showed no key, or a wrong one.
    pub(super) fn failed(self: &Arc<Self>, address: IpAddr, now: Instant) -> Verdict {
        let address = network(address);
        let Ok(mut failures) = self.0.lock() else { return Verdict::TooMany };
        let failing = failures.note(address, now);
        let Some(over) = failing.times.checked_sub(FREE + 1) else { return Verdict::AtOnce };
        if failing.held || failures.held >= HELD {
            return Verdict::TooMany;
        }
        failures.held += 1;
        if let Some(failing) = failures.by_address.get_mut(&address) {
            failing.held = true;
        }
        let delay = FIRST.saturating_mul(1 << over.min(10)).min(LONGEST);
        Verdict::After(delay, Place(self.clone(), address))
    }
}

impl Failures {
    fn note(&mut self, address: IpAddr, now: Instant) -> Failing {
        if self.by_address.len() >= ADDRESSES && !self.by_address.contains_key(&address) {
            self.by_address.retain(|_, one| now.duration_since(one.last) < FORGOTTEN);
            let oldest = self.by_address.iter().min_by_key(|(_, one)| one.last).map(|(address, _)| *address);
            if let Some(oldest) = oldest.filter(|_| self.by_address.len() >= ADDRESSES) {
                self.by_address.remove(&oldest);
            }
        }
        let failing = self.by_address.entry(address).or_insert(Failing { times: 0, last: now, held: false });
        if now.duration_since(failing.last) >= FORGOTTEN {
            failing.times = 0;
        }
        failing.times = failing.times.saturating_add(1);
        failing.last = now;
        *failing
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Ok(mut failures) = self.0.0.lock() {
            failures.held -= 1;
            if let Some(failing) = failures.by_address.get_mut(&self.1) {
                failing.held = false;
            }
        }
    }
}

/// Where a visitor comes from: what the tunnel's cloud wrote down last in its header, if that is there.
pub(super) fn visitor(told: Option<&HeaderValue>, peer: IpAddr) -> IpAddr {
    let last = told.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    last.unwrap_or(peer)
}

/// A household has a whole /64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => address.into(),
            None => Ipv6Addr::from(u128::from(address) & !u128::from(u64::MAX)).into(),
        },
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    #[test]
    fn the_first_mistakes_are_free_the_next_are_slower_and_slower_and_a_minute_forgives() {
        let (pace, now) = (Arc::new(Pace::default()), Instant::now());
        for _ in 0..FREE {
            assert!(matches!(pace.failed(address(1), now), Verdict::AtOnce));
        }
        let delays: Vec<u128> = (0..6)
            .map(|_| match pace.failed(address(1), now) {
                Verdict::After(delay, _place) => delay.as_millis(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(delays, [50, 100, 200, 400, 800, 1000]);
        assert!(matches!(pace.failed(address(2), now), Verdict::AtOnce), "others are not slowed for that");
        assert!(matches!(pace.failed(address(1), now + FORGOTTEN), Verdict::AtOnce));
    }

    #[test]
    fn only_so_many_answers_are_held_back_and_one_for_an_address() {
        let (pace, now) = (Arc::new(Pace::default()), Instant::now());
        let fail = |n| {
            (0..FREE).for_each(|_| drop(pace.failed(address(n), now)));
            pace.failed(address(n), now)
        };
        let first = fail(1);
        assert!(matches!(first, Verdict::After(..)));
        assert!(matches!(pace.failed(address(1), now), Verdict::TooMany), "one at a time");
        let second = fail(2);
        assert!(matches!(second, Verdict::After(..)) && matches!(fail(3), Verdict::TooMany));
        drop((first, second));
        assert!(matches!(pace.failed(address(3), now), Verdict::After(..)));
    }

    #[test]
    fn however_many_addresses_there_are_memory_is_bounded() {
        let (pace, now) = (Arc::new(Pace::default()), Instant::now());
        for n in 0..3 * ADDRESSES as u32 {
            pace.failed(address(n), now);
        }
        assert_eq!(pace.0.lock().unwrap().by_address.len(), ADDRESSES);
    }

    #[test]
    fn the_address_is_the_last_that_a_proxy_wrote_down_and_a_household_has_one() {
        let peer = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(visitor(None, peer), peer);
        let told = |text| visitor(Some(&HeaderValue::from_static(text)), peer);
        assert_eq!(told("6.6.6.6, 9.9.9.9"), IpAddr::from([9, 9, 9, 9]));
        assert_eq!(told("8.8.8.8"), IpAddr::from([8, 8, 8, 8]));
        assert_eq!(told("nonsense"), peer);
        let household = ["2001:db8::1", "2001:db8::ffff:1"].map(|text| network(text.parse().unwrap()));
        assert_eq!(household[0], household[1]);
    }
}
