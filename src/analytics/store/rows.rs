//! The rows of a span of time: counted views and custom events, packed or not.

use std::ops::RangeInclusive;

use redb::ReadableTable;

use super::Store;
use super::blocks;
use super::tables::{BLOCKS, Bytes, EVENTS, Fixed};
use crate::analytics::row::{Head, Row, RowKey};
use crate::clock::Timestamp;

/// How many rows are read in one transaction. A long one would keep the pages that are freed meanwhile.
const ROWS: usize = 200_000;

/// What takes rows in.
pub(in crate::analytics) trait RowSink {
    /// Whether a row that begins like this matters; others are passed over, which is quicker.
    fn wants(&mut self, _key: RowKey, _head: &Head) -> bool {
        true
    }

    /// Takes a row in.
    fn take(&mut self, key: RowKey, row: &Row);
}

impl<F: FnMut(RowKey, &Row)> RowSink for F {
    fn take(&mut self, key: RowKey, row: &Row) {
        self(key, row);
    }
}

/// What takes in rows of some times alone.
struct Within<'r, R> {
    times: RangeInclusive<Timestamp>,
    sink: &'r mut R,
    /// How many rows there were, of any time.
    count: usize,
}

impl<R: RowSink> RowSink for Within<'_, R> {
    fn wants(&mut self, key: RowKey, head: &Head) -> bool {
        self.count += 1;
        self.times.contains(&key.time()) && self.sink.wants(key, head)
    }

    fn take(&mut self, key: RowKey, row: &Row) {
        self.sink.take(key, row);
    }
}

impl Store {
    /// Shows `sink` each row that it wants from the first of `times` to the last, both included, day by day.
    ///
    /// Reads in as many short transactions as it takes. That is exact nevertheless: a day is read in one of
    /// them, rows are packed within their day, and what is counted meanwhile comes later in time.
    pub(in crate::analytics) fn each_row(
        &self,
        times: RangeInclusive<Timestamp>,
        sink: &mut impl RowSink,
    ) -> anyhow::Result<()> {
        let last = RowKey::last_at(*times.end());
        let mut next = Some(RowKey::first_at(*times.start()));
        while let Some(from) = next.filter(|from| *from <= last) {
            next = self.read(|transaction| {
                let events = transaction.open_table(EVENTS)?;
                let blocks = transaction.open_table(BLOCKS)?;
                Rows { events: &events, blocks: &blocks }.some(from..=last, sink)
            })?;
        }
        Ok(())
    }
}

/// The tables that have rows, in one transaction.
pub(super) struct Rows<'t, T> {
    pub(super) events: &'t T,
    pub(super) blocks: &'t T,
}

impl<T: ReadableTable<Fixed<8>, Bytes>> Rows<'_, T> {
    /// Shows `sink` each row that it wants.
    pub(super) fn all(&self, sink: &mut impl RowSink) -> anyhow::Result<()> {
        let mut next = Some(*RowKey::ALL.start());
        while let Some(from) = next {
            next = self.some(from..=*RowKey::ALL.end(), sink)?;
        }
        Ok(())
    }

    /// Shows `sink` the rows of some days of `keys`, and says where to go on.
    fn some(
        &self,
        keys: RangeInclusive<RowKey>,
        sink: &mut impl RowSink,
    ) -> anyhow::Result<Option<RowKey>> {
        let (mut from, end) = (*keys.start(), *keys.end());
        let mut count = 0;
        while let Some(day) = self.next_day(from)?.filter(|day| *day <= end.day()) {
            let until = RowKey::last_of_day(day);
            count += self.of_day(from.max(RowKey::first_of_day(day))..=until, end, sink)?;
            if until == *RowKey::ALL.end() {
                break;
            }
            from = RowKey::first_of_day(day + 1);
            if count > ROWS {
                return Ok(Some(from));
            }
        }
        Ok(None)
    }

    /// The first day that has rows from `from` on.
    fn next_day(&self, from: RowKey) -> anyhow::Result<Option<i64>> {
        let from = from.to_bytes();
        let first = |table: &T| -> anyhow::Result<Option<i64>> {
            let entry = table.range::<&[u8; 8]>(&from..)?.next().transpose()?;
            Ok(entry.map(|(key, _)| RowKey::from_bytes(*key.value()).day()))
        };
        Ok([first(self.events)?, first(self.blocks)?].into_iter().flatten().min())
    }

    /// Shows `sink` the rows of `keys`, which are of one day, up to `end`, and says how many were read.
    fn of_day(
        &self,
        keys: RangeInclusive<RowKey>,
        end: RowKey,
        sink: &mut impl RowSink,
    ) -> anyhow::Result<usize> {
        let (start, until) = (*keys.start(), *keys.end());
        let (from, to) = (start.to_bytes(), until.to_bytes());
        let (first, last) = (start.time(), end.min(until).time());
        let mut within = Within { times: first..=last, sink, count: 0 };
        for entry in self.blocks.range::<&[u8; 8]>(&from..=&to)? {
            blocks::unpack(entry?.1.value(), &mut within);
        }
        let mut count = within.count;
        let to = end.min(until).to_bytes();
        if from > to {
            return Ok(count);
        }
        for entry in self.events.range::<&[u8; 8]>(&from..=&to)? {
            let (key, value) = entry?;
            count += 1;
            let (key, row) = (RowKey::from_bytes(*key.value()), Row::decode(value.value()));
            if sink.wants(key, &row.head()) {
                sink.take(key, &row);
            }
        }
        Ok(count)
    }
}
