//! The texts that were met last and their numbers, so that the dictionary is not asked for each of them again.

use super::policy;
use super::rollup::Dimension;
use crate::fingerprint::FastMap;

/// Numbers of the dictionary in memory. Numbers never change, so what is known stays true.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    /// By the code of a dimension.
    numbers: [FastMap<Box<str>, u32>; Dimension::ALL.len()],
    len: usize,
}

impl Vocabulary {
    /// The number of a text, if it is known here.
    pub(super) fn get(&self, dimension: Dimension, text: &str) -> Option<u32> {
        self.numbers[dimension as usize].get(text).copied()
    }

    /// Notes the number of a text. When there is no room, all others are forgotten: those that are frequent soon
    /// come back.
    pub(super) fn learn(&mut self, dimension: Dimension, text: &str, number: u32) {
        if self.len >= policy::WORDS_KNOWN {
            *self = Self::default();
        }
        let known = self.numbers[dimension as usize].insert(text.into(), number);
        self.len += usize::from(known.is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_by_dimension_and_in_bounded_space() {
        let mut words = Vocabulary::default();
        words.learn(Dimension::Path, "/a/", 1);
        words.learn(Dimension::Referrer, "/a/", 2);
        assert_eq!(words.get(Dimension::Path, "/a/"), Some(1));
        assert_eq!(words.get(Dimension::Referrer, "/a/"), Some(2));
        assert_eq!(words.get(Dimension::Country, "/a/"), None);
        for number in 0..u32::try_from(policy::WORDS_KNOWN).unwrap() {
            words.learn(Dimension::Source, &number.to_string(), number);
        }
        assert!(words.len <= policy::WORDS_KNOWN);
        assert_eq!(words.get(Dimension::Path, "/a/"), None);
    }
}
