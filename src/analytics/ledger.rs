//! Roll-ups under way in memory: what some rows add, before it is written.

use std::collections::BTreeMap;

use super::calendar::{Calendar, Level};
use super::days::Addition;
use super::quick::QuickMap;
use super::rollup::{Cell, Dimension, Rollup, Total};
use super::row::Row;
use super::visitor::Visitor;
use crate::clock::Timestamp;

/// An hour of [`Calendar::hour`], and what is counted in it as a whole.
pub(super) type Hour = (u32, Dimension);

/// A day, and a value of a dimension.
pub(super) type DayCell = (Dimension, u32, u32);

/// What some rows add to the totals of hours and days.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ledger {
    pub(super) hours: BTreeMap<Hour, Rollup>,
    pub(super) days: QuickMap<DayCell, Total>,
}

impl Ledger {
    /// Adds a row, or what it has more or less than `before`, if it was there before.
    pub(super) fn add(
        &mut self,
        calendar: &Calendar,
        time: Timestamp,
        row: &Row,
        before: Option<&Row>,
    ) {
        let gained = row.rollup().since(before.map(Row::rollup).unwrap_or_default());
        let (day, hour) = (calendar.day(time), calendar.hour(time));
        for (dimension, word) in row.values() {
            if word == 0 {
                let total = self.hours.entry((hour, dimension)).or_default();
                *total = total.merge(gained);
            }
            let total = self.days.entry((dimension, day, word)).or_default();
            total.rollup = total.rollup.merge(gained);
        }
    }

    /// Adds what was counted so many times without a row.
    pub(super) fn add_rowless(
        &mut self,
        calendar: &Calendar,
        (time, dimension, word): (Timestamp, Dimension, u32),
        views: u64,
    ) {
        let gained = Rollup { views, ..Rollup::default() };
        if word == 0 {
            let total = self.hours.entry((calendar.hour(time), dimension)).or_default();
            *total = total.merge(gained);
        }
        let total = self.days.entry((dimension, calendar.day(time), word)).or_default();
        total.rollup = total.rollup.merge(gained);
    }

    /// Adds a new row, and counts its visitor.
    pub(super) fn enter(
        &mut self,
        calendar: &Calendar,
        time: Timestamp,
        row: &Row,
        visitor: &mut Visitor,
    ) {
        let (gained, day, hour) = (row.rollup(), calendar.day(time), calendar.hour(time));
        for (dimension, word) in row.values() {
            if word == 0 {
                let total = self.hours.entry((hour, dimension)).or_default();
                *total = total.merge(gained);
            }
            // The site as a whole and all that it does not have share the number 0, and no visitors.
            let has_visitors = dimension != Dimension::NotFound || word != 0;
            let addition = if has_visitors { visitor.count(word, day) } else { None };
            let changes = || addition.into_iter().flat_map(Addition::changes);
            let total = self.days.entry((dimension, day, word)).or_default();
            total.rollup = total.rollup.merge(gained);
            for (_, gap, by) in changes().filter(|(of, ..)| *of == day) {
                total.returns.add(gap, by);
            }
            for (of, gap, by) in changes().filter(|(of, ..)| *of != day) {
                self.days.entry((dimension, of, word)).or_default().returns.add(gap, by);
            }
        }
    }

    /// The totals of all levels.
    pub(super) fn cells(&self) -> BTreeMap<Cell, Total> {
        let mut cells: BTreeMap<Cell, Total> = BTreeMap::new();
        for ((dimension, day, word), total) in &self.days {
            for level in Level::ALL {
                let start = level.start_of(*day);
                let cell = Cell { level, dimension: *dimension, start, word: *word };
                cells.entry(cell).or_default().merge(&total.lifted(day - start));
            }
        }
        cells
    }
}
