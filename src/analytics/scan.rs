//! What rows add up to when they are looked at one by one: for filters, and for parts of days.

use std::ops::Range;

use super::answer::Amounts;
use super::quick::QuickSet;
use super::rollup::{Dimension, Rollup};
use super::row::{Flags, Head, Row, RowKey};
use super::store::RowSink;
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
    /// Whether a row that begins like this may count.
    fn may_let_through(&self, head: &Head) -> bool {
        self.pages.as_ref().is_none_or(|pages| {
            let place = usize::try_from(head.path).unwrap_or(usize::MAX);
            !head.flags.has(Flags::MISSING) && pages.get(place).copied().unwrap_or(false)
        })
    }

    /// Whether a row counts that may.
    fn lets_through(&self, row: &Row) -> bool {
        self.traits.iter().all(|(place, word)| row.traits[*place] == *word)
    }
}

/// What was counted for a value so far, or what a row adds to it. The smaller it is, the more values stay at hand.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// Views, visits, exits, bounces, reads and visitors; numbers of rows, which 32 bits can hold.
    rows: [u32; 8],
    /// Milliseconds engaged, and percent scrolled.
    sums: [u64; 2],
}

/// The place of visitors among the numbers of a [`Count`].
const VISITORS: usize = 5;

impl Count {
    /// What a row adds, without its visitor.
    fn of(row: &Row) -> Self {
        let Rollup { views, visits, exits, bounces, engaged_ms, reads, scrolled } = row.rollup();
        // Each of these is one or zero.
        let rows = [views, visits, exits, bounces, reads, 0, 0, 0];
        let rows = rows.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        Self { rows, sums: [engaged_ms, scrolled] }
    }

    fn add(&mut self, row: &Self, is_new_visitor: bool) {
        self.merge(row);
        self.rows[VISITORS] += u32::from(is_new_visitor);
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.rows.iter_mut().zip(other.rows) {
            *mine = mine.wrapping_add(theirs);
        }
        for (mine, theirs) in self.sums.iter_mut().zip(other.sums) {
            *mine = mine.wrapping_add(theirs);
        }
    }

    fn amounts(&self) -> Amounts {
        let [views, visits, exits, bounces, reads, visitors, ..] = self.rows.map(u64::from);
        let [engaged_ms, scrolled] = self.sums;
        let rollup = Rollup { views, visits, exits, bounces, engaged_ms, reads, scrolled };
        Amounts::of(rollup, visitors)
    }
}

/// Which visitors are looked at: all, or those of one share of several. Shares are of visitors and not of time,
/// because then nobody is in two of them, and what they find can be added up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub(super) number: u32,
    /// There are two to the power of this.
    pub(super) bits: u32,
}

impl Share {
    /// All visitors.
    pub(super) const ALL: Self = Self { number: 0, bits: 0 };

    /// Whether it has this visitor.
    const fn has(self, visitor: u32) -> bool {
        visitor & ((1 << self.bits) - 1) == self.number
    }

    /// The number of a visitor among those of the share.
    const fn place(self, visitor: u32) -> u32 {
        visitor >> self.bits
    }
}

/// What a visitor was counted for: the first values of the dimensions that most views have, and at [`STEP`] the
/// last step; 0 is nothing. Few readers have more, few numbers are too large, and memory is what limits the speed: none is in
/// two lines of the processor's cache.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
struct Known([u16; 16]);
const STEP: usize = 15;

/// More visitors than this have no seat; for them each value is looked up.
const LISTED: u32 = 16_000_000;

/// Tells steps from words among the values of a visitor.
const STEPS: u32 = 1 << 31;

/// Which values each visitor was counted for: the first ones in a list, others in a set.
#[derive(Debug, Default)]
struct Visitors {
    /// Those who came, in the order in which they did: nobody else needs room.
    known: Vec<Known>,
    /// Where each visitor is in that list, by number; one more than the place, and 0 is nowhere.
    seats: Vec<u32>,
    /// Whose number is the first of the seats.
    first: usize,
    others: QuickSet<u64>,
}

/// A visitor, by number, and the place in [`Visitors::known`], if there is one.
#[derive(Debug, Clone, Copy)]
struct Visitor {
    number: u32,
    place: Option<usize>,
}

impl Visitors {
    /// The visitor of this number, who is given a place if there is none yet.
    fn visitor(&mut self, number: u32) -> Visitor {
        let seat = usize::try_from(number).ok().and_then(|number| number.checked_sub(self.first));
        let Some(seat) = seat.and_then(|seat| self.seats.get_mut(seat)) else {
            return Visitor { number, place: None };
        };
        if *seat == 0 {
            self.known.push(Known::default());
            *seat = u32::try_from(self.known.len()).unwrap_or(0);
        }
        Visitor { number, place: (*seat as usize).checked_sub(1) }
    }

