//! Totals that add up: what was counted in a span of days, for one value of one dimension.

use super::calendar::Level;
use super::returns::Returns;
use super::varint::{self, Numbers};

/// What views are split by, and what is counted besides.
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
    /// Views of paths that the site does not have: all of them, and by path.
    NotFound = 9,
    /// Custom events by name.
    Event = 10,
    /// Links to other sites that were followed.
    Outbound = 11,
    /// Files that were downloaded.
    Download = 12,
}

impl Dimension {
    /// The dimensions that a view brings besides its page, in the order of a row.
    pub const TRAITS: [Self; 7] = [
        Self::Referrer,
        Self::Country,
        Self::Device,
        Self::Browser,
        Self::System,
        Self::Source,
        Self::Campaign,
    ];

    /// All dimensions, in the order of their codes.
    pub const ALL: [Self; 13] = [
        Self::Site,
        Self::Path,
        Self::Referrer,
        Self::Source,
        Self::Campaign,
        Self::Country,
        Self::Device,
        Self::Browser,
        Self::System,
        Self::NotFound,
        Self::Event,
        Self::Outbound,
        Self::Download,
    ];

    /// The code on disk; never changes.
    pub(super) const fn code(self) -> u8 {
        self as u8
    }

    /// The dimension with this code.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// Additive totals. `default()` changes nothing when merged.
///
/// Numbers wrap, so that a total that became smaller can be merged as well: the sum is right whenever it is
/// not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rollup {
    /// Counted views; of events, how often they happened.
    pub views: u64,
    /// Visits that began with one of them.
    pub visits: u64,
    /// Visits that ended with one of them, as far as is known.
    pub exits: u64,
    /// Visits that began with one of them and had no other view, nor a custom event.
    pub bounces: u64,
    /// Milliseconds that they were engaged, in all.
    pub engaged_ms: u64,
    /// How many of them were read to the end.
    pub reads: u64,
    /// Percent that they were scrolled, in all.
    pub scrolled: u64,
}

impl Rollup {
    /// Both together; associative and commutative.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        self.zip(other, u64::wrapping_add)
    }

    /// What `self` has more than `before`.
    pub(super) fn since(self, before: Self) -> Self {
        self.zip(before, u64::wrapping_sub)
    }

    fn zip(self, other: Self, join: impl Fn(u64, u64) -> u64) -> Self {
        let (mine, theirs) = (self.numbers(), other.numbers());
        Self::of(std::array::from_fn(|place| join(mine[place], theirs[place])))
    }

    const fn numbers(self) -> [u64; 7] {
        let Self { views, visits, exits, bounces, engaged_ms, reads, scrolled } = self;
        [views, visits, exits, bounces, engaged_ms, reads, scrolled]
    }

    const fn of(numbers: [u64; 7]) -> Self {
        let [views, visits, exits, bounces, engaged_ms, reads, scrolled] = numbers;
        Self { views, visits, exits, bounces, engaged_ms, reads, scrolled }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        varint::encode(self.numbers())
    }

    pub(super) fn decode(bytes: &[u8]) -> Self {
        Self::read(&mut varint::decode(bytes))
    }

    fn read(numbers: &mut Numbers<'_>) -> Self {
        Self::of(std::array::from_fn(|_| numbers.large()))
    }
}

/// What a cell adds up to: totals, and who of its visitors was there before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Total {
    pub(super) rollup: Rollup,
    pub(super) returns: Returns,
}

impl Total {
    /// Takes in another total of the same cell.
    pub(super) fn merge(&mut self, other: &Self) {
        self.rollup = self.rollup.merge(other.rollup);
        self.returns.merge(&other.returns);
    }

