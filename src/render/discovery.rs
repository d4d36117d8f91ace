//! What leads to pages, or stands where there is none: sitemap, robots, redirects, the 404 page, the dashboard's frame.

use std::hash::Hash;
use std::sync::Arc;

use tera::Value;

use super::claims::Claim;
use super::feed::last_change;
use super::learnt::Learnt;
use super::renderer::{Renderer, Told, value};
use super::view::{CurrentView, SitemapEntry};
use crate::clock::Timestamp;
use crate::content::Page;
use crate::fingerprint::Fingerprint;
use crate::permalink::UrlPath;
use crate::site::{SIGN_IN_FRAME, SIGN_IN_HOLE, STATS_FRAME, STATS_HOLE, Site};

const SITEMAP: &str = "/sitemap.xml";
const ROBOTS: &str = "/robots.txt";
const NOT_FOUND: &str = "/404.html";
const SIGN_IN: &str = "/_/sign-in";

/// The addresses of what this file makes, those that links may lead to.
pub(super) fn addresses() -> impl Iterator<Item = UrlPath> {
    [SITEMAP, ROBOTS, NOT_FOUND].into_iter().filter_map(|path| UrlPath::parse(path).ok())
}

/// Renders everything of this file.
pub(super) fn render(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    render_sitemap(renderer)?;
    render_robots(renderer)?;
    render_not_found(renderer)?;
    render_stats_frame(renderer)?;
    render_sign_in_frame(renderer)
}

fn render_sitemap(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    let base = &scope.config.base;
    let is_wanted = |page: &&Arc<Page>| {
        page.is_listed() && !page.front_matter.noindex && !page.front_matter.draft
    };
    let pages: Vec<(&UrlPath, Timestamp)> = scope
        .index
        .pages()
        .iter()
        .filter(is_wanted)
        .map(|page| (&page.path, last_change(page)))
        .collect();
    renderer.traced_generated((&path(SITEMAP), "sitemap.xml"), &told(&pages), || {
        let home = SitemapEntry { permalink: base.permalink(&UrlPath::root()), updated: None };
        let entries = pages.iter().map(|(path, changed)| SitemapEntry {
            permalink: base.permalink(path),
            updated: (changed.as_millis() != 0)
                .then(|| changed.to_rfc3339_in(&scope.config.timezone)),
        });
        let entries: Vec<SitemapEntry> = std::iter::once(home).chain(entries).collect();
        renderer.put_file("sitemap.xml", &path(SITEMAP), &[("entries", value(&entries))])
    })
}

fn render_robots(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let sitemap = renderer.scope.config.base.permalink(&path(SITEMAP));
    renderer.traced_generated((&path(ROBOTS), "robots.txt"), &told(&sitemap), || {
        let sitemap = Value::from(sitemap.as_str());
        renderer.put_file("robots.txt", &path(ROBOTS), &[("sitemap", sitemap)])
    })
}

fn render_not_found(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let title = "Page not found".to_owned();
    let mut current = CurrentView::generated(&path(NOT_FOUND), "not_found", title, &renderer.scope);
    current.noindex = true;
    renderer.traced_generated((&path(NOT_FOUND), "404.html"), &told(&()), || {
        renderer.put_generated("404.html", &path(NOT_FOUND), &current, &[])
    })
}

/// The dashboard's page in the theme's look, with a hole where the server puts the numbers.
fn render_stats_frame(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    if !scope.config.shows_stats() {
        return Ok(());
    }
    let stats = &scope.config.stats.path;
    let mut current = CurrentView::generated(stats, "stats", "Stats".to_owned(), scope);
    current.noindex = true;
    let hole = [("dashboard", Value::safe_string(STATS_HOLE))];
    let frame = Site::private(STATS_FRAME);
    renderer.traced((&frame, "stats.html"), &told(&()), || {
        renderer.put_page("stats.html", &frame, &current, &hole)?;
        Ok((Learnt::default(), true))
    })?;
    Ok(())
}

/// The page where the owner signs in, with a hole where the server puts the form.
fn render_sign_in_frame(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    if !scope.config.shows_stats() {
        return Ok(());
    }
    let mut current =
        CurrentView::generated(&path(SIGN_IN), "sign_in", "Sign in".to_owned(), scope);
    current.noindex = true;
    let hole = [("form", Value::safe_string(SIGN_IN_HOLE))];
    let frame = Site::private(SIGN_IN_FRAME);
    renderer.traced((&frame, "sign-in.html"), &told(&()), || {
        renderer.put_page("sign-in.html", &frame, &current, &hole)?;
        Ok((Learnt::default(), true))
    })?;
    Ok(())
}

/// A page at each old address that sends the reader on, for hosts that know no redirects.
pub(super) fn render_redirects(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let base = &renderer.scope.config.base;
    for (alias, page) in renderer.scope.index.aliases() {
        let values = [
            ("target", Value::from(base.link(&page.path))),
            ("target_permalink", Value::from(base.permalink(&page.path))),
        ];
        renderer.traced_generated((alias, "redirect.html"), &told(&page.path), || {
            renderer.put_file("redirect.html", alias, &values)
        })?;
        renderer.outputs.claim(alias, page.place(page.places.aliases), Claim::Page);
    }
    Ok(())
}

/// What an output is told that no text of a page changes.
fn told(value: &impl Hash) -> Told<impl Fn() -> Fingerprint> {
    Told { is_as_before: true, fingerprint: || Fingerprint::of(value) }
}

fn path(text: &str) -> UrlPath {
    UrlPath::parse(text).expect("a plain path")
}
