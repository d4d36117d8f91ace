//! Totals that add up: what was counted in an hour, for one value of one dimension.

use std::collections::BTreeMap;

use super::row::varint;
use crate::clock::Timestamp;

/// Milliseconds in an hour.
const HOUR: i64 = 3_600_000;

/// What views are split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Dimension {
    /// Not at all: all page views.
    Site = 0,
    /// The page.
    Path = 1,
    /// Where the visitor came from.
    Referrer = 2,
    /// `utm_source`.
    Source = 3,
    /// `utm_campaign`.
    Campaign = 4,
    /// The country of the time zone.
    Country = 5,
    /// The kind of device.
    Device = 6,
    /// The browser.
    Browser = 7,
    /// The operating system.
    System = 8,
    /// Not at all: all views of paths that the site does not have.
    NotFound = 9,
    /// Custom events by name.
    Event = 10,
}

impl Dimension {
    /// The dimensions that an event brings besides its page, in the order of a row.
    pub const TRAITS: [Self; 7] = [
        Self::Referrer,
        Self::Country,
        Self::Device,
        Self::Browser,
        Self::System,
        Self::Source,
        Self::Campaign,
    ];

    /// The code on disk; never changes.
    pub(super) const fn code(self) -> u8 {
        self as u8
    }

    /// The dimension with this code.
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Site,
            1 => Self::Path,
            2 => Self::Referrer,
            3 => Self::Source,
            4 => Self::Campaign,
            5 => Self::Country,
            6 => Self::Device,
            7 => Self::Browser,
            8 => Self::System,
            9 => Self::NotFound,
            _ => return None,
        })
    }
}

/// Additive totals of a span of time. `default()` changes nothing when merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rollup {
    /// Counted views.
    pub views: u64,
    /// Milliseconds that they were engaged, in all.
    pub engaged_ms: u64,
    /// Percent that they were scrolled, in all.
    pub scrolled: u64,
}

impl Rollup {
    /// Both together; associative and commutative.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self {
            views: self.views.saturating_add(other.views),
            engaged_ms: self.engaged_ms.saturating_add(other.engaged_ms),
            scrolled: self.scrolled.saturating_add(other.scrolled),
        }
    }

    /// What `self` has more than `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            views: self.views.saturating_sub(before.views),
            engaged_ms: self.engaged_ms.saturating_sub(before.engaged_ms),
            scrolled: self.scrolled.saturating_sub(before.scrolled),
        }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        varint::encode([self.views, self.engaged_ms, self.scrolled])
    }

    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut numbers = varint::decode(bytes);
        Self { views: numbers.large(), engaged_ms: numbers.large(), scrolled: numbers.large() }
    }
}

/// The hour, in hours since 1970 in UTC, that `time` falls in.
pub(super) fn hour_of(time: Timestamp) -> u32 {
    u32::try_from(time.as_millis().div_euclid(HOUR).max(0)).unwrap_or(u32::MAX)
}

/// When an hour begins.
pub(super) fn hour_start(hour: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(hour) * HOUR)
}

/// An hour and a value of a dimension: what a roll-up is the total of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cell {
    /// Hours since 1970 in UTC.
    pub(super) hour: u32,
    /// The dimension.
    pub(super) dimension: Dimension,
    /// The number of the value in the dictionary.
    pub(super) word: u32,
}

impl Cell {
    /// The cell of the hour that `time` falls in.
    pub(super) fn at(time: Timestamp, dimension: Dimension, word: u32) -> Self {
        Self { hour: hour_of(time), dimension, word }
    }

    /// Bytes that sort by hour, then by dimension.
    pub(super) fn to_bytes(self) -> [u8; 9] {
        let mut bytes = [0; 9];
        bytes[..4].copy_from_slice(&self.hour.to_be_bytes());
        bytes[4] = self.dimension.code();
        bytes[5..].copy_from_slice(&self.word.to_be_bytes());
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; none if a later version wrote it.
    pub(super) fn from_bytes(bytes: [u8; 9]) -> Option<Self> {
        let (hour, rest) = bytes.split_first_chunk::<4>()?;
        let (code, word) = rest.split_first()?;
        Some(Self {
            hour: u32::from_be_bytes(*hour),
            dimension: Dimension::from_code(*code)?,
            word: u32::from_be_bytes(*word.first_chunk()?),
        })
    }
}

/// Roll-ups by cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rollups(BTreeMap<Cell, Rollup>);

impl Rollups {
    /// Merges `rollup` into `cell`.
    pub(super) fn add(&mut self, cell: Cell, rollup: Rollup) {
        let total = self.0.entry(cell).or_default();
        *total = total.merge(rollup);
    }

    /// The cells of `hours`.
    pub(super) fn cells(&self, hours: std::ops::Range<u32>) -> impl Iterator<Item = Cell> {
        self.0.keys().copied().filter(move |cell| hours.contains(&cell.hour))
    }

    /// Hands all over, by cell, and is empty afterwards.
    pub(super) fn take(&mut self) -> BTreeMap<Cell, Rollup> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rollups() -> impl Strategy<Value = Rollup> {
        (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(views, engaged, scrolled)| Rollup {
            views: views.into(),
            engaged_ms: engaged.into(),
            scrolled: scrolled.into(),
        })
    }

    proptest! {
        #[test]
        fn merging_is_associative_commutative_and_has_an_identity(
            a in rollups(), b in rollups(), c in rollups()
        ) {
            prop_assert_eq!(a.merge(b).merge(c), a.merge(b.merge(c)));
            prop_assert_eq!(a.merge(b), b.merge(a));
            prop_assert_eq!(a.merge(Rollup::default()), a);
            prop_assert_eq!(a.merge(b).since(a), b);
            prop_assert_eq!(Rollup::decode(&a.encode()), a);
        }

        #[test]
        fn a_cell_is_read_as_it_was_written(hour: u32, code in 0u8..10, word: u32) {
            let dimension = Dimension::from_code(code).unwrap();
            prop_assert_eq!(dimension.code(), code);
            let cell = Cell { hour, dimension, word };
            prop_assert_eq!(Cell::from_bytes(cell.to_bytes()), Some(cell));
        }
    }

    #[test]
    fn an_hour_begins_where_it_begins() {
        for (millis, hour) in [(0, 0), (HOUR - 1, 0), (HOUR, 1), (-1, 0), (i64::MIN, 0)] {
            assert_eq!(hour_of(Timestamp::from_millis(millis)), hour, "{millis}");
        }
        assert_eq!(hour_of(hour_start(500_000)), 500_000);
    }
}
