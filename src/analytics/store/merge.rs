//! The journal in the database: a row for each batch, emptied when all of it has been merged into its tables.
//!
//! A row is durable with the batch whose entries it has, so nothing depends on when they are merged. Merging is repeated
//! after a crash, which changes nothing: in the journal are the latest values. Whoever opens the file merges first; what is
//! read while events are counted either does not need the latest entries or looks into the journal too.

use std::ops::Bound;

use redb::{
    Database, Key, ReadTransaction, ReadableDatabase as _, ReadableTable as _, Table, Value,
};

use super::batch::Batch;
use super::tables::{self, JOURNAL, Tables, ViewMark};
use super::{Store, contained, write};
use crate::analytics::id::ViewId;
use crate::analytics::journal::{Journal, Place, Shelf};
use crate::analytics::memory::Memory;
use crate::analytics::policy;
use crate::analytics::row::RowKey;
use crate::analytics::seen::Seen;
use crate::analytics::visit::Visit;
use crate::analytics::visitor::Visitor;

impl Store {
    /// Merges what waits in the journal.
    pub(in crate::analytics) fn merge(&self, memory: &mut Memory) -> anyhow::Result<()> {
        self.with_database(|database| merge_all(database, &mut memory.journal))
    }

    /// Merges so much of it that nobody who waits meanwhile minds.
    pub(in crate::analytics) fn merge_some(&self, memory: &mut Memory) -> anyhow::Result<()> {
        if memory.journal.is_empty() {
            return Ok(());
        }
        self.with_database(|database| merge_part(database, &mut memory.journal))
    }
}

/// Merges what the journal of a database has that nobody counts into yet.
pub(super) fn settle(database: &Database) -> anyhow::Result<()> {
    contained(|| {
        let mut journal = read(&database.begin_read()?)?;
        merge_all(database, &mut journal)
    })
}

/// The journal as it is stored.
pub(super) fn read(transaction: &ReadTransaction) -> anyhow::Result<Journal> {
    let mut journal = Journal::default();
    for entry in transaction.open_table(JOURNAL)?.iter()? {
        let (number, row) = entry?;
        journal.read(u64::from_be_bytes(*number.value()), row.value());
    }
    Ok(journal)
}

/// Merges `journal` in several transactions: one alone would need as much room again as all pages that it changes.
fn merge_all(database: &Database, journal: &mut Journal) -> anyhow::Result<()> {
    while !journal.is_empty() {
        merge_part(database, journal)?;
    }
    Ok(())
}

fn merge_part(database: &Database, journal: &mut Journal) -> anyhow::Result<()> {
    write(database, |tables| merge(tables, journal, policy::MERGED_AT_ONCE))
}

/// Merges the next `most` entries. With the last, the rows that had them go.
pub(super) fn merge(
    tables: &mut Tables<'_>,
    journal: &mut Journal,
    most: usize,
) -> anyhow::Result<()> {
    let Some(part) = journal.part(most) else { return Ok(()) };
    for of_table in part.entries.chunk_by(|((one, _), _), ((other, _), _)| one == other) {
        insert(tables, of_table)?;
    }
    if let Some(end) = part.end {
        tables.journal.retain_in::<&[u8; 8], _>(..&end.to_be_bytes(), |_, _| false)?;
    }
    journal.merged(most);
    Ok(())
}

/// Writes entries of one table, in their order.
fn insert(tables: &mut Tables<'_>, entries: &[(Place, &[u8])]) -> anyhow::Result<()> {
    let Some(((shelf, _), _)) = entries.first() else { return Ok(()) };
    let keys: Vec<[u8; 8]> = entries.iter().map(|((_, key), _)| key.to_be_bytes()).collect();
    let pairs = keys.iter().zip(entries).map(|(key, (_, value))| (key.as_slice(), *value));
    match shelf {
        Shelf::Views => insert_scattered(&mut tables.views, pairs),
        Shelf::Visitors => insert_scattered(&mut tables.visitors, pairs),
        Shelf::Counted => insert_runs(&mut tables.counted, &pairs.collect::<Vec<_>>()),
        Shelf::Visits => {
            let pairs: Vec<_> = pairs.map(|(key, value)| (&key[4..], value)).collect();
            insert_runs(&mut tables.visits, &pairs)
        }
    }
}

