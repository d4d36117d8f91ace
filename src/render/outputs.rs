//! Gathers what was rendered: hands each file to the sink and remembers what it was.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;

use crate::fingerprint::FastMap;
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Place, Problem};
use crate::site::{OutputFile, Sink};

/// The files made so far, and the problems met.
pub(super) struct Outputs<'a> {
    sink: &'a dyn Sink,
    made: Mutex<Made>,
}

/// What was made.
#[derive(Default)]
pub(super) struct Made {
    /// Each address and its file.
    files: FastMap<UrlPath, OutputFile>,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
    /// Who has each address, in the form that a careless file system knows it by.
    holders: FastMap<String, (String, Claim)>,
    /// The folders that are in the way of a file of their name, and who needs them.
    folders: FastMap<String, String>,
    /// The files that are no folders.
    plain_files: HashSet<String>,
}

/// For what an address is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// A page, or an alias of one.
    Page,
    /// A file that is published as it is.
    File,
}

impl Made {
    /// Each address and its file, in the order of the addresses.
    pub(super) fn files(&self) -> BTreeMap<UrlPath, OutputFile> {
        let mut files: Vec<(UrlPath, OutputFile)> =
            self.files.iter().map(|(path, file)| (path.clone(), *file)).collect();
        files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        files.into_iter().collect()
    }

    fn hold(&mut self, path: &UrlPath, name: &str, kind: Claim) {
        let own = path.folded();
        for folder in folders_of(&own) {
            self.folders.entry(folder.to_owned()).or_insert_with(|| name.to_owned());
        }
        if !path.is_folder() {
            self.plain_files.insert(own);
        }
        self.holders.insert(path.folded_as_folder(), (name.to_owned(), kind));
    }

    /// Who stands in the way of a file at `path`: a file where it needs a folder, or the reverse.
    fn obstacle(&self, path: &UrlPath) -> Option<&String> {
        let own = path.folded();
        let as_file = |folder: &str| self.holders.get(&format!("{folder}/")).map(|(name, _)| name);
        let is_in_folder = folders_of(&own).find_map(|folder| {
            // A page's folder may have files in it; a file's may not.
            as_file(folder).filter(|_| self.plain_files.contains(folder))
        });
        is_in_folder.or_else(|| if path.is_folder() { None } else { self.folders.get(&own) })
    }
}

/// `/a/b/c` needs the folders `/a/b` and `/a`.
fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    let parent = |path: &str| path.rfind('/').filter(|at| *at > 0);
    let first = parent(path).map(|at| &path[..at]);
    std::iter::successors(first, move |folder| parent(folder).map(|at| &folder[..at]))
}

impl<'a> Outputs<'a> {
    pub(super) fn new(sink: &'a dyn Sink) -> Self {
        Self { sink, made: Mutex::default() }
    }

    /// Claims `path` for the source file `name`; if another has it already, that is a problem.
    ///
    /// Two pages at one address are none here: the index of the content has told of them.
    pub(super) fn claim(&self, path: &UrlPath, name: &str, kind: Claim) -> bool {
        let mut made = self.made();
        let holder = made.holders.get(&path.folded_as_folder()).cloned();
        let obstacle = || made.obstacle(path).map(|other| (other.clone(), Claim::File));
        let Some((other, other_kind)) = holder.or_else(obstacle) else {
            made.hold(path, name, kind);
            return true;
        };
        if (kind, other_kind) != (Claim::Page, Claim::Page) {
            let mistake = Mistake::Collision { path: path.to_string(), other };
            made.problems.push(Problem::new(Place::file(name), mistake));
        }
        false
    }

    /// Whether an author's file answers `path`, so that nothing needs to be generated there.
    pub(super) fn is_claimed(&self, path: &UrlPath) -> bool {
        let made = self.made();
        made.holders.contains_key(&path.folded_as_folder()) || made.obstacle(path).is_some()
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
        filled: Result<String, Problem>,
    ) -> anyhow::Result<()> {
        match filled {
            Ok(text) => self.put(path, text.into_bytes()),
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