    /// What the visitor was counted for, if the list has it.
    fn known(&mut self, visitor: Visitor) -> Option<&mut [u16; 16]> {
        self.known.get_mut(visitor.place?).map(|known| &mut known.0)
    }

    /// Whether `word` is new to the visitor.
    fn is_new(&mut self, visitor: Visitor, slots: Range<usize>, word: u32) -> bool {
        if let (Ok(word), Some(known)) = (u16::try_from(word), self.known(visitor)) {
            for slot in &mut known[slots] {
                if *slot == word || *slot == 0 {
                    return std::mem::replace(slot, word) == 0;
                }
            }
        }
        self.insert(word, visitor)
    }

    /// Whether the visitor was not counted in `step` yet. Steps come in order, or nearly so: only the last is
    /// at hand.
    fn is_new_in(&mut self, visitor: Visitor, step: u16) -> bool {
        let mark = |step: u16| u32::from(step) | STEPS;
        let Some(known) = self.known(visitor) else {
            return self.insert(mark(step), visitor);
        };
        let before = std::mem::replace(&mut known[STEP], step);
        if before == step || before == 0 {
            return before == 0;
        }
        self.insert(mark(before), visitor);
        !self.others.contains(&pair(mark(step), visitor.number))
    }

    /// Whether nothing was counted for the visitor in any step.
    fn is_unknown(&mut self, visitor: Visitor) -> bool {
        match self.known(visitor) {
            Some(known) => known[STEP] == 0,
            // No word has this number.
            None => self.insert(0, visitor),
        }
    }

    fn insert(&mut self, word: u32, visitor: Visitor) -> bool {
        self.others.insert(pair(word, visitor.number))
    }
}

fn pair(word: u32, visitor: u32) -> u64 {
    u64::from(word) << u32::BITS | u64::from(visitor)
}

/// Where the values of a dimension stand in [`Known`], if they do.
const fn slots(dimension: Dimension) -> Range<usize> {
    match dimension {
        Dimension::Path => 0..6,
        Dimension::Referrer => 6..9,
        Dimension::Country => 9..10,
        Dimension::Device => 10..11,
        Dimension::Browser => 11..12,
        Dimension::System => 12..13,
        Dimension::Source => 13..14,
        Dimension::Campaign => 14..15,
        _ => 0..0,
    }
}

/// Rows being added up. Numbers of words are unique across dimensions, so one list holds all values.
#[derive(Debug)]
pub(super) struct Scan {
    sieve: Sieve,
    share: Share,
    /// When each step of the series begins.
    starts: Vec<Timestamp>,
    step: usize,
    site: Count,
    steps: Vec<Count>,
    words: Vec<Count>,
    /// The codes of their dimensions.
    dimensions: Vec<u8>,
    scroll: [u64; 11],
    visitors: Visitors,
}

impl Scan {
    /// Adds up what `sieve` lets through of a share of visitors, most of whom are numbered as in `visitors`, in steps
    /// that begin at `starts`.
    pub(super) fn new(
        sieve: Sieve,
        share: Share,
        visitors: Range<u32>,
        starts: Vec<Timestamp>,
    ) -> Self {
        let place = |visitor: u32| usize::try_from(share.place(visitor)).unwrap_or(0);
        let first = place(visitors.start);
        let last = place(visitors.end.min(visitors.start.saturating_add(LISTED)));
        let seats = vec![0; last + 1 - first.min(last)];
        Self {
            sieve,
            share,
            step: 0,
            site: Count::default(),
            steps: vec![Count::default(); starts.len()],
            starts,
            words: Vec::new(),
            dimensions: Vec::new(),
            scroll: [0; 11],
            // Of those, what is never touched costs nothing.
            visitors: Visitors { seats, first, ..Visitors::default() },
        }
    }

    /// Takes a row in that counts.
    fn add(&mut self, key: RowKey, row: &Row) {
        let number = Some(self.share.place(row.visitor)).filter(|_| row.visitor != 0);
        let visitor = number.map(|number| self.visitors.visitor(number));
        let added = Count::of(row);
        if row.is_page_view() {
            let is_new = visitor.is_some_and(|visitor| self.visitors.is_unknown(visitor));
            self.site.add(&added, is_new);
            self.scroll[usize::from(row.scroll.min(100)) / 10] += 1;
            self.add_to_step(key.time(), &added, visitor);
        }
        for (dimension, word) in row.values().filter(|(_, word)| *word != 0) {
            let visitors = &mut self.visitors;
            let is_new =
                visitor.is_some_and(|visitor| visitors.is_new(visitor, slots(dimension), word));
            self.word(word, dimension.code()).add(&added, is_new);
        }
    }

