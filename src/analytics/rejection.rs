//! Why an event is not counted, and how often that was.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why an event is not counted. A decision, not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rejection {
    /// The body is not an event.
    Malformed,
    /// The body is longer than any event.
    TooLarge,
    /// It was sent by a page of another site.
    ForeignOrigin,
    /// The reader asked not to be counted.
    OptedOut,
    /// The browser loaded the page ahead of time.
    Prefetch,
    /// A program sent it, or something that does not look like a browser.
    Bot,
    /// It names a referrer that is sent to be found in statistics.
    Spam,
    /// The owner excludes this page or this reader.
    Excluded,
    /// Too many came from one address.
    TooMany,
    /// Too many came from everywhere.
    Overload,
}

/// Whose doing a rejection is; the server answers each with a status of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The request is wrong: 400.
    Invalid,
    /// The request is well-formed and refused: 403.
    Refused,
    /// The request is too large: 413.
    TooLarge,
    /// There were too many requests: 429.
    TooMany,
}

impl Rejection {
    /// Every reason, in the order of its code.
    pub const ALL: [Self; 10] = [
        Self::Malformed,
        Self::TooLarge,
        Self::ForeignOrigin,
        Self::OptedOut,
        Self::Prefetch,
        Self::Bot,
        Self::Spam,
        Self::Excluded,
        Self::TooMany,
        Self::Overload,
    ];

    /// The reason as machines read it; never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::ForeignOrigin => "foreign-origin",
            Self::OptedOut => "opted-out",
            Self::Prefetch => "prefetch",
            Self::Bot => "bot",
            Self::Spam => "spam",
            Self::Excluded => "excluded",
            Self::TooMany => "too-many",
            Self::Overload => "overload",
        }
    }

    /// Whose doing it is.
    pub const fn class(self) -> Class {
        match self {
            Self::Malformed => Class::Invalid,
            Self::TooLarge => Class::TooLarge,
            Self::ForeignOrigin
            | Self::OptedOut
            | Self::Prefetch
            | Self::Bot
            | Self::Spam
            | Self::Excluded => Class::Refused,
            Self::TooMany | Self::Overload => Class::TooMany,
        }
    }
}

/// How often each rejection was; counted from any thread.
#[derive(Debug, Default)]
pub(super) struct Rejections([AtomicU64; Rejection::ALL.len()]);

impl Rejections {
    /// Counts one more.
    pub(super) fn add(&self, rejection: Rejection) {
        self.0[rejection as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Goes on from what was counted before.
    pub(super) fn resume(&self, counted: &[(Rejection, u64)]) {
        for (rejection, count) in counted {
            self.0[*rejection as usize].fetch_add(*count, Ordering::Relaxed);
        }
    }

    /// Those that happened, with how often.
    pub(super) fn counts(&self) -> Vec<(Rejection, u64)> {
        let count = |rejection: Rejection| self.0[rejection as usize].load(Ordering::Relaxed);
        Rejection::ALL
            .into_iter()
            .map(|rejection| (rejection, count(rejection)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_name_of_its_own_and_its_place_in_the_table() {
        let mut names: Vec<&str> = Rejection::ALL.iter().map(|reason| reason.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rejection::ALL.len());
        for (code, reason) in Rejection::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, code);
        }
    }

    #[test]
    fn counts_go_on_from_what_was_counted_before() {
        let rejections = Rejections::default();
        rejections.resume(&[(Rejection::Bot, 5)]);
        rejections.add(Rejection::Bot);
        rejections.add(Rejection::TooMany);
        assert_eq!(rejections.counts(), [(Rejection::Bot, 6), (Rejection::TooMany, 1)]);
    }
}
