//! What has become of the pages of the last build: those that have moved, and those that are no more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Draft;
use crate::content::Page;
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Problem};
use crate::site::{Catalog, GonePage};

/// Pages whose address has changed without an alias that leads from the old one to the new.
pub(super) fn moved(previous: &Catalog, next: &Draft) -> Vec<Problem> {
    let catalog = &next.catalog;
    let pages = next.index.pages().iter();
    let mut by_id: BTreeMap<&str, Vec<&Arc<Page>>> = BTreeMap::new();
    for page in pages {
        by_id.entry(page.id()).or_default().push(page);
    }
    // Of pages that share an id, as copies do, one that was elsewhere has not moved here.
    let now_at = |id: &str| match by_id.get(id)?.as_slice() {
        [page] => Some(*page),
        several => several.iter().find(|page| !previous.pages.contains_key(&page.path)).copied(),
    };
    let were =
        previous.pages.iter().filter_map(|(path, page)| Some((path, page, page.id.as_deref()?)));
    let known: BTreeSet<&str> = were.clone().map(|(_, _, id)| id).collect();
    // A file that was renamed is another page by name; its title tells.
    let renamed = |title: &str| {
        let mut new = next.index.pages().iter().filter(|page| !known.contains(page.id()));
        new.find(|page| page.title == title)
    };
    let moved = were.filter_map(|(from, page, id)| {
        let to = now_at(id).or_else(|| renamed(&page.title))?;
        let is_there = catalog.redirects.contains_key(from) || next.index.at(from).is_some();
        let mistake = Mistake::Moved { from: from.to_string(), to: to.path.to_string() };
        (!is_there).then(|| Problem::new(to.place(to.places.address), mistake))
    });
    moved.collect()
}

/// The pages that were once there and are no more.
pub(super) fn gone(previous: &Catalog, next: &Catalog) -> BTreeMap<UrlPath, GonePage> {
    let were = previous
        .pages
        .iter()
        .map(|(path, page)| (path, GonePage { title: page.title.clone(), listed: page.listed }));
    let before = previous.gone.iter().map(|(path, page)| (path, page.clone()));
    let is_gone =
        |path: &UrlPath| !next.pages.contains_key(path) && !next.redirects.contains_key(path);
    before
        .chain(were)
        .filter(|(path, _)| is_gone(path))
        .map(|(path, page)| (path.clone(), page))
        .collect()
}
