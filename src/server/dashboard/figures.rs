//! The numbers of a time, and how they have changed.

use serde::Serialize;

use crate::render::{Locale, grouped};
use crate::server::report::{Compared, Totals};

/// A number, and how it has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Figure {
    label: &'static str,
    value: String,
    /// In percent, signed; none if it is not compared, or was nothing.
    change: Option<String>,
}

/// The numbers of a time, and of the one that it is compared with.
pub(super) fn figures(
    totals: &Totals,
    compared: Option<&Compared>,
    locale: &Locale,
) -> Vec<Figure> {
    let before = compared.map(|compared| &compared.totals);
    let figure = |label, of: &dyn Fn(&Totals) -> Option<u64>, show: &dyn Fn(u64) -> String| {
        let (now, was) = (of(totals), before.and_then(of));
        Some(Figure { label, value: show(now?), change: change(now?, was) })
    };
    let plain = |number: u64| locale.number(number);
    let percent = |number: u64| format!("{number} %");
    let shares = |totals: &Totals| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        totals.bounce_rate.map(|rate| (rate * 100.0).round() as u64)
    };
    [
        figure("Views", &|totals| Some(totals.amounts.views), &plain),
        figure("Visitors", &|totals| Some(totals.amounts.visitors), &plain),
        figure("Visits", &|totals| Some(totals.amounts.visits), &plain),
        figure("Reads", &|totals| Some(totals.amounts.reads), &plain),
        figure("Time a visit", &|totals| totals.engaged_ms_per_visit, &duration),
        figure("Bounced", &shares, &percent),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How much more or less it is, in percent; none if there was nothing.
pub(super) fn change(now: u64, was: Option<u64>) -> Option<String> {
    let was = was.filter(|was| *was > 0)?;
    let percent = now.abs_diff(was).saturating_mul(100).saturating_add(was / 2) / was;
    let sign = if now >= was { "+" } else { "−" };
    Some(format!("{sign}{} %", grouped(percent)))
}

/// So many milliseconds as people say them.
pub(super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_change_by_so_many_percent() {
        for (now, was, told) in [
            (12, Some(10), Some("+20 %")),
            (5, Some(10), Some("−50 %")),
            (10, Some(10), Some("+0 %")),
            (10, Some(0), None),
            (10, None, None),
        ] {
            assert_eq!(change(now, was).as_deref(), told, "{now} {was:?}");
        }
        assert_eq!([duration(59_999), duration(61_000)], ["59 s", "1 min 1 s"]);
    }
}
