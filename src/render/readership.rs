//! How often the pages of the site were read, for templates that show it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::content::ContentIndex;
use crate::fingerprint::FastMap;
use crate::permalink::UrlPath;

/// How long a site that shows how often its pages were read goes on showing it before it is looked at again.
pub const READERSHIP_LASTS: Duration = Duration::from_hours(1);

/// The period that `page.views` is of.
pub(super) const ALL_TIME: &str = "all";

/// Knows how often addresses of the site were viewed.
pub trait Readership: Debug + Send + Sync {
    /// How often each address was viewed in the period called `period`, as it is at `now`; why there is no such
    /// period, if there is none.
    fn views(&self, period: &str, now: Timestamp) -> Result<Vec<(UrlPath, u64)>, String>;
}

/// The readership of a site that nobody has counted.
#[derive(Debug)]
pub struct Uncounted;

impl Readership for Uncounted {
    fn views(&self, _: &str, _: Timestamp) -> Result<Vec<(UrlPath, u64)>, String> {
        Ok(Vec::new())
    }
}

/// Who can be asked, and when that is.
#[derive(Debug, Clone)]
pub struct Readers {
    /// Who can be asked.
    pub readership: Arc<dyn Readership>,
    /// When.
    pub now: Timestamp,
}

impl Default for Readers {
    fn default() -> Self {
        Self { readership: Arc::new(Uncounted), now: Timestamp::from_millis(0) }
    }
}

/// How often each page was viewed, under all its addresses.
#[derive(Debug, Default)]
pub(super) struct Views(FastMap<UrlPath, u64>);

impl Views {
    /// What was viewed in `period`; an old address of a page of `index` counts as that page.
    pub(super) fn of(
        period: &str,
        readers: &Readers,
        index: &ContentIndex,
    ) -> Result<Self, String> {
        let aliases: FastMap<&UrlPath, &UrlPath> =
            index.aliases().iter().map(|(alias, page)| (alias, &page.path)).collect();
        let mut views = FastMap::default();
        for (path, count) in readers.readership.views(period, readers.now)? {
            let page = aliases.get(&path).map_or(&path, |page| *page);
            *views.entry(page.clone()).or_default() += count;
        }
        Ok(Self(views))
    }

    /// How often the page at `path` was viewed.
    pub(super) fn at(&self, path: &UrlPath) -> u64 {
        self.0.get(path).copied().unwrap_or(0)
    }
}
