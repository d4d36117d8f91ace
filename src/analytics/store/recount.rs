//! Everything that follows from the rows, computed from them anew: what is stored must be equal.

use std::collections::{BTreeMap, HashMap};

use jiff::tz::TimeZone;
use redb::ReadableTable;

use super::rows::Rows;
use super::tables::{self, CELLS, HOURS, META, ROWLESS, TOTALS, Tables};
use super::{Store, merge, rowless};
use crate::analytics::calendar::{Calendar, Level};
use crate::analytics::ledger::{DayCell, Hour, Ledger};
use crate::analytics::rollup::{Cell, Dimension, Rollup, Total};
use crate::analytics::row::{Row, RowKey};
use crate::analytics::totals::SiteTotals;
use crate::analytics::varint;
use crate::analytics::visitor::Visitor;
use crate::clock::Timestamp;

/// Roll-ups and totals, computed or stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::analytics) struct Counts {
    pub(in crate::analytics) hours: BTreeMap<Hour, Rollup>,
    pub(in crate::analytics) days: BTreeMap<DayCell, Total>,
    /// Of months and years.
    pub(in crate::analytics) longer: BTreeMap<Cell, Total>,
    /// Views and visitors by the number of the path.
    pub(in crate::analytics) pages: BTreeMap<u32, (u64, u64)>,
    pub(in crate::analytics) views: u64,
    pub(in crate::analytics) visitors: u64,
    pub(in crate::analytics) not_found: u64,
}

impl Counts {
    /// All that follows from hours and days.
    fn of(ledger: Ledger) -> Self {
        let mut counts = Self::default();
        for ((dimension, _, word), total) in &ledger.days {
            let (views, visitors) = (total.rollup.views, total.returns.visitors(u32::MAX));
            match (dimension, word) {
                (Dimension::Site, _) => {
                    counts.views += views;
                    counts.visitors += visitors;
                }
                (Dimension::NotFound, 0) => counts.not_found += views,
                (Dimension::Path, page) => {
                    let page = counts.pages.entry(*page).or_default();
                    *page = (page.0 + views, page.1 + visitors);
                }
                _ => {}
            }
        }
        counts.longer = ledger.cells();
        counts.longer.retain(|cell, _| cell.level != Level::Day);
        Self { hours: ledger.hours, days: ledger.days.into_iter().collect(), ..counts }
    }

    /// What can be computed from rows that begin in the middle of history: whole days from `day` on.
    fn since(&self, day: u32, hour: u32) -> Ledger {
        let days = self.days.iter().filter(|((_, of, _), _)| *of >= day);
        let known = |((dimension, of, word), total): (&DayCell, &Total)| {
            let returns = total.returns.within(of - day);
            ((*dimension, *of, *word), Total { rollup: total.rollup, returns })
        };
        let hours = self.hours.range((hour, Dimension::Site)..);
        Ledger {
            hours: hours.map(|(hour, rollup)| (*hour, *rollup)).collect(),
            days: days.map(known).collect(),
        }
    }

    fn ledger(&self) -> Ledger {
        let days = self.days.iter().map(|(cell, total)| (*cell, total.clone()));
        Ledger { hours: self.hours.clone(), days: days.collect() }
    }
}

impl Store {
    /// The counts as they are stored.
    pub(in crate::analytics) fn counts(&self) -> anyhow::Result<Counts> {
        self.read(|transaction| {
            let hours = transaction.open_table(HOURS)?;
            let (cells, totals) = (transaction.open_table(CELLS)?, transaction.open_table(TOTALS)?);
            stored(&hours, &cells, &totals)
        })
    }

    /// The counts as the rows give them, and the sums of what has none.
    pub(in crate::analytics) fn recount(&self) -> anyhow::Result<Counts> {
        let calendar = self.calendar()?;
        let mut recount = Recount::new(&calendar, HashMap::new());
        let always = Timestamp::default()..=Timestamp::from_millis(i64::MAX);
        self.each_row(always, &mut |key: RowKey, row: &Row| recount.add(key, row))?;
        self.read(|transaction| {
            rowless::add_all(&transaction.open_table(ROWLESS)?, &calendar, &mut recount.ledger)
        })?;
        Ok(Counts::of(recount.ledger))
    }

