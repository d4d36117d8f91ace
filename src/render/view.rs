//! What templates can see besides pages: the site, the address that is rendered, lists; with `summary.rs` the
//! contract with theme authors.

use serde::Serialize;
use serde_json::{Map, Value as Json};
use tera::Value;

use super::scope::Scope;
use super::table::Table;
use crate::content::{Page, Term};
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
    pub(super) extra: Map<String, Json>,
}

/// `current`: the address that is being rendered.
#[derive(Debug, Clone, Default)]
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
    /// `type`: `article` or `website`, as Open Graph has it.
    pub(super) object: &'static str,
}

/// `list`: a page of a list of posts.
#[derive(Debug, Clone)]
pub(super) struct ListView {
    pub(super) title: String,
    pub(super) description: String,
    /// `posts` or `term`.
    pub(super) kind: &'static str,
    /// The word that the posts are filed under.
    pub(super) term: Option<Value>,
    /// Summaries.
    pub(super) pages: Vec<Value>,
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
    pub(super) years: Vec<YearView>,
    pub(super) count: usize,
}

/// The posts of a year.
#[derive(Debug, Clone, Serialize)]
pub(super) struct YearView {
    pub(super) year: String,
    pub(super) pages: Vec<Value>,
}

/// `terms`: every word that posts are filed under.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TermsView {
    pub(super) title: &'static str,
    pub(super) taxonomy: &'static str,
    pub(super) entries: Vec<Value>,
}

/// `feed`: the newest posts, whole.
#[derive(Debug, Clone, Serialize)]
pub(super) struct FeedView {
    pub(super) permalink: String,
    /// The absolute URL of the home page.
    pub(super) home: String,
    pub(super) updated: String,
    pub(super) pages: Vec<Value>,
}

/// An address in the sitemap.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SitemapEntry {
    pub(super) permalink: String,
    pub(super) updated: Option<String>,
}

/// A word that posts are filed under, and how many are.
pub(super) fn term_view(term: &Term, scope: &Scope) -> Value {
    Table::of(3)
        .with("name", term.name.as_str())
        .with("url", scope.config.base.link(&term.path))
        .with("count", term.posts.len())
        .finish()
}

impl ListView {
    pub(super) fn value(self) -> Value {
        Table::of(10)
            .with("title", self.title)
            .with("description", self.description)
            .with("kind", self.kind)
            .with_some("term", self.term)
            .with("pages", self.pages)
            .with("number", self.number)
            .with("total", self.total)
            .with_some("previous", self.previous)
            .with_some("next", self.next)
            .with("count", self.count)
            .finish()
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
        let permalink = || base.permalink(&page.path);
        Self {
            path: page.path.to_string(),
            url: base.link(&page.path),
            permalink: front_matter.canonical.clone().unwrap_or_else(permalink),
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

    pub(super) fn value(&self) -> Value {
        Table::of(11)
            .with("path", self.path.as_str())
            .with("url", self.url.as_str())
            .with("permalink", self.permalink.as_str())
            .with("kind", self.kind)
            .with("lang", self.lang.as_str())
            .with("noindex", self.noindex)
            .with("title", self.title.as_str())
            .with("description", self.description.as_str())
            .with("image", self.image.as_str())
            .with("image_alt", self.image_alt.as_str())
            .with("type", self.object)
            .finish()
    }
}

fn absolute(link: &str, origin: &str) -> String {
    if link.starts_with('/') && !link.starts_with("//") {
        format!("{origin}{link}")
    } else {
        link.to_owned()
    }
}
