//! Takes the files of a new site and publishes them together.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use anyhow::Context;
use rayon::prelude::*;

use super::catalog;
use super::journal::{self, Journal, STAGING};
use super::{CATALOG, catalog_stamp, private_folder, read_catalog, refusal, written_files};
use crate::fingerprint::Fingerprint;
use crate::folder::Folder;
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
    staging: Folder,
    /// A first build stages the whole tree, which is then renamed.
    is_first: bool,
    /// Whether files are written even if they have not changed.
    force: bool,
    /// Whether the output is as this process has left it, so that its files need not be looked at.
    is_trusted: bool,
    /// The site that is to be replaced, read when it is asked for.
    previous: OnceLock<Option<Arc<Site>>>,
    /// When the catalog was written, which is after every file of its site.
    written: Option<SystemTime>,
    staged: Mutex<Vec<UrlPath>>,
    /// Held until everything is done.
    _lock: File,
}

/// The site that this process has published last, and the catalog that was written then.
#[derive(Debug, Clone)]
pub struct Last {
    /// The site.
    pub site: Arc<Site>,
    /// What the file system says of its catalog: if another build has published since, this is another.
    pub catalog: Fingerprint,
}

/// What publishing has come to.
#[derive(Debug)]
pub struct Published {
    /// The site, on disk.
    pub site: Arc<Site>,
    /// How many files were written.
    pub written: usize,
    /// How many were removed.
    pub removed: usize,
}

impl Stage {
    /// Prepares to publish; waits for another build to end. Refuses precious and foreign folders.
    ///
    /// `last` is what this process has published before, if that is still what is there.
    pub fn open(folders: Folders<'_>, force: bool, last: Option<Last>) -> anyhow::Result<Self> {
        refusal::check_place(folders.output, folders.root, folders.home)?;
        loop {
            let is_first = !folders.output.exists();
            let tree =
                if is_first { first_tree(folders.output) } else { folders.output.to_owned() };
            let private = private_folder(&tree);
            // A folder that no build has written into is refused before it is touched.
            if !is_first && !force && !holds_a_site(&private) {
                refusal::check_contents(folders.output, &HashSet::new())??;
            }
            let Some(lock) = lock(&private)? else { continue };
            if is_first == folders.output.exists() {
                continue; // Another build came first, and the folder is there by now.
            }
            if is_first {
                empty(&tree)?;
            } else {
                journal::resume(folders.output, force)?;
                journal::remove_staging(&private)?;
            }
            return Ok(Self::prepare(folders.output, tree, lock, (is_first, force), last));
        }
    }

    fn prepare(
        output: &Path,
        tree: PathBuf,
        lock: File,
        (is_first, force): (bool, bool),
        last: Option<Last>,
    ) -> Self {
        let catalog = private_folder(output).join(CATALOG);
        let last = last.filter(|last| !force && catalog_stamp(output) == Some(last.catalog));
        let staging = if is_first { tree } else { private_folder(&tree).join(STAGING) };
        Self {
            output: output.to_owned(),
            staging: Folder::of(&staging),
            is_first,
            force,
            is_trusted: last.is_some(),
            previous: last.map_or_else(OnceLock::new, |last| OnceLock::from(Some(last.site))),
            written: fs::metadata(catalog).and_then(|metadata| metadata.modified()).ok(),
            staged: Mutex::default(),
            _lock: lock,
        }
    }

    /// Whether the output is as this process has left it.
    pub fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// Reads the catalog of the site that is to be replaced.
    pub fn read_previous(&self) -> anyhow::Result<()> {
        if self.previous.get().is_some() {
            return Ok(());
        }
        let output = || Bodies::Folder(self.output.clone());
        let previous = read_catalog(&self.output)?;
        let previous = previous.map(|catalog| Arc::new(Site::new(catalog, output())));
        // It is set once, here.
        let _ = self.previous.set(previous);
        Ok(())
    }

    /// Refuses an output with files that are not of the site that is to be replaced, unless this process has looked
    /// at them before.
    pub fn refuse_foreign(&self) -> anyhow::Result<()> {
        self.read_previous()?;
        if self.is_trusted {
            return Ok(());
        }
        if !self.is_first && !self.force {
            let known = match self.previous() {
                Some(previous) => previous.files.keys().map(UrlPath::output_file).collect(),
                // One whose catalog only another version can read whole.
                None => written_files(&self.output)?.iter().map(UrlPath::output_file).collect(),
            };
            refusal::check_contents(&self.output, &known)??;
        }
        Ok(())
    }

    /// The catalog of the site that is to be replaced.
    pub fn previous(&self) -> Option<&Catalog> {
        self.previous.get()?.as_ref().map(|site| site.catalog())
    }

    /// Publishes what was staged as the site of `catalog`: either all of it, or nothing.
    pub fn publish(mut self, catalog: Catalog) -> anyhow::Result<Published> {
        let staged = std::mem::take(&mut *self.staged());
        let written = staged.len();
        let removals = match self.previous() {
            Some(previous) => gone(previous.files.keys(), &catalog),
            None => gone(&written_files(&self.output)?, &catalog),
        };
        let removed = removals.len();
        if self.is_first {
            self.publish_tree(&catalog)?;
        } else if written + removed > 0 || self.previous() != Some(&catalog) {
            self.refuse_to_overwrite(&staged)?;
            let writes = staged.iter().map(UrlPath::output_file).collect();
            journal::publish(&self.output, &Journal { writes, removals }, &catalog)?;
        }
        let site = Arc::new(Site::new(catalog, Bodies::Folder(self.output.clone())));
        self.is_first = false; // The staged tree is the site now, and not to be removed.
        Ok(Published { site, written, removed })
    }

