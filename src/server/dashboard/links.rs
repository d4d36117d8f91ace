//! Where the parts of the dashboard lead: each to another state of it.

use serde::Serialize;

use super::lists::ListName;
use super::view::View;
use crate::analytics::{Comparison, Dimension, Period, Time};
use crate::clock::Day;
use crate::permalink::UrlPath;
use crate::server::wanted::Wanted;

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Choice {
    label: &'static str,
    href: String,
    is_on: bool,
    /// The key that chooses it.
    key: Option<&'static str>,
}

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Pill {
    name: &'static str,
    value: String,
    href: String,
}

/// The times that can be chosen: what they are called, what they are, and their keys.
const TIMES: [(&str, Period, Option<&str>); 7] = [
    ("24 hours", Period::Day, Some("d")),
    ("7 days", Period::Week, Some("w")),
    ("28 days", Period::FourWeeks, None),
    ("91 days", Period::Quarter, None),
    ("This month", Period::Month, Some("m")),
    ("This year", Period::Year, Some("y")),
    ("All time", Period::All, Some("a")),
];

/// The first and the last of some days.
type Span = (Day, Day);

/// Where the parts of the dashboard lead.
pub(super) struct Links<'a> {
    pub(super) view: &'a View,
    /// The address of the dashboard.
    pub(super) address: &'a str,
    pub(super) today: Day,
}

impl Links<'_> {
    pub(super) fn to(&self, view: &View) -> String {
        match view.query().as_str() {
            "" => self.address.to_owned(),
            query => format!("{}?{query}", self.address),
        }
    }

    fn to_wanted(&self, change: impl FnOnce(&mut Wanted)) -> String {
        let mut wanted = self.view.wanted.clone();
        change(&mut wanted);
        self.to(&self.view.of(wanted))
    }

    pub(super) fn times(&self) -> Vec<Choice> {
        let choice = |(label, period, key)| {
            let time = Time::Period(period);
            let href = self.to_wanted(|wanted| wanted.time = time);
            Choice { label, href, is_on: self.view.wanted.time == time, key }
        };
        TIMES.into_iter().map(choice).collect()
    }

    /// As much time before, and after unless that is yet to come.
    pub(super) fn neighbors(&self) -> Vec<Choice> {
        let step = |label, key, span: Option<(Day, Day)>| {
            let (from, to) = span?;
            let href = self.to_wanted(|wanted| wanted.time = Time::Days { from, to });
            Some(Choice { label, href, is_on: false, key: Some(key) })
        };
        let spans = self.spans();
        let earlier = step("Earlier", "ArrowLeft", spans.map(|(earlier, _)| earlier));
        let later = step("Later", "ArrowRight", spans.and_then(|(_, later)| later));
        earlier.into_iter().chain(later).collect()
    }

    /// The days before those that are shown and those after; none of all time.
    fn spans(&self) -> Option<(Span, Option<Span>)> {
        let today = self.today;
        let (from, to) = match self.view.wanted.time {
            Time::Days { from, to } => (from, to),
            Time::Period(Period::All) => return None,
            Time::Period(Period::Day) => (today, today),
            Time::Period(Period::Week) => (today - 6, today),
            Time::Period(Period::FourWeeks) => (today - 27, today),
            Time::Period(Period::Quarter) => (today - 90, today),
            Time::Period(Period::Month) => (today.first_of_month(), today.last_of_month()),
            Time::Period(Period::Year) => {
                (today.first_of_year(), (today.first_of_year() + 366).first_of_year() - 1)
            }
        };
        let (before, after) = (from - 1, to + 1);
        let year =
            |day: Day| (day.first_of_year(), (day.first_of_year() + 366).first_of_year() - 1);
        let month = |day: Day| (day.first_of_month(), day.last_of_month());
        let length = to.number() - from.number();
        let (earlier, later) = if (from, to) == year(from) {
            (year(before), year(after))
        } else if (from, to) == month(from) {
            (month(before), month(after))
        } else {
            ((before - length, before), (after, after + length))
        };
        Some((earlier, Some(later).filter(|(first, _)| *first <= today)))
    }

    pub(super) fn comparisons(&self) -> Vec<Choice> {
        if self.view.wanted.time == Time::Period(Period::All) {
            return Vec::new();
        }
        let choice = |(label, comparison, key)| {
            let is_on = self.view.wanted.compare == Some(comparison);
            let compare = (!is_on).then_some(comparison);
            Choice { label, href: self.to_wanted(|wanted| wanted.compare = compare), is_on, key }
        };
        let comparisons = [
            ("Compare with before", Comparison::Previous, Some("x")),
            ("Compare with last year", Comparison::Year, None),
        ];
        comparisons.into_iter().map(choice).collect()
    }

    pub(super) fn pills(&self) -> Vec<Pill> {
        let filters = self.view.wanted.filters().into_iter();
        let pill = |(name, value)| {
            let href = self.to(&self.view.of(self.view.wanted.without(name)));
            Pill { name, value: shown(name, value), href }
        };
        filters.map(pill).collect()
    }

    /// Where everything is shown again, if it is not; the list that was looked at is left first.
    pub(super) fn back(&self) -> Option<String> {
        let view = self.view;
        if view.list.is_some() {
            return Some(self.to(&View {
                list: None,
                sort: None,
                search: String::new(),
                ..view.clone()
            }));
        }
        let wanted = &view.wanted;
        let all = Wanted { time: wanted.time, compare: wanted.compare, ..Wanted::default() };
        (*wanted != all).then(|| self.to(&view.of(all)))
    }

    /// Where a value alone is shown, or, if it is, no longer alone.
    pub(super) fn filter(&self, dimension: Dimension, value: &str) -> (String, bool) {
        let is_it = |(of, text): &(Dimension, String)| *of == dimension && text == value;
        let is_on = self.view.wanted.traits.iter().any(is_it);
        let mut wanted = self.view.wanted.clone();
        wanted.traits.retain(|(of, _)| *of != dimension);
        if !is_on {
            wanted.traits.push((dimension, value.to_owned()));
        }
        (self.to(&self.unlisted(wanted)), is_on)
    }

    /// Where a page alone is shown, or, if it is, no longer alone.
    pub(super) fn page(&self, path: &UrlPath) -> (String, bool) {
        let is_on = self.view.wanted.page.as_ref() == Some(path);
        let page = (!is_on).then(|| path.clone());
        (self.to(&self.unlisted(Wanted { page, ..self.view.wanted.clone() })), is_on)
    }

    /// Where a time is shown.
    pub(super) fn time(&self, time: Time) -> String {
        self.to_wanted(|wanted| wanted.time = time)
    }

    /// Where a post alone is shown, all of its time.
    pub(super) fn post(&self, path: &UrlPath) -> String {
        let wanted = Wanted { page: Some(path.clone()), ..Wanted::default() };
        self.to(&self.unlisted(wanted))
    }

    /// Where what has a word in common is shown alone, or no longer alone.
    pub(super) fn word(
        &self,
        value: &str,
        field: impl Fn(&mut Wanted) -> &mut Option<String>,
    ) -> (String, bool) {
        let mut wanted = self.view.wanted.clone();
        let word = field(&mut wanted);
        let is_on = word.as_deref() == Some(value);
        *word = (!is_on).then(|| value.to_owned());
        (self.to(&self.unlisted(wanted)), is_on)
    }

    /// The dashboard of `wanted` without the list that was looked at.
    fn unlisted(&self, wanted: Wanted) -> View {
        View { wanted, fewer: self.view.fewer, ..View::default() }
    }

    /// Where some days alone are shown.
    pub(super) fn span(&self, from: Day, to: Day) -> String {
        self.to_wanted(|wanted| {
            wanted.time = Time::Days { from, to };
            wanted.compare = None;
        })
    }

    /// Where a list is whole.
    pub(super) fn list(&self, list: ListName) -> String {
        self.to(&View { list: Some(list), sort: None, search: String::new(), ..self.view.clone() })
    }

    /// Where the list is sorted by a column.
    pub(super) fn sorted(&self, column: &str) -> String {
        self.to(&View { sort: Some(column.to_owned()), ..self.view.clone() })
    }
}

