//! What is known of a visitor: a number, and for which values on which days a view was counted.

use std::collections::BTreeMap;

use super::days::{Addition, Days};
use super::policy;
use super::row::varint;

/// What is known of a visitor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Visitor {
    /// What stands for the visitor in rows.
    pub(super) number: u32,
    /// By the number of the value; 0 is the site as a whole.
    days: BTreeMap<u32, Days>,
}

impl Visitor {
    /// A visitor of whom nothing was counted yet.
    pub(super) const fn new(number: u32) -> Self {
        Self { number, days: BTreeMap::new() }
    }

    /// Whether anything was counted for `word`.
    pub(super) fn knows(&self, word: u32) -> bool {
        self.days.contains_key(&word)
    }

    /// Notes that `word` was counted on `day`; none if that changes nobody's count of visitors.
    pub(super) fn count(&mut self, word: u32, day: u32) -> Option<Addition> {
        if let Some(days) = self.days.get_mut(&word) {
            return days.add(day);
        }
        if self.days.len() >= policy::VALUES_A_VISITOR {
            return None;
        }
        self.days.insert(word, Days::new(day));
        Some(Addition::first(day))
    }

    /// The latest day of all; none if nothing was counted.
    pub(super) fn latest(&self) -> Option<u32> {
        self.days.values().map(Days::latest).max()
    }

    /// The visitor as bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let newest = self.latest().unwrap_or(0);
        let mut numbers = vec![u64::from(self.number), u64::from(newest)];
        let mut before = 0;
        for (word, days) in &self.days {
            // One more than the distance, so that no value ends in zeros that are left out.
            numbers.push(u64::from(word - before) + 1);
            days.encode(newest, &mut numbers);
            before = *word;
        }
        // The last number may be zero, and says that more was left out.
        numbers.push(1);
        varint::encode(numbers)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_suffix(&[1]).unwrap_or(bytes);
        let mut numbers = varint::decode(bytes);
        let (number, newest) = (numbers.small(), numbers.small());
        let (mut days, mut word) = (BTreeMap::new(), 0_u32);
        while !numbers.is_empty() {
            word = word.saturating_add(numbers.small().saturating_sub(1));
            days.insert(word, Days::decode(newest, &mut numbers));
        }
        Self { number, days }
    }

    /// Whether anything was counted for one of `words` of the visitor with these bytes.
    pub(super) fn knows_any(bytes: &[u8], words: &[u32]) -> bool {
        let visitor = Self::decode(bytes);
        words.iter().any(|word| visitor.knows(*word))
    }

    /// The same as it was before `day`.
    pub(super) fn before(&self, day: u32) -> Self {
        let mut before = Self::new(self.number);
        for (word, days) in &self.days {
            before.days.extend(days.before(day).map(|days| (*word, days)));
        }
        before
    }

    /// The number of the visitor with these bytes, and the latest day.
    pub(super) fn head(bytes: &[u8]) -> (u32, u32) {
        let mut numbers = varint::decode(bytes);
        (numbers.small(), numbers.small())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_visitor_is_read_as_written(number: u32, counted in prop::collection::vec((0_u32..2000, 20_000_u32..20_050), 0..50)) {
            let mut visitor = Visitor::new(number);
            for (word, day) in counted {
                visitor.count(word, day);
            }
            let bytes = visitor.encode();
            prop_assert_eq!(Visitor::decode(&bytes), visitor.clone());
            prop_assert_eq!(Visitor::head(&bytes), (number, visitor.latest().unwrap_or(0)));
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            Visitor::decode(&bytes);
        }
    }

    #[test]
    fn a_visitor_of_one_page_takes_few_bytes() {
        let mut visitor = Visitor::new(70_000);
        for word in [0, 3, 5, 6, 8, 9, 300] {
            visitor.count(word, 20_781);
        }
        assert!(visitor.encode().len() <= 24, "{}", visitor.encode().len());
    }

    #[test]
    fn a_visitor_who_sends_values_without_end_is_counted_for_so_many_of_them() {
        let mut visitor = Visitor::new(1);
        let most = u32::try_from(policy::VALUES_A_VISITOR).unwrap();
        for word in 0..most {
            assert!(visitor.count(word, 1).is_some());
        }
        assert_eq!(visitor.count(most, 1), None);
        assert!(visitor.count(0, 2).is_some());
    }
}
