//! Where hours and days begin in the site's time zone, and the spans that days are added up to.

use jiff::tz::TimeZone;

use crate::clock::{Day, Timestamp};

/// Milliseconds in a day without a clock change.
const DAY: i64 = 86_400_000;

/// Milliseconds in an hour.
const HOUR: i64 = 3_600_000;

/// Milliseconds in a quarter of an hour; every zone is a multiple of it away from UTC.
const QUARTER: i64 = 900_000;

/// The hours and days of a time zone.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    zone: TimeZone,
}

impl Calendar {
    /// The calendar of `zone`.
    pub(super) const fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// The zone.
    pub(super) const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// What the zone is called; days of zones with one name are the same.
    pub(super) fn name(&self) -> String {
        match self.zone.iana_name() {
            Some(name) => name.to_owned(),
            None => format!("{:?}", self.zone),
        }
    }

    /// The day that `time` falls on, in days since 1970.
    pub(super) fn day(&self, time: Timestamp) -> u32 {
        u32::try_from(self.local(time).div_euclid(DAY)).unwrap_or(0)
    }

    /// When the hour that `time` falls in began, in quarters of an hour since 1970 in UTC.
    pub(super) fn hour(&self, time: Timestamp) -> u32 {
        let began = time.as_millis() - self.local(time).rem_euclid(HOUR);
        u32::try_from(began.div_euclid(QUARTER)).unwrap_or(0)
    }

    /// When `day` begins.
    pub(super) fn start(&self, day: u32) -> Timestamp {
        day_of(day).start(&self.zone)
    }

    /// The same time by the clock, so many days earlier.
    pub(super) fn days_before(&self, time: Timestamp, days: u32) -> Timestamp {
        let earlier =
            time.in_zone(&self.zone).checked_sub(jiff::Span::new().days(days.min(100_000)));
        earlier.map_or(Timestamp::default(), |earlier| earlier.timestamp().into())
    }

    /// When each hour begins, from that of `from` to that of `to`.
    pub(super) fn hours(&self, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut hours = Vec::new();
        let mut start = hour_start(self.hour(from));
        while start <= to {
            hours.push(start);
            // An hour later it may be a quarter past: then the hour has begun before.
            start = hour_start(self.hour(start + std::time::Duration::from_hours(1)))
                .max(start + std::time::Duration::from_mins(15));
        }
        hours
    }

    /// Milliseconds that clocks show, as if they had been started in 1970.
    fn local(&self, time: Timestamp) -> i64 {
        let bounds = jiff::Timestamp::MIN.as_millisecond()..=jiff::Timestamp::MAX.as_millisecond();
        let millis = time.as_millis().clamp(*bounds.start(), *bounds.end());
        let instant = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
        millis + i64::from(self.zone.to_offset(instant).seconds()) * 1000
    }
}

/// When an hour of [`Calendar::hour`] begins.
pub(super) fn hour_start(hour: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(hour) * QUARTER)
}

/// The quarter of an hour that `time` falls in, counted from 1970.
pub(super) fn quarter(time: Timestamp) -> u32 {
    u32::try_from(time.as_millis().div_euclid(QUARTER)).unwrap_or(0)
}

fn day_of(day: u32) -> Day {
    Day::from_number(i32::try_from(day).unwrap_or(i32::MAX))
}

/// A span of whole days that is added up in advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Level {
    /// A day.
    Day = 0,
    /// A month of the calendar.
    Month = 1,
    /// A year of the calendar.
    Year = 2,
}

