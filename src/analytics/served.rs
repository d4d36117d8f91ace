//! What the server itself has answered, counted without scripts and without visitors.

use serde::Serialize;

use super::agent;
use super::event::Signals;
use crate::clock::Timestamp;
use crate::permalink::UrlPath;

/// Who asked for a page, as the request says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[repr(u8)]
pub enum Caller {
    /// A browser that somebody reads with.
    Reader = 0,
    /// A browser that has loaded the page ahead of time.
    Prefetch = 1,
    /// What feeds a search engine.
    Search = 2,
    /// What feeds a language model, or answers with one.
    Assistant = 3,
    /// A feed reader.
    Feed = 4,
    /// What shows a link with a title and an image.
    Preview = 5,
    /// What looks whether the site is there.
    Monitor = 6,
    /// Any other program.
    Program = 7,
}

impl Caller {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 8] = [
        Self::Reader,
        Self::Prefetch,
        Self::Search,
        Self::Assistant,
        Self::Feed,
        Self::Preview,
        Self::Monitor,
        Self::Program,
    ];

    /// Who sent a request with this user agent and these signals.
    pub fn of(agent: Option<&str>, signals: Signals) -> Self {
        match agent::caller(agent.unwrap_or_default(), signals.own_machine) {
            Self::Reader if signals.prefetch => Self::Prefetch,
            caller => caller,
        }
    }

    /// The code on disk; never changes.
    pub(super) const fn code(self) -> u8 {
        self as u8
    }

    /// The caller with this code.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// A page that the server has answered, to one kind of caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// When.
    pub at: Timestamp,
    /// Where the page is.
    pub path: UrlPath,
    /// Who asked.
    pub caller: Caller,
    /// How often.
    pub times: u64,
}

/// What the server has answered in some days.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ServedAnswer {
    /// How often it answered whom; those it did not answer are left out.
    pub callers: Vec<(Caller, u64)>,
    /// How often it answered readers on each day, or in each hour of at most two days, by when that begins.
    pub series: Vec<(Timestamp, u64)>,
    /// How often it answered readers with which page, most first, then by path.
    pub pages: Vec<(String, u64)>,
}
