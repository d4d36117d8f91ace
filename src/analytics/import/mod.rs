//! What other programs have counted: their exports and the logs of servers, read record by record.
//!
//! A [`Record`] is a view, a happening or, where a program gives away sums alone, a day. Records are given as they
//! stand in the file; which of them count is for the store to say.

mod access_log;
mod goatcounter;
mod names;
mod plausible;
mod record;
mod table;
mod umami;

pub use self::record::{Day, Happening, Record, Sums, Traits, View};

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use flate2::read::MultiGzDecoder;
use jiff::tz::TimeZone;
use zip::ZipArchive;

use super::spam;
use crate::clock::Timestamp;

/// How much of a file is looked at to tell what it is.
const GLANCE: u64 = 4096;

/// What an archive begins with.
const ZIP: &[u8] = b"PK\x03\x04";

/// What a gzipped file begins with.
const GZIP: &[u8] = b"\x1f\x8b";

/// Before this nobody can have read a site: the Web was made public on 6 August 1991.
const FIRST: Timestamp = Timestamp::from_millis(681_436_800_000);

/// How far another clock may be ahead of ours, its time zone mistaken included.
const AHEAD: Duration = Duration::from_hours(24);

/// What a file was written by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `GoatCounter`: its table of page views, or its archive of sums.
    GoatCounter,
    /// Plausible: its archive of tables, or one of these.
    Plausible,
    /// Umami: the table of events, as CSV or as lines of JSON.
    Umami,
    /// A web server, in the Common or the Combined format.
    Log,
}

/// A name that no format has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a format is one of `goatcounter`, `plausible`, `umami`, `log`")]
pub struct UnknownFormat;

/// What must be known to read a file.
pub struct Reading<'a> {
    /// Whether a host is one of the site itself.
    pub is_own: &'a dyn Fn(&str) -> bool,
    /// Makes ids of visitors out of what a log says of them, which cannot be found again without it.
    pub secret: [u8; 32],
    /// Where days begin, at the end of which a visitor of a log is forgotten.
    pub zone: &'a TimeZone,
    /// When the file is read: nothing in it can have been later.
    pub now: Timestamp,
    /// Takes each record.
    pub each: &'a mut dyn FnMut(Record) -> anyhow::Result<()>,
    /// What came of it so far.
    pub counts: Counts,
}

/// What came of reading a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records that were given.
    pub records: u64,
    /// Lines that say nothing about a reader: of bots, of pictures, of what went wrong.
    pub passed_over: u64,
    /// Lines that could not be read.
    pub unreadable: u64,
    /// The first of these, counted from one.
    pub first_unreadable: Option<u64>,
}

impl Reading<'_> {
    fn give(&mut self, record: Record) -> anyhow::Result<()> {
        let at = record.at();
        ensure!(
            self.can_be(at),
            "nobody can have read anything at `{}`",
            at.to_rfc3339_in(self.zone)
        );
        if record.referrer().is_some_and(spam::is_spammer) {
            self.pass_over();
            return Ok(());
        }
        self.counts.records += 1;
        (self.each)(record)
    }

    /// Whether somebody can have read a site then.
    fn can_be(&self, at: Timestamp) -> bool {
        (FIRST..=self.now + AHEAD).contains(&at)
    }

    fn pass_over(&mut self) {
        self.counts.passed_over += 1;
    }
}

/// Reads `file`, which is of `format`, or else of the one that it looks like, and gives that.
pub fn read(
    mut file: File,
    format: Option<Format>,
    reading: &mut Reading<'_>,
) -> anyhow::Result<Format> {
    let mut glance = Vec::new();
    (&mut file).take(GLANCE).read_to_end(&mut glance)?;
    file.rewind()?;
    if glance.starts_with(ZIP) {
        return read_archive(file, format, reading);
    }
    let mut input = unpacked(file)?;
    let head = String::from_utf8_lossy(input.fill_buf()?).into_owned();
    let format = format.or_else(|| Format::of(&head)).context(
        "this is nothing that can be imported, as far as its beginning tells; \
         name what has written it with `--from`",
    )?;
    match format {
        Format::GoatCounter => goatcounter::read_views(input, reading)?,
        Format::Plausible => plausible::read_table(input, reading)?,
        Format::Umami => umami::read(input, &head, reading)?,
        Format::Log => access_log::read(input, reading)?,
    }
    Ok(format)
}

/// What is in a file, which may be gzipped.
pub fn unpacked(mut file: File) -> io::Result<Box<dyn BufRead>> {
    let mut glance = Vec::new();
    (&mut file).take(GZIP.len() as u64).read_to_end(&mut glance)?;
    file.rewind()?;
    Ok(if glance == GZIP {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        Box::new(BufReader::new(file))
    })
}