impl Level {
    /// All of them, from short to long.
    pub(super) const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Year];

    /// The code on disk; never changes.
    pub(super) const fn code(self) -> u8 {
        self as u8
    }

    /// The level with this code.
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Day,
            1 => Self::Month,
            2 => Self::Year,
            _ => return None,
        })
    }

    /// The first day of the span that `day` belongs to.
    pub(super) fn start_of(self, day: u32) -> u32 {
        let start = match self {
            Self::Day => return day,
            Self::Month => day_of(day).first_of_month(),
            Self::Year => day_of(day).first_of_year(),
        };
        u32::try_from(start.number()).unwrap_or(0)
    }

    /// The first day after the span that begins with `start`.
    pub(super) fn end_of(self, start: u32) -> u32 {
        // No month and no year is longer than this, and none is shorter than half of it.
        match self {
            Self::Day => start.saturating_add(1),
            Self::Month => self.start_of(start.saturating_add(31)),
            Self::Year => self.start_of(start.saturating_add(366)),
        }
    }
}

/// The fewest spans that cover the days of `days` and no other; each with its first day.
pub(super) fn cover(days: std::ops::Range<u32>) -> Vec<(Level, u32)> {
    let mut spans = Vec::new();
    let mut day = days.start;
    while day < days.end {
        let fits = |level: &&Level| level.start_of(day) == day && level.end_of(day) <= days.end;
        let level = Level::ALL.iter().rev().find(fits).copied().unwrap_or(Level::Day);
        spans.push((level, day));
        day = level.end_of(day).max(day + 1);
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn an_hour_begins_when_clocks_show_it() {
        for (zone, time, begins) in [
            ("UTC", "2026-11-24T08:59:59.999Z", "2026-11-24T08:00:00Z"),
            ("Asia/Kathmandu", "2026-11-24T08:14:59.999Z", "2026-11-24T07:15:00Z"),
            ("Asia/Kathmandu", "2026-11-24T08:15:00Z", "2026-11-24T08:15:00Z"),
            ("Europe/Oslo", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z"),
            ("Europe/Oslo", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z"),
        ] {
            let calendar = Calendar::new(TimeZone::get(zone).unwrap());
            let hour = calendar.hour(at(time));
            assert_eq!(hour_start(hour).to_rfc3339(), begins, "{time} in {zone}");
        }
    }

    #[test]
    fn a_month_and_a_year_end_where_the_next_begins() {
        let day = |text: &str| Calendar::new(TimeZone::UTC).day(at(&format!("{text}T12:00:00Z")));
        for (level, start, end) in [
            (Level::Day, "2024-02-28", "2024-02-29"),
            (Level::Month, "2024-02-01", "2024-03-01"),
            (Level::Month, "2026-01-01", "2026-02-01"),
            (Level::Month, "2026-12-01", "2027-01-01"),
            (Level::Year, "2024-01-01", "2025-01-01"),
            (Level::Year, "2026-01-01", "2027-01-01"),
        ] {
            assert_eq!(level.end_of(day(start)), day(end), "{start}");
            assert_eq!(level.start_of(day(end) - 1), day(start), "{start}");
            assert_eq!(Level::from_code(level.code()), Some(level));
        }
    }

    proptest! {
        #[test]
        fn a_day_is_that_of_the_clock(hours in 0_i64..900_000, zone in prop::sample::select(vec!["UTC", "Europe/Oslo", "Pacific/Auckland", "America/St_Johns"])) {
            let calendar = Calendar::new(TimeZone::get(zone).unwrap());
            let time = Timestamp::from_millis(hours * HOUR + DAY);
            let day = calendar.day(time);
            prop_assert_eq!(day, u32::try_from(Day::of(time, calendar.zone()).number()).unwrap());
            prop_assert!(calendar.start(day) <= time && time < calendar.start(day + 1));
        }

        #[test]
        fn spans_cover_each_day_once(start in 0_u32..30_000, length in 0_u32..2000) {
            let spans = cover(start..start + length);
            let mut day = start;
            for (level, first) in &spans {
                prop_assert_eq!(*first, day);
                prop_assert_eq!(level.start_of(day), day);
                day = level.end_of(day);
            }
            prop_assert_eq!(day, start + length);
            prop_assert!(spans.len() <= 90);
        }
    }
}
