//! The lists of the dashboard: what was read, from where, with what, and what was not there.

use std::cmp::Reverse;
use std::str::FromStr;

use serde::Serialize;

use super::countries;
use super::links::Links;
use crate::analytics::{Dimension, Line};
use crate::server::numbers::PageType;
use crate::server::report::{Group, Missing, PageLine, Report};

/// A list by its name, as the JSON has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum ListName {
    Pages,
    EntryPages,
    ExitPages,
    Tags,
    Authors,
    Series,
    Referrers,
    Sources,
    Campaigns,
    Countries,
    Devices,
    Browsers,
    Systems,
    Events,
    Outbound,
    Downloads,
    NotFound,
}

impl ListName {
    /// All of them, in the order in which they are shown.
    pub(super) const ALL: [Self; 17] = [
        Self::Pages,
        Self::EntryPages,
        Self::ExitPages,
        Self::Tags,
        Self::Authors,
        Self::Series,
        Self::Referrers,
        Self::Sources,
        Self::Campaigns,
        Self::Countries,
        Self::Devices,
        Self::Browsers,
        Self::Systems,
        Self::Events,
        Self::Outbound,
        Self::Downloads,
        Self::NotFound,
    ];

    /// What it is called in addresses.
    pub(super) const fn name(self) -> &'static str {
        self.words().0
    }

    /// Its heading.
    pub(super) const fn heading(self) -> &'static str {
        self.words().1
    }

    /// What a line of it is.
    pub(super) const fn label(self) -> &'static str {
        self.words().2
    }

    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Pages => ("pages", "Pages", "Title"),
            Self::EntryPages => ("entryPages", "Where visits begin", "Title"),
            Self::ExitPages => ("exitPages", "Where visits end", "Title"),
            Self::Tags => ("tags", "Tags", "Tag"),
            Self::Authors => ("authors", "Authors", "Author"),
            Self::Series => ("postSeries", "Series", "Series"),
            Self::Referrers => ("referrers", "Sources", "Source"),
            Self::Sources => ("sources", "Tagged links", "utm_source"),
            Self::Campaigns => ("campaigns", "Campaigns", "utm_campaign"),
            Self::Countries => ("countries", "Countries", "Country"),
            Self::Devices => ("devices", "Devices", "Device"),
            Self::Browsers => ("browsers", "Browsers", "Browser"),
            Self::Systems => ("systems", "Systems", "System"),
            Self::Events => ("events", "Events", "Event"),
            Self::Outbound => ("outbound", "Links to elsewhere", "Link"),
            Self::Downloads => ("downloads", "Downloads", "File"),
            Self::NotFound => ("notFound", "Not found", "Address"),
        }
    }

    /// What its numbers are, the one that it is ranked by first.
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Pages => &["Views", "Visitors", "Reads"],
            Self::EntryPages => &["Visits"],
            Self::ExitPages => &["Exits"],
            Self::Tags | Self::Authors | Self::Series => &["Views", "Reads", "Pages"],
            Self::Events | Self::Outbound | Self::Downloads => &["Times", "Visitors"],
            Self::NotFound => &["Views"],
            _ => &["Views", "Visitors"],
        }
    }

    /// Whether its lines are parts of the views that were counted.
    const fn is_of_views(self) -> bool {
        !matches!(
            self,
            Self::EntryPages
                | Self::ExitPages
                | Self::Events
                | Self::Outbound
                | Self::Downloads
                | Self::NotFound
        )
    }

    /// What its values can be filtered by.
    const fn dimension(self) -> Option<Dimension> {
        match self {
            Self::Referrers => Some(Dimension::Referrer),
            Self::Sources => Some(Dimension::Source),
            Self::Campaigns => Some(Dimension::Campaign),
            Self::Countries => Some(Dimension::Country),
            Self::Devices => Some(Dimension::Device),
            Self::Browsers => Some(Dimension::Browser),
            Self::Systems => Some(Dimension::System),
            _ => None,
        }
    }
}

impl FromStr for ListName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|list| list.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(|list| format!("`{}`", list.name()));
            format!("`list` is one of {}", names.join(", "))
        })
    }
}

/// A list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct List {
    name: &'static str,
    heading: &'static str,
    columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
    /// Where all of it is, if there is more.
    more: Option<String>,
    /// How many lines there are in all.
    count: usize,
    /// Whether there is room for all of its numbers, rather than for the first alone.
    is_wide: bool,
}

