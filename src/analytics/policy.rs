//! Every window, limit and cap of counting, once; how they depend on one another is checked when compiling.

use std::time::Duration;

use crate::clock::Timestamp;

/// Until this long after a counted view, the same visitor on the same page is not counted again.
pub const DEDUP_WINDOW: Duration = Duration::from_mins(30);

/// A visit ends after this long without a sign of the visitor.
pub const VISIT: Duration = Duration::from_mins(30);

/// A visit ends after this long in any case.
pub const VISIT_AT_MOST: Duration = Duration::from_hours(24);

/// For this long after a view was counted, its repeats and heartbeats are known to belong to it, and what is
/// sent twice is known to be the same.
pub const VIEWING: Duration = Duration::from_hours(48);

/// Days of views that are older than this are packed: nothing can change them any more.
pub const PACK_AFTER: Duration = Duration::from_hours(72);

/// How many rows are packed at most whenever presence is swept.
pub const ROWS_A_SWEEP: usize = 20_000;

/// How many ids of viewings are looked at whenever presence is swept.
pub const VIEWS_A_SWEEP: usize = 20_000;

/// How many visitors are looked at whenever presence is swept, for whether they may still be known.
pub const VISITORS_A_SWEEP: usize = 5000;

/// Two readings of the clock, one after the other, agree if they are no further apart than this. Nothing is
/// forgotten for its age unless they do, so that a clock that is wrong for a moment loses nothing.
pub const STEADY: Duration = Duration::from_hours(24);

/// How much of an article must have been on screen for it to have been read, in percent.
pub const READ_SCROLL: u8 = 100;

/// How fast people read English prose silently, in words a minute (Brysbaert 2019). Who was engaged for half
/// of the time that this asks for may have read it.
pub const READING_SPEED: u32 = 238;

/// How often a visible page says that it is still read.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// The beacon does not repeat a heartbeat for the same path sooner than this.
pub const HEARTBEAT_GAP: Duration = Duration::from_secs(5);

/// Presence on the same path is not written again sooner than this.
pub const PRESENCE_REWRITE: Duration = Duration::from_secs(10);

/// With this many events at once, presence is not written with each batch, which would take as long as all else, but
/// every [`PRESENCE_PAUSE`]. If the process dies meanwhile, heartbeats tell who is present.
pub const CROWD: usize = 16;

/// How long presence waits to be written when there is a [`CROWD`].
pub const PRESENCE_PAUSE: Duration = Duration::from_secs(2);

/// As long as more than so many are present, who is where is not written: heartbeats tell it after a restart.
pub const PRESENT_WRITTEN: usize = 10_000;

/// A visitor seen less than this long ago is active.
pub const ACTIVE: Duration = Duration::from_mins(2);

/// How often presence that has ended is swept from the database.
pub const SWEEP: Duration = Duration::from_mins(5);

/// After how long without an event more of the journal is merged, if a sweep has begun to.
pub const MERGE_ON: Duration = Duration::from_millis(250);

/// The longest event that is read, in bytes of JSON.
pub const EVENT_BYTES: usize = 4096;

/// How many events may wait to be stored; one more is refused.
pub const QUEUE: usize = 8192;

/// How many events one transaction takes at most.
pub const BATCH: usize = 4096;

/// After storing failed, how long nothing is tried; doubled after each further failure.
pub const RETRY: Duration = Duration::from_secs(1);

/// The longest that nothing is tried after storing failed.
pub const RETRY_AT_MOST: Duration = Duration::from_mins(1);

/// How many may be present at once; further ones are counted, but not shown as active.
pub const PRESENT: usize = 100_000;

/// How many distinct values a dimension takes a day; further ones become [`OTHER`].
pub const VALUES_A_DAY: usize = 1000;

/// For how many distinct values a visitor is counted as one of their visitors; those beyond are counted
/// without visitors. No reader comes near it.
pub const VALUES_A_VISITOR: usize = 4096;

/// How many texts of the dictionary are kept in memory, of at most [`VALUE_BYTES`] each but for paths.
pub const WORDS_KNOWN: usize = 16_384;

/// If the clock is set back by more than so many days, visitors who came back meanwhile are not counted as
/// visitors of the days that are lived again.
pub const DAYS_BACK: u32 = 3;

/// From how many entries on those that wait in the journal are merged into their tables: of some 57,000 views, for
/// which maps have room that would double for a few more.
pub const JOURNAL: usize = 171_000;

/// How many ids of viewings, and of visitors, are read at most at the start: that keeps the thread that stores for three
/// tenths of a second.
pub const IDS_READ: u64 = 1_000_000;

/// How many entries are merged at once when all are, and nobody waits: as much room as the pages that it changes is
/// needed again meanwhile.
pub const MERGED_AT_ONCE: usize = 16_384;

/// How many views of paths that the site does not have, and events of viewings that the server does not know, are
/// remembered, so that their repeats do not count.
pub const STRAYS: usize = 32_768;

/// How many of these have a row of their own a day; further ones are counted in sums alone.
pub const STRAY_ROWS_A_DAY: u32 = 10_000;

/// What stands for the values beyond [`VALUES_A_DAY`].
pub const OTHER: &str = "(other)";