/// A value as a pill shows it.
fn shown(name: &str, value: String) -> String {
    match name {
        "country" => super::countries::name(&value).map_or(value, str::to_owned),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::on(text.parse().unwrap())
    }

    fn links(view: &View) -> Links<'_> {
        Links { view, address: "/stats/", today: day("2026-11-24") }
    }

    #[test]
    fn what_is_chosen_leads_back() {
        let view = View::parse("period=28d&country=NO&page=/a/").unwrap();
        let links = links(&view);
        assert_eq!(
            links.filter(Dimension::Country, "NO"),
            ("/stats/?period=28d&page=%2Fa%2F".to_owned(), true)
        );
        assert_eq!(
            links.filter(Dimension::Country, "SE"),
            ("/stats/?period=28d&page=%2Fa%2F&country=SE".to_owned(), false)
        );
        let path = UrlPath::parse("/a/").unwrap();
        assert_eq!(links.page(&path), ("/stats/?period=28d&country=NO".to_owned(), true));
        let pills: Vec<String> = links.pills().into_iter().map(|pill| pill.href).collect();
        assert_eq!(pills, ["/stats/?period=28d&country=NO", "/stats/?period=28d&page=%2Fa%2F"]);
        assert!(links.times().last().is_some_and(|all| !all.href.contains("period")));
        assert_eq!(links.back().as_deref(), Some("/stats/?period=28d"));
    }

    #[test]
    fn the_time_before_is_as_long_and_the_time_after_has_come() {
        for (query, earlier, later) in [
            ("period=24h", Some(("2026-11-23", "2026-11-23")), None),
            ("period=7d", Some(("2026-11-11", "2026-11-17")), None),
            ("period=month", Some(("2026-10-01", "2026-10-31")), None),
            ("period=year", Some(("2025-01-01", "2025-12-31")), None),
            ("period=all", None, None),
            (
                "from=2026-10-01&to=2026-10-31",
                Some(("2026-09-01", "2026-09-30")),
                Some(("2026-11-01", "2026-11-30")),
            ),
            (
                "from=2024-01-01&to=2024-12-31",
                Some(("2023-01-01", "2023-12-31")),
                Some(("2025-01-01", "2025-12-31")),
            ),
            (
                "from=2026-11-11&to=2026-11-17",
                Some(("2026-11-04", "2026-11-10")),
                Some(("2026-11-18", "2026-11-24")),
            ),
        ] {
            let view = View::parse(query).unwrap();
            let neighbors: Vec<String> =
                links(&view).neighbors().into_iter().map(|choice| choice.href).collect();
            let expected: Vec<String> = [earlier, later]
                .into_iter()
                .flatten()
                .map(|(from, to)| format!("/stats/?from={from}&to={to}"))
                .collect();
            assert_eq!(neighbors, expected, "{query}");
        }
    }
}