/// A column, what a line is first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Column {
    label: &'static str,
    /// Where the list is sorted by it; none where it is not whole.
    href: Option<String>,
    is_on: bool,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub(super) struct Row {
    /// The page that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    /// What people call it.
    label: String,
    /// A flag before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<String>,
    /// Where it alone is shown, or no longer alone; none if it cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    is_on: bool,
    /// What it is about, on this site or on another.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    is_elsewhere: bool,
    is_gone: bool,
    numbers: Vec<u64>,
    /// The first number in percent of the greatest, and of all.
    bar: u64,
    share: u64,
    /// Its views in the course of the time, as the points of a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) spark: Option<String>,
    /// What else is known of an address that was not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Missing>,
}

/// How much of a list is shown.
pub(super) enum Extent {
    /// So many lines at most.
    First(usize),
    /// Every line that fits the search, in the order that was asked for.
    Whole,
}

impl List {
    /// The same as lines of text, the names of the columns first.
    pub(super) fn lines(&self) -> Vec<Vec<String>> {
        let is_of_pages = self.rows.iter().any(|row| row.path.is_some());
        let path = is_of_pages.then(|| "path".to_owned());
        let heads = self.columns.iter().map(|column| column.label.to_lowercase());
        let mut lines = vec![path.into_iter().chain(heads).collect()];
        lines.extend(self.rows.iter().map(|row| {
            let numbers = row.numbers.iter().map(ToString::to_string);
            row.path.iter().chain([&row.label]).cloned().chain(numbers).collect()
        }));
        lines
    }

    /// Whether it is the list called `list`.
    pub(super) fn is_of(&self, list: ListName) -> bool {
        self.name == list.name()
    }

    /// The list called `list` of `report`.
    pub(super) fn of(list: ListName, report: &Report, links: &Links<'_>, extent: &Extent) -> Self {
        let mut rows = rows(list, report, links);
        measure(
            &mut rows,
            if list.is_of_views() { Some(report.totals.amounts.views) } else { None },
        );
        let columns = columns(list, links, extent);
        if let Extent::Whole = extent {
            let searched = links.view.search.to_lowercase();
            rows.retain(|row| row.label.to_lowercase().contains(&searched));
            sort(&mut rows, columns.iter().position(|column| column.is_on).unwrap_or(1));
        }
        let count = rows.len();
        if let Extent::First(most) = extent {
            rows.truncate(*most);
        }
        Self {
            name: list.name(),
            heading: list.heading(),
            columns,
            more: (rows.len() < count).then(|| links.list(list)),
            rows,
            count,
            is_wide: true,
        }
    }

    /// The same with the first number alone, for half of the room.
    pub(super) fn narrow(mut self) -> Self {
        self.is_wide = false;
        self.columns.truncate(2);
        for row in &mut self.rows {
            row.numbers.truncate(1);
        }
        self
    }
}

fn columns(list: ListName, links: &Links<'_>, extent: &Extent) -> Vec<Column> {
    let is_whole = matches!(extent, Extent::Whole);
    let labels = std::iter::once(list.label()).chain(list.columns().iter().copied());
    let sort = links.view.sort.as_deref().unwrap_or_default();
    let is_known = list.columns().iter().any(|column| column.to_lowercase() == sort);
    let column = |(at, label): (usize, &'static str)| {
        let name = if at == 0 { "name".to_owned() } else { label.to_lowercase() };
        let is_first = at == 1 && sort != "name" && !is_known;
        Column {
            label,
            is_on: is_whole && (name == sort || is_first),
            href: is_whole.then(|| links.sorted(&name)),
        }
    };
    labels.enumerate().map(column).collect()
}

/// Sorts by a column: names by letter, numbers with the greatest first.
fn sort(rows: &mut [Row], column: usize) {
    match column.checked_sub(1) {
        None => rows.sort_by_cached_key(|row| row.label.to_lowercase()),
        Some(at) => rows.sort_by_key(|row| Reverse(row.numbers.get(at).copied())),
    }
}

/// Fills in how long the bars are, and the shares of `all`, or of what the rows are together.
fn measure(rows: &mut [Row], all: Option<u64>) {
    let first = |row: &Row| row.numbers.first().copied().unwrap_or(0);
    let all = all.unwrap_or_else(|| rows.iter().map(first).sum());
    let most = rows.iter().map(first).max().unwrap_or(1).max(1);
    for row in rows {
        row.bar = first(row).saturating_mul(100) / most;
        row.share = (first(row).saturating_mul(100) + all / 2) / all.max(1);
    }
}

