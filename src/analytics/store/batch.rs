//! A batch of events and everything that follows from them, in one transaction.

use jiff::tz::TimeZone;

use super::Store;
use super::tables::{Repeat, Tables, ViewMark};
use crate::analytics::event::{Action, Event, Traits};
use crate::analytics::memory::Memory;
use crate::analytics::place::Place;
use crate::analytics::rejection::Rejection;
use crate::analytics::rollup::{Dimension, Rollups, hour_of};
use crate::analytics::row::{Row, RowKey};
use crate::analytics::salt::{Salt, VisitorIds};
use crate::analytics::sessions::{Changes, Counting, Engagement, Known, Viewing, is_active};
use crate::analytics::values::Values;
use crate::analytics::zone::Country;
use crate::analytics::{policy, value};
use crate::clock::Timestamp;

/// How visitors are told apart, and where their days begin.
#[derive(Debug, Clone)]
pub(in crate::analytics) struct Identity {
    pub(in crate::analytics) ids: VisitorIds,
    pub(in crate::analytics) zone: TimeZone,
}

impl Store {
    /// Stores `events` and what follows from them. If this fails, nothing is stored, and `memory` must be
    /// loaded anew.
    pub(in crate::analytics) fn commit(
        &self,
        memory: &mut Memory,
        events: &mut [Event],
        identity: &Identity,
        rejected: &[(Rejection, u64)],
    ) -> anyhow::Result<()> {
        self.write(|tables| {
            let mut batch = Batch { tables, memory, rollups: Rollups::default() };
            for event in events {
                batch.identify(event, identity)?;
                batch.record(event)?;
            }
            batch.finish(rejected)
        })
    }

    /// Deletes the presence of those who are not active at `now`, and notes what was rejected.
    pub(in crate::analytics) fn sweep(
        &self,
        now: Timestamp,
        rejected: &[(Rejection, u64)],
    ) -> anyhow::Result<()> {
        self.write(|tables| {
            for (rejection, count) in rejected {
                tables.set_rejected(*rejection, *count)?;
            }
            tables.retain_presence(|seen| is_active(seen, now))
        })
    }
}

/// A transaction under way.
struct Batch<'b, 't> {
    tables: &'b mut Tables<'t>,
    memory: &'b mut Memory,
    rollups: Rollups,
}

/// What an event is about, in numbers of the database; none where it has none yet.
struct Subject {
    page: Option<u32>,
    visitor: Option<u32>,
    /// Whether a page view was ever counted for the visitor.
    is_known_visitor: bool,
}

impl Batch<'_, '_> {
    /// Replaces the visitor's id by what the settings allow to be stored.
    fn identify(&mut self, event: &mut Event, identity: &Identity) -> anyhow::Result<()> {
        match (identity.ids, event.visitor) {
            (VisitorIds::None, _) => event.visitor = None,
            (VisitorIds::Daily, Some(visitor)) => {
                event.visitor = Some(self.salt(event.at, &identity.zone)?.hash(visitor));
            }
            (VisitorIds::Daily, None) | (VisitorIds::Persistent, _) => {}
        }
        Ok(())
    }

    fn salt(&mut self, now: Timestamp, zone: &TimeZone) -> anyhow::Result<Salt> {
        if let Some(salt) = self.memory.salt.filter(|salt| salt.serves(now, zone)) {
            return Ok(salt);
        }
        let salt = Salt::random(now, zone)?;
        self.tables.set_salt(salt)?;
        self.memory.salt = Some(salt);
        Ok(salt)
    }

    fn record(&mut self, event: &Event) -> anyhow::Result<()> {
        let subject = self.subject(event)?;
        let mark = self.tables.view(event.view)?;
        let row = mark.map_or(Ok(None), |mark| self.tables.row(mark.row))?;
        let viewing = mark.zip(row).map(|(mark, row)| viewing(mark, &row));
        let counted = match (&event.action, subject.page, subject.visitor) {
            (Action::View(_), Some(page), Some(visitor)) => self.tables.counted(page, visitor)?,
            _ => None,
        };
        let changes = self.memory.sessions.apply(event, &Known { viewing, counted });
        self.write(event, &subject, &changes)?;
        match (changes.engagement, mark, row) {
            (Some(engagement), Some(mark), Some(row)) => self.grow(event, mark, row, engagement),
            _ => Ok(()),
        }
    }

