//! Who is here and what an event changes: a pure fold over events, their times and what is known of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::event::{Action, Event};
use super::id::{ViewId, VisitorId};
use super::policy;
use super::row::RowKey;
use crate::clock::Timestamp;
use crate::fingerprint::FastMap;
use crate::permalink::UrlPath;

/// Someone who may be present: a visitor, or a single viewing where visitors are not told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Reader {
    Visitor(VisitorId),
    View(ViewId),
}

impl Reader {
    fn of(event: &Event) -> Self {
        event.visitor.map_or(Self::View(event.view), Self::Visitor)
    }
}

/// Where someone was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Presence {
    /// The page; none on a path that the site does not have.
    pub(super) page: Option<Arc<UrlPath>>,
    /// When.
    pub(super) seen: Timestamp,
}

/// What the database knows of an event before it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Known {
    /// The viewing with the event's id.
    pub(super) viewing: Option<Viewing>,
    /// The view that was last counted for the same visitor and page.
    pub(super) counted: Option<RowKey>,
}

/// A viewing that was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Viewing {
    /// When the server first heard of it.
    pub(super) first_seen: Timestamp,
    /// The most that it was engaged, in milliseconds.
    pub(super) engaged_ms: u32,
    /// The most that was scrolled in the view that it counts towards, in percent.
    pub(super) scroll: u8,
}

/// What an event changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changes {
    /// Whether a view is counted.
    pub(super) counting: Counting,
    /// New totals of the viewing.
    pub(super) engagement: Option<Engagement>,
    /// Presence to be written.
    pub(super) presence: Option<(Reader, Presence)>,
}

/// What becomes of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// It is not one, or it was sent twice.
    Nothing,
    /// It is counted.
    View,
    /// It repeats this one, to which its totals are added.
    RepeatOf(RowKey),
}

/// Totals of a viewing that have grown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Engagement {
    /// Milliseconds engaged; at least as many as before.
    pub(super) engaged_ms: u32,
    /// Percent scrolled; at least as many as before.
    pub(super) scroll: u8,
}

/// Who is here now. What each was already counted for is in the database and handed in as [`Known`].
#[derive(Debug, Default)]
pub(super) struct Sessions {
    present: FastMap<Reader, Presence>,
    by_time: BTreeSet<(Timestamp, Reader)>,
    by_page: BTreeMap<Arc<UrlPath>, u64>,
    not_found: u64,
    /// Whether presence has ended that may still be in the database.
    has_ended: bool,
    /// Those whose presence is to be written.
    unwritten: Vec<Reader>,
    /// When presence was written last.
    written: Timestamp,
}

/// Whether someone seen at `seen` is active at `now`. Times that lie ahead, as after the clock was set
/// back, are believed as far as past ones are.
pub(super) fn is_active(seen: Timestamp, now: Timestamp) -> bool {
    is_within(seen, now, policy::ACTIVE)
}

fn is_within(one: Timestamp, other: Timestamp, span: std::time::Duration) -> bool {
    u128::from(one.as_millis().abs_diff(other.as_millis())) < span.as_millis()
}

impl Sessions {
    /// Takes up where the database left off; some rows may be of those who have gone.
    pub(super) fn restore(
        rows: impl IntoIterator<Item = (Reader, Presence)>,
        now: Timestamp,
    ) -> Self {
        let mut sessions = Self::default();
        for (reader, presence) in rows {
            sessions.place(reader, presence);
        }
        sessions.expire(now);
        sessions
    }

    /// Decides what `event` changes, given what is `known` of it.
    pub(super) fn apply(&mut self, event: &Event, known: &Known) -> Changes {
        let presence = self.see(event);
        match event.action {
            Action::View(_) => {
                Changes { counting: count(event, known), engagement: None, presence }
            }
            Action::Heartbeat { engaged_ms, scroll } => {
                let engagement =
                    known.viewing.and_then(|known| grow(known, event.at, engaged_ms, scroll));
                Changes { counting: Counting::Nothing, engagement, presence }
            }
            Action::Custom { .. } => {
                Changes { counting: Counting::Nothing, engagement: None, presence }
            }
        }
    }

