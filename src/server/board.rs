//! The numbers at hand: read once for each change, shared by everybody who looks.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::dashboard::{self, Dashboard, Source, View};
use super::numbers::Numbers;
use super::report::{Report, Viewer, report};
use super::state::Counting;
use super::wanted::Wanted;
use crate::analytics::{Query, Snapshot};
use crate::clock::{Clock, Timestamp};
use crate::permalink::UrlPath;
use crate::render::{self, Locale};
use crate::site::Site;

/// The numbers at one instant, and their forms.
#[derive(Debug)]
pub(super) struct Reading {
    /// Counts the readings that differ.
    pub(super) number: u64,
    /// The numbers.
    pub(super) numbers: Numbers,
    /// The same as JSON, on one line.
    pub(super) json: Bytes,
}

/// Gives the numbers as they are, from what readers did and from the site.
pub(super) struct Board {
    sites: watch::Receiver<Arc<Site>>,
    counting: Option<Counting>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    clock: Arc<dyn Clock>,
    /// The last reading of each kind of viewer.
    last: [Mutex<Option<Last>>; Viewer::COUNT],
    /// What was told lately, the newest last.
    told: Mutex<Vec<Told>>,
    /// What was shown lately, the newest last.
    shown: Mutex<Vec<Shown>>,
}

/// How many reports are kept, and how many dashboards.
const KEPT: usize = 16;

/// How many lines a list has that is shown whole.
const WHOLE: usize = 2_000;

/// For how long a report of a time that goes on is as good as new, in milliseconds.
const FRESH: i64 = 60_000;

/// A report, and what it was made from.
struct Told {
    wanted: Wanted,
    viewer: Viewer,
    snapshot: Arc<Snapshot>,
    site: Arc<Site>,
    revision: u64,
    at: Timestamp,
    report: Arc<Report>,
}

/// The inside of a dashboard, and what it was made from.
struct Shown {
    view: View,
    viewer: Viewer,
    report: Arc<Report>,
    reading: u64,
    inside: Arc<str>,
}

/// The last reading, and what it was made from.
struct Last {
    snapshot: Arc<Snapshot>,
    site: Arc<Site>,
    reading: Arc<Reading>,
}

impl Board {
    pub(super) fn new(
        sites: watch::Receiver<Arc<Site>>,
        counting: Option<Counting>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let snapshots = match &counting {
            Some(counting) => counting.recorder.subscribe(),
            None => watch::channel(Arc::default()).1,
        };
        Self {
            sites,
            counting,
            snapshots,
            clock,
            last: Default::default(),
            told: Mutex::default(),
            shown: Mutex::default(),
        }
    }

    /// The channels that say when the numbers may have changed.
    pub(super) fn sources(&self) -> (watch::Receiver<Arc<Site>>, watch::Receiver<Arc<Snapshot>>) {
        (self.sites.clone(), self.snapshots.clone())
    }

    /// What readers did, without titles.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// The numbers now, as far as `viewer` may know them. Joins and serializes them if something changed since; not
    /// for an async thread.
    pub(super) fn read(&self, viewer: Viewer) -> Arc<Reading> {
        let mut last = self.last[viewer as usize].lock().unwrap_or_else(PoisonError::into_inner);
        let (snapshot, site) =
            (Arc::clone(&self.snapshots.borrow()), Arc::clone(&self.sites.borrow()));
        if let Some(last) = &*last
            && Arc::ptr_eq(&last.snapshot, &snapshot)
            && Arc::ptr_eq(&last.site, &site)
        {
            return Arc::clone(&last.reading);
        }
        let before = last.as_ref().map(|last| &last.reading);
        let reading = self.join(&snapshot, &site, viewer, before);
        *last = Some(Last { snapshot, site, reading: Arc::clone(&reading) });
        reading
    }

