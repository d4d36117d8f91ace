//! Entries that wait to be merged into tables whose keys come in no order.
//!
//! An entry of such a table costs a page of 4 KiB, which is copied and written again for it, so those of a batch are
//! written together, as one row of a journal. When there are thousands they are merged in the order of their keys, a part
//! with each batch, so that nobody waits for long. Until then they are known from here.

use std::ops::Range;

use super::policy;
use super::varint;
use crate::fingerprint::FastMap;

/// The table that an entry is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Shelf {
    /// Ids of viewings and of events.
    Views = 0,
    Visitors = 1,
    /// The last counted view of a page and a visitor, unless it was the last of the visit.
    Counted = 2,
    Visits = 3,
}

impl Shelf {
    /// The code on disk; never changes.
    const fn code(self) -> u8 {
        self as u8
    }

    const ALL: [Self; 4] = [Self::Views, Self::Visitors, Self::Counted, Self::Visits];

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// How many bytes of values there are at most for each entry: twice as many as most have.
const ENTRY_BYTES: usize = 32;

/// A table and a key in it, as a number that sorts as the key does.
pub(super) type Place = (Shelf, u64);

/// What is not merged yet.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: Entries,
    /// Older entries, which are being merged.
    sealed: Option<Sealed>,
    /// What no row has yet; may name a place twice.
    fresh: Vec<Place>,
    /// The number of the next row.
    next: u64,
}

/// Values by place, in little memory, for there may be hundreds of thousands.
#[derive(Debug, Default)]
struct Entries {
    /// By the code of a table. The hasher's seed is of this process alone, for browsers choose the ids.
    spans: [FastMap<u64, Span>; Shelf::ALL.len()],
    /// The values one after the other, and what is left of those that have become longer or shorter.
    bytes: Vec<u8>,
}

/// Where a value is.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    const fn range(self) -> Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

impl Entries {
    fn len(&self) -> usize {
        self.spans.iter().map(FastMap::len).sum()
    }

    fn get(&self, place: Place) -> Option<&[u8]> {
        let span = self.spans[place.0 as usize].get(&place.1)?;
        self.bytes.get(span.range())
    }

    fn put(&mut self, place: Place, value: &[u8]) {
        let of_table = &mut self.spans[place.0 as usize];
        let known = of_table.get(&place.1).filter(|span| span.len as usize == value.len());
        if let Some(span) = known {
            self.bytes[span.range()].copy_from_slice(value);
            return;
        }
        let number =
            |len: usize| u32::try_from(len).expect("a journal is sealed long before 4 GiB");
        let span = Span { start: number(self.bytes.len()), len: number(value.len()) };
        self.bytes.extend_from_slice(value);
        of_table.insert(place.1, span);
    }

    fn spans(&self) -> impl Iterator<Item = (Place, Span)> {
        let of = |shelf: Shelf| {
            let spans = self.spans[shelf as usize].iter();
            spans.map(move |(key, span)| ((shelf, *key), *span))
        };
        Shelf::ALL.into_iter().flat_map(of)
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        self.spans().map(|(place, _)| place)
    }
}

/// Entries to which none is added any more, in little more memory than they have bytes.
#[derive(Debug)]
struct Sealed {
    /// In order.
    spans: Box<[(Place, Span)]>,
    bytes: Box<[u8]>,
    /// How many of them are merged.
    merged: usize,
    /// The number of the first row that has none of them.
    end: u64,
}

impl Sealed {
    fn new(entries: Entries, end: u64) -> Self {
        let mut spans: Box<[(Place, Span)]> = entries.spans().collect();
        spans.sort_unstable_by_key(|(place, _)| *place);
        Self { spans, bytes: entries.bytes.into(), merged: 0, end }
    }

    fn get(&self, place: Place) -> Option<&[u8]> {
        let at = self.spans.binary_search_by_key(&place, |(of, _)| *of).ok()?;
        self.bytes.get(self.spans[at].1.range())
    }

    /// The next `most` that are not merged yet.
    fn next(&self, most: usize) -> &[(Place, Span)] {
        let rest = &self.spans[self.merged..];
        &rest[..most.min(rest.len())]
    }
}

/// Some of what waits, to be merged next.
#[derive(Debug)]
pub(super) struct Part<'j> {
    /// In order.
    pub(super) entries: Vec<(Place, &'j [u8])>,
    /// If these are the last: up to which row, not included, the journal is merged.
    pub(super) end: Option<u64>,
}

impl Journal {
    /// The value at `place`, if it waits here.
    pub(super) fn value(&self, place: Place) -> Option<&[u8]> {
        self.entries.get(place).or_else(|| self.sealed.as_ref()?.get(place))
    }

    /// Notes a value.
    pub(super) fn put(&mut self, place: Place, value: &[u8]) {
        self.entries.put(place, value);
        self.fresh.push(place);
    }

