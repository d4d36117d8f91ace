//! What another program has counted, piece by piece.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::id::VisitorId;
use super::super::rollup::Dimension;
use crate::clock::Timestamp;

/// Something that another program has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A page was viewed.
    View(View),
    /// Something was done that the author gave a name to.
    Happening(Happening),
    /// What was counted on a day, in all.
    Day(Day),
}

impl Record {
    /// When it was; of a day when that began, in UTC.
    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::View(view) => view.at,
            Self::Happening(happening) => happening.at,
            Self::Day(day) => crate::clock::Day::on(day.date).start(&TimeZone::UTC),
        }
    }

    /// The host that its visitor came from, if that is known.
    pub(super) fn referrer(&self) -> Option<&str> {
        let referrer = match self {
            Self::View(view) => view.traits.referrer.as_deref(),
            Self::Day(day) if day.dimension == Dimension::Referrer => Some(&*day.value),
            Self::Happening(_) | Self::Day(_) => None,
        };
        referrer?.split('/').next()
    }
}

/// A page view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// When.
    pub at: Timestamp,
    /// Of what, without query and fragment.
    pub path: String,
    /// By whom; none if the program did not say.
    pub visitor: Option<VisitorId>,
    /// Whether there was nothing at the path.
    pub is_not_found: bool,
    /// What is known of the visitor.
    pub traits: Traits,
}

/// What is known about how a view came to be: values of dimensions, as they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traits {
    /// Where the visitor came from.
    pub referrer: Option<String>,
    /// `utm_source`.
    pub source: Option<String>,
    /// `utm_campaign`.
    pub campaign: Option<String>,
    /// Two letters of ISO 3166-1.
    pub country: Option<String>,
    /// The kind of device.
    pub device: Option<String>,
    /// The browser.
    pub browser: Option<String>,
    /// The operating system.
    pub system: Option<String>,
}

/// Something that was done on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// On which page, if that is known.
    pub path: Option<String>,
    /// By whom; none if the program did not say.
    pub visitor: Option<VisitorId>,
    /// What.
    pub name: String,
}

/// Sums of a day for one value of one dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// The day, as the program that counted has days.
    pub date: Date,
    /// What the views are split by.
    pub dimension: Dimension,
    /// The value; empty for all views.
    pub value: String,
    /// How often.
    pub sums: Sums,
}

/// What was counted on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Page views.
    pub views: u64,
    /// Distinct visitors of that day.
    pub visitors: u64,
    /// Visits that began with one of the views.
    pub visits: u64,
    /// Visits that ended with one of the views.
    pub exits: u64,
    /// Visits of one view.
    pub bounces: u64,
    /// Seconds that visitors were engaged, in all.
    pub engaged_seconds: u64,
}

/// The id of the visitor that a `program` calls so; none if it calls nobody.
///
/// It is another than any that a browser has sent, and the same for each record of one visitor.
pub(super) fn visitor(program: &str, name: &str) -> Option<VisitorId> {
    if name.is_empty() {
        return None;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(program.as_bytes()).update(b"\0").update(name.as_bytes());
    Some(VisitorId::from_hash(&hasher.finalize()))
}
