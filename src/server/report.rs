//! What was read in a stretch of time, by whom and from where: an answer of the statistics, joined with the site.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::likeliest::Likeliest;
use super::numbers::{NamedPage, Numbers, Stretch, named};
use super::wanted::Wanted;
use crate::analytics::{
    Amounts, Answer, Breakdown, Caller, Course, Filters, Line, Period, Query, Question,
    ServedAnswer, Snapshot, Step, Time,
};
use crate::clock::Timestamp;
use crate::permalink::UrlPath;
use crate::site::{PageEntry, Site};

/// In public, no source, country or device with fewer visitors than this is told, nor what fewer did of those who are asked
/// about by one of these: it might tell who somebody is.
const LEAST_IN_PUBLIC: u64 = 3;

/// How many lines a list has, unless more are asked for.
const LINES: usize = 100;

/// How many posts that were published in the time are marked at most.
const MARKERS: usize = 500;

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Anybody.
    Public,
    /// Who owns the site.
    Owner,
}

impl Viewer {
    /// How many kinds there are.
    pub(super) const COUNT: usize = 2;

    /// Every kind, in the order of their numbers.
    pub(super) const ALL: [Self; Self::COUNT] = [Self::Public, Self::Owner];
}

/// Everything that is known of a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Who is here now, and the pages of the time.
    #[serde(flatten)]
    pub numbers: Numbers,
    /// What was asked about alone, by name.
    pub filters: BTreeMap<&'static str, String>,
    /// How much in all.
    pub totals: Totals,
    /// How long a step of the series is.
    pub step: Step,
    /// How much in each step.
    pub series: Vec<Moment>,
    /// The time that it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
    /// Pages that visits began with, most first.
    pub entry_pages: Vec<PageLine>,
    /// Pages that visits ended with, most first.
    pub exit_pages: Vec<PageLine>,
    /// Everything else by value, most first: `referrers`, `countries`, `outbound` and so on.
    #[serde(flatten)]
    pub lists: BTreeMap<&'static str, Vec<Line>>,
    /// Views by what posts are filed under, who wrote them, and the series they are part of.
    pub tags: Vec<Group>,
    /// See `tags`.
    pub authors: Vec<Group>,
    /// See `tags`; `series` is that of time.
    pub post_series: Vec<Group>,
    /// Paths that the site does not have.
    pub not_found: Vec<Missing>,
    /// How many events were not counted, ever, by the reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Posts that were published in the time, the oldest first.
    pub published: Vec<Marker>,
    /// What the server itself has answered, if no page and no reader was asked about: another count, without scripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<ServedPages>,
    /// If pages were asked for: how many views of them went how far, from less than 10 percent to all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scroll: Option<[u64; 11]>,
    /// From when on filters and times of less than a day know everything; absent if always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_from: Option<Timestamp>,
}

/// Pages that the server has answered, whether or not a script has told of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServedPages {
    /// How often to whom.
    pub callers: BTreeMap<Caller, u64>,
    /// How often which page to readers, most first.
    pub pages: Vec<ServedPage>,
}

/// A page that the server has answered to readers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServedPage {
    /// The page.
    #[serde(flatten)]
    pub page: NamedPage,
    /// How often.
    pub views: u64,
}

/// How much was counted, and what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// How much.
    #[serde(flatten)]
    pub amounts: Amounts,
    /// The share of visits with one view and nothing else; none without visits.
    pub bounce_rate: Option<f64>,
    /// Milliseconds that a visit was engaged; none without visits.
    pub engaged_ms_per_visit: Option<u64>,
}

/// How much was counted in a step of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// When it began, in milliseconds.
    pub start: Timestamp,
    /// The same instant as RFC 3339 spells it, in the site's time zone.
    pub date: String,
    /// How much.
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// How much was counted in the time that another is compared with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
    /// How much in all.
    pub totals: Totals,
    /// How much in each step.
    pub series: Vec<Moment>,
}

