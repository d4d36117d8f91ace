//! What was counted of all time: exact, in memory, and in order.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::quick::QuickMap;
use super::snapshot::PathTotals;
use super::varint;
use crate::clock::Timestamp;
use crate::permalink::UrlPath;

/// Totals of all pages together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SiteTotals {
    /// Counted page views.
    pub(super) views: u64,
    /// Distinct visitors among them.
    pub(super) visitors: u64,
    /// When the first was counted.
    pub(super) since: Option<Timestamp>,
    /// Counted views of paths that the site does not have.
    pub(super) not_found: u64,
    /// The last number that was given to a visitor.
    pub(super) last_visitor: u32,
}

impl SiteTotals {
    pub(super) fn encode(&self) -> Vec<u8> {
        // One more than the time, so that zero can stand for none.
        let since = self
            .since
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0).saturating_add(1));
        let last = u64::from(self.last_visitor);
        varint::encode([self.views, self.visitors, since, self.not_found, last])
    }

    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut numbers = varint::decode(bytes);
        let (views, visitors) = (numbers.large(), numbers.large());
        let since = numbers.large().checked_sub(1);
        let since =
            since.map(|since| Timestamp::from_millis(i64::try_from(since).unwrap_or(i64::MAX)));
        Self { views, visitors, since, not_found: numbers.large(), last_visitor: numbers.small() }
    }
}

/// Totals of the site and of each page, the pages kept in order of their views.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) site: SiteTotals,
    pages: Vec<PathTotals>,
    numbers: Vec<u32>,
    places: QuickMap<u32, usize>,
    changed: BTreeSet<u32>,
}

impl Totals {
    /// Takes up where the database left off.
    pub(super) fn restore(site: SiteTotals, mut pages: Vec<(u32, PathTotals)>) -> Self {
        pages.sort_by(|(_, a), (_, b)| order(a, b));
        let places =
            pages.iter().enumerate().map(|(place, (number, _))| (*number, place)).collect();
        let (numbers, pages) = pages.into_iter().unzip();
        Self { site, pages, numbers, places, changed: BTreeSet::new() }
    }

    /// Counts a view of the page with this number.
    pub(super) fn add(&mut self, number: u32, path: &UrlPath, is_new_visitor: bool) {
        self.add_many(number, path, (1, u64::from(is_new_visitor)));
    }

    /// Counts views and new visitors of the page with this number.
    pub(super) fn add_many(&mut self, number: u32, path: &UrlPath, (views, visitors): (u64, u64)) {
        let place = *self.places.entry(number).or_insert_with(|| {
            self.pages.push(PathTotals { path: Arc::new(path.clone()), views: 0, visitors: 0 });
            self.numbers.push(number);
            self.pages.len() - 1
        });
        self.pages[place].views += views;
        self.pages[place].visitors += visitors;
        self.changed.insert(number);
        self.rise(place);
    }

    /// Each page, most views first, then by path.
    pub(super) fn pages(&self) -> &[PathTotals] {
        &self.pages
    }

    /// The pages that changed since the last call.
    pub(super) fn take_changed(&mut self) -> Vec<(u32, PathTotals)> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|number| (number, self.pages[self.places[&number]].clone()))
            .collect()
    }

    /// Moves a page up to where it belongs; a view moves it past few others, or none.
    fn rise(&mut self, mut place: usize) {
        while place > 0 && order(&self.pages[place], &self.pages[place - 1]) == Ordering::Less {
            self.pages.swap(place, place - 1);
            self.numbers.swap(place, place - 1);
            self.places.insert(self.numbers[place], place);
            place -= 1;
        }
        self.places.insert(self.numbers[place], place);
    }
}

fn order(a: &PathTotals, b: &PathTotals) -> Ordering {
    b.views.cmp(&a.views).then_with(|| a.path.cmp(&b.path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pages_are_in_order_and_add_up(views in prop::collection::vec((1u32..9, any::<bool>()), 0..200)) {
            let mut totals = Totals::default();
            for (number, is_new) in &views {
                totals.add(*number, &UrlPath::parse(&format!("/{number}/")).unwrap(), *is_new);
            }
            prop_assert!(totals.pages().is_sorted_by(|a, b| order(a, b) == Ordering::Less));
            prop_assert_eq!(totals.pages().iter().map(|page| page.views).sum::<u64>(), views.len() as u64);
            for page in totals.pages() {
                let of_page = |(number, _): &&(u32, bool)| page.path.as_str() == format!("/{number}/");
                let count = views.iter().filter(of_page).count() as u64;
                let new = views.iter().filter(of_page).filter(|(_, is_new)| *is_new).count() as u64;
                prop_assert_eq!((page.views, page.visitors), (count, new));
            }
            let restored = Totals::restore(totals.site, totals.take_changed());
            prop_assert_eq!(restored.pages(), totals.pages());
        }

        #[test]
        fn totals_are_read_as_they_were_written(views: u64, visitors: u64, since in prop::option::of(0..i64::MAX), not_found: u64, last_visitor: u32) {
            let since = since.map(Timestamp::from_millis);
            let totals = SiteTotals { views, visitors, since, not_found, last_visitor };
            prop_assert_eq!(SiteTotals::decode(&totals.encode()), totals);
        }
    }
}
