//! What is wrong with a site, in order: listed when somebody asks, for that must not delay what readers see.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::slice::ParallelSliceMut as _;
use serde::{Serialize, Serializer};

use crate::problem::{Mistake, Problem};

/// What is wrong with a site, in order of place, each once.
#[derive(Debug, Clone, Default)]
pub struct Problems(Arc<Listed>);

#[derive(Debug, Default)]
struct Listed {
    list: OnceLock<Vec<Problem>>,
    /// What the list comes of, until it is asked for.
    change: Mutex<Option<Change>>,
}

#[derive(Debug)]
struct Change {
    before: Problems,
    /// The files that were read again.
    files: BTreeSet<Arc<str>>,
    /// What is wrong with them.
    now: Vec<Problem>,
}

impl Problems {
    /// The `problems` that are wanted.
    pub(super) fn of(mut problems: Vec<Problem>, is_wanted: impl Fn(&Mistake) -> bool) -> Self {
        problems.retain(|problem| is_wanted(&problem.mistake));
        in_order(&mut problems);
        Self(Arc::new(Listed { list: OnceLock::from(problems), change: Mutex::default() }))
    }

    /// The problems without those of pages that have moved, of which is told once.
    pub(super) fn without_moves(self) -> Self {
        if self.iter().all(Problem::is_lasting) {
            return self;
        }
        let lasting = self.iter().filter(|problem| problem.is_lasting());
        Self::of(lasting.cloned().collect(), |_| true)
    }

    /// The problems after `files` were read again, with which `now` is wrong.
    pub(super) fn after(&self, files: BTreeSet<Arc<str>>, now: Vec<Problem>) -> Self {
        let change = Change { before: self.clone(), files, now };
        Self(Arc::new(Listed { list: OnceLock::new(), change: Mutex::new(Some(change)) }))
    }
}

impl Change {
    fn list(self) -> Vec<Problem> {
        let stays =
            |problem: &&Problem| !self.files.contains(&problem.place.file) && problem.is_lasting();
        let mut list: Vec<Problem> = self.before.iter().filter(stays).cloned().collect();
        list.extend(self.now);
        in_order(&mut list);
        list
    }
}

fn in_order(problems: &mut Vec<Problem>) {
    // Equal ones are the same, so their order is none.
    problems.par_sort_unstable();
    problems.dedup();
}

impl Deref for Problems {
    type Target = [Problem];

    fn deref(&self) -> &[Problem] {
        self.0.list.get_or_init(|| {
            let change = self.0.change.lock().unwrap_or_else(PoisonError::into_inner).take();
            change.map(Change::list).unwrap_or_default()
        })
    }
}

impl PartialEq for Problems {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl<const N: usize> PartialEq<[Problem; N]> for Problems {
    fn eq(&self, other: &[Problem; N]) -> bool {
        **self == other[..]
    }
}

impl Serialize for Problems {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