/// What was counted on a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageLine {
    /// The page.
    #[serde(flatten)]
    pub page: NamedPage,
    /// How much.
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// What was counted on pages that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// What that is.
    pub name: String,
    /// How many of them were viewed.
    pub pages: u64,
    /// Views.
    pub views: u64,
    /// How many of the views were read to the end.
    pub reads: u64,
    /// Milliseconds that they were engaged.
    pub engaged_ms: u64,
}

/// A path that the site does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The path as visitors asked for it; not to be trusted.
    pub path: String,
    /// How often.
    pub views: u64,
    /// Where the last visitor came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// The page that was most likely meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likeliest: Option<NamedPage>,
    /// The line of front matter that makes the path lead there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

/// A post that was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Marker {
    /// The post.
    #[serde(flatten)]
    pub page: NamedPage,
    /// When.
    pub at: Timestamp,
}

/// What a report is made of besides the answer.
pub(super) struct Sources<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) site: &'a Site,
    pub(super) viewer: Viewer,
    pub(super) now: Timestamp,
    /// How many distinct visitors saw at least one of several addresses.
    pub(super) union: &'a super::numbers::Union<'a>,
}

impl Wanted {
    /// The question to ask about the pages of `site`.
    pub(super) fn question(&self, site: &Site, viewer: Viewer) -> Question {
        let mut filters = Filters { traits: self.traits.clone(), ..Filters::default() };
        let mut add = |is_it: &dyn Fn(&UrlPath, &PageEntry) -> bool| {
            filters.pages.push(addresses(site, viewer, is_it));
        };
        if let Some(page) = &self.page {
            let canonical = site.page(page).map_or(page, |(path, _)| path);
            add(&|path, _| path == canonical);
        }
        let folded = |text: &str| text.to_lowercase();
        if let Some(tag) = self.tag.as_deref().map(folded) {
            add(&|_, entry| entry.tags.iter().any(|name| folded(name) == tag));
        }
        if let Some(author) = self.author.as_deref().map(folded) {
            add(&|_, entry| entry.authors.iter().any(|name| folded(name) == author));
        }
        if let Some(series) = self.series.as_deref().map(folded) {
            add(&|_, entry| entry.series.as_deref().is_some_and(|name| folded(name) == series));
        }
        if let Some(page) = self.page.as_ref().filter(|page| site.page(page).is_none())
            && named(page.as_str(), site, viewer).is_some()
        {
            // One that is gone is known by its address alone.
            filters.pages[0].insert(page.clone());
        }
        Question {
            filters,
            compare: self.compare,
            step: self.step,
            limit: usize::MAX,
            ..Question::about(self.time)
        }
    }
}

/// What is `wanted` of what `query` knows, as it is at `now`, joined with the site; of nothing if nothing is counted.
pub fn report(
    wanted: &Wanted,
    viewer: Viewer,
    (snapshot, site): (&Snapshot, &Site),
    query: Option<&Query>,
    now: Timestamp,
) -> anyhow::Result<Report> {
    let question = wanted.question(site, viewer);
    let mut answer = match query {
        Some(query) => query.answer(&question, now)?,
        None => nothing(now),
    };
    if viewer == Viewer::Public && !wanted.traits.is_empty() {
        withhold(&mut answer);
    }
    let union = |paths: &[UrlPath]| {
        let Some(query) = query else { return Ok(0) };
        if wanted.is_of_all() {
            return query.visitors_of(paths);
        }
        let mut filters = question.filters.clone();
        filters.pages.push(paths.iter().cloned().collect());
        let (time, breakdowns) = (question.time, BTreeSet::new());
        let about = Question { filters, breakdowns, ..Question::about(time) };
        Ok(query.answer(&about, now)?.course.totals.visitors)
    };
    let sources = Sources { snapshot, site, viewer, now, union: &union };
    let served = query.filter(|_| wanted.filters().is_empty());
    let served = served.map(|query| query.served(question.time, now, usize::MAX)).transpose()?;
    let served = served.map(|answer| served_pages(answer, wanted.limit.unwrap_or(LINES), &sources));
    Ok(Report { served, ..Report::join(wanted, answer, &sources) })
}

