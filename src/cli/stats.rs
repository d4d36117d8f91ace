//! `tallymark stats`: what the dashboard shows, in the terminal.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::address_file::{AddressFile, Contact};
use super::figures::Figures;
use super::password::Password;
use super::report::Report;
use super::share::Share;
use super::workspace::Workspace;
use super::{DATABASE, Global, Outcome, Usage};
use crate::analytics::{Period, Query, Recorder, Settings, Snapshot, Store};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Overrides};
use crate::permalink::UrlPath;
use crate::publish;
use crate::server::{self, Viewer, Wanted};
use crate::site::Site;

/// Show what was read, and what is being read
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Stats {
    #[command(subcommand)]
    task: Option<Task>,
    /// Count only what was read in this period
    #[arg(long, value_name = "PERIOD", default_value = Period::All.name(), value_parser = period())]
    period: Period,
    /// Count only from this day on: `2026-11-24`
    #[arg(long, value_name = "DAY", requires = "to", conflicts_with = "period")]
    from: Option<String>,
    /// Count only up to this day, itself included
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<String>,
    /// Count only posts that are filed under this tag
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Count only what this author wrote
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Count only readers who came from there
    #[arg(long, value_name = "SOURCE")]
    referrer: Option<String>,
    /// Count only readers of this campaign
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// Count only readers in this country, by its two letters
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// Count only readers with this kind of device
    #[arg(long, value_name = "KIND")]
    device: Option<String>,
    /// Count only readers with this browser
    #[arg(long, value_name = "NAME")]
    browser: Option<String>,
    /// Count only readers with this operating system
    #[arg(long, value_name = "NAME")]
    os: Option<String>,
    /// How many lines each list has at most
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
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

/// What else there is to do about statistics: who may see them.
#[derive(Debug, Subcommand)]
enum Task {
    Password(Password),
    Share(Share),
}

impl Stats {
    pub(super) fn run(mut self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        match self.task.take() {
            Some(Task::Password(password)) => return password.run(global, report),
            Some(Task::Share(share)) => return share.run(global, report),
            None => {}
        }
        let workspace = Workspace::open_anything(global, Overrides::default())?;
        let state_dir = workspace.state_dir(self.state.as_deref())?;
        self.page = self.page.take().map(|page| canonical(page, &workspace)).transpose()?;
        let json = numbers(&workspace, &state_dir, &self.query())?;
        match &self.page {
            Some(page) => self.show_page(&json, page, report),
            None => self.show(&json, &self.figures(&json)?),
        }
    }

    /// What is asked for, as the address of a server has it.
    fn query(&self) -> String {
        let limit = self.limit.map(|limit| limit.to_string());
        let page = self.page.as_ref().map(UrlPath::as_str);
        let period = (self.from.is_none()).then_some(self.period.name());
        let given = [
            ("period", period),
            ("from", self.from.as_deref()),
            ("to", self.to.as_deref()),
            ("page", page),
            ("tag", self.tag.as_deref()),
            ("author", self.author.as_deref()),
            ("referrer", self.referrer.as_deref()),
            ("campaign", self.campaign.as_deref()),
            ("country", self.country.as_deref()),
            ("device", self.device.as_deref()),
            ("browser", self.browser.as_deref()),
            ("os", self.os.as_deref()),
            ("limit", limit.as_deref()),
        ];
        let given = given.into_iter().filter_map(|(name, value)| {
            Some(format!("{name}={}", utf8_percent_encode(value?, NON_ALPHANUMERIC)))
        });
        given.collect::<Vec<_>>().join("&")
    }

    /// Shows the numbers with everything that is about another page left out.
    fn show_page(&self, json: &[u8], page: &UrlPath, report: Report) -> anyhow::Result<Outcome> {
        let json = narrowed(json, page)?;
        let figures = self.figures(&json)?;
        if !figures.has_pages() {
            report.note(format!("no view of `{page}` has been counted{}", figures.when()));
        }
        self.show(&json, &figures)
    }

    /// The numbers, cut to what fits on a screen unless more was asked for.
    fn figures(&self, json: &[u8]) -> anyhow::Result<Figures> {
        let figures = Figures::read(json)?;
        Ok(if self.limit.is_some() { figures.whole() } else { figures })
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
fn numbers(workspace: &Workspace, state_dir: &Path, query: &str) -> anyhow::Result<Bytes> {
    let asked = AddressFile::read(state_dir).map(|contact| ask(&contact, query));
    let failure = match asked {
        Some(Ok(json)) => return Ok(json),
        Some(Err(failure)) => Some(failure),
        None => None,
    };
    // A server that was killed leaves its address behind: only who holds the database can be asked.
    read(workspace, state_dir, query).map_err(|error| match failure {
        Some(failure) if error.downcast_ref::<Usage>().is_none() => {
            error.context(format!("{failure:#}"))
        }
        _ => error,
    })
}

/// What a server says, if it is one: another program may listen there by now.
fn ask(contact: &Contact, query: &str) -> anyhow::Result<Bytes> {
    let json = server::ask(contact.at, &contact.key, query)?;
    Figures::read(&json)?;
    Ok(json)
}

/// The numbers as JSON, from the database and the site as it was last built.
fn read(workspace: &Workspace, state_dir: &Path, query: &str) -> anyhow::Result<Bytes> {
    let wanted = Wanted::parse(query).map_err(Usage)?;
    let site = built(workspace)?;
    let database = state_dir.join(DATABASE);
    let stored = if database.exists() { Some(stored(&database, &workspace.config)?) } else { None };
    let nothing = Arc::default();
    let (snapshot, query) =
        stored.as_ref().map_or((&nothing, None), |(snapshot, query)| (snapshot, Some(query)));
    let now = SystemClock.now();
    let report = server::report(&wanted, Viewer::Owner, (snapshot, &site), query, now)?;
    Ok(serde_json::to_vec(&report)?.into())
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

/// The address of a page that is named by an old one, in other letters, or with what stands before all of the site's.
fn canonical(page: UrlPath, workspace: &Workspace) -> anyhow::Result<UrlPath> {
    let config = &workspace.config;
    let within = config.base.strip(page.as_str()).and_then(|within| UrlPath::parse(within).ok());
    let site = publish::open(&config.output_dir)?;
    let names = [Some(page.clone()), within.clone()].into_iter().flatten();
    let known = names
        .flat_map(|name| [name.as_folder(), name])
        .find_map(|name| site.as_ref()?.page(&name).map(|(path, _)| path.clone()));
    Ok(known.or(within).unwrap_or(page))
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
