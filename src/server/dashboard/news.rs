//! How it is going: the last days beside those before, and what came of what was published last.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde::Serialize;

use super::figures::change;
use super::links::Links;
use super::source::Source;
use crate::analytics::{Comparison, Period, Question, Time};
use crate::clock::Day;

/// A post is news for so many days.
const NEW: i32 = 60;

/// How it is going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct News {
    week: Option<Week>,
    latest: Option<Latest>,
}

/// The last seven days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Week {
    views: u64,
    /// How that compares with the seven days before, in words; none if there was nothing.
    beside: Option<String>,
    href: String,
}

/// What was published last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Latest {
    title: String,
    href: String,
    /// How long ago, in words.
    ago: String,
    views: u64,
    reads: u64,
}

impl News {
    /// How it is going; nothing to tell where nothing was counted for a week.
    pub(super) fn of(source: &Source<'_>, links: &Links<'_>) -> Self {
        Self { week: week(source, links), latest: latest(source, links) }
    }
}

fn week(source: &Source<'_>, links: &Links<'_>) -> Option<Week> {
    let time = Time::Period(Period::Week);
    let question = Question {
        compare: Some(Comparison::Previous),
        breakdowns: BTreeSet::new(),
        ..Question::about(time)
    };
    let answer = source.query?.answer(&question, source.now).ok()?;
    let views = answer.course.totals.views;
    let before = answer.compared.map(|before| before.totals.views);
    (views > 0).then(|| Week { views, beside: beside(views, before), href: links.time(time) })
}

/// How much more or less it is, in words.
fn beside(now: u64, was: Option<u64>) -> Option<String> {
    let change = change(now, was)?;
    let percent = change.trim_start_matches(['+', '−']);
    Some(match was.unwrap_or(now).cmp(&now) {
        Ordering::Less => format!("{percent} more than the seven before"),
        Ordering::Equal => "as many as the seven before".to_owned(),
        Ordering::Greater => format!("{percent} fewer than the seven before"),
    })
}

fn latest(source: &Source<'_>, links: &Links<'_>) -> Option<Latest> {
    let (path, entry, at) = source.posts().into_iter().next()?;
    let (today, day) = (source.today(), source.day(at));
    let days = today.number() - day.number();
    if days > NEW {
        return None;
    }
    // Somebody may have read it before the day that its author says it is of.
    let ever = Day::from_number(0)..today + 1;
    let amounts = source.course(path, &[ever]).first().copied()?;
    Some(Latest {
        title: entry.title.clone(),
        href: links.post(path),
        ago: ago(days),
        views: amounts.views,
        reads: amounts.reads,
    })
}

fn ago(days: i32) -> String {
    match days {
        ..=0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_and_days_have_words() {
        assert_eq!(beside(12, Some(10)).as_deref(), Some("20 % more than the seven before"));
        assert_eq!(beside(5, Some(10)).as_deref(), Some("50 % fewer than the seven before"));
        assert_eq!((beside(5, None), beside(5, Some(0))), (None, None));
        assert_eq!([0, 1, 2].map(ago), ["today", "yesterday", "2 days ago"]);
    }
}
