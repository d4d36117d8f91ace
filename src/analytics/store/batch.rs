//! A batch of events and everything that follows from them, in one transaction.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::rowless::Rowless;
use super::tables::{Repeat, Tables, ViewMark};
use super::{Store, merge, served};
use crate::analytics::calendar::Calendar;
use crate::analytics::event::{Action, Detail, Event, Traits};
use crate::analytics::id::ViewId;
use crate::analytics::ledger::{DayCell, Ledger};
use crate::analytics::memory::Memory;
use crate::analytics::place::Place;
use crate::analytics::rejection::Rejection;
use crate::analytics::rollup::Dimension;
use crate::analytics::row::{Flags, Row, RowKey};
use crate::analytics::salt::{Salt, VisitorIds};
use crate::analytics::served::Served;
use crate::analytics::sessions::{Counting, Engagement, Known, Viewing, is_active};
use crate::analytics::strays;
use crate::analytics::values::Values;
use crate::analytics::visit::Visit;
use crate::analytics::visitor::Visitor;
use crate::analytics::zone::Country;
use crate::analytics::{policy, value};
use crate::clock::Timestamp;
use crate::fingerprint::FastMap;
use crate::permalink::UrlPath;

/// How visitors are told apart, and where their days begin.
#[derive(Debug, Clone)]
pub(in crate::analytics) struct Identity {
    pub(in crate::analytics) ids: VisitorIds,
    pub(in crate::analytics) calendar: Calendar,
}

/// What is stored along with events.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::analytics) struct More<'m> {
    /// How many events were rejected for which reason, of all time.
    pub(in crate::analytics) rejected: &'m [(Rejection, u64)],
    /// What the server has answered.
    pub(in crate::analytics) served: &'m [Served],
}

impl Store {
    /// Stores `events` and what follows from them. If this fails, nothing is stored, and `memory` must be
    /// loaded anew.
    pub(in crate::analytics) fn commit(
        &self,
        memory: &mut Memory,
        events: &mut [Event],
        identity: &Identity,
        more: More<'_>,
    ) -> anyhow::Result<()> {
        self.write(|tables| {
            let mut batch = Batch::begin(tables, memory, &identity.calendar);
            for event in &mut *events {
                batch.identify(event, identity)?;
                batch.record(event)?;
            }
            if let Some(last) = events.last() {
                batch.write_presence(events.len(), last.at)?;
            }
            batch.finish(more)
        })
    }

    /// Merges some of what waits in the journal, writes presence that waits to be, deletes that of those who are not active at
    /// `now` and what else has ended, and notes what was rejected.
    pub(in crate::analytics) fn sweep(
        &self,
        memory: &mut Memory,
        now: Timestamp,
        rejected: &[(Rejection, u64)],
    ) -> anyhow::Result<()> {
        self.merge_some(memory)?;
        self.write(|tables| {
            for (reader, presence) in memory.sessions.take_unwritten() {
                tables.set_presence(reader, &presence)?;
            }
            for (rejection, count) in rejected {
                tables.set_rejected(*rejection, *count)?;
            }
            tables.forget_ended(now)?;
            tables.retain_presence(|seen| is_active(seen, now))
        })
    }
}

/// A transaction under way.
pub(super) struct Batch<'b, 't> {
    pub(super) tables: &'b mut Tables<'t>,
    pub(super) memory: &'b mut Memory,
    pub(super) calendar: &'b Calendar,
    pub(super) ledger: Ledger,
    /// Rows as they are to be written.
    rows: BTreeMap<RowKey, Row>,
    rowless: Rowless,
    /// How many strays had a row before.
    stray_rows: strays::Rows,
    /// Those who were counted, as they are to be written.
    visitors: FastMap<u64, Visitor>,
    /// The key that was given last, if it is of the millisecond that was asked for.
    last_key: Option<RowKey>,
}

/// What an event is about, in numbers of the database; none where it has none yet.
pub(super) struct Subject {
    /// The page; none if the site does not have it.
    pub(super) page: Option<u32>,
    visitor: Option<Visitor>,
    /// What the database knows the visitor by, who may be new to it.
    key: Option<u64>,
}

