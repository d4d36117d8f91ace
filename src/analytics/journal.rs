//! Entries that wait to be merged into tables whose keys come in no order.
//!
//! An entry of such a table costs a page of 4 KiB, which is copied and written again for it, so those of a batch are
//! written together, as one row of a journal, and thousands are merged at once. Until then they are known from here.

use std::collections::HashMap;

use super::policy;
use super::row::varint;

/// The table that an entry is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Shelf {
    /// Ids of viewings and of events.
    Views = 0,
    Visitors = 1,
    /// The last counted view of a page and a visitor.
    Counted = 2,
    Visits = 3,
}

impl Shelf {
    /// The code on disk; never changes.
    const fn code(self) -> u8 {
        self as u8
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::Views, Self::Visitors, Self::Counted, Self::Visits].get(usize::from(code)).copied()
    }
}

/// A table and a key in it, as a number that sorts as the key does.
pub(super) type Place = (Shelf, u64);

/// What is not merged yet.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: HashMap<Place, Box<[u8]>>,
    /// What no row has yet; may name a place twice.
    fresh: Vec<Place>,
    /// The number of the next row.
    next: u64,
}

impl Journal {
    /// The value at `place`, if it waits here.
    pub(super) fn value(&self, place: Place) -> Option<&[u8]> {
        self.entries.get(&place).map(AsRef::as_ref)
    }

    /// Notes a value.
    pub(super) fn put(&mut self, place: Place, value: impl Into<Box<[u8]>>) {
        self.entries.insert(place, value.into());
        self.fresh.push(place);
    }

    /// What was noted since the last call, as a row with its number; none if that is nothing.
    pub(super) fn take_row(&mut self) -> Option<(u64, Vec<u8>)> {
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_unstable();
        fresh.dedup();
        let mut row = Vec::with_capacity(fresh.len() * 32);
        for place in &fresh {
            let Some(value) = self.entries.get(place) else { continue };
            row.push(place.0.code());
            row.extend(place.1.to_be_bytes());
            varint::push(&mut row, value.len() as u64);
            row.extend_from_slice(value);
        }
        let number = self.next;
        self.next += u64::from(!row.is_empty());
        (!row.is_empty()).then_some((number, row))
    }

    /// Takes in a row that was written before, after all that were written earlier.
    pub(super) fn read(&mut self, number: u64, mut row: &[u8]) {
        while let Some(([code, key @ ..], rest)) = row.split_first_chunk::<9>() {
            let mut numbers = varint::decode(rest);
            let length = usize::try_from(numbers.large()).unwrap_or(usize::MAX);
            let Some((value, rest)) = numbers.rest().split_at_checked(length) else { break };
            if let Some(shelf) = Shelf::from_code(*code) {
                self.entries.insert((shelf, u64::from_be_bytes(*key)), value.into());
            }
            row = rest;
        }
        self.next = number.saturating_add(1);
    }

    /// All that waits, in order.
    pub(super) fn sorted(&self) -> Vec<(Place, &[u8])> {
        let mut entries: Vec<(Place, &[u8])> =
            self.entries.iter().map(|(place, value)| (*place, value.as_ref())).collect();
        entries.sort_unstable_by_key(|(place, _)| *place);
        entries
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether so much waits that it is to be merged.
    pub(super) fn is_due(&self) -> bool {
        self.entries.len() >= policy::JOURNAL
    }

    /// Forgets what was merged, which must be all.
    pub(super) fn clear(&mut self) {
        // Not kept for the next entries: after a crowd there may be few for long.
        *self = Self { next: self.next, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_noted_is_read_from_its_rows_and_the_last_value_is_true() {
        let mut journal = Journal::default();
        assert_eq!(journal.take_row(), None);
        journal.put((Shelf::Visits, 7), *b"first");
        journal.put((Shelf::Views, u64::MAX), *b"");
        journal.put((Shelf::Visits, 7), *b"second");
        let one = journal.take_row().unwrap();
        journal.put((Shelf::Visits, 7), *b"third");
        let two = journal.take_row().unwrap();
        assert_eq!((one.0, two.0, journal.take_row()), (0, 1, None));
        let mut read = Journal::default();
        read.read(one.0, &one.1);
        assert_eq!(read.value((Shelf::Visits, 7)), Some(&b"second"[..]));
        read.read(two.0, &two.1);
        assert_eq!(read.sorted(), journal.sorted());
        assert_eq!(
            read.sorted(),
            [((Shelf::Views, u64::MAX), &b""[..]), ((Shelf::Visits, 7), b"third")]
        );
        read.put((Shelf::Counted, 1), *b"x");
        assert_eq!(read.take_row().unwrap().0, 2);
        read.clear();
        assert!(read.is_empty() && read.value((Shelf::Visits, 7)).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            Journal::default().read(0, &bytes);
        }
    }
}
