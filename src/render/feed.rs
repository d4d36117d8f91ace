//! The feed: the newest posts, whole, for readers who have their own way of reading.

use rayon::prelude::*;

use super::learnt::Learnt;
use super::renderer::{Renderer, Told, value};
use super::resolver::Links;
use super::summary::feed_entry;
use super::trace::{self, Asked};
use super::view::FeedView;
use crate::clock::Timestamp;
use crate::content::Page;
use crate::fingerprint::Fingerprint;
use crate::permalink::{self, UrlPath};

/// Where the feed is.
pub(super) const PATH: &str = "/feed.xml";

/// Renders the feed.
pub(super) fn render(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    let path = UrlPath::parse(PATH).expect("a plain path");
    let posts = scope.index.listed_posts();
    let newest = &posts[..posts.len().min(scope.config.feeds.limit)];
    if renderer.outputs.is_claimed(&path) {
        return Ok(());
    }
    let told = Told {
        is_as_before: newest.iter().all(|post| scope.has_same_text(post)),
        fingerprint: || {
            let texts: Vec<Fingerprint> = newest.iter().map(|post| post.fingerprint).collect();
            Fingerprint::of(&(scope.shown_of(newest), texts))
        },
    };
    renderer.traced((&path, "feed.xml"), &told, || {
        let entries: Vec<(Entry, Vec<Asked>)> = newest
            .par_iter()
            .map(|post| trace::record(|| entry(post, renderer)))
            .map(|(entry, asked)| Ok((entry?, asked)))
            .collect::<anyhow::Result<_>>()?;
        let mut pages = Vec::with_capacity(entries.len());
        let mut are_current = true;
        for (entry, asked) in entries {
            trace::adopt(asked);
            are_current &= entry.is_current;
            pages.push(entry.value);
        }
        // The time of the newest change, not of the build: the same posts give the same feed.
        let updated = newest.iter().map(|post| last_change(post)).max().unwrap_or_default();
        let view = FeedView {
            permalink: scope.config.base.permalink(&path),
            home: scope.config.base.permalink(&UrlPath::root()),
            updated: updated.to_rfc3339_in(&scope.config.timezone),
            pages,
        };
        renderer.put_file("feed.xml", &path, &[("feed", value(&view))])?;
        Ok((Learnt::default(), are_current))
    })?;
    Ok(())
}

/// A post as the feed has it.
struct Entry {
    value: tera::Value,
    /// Whether it was made of the text that the index was made of.
    is_current: bool,
}

/// When a page was last changed, as far as its author says.
pub(super) fn last_change(page: &Page) -> Timestamp {
    page.front_matter.updated.max(page.date).unwrap_or_default()
}

fn entry(post: &Page, renderer: &Renderer<'_>) -> anyhow::Result<Entry> {
    let base = &renderer.scope.config.base;
    let home = base.permalink(&UrlPath::root());
    // Not the address: a post that moves must not be new to those who have read it.
    let id = format!("{home}#{}", permalink::encoded(post.id()));
    let body = renderer.body(post, Links::Absolute)?;
    let value = feed_entry(post, &id, &body.rendered.html, &renderer.scope);
    Ok(Entry { value, is_current: body.text.is_current })
}
