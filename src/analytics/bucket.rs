//! Who may send how much: token buckets by address and for all, in bounded memory and nowhere else.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::policy::{self, Rate};
use super::rejection::Rejection;
use crate::clock::Timestamp;

/// A thousandth of a token, so that a bucket refills evenly within a second.
const FRACTION: u64 = 1000;

/// The part of an address that its holder cannot choose: all of an IPv4 address, half of an IPv6 one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix(u64);

impl Prefix {
    /// That of `address`.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(u32::from(address))),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self([a, b, c, d].iter().fold(0, |sum, part| sum << 16 | u64::from(*part)))
            }
        }
    }
}

/// Tokens that are taken one by one and come back evenly.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    fractions: u64,
    filled: Timestamp,
}

impl Bucket {
    fn full(rate: Rate, now: Timestamp) -> Self {
        Self { fractions: u64::from(rate.burst) * FRACTION, filled: now }
    }

    /// Takes one token, if there is one.
    fn take(&mut self, rate: Rate, now: Timestamp) -> bool {
        self.refill(rate, now);
        let taken = self.fractions >= FRACTION;
        if taken {
            self.fractions -= FRACTION;
        }
        taken
    }

    /// One a second is one fraction a millisecond. After the clock was set back it refills from there.
    fn refill(&mut self, rate: Rate, now: Timestamp) {
        let passed = u64::try_from(now.since(self.filled).as_millis()).unwrap_or(u64::MAX);
        let gained = passed.saturating_mul(u64::from(rate.per_second));
        self.fractions =
            self.fractions.saturating_add(gained).min(u64::from(rate.burst) * FRACTION);
        self.filled = now;
    }

    /// A full bucket is as good as a new one, so it need not be remembered.
    fn is_full(mut self, rate: Rate, now: Timestamp) -> bool {
        self.refill(rate, now);
        self.fractions >= u64::from(rate.burst) * FRACTION
    }
}

/// How much may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// By one address; by 64 bits of an IPv6 one.
    pub address: Rate,
    /// By all together.
    pub global: Rate,
    /// How many addresses are told apart at once.
    pub addresses: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address: policy::ADDRESS_RATE,
            global: policy::GLOBAL_RATE,
            addresses: policy::ADDRESSES,
        }
    }
}

/// Keeps one sender, or all of them, from flooding. Addresses are in memory only, and never shown.
pub struct Limiter {
    limits: Limits,
    state: Mutex<State>,
}

struct State {
    global: Bucket,
    /// Shared by the addresses that found no room of their own.
    crowd: Bucket,
    addresses: HashMap<Prefix, Bucket>,
    tidied: Timestamp,
}

impl Limiter {
    /// Full buckets.
    pub fn new(limits: Limits, now: Timestamp) -> Self {
        let state = State {
            global: Bucket::full(limits.global, now),
            crowd: Bucket::full(limits.address, now),
            addresses: HashMap::new(),
            tidied: now,
        };
        Self { limits, state: Mutex::new(state) }
    }

    /// Takes a token of `address` and one of all.
    pub fn take(&self, address: IpAddr, now: Timestamp) -> Result<(), Rejection> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.bucket(Prefix::of(address), &self.limits, now).take(self.limits.address, now) {
            return Err(Rejection::TooMany);
        }
        let taken = state.global.take(self.limits.global, now);
        taken.then_some(()).ok_or(Rejection::Overload)
    }
}

impl State {
    /// The bucket of `prefix`; the crowd's when there is no room for one more.
    fn bucket(&mut self, prefix: Prefix, limits: &Limits, now: Timestamp) -> &mut Bucket {
        if self.addresses.len() >= limits.addresses && !self.addresses.contains_key(&prefix) {
            self.tidy(limits, now);
            if self.addresses.len() >= limits.addresses {
                return &mut self.crowd;
            }
        }
        self.addresses.entry(prefix).or_insert_with(|| Bucket::full(limits.address, now))
    }

