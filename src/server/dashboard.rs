//! The dashboard as its template sees it: a report, and where each of its lines leads.

use serde::Serialize;

use super::chart::Chart;
use super::numbers::PageStat;
use super::report::{Compared, Missing, Report, Totals};
use super::wanted::Wanted;
use crate::analytics::{Comparison, Dimension, Line, Period, Time};
use crate::permalink::UrlPath;

/// How many lines a list shows, unless all of it is asked for.
const LINES: usize = 10;

/// The dashboard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Dashboard<'r> {
    /// What was read in which time.
    report: &'r Report,
    /// Whether it is of all time and of everything, as the live numbers are.
    is_live: bool,
    /// In which time, in words.
    time: String,
    /// The times that can be chosen.
    times: Vec<Choice>,
    /// Whether it is compared, and with what.
    comparisons: Vec<Choice>,
    /// What is asked about alone; each leads to where it is not.
    pills: Vec<Pill>,
    /// The numbers of the time.
    figures: Vec<Figure>,
    chart: Option<Chart>,
    pages: Vec<PageRow<'r>>,
    lists: Vec<List>,
    missing: &'r [Missing],
    /// Where everything of this is as JSON.
    json: String,
    /// Where the lists are whole; none if they are.
    more: Option<String>,
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Choice {
    label: &'static str,
    href: String,
    is_on: bool,
}

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Pill {
    name: &'static str,
    value: String,
    href: String,
}

/// A number, and how it has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Figure {
    label: &'static str,
    value: String,
    /// In percent, signed; none if it is not compared, or was nothing.
    change: Option<String>,
}

/// A page that was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct PageRow<'r> {
    #[serde(flatten)]
    stat: &'r PageStat,
    reads: u64,
    /// Where it alone is shown, or no longer alone.
    filter: String,
    is_on: bool,
}

/// Values of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct List {
    heading: &'static str,
    label: &'static str,
    rows: Vec<Row>,
    /// How many more there are.
    hidden: usize,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Row {
    value: String,
    /// Where it alone is shown, or no longer alone; none if it cannot be.
    filter: Option<String>,
    is_on: bool,
    views: u64,
    visitors: u64,
    /// Its views in percent of those of the greatest.
    share: u64,
}

/// The lists in their order: heading, what a value is, its name in a report, and the dimension it can be filtered by.
const LISTS: [(&str, &str, &str, Option<Dimension>); 10] = [
    ("Sources", "Source", "referrers", Some(Dimension::Referrer)),
    ("Campaigns", "Campaign", "campaigns", Some(Dimension::Campaign)),
    ("Countries", "Country", "countries", Some(Dimension::Country)),
    ("Devices", "Device", "devices", Some(Dimension::Device)),
    ("Browsers", "Browser", "browsers", Some(Dimension::Browser)),
    ("Systems", "System", "systems", Some(Dimension::System)),
    ("Events", "Event", "events", None),
    ("Links to elsewhere", "Link", "outbound", None),
    ("Downloads", "File", "downloads", None),
    ("Sources by name", "utm_source", "sources", Some(Dimension::Source)),
];

impl<'r> Dashboard<'r> {
    /// The dashboard at `address` that shows `report`, the answer to `wanted`.
    pub(super) fn new(report: &'r Report, wanted: &Wanted, address: &str) -> Self {
        let links = Links { wanted, address };
        let most = if wanted.limit.is_some() { usize::MAX } else { LINES };
        let lists = LISTS.into_iter().map(|(heading, label, name, dimension)| {
            let values = report.lists.get(name).map_or(&[][..], Vec::as_slice);
            List {
                heading,
                label,
                rows: rows(&values[..values.len().min(most)], dimension, &links),
                hidden: values.len().saturating_sub(most),
            }
        });
        let lists: Vec<List> = lists.filter(|list| !list.rows.is_empty()).collect();
        let is_cut = lists.iter().any(|list| list.hidden > 0) || report.not_found.len() > most;
        Self {
            report,
            is_live: *wanted == Wanted::default(),
            time: time(wanted),
            times: links.times(),
            comparisons: links.comparisons(),
            pills: links.pills(),
            figures: figures(&report.totals, report.compared.as_ref()),
            chart: Chart::of(report, |from, to| links.span(from, to)),
            pages: report.numbers.page_stats.iter().map(|stat| page_row(stat, &links)).collect(),
            lists,
            missing: &report.not_found[..report.not_found.len().min(most)],
            json: format!("stats.json?{}", wanted.query()),
            more: is_cut.then(|| links.to(&Wanted { limit: Some(1000), ..wanted.clone() })),
        }
    }
}

