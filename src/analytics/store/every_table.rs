//! Every table of a database, for what is done with all of them alike.

use redb::{
    Key, ReadTransaction, ReadableTable as _, TableDefinition, TableHandle as _, Value,
    WriteTransaction,
};

use super::tables::{
    BLOCKS, CELLS, COUNTED, EVENTS, HOURS, JOURNAL, META, NAMES, NOT_FOUND, ROWLESS, SERVED,
    TOTALS, VIEWS, VISITORS, VISITS, WORDS,
};

/// Does something with a table, whatever its keys and values are.
pub(super) trait Visit {
    /// Does it.
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> anyhow::Result<()>;
}

/// Every table but that of who is here now, which nobody needs later, and those of rows.
pub(super) fn visit_sums(visit: &mut impl Visit) -> anyhow::Result<()> {
    visit.table(META)?;
    visit.table(WORDS)?;
    visit.table(NAMES)?;
    visit.table(VISITORS)?;
    visit.table(VIEWS)?;
    visit.table(COUNTED)?;
    visit.table(VISITS)?;
    visit.table(JOURNAL)?;
    visit.table(ROWLESS)?;
    visit.table(SERVED)?;
    visit.table(HOURS)?;
    visit.table(CELLS)?;
    visit.table(TOTALS)?;
    visit.table(NOT_FOUND)
}

/// The tables of rows.
pub(super) fn visit_rows(visit: &mut impl Visit) -> anyhow::Result<()> {
    visit.table(BLOCKS)?;
    visit.table(EVENTS)
}

/// Copies tables from one database to another, which has none of them yet.
pub(super) struct Copy<'t> {
    pub(super) from: &'t ReadTransaction,
    pub(super) to: &'t WriteTransaction,
}

impl Visit for Copy<'_> {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> anyhow::Result<()> {
        let from = self.from.open_table(table)?;
        let mut to = self.to.open_table(table)?;
        for entry in from.iter()? {
            let (key, value) = entry?;
            to.insert(key.value(), value.value())?;
        }
        Ok(())
    }
}

/// Shows each key and value as bytes, with the name of its table.
pub(super) struct Show<'t, F> {
    pub(super) from: &'t ReadTransaction,
    pub(super) show: F,
}

impl<F: FnMut(&str, &[u8], &[u8]) -> anyhow::Result<()>> Visit for Show<'_, F> {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> anyhow::Result<()> {
        for entry in self.from.open_table(table)?.iter()? {
            let (key, value) = entry?;
            let (key, value) = (key.value(), value.value());
            (self.show)(table.name(), K::as_bytes(&key).as_ref(), V::as_bytes(&value).as_ref())?;
        }
        Ok(())
    }
}

/// Puts bytes into the table with this name.
pub(super) struct Put<'t, 'b> {
    pub(super) to: &'t WriteTransaction,
    pub(super) name: &'b str,
    pub(super) key: &'b [u8],
    pub(super) value: &'b [u8],
    /// Whether there is such a table, and the bytes are as long as they must be.
    pub(super) is_done: bool,
}

impl Visit for Put<'_, '_> {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> anyhow::Result<()> {
        let fits =
            |width: Option<usize>, bytes: &[u8]| width.is_none_or(|width| width == bytes.len());
        let is_it = table.name() == self.name
            && fits(K::fixed_width(), self.key)
            && fits(V::fixed_width(), self.value);
        if is_it {
            let mut table = self.to.open_table(table)?;
            table.insert(K::from_bytes(self.key), V::from_bytes(self.value))?;
            self.is_done = true;
        }
        Ok(())
    }
}
