//! What numbers are asked for, as the query of an address says it.

use jiff::civil;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::analytics::{Comparison, Dimension, Period, Step, Time};
use crate::clock::Day;
use crate::permalink::UrlPath;

/// What is escaped in a query.
pub(super) const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The traits that can be filtered by: what they are called in addresses, and what they are.
const TRAITS: [(&str, Dimension); 7] = [
    ("referrer", Dimension::Referrer),
    ("source", Dimension::Source),
    ("campaign", Dimension::Campaign),
    ("country", Dimension::Country),
    ("device", Dimension::Device),
    ("browser", Dimension::Browser),
    ("os", Dimension::System),
];

/// Which numbers are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of which time.
    pub(super) time: Time,
    /// Of which page alone.
    pub(super) page: Option<UrlPath>,
    /// Of the pages filed under this word alone.
    pub(super) tag: Option<String>,
    /// Of the pages of this author alone.
    pub(super) author: Option<String>,
    /// Of the pages of this series alone.
    pub(super) series: Option<String>,
    /// Of those visitors alone who have each of these traits.
    pub(super) traits: Vec<(Dimension, String)>,
    /// What the time is compared with.
    pub(super) compare: Option<Comparison>,
    /// How long each step of the series is.
    pub(super) step: Option<Step>,
    /// How many lines each list has at most; none if pages are all there and the others are cut where few look.
    pub(super) limit: Option<usize>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            time: Time::Period(Period::All),
            page: None,
            tag: None,
            author: None,
            series: None,
            traits: Vec::new(),
            compare: None,
            step: None,
            limit: None,
        }
    }
}

impl Wanted {
    /// Everything in `period`.
    pub fn of(period: Period) -> Self {
        Self { time: Time::Period(period), ..Self::default() }
    }

    /// Whether everything that was ever counted is asked about.
    pub(super) fn is_of_all(&self) -> bool {
        self.time == Time::Period(Period::All) && self.filters().is_empty()
    }

    /// Reads the query of an address; what it cannot mean is told in words.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut wanted = Self::default();
        let (mut from, mut to) = (None, None);
        for (name, value) in pairs(query) {
            let text = Some(value.clone()).filter(|value| !value.is_empty());
            match name {
                "period" => {
                    let period: Period = value.parse().map_err(|unknown| format!("{unknown}"))?;
                    wanted.time = Time::Period(period);
                }
                "from" => from = text.map(|day| parse_day(name, &day)).transpose()?,
                "to" => to = text.map(|day| parse_day(name, &day)).transpose()?,
                "page" => {
                    let path = text.map(|path| UrlPath::decode(&path)).transpose();
                    wanted.page = path.map_err(|error| format!("`page` is no path: {error}"))?;
                }
                "tag" => wanted.tag = text,
                "author" => wanted.author = text,
                "series" => wanted.series = text,
                "compare" => wanted.compare = comparison(&value)?,
                "step" => wanted.step = step(&value)?,
                "limit" => wanted.limit = text.map(|limit| parse_limit(&limit)).transpose()?,
                _ => wanted.add_trait(name, text),
            }
        }
        wanted.time = match (from, to) {
            (None, None) => wanted.time,
            (Some(from), Some(to)) if from <= to => Time::Days { from, to },
            (Some(_), Some(_)) => return Err("`from` is later than `to`".to_owned()),
            _ => return Err("`from` and `to` stand together".to_owned()),
        };
        Ok(wanted)
    }

    fn add_trait(&mut self, name: &str, value: Option<String>) {
        let dimension = TRAITS.iter().find(|(known, _)| *known == name);
        if let (Some((_, dimension)), Some(value)) = (dimension, value) {
            self.traits.push((*dimension, value));
        }
    }

    /// The query that asks for this; empty for everything of all time.
    pub(super) fn query(&self) -> String {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        match self.time {
            Time::Period(Period::All) => {}
            Time::Period(period) => pairs.push(("period", period.name().to_owned())),
            Time::Days { from, to } => {
                pairs.push(("from", from.in_digits()));
                pairs.push(("to", to.in_digits()));
            }
        }
        pairs.extend(self.filters());
        let compare = self.compare.map(|comparison| match comparison {
            Comparison::Previous => "previous".to_owned(),
            Comparison::Year => "year".to_owned(),
        });
        pairs.extend(compare.map(|compare| ("compare", compare)));
        pairs.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        let pair = |(name, value): (&str, String)| {
            format!("{name}={}", utf8_percent_encode(&value, ESCAPED))
        };
        pairs.into_iter().map(pair).collect::<Vec<_>>().join("&")
    }

    /// The same without one filter.
    pub(super) fn without(&self, name: &str) -> Self {
        let mut wanted = self.clone();
        match name {
            "page" => wanted.page = None,
            "tag" => wanted.tag = None,
            "author" => wanted.author = None,
            "series" => wanted.series = None,
            _ => {
                let dimension = TRAITS.iter().find(|(known, _)| *known == name);
                wanted.traits.retain(|(of, _)| dimension.is_none_or(|(_, known)| known != of));
            }
        }
        wanted
    }

    /// The filters by their names, as they are shown.
    pub(super) fn filters(&self) -> Vec<(&'static str, String)> {
        let page = self.page.as_ref().map(ToString::to_string);
        let sets = [
            ("page", page),
            ("tag", self.tag.clone()),
            ("author", self.author.clone()),
            ("series", self.series.clone()),
        ];
        let sets = sets.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let traits = self.traits.iter().filter_map(|(dimension, value)| {
            let (name, _) = TRAITS.iter().find(|(_, known)| known == dimension)?;
            Some((*name, value.clone()))
        });
        sets.chain(traits).collect()
    }
}

