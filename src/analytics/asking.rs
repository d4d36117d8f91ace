//! How a question is answered: from roll-ups where that is possible, else from the rows of its time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use anyhow::anyhow;

use super::answer::{Amounts, Answer, Course, Line, Point};
use super::calendar::Calendar;
use super::question::{Breakdown, Comparison, Question, Step, Window};
use super::rollup::Dimension;
use super::scan::{Scan, Share, Sieve};
use super::store::{Store, Values};
use crate::clock::Timestamp;
use crate::permalink::UrlPath;

/// Longer times than this, in days, have no series by hours.
const HOURLY_AT_MOST: u32 = 31;

/// How many of the newest visitors are listed for a short time.
const NEWEST: u32 = 1 << 19;

/// A question about to be answered.
pub(super) struct Asking<'q> {
    store: &'q Store,
    question: &'q Question,
    calendar: Calendar,
    window: Window,
    step: Step,
    kept: Option<Timestamp>,
    /// Which rows count, if not all do.
    sieve: Option<Sieve>,
}

/// What was found for a time.
struct Finding {
    course: Course,
    values: BTreeMap<Dimension, Values>,
    scroll: [u64; 11],
}

impl<'q> Asking<'q> {
    /// Looks up what the question means at `now`.
    pub(super) fn begin(
        store: &'q Store,
        question: &'q Question,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let calendar = store.calendar()?;
        let window = Window::at(question.time, now, &calendar, &store.history()?);
        let step = question.step.unwrap_or_else(|| window.step());
        let step = match window {
            Window::Instants { .. } => Step::Hour,
            Window::Days { start, end } if step == Step::Hour && end - start > HOURLY_AT_MOST => {
                Step::Day
            }
            Window::Days { .. } => step,
        };
        let sieve = sieve(store, question)?;
        let kept = store.kept()?;
        Ok(Self { store, question, calendar, window, step, kept, sieve })
    }

    /// The answer.
    pub(super) fn answer(&self) -> anyhow::Result<Answer> {
        let finding = self.find(self.window, &self.question.breakdowns)?;
        let compared = self.question.compare.filter(|_| !self.is_all_time());
        let compare = |comparison| self.compare(comparison);
        let asks_for_pages = !self.question.filters.pages.is_empty();
        Ok(Answer {
            course: finding.course,
            step: self.step,
            compared: compared.map(compare).transpose()?,
            breakdowns: self.lines(&finding.values)?,
            scroll: asks_for_pages.then_some(finding.scroll),
            kept_from: self.kept,
        })
    }

    fn is_all_time(&self) -> bool {
        self.question.time == super::question::Time::Period(super::period::Period::All)
    }

    fn compare(&self, comparison: Comparison) -> anyhow::Result<Course> {
        let window = self.window.before(comparison, &self.calendar);
        Ok(self.find(window, &BTreeSet::new())?.course)
    }

    fn find(&self, window: Window, breakdowns: &BTreeSet<Breakdown>) -> anyhow::Result<Finding> {
        let dimensions: BTreeSet<_> = breakdowns.iter().map(|of| of.dimension()).collect();
        match (window, &self.sieve) {
            (Window::Days { start, end }, None) => self.look_up(start..end, dimensions),
            (_, sieve) => self.scan(window, &sieve.clone().unwrap_or_default(), dimensions),
        }
    }

    /// Finds whole days in the roll-ups.
    fn look_up(
        &self,
        days: Range<u32>,
        dimensions: BTreeSet<Dimension>,
    ) -> anyhow::Result<Finding> {
        let window = Window::of(&days);
        let values = self.store.values(dimensions, &days)?.into_iter().collect();
        let mut spans = vec![days];
        if self.step != Step::Hour {
            spans.extend(window.steps(self.step));
        }
        let mut sums = self.store.sums(&spans)?.into_iter();
        let totals = sums.next().unwrap_or_default();
        let series = match self.step {
            Step::Hour => self.hourly(window)?,
            _ => self.points(window, sums),
        };
        let (from, to) = window.bounds(&self.calendar);
        Ok(Finding { course: Course { from, to, totals, series }, values, scroll: [0; 11] })
    }

    /// Finds anything in the rows.
    fn scan(
        &self,
        window: Window,
        sieve: &Sieve,
        dimensions: BTreeSet<Dimension>,
    ) -> anyhow::Result<Finding> {
        let scan = self.scan_in_shares(window, sieve)?;
        let (from, to) = window.bounds(&self.calendar);
        let values = dimensions.into_iter().map(|dimension| (dimension, scan.values(dimension)));
        let values = values.collect();
        let (totals, series) = (scan.totals(), self.points(window, scan.series()));
        Ok(Finding { course: Course { from, to, totals, series }, values, scroll: scan.scroll() })
    }

    /// Looks at the rows of `window`: on two threads if they may be many.
    fn scan_in_shares(&self, window: Window, sieve: &Sieve) -> anyhow::Result<Scan> {
        if matches!(window, Window::Instants { .. }) {
            return self.scan_share(window, sieve, Share::ALL);
        }
        let share = |number| self.scan_share(window, sieve, Share { number, bits: 1 });
        let (first, second) = std::thread::scope(|scope| {
            let second = scope.spawn(|| share(1));
            (share(0), second.join())
        });
        let mut scan = first?;
        scan.merge(&second.map_err(|_| anyhow!("reading has failed"))??);
        Ok(scan)
    }

