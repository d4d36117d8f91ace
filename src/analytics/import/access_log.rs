//! The log of a web server, in the Common or the Combined format; a host before the address, as some write, may be
//! there. The Common format says nothing of browsers: nobody can tell from it who is a program.
//!
//! ```text
//! 192.0.2.1 - - [24/Nov/2026:10:00:00 +0100] "GET /a/ HTTP/1.1" 200 5120 "https://b.example/" "Mozilla/5.0 ..."
//! ```

use std::io::BufRead;

use anyhow::bail;
use jiff::fmt::strtime;
use percent_encoding::percent_decode_str;

use super::super::agent::{self, Agent};
use super::super::id::VisitorId;
use super::super::{referrer, value};
use super::{Reading, Record, Traits, View};
use crate::clock::{Day, Timestamp};

/// How times are written.
const TIME: &str = "%d/%b/%Y:%H:%M:%S %z";

/// What pages are called that are a file of their own; whatever else has a dot in it is a picture, a style, a feed.
const PAGES: [&str; 4] = [".html", ".htm", ".php", ".asp"];

/// A log of which more lines than this cannot be read, of those before, is not one.
const UNREADABLE: u64 = 100;

/// A line of a log, as far as it is looked at.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    address: &'a str,
    time: &'a str,
    method: &'a str,
    target: &'a str,
    status: &'a str,
    referrer: &'a str,
    /// None in the Common format, where nobody writes it down.
    agent: Option<&'a str>,
}

/// Whether a line is one of a log.
pub(super) fn is_line(line: &str) -> bool {
    Line::of(line).is_some_and(|line| time(line.time).is_some())
}

/// Reads a log.
pub(super) fn read(mut input: impl BufRead, reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let (mut bytes, mut number) = (Vec::new(), 0);
    while input.read_until(b'\n', &mut bytes)? > 0 {
        number += 1;
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end();
        let read = Line::of(line).and_then(|line| Some((time(line.time)?, line)));
        match read.filter(|(at, _)| reading.can_be(*at)) {
            Some((at, line)) => match view(at, &line, reading) {
                Some(view) => reading.give(Record::View(view))?,
                None => reading.pass_over(),
            },
            None if line.is_empty() => {}
            None => {
                reading.counts.unreadable += 1;
                reading.counts.first_unreadable.get_or_insert(number);
            }
        }
        let counts = reading.counts;
        if counts.unreadable > UNREADABLE && counts.unreadable > counts.records + counts.passed_over
        {
            bail!("most lines are not those of a log in the Common or the Combined format");
        }
        bytes.clear();
    }
    Ok(())
}

/// The view that a line tells of; none if it tells of something else.
fn view(at: Timestamp, line: &Line<'_>, reading: &Reading<'_>) -> Option<View> {
    let is_not_found = match line.status {
        // What a browser has already is a view as well.
        "200" | "304" => false,
        "404" | "410" => true,
        _ => return None,
    };
    let target = line.target.split(['?', '#']).next().unwrap_or_default();
    let path = percent_decode_str(target).decode_utf8().ok()?;
    let is_view = line.method == "GET" && path.starts_with('/') && is_page(&path);
    // Nothing is known of who has sent no agent where others have; it is no browser.
    let is_program = |agent: &str| agent.len() < 2 || agent::is_bot(agent, false);
    if !is_view || line.agent.is_some_and(is_program) {
        return None;
    }
    let Agent { browser, system } = Agent::of(line.agent.unwrap_or_default());
    let parameter = |name: &str| {
        let (_, query) = line.target.split_once('?')?;
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        value::tidy(&pairs.into_iter().find(|(key, _)| key == name)?.1)
    };
    let traits = Traits {
        referrer: referrer::source(line.referrer, reading.is_own),
        source: parameter("utm_source"),
        campaign: parameter("utm_campaign"),
        browser: browser.map(str::to_owned),
        system: system.map(str::to_owned),
        ..Traits::default()
    };
    let visitor = Some(visitor(at, line, reading));
    Some(View { at, path: path.into_owned(), visitor, is_not_found, traits })
}

/// Whether a path may be that of a page.
fn is_page(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    !name.contains('.') || PAGES.iter().any(|page| name.ends_with(page))
}

/// Who sends from one address with one agent is one visitor for a day; the next day nobody can tell.
fn visitor(at: Timestamp, line: &Line<'_>, reading: &Reading<'_>) -> VisitorId {
    let mut hasher = blake3::Hasher::new_keyed(&reading.secret);
    hasher.update(&Day::of(at, reading.zone).number().to_le_bytes());
    let agent = line.agent.unwrap_or_default();
    hasher.update(line.address.as_bytes()).update(b"\0").update(agent.as_bytes());
    VisitorId::from_hash(&hasher.finalize())
}

fn time(text: &str) -> Option<Timestamp> {
    strtime::parse(TIME, text).ok()?.to_timestamp().ok().map(Timestamp::from)
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (before, rest) = line.split_once(" [")?;
        let (time, rest) = rest.split_once("] \"")?;
        let (request, rest) = quoted(rest)?;
        let mut words = before.split(' ').rev().skip(2);
        let address = words.next()?;
        let mut request = request.split(' ');
        let (method, target) = (request.next()?, request.next()?);
        let mut rest = rest.trim_start().splitn(3, ' ');
        let (status, _length, tail) = (rest.next()?, rest.next()?, rest.next().unwrap_or(""));
        let (referrer, tail) = tail.strip_prefix('"').and_then(quoted).unwrap_or_default();
        let agent = tail.trim_start().strip_prefix('"').and_then(quoted).map(|(agent, _)| agent);
        Some(Self { address, time, method, target, status, referrer, agent })
    }
}

