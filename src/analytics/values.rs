//! Which values each dimension has taken today, so that none takes more than its cap.

use std::collections::{HashMap, HashSet};

use super::policy;
use super::rollup::{Cell, Dimension};

/// Hours in a day; the days of caps are those of UTC.
const HOURS: u32 = 24;

/// The values of today, as numbers of the dictionary.
#[derive(Debug, Default)]
pub(super) struct Values {
    day: u32,
    taken: HashMap<Dimension, HashSet<u32>>,
}

impl Values {
    /// The values that `cells` of the day of `hour` have.
    pub(super) fn restore(hour: u32, cells: impl IntoIterator<Item = Cell>) -> Self {
        let mut values = Self { day: hour / HOURS, taken: HashMap::new() };
        for cell in cells {
            values.take(cell.dimension, cell.word);
        }
        values
    }

    /// The first hour of the day of `hour`, and the first of the next.
    pub(super) fn day_of(hour: u32) -> std::ops::Range<u32> {
        let start = hour / HOURS * HOURS;
        start..start.saturating_add(HOURS)
    }

    /// Whether these are the values of the day of `hour`.
    pub(super) fn are_of(&self, hour: u32) -> bool {
        self.day == hour / HOURS
    }

    /// Whether `word` may stand for itself: it did so already today, or there is room for one more.
    pub(super) fn admit(&self, dimension: Dimension, word: Option<u32>) -> bool {
        self.taken.get(&dimension).is_none_or(|taken| {
            taken.len() < policy::VALUES_A_DAY || word.is_some_and(|word| taken.contains(&word))
        })
    }

    /// Notes that `word` is among today's values.
    pub(super) fn take(&mut self, dimension: Dimension, word: u32) {
        self.taken.entry(dimension).or_default().insert(word);
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

    #[test]
    fn a_day_is_24_hours_of_utc() {
        let values = Values::restore(49, []);
        for (hour, same) in [(47, false), (48, true), (71, true), (72, false)] {
            assert_eq!(values.are_of(hour), same, "{hour}");
            assert_eq!(Values::day_of(49).contains(&hour), same, "{hour}");
        }
    }
}
