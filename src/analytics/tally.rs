//! What was counted in a span of time: views and distinct visitors, of the site and of each page.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::row::Row;
use super::snapshot::{PathTotals, Snapshot};
use crate::permalink::UrlPath;

/// What was counted in a span of time. Remembers who was there, so it can say how many saw any of several pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    total: Count,
    pages: BTreeMap<UrlPath, Count>,
}

/// Views, and the numbers of the visitors whose they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Count {
    views: u64,
    visitors: HashSet<u32>,
}

impl Tally {
    /// Distinct visitors of at least one of `paths`.
    pub fn visitors_of(&self, paths: &[UrlPath]) -> u64 {
        let counts = paths.iter().filter_map(|path| self.pages.get(path));
        counts.flat_map(|count| &count.visitors).collect::<HashSet<_>>().len() as u64
    }

    /// `snapshot` with what this has counted in the place of what was ever counted.
    pub fn within(&self, snapshot: &Snapshot) -> Snapshot {
        let page = |(path, count): (&UrlPath, &Count)| PathTotals {
            path: Arc::new(path.clone()),
            views: count.views,
            visitors: count.visitors.len() as u64,
        };
        let mut pages: Vec<PathTotals> = self.pages.iter().map(page).collect();
        pages.sort_by_key(|page| std::cmp::Reverse(page.views));
        Snapshot {
            total_page_views: self.total.views,
            unique_visitors: self.total.visitors.len() as u64,
            pages,
            ..snapshot.clone()
        }
    }
}

impl Count {
    fn add(&mut self, visitor: u32) {
        self.views += 1;
        // Number 0 is nobody, where visitors are not told apart.
        if visitor != 0 {
            self.visitors.insert(visitor);
        }
    }
}

/// A tally under way: pages are numbers still.
#[derive(Debug, Default)]
pub(super) struct Tallying {
    total: Count,
    pages: HashMap<u32, Count>,
}

impl Tallying {
    /// Counts a view, unless the site did not have its path.
    pub(super) fn add(&mut self, row: &Row) {
        if row.is_page_view() {
            self.total.add(row.visitor);
            self.pages.entry(row.path).or_default().add(row.visitor);
        }
    }

    /// The pages that were counted.
    pub(super) fn pages(&self) -> Vec<u32> {
        self.pages.keys().copied().collect()
    }

    /// The tally, with pages called what the dictionary calls them.
    pub(super) fn named(mut self, names: impl IntoIterator<Item = (u32, String)>) -> Tally {
        let page = |(number, name): (u32, String)| {
            Some((UrlPath::parse(&name).ok()?, self.pages.remove(&number)?))
        };
        let pages = names.into_iter().filter_map(page).collect();
        Tally { total: self.total, pages }
    }
}
