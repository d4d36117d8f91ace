//! What is known of a visitor: a number, and for which values on which days a view was counted.

use super::days::{Addition, Days};
use super::policy;
use super::varint::{self, unzigzag, zigzag};

/// 2020-01-01: days are written as their distance from it, in two bytes for long.
const EPOCH: u32 = 18_262;

/// What is known of a visitor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Visitor {
    /// What stands for the visitor in rows.
    pub(super) number: u32,
    /// By the number of the value, in that order; 0 is the site as a whole.
    days: Vec<(u32, Days)>,
}

impl Visitor {
    /// A visitor of whom nothing was counted yet.
    pub(super) const fn new(number: u32) -> Self {
        Self { number, days: Vec::new() }
    }

    /// Whether anything was counted for `word`.
    pub(super) fn knows(&self, word: u32) -> bool {
        self.place(word).is_ok()
    }

    /// Notes that `word` was counted on `day`; none if that changes nobody's count of visitors.
    pub(super) fn count(&mut self, word: u32, day: u32) -> Option<Addition> {
        match self.place(word) {
            Ok(place) => self.days[place].1.add(day),
            Err(_) if self.days.len() >= policy::VALUES_A_VISITOR => None,
            Err(place) => {
                // Room for as many values as most views have.
                self.days.reserve(8);
                self.days.insert(place, (word, Days::new(day)));
                Some(Addition::first(day))
            }
        }
    }

    /// Where `word` is, or would be.
    fn place(&self, word: u32) -> Result<usize, usize> {
        self.days.binary_search_by_key(&word, |(of, _)| *of)
    }

    /// The latest day of all; none if nothing was counted.
    pub(super) fn latest(&self) -> Option<u32> {
        self.days.iter().map(|(_, days)| days.latest()).max()
    }

    /// The visitor as bytes. Most values have the days of the first, which is the site: these are not repeated.
    pub(super) fn encode(&self) -> Vec<u8> {
        let newest = self.latest().unwrap_or(0);
        let mut bytes = Vec::with_capacity(32);
        varint::push(&mut bytes, u64::from(self.number));
        varint::push(&mut bytes, u64::from(zigzag(newest.wrapping_sub(EPOCH))));
        let first = self.days.first().map(|(_, days)| days);
        let mut before = None;
        for (word, days) in &self.days {
            let is_same = before.is_some() && first == Some(days);
            let distance = u64::from(word - before.unwrap_or(0));
            varint::push(&mut bytes, distance << 1 | u64::from(is_same));
            if !is_same {
                days.encode(newest, &mut bytes);
            }
            before = Some(*word);
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(bytes: &[u8]) -> Self {
        let mut numbers = varint::decode(bytes);
        let (number, newest) = (numbers.small(), unzigzag(numbers.small()).wrapping_add(EPOCH));
        let (mut days, mut word, mut first) = (Vec::new(), 0_u32, None);
        while !numbers.is_empty() {
            let step = numbers.large();
            word = word.saturating_add(u32::try_from(step >> 1).unwrap_or(u32::MAX));
            let known = first.filter(|_| step & 1 == 1);
            let of_word = known.unwrap_or_else(|| Days::decode(newest, &mut numbers));
            first = first.or(Some(of_word));
            days.push((word, of_word));
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
        (numbers.small(), unzigzag(numbers.small()).wrapping_add(EPOCH))
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
        assert!(visitor.encode().len() <= 15, "{}", visitor.encode().len());
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