/// The names and the values of the query of an address.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, String)> {
    query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| {
        let value = value.replace('+', " ");
        (name, percent_decode_str(&value).decode_utf8_lossy().into_owned())
    })
}

fn parse_day(name: &str, text: &str) -> Result<Day, String> {
    let date: civil::Date =
        text.parse().map_err(|_| format!("`{name}` is a day, written as `2026-11-24`"))?;
    Ok(Day::on(date))
}

fn parse_limit(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "`limit` is a number".to_owned())
}

fn comparison(text: &str) -> Result<Option<Comparison>, String> {
    match text {
        "" | "none" => Ok(None),
        "previous" => Ok(Some(Comparison::Previous)),
        "year" => Ok(Some(Comparison::Year)),
        _ => Err("`compare` is `previous` or `year`".to_owned()),
    }
}

fn step(text: &str) -> Result<Option<Step>, String> {
    match text {
        "" => Ok(None),
        "hour" => Ok(Some(Step::Hour)),
        "day" => Ok(Some(Step::Day)),
        "week" => Ok(Some(Step::Week)),
        "month" => Ok(Some(Step::Month)),
        _ => Err("`step` is `hour`, `day`, `week` or `month`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_what_is_wanted() {
        let wanted = Wanted::parse(
            "from=2026-11-01&to=2026-11-24&page=/gr%C3%B6%C3%9Fe/&tag=Rust+web&os=Linux&country=NO&compare=year&step=week&limit=5&else=1",
        )
        .unwrap();
        let day = |text: &str| Day::on(text.parse().unwrap());
        let expected = Wanted {
            time: Time::Days { from: day("2026-11-01"), to: day("2026-11-24") },
            page: Some(UrlPath::parse("/größe/").unwrap()),
            tag: Some("Rust web".to_owned()),
            traits: vec![
                (Dimension::System, "Linux".to_owned()),
                (Dimension::Country, "NO".to_owned()),
            ],
            compare: Some(Comparison::Year),
            step: Some(Step::Week),
            limit: Some(5),
            ..Wanted::default()
        };
        assert_eq!(wanted, expected);
        let shown = ["page=/größe/", "tag=Rust web", "os=Linux", "country=NO"];
        let filters = wanted.filters().into_iter().map(|(name, value)| format!("{name}={value}"));
        assert_eq!(filters.collect::<Vec<_>>(), shown);
        assert_eq!(Wanted::parse(""), Ok(Wanted::default()));
        assert_eq!(Wanted::parse("period=all&tag=&x"), Ok(Wanted::default()));
        assert_eq!(Wanted::parse("period=7d").unwrap(), Wanted::of(Period::Week));
    }

    #[test]
    fn what_a_query_cannot_mean_is_told() {
        for (query, told) in [
            ("period=2y", "a period is one of"),
            ("from=2026-11-24", "`from` and `to` stand together"),
            ("from=2026-11-24&to=2026-11-23", "`from` is later than `to`"),
            ("from=24.11.2026&to=2026-11-24", "`from` is a day"),
            ("page=/../x", "`page` is no path"),
            ("compare=that", "`compare` is"),
            ("step=minute", "`step` is"),
            ("limit=-1", "`limit` is a number"),
        ] {
            let error = Wanted::parse(query).unwrap_err();
            assert!(error.starts_with(told), "{query}: {error}");
        }
    }
}
