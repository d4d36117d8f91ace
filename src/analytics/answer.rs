//! What is answered: totals, a series over time, and lines by value.

use std::collections::BTreeMap;

use serde::Serialize;

use super::question::{Breakdown, Step};
use super::rollup::Rollup;
use crate::clock::Timestamp;

/// How much was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Amounts {
    /// Counted views; of events, how often they happened.
    pub views: u64,
    /// Distinct visitors among them.
    pub visitors: u64,
    /// Visits that began with one of them.
    pub visits: u64,
    /// Visits that ended with one of them.
    pub exits: u64,
    /// Visits that began with one of them and had no other view, nor a custom event.
    pub bounces: u64,
    /// Milliseconds that they were engaged, in all.
    pub engaged_ms: u64,
    /// How many of them were read to the end.
    pub reads: u64,
}

impl Amounts {
    /// The amounts of a roll-up with so many visitors.
    pub(super) const fn of(rollup: Rollup, visitors: u64) -> Self {
        let Rollup { views, visits, exits, bounces, engaged_ms, reads, .. } = rollup;
        Self { views, visitors, visits, exits, bounces, engaged_ms, reads }
    }

    /// What the lines of `breakdown` are ordered by; those with none of it are left out.
    pub(super) const fn rank(&self, breakdown: Breakdown) -> u64 {
        match breakdown {
            Breakdown::EntryPages => self.visits,
            Breakdown::ExitPages => self.exits,
            _ => self.views,
        }
    }
}

/// What was counted in a step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Point {
    /// When the step begins; the first may have begun before the time that was asked about.
    pub start: Timestamp,
    /// How much.
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// What was counted in a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Course {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends; the instant belongs to it.
    pub to: Timestamp,
    /// How much in all.
    pub totals: Amounts,
    /// How much in each step, empty ones included.
    pub series: Vec<Point>,
}

/// What was counted for a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The value: a path, a name, a country's code.
    pub value: String,
    /// How much.
    #[serde(flatten)]
    pub amounts: Amounts,
}

/// The answer to a [`Question`](super::Question).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// What was counted in the time that was asked about.
    #[serde(flatten)]
    pub course: Course,
    /// How long a step of the series is.
    pub step: Step,
    /// What was counted in the time that it is compared with.
    pub compared: Option<Course>,
    /// By value, most first, then by value.
    pub breakdowns: BTreeMap<Breakdown, Vec<Line>>,
    /// If pages were asked for: how many views of them went how far, from less than 10 percent to all.
    pub scroll: Option<[u64; 11]>,
    /// From when on single views are kept, if any were dropped: answers with filters, and of less than a day,
    /// know nothing of what was before.
    pub kept_from: Option<Timestamp>,
}