/// Takes out of an answer about visitors who have something in common whatever too few of them have done: who knows one of
/// them would learn what that one has read.
fn withhold(answer: &mut Answer) {
    let courses = [Some(&mut answer.course), answer.compared.as_mut()];
    for course in courses.into_iter().flatten() {
        let points = course.series.iter_mut().map(|point| &mut point.amounts);
        let few = points.chain([&mut course.totals]).filter(|amounts| !is_enough(amounts));
        few.for_each(|amounts| *amounts = Amounts::default());
    }
    let are_enough = is_enough(&answer.course.totals);
    for lines in answer.breakdowns.values_mut() {
        lines.retain(|line| are_enough && is_enough(&line.amounts));
    }
    answer.scroll = answer.scroll.map(|scroll| if are_enough { scroll } else { [0; 11] });
}

fn served_pages(answer: ServedAnswer, limit: usize, sources: &Sources<'_>) -> ServedPages {
    let page = |(path, views): (String, u64)| {
        Some(ServedPage { page: named(&path, sources.site, sources.viewer)?, views })
    };
    let pages = answer.pages.into_iter().filter_map(page).take(limit).collect();
    ServedPages { callers: answer.callers.into_iter().collect(), pages }
}

/// The answer where nothing is counted.
fn nothing(now: Timestamp) -> Answer {
    let totals = Amounts::default();
    Answer {
        course: Course { from: now, to: now, totals, series: Vec::new() },
        step: Step::Day,
        compared: None,
        breakdowns: BTreeMap::new(),
        scroll: None,
        kept_from: None,
    }
}

/// The addresses of pages, those that lead to them included.
fn addresses(
    site: &Site,
    viewer: Viewer,
    is_it: &dyn Fn(&UrlPath, &PageEntry) -> bool,
) -> BTreeSet<UrlPath> {
    let catalog = site.catalog();
    let pages = catalog.pages.iter();
    let may_be_named = |entry: &PageEntry| entry.listed || viewer == Viewer::Owner;
    let pages = pages.filter(|(path, entry)| may_be_named(entry) && is_it(path, entry));
    let mut addresses: BTreeSet<UrlPath> = pages.map(|(path, _)| path.clone()).collect();
    let leading = catalog.redirects.iter().filter(|(_, page)| addresses.contains(*page));
    let leading: Vec<UrlPath> = leading.map(|(alias, _)| alias.clone()).collect();
    addresses.extend(leading);
    addresses
}

impl Report {
    /// Joins `answer` to `wanted` with the site.
    pub(super) fn join(wanted: &Wanted, answer: Answer, sources: &Sources<'_>) -> Self {
        let Answer { course, step, compared, mut breakdowns, scroll, kept_from } = answer;
        let limit = wanted.limit.unwrap_or(LINES);
        let mut take = |breakdown| breakdowns.remove(&breakdown).unwrap_or_default();
        let pages = take(Breakdown::Pages);
        let stretch = Stretch {
            name: match wanted.time {
                Time::Period(period) => Some(period),
                Time::Days { .. } => None,
            },
            from: course.from,
            // A day that is not over yet is counted up to now.
            to: course.to.min(sources.now),
        };
        let is_all = wanted.time == Time::Period(Period::All);
        let numbers = Numbers::join_answer(&pages, &course.totals, sources);
        let groups = Groups::of(&pages, sources);
        let entries = page_lines(take(Breakdown::EntryPages), |of| of.visits, sources);
        let exits = page_lines(take(Breakdown::ExitPages), |of| of.exits, sources);
        let missing = missing(take(Breakdown::NotFound), limit, sources);
        let lists = lists(take, limit, sources.viewer);
        let mut numbers = Numbers { period: (!is_all).then_some(stretch), ..numbers };
        numbers.page_stats.truncate(wanted.limit.unwrap_or(usize::MAX));
        Self {
            numbers,
            filters: wanted.filters().into_iter().collect(),
            totals: Totals::of(course.totals),
            published: markers(&course, sources),
            series: moments(&course, sources.site),
            step,
            compared: compared.map(|course| Compared {
                from: course.from,
                to: course.to,
                totals: Totals::of(course.totals),
                series: moments(&course, sources.site),
            }),
            entry_pages: first(entries, limit),
            exit_pages: first(exits, limit),
            lists,
            tags: first(groups.tags, limit),
            authors: first(groups.authors, limit),
            post_series: first(groups.series, limit),
            not_found: missing,
            served: None,
            rejected: rejected(sources),
            scroll,
            kept_from,
        }
    }
}