    /// Where this process trusts the output, a file may have been put there since that no build has written.
    fn refuse_to_overwrite(&self, staged: &[UrlPath]) -> anyhow::Result<()> {
        let previous = self.previous().filter(|_| self.is_trusted);
        let Some(previous) = previous else { return Ok(()) };
        let is_new = |path: &&UrlPath| !previous.files.contains_key(*path);
        let foreign = staged
            .iter()
            .filter(is_new)
            .map(UrlPath::output_file)
            .find(|file| self.output.join(file).is_file());
        match foreign {
            Some(file) => Err(refusal::foreign(&self.output, &file).into()),
            None => Ok(()),
        }
    }

    fn publish_tree(&self, catalog: &Catalog) -> anyhow::Result<()> {
        let staging = self.staging.path();
        let path = private_folder(staging).join(CATALOG);
        let write = || catalog::write(catalog, &mut File::create(&path)?);
        write().with_context(|| format!("cannot write `{}`", path.display()))?;
        journal::sync_file_system(staging)?;
        fs::rename(staging, &self.output)
            .with_context(|| format!("cannot publish `{}`", self.output.display()))?;
        journal::sync_folder(self.output.parent().unwrap_or(&self.output))
    }

    /// Whether the output has this very file already.
    fn is_unchanged(&self, path: &UrlPath, file: OutputFile) -> bool {
        let known = self.previous().and_then(|previous| previous.files.get(path));
        let is_there = || self.is_trusted || self.is_untouched(path, file.len);
        !self.force && known == Some(&file) && is_there()
    }

    /// Whether each of `files` is there, as long as it is said to be, and was not written by anybody else since.
    pub fn are_untouched(&self, files: &[(UrlPath, u64)]) -> bool {
        files.par_iter().all(|(path, len)| self.is_untouched(path, *len))
    }

    /// Whether the file at `path` of the output is `len` bytes long, and was not written by anybody else since.
    fn is_untouched(&self, path: &UrlPath, len: u64) -> bool {
        // What is newer than the catalog was written by somebody else.
        let is_old = |metadata: &fs::Metadata| metadata.modified().ok() <= self.written;
        let found = fs::metadata(self.output.join(path.output_file()));
        found.is_ok_and(|found| found.is_file() && found.len() == len && is_old(&found))
    }

    /// The output folder.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// The site that is there.
    pub fn site(&self) -> Option<Arc<Site>> {
        self.previous.get().cloned().flatten()
    }

    fn stage(&self, path: &UrlPath, write: impl Fn(File) -> io::Result<u64>) -> io::Result<()> {
        let file = path.output_file();
        if self.is_first && path.is_folder() {
            // In a new tree each page has a new folder; where that is not so, it shows.
            let _ = file.parent().map(|folder| self.staging.create_folder(folder));
        }
        let written = self.staging.create(&file).and_then(&write).or_else(|error| {
            // The folder is made only when it turns out to be missing, which saves a look each time.
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            let target = self.staging.path().join(&file);
            fs::create_dir_all(target.parent().unwrap_or(self.staging.path()))?;
            write(File::create(target)?)
        });
        written?;
        self.staged().push(path.clone());
        Ok(())
    }

    fn staged(&self) -> std::sync::MutexGuard<'_, Vec<UrlPath>> {
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
            self.stage(path, |mut target| target.write_all(&bytes).map(|()| file.len))?;
        }
        Ok(file)
    }

    /// Copies the bytes alone: a source that may not be written must not make an output that cannot be replaced.
    fn copy(&self, path: &UrlPath, source: &Path) -> io::Result<OutputFile> {
        let digest = Digest::of_reader(File::open(source)?)?;
        let file = OutputFile { digest, len: fs::metadata(source)?.len() };
        if !self.is_unchanged(path, file) {
            self.stage(path, |mut target| io::copy(&mut File::open(source)?, &mut target))?;
        }
        Ok(file)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What cannot be cleaned up now is by the next build.
        if self.is_first {
            let _ = fs::remove_dir_all(self.staging.path());
        } else {
            let _ = journal::abandon(&private_folder(&self.output)).ok();
        }
    }
}

/// The files of the addresses `before`, in their order, that the site of `catalog` has not.
fn gone<'a>(before: impl IntoIterator<Item = &'a UrlPath>, catalog: &Catalog) -> BTreeSet<PathBuf> {
    let mut now = catalog.files.keys().peekable();
    let is_gone = |path: &&UrlPath| {
        while now.next_if(|next| next < path).is_some() {}
        now.peek() != Some(path)
    };
    before.into_iter().filter(is_gone).map(UrlPath::output_file).collect()
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
        match file.lock() {
            // Some file systems of networks and of virtual machines keep no locks. Who builds there builds alone.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            locked => locked?,
        }
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
