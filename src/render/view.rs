//! What templates can see besides pages: the site, the address that is rendered, lists; with `summary.rs` the
//! contract with theme authors.

use serde::Serialize;
use serde_json::{Map, Value as Json};
use tera::Value;

use super::scope::Scope;
use super::summary::ArchiveEntry;
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
    /// The link to what the site says about privacy.
    pub(super) privacy: String,
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
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct CurrentView {
    /// The path within the site.
    pub(super) path: String,
    /// The link.
    pub(super) url: String,
    /// The canonical address, absolute.
    pub(super) permalink: String,
    /// `home`, `post`, `page`, `list`, `archive`, `terms`, `not_found`, `stats`, `sign_in` or `privacy`.
    pub(super) kind: &'static str,
    pub(super) lang: String,
    /// `rtl` if the language of the page is written from right to left, else empty.
    pub(super) dir: &'static str,
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

/// `list`: a page of a list of posts.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ListView<'a> {
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    /// `posts` or `term`.
    pub(super) kind: &'static str,
    /// The word that the posts are filed under.
    pub(super) term: Option<TermView<'a>>,
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
    pub(super) years: Vec<YearView<'a>>,
    pub(super) count: usize,
}

/// The posts of a year.
#[derive(Debug, Clone, Serialize)]
pub(super) struct YearView<'a> {
    pub(super) year: String,
    pub(super) pages: Vec<ArchiveEntry<'a>>,
}

/// `terms`: every word that posts are filed under.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TermsView<'a> {
    pub(super) title: &'static str,
    pub(super) taxonomy: &'static str,
    pub(super) entries: Vec<TermView<'a>>,
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

/// A word that posts are filed under.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TermView<'a> {
    pub(super) name: &'a str,
    pub(super) url: String,
    /// How many posts are.
    pub(super) count: usize,
}

impl<'a> TermView<'a> {
    pub(super) fn new(term: &'a Term, scope: &Scope) -> Self {
        let url = scope.config.base.link(&term.path);
        Self { name: &term.name, url, count: term.posts.len() }
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
            dir: direction(&scope.config.language),
            title,
            object: "website",
            ..Self::default()
        }
    }

    /// A page or a post.
    pub(super) fn of_page(page: &Page, scope: &Scope) -> Self {
        let front_matter = &page.front_matter;
        let base = &scope.config.base;
        let picture = scope.picture(page, front_matter.seldom.image.as_deref());
        let permalink = || base.permalink(&page.path);
        Self {
            path: page.path.to_string(),
            url: base.link(&page.path),
            permalink: front_matter.seldom.canonical.clone().unwrap_or_else(permalink),
            kind: if page.is_post() { "post" } else { "page" },
            lang: front_matter.seldom.lang.clone().unwrap_or_default(),
            dir: direction(front_matter.seldom.lang.as_deref().unwrap_or(&scope.config.language)),
            noindex: front_matter.noindex || front_matter.unlisted || front_matter.draft,
            title: page.title.clone(),
            description: front_matter
                .description
                .clone()
                .unwrap_or_else(|| page.summary.to_string()),
            image: picture.map_or_else(String::new, |link| absolute(&link, base.origin())),
            image_alt: front_matter.seldom.image_alt.clone().unwrap_or_default(),
            object: if page.is_post() { "article" } else { "website" },
        }
    }
}

/// In which direction a language is written, if not from left to right.
fn direction(language: &str) -> &'static str {
    let first = language.split('-').next().unwrap_or_default();
    let is_from_right = ["ar", "dv", "fa", "he", "ps", "ur", "yi"].contains(&first);
    if is_from_right { "rtl" } else { "" }
}

fn absolute(link: &str, origin: &str) -> String {
    if link.starts_with('/') && !link.starts_with("//") {
        format!("{origin}{link}")
    } else {
        link.to_owned()
    }
}
