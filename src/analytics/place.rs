//! Where an event happened: on a page of the site, or where the site has none.

use crate::permalink::UrlPath;

/// Where an event happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On the page that the site has at this path, aliases followed.
    Page {
        /// Where that is.
        path: UrlPath,
        /// How many words there are to read.
        words: u32,
    },
    /// On a path that the site does not have, or that is not a path of any site; the text is the visitor's.
    NotFound(String),
}

impl Place {
    /// How many words there are to read.
    pub(super) fn words(&self) -> u32 {
        match self {
            Self::Page { words, .. } => *words,
            Self::NotFound(_) => 0,
        }
    }

    /// The page, if it is one.
    pub fn page(&self) -> Option<&UrlPath> {
        match self {
            Self::Page { path, .. } => Some(path),
            Self::NotFound(_) => None,
        }
    }
}
