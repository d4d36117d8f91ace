//! The rules of counting, written down a second time as lists that are searched: what tests compare with.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::agent::Agent;
use super::answer::{Amounts, Answer};
use super::calendar::Calendar;
use super::event::{Action, Event, Traits};
use super::period::Period;
use super::query::Query;
use super::question::{Breakdown, Comparison, Filters, Question, Step as SeriesStep, Time, Window};
use super::rollup::Dimension;
use super::salt::VisitorIds;
use super::samples::{WORDS, custom, heartbeat, path, view};
use super::store::{Identity, More, Progress, Store};
use super::zone;
use crate::clock::{Day, Timestamp};

const PAGES: [&str; 5] = ["/a/", "/b/", "/c/", "404:/x/", "404:/y/"];
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// What a reader might send, as numbers.
#[derive(Debug, Clone, Copy)]
struct Step {
    view: u64,
    visitor: u8,
    page: usize,
    /// Milliseconds since the step before; negative when the clock is set back.
    passed: i64,
    deed: Deed,
    /// Whether a transaction, or the program, ends after this.
    ends: u8,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    View,
    Heartbeat(u32, u8),
    Custom(u64),
}

/// A counted view or a custom event in the plainest form.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is true or not, whatever the others are")]
struct Counted {
    visitor: u8,
    page: usize,
    time: i64,
    engaged: u64,
    scroll: u8,
    traits: Traits,
    is_entry: bool,
    is_exit: bool,
    is_bounce: bool,
    is_read: bool,
    /// Its name, if it is a custom event.
    name: Option<&'static str>,
}

impl Counted {
    fn is_missing(&self) -> bool {
        PAGES[self.page].starts_with("404:")
    }

    fn is_page_view(&self) -> bool {
        self.name.is_none() && !self.is_missing()
    }

    /// What it is a line of in `breakdown`.
    fn value(&self, breakdown: Breakdown) -> Option<String> {
        let traits = &self.traits;
        let shown = self.is_page_view();
        let text = match breakdown {
            Breakdown::Events => return self.name.map(str::to_owned),
            Breakdown::Outbound => {
                return (self.name == Some("outbound")).then(|| "https://x.example/".to_owned());
            }
            Breakdown::Downloads => None,
            Breakdown::NotFound => {
                let missing = PAGES[self.page].strip_prefix("404:");
                return missing.filter(|_| self.name.is_none()).map(str::to_owned);
            }
            Breakdown::Pages | Breakdown::EntryPages | Breakdown::ExitPages => {
                Some(PAGES[self.page])
            }
            Breakdown::Referrers => traits.referrer.as_deref(),
            Breakdown::Sources => traits.source.as_deref(),
            Breakdown::Campaigns => traits.campaign.as_deref(),
            Breakdown::Countries => traits.country.map(zone::Country::code),
            Breakdown::Devices => traits.device,
            Breakdown::Browsers => traits.agent.browser,
            Breakdown::Systems => traits.agent.system,
        };
        text.filter(|_| shown).map(str::to_owned)
    }
}

/// A visit, by the places of its views.
#[derive(Debug, Clone, Copy)]
struct Visit {
    entry: usize,
    exit: usize,
    sign: i64,
}

/// The rules of counting: lists that are searched.
#[derive(Debug, Default)]
struct Naive {
    counted: Vec<Counted>,
    viewings: HashMap<u64, (usize, i64, u64)>,
    happened: HashMap<u64, usize>,
    /// When views of missing paths, by their id and by visitor and page, and events of unknown viewings were counted.
    missed: HashMap<u64, i64>,
    missed_by: HashMap<(u8, usize), i64>,
    strayed: HashMap<u64, i64>,
    visits: HashMap<u8, Visit>,
}

fn name_of(id: u64) -> &'static str {
    ["outbound", "play", "sign-up"][usize::try_from(id % 3).unwrap()]
}

