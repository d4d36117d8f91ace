//! How often the server answered whom: sums by hour, and by day and page.

use std::collections::BTreeMap;
use std::ops::Range;

use redb::ReadableTable as _;

use super::Store;
use super::tables::{SERVED, Tables};
use crate::analytics::calendar::Calendar;
use crate::analytics::rollup::Dimension;
use crate::analytics::row::varint;
use crate::analytics::served::{Caller, Served, ServedAnswer};

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
    for Served { at, path, caller } in served {
        let page = tables.intern(Dimension::Path, path.as_str())?;
        for (level, start, page) in [(HOUR, calendar.hour(*at), 0), (DAY, calendar.day(*at), page)]
        {
            *sums.entry(key(level, start, caller.code(), page)).or_default() += 1;
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
    /// What the server has answered on `days`, with at most `limit` pages.
    pub(in crate::analytics) fn served(
        &self,
        calendar: &Calendar,
        days: &Range<u32>,
        limit: usize,
    ) -> anyhow::Result<ServedAnswer> {
        let (mut callers, mut by_day) = (BTreeMap::new(), BTreeMap::new());
        let mut pages: BTreeMap<u32, u64> = BTreeMap::new();
        by_day.extend(days.clone().map(|day| (day, 0)));
        self.read(|transaction| {
            let served = transaction.open_table(SERVED)?;
            let bounds = (key(DAY, days.start, 0, 0), key(DAY, days.end, 0, 0));
            for entry in served.range::<&[u8; 10]>(&bounds.0..&bounds.1)? {
                let (key, sum) = entry?;
                let [_, a, b, c, d, code, page @ ..] = *key.value();
                let Some(caller) = Caller::from_code(code) else { continue };
                let sum = varint::decode(sum.value()).large();
                *callers.entry(caller).or_default() += sum;
                if caller == Caller::Reader {
                    *by_day.entry(u32::from_be_bytes([a, b, c, d])).or_default() += sum;
                    *pages.entry(u32::from_be_bytes(page)).or_default() += sum;
                }
            }
            Ok(())
        })?;
        let numbers: Vec<u32> = pages.keys().copied().collect();
        let mut pages: Vec<_> =
            self.texts(&numbers)?.into_iter().zip(pages.into_values()).collect();
        pages.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        pages.truncate(limit);
        let days = by_day.into_iter().map(|(day, readers)| (calendar.start(day), readers));
        Ok(ServedAnswer { callers: callers.into_iter().collect(), days: days.collect(), pages })
    }
}
