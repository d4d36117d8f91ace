//! A counted view or a custom event as it is stored: its key, its fields, their bytes.

use super::rollup::{Dimension, Rollup};
use super::varint;
use crate::clock::Timestamp;

/// How many bits of a key tell views of one millisecond apart.
const SEQUENCE_BITS: u32 = 16;

/// Milliseconds in a day of UTC.
const DAY: i64 = 86_400_000;

/// The key of a counted view: when it was counted, and which of that millisecond it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RowKey(u64);

impl RowKey {
    /// All keys.
    pub(super) const ALL: std::ops::RangeInclusive<Self> = Self(0)..=Self(u64::MAX);

    /// The first key of the millisecond of `time`; times before 1970 count as 1970.
    pub(super) fn first_at(time: Timestamp) -> Self {
        let latest = (1 << (u64::BITS - SEQUENCE_BITS)) - 1;
        Self(u64::try_from(time.as_millis()).unwrap_or(0).min(latest) << SEQUENCE_BITS)
    }

    /// The last key of the millisecond of `time`.
    pub(super) fn last_at(time: Timestamp) -> Self {
        Self::first_at(time).last_of_its_time()
    }

    /// The first key of a millisecond since 1970.
    pub(super) fn at_millis(millis: u64) -> Self {
        Self::first_at(Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)))
    }

    /// Milliseconds since 1970.
    pub(super) const fn millis(self) -> u64 {
        self.0 >> SEQUENCE_BITS
    }

    /// The day in UTC, in days since 1970: rows of one day are packed, read and dropped together.
    pub(super) fn day(self) -> i64 {
        self.time().as_millis().div_euclid(DAY)
    }

    /// The first key of a day of [`day`](Self::day).
    pub(super) fn first_of_day(day: i64) -> Self {
        Self::first_at(Timestamp::from_millis(day.saturating_mul(DAY)))
    }

    /// The last key of that day.
    pub(super) fn last_of_day(day: i64) -> Self {
        Self::last_at(Timestamp::from_millis(day.saturating_add(1).saturating_mul(DAY) - 1))
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

/// What is true of a row, or not; each a bit on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags(u8);

impl Flags {
    /// The site did not have the path.
    pub(super) const MISSING: Self = Self(1);
    /// It is a custom event, not a view.
    pub(super) const CUSTOM: Self = Self(1 << 1);
    /// A visit began with it.
    pub(super) const ENTRY: Self = Self(1 << 2);
    /// It is the last of its visit.
    pub(super) const EXIT: Self = Self(1 << 3);
    /// It is the only one of its visit, and nothing else was done in that.
    pub(super) const BOUNCE: Self = Self(1 << 4);
    /// It was read to the end.
    pub(super) const READ: Self = Self(1 << 5);
    /// Its detail is a link to another site.
    pub(super) const OUTBOUND: Self = Self(1 << 6);
    /// Its detail is a file.
    pub(super) const DOWNLOAD: Self = Self(1 << 7);

    /// Whether all of `other` is true.
    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// One if `other` is true.
    fn count(self, other: Self) -> u64 {
        u64::from(self.has(other))
    }

    /// All that is true of either.
    #[must_use]
    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All that is true of this and not of `other`.
    #[must_use]
    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// Most rows have neither source nor campaign, nor repeats; a bit besides the flags says so.
const HAS_CAMPAIGN: u64 = 1 << 6;
const HAS_REPEATS: u64 = 1 << 7;
/// The bits of flags that most rows have stand below these, the others above.
const COMMON: u8 = 0x3f;

/// A counted view, or a custom event. Texts are numbers of the dictionary; zero stands for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Row {
    /// The page's path; of one that the site does not have, what it is called among those.
    pub(super) path: u32,
    /// The visitor.
    pub(super) visitor: u32,
    /// What is true of it.
    pub(super) flags: Flags,
    /// The values of [`Dimension::TRAITS`], in that order.
    pub(super) traits: [u32; Dimension::TRAITS.len()],
    /// The most that was scrolled, in percent; only of a view.
    pub(super) scroll: u8,
    /// Milliseconds that the viewing itself was engaged; only of a view.
    pub(super) own_ms: u32,
    /// Milliseconds that its repeats were engaged; only of a view.
    pub(super) repeats_ms: u32,
    /// The name; only of a custom event.
    pub(super) name: u32,
    /// What a custom event was about.
    pub(super) detail: u32,
}

impl Row {
    /// The row as bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(32);
        self.write(&mut bytes);
        bytes
    }

    /// Writes the row behind others.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let [.., source, campaign] = self.traits;
        let has_campaign = source != 0 || campaign != 0;
        let shape = u64::from(self.flags.0 & COMMON)
            | if has_campaign { HAS_CAMPAIGN } else { 0 }
            | if self.repeats_ms > 0 { HAS_REPEATS } else { 0 }
            | u64::from(self.flags.0 & !COMMON) << 2;
        let mut put = |number: u32| varint::push(bytes, u64::from(number));
        put(u32::try_from(shape).unwrap_or(0));
        put(self.path);
        put(self.visitor);
        let marks = if has_campaign { 0 } else { 2 };
        self.traits[..self.traits.len() - marks].iter().for_each(|word| put(*word));
        if self.flags.has(Flags::CUSTOM) {
            put(self.name);
            put(self.detail);
            return;
        }
        put(u32::from(self.scroll));
        put(self.own_ms);
        if self.repeats_ms > 0 {
            put(self.repeats_ms);
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        Self::read(&mut varint::decode(bytes))
    }

    /// Reads what [`write`](Self::write) wrote.
    fn read(numbers: &mut varint::Numbers<'_>) -> Self {
        Head::read(numbers).row(numbers)
    }

    /// What it begins with.
    pub(super) const fn head(&self) -> Head {
        let Self { flags, path, visitor, .. } = *self;
        Head { flags, path, visitor, traits: self.traits.len(), has_repeats: self.repeats_ms > 0 }
    }

    /// Whether it is a view of a page.
    pub(super) const fn is_page_view(&self) -> bool {
        !self.flags.has(Flags::CUSTOM) && !self.flags.has(Flags::MISSING)
    }

    /// Milliseconds that it was engaged in all.
    pub(super) fn engaged_ms(&self) -> u64 {
        u64::from(self.own_ms) + u64::from(self.repeats_ms)
    }

    /// What it adds to each of its cells.
    pub(super) fn rollup(&self) -> Rollup {
        Rollup {
            views: 1,
            visits: self.flags.count(Flags::ENTRY),
            exits: self.flags.count(Flags::EXIT),
            bounces: self.flags.count(Flags::BOUNCE),
            engaged_ms: self.engaged_ms(),
            reads: self.flags.count(Flags::READ),
            scrolled: u64::from(self.scroll),
        }
    }

    /// The values that it counts towards, each in its dimension.
    pub(super) fn values(&self) -> impl Iterator<Item = (Dimension, u32)> {
        let kind = if self.flags.has(Flags::CUSTOM) {
            [(Dimension::Event, self.name), (self.about(), self.detail)]
        } else if self.flags.has(Flags::MISSING) {
            [(Dimension::NotFound, 0), (Dimension::NotFound, self.path)]
        } else {
            [(Dimension::Site, 0), (Dimension::Path, self.path)]
        };
        let shows_traits = self.is_page_view();
        let traits = Dimension::TRAITS.into_iter().zip(self.traits);
        let traits = traits.filter(move |(_, word)| shows_traits && *word != 0);
        let is_whole = |(dimension, word): &(Dimension, u32)| {
            *word != 0 || matches!(dimension, Dimension::Site | Dimension::NotFound)
        };
        let [whole, part] = kind;
        let part = (part.1 != 0).then_some(part);
        Some(whole).filter(is_whole).into_iter().chain(part).chain(traits)
    }

    /// The dimension of the detail of a custom event.
    const fn about(&self) -> Dimension {
        if self.flags.has(Flags::DOWNLOAD) { Dimension::Download } else { Dimension::Outbound }
    }
}