/// The longest value of a dimension that a visitor's browser names, in bytes.
pub const VALUE_BYTES: usize = 200;

/// How many of the most frequent paths that the site does not have are kept.
pub const NOT_FOUND_PATHS: usize = 200;

/// How often all of the database is checked.
pub const CHECK: Duration = Duration::from_hours(24);

/// After an unclean end, a database of up to so many bytes is checked before the site is served.
pub const CHECKED_AT_ONCE: u64 = 64 << 20;

/// How often it is told at most that events cannot be stored.
pub const TOLD: Duration = Duration::from_mins(1);

/// The database's page cache, in bytes.
pub const CACHE_BYTES: usize = 28 << 20;

/// How many events an address may send at once, and how many a second in the long run.
///
/// An office or a proxy that hides its readers behind one address must fit: 100 a second are the
/// heartbeats of 3,000 open pages.
pub const ADDRESS_RATE: Rate = Rate { burst: 1000, per_second: 100 };

/// How many events all addresses together may send at once, and a second in the long run.
pub const GLOBAL_RATE: Rate = Rate { burst: 20_000, per_second: 5000 };

/// How many address prefixes are remembered at once for [`ADDRESS_RATE`].
pub const ADDRESSES: usize = 65_536;

/// Whether what a view counted at `time` is about may still be going on at `now`.
pub(super) fn is_viewing(time: Timestamp, now: Timestamp) -> bool {
    u128::from(now.as_millis().abs_diff(time.as_millis())) < VIEWING.as_millis()
}

/// Whether a view at `now` repeats one that was counted at `time`, by the same visitor on the same page.
pub(super) fn is_repeat(time: Timestamp, now: Timestamp) -> bool {
    u128::from(now.as_millis().abs_diff(time.as_millis())) < DEDUP_WINDOW.as_millis()
}

/// Whether a page of so many words was read: to the end, in half of the time that it asks for. What has no
/// words cannot be read.
pub(super) fn is_read(scroll: u8, engaged_ms: u64, words: u32) -> bool {
    let asked_ms = u128::from(words) * 60_000;
    words > 0
        && scroll >= READ_SCROLL
        && u128::from(engaged_ms) * 2 * u128::from(READING_SPEED) >= asked_ms
}

/// How often something may happen: a bucket of tokens that refills evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many tokens the bucket holds when full.
    pub burst: u32,
    /// How many tokens it regains a second.
    pub per_second: u32,
}

const _: () = {
    const fn shorter(a: Duration, b: Duration) -> bool {
        a.as_millis() < b.as_millis()
    }
    assert!(shorter(HEARTBEAT_GAP, PRESENCE_REWRITE), "a skipped write must not hide a reader");
    assert!(shorter(PRESENCE_PAUSE, PRESENCE_REWRITE), "a late write must not hide a reader");
    assert!(shorter(PRESENCE_REWRITE, HEARTBEAT), "each regular heartbeat must renew presence");
    assert!(
        HEARTBEAT.as_millis() * 3 < ACTIVE.as_millis(),
        "two lost heartbeats must not end presence"
    );
    assert!(shorter(ACTIVE, SWEEP), "presence must have ended before it is swept");
    assert!(shorter(SWEEP, DEDUP_WINDOW), "a visit outlives the presence rows of its pages");
    assert!(shorter(VISIT_AT_MOST, VIEWING), "each view of a visit can still change");
    assert!(shorter(VIEWING, PACK_AFTER), "what is packed cannot change");
    assert!(shorter(SWEEP, STEADY), "two sweeps in a row must be able to agree");
    assert!(shorter(DEDUP_WINDOW, VIEWING), "what is a repeat can belong to its view");
    assert!(READ_SCROLL <= 100, "no more than all of an article can be on screen");
    assert!(PRESENT_WRITTEN <= PRESENT, "who is present is written unless there are too many");
    assert!(BATCH <= QUEUE, "a batch comes out of the queue");
    assert!(ADDRESS_RATE.burst <= GLOBAL_RATE.burst, "one address must not exhaust the site");
    assert!(VALUE_BYTES <= EVENT_BYTES, "a value must fit in an event");
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_at_its_end_in_half_of_the_time_that_its_words_ask_for() {
        for (scroll, engaged_ms, words, read) in [
            (100, 30_000, 238, true),
            (100, 29_999, 238, false),
            (99, 30_000, 238, false),
            (100, 126_050, 1000, false),
            (100, 126_051, 1000, true),
            (100, 127, 1, true),
            (100, 126, 1, false),
            (100, u64::MAX, 0, false),
        ] {
            assert_eq!(is_read(scroll, engaged_ms, words), read, "{scroll} {engaged_ms} {words}");
        }
    }

    #[test]
    fn a_viewing_goes_on_for_less_than_two_days() {
        const DAYS: i64 = 2 * 86_400_000;
        for (now, goes_on) in [(DAYS - 1, true), (DAYS, false), (1 - DAYS, true), (-DAYS, false)] {
            let time = |millis| Timestamp::from_millis(millis);
            assert_eq!(is_viewing(time(0), time(now)), goes_on, "{now}");
        }
    }
}
