//! What the dashboard asks besides its report: how single pages have fared.

use std::ops::Range;

use crate::analytics::{Amounts, Query};
use crate::clock::{Day, Timestamp};
use crate::permalink::UrlPath;
use crate::render::Locale;
use crate::server::report::Viewer;
use crate::site::{PageEntry, PageKind, Site};

/// What the dashboard knows besides its report.
pub(in crate::server) struct Source<'a> {
    /// The pages.
    pub(in crate::server) site: &'a Site,
    /// What was counted; none if nothing is.
    pub(in crate::server) query: Option<&'a Query>,
    /// Who looks.
    pub(in crate::server) viewer: Viewer,
    /// When.
    pub(in crate::server) now: Timestamp,
    /// How the language of the site writes.
    pub(in crate::server) locale: Locale,
}

impl<'a> Source<'a> {
    pub(super) fn today(&self) -> Day {
        self.day(self.now)
    }

    pub(super) fn day(&self, at: Timestamp) -> Day {
        Day::of(at, &self.site.identity().zone())
    }

    /// How much was counted on a page in each of `spans`; nothing if it cannot be read.
    pub(super) fn course(&self, path: &UrlPath, spans: &[Range<Day>]) -> Vec<Amounts> {
        let Some(query) = self.query else { return vec![Amounts::default(); spans.len()] };
        let redirects = self.site.catalog().redirects.iter();
        let leading = redirects.filter(|(_, page)| *page == path).map(|(alias, _)| alias.clone());
        let addresses: Vec<UrlPath> = leading.chain([path.clone()]).collect();
        query.course_of(&addresses, spans).unwrap_or_else(|error| {
            tracing::error!("the course of a page cannot be read: {error:#}");
            vec![Amounts::default(); spans.len()]
        })
    }

    /// Posts that were published by now and may be named, with when that was; the newest first.
    pub(super) fn posts(&self) -> Vec<(&'a UrlPath, &'a PageEntry, Timestamp)> {
        let may_be_named = |entry: &PageEntry| entry.listed || self.viewer == Viewer::Owner;
        let pages = self.site.catalog().pages.iter();
        let posts = pages.filter(|(_, entry)| entry.kind == PageKind::Post && may_be_named(entry));
        let published = posts.filter_map(|(path, entry)| Some((path, entry, entry.published?)));
        let mut posts: Vec<_> = published.filter(|(.., at)| *at <= self.now).collect();
        posts.sort_by_key(|(.., at)| std::cmp::Reverse(*at));
        posts
    }
}
