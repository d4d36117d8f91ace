//! The course of views and visitors as a picture, and as the table that says the same.

use serde::Serialize;

use crate::analytics::Step;
use crate::clock::{Day, Timestamp};
use crate::render::{DateStyle, Locale};
use crate::server::report::{Marker, Moment, Report};

/// The size of the picture in its own units; it is stretched to the room that there is.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 200.0;

/// A chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Chart {
    /// The area below views.
    area: String,
    /// The line of views, and of visitors, up to where they are certain.
    views: String,
    visitors: String,
    /// From there on: the step that is not over yet.
    views_open: String,
    visitors_open: String,
    /// The line of views of the time that it is compared with.
    before: Option<String>,
    /// The greatest number, and half of it.
    most: u64,
    half: u64,
    steps: Vec<StepView>,
    markers: Vec<MarkerView>,
    /// Names of some steps, the first and the last among them.
    ticks: Vec<String>,
}

/// A step of the chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct StepView {
    x: String,
    width: String,
    name: String,
    views: u64,
    visitors: u64,
    reads: u64,
    /// Views of the time that it is compared with.
    before: Option<u64>,
    /// What a pointer that rests on it is told.
    told: String,
    /// Where it alone is shown; none for hours.
    href: Option<String>,
}

/// A post that was published.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct MarkerView {
    x: String,
    title: String,
    url: Option<String>,
    date: String,
}

impl Chart {
    /// The chart of `report`; none without two steps. `span` says where some days alone are shown.
    pub(super) fn of(
        report: &Report,
        locale: &Locale,
        span: impl Fn(Day, Day) -> String,
    ) -> Option<Self> {
        let series = &report.series;
        let last = series.last()?;
        let before = report.compared.as_ref().map(|compared| compared.series.as_slice());
        let views = |moment: &Moment| moment.amounts.views;
        let visitors = |moment: &Moment| moment.amounts.visitors;
        let most = series.iter().chain(before.unwrap_or_default()).map(views).max()?.max(1);
        let most = round_up(most);
        if series.len() < 2 {
            return None;
        }
        let scale = Scale { steps: series.len(), most };
        let is_open =
            report.numbers.period.is_none_or(|period| period.to < end_of(last, report.step));
        let closed = if is_open { series.len() - 1 } else { series.len() };
        let line = |of: &dyn Fn(&Moment) -> u64, from: usize, to: usize| {
            let points = series[..to].iter().enumerate().skip(from);
            scale.line(points.map(|(at, moment)| (at, of(moment))))
        };
        let open_from = closed.saturating_sub(1);
        let words = |moment: &Moment| name(moment, report.step, locale);
        let step = |(at, moment): (usize, &Moment)| {
            let before = before.and_then(|before| before.get(at)).map(views);
            StepView {
                x: units(scale.left(at)),
                width: units(scale.width()),
                name: words(moment),
                views: moment.amounts.views,
                visitors: moment.amounts.visitors,
                reads: moment.amounts.reads,
                before,
                told: told(moment, before, report.step, locale) + &published(report, at),
                href: days(moment, report.step).map(|(from, to)| span(from, to)),
            }
        };
        Some(Self {
            area: scale.area(series.iter().map(views)),
            views: line(&views, 0, closed),
            visitors: line(&visitors, 0, closed),
            views_open: if is_open { line(&views, open_from, series.len()) } else { String::new() },
            visitors_open: if is_open {
                line(&visitors, open_from, series.len())
            } else {
                String::new()
            },
            before: before.map(|before| scale.line(before.iter().map(views).enumerate())),
            most,
            half: most / 2,
            steps: series.iter().enumerate().map(step).collect(),
            markers: markers(report, &scale, locale),
            ticks: ticks(series, report.step, locale),
        })
    }
}

/// The views of a post in its first days, all up to each day, beside those of other posts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Curves {
    own: String,
    others: String,
    most: u64,
    half: u64,
    days: Vec<CurveDay>,
}

