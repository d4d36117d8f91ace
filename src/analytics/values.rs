//! Which values each dimension has taken today, so that none takes more than its cap.

use super::policy;
use super::quick::QuickSet;
use super::rollup::Dimension;

/// The values of a day in the site's time zone, as numbers of the dictionary. That of the default never comes.
#[derive(Debug)]
pub(super) struct Values {
    day: u32,
    /// By the code of a dimension.
    taken: [QuickSet<u32>; Dimension::ALL.len()],
}

impl Default for Values {
    fn default() -> Self {
        Self { day: u32::MAX, taken: <[_; _]>::default() }
    }
}

impl Values {
    /// The dimensions that have a cap: all whose values are not the author's.
    pub(super) fn dimensions() -> impl Iterator<Item = Dimension> {
        let is_free =
            |dimension: &Dimension| !matches!(dimension, Dimension::Site | Dimension::Path);
        Dimension::ALL.into_iter().filter(is_free)
    }

    /// The values that `day` has already.
    pub(super) fn restore(day: u32, taken: impl IntoIterator<Item = (Dimension, u32)>) -> Self {
        let mut values = Self { day, ..Self::default() };
        for (dimension, word) in taken {
            values.take(dimension, word);
        }
        values
    }

    /// Whether these are the values of `day`.
    pub(super) fn are_of(&self, day: u32) -> bool {
        self.day == day
    }

    /// Whether `word` may stand for itself: it did so already today, or there is room for one more.
    pub(super) fn admit(&self, dimension: Dimension, word: Option<u32>) -> bool {
        let taken = &self.taken[dimension as usize];
        taken.len() < policy::VALUES_A_DAY || word.is_some_and(|word| taken.contains(&word))
    }

    /// Notes that `word` is among today's values.
    pub(super) fn take(&mut self, dimension: Dimension, word: u32) {
        self.taken[dimension as usize].insert(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dimension_takes_its_cap_of_values_a_day() {
        let mut values = Values::default();
        for word in 0..u32::try_from(policy::VALUES_A_DAY).unwrap() {
            assert!(values.admit(Dimension::Referrer, None), "{word}");
            values.take(Dimension::Referrer, word);
        }
        assert!(!values.admit(Dimension::Referrer, None));
        assert!(!values.admit(Dimension::Referrer, Some(1_000_000)));
        assert!(values.admit(Dimension::Referrer, Some(17)), "a value of today stays itself");
        assert!(values.admit(Dimension::Campaign, None), "each dimension has its own cap");
    }
}
