//! A line on the terminal that says how far long work has come, while it takes longer than a moment.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use super::report::Report;

/// Work that is done sooner needs no line.
const PATIENCE: Duration = Duration::from_millis(400);

/// How often the line is written anew.
const PACE: Duration = Duration::from_millis(100);

/// Clears the line that the cursor is on.
const CLEAR: &str = "\r\x1b[2K";

/// Does `work`, with a line that says `progress` again and again if somebody looks.
pub(super) fn with_line<T>(
    report: Report,
    progress: impl Fn() -> String + Send,
    work: impl FnOnce() -> T,
) -> T {
    if !report.shows_progress() {
        return work();
    }
    let (end, ended) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut wait = PATIENCE;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let _ = write!(anstream::stderr(), "{CLEAR}{}", progress());
                wait = PACE;
            }
            if wait == PACE {
                let _ = write!(anstream::stderr(), "{CLEAR}");
            }
        });
        let result = work();
        drop(end);
        result
    })
}