/// Where the parts of the dashboard lead.
struct Links<'a> {
    wanted: &'a Wanted,
    address: &'a str,
}

impl Links<'_> {
    fn to(&self, wanted: &Wanted) -> String {
        match wanted.query().as_str() {
            "" => self.address.to_owned(),
            query => format!("{}?{query}", self.address),
        }
    }

    fn times(&self) -> Vec<Choice> {
        let choice = |(label, period)| Choice {
            label,
            href: self.to(&Wanted { time: Time::Period(period), ..self.wanted.clone() }),
            is_on: self.wanted.time == Time::Period(period),
        };
        let periods = [
            ("24 hours", Period::Day),
            ("7 days", Period::Week),
            ("28 days", Period::FourWeeks),
            ("91 days", Period::Quarter),
            ("This month", Period::Month),
            ("This year", Period::Year),
            ("All time", Period::All),
        ];
        periods.into_iter().map(choice).collect()
    }

    fn comparisons(&self) -> Vec<Choice> {
        if self.wanted.time == Time::Period(Period::All) {
            return Vec::new();
        }
        let choice = |(label, comparison)| {
            let is_on = self.wanted.compare == Some(comparison);
            let compare = (!is_on).then_some(comparison);
            Choice { label, href: self.to(&Wanted { compare, ..self.wanted.clone() }), is_on }
        };
        let comparisons = [
            ("Compare with before", Comparison::Previous),
            ("Compare with last year", Comparison::Year),
        ];
        comparisons.into_iter().map(choice).collect()
    }

    fn pills(&self) -> Vec<Pill> {
        let filters = self.wanted.filters().into_iter();
        filters
            .map(|(name, value)| {
                let href = self.to(&self.wanted.without(name));
                Pill { name, value, href }
            })
            .collect()
    }

    /// Where a value alone is shown, or, if it is, no longer alone.
    fn filter(&self, dimension: Dimension, value: &str) -> (String, bool) {
        let is_it = |(of, text): &(Dimension, String)| *of == dimension && text == value;
        let is_on = self.wanted.traits.iter().any(is_it);
        let mut wanted = self.wanted.clone();
        wanted.traits.retain(|(of, _)| *of != dimension);
        if !is_on {
            wanted.traits.push((dimension, value.to_owned()));
        }
        (self.to(&wanted), is_on)
    }

    fn page(&self, path: &UrlPath) -> (String, bool) {
        let is_on = self.wanted.page.as_ref() == Some(path);
        let page = (!is_on).then(|| path.clone());
        (self.to(&Wanted { page, ..self.wanted.clone() }), is_on)
    }

    /// Where some days alone are shown.
    fn span(&self, from: crate::clock::Day, to: crate::clock::Day) -> String {
        self.to(&Wanted { time: Time::Days { from, to }, compare: None, ..self.wanted.clone() })
    }
}

fn rows(values: &[Line], dimension: Option<Dimension>, links: &Links<'_>) -> Vec<Row> {
    let most = values.iter().map(|line| line.amounts.views).max().unwrap_or(1).max(1);
    let row = |line: &Line| {
        let filter = dimension.map(|dimension| links.filter(dimension, &line.value));
        Row {
            value: line.value.clone(),
            is_on: filter.as_ref().is_some_and(|(_, is_on)| *is_on),
            filter: filter.map(|(href, _)| href),
            views: line.amounts.views,
            visitors: line.amounts.visitors,
            share: line.amounts.views.saturating_mul(100) / most,
        }
    };
    values.iter().map(row).collect()
}

