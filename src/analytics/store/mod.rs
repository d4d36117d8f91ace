//! The database file: one writer, short transactions, and a format of its own within redb's tables.
//!
//! Numbers in keys are big-endian, so that keys sort as numbers do. *n* stands for a number of seven bits a
//! byte, least first, where the eighth bit says that more follow; zeros at the end of a value may be left out.
//! *z* is a difference as a number: twice as much if it is not negative, else twice its amount less one.
//!
//! ```text
//! table       key                                    value
//! ──────────  ─────────────────────────────────────  ────────────────────────────────────────────────
//! meta        "format"                               n version of this format
//!             "zone"                                 name of the time zone whose days are counted
//!             "kept"                                 n from when on all rows are kept; absent: always
//!             "salt"                                 4 day │ 32 key            (visitor ids: daily)
//!             "rejected:NAME"                        n how often
//!             "strays"                               n day in UTC │ n how many strays of it have a row
//! words       1 dimension │ text                     n number of the text
//! names       4 number                               1 dimension │ text
//! visitors    8 hash of the id                       n number │ n latest day, z from 2020-01-01
//!                                                    │ (n (value - value before) * 2 │ days
//!                                                    or 1 more, and days as of the first value)*
//! events      8 row key                              n shape │ n path │ n visitor │ n referrer
//!                                                    │ n country │ n device │ n browser │ n system
//!                                                    │ if it has one: n source │ n campaign
//!                                                    │ of a view: n scroll │ n engaged │ by repeats
//!                                                    │ of an event: n name │ n detail
//! blocks      8 row key of the last row              (n milliseconds since the row before │ row)*
//!                                                    with z of the highest visitor so far + 1 - visitor
//! views       8 id of a viewing or of an event       8 row key                           (counted)
//!                                                    8 row key │ n first seen + 1 │ n engaged
//!                                                                                         (repeat)
//! counted     4 page │ 4 visitor                     8 row key of the last counted view, unless the visit
//!                                                    ended there
//! visits      4 visitor                              8 row key of its first view │ 8 of its last
//!                                                    │ 8 last sign
//! journal     8 number                               (1 table │ 8 key │ n length │ value)*; tables are 0 views,
//!                                                    1 visitors, 2 counted, 3 visits
//! rowless     4 quarter │ 1 dimension │ 4 value      n how often
//! served      1 zero │ 4 quarter │ 1 caller │ 4 zeros    n how often                         (hour)
//!             1 one │ 4 day │ 1 caller │ 4 path      n how often                          (day)
//! presence    16 visitor id, or 8 id of a viewing    6 last seen │ path, or nothing if not found
//! hours       4 quarter │ 1 dimension                totals
//! cells       1 level │ 1 dimension │ 4 day          totals │ (n gap - gap before │ n visitors)*
//!             │ 4 value
//! totals      4 path                                 n views │ n visitors
//!             4 zeros                                n views │ n visitors │ n since + 1 │ n not found
//!                                                    │ n last visitor number
//! not_found   path                                   n views │ n excess │ n 1 │ referrer
//!
//! totals      n views │ n visits │ n exits │ n bounces │ n engaged │ n reads │ n scrolled
//! days        n (latest day - day) * 4 + mark, then n (day - day before) * 4 + mark; the mark says: 0 none
//!             was earlier, 1 earlier ones were forgotten, 2 an earlier one follows
//! shape       bits of what a row is: 1 of no page, 2 event, 4 first of a visit, 8 last, 16 only one,
//!             32 read, 64 has source or campaign, 128 has repeats, 256 outbound, 512 download
//! ```
//!
//! A row key is 6 bytes of milliseconds since 1970 and 2 that tell rows of one millisecond apart. Times are
//! milliseconds in UTC. Days are those of the site's time zone, counted from 1970; an hour is known by the
//! quarter of an hour since 1970 in which it began. Texts stand in `words` once for each dimension; number 0
//! means none, and in `cells` all of them.
//!
//! Rows of a day in UTC that cannot change any more are moved from `events` to `blocks`, all of a block of one
//! day, as soon as the last is 72 hours old. With `rowless` they are what `hours`, `cells`, `totals` and the days
//! of visitors follow from. A cell is what was counted in a day, a month or a year for one value. Its pairs say
//! how many of its visitors were counted for that value so many days before the span began, and not since; 0
//! stands for never. That makes the distinct visitors of any days a sum, see [`returns`](super::returns).
//!
//! `views`, `visitors`, `counted` and `visits` have keys in no order, so that each new one would cost a page of its own.
//! What is new in them is therefore written to `journal` first, a row for each transaction, and what stands there comes
//! before what the tables have. Thousands at once are merged into them in the order of their keys, a part with each
//! transaction; that of the last part deletes the rows that had them. A file that is opened has all of it merged.
//!
//! Strays are what anybody can make up without end: views of paths that the site does not have, and events of viewings
//! that are not in `views`. They leave no id, visitor or visit. Only so many of a day have a row, see
//! [`Strays`](super::strays::Strays); the others are added up in `rowless`, so that all totals follow from rows and that.
//!
//! `views` is needed for two days, `counted` and `visits` for half an hour, `presence` for two minutes; what
//! is older is deleted. Rows and visitors may be dropped for their age, a day at a time; `kept` says so, and
//! their totals stay. `served` follows from nothing else. A file of format 1 or 2 is copied to `analytics.redb.v1` or
//! `.v2` and then changed in one transaction; one of a later format is refused. When the file is checked says
//! [`integrity`].

