//! The tables and the bytes of their rows.

use std::collections::BTreeMap;

use anyhow::Context as _;
use redb::{AccessGuard, ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::super::calendar::Level;
use super::super::id::{ViewId, VisitorId};
use super::super::journal::Journal;
use super::super::ledger::{Hour, Ledger};
use super::super::policy;
use super::super::rejection::Rejection;
use super::super::rollup::{Cell, Dimension, Rollup, Total};
use super::super::row::{Row, RowKey};
use super::super::salt::Salt;
use super::super::sessions::{Presence, Reader};
use super::super::snapshot::{NotFoundPath, PathTotals};
use super::super::strays;
use super::super::totals::SiteTotals;
use super::super::varint;
use super::super::visit::Visit;
use super::super::visitor::Visitor;
use super::merge::insert_runs;
use crate::clock::Timestamp;

/// Bytes of any length.
pub(super) type Bytes = &'static [u8];

/// Bytes of one length, which redb stores without noting it.
pub(super) type Fixed<const N: usize> = &'static [u8; N];

pub(super) const META: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("meta");
pub(super) const WORDS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("words");
pub(super) const NAMES: TableDefinition<'_, Fixed<4>, Bytes> = TableDefinition::new("names");
pub(super) const VISITORS: TableDefinition<'_, Fixed<8>, Bytes> = TableDefinition::new("visitors");
pub(super) const VIEWS: TableDefinition<'_, Fixed<8>, Bytes> = TableDefinition::new("views");
pub(super) const EVENTS: TableDefinition<'_, Fixed<8>, Bytes> = TableDefinition::new("events");
pub(super) const BLOCKS: TableDefinition<'_, Fixed<8>, Bytes> = TableDefinition::new("blocks");
pub(super) const COUNTED: TableDefinition<'_, Fixed<8>, Fixed<8>> = TableDefinition::new("counted");
pub(super) const VISITS: TableDefinition<'_, Fixed<4>, Fixed<24>> = TableDefinition::new("visits");
pub(super) const SERVED: TableDefinition<'_, Fixed<10>, Bytes> = TableDefinition::new("served");
pub(super) const PRESENCE: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("presence");
pub(super) const JOURNAL: TableDefinition<'_, Fixed<8>, Bytes> = TableDefinition::new("journal");
pub(super) const ROWLESS: TableDefinition<'_, Fixed<9>, Bytes> = TableDefinition::new("rowless");
pub(super) const HOURS: TableDefinition<'_, Fixed<5>, Bytes> = TableDefinition::new("hours");
pub(super) const CELLS: TableDefinition<'_, Fixed<10>, Bytes> = TableDefinition::new("cells");
pub(super) const TOTALS: TableDefinition<'_, Fixed<4>, Bytes> = TableDefinition::new("totals");
pub(super) const NOT_FOUND: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("not_found");

/// The key of the totals of all pages.
pub(super) const SITE: [u8; 4] = [0; 4];

const FORMAT: &[u8] = b"format";
/// From when on all rows are kept, once some were dropped.
const KEPT: &[u8] = b"kept";
pub(super) const ZONE: &[u8] = b"zone";
pub(super) const SALT: &[u8] = b"salt";
/// How many of a day are counted by [`Strays`](strays::Strays) and have a row.
const STRAY_ROWS: &[u8] = b"strays";

/// All tables, open in one transaction that may write.
pub(super) struct Tables<'t> {
    pub(super) meta: Table<'t, Bytes, Bytes>,
    pub(super) words: Table<'t, Bytes, Bytes>,
    pub(super) names: Table<'t, Fixed<4>, Bytes>,
    pub(super) visitors: Table<'t, Fixed<8>, Bytes>,
    pub(super) views: Table<'t, Fixed<8>, Bytes>,
    pub(super) events: Table<'t, Fixed<8>, Bytes>,
    pub(super) blocks: Table<'t, Fixed<8>, Bytes>,
    pub(super) counted: Table<'t, Fixed<8>, Fixed<8>>,
    pub(super) visits: Table<'t, Fixed<4>, Fixed<24>>,
    pub(super) served: Table<'t, Fixed<10>, Bytes>,
    pub(super) presence: Table<'t, Bytes, Bytes>,
    pub(super) journal: Table<'t, Fixed<8>, Bytes>,
    pub(super) rowless: Table<'t, Fixed<9>, Bytes>,
    pub(super) hours: Table<'t, Fixed<5>, Bytes>,
    pub(super) cells: Table<'t, Fixed<10>, Bytes>,
    pub(super) totals: Table<'t, Fixed<4>, Bytes>,
    pub(super) not_found: Table<'t, Bytes, Bytes>,
}

