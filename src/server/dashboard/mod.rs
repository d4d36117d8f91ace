//! The dashboard as its template sees it: a report, and where each of its lines leads.
//!
//! | file | what |
//! |---|---|
//! | `view` `links` | what the address says, and the addresses of other states |
//! | `news` `figures` `chart` `lists` `post` | the parts, from the top down |
//! | `sheet` | the same for spreadsheets |
//! | `source` | what is asked besides the report |
//! | `countries` | names and flags |

mod chart;
mod countries;
mod figures;
mod links;
mod lists;
mod news;
mod post;
mod sheet;
mod source;
mod view;

use std::ops::Range;

use serde::Serialize;

use chart::Chart;
use figures::{Figure, figures};
use links::{Choice, Links, Pill};
use lists::{Extent, List, ListName};
use news::News;
use post::Post;

pub use sheet::field as csv_field;
pub(super) use sheet::sheet;
pub(super) use source::Source;
pub(super) use view::View;

use super::report::Report;
use crate::analytics::{Caller, Period, Time};
use crate::clock::Day;
use crate::permalink::UrlPath;
use crate::render::{DateStyle, Locale};

/// How many lines a list shows, unless all of it is asked for; pages have twice as many.
const LINES: usize = 10;

/// How many lines are enough for who wants few numbers.
const FEW: usize = 5;

/// The longest series that small lines are drawn of.
const SPARKS: usize = 400;

/// The dashboard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Dashboard<'r> {
    /// What was read in which time.
    report: &'r Report,
    /// Whether it is of all time and of everything, as the live numbers are.
    is_live: bool,
    /// Whether only few numbers are shown.
    fewer: bool,
    /// Where more are shown, or fewer.
    other_mode: String,
    /// In which time, in words.
    time: String,
    news: Option<News>,
    /// The times that can be chosen, and the time before and after.
    times: Vec<Choice>,
    neighbors: Vec<Choice>,
    /// Whether it is compared, and with what.
    comparisons: Vec<Choice>,
    /// What is asked about alone; each leads to where it is not.
    pills: Vec<Pill>,
    /// Where everything is shown again.
    back: Option<String>,
    /// The numbers of the time.
    figures: Vec<Figure>,
    chart: Option<Chart>,
    /// The page that it is about, if it is about one.
    post: Option<Post>,
    groups: Vec<Group>,
    /// The list that is shown whole, instead of all others.
    whole: Option<Whole>,
    answered: Vec<Counted>,
    rejected: Vec<Counted>,
    /// Where all of this is as JSON, and the course of it as CSV.
    json: String,
    csv: String,
}

/// Lists that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Group {
    heading: &'static str,
    lists: Vec<List>,
}

/// A list that is shown whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Whole {
    list: List,
    search: String,
    /// What a form must send along so that the rest stays as it is.
    kept: Vec<(String, String)>,
    /// Where it is as CSV.
    csv: String,
    /// Where the dashboard is.
    action: String,
}

/// So many of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Counted {
    label: String,
    count: u64,
}

/// The lists in their order, by what they are about.
const GROUPS: [(&str, &[ListName]); 6] = [
    ("Pages", &[ListName::Pages, ListName::EntryPages, ListName::ExitPages]),
    ("Topics", &[ListName::Tags, ListName::Authors, ListName::Series]),
    ("Sources", &[ListName::Referrers, ListName::Campaigns, ListName::Sources]),
    ("Readers", &[ListName::Countries, ListName::Devices, ListName::Browsers, ListName::Systems]),
    ("Clicks", &[ListName::Events, ListName::Outbound, ListName::Downloads]),
    ("Not found", &[ListName::NotFound]),
];

impl<'r> Dashboard<'r> {
    /// The dashboard at `address` that shows `report`, the answer to what `view` wants.
    pub(super) fn new(report: &'r Report, view: &View, address: &str, source: &Source<'_>) -> Self {
        let links = Links { view, address, today: source.today() };
        let wanted = &view.wanted;
        let post = wanted.page.as_ref().and_then(|path| Post::of(path, report, source));
        let whole = view.list.map(|list| Whole::of(list, report, &links, source));
        let groups = if whole.is_some() { Vec::new() } else { groups(report, &links, source) };
        let is_plain = wanted.filters().is_empty() && whole.is_none();
        Self {
            report,
            is_live: view.is_live(),
            fewer: view.fewer,
            other_mode: links.to(&View { fewer: !view.fewer, ..view.clone() }),
            time: time(wanted.time, &source.locale),
            news: is_plain.then(|| News::of(source, &links)),
            times: links.times(),
            neighbors: links.neighbors(),
            comparisons: links.comparisons(),
            pills: links.pills(),
            back: links.back(),
            figures: shown(figures(&report.totals, report.compared.as_ref(), &source.locale), view),
            chart: Chart::of(report, &source.locale, |from, to| links.span(from, to)),
            post,
            groups,
            whole,
            answered: report
                .served
                .as_ref()
                .map(|served| answered(&served.callers))
                .unwrap_or_default(),
            rejected: if is_plain { rejected(report) } else { Vec::new() },
            json: own(source, "/_/stats.json", &wanted.query()),
            csv: own(source, "/_/stats.csv", &wanted.query()),
        }
    }
}

/// Views and visitors of all time are above already, and live.
fn shown(mut figures: Vec<Figure>, view: &View) -> Vec<Figure> {
    if view.is_live() {
        figures.drain(..2);
    }
    figures
}

