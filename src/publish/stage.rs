//! Takes the files of a new site and publishes them together.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::Context;

use super::journal::{self, Journal, STAGING};
use super::{CATALOG, private_folder, read_catalog, refusal, written_files};
use crate::permalink::UrlPath;
use crate::site::{Bodies, Catalog, Digest, OutputFile, Sink, Site};

/// Where the folders of one site are, as far as publishing must know.
#[derive(Debug, Clone, Copy)]
pub struct Folders<'a> {
    /// Where the built site goes.
    pub output: &'a Path,
    /// What it is built from.
    pub root: &'a Path,
    /// The home folder of who builds.
    pub home: Option<&'a Path>,
}

/// A site on its way to disk. Dropped before it is published, it leaves no trace.
#[derive(Debug)]
pub struct Stage {
    output: PathBuf,
    /// Where files wait.
    staging: PathBuf,
    /// A first build stages the whole tree, which is then renamed.
    is_first: bool,
    /// Whether files are written even if they have not changed.
    force: bool,
    previous: Option<Catalog>,
    /// The files of the previous site, also of one whose catalog only another version can read whole.
    before: BTreeSet<PathBuf>,
    /// When the catalog was written, which is after every file of its site.
    written: Option<SystemTime>,
    staged: Mutex<Vec<PathBuf>>,
    /// Held until everything is done.
    _lock: File,
}

/// What publishing has come to.
#[derive(Debug)]
pub struct Published {
    /// The site, on disk.
    pub site: Site,
    /// How many files were written.
    pub written: usize,
    /// How many were removed.
    pub removed: usize,
}

impl Stage {
    /// Prepares to publish; waits for another build to end. Refuses precious and foreign folders.
    pub fn open(folders: Folders<'_>, force: bool) -> anyhow::Result<Self> {
        refusal::check_place(folders.output, folders.root, folders.home)?;
        loop {
            let is_first = !folders.output.exists();
            let tree =
                if is_first { first_tree(folders.output) } else { folders.output.to_owned() };
            let private = private_folder(&tree);
            // A folder that no build has written into is refused before it is touched.
            if !is_first && !force && !holds_a_site(&private) {
                refusal::check_contents(folders.output, &BTreeSet::new())??;
            }
            let Some(lock) = lock(&private)? else { continue };
            if is_first == folders.output.exists() {
                continue; // Another build came first, and the folder is there by now.
            }
            if !is_first {
                journal::finish(folders.output, force)?;
            }
            let stage = Self::prepare(folders.output, tree, lock, (is_first, force))?;
            if !is_first && !force {
                refusal::check_contents(folders.output, &stage.before)??;
            }
            return Ok(stage);
        }
    }

    fn prepare(
        output: &Path,
        tree: PathBuf,
        lock: File,
        (is_first, force): (bool, bool),
    ) -> anyhow::Result<Self> {
        let previous = read_catalog(output)?;
        let before = match &previous {
            Some(previous) => previous.files.keys().map(UrlPath::output_file).collect(),
            None => written_files(output)?,
        };
        let private = private_folder(&tree);
        if is_first {
            empty(&tree)?;
        } else {
            journal::remove_staging(&private)?;
        }
        let catalog = private_folder(output).join(CATALOG);
        Ok(Self {
            output: output.to_owned(),
            staging: if is_first { tree } else { private.join(STAGING) },
            is_first,
            force,
            previous,
            before,
            written: fs::metadata(catalog).and_then(|metadata| metadata.modified()).ok(),
            staged: Mutex::default(),
            _lock: lock,
        })
    }

    /// The catalog of the site that is to be replaced.
    pub fn previous(&self) -> Option<&Catalog> {
        self.previous.as_ref()
    }

    /// Publishes what was staged as the site of `catalog`: either all of it, or nothing.
    pub fn publish(mut self, catalog: Catalog) -> anyhow::Result<Published> {
        let staged = std::mem::take(&mut *self.staged());
        let written = staged.len();
        let removals = self.removals(&catalog);
        let removed = removals.len();
        let bytes = serde_json::to_vec(&catalog).context("cannot write the catalog")?;
        if self.is_first {
            self.publish_tree(&bytes)?;
        } else if written + removed > 0 || self.previous.as_ref() != Some(&catalog) {
            let journal = Journal { writes: staged.into_iter().collect(), removals };
            journal::publish(&self.output, &journal, &bytes)?;
        }
        let site = Site::new(catalog, Bodies::Folder(self.output.clone()));
        self.is_first = false; // The staged tree is the site now, and not to be removed.
        Ok(Published { site, written, removed })
    }

