//! The numbers at hand: read once for each change, shared by everybody who looks.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::dashboard::Dashboard;
use super::numbers::Numbers;
use super::report::{Report, Viewer, report};
use super::state::Counting;
use super::wanted::Wanted;
use crate::analytics::Snapshot;
use crate::clock::{Clock, Timestamp};
use crate::permalink::UrlPath;
use crate::render;
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
}

/// How many reports are kept.
const TOLD: usize = 16;

/// For how long a report of a time that goes on is as good as new, in milliseconds.
const FRESH: i64 = 60_000;

/// A report, and what it was made from.
struct Told {
    wanted: Wanted,
    viewer: Viewer,
    snapshot: Arc<Snapshot>,
    site: Arc<Site>,
    at: Timestamp,
    report: Arc<Report>,
    /// The inside of the dashboard that shows it, once somebody has looked, and the number of the reading above it.
    inside: Option<(u64, Arc<str>)>,
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
        Self { sites, counting, snapshots, clock, last: Default::default(), told: Mutex::default() }
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
        let is_it = |told: &&Told| {
            told.wanted == *wanted
                && told.viewer == viewer
                && Arc::ptr_eq(&told.snapshot, &snapshot)
                && Arc::ptr_eq(&told.site, &site)
                && told.at.as_millis() / FRESH == at.as_millis() / FRESH
        };
        let known = || self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = known().iter().find(is_it) {
            return Ok(Arc::clone(&told.report));
        }
        let query = self.counting.as_ref().map(|counting| &counting.query);
        let report = Arc::new(report(wanted, viewer, (&snapshot, &site), query, at)?);
        let told = Told {
            wanted: wanted.clone(),
            viewer,
            snapshot,
            site,
            at,
            report: report.clone(),
            inside: None,
        };
        let mut known = known();
        known.retain(|told| told.wanted != *wanted || told.viewer != viewer);
        let surplus = (known.len() + 1).saturating_sub(TOLD);
        known.drain(..surplus);
        known.push(told);
        Ok(report)
    }

    /// The inside of the dashboard at `address` that shows `viewer` what is `wanted`; not for an async thread.
    pub(super) fn dashboard(
        &self,
        wanted: &Wanted,
        viewer: Viewer,
        address: &str,
    ) -> anyhow::Result<Arc<str>> {
        let (reading, report) = (self.read(viewer), self.report(wanted, viewer)?);
        let known = || self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |told: &&mut Told| Arc::ptr_eq(&told.report, &report);
        if let Some(Told { inside: Some((number, inside)), .. }) = known().iter_mut().find(is_it)
            && *number == reading.number
        {
            return Ok(inside.clone());
        }
        let view = Dashboard::new(&report, wanted, address);
        let inside: Arc<str> = render::dashboard(&reading.numbers, &view)?.into();
        if let Some(told) = known().iter_mut().find(is_it) {
            told.inside = Some((reading.number, inside.clone()));
        }
        Ok(inside)
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

fn json(numbers: &Numbers) -> Bytes {
    serde_json::to_vec(numbers).expect("numbers and text are JSON").into()
}
