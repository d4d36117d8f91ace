//! Questions to the database, answered beside the recorder in short transactions.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};

use super::answer::{Amounts, Answer};
use super::asking::Asking;
use super::question::{Question, Time, Window};
use super::rollup::Dimension;
use super::served::ServedAnswer;
use super::store::Store;
use crate::clock::{Day, Timestamp};
use crate::permalink::UrlPath;

/// Answers questions about what is stored. Each waits for the disk; not for a thread that must not.
#[derive(Clone)]
pub struct Query {
    store: Arc<Store>,
    unions: Arc<Mutex<Unions>>,
}

/// The visitors of several pages, and what was counted for these when they were counted together.
type Unions = HashMap<Vec<u32>, (Vec<(u64, u64)>, u64)>;

impl Query {
    /// Questions to `store`.
    pub fn new(store: Arc<Store>) -> Self {
        Self { store, unions: Arc::default() }
    }

    /// What changes whenever something was stored: answers to the same question that were given at one are the same.
    pub fn revision(&self) -> u64 {
        self.store.revision()
    }

    /// How many distinct visitors saw at least one of `paths`: the visitors of a page that has had several.
    pub fn visitors_of(&self, paths: &[UrlPath]) -> anyhow::Result<u64> {
        let pages = self.store.numbers(Dimension::Path, paths.iter().map(UrlPath::as_str))?;
        let totals = self.store.page_totals(&pages)?;
        let mut unions = self.unions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, visitors)) = unions.get(&pages)
            && *of == totals
        {
            return Ok(*visitors);
        }
        let visitors = self.store.visitors_of(&pages)?;
        unions.insert(pages, (totals, visitors));
        Ok(visitors)
    }

    /// Answers `question` at `now`. Without filters from roll-ups, in a time that does not grow with what was
    /// counted; else, and for less than a day, by looking at each row of that time.
    pub fn answer(&self, question: &Question, now: Timestamp) -> anyhow::Result<Answer> {
        Asking::begin(&self.store, question, now)?.answer()
    }

    /// How much was counted on a page, by all its addresses, in each of some spans of days, without visitors. Takes a
    /// time that grows with the spans alone.
    pub fn course_of(
        &self,
        addresses: &[UrlPath],
        spans: &[Range<Day>],
    ) -> anyhow::Result<Vec<Amounts>> {
        let pages = self.store.numbers(Dimension::Path, addresses.iter().map(UrlPath::as_str))?;
        let number = |day: Day| u32::try_from(day.number()).unwrap_or(0);
        let spans: Vec<_> = spans.iter().map(|days| number(days.start)..number(days.end)).collect();
        self.store.page_sums(&pages, &spans)
    }

    /// What the server itself has answered in the days of `time`, whoever counts readers in their browsers: by
    /// who asked, by day, and by page. Less than a day counts as today and yesterday.
    pub fn served(&self, time: Time, now: Timestamp, limit: usize) -> anyhow::Result<ServedAnswer> {
        let calendar = self.store.calendar()?;
        let window = Window::at(time, now, &calendar, &self.store.history()?);
        let days = match window {
            Window::Days { start, end } => start..end,
            Window::Instants { from, to } => calendar.day(from)..calendar.day(to) + 1,
        };
        self.store.served(&calendar, &days, limit)
    }

    /// How much room each table takes in the file, in bytes, the largest first. Reads all of its pages.
    pub fn sizes(&self) -> anyhow::Result<Vec<(&'static str, u64)>> {
        self.store.sizes()
    }

    /// Writes a copy to `path`, in the place of what is there, once it is known to be whole and to add up. Events are
    /// counted meanwhile.
    pub fn back_up(&self, path: &Path) -> anyhow::Result<()> {
        let partial = path.with_added_extension("partial");
        if partial.exists() {
            std::fs::remove_file(&partial)?;
        }
        self.store.copy_to(&partial)?;
        let verified = Store::open_checked(&partial).and_then(|copy| copy.agrees());
        Store::forget(&partial);
        if !matches!(verified, Ok(true)) {
            let _ = std::fs::remove_file(&partial);
            verified?;
            bail!(
                "the statistics are damaged: what was counted does not add up; nothing was backed up"
            );
        }
        std::fs::rename(&partial, path)
            .with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Checks that the file is what was written. Every transaction waits meanwhile; a damaged file is closed.
    pub fn check(&self) -> anyhow::Result<()> {
        self.store.check()
    }

    /// Whether roll-ups and totals are what the rows add up to, as far as these are kept. Reads all of them.
    pub fn verify(&self) -> anyhow::Result<bool> {
        self.store.agrees()
    }

    /// Computes roll-ups and totals from the rows anew, and says how many were different: none, unless
    /// something went wrong. Whoever records at the same time must read its totals anew afterwards.
    pub fn rebuild(&self) -> anyhow::Result<u64> {
        self.store.rebuild(&self.store.calendar()?)
    }
}
