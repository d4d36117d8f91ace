//! What Umami exports: its table of events, as CSV or as lines of JSON.

use std::io::BufRead;

use anyhow::{Context as _, anyhow, bail};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::super::{referrer, value};
use super::record::visitor;
use super::table::Table;
use super::{Happening, Reading, Record, Traits, View, names};
use crate::clock::Timestamp;

/// The type of a row that is a page view.
const VIEW: &str = "1";

/// The type of a row that is an event with a name.
const EVENT: &str = "2";

/// A row, as far as it is kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    created_at: String,
    session_id: Option<String>,
    event_type: serde_json::Value,
    event_name: Option<String>,
    url_path: Option<String>,
    utm_source: Option<String>,
    utm_campaign: Option<String>,
    referrer_domain: Option<String>,
    referrer_path: Option<String>,
    browser: Option<String>,
    os: Option<String>,
    device: Option<String>,
    country: Option<String>,
}

/// Whether a line is a row of the table as JSON.
pub(super) fn is_json(line: &str) -> bool {
    line.starts_with('{') && line.contains("\"url_path\"")
}

/// Reads the table that begins with `head`.
pub(super) fn read(
    input: impl BufRead,
    head: &str,
    reading: &mut Reading<'_>,
) -> anyhow::Result<()> {
    if head.starts_with('{') {
        return read_lines(input, reading);
    }
    let mut table = Table::open(input, &["created_at", "url_path", "event_type"])?;
    table.each(|row| {
        // As databases write what is not there.
        let is_there = |text: &&str| !matches!(*text, "" | "\\N" | "NULL");
        let text = |name| Some(row.get(name)).filter(is_there).map(str::to_owned);
        let row = Row {
            created_at: row.get("created_at").to_owned(),
            session_id: text("session_id"),
            event_type: row.get("event_type").into(),
            event_name: text("event_name"),
            url_path: text("url_path"),
            utm_source: text("utm_source"),
            utm_campaign: text("utm_campaign"),
            referrer_domain: text("referrer_domain"),
            referrer_path: text("referrer_path"),
            browser: text("browser"),
            os: text("os"),
            device: text("device"),
            country: text("country"),
        };
        take(row, reading)
    })
}

fn read_lines(input: impl BufRead, reading: &mut Reading<'_>) -> anyhow::Result<()> {
    for (number, line) in input.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let row = serde_json::from_str(&line).map_err(anyhow::Error::from);
        row.and_then(|row| take(row, reading)).with_context(|| format!("line {}", number + 1))?;
    }
    Ok(())
}

fn take(row: Row, reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let at = time(&row.created_at)?;
    let visitor = visitor("umami", row.session_id.as_deref().unwrap_or_default());
    let path = row.url_path.filter(|path| path.starts_with('/'));
    match row.event_type.to_string().trim_matches('"') {
        VIEW => {
            let path = path.context("`url_path` is no path")?;
            let kept = |text: Option<String>| value::tidy(&text.unwrap_or_default());
            let named = |text: Option<String>, ours: fn(&str) -> Option<String>| ours(&text?);
            let domain = row.referrer_domain.filter(|domain| !domain.is_empty());
            let rest = row.referrer_path.unwrap_or_default();
            let url = domain.map(|domain| format!("https://{domain}{rest}"));
            let traits = Traits {
                referrer: url.and_then(|url| referrer::source(&url, reading.is_own)),
                source: kept(row.utm_source),
                campaign: kept(row.utm_campaign),
                country: named(row.country, names::country),
                device: named(row.device, names::device),
                browser: named(row.browser, names::browser),
                system: named(row.os, names::system),
            };
            reading.give(Record::View(View { at, path, visitor, traits, ..View::default() }))
        }
        EVENT => {
            let name = row.event_name.as_deref().and_then(value::tidy);
            let name = name.context("an event without a name")?;
            reading.give(Record::Happening(Happening { at, path, visitor, name }))
        }
        // Measurements of speed and the like.
        other if other.parse::<u32>().is_ok() => {
            reading.pass_over();
            Ok(())
        }
        other => bail!("`{other}` is no type of an event"),
    }
}