/// What a viewing's id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ViewMark {
    /// The counted view.
    pub(super) row: RowKey,
    /// What is known of the viewing itself, if it repeats that view.
    pub(super) repeat: Option<Repeat>,
}

/// A viewing that was not counted, because it came soon after one that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeat {
    pub(super) first_seen: Timestamp,
    pub(super) engaged_ms: u32,
}

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::TableError> {
        Ok(Self {
            meta: transaction.open_table(META)?,
            words: transaction.open_table(WORDS)?,
            names: transaction.open_table(NAMES)?,
            visitors: transaction.open_table(VISITORS)?,
            views: transaction.open_table(VIEWS)?,
            events: transaction.open_table(EVENTS)?,
            blocks: transaction.open_table(BLOCKS)?,
            counted: transaction.open_table(COUNTED)?,
            visits: transaction.open_table(VISITS)?,
            served: transaction.open_table(SERVED)?,
            presence: transaction.open_table(PRESENCE)?,
            journal: transaction.open_table(JOURNAL)?,
            rowless: transaction.open_table(ROWLESS)?,
            hours: transaction.open_table(HOURS)?,
            cells: transaction.open_table(CELLS)?,
            totals: transaction.open_table(TOTALS)?,
            not_found: transaction.open_table(NOT_FOUND)?,
        })
    }

    pub(super) fn set_format(&mut self, format: u64) -> anyhow::Result<()> {
        self.meta.insert(FORMAT, varint::encode([format]).as_slice())?;
        Ok(())
    }

    pub(super) fn set_zone(&mut self, zone: &str) -> anyhow::Result<()> {
        self.meta.insert(ZONE, zone.as_bytes())?;
        Ok(())
    }

    /// Notes that rows of before `kept` may be missing, unless that is noted of later ones already.
    pub(super) fn set_kept(&mut self, kept: Timestamp) -> anyhow::Result<()> {
        let kept = self::kept(&self.meta)?.map_or(kept, |known| known.max(kept));
        self.meta.insert(KEPT, varint::encode([millis(kept)]).as_slice())?;
        Ok(())
    }

    pub(super) fn set_salt(&mut self, salt: Salt) -> anyhow::Result<()> {
        self.meta.insert(SALT, salt.to_bytes().as_slice())?;
        Ok(())
    }

    pub(super) fn set_rejected(&mut self, rejection: Rejection, count: u64) -> anyhow::Result<()> {
        self.meta.insert(rejected_key(rejection).as_slice(), varint::encode([count]).as_slice())?;
        Ok(())
    }

    /// The number of a text, if it has one.
    pub(super) fn word(&self, dimension: Dimension, text: &str) -> anyhow::Result<Option<u32>> {
        let number = self.words.get(word_key(dimension, text).as_slice())?;
        Ok(number.map(|number| varint::decode(number.value()).small()))
    }

    /// The number of a text, which is given one if it has none.
    pub(super) fn intern(&mut self, dimension: Dimension, text: &str) -> anyhow::Result<u32> {
        if let Some(number) = self.word(dimension, text)? {
            return Ok(number);
        }
        let last = self.names.last()?.map_or(0, |(number, _)| u32::from_be_bytes(*number.value()));
        let number = last.checked_add(1).context("the dictionary is full")?;
        let key = word_key(dimension, text);
        self.words.insert(key.as_slice(), varint::encode([number.into()]).as_slice())?;
        self.names.insert(&number.to_be_bytes(), key.as_slice())?;
        Ok(number)
    }

    /// What is known of a visitor.
    pub(super) fn visitor(&self, key: [u8; 8]) -> anyhow::Result<Option<Visitor>> {
        let visitor = self.visitors.get(&key)?;
        Ok(visitor.map(|visitor| Visitor::decode(visitor.value())))
    }

    pub(super) fn set_visitor(&mut self, id: VisitorId, visitor: &Visitor) -> anyhow::Result<()> {
        self.visitors.insert(&id.key(), visitor.encode().as_slice())?;
        Ok(())
    }

    /// The visit that a visitor made last.
    pub(super) fn visit(&self, visitor: u32) -> anyhow::Result<Option<Visit>> {
        let visit = self.visits.get(&visitor.to_be_bytes())?;
        Ok(visit.map(|visit| Visit::from_bytes(visit.value())))
    }

    pub(super) fn set_visit(&mut self, visitor: u32, visit: Visit) -> anyhow::Result<()> {
        self.visits.insert(&visitor.to_be_bytes(), &visit.to_bytes())?;
        Ok(())
    }

    pub(super) fn view(&self, id: ViewId) -> anyhow::Result<Option<ViewMark>> {
        let value = self.views.get(id.as_bytes())?;
        Ok(value.and_then(|value| decode_mark(value.value())))
    }

    pub(super) fn row(&self, key: RowKey) -> anyhow::Result<Option<Row>> {
        Ok(self.events.get(&key.to_bytes())?.map(|value| Row::decode(value.value())))
    }

    pub(super) fn set_row(&mut self, key: RowKey, row: &Row) -> anyhow::Result<()> {
        self.events.insert(&key.to_bytes(), row.encode().as_slice())?;
        Ok(())
    }

    /// A key at `now` that no row has, or the next after it.
    pub(super) fn free_key(&self, now: Timestamp) -> anyhow::Result<RowKey> {
        let first = RowKey::first_at(now);
        let bounds = (first.to_bytes(), first.last_of_its_time().to_bytes());
        let last = self.events.range::<&[u8; 8]>(&bounds.0..=&bounds.1)?.next_back().transpose()?;
        let mut key = last.map_or(first, |(key, _)| RowKey::from_bytes(*key.value()).next());
        while self.events.get(&key.to_bytes())?.is_some() {
            key = key.next();
        }
        Ok(key)
    }

    /// The last view that was counted for a page and a visitor.
    pub(super) fn counted(&self, key: [u8; 8]) -> anyhow::Result<Option<RowKey>> {
        let row = self.counted.get(&key)?;
        Ok(row.map(|row| RowKey::from_bytes(*row.value())))
    }

    /// Writes rows, in the order of their keys.
    pub(super) fn set_rows(&mut self, rows: &BTreeMap<RowKey, Row>) -> anyhow::Result<()> {
        let rows: Vec<_> = rows.iter().map(|(key, row)| (key.to_bytes(), row.encode())).collect();
        let pairs: Vec<_> =
            rows.iter().map(|(key, row)| (key.as_slice(), row.as_slice())).collect();
        insert_runs(&mut self.events, &pairs)
    }

    /// Writes what was noted in the journal since the last row of it.
    pub(super) fn write_journal(&mut self, journal: &mut Journal) -> anyhow::Result<()> {
        if let Some((number, row)) = journal.take_row() {
            self.journal.insert(&number.to_be_bytes(), row.as_slice())?;
        }
        Ok(())
    }

    pub(super) fn set_stray_rows(&mut self, rows: strays::Rows) -> anyhow::Result<()> {
        let day = u64::try_from(rows.day).unwrap_or(0);
        let value = varint::encode([day, rows.count.into()]);
        self.meta.insert(STRAY_ROWS, value.as_slice())?;
        Ok(())
    }

    pub(super) fn set_presence(
        &mut self,
        reader: Reader,
        presence: &Presence,
    ) -> anyhow::Result<()> {
        let mut value = millis(presence.seen).to_be_bytes()[2..].to_vec();
        value.extend(presence.page.iter().flat_map(|page| page.as_str().bytes()));
        self.presence.insert(reader_key(&reader), value.as_slice())?;
        Ok(())
    }

    /// Deletes presence that does not satisfy `is_active`.
    pub(super) fn retain_presence(
        &mut self,
        is_active: impl Fn(Timestamp) -> bool,
    ) -> anyhow::Result<()> {
        self.presence
            .retain(|_, value| decode_presence(value).is_some_and(|(seen, _)| is_active(seen)))?;
        Ok(())
    }

    /// Deletes the visits that have ended, and the counted views that nothing can be a repeat of any more.
    pub(super) fn forget_ended(&mut self, now: Timestamp) -> anyhow::Result<()> {
        let is_repeated = |view: RowKey| policy::is_repeat(view.time(), now);
        self.visits.retain(|_, visit| {
            let visit = Visit::from_bytes(visit);
            visit.includes(now) || is_repeated(visit.exit)
        })?;
        self.counted.retain(|_, key| is_repeated(RowKey::from_bytes(*key)))?;
        Ok(())
    }

    /// Adds to the roll-ups.
    pub(super) fn merge(&mut self, ledger: &Ledger) -> anyhow::Result<()> {
        for (hour, rollup) in &ledger.hours {
            let key = hour_key(*hour);
            let before = self.hours.get(&key)?.map(|value| Rollup::decode(value.value()));
            let merged = before.unwrap_or_default().merge(*rollup);
            self.hours.insert(&key, merged.encode().as_slice())?;
        }
        for (cell, total) in ledger.cells() {
            let key = cell.to_bytes();
            let before = self.cells.get(&key)?.map(|value| Total::decode(value.value()));
            let mut merged = before.unwrap_or_default();
            merged.merge(&total);
            self.cells.insert(&key, merged.encode().as_slice())?;
        }
        Ok(())
    }

    /// The values of `dimension` that were counted on `day`.
    pub(super) fn words_of(&self, dimension: Dimension, day: u32) -> anyhow::Result<Vec<u32>> {
        let cell = |word| Cell { level: Level::Day, dimension, start: day, word }.to_bytes();
        let mut words = Vec::new();
        for entry in self.cells.range::<&[u8; 10]>(&cell(0)..=&cell(u32::MAX))? {
            words.extend(Cell::from_bytes(*entry?.0.value()).map(|cell| cell.word));
        }
        Ok(words)
    }

    pub(super) fn set_site(&mut self, totals: &SiteTotals) -> anyhow::Result<()> {
        self.totals.insert(&SITE, totals.encode().as_slice())?;
        Ok(())
    }

    pub(super) fn set_page(&mut self, number: u32, totals: &PathTotals) -> anyhow::Result<()> {
        let value = varint::encode([totals.views, totals.visitors]);
        self.totals.insert(&number.to_be_bytes(), value.as_slice())?;
        Ok(())
    }

    pub(super) fn set_not_found(
        &mut self,
        path: &str,
        entry: Option<&NotFoundPath>,
    ) -> anyhow::Result<()> {
        let Some(entry) = entry else {
            self.not_found.remove(path.as_bytes())?;
            return Ok(());
        };
        // The one after the last number keeps zeros at the end from being left out before the text.
        let mut value = varint::encode([entry.views, entry.excess, 1]);
        value.extend(entry.referrer.iter().flat_map(|referrer| referrer.bytes()));
        self.not_found.insert(path.as_bytes(), value.as_slice())?;
        Ok(())
    }
}

