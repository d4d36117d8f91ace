//! How often the server answered whom: sums by hour, and by day and page.

use std::collections::BTreeMap;
use std::ops::Range;

use redb::ReadableTable as _;

use super::Store;
use super::tables::{SERVED, Tables};
use crate::analytics::calendar::{Calendar, hour_start};
use crate::analytics::rollup::Dimension;
use crate::analytics::served::{Caller, Served, ServedAnswer};
use crate::analytics::varint;
use crate::clock::Timestamp;

/// Hours, of all pages together.
const HOUR: u8 = 0;
/// Days, page by page.
const DAY: u8 = 1;

/// Adds what the server has answered.
pub(super) fn add(
    tables: &mut Tables<'_>,
    calendar: &Calendar,
    served: &[Served],
) -> anyhow::Result<()> {
    let mut sums: BTreeMap<[u8; 10], u64> = BTreeMap::new();
    for Served { at, path, caller, times } in served {
        let page = tables.intern(Dimension::Path, path.as_str())?;
        for (level, start, page) in [(HOUR, calendar.hour(*at), 0), (DAY, calendar.day(*at), page)]
        {
            *sums.entry(key(level, start, caller.code(), page)).or_default() += times;
        }
    }
    for (key, count) in sums {
        let before = tables.served.get(&key)?.map_or(0, |sum| varint::decode(sum.value()).large());
        let sum = varint::encode([before.saturating_add(count)]);
        tables.served.insert(&key, sum.as_slice())?;
    }
    Ok(())
}

fn key(level: u8, start: u32, caller: u8, page: u32) -> [u8; 10] {
    let mut key = [0; 10];
    key[0] = level;
    key[1..5].copy_from_slice(&start.to_be_bytes());
    key[5] = caller;
    key[6..].copy_from_slice(&page.to_be_bytes());
    key
}

impl Store {
    /// The days from the first on which the server has answered anybody to the last.
    pub(super) fn served_days(&self) -> anyhow::Result<Range<u32>> {
        let day = |key: [u8; 10]| u32::from_be_bytes([key[1], key[2], key[3], key[4]]);
        self.read(|transaction| {
            let sums = transaction.open_table(SERVED)?;
            let (low, high) = (key(DAY, 0, 0, 0), key(DAY, u32::MAX, u8::MAX, u32::MAX));
            let mut days = sums.range::<&[u8; 10]>(&low..=&high)?;
            let first = days.next().transpose()?.map(|(key, _)| day(*key.value()));
            let last = days.next_back().transpose()?.map(|(key, _)| day(*key.value())).or(first);
            Ok(first.zip(last).map_or(0..0, |(first, last)| first..last + 1))
        })
    }

    /// What the server has answered on `days`, with at most `limit` pages.
    pub(in crate::analytics) fn served(
        &self,
        calendar: &Calendar,
        days: &Range<u32>,
        limit: usize,
    ) -> anyhow::Result<ServedAnswer> {
        let (mut callers, mut by_day) = (BTreeMap::new(), BTreeMap::new());
        let mut pages: BTreeMap<u32, u64> = BTreeMap::new();
        by_day.extend(days.clone().map(|day| (calendar.start(day), 0)));
        self.each_sum(DAY, days, |(day, caller, page), sum| {
            *callers.entry(caller).or_default() += sum;
            if caller == Caller::Reader {
                *by_day.entry(calendar.start(day)).or_default() += sum;
                *pages.entry(page).or_default() += sum;
            }
        })?;
        let series = if days.len() <= 2 { self.readers_by_hour(calendar, days)? } else { by_day };
        let numbers: Vec<u32> = pages.keys().copied().collect();
        let mut pages: Vec<_> =
            self.texts(&numbers)?.into_iter().zip(pages.into_values()).collect();
        pages.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        pages.truncate(limit);
        let series = series.into_iter().collect();
        Ok(ServedAnswer { callers: callers.into_iter().collect(), series, pages })
    }

    /// How often readers were answered in each hour of `days`.
    fn readers_by_hour(
        &self,
        calendar: &Calendar,
        days: &Range<u32>,
    ) -> anyhow::Result<BTreeMap<Timestamp, u64>> {
        let last = Timestamp::from_millis(calendar.start(days.end).as_millis() - 1);
        let hours = calendar.hours(calendar.start(days.start), last);
        let mut series: BTreeMap<Timestamp, u64> =
            hours.into_iter().map(|hour| (hour, 0)).collect();
        let quarters = calendar.hour(calendar.start(days.start))..calendar.hour(last) + 1;
        self.each_sum(HOUR, &quarters, |(hour, caller, _), sum| {
            if caller == Caller::Reader {
                *series.entry(hour_start(hour)).or_default() += sum;
            }
        })?;
        Ok(series)
    }

    /// Shows `visit` each sum that begins in `starts`: when, who asked, for which page.
    fn each_sum(
        &self,
        level: u8,
        starts: &Range<u32>,
        mut visit: impl FnMut((u32, Caller, u32), u64),
    ) -> anyhow::Result<()> {
        self.read(|transaction| {
            let served = transaction.open_table(SERVED)?;
            let bounds = (key(level, starts.start, 0, 0), key(level, starts.end, 0, 0));
            for entry in served.range::<&[u8; 10]>(&bounds.0..&bounds.1)? {
                let (key, sum) = entry?;
                let [_, a, b, c, d, code, page @ ..] = *key.value();
                if let Some(caller) = Caller::from_code(code) {
                    let about =
                        (u32::from_be_bytes([a, b, c, d]), caller, u32::from_be_bytes(page));
                    visit(about, varint::decode(sum.value()).large());
                }
            }
            Ok(())
        })
    }
}