    /// What was counted for a value of the dimension with this code.
    fn word(&mut self, word: u32, dimension: u8) -> &mut Count {
        let place = usize::try_from(word).unwrap_or(0);
        if place >= self.words.len() {
            self.words.resize(place + 1, Count::default());
            self.dimensions.resize(place + 1, 0);
        }
        self.dimensions[place] = dimension;
        &mut self.words[place]
    }

    fn add_to_step(&mut self, time: Timestamp, added: &Count, visitor: Option<Visitor>) {
        let begun = |start: Option<&Timestamp>| start.is_some_and(|start| *start <= time);
        if !begun(self.starts.get(self.step)) || begun(self.starts.get(self.step + 1)) {
            let after = self.starts.partition_point(|start| *start <= time);
            self.step = after.saturating_sub(1);
        }
        // Numbered from 1, since 0 is nothing.
        let number = u16::try_from(self.step + 1).unwrap_or(u16::MAX);
        let is_new = visitor.is_some_and(|visitor| self.visitors.is_new_in(visitor, number));
        if let Some(step) = self.steps.get_mut(self.step) {
            step.add(added, is_new);
        }
    }

    /// Takes in what another share found.
    pub(super) fn merge(&mut self, other: &Self) {
        self.site.merge(&other.site);
        self.steps.iter_mut().zip(&other.steps).for_each(|(mine, theirs)| mine.merge(theirs));
        for ((word, count), dimension) in (0..).zip(&other.words).zip(&other.dimensions) {
            if count.rows[0] > 0 {
                self.word(word, *dimension).merge(count);
            }
        }
        self.scroll.iter_mut().zip(other.scroll).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// How much was counted in all.
    pub(super) fn totals(&self) -> Amounts {
        self.site.amounts()
    }

    /// How much was counted in each step.
    pub(super) fn series(&self) -> impl Iterator<Item = Amounts> {
        self.steps.iter().map(Count::amounts)
    }

    /// How much was counted for each value of `dimension`.
    pub(super) fn values(&self, dimension: Dimension) -> Vec<(u32, Amounts)> {
        let counts = (0..).zip(&self.words).zip(&self.dimensions);
        let of_dimension =
            counts.filter(|((_, count), code)| **code == dimension.code() && count.rows[0] > 0);
        of_dimension.map(|((word, count), _)| (word, count.amounts())).collect()
    }

    /// How many views went how far.
    pub(super) const fn scroll(&self) -> [u64; 11] {
        self.scroll
    }
}

impl RowSink for Scan {
    fn wants(&mut self, _key: RowKey, head: &Head) -> bool {
        self.share.has(head.visitor) && self.sieve.may_let_through(head)
    }

    fn take(&mut self, key: RowKey, row: &Row) {
        if self.sieve.lets_through(row) {
            self.add(key, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let row = (0_u32..9, 1_u32..4, 5_u32..8, 10_u32..13, any::<bool>());
        let row = row.prop_map(|(visitor, path, referrer, country, is_missing)| {
            let mut row = Row { path, visitor, ..Row::default() };
            (row.traits[0], row.traits[1], row.traits[6]) = (referrer, country, country + 10);
            if is_missing {
                row.flags = Flags::MISSING;
                row.path += 40;
            }
            row
        });
        prop::collection::vec(row, 0..200)
    }

    /// All that a scan has found.
    fn found(scan: &Scan) -> (Amounts, Vec<Amounts>, Vec<(u32, Amounts)>) {
        let values = Dimension::ALL.into_iter().flat_map(|dimension| scan.values(dimension));
        (scan.totals(), scan.series().collect(), values.collect())
    }

    proptest! {
        #[test]
        fn shares_and_visitors_without_a_place_in_the_list_give_the_same(rows in rows()) {
            let starts = [0, 50, 120].map(Timestamp::from_millis).to_vec();
            let scan = |share, visitors: Range<u32>| {
                let mut scan = Scan::new(Sieve::default(), share, visitors, starts.clone());
                for (millis, row) in (0..).zip(&rows) {
                    let key = RowKey::at_millis(millis);
                    if scan.wants(key, &row.head()) {
                        scan.take(key, row);
                    }
                }
                scan
            };
            let all = scan(Share::ALL, 0..9);
            for listed in [0..0, 0..4, 5..9, 4..6, 9..9] {
                prop_assert_eq!(found(&scan(Share::ALL, listed)), found(&all));
            }
            let mut merged = scan(Share { number: 0, bits: 1 }, 3..9);
            merged.merge(&scan(Share { number: 1, bits: 1 }, 3..9));
            prop_assert_eq!(found(&merged), found(&all));
            let visitors: QuickSet<u32> = rows.iter().filter(|row| row.is_page_view() && row.visitor > 0).map(|row| row.visitor).collect();
            prop_assert_eq!(all.totals().visitors, visitors.len() as u64);
        }
    }
}
