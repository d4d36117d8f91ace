//! What countries are called.

/// The two letters of each country, and its name.
const COUNTRIES: &str = include_str!("countries.txt");

/// The name of the country with these two letters; none if there is no such country.
pub(super) fn name(code: &str) -> Option<&'static str> {
    let mut lines = COUNTRIES.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(known, _)| *known == code).map(|(_, name)| name)
}

/// The flag of a country, as two letters that are shown as one.
pub(super) fn flag(code: &str) -> String {
    let letter = |letter: char| char::from_u32(0x1f1e6 + (u32::from(letter) - u32::from('A')));
    code.chars().filter(char::is_ascii_uppercase).filter_map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_have_names_and_flags() {
        assert_eq!((name("NO"), name("Norway"), name("")), (Some("Norway"), None, None));
        assert_eq!(flag("NO"), "🇳🇴");
        assert!(
            COUNTRIES.lines().all(|line| line.is_char_boundary(2) && line[2..].starts_with(' '))
        );
    }
}