    /// Whether what is stored agrees with itself, and with the rows that are kept.
    pub fn agrees(&self) -> anyhow::Result<bool> {
        let calendar = self.calendar()?;
        let kept = self.read(|transaction| tables::kept(&transaction.open_table(META)?))?;
        let (stored, recounted) = (self.counts()?, self.recount()?);
        let (day, hour) = first_whole(&calendar, kept);
        let is_sound = Counts::of(stored.ledger()) == stored;
        Ok(is_sound && stored.since(day, hour) == recounted.since(day, hour))
    }

    /// Computes all roll-ups from the rows anew, with days as `calendar` has them, and says how many were
    /// different. What rows that are not kept any more have added stays as it is.
    pub(in crate::analytics) fn rebuild(&self, calendar: &Calendar) -> anyhow::Result<u64> {
        self.with_database(merge::settle)?;
        self.write(|tables| rebuild(tables, calendar))
    }

    /// Sees to it that days are those of `calendar`.
    pub(in crate::analytics) fn settle(&self, calendar: &Calendar) -> anyhow::Result<()> {
        let zone = self.read(|transaction| tables::zone(&transaction.open_table(META)?))?;
        if zone != calendar.name() {
            tracing::info!("the time zone was `{zone}`: days are counted anew");
            self.rebuild(calendar)?;
        }
        Ok(())
    }
}

/// The first day and the first hour all of whose rows are kept.
fn first_whole(calendar: &Calendar, kept: Option<Timestamp>) -> (u32, u32) {
    let Some(kept) = kept else { return (0, 0) };
    let day = calendar.day(kept).saturating_add(1);
    (day, calendar.hour(calendar.start(day)))
}

fn stored(
    hours: &impl ReadableTable<tables::Fixed<5>, tables::Bytes>,
    cells: &impl ReadableTable<tables::Fixed<10>, tables::Bytes>,
    totals: &impl ReadableTable<tables::Fixed<4>, tables::Bytes>,
) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    for entry in hours.iter()? {
        let (key, value) = entry?;
        let hour = tables::decode_hour(*key.value());
        counts.hours.extend(hour.map(|hour| (hour, Rollup::decode(value.value()))));
    }
    for entry in cells.iter()? {
        let (key, value) = entry?;
        let Some(cell) = Cell::from_bytes(*key.value()) else { continue };
        let total = Total::decode(value.value());
        if cell.level == Level::Day {
            counts.days.insert((cell.dimension, cell.start, cell.word), total);
        } else {
            counts.longer.insert(cell, total);
        }
    }
    for entry in totals.iter()? {
        let (key, value) = entry?;
        counts.read(*key.value(), value.value());
    }
    Ok(counts)
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
struct Recount<'c> {
    calendar: &'c Calendar,
    ledger: Ledger,
    /// By number, as bytes: there may be many.
    visitors: HashMap<u32, Vec<u8>>,
}

impl<'c> Recount<'c> {
    fn new(calendar: &'c Calendar, visitors: HashMap<u32, Vec<u8>>) -> Self {
        Self { calendar, ledger: Ledger::default(), visitors }
    }

    fn add(&mut self, key: RowKey, row: &Row) {
        if row.visitor == 0 {
            self.ledger.add(self.calendar, key.time(), row, None);
            return;
        }
        let known = self.visitors.get(&row.visitor).map(|bytes| Visitor::decode(bytes));
        let mut visitor = known.unwrap_or_else(|| Visitor::new(row.visitor));
        self.ledger.enter(self.calendar, key.time(), row, &mut visitor);
        self.visitors.insert(row.visitor, visitor.encode());
    }
}

