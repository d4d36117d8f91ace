//! On which days a visitor was counted for a value: as many as it takes to say who has been there before.

use super::policy;
use super::varint::{self, Numbers};

/// Nothing was earlier than this day.
const FIRST: u64 = 0;
/// Earlier days were forgotten.
const FORGOTTEN: u64 = 1;
/// An earlier day follows.
const MORE: u64 = 2;

/// Room for the days that matter if the clock is set back, and for one that has just come.
const ROOM: usize = policy::DAYS_BACK as usize + 2;

/// The latest days on which a visitor was counted for a value. They are in place: a visitor has some for each of a dozen
/// values, and to ask for memory for each would take longer than to count the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    /// From early to late; zeros behind the last.
    known: [u32; ROOM],
    /// How many there are; never none.
    count: u8,
    /// Whether there was a day before these.
    has_earlier: bool,
}

/// A day that came to others, and which these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Addition {
    /// The day before it.
    pub(super) previous: Option<u32>,
    /// The day.
    pub(super) day: u32,
    /// The day after it: there is one if the clock was set back.
    pub(super) next: Option<u32>,
}

impl Addition {
    /// The first day of all.
    pub(super) const fn first(day: u32) -> Self {
        Self { previous: None, day, next: None }
    }

    /// What the addition changes in the returns of days: the day, how many days before it the visitor was
    /// there last (0 for never), and by how much that count changes.
    pub(super) fn changes(self) -> impl Iterator<Item = (u32, u32, i64)> {
        let Self { previous, day, next } = self;
        let gap = |before: Option<u32>, day: u32| before.map_or(0, |before| day - before);
        let gained = next.map(|next| (next, next - day, 1));
        let lost = next.map(|next| (next, gap(previous, next), -1));
        [Some((day, gap(previous, day), 1)), gained, lost].into_iter().flatten()
    }
}

impl Days {
    /// The first day.
    pub(super) fn new(day: u32) -> Self {
        let mut days = Self { known: [0; ROOM], count: 0, has_earlier: false };
        days.insert(0, day);
        days
    }

    /// The latest day.
    pub(super) fn latest(&self) -> u32 {
        self.known().last().copied().unwrap_or(0)
    }

    /// Adds `day`; none if it was there, or if it is so long ago that nobody can tell.
    pub(super) fn add(&mut self, day: u32) -> Option<Addition> {
        let Err(place) = self.known().binary_search(&day) else { return None };
        if place == 0 && self.has_earlier {
            return None;
        }
        let previous = place.checked_sub(1).map(|before| self.known[before]);
        let next = self.known().get(place).copied();
        self.insert(place, day);
        self.forget();
        Some(Addition { previous, day, next })
    }

    /// Those before `day`; none if none is known.
    pub(super) fn before(&self, day: u32) -> Option<Self> {
        let mut before = *self;
        while before.count > 0 && before.latest() >= day {
            before.count -= 1;
            before.known[usize::from(before.count)] = 0;
        }
        (before.count > 0).then_some(before)
    }

    fn known(&self) -> &[u32] {
        &self.known[..usize::from(self.count)]
    }

    /// Inserts `day` before the day at `place`, for which there must be room.
    fn insert(&mut self, place: usize, day: u32) {
        self.count += 1;
        self.known[place..usize::from(self.count)].rotate_right(1);
        self.known[place] = day;
    }

    /// Forgets what could only matter if the clock were set back by more than [`policy::DAYS_BACK`], so that there is
    /// room for one more.
    fn forget(&mut self) {
        let is_old = |days: &Self| days.latest() - days.known[0] > policy::DAYS_BACK;
        // Without room only after damage, as days differ.
        while self.known().len() == ROOM || self.count > 2 && is_old(self) {
            self.known[0] = 0;
            self.known.rotate_left(1);
            self.count -= 1;
            self.has_earlier = true;
        }
    }

