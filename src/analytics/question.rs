//! What can be asked: of which time, of which readers and pages, split by what.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, Level};
use super::period::Period;
use super::rollup::Dimension;
use crate::clock::{Day, Timestamp};
use crate::permalink::UrlPath;

/// A question about what was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Of which time.
    pub time: Time,
    /// Of which views.
    pub filters: Filters,
    /// What it is to be compared with.
    pub compare: Option<Comparison>,
    /// How long each step of the series is; a fitting one if none.
    pub step: Option<Step>,
    /// What it is to be split by.
    pub breakdowns: BTreeSet<Breakdown>,
    /// How many lines each breakdown has at most.
    pub limit: usize,
}

impl Question {
    /// A question about everything in `time`, with each breakdown.
    pub fn about(time: Time) -> Self {
        Self {
            time,
            filters: Filters::default(),
            compare: None,
            step: None,
            breakdowns: Breakdown::ALL.into_iter().collect(),
            limit: 10,
        }
    }
}

/// A stretch of time that can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// One that ends now.
    Period(Period),
    /// Whole days, both included; none if they are in the wrong order.
    Days {
        /// The first.
        from: Day,
        /// The last.
        to: Day,
    },
}

/// Which views are asked about: those that satisfy all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters {
    /// The page is in each of these sets: a page, the pages of a tag, those of an author.
    pub pages: Vec<BTreeSet<UrlPath>>,
    /// Each of these dimensions, which are among [`Dimension::TRAITS`], has this value.
    pub traits: Vec<(Dimension, String)>,
}

impl Filters {
    /// Whether everything is asked about.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.traits.is_empty()
    }

    /// The pages that are in each set; none if all are.
    pub(super) fn paths(&self) -> Option<BTreeSet<&UrlPath>> {
        let (first, rest) = self.pages.split_first()?;
        Some(first.iter().filter(|path| rest.iter().all(|set| set.contains(*path))).collect())
    }
}

/// What a stretch of time is compared with. The days of the week are the same in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    /// As much time just before, or up to six days earlier for the days of the week.
    Previous,
    /// The same time 52 weeks earlier, or more if it is longer than that.
    Year,
}

/// How long a step of a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week, from Monday on.
    Week,
    /// A month of the calendar.
    Month,
}

/// What an answer can be split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Breakdown {
    /// The pages that were viewed.
    Pages,
    /// The pages that visits began with.
    EntryPages,
    /// The pages that visits ended with.
    ExitPages,
    /// Where visitors came from.
    Referrers,
    /// `utm_source`.
    Sources,
    /// `utm_campaign`.
    Campaigns,
    /// Countries.
    Countries,
    /// Kinds of devices.
    Devices,
    /// Browsers.
    Browsers,
    /// Operating systems.
    Systems,
    /// Custom events by name.
    Events,
    /// Links to other sites.
    Outbound,
    /// Files that were downloaded.
    Downloads,
    /// Paths that the site does not have.
    NotFound,
}

impl Breakdown {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Pages,
        Self::EntryPages,
        Self::ExitPages,
        Self::Referrers,
        Self::Sources,
        Self::Campaigns,
        Self::Countries,
        Self::Devices,
        Self::Browsers,
        Self::Systems,
        Self::Events,
        Self::Outbound,
        Self::Downloads,
        Self::NotFound,
    ];

    /// The dimension whose values its lines are.
    pub(super) const fn dimension(self) -> Dimension {
        match self {
            Self::Pages | Self::EntryPages | Self::ExitPages => Dimension::Path,
            Self::Referrers => Dimension::Referrer,
            Self::Sources => Dimension::Source,
            Self::Campaigns => Dimension::Campaign,
            Self::Countries => Dimension::Country,
            Self::Devices => Dimension::Device,
            Self::Browsers => Dimension::Browser,
            Self::Systems => Dimension::System,
            Self::Events => Dimension::Event,
            Self::Outbound => Dimension::Outbound,
            Self::Downloads => Dimension::Download,
            Self::NotFound => Dimension::NotFound,
        }
    }
}