    /// What was noted since the last call, as a row with its number; none if that is nothing.
    pub(super) fn take_row(&mut self) -> Option<(u64, Vec<u8>)> {
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_unstable();
        fresh.dedup();
        let mut row = Vec::with_capacity(fresh.len() * 32);
        for place in &fresh {
            let Some(value) = self.entries.get(*place) else { continue };
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
                self.entries.put((shelf, u64::from_be_bytes(*key)), value);
            }
            row = rest;
        }
        self.next = number.saturating_add(1);
    }

    /// The values of a table that wait, each once.
    pub(super) fn values_of(&self, table: Shelf) -> impl Iterator<Item = &[u8]> {
        let of_table = move |place: &Place| place.0 == table;
        let is_old = |place: &Place| self.entries.get(*place).is_none();
        let sealed = self.sealed.iter().flat_map(move |sealed| {
            let old =
                sealed.spans.iter().filter(move |(place, _)| of_table(place) && is_old(place));
            old.filter_map(|(_, span)| sealed.bytes.get(span.range()))
        });
        let latest = self.entries.places().filter(of_table);
        latest.filter_map(|place| self.entries.get(place)).chain(sealed)
    }

    /// Where something waits; may name a place twice.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        let sealed =
            self.sealed.iter().flat_map(|sealed| sealed.spans.iter().map(|(place, _)| *place));
        self.entries.places().chain(sealed)
    }

    /// Whether some of what waited is merged, and the rest is to be.
    pub(super) fn is_half_merged(&self) -> bool {
        self.sealed.is_some()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.len() == 0 && self.sealed.is_none()
    }

    /// How much is merged with a batch that noted so much: nothing until there is much, and then twice that, so that it
    /// is done before there is as much again.
    pub(super) fn due(&self) -> usize {
        let is_long = self.entries.len() >= policy::JOURNAL
            || self.entries.bytes.len() >= policy::JOURNAL * ENTRY_BYTES;
        let is_due = self.sealed.is_some() || is_long;
        if is_due { self.fresh.len() * 2 } else { 0 }
    }

    /// The next `most` entries to be merged, all of which are in rows; none if nothing waits.
    pub(super) fn part(&mut self, most: usize) -> Option<Part<'_>> {
        if self.sealed.is_none() && self.entries.len() > 0 {
            self.sealed = Some(Sealed::new(std::mem::take(&mut self.entries), self.next));
        }
        let sealed = self.sealed.as_ref()?;
        let next = sealed.next(most);
        let of = |(place, span): &(Place, Span)| Some((*place, sealed.bytes.get(span.range())?));
        let is_last = sealed.merged + next.len() == sealed.spans.len();
        Some(Part {
            entries: next.iter().filter_map(of).collect(),
            end: is_last.then_some(sealed.end),
        })
    }

    /// Notes that the last part of so many was merged.
    pub(super) fn merged(&mut self, most: usize) {
        let Some(sealed) = &mut self.sealed else { return };
        sealed.merged += sealed.next(most).len();
        if sealed.merged == sealed.spans.len() {
            self.sealed = None;
        }
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
        journal.put((Shelf::Visits, 7), b"first");
        journal.put((Shelf::Views, u64::MAX), b"");
        journal.put((Shelf::Visits, 7), b"second");
        let one = journal.take_row().unwrap();
        journal.put((Shelf::Visits, 7), b"third");
        let two = journal.take_row().unwrap();
        assert_eq!((one.0, two.0, journal.take_row()), (0, 1, None));
        let mut read = Journal::default();
        read.read(one.0, &one.1);
        assert_eq!(read.value((Shelf::Visits, 7)), Some(&b"second"[..]));
        read.read(two.0, &two.1);
        assert_eq!(read.value((Shelf::Visits, 7)), Some(&b"third"[..]));
        assert_eq!(read.value((Shelf::Views, u64::MAX)), Some(&b""[..]));
        read.put((Shelf::Counted, 1), b"x");
        assert_eq!(read.take_row().unwrap().0, 2);
    }

    #[test]
    fn what_waits_is_merged_in_order_while_more_is_noted() {
        let mut journal = Journal::default();
        assert!(journal.part(9).is_none() && journal.is_empty());
        for (shelf, key) in [(Shelf::Visits, 1), (Shelf::Views, 5), (Shelf::Views, 2)] {
            journal.put((shelf, key), b"old");
        }
        journal.take_row();
        assert_eq!(journal.due(), 0, "three are not many");
        let part = journal.part(2).unwrap();
        let old = &b"old"[..];
        assert_eq!(part.entries, [((Shelf::Views, 2), old), ((Shelf::Views, 5), old)]);
        assert_eq!(part.end, None);
        journal.merged(2);
        journal.put((Shelf::Visits, 1), b"new");
        assert_eq!(journal.due(), 2);
        assert_eq!(journal.value((Shelf::Visits, 1)), Some(&b"new"[..]));
        assert_eq!(journal.value((Shelf::Views, 2)), Some(old), "merged, and not yet forgotten");
        assert_eq!(journal.values_of(Shelf::Visits).collect::<Vec<_>>(), [b"new"]);
        journal.take_row();
        let part = journal.part(2).unwrap();
        assert_eq!((part.entries, part.end), (vec![((Shelf::Visits, 1), old)], Some(1)));
        journal.merged(2);
        let part = journal.part(2).unwrap();
        assert_eq!((part.entries, part.end), (vec![((Shelf::Visits, 1), &b"new"[..])], Some(2)));
        journal.merged(2);
        assert!(journal.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            Journal::default().read(0, &bytes);
        }
    }
}
