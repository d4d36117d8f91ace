//! The numbers of the dashboard as people read them in a terminal, and as spreadsheets do.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Context;
use jiff::civil;
use serde::Deserialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::report::counted_noun;
use crate::analytics::Period;
use crate::permalink::UrlPath;
use crate::render::grouped;
use crate::server::csv_field;

/// A title is not cut shorter than this to make room for the address.
const SHORTEST_TITLE: usize = 20;

/// How many values a list shows, unless more are asked for.
const VALUES: usize = 10;

/// The space between two columns.
const GAP: &str = "  ";

/// What `/_/stats.json` says, as far as it is shown.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figures {
    active_visitors: u64,
    active_by_path: Vec<ActiveRow>,
    total_page_views: u64,
    unique_visitors: u64,
    published_posts: usize,
    published_pages: usize,
    /// In the site's own time zone.
    tracking_since_date: Option<String>,
    page_stats: Vec<PageRow>,
    #[serde(default)]
    degraded: bool,
    period: Option<PeriodRow>,
    #[serde(default)]
    filters: BTreeMap<String, String>,
    #[serde(default)]
    series: Vec<MomentRow>,
    #[serde(default)]
    referrers: Vec<ValueRow>,
    #[serde(default)]
    sources: Vec<ValueRow>,
    #[serde(default)]
    campaigns: Vec<ValueRow>,
    #[serde(default)]
    countries: Vec<ValueRow>,
    #[serde(default)]
    devices: Vec<ValueRow>,
    #[serde(default)]
    browsers: Vec<ValueRow>,
    #[serde(default)]
    systems: Vec<ValueRow>,
    #[serde(default)]
    events: Vec<ValueRow>,
    #[serde(default)]
    outbound: Vec<ValueRow>,
    #[serde(default)]
    downloads: Vec<ValueRow>,
    #[serde(default)]
    not_found: Vec<MissingRow>,
    #[serde(skip)]
    is_whole: bool,
}

/// What was counted in a step of time.
#[derive(Debug, Deserialize)]
struct MomentRow {
    date: String,
    views: u64,
}

/// What was counted for a value.
#[derive(Debug, Deserialize)]
struct ValueRow {
    value: String,
    views: u64,
    visitors: u64,
}

/// A path that the site does not have.
#[derive(Debug, Deserialize)]
struct MissingRow {
    path: String,
    views: u64,
    likeliest: Option<LikeliestRow>,
}

#[derive(Debug, Deserialize)]
struct LikeliestRow {
    path: String,
}

#[derive(Debug, Deserialize)]
struct ActiveRow {
    path: String,
    title: String,
    count: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageRow {
    path: String,
    title: String,
    page_type: String,
    views: u64,
    visitors: u64,
    #[serde(default)]
    reads: u64,
}

#[derive(Debug, Deserialize)]
struct PeriodRow {
    name: Option<Period>,
}

/// A line of a table: numbers, then a page.
struct Line<'a> {
    numbers: Vec<String>,
    title: Cow<'a, str>,
    path: Cow<'a, str>,
}

impl Figures {
    /// Reads the JSON of a server.
    pub(super) fn read(json: &[u8]) -> anyhow::Result<Self> {
        serde_json::from_slice(json).context("these are not the numbers of a tallymark server")
    }

    /// Whether there is a page with views.
    pub(super) fn has_pages(&self) -> bool {
        !self.page_stats.is_empty()
    }

    /// How often each page was viewed.
    pub(super) fn views(&self) -> Vec<(UrlPath, u64)> {
        let pages = self.page_stats.iter();
        pages.filter_map(|page| Some((UrlPath::parse(&page.path).ok()?, page.views))).collect()
    }

    /// How things stand, as the dashboard says it, and how much there is to read.
    pub(super) fn sentence(&self) -> String {
        let now = match self.active_visitors {
            0 => "Nobody is reading right now.".to_owned(),
            1 => "One person is reading right now.".to_owned(),
            count => format!("{} people are reading right now.", grouped(count)),
        };
        let posts = counted_noun(self.published_posts, "post");
        let pages = counted_noun(self.published_pages, "page");
        let mut text = format!("{now} {}\n{posts} and {pages} are published.", self.total());
        if self.degraded {
            text.push_str("\nNew readers cannot be written to disk at the moment.");
        }
        text
    }