    /// Writes the days behind other bytes, the latest as its distance from `newest`, which is at least as late.
    pub(super) fn encode(&self, newest: u32, bytes: &mut Vec<u8>) {
        let mut after = newest;
        for (place, day) in self.known().iter().enumerate().rev() {
            let mark = match (place, self.has_earlier) {
                (0, false) => FIRST,
                (0, true) => FORGOTTEN,
                _ => MORE,
            };
            varint::push(bytes, u64::from(after.saturating_sub(*day)) << 2 | mark);
            after = *day;
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(newest: u32, numbers: &mut Numbers<'_>) -> Self {
        let (mut days, mut after) =
            (Self { known: [0; ROOM], count: 0, has_earlier: false }, newest);
        loop {
            let number = numbers.large();
            let gap = u32::try_from(number >> 2).unwrap_or(u32::MAX);
            after = after.saturating_sub(gap);
            // There are no more, unless they were damaged.
            if days.known().len() + 1 < ROOM {
                days.insert(0, after);
            }
            if number & 3 != MORE || numbers.is_empty() {
                days.has_earlier = number & 3 != FIRST;
                return days;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::calendar::{Level, cover};
    use super::super::returns::Returns;
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn a_day_stands_between_its_neighbors() {
        let mut days = Days::new(10);
        let addition = |previous, day, next| Some(Addition { previous, day, next });
        for (day, expected) in [
            (10, None),
            (12, addition(Some(10), 12, None)),
            (11, addition(Some(10), 11, Some(12))),
            (9, addition(None, 9, Some(10))),
            (400, addition(Some(12), 400, None)),
            (12, None),
            (13, addition(Some(12), 13, Some(400))),
            // What was forgotten cannot be told.
            (11, None),
        ] {
            assert_eq!(days.add(day), expected, "{day}");
        }
        assert_eq!(days.latest(), 400);
    }

    proptest! {
        #[test]
        fn returns_add_up_to_distinct_visitors_of_any_days(
            visits in prop::collection::vec((0_u8..4, 0_u32..90), 0..60),
            from in 0_u32..90, length in 0_u32..90
        ) {
            // In an order as clocks give it: each day at most a bit before the latest.
            let mut visits = visits;
            visits.sort_by_key(|(visitor, day)| day + u32::from(*visitor) % 3);
            let mut known: BTreeMap<u8, Days> = BTreeMap::new();
            let mut returns: BTreeMap<(Level, u32), Returns> = BTreeMap::new();
            for (visitor, day) in &visits {
                // Days begin in the middle of a year.
                let day = day + 20_580;
                let addition = if let Some(days) = known.get_mut(visitor) {
                    days.add(day)
                } else {
                    known.insert(*visitor, Days::new(day));
                    Some(Addition::first(day))
                };
                for (day, gap, by) in addition.into_iter().flat_map(Addition::changes) {
                    let mut change = Returns::default();
                    change.add(gap, by);
                    for level in Level::ALL {
                        let start = level.start_of(day);
                        returns.entry((level, start)).or_default().merge(&change.lifted(day - start));
                    }
                }
            }
            let days = from + 20_580..from + length + 20_580;
            let distinct = visits.iter().filter(|(_, day)| days.contains(&(day + 20_580)));
            let distinct = distinct.map(|(visitor, _)| visitor).collect::<BTreeSet<_>>().len();
            let spans = cover(days.clone()).into_iter();
            let of_span = |(level, start)| Some(returns.get(&(level, start))?.visitors(start - days.start));
            let counted: u64 = spans.filter_map(of_span).sum();
            prop_assert_eq!(usize::try_from(counted).unwrap(), distinct);
        }

        #[test]
        fn days_are_read_as_they_were_written(first in 0_u32..30_000, gaps in prop::collection::vec(1_u32..50, 0..9), later in 0_u32..100) {
            let mut days = Days::new(first);
            let mut day = first;
            for gap in gaps {
                day += gap;
                days.add(day);
            }
            let mut bytes = Vec::new();
            days.encode(day + later, &mut bytes);
            prop_assert_eq!(Days::decode(day + later, &mut varint::decode(&bytes)), days);
        }
    }
}
