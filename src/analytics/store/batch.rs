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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet, HashMap};
    use std::ops::RangeInclusive;
    use std::sync::Arc;

    use super::*;
    use crate::analytics::period::{Period, Span};
    use crate::analytics::query::Query;
    use crate::analytics::rollup::Rollup;
    use crate::analytics::samples::{at, heartbeat, path, view};
    use crate::analytics::snapshot::Snapshot;
    use proptest::prelude::*;

    const PAGES: [&str; 5] = ["/a/", "/b/", "/c/", "404:/x/", "404:/y/"];

    /// What a reader might send, as numbers.
    #[derive(Debug, Clone, Copy)]
    struct Step {
        view: u64,
        visitor: u8,
        page: usize,
        /// Milliseconds since the step before; negative when the clock is set back.
        passed: i64,
        heartbeat: Option<(u32, u8)>,
        /// Whether a transaction, or the program, ends after this.
        ends: u8,
    }

    /// A counted view in the plainest form.
    #[derive(Debug)]
    struct Counted {
        visitor: u8,
        page: usize,
        time: i64,
        engaged: u64,
        scroll: u8,
    }

    /// The rules of counting, written down a second time: lists that are searched.
    #[derive(Debug, Default)]
    struct Naive {
        counted: Vec<Counted>,
        viewings: HashMap<u64, (usize, i64, u64)>,
    }

    impl Naive {
        fn view(&mut self, step: Step, now: i64) {
            if self.viewings.contains_key(&step.view) {
                return;
            }
            let same = |counted: &Counted| {
                step.visitor != 0 && counted.visitor == step.visitor && counted.page == step.page
            };
            let last = self.counted.iter().rposition(same);
            let repeats = last.filter(|last| (self.counted[*last].time - now).abs() < 30 * 60_000);
            let row = repeats.unwrap_or_else(|| {
                let Step { visitor, page, .. } = step;
                self.counted.push(Counted { visitor, page, time: now, engaged: 0, scroll: 0 });
                self.counted.len() - 1
            });
            self.viewings.insert(step.view, (row, now, 0));
        }

        fn heartbeat(&mut self, step: Step, now: i64, (engaged, scroll): (u32, u8)) {
            let Some((row, first, most)) = self.viewings.get_mut(&step.view) else { return };
            let engaged = u64::from(engaged).min(u64::try_from(now - *first).unwrap_or(0));
            let row = &mut self.counted[*row];
            row.engaged += engaged.saturating_sub(*most);
            *most = engaged.max(*most);
            row.scroll = row.scroll.max(scroll);
        }

        fn pages(&self) -> impl Iterator<Item = &Counted> {
            self.counted.iter().filter(|counted| !PAGES[counted.page].starts_with("404:"))
        }

        fn page_totals(&self) -> BTreeMap<&'static str, (u64, u64)> {
            let mut totals: BTreeMap<_, (u64, BTreeSet<u8>)> = BTreeMap::new();
            for counted in self.pages() {
                let (views, visitors) = totals.entry(PAGES[counted.page]).or_default();
                *views += 1;
                visitors.extend((counted.visitor != 0).then_some(counted.visitor));
            }
            totals
                .into_iter()
                .map(|(page, (views, who))| (page, (views, who.len() as u64)))
                .collect()
        }

        fn visitors(&self) -> u64 {
            let who: BTreeSet<u8> = self.pages().map(|counted| counted.visitor).collect();
            who.into_iter().filter(|visitor| *visitor != 0).count() as u64
        }

        /// What was counted from the first of `times` to the last.
        fn within(self, times: &RangeInclusive<i64>) -> Self {
            let counted = self.counted.into_iter();
            Self {
                counted: counted.filter(|counted| times.contains(&counted.time)).collect(),
                ..self
            }
        }

        fn rollup(&self) -> Rollup {
            self.pages().fold(Rollup::default(), |sum, counted| Rollup {
                views: sum.views + 1,
                engaged_ms: sum.engaged_ms + counted.engaged,
                scrolled: sum.scrolled + u64::from(counted.scroll),
            })
        }
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let passed = prop_oneof![0..5_i64, 0..120_000_i64, 0..2_400_000_i64, -2_400_000..0_i64];
        let heartbeat = prop::option::of((0..200_000_u32, 0..=100_u8));
        let step = (0..25_u64, 0..4_u8, 0..PAGES.len(), passed, heartbeat, 0..8_u8);
        let step = step.prop_map(|(view, visitor, page, passed, heartbeat, ends)| Step {
            view,
            visitor,
            page,
            passed,
            heartbeat,
            ends,
        });
        prop::collection::vec(step, 1..60)
    }

    fn event(step: Step, now: i64) -> Event {
        let page = PAGES[step.page];
        match step.heartbeat {
            Some(totals) => heartbeat(step.view, step.visitor, page, now, totals),
            None => view(step.view, step.visitor, page, now),
        }
    }

    /// Runs `steps` through the database, in batches and with restarts, and through the naive rules.
    fn run(path: &std::path::Path, steps: &[Step]) -> (Store, Naive) {
        let identity = Identity { ids: VisitorIds::Persistent, zone: TimeZone::UTC };
        let mut store = Store::open(path).unwrap();
        let mut memory = store.load(at(0)).unwrap();
        let (mut naive, mut batch, mut now) = (Naive::default(), Vec::new(), 0);
        for (place, step) in steps.iter().enumerate() {
            now += step.passed;
            batch.push(event(*step, now));
            match step.heartbeat {
                Some(totals) => naive.heartbeat(*step, now, totals),
                None => naive.view(*step, now),
            }
            if step.ends < 3 || place + 1 == steps.len() {
                store.commit(&mut memory, &mut batch, &identity, &[]).unwrap();
                batch.clear();
            }
            if step.ends == 0 {
                drop(store);
                store = Store::open(path).unwrap();
                memory = store.load(at(now)).unwrap();
            }
        }
        (store, naive)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_is_stored_is_what_a_naive_count_of_the_events_gives(steps in steps()) {
            let folder = tempfile::tempdir().unwrap();
            let (store, naive) = run(&folder.path().join("analytics.redb"), &steps);
            let stored = store.counts().unwrap();
            prop_assert_eq!(&stored, &store.recount().unwrap());

            let memory = store.load(at(0)).unwrap();
            let pages: BTreeMap<&str, (u64, u64)> = memory.totals.pages().iter()
                .map(|page| (page.path.as_str(), (page.views, page.visitors)))
                .collect();
            prop_assert_eq!(pages, naive.page_totals());
            let site = memory.totals.site;
            let counted = naive.pages().count() as u64;
            prop_assert_eq!((site.views, site.visitors), (counted, naive.visitors()));
            prop_assert_eq!(site.not_found, naive.counted.len() as u64 - counted);
            prop_assert_eq!(site.since, naive.pages().next().map(|first| at(first.time)));

            let of_site = stored.rollups.iter().filter(|(cell, _)| cell.dimension == Dimension::Site);
            let sum = of_site.fold(Rollup::default(), |sum, (_, rollup)| sum.merge(*rollup));
            prop_assert_eq!(sum, naive.rollup());
        }

        #[test]
        fn a_span_has_what_a_naive_count_of_its_events_gives(
            steps in steps(), from in -10_000_000..20_000_000_i64, length in 0..20_000_000_i64
        ) {
            let folder = tempfile::tempdir().unwrap();
            let (store, naive) = run(&folder.path().join("analytics.redb"), &steps);
            // A span that begins or ends with a view is where it may go wrong.
            let times: Vec<i64> = naive.pages().map(|counted| counted.time).collect();
            let near = |bound: i64| times.iter().copied().min_by_key(|time| (time - bound).abs());
            let from = near(from).filter(|_| length % 2 == 0).unwrap_or(from);
            let to = near(from + length).filter(|_| length % 3 == 0).unwrap_or(from + length);
            let naive = naive.within(&(from..=to));

            let span = Span { period: Period::Day, from: at(from), to: at(to) };
            let tally = Query::new(Arc::new(store)).tally(span).unwrap();
            let snapshot = tally.within(&Snapshot::default());
            let counted = naive.pages().count() as u64;
            prop_assert_eq!(snapshot.total_page_views, counted);
            prop_assert_eq!(snapshot.unique_visitors, naive.visitors());
            let pages: BTreeMap<&str, (u64, u64)> = snapshot.pages.iter()
                .map(|page| (page.path.as_str(), (page.views, page.visitors)))
                .collect();
            prop_assert_eq!(pages, naive.page_totals());
            let all: Vec<_> = PAGES.iter().filter(|page| page.starts_with('/')).map(|page| path(page)).collect();
            prop_assert_eq!(tally.visitors_of(&all), naive.visitors());
        }
    }
}
