//! What files that are published as they are hash to, so that one that has not changed is not read again.

use std::fs::{self, File};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::content::source::SourceFile;
use crate::content::{Moment, Stamp};
use crate::fingerprint::FastMap;
use crate::site::{Digest, OutputFile};

/// What files hash to, by their names below the site's folder.
#[derive(Debug, Default)]
pub(super) struct Digests {
    known: Mutex<FastMap<Arc<str>, (Stamp, OutputFile)>>,
}

impl Digests {
    /// The digest and the length of `file`, seen by a build that began at `moment`.
    pub(super) fn of(&self, file: &SourceFile, moment: Option<Moment>) -> io::Result<OutputFile> {
        let stamp = moment.and_then(|moment| Stamp::of(&file.path, moment).ok().flatten());
        let known = self.known().get(&file.name).copied();
        if let Some((_, digest)) = known.filter(|(known, _)| Some(*known) == stamp) {
            return Ok(digest);
        }
        let digest = Digest::of_reader(File::open(&file.path)?)?;
        let digest = OutputFile { digest, len: fs::metadata(&file.path)?.len() };
        if let Some(stamp) = stamp {
            self.known().insert(file.name.clone(), (stamp, digest));
        }
        Ok(digest)
    }

    /// Everything as bytes.
    pub(super) fn blob(&self) -> Vec<u8> {
        let known = self.known();
        let known: Vec<(&Arc<str>, &(Stamp, OutputFile))> = known.iter().collect();
        postcard::to_stdvec(&known).unwrap_or_default()
    }

    /// Takes what another process has left.
    pub(super) fn recall(&self, blob: &Bytes) {
        let known: Vec<(Arc<str>, (Stamp, OutputFile))> =
            postcard::from_bytes(blob).unwrap_or_default();
        *self.known() = known.into_iter().collect();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, FastMap<Arc<str>, (Stamp, OutputFile)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
