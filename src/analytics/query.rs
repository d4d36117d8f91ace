//! Questions to the database, answered beside the recorder in short transactions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::period::Span;
use super::rollup::{Dimension, Rollup, hour_of, hour_start};
use super::store::Store;
use super::tally::{Tally, Tallying};
use crate::clock::Timestamp;
use crate::permalink::UrlPath;

/// Answers questions about what is stored. Each waits for the disk; not for a thread that must not.
#[derive(Clone)]
pub struct Query {
    store: Arc<Store>,
}

impl Query {
    /// Questions to `store`.
    pub const fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// How many distinct visitors saw at least one of `paths`: the visitors of a page that has had several.
    pub fn visitors_of(&self, paths: &[UrlPath]) -> anyhow::Result<u64> {
        Ok(self.store.visitors(paths)?.len() as u64)
    }

    /// What was counted in `span`. Reads each of its views.
    pub fn tally(&self, span: Span) -> anyhow::Result<Tally> {
        let mut tallying = Tallying::default();
        self.store.each_row(span.from..=span.to, |_, row| tallying.add(row))?;
        let pages = tallying.pages();
        let names = self.store.texts(&pages)?;
        Ok(tallying.named(pages.into_iter().zip(names)))
    }

    /// Whether roll-ups and totals are what the counted views add up to. Reads all of them.
    pub fn verify(&self) -> anyhow::Result<bool> {
        Ok(self.store.counts()? == self.store.recount()?)
    }

    /// The totals of each hour with views from that of `from` up to that of `to`, without it.
    pub fn hourly(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> anyhow::Result<Vec<(Timestamp, Rollup)>> {
        let cells = self.store.rollups(hour_of(from)..hour_of(to))?;
        let site = cells.into_iter().filter(|(cell, _)| cell.dimension == Dimension::Site);
        Ok(site.map(|(cell, rollup)| (hour_start(cell.hour), rollup)).collect())
    }

    /// The totals of each value of `dimension` in those hours, most views first, then by value.
    pub fn breakdown(
        &self,
        dimension: Dimension,
        from: Timestamp,
        to: Timestamp,
    ) -> anyhow::Result<Vec<(String, Rollup)>> {
        let mut totals: BTreeMap<u32, Rollup> = BTreeMap::new();
        for (cell, rollup) in self.store.rollups(hour_of(from)..hour_of(to))? {
            if cell.dimension == dimension {
                let total = totals.entry(cell.word).or_default();
                *total = total.merge(rollup);
            }
        }
        let numbers: Vec<u32> = totals.keys().copied().collect();
        let texts = self.store.texts(&numbers)?;
        let mut rows: Vec<_> = texts.into_iter().zip(totals.into_values()).collect();
        rows.sort_by(|(a, x), (b, y)| y.views.cmp(&x.views).then_with(|| a.cmp(b)));
        Ok(rows)
    }
}
