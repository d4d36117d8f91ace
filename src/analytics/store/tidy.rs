//! What is not needed any more: rows are packed, and dropped once they are older than they may be.

use std::time::Duration;

use redb::ReadableTable as _;

use super::tables::{self, Tables};
use super::{Store, blocks, rowless};
use crate::analytics::calendar::Calendar;
use crate::analytics::policy;
use crate::analytics::row::RowKey;
use crate::analytics::visitor::Visitor;
use crate::clock::Timestamp;

/// How far tidying has come: tables without an order in time are gone through bit by bit, and then again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::analytics) struct Progress {
    views: [u8; 8],
    visitors: [u8; 8],
}

impl Store {
    /// Packs what cannot change any more, and forgets what is older than `retention`. Each call does a bit: if
    /// the clock is wrong, only a bit is lost before somebody sets it right.
    pub(in crate::analytics) fn tidy(
        &self,
        now: Timestamp,
        retention: Option<Duration>,
        calendar: &Calendar,
        progress: &mut Progress,
    ) -> anyhow::Result<()> {
        let mut next = *progress;
        self.write_if(|tables| {
            let last = RowKey::first_at(now - policy::PACK_AFTER).day() - 1;
            let mut count = blocks::pack(tables, last)?;
            count += forget_views(tables, &mut next.views, now)?;
            if let Some(retention) = retention {
                count += drop_rows(tables, now - retention)?;
                let day = calendar.day(now - retention);
                count += forget_visitors(tables, &mut next.visitors, day)?;
            }
            Ok(count > 0)
        })?;
        *progress = next;
        Ok(())
    }
}

/// Deletes ids of viewings that are over, among some from `from` on, which is moved on; says how many.
fn forget_views(
    tables: &mut Tables<'_>,
    from: &mut [u8; 8],
    now: Timestamp,
) -> anyhow::Result<usize> {
    let (mut over, mut next) = (Vec::new(), [0; 8]);
    for (place, entry) in tables.views.range::<&[u8; 8]>(&*from..)?.enumerate() {
        let (id, mark) = entry?;
        if place == policy::VIEWS_A_SWEEP {
            next = *id.value();
            break;
        }
        if !tables::row_of(mark.value()).is_some_and(|row| policy::is_viewing(row.time(), now)) {
            over.push(*id.value());
        }
    }
    for id in &over {
        tables.views.remove(id)?;
    }
    *from = next;
    Ok(over.len())
}

/// Drops the rows of the first day that has any, if one may be older than `oldest`; says whether by 1 or 0.
fn drop_rows(tables: &mut Tables<'_>, oldest: Timestamp) -> anyhow::Result<usize> {
    let first = |first: Option<RowKey>| first.map_or(i64::MAX, RowKey::day);
    let event = tables.events.first()?.map(|(key, _)| RowKey::from_bytes(*key.value()));
    let block = tables.blocks.first()?.map(|(key, _)| RowKey::from_bytes(*key.value()));
    let day = first(event).min(first(block));
    // Nothing may be older than that, so the day goes as soon as its first row is.
    if day == i64::MAX || RowKey::first_of_day(day).time() > oldest {
        return Ok(0);
    }
    let bounds = (RowKey::ALL.start().to_bytes(), RowKey::last_of_day(day).to_bytes());
    tables.events.retain_in::<&[u8; 8], _>(&bounds.0..=&bounds.1, |_, _| false)?;
    tables.blocks.retain_in::<&[u8; 8], _>(&bounds.0..=&bounds.1, |_, _| false)?;
    let kept = RowKey::first_of_day(day + 1).time();
    rowless::drop_before(tables, kept)?;
    tables.set_kept(kept)?;
    Ok(1)
}

