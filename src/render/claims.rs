//! Who has which address: an author's file wins over what is generated, and two of them are a problem.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fingerprint::FastMap;
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Place, Problem};

/// For what an address is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// A page, or an alias of one.
    Page,
    /// A file that is published as it is.
    File,
}

/// Who has which address.
#[derive(Debug, Default)]
pub(super) struct Claims(Mutex<Raised>);

/// The claims that were raised.
#[derive(Debug, Default)]
struct Raised {
    /// Who has each address, in the form that a careless file system knows it by.
    holders: FastMap<Box<str>, (Arc<str>, Claim)>,
    /// The folders that are in the way of a file of their name, and who needs them; but not those that are addresses.
    folders: FastMap<Box<str>, Arc<str>>,
    /// The files that are no folders.
    plain_files: HashSet<String>,
    /// What they are called that are part of the program: whoever claims the address of one has it, but none is a folder.
    built_in: FastMap<Box<str>, Arc<str>>,
}

impl Claims {
    /// Claims `path` for a source file, in which `place` is where that is written: true if it is free or its own already, a
    /// problem if another has it and nobody else tells of that.
    pub(super) fn claim(&self, path: &UrlPath, place: Place, kind: Claim) -> Result<bool, Problem> {
        let mut raised = self.raised();
        let name = &place.file;
        let holder = raised.holders.get(&*path.folded_as_folder()).cloned();
        let obstacle = || raised.obstacle(path).map(|other| (other.clone(), Claim::File));
        let Some((other, other_kind)) = holder.or_else(obstacle) else {
            raised.hold(path, name, kind);
            return Ok(true);
        };
        if (kind, other_kind) == (Claim::Page, Claim::Page) {
            return Ok(other == *name);
        }
        let mistake = Mistake::Collision { path: path.to_string(), other: other.to_string() };
        Err(Problem::new(place, mistake))
    }

    /// Notes that the program has a file called `name` at `path`, unless that is claimed.
    pub(super) fn provide(&self, path: &UrlPath, name: &str) {
        self.raised().built_in.insert(path.folded().into(), name.into());
    }

    /// Whether anybody has claimed `path`, or needs a folder in its place.
    pub(super) fn are_raised(&self, path: &UrlPath) -> bool {
        let raised = self.raised();
        raised.holders.contains_key(&*path.folded_as_folder()) || raised.obstacle(path).is_some()
    }

    fn raised(&self) -> MutexGuard<'_, Raised> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Raised {
    fn hold(&mut self, path: &UrlPath, name: &Arc<str>, kind: Claim) {
        let own = path.folded();
        for folder in folders_of(own.trim_end_matches('/')) {
            self.folders.entry(folder.into()).or_insert_with(|| name.clone());
        }
        if !path.is_folder() {
            self.plain_files.insert(own);
        }
        self.holders.insert(path.folded_as_folder().into(), (name.clone(), kind));
    }

    /// Who stands in the way of a file at `path`: a file where it needs a folder, or the reverse.
    fn obstacle(&self, path: &UrlPath) -> Option<&Arc<str>> {
        let own = path.folded();
        let as_file = |folder: &str| self.holders.get(&*format!("{folder}/")).map(|(name, _)| name);
        let is_in_folder = folders_of(&own).find_map(|folder| {
            // A page's folder may have files in it; a file's may not.
            let plain = as_file(folder).filter(|_| self.plain_files.contains(folder));
            plain.or_else(|| self.built_in.get(folder))
        });
        is_in_folder.or_else(|| if path.is_folder() { None } else { self.folders.get(&*own) })
    }
}

/// `/a/b/c` needs the folders `/a/b` and `/a`.
fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    let parent = |path: &str| path.rfind('/').filter(|at| *at > 0);
    let first = parent(path).map(|at| &path[..at]);
    std::iter::successors(first, move |folder| parent(folder).map(|at| &folder[..at]))
}
