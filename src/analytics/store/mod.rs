//! The database file: one writer, short transactions, and a format of its own within redb's tables.
//!
//! Numbers in keys are big-endian, so that keys sort as numbers do. *n* stands for a number of seven bits a
//! byte, least first, where the eighth bit says that more follow; zeros at the end of a value are left out.
//!
//! ```text
//! table       key                                    value
//! ──────────  ─────────────────────────────────────  ────────────────────────────────────────────────
//! meta        "format"                               n version of this format
//!             "salt"                                 4 day │ 32 key            (visitor ids: daily)
//!             "rejected:NAME"                        n how often
//! words       1 dimension │ text                     n number of the text
//! names       4 number                               1 dimension │ text
//! visitors    16 id                                  n number │ n time of first page view + 1, or 0
//! views       8 id of a viewing                      8 row key                           (counted)
//!                                                    8 row key │ n first seen │ n engaged (repeat)
//! events      8 row key                              n path │ n visitor │ n engaged │ n scroll
//!                                                    │ n referrer │ n country │ n device │ n browser
//!                                                    │ n system │ n source │ n campaign
//!                                                    │ n engaged by repeats
//! seen        4 page │ 4 visitor                     8 row key of the last counted view
//! presence    16 visitor id, or 8 id of a viewing    6 last seen │ path, or nothing if not found
//! rollups     4 hour │ 1 dimension │ 4 value         n views │ n engaged │ n scrolled
//! totals      4 path                                 n views │ n visitors
//!             4 zeros                                n views │ n visitors │ n since + 1 │ n not found
//!                                                    │ n last visitor number
//! not_found   path                                   n views │ n excess │ referrer
//! ```
//!
//! A row key is 6 bytes of milliseconds since 1970 and 2 that tell rows of one millisecond apart. Times are
//! milliseconds, hours are counted from 1970, all in UTC. Texts stand in `words` once for each dimension;
//! number 0 means none. The path of a row is 0 if the site did not have it; the page in `seen` is then a
//! hash with its highest bit set. `events` is what everything but `visitors` and `presence` follows from.
//! A file of a later format is refused.

mod batch;
mod load;
mod recount;
mod tables;

pub(super) use self::batch::Identity;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use anyhow::{Context as _, anyhow, bail};
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase as _};

use self::tables::Tables;
use super::policy;

/// The version of the format that this module writes.
const FORMAT: u64 = 1;

/// The database file. Each method is one transaction; none may be called on a thread that must not wait.
pub struct Store {
    path: PathBuf,
    /// None while it is closed after a failure.
    database: RwLock<Option<Database>>,
}

impl Store {
    /// Opens the database at `path`, or makes one there.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let database = contained(|| open(path, false))
            .with_context(|| format!("cannot open the statistics at `{}`", path.display()))?;
        Ok(Self { path: path.to_owned(), database: RwLock::new(Some(database)) })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Closes the file and opens it again, checking all of it. After a failed write nothing that the
    /// operating system says about the old handle can be believed.
    pub(super) fn reopen(&self) -> anyhow::Result<()> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = None;
        *database = Some(contained(|| open(&self.path, true))?);
        Ok(())
    }

    /// Runs `work` in a transaction that is durable when this returns, or not done at all.
    fn write<T>(
        &self,
        work: impl FnOnce(&mut Tables<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().context("the database is closed after a failure")?;
        contained(|| write(database, work))
    }

    /// Runs `work` on one state of the database.
    fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().context("the database is closed after a failure")?;
        contained(|| work(&database.begin_read()?))
    }
}

fn write<T>(
    database: &Database,
    work: impl FnOnce(&mut Tables<'_>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    let result = work(&mut Tables::open(&transaction)?)?;
    transaction.commit()?;
    Ok(result)
}

/// redb may panic on a file that was damaged from outside; that is a failure like any other.
fn contained<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(anyhow!("the database is damaged")))
}

fn open(path: &Path, check: bool) -> anyhow::Result<Database> {
    let mut builder = Database::builder();
    builder.set_cache_size(policy::CACHE_BYTES).set_check_integrity_on_open(check);
    let database = builder.create(path).map_err(explain)?;
    match format(&database)? {
        Some(FORMAT) => {}
        None => initialize(&database)?,
        Some(later) => bail!(
            "it has format {later}, and this version of tallymark reads {FORMAT}; a later version wrote it"
        ),
    }
    Ok(database)
}

/// What redb says, in words for the owner of the site.
fn explain(failure: DatabaseError) -> anyhow::Error {
    match failure {
        DatabaseError::DatabaseAlreadyOpen => anyhow!("another process has it open"),
        DatabaseError::Storage(redb::StorageError::Io(failure))
            if failure.kind() == std::io::ErrorKind::InvalidData =>
        {
            anyhow!("it is not a tallymark database, or it is damaged")
        }
        DatabaseError::Storage(redb::StorageError::Corrupted(what)) => {
            anyhow!("it is damaged: {what}")
        }
        other => other.into(),
    }
}

/// The format of the file; none if there is nothing in it.
fn format(database: &Database) -> anyhow::Result<Option<u64>> {
    let transaction = database.begin_read()?;
    if transaction.list_tables()?.next().is_none() {
        return Ok(None);
    }
    let format = tables::format(&transaction).context("it is not a tallymark database")?;
    Ok(Some(format))
}

/// Makes every table, so that readers find them.
fn initialize(database: &Database) -> anyhow::Result<()> {
    write(database, |tables| tables.set_format(FORMAT))
}
