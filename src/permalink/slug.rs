//! Text as it may stand in an address, each once.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::url_path::LONGEST_SEGMENT;

/// Text as it may stand in a URL: lower case, letters and digits of any script, single hyphens between words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// The slug of `text`; none if nothing in it is a letter, a digit or an underscore.
    pub fn new(text: &str) -> Option<Self> {
        let slug = if text.is_ascii() {
            words_of_ascii(text)
        } else {
            words(text.nfc().flat_map(char::to_lowercase)).nfc().collect()
        };
        let end = slug.floor_char_boundary(LONGEST_SEGMENT);
        let slug = slug[..end].trim_end_matches('-').to_owned();
        (!slug.is_empty()).then_some(Self(slug))
    }

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The words of a text in lower case, with single hyphens between them.
fn words(letters: impl Iterator<Item = char>) -> String {
    let mut words = String::with_capacity(letters.size_hint().0);
    for letter in letters {
        match letter {
            '\'' | '’' => {}
            _ if is_word(letter) => words.push(letter),
            _ if words.is_empty() || words.ends_with('-') => {}
            _ => words.push('-'),
        }
    }
    words.truncate(words.trim_end_matches('-').len());
    words
}

/// The same for a text that is all ASCII, as most are.
fn words_of_ascii(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut is_apart = false;
    for byte in text.bytes().filter(|byte| *byte != b'\'') {
        let is_word = byte.is_ascii_alphanumeric() || byte == b'_';
        if is_word {
            if is_apart && !words.is_empty() {
                words.push('-');
            }
            words.push(char::from(byte.to_ascii_lowercase()));
        }
        is_apart = !is_word;
    }
    words
}

/// Combining marks count as parts of a word, or scripts that write vowels with them would lose these.
fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || letter == '_'
        || !letter.is_ascii() && is_word_beyond_ascii(letter)
}

fn is_word_beyond_ascii(letter: char) -> bool {
    letter.is_alphanumeric()
        || unicode_normalization::char::is_combining_mark(letter)
        || matches!(letter, '\u{200c}' | '\u{200d}')
}

/// Gives each slug of a page or a site once: the second `setup` becomes `setup-1`.
#[derive(Debug, Default)]
pub struct UniqueSlugs {
    given: HashMap<String, usize>,
}

impl UniqueSlugs {
    /// `wanted`, or the first of `wanted-1`, `wanted-2`, ... that was not given yet.
    pub fn claim(&mut self, wanted: &str) -> String {
        if !self.given.contains_key(wanted) {
            self.given.insert(wanted.to_owned(), 0);
            return wanted.to_owned();
        }
        let mut number = self.given[wanted];
        loop {
            number += 1;
            let candidate = format!("{wanted}-{number}");
            if !self.given.contains_key(&candidate) {
                self.given.insert(wanted.to_owned(), number);
                self.given.insert(candidate.clone(), 0);
                return candidate;
            }
        }
    }

    /// Keeps `slug` from being given to anyone else.
    pub fn reserve(&mut self, slug: &str) {
        self.given.entry(slug.to_owned()).or_insert(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permalink::UrlPath;
    use crate::permalink::url_path::is_device;
    use proptest::prelude::*;

    #[test]
    fn slugs_stay_readable_in_every_script() {
        for (text, slug) in [
            ("Hello, World!", Some("hello-world")),
            ("Don't panic — it’s fine", Some("dont-panic-its-fine")),
            ("Über Größe & Café", Some("über-größe-café")),
            ("日本語のタイトル", Some("日本語のタイトル")),
            ("हिन्दी शीर्षक", Some("हिन्दी-शीर्षक")),
            ("snake_case::path<T>", Some("snake_case-path-t")),
            ("e\u{301}te\u{301}", Some("été")),
            ("  --  ", None),
            ("🎉", None),
        ] {
            assert_eq!(Slug::new(text).as_ref().map(Slug::as_str), slug, "{text}");
        }
    }

    #[test]
    fn a_taken_slug_gets_the_next_free_number() {
        let mut slugs = UniqueSlugs::default();
        let given: Vec<String> =
            ["a", "a", "a-1", "a", "b"].iter().map(|wanted| slugs.claim(wanted)).collect();
        assert_eq!(given, ["a", "a-1", "a-1-1", "a-2", "b"]);
    }

    proptest! {
        #[test]
        fn ascii_is_no_exception(text in "[a-cX-Z0-9'_ !-]{0,20}") {
            let lower = text.chars().map(|letter| letter.to_ascii_lowercase());
            prop_assert_eq!(words_of_ascii(&text), words(lower));
        }

        #[test]
        fn the_slug_of_a_slug_is_itself(text in ".*") {
            if let Some(slug) = Slug::new(&text) {
                prop_assert_eq!(Slug::new(slug.as_str()), Some(slug.clone()));
                let path = UrlPath::parse(slug.as_str());
                prop_assert!(path.is_ok() || is_device(slug.as_str()));
            }
        }
    }
}
