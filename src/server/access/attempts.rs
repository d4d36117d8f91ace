//! How often somebody may try to sign in: a few times a minute from one address, and not much more often from all together.

use std::collections::VecDeque;
use std::time::Duration;

use crate::analytics::Prefix;
use crate::clock::Timestamp;
use crate::server::limits::{ATTEMPTS_OF_ALL, ATTEMPTS_OF_ONE};

/// The time that failures are counted in.
const WINDOW: Duration = Duration::from_mins(1);

/// Attempts of the last minute that have failed or are under way, the oldest first. It is in memory only.
#[derive(Debug, Default)]
pub(super) struct Attempts(VecDeque<Attempt>);

/// An attempt to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    from: Prefix,
    at: Timestamp,
}

impl Attempts {
    /// Begins an attempt, which counts as failed until it is [forgiven](Self::forgive); or says how long to wait.
    pub(super) fn begin(&mut self, from: Prefix, now: Timestamp) -> Result<Attempt, Duration> {
        // One that lies ahead was made before the clock was set back.
        self.0.retain(|past| past.at <= now && now.since(past.at) < WINDOW);
        let own = self.0.iter().filter(|past| past.from == from);
        let oldest = [
            (own.clone().next(), own.count(), ATTEMPTS_OF_ONE),
            (self.0.front(), self.0.len(), ATTEMPTS_OF_ALL),
        ]
        .into_iter()
        .filter(|(_, count, most)| count >= most)
        .filter_map(|(oldest, ..)| oldest)
        .max_by_key(|oldest| oldest.at);
        if let Some(oldest) = oldest {
            return Err((oldest.at + WINDOW).since(now));
        }
        let attempt = Attempt { from, at: now };
        self.0.push_back(attempt);
        Ok(attempt)
    }

    /// Takes an attempt back that was none, or has succeeded.
    pub(super) fn forgive(&mut self, attempt: Attempt) {
        if let Some(at) = self.0.iter().position(|past| *past == attempt) {
            self.0.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(number: u8) -> Prefix {
        Prefix::of([203, 0, 113, number].into())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    #[test]
    fn five_attempts_of_an_address_are_a_minutes_worth() {
        let mut attempts = Attempts::default();
        for second in 0..5 {
            assert!(attempts.begin(prefix(1), at(second)).is_ok());
        }
        assert_eq!(attempts.begin(prefix(1), at(10)), Err(Duration::from_secs(50)));
        assert!(attempts.begin(prefix(2), at(10)).is_ok(), "another address");
        assert!(attempts.begin(prefix(1), at(60)).is_ok());
        assert_eq!(attempts.begin(prefix(1), at(60)), Err(Duration::from_secs(1)));
        assert!(attempts.begin(prefix(1), at(30)).is_ok(), "the clock was set back");
    }

    #[test]
    fn what_is_forgiven_does_not_count() {
        let mut attempts = Attempts::default();
        for _ in 0..20 {
            let attempt = attempts.begin(prefix(1), at(0)).unwrap();
            attempts.forgive(attempt);
        }
    }

    #[test]
    fn many_addresses_are_not_allowed_much_more_than_one() {
        let mut attempts = Attempts::default();
        for number in 0..ATTEMPTS_OF_ALL {
            assert!(attempts.begin(prefix(u8::try_from(number).unwrap()), at(0)).is_ok());
        }
        assert_eq!(attempts.begin(prefix(200), at(1)), Err(Duration::from_secs(59)));
        assert_eq!(attempts.0.len(), ATTEMPTS_OF_ALL, "and no more memory than that");
    }
}