/// The version of the file's format.
pub(super) fn format(transaction: &ReadTransaction) -> anyhow::Result<u64> {
    let meta = transaction.open_table(META)?;
    let format = meta.get(FORMAT)?.context("it has no format")?;
    Ok(varint::decode(format.value()).large())
}

/// The name of the time zone whose days the roll-ups have.
pub(super) fn zone(meta: &impl ReadableTable<Bytes, Bytes>) -> anyhow::Result<String> {
    Ok(meta.get(ZONE)?.map(|zone| text(zone.value())).unwrap_or_default())
}

/// From when on all rows are kept; none if none was dropped.
pub(super) fn kept(meta: &impl ReadableTable<Bytes, Bytes>) -> anyhow::Result<Option<Timestamp>> {
    Ok(meta.get(KEPT)?.map(|kept| time(varint::decode(kept.value()).large())))
}

/// How many strays of a day have a row.
pub(super) fn stray_rows(meta: &impl ReadableTable<Bytes, Bytes>) -> anyhow::Result<strays::Rows> {
    let rows = meta.get(STRAY_ROWS)?;
    Ok(rows.map_or_else(strays::Rows::default, |rows| {
        let mut numbers = varint::decode(rows.value());
        strays::Rows { day: numbers.small().into(), count: numbers.small() }
    }))
}