/// A day of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct CurveDay {
    /// The first is 1.
    number: usize,
    own: Option<u64>,
    others: Option<u64>,
}

impl Curves {
    /// The curves of these sums; one may be shorter than the other.
    pub(super) fn of(own: &[u64], others: &[u64]) -> Self {
        let steps = own.len().max(others.len());
        let most = round_up(own.iter().chain(others).copied().max().unwrap_or(0).max(1));
        let scale = Scale { steps, most };
        let line = |sums: &[u64]| scale.line(sums.iter().copied().enumerate());
        let day = |day: usize| CurveDay {
            number: day + 1,
            own: own.get(day).copied(),
            others: others.get(day).copied(),
        };
        Self {
            own: line(own),
            others: line(others),
            most,
            half: most / 2,
            days: (0..steps).map(day).collect(),
        }
    }
}

/// A small line of `numbers`, for a picture of 100 by 20; none if there is nothing to see.
pub(super) fn spark(numbers: &[u64]) -> Option<String> {
    let most = numbers.iter().copied().max().filter(|most| *most > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "a picture is not more exact than that")]
    let point = |(at, number): (usize, &u64)| {
        let x = at as f64 * 100.0 / (numbers.len() - 1) as f64;
        let y = 19.0 - *number as f64 / most as f64 * 18.0;
        format!("{},{}", units(x), units(y))
    };
    (numbers.len() > 1).then(|| numbers.iter().enumerate().map(point).collect::<Vec<_>>().join(" "))
}

/// How steps and numbers become places.
struct Scale {
    steps: usize,
    most: u64,
}

#[expect(clippy::cast_precision_loss, reason = "a picture is not more exact than that")]
impl Scale {
    fn width(&self) -> f64 {
        WIDTH / self.steps as f64
    }

    fn left(&self, at: usize) -> f64 {
        at as f64 * self.width()
    }

    fn x(&self, at: usize) -> f64 {
        self.left(at) + self.width() / 2.0
    }

    fn y(&self, number: u64) -> f64 {
        HEIGHT - number as f64 / self.most as f64 * HEIGHT
    }

    fn line(&self, points: impl Iterator<Item = (usize, u64)>) -> String {
        let points = points.filter(|(at, _)| *at < self.steps);
        let point = |(at, number)| format!("{},{}", units(self.x(at)), units(self.y(number)));
        points.map(point).collect::<Vec<_>>().join(" ")
    }

    fn area(&self, numbers: impl Iterator<Item = u64>) -> String {
        let line = self.line(numbers.enumerate());
        let (left, right) = (units(self.x(0)), units(self.x(self.steps - 1)));
        format!("{left},{HEIGHT} {line} {right},{HEIGHT}")
    }
}

fn units(number: f64) -> String {
    format!("{number:.1}").trim_end_matches(".0").to_owned()
}

/// A number that is easily read, as its half is, and not less than `most`.
fn round_up(most: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for times in [2, 3, 4, 5, 6, 8, 10] {
            if let Some(round) = unit.checked_mul(times)
                && round >= most
                && round % 2 == 0
            {
                return round;
            }
        }
        match unit.checked_mul(10) {
            Some(next) => unit = next,
            None => return most,
        }
    }
}

/// The day that a step begins on, as its date in the site's time zone says.
fn day(moment: &Moment) -> Option<Day> {
    moment.date.get(..10)?.parse().ok().map(Day::on)
}

/// The first and the last day of a step; none for hours.
pub(super) fn days(moment: &Moment, step: Step) -> Option<(Day, Day)> {
    let first = day(moment)?;
    match step {
        Step::Hour => None,
        Step::Day => Some((first, first)),
        Step::Week => Some((first, first + 6)),
        Step::Month => Some((first, first.last_of_month())),
    }
}