    /// The day of the first view, as the dashboard shows it.
    fn day_since(&self) -> Option<civil::Date> {
        self.tracking_since_date.as_deref()?.get(..10)?.parse().ok()
    }

    /// In which period everything was counted; begins with a space, empty for all time.
    pub(super) fn when(&self) -> &'static str {
        let Some(period) = &self.period else { return "" };
        match period.name.unwrap_or(Period::All) {
            Period::Day => " in the last 24 hours",
            Period::Week => " in the last 7 days",
            Period::FourWeeks => " in the last 28 days",
            Period::Quarter => " in the last 91 days",
            Period::Month => " this month",
            Period::Year => " this year",
            // Days that were named.
            Period::All => " in these days",
        }
    }

    fn total(&self) -> String {
        if self.total_page_views == 0 {
            let what = if self.filters.is_empty() { "" } else { " that fits the filters" };
            let when = if self.period.is_some() { self.when() } else { " yet" };
            return format!("Nothing{what} has been counted{when}.");
        }
        let mut text = noun(self.total_page_views, "view");
        if self.unique_visitors > 0 {
            let _ = write!(text, " by {}", noun(self.unique_visitors, "visitor"));
        }
        text.push_str(self.when());
        if let Some(since) = self.day_since().filter(|_| self.period.is_none()) {
            let _ = write!(text, " since {}", since.strftime("%-d %B %Y"));
        }
        text + "."
    }

    /// What is being read and what was, for a terminal that is `width` columns wide.
    pub(super) fn to_tables(&self, width: Option<usize>) -> String {
        let active: Vec<Line<'_>> = self.active_by_path.iter().map(ActiveRow::line).collect();
        let pages: Vec<Line<'_>> = self.page_stats.iter().map(PageRow::line).collect();
        let mut tables = vec![
            self.course(width),
            table(&["Readers"], "Being read", &active, width),
            table(&["Views", "Visitors", "Reads"], "Page", &pages, width),
        ];
        for (heading, values) in [
            ("Referrer", &self.referrers),
            ("Source", &self.sources),
            ("Campaign", &self.campaigns),
            ("Country", &self.countries),
            ("Device", &self.devices),
            ("Browser", &self.browsers),
            ("System", &self.systems),
            ("Event", &self.events),
            ("Link to elsewhere", &self.outbound),
            ("Download", &self.downloads),
        ] {
            let lines: Vec<Line<'_>> =
                values.iter().take(self.most()).map(ValueRow::line).collect();
            tables.push(table(&["Views", "Visitors"], heading, &lines, width));
        }
        let missing = self.not_found.iter().take(self.most());
        let missing: Vec<Line<'_>> = missing.map(MissingRow::line).collect();
        tables.push(table(&["Views"], "Not found", &missing, width));
        tables.retain(|table| !table.is_empty());
        tables.join("\n")
    }

    /// The course of views as a line of blocks, and which days it is of; empty if there is nothing to compare.
    fn course(&self, width: Option<usize>) -> String {
        let [first, .., last] = &self.series[..] else { return String::new() };
        let most = self.series.iter().map(|moment| moment.views).max().unwrap_or(0);
        let (Some(from), Some(to)) = (day(&first.date), day(&last.date)) else {
            return String::new();
        };
        if most == 0 {
            return String::new();
        }
        let room = width.unwrap_or(usize::MAX).max(1);
        let shown = &self.series[self.series.len().saturating_sub(room)..];
        let blocks: String = shown.iter().map(|moment| block(moment.views, most)).collect();
        let days = format!("{} to {}", from.strftime("%-d %b %Y"), to.strftime("%-d %b %Y"));
        format!("{blocks}\n{days}, at most {} at a time\n", noun(most, "view"))
    }

    /// How many lines a list of values has at most; a list of pages has them all.
    const fn most(&self) -> usize {
        if self.is_whole { usize::MAX } else { VALUES }
    }

    /// Shows as many values as there are.
    pub(super) fn whole(self) -> Self {
        Self { is_whole: true, ..self }
    }

    /// `path,title,pageType,views,visitors,reads`, as RFC 4180 has it.
    pub(super) fn to_csv(&self) -> String {
        let mut text = "path,title,pageType,views,visitors,reads\r\n".to_owned();
        for PageRow { path, title, page_type, views, visitors, reads } in &self.page_stats {
            let cells = [path, title, page_type].map(|cell| csv_field(cell));
            let _ = write!(text, "{},{views},{visitors},{reads}\r\n", cells.join(","));
        }
        text
    }
}

