//! `tallymark stats`: what the dashboard shows, in the terminal.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::address_file::AddressFile;
use super::figures::Figures;
use super::report::Report;
use super::workspace::Workspace;
use super::{DATABASE, Global, Outcome, Usage, absolute};
use crate::analytics::{Period, Query, Recorder, Settings, Snapshot, Store, Tally};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Overrides};
use crate::permalink::UrlPath;
use crate::publish;
use crate::server::{self, Numbers};
use crate::site::Site;

/// Show what was read, and what is being read
#[derive(Debug, Args)]
pub(super) struct Stats {
    /// Count only what was read in this period
    #[arg(long, value_name = "PERIOD", default_value = Period::All.name(), value_parser = period())]
    period: Period,
    /// Print what `/_/stats.json` answers
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print views and visitors of each page as CSV
    #[arg(long)]
    csv: bool,
    /// Where statistics are kept [default: state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Only this page, by its address: `/about/`
    #[arg(value_name = "PATH", value_parser = page)]
    page: Option<UrlPath>,
}

impl Stats {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let workspace = Workspace::open_anything(global, Overrides::default())?;
        let state_dir = match &self.state {
            Some(folder) => absolute(folder)?,
            None => workspace.config.root.join("state"),
        };
        let json = numbers(&workspace, &state_dir, self.period)?;
        match &self.page {
            Some(page) => self.show_page(&json, page, report),
            None => self.show(&json, &Figures::read(&json)?),
        }
    }

    /// Shows the numbers with everything that is about another page left out.
    fn show_page(&self, json: &[u8], page: &UrlPath, report: Report) -> anyhow::Result<Outcome> {
        let json = narrowed(json, page)?;
        let figures = Figures::read(&json)?;
        if !figures.has_pages() {
            report.note(format!("no view of `{page}` has been counted{}", figures.when()));
        }
        self.show(&json, &figures)
    }

    fn show(&self, json: &[u8], figures: &Figures) -> anyhow::Result<Outcome> {
        let mut out = io::stdout().lock();
        if self.json {
            out.write_all(json)?;
            writeln!(out)?;
        } else if self.csv {
            out.write_all(figures.to_csv().as_bytes())?;
        } else {
            let tables = figures.to_tables(width());
            let sentence =
                if self.page.is_none() { figures.sentence() + "\n" } else { String::new() };
            let gap = if tables.is_empty() || sentence.is_empty() { "" } else { "\n" };
            write!(out, "{sentence}{gap}{tables}")?;
        }
        out.flush()?;
        Ok(Outcome::Done)
    }
}

/// How wide the terminal is; none if what is printed goes elsewhere.
fn width() -> Option<usize> {
    let is_terminal = io::stdout().is_terminal();
    let size = is_terminal.then(|| terminal_size::terminal_size_of(io::stdout())).flatten()?;
    Some(size.0.0.into())
}

/// The numbers as JSON, from the server that holds the database, else from the database.
fn numbers(workspace: &Workspace, state_dir: &Path, period: Period) -> anyhow::Result<Bytes> {
    let asked = AddressFile::read(state_dir).map(|at| ask(at, period));
    let failure = match asked {
        Some(Ok(json)) => return Ok(json),
        Some(Err(failure)) => Some(failure),
        None => None,
    };
    // A server that was killed leaves its address behind: only who holds the database can be asked.
    read(workspace, state_dir, period).map_err(|error| match failure {
        Some(failure) if error.downcast_ref::<Usage>().is_none() => {
            error.context(format!("{failure:#}"))
        }
        _ => error,
    })
}

/// What the server `at` this address says, if it is one: another program may listen there by now.
fn ask(at: SocketAddr, period: Period) -> anyhow::Result<Bytes> {
    let json = server::ask(at, period)?;
    Figures::read(&json)?;
    Ok(json)
}

/// The numbers as JSON, from the database and the site as it was last built.
fn read(workspace: &Workspace, state_dir: &Path, period: Period) -> anyhow::Result<Bytes> {
    let site = built(workspace)?;
    let database = state_dir.join(DATABASE);
    let stored = if database.exists() { Some(stored(&database, &workspace.config)?) } else { None };
    let numbers = joined(stored.as_ref(), &site, period)?;
    Ok(serde_json::to_vec(&numbers)?.into())
}

