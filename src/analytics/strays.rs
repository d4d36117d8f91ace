//! Views and events that leave no id in the database: their repeats are recognized in bounded memory.
//!
//! What can be made up without end must not fill the file: views of paths that the site does not have, and events of
//! viewings that the server does not know. They are counted, but belong to no visitor and to no visit, and after a restart,
//! or behind [`policy::STRAYS`] others, one that is sent again is counted again. Only so many of a day have a row of their
//! own; the others stand in sums alone.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use super::id::{ViewId, VisitorId};
use super::policy;
use crate::clock::Timestamp;

/// What was counted of the latest of them.
#[derive(Debug)]
pub(super) struct Strays {
    hasher: RandomState,
    /// When each was counted, by a hash of what it is known by: the latest, and those before.
    latest: HashMap<u64, Timestamp>,
    earlier: HashMap<u64, Timestamp>,
    rows: Rows,
    /// How many have a row on one day.
    pub(super) most: u32,
}

/// How many of a day have a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rows {
    /// In UTC, as rows are kept and dropped.
    pub(super) day: i64,
    pub(super) count: u32,
}

impl Default for Strays {
    fn default() -> Self {
        Self::restore(Rows::default())
    }
}

impl Strays {
    /// Takes up where the database left off.
    pub(super) fn restore(rows: Rows) -> Self {
        Self {
            hasher: RandomState::new(),
            latest: HashMap::new(),
            earlier: HashMap::new(),
            rows,
            most: policy::STRAY_ROWS_A_DAY,
        }
    }

    /// Whether a view of a path that the site does not have was counted already, as the same viewing or as one of the
    /// same visitor a short while ago. If not, it is from now on.
    pub(super) fn repeats(
        &mut self,
        view: Option<ViewId>,
        visitor: Option<VisitorId>,
        path: &str,
        now: Timestamp,
    ) -> bool {
        let of_visitor = visitor.map(|visitor| self.hasher.hash_one((visitor, path)));
        let counted = of_visitor.and_then(|key| self.counted(key));
        let is_repeat = view.is_some_and(|view| self.knows(view, now))
            || counted.is_some_and(|counted| policy::is_repeat(counted, now));
        if !is_repeat && let Some(key) = of_visitor {
            self.remember(key, now);
        }
        if let Some(view) = view {
            self.note(view, now);
        }
        is_repeat
    }

    /// Whether a viewing or an event with this id was met.
    pub(super) fn knows(&self, id: ViewId, now: Timestamp) -> bool {
        self.counted(self.hasher.hash_one(id)).is_some_and(|met| policy::is_viewing(met, now))
    }

    /// Notes that a viewing or an event with this id was met, unless that is known.
    pub(super) fn note(&mut self, id: ViewId, now: Timestamp) {
        if !self.knows(id, now) {
            self.remember(self.hasher.hash_one(id), now);
        }
    }

    /// Whether one more may have a row on `day`; if so, it is taken to have one.
    pub(super) fn take_row(&mut self, day: i64) -> bool {
        if self.rows.day != day {
            self.rows = Rows { day, count: 0 };
        }
        let is_free = self.rows.count < self.most;
        self.rows.count += u32::from(is_free);
        is_free
    }

    /// How many have a row.
    pub(super) fn rows(&self) -> Rows {
        self.rows
    }

    fn counted(&self, key: u64) -> Option<Timestamp> {
        self.latest.get(&key).or_else(|| self.earlier.get(&key)).copied()
    }

    /// Half of the room is for the latest, so that the others can be forgotten all at once.
    fn remember(&mut self, key: u64, now: Timestamp) {
        if self.latest.len() >= policy::STRAYS / 2 {
            self.earlier = std::mem::take(&mut self.latest);
        }
        self.latest.insert(key, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::samples::at;

    const MINUTE: i64 = 60_000;

    fn id(number: u64) -> ViewId {
        ViewId::from_bytes(number.to_be_bytes())
    }

    #[test]
    fn a_repeat_is_the_same_viewing_or_the_same_visitor_within_half_an_hour() {
        let mut strays = Strays::default();
        let visitor = |number| Some(VisitorId::from_bytes([number; 16]));
        for (view, who, path, millis, repeats) in [
            (1, visitor(1), "/x/", 0, false),
            (1, visitor(1), "/x/", 0, true),
            (1, visitor(2), "/y/", 1, true),
            (2, visitor(1), "/x/", 30 * MINUTE - 1, true),
            (3, visitor(1), "/y/", 30 * MINUTE - 1, false),
            (2, visitor(1), "/x/", 30 * MINUTE, true),
            (4, visitor(1), "/x/", 30 * MINUTE, false),
            (5, None, "/x/", 30 * MINUTE, false),
            (6, None, "/x/", 30 * MINUTE, false),
            (6, None, "/x/", 48 * 60 * MINUTE, true),
            (6, None, "/x/", (48 * 60 + 30) * MINUTE, false),
        ] {
            let found = strays.repeats(Some(id(view)), who, path, at(millis));
            assert_eq!(found, repeats, "{view} {millis}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_latest_are_known() {
        let mut strays = Strays::default();
        let many = policy::STRAYS as u64 * 3;
        for number in 0..many {
            strays.note(id(number), at(0));
        }
        assert!(strays.latest.len() + strays.earlier.len() <= policy::STRAYS);
        assert!(!strays.knows(id(0), at(0)));
        assert!((many - policy::STRAYS as u64 / 2..many).all(|n| strays.knows(id(n), at(0))));
    }

    #[test]
    fn so_many_of_a_day_have_a_row() {
        let mut strays = Strays::restore(Rows { day: 7, count: policy::STRAY_ROWS_A_DAY - 1 });
        assert_eq!([7, 7, 8, 8].map(|day| strays.take_row(day)), [true, false, true, true]);
        assert_eq!(strays.rows(), Rows { day: 8, count: 2 });
    }
}