/// A day as RFC 3339 begins with it.
fn day(date: &str) -> Option<civil::Date> {
    date.get(..10)?.parse().ok()
}

/// A block that is as high as `views` are among `most`; a space if there are none.
fn block(views: u64, most: u64) -> char {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    if views == 0 {
        return ' ';
    }
    let height = (views.saturating_mul(8)).div_ceil(most.max(1)).clamp(1, 8);
    BLOCKS[usize::try_from(height - 1).unwrap_or(0)]
}

impl ValueRow {
    fn line(&self) -> Line<'_> {
        let numbers = vec![grouped(self.views), grouped(self.visitors)];
        Line { numbers, title: printable(&self.value), path: "".into() }
    }
}

impl MissingRow {
    fn line(&self) -> Line<'_> {
        let likeliest = self
            .likeliest
            .as_ref()
            .map_or_else(String::new, |page| format!("(perhaps {})", printable(&page.path)));
        Line {
            numbers: vec![grouped(self.views)],
            title: printable(&self.path),
            path: likeliest.into(),
        }
    }
}

impl ActiveRow {
    fn line(&self) -> Line<'_> {
        Line {
            numbers: vec![grouped(self.count)],
            title: printable(&self.title),
            path: printable(&self.path),
        }
    }
}

impl PageRow {
    fn line(&self) -> Line<'_> {
        let title = printable(&self.title);
        let title = if self.page_type == "gone" { format!("{title} (gone)").into() } else { title };
        Line {
            numbers: vec![grouped(self.views), grouped(self.visitors), grouped(self.reads)],
            title,
            path: printable(&self.path),
        }
    }
}

fn noun(count: u64, noun: &str) -> String {
    counted_noun(usize::try_from(count).unwrap_or(usize::MAX), noun)
}

/// A terminal obeys control characters; nothing that is printed for people has any.
fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.replace(char::is_control, " ").into()
    } else {
        text.into()
    }
}

