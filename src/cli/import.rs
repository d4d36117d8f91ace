//! `tallymark import`: takes in what was counted before, here or by another program.

use std::fs::File;
use std::io::{BufRead, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::tz::TimeZone;

use super::report::{Report, counted_noun};
use super::workspace::{Workspace, open_statistics, settings};
use super::{DATABASE, Global, Outcome};
use crate::analytics::import::{self, Counts, Format, Reading, Record};
use crate::analytics::{Importer, Taken, check_export};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::Overrides;
use crate::permalink::UrlPath;
use crate::publish;
use crate::site::Site;

/// What an export of our own begins with.
const OWN: &[u8] = b"{\"tallymark\":\"statistics\"";

/// Take in what was counted before: an export of our own, of another program, or the log of a web server
#[derive(Debug, Args)]
pub(super) struct Import {
    /// What to take in; may be gzipped
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What has written it, if that is not to be guessed
    #[arg(long, value_name = "PROGRAM", value_parser = format())]
    from: Option<Format>,
    /// Take in also what is not older than the first view that was counted here
    #[arg(long)]
    all: bool,
    /// Where statistics are kept [default: state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Import {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let workspace = Workspace::open_anything(global, Overrides::default())?;
        let state_dir = workspace.state_dir(self.state.as_deref())?;
        let store = open_statistics(
            &state_dir.join(DATABASE),
            "to import, no server may have the statistics open",
        )?;
        let store = Arc::new(store);
        let site = publish::open(&workspace.config.output_dir)?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let zone = workspace.config.timezone.clone();
        let reader = Reader { from: self.from, site, secret, zone, now: SystemClock.now() };
        // Of several files, too, nothing is taken in unless all can be read to their end.
        for path in &self.files {
            reader.check(path).with_context(|| about(path))?;
        }
        let mut importer = None;
        let mut counts = Counts::default();
        for path in &self.files {
            if is_own(path)? {
                let rows = store.take_in_export(&mut open(path)?).with_context(|| about(path))?;
                report.done(format!("imported {}", counted(rows, "event")));
                continue;
            }
            let importer = match &mut importer {
                Some(importer) => importer,
                None => importer.insert(Importer::open(
                    store.clone(),
                    settings(&workspace.config),
                    reader.now,
                    self.all,
                )?),
            };
            let site = reader.site.as_ref();
            let mut take = |record| importer.take(record, |path| page(site, path));
            let (format, read) = reader.read(path, &mut take).with_context(|| about(path))?;
            report.note(format!("`{}` is of {format}", path.display()));
            note_unreadable(path, read, report);
            counts.passed_over += read.passed_over;
        }
        if let Some(importer) = importer {
            tell(importer.finish()?, counts, report);
        }
        Ok(Outcome::Done)
    }
}

/// What files are read with.
struct Reader {
    from: Option<Format>,
    site: Option<Site>,
    /// One for all files, so that a visitor in two of them is one.
    secret: [u8; 32],
    zone: TimeZone,
    now: Timestamp,
}

impl Reader {
    /// Whether a file can be read to its end.
    fn check(&self, path: &Path) -> anyhow::Result<()> {
        if is_own(path)? {
            return check_export(&mut open(path)?);
        }
        self.read(path, &mut |_| Ok(())).map(|_| ())
    }

    /// Hands each record of a file to `each`.
    fn read(
        &self,
        path: &Path,
        each: &mut dyn FnMut(Record) -> anyhow::Result<()>,
    ) -> anyhow::Result<(Format, Counts)> {
        let own_host = self.site.as_ref().map(|site| site.identity().base.host().to_owned());
        let mut reading = Reading {
            is_own: &|host| own_host.as_deref() == Some(host),
            secret: self.secret,
            zone: &self.zone,
            now: self.now,
            each,
            counts: Counts::default(),
        };
        let format = import::read(File::open(path)?, self.from, &mut reading)?;
        Ok((format, reading.counts))
    }
}

/// What could not be done.
fn about(path: &Path) -> String {
    format!("cannot import `{}`", path.display())
}

fn note_unreadable(
    path: &Path,
    Counts { unreadable, first_unreadable, .. }: Counts,
    report: Report,
) {
    if let Some(line) = first_unreadable {
        let (records, path) = (counted(unreadable, "record"), path.display());
        report.note(format!("{records} could not be read, the first at `{path}:{line}`"));
    }
}

/// The page of the site that a path means, with or without its final slash, and how many words it has.
fn page(site: Option<&Site>, path: &str) -> Option<(UrlPath, u32)> {
    let site = site?;
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = UrlPath::decode(path).ok()?;
    let (path, entry) = site.page(&path).or_else(|| site.page(&path.as_folder()))?;
    Some((path.clone(), u32::try_from(entry.words).unwrap_or(u32::MAX)))
}

fn tell(taken: Taken, counts: Counts, report: Report) {
    let Taken { events, sums, repeats, known } = taken;
    for (count, what) in [
        (repeats, "repeated another view of the same visitor within half an hour"),
        (
            known,
            "may have been counted here already; `--all` takes these, too, but for sums of days on which each view was",
        ),
        (counts.passed_over, "said nothing about a reader"),
    ] {
        if count > 0 {
            report.note(format!("{} {what}", counted(count, "record")));
        }
    }
    let sums =
        if sums > 0 { format!(" and {} of days", counted(sums, "sum")) } else { String::new() };
    report.done(format!("imported {}{sums}", counted(events, "event")));
}

fn counted(count: u64, noun: &str) -> String {
    counted_noun(usize::try_from(count).unwrap_or(usize::MAX), noun)
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    Ok(import::unpacked(File::open(path)?)?)
}

/// Whether a file is an export of our own.
fn is_own(path: &Path) -> anyhow::Result<bool> {
    let mut head = Vec::new();
    // What cannot be unpacked is none; whoever reads it next tells why.
    let read = open(path)?.take(OWN.len() as u64).read_to_end(&mut head);
    Ok(read.is_ok() && head == OWN)
}

/// Reads the name of a format.
fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}
