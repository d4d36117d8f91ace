//! What templates can see of a page: in a list, by itself, in a feed.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use tera::Value;

use super::scope::Scope;
use super::view::TermView;
use crate::content::Page;
use crate::markdown::TocEntry;

/// A page as lists show it.
pub(super) fn summary(page: &Page, scope: &Scope) -> Value {
    if !scope.shows_all {
        return Value::from_serializable(&Brief::new(page, scope));
    }
    Value::from_serializable(&Shown { page, scope, more: More::Nothing })
}

/// The same, with the views of a period in the place of all.
pub(super) fn popular_summary(page: &Page, views: u64, scope: &Scope) -> Value {
    Value::from_serializable(&Shown { page, scope, more: More::Views(views) })
}

/// A page as those that it stands beside show it.
pub(super) fn summary_beside(page: &Page, scope: &Scope) -> Value {
    if scope.shows_all {
        return summary(page, scope);
    }
    let url = scope.config.base.link(&page.path);
    Value::from_serializable(&Beside { path: page.path.as_str(), url, title: &page.title })
}

/// `page`: the page that is being rendered, with its body as HTML.
pub(super) fn page_view(page: &Page, content: &str, toc: &[TocEntry], scope: &Scope) -> Value {
    Value::from_serializable(&Shown { page, scope, more: More::Body { content, toc } })
}

/// A post in a feed: `id` never changes, and the links of `content` are absolute.
pub(super) fn feed_entry(page: &Page, id: &str, content: &str, scope: &Scope) -> Value {
    Value::from_serializable(&Shown { page, scope, more: More::Feed { id, content } })
}

/// A page as the lists that are built in show it. Making all that an author's template could ask for, for each page of
/// each list, would cost more than the lists themselves.
#[derive(Debug, Serialize)]
struct Brief<'a> {
    path: &'a str,
    url: String,
    title: &'a str,
    date: Option<String>,
    summary: &'a str,
    read_time: Cow<'a, str>,
    is_draft: bool,
}

impl<'a> Brief<'a> {
    fn new(page: &'a Page, scope: &Scope) -> Self {
        Self {
            path: page.path.as_str(),
            url: scope.config.base.link(&page.path),
            title: &page.title,
            date: page.date.map(|date| date.to_rfc3339_in(&scope.config.timezone)),
            summary: &page.summary,
            read_time: read_time(page),
            is_draft: page.front_matter.draft,
        }
    }
}

/// A page as those built in show it that it stands beside.
#[derive(Debug, Serialize)]
struct Beside<'a> {
    path: &'a str,
    url: String,
    title: &'a str,
}

/// How long reading takes, as the author tells it, else as the words do.
fn read_time(page: &Page) -> Cow<'_, str> {
    match &page.front_matter.seldom.read_time {
        Some(told) => Cow::Borrowed(told),
        None => Cow::Owned(format!("{} min read", page.reading_minutes())),
    }
}

/// A post in an archive, which has them all: as little of each as the list needs.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ArchiveEntry<'a> {
    path: &'a str,
    url: String,
    title: &'a str,
    date: Option<String>,
    description: &'a str,
    is_draft: bool,
}

impl<'a> ArchiveEntry<'a> {
    pub(super) fn new(page: &'a Page, scope: &Scope) -> Self {
        Self {
            path: page.path.as_str(),
            url: scope.config.base.link(&page.path),
            title: &page.title,
            date: page.date.map(|date| date.to_rfc3339_in(&scope.config.timezone)),
            description: page.front_matter.description.as_deref().unwrap_or_default(),
            is_draft: page.front_matter.draft,
        }
    }
}

/// A page for templates. Written by hand, because flattening one table into another costs more than all else.
struct Shown<'a> {
    page: &'a Page,
    scope: &'a Scope,
    more: More<'a>,
}

/// What a template sees besides what every list shows.
enum More<'a> {
    Nothing,
    Views(u64),
    Body { content: &'a str, toc: &'a [TocEntry] },
    Feed { id: &'a str, content: &'a str },
}

/// Somebody who wrote a page.
#[derive(Serialize)]
struct AuthorView<'a> {
    name: &'a str,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Page", 30)?;
        self.dates(&mut fields)?;
        self.people_and_pictures(&mut fields)?;
        self.standing(&mut fields)?;
        match self.more {
            More::Nothing | More::Views(_) => {}
            More::Body { content, toc } => {
                fields.serialize_field("content", content)?;
                fields.serialize_field("toc", toc)?;
                fields.serialize_field("show_toc", &(self.page.wants_toc() && !toc.is_empty()))?;
            }
            More::Feed { id, content } => {
                fields.serialize_field("id", id)?;
                fields.serialize_field("content", content)?;
            }
        }
        if self.scope.shows_all || !matches!(self.more, More::Body { .. }) {
            self.others(&mut fields)?;
        }
        fields.end()
    }
}

