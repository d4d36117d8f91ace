//! Takes in what other programs have counted, a batch at a time.

use std::sync::Arc;

use super::calendar::Calendar;
use super::id::VisitorId;
use super::import::{Day, Happening, Record, View};
use super::memory::Memory;
use super::place::Place;
use super::policy;
use super::recorder::Settings;
use super::salt::VisitorIds;
use super::store::{Past, Store};
use super::value;
use crate::clock::Timestamp;
use crate::permalink::UrlPath;

/// Takes records in. What was counted here already is not counted twice: only what is older than the first view of all
/// is taken, unless everything is wanted.
pub struct Importer {
    store: Arc<Store>,
    memory: Memory,
    calendar: Calendar,
    /// Whether the settings allow visitors to be told apart.
    knows_visitors: bool,
    /// Only what was before is taken.
    until: Option<Timestamp>,
    /// From this day on views were counted one by one, which sums cannot be added to.
    first_day: Option<u32>,
    waiting: Vec<Past>,
    taken: Taken,
}

/// What was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken {
    /// Views and happenings.
    pub events: u64,
    /// Sums of days.
    pub sums: u64,
    /// Views that came so soon after another of the same visitor on the same page that they do not count.
    pub repeats: u64,
    /// What was counted here already, or may have been.
    pub known: u64,
}

impl Importer {
    /// Takes records into `store`, as the settings have it; with `all`, also what may have been counted here.
    pub fn open(
        store: Arc<Store>,
        settings: Settings,
        now: Timestamp,
        all: bool,
    ) -> anyhow::Result<Self> {
        let calendar = Calendar::new(settings.zone);
        let knows_visitors = settings.visitor_ids != VisitorIds::None;
        store.settle(&calendar)?;
        let memory = store.load(now)?;
        let until = memory.totals.site.since.filter(|_| !all);
        let first_day = store.first_row()?.map(|first| calendar.day(first));
        let (waiting, taken) = (Vec::new(), Taken::default());
        Ok(Self { store, memory, calendar, knows_visitors, until, first_day, waiting, taken })
    }

    /// Takes a record in; `place` says what a path means on the site, if that has it.
    pub fn take(
        &mut self,
        record: Record,
        place: impl Fn(&str) -> Option<(UrlPath, u32)>,
    ) -> anyhow::Result<()> {
        let known_as = |visitor: Option<VisitorId>| visitor.filter(|_| self.knows_visitors);
        let past = match record {
            Record::View(view) if self.is_late(view.at) => None,
            Record::View(view) => {
                let visitor = known_as(view.visitor);
                past_view(View { visitor, ..view }, place)
            }
            Record::Happening(happening) if self.is_late(happening.at) => None,
            Record::Happening(Happening { at, path, visitor, name }) => {
                let known = path.as_deref().and_then(&place);
                let place = known.map_or_else(|| Place::NotFound(String::new()), at_page);
                Some(Past::Happening { at, place, visitor: known_as(visitor), name })
            }
            Record::Day(day) => self.past_day(day, place),
        };
        match past {
            None => self.taken.known += 1,
            Some(past) => {
                self.waiting.push(past);
                if self.waiting.len() >= policy::BATCH {
                    self.write()?;
                }
            }
        }
        Ok(())
    }

    /// Writes what is left, and says what was taken in.
    pub fn finish(mut self) -> anyhow::Result<Taken> {
        self.write()?;
        Ok(self.taken)
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let past = std::mem::take(&mut self.waiting);
        let repeats = self.store.take_in(&mut self.memory, &past, &self.calendar)?;
        let sums = past.iter().filter(|past| matches!(past, Past::Day(_))).count() as u64;
        self.taken.sums += sums;
        self.taken.repeats += repeats;
        self.taken.events += past.len() as u64 - sums - repeats;
        Ok(())
    }

    fn is_late(&self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| at >= until)
    }

    fn past_day(&self, day: Day, place: impl Fn(&str) -> Option<(UrlPath, u32)>) -> Option<Past> {
        let number = u32::try_from(crate::clock::Day::on(day.date).number()).ok()?;
        let known = self.until.map(|until| self.calendar.day(until));
        if known.into_iter().chain(self.first_day).any(|first| number >= first) {
            return None;
        }
        let value = match place(&day.value).filter(|_| day.dimension == super::Dimension::Path) {
            Some((page, _)) => page.to_string(),
            None => day.value,
        };
        Some(Past::Day(Day { value, ..day }))
    }
}

fn at_page((path, words): (UrlPath, u32)) -> Place {
    Place::Page { path, words }
}

/// A view of a page of the site, or of one that there was once; none if it cannot have been one.
fn past_view(view: View, place: impl Fn(&str) -> Option<(UrlPath, u32)>) -> Option<Past> {
    let View { at, path, visitor, is_not_found, traits } = view;
    let known = place(&path).map(at_page);
    let place = match known {
        Some(place) => place,
        None if is_not_found => Place::NotFound(path),
        None => {
            let path = path.split(['?', '#']).next().unwrap_or_default();
            at_page((UrlPath::decode(&value::tidy_path(path)).ok()?, 0))
        }
    };
    Some(Past::View { at, place, visitor, traits: Box::new(traits) })
}