mod batch;
mod blocks;
mod copy;
#[cfg(test)]
pub(super) mod disk;
mod every_table;
mod export;
#[cfg(test)]
mod faults;
mod frozen;
mod import;
mod integrity;
mod load;
mod merge;
mod migrate;
mod recount;
mod rollups;
mod rowless;
mod rows;
mod served;
mod sizes;
mod tables;
mod tidy;

pub(super) use self::batch::{Identity, More};
pub use self::export::{Words, check_export};
pub(super) use self::import::Past;
pub(super) use self::rollups::Values;
pub(super) use self::rows::RowSink;
pub(super) use self::tidy::Progress;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use anyhow::{Context as _, anyhow, bail, ensure};
use redb::{Database, ReadTransaction, ReadableDatabase as _, WriteTransaction};

use self::integrity::{Damaged, Refused};
use self::tables::Tables;
use super::policy;
use crate::clock::Timestamp;

/// The version of the format that this module writes.
const FORMAT: u64 = 3;

/// The database file. Each method is one transaction; none may be called on a thread that must not wait.
pub struct Store {
    medium: Medium,
    database: RwLock<Door>,
    /// Goes up with each transaction that may have written anything, once that can be read.
    revision: AtomicU64,
    /// Whether a transaction that writes has failed since the file was opened.
    has_failed: AtomicBool,
    /// Whether this is the site's own server, which goes on without the file and sets a damaged one aside.
    is_host: bool,
}

/// Where the bytes are.
struct Medium {
    path: PathBuf,
    /// In the place of the file.
    #[cfg(test)]
    disk: Option<disk::Disk>,
}

/// The way to the database.
enum Door {
    /// It could not be opened, or was closed after a failure.
    Closed,
    /// It is open, but not known to be whole, and nobody reads it.
    Unchecked(Database),
    /// The file cannot be written to, but read: what is in it can be told.
    Frozen(Database),
    Open(Database),
}

impl Door {
    /// The database, for who may read and write.
    fn open(&self) -> anyhow::Result<&Database> {
        match self {
            Self::Frozen(_) => Err(anyhow!("the database cannot be written to")),
            _ => self.readable(),
        }
    }

    /// The database, for who reads.
    fn readable(&self) -> anyhow::Result<&Database> {
        match self {
            Self::Closed => Err(anyhow!("the database is closed after a failure")),
            Self::Unchecked(_) => Err(anyhow!("the database is being checked")),
            Self::Frozen(database) | Self::Open(database) => Ok(database),
        }
    }

    /// The database, whole or not, if it is written to.
    fn database(&mut self) -> Option<&mut Database> {
        match self {
            Self::Closed | Self::Frozen(_) => None,
            Self::Unchecked(database) | Self::Open(database) => Some(database),
        }
    }

    /// Closes it; says whether all is on disk.
    fn close(&mut self) -> bool {
        match std::mem::replace(self, Self::Closed) {
            Self::Closed => false,
            Self::Unchecked(database) | Self::Frozen(database) => {
                drop(database);
                false
            }
            Self::Open(database) => database.close().is_ok(),
        }
    }
}

