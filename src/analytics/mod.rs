//! What readers did: events, who is here, totals, the database.
//!
//! An event comes in as bytes and goes through these in turn: [`Raw::parse`] reads it, the server says what
//! its path means ([`Place`]), [`Limiter::take`] and [`admit`] decide whether it counts, and
//! [`Recorder::record`] stores it. What came of it all is in the latest [`Snapshot`].

pub mod policy;

mod agent;
mod event;
mod id;
mod place;
mod raw;
mod referrer;
mod rejection;
mod spam;
mod value;
mod zone;

mod bucket;

mod calendar;
mod days;
mod frequent;
mod journal;
mod ledger;
mod returns;
mod rollup;
mod row;
mod salt;
mod sessions;
mod strays;
mod totals;
mod values;
mod varint;
mod visit;
mod visitor;
mod vocabulary;

mod memory;
mod store;

mod answer;
mod asking;
mod period;
mod query;
mod question;
mod quick;
mod receipt;
mod recorder;
mod scan;
mod seen;
mod served;
mod snapshot;
mod writer;

pub mod beacon;
mod shorten;

pub mod import;
mod importer;

#[cfg(test)]
mod naive;
#[cfg(test)]
mod samples;

pub use answer::{Amounts, Answer, Course, Line, Point};
pub use bucket::{Limiter, Limits, Prefix};
pub use event::{Event, Facts, Rules, Sender, Signals, admit};
pub use id::{ViewId, VisitorId};
pub use importer::{Importer, Taken};
pub use period::{Period, Span, UnknownPeriod};
pub use place::Place;
pub use query::Query;
pub use question::{Breakdown, Comparison, Filters, Question, Step, Time};
pub use raw::Raw;
pub use receipt::{NotStored, Receipt};
pub use recorder::{NotTaken, Recorder, Settings};
pub use rejection::{Class, Rejection};
pub use rollup::{Dimension, Rollup};
pub use salt::VisitorIds;
pub use served::{Caller, Served, ServedAnswer};
pub use snapshot::{NotFoundPath, PathTotals, Snapshot};
pub use store::{Store, Words as EventInWords, check_export};
