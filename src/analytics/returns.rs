//! Who of a span's visitors was there before: it makes distinct visitors of several spans a sum.
//!
//! For each span and value this is how many of its visitors were last counted for the same value so many days
//! before the span began. The distinct visitors of some days are then those of each of its spans who were last
//! there before these days, or never: everybody is counted in the first span, and in no other.

use super::varint::Numbers;

/// Visitors by how many days before the span they were there last, in that order; 0 if never.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Returns(Vec<(u32, u64)>);

impl Returns {
    /// Counts `by` visitors more, or less, who were there last `gap` days before.
    pub(super) fn add(&mut self, gap: u32, by: i64) {
        let place = self.0.partition_point(|(of, _)| *of < gap);
        let before = self.0.get(place).filter(|(of, _)| *of == gap).map(|(_, count)| *count);
        let count = before.unwrap_or(0).wrapping_add_signed(by);
        match (before, count) {
            (None, 0) => {}
            (None, _) => self.0.insert(place, (gap, count)),
            (Some(_), 0) => drop(self.0.remove(place)),
            (Some(_), _) => self.0[place].1 = count,
        }
    }

    /// Takes in those of the same span that were counted elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        for (gap, count) in &other.0 {
            self.add(*gap, count.cast_signed());
        }
    }

    /// How many were not there in the `days` before the span.
    pub(super) fn visitors(&self, days: u32) -> u64 {
        let new = self.0.iter().filter(|(gap, _)| *gap == 0 || *gap > days);
        new.map(|(_, count)| count).sum()
    }

    /// The counts by gap.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u64)> {
        self.0.iter().copied()
    }

    /// The same with all who were there last more than `days` before counted as if never.
    pub(super) fn within(&self, days: u32) -> Self {
        let mut returns = Self::default();
        for (gap, count) in self.iter() {
            returns.add(if gap > days { 0 } else { gap }, count.cast_signed());
        }
        returns
    }

    /// What the returns of a day say of a longer span that began `days` before it: who was there in these days
    /// already is a visitor of the span, and no new one.
    pub(super) fn lifted(&self, days: u32) -> Self {
        let mut returns = Self::default();
        for (gap, count) in self.iter().filter(|(gap, _)| *gap == 0 || *gap > days) {
            returns.add(gap.saturating_sub(days), count.cast_signed());
        }
        returns
    }

    /// The returns as numbers, of which the last is not zero.
    pub(super) fn encode(&self) -> impl Iterator<Item = u64> {
        let mut before = 0;
        self.0.iter().flat_map(move |(gap, count)| {
            let distance = gap - std::mem::replace(&mut before, *gap);
            [u64::from(distance), *count]
        })
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(numbers: &mut Numbers<'_>) -> Self {
        let (mut returns, mut gap) = (Self::default(), 0_u32);
        while !numbers.is_empty() {
            gap = gap.saturating_add(numbers.small());
            returns.add(gap, numbers.large().cast_signed());
        }
        returns
    }

    /// [`visitors`](Self::visitors) of what [`encode`](Self::encode) wrote.
    pub(super) fn visitors_since(numbers: &mut Numbers<'_>, days: u32) -> u64 {
        let (mut visitors, mut gap) = (0_u64, 0_u32);
        while !numbers.is_empty() {
            gap = gap.saturating_add(numbers.small());
            let count = numbers.large();
            if gap == 0 || gap > days {
                visitors = visitors.wrapping_add(count);
            }
        }
        visitors
    }
}