impl Shown<'_> {
    fn dates<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
        let (page, matter) = (self.page, &self.page.front_matter);
        let zone = &self.scope.config.timezone;
        fields.serialize_field("path", page.path.as_str())?;
        fields.serialize_field("title", &page.title)?;
        // RFC 3339, at the site's offset.
        fields.serialize_field("date", &page.date.map(|date| date.to_rfc3339_in(zone)))?;
        fields.serialize_field("updated", &matter.updated.map(|date| date.to_rfc3339_in(zone)))?;
        fields.serialize_field("read_time", &read_time(page))
    }

    fn people_and_pictures<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
        let (page, scope, matter) = (self.page, self.scope, &self.page.front_matter);
        let terms = scope.terms_of(page).into_iter();
        let tags = terms.map(|term| TermView::new(term, scope));
        let authors = matter.authors.iter().map(|name| AuthorView { name });
        let picture = |source: &Option<String>| scope.picture(page, source.as_deref());
        fields.serialize_field("tags", &tags.collect::<Vec<_>>())?;
        fields.serialize_field("authors", &authors.collect::<Vec<_>>())?;
        fields.serialize_field("author_name", &matter.seldom.author_name)?;
        fields.serialize_field("author_image", &picture(&matter.seldom.author_image))?;
        fields.serialize_field("image", &picture(&matter.seldom.image))?;
        fields
            .serialize_field("image_alt", matter.seldom.image_alt.as_deref().unwrap_or_default())?;
        fields.serialize_field("show_image_at_top", &matter.show_image_at_top)
    }

    fn standing<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
        let matter = &self.page.front_matter;
        fields.serialize_field("is_draft", &matter.draft)?;
        fields.serialize_field("unlisted", &matter.unlisted)?;
        fields.serialize_field("series", &matter.seldom.series)
    }

    /// What no page shows that is built in.
    fn others<S: SerializeStruct>(&self, fields: &mut S) -> Result<(), S::Error> {
        let (page, matter) = (self.page, &self.page.front_matter);
        let base = &self.scope.config.base;
        fields.serialize_field("url", &base.link(&page.path))?;
        fields.serialize_field("permalink", &base.permalink(&page.path))?;
        fields.serialize_field("kind", if page.is_post() { "post" } else { "page" })?;
        fields.serialize_field("description", matter.description.as_deref().unwrap_or_default())?;
        fields.serialize_field("summary", &page.summary)?;
        fields.serialize_field("words", &page.words)?;
        fields.serialize_field("reading_minutes", &page.reading_minutes())?;
        fields.serialize_field("featured", &matter.featured)?;
        if self.scope.shows_views {
            fields.serialize_field("views", &self.views())?;
        }
        fields.serialize_field("lang", matter.seldom.lang.as_deref().unwrap_or_default())?;
        fields.serialize_field("layout", &matter.seldom.layout)?;
        fields.serialize_field("extra", &matter.seldom.extra)
    }

    /// How often the page was viewed: ever, unless what is shown is about a period.
    fn views(&self) -> u64 {
        match self.more {
            More::Views(views) => views,
            _ => self.scope.views_of(self.page),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use tera::value::Key;

    use super::*;
    use crate::config::{Config, Sources};
    use crate::content::ContentIndex;
    use crate::content::source::SourceFile;
    use crate::render::addresses::Addresses;
    use crate::render::builtin;
    use crate::render::readership::Readers;
    use crate::render::scope::Parts;

    /// The templates that show a page by itself.
    const PAGES: [&str; 4] =
        ["post.html", "page.html", "partials/article.html", "partials/toc.html"];

    /// What a template asks of what it calls `page`.
    fn asked(text: &str) -> impl Iterator<Item = &str> {
        let fields = text.split("page.").skip(1);
        fields.map(|rest| {
            rest.split(|next: char| !next.is_alphanumeric() && next != '_').next().unwrap()
        })
    }

    #[test]
    fn pages_that_are_built_in_are_told_all_that_they_show() {
        let sources = Sources { root: "/site".into(), ..Sources::default() };
        let config = Arc::new(Config::from_text("tallymark.toml", "", &sources).0);
        let parts = Parts {
            addresses: Addresses::default(),
            archives: Vec::new(),
            statics: BTreeMap::new(),
            shows_all: false,
            shows_views: false,
            readers: Readers::default(),
        };
        let scope = Scope::new(&config, &Arc::new(ContentIndex::default()), parts);
        let file = SourceFile {
            path: "/site/content/blog/a.md".into(),
            name: "content/blog/a.md".into(),
            relative: "blog/a.md".into(),
        };
        let page = Page::read(file, "---\ndate: 2026-11-24\n---\n", &config).page.unwrap();
        let view = page_view(&page, "", &[], &scope);
        let told = view.as_map().unwrap();
        let templates: BTreeMap<String, &[u8]> = builtin::templates().into_iter().collect();
        let texts = PAGES.map(|name| std::str::from_utf8(templates[name]).unwrap());
        let shown: BTreeSet<&str> =
            texts.into_iter().flat_map(asked).filter(|name| !name.is_empty()).collect();
        assert!(shown.contains("title") && shown.contains("show_toc"), "{shown:?}");
        for name in shown {
            assert!(told.contains_key(&Key::Str(name)), "`page.{name}`");
        }
    }
}
