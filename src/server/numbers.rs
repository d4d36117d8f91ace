//! What readers did joined with what there is to read: the numbers of the dashboard, by title.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::report::{Sources, Viewer, together};
use crate::analytics::{Amounts, Line, Period, Snapshot};
use crate::clock::Timestamp;
use crate::permalink::UrlPath;
use crate::site::{PageEntry, PageKind, Site};

/// Every number that the dashboard shows, as its template and its JSON see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Numbers {
    /// Visitors who are reading now.
    pub active_visitors: u64,
    /// What they read, most first, then by path.
    pub active_by_path: Vec<ActivePage>,
    /// Page views of all time, or of the period.
    pub total_page_views: u64,
    /// Visitors of all time, or of the period.
    pub unique_visitors: u64,
    /// Posts that are published now.
    pub published_posts: u64,
    /// Pages that are published now.
    pub published_pages: u64,
    /// When the first view was counted, in milliseconds.
    pub tracking_since: Option<Timestamp>,
    /// The same instant as RFC 3339 spells it.
    pub tracking_since_date: Option<String>,
    /// Each page that was read, most views first, then by path.
    pub page_stats: Vec<PageStat>,
    /// Whether events cannot be stored at present.
    pub degraded: bool,
    /// The time in which it was read; absent if that is all time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Stretch>,
}

/// A stretch of time; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// What it is called, if it has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Period>,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
}

/// A page that is being read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivePage {
    /// What is being read.
    #[serde(flatten)]
    pub page: NamedPage,
    /// By how many visitors.
    pub count: u64,
}

/// How often a page was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageStat {
    /// What was read.
    #[serde(flatten)]
    pub page: NamedPage,
    /// Post, page, list, or gone.
    pub page_type: PageType,
    /// How often.
    pub views: u64,
    /// By how many visitors.
    pub visitors: u64,
    /// Views in percent of those of the most viewed page.
    pub share: u64,
    /// Whether the page no longer exists.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// More about it, unless only what changes all the time was asked for.
    #[serde(flatten)]
    pub detail: Option<Box<PageDetail>>,
}

/// What is known of a page and of how it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageDetail {
    /// How often it was read to the end.
    pub reads: u64,
    /// Visits that began with it.
    pub entries: u64,
    /// Visits that ended with it.
    pub exits: u64,
    /// Visits of it alone.
    pub bounces: u64,
    /// Milliseconds that it was visible to readers.
    pub engaged_ms: u64,
    /// When it was published, if it is a post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<Timestamp>,
    /// How many words there are to read.
    pub words: usize,
    /// What it is filed under.
    pub tags: Vec<Arc<str>>,
    /// Who wrote it.
    pub authors: Vec<Arc<str>>,
}

/// What kind of thing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PageType {
    /// What is at the address now.
    Kind(PageKind),
    /// There was something once.
    Gone(Gone),
}

/// The type of a page that no longer exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gone {
    /// There was something once.
    Gone,
}

/// A page by its title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedPage {
    /// Where it is on the site.
    pub path: UrlPath,
    /// What readers know it by.
    pub title: String,
    /// The link to it; none if it no longer exists.
    pub url: Option<String>,
}

/// Counts the distinct visitors of several paths together.
pub type Union<'a> = dyn Fn(&[UrlPath]) -> anyhow::Result<u64> + 'a;

impl Numbers {
    /// Joins a snapshot with the site as it is now. `union` counts the visitors of a page that was read under
    /// several addresses; where it fails, the greatest of the counts stands for all. What `viewer` may not know of
    /// is counted and not named.
    pub fn join(snapshot: &Snapshot, site: &Site, viewer: Viewer, union: &Union<'_>) -> Self {
        let published =
            |kind| site.catalog().pages.values().filter(|page| page.kind == kind).count();
        Self {
            active_visitors: snapshot.active_visitors,
            active_by_path: active(snapshot, site, viewer),
            total_page_views: snapshot.total_page_views,
            unique_visitors: snapshot.unique_visitors,
            published_posts: published(PageKind::Post) as u64,
            published_pages: published(PageKind::Page) as u64,
            tracking_since: snapshot.tracking_since,
            tracking_since_date: snapshot
                .tracking_since
                .map(|since| since.to_rfc3339_in(&site.identity().zone())),
            page_stats: page_stats(snapshot, site, viewer, union),
            degraded: snapshot.degraded,
            period: None,
        }
    }

    /// The same, with what was counted in a stretch of time in the place of what was ever counted: `totals`, and
    /// `lines` by path.
    pub(super) fn join_answer(lines: &[Line], totals: &Amounts, sources: &Sources<'_>) -> Self {
        let Sources { snapshot, site, viewer, union, .. } = sources;
        let lines = lines.iter().filter_map(|line| Some((UrlPath::parse(&line.value).ok()?, line)));
        let mut by_path: BTreeMap<UrlPath, Read> = BTreeMap::new();
        for (path, line) in lines {
            let Some(Meaning { page, kind }) = Meaning::of(&path, site, *viewer) else { continue };
            let read = by_path.entry(page.path.clone()).or_insert_with(|| Read::of(page, kind));
            read.amounts = together(read.amounts, line.amounts);
            read.paths.push(path);
        }
        let rows = by_path.into_values().map(|mut read| {
            if read.paths.len() > 1 {
                read.amounts.visitors = union(&read.paths).unwrap_or(read.amounts.visitors);
            }
            let entry = site.page(&read.page.path).map(|(_, entry)| entry);
            read.stat(entry)
        });
        let nothing = Snapshot { pages: Vec::new(), ..(*snapshot).clone() };
        Self {
            total_page_views: totals.views,
            unique_visitors: totals.visitors,
            page_stats: ranked(rows.collect()),
            ..Self::join(&nothing, site, *viewer, union)
        }
    }
}

