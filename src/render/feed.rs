//! The feed: the newest posts, whole, for readers who have their own way of reading.

use rayon::prelude::*;

use super::renderer::{Renderer, value};
use super::resolver::Links;
use super::summary::feed_entry;
use super::view::FeedView;
use crate::clock::Timestamp;
use crate::content::Page;
use crate::permalink::{self, UrlPath};

/// Where the feed is.
pub(super) const PATH: &str = "/feed.xml";

/// Renders the feed.
pub(super) fn render(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    let path = UrlPath::parse(PATH).expect("a plain path");
    let posts = scope.index.listed_posts();
    let newest = &posts[..posts.len().min(scope.config.feeds.limit)];
    let pages =
        newest.par_iter().map(|post| entry(post, renderer)).collect::<anyhow::Result<_>>()?;
    // The time of the newest change, not of the build: the same posts give the same feed.
    let updated = newest.iter().map(|post| last_change(post)).max().unwrap_or_default();
    let view = FeedView {
        permalink: scope.config.base.permalink(&path),
        home: scope.config.base.permalink(&UrlPath::root()),
        updated: updated.to_rfc3339_in(&scope.config.timezone),
        pages,
    };
    renderer.put_file("feed.xml", &path, &[("feed", value(&view))])
}

/// When a page was last changed, as far as its author says.
pub(super) fn last_change(page: &Page) -> Timestamp {
    page.front_matter.updated.max(page.date).unwrap_or_default()
}

fn entry(post: &Page, renderer: &Renderer<'_>) -> anyhow::Result<tera::Value> {
    let base = &renderer.scope.config.base;
    let home = base.permalink(&UrlPath::root());
    // Not the address: a post that moves must not be new to those who have read it.
    let id = format!("{home}#{}", permalink::encoded(post.id()));
    let content = renderer.body(post, Links::Absolute)?.rendered.html;
    Ok(feed_entry(post, &id, &content, &renderer.scope))
}
