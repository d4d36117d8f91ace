//! The archive of sums: files of lines of JSON that refer to one another by number.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read, Seek};

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zip::ZipArchive;

use super::super::super::agent;
use super::super::super::rollup::Dimension;
use super::super::{Day, Reading, Record, Sums, Traits, base, files, names};
use super::refer;

/// Names by their numbers; none where we have none for them.
type Names = HashMap<i64, Option<String>>;

/// A path, or the name of an event.
#[derive(Deserialize)]
struct Address {
    id: i64,
    path: String,
    #[serde(default)]
    event: bool,
}

/// Where visitors came from.
#[derive(Deserialize)]
struct Origin {
    id: i64,
    #[serde(rename = "ref")]
    text: String,
    #[serde(rename = "ref_scheme")]
    scheme: String,
}

/// A browser or a system.
#[derive(Deserialize)]
struct Named {
    id: i64,
    name: String,
}

/// What was counted in an hour.
#[derive(Deserialize)]
struct Hits {
    hour: String,
    path_id: i64,
    ref_id: i64,
    count: u64,
}

/// What was counted on a day, for one of the other dimensions.
#[derive(Deserialize)]
struct DayHits {
    day: String,
    path_id: i64,
    browser_id: Option<i64>,
    system_id: Option<i64>,
    location: Option<String>,
    width: Option<u32>,
    count: u64,
}

/// What the numbers in the archive stand for.
struct Dictionary {
    addresses: HashMap<i64, Address>,
    origins: HashMap<i64, Traits>,
    browsers: Names,
    systems: Names,
}

/// Reads the archive.
pub(in super::super) fn read<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    reading: &mut Reading<'_>,
) -> anyhow::Result<()> {
    let dictionary = Dictionary::read(archive, reading)?;
    lines(archive, "hit_stats.jsonl", |hits| dictionary.take(&hits, reading))?;
    for (file, dimension) in [
        ("browser_stats.jsonl", Dimension::Browser),
        ("system_stats.jsonl", Dimension::System),
        ("location_stats.jsonl", Dimension::Country),
        ("size_stats.jsonl", Dimension::Device),
    ] {
        lines(archive, file, |hits: DayHits| {
            match dictionary.value(dimension, &hits).filter(|_| !dictionary.is_event(hits.path_id))
            {
                Some(value) => give(reading, &hits.day, (dimension, &value), hits.count),
                None => Ok(()),
            }
        })?;
    }
    Ok(())
}

impl Dictionary {
    fn read<R: Read + Seek>(
        archive: &mut ZipArchive<R>,
        reading: &Reading<'_>,
    ) -> anyhow::Result<Self> {
        let mut addresses = HashMap::new();
        lines(archive, "paths.jsonl", |address: Address| {
            addresses.insert(address.id, address);
            Ok(())
        })?;
        let mut origins = HashMap::new();
        lines(archive, "refs.jsonl", |origin: Origin| {
            let mut traits = Traits::default();
            refer(&origin.text, &origin.scheme, reading, &mut traits);
            origins.insert(origin.id, traits);
            Ok(())
        })?;
        let browsers = named(archive, "browsers.jsonl", names::browser)?;
        let systems = named(archive, "systems.jsonl", names::system)?;
        Ok(Self { addresses, origins, browsers, systems })
    }

    fn is_event(&self, path: i64) -> bool {
        self.addresses.get(&path).is_none_or(|address| address.event)
    }

    /// Gives what was counted in an hour.
    fn take(&self, hits: &Hits, reading: &mut Reading<'_>) -> anyhow::Result<()> {
        let date = hits.hour.get(..10).unwrap_or_default();
        let Some(address) = self.addresses.get(&hits.path_id) else {
            reading.pass_over();
            return Ok(());
        };
        let path = address.path.as_str();
        if address.event {
            return give(reading, date, (Dimension::Event, path), hits.count);
        }
        let origin = self.origins.get(&hits.ref_id);
        let referrer = origin.and_then(|origin| origin.referrer.as_deref());
        let campaign = origin.and_then(|origin| origin.campaign.as_deref());
        let cells = [
            Some((Dimension::Site, "")),
            Some((Dimension::Path, path)),
            referrer.map(|referrer| (Dimension::Referrer, referrer)),
            campaign.map(|campaign| (Dimension::Campaign, campaign)),
        ];
        cells.into_iter().flatten().try_for_each(|cell| give(reading, date, cell, hits.count))
    }