    /// What the total of a day adds to that of a longer span that began `days` before it.
    pub(super) fn lifted(&self, days: u32) -> Self {
        Self { rollup: self.rollup, returns: self.returns.lifted(days) }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let numbers = self.rollup.numbers().into_iter();
        varint::encode(numbers.chain(self.returns.encode()))
    }

    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut numbers = varint::decode(bytes);
        Self { rollup: Rollup::read(&mut numbers), returns: Returns::decode(&mut numbers) }
    }

    /// What [`decode`](Self::decode) gives of the totals, and the visitors who were not there in the `days`
    /// before the span.
    pub(super) fn visitors_since(bytes: &[u8], days: u32) -> (Rollup, u64) {
        let mut numbers = varint::decode(bytes);
        let rollup = Rollup::read(&mut numbers);
        (rollup, Returns::visitors_since(&mut numbers, days))
    }
}

/// A span of days and a value of a dimension: what a roll-up is the total of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cell {
    /// How long the span is.
    pub(super) level: Level,
    /// The dimension.
    pub(super) dimension: Dimension,
    /// The first day of the span, in days since 1970 in the site's time zone.
    pub(super) start: u32,
    /// The number of the value in the dictionary.
    pub(super) word: u32,
}

impl Cell {
    /// Bytes that sort by level, by dimension, then by day.
    pub(super) fn to_bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[0] = self.level.code();
        bytes[1] = self.dimension.code();
        bytes[2..6].copy_from_slice(&self.start.to_be_bytes());
        bytes[6..].copy_from_slice(&self.word.to_be_bytes());
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; none if a later version wrote it.
    pub(super) fn from_bytes(bytes: [u8; 10]) -> Option<Self> {
        let [level, dimension, a, b, c, d, word @ ..] = bytes;
        Some(Self {
            level: Level::from_code(level)?,
            dimension: Dimension::from_code(dimension)?,
            start: u32::from_be_bytes([a, b, c, d]),
            word: u32::from_be_bytes(word),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rollups() -> impl Strategy<Value = Rollup> {
        any::<[u32; 7]>().prop_map(|numbers| Rollup::of(numbers.map(u64::from)))
    }

    fn totals() -> impl Strategy<Value = Total> {
        let returns = prop::collection::vec((0_u32..2000, 1_i64..50), 0..9);
        (rollups(), returns).prop_map(|(rollup, changes)| {
            let mut returns = Returns::default();
            for (gap, by) in changes {
                returns.add(gap, by);
            }
            Total { rollup, returns }
        })
    }

    fn merged(mut a: Total, b: &Total) -> Total {
        a.merge(b);
        a
    }

    proptest! {
        #[test]
        fn merging_is_associative_commutative_and_has_an_identity(
            a in totals(), b in totals(), c in totals()
        ) {
            prop_assert_eq!(merged(merged(a.clone(), &b), &c), merged(a.clone(), &merged(b.clone(), &c)));
            prop_assert_eq!(merged(a.clone(), &b), merged(b.clone(), &a));
            prop_assert_eq!(merged(a.clone(), &Total::default()), a.clone());
            prop_assert_eq!(a.rollup.merge(b.rollup).since(a.rollup), b.rollup);
            prop_assert_eq!(a.rollup.merge(b.rollup.since(a.rollup)), b.rollup, "smaller totals too");
            prop_assert_eq!(Rollup::decode(&a.rollup.encode()), a.rollup);
            prop_assert_eq!(Total::decode(&a.encode()), a);
        }

        #[test]
        fn visitors_can_be_counted_without_reading_all(total in totals(), days in 0_u32..2500) {
            let (rollup, visitors) = Total::visitors_since(&total.encode(), days);
            prop_assert_eq!((rollup, visitors), (total.rollup, total.returns.visitors(days)));
        }

        #[test]
        fn a_cell_is_read_as_it_was_written(level in 0_u8..3, code in 0_u8..13, start: u32, word: u32) {
            let dimension = Dimension::from_code(code).unwrap();
            prop_assert_eq!(dimension.code(), code);
            let cell = Cell { level: Level::from_code(level).unwrap(), dimension, start, word };
            prop_assert_eq!(Cell::from_bytes(cell.to_bytes()), Some(cell));
        }
    }
}
