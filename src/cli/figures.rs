//! The numbers of the dashboard as people read them in a terminal, and as spreadsheets do.

use std::borrow::Cow;
use std::fmt::Write;

use anyhow::Context;
use jiff::civil;
use serde::Deserialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::report::counted_noun;
use crate::analytics::Period;
use crate::permalink::UrlPath;
use crate::render::grouped;

/// A title is not cut shorter than this to make room for the address.
const SHORTEST_TITLE: usize = 20;

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
}

#[derive(Debug, Deserialize)]
struct PeriodRow {
    name: Period,
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
        match self.period.as_ref().map_or(Period::All, |period| period.name) {
            Period::Day => " in the last 24 hours",
            Period::Week => " in the last 7 days",
            Period::FourWeeks => " in the last 28 days",
            Period::Quarter => " in the last 91 days",
            Period::Month => " this month",
            Period::Year => " this year",
            Period::All => "",
        }
    }

    fn total(&self) -> String {
        if self.total_page_views == 0 {
            let when = if self.period.is_some() { self.when() } else { " yet" };
            return format!("Nothing has been counted{when}.");
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
        let tables = [
            table(&["Readers"], "Being read", &active, width),
            table(&["Views", "Visitors"], "Page", &pages, width),
        ];
        let tables: Vec<String> = tables.into_iter().filter(|table| !table.is_empty()).collect();
        tables.join("\n")
    }

    /// `path,title,pageType,views,visitors`, as RFC 4180 has it.
    pub(super) fn to_csv(&self) -> String {
        let mut text = "path,title,pageType,views,visitors\r\n".to_owned();
        for PageRow { path, title, page_type, views, visitors } in &self.page_stats {
            let cells = [path, title, page_type].map(|cell| field(cell));
            let _ = write!(text, "{},{views},{visitors}\r\n", cells.join(","));
        }
        text
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
            numbers: vec![grouped(self.views), grouped(self.visitors)],
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

/// A field of CSV, quoted where RFC 4180 asks for it; spreadsheets must not take it for a formula.
fn field(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
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
                {"path": "/hello/", "title": "Hello, world", "pageType": "blog", "views": 1200, "visitors": 310},
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
    }

    #[test]
    fn the_sentence_says_what_the_numbers_are_of() {
        let mut figures = figures();
        figures.period = Some(PeriodRow { name: Period::Week });
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

Views  Visitors  Page
1,200       310  Hello, world                         /hello/
    3         3  A title that goes on and on, and on  /long/
    1         1  日本語のタイトル (gone)              /日本語/
";
        assert_eq!(figures().to_tables(None), wide);
        assert_eq!(figures().to_tables(Some(200)), wide);
        let narrow = "\
Readers  Being read
      2  Hello, world  /hello/

Views  Visitors  Page
1,200       310  Hello, world           /hello/
    3         3  A title that goes on…  /long/
    1         1  日本語のタイトル (go…  /日本語/
";
        assert_eq!(figures().to_tables(Some(48)), narrow);
        let narrower = "\
Readers  Being read
      2  Hello, world  /hello/

Views  Visitors  Page
1,200       310  Hello, world
    3         3  A title that…
    1         1  日本語のタイ…
";
        assert_eq!(figures().to_tables(Some(31)), narrower);
        assert!(figures().to_tables(Some(0)).contains('…'), "and no width is too small");
    }

    #[test]
    fn a_field_is_quoted_where_it_must_be_and_never_a_formula() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\""),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(field(text), expected, "{text:?}");
        }
        assert_eq!(
            figures().to_csv().lines().nth(1),
            Some("/hello/,\"Hello, world\",blog,1200,310")
        );
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb"), "a [31mb");
        assert!(Figures::read(b"<html>").is_err());
    }
}