/// What stands before the next quotation mark that no backslash stands before, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let end = text.match_indices('"').map(|(at, _)| at).find(|at| !text[..*at].ends_with('\\'))?;
    Some((&text[..end], &text[end + 1..]))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tests::imported;
    use super::super::{Counts, Format};
    use super::*;

    pub(in super::super) const LINE: &str = r#"192.0.2.1 - - [24/Nov/2026:10:00:00 +0100] "GET /gr%C3%B6%C3%9Fe/?utm_source=letter&x=1 HTTP/1.1" 200 5120 "https://www.news.example/item?id=1" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0""#;

    fn views(log: &str) -> Vec<View> {
        let (_, records, _) = imported(log.as_bytes(), Some(Format::Log)).unwrap();
        let view = |record| match record {
            Record::View(view) => view,
            other => panic!("{other:?}"),
        };
        records.into_iter().map(view).collect()
    }

    #[test]
    fn a_line_of_the_combined_format_is_a_view_with_all_that_is_known_of_it() {
        let [view] = &views(LINE)[..] else { panic!("one view") };
        let time: jiff::Timestamp = "2026-11-24T09:00:00Z".parse().unwrap();
        assert_eq!(view.at, Timestamp::from(time));
        assert_eq!(view.path, "/größe/");
        assert!(view.visitor.is_some() && !view.is_not_found);
        let expected = Traits {
            referrer: Some("news.example/item".to_owned()),
            source: Some("letter".to_owned()),
            browser: Some("Firefox".to_owned()),
            system: Some("Linux".to_owned()),
            ..Traits::default()
        };
        assert_eq!(view.traits, expected);
    }

    #[test]
    fn visitors_are_those_of_a_day_and_nobody_can_tell_whose_they_are() {
        let other_day = LINE.replace("24/Nov", "25/Nov");
        let other_address = LINE.replace("192.0.2.1", "blog.example:443 192.0.2.2");
        let log = [LINE, LINE, &other_day, &other_address].join("\n");
        let visitors: Vec<_> = views(&log).into_iter().map(|view| view.visitor).collect();
        assert_eq!(visitors[0], visitors[1]);
        assert_ne!(visitors[0], visitors[2]);
        assert_ne!(visitors[0], visitors[3]);
        let host_before = LINE.replace("192.0.2.1", "blog.example:443 192.0.2.1");
        assert_eq!(views(&host_before)[0].visitor, visitors[0]);
    }

    #[test]
    fn a_line_of_the_common_format_is_a_view_of_a_visitor_with_an_address() {
        let common = LINE.split_once(" \"https").unwrap().0;
        let log = [common, common, &common.replace("192.0.2.1", "192.0.2.2")].join("\n");
        let views = views(&log);
        assert_eq!((views.len(), views[0].path.as_str()), (3, "/größe/"));
        assert_eq!(
            views[0].traits,
            Traits { source: Some("letter".to_owned()), ..Traits::default() }
        );
        assert_eq!(views[0].visitor, views[1].visitor);
        assert_ne!(views[0].visitor, views[2].visitor);
    }

    #[test]
    fn what_is_no_reader_of_a_page_is_passed_over() {
        let not_found = LINE.replace("200", "404");
        let lines = [
            LINE.replace("GET", "POST"),
            LINE.replace("GET", "HEAD"),
            LINE.replace("200", "301"),
            LINE.replace("/?utm", ".png?utm"),
            LINE.replace("/?utm", "feed.xml?utm"),
            LINE.replace("Firefox", "Googlebot"),
            LINE.rsplit_once(" \"Mozilla").unwrap().0.to_owned() + " \"-\"",
            LINE.replace("www.news.example", "semalt.com"),
            not_found,
            "no line".to_owned(),
            String::new(),
            LINE.replace("/2026:", "/9999:"),
            LINE.replace("/2026:", "/1970:"),
        ];
        let log = lines.join("\n");
        let (_, records, counts) = imported(log.as_bytes(), Some(Format::Log)).unwrap();
        let first_unreadable = Some(10);
        assert_eq!(counts, Counts { records: 1, passed_over: 8, unreadable: 3, first_unreadable });
        assert!(matches!(&records[..], [Record::View(View { is_not_found: true, .. })]));
        let own = LINE.replace("www.news.example", "own.example");
        assert_eq!(views(&own)[0].traits.referrer, None);
    }

    #[test]
    fn a_file_of_something_else_is_given_up() {
        let error = imported("x y z\n".repeat(500).as_bytes(), Some(Format::Log)).unwrap_err();
        assert!(error.starts_with("most lines are not"), "{error}");
        for damaged in ["a [b] \"c", "[] \"", "\u{0} [24/Nov/2026:10:00:00 +0100] \"\\\"", LINE] {
            for end in 0..damaged.len() {
                if let Some(part) = damaged.get(..end) {
                    is_line(part);
                }
            }
        }
    }
}
