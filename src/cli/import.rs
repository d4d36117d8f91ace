//! `tallymark import`: takes in what was counted before, here or by another program.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::report::{Report, counted_noun};
use super::workspace::Workspace;
use super::{DATABASE, Global, Outcome};
use crate::analytics::import::{self, Counts, Format, Reading};
use crate::analytics::{Importer, Store, Taken};
use crate::clock::{Clock, SystemClock};
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
        let store = Store::open(&state_dir.join(DATABASE))
            .context("to import, no server may have the statistics open")?;
        let store = Arc::new(store);
        let site = publish::open(&workspace.config.output_dir)?;
        let mut importer = None;
        let mut counts = Counts::default();
        for path in &self.files {
            let named = || format!("cannot import `{}`", path.display());
            let mut file = File::open(path).with_context(named)?;
            if is_own(&mut file)? {
                let rows = store.take_in_export(&mut BufReader::new(file)).with_context(named)?;
                report.done(format!("imported {}", counted(rows, "event")));
                continue;
            }
            let importer = match &mut importer {
                Some(importer) => importer,
                None => importer.insert(Importer::open(
                    store.clone(),
                    workspace.config.timezone.clone(),
                    SystemClock.now(),
                    self.all,
                )?),
            };
            let (format, read) = self.read(file, importer, site.as_ref()).with_context(named)?;
            report.note(format!("`{}` is of {format}", path.display()));
            counts.passed_over += read.passed_over;
            counts.unreadable += read.unreadable;
        }
        if let Some(importer) = importer {
            tell(importer.finish()?, counts, report);
        }
        Ok(Outcome::Done)
    }

    fn read(
        &self,
        file: File,
        importer: &mut Importer,
        site: Option<&Site>,
    ) -> anyhow::Result<(Format, Counts)> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let own_host = site.map(|site| site.identity().base.host().to_owned());
        let mut reading = Reading {
            is_own: &|host| own_host.as_deref() == Some(host),
            secret,
            each: &mut |record| importer.take(record, |path| page(site, path)),
            counts: Counts::default(),
        };
        let format = import::read(file, self.from, &mut reading)?;
        Ok((format, reading.counts))
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
            "may have been counted here already; `--all` takes these, too, but for sums of days",
        ),
        (counts.passed_over, "said nothing about a reader"),
        (counts.unreadable, "could not be read"),
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

/// Whether a file is an export of our own.
fn is_own(file: &mut File) -> anyhow::Result<bool> {
    let mut head = Vec::new();
    file.take(OWN.len() as u64).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(head == OWN)
}

/// Reads the name of a format.
fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}