    /// Ends the presence of all who are not active any more.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let before = self.present.len();
        while let Some(&(seen, reader)) = self.by_time.first()
            && seen <= now
            && !is_active(seen, now)
        {
            self.remove(reader);
        }
        while let Some(&(seen, reader)) = self.by_time.last()
            && seen > now
            && !is_active(seen, now)
        {
            self.remove(reader);
        }
        self.has_ended |= self.present.len() < before;
    }

    /// Whether presence has ended since the last call, and is to be swept from the database.
    pub(super) fn take_ended(&mut self) -> bool {
        std::mem::take(&mut self.has_ended)
    }

    /// Notes that the presence of `reader` is to be written.
    pub(super) fn defer(&mut self, reader: Reader) {
        self.unwritten.push(reader);
    }

    /// Whether there is presence to be written.
    pub(super) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// The presence to be written with a batch of so many events at `now`: that of a crowd waits for others, so that
    /// more of it stands together.
    pub(super) fn take_due(&mut self, events: usize, now: Timestamp) -> Vec<(Reader, Presence)> {
        if events >= policy::CROWD && is_within(self.written, now, policy::PRESENCE_PAUSE) {
            return Vec::new();
        }
        self.written = now;
        self.take_unwritten()
    }

    /// All presence to be written: none if too many are present. Whose has ended meanwhile has none.
    pub(super) fn take_unwritten(&mut self) -> Vec<(Reader, Presence)> {
        let mut readers = std::mem::take(&mut self.unwritten);
        if self.present.len() > policy::PRESENT_WRITTEN {
            return Vec::new();
        }
        readers.sort_unstable();
        readers.dedup();
        let present = |reader| Some((reader, self.present.get(&reader)?.clone()));
        readers.into_iter().filter_map(present).collect()
    }

    /// When the next presence ends, if nobody is seen until then.
    pub(super) fn next_expiry(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(seen, _)| *seen + policy::ACTIVE)
    }

    /// How many are here.
    pub(super) fn active(&self) -> u64 {
        self.present.len() as u64
    }

    /// How many are on paths that the site does not have.
    pub(super) fn active_not_found(&self) -> u64 {
        self.not_found
    }

    /// How many are on each page, most first, then by path.
    pub(super) fn active_by_path(&self) -> Vec<(Arc<UrlPath>, u64)> {
        let mut pages: Vec<_> =
            self.by_page.iter().map(|(path, count)| (Arc::clone(path), *count)).collect();
        pages.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        pages
    }

    /// Notes who is where; the presence to write, unless it was written a moment ago.
    fn see(&mut self, event: &Event) -> Option<(Reader, Presence)> {
        let reader = Reader::of(event);
        let before = self.present.get(&reader);
        let page = event.place.page();
        let is_same = |before: &Presence| before.page.as_deref() == page;
        if before.is_some_and(|before| {
            is_same(before) && is_within(before.seen, event.at, policy::PRESENCE_REWRITE)
        }) || (before.is_none() && self.present.len() >= policy::PRESENT)
        {
            return None;
        }
        let presence = Presence { page: page.map(|page| self.shared(page)), seen: event.at };
        self.place(reader, presence.clone());
        Some((reader, presence))
    }

    /// The path of a page, which all who are on it share.
    fn shared(&self, page: &UrlPath) -> Arc<UrlPath> {
        let known = self.by_page.get_key_value(page).map(|(known, _)| Arc::clone(known));
        known.unwrap_or_else(|| Arc::new(page.clone()))
    }

    fn place(&mut self, reader: Reader, presence: Presence) {
        self.remove(reader);
        self.by_time.insert((presence.seen, reader));
        match &presence.page {
            Some(page) => *self.by_page.entry(Arc::clone(page)).or_default() += 1,
            None => self.not_found += 1,
        }
        self.present.insert(reader, presence);
    }

    fn remove(&mut self, reader: Reader) {
        let Some(presence) = self.present.remove(&reader) else { return };
        self.by_time.remove(&(presence.seen, reader));
        match presence.page {
            Some(page) => leave(&mut self.by_page, &page),
            None => self.not_found -= 1,
        }
    }
}

