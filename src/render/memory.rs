//! The traces of the last build, for the next: in this process, or in another that reads them from disk.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rayon::prelude::*;

use super::claims::Claims;
use super::digests::Digests;
use super::learnt::Lessons;
use super::palette::Palette;
use super::scope::Scope;
use super::spool::Spool;
use super::templates::Templates;
use super::trace::{Kept, Trace};
use crate::config::Config;
use crate::content::Purpose;
use crate::fingerprint::{FastMap, Fingerprint};
use crate::permalink::UrlPath;

/// The traces of a build.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// The addresses of the site, and what leads to them: what each trace knows of these was true when they were so.
    pub(super) addresses: Fingerprint,
    /// Each output's.
    pub(super) by_path: FastMap<UrlPath, Kept>,
}

/// The traces of the last build, and what files that are published as they are hash to, for the next.
#[derive(Debug, Default)]
pub struct Memory {
    purpose: Purpose,
    traces: Mutex<Traces>,
    pub(super) digests: Digests,
    pub(super) palette: Palette,
    last: Mutex<Option<Last>>,
    /// The new traces of a process that builds once, which has no use for them itself.
    spool: Mutex<Option<Spool>>,
}

/// What the last rendering of this process went by.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) globals: Fingerprint,
    pub(super) scope: Arc<Scope>,
    pub(super) templates: Arc<Templates>,
    pub(super) claims: Arc<Claims>,
    pub(super) lessons: Lessons,
}

impl Memory {
    /// A memory of nothing yet.
    pub fn of(purpose: Purpose) -> Self {
        Self { purpose, ..Self::default() }
    }

    /// Whether the process ends with the build.
    pub fn is_of_one_build(&self) -> bool {
        self.purpose == Purpose::NextProcess
    }

    /// Whether a build may follow that asks for the traces of this one.
    pub(super) fn is_wanted(&self) -> bool {
        self.purpose != Purpose::Nothing
    }

    /// A build begins, whose traces may wait in `folder`. If nothing can be written there, the next has to do more.
    pub(super) fn begin(&self, folder: &Path) {
        if self.purpose == Purpose::NextProcess {
            *self.spool() = Spool::open(folder).ok();
        }
    }

    /// The trace of the output at `path`, if it is this process that may ask for it.
    pub(super) fn kept(&self, path: &UrlPath, trace: Trace) -> Option<Kept> {
        let kept = Kept::Value(Arc::new(trace));
        if self.purpose != Purpose::NextProcess {
            return Some(kept);
        }
        let blob = blob(path, &kept);
        let mut spool = self.spool();
        let added = spool.as_mut().map_or(Ok(()), |spool| spool.add(&blob?));
        if added.is_err() {
            *spool = None;
        }
        None
    }

    fn spool(&self) -> MutexGuard<'_, Option<Spool>> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The traces of the last build; from now on there are none.
    pub(super) fn take(&self) -> Traces {
        std::mem::take(&mut self.traces())
    }

    /// Keeps the traces of a build for the next.
    pub(super) fn keep(&self, traces: Traces) {
        *self.traces() = traces;
    }

    /// Keeps what this rendering went by, if another may follow.
    pub(super) fn keep_last(&self, last: Last) {
        if self.purpose == Purpose::NextBuild {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        }
    }

    /// What the last rendering went by, if the settings were those of `config`; from now on there is none.
    pub(super) fn take_last(&self, config: &Config) -> Option<Last> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        last.filter(|last| last.scope.config.of_builds() == config.of_builds())
    }

    /// Hands everything to `put` as bytes: the digests of files, the addresses, then every trace behind its address.
    pub fn write(&self, put: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let traces = self.traces();
        put(&self.digests.blob())?;
        put(&postcard::to_stdvec(&traces.addresses).map_err(io::Error::other)?)?;
        traces.by_path.iter().try_for_each(|(path, kept)| put(&blob(path, kept)?))?;
        self.spool().take().map_or(Ok(()), |spool| spool.drain(put))
    }

    /// Takes what another process has left; what is damaged is passed over.
    pub fn recall(&self, blobs: &[Bytes]) {
        let [digests, addresses, blobs @ ..] = blobs else { return };
        self.digests.recall(digests);
        let trace = |blob: &Bytes| {
            let (path, rest) = postcard::take_from_bytes::<UrlPath>(blob).ok()?;
            let kept = Kept::Bytes(blob.slice_ref(rest));
            // Who builds many times decodes each but once.
            let is_for_many = self.purpose == Purpose::NextBuild;
            Some((path, if is_for_many { Kept::Value(kept.trace()?) } else { kept }))
        };
        let by_path: Vec<(UrlPath, Kept)> = blobs.par_iter().filter_map(trace).collect();
        self.keep(Traces {
            addresses: postcard::from_bytes(addresses).unwrap_or_default(),
            by_path: by_path.into_iter().collect(),
        });
    }

    fn traces(&self) -> MutexGuard<'_, Traces> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A trace behind the address of its output.
fn blob(path: &UrlPath, kept: &Kept) -> io::Result<Vec<u8>> {
    let mut blob = postcard::to_stdvec(path).map_err(io::Error::other)?;
    kept.write(&mut blob);
    Ok(blob)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{Digest, OutputFile};

    fn paths() -> [UrlPath; 2] {
        ["/a/", "/b/"].map(|path| UrlPath::parse(path).unwrap())
    }

    fn file_of(path: &UrlPath) -> OutputFile {
        OutputFile { digest: Digest::of(path.as_str().as_bytes()), len: 7 }
    }

    /// What another process knows of the outputs of one that has built once, with `folder` for what waits.
    fn recalled(folder: &Path) -> FastMap<UrlPath, OutputFile> {
        let memory = Memory::of(Purpose::NextProcess);
        memory.begin(folder);
        for path in paths() {
            let told = Fingerprint::of(&path);
            let trace = Trace::new(told, Vec::new(), file_of(&path), Arc::default());
            assert!(memory.kept(&path, trace).is_none(), "this process has no use for it");
        }
        let mut blobs = Vec::new();
        let put = &mut |blob: &[u8]| {
            blobs.push(Bytes::copy_from_slice(blob));
            Ok(())
        };
        memory.write(put).unwrap();
        let other = Memory::default();
        other.recall(&blobs);
        let traces = other.take().by_path.into_iter();
        traces.map(|(path, kept)| (path, kept.trace().unwrap().file())).collect()
    }

    #[test]
    fn what_one_process_has_traced_another_knows() {
        let folder = tempfile::tempdir().unwrap();
        let known = paths().map(|path| (path.clone(), file_of(&path)));
        assert_eq!(recalled(folder.path()), known.into_iter().collect());
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_known_and_nothing_fails() {
        let folder = tempfile::tempdir().unwrap();
        assert!(recalled(&folder.path().join("missing")).is_empty());
    }
}
