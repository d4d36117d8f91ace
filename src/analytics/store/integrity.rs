//! Whether the file is whole: when all of it is checked, and what becomes of one that is damaged.
//!
//! redb opens a file after a kill in a millisecond, however large it is, and then believes it: a bit that was
//! flipped meanwhile would be read as if it were true. So all of a file is checked after an unclean end, once a
//! day, whenever somebody asks for it, and after each failure to write.
//!
//! - A file that was closed well has a *mark* beside it, `analytics.redb.clean`, which says how long the file was
//!   and when it was changed last. It goes when the file is opened. Without it, or if it says something else (the
//!   file was copied there, or changed by others), the end was unclean.
//! - A check reads some 400 MB a second. A file of up to [`CHECKED_AT_ONCE`](crate::analytics::policy::CHECKED_AT_ONCE) is checked before anything
//!   else, as nobody notices; a larger one while the site is served already. Its numbers are told once they are
//!   known to be right, and events wait in the queue until then.
//! - A file that cannot be written to, as on a disk that is mounted read-only, is opened by a server all the same, to
//!   be read: what opening, mending and merging write stays in memory, see `frozen`. Events are refused until the
//!   file can be written to, which is tried again and again.
//! - The daily check is made by the thread that stores events, at a moment when nobody reads. redb asks for a
//!   database that nobody else uses. A copy cannot be checked instead: of copies of a file that is written, two in
//!   five were useless, and a long transaction that keeps the file as it is lets it grow for good.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Context as _;
use redb::{Database, DatabaseError, StorageError};
use thiserror::Error;

use super::{Store, contained};
use crate::clock::Timestamp;

/// A file of ours that is not what was written.
#[derive(Debug, Error)]
#[error("it is damaged: {0}")]
pub(super) struct Damaged(pub(super) String);

/// A file that we must not use, and do not touch: somebody else's, of a later version, or in use.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) String);

/// What is said of a file that is in use.
const OPEN_ELSEWHERE: &str = "another process has it open";

/// What every redb file begins with.
const MAGIC: &[u8; 9] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// How long the part of a file is that names its two latest states.
const HEADER: usize = 320;

/// Refuses a file that is not ours, and one that was turned back to an older state since it was closed well.
pub(super) fn inspect(path: &Path) -> anyhow::Result<()> {
    inspect_as(path, mark(path).exists())
}

/// The same for a file that was closed well, or `is_closed` would not be true.
///
/// A file that was not may name the older of its states rightly: that is so from the moment at which redb has mended
/// it, after a kill in the middle of a commit, until it has noted that the file is open.
pub(super) fn inspect_as(path: &Path, is_closed: bool) -> anyhow::Result<()> {
    let mut header = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(HEADER as u64).read_to_end(&mut header)?,
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(failure) => return Err(failure.into()),
    };
    if header.is_empty() {
        return Ok(());
    }
    if !header.starts_with(MAGIC) {
        return Err(Refused("it is not a tallymark database".to_owned()).into());
    }
    if is_closed && is_turned_back(&header) {
        return Err(Damaged("its header names an older state than it has".to_owned()).into());
    }
    Ok(())
}

/// Whether a file that was closed names the older of its two states as the one that is true. No checksum covers
/// the bit that does so, and both states are whole.
///
/// In redb's third format byte 9 has it, beside one that says that the file was not closed; then, after a kill, it
/// may be right. The number of a state is at 104 in each of two slots of 128 bytes, from 64 on.
fn is_turned_back(header: &[u8]) -> bool {
    const VERSION: u8 = 3;
    const UNCLEAN: u8 = 2;
    let slot = |number: usize| header.get(64 + number * 128..).and_then(<[u8]>::first_chunk::<128>);
    let (Some(zero), Some(one)) = (slot(0), slot(1)) else { return false };
    let state = |slot: &[u8; 128]| slot[104..].first_chunk().map_or(0, |n| u64::from_le_bytes(*n));
    let flags = header[MAGIC.len()];
    let (named, other) = if flags & 1 == 0 { (zero, one) } else { (one, zero) };
    let is_known = named[0] == VERSION && other[0] == VERSION;
    is_known && flags & UNCLEAN == 0 && state(named) < state(other)
}