    fn subject(&self, event: &Event) -> anyhow::Result<Subject> {
        let page = match &event.place {
            Place::Page(path) => self.tables.word(Dimension::Path, path.as_str())?,
            Place::NotFound(path) => Some(missing_page(path)),
        };
        let visitor = event.visitor.map_or(Ok(None), |visitor| self.tables.visitor(visitor))?;
        Ok(Subject {
            page,
            visitor: visitor.map(|(number, _)| number),
            is_known_visitor: visitor.is_some_and(|(_, first)| first.is_some()),
        })
    }

    fn write(&mut self, event: &Event, subject: &Subject, changes: &Changes) -> anyhow::Result<()> {
        if let Some((reader, presence)) = &changes.presence {
            self.tables.set_presence(*reader, presence)?;
        }
        match (changes.counting, &event.action) {
            (Counting::View, Action::View(traits)) => self.count(event, traits, subject),
            (Counting::RepeatOf(row), _) => {
                let repeat = Some(Repeat { first_seen: event.at, engaged_ms: 0 });
                self.tables.set_view(event.view, ViewMark { row, repeat })
            }
            _ => Ok(()),
        }
    }

    /// Counts a view.
    fn count(&mut self, event: &Event, traits: &Traits, subject: &Subject) -> anyhow::Result<()> {
        let key = self.tables.free_key(event.at)?;
        let visitor = self.visitor(event, subject)?;
        let traits_numbers = self.traits(event.at, traits)?;
        let mut row = Row { visitor, traits: traits_numbers, ..Row::default() };
        let page = match &event.place {
            Place::Page(path) => {
                row.path = self.tables.intern(Dimension::Path, path.as_str())?;
                row.path
            }
            Place::NotFound(path) => missing_page(path),
        };
        let is_new = visitor != 0 && self.tables.counted(page, visitor)?.is_none();
        self.tables.set_row(key, &row)?;
        self.tables.set_view(event.view, ViewMark { row: key, repeat: None })?;
        if visitor != 0 {
            self.tables.set_counted(page, visitor, key)?;
        }
        self.add(key, &row, None);
        self.total(event, row.path, is_new, traits);
        Ok(())
    }

    /// The number of the event's visitor, noting a first page view; zero if there is no visitor.
    fn visitor(&mut self, event: &Event, subject: &Subject) -> anyhow::Result<u32> {
        let Some(id) = event.visitor else { return Ok(0) };
        let site = &mut self.memory.totals.site;
        let is_page = event.place.page().is_some();
        let is_first_page = is_page && !subject.is_known_visitor;
        site.visitors += u64::from(is_first_page);
        let number = match subject.visitor {
            Some(number) if !is_first_page => return Ok(number),
            Some(number) => number,
            None => {
                site.last_visitor = site.last_visitor.saturating_add(1);
                site.last_visitor
            }
        };
        self.tables.set_visitor(id, number, is_page.then_some(event.at))?;
        Ok(number)
    }

    /// Adds a view to the totals.
    fn total(&mut self, event: &Event, number: u32, is_new_visitor: bool, traits: &Traits) {
        let totals = &mut self.memory.totals;
        match &event.place {
            Place::Page(path) => {
                totals.site.views += 1;
                totals.site.since.get_or_insert(event.at);
                totals.add(number, path, is_new_visitor);
            }
            Place::NotFound(path) => {
                totals.site.not_found += 1;
                self.memory.not_found.add(&value::tidy_path(path), traits.referrer.as_deref());
            }
        }
    }