/// Rebuilds within a transaction.
pub(super) fn rebuild(tables: &mut Tables<'_>, calendar: &Calendar) -> anyhow::Result<u64> {
    let kept = tables::kept(&tables.meta)?;
    let zone = tables::zone(&tables.meta)?;
    let same_zone = zone == calendar.name();
    if let (false, Some(kept), Ok(zone)) = (same_zone, kept, TimeZone::get(&zone)) {
        return rezone(tables, &Calendar::new(zone), calendar, kept);
    }
    let (day, hour) = first_whole(calendar, kept);
    let known = known_before(tables, day)?;
    let mut recount = Recount::new(calendar, known);
    let rows = Rows { events: &tables.events, blocks: &tables.blocks };
    rows.all(&mut |key: RowKey, row: &Row| recount.add(key, row))?;
    rowless::add_all(&tables.rowless, calendar, &mut recount.ledger)?;
    let before = stored(&tables.hours, &tables.cells, &tables.totals)?;
    let after = joined(&before, &recount.ledger, (day, hour), same_zone);
    let differences = differences(&before, &after);
    if differences > 0 || !same_zone {
        replace(tables, &before, &after)?;
        set_visitors(tables, &recount.visitors)?;
        tables.set_zone(&calendar.name())?;
    }
    Ok(differences)
}

/// Counts the days of another zone. Some rows of days up to the first whole one are missing, so what was counted of these as
/// days of the zone before stays theirs; all rows from then on are days of the other zone, of which the first may be the last
/// of those.
fn rezone(
    tables: &mut Tables<'_>,
    before: &Calendar,
    calendar: &Calendar,
    kept: Timestamp,
) -> anyhow::Result<u64> {
    let (day, hour) = first_whole(before, Some(kept));
    let since = before.start(day);
    let mut recount = Recount::new(calendar, known_before(tables, day)?);
    let rows = Rows { events: &tables.events, blocks: &tables.blocks };
    rows.all(&mut |key: RowKey, row: &Row| {
        if key.time() >= since {
            recount.add(key, row);
        }
    })?;
    rowless::add_since(&tables.rowless, since, calendar, &mut recount.ledger)?;
    let counted = stored(&tables.hours, &tables.cells, &tables.totals)?;
    let mut after = counted.ledger();
    after.days.retain(|(_, of, _), _| *of < day);
    after.hours.retain(|(of, _), _| *of < hour);
    for (cell, total) in &recount.ledger.days {
        after.days.entry(*cell).or_default().merge(total);
    }
    for (hour, rollup) in &recount.ledger.hours {
        let sum = after.hours.entry(*hour).or_default();
        *sum = sum.merge(*rollup);
    }
    let after = Counts::of(after);
    replace(tables, &counted, &after)?;
    set_visitors(tables, &recount.visitors)?;
    tables.set_zone(&calendar.name())?;
    tables.set_kept(since)?;
    Ok(differences(&counted, &after))
}

/// Visitors by number, as they were before `day`.
fn known_before(tables: &Tables<'_>, day: u32) -> anyhow::Result<HashMap<u32, Vec<u8>>> {
    let mut known = HashMap::new();
    if day > 0 {
        for entry in tables.visitors.iter()? {
            let visitor = Visitor::decode(entry?.1.value()).before(day);
            known.insert(visitor.number, visitor.encode());
        }
    }
    Ok(known)
}

/// What is stored up to the first whole day, and what was rebuilt from then on; of the latter what is stored
/// as well where both say the same.
fn joined(before: &Counts, rebuilt: &Ledger, (day, hour): (u32, u32), same_zone: bool) -> Counts {
    let mut days = before.days.clone();
    days.retain(|(_, of, _), _| *of < day);
    for (cell, total) in rebuilt.days.iter().filter(|((_, of, _), _)| *of >= day) {
        let stored = before.days.get(cell).filter(|stored| {
            same_zone
                && stored.rollup == total.rollup
                && stored.returns.within(cell.1 - day) == total.returns.within(cell.1 - day)
        });
        // With all rows at hand, what they give is right in every detail.
        days.insert(*cell, if day > 0 { stored.unwrap_or(total) } else { total }.clone());
    }
    let mut hours = before.hours.clone();
    hours.retain(|(of, _), _| *of < hour);
    hours.extend(
        rebuilt.hours.range((hour, Dimension::Site)..).map(|(hour, rollup)| (*hour, *rollup)),
    );
    Counts::of(Ledger { hours, days: days.into_iter().collect() })
}

