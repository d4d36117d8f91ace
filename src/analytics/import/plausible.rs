//! What Plausible exports: a table of sums by day for each dimension.

use std::io::BufRead;

use anyhow::anyhow;

use super::super::rollup::Dimension;
use super::super::value;
use super::table::{Row, Table};
use super::{Day, Reading, Record, Sums, names};

/// Reads one of the tables, which is known by its columns.
pub(super) fn read_table(input: impl BufRead, reading: &mut Reading<'_>) -> anyhow::Result<()> {
    let mut table = Table::open(input, &["date", "visitors"])?;
    let kind = Kind::of(|name| table.has(name));
    table.each(|row| {
        let date = row.get("date");
        let date = date.parse().map_err(|_| anyhow!("`{date}` is no day"))?;
        let cells = kind.cells(&row);
        if cells.is_empty() {
            reading.pass_over();
        }
        let sums = kind.sums(&row)?;
        cells.into_iter().try_for_each(|(dimension, value)| {
            reading.give(Record::Day(Day { date, dimension, value, sums }))
        })
    })
}

/// What a table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Site,
    Pages,
    Entries,
    Exits,
    Sources,
    Locations,
    Devices,
    Browsers,
    Systems,
    Events,
}

impl Kind {
    fn of(has: impl Fn(&str) -> bool) -> Self {
        let marks = [
            ("page", Self::Pages),
            ("entry_page", Self::Entries),
            ("exit_page", Self::Exits),
            ("source", Self::Sources),
            ("country", Self::Locations),
            ("device", Self::Devices),
            ("browser", Self::Browsers),
            ("operating_system", Self::Systems),
            ("name", Self::Events),
        ];
        marks.into_iter().find(|(mark, _)| has(mark)).map_or(Self::Site, |(_, kind)| kind)
    }

    /// The values that a row is about; none if it is about nothing that is kept.
    fn cells(self, row: &Row<'_>) -> Vec<(Dimension, String)> {
        let one = |dimension, value: Option<String>| {
            value.map(|value| (dimension, value)).into_iter().collect()
        };
        let page = |name: &str| Some(row.get(name).to_owned()).filter(|path| path.starts_with('/'));
        match self {
            Self::Site => vec![(Dimension::Site, String::new())],
            Self::Pages => one(Dimension::Path, page("page")),
            Self::Entries => one(Dimension::Path, page("entry_page")),
            Self::Exits => one(Dimension::Path, page("exit_page")),
            Self::Sources => {
                let source = value::tidy(row.get("source"))
                    .filter(|source| source != "Direct / None")
                    .map(|source| (Dimension::Referrer, source));
                let campaign = value::tidy(row.get("utm_campaign"));
                let campaign = campaign.map(|campaign| (Dimension::Campaign, campaign));
                source.into_iter().chain(campaign).collect()
            }
            Self::Locations => one(Dimension::Country, names::country(row.get("country"))),
            Self::Devices => one(Dimension::Device, names::device(row.get("device"))),
            Self::Browsers => one(Dimension::Browser, names::browser(row.get("browser"))),
            Self::Systems => one(Dimension::System, names::system(row.get("operating_system"))),
            Self::Events => one(Dimension::Event, value::tidy(row.get("name"))),
        }
    }

