//! What another program has counted, taken in as if it had been counted here.

use redb::ReadableTable as _;

use super::Store;
use super::batch::{Batch, More};
use super::tables::{BLOCKS, EVENTS};
use crate::analytics::calendar::Calendar;
use crate::analytics::event::{Action, Event};
use crate::analytics::id::{ViewId, VisitorId};
use crate::analytics::import::{Day, Sums, Traits};
use crate::analytics::memory::Memory;
use crate::analytics::place::Place;
use crate::analytics::policy;
use crate::analytics::rollup::{Dimension, Rollup};
use crate::analytics::row::RowKey;
use crate::clock::Timestamp;
use crate::permalink::UrlPath;

/// Something that another program has counted, and what it means on this site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::analytics) enum Past {
    View { at: Timestamp, place: Place, visitor: Option<VisitorId>, traits: Box<Traits> },
    Happening { at: Timestamp, place: Place, visitor: Option<VisitorId>, name: String },
    Day(Day),
}

impl Store {
    /// Takes `past` in, in its order, and says how many of it were repeats that do not count.
    pub(in crate::analytics) fn take_in(
        &self,
        memory: &mut Memory,
        past: &[Past],
        calendar: &Calendar,
    ) -> anyhow::Result<u64> {
        self.write(|tables| {
            let mut batch = Batch::begin(tables, memory, calendar);
            let mut repeats = 0;
            for past in past {
                repeats += u64::from(!batch.take_in(past)?);
            }
            batch.finish(More::default())?;
            Ok(repeats)
        })
    }

    /// When the last row was counted, or some time after.
    pub(in crate::analytics) fn last_row(&self) -> anyhow::Result<Timestamp> {
        self.read(|transaction| {
            let (events, blocks) =
                (transaction.open_table(EVENTS)?, transaction.open_table(BLOCKS)?);
            let last = [events.last()?, blocks.last()?].into_iter().flatten();
            let last = last.map(|(key, _)| RowKey::from_bytes(*key.value()).time());
            Ok(last.max().unwrap_or_default())
        })
    }

    /// When the first row was counted, or some time before on the same day.
    pub(in crate::analytics) fn first_row(&self) -> anyhow::Result<Option<Timestamp>> {
        self.read(|transaction| {
            let (events, blocks) =
                (transaction.open_table(EVENTS)?, transaction.open_table(BLOCKS)?);
            let event = events.first()?.map(|(key, _)| RowKey::from_bytes(*key.value()).time());
            // A block has rows of one day, the last of which is its key.
            let block = blocks.first()?.map(|(key, _)| {
                let day = RowKey::from_bytes(*key.value()).day();
                RowKey::first_of_day(day).time()
            });
            Ok([event, block].into_iter().flatten().min())
        })
    }
}

impl Batch<'_, '_> {
    /// Counts something of the past, unless it repeats what was counted.
    fn take_in(&mut self, past: &Past) -> anyhow::Result<bool> {
        match past {
            Past::View { at, place, visitor, traits } => {
                let since = self.memory.totals.site.since;
                let is_counted = self.take_view(&event(*at, place, *visitor), traits)?;
                let first = place.page().map(|_| *at);
                let site = &mut self.memory.totals.site;
                site.since = [since, first].into_iter().flatten().min();
                Ok(is_counted)
            }
            Past::Happening { at, place, visitor, name } => {
                let event = event(*at, place, *visitor);
                let subject = self.subject(&event)?;
                let id = known_by(&event, name);
                let traits = Some([0; Dimension::TRAITS.len()]);
                if !self.has_happened(id, *at)? {
                    self.happen(&event, &subject, (id, name, None), traits)?;
                }
                self.sign(&event, subject.number())?;
                Ok(true)
            }
            Past::Day(day) => self.take_day(day).map(|()| true),
        }
    }

    fn take_view(&mut self, event: &Event, traits: &Traits) -> anyhow::Result<bool> {
        let subject = self.subject(event)?;
        let counted = match subject.page.zip(subject.number()) {
            Some((page, visitor)) => self.counted(page, visitor)?,
            None => None,
        };
        if counted.is_some_and(|row| policy::is_repeat(row.time(), event.at)) {
            self.sign(event, subject.number())?;
            return Ok(false);
        }
        let texts = [
            &traits.referrer,
            &traits.country,
            &traits.device,
            &traits.browser,
            &traits.system,
            &traits.source,
            &traits.campaign,
        ];
        let texts = texts.map(|text| text.as_deref());
        match &event.place {
            Place::Page { path, .. } => {
                let known = self.values(event.at, texts)?;
                self.count(event, path, known, subject)?;
            }
            Place::NotFound(path)
                if self.memory.strays.repeats(None, event.visitor, path, event.at) =>
            {
                return Ok(false);
            }
            Place::NotFound(path) => {
                let referrer = traits.referrer.as_deref();
                self.miss(event.at, path, referrer, |batch| batch.values(event.at, texts))?;
            }
        }
        Ok(true)
    }

    /// Adds the sums of a day. Nobody knows whether its visitors came back, so each is one who had not been there.
    fn take_day(&mut self, day: &Day) -> anyhow::Result<()> {
        let number = crate::clock::Day::on(day.date).number();
        let Ok(start) = u32::try_from(number) else { return Ok(()) };
        let Sums { views, visitors, visits, exits, bounces, engaged_seconds } = day.sums;
        let path = (day.dimension == Dimension::Path).then(|| UrlPath::parse(&day.value).ok());
        let word = match (&path, day.dimension) {
            (Some(None), _) => return Ok(()),
            (_, Dimension::Site) => 0,
            _ => self.tables.intern(day.dimension, &day.value)?,
        };
        let engaged_ms = engaged_seconds.saturating_mul(1000);
        let added = Rollup { views, visits, exits, bounces, engaged_ms, ..Rollup::default() };
        let total = self.ledger.days.entry((day.dimension, start, word)).or_default();
        total.rollup = total.rollup.merge(added);
        total.returns.add(0, i64::try_from(visitors).unwrap_or(i64::MAX));
        let at = self.calendar.start(start);
        let totals = &mut self.memory.totals;
        if day.dimension == Dimension::Site {
            totals.site.views += views;
            totals.site.visitors += visitors;
            totals.site.since = [totals.site.since, Some(at)].into_iter().flatten().min();
        }
        if let Some(Some(path)) = path {
            totals.add_many(word, &path, (views, visitors));
        }
        // What stands in sums alone cannot be computed from rows.
        self.tables.set_kept(self.calendar.start(start + 1))
    }
}

/// What has no id, as something that an event has.
fn event(at: Timestamp, place: &Place, visitor: Option<VisitorId>) -> Event {
    let nothing = Action::Heartbeat { engaged_ms: 0, scroll: 0 };
    let view = ViewId::from_bytes([0; 8]);
    Event { at, view, visitor, place: place.clone(), action: nothing }
}

/// An id for something that has none: the same for what cannot be told apart.
fn known_by(event: &Event, name: &str) -> ViewId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&event.at.as_millis().to_le_bytes());
    hasher.update(event.visitor.as_ref().map_or(&[], |visitor| visitor.as_bytes().as_slice()));
    hasher.update(name.as_bytes());
    let hash = *hasher.finalize().as_bytes();
    ViewId::from_bytes(std::array::from_fn(|place| hash[place]))
}