    /// What is `wanted`, as it is now; not for an async thread.
    pub(super) fn report(&self, wanted: &Wanted, viewer: Viewer) -> anyhow::Result<Arc<Report>> {
        let (snapshot, site) =
            (Arc::clone(&self.snapshots.borrow()), Arc::clone(&self.sites.borrow()));
        let at = self.clock.now();
        let query = self.counting.as_ref().map(|counting| &counting.query);
        let revision = query.map_or(0, Query::revision);
        let is_it = |told: &&Told| {
            told.wanted == *wanted
                && told.viewer == viewer
                && Arc::ptr_eq(&told.snapshot, &snapshot)
                && Arc::ptr_eq(&told.site, &site)
                && told.revision == revision
                && told.at.as_millis() / FRESH == at.as_millis() / FRESH
        };
        let known = || self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = known().iter().find(is_it) {
            return Ok(Arc::clone(&told.report));
        }
        let report = Arc::new(report(wanted, viewer, (&snapshot, &site), query, at)?);
        let told = Told {
            wanted: wanted.clone(),
            viewer,
            snapshot,
            site,
            revision,
            at,
            report: report.clone(),
        };
        let mut known = known();
        known.retain(|told| told.wanted != *wanted || told.viewer != viewer);
        keep(&mut known, told);
        Ok(report)
    }

    /// The inside of the dashboard at `address` in the state `view`, as `viewer` may see it; not for an async thread.
    pub(super) fn dashboard(
        &self,
        view: &View,
        viewer: Viewer,
        address: &str,
    ) -> anyhow::Result<Arc<str>> {
        let mut wanted = view.wanted.clone();
        if view.list.is_some() {
            wanted.limit = Some(wanted.limit.unwrap_or(WHOLE));
        }
        let (reading, report) = (self.read(viewer), self.report(&wanted, viewer)?);
        let known = || self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |shown: &&Shown| {
            shown.view == *view
                && shown.viewer == viewer
                && Arc::ptr_eq(&shown.report, &report)
                && shown.reading == reading.number
        };
        if let Some(shown) = known().iter().find(is_it) {
            return Ok(shown.inside.clone());
        }
        let site = Arc::clone(&self.sites.borrow());
        let source = self.source(&site, viewer);
        let language = &site.identity().language;
        let dashboard = Dashboard::new(&report, view, address, &source);
        let inside: Arc<str> = render::dashboard(language, &reading.numbers, &dashboard)?.into();
        let (view, number) = (view.clone(), reading.number);
        let mut known = known();
        known.retain(|shown| shown.view != view || shown.viewer != viewer);
        keep(&mut known, Shown { view, viewer, report, reading: number, inside: inside.clone() });
        Ok(inside)
    }

    /// What `view` shows, as CSV; not for an async thread.
    pub(super) fn csv(&self, view: &View, viewer: Viewer, address: &str) -> anyhow::Result<String> {
        // A file of lines is asked for to have all of them.
        let wanted =
            Wanted { limit: Some(view.wanted.limit.unwrap_or(usize::MAX)), ..view.wanted.clone() };
        let report = self.report(&wanted, viewer)?;
        let site = Arc::clone(&self.sites.borrow());
        Ok(dashboard::sheet(&report, view, address, &self.source(&site, viewer)))
    }

    fn source<'a>(&'a self, site: &'a Site, viewer: Viewer) -> Source<'a> {
        let query = self.counting.as_ref().map(|counting| &counting.query);
        let locale = Locale::of(&site.identity().language);
        Source { site, query, viewer, now: self.clock.now(), locale }
    }

    fn join(
        &self,
        snapshot: &Snapshot,
        site: &Site,
        viewer: Viewer,
        before: Option<&Arc<Reading>>,
    ) -> Arc<Reading> {
        let union = |paths: &[UrlPath]| self.visitors_of(paths);
        let numbers = Numbers::join(snapshot, site, viewer, &union);
        if let Some(before) = before
            && before.numbers == numbers
        {
            return Arc::clone(before);
        }
        let number = before.map_or(1, |before| before.number + 1);
        Arc::new(Reading { number, json: json(&numbers), numbers })
    }

    fn visitors_of(&self, paths: &[UrlPath]) -> anyhow::Result<u64> {
        self.counting.as_ref().map_or(Ok(0), |counting| counting.query.visitors_of(paths))
    }
}

/// Adds what is the newest, and drops the oldest if there are too many.
fn keep<T>(known: &mut Vec<T>, newest: T) {
    let surplus = (known.len() + 1).saturating_sub(KEPT);
    known.drain(..surplus);
    known.push(newest);
}

fn json(numbers: &Numbers) -> Bytes {
    serde_json::to_vec(numbers).expect("numbers and text are JSON").into()
}
