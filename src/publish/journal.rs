//! What remains to be done to publish a staged site: written down first, so that a kill cannot leave half of it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::{CATALOG, catalog, private_folder};
use crate::site::Catalog;

/// The journal within the private folder.
pub(super) const JOURNAL: &str = "journal.json";

/// Where files wait within the private folder.
pub(super) const STAGING: &str = "staging";

/// The catalog of the new site, waiting in the staging folder; no page is called so.
const NEXT_CATALOG: &str = ".next-site.json";

/// What remains to be done, as paths relative to the output folder.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Journal {
    /// Files to be moved from the staging folder.
    pub(super) writes: BTreeSet<PathBuf>,
    /// Files to be removed.
    pub(super) removals: BTreeSet<PathBuf>,
}

/// Publishes what is staged in `output`, with `catalog` as its new catalog.
pub(super) fn publish(output: &Path, journal: &Journal, catalog: &Catalog) -> anyhow::Result<()> {
    let private = private_folder(output);
    let staging = private.join(STAGING);
    fs::create_dir_all(&staging)
        .with_context(|| format!("cannot create `{}`", staging.display()))?;
    write_synced(&staging.join(NEXT_CATALOG), |file| catalog::write(catalog, file))?;
    sync_staged(&staging, &journal.writes)?;
    let bytes = serde_json::to_vec(journal).context("cannot write the journal")?;
    let draft = private.join("journal.tmp");
    write_synced(&draft, |file| file.write_all(&bytes))?;
    rename(&draft, &private.join(JOURNAL))?;
    sync_folder(&private)?;
    finish(output, false)
}

/// Does what the journal in `output` says, if there is one; doing it twice does no harm. With `force`, files that were
/// lost meanwhile are not missed: they are about to be written again.
pub(super) fn finish(output: &Path, force: bool) -> anyhow::Result<()> {
    let private = private_folder(output);
    let path = private.join(JOURNAL);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
        }
    };
    let journal: Journal = serde_json::from_slice(&bytes).with_context(|| {
        format!("`{}` is damaged; delete it and build with `--force`", path.display())
    })?;
    let staging = private.join(STAGING);
    let is_lost =
        |relative: &PathBuf| !staging.join(relative).exists() && !output.join(relative).exists();
    for relative in journal.writes.iter().filter(|relative| !force || !is_lost(relative)) {
        move_into_place(&staging, output, relative, &journal.removals)?;
    }
    for relative in &journal.removals {
        remove(output, relative)?;
    }
    sync_parents(output, &journal)?;
    let next = staging.join(NEXT_CATALOG);
    if next.exists() {
        rename(&next, &private.join(CATALOG))?;
    }
    sync_folder(&private)?;
    fs::remove_file(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
    remove_staging(&private)
}

/// Finishes what the last build could not, if there is anything. With `force`, what cannot be finished is given up: all of it
/// is about to be written again.
pub(super) fn resume(output: &Path, force: bool) -> anyhow::Result<()> {
    let Err(failure) = finish(output, force) else { return Ok(()) };
    let journal = private_folder(output).join(JOURNAL);
    if force && fs::remove_file(&journal).is_ok() {
        return Ok(());
    }
    Err(failure.context(
        "the last build was not published to its end, and cannot be; remove what is in the way, or build with `--force`",
    ))
}

/// Removes what is staged, unless a journal says that it is to be published.
pub(super) fn abandon(private: &Path) -> anyhow::Result<()> {
    if private.join(JOURNAL).exists() { Ok(()) } else { remove_staging(private) }
}

/// Removes what a build that never got to publishing has left.
pub(super) fn remove_staging(private: &Path) -> anyhow::Result<()> {
    let staging = private.join(STAGING);
    match fs::remove_dir_all(&staging) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", staging.display()))
        }
        _ => Ok(()),
    }
}

fn move_into_place(
    staging: &Path,
    output: &Path,
    relative: &Path,
    removals: &BTreeSet<PathBuf>,
) -> anyhow::Result<()> {
    let (from, to) = (staging.join(relative), output.join(relative));
    if !from.exists() {
        // It was moved before the kill, or somebody has taken it away.
        let is_moved = to.exists();
        anyhow::ensure!(is_moved, "`{}` is lost; build with `--force`", to.display());
        return Ok(());
    }
    if fs::rename(&from, &to).is_ok() {
        return Ok(());
    }
    let folder = to.parent().unwrap_or(output);
    if fs::create_dir_all(folder).is_err() || to.is_dir() {
        // A file becomes a folder, or a folder a file: what is in the way is to be removed anyway, or has nothing in it.
        removals.iter().try_for_each(|gone| remove(output, gone))?;
        let _ = fs::remove_dir(&to);
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create `{}`", folder.display()))?;
    }
    rename(&from, &to)
}

/// Removes a file that a build has written, and the folders that are empty then.
fn remove(output: &Path, relative: &Path) -> anyhow::Result<()> {
    let path = output.join(relative);
    match fs::remove_file(&path) {
        // A folder of the new site may have taken the file's place.
        Err(error) if !is_gone(&error) && !path.is_dir() => {
            return Err(error).with_context(|| format!("cannot remove `{}`", path.display()));
        }
        _ => {}
    }
    for folder in relative.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
        if fs::remove_dir(output.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to).with_context(|| format!("cannot publish `{}`", to.display()))
}

fn write_synced(path: &Path, put: impl FnOnce(&mut File) -> io::Result<()>) -> anyhow::Result<()> {
    let write = || {
        let mut file = File::create(path)?;
        put(&mut file)?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

/// So many files or folders are synced one by one; more are all at once.
const FEW: usize = 16;

/// Makes sure that the new names of files survive a loss of power before the journal is gone.
fn sync_parents(output: &Path, journal: &Journal) -> anyhow::Result<()> {
    let changed = journal.writes.iter().chain(&journal.removals);
    let folders: BTreeSet<&Path> = changed.filter_map(|file| file.parent()).collect();
    if folders.len() > FEW {
        return sync_file_system(output);
    }
    let mut there =
        folders.iter().map(|folder| output.join(folder)).filter(|folder| folder.is_dir());
    there.try_for_each(|folder| sync_folder(&folder))
}

/// Makes sure that staged files survive a loss of power: one by one if few, else all at once.
fn sync_staged(staging: &Path, files: &BTreeSet<PathBuf>) -> anyhow::Result<()> {
    if files.len() > FEW {
        return sync_file_system(staging);
    }
    for relative in files {
        let path = staging.join(relative);
        let synced = File::open(&path).and_then(|file| file.sync_all());
        synced.with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

/// Makes sure that everything below `folder` survives a loss of power.
pub(super) fn sync_file_system(folder: &Path) -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    let synced = File::open(folder).and_then(|file| Ok(rustix::fs::syncfs(&file)?));
    #[cfg(not(target_os = "linux"))]
    let synced = File::open(folder).and_then(|file| file.sync_all());
    synced.with_context(|| format!("cannot write to `{}`", folder.display()))
}

/// Makes sure that the names in `folder` survive a loss of power.
pub(super) fn sync_folder(folder: &Path) -> anyhow::Result<()> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|file| file.sync_all());
        synced.with_context(|| format!("cannot write to `{}`", folder.display()))?;
    }
    Ok(())
}