/// Reads an archive of several files.
fn read_archive(
    file: File,
    format: Option<Format>,
    reading: &mut Reading<'_>,
) -> anyhow::Result<Format> {
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    let names = files(&archive);
    let has = |end: &str| names.iter().any(|name| base(name).starts_with(end));
    let format = format.or_else(|| {
        let goatcounter = has("hit_stats.jsonl").then_some(Format::GoatCounter);
        goatcounter.or_else(|| has("imported_").then_some(Format::Plausible))
    });
    match format {
        Some(Format::GoatCounter) => goatcounter::read_archive(&mut archive, reading)?,
        Some(Format::Plausible) => {
            for name in names.iter().filter(|name| base(name).starts_with("imported_")) {
                let table = BufReader::new(archive.by_name(name)?);
                plausible::read_table(table, reading).with_context(|| format!("`{name}`"))?;
            }
        }
        Some(format) => bail!("an export of {format} is one file, not an archive; unpack it first"),
        None => bail!(
            "there is neither an export of GoatCounter nor one of Plausible in this archive; if there is another, unpack it first"
        ),
    }
    Ok(format.unwrap_or(Format::Plausible))
}

/// What is in an archive.
fn files<R: Read + Seek>(archive: &ZipArchive<R>) -> Vec<String> {
    archive.file_names().filter_map(Result::ok).map(std::borrow::Cow::into_owned).collect()
}

/// The last part of a name in an archive.
fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::GoatCounter, Self::Plausible, Self::Umami, Self::Log];

    /// What it is called on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GoatCounter => "goatcounter",
            Self::Plausible => "plausible",
            Self::Umami => "umami",
            Self::Log => "log",
        }
    }

    /// The format of a file with this beginning.
    fn of(head: &str) -> Option<Self> {
        let line = head.trim_start_matches('\u{feff}').lines().next()?;
        let columns: Vec<&str> = line.split(',').map(|name| name.trim_matches('"')).collect();
        let has = |name: &str| columns.contains(&name);
        if columns.first().is_some_and(|first| goatcounter::is_first_column(first)) {
            Some(Self::GoatCounter)
        } else if has("date") && has("visitors") {
            Some(Self::Plausible)
        } else if (has("url_path") && has("created_at")) || umami::is_json(line) {
            Some(Self::Umami)
        } else {
            access_log::is_line(line).then_some(Self::Log)
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GoatCounter => "GoatCounter",
            Self::Plausible => "Plausible",
            Self::Umami => "Umami",
            Self::Log => "a web server's log",
        })
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(UnknownFormat)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write as _;

    /// What was read, or the error in words.
    pub(super) type Outcome = Result<(Format, Vec<Record>, Counts), String>;

    /// Reads `bytes` as a file of a site whose host is `own.example`.
    pub(super) fn imported(bytes: &[u8], format: Option<Format>) -> Outcome {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        let mut records = Vec::new();
        let mut reading = Reading {
            is_own: &|host| host == "own.example",
            secret: [7; 32],
            zone: &TimeZone::UTC,
            now: Timestamp::from("2026-12-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap()),
            each: &mut |record| {
                records.push(record);
                Ok(())
            },
            counts: Counts::default(),
        };
        let format = read(file, format, &mut reading).map_err(|error| format!("{error:#}"))?;
        let counts = reading.counts;
        Ok((format, records, counts))
    }

    /// An archive of files.
    pub(super) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, text) in files {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    /// The sums of days, by day, dimension and value; several of one are added up.
    pub(super) fn days(records: &[Record]) -> Vec<String> {
        let day = |record: &Record| match record {
            Record::Day(Day { date, dimension, value, sums }) => {
                let Sums { views, visitors, visits, exits, bounces, engaged_seconds } = sums;
                format!(
                    "{date} {dimension:?} {value} {views} {visitors} {visits} {exits} {bounces} {engaged_seconds}"
                )
            }
            other => panic!("{other:?}"),
        };
        records.iter().map(day).collect()
    }

    #[test]
    fn what_is_no_export_is_told_to_be_none() {
        for bytes in [&b""[..], b"hello", b"a,b\n1,2\n", b"\x89PNG\r\n"] {
            let error = imported(bytes, None).unwrap_err();
            assert!(error.starts_with("this is nothing that can be imported"), "{error}");
        }
        let error = imported(&archive(&[("a.txt", "x")]), None).unwrap_err();
        assert!(error.starts_with("there is neither an export of GoatCounter"), "{error}");
        let error = imported(&archive(&[("a.txt", "x")]), Some(Format::Log)).unwrap_err();
        assert!(error.starts_with("an export of a web server's log is one file"), "{error}");
        assert!(imported(b"PK\x03\x04 and then nothing", None).is_err());
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert!(imported(b"\x1f\x8b broken", Some(format)).is_err());
        }
        assert_eq!("matomo".parse::<Format>(), Err(UnknownFormat));
    }

    #[test]
    fn a_packed_file_is_unpacked() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(access_log::tests::LINE.as_bytes()).unwrap();
        let (format, records, _) = imported(&packer.finish().unwrap(), None).unwrap();
        assert_eq!((format, records.len()), (Format::Log, 1));
    }
}
