//! Every window, limit and cap of counting, once; how they depend on one another is checked when compiling.

use std::time::Duration;

/// Until this long after a counted view, the same visitor on the same page is not counted again.
pub const DEDUP_WINDOW: Duration = Duration::from_mins(30);

/// How often a visible page says that it is still read.
pub const HEARTBEAT: Duration = Duration::from_secs(30);

/// The beacon does not repeat a heartbeat for the same path sooner than this.
pub const HEARTBEAT_GAP: Duration = Duration::from_secs(5);

/// Presence on the same path is not written again sooner than this.
pub const PRESENCE_REWRITE: Duration = Duration::from_secs(10);

/// A visitor seen less than this long ago is active.
pub const ACTIVE: Duration = Duration::from_mins(2);

/// How often presence that has ended is swept from the database.
pub const SWEEP: Duration = Duration::from_mins(5);

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

/// What stands for the values beyond [`VALUES_A_DAY`].
pub const OTHER: &str = "(other)";

/// The longest value of a dimension that a visitor's browser names, in bytes.
pub const VALUE_BYTES: usize = 200;

/// How many of the most frequent paths that the site does not have are kept.
pub const NOT_FOUND_PATHS: usize = 200;

/// The database's page cache, in bytes.
pub const CACHE_BYTES: usize = 32 << 20;

/// How many events an address may send at once, and how many a second in the long run.
///
/// An office or a proxy that hides its readers behind one address must fit: 100 a second are the
/// heartbeats of 3,000 open pages.
pub const ADDRESS_RATE: Rate = Rate { burst: 1000, per_second: 100 };

/// How many events all addresses together may send at once, and a second in the long run.
pub const GLOBAL_RATE: Rate = Rate { burst: 20_000, per_second: 5000 };

/// How many address prefixes are remembered at once for [`ADDRESS_RATE`].
pub const ADDRESSES: usize = 65_536;

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
    assert!(shorter(PRESENCE_REWRITE, HEARTBEAT), "each regular heartbeat must renew presence");
    assert!(
        HEARTBEAT.as_millis() * 3 < ACTIVE.as_millis(),
        "two lost heartbeats must not end presence"
    );
    assert!(shorter(ACTIVE, SWEEP), "presence must have ended before it is swept");
    assert!(shorter(SWEEP, DEDUP_WINDOW), "a visit outlives the presence rows of its pages");
    assert!(BATCH <= QUEUE, "a batch comes out of the queue");
    assert!(ADDRESS_RATE.burst <= GLOBAL_RATE.burst, "one address must not exhaust the site");
    assert!(VALUE_BYTES <= EVENT_BYTES, "a value must fit in an event");
};
