//! What is read from the database: all that is kept in memory, and answers to questions.

use std::sync::Arc;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use redb::{ReadTransaction, ReadableTable as _, ReadableTableMetadata as _};

use super::tables::{self, META, NAMES, NOT_FOUND, PRESENCE, SITE, TOTALS, VIEWS, VISITORS, WORDS};
use super::{Store, merge};
use crate::analytics::calendar::Calendar;
use crate::analytics::frequent::Frequent;
use crate::analytics::journal::{Journal, Shelf};
use crate::analytics::memory::Memory;
use crate::analytics::policy;
use crate::analytics::rejection::Rejection;
use crate::analytics::rollup::Dimension;
use crate::analytics::salt::Salt;
use crate::analytics::seen::Seen;
use crate::analytics::sessions::{Presence, Reader, Sessions};
use crate::analytics::snapshot::{NotFoundPath, PathTotals};
use crate::analytics::strays::Strays;
use crate::analytics::totals::{SiteTotals, Totals};
use crate::analytics::values::Values;
use crate::analytics::varint;
use crate::analytics::visitor::Visitor;
use crate::analytics::vocabulary::Vocabulary;
use crate::clock::Timestamp;
use crate::permalink::UrlPath;

/// How many visitors are read in one transaction.
const VISITORS_AT_ONCE: usize = 20_000;

impl Store {
    /// Reads what is kept in memory.
    pub(in crate::analytics) fn load(&self, now: Timestamp) -> anyhow::Result<Memory> {
        self.read(|transaction| {
            Ok(Memory {
                sessions: Sessions::restore(present(transaction)?, now),
                totals: totals(transaction)?,
                not_found: Frequent::restore(not_found(transaction)?),
                // Read when the first event says which day it is.
                values: Values::default(),
                words: Vocabulary::default(),
                journal: merge::read(transaction)?,
                // Read when nobody waits for the start any more.
                seen: None,
                strays: Strays::restore(tables::stray_rows(&transaction.open_table(META)?)?),
                salt: salt(transaction)?,
                rejected: rejected(transaction)?,
            })
        })
    }

    /// The ids that the database has, and `journal`; none if they are too many to be read now.
    pub(in crate::analytics) fn seen(&self, journal: &Journal) -> anyhow::Result<Option<Seen>> {
        let mut seen = Seen::default();
        let mut add = |shelf, key| match shelf {
            Shelf::Views => seen.views.add(key),
            Shelf::Visitors => seen.visitors.add(key),
            Shelf::Counted | Shelf::Visits => {}
        };
        journal.places().for_each(|(shelf, key)| add(shelf, key));
        self.read(|transaction| {
            for (shelf, table) in [(Shelf::Views, VIEWS), (Shelf::Visitors, VISITORS)] {
                let table = transaction.open_table(table)?;
                if table.len()? > policy::IDS_READ {
                    return Ok(None);
                }
                for entry in table.iter()? {
                    add(shelf, u64::from_be_bytes(*entry?.0.value()));
                }
            }
            Ok(Some(()))
        })
        .map(|read| read.map(|()| seen))
    }

    /// How many distinct visitors saw at least one of these pages. Reads what is known of each visitor.
    pub(in crate::analytics) fn visitors_of(&self, pages: &[u32]) -> anyhow::Result<u64> {
        // Those whose latest entry waits in the journal are not looked up in the table.
        let journal = self.read(merge::read)?;
        let waiting = journal.values_of(Shelf::Visitors);
        let known = waiting.filter(|visitor| Visitor::knows_any(visitor, pages));
        let mut count = known.count() as u64;
        let mut next = Some([0; 8]);
        while let Some(from) = next {
            // Many transactions, so that none is long; a visitor is in one of them.
            next = self.read(|transaction| {
                let visitors = transaction.open_table(VISITORS)?;
                for (place, entry) in visitors.range::<&[u8; 8]>(&from..)?.enumerate() {
                    let (key, value) = entry?;
                    if place == VISITORS_AT_ONCE {
                        return Ok(Some(*key.value()));
                    }
                    let place = (Shelf::Visitors, u64::from_be_bytes(*key.value()));
                    let is_known = journal.value(place).is_none();
                    count += u64::from(is_known && Visitor::knows_any(value.value(), pages));
                }
                Ok(None)
            })?;
        }
        Ok(count)
    }

    /// The last number that was given to a visitor.
    pub(in crate::analytics) fn last_visitor(&self) -> anyhow::Result<u32> {
        self.read(|transaction| {
            let site = transaction.open_table(TOTALS)?.get(&SITE)?;
            Ok(site.map_or(0, |site| SiteTotals::decode(site.value()).last_visitor))
        })
    }

    /// Views and visitors of these pages, of all time.
    pub(in crate::analytics) fn page_totals(
        &self,
        pages: &[u32],
    ) -> anyhow::Result<Vec<(u64, u64)>> {
        self.read(|transaction| {
            let totals = transaction.open_table(TOTALS)?;
            let of_page = |page: &u32| {
                let value = totals.get(&page.to_be_bytes())?;
                Ok(value.map_or((0, 0), |value| {
                    let mut numbers = varint::decode(value.value());
                    (numbers.large(), numbers.large())
                }))
            };
            pages.iter().map(of_page).collect()
        })
    }

    /// The numbers of texts of `dimension`, for those that have one.
    pub(in crate::analytics) fn numbers<'a>(
        &self,
        dimension: Dimension,
        texts: impl IntoIterator<Item = &'a str>,
    ) -> anyhow::Result<Vec<u32>> {
        self.read(|transaction| {
            let words = transaction.open_table(WORDS)?;
            let mut numbers = Vec::new();
            for text in texts {
                let number = words.get(tables::word_key(dimension, text).as_slice())?;
                numbers.extend(number.map(|number| varint::decode(number.value()).small()));
            }
            Ok(numbers)
        })
    }

    /// The calendar that days are counted by.
    pub(in crate::analytics) fn calendar(&self) -> anyhow::Result<Calendar> {
        let name = self.read(|transaction| tables::zone(&transaction.open_table(META)?))?;
        let zone = TimeZone::get(&name).with_context(|| format!("days are those of `{name}`"))?;
        Ok(Calendar::new(zone))
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

pub(super) fn name(names: &Names, number: u32) -> anyhow::Result<String> {
    let name = names.get(&number.to_be_bytes())?;
    Ok(name.map(|name| tables::text(name.value().get(1..).unwrap_or_default())).unwrap_or_default())
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
