//! Every address that the site answers: what links may lead to.

use crate::content::Page;
use crate::fingerprint::{FastMap, Fingerprint, Fold};
use crate::permalink::UrlPath;

/// Every address that the site answers, and its canonical form.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// By the fingerprint of the form that a careless file system knows it by: texts would take twice the memory.
    by_folded: FastMap<Fingerprint, UrlPath>,
    /// By the fingerprint of the last segment of that form.
    by_last_segment: FastMap<Fingerprint, UrlPath>,
    /// Files beside pages, by their name below `content/`.
    assets: FastMap<String, UrlPath>,
    /// All that was added, in its order.
    all: Fold,
}

impl Addresses {
    /// Adds an address.
    pub(super) fn add(&mut self, path: UrlPath) {
        self.all.add(&path);
        let folded = path.folded_as_folder();
        let last = folded.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        self.by_last_segment.entry(Fingerprint::of(last)).or_insert_with(|| path.clone());
        self.by_folded.insert(Fingerprint::of(&*folded), path);
    }

    /// Adds the address of a page, which is known by its source and its title too.
    pub(super) fn add_page(&mut self, page: &Page) {
        self.know(page);
        self.add(page.path.clone());
    }

    /// Notes that links may lead to a page by its source or its title, which has no address of its own here.
    pub(super) fn know(&mut self, page: &Page) {
        self.all.add(&(&page.file.relative, &page.title, &page.path));
    }

    /// Adds an old address of the page at `target`.
    pub(super) fn add_alias(&mut self, alias: &UrlPath, target: &UrlPath) {
        self.all.add(&(alias, target));
        let folded = Fingerprint::of(&*alias.folded_as_folder());
        self.by_folded.entry(folded).or_insert_with(|| target.clone());
    }

    /// Adds the file `relative` to `content/`, and its address.
    pub(super) fn add_asset(&mut self, relative: &str, path: &UrlPath) {
        self.all.add(relative);
        self.assets.insert(relative.to_owned(), path.clone());
        self.add(path.clone());
    }

    /// The fingerprint of every address and of what leads to it.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.all.clone().finish()
    }

    /// The address of the file `relative` to `content/`.
    pub(super) fn asset(&self, relative: &str) -> Option<&UrlPath> {
        self.assets.get(relative)
    }

    /// The canonical form of `path`, if the site answers it.
    pub(super) fn find(&self, path: &UrlPath) -> Option<&UrlPath> {
        self.by_folded.get(&Fingerprint::of(&*path.folded_as_folder()))
    }

    /// An address that ends as `path` does.
    pub(super) fn suggestion(&self, path: &str) -> Option<&UrlPath> {
        let last = path.trim_end_matches('/').rsplit('/').next()?.to_lowercase();
        let last = last.strip_suffix(".md").unwrap_or(&last);
        self.by_last_segment.get(&Fingerprint::of(last))
    }
}
