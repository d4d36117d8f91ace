//! What rows add up to when they are looked at one by one: for filters, and for parts of days.

use super::answer::Amounts;
use super::quick::{QuickMap, QuickSet};
use super::rollup::{Dimension, Rollup};
use super::row::{Flags, Row, RowKey};
use crate::clock::Timestamp;

/// Which rows count.
#[derive(Debug, Clone, Default)]
pub(super) struct Sieve {
    /// Which pages, by number; all if none.
    pub(super) pages: Option<Vec<bool>>,
    /// Places in [`Row::traits`], and the number of the value that must be there.
    pub(super) traits: Vec<(usize, u32)>,
}

impl Sieve {
    /// Whether `row` counts.
    fn lets_through(&self, row: &Row) -> bool {
        let is_page = self.pages.as_ref().is_none_or(|pages| {
            let place = usize::try_from(row.path).unwrap_or(usize::MAX);
            !row.flags.has(Flags::MISSING) && pages.get(place).copied().unwrap_or(false)
        });
        is_page && self.traits.iter().all(|(place, word)| row.traits[*place] == *word)
    }
}

/// What was counted for a value so far.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    dimension: u8,
    rollup: Rollup,
    visitors: u64,
}

/// The values that most rows of a visitor share, so that seeing the same again costs a comparison.
const SHARED: usize = 2 + Dimension::TRAITS.len();
const STEP: usize = SHARED - 1;

/// Rows being added up. Numbers of words are unique across dimensions, so one list holds all values.
#[derive(Debug, Default)]
pub(super) struct Scan {
    sieve: Sieve,
    /// When each step of the series begins.
    starts: Vec<Timestamp>,
    step: usize,
    site: Count,
    steps: Vec<Count>,
    words: Vec<Count>,
    scroll: [u64; 11],
    /// By visitor: for each shared dimension the value that was last seen, one more for steps.
    last: QuickMap<u32, [u32; SHARED]>,
    /// Other values with their visitors.
    others: QuickSet<u64>,
}

/// Tells steps from words among the values of a visitor.
const STEPS: u32 = 1 << 31;

impl Scan {
    /// Adds up what `sieve` lets through, in steps that begin at `starts`.
    pub(super) fn new(sieve: Sieve, starts: Vec<Timestamp>) -> Self {
        let steps = vec![Count::default(); starts.len()];
        Self { sieve, starts, steps, ..Self::default() }
    }

    /// Takes a row in.
    pub(super) fn add(&mut self, key: RowKey, row: &Row) {
        if !self.sieve.lets_through(row) {
            return;
        }
        let rollup = row.rollup();
        let (mut last, is_new) = self.visitor(row);
        if row.is_page_view() {
            self.site.rollup = self.site.rollup.merge(rollup);
            self.scroll[usize::from(row.scroll.min(100)) / 10] += 1;
            self.site.visitors += u64::from(is_new);
            self.add_to_step(key.time(), row, rollup, &mut last);
        }
        for (dimension, word) in row.values() {
            if word != 0 {
                let is_new =
                    row.visitor != 0 && self.is_new(dimension, word, row.visitor, &mut last);
                let count = self.word(word);
                count.dimension = dimension.code();
                count.rollup = count.rollup.merge(rollup);
                count.visitors += u64::from(is_new);
            }
        }
        if row.visitor != 0 {
            self.last.insert(row.visitor, last);
        }
    }

    /// What the visitor was last seen with, and whether this is the first page view of the visitor.
    fn visitor(&self, row: &Row) -> ([u32; SHARED], bool) {
        let last = self.last.get(&row.visitor).copied().unwrap_or_default();
        (last, row.visitor != 0 && last[STEP] == 0)
    }

    fn add_to_step(
        &mut self,
        time: Timestamp,
        row: &Row,
        rollup: Rollup,
        last: &mut [u32; SHARED],
    ) {
        let begun = |start: Option<&Timestamp>| start.is_some_and(|start| *start <= time);
        if !begun(self.starts.get(self.step)) || begun(self.starts.get(self.step + 1)) {
            let after = self.starts.partition_point(|start| *start <= time);
            self.step = after.saturating_sub(1);
        }
        // Steps are numbered from 1, since 0 says that the visitor is new.
        let number = u32::try_from(self.step).unwrap_or(0) + 1;
        let is_new = row.visitor != 0
            && changed(&mut last[STEP], number).is_some_and(|before| {
                is_first(&mut self.others, row.visitor, (before, number), STEPS)
            });
        if let Some(step) = self.steps.get_mut(self.step) {
            step.rollup = step.rollup.merge(rollup);
            step.visitors += u64::from(is_new);
        }
    }

    /// Whether the visitor was not counted for `word` yet.
    fn is_new(
        &mut self,
        dimension: Dimension,
        word: u32,
        visitor: u32,
        last: &mut [u32; SHARED],
    ) -> bool {
        let place = match dimension {
            Dimension::Path => 0,
            Dimension::Referrer => 1,
            Dimension::Country => 2,
            Dimension::Device => 3,
            Dimension::Browser => 4,
            Dimension::System => 5,
            Dimension::Source => 6,
            Dimension::Campaign => 7,
            _ => return self.others.insert(pair(word, visitor)),
        };
        changed(&mut last[place], word)
            .is_some_and(|before| is_first(&mut self.others, visitor, (before, word), 0))
    }

    fn word(&mut self, word: u32) -> &mut Count {
        let place = usize::try_from(word).unwrap_or(0);
        if place >= self.words.len() {
            self.words.resize(place + 1, Count::default());
        }
        &mut self.words[place]
    }

    /// How much was counted in all.
    pub(super) const fn totals(&self) -> Amounts {
        Amounts::of(self.site.rollup, self.site.visitors)
    }

    /// How much was counted in each step.
    pub(super) fn series(&self) -> impl Iterator<Item = Amounts> {
        self.steps.iter().map(|count| Amounts::of(count.rollup, count.visitors))
    }

    /// How much was counted for each value of `dimension`.
    pub(super) fn values(&self, dimension: Dimension) -> Vec<(u32, Amounts)> {
        let counts = (0..).zip(&self.words);
        let of_dimension = counts
            .filter(|(_, count)| count.dimension == dimension.code() && count.rollup.views > 0);
        of_dimension
            .map(|(word, count)| (word, Amounts::of(count.rollup, count.visitors)))
            .collect()
    }

    /// How many views went how far.
    pub(super) const fn scroll(&self) -> [u64; 11] {
        self.scroll
    }
}

/// Sets `last` to `value`; what it was before, if it was another.
fn changed(last: &mut u32, value: u32) -> Option<u32> {
    let before = std::mem::replace(last, value);
    (before != value).then_some(before)
}

/// Whether a visitor who was last seen with `before` is seen with `value` for the first time.
fn is_first(
    others: &mut QuickSet<u64>,
    visitor: u32,
    (before, value): (u32, u32),
    mark: u32,
) -> bool {
    if before == 0 {
        return true;
    }
    others.insert(pair(before | mark, visitor));
    !others.contains(&pair(value | mark, visitor))
}

fn pair(word: u32, visitor: u32) -> u64 {
    u64::from(word) << u32::BITS | u64::from(visitor)
}
