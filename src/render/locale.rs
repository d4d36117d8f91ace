//! How numbers and days are written in a language.

use std::cell::RefCell;
use std::rc::Rc;

use icu_calendar::Gregorian;
use icu_datetime::fieldsets::{MD, YM, YMD};
use icu_datetime::input::Date;
use icu_datetime::{DateTimeFormatterLoadError, FixedCalendarDateTimeFormatter};
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_decimal::options::DecimalFormatterOptions;
use jiff::civil;

use super::filters::grouped;

/// How numbers and days are written in a language.
pub struct Locale(Option<Formatters>);

/// What the Unicode Common Locale Data Repository says.
struct Formatters {
    number: DecimalFormatter,
    long: FixedCalendarDateTimeFormatter<Gregorian, YMD>,
    medium: FixedCalendarDateTimeFormatter<Gregorian, YMD>,
    day: FixedCalendarDateTimeFormatter<Gregorian, MD>,
    month: FixedCalendarDateTimeFormatter<Gregorian, YM>,
    short_month: FixedCalendarDateTimeFormatter<Gregorian, YM>,
}

/// How much of a day is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateStyle {
    /// `24 November 2026`
    Long,
    /// `24 Nov 2026`
    Medium,
    /// `24 Nov`
    Day,
    /// `November 2026`
    Month,
    /// `Nov 2026`
    ShortMonth,
}

impl DateStyle {
    /// What each is called in templates.
    const NAMES: [(&str, Self); 5] = [
        ("long", Self::Long),
        ("medium", Self::Medium),
        ("day", Self::Day),
        ("month", Self::Month),
        ("short-month", Self::ShortMonth),
    ];

    /// The style of this name.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        Self::NAMES
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, style)| style)
            .ok_or_else(|| {
                let names = Self::NAMES.map(|(name, _)| format!("`{name}`"));
                format!("`{name}` is no style of a date; there are {}", names.join(", "))
            })
    }

    /// The same for `strftime`, in plain English.
    const fn pattern(self) -> &'static str {
        match self {
            Self::Long => "%-d %B %Y",
            Self::Medium => "%-d %b %Y",
            Self::Day => "%-d %b",
            Self::Month => "%B %Y",
            Self::ShortMonth => "%b %Y",
        }
    }
}

impl Locale {
    /// That of a language as BCP 47 spells it: `de`, `pt-BR`. English unless it is known; English without a country
    /// has the day before the month.
    pub fn of(language: &str) -> Self {
        Self(if language == "en" { None } else { Formatters::of(language) })
    }

    /// That of a language, made once for each thread.
    pub(super) fn known(language: &str) -> Rc<Self> {
        thread_local! {
            // Few sites are written in more than one.
            static KNOWN: RefCell<Vec<(String, Rc<Locale>)>> = const { RefCell::new(Vec::new()) };
        }
        KNOWN.with_borrow_mut(|known| {
            if let Some((_, locale)) = known.iter().find(|(name, _)| name == language) {
                return Rc::clone(locale);
            }
            let locale = Rc::new(Self::of(language));
            known.push((language.to_owned(), Rc::clone(&locale)));
            locale
        })
    }

    /// A whole number: `1,204`.
    pub fn number(&self, number: u64) -> String {
        match &self.0 {
            Some(formatters) => formatters.number.format(&Decimal::from(number)).to_string(),
            None => grouped(number),
        }
    }

    /// A day.
    pub fn date(&self, date: civil::Date, style: DateStyle) -> String {
        let (year, month, day) = (date.year().into(), date.month(), date.day());
        let (month, day) = (month.unsigned_abs(), day.unsigned_abs());
        let known = self.0.as_ref().zip(Date::try_new_gregorian(year, month, day).ok());
        let Some((formatters, date)) = known else {
            return date.strftime(style.pattern()).to_string();
        };
        match style {
            DateStyle::Long => formatters.long.format(&date).to_string(),
            DateStyle::Medium => formatters.medium.format(&date).to_string(),
            DateStyle::Day => formatters.day.format(&date).to_string(),
            DateStyle::Month => formatters.month.format(&date).to_string(),
            DateStyle::ShortMonth => formatters.short_month.format(&date).to_string(),
        }
    }
}

impl Formatters {
    fn of(language: &str) -> Option<Self> {
        let locale: icu_locale_core::Locale = language.parse().ok()?;
        let number =
            DecimalFormatter::try_new((&locale).into(), DecimalFormatterOptions::default()).ok()?;
        let load = || -> Result<Self, DateTimeFormatterLoadError> {
            Ok(Self {
                number,
                long: FixedCalendarDateTimeFormatter::try_new((&locale).into(), YMD::long())?,
                medium: FixedCalendarDateTimeFormatter::try_new((&locale).into(), YMD::medium())?,
                day: FixedCalendarDateTimeFormatter::try_new((&locale).into(), MD::medium())?,
                month: FixedCalendarDateTimeFormatter::try_new((&locale).into(), YM::long())?,
                short_month: FixedCalendarDateTimeFormatter::try_new(
                    (&locale).into(),
                    YM::medium(),
                )?,
            })
        };
        load().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_days_are_written_as_in_each_language() {
        let date = civil::date(2026, 11, 24);
        for (language, number, long, month) in [
            ("en", "1,234,567", "24 November 2026", "November 2026"),
            ("en-US", "1,234,567", "November 24, 2026", "November 2026"),
            ("de", "1.234.567", "24. November 2026", "November 2026"),
            ("de-CH", "1'234'567", "24. November 2026", "November 2026"),
            ("fr", "1\u{202f}234\u{202f}567", "24 novembre 2026", "novembre 2026"),
            ("pl", "1\u{a0}234\u{a0}567", "24 listopada 2026", "listopad 2026"),
            ("hi", "12,34,567", "24 नवंबर, 2026", "नवंबर 2026"),
            ("fa", "۱٬۲۳۴٬۵۶۷", "۲۴ نوامبر ۲۰۲۶", "نوامبر ۲۰۲۶"),
            ("ja", "1,234,567", "2026年11月24日", "2026年11月"),
            ("no such language", "1,234,567", "24 November 2026", "November 2026"),
        ] {
            let locale = Locale::of(language);
            let written = [
                locale.number(1_234_567),
                locale.date(date, DateStyle::Long),
                locale.date(date, DateStyle::Month),
            ];
            assert_eq!(written, [number, long, month], "{language}");
        }
    }
}
