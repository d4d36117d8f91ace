//! What templates can see of a page: in a list, by itself, in a feed.

use tera::{Map, Value};

use super::scope::Scope;
use super::table::Table;
use crate::content::Page;
use crate::markdown::TocEntry;

/// How many fields a summary has, and room for those of a page.
const FIELDS: usize = 32;

/// A page as lists show it.
pub(super) fn summary(page: &Page, scope: &Scope) -> Value {
    fields(page, scope).finish()
}

/// `page`: the page that is being rendered, with its body as HTML.
pub(super) fn page_view(page: &Page, content: &str, toc: &[TocEntry], scope: &Scope) -> Value {
    let shows_toc = page.front_matter.toc.unwrap_or(false) && !toc.is_empty();
    let entries = toc.iter().map(toc_entry).collect::<Vec<Value>>();
    fields(page, scope)
        .with("content", content)
        .with("toc", entries)
        .with("show_toc", shows_toc)
        .finish()
}

/// A post in a feed: `id` never changes, and the links of `content` are absolute.
pub(super) fn feed_entry(page: &Page, id: &str, content: &str, scope: &Scope) -> Value {
    fields(page, scope).with("id", id).with("content", content).finish()
}

/// A post in an archive, which has them all: as little of each as the list needs.
pub(super) fn archive_entry(page: &Page, scope: &Scope) -> Value {
    Table::of(6)
        .with("path", page.path.as_str())
        .with("url", scope.config.base.link(&page.path))
        .with("title", page.title.as_str())
        .with_some("date", page.date.map(|date| date.to_rfc3339_in(&scope.config.timezone)))
        .with("description", page.front_matter.description.as_deref().unwrap_or_default())
        .with("is_draft", page.front_matter.draft)
        .finish()
}

fn fields(page: &Page, scope: &Scope) -> Table {
    let matter = &page.front_matter;
    let zone = &scope.config.timezone;
    let base = &scope.config.base;
    let minutes = page.reading_minutes();
    let read_time = match &matter.read_time {
        Some(told) => Value::from(told.as_str()),
        None => Value::from(format!("{minutes} min read")),
    };
    Table::of(FIELDS)
        .with("path", page.path.as_str())
        .with("url", base.link(&page.path))
        .with("permalink", base.permalink(&page.path))
        .with("title", page.title.as_str())
        .with("kind", if page.is_post() { "post" } else { "page" })
        // RFC 3339, at the site's offset.
        .with_some("date", page.date.map(|date| date.to_rfc3339_in(zone)))
        .with_some("updated", matter.updated.map(|date| date.to_rfc3339_in(zone)))
        .with("description", matter.description.as_deref().unwrap_or_default())
        .with("summary", page.summary.as_str())
        .with("words", page.words)
        .with("reading_minutes", minutes)
        .with("read_time", read_time)
        .with("tags", tags_of(page, scope))
        .with("authors", authors_of(page))
        .with_some("author_name", matter.author_name.as_deref())
        .with_some("author_image", scope.picture(page, matter.author_image.as_deref()))
        .with_some("image", scope.picture(page, matter.image.as_deref()))
        .with("image_alt", matter.image_alt.as_deref().unwrap_or_default())
        .with("show_image_at_top", matter.show_image_at_top)
        .with("featured", matter.featured)
        .with("is_draft", matter.draft)
        .with("unlisted", matter.unlisted)
        .with("lang", matter.lang.as_deref().unwrap_or_default())
        .with_some("layout", matter.layout.as_deref())
        .with_some("series", matter.series.as_deref())
        .with("extra", extra_of(page))
}

/// The name and the link of each tag. How many posts share it is no part of this: a post filed under a tag would
/// change every page that has the tag.
fn tags_of(page: &Page, scope: &Scope) -> Vec<Value> {
    let terms = scope.terms_of(page);
    let views = terms.into_iter().map(|term| {
        Table::of(2)
            .with("name", term.name.as_str())
            .with("url", scope.config.base.link(&term.path))
            .finish()
    });
    views.collect()
}

fn authors_of(page: &Page) -> Vec<Value> {
    let names = page.front_matter.authors.iter();
    names.map(|name| Table::of(1).with("name", name.as_str()).finish()).collect()
}

fn extra_of(page: &Page) -> Value {
    let extra = &page.front_matter.extra;
    if extra.is_empty() { Map::new().into() } else { Value::from_serializable(extra) }
}

fn toc_entry(entry: &TocEntry) -> Value {
    let children = entry.children.iter().map(toc_entry).collect::<Vec<Value>>();
    Table::of(3)
        .with("id", entry.id.as_str())
        .with("title", entry.title.as_str())
        .with("children", children)
        .finish()
}