/// When a step ends, or a little after.
fn end_of(moment: &Moment, step: Step) -> Timestamp {
    let hours = match step {
        Step::Hour => 1,
        Step::Day => 24,
        Step::Week => 24 * 7,
        Step::Month => 24 * 28,
    };
    moment.start + std::time::Duration::from_hours(hours)
}

fn name(moment: &Moment, step: Step, locale: &Locale) -> String {
    let Some(day) = day(moment) else { return moment.date.clone() };
    let long = || locale.date(day.date(), DateStyle::Long);
    match step {
        Step::Hour => {
            format!("{}, {}", long(), moment.date.get(11..16).unwrap_or_default())
        }
        Step::Day => long(),
        Step::Week => format!("week of {}", long()),
        Step::Month => locale.date(day.date(), DateStyle::Month),
    }
}

/// The names of steps at even distances.
fn ticks(series: &[Moment], step: Step, locale: &Locale) -> Vec<String> {
    let last = series.len() - 1;
    let count = last.min(4);
    (0..=count).map(|tick| short_name(&series[tick * last / count], step, locale)).collect()
}

fn short_name(moment: &Moment, step: Step, locale: &Locale) -> String {
    let Some(day) = day(moment) else { return moment.date.clone() };
    match step {
        Step::Hour => moment.date.get(11..16).unwrap_or_default().to_owned(),
        Step::Day | Step::Week => locale.date(day.date(), DateStyle::Day),
        Step::Month => locale.date(day.date(), DateStyle::ShortMonth),
    }
}

fn told(moment: &Moment, before: Option<u64>, step: Step, locale: &Locale) -> String {
    let counted = |count: u64, noun: &str| {
        format!("{} {noun}{}", locale.number(count), if count == 1 { "" } else { "s" })
    };
    let amounts = &moment.amounts;
    let (views, visitors) = (counted(amounts.views, "view"), counted(amounts.visitors, "visitor"));
    let name = name(moment, step, locale);
    match before {
        Some(before) => format!("{name}: {views}, {visitors} ({} before)", counted(before, "view")),
        None => format!("{name}: {views}, {visitors}"),
    }
}

/// What was published in a step, in words.
fn published(report: &Report, step: usize) -> String {
    let titles = report.published.iter().filter(|marker| step_of(report, marker) == Some(step));
    let titles: Vec<&str> = titles.map(|marker| marker.page.title.as_str()).collect();
    if titles.is_empty() { String::new() } else { format!("; published: {}", titles.join(", ")) }
}

fn step_of(report: &Report, marker: &Marker) -> Option<usize> {
    report.series.partition_point(|moment| moment.start <= marker.at).checked_sub(1)
}

fn markers(report: &Report, scale: &Scale, locale: &Locale) -> Vec<MarkerView> {
    let marker = |marker: &Marker| {
        let at = step_of(report, marker)?;
        Some(MarkerView {
            x: units(scale.x(at)),
            title: marker.page.title.clone(),
            url: marker.page.url.clone(),
            date: name(report.series.get(at)?, Step::Day, locale),
        })
    };
    report.published.iter().filter_map(marker).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_number_is_round() {
        for (most, round) in [
            (1, 2),
            (3, 4),
            (5, 6),
            (7, 8),
            (11, 20),
            (21, 30),
            (99, 100),
            (101, 200),
            (230, 300),
            (4_321, 5_000),
        ] {
            assert_eq!(round_up(most), round, "{most}");
        }
        assert!(round_up(u64::MAX) == u64::MAX);
    }

    #[test]
    fn numbers_become_places_within_the_picture() {
        let scale = Scale { steps: 4, most: 10 };
        assert_eq!(scale.line([(0, 0), (1, 10), (3, 5)].into_iter()), "125,200 375,0 875,100");
        assert_eq!(spark(&[0, 2, 1]).as_deref(), Some("0,19 50,1 100,10"));
        assert_eq!((spark(&[0, 0]), spark(&[1])), (None, None));
        assert_eq!(scale.area([10, 10].into_iter()), "125,200 125,0 375,0 875,200");
    }
}