/// What a row begins with. Much that is read is about other pages or visitors, and the rest of it need not be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) flags: Flags,
    pub(super) path: u32,
    pub(super) visitor: u32,
    /// How many traits follow.
    traits: usize,
    has_repeats: bool,
}

impl Head {
    /// Reads the beginning of a row.
    pub(super) fn read(numbers: &mut varint::Numbers<'_>) -> Self {
        let shape = numbers.small();
        let [low, high, ..] = (shape & u32::from(COMMON) | shape >> 2 & 0xc0).to_le_bytes();
        let marks = if u64::from(shape) & HAS_CAMPAIGN == 0 { 2 } else { 0 };
        Self {
            flags: Flags(low | high),
            path: numbers.small(),
            visitor: numbers.small(),
            traits: Dimension::TRAITS.len() - marks,
            has_repeats: u64::from(shape) & HAS_REPEATS != 0,
        }
    }

    /// Reads what follows.
    pub(super) fn row(self, numbers: &mut varint::Numbers<'_>) -> Row {
        let Self { flags, path, visitor, .. } = self;
        let mut row = Row { path, visitor, flags, ..Row::default() };
        row.traits[..self.traits].iter_mut().for_each(|word| *word = numbers.small());
        if flags.has(Flags::CUSTOM) {
            row.name = numbers.small();
            row.detail = numbers.small();
            return row;
        }
        row.scroll = u8::try_from(numbers.small()).unwrap_or(100);
        row.own_ms = numbers.small();
        if self.has_repeats {
            row.repeats_ms = numbers.small();
        }
        row
    }

