//! A counted view as it is stored: its key, its fields, their bytes.

use super::rollup::{Cell, Dimension, Rollup};
use crate::clock::Timestamp;

/// How many bits of a key tell views of one millisecond apart.
const SEQUENCE_BITS: u32 = 16;

/// The key of a counted view: when it was counted, and which of that millisecond it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RowKey(u64);

impl RowKey {
    /// The first key of the millisecond of `time`; times before 1970 count as 1970.
    pub(super) fn first_at(time: Timestamp) -> Self {
        let latest = (1 << (u64::BITS - SEQUENCE_BITS)) - 1;
        Self(u64::try_from(time.as_millis()).unwrap_or(0).min(latest) << SEQUENCE_BITS)
    }

    /// The last key of the millisecond of `time`.
    pub(super) fn last_at(time: Timestamp) -> Self {
        Self::first_at(time).last_of_its_time()
    }

    /// The last key of the same millisecond.
    pub(super) const fn last_of_its_time(self) -> Self {
        Self(self.0 | ((1 << SEQUENCE_BITS) - 1))
    }

    /// The next key: of the same millisecond, or of the next when that is full.
    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// When the view was counted.
    pub(super) fn time(self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.0 >> SEQUENCE_BITS).unwrap_or(i64::MAX))
    }

    /// The key as bytes that sort by time.
    pub(super) const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// The key with these bytes.
    pub(super) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

/// A counted view. Texts are numbers of the dictionary; zero stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Row {
    /// The page's path; zero for one that the site does not have.
    pub(super) path: u32,
    /// The visitor.
    pub(super) visitor: u32,
    /// The values of [`Dimension::TRAITS`], in that order.
    pub(super) traits: [u32; Dimension::TRAITS.len()],
    /// The most that was scrolled, in percent.
    pub(super) scroll: u8,
    /// Milliseconds that the viewing itself was engaged.
    pub(super) own_ms: u32,
    /// Milliseconds that its repeats were engaged.
    pub(super) repeats_ms: u32,
}

impl Row {
    /// The row as bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let head = [u64::from(self.path), u64::from(self.visitor)];
        let totals = [self.own_ms, u32::from(self.scroll)].map(u64::from);
        let traits = self.traits.map(u64::from);
        let tail = [u64::from(self.repeats_ms)];
        varint::encode(head.into_iter().chain(totals).chain(traits).chain(tail))
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut numbers = varint::decode(bytes);
        let path = numbers.small();
        let visitor = numbers.small();
        let own_ms = numbers.small();
        let scroll = u8::try_from(numbers.small()).unwrap_or(100);
        let traits = std::array::from_fn(|_| numbers.small());
        Self { path, visitor, traits, scroll, own_ms, repeats_ms: numbers.small() }
    }

    /// What the view adds to each of its cells.
    pub(super) fn rollup(&self) -> Rollup {
        Rollup {
            views: 1,
            engaged_ms: u64::from(self.own_ms) + u64::from(self.repeats_ms),
            scrolled: u64::from(self.scroll),
        }
    }

    /// The cells of the roll-ups that the view counts towards.
    pub(super) fn cells(&self, time: Timestamp) -> impl Iterator<Item = Cell> {
        let found = self.path != 0;
        let whole = if found { Dimension::Site } else { Dimension::NotFound };
        let path = found.then_some((Dimension::Path, self.path));
        let traits = Dimension::TRAITS.into_iter().zip(self.traits);
        let traits = traits.filter(move |(_, word)| found && *word != 0);
        let cells = std::iter::once((whole, 0)).chain(path).chain(traits);
        cells.map(move |(dimension, word)| Cell::at(time, dimension, word))
    }
}

