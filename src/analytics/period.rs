//! The periods that numbers can be asked for: their names, and when each begins.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::clock::{Day, Timestamp};

/// A stretch of time up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Period {
    /// The last 24 hours.
    Day,
    /// Seven days, today included.
    Week,
    /// Four weeks, today included.
    FourWeeks,
    /// Thirteen weeks, today included.
    Quarter,
    /// This month of the calendar.
    Month,
    /// This year of the calendar.
    Year,
    /// All time.
    #[default]
    All,
}

/// A period at some instant. Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The period.
    #[serde(rename = "name")]
    pub period: Period,
    /// When it began.
    pub from: Timestamp,
    /// How far it has come.
    pub to: Timestamp,
}

/// A name that no period has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub struct UnknownPeriod;

impl Period {
    /// Every period, from short to long.
    pub const ALL: [Self; 7] =
        [Self::Day, Self::Week, Self::FourWeeks, Self::Quarter, Self::Month, Self::Year, Self::All];

    /// What it is called on the command line and in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::FourWeeks => "28d",
            Self::Quarter => "91d",
            Self::Month => "month",
            Self::Year => "year",
            Self::All => "all",
        }
    }

    /// The period up to `now`, with days as `zone` has them; none if it is all time.
    pub fn span(self, now: Timestamp, zone: &TimeZone) -> Option<Span> {
        let today = Day::of(now, zone);
        let from = match self {
            Self::Day => now - std::time::Duration::from_hours(24),
            Self::Week => (today - 6).start(zone),
            Self::FourWeeks => (today - 27).start(zone),
            Self::Quarter => (today - 90).start(zone),
            Self::Month => today.first_of_month().start(zone),
            Self::Year => today.first_of_year().start(zone),
            Self::All => return None,
        };
        Some(Span { period: self, from, to: now })
    }
}

impl FromStr for Period {
    type Err = UnknownPeriod;

    fn from_str(name: &str) -> Result<Self, UnknownPeriod> {
        Self::ALL.into_iter().find(|period| period.name() == name).ok_or(UnknownPeriod)
    }
}

impl TryFrom<String> for Period {
    type Error = UnknownPeriod;

    fn try_from(name: String) -> Result<Self, UnknownPeriod> {
        name.parse()
    }
}

impl From<Period> for &'static str {
    fn from(period: Period) -> Self {
        period.name()
    }
}

impl fmt::Display for UnknownPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Period::ALL.map(|period| format!("`{}`", period.name()));
        write!(f, "a period is one of {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_begins(zone: &str, now: &str, period: Period, expected: &str) {
        let zone = TimeZone::get(zone).unwrap();
        let now = now.parse::<jiff::Timestamp>().unwrap().into();
        let span = period.span(now, &zone).unwrap();
        assert_eq!(span.from.to_rfc3339(), expected, "{period:?} at {}", now.to_rfc3339());
        assert_eq!((span.period, span.to), (period, now));
    }

    #[test]
    fn a_period_begins_where_the_calendar_of_the_site_says() {
        use Period::{Day, FourWeeks, Month, Quarter, Week, Year};
        for (zone, now, period, from) in [
            ("UTC", "2026-11-24T08:00:00Z", Day, "2026-11-23T08:00:00Z"),
            ("UTC", "2026-11-24T08:00:00Z", Week, "2026-11-18T00:00:00Z"),
            ("UTC", "2026-11-24T00:00:00Z", Week, "2026-11-18T00:00:00Z"),
            ("UTC", "2026-11-23T23:59:59Z", Week, "2026-11-17T00:00:00Z"),
            ("UTC", "2026-11-24T08:00:00Z", FourWeeks, "2026-10-28T00:00:00Z"),
            ("UTC", "2026-11-24T08:00:00Z", Quarter, "2026-08-26T00:00:00Z"),
            ("UTC", "2026-11-30T23:59:59Z", Month, "2026-11-01T00:00:00Z"),
            ("UTC", "2026-12-01T00:00:00Z", Month, "2026-12-01T00:00:00Z"),
            ("UTC", "2024-02-29T12:00:00Z", Year, "2024-01-01T00:00:00Z"),
            // An instant is on another day, in another month, in another year elsewhere.
            ("Pacific/Auckland", "2026-12-31T11:30:00Z", Year, "2026-12-31T11:00:00Z"),
            ("Pacific/Auckland", "2026-12-31T11:30:00Z", Month, "2026-12-31T11:00:00Z"),
            ("Pacific/Honolulu", "2027-01-01T09:59:59Z", Year, "2026-01-01T10:00:00Z"),
            // Spring: the 29th of March has 23 hours in Oslo, and midnight is an hour earlier after it.
            ("Europe/Oslo", "2026-03-29T00:30:00Z", Day, "2026-03-28T00:30:00Z"),
            ("Europe/Oslo", "2026-03-29T12:00:00Z", Day, "2026-03-28T12:00:00Z"),
            ("Europe/Oslo", "2026-03-28T22:59:59Z", Week, "2026-03-21T23:00:00Z"),
            ("Europe/Oslo", "2026-03-28T23:00:00Z", Week, "2026-03-22T23:00:00Z"),
            ("Europe/Oslo", "2026-03-29T22:00:00Z", Week, "2026-03-23T23:00:00Z"),
            ("Europe/Oslo", "2026-04-04T22:00:00Z", Week, "2026-03-29T22:00:00Z"),
            ("Europe/Oslo", "2026-03-31T21:59:59Z", Month, "2026-02-28T23:00:00Z"),
            // Autumn: the 25th of October has 25 hours.
            ("Europe/Oslo", "2026-10-25T12:00:00Z", Day, "2026-10-24T12:00:00Z"),
            ("Europe/Oslo", "2026-10-25T00:30:00Z", Week, "2026-10-18T22:00:00Z"),
            ("Europe/Oslo", "2026-10-25T22:59:59Z", Week, "2026-10-18T22:00:00Z"),
            ("Europe/Oslo", "2026-10-25T23:00:00Z", Week, "2026-10-19T22:00:00Z"),
            ("Europe/Oslo", "2026-10-31T23:00:00Z", Month, "2026-10-31T23:00:00Z"),
            ("Europe/Oslo", "2026-10-31T22:59:59Z", Month, "2026-09-30T22:00:00Z"),
            ("Europe/Oslo", "2026-10-25T12:00:00Z", Year, "2025-12-31T23:00:00Z"),
        ] {
            assert_begins(zone, now, period, from);
        }
    }

    #[test]
    fn all_time_has_no_span() {
        assert_eq!(Period::All.span(Timestamp::default(), &TimeZone::UTC), None);
    }

    #[test]
    fn no_time_is_too_far_away_for_a_period() {
        for millis in [i64::MIN, 0, i64::MAX] {
            for period in Period::ALL {
                period.span(Timestamp::from_millis(millis), &TimeZone::UTC);
            }
        }
    }

    #[test]
    fn a_period_is_known_by_its_name_alone() {
        for period in Period::ALL {
            assert_eq!(period.name().parse(), Ok(period));
        }
        for name in ["", "7D", " 7d", "30d", "week"] {
            assert_eq!(name.parse::<Period>(), Err(UnknownPeriod), "{name}");
        }
        assert_eq!(
            UnknownPeriod.to_string(),
            "a period is one of `24h`, `7d`, `28d`, `91d`, `month`, `year`, `all`"
        );
    }
}
