//! The counted views of a span of time, in their order.

use std::ops::RangeInclusive;

use super::Store;
use super::tables::EVENTS;
use crate::analytics::row::{Row, RowKey};
use crate::clock::Timestamp;

/// How many rows are read in one transaction. A long one would keep the pages that are freed meanwhile.
const ROWS: usize = 10_000;

impl Store {
    /// Shows `visit` each view that was counted from the first of `times` to the last, both included.
    ///
    /// Reads in as many short transactions as it takes. That is exact nevertheless: which page and which
    /// visitor a row is about never changes, and views that are counted meanwhile come later in time.
    pub(in crate::analytics) fn each_row(
        &self,
        times: RangeInclusive<Timestamp>,
        mut visit: impl FnMut(RowKey, &Row),
    ) -> anyhow::Result<()> {
        let last = RowKey::last_at(*times.end());
        let mut next = Some(RowKey::first_at(*times.start()));
        while let Some(from) = next.filter(|from| *from <= last) {
            let rows = self.rows(from, last)?;
            next = rows.last().map(|(key, _)| key.next());
            for (key, row) in rows {
                visit(key, &row);
            }
        }
        Ok(())
    }

    /// Some rows from `from` on up to `last`; none when there are no more.
    fn rows(&self, from: RowKey, last: RowKey) -> anyhow::Result<Vec<(RowKey, Row)>> {
        let bounds = (from.to_bytes(), last.to_bytes());
        self.read(|transaction| {
            let events = transaction.open_table(EVENTS)?;
            let mut rows = Vec::new();
            for entry in events.range::<&[u8; 8]>(&bounds.0..=&bounds.1)?.take(ROWS) {
                let (key, value) = entry?;
                rows.push((RowKey::from_bytes(*key.value()), Row::decode(value.value())));
            }
            Ok(rows)
        })
    }
}