fn differences(before: &Counts, after: &Counts) -> u64 {
    fn differing<K: Ord, V: PartialEq>(one: &BTreeMap<K, V>, other: &BTreeMap<K, V>) -> u64 {
        let changed = one.iter().filter(|(key, value)| other.get(*key) != Some(*value)).count();
        let gone = other.keys().filter(|key| !one.contains_key(*key)).count();
        (changed + gone) as u64
    }
    let totals = |counts: &Counts| [counts.views, counts.visitors, counts.not_found];
    differing(&before.hours, &after.hours)
        + differing(&before.days, &after.days)
        + differing(&before.longer, &after.longer)
        + differing(&before.pages, &after.pages)
        + u64::from(totals(before) != totals(after))
}

/// Writes `after` where it differs from `before`.
fn replace(tables: &mut Tables<'_>, before: &Counts, after: &Counts) -> anyhow::Result<()> {
    for hour in before.hours.keys().filter(|hour| !after.hours.contains_key(hour)) {
        tables.hours.remove(&tables::hour_key(*hour))?;
    }
    for (hour, rollup) in after.hours.iter().filter(|(hour, of)| before.hours.get(hour) != Some(of))
    {
        tables.hours.insert(&tables::hour_key(*hour), rollup.encode().as_slice())?;
    }
    let (old, new) = (before.cells(), after.cells());
    for cell in old.keys().filter(|cell| !new.contains_key(cell)) {
        tables.cells.remove(&cell.to_bytes())?;
    }
    for (cell, total) in new.iter().filter(|(cell, total)| old.get(cell) != Some(total)) {
        tables.cells.insert(&cell.to_bytes(), total.encode().as_slice())?;
    }
    replace_totals(tables, before, after)
}

fn replace_totals(tables: &mut Tables<'_>, before: &Counts, after: &Counts) -> anyhow::Result<()> {
    for page in before.pages.keys().filter(|page| !after.pages.contains_key(page)) {
        tables.totals.remove(&page.to_be_bytes())?;
    }
    for (page, (views, visitors)) in &after.pages {
        let value = varint::encode([*views, *visitors]);
        tables.totals.insert(&page.to_be_bytes(), value.as_slice())?;
    }
    let site = tables.totals.get(&tables::SITE)?.map(|site| SiteTotals::decode(site.value()));
    let (views, visitors, not_found) = (after.views, after.visitors, after.not_found);
    tables.set_site(&SiteTotals { views, visitors, not_found, ..site.unwrap_or_default() })
}

impl Counts {
    /// The cells of all levels.
    fn cells(&self) -> BTreeMap<Cell, &Total> {
        let days = self.days.iter().map(|((dimension, start, word), total)| {
            let cell =
                Cell { level: Level::Day, dimension: *dimension, start: *start, word: *word };
            (cell, total)
        });
        days.chain(self.longer.iter().map(|(cell, total)| (*cell, total))).collect()
    }
}

/// Writes the days of all visitors.
fn set_visitors(tables: &mut Tables<'_>, visitors: &HashMap<u32, Vec<u8>>) -> anyhow::Result<()> {
    let mut changed = Vec::new();
    for entry in tables.visitors.iter()? {
        let (key, value) = entry?;
        let number = Visitor::head(value.value()).0;
        changed.extend(visitors.get(&number).map(|visitor| (*key.value(), visitor)));
    }
    for (key, value) in changed {
        tables.visitors.insert(&key, value.as_slice())?;
    }
    Ok(())
}