/// How much of a file is checked when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    Whole,
}

impl Store {
    /// Opens the database at `path`, or makes one there.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let store = Self::closed(path, false);
        store.enter(None).with_context(|| store.name())?;
        Ok(store)
    }

    /// Opens the database of a site that is served at `now`, or makes one. A damaged file is set aside. If none can
    /// be had for now, that is told, and [`Recorder`](super::Recorder) tries again; a file that must not be used is
    /// an error.
    pub fn host(path: &Path, now: Timestamp) -> anyhow::Result<Self> {
        let store = Self::closed(path, true);
        match store.enter(Some(now)).with_context(|| store.name()) {
            Err(failure) if failure.is::<Refused>() => return Err(failure),
            Err(failure) => {
                tracing::error!("{failure:#}; the site is served, and nobody is counted for now");
            }
            Ok(()) if !integrity::is_locked(path) => tracing::warn!(
                "the file system of `{}` keeps no locks, as some of networks: nothing holds a second server off, and \
                 two would destroy what was counted. Better keep the statistics on a disk of this machine",
                path.display()
            ),
            Ok(()) => {}
        }
        Ok(store)
    }

    fn closed(path: &Path, is_host: bool) -> Self {
        let medium = Medium {
            path: path.to_owned(),
            #[cfg(test)]
            disk: None,
        };
        let database = RwLock::new(Door::Closed);
        Self { medium, database, revision: 0.into(), has_failed: false.into(), is_host }
    }

    /// Opens the database on a disk that is made to fail, as a server does.
    #[cfg(test)]
    pub(super) fn on(disk: disk::Disk) -> Self {
        let mut store = Self::closed(Path::new("a disk of a test"), true);
        store.medium.disk = Some(disk);
        let _ = store.enter(None);
        store
    }

    fn name(&self) -> String {
        format!("cannot open the statistics at `{}`", self.path().display())
    }

    /// Opens the file; if it cannot be written to, that is a failure, but a server can read it from then on.
    fn enter(&self, now: Option<Timestamp>) -> anyhow::Result<()> {
        let entered = self.enter_to_write(now);
        if entered.is_err() && self.is_host {
            let mut door = self.database.write().unwrap_or_else(PoisonError::into_inner);
            self.medium.freeze(&mut door);
        }
        entered
    }

    /// Opens the file. After an unclean end it is checked, if it is large by the next [`reopen`](Self::reopen).
    fn enter_to_write(&self, now: Option<Timestamp>) -> anyhow::Result<()> {
        let (length, is_clean) = self.medium.prepare()?;
        let is_later = self.is_host && length > policy::CHECKED_AT_ONCE;
        let check = if is_clean || is_later { Check::Nothing } else { Check::Whole };
        let database = self.medium.open_or_set_aside(check, now)?;
        let opened = if is_clean || !is_later {
            merge::settle(&database)?;
            Door::Open(database)
        } else {
            Door::Unchecked(database)
        };
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(())
    }

    /// Opens the database at `path`, which must be there, after checking every page of it.
    pub fn open_checked(path: &Path) -> anyhow::Result<Self> {
        let store = Self::closed(path, false);
        let opened = || {
            let metadata = std::fs::metadata(path)?;
            anyhow::ensure!(metadata.len() > 0, "it is empty");
            integrity::inspect_as(path, true)?;
            let database = contained(|| store.medium.open(Check::Whole))?;
            merge::settle(&database)?;
            anyhow::Ok(database)
        };
        let database = opened().with_context(|| store.name())?;
        *store.database.write().unwrap_or_else(PoisonError::into_inner) = Door::Open(database);
        Ok(store)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.medium.path
    }

    /// Whether the site is served without it.
    pub(super) fn is_host(&self) -> bool {
        self.is_host
    }

    /// Whether the file can be read and not written to.
    pub(super) fn is_frozen(&self) -> bool {
        let door = self.database.read().unwrap_or_else(PoisonError::into_inner);
        matches!(*door, Door::Frozen(_))
    }

    /// Closes the file and opens it again, checking all of it; a damaged one is set aside, as of `now`. After a
    /// failed write nothing that the operating system says about the old handle can be believed.
    pub(super) fn reopen(&self, now: Timestamp) -> anyhow::Result<()> {
        let mut door = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if let Door::Unchecked(database) = &mut *door
            && integrity::check(database).and_then(|()| merge::settle(database)).is_ok()
        {
            if let Door::Unchecked(database) = std::mem::replace(&mut *door, Door::Closed) {
                *door = Door::Open(database);
            }
            return Ok(());
        }
        // What cannot be written to has not changed.
        if !matches!(*door, Door::Frozen(_)) {
            door.close();
        }
        let now = self.is_host.then_some(now);
        let opened = self.medium.prepare().and_then(|_| {
            let database = self.medium.open_or_set_aside(Check::Whole, now)?;
            merge::settle(&database).map(|()| database)
        });
        match opened {
            Ok(database) => {
                *door = Door::Open(database);
                self.has_failed.store(false, Ordering::Relaxed);
                Ok(())
            }
            Err(failure) => {
                if self.is_host {
                    self.medium.freeze(&mut door);
                }
                Err(failure)
            }
        }
    }

    /// Keeps every transaction waiting until the result is dropped.
    #[cfg(test)]
    pub(super) fn hold(&self) -> impl Drop + '_ {
        self.database.write().unwrap()
    }

    /// Has every transaction fail until the database is opened again.
    #[cfg(test)]
    pub(super) fn fail(&self) {
        *self.database.write().unwrap() = Door::Closed;
    }

    /// Runs `work` in a transaction that is durable when this returns, or not done at all.
    fn write<T>(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.transact(|transaction| work(&mut Tables::open(transaction)?))
    }

    /// The same, for whoever opens the tables.
    fn transact<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.with_database(|database| transact(database, work))
    }

    /// The same, in as many transactions as it takes.
    fn with_database<T>(
        &self,
        work: impl FnOnce(&Database) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let door = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = door.open()?;
        self.noting(contained(|| work(database)))
    }

    /// Runs `work` in such a transaction, which is given up if it says that it has changed nothing.
    fn write_if(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let door = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = door.open()?;
        self.noting(contained(|| {
            let mut transaction = database.begin_write()?;
            transaction.set_quick_repair(true);
            if work(&mut Tables::open(&transaction)?)? {
                transaction.commit()?;
            } else {
                transaction.abort()?;
            }
            Ok(())
        }))
    }

    /// What changes whenever something was written.
    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Takes note of a write, and whether it has failed.
    fn noting<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<T> {
        self.revision.fetch_add(1, Ordering::Release);
        self.has_failed.fetch_or(result.is_err(), Ordering::Relaxed);
        result
    }

    /// Runs `work` on one state of the database.
    fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let door = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = door.readable()?;
        contained(|| work(&database.begin_read()?))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let has_failed = *self.has_failed.get_mut();
        let door = self.database.get_mut().unwrap_or_else(PoisonError::into_inner);
        if door.close() && !has_failed {
            self.medium.leave_mark();
        }
    }
}

