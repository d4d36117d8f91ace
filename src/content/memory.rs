//! What came of each source file in the last build, so that the same text is not read twice for its meaning.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::source::SourceFile;
use super::stamp::Stamp;
use super::{ContentIndex, Page, Read};
use crate::fingerprint::{FastMap, Fingerprint};

/// What came of a source file.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    /// The file, below `content/`.
    pub(super) name: Arc<str>,
    /// What the file system said of it.
    pub(super) stamp: Option<Stamp>,
    /// What its text hashes to; none if it has no text.
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) read: Arc<Read>,
}

impl Remembered {
    /// The same, made of `file`: what comes from disk knows its file by name alone.
    pub(super) fn found_as(mut self, file: SourceFile) -> Self {
        let is_other = |page: &Arc<Page>| page.file != file;
        if self.read.page.as_ref().is_some_and(is_other) {
            let read = Arc::make_mut(&mut self.read);
            if let Some(page) = &mut read.page {
                Arc::make_mut(page).file = file;
            }
        }
        self
    }
}

/// A source file without mistakes, as it is written to disk: any other is read again.
#[derive(Serialize, Deserialize)]
struct Written<P> {
    name: Arc<str>,
    stamp: Option<Stamp>,
    fingerprint: Fingerprint,
    page: P,
}

/// What came of each source file in the last build, of this process or of the one before.
#[derive(Debug, Default)]
pub struct Memory {
    purpose: Purpose,
    last: Mutex<Last>,
}

/// Who asks for what a build has found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// The next build of this process.
    #[default]
    NextBuild,
    /// A build of another process.
    NextProcess,
    /// Nobody.
    Nothing,
}

#[derive(Debug, Default)]
struct Last {
    /// The settings that it was read under.
    settings: Fingerprint,
    reads: FastMap<Arc<str>, Remembered>,
    /// What is left to another process, without what it takes to find a file again.
    pages: Vec<(Option<Stamp>, Arc<Page>)>,
    /// What came of all of them.
    index: Option<Arc<ContentIndex>>,
}

impl Memory {
    /// A memory of nothing yet.
    pub fn of(purpose: Purpose) -> Self {
        Self { purpose, ..Self::default() }
    }

    /// What was kept under the same `settings`.
    pub(super) fn take(&self, settings: Fingerprint) -> FastMap<Arc<str>, Remembered> {
        let mut last = self.last();
        let reads = std::mem::take(&mut last.reads);
        last.index = None;
        if last.settings == settings { reads } else { FastMap::default() }
    }

    /// Keeps what has come of each file under these `settings`.
    pub(super) fn keep(&self, settings: Fingerprint, reads: &[Remembered]) {
        let mut last = self.last();
        last.settings = settings;
        match self.purpose {
            Purpose::Nothing => {}
            Purpose::NextProcess => last.pages = reads.iter().filter_map(flawless).collect(),
            Purpose::NextBuild => {
                last.reads = reads.iter().map(|read| (read.name.clone(), read.clone())).collect();
            }
        }
    }

    /// Keeps the index of all that was kept.
    pub(super) fn keep_index(&self, index: &Arc<ContentIndex>) {
        if self.purpose == Purpose::NextBuild {
            self.last().index = Some(index.clone());
        }
    }

    /// The index of the last build, if it was made under the same `settings`.
    pub(super) fn index(&self, settings: Fingerprint) -> Option<Arc<ContentIndex>> {
        let last = self.last();
        last.index.clone().filter(|_| last.settings == settings)
    }

    /// What is kept of the file `name`.
    pub(super) fn known(&self, name: &str) -> Option<Remembered> {
        self.last().reads.get(name).cloned()
    }

    /// Keeps what has become of the index, and of single files.
    pub(super) fn exchange(
        &self,
        index: &Arc<ContentIndex>,
        reads: impl Iterator<Item = Remembered>,
    ) {
        let mut last = self.last();
        last.index = Some(index.clone());
        last.reads.extend(reads.map(|read| (read.name.clone(), read)));
    }

    /// Hands everything to `put` as bytes: the settings, then the files, a few hundred a piece.
    pub fn write(&self, put: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let last = self.last();
        put(&postcard::to_stdvec(&last.settings).map_err(io::Error::other)?)?;
        let own: Vec<_> = last.reads.values().filter_map(flawless).collect();
        let reads = if self.purpose == Purpose::NextBuild { &own } else { &last.pages };
        let piece = |reads: &&[(Option<Stamp>, Arc<Page>)]| {
            let written: Vec<Written<&Page>> = reads.iter().map(written).collect();
            postcard::to_stdvec(&written).map_err(io::Error::other)
        };
        // As many at once as there are cores, roughly, so that not all of it is in memory twice.
        for pieces in reads.chunks(PIECE).collect::<Vec<_>>().chunks(AT_ONCE) {
            let pieces: Vec<Vec<u8>> = pieces.par_iter().map(piece).collect::<io::Result<_>>()?;
            pieces.iter().try_for_each(|piece| put(piece))?;
        }
        Ok(())
    }

    /// Takes what another process has left; what is damaged is read again.
    pub fn recall(&self, blobs: &[Bytes]) {
        let Some((settings, pieces)) = blobs.split_first() else { return };
        let Ok(settings) = postcard::from_bytes(settings) else { return };
        let piece = |bytes: &Bytes| -> Vec<Written<Page>> {
            postcard::from_bytes(bytes).unwrap_or_default()
        };
        let pieces: Vec<Vec<Written<Page>>> = pieces.par_iter().map(piece).collect();
        let mut last = self.last();
        last.settings = settings;
        last.reads = pieces.into_iter().flatten().map(remembered).collect();
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many pieces are written at once.
const AT_ONCE: usize = 4;

/// How many files are written as one piece.
const PIECE: usize = 256;

/// The page that a file has made without mistakes.
fn flawless(read: &Remembered) -> Option<(Option<Stamp>, Arc<Page>)> {
    let page = read.read.page.clone().filter(|_| read.read.problems.is_empty())?;
    Some((read.stamp, page))
}

fn written((stamp, page): &(Option<Stamp>, Arc<Page>)) -> Written<&Page> {
    let name = page.file.relative.clone();
    Written { name, stamp: *stamp, fingerprint: page.fingerprint, page }
}

fn remembered(written: Written<Page>) -> (Arc<str>, Remembered) {
    let Written { name, stamp, fingerprint, page } = written;
    let read = Arc::new(Read { page: Some(Arc::new(page)), problems: Vec::new() });
    (name.clone(), Remembered { name, stamp, fingerprint: Some(fingerprint), read })
}