/// The time of a question at some instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// Whole days.
    Days {
        /// The first.
        start: u32,
        /// The first after them.
        end: u32,
    },
    /// From an instant to another, both included.
    Instants {
        /// The first.
        from: Timestamp,
        /// The last.
        to: Timestamp,
    },
}

impl Window {
    /// The days of `days`.
    pub(super) const fn of(days: &Range<u32>) -> Self {
        Self::Days { start: days.start, end: days.end }
    }

    /// The time that `time` means at `now`, where `history` are the days on which anything was counted.
    pub(super) fn at(
        time: Time,
        now: Timestamp,
        calendar: &Calendar,
        history: &Range<u32>,
    ) -> Self {
        let today = calendar.day(now);
        match time {
            Time::Days { from, to } => {
                let day = |day: Day| u32::try_from(day.number()).unwrap_or(0);
                // Days that are yet to come have nothing to tell, and there is no end of them.
                let end = (day(to).saturating_add(1)).min(history.end.max(today + 1));
                let start = day(from).min(end);
                Self::Days { start, end: end.max(start) }
            }
            Time::Period(Period::All) => {
                let start = if history.is_empty() { today } else { history.start.min(today) };
                Self::Days { start, end: history.end.max(today + 1) }
            }
            Time::Period(period) => match period.span(now, calendar.zone()) {
                Some(span) if period != Period::Day => {
                    Self::Days { start: calendar.day(span.from), end: today + 1 }
                }
                Some(span) => Self::Instants { from: span.from, to: span.to },
                None => Self::Days { start: today, end: today + 1 },
            },
        }
    }

    /// When it begins and ends, both included.
    pub(super) fn bounds(self, calendar: &Calendar) -> (Timestamp, Timestamp) {
        match self {
            Self::Days { start, end } => {
                let last = calendar.start(end).as_millis().saturating_sub(1);
                (calendar.start(start), Timestamp::from_millis(last))
            }
            Self::Instants { from, to } => (from, to),
        }
    }

    /// The time that it is compared with.
    pub(super) fn before(self, comparison: Comparison, calendar: &Calendar) -> Self {
        let length = match self {
            Self::Days { start, end } => end.saturating_sub(start).max(1),
            Self::Instants { .. } => 1,
        };
        let weeks = match comparison {
            Comparison::Previous => length.div_ceil(7),
            Comparison::Year => length.div_ceil(7).max(52),
        };
        let days = weeks * 7;
        match self {
            Self::Days { start, end } => {
                Self::Days { start: start.saturating_sub(days), end: end.saturating_sub(days) }
            }
            Self::Instants { from, to } => {
                let earlier = |time| calendar.days_before(time, days);
                Self::Instants { from: earlier(from), to: earlier(to) }
            }
        }
    }

    /// A step that gives the series some dozens of points.
    pub(super) const fn step(self) -> Step {
        match self {
            Self::Instants { .. } => Step::Hour,
            Self::Days { start, end } => match end.saturating_sub(start) {
                0..=2 => Step::Hour,
                3..=92 => Step::Day,
                93..=750 => Step::Week,
                _ => Step::Month,
            },
        }
    }

