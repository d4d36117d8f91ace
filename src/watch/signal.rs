//! Why the thread that watches looks up: what has changed, and whether more is to be waited for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Saving one file makes several events, a checkout thousands: we wait until it has been quiet for so long,
const QUIET: Duration = Duration::from_millis(20);

/// but only so long if each file is known to be whole: it was closed, or renamed into its place.
const QUIET_IF_WHOLE: Duration = Duration::from_millis(5);

/// Why the thread looks up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signal {
    /// Sources have changed.
    Changed(Changes),
    /// Somebody has published into the output, perhaps we.
    Published,
    /// The clock was set.
    Tick,
    /// It is over.
    Stop,
}

/// Which sources have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Changes {
    /// These files, and no others; and whether each is known to be whole.
    Files(BTreeMap<PathBuf, bool>),
    /// Anything, perhaps whole folders.
    Anything { has_folders: bool },
}

impl Changes {
    pub(super) fn and(self, more: Self) -> Self {
        match (self, more) {
            (Self::Files(mut files), Self::Files(more)) => {
                files.extend(more);
                Self::Files(files)
            }
            (one, other) => {
                Self::Anything { has_folders: one.has_folders() || other.has_folders() }
            }
        }
    }

    /// How long to wait for more.
    pub(super) fn quiet(&self) -> Duration {
        match self {
            Self::Files(files) if files.values().all(|is_whole| *is_whole) => QUIET_IF_WHOLE,
            _ => QUIET,
        }
    }

    pub(super) fn has_folders(&self) -> bool {
        matches!(self, Self::Anything { has_folders: true })
    }
}