/// How a page was read, under all its addresses.
struct Read {
    page: NamedPage,
    kind: Option<PageKind>,
    amounts: Amounts,
    paths: Vec<UrlPath>,
}

impl Read {
    fn of(page: NamedPage, kind: Option<PageKind>) -> Self {
        Self { page, kind, amounts: Amounts::default(), paths: Vec::new() }
    }

    fn stat(self, entry: Option<&PageEntry>) -> PageStat {
        let Amounts { views, visitors, visits, exits, bounces, engaged_ms, reads } = self.amounts;
        let detail = PageDetail {
            reads,
            entries: visits,
            exits,
            bounces,
            engaged_ms,
            published: entry.and_then(|entry| entry.published),
            words: entry.map_or(0, |entry| entry.words),
            tags: entry.map(|entry| entry.tags.clone()).unwrap_or_default(),
            authors: entry.map(|entry| entry.authors.clone()).unwrap_or_default(),
        };
        let detail = Some(Box::new(detail));
        PageStat { views, visitors, detail, ..PageStat::unread(self.page, self.kind) }
    }
}

/// The page at `path`, if `viewer` may know of it.
pub(super) fn named(path: &str, site: &Site, viewer: Viewer) -> Option<NamedPage> {
    Some(Meaning::of(&UrlPath::parse(path).ok()?, site, viewer)?.page)
}

impl PageStat {
    fn unread(page: NamedPage, kind: Option<PageKind>) -> Self {
        let page_type = kind.map_or(PageType::Gone(Gone::Gone), PageType::Kind);
        Self {
            page,
            page_type,
            views: 0,
            visitors: 0,
            share: 0,
            gone: kind.is_none(),
            detail: None,
        }
    }
}

/// What a path means now: a page that a viewer may know of, a page that is gone, or nothing that may be named.
struct Meaning {
    page: NamedPage,
    /// None if the page is gone.
    kind: Option<PageKind>,
}

impl Meaning {
    fn of(path: &UrlPath, site: &Site, viewer: Viewer) -> Option<Self> {
        let is_owner = viewer == Viewer::Owner;
        let Some((path, entry)) = site.page(path) else {
            let gone = site.catalog().gone.get(path);
            let title = gone.map_or(path.as_str(), |gone| gone.title.as_str());
            let page = NamedPage { path: path.clone(), title: title.to_owned(), url: None };
            let may_be_named = gone.is_none_or(|gone| gone.listed || is_owner);
            return may_be_named.then_some(Self { page, kind: None });
        };
        let title = match entry.kind {
            PageKind::Home if *path == UrlPath::root() => "Home",
            PageKind::Stats => "Stats",
            _ => &entry.title,
        };
        let url = Some(site.identity().base.link(path));
        let page = NamedPage { path: path.clone(), title: title.to_owned(), url };
        (entry.listed || is_owner).then_some(Self { page, kind: Some(entry.kind) })
    }
}

fn active(snapshot: &Snapshot, site: &Site, viewer: Viewer) -> Vec<ActivePage> {
    let mut by_path: BTreeMap<UrlPath, ActivePage> = BTreeMap::new();
    for (path, count) in &snapshot.active_by_path {
        let Some(Meaning { page, .. }) = Meaning::of(path, site, viewer) else { continue };
        let row = by_path.entry(page.path.clone()).or_insert(ActivePage { page, count: 0 });
        row.count += count;
    }
    let mut rows: Vec<ActivePage> = by_path.into_values().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}

fn page_stats(
    snapshot: &Snapshot,
    site: &Site,
    viewer: Viewer,
    union: &Union<'_>,
) -> Vec<PageStat> {
    let mut by_path: BTreeMap<UrlPath, (PageStat, Vec<UrlPath>)> = BTreeMap::new();
    for totals in &snapshot.pages {
        let Some(Meaning { page, kind }) = Meaning::of(&totals.path, site, viewer) else {
            continue;
        };
        let key = page.path.clone();
        let (stat, paths) =
            by_path.entry(key).or_insert_with(|| (PageStat::unread(page, kind), Vec::new()));
        stat.views += totals.views;
        stat.visitors = stat.visitors.max(totals.visitors);
        paths.push((*totals.path).clone());
    }
    let rows = by_path.into_values().map(|(mut stat, paths)| {
        if paths.len() > 1 {
            stat.visitors = union(&paths).unwrap_or(stat.visitors);
        }
        stat
    });
    ranked(rows.collect())
}

/// Most views first; the rows come by path, and sorting keeps the order of equals.
fn ranked(mut rows: Vec<PageStat>) -> Vec<PageStat> {
    rows.sort_by_key(|row| std::cmp::Reverse(row.views));
    let most = rows.first().map_or(1, |row| row.views.max(1));
    for row in &mut rows {
        row.share = row.views.saturating_mul(100) / most;
    }
    rows
}