fn traits_of(view: u64) -> Traits {
    let pick = |values: &[&'static str]| {
        let place = usize::try_from(view).unwrap() % (values.len() + 1);
        values.get(place).copied()
    };
    Traits {
        referrer: pick(&["news.example", "blog.example"]).map(str::to_owned),
        source: pick(&["letter"]).map(str::to_owned),
        campaign: pick(&["spring", "fall", "winter"]).map(str::to_owned),
        country: pick(&["Europe/Oslo", "Asia/Tokyo"]).and_then(zone::country),
        device: pick(&["phone", "laptop", "desktop", "tablet"]),
        agent: Agent { browser: pick(&["Firefox", "Safari"]), system: pick(&["Linux"]) },
    }
}

impl Naive {
    fn take(&mut self, step: Step, now: i64) {
        let is_counted = match step.deed {
            Deed::View => self.view(step, now),
            Deed::Heartbeat(engaged, scroll) => {
                self.heartbeat(step, now, (engaged, scroll));
                false
            }
            Deed::Custom(id) => {
                self.happen(step, now, id);
                false
            }
        };
        let visit = self.visits.get_mut(&step.visitor);
        if let Some(visit) = visit.filter(|_| !is_counted)
            && includes(&self.counted, *visit, now)
        {
            visit.sign = now;
        }
    }

    /// Whether what was counted at `place` can still be known.
    fn is_known(&self, place: usize, now: i64) -> bool {
        (self.counted[place].time - now).abs() < 48 * HOUR
    }

    fn view(&mut self, step: Step, now: i64) -> bool {
        let known = self.viewings.get(&step.view);
        if known.is_some_and(|(place, _, _)| self.is_known(*place, now)) {
            return false;
        }
        if PAGES[step.page].starts_with("404:") {
            self.miss(step, now);
            return false;
        }
        let same = |counted: &Counted| {
            step.visitor != 0
                && counted.visitor == step.visitor
                && counted.page == step.page
                && counted.name.is_none()
        };
        let last = self.counted.iter().rposition(same);
        let repeats = last.filter(|last| (self.counted[*last].time - now).abs() < 30 * MINUTE);
        let row = repeats.unwrap_or_else(|| self.count(step, now));
        self.viewings.insert(step.view, (row, now, 0));
        repeats.is_none()
    }

    fn miss(&mut self, step: Step, now: i64) {
        let Step { view, visitor, page, .. } = step;
        let is_within =
            |time: Option<&i64>, span| time.is_some_and(|time| (now - time).abs() < span);
        let is_known = is_within(self.missed.get(&view), 48 * HOUR);
        let is_repeat = is_known || is_within(self.missed_by.get(&(visitor, page)), 30 * MINUTE);
        if !is_known {
            self.missed.insert(view, now);
        }
        if !is_repeat {
            self.missed_by.extend((visitor != 0).then_some(((visitor, page), now)));
            let traits = traits_of(view);
            self.counted.push(Counted { page, time: now, traits, ..Counted::default() });
        }
    }

    /// After a restart some repeats are not recognized.
    fn restart(&mut self) {
        self.missed.clear();
        self.missed_by.clear();
        self.strayed.clear();
    }

    fn count(&mut self, step: Step, now: i64) -> usize {
        let Step { visitor, page, .. } = step;
        let place = self.counted.len();
        let traits = traits_of(step.view);
        self.counted.push(Counted { visitor, page, time: now, traits, ..Counted::default() });
        if visitor == 0 {
            return place;
        }
        let visit = self.visits.get(&visitor).copied();
        let known = visit.filter(|visit| includes(&self.counted, *visit, now));
        let visit = if let Some(visit) = known {
            self.counted[visit.entry].is_bounce = false;
            self.counted[visit.exit].is_exit = false;
            Visit { exit: place, sign: now, ..visit }
        } else {
            let begun = &mut self.counted[place];
            (begun.is_entry, begun.is_bounce) = (true, true);
            Visit { entry: place, exit: place, sign: now }
        };
        self.counted[place].is_exit = true;
        self.visits.insert(visitor, visit);
        place
    }

