//! All posts of a folder, by year.

use std::sync::Arc;

use super::claims::Claim;
use super::learnt::{Learnt, Lesson};
use super::pages::inspect;
use super::renderer::{Renderer, Told, value};
use super::resolver::Links;
use super::scope::Scope;
use super::summary::ArchiveEntry;
use super::view::{ArchiveView, CurrentView, YearView};
use crate::config::Config;
use crate::content::{ContentIndex, Exchange, Page};
use crate::fingerprint::{Fingerprint, Fold};
use crate::permalink::{Slug, UrlPath};

/// The title of a folder of posts that has no page of its own.
pub(super) const TITLE: &str = "All posts";

const TEMPLATE: &str = "archive.html";

/// A folder of posts, and the address of the list of them.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    pub(super) path: UrlPath,
    /// The page that stands for the folder, whose title and text the list has.
    own: Option<Arc<Page>>,
    posts: Vec<Arc<Page>>,
}

impl Archive {
    /// The archive in which pages were exchanged.
    pub(super) fn exchanged(&self, exchanges: &[Exchange]) -> Self {
        let mut archive = self.clone();
        for page in archive.own.iter_mut().chain(&mut archive.posts) {
            let to = exchanges.iter().find(|exchange| Arc::ptr_eq(page, &exchange.old));
            if let Some(exchange) = to {
                *page = exchange.new.clone();
            }
        }
        archive
    }

    /// What readers know the list by.
    pub(super) fn title(&self) -> &str {
        self.own.as_ref().map_or(TITLE, |page| page.title.as_str())
    }

    /// The fingerprint of all that the list shows of its posts; their texts are not among that.
    fn fingerprint(&self) -> Fingerprint {
        let mut fold = Fold::default();
        for post in &self.posts {
            let matter = &post.front_matter;
            fold.add(&(&post.path, &post.title, post.date, &matter.description, matter.draft));
        }
        fold.finish()
    }

    /// Whether the list is at the address of a page that counts by itself.
    pub(super) fn has_own_page(&self) -> bool {
        self.own.is_some()
    }
}

/// The folders of posts that have posts to show, or a page of their own.
pub(super) fn find(config: &Config, index: &ContentIndex) -> Vec<Archive> {
    let archive = |folder: &String| {
        let own = index.pages().iter().find(|page| heads(page, folder)).cloned();
        let posts = index.listed_posts().iter().filter(|post| is_below(post, folder));
        let posts: Vec<Arc<Page>> = posts.cloned().collect();
        let path = match &own {
            Some(page) => page.path.clone(),
            None => default_address(folder)
                .filter(|path| !posts.is_empty() && index.at(path).is_none())?,
        };
        Some(Archive { path, own, posts })
    };
    config.posts_dirs.iter().filter_map(archive).collect()
}

/// Whether `page` stands for one of the folders of posts.
pub(super) fn is_head(page: &Page, config: &Config) -> bool {
    config.posts_dirs.iter().any(|folder| heads(page, folder))
}

fn heads(page: &Page, folder: &str) -> bool {
    let parent = page.file.relative.rsplit_once('/').map(|(parent, _)| parent);
    !page.is_post() && parent == Some(folder)
}

fn is_below(post: &Page, folder: &str) -> bool {
    post.file.relative.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn default_address(folder: &str) -> Option<UrlPath> {
    folder.split('/').try_fold(UrlPath::root(), |path, part| Some(path.child(&Slug::new(part)?)))
}

/// Each archive, and whether its address is its own.
pub(super) fn claim<'a>(renderer: &'a Renderer<'_>) -> Vec<(&'a Archive, bool)> {
    let claim = |archive: &Archive| match &archive.own {
        Some(page) => {
            renderer.outputs.claim(&archive.path, page.place(page.places.address), Claim::Page)
        }
        None => !renderer.outputs.is_claimed(&archive.path),
    };
    renderer.scope.archives.iter().map(|archive| (archive, claim(archive))).collect()
}

/// Renders each archive, and gives what the texts of authors above them have taught.
pub(super) fn render(
    archives: Vec<(&Archive, bool)>,
    renderer: &Renderer<'_>,
) -> anyhow::Result<Vec<Lesson>> {
    let mut lessons = Vec::new();
    for (archive, is_free) in archives {
        if let Some(page) = &archive.own {
            lessons.push((page.clone(), render_own(archive, page, is_free, renderer)?));
        } else if is_free {
            let told = Told { is_as_before: true, fingerprint: || archive.fingerprint() };
            renderer
                .traced_generated((&archive.path, TEMPLATE), &told, || put(archive, renderer))?;
        }
    }
    Ok(lessons)
}

/// Renders the archive that no author has written a page for.
fn put(archive: &Archive, renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    let current = CurrentView::generated(&archive.path, "archive", TITLE.to_owned(), scope);
    let values = [("archive", value(&view(archive, "", scope)))];
    renderer.put_generated(TEMPLATE, &archive.path, &current, &values)
}

/// Renders the archive that has a page of its own, whose text stands above the list.
fn render_own(
    archive: &Archive,
    page: &Arc<Page>,
    is_free: bool,
    renderer: &Renderer<'_>,
) -> anyhow::Result<Arc<Learnt>> {
    let scope = &renderer.scope;
    if !is_free {
        return Ok(Arc::new(inspect(page, &renderer.body(page, Links::Rooted)?, renderer)));
    }
    let told = Told {
        is_as_before: scope.has_same_text(page),
        fingerprint: || {
            Fingerprint::of(&(archive.fingerprint(), scope.shown(page), page.fingerprint))
        },
    };
    renderer.traced((&archive.path, TEMPLATE), &told, || {
        let body = renderer.body(page, Links::Rooted)?;
        let current = CurrentView { kind: "archive", ..CurrentView::of_page(page, scope) };
        let view = view(archive, &body.rendered.html, scope);
        let values = [("archive", value(&view))];
        renderer.put_page(TEMPLATE, &archive.path, &current, &values)?;
        Ok((inspect(page, &body, renderer), body.text.is_current))
    })
}

fn view<'a>(archive: &'a Archive, content: &'a str, scope: &Scope) -> ArchiveView<'a> {
    ArchiveView {
        title: archive.title(),
        content,
        years: years(&archive.posts, scope),
        count: archive.posts.len(),
    }
}

fn years<'a>(posts: &'a [Arc<Page>], scope: &Scope) -> Vec<YearView<'a>> {
    let mut years: Vec<YearView<'a>> = Vec::new();
    for post in posts {
        let date = post.date.unwrap_or_default().in_zone(&scope.config.timezone);
        let year = date.year().to_string();
        let entry = ArchiveEntry::new(post, scope);
        match years.last_mut() {
            Some(last) if last.year == year => last.pages.push(entry),
            _ => years.push(YearView { year, pages: vec![entry] }),
        }
    }
    years
}
