//! Rows that do not change any more, many in one value: a third of the bytes, and quick to read.

use redb::ReadableTable as _;

use super::rows::RowSink;
use super::tables::Tables;
use crate::analytics::policy;
use crate::analytics::row::{Head, Row, RowKey};
use crate::analytics::varint;

/// A block is written once it has so many bytes: as many as redb puts into one page of 16 KiB.
const BLOCK_BYTES: usize = 16_000;

/// The longest row, in bytes.
const ROW_BYTES: usize = 80;

/// Moves rows of days up to `last` (in UTC) from their table into blocks, the oldest first and not too many at
/// once; says how many. A block has rows of one day, so that days can be read and dropped by themselves.
pub(super) fn pack(tables: &mut Tables<'_>, last: i64) -> anyhow::Result<usize> {
    let bounds = (RowKey::ALL.start().to_bytes(), RowKey::last_of_day(last).to_bytes());
    let mut rows = Vec::new();
    let oldest = tables.events.range::<&[u8; 8]>(&bounds.0..=&bounds.1)?;
    for entry in oldest.take(policy::ROWS_A_SWEEP) {
        let (key, value) = entry?;
        rows.push((RowKey::from_bytes(*key.value()), Row::decode(value.value())));
    }
    let mut block = Block::default();
    for (key, row) in &rows {
        if !block.takes(*key) {
            std::mem::take(&mut block).write(tables)?;
        }
        block.add(*key, row);
        tables.events.remove(&key.to_bytes())?;
    }
    block.write(tables)?;
    Ok(rows.len())
}

/// A block being filled.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    last: Option<RowKey>,
    /// The highest number of a visitor: most rows are of the next one, or of one a little lower.
    newest: u32,
}

impl Block {
    fn takes(&self, key: RowKey) -> bool {
        let is_same_day = self.last.is_none_or(|last| last.day() == key.day());
        is_same_day && self.bytes.len() + ROW_BYTES <= BLOCK_BYTES
    }

    fn add(&mut self, key: RowKey, row: &Row) {
        let before = self.last.map_or(0, RowKey::millis);
        varint::push(&mut self.bytes, key.millis() - before);
        let visitor = varint::zigzag(self.newest.wrapping_add(1).wrapping_sub(row.visitor));
        Row { visitor, ..*row }.write(&mut self.bytes);
        self.newest = self.newest.max(row.visitor);
        self.last = Some(key);
    }

    fn write(self, tables: &mut Tables<'_>) -> anyhow::Result<()> {
        let Some(mut key) = self.last else { return Ok(()) };
        // A row that was counted late, after the clock was set back, may end a block with a key of before.
        while tables.blocks.get(&key.to_bytes())?.is_some() {
            key = key.next();
        }
        tables.blocks.insert(&key.to_bytes(), self.bytes.as_slice())?;
        Ok(())
    }
}

/// Shows `sink` the rows of a block that it wants; of their keys only the times are known.
pub(super) fn unpack(bytes: &[u8], sink: &mut impl RowSink) {
    let (mut numbers, mut millis, mut newest) = (varint::decode(bytes), 0_u64, 0_u32);
    while !numbers.is_empty() {
        millis = millis.saturating_add(numbers.large());
        let mut head = Head::read(&mut numbers);
        head.visitor = newest.wrapping_add(1).wrapping_sub(varint::unzigzag(head.visitor));
        newest = newest.max(head.visitor);
        let key = RowKey::at_millis(millis);
        if sink.wants(key, &head) {
            sink.take(key, &head.row(&mut numbers));
        } else {
            head.skip(&mut numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_from_a_block_as_they_were_added() {
        let rows: Vec<(RowKey, Row)> = (0..500_u32)
            .map(|number| {
                let row = Row {
                    path: number % 7,
                    visitor: number,
                    own_ms: number * 100,
                    ..Row::default()
                };
                (RowKey::at_millis(1_795_507_200_000 + u64::from(number) * 977), row)
            })
            .collect();
        let mut block = Block::default();
        for (key, row) in &rows {
            assert!(block.takes(*key));
            block.add(*key, row);
        }
        assert!(block.bytes.len() < rows.len() * 20, "{}", block.bytes.len());
        let mut read = Vec::new();
        unpack(&block.bytes, &mut |key: RowKey, row: &Row| read.push((key, *row)));
        assert_eq!(read, rows);
        assert!(!block.takes(RowKey::at_millis(1_795_507_200_000 + 86_400_000)), "another day");
    }

    #[test]
    fn the_longest_row_is_not_longer_than_is_thought() {
        let row = Row {
            path: u32::MAX,
            visitor: u32::MAX,
            traits: [u32::MAX; 7],
            scroll: u8::MAX,
            own_ms: u32::MAX,
            repeats_ms: u32::MAX,
            ..Row::default()
        };
        assert!(row.encode().len() + 8 <= ROW_BYTES);
    }
}
