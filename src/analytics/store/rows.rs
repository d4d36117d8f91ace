//! The rows of a span of time: counted views and custom events.

use std::ops::RangeInclusive;

use redb::ReadableTable;

use super::Store;
use super::tables::{Bytes, EVENTS, Fixed};
use crate::analytics::row::{Row, RowKey};
use crate::clock::Timestamp;

/// How many rows are read in one transaction. A long one would keep the pages that are freed meanwhile.
const ROWS: usize = 50_000;

impl Store {
    /// Shows `visit` each row from the first of `times` to the last, both included.
    ///
    /// Reads in as many short transactions as it takes. That is exact nevertheless: which page and which
    /// visitor a row is about never changes, and what is counted meanwhile comes later in time.
    pub(in crate::analytics) fn each_row(
        &self,
        times: RangeInclusive<Timestamp>,
        mut visit: impl FnMut(RowKey, &Row),
    ) -> anyhow::Result<()> {
        let last = RowKey::last_at(*times.end());
        let mut next = Some(RowKey::first_at(*times.start()));
        while let Some(from) = next.filter(|from| *from <= last) {
            next = self.read(|transaction| {
                let events = transaction.open_table(EVENTS)?;
                some_rows(&events, from..=last, &mut visit)
            })?;
        }
        Ok(())
    }
}

/// Shows `visit` each row of `keys`.
pub(super) fn all_rows(
    events: &impl ReadableTable<Fixed<8>, Bytes>,
    keys: RangeInclusive<RowKey>,
    mut visit: impl FnMut(RowKey, &Row),
) -> anyhow::Result<()> {
    let mut next = Some(*keys.start());
    while let Some(from) = next {
        next = some_rows(events, from..=*keys.end(), &mut visit)?;
    }
    Ok(())
}

/// Shows `visit` some rows of `keys`, and says where to go on.
fn some_rows(
    events: &impl ReadableTable<Fixed<8>, Bytes>,
    keys: RangeInclusive<RowKey>,
    visit: &mut impl FnMut(RowKey, &Row),
) -> anyhow::Result<Option<RowKey>> {
    let bounds = (keys.start().to_bytes(), keys.end().to_bytes());
    let mut last = None;
    for (place, entry) in events.range::<&[u8; 8]>(&bounds.0..=&bounds.1)?.enumerate() {
        if place == ROWS {
            return Ok(last.map(RowKey::next));
        }
        let (key, value) = entry?;
        let key = RowKey::from_bytes(*key.value());
        visit(key, &Row::decode(value.value()));
        last = Some(key);
    }
    Ok(None)
}
