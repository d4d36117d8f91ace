//! What templates can see: the contract with theme authors.

use serde::Serialize;
use serde_json::{Map, Value};

use super::scope::Scope;
use crate::content::{Page, Term};
use crate::markdown::TocEntry;
use crate::permalink::UrlPath;

/// `site`: what is the same on every page. Settings only; the site's contents are asked for with functions.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SiteView {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) language: String,
    pub(super) author: String,
    /// The link to the home page.
    pub(super) url: String,
    /// The absolute URL of the home page.
    pub(super) base_url: String,
    /// The link to the feed.
    pub(super) feed: String,
    /// The link to the dashboard; empty if the navigation shall not have it.
    pub(super) stats: String,
    /// The link to the list of all posts; empty if there is none.
    pub(super) archive: String,
    /// The name and version of this program.
    pub(super) generator: String,
    /// The text below every page, as HTML.
    pub(super) footer: String,
    pub(super) paginate_by: usize,
    pub(super) extra: Map<String, Value>,
}

/// `current`: the address that is being rendered.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct CurrentView {
    /// The path within the site.
    pub(super) path: String,
    /// The link.
    pub(super) url: String,
    /// The canonical address, absolute.
    pub(super) permalink: String,
    /// `home`, `post`, `page`, `list`, `archive`, `terms`, `not_found` or `stats`.
    pub(super) kind: &'static str,
    pub(super) lang: String,
    pub(super) noindex: bool,
    /// Empty on the home page.
    pub(super) title: String,
    pub(super) description: String,
    /// The absolute URL of the picture; may be empty.
    pub(super) image: String,
    pub(super) image_alt: String,
    /// `article` or `website`, as Open Graph has it.
    #[serde(rename = "type")]
    pub(super) object: &'static str,
}

/// A page in a list.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "a page's summary is called so in templates")]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact that templates ask for")]
pub(super) struct Summary<'a> {
    path: &'a str,
    url: String,
    permalink: String,
    title: &'a str,
    kind: &'static str,
    /// RFC 3339, at the site's offset.
    date: Option<String>,
    updated: Option<String>,
    description: &'a str,
    summary: &'a str,
    words: usize,
    reading_minutes: usize,
    read_time: String,
    tags: Vec<TermView>,
    authors: Vec<AuthorView>,
    author_name: Option<&'a str>,
    author_image: Option<String>,
    image: Option<String>,
    image_alt: &'a str,
    show_image_at_top: bool,
    featured: bool,
    is_draft: bool,
    unlisted: bool,
    lang: &'a str,
    layout: Option<&'a str>,
    series: Option<&'a str>,
    extra: &'a Map<String, Value>,
}

/// `page`: the page that is being rendered.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PageView<'a> {
    #[serde(flatten)]
    pub(super) summary: Summary<'a>,
    /// The body as HTML.
    pub(super) content: &'a str,
    pub(super) toc: &'a [TocEntry],
    pub(super) show_toc: bool,
}

/// A word that posts are filed under.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TermView {
    pub(super) name: String,
    pub(super) url: String,
    /// How many posts are.
    pub(super) count: usize,
}

/// Somebody who wrote a page.
#[derive(Debug, Clone, Serialize)]
pub(super) struct AuthorView {
    pub(super) name: String,
}

/// `list`: a page of a list of posts.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ListView<'a> {
    pub(super) title: String,
    pub(super) description: String,
    /// `posts` or `term`.
    pub(super) kind: &'static str,
    pub(super) term: Option<TermView>,
    pub(super) pages: Vec<Summary<'a>>,
    /// Counted from one.
    pub(super) number: usize,
    /// Pages of the list.
    pub(super) total: usize,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
    /// Posts in all.
    pub(super) count: usize,
}

/// `home`: the text of the home page.
#[derive(Debug, Clone, Serialize)]
pub(super) struct HomeView<'a> {
    pub(super) title: &'a str,
    pub(super) content: &'a str,
}

/// `archive`: every post of a folder, by year.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ArchiveView<'a> {
    pub(super) title: &'a str,
    pub(super) content: &'a str,
    pub(super) years: Vec<YearView<'a>>,
    pub(super) count: usize,
}

/// The posts of a year.
#[derive(Debug, Clone, Serialize)]
pub(super) struct YearView<'a> {
    pub(super) year: String,
    pub(super) pages: Vec<Summary<'a>>,
}

/// `terms`: every word that posts are filed under.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TermsView {
    pub(super) title: &'static str,
    pub(super) taxonomy: &'static str,
    pub(super) entries: Vec<TermView>,
}

