//! When a site changes by itself.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// When a site changes by itself, and why.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Due {
    /// A post falls due, or a page expires.
    pub(super) content: Option<Timestamp>,
    /// How often pages were read, which it shows, has been told long enough ago to be asked again.
    pub(super) readership: Option<Timestamp>,
}

impl Due {
    /// When it changes next.
    pub(super) fn next(self) -> Option<Timestamp> {
        [self.content, self.readership].into_iter().flatten().min()
    }
}
