//! Which country a browser's time zone is in; the zone itself is not kept.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A country code and its zones, those of older names too; a line that begins with a space goes on.
///
/// From `zone.tab` and the links of the time zone database, which are in the public domain.
const ZONES: &str = include_str!("zones.txt");

static COUNTRIES: LazyLock<HashMap<&'static str, Country>> = LazyLock::new(table);

/// A country by its two letters of ISO 3166-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Country(&'static str);

impl Country {
    /// The two letters.
    pub(super) const fn code(self) -> &'static str {
        self.0
    }
}

/// The country of an IANA time zone; none for zones of no country (`UTC`) and unknown names.
pub(super) fn country(zone: &str) -> Option<Country> {
    COUNTRIES.get(zone).copied()
}

fn table() -> HashMap<&'static str, Country> {
    let mut countries = HashMap::new();
    let mut country = "";
    for line in ZONES.lines() {
        let zones = match line.split_once(' ') {
            Some((code, zones)) if !code.is_empty() => {
                country = code;
                zones
            }
            _ => line,
        };
        countries.extend(zones.split_whitespace().map(|zone| (zone, Country(country))));
    }
    countries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_in_its_country_under_its_old_name_too() {
        for (zone, code) in [
            ("Europe/Oslo", Some("NO")),
            ("Asia/Kolkata", Some("IN")),
            ("Asia/Calcutta", Some("IN")),
            ("Europe/Kiev", Some("UA")),
            ("Europe/Belfast", Some("GB")),
            ("America/Argentina/Ushuaia", Some("AR")),
            ("America/Indiana/Indianapolis", Some("US")),
            ("Pacific/Truk", Some("FM")),
            ("US/Pacific", Some("US")),
            ("UTC", None),
            ("Etc/GMT+1", None),
            ("europe/oslo", None),
            ("<script>", None),
            ("", None),
        ] {
            assert_eq!(country(zone).map(Country::code), code, "{zone}");
        }
    }

    #[test]
    fn every_line_of_the_table_is_understood() {
        let countries = table();
        assert!(countries.len() > 400, "{}", countries.len());
        for (zone, country) in countries {
            assert!(zone.contains('/'), "{zone}");
            let letters = country.code().bytes().all(|letter| letter.is_ascii_uppercase());
            assert!(country.code().len() == 2 && letters, "{zone}");
        }
    }
}