    /// What was counted of a row's values.
    fn sums(self, row: &Row<'_>) -> anyhow::Result<Sums> {
        let number = |name| row.number(name);
        Ok(match self {
            // What is said of entries and exits is added to what is said of the page.
            Self::Entries => Sums {
                visits: number("entrances")?,
                bounces: number("bounces")?,
                ..Sums::default()
            },
            Self::Exits => Sums { exits: number("exits")?, ..Sums::default() },
            Self::Events => {
                Sums { views: number("events")?, visitors: number("visitors")?, ..Sums::default() }
            }
            Self::Pages => Sums {
                views: number("pageviews")?,
                visitors: number("visitors")?,
                engaged_seconds: number("time_on_page")? + number("total_time_on_page")?,
                ..Sums::default()
            },
            _ => Sums {
                // Older tables say nothing of views here; a visit has one at least.
                views: number(if row.has("pageviews") { "pageviews" } else { "visits" })?,
                visitors: number("visitors")?,
                visits: number("visits")?,
                bounces: number("bounces")?,
                engaged_seconds: number("visit_duration")?,
                ..Sums::default()
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::tests::{archive, days, imported};

    #[test]
    fn each_table_of_the_archive_becomes_sums_of_days() {
        let files = archive(&[
            (
                "imported_visitors_20260101_20260102.csv",
                "\"date\",\"visitors\",\"pageviews\",\"bounces\",\"visits\",\"visit_duration\"\n\"2026-01-01\",3,7,1,4,120\n",
            ),
            (
                "imported_pages_20260101_20260102.csv",
                "date,hostname,page,visits,visitors,pageviews,total_scroll_depth,total_scroll_depth_visits,total_time_on_page,total_time_on_page_visits\n2026-01-01,own.example,/a/,4,3,7,0,0,60,2\n2026-01-01,own.example,(other),1,1,1,0,0,0,0\n",
            ),
            (
                "imported_entry_pages_20260101_20260102.csv",
                "date,entry_page,visitors,entrances,visit_duration,bounces,pageviews\n2026-01-01,/a/,3,4,120,1,7\n",
            ),
            (
                "imported_exit_pages_20260101_20260102.csv",
                "date,exit_page,visitors,visit_duration,exits,bounces,pageviews\n2026-01-01,/a/,3,120,4,1,7\n",
            ),
            (
                "imported_sources_20260101_20260102.csv",
                "date,source,referrer,utm_source,utm_medium,utm_campaign,utm_content,utm_term,pageviews,visitors,visits,visit_duration,bounces\n2026-01-01,Google,google.com,,,spring,,,5,2,2,60,1\n2026-01-01,,,,,,,,2,1,2,60,0\n",
            ),
            (
                "imported_locations_20260101_20260102.csv",
                "date,country,region,city,visitors,visits,visit_duration,bounces\n2026-01-01,NO,,0,3,4,120,1\n",
            ),
            (
                "imported_operating_systems_20260101_20260102.csv",
                "date,operating_system,visitors,visits,visit_duration,bounces\n2026-01-01,Mac,3,4,120,1\n",
            ),
            (
                "imported_custom_events_20260101_20260102.csv",
                "date,name,link_url,path,visitors,events\n2026-01-01,Signup,,,2,3\n",
            ),
        ]);
        let (format, records, counts) = imported(&files, None).unwrap();
        assert_eq!((format, counts.passed_over), (Format::Plausible, 2));
        let expected = [
            "2026-01-01 Site  7 3 4 0 1 120",
            "2026-01-01 Path /a/ 7 3 0 0 0 60",
            "2026-01-01 Path /a/ 0 0 4 0 1 0",
            "2026-01-01 Path /a/ 0 0 0 4 0 0",
            "2026-01-01 Referrer Google 5 2 2 0 1 60",
            "2026-01-01 Campaign spring 5 2 2 0 1 60",
            "2026-01-01 Country NO 4 3 4 0 1 120",
            "2026-01-01 System macOS 4 3 4 0 1 120",
            "2026-01-01 Event Signup 3 2 0 0 0 0",
        ];
        assert_eq!(days(&records), expected);
    }

    #[test]
    fn a_table_alone_is_read_and_a_wrong_number_told_by_its_line() {
        let table =
            "date,device,visitors,visits,visit_duration,bounces\n2026-01-01,Mobile,1,2,3,4\n";
        let (_, records, _) = imported(table.as_bytes(), None).unwrap();
        assert_eq!(days(&records), ["2026-01-01 Device phone 2 1 2 0 4 3"]);
        let wrong = table.replace(",2,3", ",two,3");
        let error = imported(wrong.as_bytes(), None).unwrap_err();
        assert_eq!(error, "line 2: `visits`: `two` is no number");
        let wrong = table.replace("2026-01-01", "2026-13-01");
        assert_eq!(imported(wrong.as_bytes(), None).unwrap_err(), "line 2: `2026-13-01` is no day");
    }
}