/// To whom a visitor is new.
#[derive(Debug, Clone, Copy, Default)]
struct Newness {
    to_site: bool,
    to_page: bool,
}

impl Subject {
    pub(super) fn number(&self) -> Option<u32> {
        self.visitor.as_ref().map(|visitor| visitor.number)
    }
}

impl<'b, 't> Batch<'b, 't> {
    pub(super) fn begin(
        tables: &'b mut Tables<'t>,
        memory: &'b mut Memory,
        calendar: &'b Calendar,
    ) -> Self {
        let (ledger, rows, rowless) = (Ledger::default(), BTreeMap::new(), Rowless::default());
        let visitors = FastMap::default();
        let stray_rows = memory.strays.rows();
        Batch {
            tables,
            memory,
            calendar,
            ledger,
            rows,
            rowless,
            stray_rows,
            visitors,
            last_key: None,
        }
    }

    /// Replaces the visitor's id by what the settings allow to be stored.
    fn identify(&mut self, event: &mut Event, identity: &Identity) -> anyhow::Result<()> {
        match (identity.ids, event.visitor) {
            (VisitorIds::None, _) => event.visitor = None,
            (VisitorIds::Daily, Some(visitor)) => {
                let salt = self.salt(event.at, identity.calendar.zone())?;
                event.visitor = Some(salt.hash(visitor));
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
        let (mark, row) = self.viewing(event.view, event.at)?.unzip();
        let viewing = mark.zip(row).map(|(mark, row)| viewing(mark, &row));
        let counted = match (&event.action, subject.page, subject.number()) {
            (Action::View(_), Some(page), Some(visitor)) => self.counted(page, visitor)?,
            _ => None,
        };
        let changes = self.memory.sessions.apply(event, &Known { viewing, counted });
        if let Some((reader, _)) = &changes.presence {
            self.memory.sessions.defer(*reader);
        }
        match (changes.counting, &event.action) {
            (Counting::View, Action::View(traits)) => match &event.place {
                Place::Page { path, .. } => {
                    let known = self.traits(event.at, traits)?;
                    let key = self.count(event, path, known, subject)?;
                    self.set_view(event.view, ViewMark { row: key, repeat: None });
                    return Ok(());
                }
                Place::NotFound(path) => {
                    let strays = &mut self.memory.strays;
                    if !strays.repeats(Some(event.view), event.visitor, path, event.at) {
                        let referrer = traits.referrer.as_deref();
                        self.miss(event.at, path, referrer, |batch| {
                            batch.traits(event.at, traits)
                        })?;
                    }
                }
            },
            (Counting::RepeatOf(row), _) => {
                let repeat = Some(Repeat { first_seen: event.at, engaged_ms: 0 });
                self.set_view(event.view, ViewMark { row, repeat });
            }
            (_, Action::Custom { id, name, detail }) if !self.has_happened(*id, event.at)? => {
                let known = row.map(|row| row.traits);
                self.happen(event, &subject, (*id, name, detail.as_ref()), known)?;
            }
            _ => {}
        }
        if let (Some(engagement), Some(mark), Some(row)) = (changes.engagement, mark, row) {
            let words = if subject.page == Some(row.path) { event.place.words() } else { 0 };
            self.grow(event.view, (mark, row), engagement, words);
        }
        self.sign(event, subject.number())
    }

    /// Writes the presence that is due at `now`, after so many events.
    fn write_presence(&mut self, events: usize, now: Timestamp) -> anyhow::Result<()> {
        for (reader, presence) in self.memory.sessions.take_due(events, now) {
            self.tables.set_presence(reader, &presence)?;
        }
        Ok(())
    }

    pub(super) fn subject(&mut self, event: &Event) -> anyhow::Result<Subject> {
        let page = match &event.place {
            Place::Page { path, .. } => self.word(Dimension::Path, path.as_str())?,
            Place::NotFound(_) => None,
        };
        let key = event.visitor.map(|id| u64::from_be_bytes(id.key()));
        let visitor = key.map_or(Ok(None), |key| match self.visitors.get(&key) {
            Some(visitor) => Ok(Some(visitor.clone())),
            None => self.visitor(key),
        })?;
        Ok(Subject { page, visitor, key })
    }

    /// The viewing with this id and the row that it belongs to, unless that was too long ago.
    fn viewing(&self, id: ViewId, now: Timestamp) -> anyhow::Result<Option<(ViewMark, Row)>> {
        let Some(mark) = self.view(id)? else { return Ok(None) };
        if !policy::is_viewing(mark.row.time(), now) {
            return Ok(None);
        }
        Ok(self.row(mark.row)?.map(|row| (mark, row)))
    }

    /// A row as it is now.
    fn row(&self, key: RowKey) -> anyhow::Result<Option<Row>> {
        self.rows.get(&key).map_or_else(|| self.tables.row(key), |row| Ok(Some(*row)))
    }

    /// Counts a view of the page at `path` by one with these traits, and gives its key.
    pub(super) fn count(
        &mut self,
        event: &Event,
        path: &UrlPath,
        traits: [u32; Dimension::TRAITS.len()],
        subject: Subject,
    ) -> anyhow::Result<RowKey> {
        let key = self.free_key(event.at)?;
        self.turn(key.time())?;
        let page = self.intern(Dimension::Path, path.as_str())?;
        let mut row = Row { traits, path: page, ..Row::default() };
        let is_new = subject.visitor.is_none();
        let visitor = subject.visitor.or_else(|| subject.key.map(|_| self.new_visitor()));
        row.visitor = visitor.as_ref().map_or(0, |visitor| visitor.number);
        if row.visitor != 0 {
            let before = if is_new { None } else { self.visit(row.visitor)? };
            if let Some(visit) = before {
                self.leave(visit.exit, &row)?;
            }
            row.flags = row.flags.with(self.go_on(before, key, row.visitor)?);
        }
        let newness = self.put(key, &row, subject.key.zip(visitor));
        let totals = &mut self.memory.totals;
        totals.site.views += 1;
        totals.site.visitors += u64::from(newness.to_site);
        totals.site.since.get_or_insert(event.at);
        totals.add(page, path, newness.to_page);
        Ok(key)
    }

    /// Counts a view of a path that the site does not have. It belongs to no visitor.
    pub(super) fn miss(
        &mut self,
        at: Timestamp,
        path: &str,
        referrer: Option<&str>,
        traits: impl FnOnce(&mut Self) -> anyhow::Result<[u32; Dimension::TRAITS.len()]>,
    ) -> anyhow::Result<()> {
        self.turn(at)?;
        let path = value::tidy_path(path);
        let mut row = Row { flags: Flags::MISSING, ..Row::default() };
        row.path = self.value(Dimension::NotFound, &path)?;
        self.stray(at, row, traits)?;
        self.memory.totals.site.not_found += 1;
        self.memory.not_found.add(&path, referrer);
        Ok(())
    }

    /// Counts what can be made up without end: it has a row, with these traits, unless too many have.
    fn stray(
        &mut self,
        at: Timestamp,
        mut row: Row,
        traits: impl FnOnce(&mut Self) -> anyhow::Result<[u32; Dimension::TRAITS.len()]>,
    ) -> anyhow::Result<()> {
        if self.memory.strays.take_row(RowKey::first_at(at).day()) {
            row.traits = traits(self)?;
            let key = self.free_key(at)?;
            self.put(key, &row, None);
        } else {
            self.ledger.add(self.calendar, at, &row, None);
            for (dimension, word) in row.values() {
                self.rowless.add(at, dimension, word);
            }
        }
        Ok(())
    }

    fn new_visitor(&mut self) -> Visitor {
        let last = &mut self.memory.totals.site.last_visitor;
        *last = last.saturating_add(1);
        Visitor::new(*last)
    }

    /// Writes a new row and what it adds up to, and says to whom its visitor is new.
    fn put(&mut self, key: RowKey, row: &Row, visitor: Option<(u64, Visitor)>) -> Newness {
        let mut newness = Newness::default();
        self.rows.insert(key, *row);
        if let Some((id, mut visitor)) = visitor {
            let known = [0, row.path].map(|word| visitor.knows(word));
            self.ledger.enter(self.calendar, key.time(), row, &mut visitor);
            let is_new = |place: usize, word| !known[place] && visitor.knows(word);
            newness = Newness { to_site: is_new(0, 0), to_page: is_new(1, row.path) };
            self.visitors.insert(id, visitor);
        } else {
            self.ledger.add(self.calendar, key.time(), row, None);
        }
        newness
    }

    /// Writes what has changed of a row.
    fn replace(&mut self, key: RowKey, before: &Row, row: &Row) {
        self.ledger.add(self.calendar, key.time(), row, Some(before));
        self.rows.insert(key, *row);
    }

    /// The last view that was counted for a page and a visitor. A visit knows which was its last.
    pub(super) fn counted(&self, page: u32, visitor: u32) -> anyhow::Result<Option<RowKey>> {
        if let Some(visit) = self.visit(visitor)?
            && self.row(visit.exit)?.is_some_and(|row| row.path == page)
        {
            return Ok(Some(visit.exit));
        }
        self.noted(page, visitor)
    }

    /// Notes that the view `exit`, after which the visitor is counted for another, was counted. Most visits are of one
    /// page, and need no such note.
    fn leave(&mut self, exit: RowKey, next: &Row) -> anyhow::Result<()> {
        if let Some(row) = self.row(exit)?.filter(|row| row.path != next.path) {
            self.note_counted(row.path, next.visitor, exit);
        }
        Ok(())
    }

    /// Has the view `key` go on with the visitor's visit, which is `before`, or begin one, and says what it is in
    /// that.
    fn go_on(&mut self, before: Option<Visit>, key: RowKey, visitor: u32) -> anyhow::Result<Flags> {
        let Some(visit) = before.filter(|visit| visit.includes(key.time())) else {
            self.set_visit(visitor, Visit::begin(key));
            return Ok(Flags::ENTRY.with(Flags::EXIT).with(Flags::BOUNCE));
        };
        self.clear(visit.entry, Flags::BOUNCE)?;
        self.clear(visit.exit, Flags::EXIT)?;
        self.set_visit(visitor, Visit { exit: key, sign: key.time(), ..visit });
        Ok(Flags::EXIT)
    }

    /// Makes `flag` untrue of a row.
    fn clear(&mut self, key: RowKey, flag: Flags) -> anyhow::Result<()> {
        let row = self.row(key)?;
        if let Some(before) = row.filter(|row| row.flags.has(flag)) {
            self.replace(key, &before, &Row { flags: before.flags.without(flag), ..before });
        }
        Ok(())
    }

    /// Notes that a visitor whose view is not counted is here nevertheless.
    pub(super) fn sign(&mut self, event: &Event, visitor: Option<u32>) -> anyhow::Result<()> {
        let Some(visitor) = visitor else { return Ok(()) };
        if let Some(visit) = self.visit(visitor)?.filter(|visit| visit.includes(event.at)) {
            self.set_visit(visitor, Visit { sign: event.at, ..visit });
        }
        Ok(())
    }

    /// Whether a custom event was sent before.
    pub(super) fn has_happened(&self, id: ViewId, now: Timestamp) -> anyhow::Result<bool> {
        Ok(self.memory.strays.knows(id, now) || self.viewing(id, now)?.is_some())
    }

    /// Counts a custom event of a viewing with these traits; if that is not known, it belongs to no visitor. A visit in
    /// which something happened is no bounce.
    pub(super) fn happen(
        &mut self,
        event: &Event,
        subject: &Subject,
        (id, name, detail): (ViewId, &str, Option<&Detail>),
        traits: Option<[u32; Dimension::TRAITS.len()]>,
    ) -> anyhow::Result<()> {
        self.turn(event.at)?;
        let visitor = subject.number().unwrap_or(0);
        let visit = self.visit(visitor)?.filter(|visit| visit.includes(event.at));
        if let Some(visit) = visit {
            self.clear(visit.entry, Flags::BOUNCE)?;
        }
        let row = self.row_of_event(&event.place, name, detail)?;
        let Some(traits) = traits else {
            self.memory.strays.note(id, event.at);
            return self.stray(event.at, row, |_| Ok(row.traits));
        };
        let key = self.free_key(event.at)?;
        self.set_view(id, ViewMark { row: key, repeat: None });
        let row = Row { visitor, traits, ..row };
        self.put(key, &row, subject.key.zip(subject.visitor.clone()));
        Ok(())
    }

    /// What is stored of a custom event itself.
    fn row_of_event(
        &mut self,
        place: &Place,
        name: &str,
        detail: Option<&Detail>,
    ) -> anyhow::Result<Row> {
        let mut row = Row { flags: Flags::CUSTOM, ..Row::default() };
        row.path = match place {
            Place::Page { path, .. } => self.intern(Dimension::Path, path.as_str())?,
            Place::NotFound(_) => 0,
        };
        row.name = self.value(Dimension::Event, name)?;
        let (flag, dimension, link) = match detail {
            Some(Detail::Outbound(link)) => (Flags::OUTBOUND, Dimension::Outbound, link),
            Some(Detail::Download(link)) => (Flags::DOWNLOAD, Dimension::Download, link),
            None => (Flags::default(), Dimension::Event, &String::new()),
        };
        row.flags = row.flags.with(flag);
        row.detail = if detail.is_some() { self.value(dimension, link)? } else { 0 };
        Ok(row)
    }

    /// The numbers of the values of [`Dimension::TRAITS`], in that order.
    fn traits(
        &mut self,
        at: Timestamp,
        traits: &Traits,
    ) -> anyhow::Result<[u32; Dimension::TRAITS.len()]> {
        let texts = [
            traits.referrer.as_deref(),
            traits.country.map(Country::code),
            traits.device,
            traits.agent.browser,
            traits.agent.system,
            traits.source.as_deref(),
            traits.campaign.as_deref(),
        ];
        self.values(at, texts)
    }

    /// The numbers of values of [`Dimension::TRAITS`].
    pub(super) fn values(
        &mut self,
        at: Timestamp,
        texts: [Option<&str>; Dimension::TRAITS.len()],
    ) -> anyhow::Result<[u32; Dimension::TRAITS.len()]> {
        self.turn(at)?;
        let mut numbers = [0; Dimension::TRAITS.len()];
        for ((number, dimension), text) in numbers.iter_mut().zip(Dimension::TRAITS).zip(texts) {
            *number = text.map_or(Ok(0), |text| self.value(dimension, text))?;
        }
        Ok(numbers)
    }

    /// The number of a value, or of what stands for those beyond the cap.
    pub(super) fn value(&mut self, dimension: Dimension, text: &str) -> anyhow::Result<u32> {
        let known = self.word(dimension, text)?;
        let number = match known {
            _ if !self.memory.values.admit(dimension, known) => {
                self.intern(dimension, policy::OTHER)?
            }
            Some(number) => number,
            None => self.intern(dimension, text)?,
        };
        self.memory.values.take(dimension, number);
        Ok(number)
    }

    /// The number of a text, if it has one.
    fn word(&mut self, dimension: Dimension, text: &str) -> anyhow::Result<Option<u32>> {
        if let Some(number) = self.memory.words.get(dimension, text) {
            return Ok(Some(number));
        }
        let number = self.tables.word(dimension, text)?;
        if let Some(number) = number {
            self.memory.words.learn(dimension, text, number);
        }
        Ok(number)
    }

    /// The number of a text, which is given one if it has none.
    fn intern(&mut self, dimension: Dimension, text: &str) -> anyhow::Result<u32> {
        if let Some(number) = self.memory.words.get(dimension, text) {
            return Ok(number);
        }
        let number = self.tables.intern(dimension, text)?;
        self.memory.words.learn(dimension, text, number);
        Ok(number)
    }

    /// A key at `now` that no row has, or the next after it.
    fn free_key(&mut self, now: Timestamp) -> anyhow::Result<RowKey> {
        // Behind the last of a millisecond all are free, up to the end of that.
        let last = self.last_key.filter(|last| last.time() == now);
        let mut key = match last.map(RowKey::next).filter(|key| key.time() == now) {
            Some(key) => key,
            None => self.tables.free_key(now)?,
        };
        // Only after the clock was set back within a batch, or when there is no room in the millisecond.
        while self.rows.contains_key(&key) || key.time() != now && self.tables.row(key)?.is_some() {
            key = key.next();
        }
        self.last_key = Some(key).filter(|key| key.time() == now);
        Ok(key)
    }

    /// Turns to the values of another day, if it is one.
    pub(super) fn turn(&mut self, now: Timestamp) -> anyhow::Result<()> {
        let day = self.calendar.day(now);
        if self.memory.values.are_of(day) {
            return Ok(());
        }
        let of_day = |(dimension, of, word): &DayCell| (*of == day).then_some((*dimension, *word));
        let mut taken: Vec<_> = self.ledger.days.keys().filter_map(of_day).collect();
        for dimension in Values::dimensions() {
            let words = self.tables.words_of(dimension, day)?;
            taken.extend(words.into_iter().map(|word| (dimension, word)));
        }
        self.memory.values = Values::restore(day, taken);
        Ok(())
    }

    /// Writes greater totals of a viewing, into its own row or that of the view that it repeats.
    fn grow(
        &mut self,
        view: ViewId,
        (mark, before): (ViewMark, Row),
        grown: Engagement,
        words: u32,
    ) {
        let mut row = Row { scroll: grown.scroll, ..before };
        match mark.repeat {
            None => row.own_ms = grown.engaged_ms,
            Some(repeat) => {
                let gained = grown.engaged_ms.saturating_sub(repeat.engaged_ms);
                row.repeats_ms = row.repeats_ms.saturating_add(gained);
                let repeat = Some(Repeat { engaged_ms: grown.engaged_ms, ..repeat });
                self.set_view(view, ViewMark { repeat, ..mark });
            }
        }
        if policy::is_read(row.scroll, row.engaged_ms(), words) {
            row.flags = row.flags.with(Flags::READ);
        }
        self.replace(mark.row, &before, &row);
    }

    /// Writes what has been gathered in memory.
    pub(super) fn finish(mut self, more: More<'_>) -> anyhow::Result<()> {
        served::add(self.tables, self.calendar, more.served)?;
        self.tables.merge(&self.ledger)?;
        self.tables.set_rows(&self.rows)?;
        for (key, visitor) in std::mem::take(&mut self.visitors) {
            self.set_visitor(key, &visitor);
        }
        let due = self.memory.journal.due();
        self.tables.write_journal(&mut self.memory.journal)?;
        if due > 0 {
            merge::merge(self.tables, &mut self.memory.journal, due)?;
        }
        self.rowless.write(self.tables)?;
        if self.memory.strays.rows() != self.stray_rows {
            self.tables.set_stray_rows(self.memory.strays.rows())?;
        }
        for (number, page) in self.memory.totals.take_changed() {
            self.tables.set_page(number, &page)?;
        }
        for (path, entry) in self.memory.not_found.take_changed() {
            self.tables.set_not_found(&path, entry.as_ref())?;
        }
        for (rejection, count) in more.rejected {
            self.tables.set_rejected(*rejection, *count)?;
        }
        self.tables.set_site(&self.memory.totals.site)
    }
}

/// What is known of a viewing: a repeat has its own time and totals, a counted view those of its row.
fn viewing(mark: ViewMark, row: &Row) -> Viewing {
    let (first_seen, engaged_ms) = mark
        .repeat
        .map_or((mark.row.time(), row.own_ms), |repeat| (repeat.first_seen, repeat.engaged_ms));
    Viewing { first_seen, engaged_ms, scroll: row.scroll }
}
