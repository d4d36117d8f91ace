//! A page by itself: what it is, how it began beside other posts, and where its readers stop.

use std::ops::Range;

use serde::Serialize;

use super::chart::Curves;
use super::source::Source;
use crate::clock::{Day, Timestamp};
use crate::permalink::UrlPath;
use crate::render::DateStyle;
use crate::server::report::Report;

/// How many days from its first one a post is compared with others.
const DAYS: usize = 28;

/// How many of the newest posts it is compared with at most.
const OTHERS: usize = 100;

/// Fewer posts than this have no middle.
const LEAST: usize = 3;

/// A page by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Post {
    title: String,
    url: Option<String>,
    /// The day of its publication, in words.
    published: Option<String>,
    words: usize,
    beginning: Option<Curves>,
    stops: Vec<Stop>,
}

/// How many readers have come so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Stop {
    /// In percent of the article.
    depth: usize,
    readers: u64,
    /// In percent of all.
    share: u64,
}

impl Post {
    /// The page at `path`, which `report` is about; none if there is no such page.
    pub(super) fn of(path: &UrlPath, report: &Report, source: &Source<'_>) -> Option<Self> {
        let (path, entry) = source.site.page(path)?;
        let stat = report.numbers.page_stats.iter().find(|stat| stat.page.path == *path);
        let is_named = entry.listed || source.viewer == crate::server::report::Viewer::Owner;
        if !is_named {
            return None;
        }
        let since = report.numbers.tracking_since;
        let beginning = entry.published.and_then(|at| beginning(path, at, since?, source));
        Some(Self {
            title: stat.map_or(&entry.title, |stat| &stat.page.title).clone(),
            url: Some(source.site.identity().base.link(path)),
            published: entry
                .published
                .map(|at| source.locale.date(source.day(at).date(), DateStyle::Long)),
            words: entry.words,
            beginning,
            stops: report.scroll.as_ref().map(stops).unwrap_or_default(),
        })
    }
}

/// How many readers came to each tenth; none if none is known to have come anywhere.
fn stops(scroll: &[u64; 11]) -> Vec<Stop> {
    let all: u64 = scroll.iter().sum();
    let reached = |tenth: usize| scroll[tenth..].iter().sum::<u64>();
    if reached(1) == 0 {
        return Vec::new();
    }
    let stop = |tenth: usize| Stop {
        depth: tenth * 10,
        readers: reached(tenth),
        share: reached(tenth).saturating_mul(100) / all.max(1),
    };
    [1, 3, 5, 7, 9, 10].map(stop).into()
}

/// The views of a post from its first day on, all up to each day, beside the middle of other posts; none before the
/// second day, or if it was published when nothing was counted.
fn beginning(
    path: &UrlPath,
    at: Timestamp,
    since: Timestamp,
    source: &Source<'_>,
) -> Option<Curves> {
    if source.day(at) < source.day(since) {
        return None;
    }
    let own = sums(path, at, source);
    let posts = source.posts().into_iter();
    let others =
        posts.filter(|(other, _, at)| *other != path && source.day(*at) >= source.day(since));
    let others: Vec<_> =
        others.take(OTHERS).map(|(other, _, at)| sums(other, at, source)).collect();
    (own.len() > 1).then(|| Curves::of(&own, &middle(&others)))
}

/// All views of a post up to the end of each of its first days, today the last.
fn sums(path: &UrlPath, at: Timestamp, source: &Source<'_>) -> Vec<u64> {
    let first = source.day(at);
    let days = (source.today().number() - first.number() + 1).max(0);
    let days = i32::try_from(DAYS).map_or(days, |most| days.min(most));
    let spans: Vec<Range<Day>> = (0..days).map(|day| first + day..first + day + 1).collect();
    let add = |sum: &mut u64, amounts: crate::analytics::Amounts| {
        *sum += amounts.views;
        Some(*sum)
    };
    source.course(path, &spans).into_iter().scan(0, add).collect()
}

/// The middle of `posts` on each day, as long as there are enough of them.
fn middle(posts: &[Vec<u64>]) -> Vec<u64> {
    let of_day = |day: usize| {
        let mut views: Vec<u64> = posts.iter().filter_map(|post| post.get(day).copied()).collect();
        views.sort_unstable();
        (views.len() >= LEAST).then(|| views[views.len() / 2])
    };
    (0..DAYS).map_while(of_day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_come_as_far_as_they_come_and_not_less() {
        let mut scroll = [0; 11];
        (scroll[0], scroll[4], scroll[10]) = (1, 2, 1);
        let readers: Vec<_> =
            stops(&scroll).iter().map(|stop| (stop.depth, stop.readers)).collect();
        assert_eq!(readers, [(10, 3), (30, 3), (50, 1), (70, 1), (90, 1), (100, 1)]);
        assert!(stops(&[5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).is_empty());
    }

    #[test]
    fn the_middle_is_of_at_least_three_posts() {
        let posts = [vec![1, 5, 9], vec![3, 4], vec![2, 9]];
        assert_eq!(middle(&posts), [2, 5]);
        assert!(middle(&posts[..2]).is_empty());
    }
}