    /// Forgets addresses with a full bucket, at most once a second, or a flood would make each event cost a walk.
    fn tidy(&mut self, limits: &Limits, now: Timestamp) {
        if self.tidied.as_millis().abs_diff(now.as_millis()) >= 1000 {
            self.addresses.retain(|_, bucket| !bucket.is_full(limits.address, now));
            self.tidied = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        address: Rate { burst: 2, per_second: 1 },
        global: Rate { burst: 5, per_second: 1 },
        addresses: 3,
    };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn take(limiter: &Limiter, address: &str, millis: i64) -> Result<(), Rejection> {
        limiter.take(address.parse().unwrap(), at(millis))
    }

    #[test]
    fn an_address_has_its_burst_and_then_its_rate() {
        let limiter = Limiter::new(LIMITS, at(0));
        for (millis, taken) in [
            (0, true),
            (0, true),
            (0, false),
            (999, false),
            (1000, true),
            (1999, false),
            (2000, true),
        ] {
            assert_eq!(take(&limiter, "203.0.113.1", millis).is_ok(), taken, "at {millis}");
        }
    }

    #[test]
    fn one_address_does_not_use_up_what_is_for_another() {
        let limiter = Limiter::new(LIMITS, at(0));
        for _ in 0..10 {
            let _ = take(&limiter, "203.0.113.1", 0);
        }
        assert_eq!(take(&limiter, "203.0.113.2", 0), Ok(()));
    }

    #[test]
    fn the_half_of_an_ipv6_address_that_its_holder_chooses_does_not_matter() {
        let limiter = Limiter::new(LIMITS, at(0));
        assert_eq!(take(&limiter, "2001:db8::1", 0), Ok(()));
        assert_eq!(take(&limiter, "2001:db8::2", 0), Ok(()));
        assert_eq!(take(&limiter, "2001:db8::3", 0), Err(Rejection::TooMany));
        assert_eq!(take(&limiter, "2001:db8:0:1::3", 0), Ok(()));
        assert_eq!(take(&limiter, "::ffff:203.0.113.1", 0), Ok(()));
        assert_eq!(take(&limiter, "203.0.113.1", 0), Ok(()));
        assert_eq!(take(&limiter, "203.0.113.1", 0), Err(Rejection::TooMany));
    }

    #[test]
    fn all_together_have_a_limit_too() {
        let limits = Limits { addresses: 100, ..LIMITS };
        let limiter = Limiter::new(limits, at(0));
        let taken: Vec<bool> =
            (0..7).map(|host| take(&limiter, &format!("203.0.113.{host}"), 0).is_ok()).collect();
        assert_eq!(taken, [true, true, true, true, true, false, false]);
        assert_eq!(take(&limiter, "203.0.113.9", 0), Err(Rejection::Overload));
    }

    #[test]
    fn memory_is_bounded_and_idle_addresses_make_room() {
        let limits = Limits { global: Rate { burst: 1000, per_second: 1000 }, ..LIMITS };
        let limiter = Limiter::new(limits, at(0));
        for host in 0..250 {
            let _ = take(&limiter, &format!("203.0.113.{host}"), 0);
        }
        assert_eq!(limiter.state.lock().unwrap().addresses.len(), 3);
        assert_eq!(
            take(&limiter, "198.51.100.1", 0),
            Err(Rejection::TooMany),
            "the crowd's bucket"
        );
        assert_eq!(take(&limiter, "198.51.100.1", 60_000), Ok(()));
        assert_eq!(limiter.state.lock().unwrap().addresses.len(), 1);
    }

    #[test]
    fn a_clock_set_back_neither_fills_nor_blocks_a_bucket() {
        let limiter = Limiter::new(LIMITS, at(1_000_000_000));
        for _ in 0..3 {
            let _ = take(&limiter, "203.0.113.1", 1_000_000_000);
        }
        assert_eq!(take(&limiter, "203.0.113.1", 0), Err(Rejection::TooMany));
        assert_eq!(take(&limiter, "203.0.113.1", 1000), Ok(()));
    }
}
