//! Everything that follows from the counted views, computed from them anew: what is stored must be equal.

use std::collections::{BTreeMap, BTreeSet};

use redb::ReadableTable as _;

use super::Store;
use super::tables::{self, ROLLUPS, TOTALS};
use crate::analytics::rollup::{Cell, Rollup, Rollups};
use crate::analytics::row::{Row, RowKey, varint};
use crate::analytics::totals::SiteTotals;
use crate::clock::Timestamp;

/// Roll-ups and totals, computed or stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::analytics) struct Counts {
    pub(in crate::analytics) rollups: BTreeMap<Cell, Rollup>,
    /// Views and visitors by the number of the path.
    pub(in crate::analytics) pages: BTreeMap<u32, (u64, u64)>,
    pub(in crate::analytics) views: u64,
    pub(in crate::analytics) visitors: u64,
    pub(in crate::analytics) not_found: u64,
}

impl Store {
    /// The counts as they are stored.
    pub(in crate::analytics) fn counts(&self) -> anyhow::Result<Counts> {
        self.read(|transaction| {
            let rollups = tables::cells(&transaction.open_table(ROLLUPS)?, 0..u32::MAX)?;
            let mut counts = Counts { rollups: rollups.into_iter().collect(), ..Counts::default() };
            for entry in transaction.open_table(TOTALS)?.iter()? {
                let (key, value) = entry?;
                counts.read(*key.value(), value.value());
            }
            Ok(counts)
        })
    }

    /// The counts as the counted views give them.
    pub(in crate::analytics) fn recount(&self) -> anyhow::Result<Counts> {
        let mut recount = Recount::default();
        let always = Timestamp::default()..=Timestamp::from_millis(i64::MAX);
        self.each_row(always, |key, row| recount.add(key, row))?;
        Ok(recount.finish())
    }
}

impl Counts {
    /// Takes a row of the table of totals in.
    fn read(&mut self, key: [u8; 4], value: &[u8]) {
        if key == tables::SITE {
            let site = SiteTotals::decode(value);
            (self.views, self.visitors, self.not_found) =
                (site.views, site.visitors, site.not_found);
        } else {
            let mut numbers = varint::decode(value);
            let page = (numbers.large(), numbers.large());
            self.pages.insert(u32::from_be_bytes(key), page);
        }
    }
}

/// Counts under way.
#[derive(Default)]
struct Recount {
    counts: Counts,
    rollups: Rollups,
    visitors: BTreeSet<u32>,
    seen: BTreeSet<(u32, u32)>,
}

impl Recount {
    fn add(&mut self, key: RowKey, row: &Row) {
        row.cells(key.time()).for_each(|cell| self.rollups.add(cell, row.rollup()));
        if row.path == 0 {
            self.counts.not_found += 1;
            return;
        }
        self.counts.views += 1;
        let page = self.counts.pages.entry(row.path).or_default();
        page.0 += 1;
        if row.visitor != 0 {
            self.visitors.insert(row.visitor);
            page.1 += u64::from(self.seen.insert((row.path, row.visitor)));
        }
    }

    fn finish(mut self) -> Counts {
        let visitors = self.visitors.len() as u64;
        Counts { rollups: self.rollups.take(), visitors, ..self.counts }
    }
}
