//! Gathers what was rendered: hands each file to the sink and remembers what it was.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;

use super::claims::{Claim, Claims};
use crate::fingerprint::FastMap;
use crate::permalink::UrlPath;
use crate::problem::{Place, Problem};
use crate::site::{OutputFile, Sink};

/// The files made so far, and the problems met.
pub(super) struct Outputs<'a> {
    sink: &'a dyn Sink,
    claims: Arc<Claims>,
    made: Mutex<Made>,
}

/// What was made.
#[derive(Default)]
pub(super) struct Made {
    /// Each address and its file.
    pub(super) files: FastMap<UrlPath, OutputFile>,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
}

impl Made {
    /// Each address and its file, in the order of the addresses.
    pub(super) fn in_order(self) -> BTreeMap<UrlPath, OutputFile> {
        let mut files: Vec<(UrlPath, OutputFile)> = self.files.into_iter().collect();
        files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        files.into_iter().collect()
    }
}

impl<'a> Outputs<'a> {
    /// Nothing yet, for a site on which `claims` were raised already, if any.
    pub(super) fn new(sink: &'a dyn Sink, claims: Arc<Claims>) -> Self {
        Self { sink, claims, made: Mutex::default() }
    }

    /// Who has which address.
    pub(super) fn claims(&self) -> &Arc<Claims> {
        &self.claims
    }

    /// Claims `path` for a source file, in which `place` is where that is written; if another has it already, that is a problem.
    ///
    /// Two pages at one address are none here: the index of the content has told of them.
    pub(super) fn claim(&self, path: &UrlPath, place: Place, kind: Claim) -> bool {
        match self.claims.claim(path, place, kind) {
            Ok(is_free) => is_free,
            Err(problem) => {
                self.report(problem);
                false
            }
        }
    }

    /// Notes that a file of the program is at `path`: nothing can be below it.
    pub(super) fn provide(&self, path: &UrlPath, name: &str) {
        self.claims.provide(path, name);
    }

    /// Whether an author's file answers `path`, so that nothing needs to be generated there.
    pub(super) fn is_claimed(&self, path: &UrlPath) -> bool {
        self.claims.are_raised(path)
    }

    /// Keeps the file that answered `path` before; false if it must be made again.
    pub(super) fn keep(&self, path: &UrlPath, file: OutputFile) -> bool {
        let is_kept = self.sink.keep(path, file);
        if is_kept {
            self.made().files.insert(path.clone(), file);
        }
        is_kept
    }

    /// The file that answers `path`, if it was made.
    pub(super) fn file(&self, path: &UrlPath) -> Option<OutputFile> {
        self.made().files.get(path).copied()
    }

    /// Adds the file that answers `path`.
    pub(super) fn put(&self, path: &UrlPath, bytes: Vec<u8>) -> anyhow::Result<()> {
        let file = self.sink.put(path, bytes).with_context(|| format!("cannot write `{path}`"))?;
        self.made().files.insert(path.clone(), file);
        Ok(())
    }

    /// Adds the file at `source`, called `name`, as it is.
    ///
    /// `is_now` is what it hashes to: if that is what answered `path` before, nothing needs to be copied.
    pub(super) fn copy(
        &self,
        path: &UrlPath,
        (source, name): (&Path, &str),
        is_now: OutputFile,
    ) -> anyhow::Result<()> {
        if self.keep(path, is_now) {
            return Ok(());
        }
        let file = self.sink.copy(path, source).with_context(|| format!("cannot copy `{name}`"))?;
        self.made().files.insert(path.clone(), file);
        Ok(())
    }

    /// Adds a problem.
    pub(super) fn report(&self, problem: Problem) {
        self.made().problems.push(problem);
    }

    /// Adds the result of a template: the file, or the problem that prevented it.
    pub(super) fn put_filled(
        &self,
        path: &UrlPath,
        filled: Result<Vec<u8>, Problem>,
    ) -> anyhow::Result<()> {
        match filled {
            Ok(bytes) => self.put(path, bytes),
            Err(problem) => {
                self.report(problem);
                Ok(())
            }
        }
    }

    /// Everything made, and every problem.
    pub(super) fn finish(self) -> Made {
        self.made.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
