//! What makes a visitor's id another one each day, in the mode `daily`.

use jiff::tz::TimeZone;

use super::id::VisitorId;
use crate::clock::{Day, Timestamp};

/// How visitors are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VisitorIds {
    /// By the random id that the browser keeps.
    #[default]
    Persistent,
    /// By another id each day, which cannot be linked to that of the day before.
    Daily,
    /// Not at all; only views are counted.
    None,
}

/// A day and the random key that ids are hashed with on it. When the day is over, the key is replaced, and
/// nobody can find out any more which ids belonged to one browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Salt {
    day: i32,
    key: [u8; 32],
}

impl Salt {
    /// A random key for the day of `now`.
    pub(super) fn random(now: Timestamp, zone: &TimeZone) -> anyhow::Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { day: Day::of(now, zone).number(), key })
    }

    /// Whether the key still serves at `now`. A day that is over when the clock is set back a little keeps
    /// the key it has; one that lies far ahead, as after a wrong clock, does not keep its key for years.
    pub(super) fn serves(&self, now: Timestamp, zone: &TimeZone) -> bool {
        let today = Day::of(now, zone).number();
        (today..=today.saturating_add(1)).contains(&self.day)
    }

    /// What stands for `visitor` on this day.
    pub(super) fn hash(&self, visitor: VisitorId) -> VisitorId {
        let hash = blake3::keyed_hash(&self.key, visitor.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hash.as_bytes()[..16]);
        VisitorId::from_bytes(id)
    }

    /// The salt as bytes.
    pub(super) fn to_bytes(self) -> [u8; 36] {
        let mut bytes = [0; 36];
        bytes[..4].copy_from_slice(&self.day.to_be_bytes());
        bytes[4..].copy_from_slice(&self.key);
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (day, key) = bytes.split_first_chunk::<4>()?;
        Some(Self { day: i32::from_be_bytes(*day), key: key.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn a_salt_serves_its_day_and_no_later_one() {
        let oslo = TimeZone::get("Europe/Oslo").unwrap();
        let salt = Salt::random(at("2026-11-24T12:00:00Z"), &oslo).unwrap();
        for (now, serves) in [
            ("2026-11-23T23:00:00Z", true),
            ("2026-11-24T22:59:59Z", true),
            ("2026-11-24T23:00:00Z", false),
            ("2026-11-23T22:59:59Z", true),
            ("2026-11-22T22:59:59Z", false),
            ("2016-11-24T12:00:00Z", false),
        ] {
            assert_eq!(salt.serves(at(now), &oslo), serves, "{now}");
        }
        assert_eq!(Salt::from_bytes(&salt.to_bytes()), Some(salt));
    }

    #[test]
    fn an_id_is_the_same_within_a_day_and_another_the_next() {
        let now = at("2026-11-24T12:00:00Z");
        let (one, two) = (Salt::random(now, &TimeZone::UTC), Salt::random(now, &TimeZone::UTC));
        let (one, two) = (one.unwrap(), two.unwrap());
        let visitor = VisitorId::from_bytes([7; 16]);
        assert_eq!(one.hash(visitor), one.hash(visitor));
        assert_ne!(one.hash(visitor), two.hash(visitor));
        assert_ne!(one.hash(visitor), one.hash(VisitorId::from_bytes([8; 16])));
    }
}