    fn heartbeat(&mut self, step: Step, now: i64, (engaged, scroll): (u32, u8)) {
        let Some((place, first, most)) = self.viewings.get_mut(&step.view) else { return };
        let row = &mut self.counted[*place];
        if (row.time - now).abs() >= 48 * HOUR {
            return;
        }
        let engaged = u64::from(engaged).min(u64::try_from(now - *first).unwrap_or(0));
        let has_grown = engaged > *most || scroll > row.scroll;
        row.engaged += engaged.saturating_sub(*most);
        *most = engaged.max(*most);
        row.scroll = row.scroll.max(scroll);
        // A page of 238 words asks for a minute.
        assert_eq!(WORDS, 238);
        let is_read = row.scroll == 100 && row.engaged >= 30_000 && row.is_page_view();
        row.is_read |= has_grown && row.page == step.page && is_read;
    }

    fn happen(&mut self, step: Step, now: i64, id: u64) {
        let before = self.happened.get(&id);
        let strayed = self.strayed.get(&id);
        if before.is_some_and(|place| self.is_known(*place, now))
            || strayed.is_some_and(|time| (now - time).abs() < 48 * HOUR)
        {
            return;
        }
        let viewing = self.viewings.get(&step.view).map(|(place, _, _)| *place);
        let viewing = viewing.filter(|place| self.is_known(*place, now));
        let traits = viewing.map(|place| self.counted[place].traits.clone()).unwrap_or_default();
        // Nobody is a visitor who has not viewed anything.
        let is_visitor = self.counted.iter().any(|counted| counted.visitor == step.visitor);
        let visitor = if is_visitor { step.visitor } else { 0 };
        let visit = self.visits.get(&visitor).copied();
        if let Some(visit) = visit.filter(|visit| includes(&self.counted, *visit, now)) {
            self.counted[visit.entry].is_bounce = false;
        }
        // An event of a viewing that is not known belongs to nobody.
        let visitor = if viewing.is_some() { visitor } else { 0 };
        if viewing.is_some() {
            self.happened.insert(id, self.counted.len());
        } else {
            self.strayed.insert(id, now);
        }
        let name = Some(name_of(id));
        let Step { page, .. } = step;
        self.counted.push(Counted { visitor, page, time: now, traits, name, ..Counted::default() });
    }

    fn pages(&self) -> impl Iterator<Item = &Counted> {
        self.counted.iter().filter(|counted| counted.is_page_view())
    }

    fn page_totals(&self) -> BTreeMap<&'static str, (u64, u64)> {
        let mut totals: BTreeMap<_, (u64, BTreeSet<u8>)> = BTreeMap::new();
        for counted in self.pages() {
            let (views, visitors) = totals.entry(PAGES[counted.page]).or_default();
            *views += 1;
            visitors.extend((counted.visitor != 0).then_some(counted.visitor));
        }
        totals.into_iter().map(|(page, (views, who))| (page, (views, who.len() as u64))).collect()
    }

    fn visitors(&self) -> u64 {
        amounts(self.pages()).visitors
    }
}

fn includes(counted: &[Counted], visit: Visit, now: i64) -> bool {
    (visit.sign - now).abs() < 30 * MINUTE && (counted[visit.entry].time - now).abs() < 24 * HOUR
}