/// Text that was written as text; what is not, after damage, shows as such.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn word_key(dimension: Dimension, text: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + text.len());
    key.push(dimension.code());
    key.extend_from_slice(text.as_bytes());
    key
}

pub(super) fn counted_key(page: u32, visitor: u32) -> [u8; 8] {
    (u64::from(page) << u32::BITS | u64::from(visitor)).to_be_bytes()
}

pub(super) fn hour_key((hour, dimension): Hour) -> [u8; 5] {
    let [a, b, c, d] = hour.to_be_bytes();
    [a, b, c, d, dimension.code()]
}

pub(super) fn decode_hour(key: [u8; 5]) -> Option<Hour> {
    let [a, b, c, d, code] = key;
    Some((u32::from_be_bytes([a, b, c, d]), Dimension::from_code(code)?))
}

pub(super) fn rejected_key(rejection: Rejection) -> Vec<u8> {
    [b"rejected:", rejection.name().as_bytes()].concat()
}

fn reader_key(reader: &Reader) -> &[u8] {
    match reader {
        Reader::Visitor(id) => id.as_bytes(),
        Reader::View(id) => id.as_bytes(),
    }
}

pub(super) fn decode_reader(key: &[u8]) -> Option<Reader> {
    let visitor = || key.try_into().ok().map(|id| Reader::Visitor(VisitorId::from_bytes(id)));
    let view = || key.try_into().ok().map(|id| Reader::View(ViewId::from_bytes(id)));
    visitor().or_else(view)
}