fn leave(by_page: &mut BTreeMap<Arc<UrlPath>, u64>, page: &Arc<UrlPath>) {
    if let Some(count) = by_page.get_mut(page) {
        *count -= 1;
        if *count == 0 {
            by_page.remove(page);
        }
    }
}

/// The window begins with the counted view; a repeat does not move it, since it is not counted.
fn count(event: &Event, known: &Known) -> Counting {
    if known.viewing.is_some() {
        return Counting::Nothing;
    }
    match known.counted {
        Some(row) if is_within(row.time(), event.at, policy::DEDUP_WINDOW) => {
            Counting::RepeatOf(row)
        }
        _ => Counting::View,
    }
}

/// The greater totals; nobody can be engaged for longer than the server has known of the viewing.
fn grow(known: Viewing, at: Timestamp, engaged_ms: u32, scroll: u8) -> Option<Engagement> {
    let longest = u32::try_from(at.since(known.first_seen).as_millis()).unwrap_or(u32::MAX);
    let grown = Engagement {
        engaged_ms: engaged_ms.min(longest).max(known.engaged_ms),
        scroll: scroll.max(known.scroll),
    };
    let has_grown = grown.engaged_ms > known.engaged_ms || grown.scroll > known.scroll;
    has_grown.then_some(grown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::samples::{START, at, heartbeat, view};

    const MINUTE: i64 = 60_000;

    fn counting(counted_at: Option<i64>, now: i64) -> Counting {
        let counted = counted_at.map(|millis| RowKey::first_at(at(millis)));
        let known = Known { viewing: None, counted };
        Sessions::default().apply(&view(1, 1, "/a/", now), &known).counting
    }

    #[test]
    fn the_same_page_counts_again_after_exactly_30_minutes() {
        let row = RowKey::first_at(at(0));
        for (now, expected) in [
            (0, Counting::RepeatOf(row)),
            (30 * MINUTE - 1, Counting::RepeatOf(row)),
            (30 * MINUTE, Counting::View),
            (i64::MAX - START, Counting::View),
            // A clock that was set back: as far as the window goes it is the same view.
            (-30 * MINUTE + 1, Counting::RepeatOf(row)),
            (-30 * MINUTE, Counting::View),
            (-START, Counting::View),
        ] {
            assert_eq!(counting(Some(0), now), expected, "{now}");
        }
        assert_eq!(counting(None, 0), Counting::View);
    }

    #[test]
    fn a_view_that_is_sent_again_counts_nothing() {
        let viewing = Viewing { first_seen: at(0), engaged_ms: 0, scroll: 0 };
        let known = Known { viewing: Some(viewing), counted: None };
        for now in [0, 30 * MINUTE, 1_000_000 * MINUTE] {
            let changes = Sessions::default().apply(&view(1, 1, "/a/", now), &known);
            assert_eq!(changes.counting, Counting::Nothing);
        }
    }

    #[test]
    fn a_visitor_is_active_for_less_than_two_minutes() {
        for (now, active) in [
            (0, 1),
            (2 * MINUTE - 1, 1),
            (2 * MINUTE, 0),
            (-2 * MINUTE + 1, 1),
            (-2 * MINUTE, 0),
            (i64::MAX - START, 0),
        ] {
            let mut sessions = Sessions::default();
            sessions.apply(&view(1, 1, "/a/", 0), &Known::default());
            assert_eq!(sessions.next_expiry(), Some(at(2 * MINUTE)));
            sessions.expire(at(now));
            assert_eq!(sessions.active(), active, "{now}");
            assert_eq!(sessions.take_ended(), active == 0, "{now}");
        }
    }

    #[test]
    fn presence_is_written_again_after_exactly_ten_seconds_or_on_another_page() {
        for (page, now, written) in [
            ("/a/", 1, false),
            ("/a/", 9_999, false),
            ("/a/", 10_000, true),
            ("/a/", -9_999, false),
            ("/a/", -10_000, true),
            ("/b/", 0, true),
            ("404:/c/", 0, true),
        ] {
            let mut sessions = Sessions::default();
            sessions.apply(&view(1, 1, "/a/", 0), &Known::default());
            let changes = sessions.apply(&heartbeat(1, 1, page, now, (0, 0)), &Known::default());
            assert_eq!(changes.presence.is_some(), written, "{page} {now}");
        }
    }

    #[test]
    fn a_visitor_is_on_the_latest_page_only() {
        let mut sessions = Sessions::default();
        for (event, active) in [
            (view(1, 1, "/a/", 0), vec![("/a/", 1)]),
            (view(2, 2, "/b/", 1), vec![("/a/", 1), ("/b/", 1)]),
            (view(3, 1, "/b/", 2), vec![("/b/", 2)]),
            (view(4, 0, "/a/", 3), vec![("/b/", 2), ("/a/", 1)]),
            (view(5, 0, "/a/", 4), vec![("/a/", 2), ("/b/", 2)]),
            (view(6, 2, "404:/x/", 5), vec![("/a/", 2), ("/b/", 1)]),
        ] {
            sessions.apply(&event, &Known::default());
            let found = sessions.active_by_path();
            let found: Vec<_> = found.iter().map(|(path, count)| (path.as_str(), *count)).collect();
            assert_eq!(found, active);
        }
        assert_eq!((sessions.active(), sessions.active_not_found()), (4, 1));
    }

    #[test]
    fn totals_only_grow_and_not_beyond_the_servers_clock() {
        let viewing = Viewing { first_seen: at(0), engaged_ms: 5000, scroll: 40 };
        for (now, engaged, scroll, expected) in [
            (30_000, 29_000, 50, Some((29_000, 50))),
            (30_000, 30_001, 0, Some((30_000, 40))),
            (30_000, 4_999, 41, Some((5_000, 41))),
            (30_000, 5_000, 40, None),
            (1_000, 90_000, 0, None),
            (-1_000, u32::MAX, 0, None),
            (i64::MAX - START, u32::MAX, 100, Some((u32::MAX, 100))),
        ] {
            let known = Known { viewing: Some(viewing), counted: None };
            let event = heartbeat(1, 1, "/a/", now, (engaged, scroll));
            let grown = Sessions::default().apply(&event, &known).engagement;
            let grown = grown.map(|grown| (grown.engaged_ms, grown.scroll));
            assert_eq!(grown, expected, "{engaged} ms and {scroll} % at {now}");
        }
    }

    #[test]
    fn a_heartbeat_of_an_unknown_view_says_presence_and_nothing_else() {
        let mut sessions = Sessions::default();
        let changes = sessions.apply(&heartbeat(9, 1, "/a/", 0, (1000, 50)), &Known::default());
        assert_eq!((changes.counting, changes.engagement), (Counting::Nothing, None));
        assert!(changes.presence.is_some());
        assert_eq!(sessions.active(), 1);
    }

    #[test]
    fn presence_that_is_restored_is_that_of_those_who_are_still_here() {
        let reader = |id| Reader::View(ViewId::from_bytes([id; 8]));
        let rows = [(1, 0), (2, 1), (3, 2 * MINUTE)]
            .map(|(id, seen)| (reader(id), Presence { page: None, seen: at(seen) }));
        let mut sessions = Sessions::restore(rows, at(2 * MINUTE));
        assert_eq!(sessions.active_not_found(), 2);
        assert!(sessions.take_ended());
        assert!(!sessions.take_ended());
    }
}