fn amounts<'a>(counted: impl Iterator<Item = &'a Counted>) -> Amounts {
    let (mut sum, mut who) = (Amounts::default(), BTreeSet::new());
    for counted in counted {
        sum.views += 1;
        sum.visits += u64::from(counted.is_entry);
        sum.exits += u64::from(counted.is_exit);
        sum.bounces += u64::from(counted.is_bounce);
        sum.reads += u64::from(counted.is_read);
        sum.engaged_ms += counted.engaged;
        who.extend((counted.visitor != 0).then_some(counted.visitor));
    }
    Amounts { visitors: who.len() as u64, ..sum }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let passed = prop_oneof![
        0..5_i64,
        0..2 * MINUTE,
        0..40 * MINUTE,
        29 * MINUTE + 59_999..=30 * MINUTE,
        -40 * MINUTE..0,
        Just(-30 * MINUTE),
        5 * HOUR..40 * HOUR,
    ];
    let deed = prop_oneof![
        3 => Just(Deed::View),
        2 => (0..200_000_u32, prop_oneof![0..=100_u8, Just(100)]).prop_map(|(engaged, scroll)| Deed::Heartbeat(engaged, scroll)),
        1 => (0..9_u64).prop_map(Deed::Custom),
    ];
    let step = (0..25_u64, 0..4_u8, 0..PAGES.len(), passed, deed, 0..8_u8);
    let step = step.prop_map(|(view, visitor, page, passed, deed, ends)| Step {
        view,
        visitor,
        page,
        passed,
        deed,
        ends,
    });
    prop::collection::vec(step, 1..60)
}

fn event(step: Step, now: i64) -> Event {
    let page = PAGES[step.page];
    let event = match step.deed {
        Deed::Heartbeat(engaged, scroll) => {
            heartbeat(step.view, step.visitor, page, now, (engaged, scroll))
        }
        Deed::Custom(id) => custom(step.view, step.visitor, page, now, (id, name_of(id))),
        Deed::View => view(step.view, step.visitor, page, now),
    };
    let action = match event.action {
        Action::View(_) => Action::View(Box::new(traits_of(step.view))),
        other => other,
    };
    Event { at: Timestamp::from_millis(now), action, ..event }
}

/// A database with all that happened in it, and the same in the naive form.
struct Run {
    store: Store,
    naive: Naive,
    now: Timestamp,
    calendar: Calendar,
}

/// Runs `steps` through the database, in batches and with restarts, and through the naive rules. Of views of missing
/// paths and events of unknown viewings at most `most` of a day have a row.
fn run(path: &Path, steps: &[Step], (zone, start): (&str, &str), most: u32) -> Run {
    let calendar = Calendar::new(TimeZone::get(zone).unwrap());
    let identity = Identity { ids: VisitorIds::Persistent, calendar: calendar.clone() };
    let mut now = start.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let mut store = Store::open(path).unwrap();
    store.settle(&calendar).unwrap();
    let mut memory = store.load(Timestamp::from_millis(now)).unwrap();
    memory.strays.most = most;
    let (mut naive, mut batch) = (Naive::default(), Vec::new());
    let is_forward = steps.iter().all(|step| step.passed >= 0);
    for (place, step) in steps.iter().enumerate() {
        now += step.passed;
        batch.push(event(*step, now));
        naive.take(*step, now);
        if step.ends < 3 || place + 1 == steps.len() {
            store.commit(&mut memory, &mut batch, &identity, More::default()).unwrap();
            batch.clear();
        }
        if step.ends == 0 {
            drop(store);
            store = Store::open(path).unwrap();
            memory = store.load(Timestamp::from_millis(now)).unwrap();
            memory.strays.most = most;
            naive.restart();
        }
        if step.ends == 1 && is_forward {
            store.sweep(&mut memory, Timestamp::from_millis(now), &[]).unwrap();
        }
        if step.ends == 2 {
            store.merge(&mut memory).unwrap();
        }
    }
    let (later, mut progress) = (Timestamp::from_millis(now + 75 * HOUR), Progress::default());
    if steps.first().is_some_and(|step| step.ends < 4) {
        // Some or all rows are packed; what was counted last may not be.
        let tidied = if steps[0].ends < 2 { later } else { Timestamp::from_millis(now) };
        store.tidy(tidied, None, &calendar, &mut progress).unwrap();
    }
    Run { store, naive, now: Timestamp::from_millis(now), calendar }
}

/// Zones, and times shortly before something happens in them.
fn places() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("UTC", "2026-11-24T08:00:00Z"),
        ("Europe/Oslo", "2026-10-23T18:00:00Z"),
        ("Europe/Oslo", "2026-03-27T20:00:00Z"),
        ("Asia/Kathmandu", "2026-12-30T03:00:00Z"),
        ("Pacific/Auckland", "2027-02-26T00:00:00Z"),
    ])
}

