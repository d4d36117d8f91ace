//! What is read from the database: all that is kept in memory, and answers to questions.

use std::collections::BTreeSet;
use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable as _};

use super::Store;
use super::tables::{self, META, NAMES, NOT_FOUND, PRESENCE, ROLLUPS, SEEN, SITE, TOTALS, WORDS};
use crate::analytics::frequent::Frequent;
use crate::analytics::memory::Memory;
use crate::analytics::rejection::Rejection;
use crate::analytics::rollup::{Cell, Dimension, Rollup, hour_of};
use crate::analytics::row::varint;
use crate::analytics::salt::Salt;
use crate::analytics::sessions::{Presence, Reader, Sessions};
use crate::analytics::snapshot::{NotFoundPath, PathTotals};
use crate::analytics::totals::{SiteTotals, Totals};
use crate::analytics::values::Values;
use crate::clock::Timestamp;
use crate::permalink::UrlPath;

impl Store {
    /// Reads what is kept in memory.
    pub(in crate::analytics) fn load(&self, now: Timestamp) -> anyhow::Result<Memory> {
        self.read(|transaction| {
            let hour = hour_of(now);
            let cells = cells(transaction, Values::day_of(hour))?;
            Ok(Memory {
                sessions: Sessions::restore(present(transaction)?, now),
                totals: totals(transaction)?,
                not_found: Frequent::restore(not_found(transaction)?),
                values: Values::restore(hour, cells.into_iter().map(|(cell, _)| cell)),
                salt: salt(transaction)?,
                rejected: rejected(transaction)?,
            })
        })
    }

    /// The numbers of all visitors for whom a view of one of `paths` was counted.
    pub(in crate::analytics) fn visitors(
        &self,
        paths: &[UrlPath],
    ) -> anyhow::Result<BTreeSet<u32>> {
        let mut visitors = BTreeSet::new();
        for path in paths {
            // A transaction for each, so that none is long.
            visitors.extend(self.read(|transaction| visitors_of(transaction, path))?);
        }
        Ok(visitors)
    }

    /// The roll-ups of `hours`, by cell.
    pub(in crate::analytics) fn rollups(
        &self,
        hours: std::ops::Range<u32>,
    ) -> anyhow::Result<Vec<(Cell, Rollup)>> {
        self.read(|transaction| cells(transaction, hours))
    }

    /// The texts of numbers; one that the dictionary does not have is empty.
    pub(in crate::analytics) fn texts(&self, numbers: &[u32]) -> anyhow::Result<Vec<String>> {
        self.read(|transaction| {
            let names = transaction.open_table(NAMES)?;
            numbers.iter().map(|number| name(&names, *number)).collect()
        })
    }
}

type Names = redb::ReadOnlyTable<&'static [u8; 4], &'static [u8]>;

fn name(names: &Names, number: u32) -> anyhow::Result<String> {
    let name = names.get(&number.to_be_bytes())?;
    Ok(name.map(|name| tables::text(name.value().get(1..).unwrap_or_default())).unwrap_or_default())
}

fn visitors_of(transaction: &ReadTransaction, path: &UrlPath) -> anyhow::Result<Vec<u32>> {
    let words = transaction.open_table(WORDS)?;
    let key = tables::word_key(Dimension::Path, path.as_str());
    let Some(page) = words.get(key.as_slice())? else { return Ok(Vec::new()) };
    let page = varint::decode(page.value()).small();
    let seen = transaction.open_table(SEEN)?;
    let bounds = (tables::seen_key(page, 0), tables::seen_key(page, u32::MAX));
    let mut visitors = Vec::new();
    for entry in seen.range::<&[u8; 8]>(&bounds.0..=&bounds.1)? {
        let [.., a, b, c, d] = *entry?.0.value();
        visitors.push(u32::from_be_bytes([a, b, c, d]));
    }
    Ok(visitors)
}

fn cells(
    transaction: &ReadTransaction,
    hours: std::ops::Range<u32>,
) -> anyhow::Result<Vec<(Cell, Rollup)>> {
    tables::cells(&transaction.open_table(ROLLUPS)?, hours)
}

fn present(transaction: &ReadTransaction) -> anyhow::Result<Vec<(Reader, Presence)>> {
    let mut present = Vec::new();
    for entry in transaction.open_table(PRESENCE)?.iter()? {
        let (key, value) = entry?;
        let reader = tables::decode_reader(key.value());
        let place = tables::decode_presence(value.value());
        if let (Some(reader), Some((seen, path))) = (reader, place) {
            present.push((reader, Presence { page: path_of(path), seen }));
        }
    }
    Ok(present)
}

fn path_of(bytes: &[u8]) -> Option<Arc<UrlPath>> {
    let text = tables::text(bytes);
    (!text.is_empty()).then(|| UrlPath::parse(&text).ok().map(Arc::new))?
}

fn totals(transaction: &ReadTransaction) -> anyhow::Result<Totals> {
    let names = transaction.open_table(NAMES)?;
    let (mut site, mut pages) = (SiteTotals::default(), Vec::new());
    for entry in transaction.open_table(TOTALS)?.iter()? {
        let (key, value) = entry?;
        if *key.value() == SITE {
            site = SiteTotals::decode(value.value());
            continue;
        }
        let number = u32::from_be_bytes(*key.value());
        if let Some(path) = path_of(name(&names, number)?.as_bytes()) {
            let mut numbers = varint::decode(value.value());
            let (views, visitors) = (numbers.large(), numbers.large());
            pages.push((number, PathTotals { path, views, visitors }));
        }
    }
    Ok(Totals::restore(site, pages))
}

fn not_found(transaction: &ReadTransaction) -> anyhow::Result<Vec<NotFoundPath>> {
    let mut paths = Vec::new();
    for entry in transaction.open_table(NOT_FOUND)?.iter()? {
        let (key, value) = entry?;
        paths.push(tables::decode_not_found(key.value(), &value));
    }
    Ok(paths)
}

fn salt(transaction: &ReadTransaction) -> anyhow::Result<Option<Salt>> {
    let meta = transaction.open_table(META)?;
    Ok(meta.get(tables::SALT)?.and_then(|salt| Salt::from_bytes(salt.value())))
}

fn rejected(transaction: &ReadTransaction) -> anyhow::Result<Vec<(Rejection, u64)>> {
    let meta = transaction.open_table(META)?;
    let mut rejected = Vec::new();
    for rejection in Rejection::ALL {
        if let Some(count) = meta.get(tables::rejected_key(rejection).as_slice())? {
            rejected.push((rejection, varint::decode(count.value()).large()));
        }
    }
    Ok(rejected)
}