/// When, and the text of the path.
pub(super) fn decode_presence(value: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (seen, path) = value.split_first_chunk::<6>()?;
    let millis = seen.iter().fold(0, |sum, byte| sum << 8 | i64::from(*byte));
    Some((Timestamp::from_millis(millis), path))
}

pub(super) fn encode_mark(mark: ViewMark) -> Vec<u8> {
    let mut value = mark.row.to_bytes().to_vec();
    if let Some(repeat) = mark.repeat {
        // Zeros at the end are left out, so the time is never written as one.
        let first = millis(repeat.first_seen).saturating_add(1);
        value.extend(varint::encode([first, u64::from(repeat.engaged_ms)]));
    }
    value
}

/// The row that a mark is about.
pub(super) fn row_of(mark: &[u8]) -> Option<RowKey> {
    decode_mark(mark).map(|mark| mark.row)
}

pub(super) fn decode_mark(value: &[u8]) -> Option<ViewMark> {
    let (row, repeat) = value.split_first_chunk::<8>()?;
    let mut numbers = varint::decode(repeat);
    let repeat = numbers
        .large()
        .checked_sub(1)
        .map(|first| Repeat { first_seen: time(first), engaged_ms: numbers.small() });
    Some(ViewMark { row: RowKey::from_bytes(*row), repeat })
}

pub(super) fn decode_not_found(path: &[u8], value: &AccessGuard<'_, Bytes>) -> NotFoundPath {
    let mut numbers = varint::decode(value.value());
    let (views, excess) = (numbers.large(), numbers.large());
    let _mark = numbers.large();
    let referrer = numbers.rest();
    let referrer = (!referrer.is_empty()).then(|| text(referrer));
    NotFoundPath { path: text(path), views, excess, referrer }
}

fn millis(time: Timestamp) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(0)
}

fn time(millis: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