fn filters() -> impl Strategy<Value = Filters> {
    let pages = prop::collection::vec(
        prop::sample::subsequence(vec!["/a/", "/b/", "/c/", "/none/"], 0..4),
        0..3,
    );
    let traits = prop::sample::subsequence(
        vec![
            (Dimension::Referrer, "news.example"),
            (Dimension::Country, "NO"),
            (Dimension::Device, "phone"),
            (Dimension::Campaign, "spring"),
            (Dimension::Browser, "Firefox"),
            (Dimension::System, "Linux"),
            (Dimension::Source, "nobody"),
        ],
        0..3,
    );
    let none = Just(Filters::default());
    let some = (pages, traits).prop_map(|(pages, traits)| Filters {
        pages: pages.into_iter().map(|set| set.into_iter().map(path).collect()).collect(),
        traits: traits
            .into_iter()
            .map(|(dimension, value)| (dimension, value.to_owned()))
            .collect(),
    });
    prop_oneof![1 => none, 2 => some]
}

fn times() -> impl Strategy<Value = Option<Period>> {
    let periods: Vec<_> = Period::ALL.into_iter().map(Some).chain([None]).collect();
    prop::sample::select(periods)
}

fn lets_through(filters: &Filters, counted: &Counted) -> bool {
    let is_page = filters
        .pages
        .iter()
        .all(|set| !counted.is_missing() && set.contains(&path(PAGES[counted.page])));
    is_page
        && filters.traits.iter().all(|(dimension, value)| {
            let traits = &counted.traits;
            let found = match dimension {
                Dimension::Referrer => traits.referrer.as_deref(),
                Dimension::Source => traits.source.as_deref(),
                Dimension::Campaign => traits.campaign.as_deref(),
                Dimension::Country => traits.country.map(zone::Country::code),
                Dimension::Device => traits.device,
                Dimension::Browser => traits.agent.browser,
                _ => traits.agent.system,
            };
            found == Some(value.as_str())
        })
}

/// What the answer to `question` must be, counted one by one.
struct Expected<'n> {
    rows: Vec<&'n Counted>,
    question: &'n Question,
}

