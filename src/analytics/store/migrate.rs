//! From an older format to this one: the file is copied first, then changed in one transaction.
//!
//! Whoever is killed on the way finds the old file, whole, and begins again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::tz::TimeZone;
use redb::{Database, ReadableTable as _, TableDefinition, WriteTransaction};

use super::recount;
use super::tables::{Bytes, EVENTS, Fixed, Tables};
use crate::analytics::calendar::Calendar;
use crate::analytics::id::VisitorId;
use crate::analytics::policy;
use crate::analytics::row::{Flags, Row, RowKey};
use crate::analytics::varint;
use crate::analytics::visit::Visit;
use crate::analytics::visitor::Visitor;

/// Format 1: `visitors` by their whole id; `seen` had the last view of each page and visitor; `rollups` those of
/// hours alone. A row was path, visitor, engaged, scroll, seven values, and engaged by repeats.
const OLD_VISITORS: TableDefinition<'_, Fixed<16>, Bytes> = TableDefinition::new("visitors");
const OLD_SEEN: TableDefinition<'_, Fixed<8>, Fixed<8>> = TableDefinition::new("seen");
const OLD_ROLLUPS: TableDefinition<'_, Fixed<9>, Bytes> = TableDefinition::new("rollups");

/// Where the file is kept as it was in `format`.
pub(super) fn copy_of(path: &Path, format: u64) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".v{format}"));
    path.with_file_name(name)
}