fn page_row<'r>(stat: &'r PageStat, links: &Links<'_>) -> PageRow<'r> {
    let (filter, is_on) = links.page(&stat.page.path);
    PageRow { reads: stat.detail.as_ref().map_or(0, |detail| detail.reads), stat, filter, is_on }
}

fn time(wanted: &Wanted) -> String {
    match wanted.time {
        Time::Period(Period::Day) => "in the last 24 hours".to_owned(),
        Time::Period(Period::Week) => "in the last 7 days".to_owned(),
        Time::Period(Period::FourWeeks) => "in the last 28 days".to_owned(),
        Time::Period(Period::Quarter) => "in the last 91 days".to_owned(),
        Time::Period(Period::Month) => "this month".to_owned(),
        Time::Period(Period::Year) => "this year".to_owned(),
        Time::Period(Period::All) => "of all time".to_owned(),
        Time::Days { from, to } if from == to => format!("on {}", from.in_words()),
        Time::Days { from, to } => format!("from {} to {}", from.in_words(), to.in_words()),
    }
}

fn figures(totals: &Totals, compared: Option<&Compared>) -> Vec<Figure> {
    let before = compared.map(|compared| &compared.totals);
    let figure = |label, of: &dyn Fn(&Totals) -> Option<u64>, show: &dyn Fn(u64) -> String| {
        let (now, was) = (of(totals), before.and_then(of));
        Some(Figure { label, value: show(now?), change: change(now?, was) })
    };
    let plain = |number: u64| crate::render::grouped(number);
    let percent = |number: u64| format!("{number} %");
    let shares = |totals: &Totals| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        totals.bounce_rate.map(|rate| (rate * 100.0).round() as u64)
    };
    [
        figure("Views", &|totals| Some(totals.amounts.views), &plain),
        figure("Visitors", &|totals| Some(totals.amounts.visitors), &plain),
        figure("Visits", &|totals| Some(totals.amounts.visits), &plain),
        figure("Reads", &|totals| Some(totals.amounts.reads), &plain),
        figure("Time a visit", &|totals| totals.engaged_ms_per_visit, &duration),
        figure("Bounced", &shares, &percent),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How much more or less it is, in percent; none if there was nothing.
fn change(now: u64, was: Option<u64>) -> Option<String> {
    let was = was.filter(|was| *was > 0)?;
    let percent = now.abs_diff(was).saturating_mul(100).saturating_add(was / 2) / was;
    let sign = if now >= was { "+" } else { "−" };
    Some(format!("{sign}{percent} %"))
}

fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_change_by_so_many_percent() {
        for (now, was, told) in [
            (12, Some(10), Some("+20 %")),
            (5, Some(10), Some("−50 %")),
            (10, Some(10), Some("+0 %")),
            (10, Some(0), None),
            (10, None, None),
        ] {
            assert_eq!(change(now, was).as_deref(), told, "{now} {was:?}");
        }
        assert_eq!([duration(59_999), duration(61_000)], ["59 s", "1 min 1 s"]);
    }

    #[test]
    fn what_is_chosen_leads_back() {
        let wanted = Wanted::parse("period=28d&country=NO&page=/a/").unwrap();
        let links = Links { wanted: &wanted, address: "/stats/" };
        assert_eq!(
            links.filter(Dimension::Country, "NO"),
            ("/stats/?period=28d&page=%2Fa%2F".to_owned(), true)
        );
        assert_eq!(
            links.filter(Dimension::Country, "SE"),
            ("/stats/?period=28d&page=%2Fa%2F&country=SE".to_owned(), false)
        );
        let path = UrlPath::parse("/a/").unwrap();
        assert_eq!(links.page(&path), ("/stats/?period=28d&country=NO".to_owned(), true));
        let pills: Vec<String> = links.pills().into_iter().map(|pill| pill.href).collect();
        assert_eq!(pills, ["/stats/?period=28d&country=NO", "/stats/?period=28d&page=%2Fa%2F"]);
        assert!(links.times().last().is_some_and(|all| !all.href.contains("period")));
    }
}
