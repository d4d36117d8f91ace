//! Answers that come from roll-ups, in a time that does not grow with what was counted.

use std::ops::Range;

use redb::ReadTransaction;

use super::Store;
use super::tables::{self, Bytes, CELLS, Fixed, HOURS, META};
use crate::analytics::answer::Amounts;
use crate::analytics::calendar::{Level, cover};
use crate::analytics::quick::QuickMap;
use crate::analytics::rollup::{Cell, Dimension, Rollup, Total};
use crate::clock::Timestamp;

/// Values by number, and how much was counted for each.
pub(in crate::analytics) type Values = Vec<(u32, Amounts)>;

/// A table of roll-ups that is being read.
type Cells = redb::ReadOnlyTable<Fixed<10>, Bytes>;

/// Under which everything that is counted is counted at least once.
const COUNTED: [Dimension; 5] = [
    Dimension::Site,
    Dimension::NotFound,
    Dimension::Event,
    Dimension::Outbound,
    Dimension::Download,
];

impl Store {
    /// The days from the first on which anything was counted to the last.
    pub(in crate::analytics) fn history(&self) -> anyhow::Result<Range<u32>> {
        let counted = self.read(|transaction| {
            let cells = transaction.open_table(CELLS)?;
            let spans = COUNTED.map(|dimension| days_of(&cells, dimension));
            spans.into_iter().collect::<anyhow::Result<Vec<_>>>()
        })?;
        let spans =
            counted.into_iter().chain([self.served_days()?]).filter(|days| !days.is_empty());
        Ok(spans.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or_default())
    }

    /// From when on all rows are kept, if some were dropped.
    pub(in crate::analytics) fn kept(&self) -> anyhow::Result<Option<Timestamp>> {
        self.read(|transaction| tables::kept(&transaction.open_table(META)?))
    }

    /// How much was counted on the site in each of these spans of days.
    pub(in crate::analytics) fn sums(&self, spans: &[Range<u32>]) -> anyhow::Result<Vec<Amounts>> {
        self.read(|transaction| {
            let cells = transaction.open_table(CELLS)?;
            spans.iter().map(|days| sum(&cells, days)).collect()
        })
    }

    /// How much was counted on these pages together in each of these spans of days, without visitors.
    pub(in crate::analytics) fn page_sums(
        &self,
        pages: &[u32],
        spans: &[Range<u32>],
    ) -> anyhow::Result<Vec<Amounts>> {
        self.read(|transaction| {
            let cells = transaction.open_table(CELLS)?;
            spans.iter().map(|days| page_sum(&cells, pages, days)).collect()
        })
    }

    /// How much was counted on some days for each value of each of `dimensions`.
    pub(in crate::analytics) fn values(
        &self,
        dimensions: impl IntoIterator<Item = Dimension>,
        days: &Range<u32>,
    ) -> anyhow::Result<Vec<(Dimension, Values)>> {
        self.read(|transaction| {
            let of = |dimension| Ok((dimension, values(transaction, dimension, days)?));
            dimensions.into_iter().map(of).collect()
        })
    }

    /// How much was counted on the site in the hours that begin at `starts`, without visitors.
    pub(in crate::analytics) fn hours(&self, hours: &[u32]) -> anyhow::Result<Vec<Amounts>> {
        self.read(|transaction| {
            let table = transaction.open_table(HOURS)?;
            let of_hour = |hour: &u32| {
                let rollup = table.get(&tables::hour_key((*hour, Dimension::Site)))?;
                let rollup = rollup.map(|rollup| Rollup::decode(rollup.value()));
                Ok(Amounts::of(rollup.unwrap_or_default(), 0))
            };
            hours.iter().map(of_hour).collect()
        })
    }
}

fn key(level: Level, dimension: Dimension, start: u32, word: u32) -> [u8; 10] {
    Cell { level, dimension, start, word }.to_bytes()
}

/// The days from the first on which anything was counted under `dimension` to the last.
fn days_of(cells: &Cells, dimension: Dimension) -> anyhow::Result<Range<u32>> {
    let (low, high) =
        (key(Level::Day, dimension, 0, 0), key(Level::Day, dimension, u32::MAX, u32::MAX));
    let mut days = cells.range::<&[u8; 10]>(&low..=&high)?;
    let first = days.next().transpose()?.and_then(|(key, _)| Cell::from_bytes(*key.value()));
    let last = days.next_back().transpose()?;
    let last = last.and_then(|(key, _)| Cell::from_bytes(*key.value())).or(first);
    Ok(first.zip(last).map_or(0..0, |(first, last)| first.start..last.start + 1))
}

fn sum(cells: &Cells, days: &Range<u32>) -> anyhow::Result<Amounts> {
    let (mut all, mut visitors) = (Rollup::default(), 0);
    for (level, start) in cover(days.clone()) {
        if let Some(value) = cells.get(&key(level, Dimension::Site, start, 0))? {
            let (rollup, new) = Total::visitors_since(value.value(), start - days.start);
            all = all.merge(rollup);
            visitors += new;
        }
    }
    Ok(Amounts::of(all, visitors))
}

fn page_sum(cells: &Cells, pages: &[u32], days: &Range<u32>) -> anyhow::Result<Amounts> {
    let mut all = Rollup::default();
    for (level, start) in cover(days.clone()) {
        for page in pages {
            if let Some(value) = cells.get(&key(level, Dimension::Path, start, *page))? {
                all = all.merge(Total::visitors_since(value.value(), 0).0);
            }
        }
    }
    Ok(Amounts::of(all, 0))
}

fn values(
    transaction: &ReadTransaction,
    dimension: Dimension,
    days: &Range<u32>,
) -> anyhow::Result<Values> {
    let cells = transaction.open_table(CELLS)?;
    let mut totals: QuickMap<u32, (Rollup, u64)> = QuickMap::default();
    for (level, start) in cover(days.clone()) {
        // Number 0 is no value, but all of them together.
        let bounds = (key(level, dimension, start, 1), key(level, dimension, start, u32::MAX));
        for entry in cells.range::<&[u8; 10]>(&bounds.0..=&bounds.1)? {
            let (key, value) = entry?;
            let [.., a, b, c, d] = *key.value();
            let (rollup, new) = Total::visitors_since(value.value(), start - days.start);
            let total = totals.entry(u32::from_be_bytes([a, b, c, d])).or_default();
            *total = (total.0.merge(rollup), total.1 + new);
        }
    }
    let amounts = |(word, (rollup, visitors))| (word, Amounts::of(rollup, visitors));
    Ok(totals.into_iter().map(amounts).collect())
}
