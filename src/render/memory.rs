//! The traces of the last build, for the next: in this process, or in another that reads them from disk.

use std::io;
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

/// What traces are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Purpose {
    /// The next build of this process.
    #[default]
    NextBuild,
    /// A build of another process.
    NextProcess,
    /// Nobody asks for them.
    Nothing,
}

impl Memory {
    /// The memory of a process that builds once, and leaves to the next what it has found out.
    pub fn of_one_build() -> Self {
        Self { purpose: Purpose::NextProcess, ..Self::default() }
    }

    /// No memory: nobody asks what outputs were made from.
    pub fn none() -> Self {
        Self { purpose: Purpose::Nothing, ..Self::default() }
    }

    /// Whether the process ends with the build.
    pub fn is_of_one_build(&self) -> bool {
        self.purpose == Purpose::NextProcess
    }

    /// Whether a build may follow that asks for the traces of this one.
    pub(super) fn is_wanted(&self) -> bool {
        self.purpose != Purpose::Nothing
    }

    /// A build of the site of `config` begins. If nothing can be written there, the next has to do more.
    pub(super) fn begin(&self, config: &Config) {
        if self.purpose == Purpose::NextProcess {
            *self.spool() = Spool::open(&config.cache_dir()).ok();
        }
    }

    /// The trace of the output at `path`, if it is this process that may ask for it.
    pub(super) fn kept(&self, path: &UrlPath, trace: Trace) -> Option<Kept> {
        match self.purpose {
            Purpose::NextProcess => {
                let blob = postcard::to_stdvec(&(path, &trace)).unwrap_or_default();
                let mut spool = self.spool();
                if spool.as_mut().is_some_and(|spool| spool.add(&blob).is_err()) {
                    *spool = None;
                }
                None
            }
            Purpose::NextBuild | Purpose::Nothing => Some(Kept::Value(Arc::new(trace))),
        }
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
        traces.by_path.iter().try_for_each(|(path, kept)| {
            let mut blob = postcard::to_stdvec(path).map_err(io::Error::other)?;
            kept.write(&mut blob);
            put(&blob)
        })?;
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
