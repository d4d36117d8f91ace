//! What `GoatCounter` exports: a table of page views, or an archive of sums.

mod archive;

pub(super) use self::archive::read as read_archive;

use std::io::BufRead;

use anyhow::{Context as _, anyhow};

use super::super::{agent, referrer, value};
use super::record::visitor;
use super::table::{Row, Table};
use super::{Happening, Reading, Record, Traits, View, names};
use crate::clock::Timestamp;

/// What the first column is called, by version of the table: the number is not part of the name.
const FIRST: [&str; 2] = ["1Path", "2Path"];

/// Whether a table whose first column is called so is one of `GoatCounter`.
pub(super) fn is_first_column(name: &str) -> bool {
    FIRST.contains(&name)
}

/// Reads the table of page views.
pub(super) fn read_views(input: impl BufRead, reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let mut table = Table::open(input, &["Event", "Session", "Date"])?;
    table.each(|row| {
        if !["", "0"].contains(&row.get("Bot")) {
            reading.pass_over();
            return Ok(());
        }
        let record = record(&row, reading)?;
        reading.give(record)
    })
}

fn record(row: &Row<'_>, reading: &Reading<'_>) -> anyhow::Result<Record> {
    let date = row.get("Date");
    let at: jiff::Timestamp = date.parse().map_err(|_| anyhow!("`{date}` is no time"))?;
    let at = Timestamp::from(at);
    let path = FIRST.iter().map(|name| row.get(name)).find(|path| !path.is_empty());
    let path = path.context("there is no path")?;
    let visitor = visitor("goatcounter", row.get("Session"));
    if row.get("Event") == "true" {
        let name = value::tidy(path).context("there is no name")?;
        return Ok(Record::Happening(Happening { at, path: None, visitor, name }));
    }
    let mut traits = Traits {
        country: names::country(row.get("Location")),
        browser: names::browser(row.get("Browser")),
        system: names::system(row.get("System")),
        device: width(row.get("Screen size")),
        ..Traits::default()
    };
    refer(row.get("Referrer"), row.get("Referrer scheme"), reading, &mut traits);
    Ok(Record::View(View { at, path: path.to_owned(), visitor, traits, ..View::default() }))
}

/// Notes where a view came from: `h` is a page of the web, `c` a campaign, anything else a name.
fn refer(text: &str, scheme: &str, reading: &Reading<'_>, traits: &mut Traits) {
    match scheme {
        "c" => traits.campaign = value::tidy(text),
        "h" => traits.referrer = referrer::source(&format!("https://{text}"), reading.is_own),
        _ => traits.referrer = value::tidy(text),
    }
}

/// The kind of device with a screen of `1920,1080,1`.
fn width(size: &str) -> Option<String> {
    let pixels: f64 = size.split(',').next()?.trim().parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
    agent::device((pixels / 100.0) as u32).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::tests::imported;
    use super::*;

    const HEAD: &str = "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,Screen size,Location,FirstVisit,Date\n";

    #[test]
    fn the_table_of_views_is_read_with_all_that_is_known_of_them() {
        let rows = "/a,\"A, and more\",false,,Firefox 83,Windows 10,k4,0,www.news.example/item,h,\"1920,1080,1\",US-TX,1,2026-11-24T09:00:00Z\n\
                    /a,A,false,,,,k4,0,Email,g,,,0,2026-11-24T09:05:00Z\n\
                    buy,,true,,,,k5,0,,,,,1,2026-11-24T10:00:00+01:00\n\
                    /a,A,false,,,,k6,150,,,,,1,2026-11-24T09:00:00Z\n";
        let (format, records, counts) =
            imported((HEAD.to_owned() + rows).as_bytes(), None).unwrap();
        assert_eq!((format, counts.records, counts.passed_over), (Format::GoatCounter, 3, 1));
        let at = |text: &str| Timestamp::from(text.parse::<jiff::Timestamp>().unwrap());
        let text = |text: &str| Some(text.to_owned());
        let [Record::View(first), Record::View(second), Record::Happening(event)] = &records[..]
        else {
            panic!("{records:?}")
        };
        let expected = Traits {
            referrer: text("news.example/item"),
            country: text("US"),
            device: text("desktop"),
            browser: text("Firefox"),
            system: text("Windows"),
            ..Traits::default()
        };
        assert_eq!((first.at, first.path.as_str()), (at("2026-11-24T09:00:00Z"), "/a"));
        assert_eq!(first.traits, expected);
        assert_eq!(second.traits, Traits { referrer: text("Email"), ..Traits::default() });
        assert_eq!(first.visitor, second.visitor);
        assert_ne!(first.visitor, event.visitor);
        assert_eq!((event.at, event.name.as_str()), (at("2026-11-24T09:00:00Z"), "buy"));
    }

    #[test]
    fn a_wrong_line_is_told_by_its_number() {
        let wrong = HEAD.to_owned() + "/a,A,false,,,,k4,0,,,,,1,yesterday\n";
        assert_eq!(imported(wrong.as_bytes(), None).unwrap_err(), "line 2: `yesterday` is no time");
        let missing = "2Path,Title\n/a,A\n";
        let error = imported(missing.as_bytes(), None).unwrap_err();
        assert_eq!(error, "line 1: there is no column `Event`");
    }
}
