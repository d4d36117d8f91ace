//! Lists of posts: the home page and its further pages, the posts of a tag, the index of tags.

use std::sync::Arc;

use rayon::prelude::*;

use super::learnt::{Learnt, Lesson};
use super::pages::inspect;
use super::renderer::{Renderer, Told, value};
use super::resolver::Links;
use super::scope::Scope;
use super::summary::summary;
use super::view::{CurrentView, HomeView, ListView, TermView, TermsView};
use crate::content::{Page, TAGS_FOLDER, Term};
use crate::fingerprint::Fingerprint;
use crate::permalink::UrlPath;

/// The title of the index of tags.
pub(super) const TAGS_TITLE: &str = "Tags";

/// The addresses of the pages of a list at `first` that has `count` posts, at least one.
pub(super) fn addresses(first: &UrlPath, count: usize, paginate_by: usize) -> Vec<UrlPath> {
    let total = count.div_ceil(paginate_by).max(1);
    let further = (2..=total).map(|number| first.file(&format!("page/{number}/")));
    std::iter::once(first.clone()).chain(further.filter_map(Result::ok)).collect()
}

/// The title of a page of a list.
pub(super) fn title_of(title: &str, number: usize) -> String {
    if number == 1 { title.to_owned() } else { format!("{title}, page {number}") }
}

/// The address of the index of tags.
pub(super) fn tags_index() -> UrlPath {
    UrlPath::parse(TAGS_FOLDER).expect("a plain path")
}

/// Renders the home page, with the newest posts, and the pages with the older ones; gives what the author's own text
/// above them has taught.
pub(super) fn render_home(renderer: &Renderer<'_>) -> anyhow::Result<Option<Lesson>> {
    let scope = &renderer.scope;
    let pages = Paging::of(&UrlPath::root(), scope.index.listed_posts(), scope);
    let (first, others) = pages.split_first().expect("a list has one page at least");
    others.par_iter().try_for_each(|page| {
        traced((page, "home.html"), "", renderer, || put_home(page, tera::Value::none(), renderer))
    })?;
    let Some(own) = scope.index.home() else {
        traced((first, "home.html"), "", renderer, || {
            put_home(first, tera::Value::none(), renderer)
        })?;
        return Ok(None);
    };
    Ok(Some((own.clone(), render_own_home(first, own, renderer)?)))
}

/// Renders the first page of the home list with the author's own text above it.
fn render_own_home(
    first: &Paging<'_>,
    own: &Arc<Page>,
    renderer: &Renderer<'_>,
) -> anyhow::Result<Arc<Learnt>> {
    let scope = &renderer.scope;
    let make = || {
        let body = renderer.body(own, Links::Rooted)?;
        let home = HomeView { title: &own.title, content: &body.rendered.html };
        put_home(first, value(&home), renderer)?;
        Ok((inspect(own, &body, renderer), body.text.is_current))
    };
    if renderer.outputs.is_claimed(&first.path) {
        return make().map(|(learnt, _)| Arc::new(learnt));
    }
    let told = Told {
        is_as_before: scope.shows_the_same(first.posts) && scope.has_same_text(own),
        fingerprint: || {
            Fingerprint::of(&(first.fingerprint("", scope), scope.shown(own), own.fingerprint))
        },
    };
    renderer.traced((&first.path, "home.html"), &told, make)
}

fn put_home(page: &Paging<'_>, home: tera::Value, renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    let title = if page.number == 1 { String::new() } else { title_of("Posts", page.number) };
    let mut current = CurrentView::generated(&page.path, "home", title, scope);
    current.description.clone_from(&scope.config.description);
    let list = page.view("Posts", "posts", None, scope);
    let values = [("list", value(&list)), ("home", home)];
    renderer.put_generated("home.html", &page.path, &current, &values)
}

/// Renders the lists of the posts of each tag, and the index of tags.
pub(super) fn render_tags(renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    let terms = scope.index.tags().terms();
    terms.par_iter().try_for_each(|term| render_term(term, renderer))?;
    let path = tags_index();
    if terms.is_empty() {
        return Ok(());
    }
    let fingerprint = || {
        let shown = terms.iter().map(|term| (&term.name, &term.path, term.posts.len()));
        Fingerprint::of(&shown.collect::<Vec<_>>())
    };
    let told = Told { is_as_before: true, fingerprint };
    renderer.traced_generated((&path, "terms.html"), &told, || {
        let entries = terms.iter().map(|term| TermView::new(term, scope)).collect();
        let view = TermsView { title: TAGS_TITLE, taxonomy: "tags", entries };
        let current = CurrentView::generated(&path, "terms", TAGS_TITLE.to_owned(), scope);
        renderer.put_generated("terms.html", &path, &current, &[("terms", value(&view))])
    })
}

fn render_term(term: &Term, renderer: &Renderer<'_>) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    Paging::of(&term.path, &term.posts, scope).into_par_iter().try_for_each(|page| {
        traced((&page, "list.html"), &term.name, renderer, || {
            let title = title_of(&term.name, page.number);
            let current = CurrentView::generated(&page.path, "list", title, scope);
            let list = page.view(&term.name, "term", Some(TermView::new(term, scope)), scope);
            renderer.put_generated("list.html", &page.path, &current, &[("list", value(&list))])
        })
    })
}

/// Makes a page of a list with `put`, unless nothing of what it shows has changed.
fn traced(
    (page, template): (&Paging<'_>, &str),
    name: &str,
    renderer: &Renderer<'_>,
    put: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let scope = &renderer.scope;
    let told = Told {
        is_as_before: scope.shows_the_same(page.posts),
        fingerprint: || page.fingerprint(name, scope),
    };
    renderer.traced_generated((&page.path, template), &told, put)
}

/// A page of a list.
struct Paging<'a> {
    path: UrlPath,
    posts: &'a [Arc<Page>],
    number: usize,
    total: usize,
    count: usize,
    previous: Option<UrlPath>,
    next: Option<UrlPath>,
}

impl<'a> Paging<'a> {
    /// The pages of the list of `posts` that begins at `first`.
    fn of(first: &UrlPath, posts: &'a [Arc<Page>], scope: &Scope) -> Vec<Self> {
        let by = scope.config.paginate_by;
        let paths = addresses(first, posts.len(), by);
        let page = |at: usize| Self {
            path: paths[at].clone(),
            posts: posts.chunks(by).nth(at).unwrap_or_default(),
            number: at + 1,
            total: paths.len(),
            count: posts.len(),
            previous: at.checked_sub(1).map(|before| paths[before].clone()),
            next: paths.get(at + 1).cloned(),
        };
        (0..paths.len()).map(page).collect()
    }

    /// The fingerprint of what it shows, as a page of the list called `name`.
    fn fingerprint(&self, name: &str, scope: &Scope) -> Fingerprint {
        Fingerprint::of(&(name, self.number, self.total, self.count, scope.shown_of(self.posts)))
    }

    fn view(
        &self,
        title: &'a str,
        kind: &'static str,
        term: Option<TermView<'a>>,
        scope: &Scope,
    ) -> ListView<'a> {
        let link = |path: &UrlPath| scope.config.base.link(path);
        ListView {
            title,
            description: "",
            kind,
            term,
            pages: self.posts.iter().map(|post| summary(post, scope)).collect(),
            number: self.number,
            total: self.total,
            previous: self.previous.as_ref().map(link),
            next: self.next.as_ref().map(link),
            count: self.count,
        }
    }
}