fn write<T>(
    database: &Database,
    work: impl FnOnce(&mut Tables<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    transact(database, |transaction| work(&mut Tables::open(transaction)?))
}

fn transact<T>(
    database: &Database,
    work: impl FnOnce(&WriteTransaction) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    let result = work(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

/// redb may panic on a file that was damaged from outside; that is a failure like any other.
fn contained<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Damaged("it cannot be made sense of".to_owned()).into()))
}

impl Medium {
    /// Sees to the folder, refuses what is not ours, and says how long the file is and whether it needs no check.
    fn prepare(&self) -> anyhow::Result<(u64, bool)> {
        #[cfg(test)]
        if self.disk.is_some() {
            return Ok((0, false));
        }
        let path = &self.path;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        std::fs::create_dir_all(folder.unwrap_or(Path::new(".")))?;
        match integrity::inspect(path) {
            Err(failure) if failure.is::<Damaged>() => return Ok((0, false)),
            inspected => inspected?,
        }
        let length = std::fs::metadata(path).map_or(0, |file| file.len());
        if length == 0 && path.exists() {
            tracing::warn!(
                "the statistics at `{}` are empty, and counting begins anew. If something was counted before, and there is a \
                 backup, `tallymark restore FILE` brings that back",
                path.display()
            );
        }
        let is_clean = integrity::take_mark(path)?;
        Ok((length, is_clean || length == 0))
    }

    fn leave_mark(&self) {
        #[cfg(test)]
        if self.disk.is_some() {
            return;
        }
        integrity::leave_mark(&self.path);
    }

