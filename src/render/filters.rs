//! What templates may do with a value.
#![expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]

use std::rc::Rc;

use jiff::civil::Date;
use jiff::fmt::strtime::{self, BrokenDownTime};
use tera::{Error, Kwargs, State, Tera, TeraResult};

use super::locale::{DateStyle, Locale};

/// Names each filter once: for the engine, and for who has misspelled one.
macro_rules! filters {
    ($($name:ident;)*) => {
        /// The filters of this program, by name.
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Makes them known to `tera`.
        pub(super) fn register(tera: &mut Tera) {
            $(tera.register_filter(stringify!($name), $name);)*
        }
    };
}

filters! {
    date;
    number;
}

/// `page.date | date(style="long")`: an RFC 3339 date as the language of the site writes it, at its own offset; or, with
/// `format`, as `strftime` does.
fn date(text: &str, arguments: Kwargs, state: &State<'_>) -> TeraResult<String> {
    let no_date = |error| Error::message(format!("`{text}` is no date: {error}"));
    if let Some(style) = arguments.get::<&str>("style")? {
        let style = DateStyle::named(style).map_err(Error::message)?;
        let date = match day_of(text) {
            Some(date) => date,
            None => instant_of(text).and_then(|parsed| parsed.to_date()).map_err(no_date)?,
        };
        return Ok(locale(state)?.date(date, style));
    }
    let parsed = instant_of(text).map_err(no_date)?;
    let format = arguments.get::<&str>("format")?.unwrap_or("%Y-%m-%d");
    strtime::format(format, parsed)
        .map_err(|error| Error::message(format!("`{format}` is no format of a date: {error}")))
}

fn instant_of(text: &str) -> Result<BrokenDownTime, jiff::Error> {
    let numeric = text.strip_suffix('Z').map(|instant| format!("{instant}+00:00"));
    strtime::parse("%Y-%m-%dT%H:%M:%S%:z", numeric.as_deref().unwrap_or(text))
}

/// The day of a date that is written as dates of pages are, which every page and every line of a list shows.
fn day_of(text: &str) -> Option<Date> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00+00:00";
    let bytes: &[u8; SHAPE.len()] = text.as_bytes().try_into().ok()?;
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'+' => matches!(byte, b'+' | b'-'),
        _ => byte == shape,
    };
    if !bytes.iter().zip(SHAPE).all(fits) {
        return None;
    }
    let number =
        |digits: &[u8]| digits.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0'));
    let (year, month, day) = (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..10]));
    let is_time =
        number(&bytes[11..13]) < 24 && number(&bytes[14..16]) < 60 && number(&bytes[17..19]) < 60;
    Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok().filter(|_| is_time)
}

/// `count | number`: a whole number as the language of the site writes it.
fn number(number: i64, _: Kwargs, state: &State<'_>) -> TeraResult<String> {
    let sign = if number < 0 { "\u{2212}" } else { "" };
    Ok(format!("{sign}{}", locale(state)?.number(number.unsigned_abs())))
}

/// How the language of the page that is being rendered writes.
fn locale(state: &State<'_>) -> TeraResult<Rc<Locale>> {
    Ok(Locale::known(state.get::<String>("lang")?.as_deref().unwrap_or("en")))
}

/// A whole number with its thousands apart: `1,204`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> String {
        let mut tera = Tera::new();
        register(&mut tera);
        tera.render_str(template, &tera::Context::new(), false).unwrap()
    }

    #[test]
    fn dates_and_numbers_are_written_for_people() {
        for (template, text) in [
            ("{{ '2026-03-04T00:30:00+01:00' | date(format='%-d %B %Y') }}", "4 March 2026"),
            ("{{ '2026-03-04T00:30:00+01:00' | date }}", "2026-03-04"),
            (
                "{{ '2026-03-04T00:30:00Z' | date(format='%a, %d %b %Y %H:%M:%S %z') }}",
                "Wed, 04 Mar 2026 00:30:00 +0000",
            ),
            ("{{ '2026-03-04T00:30:00+01:00' | date(style='long') }}", "4 March 2026"),
            ("{{ '2026-03-04T00:30:00Z' | date(style='long') }}", "4 March 2026"),
            (
                "{% set lang = 'de' %}{{ '2026-03-04T00:30:00+01:00' | date(style='day') }} {{ 1204 | number }}",
                "4. März 1.204",
            ),
            ("{{ 0 | number }}", "0"),
            ("{{ 999 | number }}", "999"),
            ("{{ 1234567 | number }}", "1,234,567"),
        ] {
            assert_eq!(filled(template), text);
        }
    }

    #[test]
    fn what_only_looks_like_a_date_is_none() {
        for text in [
            "2026-02-30T00:30:00+01:00",
            "2026-13-01T00:30:00+01:00",
            "2026-03-04T24:30:00+01:00",
            "2026-03-04 00:30:00+01:00",
            "2026-03-04",
            "soon",
            "",
        ] {
            let mut tera = Tera::new();
            register(&mut tera);
            let template = format!("{{{{ '{text}' | date(style='long') }}}}");
            let filled = tera.render_str(&template, &tera::Context::new(), false);
            let error = filled.unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}` is no date: ")), "{error}");
        }
    }
}