/// Numbers as bytes: seven bits each, least first, the eighth says that more follow.
///
/// Zeros at the end are left out, so that a list can grow by a field without a new format.
pub(super) mod varint {
    /// Writes `numbers`.
    pub(in super::super) fn encode(numbers: impl IntoIterator<Item = u64>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32);
        let mut end = 0;
        for mut number in numbers {
            let is_zero = number == 0;
            while number >= 0x80 {
                bytes.push(number.to_le_bytes()[0] | 0x80);
                number >>= 7;
            }
            bytes.push(number.to_le_bytes()[0]);
            if !is_zero {
                end = bytes.len();
            }
        }
        bytes.truncate(end);
        bytes
    }

    /// Reads numbers until the bytes end, and zeros from then on.
    pub(in super::super) const fn decode(bytes: &[u8]) -> Numbers<'_> {
        Numbers { bytes }
    }

    /// Numbers that are read one by one.
    pub(in super::super) struct Numbers<'a> {
        bytes: &'a [u8],
    }

    impl<'a> Numbers<'a> {
        /// The next number.
        pub(in super::super) fn large(&mut self) -> u64 {
            let mut number = 0;
            for shift in (0..u64::BITS).step_by(7) {
                let Some((byte, rest)) = self.bytes.split_first() else { break };
                self.bytes = rest;
                number |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            number
        }

        /// The next number, clamped to 32 bits.
        pub(in super::super) fn small(&mut self) -> u32 {
            u32::try_from(self.large()).unwrap_or(u32::MAX)
        }

        /// What follows the numbers that were read.
        pub(in super::super) const fn rest(&self) -> &'a [u8] {
            self.bytes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_sort_by_time_and_know_it() {
        let time = Timestamp::from_millis(1_780_000_000_123);
        let key = RowKey::first_at(time);
        assert_eq!(key.time(), time);
        assert_eq!(key.last_of_its_time().time(), time);
        assert!(
            key.last_of_its_time() < RowKey::first_at(Timestamp::from_millis(1_780_000_000_124))
        );
        assert_eq!(key.last_of_its_time().next().time(), Timestamp::from_millis(1_780_000_000_124));
        assert_eq!(RowKey::from_bytes(key.next().to_bytes()), key.next());
        assert_eq!(RowKey::first_at(Timestamp::from_millis(-5)).time(), Timestamp::from_millis(0));
        let end = RowKey::first_at(Timestamp::from_millis(i64::MAX)).last_of_its_time();
        assert_eq!(end.next(), end);
    }

    #[test]
    fn a_view_counts_towards_the_cells_of_what_is_known_of_it() {
        let mut row = Row { path: 7, visitor: 1, ..Row::default() };
        row.traits[0] = 9;
        let time = Timestamp::from_millis(3_600_000 * 5 + 1);
        let cells = |row: Row| -> Vec<_> {
            row.cells(time).map(|cell| (cell.hour, cell.dimension, cell.word)).collect()
        };
        let expected =
            [(5, Dimension::Site, 0), (5, Dimension::Path, 7), (5, Dimension::Referrer, 9)];
        assert_eq!(cells(row), expected);
        row.path = 0;
        assert_eq!(cells(row), [(5, Dimension::NotFound, 0)]);
    }

    fn rows() -> impl Strategy<Value = Row> {
        let numbers = (any::<u32>(), any::<u32>(), any::<u8>(), any::<u32>(), any::<u32>());
        (numbers, any::<[u32; Dimension::TRAITS.len()]>()).prop_map(
            |((path, visitor, scroll, own_ms, repeats_ms), traits)| Row {
                path,
                visitor,
                traits,
                scroll,
                own_ms,
                repeats_ms,
            },
        )
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(row in rows()) {
            prop_assert_eq!(Row::decode(&row.encode()), row);
        }

        #[test]
        fn numbers_are_read_as_they_were_written(numbers in prop::collection::vec(any::<u64>(), 0..9)) {
            let bytes = varint::encode(numbers.iter().copied());
            let mut read = varint::decode(&bytes);
            for number in numbers {
                prop_assert_eq!(read.large(), number);
            }
            prop_assert_eq!(read.large(), 0);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            Row::decode(&bytes);
        }
    }
}
