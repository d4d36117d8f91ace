//! The last line of a head that is written by hand: the date, spelled once a second.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::clock::Clock;

/// Spells the `Date` header and the empty line behind it.
pub(super) struct DateLine {
    clock: Arc<dyn Clock>,
    /// A second, and the line for it.
    spelled: Mutex<(i64, Bytes)>,
}

impl DateLine {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, spelled: Mutex::new((i64::MIN, Bytes::new())) }
    }

    /// The line for now.
    pub(super) fn line(&self) -> Bytes {
        let second = self.clock.now().as_millis().div_euclid(1000);
        let mut spelled = self.spelled.lock().unwrap_or_else(PoisonError::into_inner);
        if spelled.0 != second {
            *spelled = (second, spell(second));
        }
        spelled.1.clone()
    }
}

impl fmt::Debug for DateLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DateLine").finish_non_exhaustive()
    }
}

/// RFC 9110, 5.6.7; a clock beyond all calendars has no date, which a server without a clock may leave out (6.6.1).
fn spell(second: i64) -> Bytes {
    let instant = jiff::Timestamp::from_second(second).ok();
    let date = instant.and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok());
    date.map_or(Bytes::from_static(b"\r\n"), |date| format!("date: {date}\r\n\r\n").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{FixedClock, Timestamp};

    #[test]
    fn the_date_follows_the_clock() {
        let clock = FixedClock::at(Timestamp::from_millis(784_111_777_999));
        let date = DateLine::new(Arc::new(clock.clone()));
        assert_eq!(date.line(), "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
        clock.advance(std::time::Duration::from_millis(1));
        assert_eq!(date.line(), "date: Sun, 06 Nov 1994 08:49:38 GMT\r\n\r\n");
        assert_eq!(spell(i64::MAX), "\r\n");
    }
}
