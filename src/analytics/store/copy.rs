//! A copy of the database in another file, made while events are counted.

use std::path::Path;

use anyhow::{Context as _, ensure};
use redb::{Database, Durability, ReadableTable as _, ReadableTableMetadata as _};

use super::every_table::{Copy, visit_sums};
use super::tables::{BLOCKS, EVENTS, Tables};
use super::{Store, contained};
use crate::analytics::policy;

/// How many blocks of rows are read in one transaction: 4 MiB.
const BLOCKS_AT_ONCE: usize = 256;

impl Store {
    /// Writes a copy to `path`, where nothing may be, as it is at one instant.
    ///
    /// Packed rows, which are most of it and do not change, are copied in short transactions; what else there is in
    /// one, together with what has become of the packed ones meanwhile. A long transaction would keep every page that
    /// is freed while it lasts.
    pub(in crate::analytics) fn copy_to(&self, path: &Path) -> anyhow::Result<()> {
        ensure!(!path.exists(), "there is something at `{}` already", path.display());
        let copy = Database::builder()
            .set_cache_size(policy::CACHE_BYTES)
            .create(path)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        let copied = contained(|| {
            self.copy_blocks(&copy)?;
            self.copy_rest(&copy)
        });
        drop(copy);
        copied.inspect_err(|_| drop(std::fs::remove_file(path)))
    }

    fn copy_blocks(&self, copy: &Database) -> anyhow::Result<()> {
        let mut next = Some([0; 8]);
        while let Some(from) = next {
            let mut transaction = copy.begin_write()?;
            transaction.set_durability(Durability::None)?;
            let mut table = transaction.open_table(BLOCKS)?;
            next = self.read(|source| {
                let blocks = source.open_table(BLOCKS)?;
                for (place, entry) in blocks.range::<&[u8; 8]>(&from..)?.enumerate() {
                    let (key, value) = entry?;
                    if place == BLOCKS_AT_ONCE {
                        return Ok(Some(*key.value()));
                    }
                    table.insert(key.value(), value.value())?;
                }
                Ok(None)
            })?;
            drop(table);
            transaction.commit()?;
        }
        Ok(())
    }

    fn copy_rest(&self, copy: &Database) -> anyhow::Result<()> {
        let transaction = copy.begin_write()?;
        // Also the table that is not copied must be there.
        drop(Tables::open(&transaction)?);
        self.read(|from| {
            let mut visit = Copy { from, to: &transaction };
            visit_sums(&mut visit)?;
            super::every_table::Visit::table(&mut visit, EVENTS)?;
            let blocks = from.open_table(BLOCKS)?;
            let mut copied = transaction.open_table(BLOCKS)?;
            // Rows were dropped or packed meanwhile.
            copied.retain(|key, _| blocks.get(key).is_ok_and(|block| block.is_some()))?;
            for entry in blocks.iter()? {
                let (key, value) = entry?;
                let is_there =
                    copied.get(key.value())?.is_some_and(|copy| copy.value() == value.value());
                if !is_there {
                    copied.insert(key.value(), value.value())?;
                }
            }
            ensure!(copied.len()? == blocks.len()?, "a copy of the rows is not whole");
            Ok(())
        })?;
        transaction.commit()?;
        Ok(())
    }
}