fn rows(list: ListName, report: &Report, links: &Links<'_>) -> Vec<Row> {
    match list {
        ListName::Pages => pages(report, links),
        ListName::EntryPages => {
            report.entry_pages.iter().map(|line| page(line, line.amounts.visits, links)).collect()
        }
        ListName::ExitPages => {
            report.exit_pages.iter().map(|line| page(line, line.amounts.exits, links)).collect()
        }
        ListName::Tags => {
            let link = |name: &str| links.word(name, |wanted| &mut wanted.tag);
            report.tags.iter().map(|group| of_group(group, link(&group.name))).collect()
        }
        ListName::Authors => {
            let link = |name: &str| links.word(name, |wanted| &mut wanted.author);
            report.authors.iter().map(|group| of_group(group, link(&group.name))).collect()
        }
        ListName::Series => {
            let link = |name: &str| links.word(name, |wanted| &mut wanted.series);
            report.post_series.iter().map(|group| of_group(group, link(&group.name))).collect()
        }
        ListName::NotFound => report.not_found.iter().map(missing).collect(),
        _ => {
            let values = report.lists.get(list.name()).map_or(&[][..], Vec::as_slice);
            values.iter().map(|line| value(list, line, links)).collect()
        }
    }
}

fn pages(report: &Report, links: &Links<'_>) -> Vec<Row> {
    let row = |stat: &crate::server::numbers::PageStat| {
        let (filter, is_on) = links.page(&stat.page.path);
        let reads = stat.detail.as_ref().map_or(0, |detail| detail.reads);
        Row {
            path: Some(stat.page.path.to_string()),
            label: stat.page.title.clone(),
            filter: Some(filter),
            is_on,
            url: stat.page.url.clone(),
            is_gone: matches!(stat.page_type, PageType::Gone(_)),
            numbers: vec![stat.views, stat.visitors, reads],
            ..Row::default()
        }
    };
    report.numbers.page_stats.iter().map(row).collect()
}

fn page(line: &PageLine, number: u64, links: &Links<'_>) -> Row {
    let (filter, is_on) = links.page(&line.page.path);
    Row {
        path: Some(line.page.path.to_string()),
        label: line.page.title.clone(),
        filter: Some(filter),
        is_on,
        url: line.page.url.clone(),
        is_gone: line.page.url.is_none(),
        numbers: vec![number],
        ..Row::default()
    }
}

fn of_group(group: &Group, (filter, is_on): (String, bool)) -> Row {
    Row {
        label: group.name.clone(),
        filter: Some(filter),
        is_on,
        numbers: vec![group.views, group.reads, group.pages],
        ..Row::default()
    }
}

fn missing(missing: &Missing) -> Row {
    Row {
        label: missing.path.clone(),
        numbers: vec![missing.views],
        missing: Some(missing.clone()),
        ..Row::default()
    }
}

fn value(list: ListName, line: &Line, links: &Links<'_>) -> Row {
    let filter = list.dimension().map(|dimension| links.filter(dimension, &line.value));
    let country = if list == ListName::Countries { countries::name(&line.value) } else { None };
    let is_address = matches!(list, ListName::Referrers | ListName::Outbound);
    let url = if is_address { elsewhere(&line.value) } else { None };
    Row {
        label: country.map_or_else(|| line.value.clone(), str::to_owned),
        mark: country.map(|_| countries::flag(&line.value)),
        is_on: filter.as_ref().is_some_and(|(_, is_on)| *is_on),
        filter: filter.map(|(href, _)| href),
        is_elsewhere: url.is_some(),
        url,
        numbers: vec![line.amounts.views, line.amounts.visitors],
        ..Row::default()
    }
}

/// The address that a visitor's text names, if it is one of the web.
fn elsewhere(text: &str) -> Option<String> {
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = url::Url::parse(&full).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https");
    let has_host = url.host_str().is_some_and(|host| host.contains('.'));
    // What was shortened for keeping leads nowhere.
    (is_web && has_host && url.username().is_empty() && !text.contains('…')).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_are_linked() {
        for (text, url) in [
            ("example.org", Some("https://example.org/")),
            ("https://example.org/a?b", Some("https://example.org/a?b")),
            ("news.example/item", Some("https://news.example/item")),
            ("javascript:alert(1)", None),
            ("javascript://example.org/%0aalert(1)", None),
            ("data://x.y/", None),
            ("android-app://com.example", None),
            ("Hacker News", None),
            ("user@example.org", None),
            ("", None),
            ("mastodon.example/…", None),
        ] {
            assert_eq!(elsewhere(text).as_deref(), url, "{text}");
        }
    }

    #[test]
    fn shares_are_of_all_and_bars_of_the_greatest() {
        let row = |number| Row { numbers: vec![number], ..Row::default() };
        let mut rows = vec![row(50), row(25), row(0)];
        measure(&mut rows, Some(100));
        let found: Vec<_> = rows.iter().map(|row| (row.bar, row.share)).collect();
        assert_eq!(found, [(100, 50), (50, 25), (0, 0)]);
        measure(&mut rows, None);
        assert_eq!(rows[1].share, 33);
        measure(&mut rows, Some(0));
    }
}