    fn publish_tree(&self, catalog: &[u8]) -> anyhow::Result<()> {
        let path = private_folder(&self.staging).join(CATALOG);
        fs::write(&path, catalog).with_context(|| format!("cannot write `{}`", path.display()))?;
        journal::sync_file_system(&self.staging)?;
        fs::rename(&self.staging, &self.output)
            .with_context(|| format!("cannot publish `{}`", self.output.display()))?;
        journal::sync_folder(self.output.parent().unwrap_or(&self.output))
    }

    /// The files of the previous site that the new one has not.
    fn removals(&self, catalog: &Catalog) -> BTreeSet<PathBuf> {
        let kept: BTreeSet<PathBuf> = catalog.files.keys().map(UrlPath::output_file).collect();
        self.before.difference(&kept).cloned().collect()
    }

    /// Whether the output has this very file already.
    fn is_unchanged(&self, path: &UrlPath, file: OutputFile) -> bool {
        let known = self.previous.as_ref().and_then(|previous| previous.files.get(path));
        let on_disk = || fs::metadata(self.output.join(path.output_file()));
        // What is newer than the catalog was written by somebody else.
        let is_untouched = |metadata: &fs::Metadata| {
            metadata.is_file()
                && metadata.len() == file.len
                && metadata.modified().ok() <= self.written
        };
        !self.force && known == Some(&file) && on_disk().is_ok_and(|found| is_untouched(&found))
    }

    fn stage(&self, path: &UrlPath, write: impl Fn(&Path) -> io::Result<u64>) -> io::Result<()> {
        let relative = path.output_file();
        let target = self.staging.join(&relative);
        let written = write(&target).or_else(|error| {
            // The folder is made only when it turns out to be missing, which saves a look each time.
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            fs::create_dir_all(target.parent().unwrap_or(&self.staging))?;
            write(&target)
        });
        written?;
        self.staged().push(relative);
        Ok(())
    }

    fn staged(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.staged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Stage {
    fn keep(&self, path: &UrlPath, file: OutputFile) -> bool {
        self.is_unchanged(path, file)
    }

    fn put(&self, path: &UrlPath, bytes: Vec<u8>) -> io::Result<OutputFile> {
        let file = OutputFile { digest: Digest::of(&bytes), len: bytes.len() as u64 };
        if !self.is_unchanged(path, file) {
            self.stage(path, |target| fs::write(target, &bytes).map(|()| file.len))?;
        }
        Ok(file)
    }

    fn copy(&self, path: &UrlPath, source: &Path) -> io::Result<OutputFile> {
        let digest = Digest::of_reader(File::open(source)?)?;
        let file = OutputFile { digest, len: fs::metadata(source)?.len() };
        if !self.is_unchanged(path, file) {
            self.stage(path, |target| copy_contents(source, target))?;
        }
        Ok(file)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What cannot be cleaned up now is by the next build.
        if self.is_first {
            let _ = fs::remove_dir_all(&self.staging);
        } else {
            let _ = journal::abandon(&private_folder(&self.output)).ok();
        }
    }
}

/// Copies the bytes alone: a source that may not be written must not make an output that cannot be replaced.
fn copy_contents(source: &Path, target: &Path) -> io::Result<u64> {
    io::copy(&mut File::open(source)?, &mut File::create(target)?)
}

/// Whether a build has written into the folder that `private` lies in, or is about to.
fn holds_a_site(private: &Path) -> bool {
    [CATALOG, journal::JOURNAL].iter().any(|file| private.join(file).exists())
}

/// Where the tree of a first build waits: beside the output, so that it can be renamed.
fn first_tree(output: &Path) -> PathBuf {
    let name = output.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    output.with_file_name(format!(".{name}.staging"))
}

/// Waits until no other process publishes from `private`, and keeps others from it; none if the folder was
/// replaced or removed while we waited.
pub(super) fn lock(private: &Path) -> anyhow::Result<Option<File>> {
    let path = private.join("lock");
    let lock = || {
        fs::create_dir_all(private)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        file.lock()?;
        io::Result::Ok(file)
    };
    let file = match lock() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        result => result.with_context(|| format!("cannot lock `{}`", path.display()))?,
    };
    Ok(is_at(&file, &path).then_some(file))
}

/// Whether `path` still leads to the open `file`.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let (open, there) = (file.metadata().map(identity), fs::metadata(path).map(identity));
        matches!((open, there), (Ok(open), Ok(there)) if open == there)
    }
    #[cfg(not(unix))]
    {
        file.metadata().is_ok() && path.exists()
    }
}

/// Removes what a killed first build has left in `tree`, but for its lock.
fn empty(tree: &Path) -> anyhow::Result<()> {
    let clear = || {
        for entry in fs::read_dir(tree)? {
            let path = entry?.path();
            if path == private_folder(tree) {
                continue;
            }
            if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
        }
        io::Result::Ok(())
    };
    clear().with_context(|| format!("cannot clear `{}`", tree.display()))
}