impl Expected<'_> {
    #[track_caller]
    fn check(&self, answer: &Answer) {
        let pages = |from: i64, to: i64| {
            let rows = self.rows.iter().copied().filter(|counted| counted.is_page_view());
            amounts(rows.filter(|counted| (from..=to).contains(&counted.time)))
        };
        for course in std::iter::once(&answer.course).chain(&answer.compared) {
            let (from, to) = (course.from.as_millis(), course.to.as_millis());
            assert_eq!(course.totals, pages(from, to));
            let starts = course.series.iter().map(|point| point.start.as_millis().max(from));
            let ends = starts.clone().skip(1).map(|start| start - 1).chain([to]);
            for (point, (start, end)) in course.series.iter().zip(starts.zip(ends)) {
                assert_eq!(point.amounts, pages(start, end), "{}", point.start.to_rfc3339());
            }
            let views: u64 = course.series.iter().map(|point| point.amounts.views).sum();
            assert_eq!(views, course.totals.views, "steps cover the time");
        }
        let (from, to) = (answer.course.from.as_millis(), answer.course.to.as_millis());
        for (breakdown, lines) in &answer.breakdowns {
            let found: Vec<_> =
                lines.iter().map(|line| (line.value.clone(), line.amounts)).collect();
            assert_eq!(found, self.lines(*breakdown, (from, to)), "{breakdown:?}");
        }
        assert_eq!(answer.breakdowns.len(), self.question.breakdowns.len());
    }

    fn lines(&self, breakdown: Breakdown, (from, to): (i64, i64)) -> Vec<(String, Amounts)> {
        let mut values: BTreeMap<String, Vec<&Counted>> = BTreeMap::new();
        for counted in self.rows.iter().filter(|counted| (from..=to).contains(&counted.time)) {
            if let Some(value) = counted.value(breakdown) {
                values.entry(value).or_default().push(counted);
            }
        }
        let lines = values.into_iter().map(|(value, rows)| (value, amounts(rows.into_iter())));
        let mut lines: Vec<_> = lines.filter(|(_, amounts)| amounts.rank(breakdown) > 0).collect();
        lines.sort_by_key(|(_, amounts)| std::cmp::Reverse(amounts.rank(breakdown)));
        lines.truncate(self.question.limit);
        lines
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_stored_is_what_a_naive_count_of_the_events_gives(steps in steps(), place in places()) {
        let folder = tempfile::tempdir().unwrap();
        let Run { store, naive, now, .. } = run(&folder.path().join("analytics.redb"), &steps, place, 2);
        let stored = store.counts().unwrap();
        prop_assert_eq!(&stored, &store.recount().unwrap());
        prop_assert!(store.agrees().unwrap());

        let memory = store.load(now).unwrap();
        let pages: BTreeMap<&str, (u64, u64)> = memory.totals.pages().iter()
            .map(|page| (page.path.as_str(), (page.views, page.visitors)))
            .collect();
        prop_assert_eq!(pages, naive.page_totals());
        let site = memory.totals.site;
        let counted = naive.pages().count() as u64;
        prop_assert_eq!((site.views, site.visitors), (counted, naive.visitors()));
        let missing = naive.counted.iter().filter(|counted| counted.is_missing() && counted.name.is_none());
        prop_assert_eq!(site.not_found, missing.count() as u64);
        prop_assert_eq!(site.since.map(Timestamp::as_millis), naive.pages().next().map(|first| first.time));
    }

    #[test]
    fn roll_ups_that_are_rebuilt_in_any_zone_are_as_if_made_there(steps in steps(), one in places(), other in places()) {
        let folder = tempfile::tempdir().unwrap();
        let first = run(&folder.path().join("1.redb"), &steps, one, 2);
        let second = run(&folder.path().join("2.redb"), &steps, (other.0, one.1), 2);
        prop_assert_eq!(first.store.rebuild(&first.calendar).unwrap(), 0);
        first.store.settle(&second.calendar).unwrap();
        let (counts, expected) = (first.store.counts().unwrap(), second.store.counts().unwrap());
        prop_assert_eq!(&counts.days, &expected.days);
        prop_assert_eq!(counts, expected);
        prop_assert!(first.store.agrees().unwrap());
    }

    #[test]
    fn an_answer_is_what_a_naive_count_gives(
        steps in steps(),
        place in places(),
        period in times(),
        (from, length) in (0..5_i32, 0..5_i32),
        filters in filters(),
        compare in prop::option::of(prop::sample::select(vec![Comparison::Previous, Comparison::Year])),
        step in prop::option::of(prop::sample::select(vec![SeriesStep::Hour, SeriesStep::Day, SeriesStep::Week, SeriesStep::Month])),
        limit in 0..6_usize,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let run = run(&folder.path().join("analytics.redb"), &steps, place, u32::MAX);
        let today = i32::try_from(run.calendar.day(run.now)).unwrap();
        let last = Day::from_number(today - from);
        let time = period.map_or(Time::Days { from: last - length, to: last }, Time::Period);
        let question = Question { filters, compare, step, limit, ..Question::about(time) };
        let store = run.store;
        let history = store.history().unwrap();
        let query = Query::new(Arc::new(store));
        let answer = query.answer(&question, run.now).unwrap();
        let window = Window::at(time, run.now, &run.calendar, &history);
        prop_assert_eq!(window.bounds(&run.calendar), (answer.course.from, answer.course.to));
        let rows = run.naive.counted.iter().filter(|counted| lets_through(&question.filters, counted));
        let expected = Expected { rows: rows.collect(), question: &question };
        expected.check(&answer);
        let all: Vec<_> = ["/a/", "/b/", "/c/"].map(path).into();
        prop_assert_eq!(query.visitors_of(&all).unwrap(), run.naive.visitors());
    }
}
