//! Every address that the site answers: what links may lead to.

use crate::fingerprint::FastMap;
use crate::permalink::UrlPath;

/// Every address that the site answers, and its canonical form.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    by_folded: FastMap<String, UrlPath>,
    by_last_segment: FastMap<String, UrlPath>,
    /// Files beside pages, by their name below `content/`.
    assets: FastMap<String, UrlPath>,
}

impl Addresses {
    /// Adds an address.
    pub(super) fn add(&mut self, path: UrlPath) {
        let folded = path.folded_as_folder();
        let last = folded.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        self.by_last_segment.entry(last).or_insert_with(|| path.clone());
        self.by_folded.insert(folded, path);
    }

    /// Adds an old address of the page at `target`.
    pub(super) fn add_alias(&mut self, alias: &UrlPath, target: &UrlPath) {
        self.by_folded.entry(alias.folded_as_folder()).or_insert_with(|| target.clone());
    }

    /// Adds the file `relative` to `content/`, and its address.
    pub(super) fn add_asset(&mut self, relative: &str, path: &UrlPath) {
        self.assets.insert(relative.to_owned(), path.clone());
        self.add(path.clone());
    }

    /// The address of the file `relative` to `content/`.
    pub(super) fn asset(&self, relative: &str) -> Option<&UrlPath> {
        self.assets.get(relative)
    }

    /// The canonical form of `path`, if the site answers it.
    pub(super) fn find(&self, path: &UrlPath) -> Option<&UrlPath> {
        self.by_folded.get(&path.folded_as_folder())
    }

    /// An address that ends as `path` does.
    pub(super) fn suggestion(&self, path: &str) -> Option<&UrlPath> {
        let last = path.trim_end_matches('/').rsplit('/').next()?.to_lowercase();
        let last = last.strip_suffix(".md").unwrap_or(&last);
        self.by_last_segment.get(last)
    }
}