    /// The days of each step, the first and the last perhaps cut.
    pub(super) fn steps(self, step: Step) -> Vec<Range<u32>> {
        let Self::Days { start, end } = self else { return Vec::new() };
        let mut steps = Vec::new();
        let mut day = start;
        while day < end {
            let next = match step {
                Step::Hour | Step::Day => day + 1,
                // 1 January 1970 was a Thursday.
                Step::Week => day + 7 - (day + 3) % 7,
                Step::Month => Level::Month.end_of(Level::Month.start_of(day)),
            };
            // Where the calendar ends, no month does.
            let next = next.max(day + 1);
            steps.push(day..next.min(end));
            day = next;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn the_last_days_of_the_calendar_are_steps_like_others() {
        let last = Calendar::new(TimeZone::UTC).day(at("9999-12-30T00:00:00Z"));
        let days = Window::Days { start: last - 60, end: last + 2 };
        for step in [Step::Day, Step::Week, Step::Month] {
            let steps = days.steps(step);
            assert_eq!((steps[0].start, steps.last().unwrap().end), (last - 60, last + 2));
            assert!(
                steps.windows(2).all(|pair| pair[0].end == pair[1].start && !pair[0].is_empty())
            );
        }
    }

    #[test]
    fn a_time_is_compared_with_one_of_the_same_days_of_the_week() {
        let calendar = Calendar::new(TimeZone::UTC);
        let day = |text: &str| calendar.day(at(&format!("{text}T00:00:00Z")));
        let now = at("2026-11-24T08:00:00Z");
        for (period, comparison, from) in [
            (Period::Week, Comparison::Previous, "2026-11-11"),
            (Period::FourWeeks, Comparison::Previous, "2026-09-30"),
            // 24 days of November, moved back by four weeks.
            (Period::Month, Comparison::Previous, "2026-10-04"),
            (Period::Week, Comparison::Year, "2025-11-19"),
            (Period::Year, Comparison::Year, "2025-01-02"),
        ] {
            let window = Window::at(Time::Period(period), now, &calendar, &(0..0));
            let Window::Days { start, end } = window else { panic!("{period:?}") };
            let before = window.before(comparison, &calendar);
            let Window::Days { start: first, end: last } = before else { panic!("{period:?}") };
            assert_eq!(first, day(from), "{period:?} {comparison:?}");
            assert_eq!((end - start, (start - first) % 7), (last - first, 0));
        }
    }

    #[test]
    fn the_same_hours_of_a_week_ago_are_the_same_by_the_clock() {
        let calendar = Calendar::new(TimeZone::get("Europe/Oslo").unwrap());
        let now = at("2026-10-27T08:00:00Z");
        let window = Window::at(Time::Period(Period::Day), now, &calendar, &(0..0));
        let before = window.before(Comparison::Previous, &calendar);
        let (from, to) = (at("2026-10-19T07:00:00Z"), at("2026-10-20T07:00:00Z"));
        assert_eq!(before, Window::Instants { from, to });
    }

    #[test]
    fn days_end_today_and_none_are_left_if_they_are_in_the_wrong_order() {
        let calendar = Calendar::new(TimeZone::UTC);
        let now = at("2026-11-24T08:00:00Z");
        let today = i32::try_from(calendar.day(now)).unwrap();
        let length = |from: i32, to: i32| {
            let [from, to] = [from, to].map(Day::from_number);
            let window = Window::at(Time::Days { from, to }, now, &calendar, &(0..0));
            let Window::Days { start, end } = window else { panic!("{from:?}") };
            (end - start, window.steps(Step::Day).len())
        };
        for (from, to, days) in [
            (today, today, 1),
            (today - 1, today + 1_000_000, 2),
            (today + 5, i32::MAX, 0),
            (today, today - 1, 0),
            (-5, 0, 1),
            (i32::MIN, -1, 1),
        ] {
            assert_eq!(length(from, to), (days, usize::try_from(days).unwrap()), "{from} {to}");
        }
    }

    #[test]
    fn steps_begin_with_weeks_and_months() {
        let calendar = Calendar::new(TimeZone::UTC);
        let day = |text: &str| calendar.day(at(&format!("{text}T00:00:00Z")));
        let window = Window::Days { start: day("2026-11-24"), end: day("2026-12-08") };
        let starts = |step| window.steps(step).iter().map(|days| days.start).collect::<Vec<_>>();
        let days = ["2026-11-24", "2026-11-30", "2026-12-07"].map(day);
        assert_eq!(starts(Step::Week), days);
        assert_eq!(starts(Step::Month), ["2026-11-24", "2026-12-01"].map(day));
        assert_eq!(starts(Step::Day).len(), 14);
    }
}