    /// Opens the file. At a time, one that is damaged is set aside, and an empty one takes its place.
    fn open_or_set_aside(&self, check: Check, now: Option<Timestamp>) -> anyhow::Result<Database> {
        let mut opened = contained(|| self.open(check));
        if opened.is_err() && check == Check::Nothing {
            // What is wrong with it is known once all of it was looked at.
            opened = contained(|| self.open(Check::Whole));
        }
        match (opened, now) {
            (Err(failure), Some(now)) if failure.is::<Damaged>() => {
                let aside = integrity::set_aside(&self.path, now)?;
                tracing::error!(
                    "the statistics at `{}` cannot be used, {failure:#}; the file is now `{}`, and counting begins \
                     anew. If there is a backup, end the server and run `tallymark restore FILE`: what was counted \
                     until then is in it",
                    self.path.display(),
                    aside.display(),
                );
                contained(|| self.open(Check::Nothing))
            }
            (opened, _) => opened,
        }
    }

    /// Opens the file. One that was made just now is also made to be found after a loss of power.
    fn open(&self, check: Check) -> anyhow::Result<Database> {
        #[cfg(test)]
        if self.disk.is_some() {
            return self.open_format(check);
        }
        integrity::inspect(&self.path)?;
        let is_new = !self.path.exists();
        let database = self.open_format(check)?;
        if is_new {
            integrity::sync_folder(&self.path)?;
            // The folder may be new itself.
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            integrity::sync_folder(&folder.unwrap_or(Path::new(".")).canonicalize()?)?;
        }
        Ok(database)
    }

    fn open_format(&self, check: Check) -> anyhow::Result<Database> {
        let database = self.open_any(check)?;
        match format(&database)? {
            Some(FORMAT) => Ok(database),
            None => initialize(&database).map(|()| database),
            Some(older @ 1..FORMAT) => {
                // Closed, so that what is copied is whole.
                drop(database);
                let path = &self.path;
                tracing::info!(
                    "`{}` has an older format, and gets that of this version",
                    path.display()
                );
                migrate::keep(path, older)?;
                let database = self.open_any(Check::Whole)?;
                migrate::change(&database, older)?;
                Ok(database)
            }
            Some(later) => bail!(Refused(format!(
                "it has format {later}, and this version of tallymark reads {FORMAT}; a later version wrote it"
            ))),
        }
    }

    /// Has the file be read, if it is whole and cannot be written to. Then it is what it was when it was last looked at.
    fn freeze(&self, door: &mut Door) {
        if !frozen::is_frozen(&self.path) {
            door.close();
        } else if !matches!(door, Door::Frozen(_)) {
            *door = contained(|| self.open_frozen()).map_or(Door::Closed, Door::Frozen);
        }
    }

    fn open_frozen(&self) -> anyhow::Result<Database> {
        integrity::inspect(&self.path)?;
        let check = if integrity::has_mark(&self.path) { Check::Nothing } else { Check::Whole };
        let file = frozen::Frozen::open(&self.path)?;
        let database = builder(check).create_with_backend(file).map_err(integrity::explain)?;
        ensure!(format(&database)? == Some(FORMAT), "it has another format");
        merge::settle(&database).map(|()| database)
    }

    fn open_any(&self, check: Check) -> anyhow::Result<Database> {
        let builder = builder(check);
        #[cfg(test)]
        if let Some(disk) = &self.disk {
            return builder.create_with_backend(disk.attach()).map_err(integrity::explain);
        }
        builder.create(&self.path).map_err(integrity::explain)
    }
}

fn builder(check: Check) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(policy::CACHE_BYTES).set_check_integrity_on_open(check == Check::Whole);
    builder
}

/// The format of the file; none if there is nothing in it.
fn format(database: &Database) -> anyhow::Result<Option<u64>> {
    let transaction = database.begin_read()?;
    if transaction.list_tables()?.next().is_none() {
        return Ok(None);
    }
    let format = tables::format(&transaction);
    let format = format
        .map_err(|_| Refused("it is not a tallymark database, or it is damaged".to_owned()))?;
    Ok(Some(format))
}

/// Makes every table, so that readers find them.
fn initialize(database: &Database) -> anyhow::Result<()> {
    write(database, |tables| {
        tables.set_zone("UTC")?;
        tables.set_format(FORMAT)
    })
}

