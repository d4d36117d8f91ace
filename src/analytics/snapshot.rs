//! Every number of the dashboard at one instant.

use std::sync::Arc;

use super::rejection::Rejection;
use crate::clock::Timestamp;
use crate::permalink::UrlPath;

/// Every number of the dashboard at one instant; two are equal when no number changed between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Visitors who were seen less than two minutes ago.
    pub active_visitors: u64,
    /// How many of them are on which page, most first, then by path.
    pub active_by_path: Vec<(Arc<UrlPath>, u64)>,
    /// How many of them are on paths that the site does not have.
    pub active_not_found: u64,
    /// Page views of all time.
    pub total_page_views: u64,
    /// Visitors of all time.
    pub unique_visitors: u64,
    /// When the first page view was counted.
    pub tracking_since: Option<Timestamp>,
    /// Each page that was ever viewed, most views first, then by path.
    pub pages: Vec<PathTotals>,
    /// Views of paths that the site does not have, of all time.
    pub not_found_views: u64,
    /// The most frequent of these paths, most first, then by path.
    pub not_found: Arc<Vec<NotFoundPath>>,
    /// How many events were rejected for which reason.
    pub rejected: Vec<(Rejection, u64)>,
    /// Whether events cannot be stored at present; the numbers are those that are stored.
    pub degraded: bool,
    /// Whether the database could not be read yet: the numbers are none.
    pub unavailable: bool,
}

impl Snapshot {
    /// While there is no database to be read.
    pub(super) fn unavailable() -> Self {
        Self { degraded: true, unavailable: true, ..Self::default() }
    }

    /// While events cannot be stored: who is here is as in `now`, all totals are as in `self`.
    pub(super) fn during_outage(&self, now: Self) -> Self {
        Self {
            active_visitors: now.active_visitors,
            active_by_path: now.active_by_path,
            active_not_found: now.active_not_found,
            rejected: now.rejected,
            degraded: true,
            ..self.clone()
        }
    }
}

/// What was counted at one path, of all time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTotals {
    /// The path.
    pub path: Arc<UrlPath>,
    /// Counted views.
    pub views: u64,
    /// Distinct visitors among them.
    pub visitors: u64,
}

/// A path that the site does not have, and how often it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFoundPath {
    /// The path as the visitor's browser gave it, shortened; not to be trusted.
    pub path: String,
    /// How often it was asked for, at most; at least `views - excess`.
    pub views: u64,
    /// By how much `views` may be too high, because the list is bounded.
    pub excess: u64,
    /// Where the last visitor came from.
    pub referrer: Option<String>,
}