    /// The value of a dimension that hits of a day are about.
    fn value(&self, dimension: Dimension, hits: &DayHits) -> Option<String> {
        match dimension {
            Dimension::Browser => self.browsers.get(&hits.browser_id?)?.clone(),
            Dimension::System => self.systems.get(&hits.system_id?)?.clone(),
            Dimension::Country => names::country(hits.location.as_deref()?),
            Dimension::Device => agent::device(hits.width? / 100).map(str::to_owned),
            _ => None,
        }
    }
}

fn named<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    file: &str,
    ours: fn(&str) -> Option<String>,
) -> anyhow::Result<Names> {
    let mut names = Names::new();
    lines(archive, file, |entry: Named| {
        names.insert(entry.id, ours(&entry.name));
        Ok(())
    })?;
    Ok(names)
}

/// It counts a visitor on a page once in a visit, so that each view is one of another visitor.
fn give(
    reading: &mut Reading<'_>,
    date: &str,
    (dimension, value): (Dimension, &str),
    count: u64,
) -> anyhow::Result<()> {
    let date = date.parse().map_err(|_| anyhow!("`{date}` is no day"))?;
    let sums = Sums { views: count, visitors: count, ..Sums::default() };
    reading.give(Record::Day(Day { date, dimension, value: value.to_owned(), sums }))
}

/// Reads a file of lines of JSON; one that is not there has none.
fn lines<R: Read + Seek, T: DeserializeOwned>(
    archive: &mut ZipArchive<R>,
    name: &str,
    mut each: impl FnMut(T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let found = files(archive).into_iter().find(|file| base(file) == name);
    let Some(found) = found else { return Ok(()) };
    let file = BufReader::new(archive.by_name(&found)?);
    for (number, line) in file.lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let read = serde_json::from_str(&line).map_err(anyhow::Error::from).and_then(&mut each);
        read.with_context(|| format!("`{found}`: line {}", number + 1))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::Format;
    use super::super::super::tests::{archive, days, imported};

    #[test]
    fn the_archive_of_sums_is_read_by_day() {
        let files = archive(&[
            (
                "export/paths.jsonl",
                "{\"id\": 1, \"path\": \"/a\", \"title\": \"A\"}\n{\"id\": 2, \"event\": true, \"path\": \"buy\", \"title\": \"\"}\n",
            ),
            (
                "export/refs.jsonl",
                "{\"id\": 1, \"ref\": \"\", \"ref_scheme\": \"o\"}\n{\"id\": 7, \"ref\": \"news.example/x\", \"ref_scheme\": \"h\"}\n",
            ),
            (
                "export/hit_stats.jsonl",
                "{\"hour\": \"2026-03-05T19:00:00Z\", \"path_id\": 1, \"ref_id\": 7, \"count\": 4}\n{\"hour\": \"2026-03-05T20:00:00Z\", \"path_id\": 2, \"ref_id\": 1, \"count\": 2}\n",
            ),
            (
                "export/browsers.jsonl",
                "{\"id\": 29, \"name\": \"\", \"version\": \"\"}\n{\"id\": 37, \"name\": \"Firefox\", \"version\": \"83\"}\n",
            ),
            (
                "export/browser_stats.jsonl",
                "{\"day\": \"2026-03-05\", \"path_id\": 1, \"browser_id\": 37, \"count\": 3}\n{\"day\": \"2026-03-05\", \"path_id\": 1, \"browser_id\": 29, \"count\": 1}\n{\"day\": \"2026-03-05\", \"path_id\": 2, \"browser_id\": 37, \"count\": 1}\n",
            ),
            (
                "export/location_stats.jsonl",
                "{\"day\": \"2026-03-05\", \"path_id\": 1, \"location\": \"RO-B\", \"count\": 4}\n",
            ),
            (
                "export/size_stats.jsonl",
                "{\"day\": \"2026-03-05\", \"path_id\": 1, \"width\": 412, \"count\": 4}\n",
            ),
        ]);
        let (format, records, _) = imported(&files, None).unwrap();
        assert_eq!(format, Format::GoatCounter);
        let expected = [
            "2026-03-05 Site  4 4 0 0 0 0",
            "2026-03-05 Path /a 4 4 0 0 0 0",
            "2026-03-05 Referrer news.example/x 4 4 0 0 0 0",
            "2026-03-05 Event buy 2 2 0 0 0 0",
            "2026-03-05 Browser Firefox 3 3 0 0 0 0",
            "2026-03-05 Country RO 4 4 0 0 0 0",
            "2026-03-05 Device phone 4 4 0 0 0 0",
        ];
        assert_eq!(days(&records), expected);
        let damaged = archive(&[("hit_stats.jsonl", "{\"hour\": 1}\n")]);
        let error = imported(&damaged, None).unwrap_err();
        assert!(error.starts_with("`hit_stats.jsonl`: line 1: "), "{error}");
    }
}