#[cfg(test)]
mod tests {
    use super::super::calendar::Calendar;
    use super::super::event::Event;
    use super::super::memory::Memory;
    use super::super::rollup::Dimension;
    use super::super::salt::VisitorIds;
    use super::super::samples::{at, heartbeat, view};
    use super::*;
    use jiff::tz::TimeZone;

    fn identity() -> Identity {
        Identity { ids: VisitorIds::Persistent, calendar: Calendar::new(TimeZone::UTC) }
    }

    fn failure(path: &Path) -> String {
        format!("{:#}", Store::open(path).err().unwrap())
    }

    /// Stores each event in a transaction of its own, with the file closed and opened in between.
    fn record(path: &Path, events: Vec<Event>) -> Memory {
        for event in events {
            let store = Store::open(path).unwrap();
            let mut memory = store.load(event.at).unwrap();
            store.commit(&mut memory, &mut [event], &identity(), More::default()).unwrap();
        }
        Store::open(path).unwrap().load(at(0)).unwrap()
    }

    #[test]
    fn what_is_not_our_database_is_refused_with_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("analytics.redb");
        let named =
            |reason: &str| format!("cannot open the statistics at `{}`: {reason}", file.display());
        for content in [&b"\x89PNG\r\n\x1a\n and more"[..], &vec![0x5a; 100_000], b"redb"] {
            std::fs::write(&file, content).unwrap();
            assert_eq!(failure(&file), named("it is not a tallymark database"));
            assert_eq!(std::fs::read(&file).unwrap(), content, "and is left as it is");
        }
        std::fs::remove_file(&file).unwrap();
        drop(Store::open(&file).unwrap());
        let store = Store::open(&file).unwrap();
        assert_eq!(failure(&file), named("another process has it open"));
        store.write(|tables| tables.set_format(4)).unwrap();
        drop(store);
        assert_eq!(
            failure(&file),
            named(
                "it has format 4, and this version of tallymark reads 3; a later version wrote it"
            )
        );
    }

    #[test]
    fn a_database_of_another_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("other.redb");
        let table: redb::TableDefinition<'_, u64, u64> = redb::TableDefinition::new("theirs");
        let theirs = Database::create(&file).unwrap();
        let transaction = theirs.begin_write().unwrap();
        transaction.open_table(table).unwrap().insert(1, 1).unwrap();
        transaction.commit().unwrap();
        drop(theirs);
        assert!(failure(&file).contains("it is not a tallymark database"), "{}", failure(&file));
    }

    #[test]
    fn an_empty_file_becomes_a_database() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let store = Store::open(file.path()).unwrap();
        assert_eq!(store.counts().unwrap(), recount::Counts::default());
    }

    #[test]
    fn a_damaged_file_never_ends_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("analytics.redb");
        record(
            &file,
            vec![view(1, 1, "/a/", 0), view(2, 2, "/b/", 1), heartbeat(2, 2, "/b/", 50, (40, 5))],
        );
        let whole = std::fs::read(&file).unwrap();
        let lengths = (0..whole.len()).step_by(whole.len() / 30);
        let truncated = lengths.map(|length| whole[..length].to_vec());
        let flips = (0..whole.len()).step_by(whole.len() / 60 + 7);
        let flipped = flips.map(|place| {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x10;
            bytes
        });
        for bytes in truncated.chain(flipped) {
            std::fs::write(&file, bytes).unwrap();
            let _ = Store::open(&file).and_then(|store| {
                store.load(at(0))?;
                store.recount()
            });
        }
    }

    #[test]
    fn windows_presence_and_totals_survive_a_restart() {
        const MINUTE: i64 = 60_000;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/analytics.redb");
        let memory = record(
            &file,
            vec![
                view(1, 1, "/a/", 0),
                view(1, 1, "/a/", 1),
                view(2, 1, "/a/", 30 * MINUTE - 1),
                heartbeat(1, 1, "/a/", 30 * MINUTE - 1, (20_000, 30)),
                heartbeat(2, 1, "/a/", 30 * MINUTE + 9_999, (10_000, 60)),
                heartbeat(2, 1, "/a/", 30 * MINUTE + 9_999, (9_000, 10)),
                view(3, 1, "/a/", 30 * MINUTE),
                view(3, 1, "/a/", 70 * MINUTE),
            ],
        );
        assert_eq!((memory.totals.site.views, memory.totals.site.visitors), (2, 1));
        assert_eq!(memory.totals.site.since, Some(at(0)));
        let store = Store::open(&file).unwrap();
        let rows = store.recount().unwrap();
        let of_site = rows.days.range((Dimension::Site, 0, 0)..=(Dimension::Site, u32::MAX, 0));
        let engaged: u64 = of_site.map(|(_, total)| total.rollup.engaged_ms).sum();
        assert_eq!(engaged, 30_000, "what a repeat engages is added to the view that it repeats");
        assert_eq!(store.counts().unwrap(), rows);
        let memory = store.load(at(70 * MINUTE)).unwrap();
        assert_eq!(memory.sessions.active(), 1);
        let memory = store.load(at(72 * MINUTE)).unwrap();
        assert_eq!(memory.sessions.active(), 0);
    }

    #[test]
    fn a_page_seen_again_within_half_an_hour_counts_once_whatever_was_seen_and_swept_meanwhile() {
        const MINUTE: i64 = 60_000;
        const DAY: i64 = 24 * 60;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("analytics.redb")).unwrap();
        let mut memory = store.load(at(0)).unwrap();
        let mut views = |minute: i64, page: &str| {
            let mut events = [view(minute.unsigned_abs(), 1, page, minute * MINUTE)];
            store.commit(&mut memory, &mut events, &identity(), More::default()).unwrap();
            store.sweep(&mut memory, at(minute * MINUTE), &[]).unwrap();
            memory.totals.site.views
        };
        assert_eq!((views(1, "/a/"), views(2, "/b/"), views(3, "/c/")), (1, 2, 3));
        assert_eq!((views(4, "/a/"), views(5, "/b/"), views(6, "/c/")), (3, 3, 3));
        assert_eq!((views(30, "/a/"), views(31, "/a/"), views(32, "/b/")), (3, 4, 5));
        // A visit that has gone on for a day ends, and another begins.
        let mut last = 5;
        for minute in (50..DAY - 10).step_by(29) {
            last = views(minute, if minute % 2 == 0 { "/a/" } else { "/b/" });
        }
        assert_eq!(views(DAY - 5, "/c/"), last + 1);
        assert_eq!(views(DAY + 2, "/c/"), last + 1, "after the visit, within half an hour");
        assert_eq!(views(DAY + 3, "/d/"), last + 2);
        assert_eq!((views(DAY + 4, "/c/"), views(DAY + 24, "/c/")), (last + 2, last + 2));
        assert_eq!(views(DAY + 25, "/c/"), last + 3, "half an hour later");
        assert_eq!(store.counts().unwrap(), store.recount().unwrap());
    }

    #[test]
    fn presence_that_has_ended_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("analytics.redb");
        record(&file, vec![view(1, 1, "/a/", 0), view(2, 2, "/a/", 60_000)]);
        let store = Store::open(&file).unwrap();
        let mut memory = store.load(at(60_000)).unwrap();
        store.sweep(&mut memory, at(120_000), &[]).unwrap();
        assert_eq!(store.load(at(60_000)).unwrap().sessions.active(), 1);
        store.sweep(&mut memory, at(180_000), &[]).unwrap();
        assert_eq!(store.load(at(60_000)).unwrap().sessions.active(), 0);
    }

    #[test]
    fn presence_of_a_crowd_is_written_together() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("analytics.redb")).unwrap();
        let mut memory = store.load(at(0)).unwrap();
        let mut come = |first: u8, count: u8, now| {
            let mut events: Vec<Event> = (first..first + count)
                .map(|number| view(number.into(), number, "/a/", now))
                .collect();
            store.commit(&mut memory, &mut events, &identity(), More::default()).unwrap();
            (memory.sessions.active(), store.load(at(now)).unwrap().sessions.active())
        };
        assert_eq!(come(1, 20, 0), (20, 20));
        assert_eq!(come(21, 20, 1_999), (40, 20), "a crowd waits");
        assert_eq!(come(41, 20, 2_000), (60, 60), "for so long");
        assert_eq!(come(61, 20, 2_001), (80, 60));
        assert_eq!(come(81, 1, 2_002), (81, 81), "or until it is none");
        assert_eq!(come(101, 20, 2_003), (101, 81));
        store.sweep(&mut memory, at(2_004), &[]).unwrap();
        assert_eq!(store.load(at(2_004)).unwrap().sessions.active(), 101);
    }

    #[test]
    fn ids_of_two_days_cannot_be_linked_and_those_of_one_day_can() {
        const HOUR: i64 = 3_600_000;
        const WHO: u8 = 0xa7;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("analytics.redb")).unwrap();
        let mut memory = store.load(at(0)).unwrap();
        let identity = Identity { ids: VisitorIds::Daily, calendar: Calendar::new(TimeZone::UTC) };
        let mut commit = |event: Event| {
            let mut events = [event];
            store.commit(&mut memory, &mut events, &identity, More::default()).unwrap();
            (events[0].visitor.unwrap(), memory.totals.site.visitors)
        };
        let (first, _) = commit(view(1, WHO, "/a/", 0));
        let (same_day, visitors) = commit(view(2, WHO, "/b/", 15 * HOUR));
        assert_eq!((first, visitors), (same_day, 1));
        let (next_day, visitors) = commit(view(3, WHO, "/a/", 16 * HOUR));
        assert_ne!(first, next_day);
        assert_eq!(visitors, 2);
        let (set_back, visitors) = commit(view(4, WHO, "/b/", 15 * HOUR));
        assert_eq!(
            (set_back, visitors),
            (next_day, 2),
            "a day that is over does not get its salt back"
        );
        let bytes = std::fs::read(store.path()).unwrap();
        assert!(
            !bytes.windows(16).any(|window| window == [0xa7; 16]),
            "the browser's id is not stored"
        );
    }

    #[test]
    fn without_visitors_only_views_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("analytics.redb")).unwrap();
        let mut memory = store.load(at(0)).unwrap();
        let identity = Identity { ids: VisitorIds::None, calendar: Calendar::new(TimeZone::UTC) };
        let mut events = [(1, 0), (2, 1), (2, 2)].map(|(id, millis)| view(id, 0xa7, "/a/", millis));
        store.commit(&mut memory, &mut events, &identity, More::default()).unwrap();
        assert_eq!((memory.totals.site.views, memory.totals.site.visitors), (2, 0));
        assert_eq!(memory.sessions.active(), 2);
        let bytes = std::fs::read(store.path()).unwrap();
        assert!(!bytes.windows(16).any(|window| window == [0xa7; 16]), "no visitor is stored");
    }

    #[test]
    fn a_dimension_beyond_its_cap_goes_to_other_values() {
        use super::super::event::{Action, Traits};
        use super::super::question::{Breakdown, Question, Time};
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("analytics.redb");
        let store = Store::open(&file).unwrap();
        let mut memory = store.load(at(0)).unwrap();
        let flood = |number: u64, millis| {
            let traits =
                Traits { referrer: Some(format!("{number}.example")), ..Traits::default() };
            let action = Action::View(Box::new(traits));
            Event { action, ..view(number, 0, "/a/", millis) }
        };
        let mut events: Vec<Event> = (0..1500).map(|number| flood(number, 0)).collect();
        store.commit(&mut memory, &mut events, &identity(), More::default()).unwrap();
        drop(store);
        // After a restart the cap still holds for the day, and the next day has one of its own.
        let store = Store::open(&file).unwrap();
        let mut memory = store.load(at(0)).unwrap();
        let mut events = [flood(2000, 1000), flood(2001, 24 * 3_600_000)];
        store.commit(&mut memory, &mut events, &identity(), More::default()).unwrap();
        let query = super::super::query::Query::new(std::sync::Arc::new(store));
        let referrers = |ago| {
            let day = crate::clock::Day::of(at(24 * 3_600_000), &TimeZone::UTC) - ago;
            let about = Question::about(Time::Days { from: day, to: day });
            let question = Question { limit: usize::MAX, ..about };
            let mut answer = query.answer(&question, at(0)).unwrap();
            answer.breakdowns.remove(&Breakdown::Referrers).unwrap()
        };
        let first = referrers(1);
        assert_eq!(first.len(), policy::VALUES_A_DAY + 1);
        assert_eq!((first[0].value.as_str(), first[0].amounts.views), (policy::OTHER, 501));
        assert_eq!(referrers(0)[0].value, "2001.example");
        assert!(query.verify().unwrap());
    }
}
