//! The time: the only reader of the system clock, and where a day begins.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `milliseconds` after the epoch; negative before it.
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it lies ahead, as it may after the clock was set back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This instant as a date and time of day in `zone`; the far ends of time are clamped.
    pub fn in_zone(self, zone: &TimeZone) -> jiff::ZonedDateTime {
        let bounds = jiff::Timestamp::MIN.as_millisecond()..=jiff::Timestamp::MAX.as_millisecond();
        let millis = self.0.clamp(*bounds.start(), *bounds.end());
        jiff::Timestamp::from_millisecond(millis)
            .unwrap_or_default()
            .to_zoned_datetime(zone.clone())
    }

    /// As RFC 3339 at the offset of `zone`, for example `2026-11-24T09:00:00+01:00`.
    pub fn to_rfc3339_in(self, zone: &TimeZone) -> String {
        let zoned = self.in_zone(zone);
        let offset = zoned.offset().seconds();
        let minutes = offset.unsigned_abs() / 60;
        let mut text = civil(&zoned);
        text.push(if offset < 0 { '-' } else { '+' });
        push_two(&mut text, minutes / 60);
        text.push(':');
        push_two(&mut text, minutes % 60);
        text
    }

    /// As RFC 3339 in UTC, for example `2026-11-24T08:00:00Z`.
    pub fn to_rfc3339(self) -> String {
        let mut text = civil(&self.in_zone(&TimeZone::UTC));
        text.push('Z');
        text
    }
}

/// Date and time of day, to the second. Written out, for every page and every line of a list has one.
fn civil(zoned: &jiff::ZonedDateTime) -> String {
    let (date, time) = (zoned.date(), zoned.time());
    let mut text = String::with_capacity("2026-11-24T09:00:00+01:00".len());
    match u32::try_from(date.year()) {
        Ok(year) => {
            push_two(&mut text, year / 100);
            push_two(&mut text, year % 100);
        }
        Err(_) => {
            let _ = write!(text, "{:04}", date.year());
        }
    }
    let parts = [date.month(), date.day(), time.hour(), time.minute(), time.second()];
    for (before, part) in ['-', '-', 'T', ':', ':'].into_iter().zip(parts) {
        text.push(before);
        push_two(&mut text, part.unsigned_abs().into());
    }
    text
}

/// Appends the two digits of a number below a hundred.
fn push_two(text: &mut String, number: u32) {
    for digit in [number / 10, number % 10] {
        text.extend(char::from_digit(digit, 10));
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(instant: jiff::Timestamp) -> Self {
        Self(instant.as_millisecond())
    }
}

/// A calendar day in some time zone: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(i32);

impl Day {
    /// The day that `instant` falls on in `zone`.
    pub fn of(instant: Timestamp, zone: &TimeZone) -> Self {
        Self::on(instant.in_zone(zone).date())
    }

    /// The first instant of this day in `zone`; midnight, unless a clock change skips it.
    pub fn start(self, zone: &TimeZone) -> Timestamp {
        self.date()
            .to_zoned_datetime(zone.clone())
            .map_or(Timestamp(0), |midnight| midnight.timestamp().into())
    }

    /// The day so many days after 1970-01-01.
    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// The first day of its month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self::on(self.date().first_of_month())
    }

    /// The first day of its year.
    #[must_use]
    pub fn first_of_year(self) -> Self {
        Self::on(self.date().first_of_year())
    }

    /// The last day of its month.
    #[must_use]
    pub fn last_of_month(self) -> Self {
        Self::on(self.date().last_of_month())
    }

    /// As addresses have it: `2026-11-24`.
    pub fn in_digits(self) -> String {
        self.date().to_string()
    }

    /// The day of this date.
    pub fn on(date: jiff::civil::Date) -> Self {
        Self((date - jiff::civil::date(1970, 1, 1)).get_days())
    }

    /// The day of the calendar.
    pub fn date(self) -> jiff::civil::Date {
        jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(self.0))
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }
}

impl std::ops::Add<i32> for Day {
    type Output = Self;

    fn add(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl std::ops::Sub<i32> for Day {
    type Output = Self;

    fn sub(self, days: i32) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

/// What a clock calls when it was set by hand, so that waits can be measured anew.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// Tells the time. Everything that depends on the time is given one.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Has `wake` called whenever time moves otherwise than by passing.
    fn on_jump(&self, wake: Wake);
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        jiff::Timestamp::now().into()
    }

    fn on_jump(&self, _wake: Wake) {}
}

/// A clock that stands still until it is moved; for tests.
#[derive(Clone)]
pub struct FixedClock {
    shared: Arc<Mutex<Fixed>>,
}

struct Fixed {
    now: Timestamp,
    wakes: Vec<Wake>,
}

impl FixedClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { shared: Arc::new(Mutex::new(Fixed { now, wakes: Vec::new() })) }
    }

    /// Moves the clock on by `duration` and wakes who waits.
    pub fn advance(&self, duration: Duration) {
        let mut fixed = self.lock();
        fixed.now = fixed.now + duration;
        fixed.wakes.iter().for_each(|wake| wake());
    }

    /// Sets the clock, forwards or back, and wakes who waits.
    pub fn set(&self, now: Timestamp) {
        let mut fixed = self.lock();
        fixed.now = now;
        fixed.wakes.iter().for_each(|wake| wake());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Fixed> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn on_jump(&self, wake: Wake) {
        self.lock().wakes.push(wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_its_zone_across_a_clock_change() {
        let oslo = TimeZone::get("Europe/Oslo").unwrap();
        for (instant, start, hours) in [
            ("2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z", 23),
            ("2026-10-25T10:00:00Z", "2026-10-24T22:00:00Z", 25),
            ("2026-11-24T22:59:59Z", "2026-11-23T23:00:00Z", 24),
        ] {
            let day = Day::of(instant.parse::<jiff::Timestamp>().unwrap().into(), &oslo);
            assert_eq!(day.start(&oslo).to_rfc3339(), start);
            let next = Day(day.number() + 1).start(&oslo);
            assert_eq!(next.since(day.start(&oslo)), Duration::from_secs(hours * 3600));
        }
    }

    #[test]
    fn an_instant_is_written_at_the_offset_that_the_zone_has_then() {
        let instant: jiff::Timestamp = "2026-07-01T01:02:03Z".parse().unwrap();
        for (zone, written) in [
            ("UTC", "2026-07-01T01:02:03+00:00"),
            ("America/St_Johns", "2026-06-30T22:32:03-02:30"),
            ("Asia/Kolkata", "2026-07-01T06:32:03+05:30"),
        ] {
            let zone = TimeZone::get(zone).unwrap();
            assert_eq!(Timestamp::from(instant).to_rfc3339_in(&zone), written);
        }
        assert_eq!(Timestamp::from(instant).to_rfc3339(), "2026-07-01T01:02:03Z");
    }

    #[test]
    fn a_clock_set_back_never_gives_a_negative_duration() {
        let (early, late) = (Timestamp::from_millis(5), Timestamp::from_millis(9));
        assert_eq!(late.since(early), Duration::from_millis(4));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