    /// Passes over what follows.
    pub(super) fn skip(self, numbers: &mut varint::Numbers<'_>) {
        let has_repeats = self.has_repeats && !self.flags.has(Flags::CUSTOM);
        numbers.skip(self.traits + 2 + usize::from(has_repeats));
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

    proptest! {
        #[test]
        fn a_row_that_is_passed_over_ends_where_it_ends(
            parts in any::<([u32; 4], [u32; 7], u8, u8)>()
        ) {
            let ([path, visitor, own_ms, repeats_ms], traits, flags, scroll) = parts;
            let row = Row { path, visitor, own_ms, repeats_ms, traits, scroll, flags: Flags(flags), ..Row::default() };
            let mut bytes = row.encode();
            bytes.push(42);
            let mut numbers = varint::decode(&bytes);
            Head::read(&mut numbers).skip(&mut numbers);
            prop_assert_eq!(numbers.rest(), &[42]);
        }
    }

    #[test]
    fn a_row_counts_towards_what_is_known_of_it() {
        use Dimension::{Event, NotFound, Outbound, Path, Referrer, Site};
        let mut row = Row { path: 7, visitor: 1, ..Row::default() };
        row.traits[0] = 9;
        let values = |row: Row| row.values().collect::<Vec<_>>();
        assert_eq!(values(row), [(Site, 0), (Path, 7), (Referrer, 9)]);
        let missing = Row { flags: Flags::MISSING, ..row };
        assert_eq!(values(missing), [(NotFound, 0), (NotFound, 7)]);
        assert_eq!(values(Row { path: 0, ..missing }), [(NotFound, 0)]);
        let custom = Row { flags: Flags::CUSTOM, name: 3, ..row };
        assert_eq!(values(custom), [(Event, 3)]);
        let outbound =
            Row { flags: Flags::CUSTOM.with(Flags::OUTBOUND), name: 4, detail: 5, ..row };
        assert_eq!(values(outbound), [(Event, 4), (Outbound, 5)]);
    }

    fn rows() -> impl Strategy<Value = Row> {
        let numbers = (any::<u32>(), any::<u32>(), any::<u8>(), any::<[u32; 2]>(), any::<u8>());
        (numbers, any::<[u32; Dimension::TRAITS.len()]>(), any::<bool>()).prop_map(
            |((path, visitor, scroll, [one, two], flags), mut traits, has_campaign)| {
                if !has_campaign {
                    traits[5..].fill(0);
                }
                let row = Row { path, visitor, traits, flags: Flags(flags), ..Row::default() };
                if row.flags.has(Flags::CUSTOM) {
                    Row { name: one, detail: two, ..row }
                } else {
                    Row { scroll, own_ms: one, repeats_ms: two, ..row }
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_it_was_written(row in rows()) {
            prop_assert_eq!(Row::decode(&row.encode()), row);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            Row::decode(&bytes);
        }
    }
}
