//! What came of each source file in the last build, so that the same text is not read twice for its meaning.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Read;
use crate::fingerprint::Fingerprint;

/// What came of a source file.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    /// The file, below `content/`.
    pub(super) name: String,
    /// What its text hashes to; none if it has no text.
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) read: Arc<Read>,
}

/// What came of each source file in the last build of this process.
#[derive(Debug, Default)]
pub struct Memory {
    /// No build will follow, so nothing needs to be kept.
    is_last: bool,
    last: Mutex<Option<(Fingerprint, HashMap<String, Remembered>)>>,
}

impl Memory {
    /// The memory of a process that builds once.
    pub fn of_one_build() -> Self {
        Self { is_last: true, ..Self::default() }
    }

    /// What was kept under the same `settings`.
    pub(super) fn take(&self, settings: Fingerprint) -> HashMap<String, Remembered> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        last.filter(|(known, _)| *known == settings).map(|(_, reads)| reads).unwrap_or_default()
    }

    /// Keeps what has come of each file under these `settings`.
    pub(super) fn keep(&self, settings: Fingerprint, reads: &[Remembered]) {
        if self.is_last {
            return;
        }
        let by_name = reads.iter().map(|read| (read.name.clone(), read.clone())).collect();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((settings, by_name));
    }
}