/// A table with `numbers` to the right under their headings, then titles, then addresses; empty without lines.
fn table(headings: &[&str], page: &str, lines: &[Line<'_>], width: Option<usize>) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let widths: Vec<usize> = headings
        .iter()
        .enumerate()
        .map(|(at, heading)| widest(lines.iter().map(|line| line.numbers[at].as_str()), heading))
        .collect();
    let taken: usize = widths.iter().map(|width| width + GAP.len()).sum();
    let (titles, shows_paths) =
        title_width(lines, page, width.map(|all| all.saturating_sub(taken)));
    let mut text = String::new();
    let headings = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let head = Line { numbers: headings, title: page.into(), path: "".into() };
    for line in std::iter::once(&head).chain(lines) {
        for (number, width) in line.numbers.iter().zip(&widths) {
            let _ = write!(text, "{number:>width$}{GAP}");
        }
        let title = cut(&line.title, titles);
        if shows_paths && !line.path.is_empty() {
            let pad = titles.saturating_sub(title.width());
            let _ = write!(text, "{title}{:pad$}{GAP}{}", "", line.path);
        } else {
            text.push_str(&title);
        }
        text.push('\n');
    }
    text
}

/// How wide titles may be in `room`, and whether there is room for addresses besides.
fn title_width(lines: &[Line<'_>], heading: &str, room: Option<usize>) -> (usize, bool) {
    let longest = widest(lines.iter().map(|line| line.title.as_ref()), heading);
    let Some(room) = room else { return (longest, true) };
    let paths = widest(lines.iter().map(|line| line.path.as_ref()), "") + GAP.len();
    let beside = room.saturating_sub(paths);
    if beside >= longest.min(SHORTEST_TITLE) {
        (longest.min(beside), true)
    } else {
        (longest.min(room.max(1)), false)
    }
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>, heading: &str) -> usize {
    texts.map(UnicodeWidthStr::width).fold(heading.width(), usize::max)
}

/// `text` in at most `width` columns; `…` stands for what is cut off.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return text.into();
    }
    let mut kept = String::new();
    let mut used = 1;
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(letter);
    }
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let json = serde_json::json!({
            "activeVisitors": 2,
            "activeByPath": [{"path": "/hello/", "title": "Hello, world", "count": 2}],
            "totalPageViews": 1204,
            "uniqueVisitors": 312,
            "publishedPosts": 1,
            "publishedPages": 12,
            "trackingSince": 1_795_507_200_000_i64,
            "trackingSinceDate": "2026-11-24T09:00:00+01:00",
            "pageStats": [
                {"path": "/hello/", "title": "Hello, world", "pageType": "blog", "views": 1200, "visitors": 310, "reads": 95},
                {"path": "/long/", "title": "A title that goes on and on, and on", "pageType": "page", "views": 3, "visitors": 3},
                {"path": "/日本語/", "title": "日本語のタイトル", "pageType": "gone", "views": 1, "visitors": 1},
            ],
        });
        Figures::read(json.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_sentence_is_the_one_of_the_dashboard() {
        let mut figures = figures();
        assert_eq!(
            figures.sentence(),
            "2 people are reading right now. 1,204 views by 312 visitors since 24 November 2026.\n\
             1 post and 12 pages are published."
        );
        (figures.active_visitors, figures.total_page_views) = (0, 0);
        assert!(
            figures
                .sentence()
                .starts_with("Nobody is reading right now. Nothing has been counted yet.\n")
        );
        figures.filters.insert("tag".to_owned(), "none".to_owned());
        assert!(figures.sentence().contains("Nothing that fits the filters has been counted yet."));
    }

    #[test]
    fn the_sentence_says_what_the_numbers_are_of() {
        let mut figures = figures();
        figures.period = Some(PeriodRow { name: Some(Period::Week) });
        let begin = "2 people are reading right now. ";
        for (views, told) in [
            (1204, "1,204 views by 312 visitors in the last 7 days.\n"),
            (0, "Nothing has been counted in the last 7 days.\n"),
        ] {
            figures.total_page_views = views;
            let sentence = figures.sentence();
            assert!(sentence.starts_with(&format!("{begin}{told}")), "{sentence}");
        }
    }

    #[test]
    fn a_wide_place_shows_titles_whole_and_a_narrow_one_cuts_them() {
        let wide = "\
Readers  Being read
      2  Hello, world  /hello/

Views  Visitors  Reads  Page
1,200       310     95  Hello, world                         /hello/
    3         3      0  A title that goes on and on, and on  /long/
    1         1      0  日本語のタイトル (gone)              /日本語/
";
        assert_eq!(figures().to_tables(None), wide);
        assert_eq!(figures().to_tables(Some(200)), wide);
        let narrow = "\
Readers  Being read
      2  Hello, world  /hello/

Views  Visitors  Reads  Page
1,200       310     95  Hello, world           /hello/
    3         3      0  A title that goes on…  /long/
    1         1      0  日本語のタイトル (go…  /日本語/
";
        assert_eq!(figures().to_tables(Some(55)), narrow);
        let narrower = "\
Readers  Being read
      2  Hello, world  /hello/

Views  Visitors  Reads  Page
1,200       310     95  Hello, world
    3         3      0  A title that…
    1         1      0  日本語のタイ…
";
        assert_eq!(figures().to_tables(Some(38)), narrower);
        assert!(figures().to_tables(Some(0)).contains('…'), "and no width is too small");
    }

    #[test]
    fn pages_are_lines_of_csv() {
        assert_eq!(
            figures().to_csv().lines().nth(1),
            Some("/hello/,\"Hello, world\",blog,1200,310,95")
        );
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb"), "a [31mb");
        assert!(Figures::read(b"<html>").is_err());
    }
}