/// The lists of values: what they are called, what they are, and whether a rare value might tell who somebody is.
const LISTS: [(&str, Breakdown, bool); 10] = [
    ("referrers", Breakdown::Referrers, true),
    ("sources", Breakdown::Sources, true),
    ("campaigns", Breakdown::Campaigns, true),
    ("countries", Breakdown::Countries, true),
    ("devices", Breakdown::Devices, true),
    ("browsers", Breakdown::Browsers, true),
    ("systems", Breakdown::Systems, true),
    ("events", Breakdown::Events, false),
    ("outbound", Breakdown::Outbound, false),
    ("downloads", Breakdown::Downloads, false),
];

/// Each of [`LISTS`], of which `take` gives all lines and `viewer` may see so many.
fn lists(
    mut take: impl FnMut(Breakdown) -> Vec<Line>,
    limit: usize,
    viewer: Viewer,
) -> BTreeMap<&'static str, Vec<Line>> {
    let list = |(name, breakdown, is_personal)| {
        let mut lines = take(breakdown);
        if is_personal && viewer == Viewer::Public {
            lines.retain(|line| is_enough(&line.amounts));
        }
        lines.truncate(limit);
        (name, lines)
    };
    LISTS.into_iter().map(list).collect()
}

/// How many events were rejected, for each reason that any were rejected for.
fn rejected(sources: &Sources<'_>) -> BTreeMap<&'static str, u64> {
    let counts = sources.snapshot.rejected.iter().filter(|(_, count)| *count > 0);
    counts.map(|(reason, count)| (reason.name(), *count)).collect()
}

/// Whether so many visitors hide each of them. Many views may be those of one, so where visitors are not told apart, it is
/// not known.
fn is_enough(amounts: &Amounts) -> bool {
    amounts.visitors >= LEAST_IN_PUBLIC
}

fn first<T>(mut lines: Vec<T>, limit: usize) -> Vec<T> {
    lines.truncate(limit);
    lines
}

impl Totals {
    fn of(amounts: Amounts) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a share is not more exact than that")]
        let share = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        Self {
            amounts,
            bounce_rate: share(amounts.bounces, amounts.visits),
            engaged_ms_per_visit: amounts.engaged_ms.checked_div(amounts.visits),
        }
    }
}

fn moments(course: &Course, site: &Site) -> Vec<Moment> {
    let zone = site.identity().zone();
    let moment = |point: &crate::analytics::Point| Moment {
        start: point.start,
        date: point.start.to_rfc3339_in(&zone),
        amounts: point.amounts,
    };
    course.series.iter().map(moment).collect()
}

/// Lines by page, those of one page together, most first.
fn page_lines(
    lines: Vec<Line>,
    rank: impl Fn(&Amounts) -> u64,
    sources: &Sources<'_>,
) -> Vec<PageLine> {
    let mut by_path: BTreeMap<UrlPath, PageLine> = BTreeMap::new();
    for line in lines {
        let Some(page) = named(&line.value, sources.site, sources.viewer) else { continue };
        let merged = by_path
            .entry(page.path.clone())
            .or_insert(PageLine { page, amounts: Amounts::default() });
        merged.amounts = together(merged.amounts, line.amounts);
    }
    let mut lines: Vec<PageLine> = by_path.into_values().collect();
    lines.sort_by_key(|line| std::cmp::Reverse(rank(&line.amounts)));
    lines
}

