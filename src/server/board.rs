//! The numbers at hand: read once for each change, shared by everybody who looks.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::numbers::Numbers;
use super::state::Counting;
use crate::analytics::{Period, Snapshot, Span, Tally};
use crate::clock::Clock;
use crate::permalink::UrlPath;
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
    /// The inside of the dashboard, once somebody has looked; none if it could not be rendered.
    pub(super) inside: OnceLock<Option<String>>,
}

/// Gives the numbers as they are, from what readers did and from the site.
pub(super) struct Board {
    sites: watch::Receiver<Arc<Site>>,
    counting: Option<Counting>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<Last>>,
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
        Self { sites, counting, snapshots, clock, last: Mutex::new(None) }
    }

    /// The channels that say when the numbers may have changed.
    pub(super) fn sources(&self) -> (watch::Receiver<Arc<Site>>, watch::Receiver<Arc<Snapshot>>) {
        (self.sites.clone(), self.snapshots.clone())
    }

    /// What readers did, without titles.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// The numbers now. Joins and serializes them if something changed since; not for an async thread.
    pub(super) fn read(&self) -> Arc<Reading> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (snapshot, site) =
            (Arc::clone(&self.snapshots.borrow()), Arc::clone(&self.sites.borrow()));
        if let Some(last) = &*last
            && Arc::ptr_eq(&last.snapshot, &snapshot)
            && Arc::ptr_eq(&last.site, &site)
        {
            return Arc::clone(&last.reading);
        }
        let before = last.as_ref().map(|last| &last.reading);
        let reading = self.join(&snapshot, &site, before);
        *last = Some(Last { snapshot, site, reading: Arc::clone(&reading) });
        reading
    }

    /// The numbers of `period` now, as JSON. Reads all that was counted in it; not for an async thread.
    pub(super) fn read_period(&self, period: Period) -> anyhow::Result<Bytes> {
        let (snapshot, site) =
            (Arc::clone(&self.snapshots.borrow()), Arc::clone(&self.sites.borrow()));
        match period.span(self.clock.now(), &site.identity().zone()) {
            None => Ok(self.read().json.clone()),
            Some(span) => {
                let tally = self.tally(span)?;
                Ok(json(&Numbers::join_span(span, &tally, &snapshot, &site)))
            }
        }
    }

    fn tally(&self, span: Span) -> anyhow::Result<Tally> {
        let counting = self.counting.as_ref();
        counting.map_or(Ok(Tally::default()), |counting| counting.query.tally(span))
    }

    fn join(
        &self,
        snapshot: &Snapshot,
        site: &Site,
        before: Option<&Arc<Reading>>,
    ) -> Arc<Reading> {
        let union = |paths: &[UrlPath]| self.visitors_of(paths);
        let numbers = Numbers::join(snapshot, site, &union);
        if let Some(before) = before
            && before.numbers == numbers
        {
            return Arc::clone(before);
        }
        let number = before.map_or(1, |before| before.number + 1);
        Arc::new(Reading { number, json: json(&numbers), numbers, inside: OnceLock::new() })
    }

    fn visitors_of(&self, paths: &[UrlPath]) -> anyhow::Result<u64> {
        self.counting.as_ref().map_or(Ok(0), |counting| counting.query.visitors_of(paths))
    }
}

fn json(numbers: &Numbers) -> Bytes {
    serde_json::to_vec(numbers).expect("numbers and text are JSON").into()
}