    fn scan_share(&self, window: Window, sieve: &Sieve, share: Share) -> anyhow::Result<Scan> {
        let (from, to) = window.bounds(&self.calendar);
        let last = self.store.last_visitor()?;
        // A list of all visitors is quick for many rows, and too large for few. Of a short time those who are new are
        // listed: they are next to one another, however many come in a flood.
        let first = if share.bits == 0 { last.saturating_sub(NEWEST) } else { 0 };
        let mut scan = Scan::new(sieve.clone(), share, first..last, self.starts(window));
        self.store.each_row(from..=to, &mut scan)?;
        Ok(scan)
    }

    /// The hours of some days: from rows, for the sake of their visitors; where rows are gone, from roll-ups.
    fn hourly(&self, window: Window) -> anyhow::Result<Vec<Point>> {
        let (starts, (_, to)) = (self.starts(window), window.bounds(&self.calendar));
        let is_gone = |start: &Timestamp| self.kept.is_some_and(|kept| *start < kept);
        let (gone, kept) = starts.split_at(starts.partition_point(is_gone));
        let hours: Vec<u32> = gone.iter().map(|start| self.calendar.hour(*start)).collect();
        let mut points = self.points(window, self.store.hours(&hours)?);
        if let Some(from) = kept.first().copied() {
            let rest = if gone.is_empty() { window } else { Window::Instants { from, to } };
            let scan = self.scan_share(rest, &Sieve::default(), Share::ALL)?;
            points.extend(self.points(rest, scan.series()));
        }
        Ok(points)
    }

    /// When each step begins.
    fn starts(&self, window: Window) -> Vec<Timestamp> {
        if self.step == Step::Hour {
            let (from, to) = window.bounds(&self.calendar);
            return self.calendar.hours(from, to);
        }
        let steps = window.steps(self.step);
        steps.into_iter().map(|days| self.calendar.start(days.start)).collect()
    }

    fn points(&self, window: Window, amounts: impl IntoIterator<Item = Amounts>) -> Vec<Point> {
        let starts = self.starts(window).into_iter().zip(amounts);
        starts.map(|(start, amounts)| Point { start, amounts }).collect()
    }

    /// The lines of each breakdown.
    fn lines(
        &self,
        values: &BTreeMap<Dimension, Values>,
    ) -> anyhow::Result<BTreeMap<Breakdown, Vec<Line>>> {
        let mut lines = BTreeMap::new();
        for breakdown in &self.question.breakdowns {
            let values = values.get(&breakdown.dimension()).map_or(&[][..], Vec::as_slice);
            lines.insert(*breakdown, self.first_lines(*breakdown, values)?);
        }
        Ok(lines)
    }

    /// The first lines of a breakdown. Names are looked up only for those that may be among them.
    fn first_lines(
        &self,
        breakdown: Breakdown,
        values: &[(u32, Amounts)],
    ) -> anyhow::Result<Vec<Line>> {
        let limit = self.question.limit;
        let ranks = values.iter().map(|(_, amounts)| amounts.rank(breakdown));
        let mut ranks: Vec<u64> = ranks.filter(|rank| *rank > 0).collect();
        let least = if limit == 0 || ranks.len() <= limit {
            1
        } else {
            *ranks.select_nth_unstable_by(limit - 1, |a, b| b.cmp(a)).1
        };
        let may_be = |(_, amounts): &&(u32, Amounts)| amounts.rank(breakdown) >= least;
        let chosen: Vec<(u32, Amounts)> = values.iter().filter(may_be).copied().collect();
        let numbers: Vec<u32> = chosen.iter().map(|(number, _)| *number).collect();
        let texts = self.store.texts(&numbers)?.into_iter();
        let line = |(value, (_, amounts))| Line { value, amounts };
        let mut lines: Vec<Line> = texts.zip(chosen).map(line).collect();
        lines.sort_by(|a, b| {
            let (first, second) = (a.amounts.rank(breakdown), b.amounts.rank(breakdown));
            second.cmp(&first).then_with(|| a.value.cmp(&b.value))
        });
        lines.truncate(limit);
        Ok(lines)
    }
}

/// The filters of a question in numbers; none if everything is asked about.
fn sieve(store: &Store, question: &Question) -> anyhow::Result<Option<Sieve>> {
    let filters = &question.filters;
    if filters.is_empty() {
        return Ok(None);
    }
    let pages = match filters.paths() {
        None => None,
        Some(paths) => {
            let paths = paths.into_iter().map(UrlPath::as_str);
            let numbers = store.numbers(Dimension::Path, paths)?;
            let places = numbers.iter().filter_map(|number| usize::try_from(*number).ok());
            let mut pages = Vec::new();
            for place in places {
                pages.resize(pages.len().max(place + 1), false);
                pages[place] = true;
            }
            Some(pages)
        }
    };
    let mut traits = Vec::new();
    for (dimension, value) in &filters.traits {
        let place = Dimension::TRAITS.iter().position(|of| of == dimension);
        let number = store.numbers(*dimension, [value.as_str()])?.first().copied();
        // A value that nobody ever had is that of no row; and so is one of what is no trait.
        traits.push(place.zip(number).unwrap_or((0, u32::MAX)));
    }
    Ok(Some(Sieve { pages, traits }))
}