/// Whether the database at `path`, which is open, is kept from others: not where the file system has no locks.
pub(super) fn is_locked(path: &Path) -> bool {
    matches!(Database::builder().open_read_only(path), Err(DatabaseError::DatabaseAlreadyOpen))
}

impl Store {
    /// Whether a file could not be opened because another process has it open.
    pub fn is_open_elsewhere(failure: &anyhow::Error) -> bool {
        failure.downcast_ref::<Refused>().is_some_and(|refused| refused.0 == OPEN_ELSEWHERE)
    }

    /// Takes away what is noted about the file that was at `path` and has another name now.
    pub fn forget(path: &Path) {
        let _ = fs::remove_file(mark(path));
    }
}

/// What redb says about opening a file, as what it means for the file.
pub(super) fn explain(failure: DatabaseError) -> anyhow::Error {
    match failure {
        DatabaseError::DatabaseAlreadyOpen => Refused(OPEN_ELSEWHERE.to_owned()).into(),
        DatabaseError::UpgradeRequired(version) => {
            Refused(format!("it is a redb file of version {version}")).into()
        }
        DatabaseError::Storage(StorageError::Corrupted(what)) => Damaged(what).into(),
        DatabaseError::Storage(StorageError::Io(failure))
            if matches!(
                failure.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Damaged(failure.to_string()).into()
        }
        other => other.into(),
    }
}

/// Checks all of `database`, which nobody else uses.
pub(super) fn check(database: &mut Database) -> anyhow::Result<()> {
    let is_clean = contained(|| database.check_integrity().map_err(explain))?;
    if !is_clean {
        // Which pages are free is redb's own knowledge, and follows from those that are not.
        tracing::warn!("the list of free pages in the statistics was wrong, and is mended");
    }
    Ok(())
}

impl Store {
    /// Checks all of the file, while every transaction waits. One that is damaged is not read any more.
    pub(in crate::analytics) fn check(&self) -> anyhow::Result<()> {
        let mut door = self.database.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let checked = door.database().map_or(Ok(()), check);
        if checked.is_err() {
            door.close();
        }
        drop(door);
        checked.with_context(|| format!("the statistics at `{}`", self.path().display()))
    }
}

/// Where it is noted that a file was closed well.
fn mark(path: &Path) -> PathBuf {
    with_suffix(path, ".clean")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// What tells a file from what it was.
fn state(file: &Metadata) -> Option<String> {
    let changed = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {}\n", file.len(), changed.as_nanos()))
}

/// Notes that the file was closed well. Without the note it is checked once more, that is all.
pub(super) fn leave_mark(path: &Path) {
    if let Some(state) = fs::metadata(path).ok().as_ref().and_then(state) {
        let _ = fs::write(mark(path), state);
    }
}

/// Whether it is noted that the file was closed well, and the note is true.
pub(super) fn has_mark(path: &Path) -> bool {
    let state = fs::metadata(path).ok().as_ref().and_then(state);
    state.is_some_and(|state| fs::read_to_string(mark(path)).is_ok_and(|noted| noted == state))
}

/// Takes the note away, durably, and says whether it was true.
pub(super) fn take_mark(path: &Path) -> io::Result<bool> {
    let was_true = has_mark(path);
    match fs::remove_file(mark(path)) {
        Ok(()) => sync_folder(path)?,
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => {}
        Err(failure) => return Err(failure),
    }
    Ok(was_true)
}

/// Makes what happened to names beside `path` durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) {
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Gives a damaged file another name, which nothing else has, and says which.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> anyhow::Result<PathBuf> {
    let time: String = now.to_rfc3339().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let first = with_suffix(path, &format!(".corrupt-{time}"));
    let others = (2..).map(|number| with_suffix(&first, &format!("-{number}")));
    let aside = std::iter::once(first.clone()).chain(others).find(|name| !name.exists());
    let aside = aside.unwrap_or(first);
    fs::rename(path, &aside)
        .with_context(|| format!("cannot set it aside as `{}`", aside.display()))?;
    // It is said of this file, and the next has its name.
    let _ = fs::remove_file(mark(path));
    sync_folder(path)?;
    Ok(aside)
}