    /// The numbers of the values of [`Dimension::TRAITS`], in that order.
    fn traits(
        &mut self,
        now: Timestamp,
        traits: &Traits,
    ) -> anyhow::Result<[u32; Dimension::TRAITS.len()]> {
        self.turn(hour_of(now))?;
        let texts = [
            traits.referrer.as_deref(),
            traits.country.map(Country::code),
            traits.device,
            traits.agent.browser,
            traits.agent.system,
            traits.source.as_deref(),
            traits.campaign.as_deref(),
        ];
        let mut numbers = [0; Dimension::TRAITS.len()];
        for ((number, dimension), text) in numbers.iter_mut().zip(Dimension::TRAITS).zip(texts) {
            *number = text.map_or(Ok(0), |text| self.value(dimension, text))?;
        }
        Ok(numbers)
    }

    /// The number of a value, or of what stands for those beyond the cap.
    fn value(&mut self, dimension: Dimension, text: &str) -> anyhow::Result<u32> {
        let known = self.tables.word(dimension, text)?;
        let text = if self.memory.values.admit(dimension, known) { text } else { policy::OTHER };
        let number = self.tables.intern(dimension, text)?;
        self.memory.values.take(dimension, number);
        Ok(number)
    }

    /// Turns to the values of another day, if it is one.
    fn turn(&mut self, hour: u32) -> anyhow::Result<()> {
        if !self.memory.values.are_of(hour) {
            let mut cells = self.tables.cells(Values::day_of(hour))?;
            cells.extend(self.rollups.cells(Values::day_of(hour)));
            self.memory.values = Values::restore(hour, cells);
        }
        Ok(())
    }

    /// Writes greater totals of a viewing, into its own row or that of the view that it repeats.
    fn grow(
        &mut self,
        event: &Event,
        mark: ViewMark,
        before: Row,
        grown: Engagement,
    ) -> anyhow::Result<()> {
        let mut row = Row { scroll: grown.scroll, ..before };
        match mark.repeat {
            None => row.own_ms = grown.engaged_ms,
            Some(repeat) => {
                let gained = grown.engaged_ms.saturating_sub(repeat.engaged_ms);
                row.repeats_ms = row.repeats_ms.saturating_add(gained);
                let repeat = Some(Repeat { engaged_ms: grown.engaged_ms, ..repeat });
                self.tables.set_view(event.view, ViewMark { repeat, ..mark })?;
            }
        }
        self.add(mark.row, &row, Some(before));
        self.tables.set_row(mark.row, &row)
    }

    /// Adds what `row` has more than `before`, if it was there before, to the roll-ups.
    fn add(&mut self, key: RowKey, row: &Row, before: Option<Row>) {
        let before = before.map(|before| before.rollup()).unwrap_or_default();
        let gained = row.rollup().since(before);
        for cell in row.cells(key.time()) {
            self.rollups.add(cell, gained);
        }
    }

    /// Writes what has been gathered in memory.
    fn finish(mut self, rejected: &[(Rejection, u64)]) -> anyhow::Result<()> {
        for (cell, rollup) in self.rollups.take() {
            self.tables.merge(cell, rollup)?;
        }
        for (number, page) in self.memory.totals.take_changed() {
            self.tables.set_page(number, &page)?;
        }
        for (path, entry) in self.memory.not_found.take_changed() {
            self.tables.set_not_found(&path, entry.as_ref())?;
        }
        for (rejection, count) in rejected {
            self.tables.set_rejected(*rejection, *count)?;
        }
        self.tables.set_site(&self.memory.totals.site)
    }
}

/// What stands for a path that the site does not have where pages have their numbers: a hash, apart from these.
fn missing_page(path: &str) -> u32 {
    let [a, b, c, d, ..] = *blake3::hash(path.as_bytes()).as_bytes();
    u32::from_be_bytes([a, b, c, d]) | 1 << (u32::BITS - 1)
}

/// What is known of a viewing: a repeat has its own time and totals, a counted view those of its row.
fn viewing(mark: ViewMark, row: &Row) -> Viewing {
    let (first_seen, engaged_ms) = mark
        .repeat
        .map_or((mark.row.time(), row.own_ms), |repeat| (repeat.first_seen, repeat.engaged_ms));
    Viewing { first_seen, engaged_ms, scroll: row.scroll }
}