fn groups(report: &Report, links: &Links<'_>, source: &Source<'_>) -> Vec<Group> {
    let most = if links.view.fewer { FEW } else { LINES };
    let group = |(heading, names): (&'static str, &[ListName])| {
        let lists = names.iter().map(|name| {
            let is_pages = *name == ListName::Pages;
            let extent = Extent::First(if is_pages { 2 * most } else { most });
            let mut list = List::of(*name, report, links, &extent);
            if is_pages {
                draw_courses(&mut list, report, links, source);
            }
            list
        });
        // Pages are always there: live ones come and go.
        let is_shown = |list: &List| !list.rows.is_empty() || list.is_of(ListName::Pages);
        let lists: Vec<List> = lists.filter(is_shown).collect();
        Group { heading, lists: arranged(lists) }
    };
    // Of one page there is no list of pages to show, nor of what pages have in common.
    let groups = GROUPS.into_iter().skip(if links.view.wanted.page.is_some() { 2 } else { 0 });
    groups.map(group).filter(|group| !group.lists.is_empty()).collect()
}

/// Lists of pages, sources and addresses, and those that are alone, have all of the room; two others share it.
fn arranged(lists: Vec<List>) -> Vec<List> {
    let is_alone = lists.len() == 1;
    let has_room = |list: &List| {
        is_alone || [ListName::Pages, ListName::Referrers].iter().any(|name| list.is_of(*name))
    };
    lists.into_iter().map(|list| if has_room(&list) { list } else { list.narrow() }).collect()
}

/// Gives each page the small line of its views, if the steps are days or longer and all readers are asked about.
fn draw_courses(list: &mut List, report: &Report, links: &Links<'_>, source: &Source<'_>) {
    let step = report.step;
    let spans = report.series.iter().map(|moment| chart::days(moment, step));
    let spans: Option<Vec<Range<Day>>> =
        spans.map(|days| days.map(|(from, to)| from..to + 1)).collect();
    let Some(spans) = spans.filter(|spans| spans.len() <= SPARKS) else { return };
    if !links.view.wanted.traits.is_empty() {
        return;
    }
    for row in &mut list.rows {
        let Some(path) = row.path.as_deref().and_then(|path| UrlPath::parse(path).ok()) else {
            continue;
        };
        let views: Vec<u64> =
            source.course(&path, &spans).iter().map(|amounts| amounts.views).collect();
        row.spark = chart::spark(&views);
    }
}

impl Whole {
    fn of(list: ListName, report: &Report, links: &Links<'_>, source: &Source<'_>) -> Self {
        let view = View { search: String::new(), ..links.view.clone() };
        let query = view.query();
        let kept = super::wanted::pairs(&query).map(|(name, value)| (name.to_owned(), value));
        Self {
            kept: kept.collect(),
            list: List::of(list, report, links, &Extent::Whole),
            search: links.view.search.clone(),
            csv: own(source, "/_/stats.csv", &links.view.query()),
            action: links.address.to_owned(),
        }
    }
}

/// The link to an address of the server's own.
fn own(source: &Source<'_>, path: &str, query: &str) -> String {
    let path = UrlPath::parse(path).unwrap_or_else(|_| UrlPath::root());
    let gap = if query.is_empty() { "" } else { "?" };
    format!("{}{gap}{query}", source.site.identity().base.link(&path))
}

/// What the server itself has answered, by who asked.
fn answered(callers: &std::collections::BTreeMap<Caller, u64>) -> Vec<Counted> {
    let mut counted: Vec<Counted> = callers
        .iter()
        .map(|(caller, count)| Counted {
            label: caller_in_words(*caller).to_owned(),
            count: *count,
        })
        .collect();
    counted.sort_by_key(|counted| std::cmp::Reverse(counted.count));
    counted
}

const fn caller_in_words(caller: Caller) -> &'static str {
    match caller {
        Caller::Reader => "Browsers of readers, with and without scripts",
        Caller::Prefetch => "Browsers, in advance",
        Caller::Search => "Search engines",
        Caller::Assistant => "AI assistants and crawlers",
        Caller::Feed => "Feed readers",
        Caller::Preview => "Previews of links",
        Caller::Monitor => "Monitors",
        Caller::Program => "Other programs",
    }
}

/// How much was not counted, for which reason.
fn rejected(report: &Report) -> Vec<Counted> {
    let words = |(reason, count): (&&'static str, &u64)| Counted {
        label: reason_in_words(reason).to_owned(),
        count: *count,
    };
    let mut counted: Vec<Counted> = report.rejected.iter().map(words).collect();
    counted.sort_by_key(|counted| std::cmp::Reverse(counted.count));
    counted
}

fn reason_in_words(reason: &'static str) -> &'static str {
    match reason {
        "bot" => "Programs that say so",
        "opted-out" => "Readers who asked not to be counted",
        "prefetch" => "Pages loaded in advance",
        "spam" => "Referrers that advertise themselves",
        "foreign-origin" => "Sent from pages of other sites",
        "excluded" => "Addresses that the settings exclude",
        "too-many" => "Too many from one address",
        "too-large" => "Too large",
        "malformed" => "Malformed",
        "overload" => "More than could be stored",
        _ => reason,
    }
}

fn time(time: Time, locale: &Locale) -> String {
    let words = |day: Day| locale.date(day.date(), DateStyle::Long);
    match time {
        Time::Period(Period::Day) => "in the last 24 hours".to_owned(),
        Time::Period(Period::Week) => "in the last 7 days".to_owned(),
        Time::Period(Period::FourWeeks) => "in the last 28 days".to_owned(),
        Time::Period(Period::Quarter) => "in the last 91 days".to_owned(),
        Time::Period(Period::Month) => "this month".to_owned(),
        Time::Period(Period::Year) => "this year".to_owned(),
        Time::Period(Period::All) => "of all time".to_owned(),
        Time::Days { from, to } if from == to => format!("on {}", words(from)),
        Time::Days { from, to } => format!("from {} to {}", words(from), words(to)),
    }
}