/// Whether a key and a value are as long as those of a table must be; after damage they may not be.
fn fits<K: Key + 'static, V: Value + 'static>((key, value): (&[u8], &[u8])) -> bool {
    let fits = |width: Option<usize>, bytes: &[u8]| width.is_none_or(|width| width == bytes.len());
    fits(K::fixed_width(), key) && fits(V::fixed_width(), value)
}

/// Inserts pairs with others between them.
fn insert_scattered<'p, K: Key + 'static, V: Value + 'static>(
    table: &mut Table<'_, K, V>,
    pairs: impl Iterator<Item = (&'p [u8], &'p [u8])>,
) -> anyhow::Result<()> {
    for (key, value) in pairs.filter(|pair| fits::<K, V>(*pair)) {
        table.insert(K::from_bytes(key), V::from_bytes(value))?;
    }
    Ok(())
}

/// Inserts pairs in the order of their keys. A run of new ones, with none of the table between them, fills pages, where
/// one that is inserted alone at the end would leave every page half empty.
pub(super) fn insert_runs<K: Key + 'static, V: Value + 'static>(
    table: &mut Table<'_, K, V>,
    pairs: &[(&[u8], &[u8])],
) -> anyhow::Result<()> {
    let mut rest = pairs;
    while let [first, others @ ..] = rest {
        if !fits::<K, V>(*first) {
            rest = others;
            continue;
        }
        let mut cursor = table.lower_bound_mut(Bound::Included(K::from_bytes(first.0)))?;
        let next = cursor.peek_next()?;
        let next = next.map(|(key, _)| K::as_bytes(&key.value()).as_ref().to_vec());
        let is_in_run = |pair: &&(&[u8], &[u8])| {
            fits::<K, V>(**pair)
                && next.as_ref().is_none_or(|next| K::compare(pair.0, next).is_lt())
        };
        let run = rest.iter().take_while(is_in_run).count();
        if run < 2 {
            drop(cursor);
            table.insert(K::from_bytes(first.0), V::from_bytes(first.1))?;
            rest = others;
            continue;
        }
        for (key, value) in &rest[..run] {
            cursor.insert_before(K::from_bytes(key), V::from_bytes(value))?;
        }
        cursor.close()?;
        rest = &rest[run..];
    }
    Ok(())
}

/// Tables whose latest entries are in the journal.
impl Batch<'_, '_> {
    /// Whether the journal or a table may have something, as far as `is_seen` knows.
    fn may_have(&self, is_seen: impl FnOnce(&Seen) -> bool) -> bool {
        self.memory.seen.as_ref().is_none_or(is_seen)
    }

    /// What the id of a viewing or of an event stands for.
    pub(super) fn view(&self, id: ViewId) -> anyhow::Result<Option<ViewMark>> {
        if !self.may_have(|seen| seen.views.may_have(id.number())) {
            return Ok(None);
        }
        match self.memory.journal.value((Shelf::Views, id.number())) {
            Some(mark) => Ok(tables::decode_mark(mark)),
            None => self.tables.view(id),
        }
    }

    pub(super) fn set_view(&mut self, id: ViewId, mark: ViewMark) {
        if let Some(seen) = &mut self.memory.seen {
            seen.views.add(id.number());
        }
        self.memory.journal.put((Shelf::Views, id.number()), &tables::encode_mark(mark));
    }

    /// What is known of the visitor with this key.
    pub(super) fn visitor(&self, key: u64) -> anyhow::Result<Option<Visitor>> {
        if !self.may_have(|seen| seen.visitors.may_have(key)) {
            return Ok(None);
        }
        match self.memory.journal.value((Shelf::Visitors, key)) {
            Some(visitor) => Ok(Some(Visitor::decode(visitor))),
            None => self.tables.visitor(key.to_be_bytes()),
        }
    }