/// A time with its offset, or one of UTC without.
fn time(text: &str) -> anyhow::Result<Timestamp> {
    let zoned = text.parse::<jiff::Timestamp>().ok();
    let plain = || {
        let time: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(time).ok()
    };
    let time = zoned.or_else(plain).ok_or_else(|| anyhow!("`{text}` is no time"))?;
    Ok(Timestamp::from(time))
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::tests::imported;
    use super::*;

    const HEAD: &str = "website_id,session_id,visit_id,event_id,hostname,browser,os,device,country,url_path,url_query,utm_source,utm_campaign,referrer_path,referrer_domain,event_type,event_name,created_at\n";

    #[test]
    fn both_forms_of_the_table_say_the_same() {
        let rows = "w,s1,v1,e1,own.example,edge-chromium,Windows 10,laptop,DE,/a/,x=1,letter,,/item,news.example,1,,2026-11-24 09:00:00\n\
                    w,s1,v1,e2,own.example,chrome,Mac OS,mobile,,/a/,,,,/b/,own.example,1,,2026-11-24T09:01:00.5Z\n\
                    w,s2,v1,e3,own.example,chrome,Linux,desktop,,/a/,,,,,,2,buy,2026-11-24 09:02:00\n\
                    w,s2,v1,e4,own.example,chrome,Linux,desktop,,/a/,,,,,,5,,2026-11-24 09:02:00\n";
        let json = "{\"session_id\":\"s1\",\"browser\":\"edge-chromium\",\"os\":\"Windows 10\",\"device\":\"laptop\",\"country\":\"DE\",\"url_path\":\"/a/\",\"utm_source\":\"letter\",\"referrer_domain\":\"news.example\",\"referrer_path\":\"/item\",\"event_type\":1,\"event_name\":null,\"created_at\":\"2026-11-24T09:00:00Z\"}\n\n";
        let (format, records, counts) =
            imported((HEAD.to_owned() + rows).as_bytes(), None).unwrap();
        assert_eq!((format, counts.records, counts.passed_over), (Format::Umami, 3, 1));
        let text = |text: &str| Some(text.to_owned());
        let [Record::View(first), Record::View(second), Record::Happening(event)] = &records[..]
        else {
            panic!("{records:?}")
        };
        let expected = Traits {
            referrer: text("news.example/item"),
            source: text("letter"),
            country: text("DE"),
            device: text("laptop"),
            browser: text("Edge"),
            system: text("Windows"),
            ..Traits::default()
        };
        assert_eq!(first.traits, expected);
        assert_eq!(
            (second.traits.device.as_deref(), &second.traits.referrer),
            (Some("phone"), &None)
        );
        assert_eq!(first.visitor, second.visitor);
        assert_eq!((event.name.as_str(), event.path.as_deref()), ("buy", Some("/a/")));
        let (format, from_json, _) = imported(json.as_bytes(), None).unwrap();
        assert_eq!((format, &from_json[..]), (Format::Umami, &records[..1]));
    }

    #[test]
    fn what_is_not_there_is_read_as_databases_write_it() {
        for nothing in ["", "\\N", "NULL"] {
            let row = format!(
                "w,{nothing},v,e,h,{nothing},{nothing},{nothing},{nothing},/a/,{nothing},{nothing},{nothing},{nothing},{nothing},1,{nothing},2026-11-24 09:00:00\n"
            );
            let (_, records, _) = imported((HEAD.to_owned() + &row).as_bytes(), None).unwrap();
            let [Record::View(view)] = &records[..] else { panic!("{records:?}") };
            assert_eq!((&view.traits, view.visitor), (&Traits::default(), None), "{nothing}");
        }
        let json = "{\"session_id\":null,\"browser\":null,\"url_path\":\"/a/\",\"event_type\":1,\"created_at\":\"2026-11-24T09:00:00Z\"}\n";
        let (_, records, _) = imported(json.as_bytes(), None).unwrap();
        assert!(matches!(&records[..], [Record::View(View { visitor: None, .. })]), "{records:?}");
    }

    #[test]
    fn a_wrong_row_is_told_by_its_line() {
        for (row, error) in [
            ("w,s,v,e,h,b,o,d,c,/a/,,,,,,1,,yesterday\n", "line 2: `yesterday` is no time"),
            ("w,s,v,e,h,b,o,d,c,a,,,,,,1,,2026-11-24 09:00:00\n", "line 2: `url_path` is no path"),
            (
                "w,s,v,e,h,b,o,d,c,/a/,,,,,,x,,2026-11-24 09:00:00\n",
                "line 2: `x` is no type of an event",
            ),
            (
                "w,s,v,e,h,b,o,d,c,/a/,,,,,,2,,2026-11-24 09:00:00\n",
                "line 2: an event without a name",
            ),
        ] {
            assert_eq!(imported((HEAD.to_owned() + row).as_bytes(), None).unwrap_err(), error);
        }
        let error = imported(b"{\"url_path\": 1}\n", None).unwrap_err();
        assert!(error.starts_with("line 1: "), "{error}");
    }
}