/// What was counted at two addresses of a page. Some visitors may have seen both; the greater number is certain.
pub(super) fn together(a: Amounts, b: Amounts) -> Amounts {
    Amounts {
        views: a.views + b.views,
        visitors: a.visitors.max(b.visitors),
        visits: a.visits + b.visits,
        exits: a.exits + b.exits,
        bounces: a.bounces + b.bounces,
        engaged_ms: a.engaged_ms + b.engaged_ms,
        reads: a.reads + b.reads,
    }
}

/// Views by what pages have in common.
struct Groups {
    tags: Vec<Group>,
    authors: Vec<Group>,
    series: Vec<Group>,
}

impl Groups {
    fn of(pages: &[Line], sources: &Sources<'_>) -> Self {
        let mut sums: [BTreeMap<String, Group>; 3] = Default::default();
        let mut seen: BTreeSet<(&str, UrlPath)> = BTreeSet::new();
        for line in pages {
            let path = UrlPath::parse(&line.value).ok();
            let found = path.as_ref().and_then(|path| sources.site.page(path));
            let Some((path, entry)) = found else { continue };
            if !entry.listed && sources.viewer == Viewer::Public {
                continue;
            }
            let names = [&entry.tags[..], &entry.authors[..], entry.series.as_slice()];
            for (names, sums) in names.into_iter().zip(&mut sums) {
                for name in names {
                    let is_first = seen.insert((name, path.clone()));
                    add(sums, name, &line.amounts, is_first);
                }
            }
        }
        let [tags, authors, series] = sums.map(ranked);
        Self { tags, authors, series }
    }
}

fn add(sums: &mut BTreeMap<String, Group>, name: &str, amounts: &Amounts, is_first: bool) {
    let group = sums.entry(name.to_owned()).or_insert_with(|| Group {
        name: name.to_owned(),
        pages: 0,
        views: 0,
        reads: 0,
        engaged_ms: 0,
    });
    group.pages += u64::from(is_first);
    group.views += amounts.views;
    group.reads += amounts.reads;
    group.engaged_ms += amounts.engaged_ms;
}

fn ranked(sums: BTreeMap<String, Group>) -> Vec<Group> {
    let mut groups: Vec<Group> = sums.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.views));
    groups
}

/// Paths that the site does not have, with the page that each was most likely to lead to.
fn missing(lines: Vec<Line>, limit: usize, sources: &Sources<'_>) -> Vec<Missing> {
    let known: BTreeMap<&str, Option<&str>> = sources
        .snapshot
        .not_found
        .iter()
        .map(|path| (path.path.as_str(), path.referrer.as_deref()))
        .collect();
    let likeliest = Likeliest::of(sources.site);
    let line = |line: Line| {
        let page = likeliest.of_path(&line.value);
        let alias = page.as_ref().map(|_| format!("aliases: [{:?}]", line.value));
        Missing {
            referrer: known.get(line.value.as_str()).copied().flatten().map(str::to_owned),
            likeliest: page,
            alias,
            views: line.amounts.views,
            path: line.value,
        }
    };
    lines.into_iter().filter(|line| !line.value.is_empty()).take(limit).map(line).collect()
}

/// Posts that were published in the time of `course`.
fn markers(course: &Course, sources: &Sources<'_>) -> Vec<Marker> {
    let pages = sources.site.catalog().pages.iter();
    let published = pages.filter_map(|(path, entry)| {
        let at = entry.published.filter(|at| (course.from..=course.to).contains(at))?;
        let page = named(path.as_str(), sources.site, sources.viewer)?;
        Some(Marker { page, at })
    });
    let mut markers: Vec<Marker> = published.collect();
    markers.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.page.path.cmp(&b.page.path)));
    markers.split_off(markers.len().saturating_sub(MARKERS))
}
