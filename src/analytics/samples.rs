//! Events for tests.

use super::agent::Agent;
use super::event::{Action, Detail, Event, Traits};
use super::id::{ViewId, VisitorId};
use super::place::Place;
use crate::clock::Timestamp;
use crate::permalink::UrlPath;

/// A time that tests begin at: 2026-11-24T08:00:00Z.
pub(super) const START: i64 = 1_795_507_200_000;

/// How many words each page has: to read them takes a minute.
pub(super) const WORDS: u32 = 238;

/// `millis` after [`START`].
pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

/// The path of a page.
pub(super) fn path(text: &str) -> UrlPath {
    UrlPath::parse(text).unwrap()
}

/// A view with the id `view` by `visitor`, where zero is nobody.
pub(super) fn view(view: u64, visitor: u8, page: &str, millis: i64) -> Event {
    let traits = Traits {
        referrer: Some("news.example/item".to_owned()),
        agent: Agent { browser: Some("Firefox"), system: Some("Linux") },
        device: Some("laptop"),
        ..Traits::default()
    };
    event(view, visitor, page, millis, Action::View(Box::new(traits)))
}

/// A heartbeat of that view.
pub(super) fn heartbeat(
    view: u64,
    visitor: u8,
    page: &str,
    millis: i64,
    totals: (u32, u8),
) -> Event {
    let (engaged_ms, scroll) = totals;
    event(view, visitor, page, millis, Action::Heartbeat { engaged_ms, scroll })
}

/// A custom event of that view, with an id of its own.
pub(super) fn custom(
    view: u64,
    visitor: u8,
    page: &str,
    millis: i64,
    happening: (u64, &str),
) -> Event {
    let (id, name) = happening;
    let id = ViewId::from_bytes((id | 1 << 63).to_be_bytes());
    let detail = (name == "outbound").then(|| Detail::Outbound("https://x.example/".to_owned()));
    event(view, visitor, page, millis, Action::Custom { id, name: name.to_owned(), detail })
}

fn event(view: u64, visitor: u8, page: &str, millis: i64, action: Action) -> Event {
    let visitor = (visitor > 0).then(|| VisitorId::from_bytes([visitor; 16]));
    let place = match page.strip_prefix("404:") {
        Some(missing) => Place::NotFound(missing.to_owned()),
        None => Place::Page { path: path(page), words: WORDS },
    };
    Event { at: at(millis), view: ViewId::from_bytes(view.to_be_bytes()), visitor, place, action }
}