    pub(super) fn set_visitor(&mut self, key: u64, visitor: &Visitor) {
        if let Some(seen) = &mut self.memory.seen {
            seen.visitors.add(key);
        }
        self.memory.journal.put((Shelf::Visitors, key), &visitor.encode());
    }

    /// The last view that was noted as counted for a page and a visitor.
    pub(super) fn noted(&self, page: u32, visitor: u32) -> anyhow::Result<Option<RowKey>> {
        let key = tables::counted_key(page, visitor);
        let row = self.memory.journal.value((Shelf::Counted, u64::from_be_bytes(key)));
        match row.and_then(|row| row.try_into().ok()) {
            Some(row) => Ok(Some(RowKey::from_bytes(row))),
            None => self.tables.counted(key),
        }
    }

    pub(super) fn note_counted(&mut self, page: u32, visitor: u32, row: RowKey) {
        let key = u64::from_be_bytes(tables::counted_key(page, visitor));
        self.memory.journal.put((Shelf::Counted, key), &row.to_bytes());
    }

    /// The visit that a visitor made last.
    pub(super) fn visit(&self, visitor: u32) -> anyhow::Result<Option<Visit>> {
        let visit = self.memory.journal.value((Shelf::Visits, visitor.into()));
        match visit.and_then(|visit| visit.try_into().ok()) {
            Some(visit) => Ok(Some(Visit::from_bytes(visit))),
            None => self.tables.visit(visitor),
        }
    }

    pub(super) fn set_visit(&mut self, visitor: u32, visit: Visit) {
        self.memory.journal.put((Shelf::Visits, visitor.into()), &visit.to_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{Identity, More};
    use super::*;
    use crate::analytics::calendar::Calendar;
    use crate::analytics::event::Event;
    use crate::analytics::id::VisitorId;
    use crate::analytics::salt::VisitorIds;
    use crate::analytics::samples::{at, view};
    use jiff::tz::TimeZone;

    /// More views than are merged at once; each notes an entry in each of three tables.
    const VIEWS: u64 = policy::MERGED_AT_ONCE as u64 / 3 + 100;

    fn views() -> Vec<Event> {
        let of = |number: u64| {
            let id = VisitorId::from_bytes(u128::from(number).to_be_bytes());
            Event { visitor: Some(id), ..view(number, 0, "/a/", 0) }
        };
        (1..=VIEWS).map(of).collect()
    }

    fn commit(store: &Store, memory: &mut Memory) {
        let calendar = Calendar::new(TimeZone::UTC);
        let identity = Identity { ids: VisitorIds::Persistent, calendar };
        store.commit(memory, &mut views(), &identity, More::default()).unwrap();
    }

    /// Whether everything that was counted may be in the database, as far as that says.
    fn are_seen(store: &Store, journal: &Journal) -> bool {
        let seen = store.seen(journal).unwrap().expect("there are few");
        views().iter().all(|event| {
            let key = event.visitor.expect("a visitor").key();
            seen.views.may_have(event.view.number())
                && seen.visitors.may_have(u64::from_be_bytes(key))
        })
    }

    #[test]
    fn a_long_journal_is_merged_in_parts_and_all_is_known_meanwhile() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let store = Store::open(file.path()).unwrap();
        let mut memory = store.load(at(0)).unwrap();
        assert_eq!(
            store.seen(&memory.journal).unwrap().map(|seen| seen.views.may_have(1)),
            Some(false)
        );
        commit(&store, &mut memory);
        assert!(are_seen(&store, &memory.journal), "all is in the journal");
        store.merge_some(&mut memory).unwrap();
        assert!(memory.journal.is_half_merged());
        assert!(are_seen(&store, &memory.journal), "some is in the tables");
        for _ in 0..2 {
            memory.seen = store.seen(&memory.journal).unwrap();
            commit(&store, &mut memory);
            assert_eq!(memory.totals.site.views, VIEWS, "what is sent again counts once");
            store.merge(&mut memory).unwrap();
        }
        assert!(memory.journal.is_empty() && are_seen(&store, &memory.journal));
        store.merge_some(&mut memory).unwrap();
    }
}