/// Copies the file, which nobody has open, to where it is kept.
pub(super) fn keep(path: &Path, format: u64) -> anyhow::Result<()> {
    let copy = copy_of(path, format);
    let mut unfinished = copy.clone().into_os_string();
    unfinished.push(".part");
    fs::copy(path, &unfinished)
        .with_context(|| format!("cannot copy it to `{}`", copy.display()))?;
    File::open(&unfinished)?.sync_all()?;
    fs::rename(&unfinished, &copy)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) {
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Changes the file from `format` to that of this version.
pub(super) fn change(database: &Database, format: u64) -> anyhow::Result<()> {
    super::transact(database, |transaction| match format {
        1 => change_first(transaction),
        // The third has two more tables, which are made when they are opened.
        _ => Tables::open(transaction)?.set_format(super::FORMAT),
    })
}

fn change_first(transaction: &WriteTransaction) -> anyhow::Result<()> {
    let (visitors, seen) = (old_visitors(transaction)?, old_seen(transaction)?);
    transaction.delete_table(OLD_VISITORS)?;
    transaction.delete_table(OLD_SEEN)?;
    transaction.delete_table(OLD_ROLLUPS)?;
    let rows = old_rows(transaction)?;
    let mut tables = Tables::open(transaction)?;
    for (id, number) in visitors {
        tables.set_visitor(id, &Visitor::new(number))?;
    }
    let newest =
        rows.last().map_or(RowKey::first_at(crate::clock::Timestamp::default()), |(key, _)| *key);
    for (key, row) in seen.into_iter().filter(|(_, row)| is_near(*row, newest)) {
        tables.counted.insert(&key, &row.to_bytes())?;
    }
    let (rows, visits) = with_visits(rows);
    for (key, row) in rows {
        tables.set_row(key, &row)?;
    }
    for (visitor, visit) in visits.into_iter().filter(|(_, visit)| visit.includes(newest.time())) {
        tables.set_visit(visitor, visit)?;
    }
    // The zone of the site is not known here; whoever knows it has days counted anew.
    recount::rebuild(&mut tables, &Calendar::new(TimeZone::UTC))?;
    tables.set_format(super::FORMAT)
}

/// Whether a view may still have repeats when the latest was counted.
fn is_near(row: RowKey, newest: RowKey) -> bool {
    newest.time().since(row.time()) < policy::DEDUP_WINDOW
}

fn old_visitors(transaction: &WriteTransaction) -> anyhow::Result<Vec<(VisitorId, u32)>> {
    let mut visitors = Vec::new();
    for entry in transaction.open_table(OLD_VISITORS)?.iter()? {
        let (id, value) = entry?;
        let number = varint::decode(value.value()).small();
        visitors.push((VisitorId::from_bytes(*id.value()), number));
    }
    Ok(visitors)
}

fn old_seen(transaction: &WriteTransaction) -> anyhow::Result<Vec<([u8; 8], RowKey)>> {
    let mut seen = Vec::new();
    for entry in transaction.open_table(OLD_SEEN)?.iter()? {
        let (key, row) = entry?;
        seen.push((*key.value(), RowKey::from_bytes(*row.value())));
    }
    Ok(seen)
}

fn old_rows(transaction: &WriteTransaction) -> anyhow::Result<Vec<(RowKey, Row)>> {
    let mut rows = Vec::new();
    for entry in transaction.open_table(EVENTS)?.iter()? {
        let (key, value) = entry?;
        rows.push((RowKey::from_bytes(*key.value()), old_row(value.value())));
    }
    Ok(rows)
}

fn old_row(bytes: &[u8]) -> Row {
    let mut numbers = varint::decode(bytes);
    let (path, visitor, own_ms) = (numbers.small(), numbers.small(), numbers.small());
    let scroll = u8::try_from(numbers.small()).unwrap_or(100);
    let traits = std::array::from_fn(|_| numbers.small());
    let repeats_ms = numbers.small();
    let flags = if path == 0 { Flags::MISSING } else { Flags::default() };
    Row { path, visitor, flags, traits, scroll, own_ms, repeats_ms, ..Row::default() }
}

/// Finds out which rows were one visit: of each it is known when it was counted and how long it was engaged.
fn with_visits(mut rows: Vec<(RowKey, Row)>) -> (Vec<(RowKey, Row)>, HashMap<u32, Visit>) {
    let mut visits: HashMap<u32, (Visit, [usize; 2])> = HashMap::new();
    for place in 0..rows.len() {
        let (key, row) = rows[place];
        if row.visitor == 0 || !row.is_page_view() {
            continue;
        }
        let known = visits.get(&row.visitor).filter(|(visit, _)| visit.includes(key.time()));
        let (mut visit, mut places) = (Visit::begin(key), [place, place]);
        let mut flags = Flags::ENTRY.with(Flags::EXIT).with(Flags::BOUNCE);
        if let Some((known, [entry, exit])) = known {
            rows[*entry].1.flags = rows[*entry].1.flags.without(Flags::BOUNCE);
            rows[*exit].1.flags = rows[*exit].1.flags.without(Flags::EXIT);
            (visit.entry, places, flags) = (known.entry, [*entry, place], Flags::EXIT);
        }
        rows[place].1.flags = row.flags.with(flags);
        visit.sign = key.time() + std::time::Duration::from_millis(row.engaged_ms());
        visits.insert(row.visitor, (visit, places));
    }
    (rows, visits.into_iter().map(|(visitor, (visit, _))| (visitor, visit)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::tables::{JOURNAL, META, NAMES, PRESENCE, ROWLESS, TOTALS, VIEWS, WORDS};
    use super::*;
    use crate::analytics::samples::{START, at};
    use crate::analytics::totals::SiteTotals;

    const MINUTE: i64 = 60_000;

    /// A view as format 1 had it: when, path, visitor, milliseconds engaged.
    type OldView = (i64, u32, u8, u64);

    /// Writes a file of format 1.
    fn write_old(file: &Path, views: &[OldView]) {
        let database = Database::create(file).unwrap();
        let transaction = database.begin_write().unwrap();
        {
            let mut meta = transaction.open_table(META).unwrap();
            meta.insert(b"format".as_slice(), [1].as_slice()).unwrap();
            let mut words = transaction.open_table(WORDS).unwrap();
            let mut names = transaction.open_table(NAMES).unwrap();
            for number in 1..=2_u32 {
                let key = format!("\u{1}/{number}/").into_bytes();
                words
                    .insert(key.as_slice(), varint::encode([u64::from(number)]).as_slice())
                    .unwrap();
                names.insert(&number.to_be_bytes(), key.as_slice()).unwrap();
            }
            let mut visitors = transaction.open_table(OLD_VISITORS).unwrap();
            let mut seen = transaction.open_table(OLD_SEEN).unwrap();
            let mut events = transaction.open_table(EVENTS).unwrap();
            let mut marks = transaction.open_table(VIEWS).unwrap();
            let mut totals = SiteTotals { last_visitor: 9, ..SiteTotals::default() };
            for (place, (millis, path, visitor, engaged)) in views.iter().enumerate() {
                let key = RowKey::first_at(at(*millis));
                visitors
                    .insert(&[*visitor; 16], varint::encode([u64::from(*visitor), 1]).as_slice())
                    .unwrap();
                let page = if *path == 0 { 1 << 31 } else { *path };
                seen.insert(
                    &(u64::from(page) << 32 | u64::from(*visitor)).to_be_bytes(),
                    &key.to_bytes(),
                )
                .unwrap();
                let row = varint::encode([u64::from(*path), u64::from(*visitor), *engaged, 40]);
                events.insert(&key.to_bytes(), row.as_slice()).unwrap();
                marks.insert(&(place as u64).to_be_bytes(), key.to_bytes().as_slice()).unwrap();
                totals.views += u64::from(*path != 0);
                totals.not_found += u64::from(*path == 0);
                totals.since.get_or_insert(at(*millis));
            }
            totals.visitors = 2;
            transaction
                .open_table(TOTALS)
                .unwrap()
                .insert(&[0; 4], totals.encode().as_slice())
                .unwrap();
            transaction.open_table(OLD_ROLLUPS).unwrap();
            transaction.open_table(PRESENCE).unwrap();
        }
        transaction.commit().unwrap();
    }

    const VIEWS_OF_OLD: [OldView; 5] = [
        (0, 1, 1, 0),
        (20 * MINUTE, 2, 1, 900_000),
        (40 * MINUTE, 0, 2, 0),
        // Half an hour after the last sign, which was when the second had been engaged for 15 minutes.
        (65 * MINUTE - 1, 1, 1, 0),
        (200 * MINUTE, 1, 2, 0),
    ];

    #[test]
    fn a_file_of_the_first_format_is_copied_and_becomes_one_of_this() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("analytics.redb");
        write_old(&file, &VIEWS_OF_OLD);
        let store = Store::open(&file).unwrap();
        let copy = Database::create(copy_of(&file, 1)).unwrap().begin_write().unwrap();
        assert_eq!((old_visitors(&copy).unwrap().len(), old_rows(&copy).unwrap().len()), (2, 5));
        assert!(!folder.path().join("analytics.redb.v1.part").exists());
        assert!(store.agrees().unwrap());
        let counts = store.counts().unwrap();
        assert_eq!((counts.views, counts.visitors, counts.not_found), (4, 2, 1));
        let days: Vec<_> = counts.days.iter().filter(|((_, _, word), _)| *word == 0).collect();
        let rollup = days[0].1.rollup;
        assert_eq!((rollup.visits, rollup.exits, rollup.bounces), (2, 2, 1));
        let memory = store.load(at(200 * MINUTE)).unwrap();
        assert_eq!(memory.totals.site.last_visitor, 9);
        assert_eq!(memory.totals.site.since.unwrap().as_millis(), START);
        drop(store);
        assert!(Store::open(&file).unwrap().agrees().unwrap());
    }

    #[test]
    fn a_file_of_the_second_format_gets_the_tables_that_it_does_not_have() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("analytics.redb");
        write_old(&file, &VIEWS_OF_OLD);
        let store = Store::open(&file).unwrap();
        let counts = store.counts().unwrap();
        store
            .transact(|transaction| {
                transaction.delete_table(JOURNAL)?;
                transaction.delete_table(ROWLESS)?;
                let mut meta = transaction.open_table(META)?;
                meta.insert(b"format".as_slice(), [2].as_slice())?;
                Ok(())
            })
            .unwrap();
        drop(store);
        let store = Store::open(&file).unwrap();
        assert_eq!(store.counts().unwrap(), counts);
        assert!(store.agrees().unwrap());
        drop(store);
        assert!(copy_of(&file, 2).exists());
        assert_eq!(Store::open(&file).unwrap().counts().unwrap(), counts);
    }

    #[test]
    fn a_change_that_was_broken_off_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("analytics.redb");
        write_old(&file, &VIEWS_OF_OLD);
        // Broken off while copying, then while changing.
        fs::write(folder.path().join("analytics.redb.v1.part"), "half").unwrap();
        keep(&file, 1).unwrap();
        let database = Database::create(&file).unwrap();
        let transaction = database.begin_write().unwrap();
        change_first(&transaction).unwrap();
        drop(transaction);
        drop(database);
        let store = Store::open(&file).unwrap();
        assert!(store.agrees().unwrap());
        assert_eq!(store.counts().unwrap().views, 4);
    }
}
