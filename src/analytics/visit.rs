//! A visit: what one visitor does without a long pause.

use super::policy;
use super::row::RowKey;
use crate::clock::Timestamp;

/// A visit that may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Visit {
    /// The view that it began with.
    pub(super) entry: RowKey,
    /// The view that was counted last.
    pub(super) exit: RowKey,
    /// When the visitor gave the last sign: a view, a heartbeat, an event.
    pub(super) sign: Timestamp,
}

impl Visit {
    /// A visit that begins with the view `entry`.
    pub(super) fn begin(entry: RowKey) -> Self {
        Self { entry, exit: entry, sign: entry.time() }
    }

    /// Whether what happens at `now` belongs to it. A clock that was set back ends no visit sooner than one
    /// that went on.
    pub(super) fn includes(&self, now: Timestamp) -> bool {
        let is_within = |time: Timestamp, span: std::time::Duration| {
            u128::from(now.as_millis().abs_diff(time.as_millis())) < span.as_millis()
        };
        is_within(self.sign, policy::VISIT) && is_within(self.entry.time(), policy::VISIT_AT_MOST)
    }

    /// The visit as bytes.
    pub(super) fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.entry.to_bytes());
        bytes[8..16].copy_from_slice(&self.exit.to_bytes());
        bytes[16..].copy_from_slice(&self.sign.as_millis().to_be_bytes());
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(super) fn from_bytes(bytes: &[u8; 24]) -> Self {
        let part = |place: usize| std::array::from_fn(|offset| bytes[place + offset]);
        Self {
            entry: RowKey::from_bytes(part(0)),
            exit: RowKey::from_bytes(part(8)),
            sign: Timestamp::from_millis(i64::from_be_bytes(part(16))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::samples::at;

    #[test]
    fn a_visit_ends_after_exactly_30_minutes_without_a_sign_or_24_hours() {
        const MINUTE: i64 = 60_000;
        const DAY: i64 = 24 * 60 * MINUTE;
        let visit = |sign| Visit { sign: at(sign), ..Visit::begin(RowKey::first_at(at(0))) };
        for (sign, now, goes_on) in [
            (0, 30 * MINUTE - 1, true),
            (0, 30 * MINUTE, false),
            (29 * MINUTE, 59 * MINUTE - 1, true),
            (29 * MINUTE, 59 * MINUTE, false),
            (0, 1 - 30 * MINUTE, true),
            (0, -30 * MINUTE, false),
            (DAY - MINUTE, DAY - 1, true),
            (DAY - MINUTE, DAY, false),
        ] {
            assert_eq!(visit(sign).includes(at(now)), goes_on, "{sign} {now}");
        }
        assert_eq!(Visit::from_bytes(&visit(7).to_bytes()), visit(7));
    }
}
