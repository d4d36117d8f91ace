//! What a build has come to, and from what: if neither has changed, there is nothing to do.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::due::Due;
use super::{Build, Order, Problems};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::content::Survey;
use crate::fingerprint::Fingerprint;
use crate::permalink::UrlPath;
use crate::publish::{self, Stage};
use crate::site::Site;

/// What a build has come to, and from what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Receipt {
    made_of: MadeOf,
    /// When it was built: what is due then is due later, but not earlier.
    built: Timestamp,
    due: Due,
    /// What a page that has moved is told of is told once, and no part of it.
    #[serde(with = "lasting")]
    problems: Problems,
    pages: usize,
    /// Each file of the output, and its length.
    files: Vec<(UrlPath, u64)>,
    /// The catalog that was written with them.
    catalog: Fingerprint,
}

/// Everything that a site is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MadeOf {
    /// The settings, whatever they come from, and what the command line wants.
    order: Fingerprint,
    /// The files.
    files: Fingerprint,
}

impl MadeOf {
    /// What the site of `order` is made from; none if that cannot be told without reading it.
    pub(super) fn of(order: &Order, config: &Config, survey: &Survey) -> Option<Self> {
        let settings = (config.of_builds(), &order.beacon, order.strict);
        Some(Self { order: Fingerprint::of(&settings), files: survey.fingerprint()? })
    }
}

impl Receipt {
    /// The receipt for `build`, which was made at `now` and has written `catalog`; none if nothing was built.
    pub(super) fn of(
        build: &Build,
        (made_of, catalog): (MadeOf, Fingerprint),
        due: Due,
        now: Timestamp,
    ) -> Option<Self> {
        let site = build.site.as_ref()?;
        let files = site.catalog().files.iter();
        Some(Self {
            made_of,
            built: now,
            due,
            problems: build.problems.clone(),
            pages: build.pages,
            files: files.map(|(path, file)| (path.clone(), file.len)).collect(),
            catalog,
        })
    }

    /// Whether a build at `now` would come to the same, and its output is there as it was written. Who starts and
    /// looks again anyway may show old numbers for a moment rather than wait for new ones.
    pub(super) fn holds(
        &self,
        made_of: MadeOf,
        (now, is_start): (Timestamp, bool),
        stage: &Stage,
    ) -> bool {
        let due = if is_start { self.due.content } else { self.due.next() };
        self.made_of == made_of
            && self.built <= now
            && due.is_none_or(|due| now < due)
            && publish::catalog_stamp(stage.output()) == Some(self.catalog)
            && stage.are_untouched(&self.files)
    }

    /// The build that there is nothing to do for; `site` is the one that was built.
    pub(super) fn build(self, site: Option<Arc<Site>>) -> Build {
        Build {
            site,
            is_stopped: false,
            problems: self.problems.without_moves(),
            pages: self.pages,
            written: 0,
            removed: 0,
            next_due: self.due.next(),
        }
    }

    /// The catalog that was written.
    pub(super) fn catalog(&self) -> Fingerprint {
        self.catalog
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }
}

/// The problems that another build would find again, each by its place and what it is.
mod lasting {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Problems;
    use crate::problem::{Mistake, Place, Problem};

    pub(super) fn serialize<S: Serializer>(
        problems: &Problems,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let lasting = || problems.iter().filter(|problem| problem.is_lasting());
        let pairs: Vec<(&Place, &Mistake)> =
            lasting().map(|problem| (&problem.place, &problem.mistake)).collect();
        serializer.collect_seq(pairs)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Problems, D::Error> {
        let pairs = Vec::<(Place, Mistake)>::deserialize(deserializer)?;
        let problem = |(place, mistake)| Problem::new(place, mistake);
        Ok(Problems::of(pairs.into_iter().map(problem).collect(), |_| true))
    }
}
