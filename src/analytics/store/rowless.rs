//! Sums of what was counted without a row, so that all sums can be computed anew.

use redb::ReadableTable;

use super::tables::{Bytes, Fixed, Tables};
use crate::analytics::calendar::{Calendar, hour_start, quarter};
use crate::analytics::ledger::Ledger;
use crate::analytics::rollup::Dimension;
use crate::analytics::varint;
use crate::clock::Timestamp;

/// A quarter of an hour since 1970, a dimension, and the number of a value.
type Sum = [u8; 9];

/// What is counted without a row in one transaction. Quarters of an hour fit into the hours and days of any zone.
#[derive(Debug, Default)]
pub(super) struct Rowless(std::collections::BTreeMap<Sum, u64>);

impl Rowless {
    /// Counts a value once more.
    pub(super) fn add(&mut self, time: Timestamp, dimension: Dimension, word: u32) {
        *self.0.entry(key(quarter(time), dimension.code(), word)).or_default() += 1;
    }

    /// Writes the sums.
    pub(super) fn write(&self, tables: &mut Tables<'_>) -> anyhow::Result<()> {
        for (key, views) in &self.0 {
            let before = tables.rowless.get(key)?;
            let before = before.map_or(0, |views| varint::decode(views.value()).large());
            let sum = varint::encode([before.saturating_add(*views)]);
            tables.rowless.insert(key, sum.as_slice())?;
        }
        Ok(())
    }
}

/// Adds all sums of `table` to `ledger`.
pub(super) fn add_all(
    table: &impl ReadableTable<Fixed<9>, Bytes>,
    calendar: &Calendar,
    ledger: &mut Ledger,
) -> anyhow::Result<()> {
    add_since(table, Timestamp::default(), calendar, ledger)
}

/// Adds the sums of `table` from `since` on to `ledger`.
pub(super) fn add_since(
    table: &impl ReadableTable<Fixed<9>, Bytes>,
    since: Timestamp,
    calendar: &Calendar,
    ledger: &mut Ledger,
) -> anyhow::Result<()> {
    for entry in table.range::<&Sum>(&key(quarter(since), 0, 0)..)? {
        let (key, views) = entry?;
        let [a, b, c, d, code, word @ ..] = *key.value();
        let Some(dimension) = Dimension::from_code(code) else { continue };
        let time = hour_start(u32::from_be_bytes([a, b, c, d]));
        let views = varint::decode(views.value()).large();
        ledger.add_rowless(calendar, (time, dimension, u32::from_be_bytes(word)), views);
    }
    Ok(())
}

/// Deletes the sums from before `time`.
pub(super) fn drop_before(tables: &mut Tables<'_>, time: Timestamp) -> anyhow::Result<()> {
    let end = key(quarter(time), 0, 0);
    tables.rowless.retain_in::<&Sum, _>(..&end, |_, _| false)?;
    Ok(())
}

fn key(quarter: u32, code: u8, word: u32) -> Sum {
    let mut key = [0; 9];
    key[..4].copy_from_slice(&quarter.to_be_bytes());
    key[4] = code;
    key[5..].copy_from_slice(&word.to_be_bytes());
    key
}