/// The site that titles come from.
fn built(workspace: &Workspace) -> anyhow::Result<Site> {
    let folder = &workspace.config.output_dir;
    match publish::open(folder)? {
        Some(site) => Ok(site),
        None if workspace.has_site() => {
            let shown = folder.display();
            Err(Usage(format!(
                "no built site in `{shown}`, and titles come from it; run `tallymark build` first"
            ))
            .into())
        }
        None => Err(workspace.no_site().into()),
    }
}

/// What readers did, from the database.
fn stored(database: &Path, config: &Config) -> anyhow::Result<(Arc<Snapshot>, Query)> {
    let store = Arc::new(Store::open(database)?);
    let settings = Settings { zone: config.timezone.clone(), ..Settings::default() };
    let recorder = Recorder::start(store.clone(), Arc::new(SystemClock), settings)?;
    let snapshot = Arc::clone(&recorder.subscribe().borrow());
    recorder.close();
    Ok((snapshot, Query::new(store)))
}

/// The numbers of `period` now, from what is stored, if anything is.
fn joined(
    stored: Option<&(Arc<Snapshot>, Query)>,
    site: &Site,
    period: Period,
) -> anyhow::Result<Numbers> {
    let nothing = Arc::default();
    let (snapshot, query) =
        stored.map_or((&nothing, None), |(snapshot, query)| (snapshot, Some(query)));
    let Some(span) = period.span(SystemClock.now(), &site.identity().zone()) else {
        let union = |paths: &[UrlPath]| query.map_or(Ok(0), |query| query.visitors_of(paths));
        return Ok(Numbers::join(snapshot, site, &union));
    };
    let tally = query.map_or(Ok(Tally::default()), |query| query.tally(span))?;
    Ok(Numbers::join_span(span, &tally, snapshot, site))
}

/// The same JSON, its lists cut down to `page`.
fn narrowed(json: &[u8], page: &UrlPath) -> anyhow::Result<Vec<u8>> {
    let mut numbers: serde_json::Value = serde_json::from_slice(json)?;
    for list in ["activeByPath", "pageStats"] {
        if let Some(rows) = numbers.get_mut(list).and_then(serde_json::Value::as_array_mut) {
            rows.retain(|row| {
                let path = row.get("path").and_then(serde_json::Value::as_str).unwrap_or_default();
                UrlPath::parse(path).is_ok_and(|path| path.as_folder() == page.as_folder())
            });
        }
    }
    serde_json::to_vec(&numbers).context("cannot write the numbers")
}

/// Reads the name of a period.
fn period() -> impl TypedValueParser<Value = Period> {
    let names = Period::ALL.map(Period::name);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Period>())
}

/// Reads the address of a page as it is copied from a browser or typed.
fn page(text: &str) -> Result<UrlPath, String> {
    let path = match text.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => text,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    UrlPath::decode(path).map_err(|error| format!("{error}; write it as `/about/`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_named_as_browsers_and_people_do() {
        for (text, path) in [
            ("/about/", "/about/"),
            ("about", "/about"),
            ("/", "/"),
            ("https://example.org/gr%C3%B6%C3%9Fe/?a#b", "/größe/"),
            ("https://example.org", "/"),
        ] {
            assert_eq!(page(text).unwrap().as_str(), path, "{text}");
        }
        assert!(page("/../etc").is_err());
    }

    #[test]
    fn lists_are_cut_down_to_the_page() {
        let json = br#"{"activeByPath":[{"path":"/a/"},{"path":"/b/"}],"pageStats":[{"path":"/b/"}],"x":1}"#;
        let page = UrlPath::parse("/a").unwrap();
        let narrowed = String::from_utf8(narrowed(json, &page).unwrap()).unwrap();
        assert_eq!(narrowed, r#"{"activeByPath":[{"path":"/a/"}],"pageStats":[],"x":1}"#);
    }
}
