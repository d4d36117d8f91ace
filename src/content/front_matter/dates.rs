//! Dates as authors and their former tools write them.

use jiff::civil;
use jiff::tz::TimeZone;

use crate::clock::Timestamp;

/// Formats met in the wild, with a time of day and perhaps an offset.
const WITH_OFFSET: [&str; 4] =
    ["%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S%:z", "%Y-%m-%d %H:%M %z", "%Y-%m-%dT%H:%M%:z"];

/// Formats without an offset, read in the site's time zone.
const WITHOUT_OFFSET: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// The instant that `text` means; a date alone is the midnight that begins it in `zone`.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Some(instant.into());
    }
    if let Some(date) = plain_date(text) {
        return midnight(date, zone);
    }
    let with_offset =
        WITH_OFFSET.iter().find_map(|format| jiff::Timestamp::strptime(format, text).ok());
    if let Some(instant) = with_offset {
        return Some(instant.into());
    }
    let trimmed = without_fraction(text);
    let civil =
        WITHOUT_OFFSET.iter().find_map(|format| civil::DateTime::strptime(format, trimmed).ok())?;
    Some(civil.to_zoned_datetime(zone.clone()).ok()?.timestamp().into())
}

/// The text without fractions of a second, which nobody schedules by.
fn without_fraction(text: &str) -> &str {
    match text.split_once('.') {
        Some((seconds, fraction)) if fraction.bytes().all(|byte| byte.is_ascii_digit()) => seconds,
        _ => text,
    }
}

/// The date that a file name opens with, and the rest of it: `2026-11-24-title`.
pub(super) fn from_file_stem(stem: &str) -> Option<(civil::Date, &str)> {
    let (date, rest) = stem.split_at_checked(10)?;
    let rest = rest.strip_prefix(['-', '_'])?;
    Some((plain_date(date)?, rest)).filter(|(_, rest)| !rest.is_empty())
}

/// The first instant of `date` in `zone`.
pub(super) fn midnight(date: civil::Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(date.to_zoned_datetime(zone.clone()).ok()?.timestamp().into())
}

fn plain_date(text: &str) -> Option<civil::Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts_are_plain = year.len() == 4 && month.len() <= 2 && day.len() <= 2;
    if parts.next().is_some() || !parts_are_plain || ![year, month, day].into_iter().all(is_number)
    {
        return None;
    }
    civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_common_form_are_read() {
        let oslo = TimeZone::get("Europe/Oslo").unwrap();
        for (text, instant) in [
            ("2026-11-24", "2026-11-23T23:00:00Z"),
            ("2026-7-4", "2026-07-03T22:00:00Z"),
            ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"),
            ("2026-11-24T08:00:00.123Z", "2026-11-24T08:00:00Z"),
            ("2026-11-24T08:00:00+01:00", "2026-11-24T07:00:00Z"),
            ("2026-11-24 08:00:00 +0100", "2026-11-24T07:00:00Z"),
            ("2026-11-24 08:00:00 -0800", "2026-11-24T16:00:00Z"),
            ("2026-11-24T08:00:00", "2026-11-24T07:00:00Z"),
            ("2026-11-24 08:00", "2026-11-24T07:00:00Z"),
        ] {
            assert_eq!(
                parse(text, &oslo).map(Timestamp::to_rfc3339).as_deref(),
                Some(instant),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "2026-13-01",
            "2026-02-30",
            "tomorrow",
            "24.11.2026",
            "",
            "2026",
            "1.5",
            "2026-11-24x",
            "2026-11-24 08:00.x",
        ] {
            assert_eq!(parse(text, &TimeZone::UTC), None, "{text}");
        }
    }

    #[test]
    fn a_file_name_may_open_with_a_date() {
        let date = civil::date(2026, 11, 24);
        assert_eq!(from_file_stem("2026-11-24-hello"), Some((date, "hello")));
        for stem in ["2026-11-24", "2026-11-24-", "2026-13-24-x", "hello", "é2026-11-24-x"] {
            assert_eq!(from_file_stem(stem), None, "{stem}");
        }
    }
}
