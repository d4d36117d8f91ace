//! How much room each table takes.

use redb::{
    Key, ReadTransaction, ReadableTableMetadata as _, TableDefinition, TableHandle as _, Value,
};

use super::Store;
use super::tables::{
    BLOCKS, CELLS, COUNTED, EVENTS, HOURS, JOURNAL, META, NAMES, NOT_FOUND, PRESENCE, ROWLESS,
    SERVED, TOTALS, VIEWS, VISITORS, VISITS, WORDS,
};

impl Store {
    /// The bytes of each table, what is not used of its pages included, the largest first.
    pub(in crate::analytics) fn sizes(&self) -> anyhow::Result<Vec<(&'static str, u64)>> {
        self.read(|transaction| {
            let mut sizes = vec![
                size(transaction, BLOCKS)?,
                size(transaction, EVENTS)?,
                size(transaction, VIEWS)?,
                size(transaction, COUNTED)?,
                size(transaction, SERVED)?,
                size(transaction, VISITORS)?,
                size(transaction, JOURNAL)?,
                size(transaction, ROWLESS)?,
                size(transaction, VISITS)?,
                size(transaction, CELLS)?,
                size(transaction, HOURS)?,
                size(transaction, NAMES)?,
                size(transaction, TOTALS)?,
            ];
            for table in [META, WORDS, PRESENCE, NOT_FOUND] {
                sizes.push(size(transaction, table)?);
            }
            sizes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
            Ok(sizes)
        })
    }
}

fn size<K: Key + 'static, V: Value + 'static>(
    transaction: &ReadTransaction,
    table: TableDefinition<'static, K, V>,
) -> anyhow::Result<(&'static str, u64)> {
    let stats = transaction.open_table(table)?.stats()?;
    let bytes = stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes();
    Ok((name_of(table), bytes))
}

/// The name of a table, which outlives its definition.
fn name_of<K: Key + 'static, V: Value + 'static>(
    table: TableDefinition<'static, K, V>,
) -> &'static str {
    let names = [
        "blocks",
        "events",
        "views",
        "counted",
        "served",
        "visitors",
        "journal",
        "rowless",
        "visits",
        "cells",
        "hours",
        "names",
        "totals",
        "meta",
        "words",
        "presence",
        "not_found",
    ];
    names.into_iter().find(|name| *name == table.name()).unwrap_or_default()
}
