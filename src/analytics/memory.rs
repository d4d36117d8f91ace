//! What of the database is kept in memory: bounded, and loaded anew whenever it might differ.

use super::frequent::Frequent;
use super::journal::Journal;
use super::rejection::Rejection;
use super::salt::Salt;
use super::seen::Seen;
use super::sessions::Sessions;
use super::snapshot::Snapshot;
use super::strays::Strays;
use super::totals::Totals;
use super::values::Values;
use super::vocabulary::Vocabulary;

/// What the recorder's thread keeps in memory of the database.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) sessions: Sessions,
    pub(super) totals: Totals,
    pub(super) not_found: Frequent,
    pub(super) values: Values,
    pub(super) words: Vocabulary,
    pub(super) journal: Journal,
    /// None if it is not known which ids the database has.
    pub(super) seen: Option<Seen>,
    pub(super) strays: Strays,
    pub(super) salt: Option<Salt>,
    /// How many events were rejected before the last start.
    pub(super) rejected: Vec<(Rejection, u64)>,
}

impl Memory {
    /// The numbers as they are now.
    pub(super) fn snapshot(&self, rejected: Vec<(Rejection, u64)>) -> Snapshot {
        let site = self.totals.site;
        Snapshot {
            active_visitors: self.sessions.active(),
            active_by_path: self.sessions.active_by_path(),
            active_not_found: self.sessions.active_not_found(),
            total_page_views: site.views,
            unique_visitors: site.visitors,
            tracking_since: site.since,
            pages: self.totals.pages().to_vec(),
            not_found_views: site.not_found,
            not_found: self.not_found.list(),
            rejected,
            degraded: false,
            unavailable: false,
        }
    }
}