/// Deletes visitors who were not counted since `day`, among some from `from` on, which is moved on; says how
/// many.
fn forget_visitors(tables: &mut Tables<'_>, from: &mut [u8; 8], day: u32) -> anyhow::Result<usize> {
    let (mut gone, mut next) = (Vec::new(), [0; 8]);
    for (place, entry) in tables.visitors.range::<&[u8; 8]>(&*from..)?.enumerate() {
        let (id, visitor) = entry?;
        if place == policy::VISITORS_A_SWEEP {
            next = *id.value();
            break;
        }
        if Visitor::head(visitor.value()).1 < day {
            gone.push(*id.value());
        }
    }
    for id in &gone {
        tables.visitors.remove(id)?;
    }
    *from = next;
    Ok(gone.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytics::asking::Asking;
    use crate::analytics::event::Event;
    use crate::analytics::memory::Memory;
    use crate::analytics::period::Period;
    use crate::analytics::question::{Question, Step, Time};
    use crate::analytics::salt::VisitorIds;
    use crate::analytics::samples::{at, heartbeat, view};
    use crate::analytics::store::{Identity, More};
    use jiff::tz::TimeZone;

    const DAY: i64 = 86_400_000;

    struct Shelf {
        store: Store,
        memory: Memory,
        progress: Progress,
        identity: Identity,
        _folder: tempfile::TempDir,
    }

    impl Shelf {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(&folder.path().join("analytics.redb")).unwrap();
            let memory = store.load(at(0)).unwrap();
            let calendar = Calendar::new(TimeZone::UTC);
            let identity = Identity { ids: VisitorIds::Persistent, calendar };
            Self { store, memory, progress: Progress::default(), identity, _folder: folder }
        }

        fn record(&mut self, event: Event) {
            self.store
                .commit(&mut self.memory, &mut [event], &self.identity, More::default())
                .unwrap();
        }

        fn tidy(&mut self, millis: i64, days: Option<u64>) {
            self.store.merge(&mut self.memory).unwrap();
            let retention = days.map(|days| Duration::from_hours(24 * days));
            let calendar = &self.identity.calendar;
            self.store.tidy(at(millis), retention, calendar, &mut self.progress).unwrap();
        }

        /// How many rows, blocks, ids of viewings and visitors there are.
        fn sizes(&mut self) -> [u64; 4] {
            use redb::ReadableTableMetadata as _;
            self.store.merge(&mut self.memory).unwrap();
            self.store
                .write(|tables| {
                    let rows = [tables.events.len()?, tables.blocks.len()?];
                    let ids = [tables.views.len()?, tables.visitors.len()?];
                    Ok([rows[0], rows[1], ids[0], ids[1]])
                })
                .unwrap()
        }
    }

    #[test]
    fn rows_that_cannot_change_are_packed_and_count_as_before() {
        let mut shelf = Shelf::new();
        for number in 0..40_u64 {
            let visitor = u8::try_from(number % 5 + 1).unwrap();
            let millis = i64::try_from(number).unwrap() * DAY / 10;
            shelf.record(view(
                number + 1,
                visitor,
                ["/a/", "/b/"][usize::from(visitor % 2)],
                millis,
            ));
        }
        let before = shelf.store.counts().unwrap();
        // Days are packed once their last row is 72 hours old; the first has 16 hours, for tests begin at 8.
        shelf.tidy(16 * 3_600_000 + 3 * DAY - 1, None);
        assert_eq!(shelf.sizes(), [40, 0, 40 - 17, 5]);
        shelf.tidy(16 * 3_600_000 + 3 * DAY, None);
        assert_eq!(shelf.sizes()[..2], [33, 1]);
        shelf.tidy(40 * DAY, None);
        assert_eq!(shelf.sizes(), [0, 5, 0, 5]);
        assert_eq!(shelf.store.counts().unwrap(), before);
        assert_eq!(shelf.store.recount().unwrap(), before);
        assert!(shelf.store.agrees().unwrap());
        shelf.record(heartbeat(40, 5, "/b/", 40 * DAY, (9000, 50)));
        assert!(shelf.store.agrees().unwrap(), "a heartbeat of a packed view changes nothing");
    }

    #[test]
    fn what_is_older_than_it_may_be_is_dropped_day_by_day_and_the_totals_stay() {
        let mut shelf = Shelf::new();
        for day in 0..10_i64 {
            for reader in [1, 2 + u8::try_from(day).unwrap()] {
                let id = u64::try_from(day).unwrap() * 100 + u64::from(reader);
                shelf.record(view(id, reader, "/a/", day * DAY));
            }
        }
        let totals = |shelf: &Shelf| shelf.store.load(at(0)).unwrap().totals.site;
        let before = (shelf.store.counts().unwrap(), totals(&shelf));
        let now = 11 * DAY;
        shelf.tidy(now, Some(7));
        assert!(shelf.store.agrees().unwrap());
        assert_eq!(shelf.store.kept().unwrap(), Some(at(DAY - 8 * 3_600_000)), "one day at a time");
        for _ in 0..20 {
            shelf.tidy(now, Some(7));
        }
        // Of the fifth day everything is older than 7 days at 8 in the morning, of the next nothing may be yet.
        assert_eq!(shelf.store.kept().unwrap(), Some(at(5 * DAY - 8 * 3_600_000)));
        assert_eq!(
            shelf.sizes()[3],
            1 + 6,
            "visitors of the days that are kept, and the one who came back"
        );
        assert_eq!((shelf.store.counts().unwrap(), totals(&shelf)), before);
        assert!(shelf.store.agrees().unwrap());
        assert_eq!(shelf.store.rebuild(&shelf.identity.calendar).unwrap(), 0);
        // Rows tell the visitors of each hour.
        let (time, step) = (Time::Period(Period::All), Some(Step::Hour));
        let question = Question { step, ..Question::about(time) };
        let answer = Asking::begin(&shelf.store, &question, at(now)).unwrap().answer().unwrap();
        let hours = answer.course.series.iter().map(|point| point.amounts);
        let hours: Vec<_> = hours.filter(|hour| hour.views > 0).collect();
        let told: Vec<_> = hours.iter().map(|hour| (hour.views, hour.visitors)).collect();
        assert_eq!(told, [vec![(2, 0); 5], vec![(2, 2); 5]].concat());
        // Who was forgotten is somebody new.
        shelf.record(view(5000, 2, "/a/", now));
        assert_eq!(totals(&shelf).visitors, before.1.visitors + 1);
        assert!(shelf.store.agrees().unwrap());
    }

    #[test]
    fn the_totals_stay_in_another_zone_also_where_rows_were_dropped() {
        let mut shelf = Shelf::new();
        for hour in 0..10 * 24_i64 {
            let reader = u8::try_from(hour / 7).unwrap() + 1;
            shelf.record(view(u64::try_from(hour).unwrap() + 1, reader, "/a/", hour * DAY / 24));
        }
        for _ in 0..20 {
            shelf.tidy(11 * DAY, Some(7));
        }
        let totals = |shelf: &Shelf| {
            let site = shelf.store.load(at(0)).unwrap().totals.site;
            (site.views, site.visitors)
        };
        assert_eq!(totals(&shelf), (240, 35));
        let zones = ["America/New_York", "Pacific/Auckland", "Asia/Kolkata", "UTC", "America/Lima"];
        for zone in zones.iter().chain(&zones) {
            let calendar = Calendar::new(TimeZone::get(zone).unwrap());
            shelf.store.settle(&calendar).unwrap();
            assert_eq!(totals(&shelf), (240, 35), "{zone}");
            assert!(shelf.store.agrees().unwrap(), "{zone}");
            assert_eq!(shelf.store.rebuild(&calendar).unwrap(), 0, "{zone}");
        }
    }

    #[test]
    fn a_day_is_dropped_when_its_first_instant_is_too_old() {
        let mut shelf = Shelf::new();
        shelf.record(view(1, 1, "/a/", 0));
        let midnight = -8 * 3_600_000;
        shelf.tidy(midnight + 30 * DAY - 1, Some(30));
        assert_eq!(shelf.sizes()[..2], [0, 1]);
        shelf.tidy(midnight + 30 * DAY, Some(30));
        assert_eq!(shelf.sizes()[..2], [0, 0]);
    }
}