/// `feed`: the newest posts, whole.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FeedView<'a> {
    pub(super) permalink: String,
    /// The absolute URL of the home page.
    pub(super) home: String,
    pub(super) updated: String,
    pub(super) pages: Vec<FeedEntry<'a>>,
}

/// A post in a feed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FeedEntry<'a> {
    #[serde(flatten)]
    pub(super) summary: Summary<'a>,
    /// A name that never changes.
    pub(super) id: String,
    /// The body as HTML, its links absolute.
    pub(super) content: String,
}

/// An address in the sitemap.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SitemapEntry {
    pub(super) permalink: String,
    pub(super) updated: Option<String>,
}

impl<'a> Summary<'a> {
    pub(super) fn new(page: &'a Page, scope: &Scope) -> Self {
        let front_matter = &page.front_matter;
        let zone = &scope.config.timezone;
        let minutes = page.reading_minutes();
        Self {
            path: page.path.as_str(),
            url: scope.config.base.link(&page.path),
            permalink: scope.config.base.permalink(&page.path),
            title: &page.title,
            kind: if page.is_post() { "post" } else { "page" },
            date: page.date.map(|date| date.to_rfc3339_in(zone)),
            updated: front_matter.updated.map(|date| date.to_rfc3339_in(zone)),
            description: front_matter.description.as_deref().unwrap_or_default(),
            summary: &page.summary,
            words: page.words,
            reading_minutes: minutes,
            read_time: front_matter
                .read_time
                .clone()
                .unwrap_or_else(|| format!("{minutes} min read")),
            tags: tags_of(page, scope),
            authors: authors_of(page),
            author_name: front_matter.author_name.as_deref(),
            author_image: scope.picture(page, front_matter.author_image.as_deref()),
            image: scope.picture(page, front_matter.image.as_deref()),
            image_alt: front_matter.image_alt.as_deref().unwrap_or_default(),
            show_image_at_top: front_matter.show_image_at_top,
            featured: front_matter.featured,
            is_draft: front_matter.draft,
            unlisted: front_matter.unlisted,
            lang: front_matter.lang.as_deref().unwrap_or_default(),
            layout: front_matter.layout.as_deref(),
            series: front_matter.series.as_deref(),
            extra: &front_matter.extra,
        }
    }
}

impl TermView {
    pub(super) fn new(term: &Term, scope: &Scope) -> Self {
        Self {
            name: term.name.clone(),
            url: scope.config.base.link(&term.path),
            count: term.posts.len(),
        }
    }
}

impl CurrentView {
    /// A page of a list, or another that no author wrote.
    pub(super) fn generated(
        path: &UrlPath,
        kind: &'static str,
        title: String,
        scope: &Scope,
    ) -> Self {
        Self {
            path: path.to_string(),
            url: scope.config.base.link(path),
            permalink: scope.config.base.permalink(path),
            kind,
            title,
            object: "website",
            ..Self::default()
        }
    }

    /// A page or a post.
    pub(super) fn of_page(page: &Page, scope: &Scope) -> Self {
        let front_matter = &page.front_matter;
        let base = &scope.config.base;
        let picture = scope.picture(page, front_matter.image.as_deref());
        let permalink = base.permalink(&page.path);
        Self {
            path: page.path.to_string(),
            url: base.link(&page.path),
            permalink: front_matter.canonical.clone().unwrap_or(permalink),
            kind: if page.is_post() { "post" } else { "page" },
            lang: front_matter.lang.clone().unwrap_or_default(),
            noindex: front_matter.noindex || front_matter.unlisted || front_matter.draft,
            title: page.title.clone(),
            description: front_matter.description.clone().unwrap_or_else(|| page.summary.clone()),
            image: picture.map_or_else(String::new, |link| absolute(&link, base.origin())),
            image_alt: front_matter.image_alt.clone().unwrap_or_default(),
            object: if page.is_post() { "article" } else { "website" },
        }
    }
}

fn absolute(link: &str, origin: &str) -> String {
    if link.starts_with('/') && !link.starts_with("//") {
        format!("{origin}{link}")
    } else {
        link.to_owned()
    }
}

fn tags_of(page: &Page, scope: &Scope) -> Vec<TermView> {
    let terms = page.front_matter.tags.iter().filter_map(|tag| scope.term(tag));
    let mut views: Vec<TermView> = Vec::new();
    for view in terms.map(|term| TermView::new(term, scope)) {
        if !views.iter().any(|known| known.url == view.url) {
            views.push(view);
        }
    }
    views
}

fn authors_of(page: &Page) -> Vec<AuthorView> {
    page.front_matter.authors.iter().map(|name| AuthorView { name: name.clone() }).collect()
}
