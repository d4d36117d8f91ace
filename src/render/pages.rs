//! Posts and pages: each source file to its page.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::archives;
use super::claims::Claim;
use super::learnt::{Learnt, Lessons, Wanted};
use super::outbound;
use super::renderer::{Body, Renderer, Told};
use super::resolver::Links;
use super::scope::Scope;
use super::summary::page_view;
use super::view::CurrentView;
use crate::content::Page;
use crate::fingerprint::Fingerprint;
use crate::markdown::{self, Finding, Rendered};
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Position, Positions, Problem};

/// Every post and page, and whether its address is its own. A page that stands for a folder of posts is rendered with
/// the list of these.
pub(super) fn claim<'a>(renderer: &'a Renderer<'_>) -> Vec<(&'a Arc<Page>, bool)> {
    let scope = &renderer.scope;
    let pages = scope.index.pages().iter();
    let pages = pages.filter(|page| !archives::is_head(page, &scope.config));
    // What was resumed has a page at each address, or there would be a problem.
    let claim = |page: &Page| {
        let place = || page.place(page.places.address);
        renderer.is_resumed || renderer.outputs.claim(&page.path, place(), Claim::Page)
    };
    pages.map(|page| (page, claim(page))).collect()
}

/// Renders every post and page.
pub(super) fn render(
    pages: Vec<(&Arc<Page>, bool)>,
    renderer: &Renderer<'_>,
) -> anyhow::Result<Lessons> {
    renderer.progress.begin(pages.len());
    let learnt: Vec<Arc<Learnt>> = pages
        .par_iter()
        .map(|(page, is_free)| render_one(page, *is_free, renderer))
        .collect::<anyhow::Result<_>>()?;
    let mut lessons = Lessons::default();
    for ((page, _), learnt) in pages.into_iter().zip(learnt) {
        lessons.add(page, learnt);
    }
    Ok(lessons)
}

fn render_one(
    page: &Arc<Page>,
    is_free: bool,
    renderer: &Renderer<'_>,
) -> anyhow::Result<Arc<Learnt>> {
    renderer.progress.advance();
    let scope = &renderer.scope;
    let template = template_of(page, renderer);
    let Some(template) = template.filter(|_| is_free) else {
        // Nothing comes of it, but everything that is wrong with it is told.
        return Ok(Arc::new(inspect(page, &renderer.body(page, Links::Rooted)?, renderer)));
    };
    let told = Told {
        is_as_before: scope.has_same_text(page),
        fingerprint: || Fingerprint::of(&(scope.shown(page), page.fingerprint)),
    };
    renderer.traced((&page.path, &template), &told, || {
        let body = renderer.body(page, Links::Rooted)?;
        put_page(page, &body, &template, renderer)?;
        Ok((inspect(page, &body, renderer), body.text.is_current))
    })
}

fn put_page(
    page: &Page,
    body: &Body,
    template: &str,
    renderer: &Renderer<'_>,
) -> anyhow::Result<()> {
    let has_toc = renderer.scope.shows_all || page.wants_toc();
    let headings = if has_toc { &*body.rendered.headings } else { &[] };
    let toc = markdown::table_of_contents(headings);
    let view = page_view(page, &body.rendered.html, &toc, &renderer.scope);
    let current = CurrentView::of_page(page, &renderer.scope);
    renderer.put_page(template, &page.path, &current, &[("page", view)])
}

/// The template that the page asks for, else that of its kind; none if there is no such template.
fn template_of(page: &Page, renderer: &Renderer<'_>) -> Option<String> {
    let Some(name) = &page.front_matter.seldom.template else {
        return Some(if page.is_post() { "post.html" } else { "page.html" }.to_owned());
    };
    let name = if name.contains('.') { name.clone() } else { format!("{name}.html") };
    if renderer.templates.has(&name) {
        return Some(name);
    }
    let place = page.place(page.places.template);
    renderer.outputs.report(Problem::new(place, renderer.templates.unknown(&name)));
    None
}

/// What is wrong with a body, the places on it, and those that it leads to.
pub(super) fn inspect(page: &Page, body: &Body, renderer: &Renderer<'_>) -> Learnt {
    let html = &body.rendered;
    let positions = Positions::of(&body.text.whole);
    let position = |offset: usize| positions.at(body.text.body + offset);
    let place = |offset: usize| page.place(Some(position(offset)));
    let mut mistakes = mistakes_of(html, &position, &renderer.scope);
    mistakes.extend(missing_pictures(page, &renderer.scope));
    let outbound = if renderer.extras.gathers_outbound {
        outbound::of_body(html, &place, &renderer.scope).collect()
    } else {
        Vec::new()
    };
    let ids = html.headings.iter().map(|heading| heading.id.as_str());
    let ids: Vec<&str> = ids.chain(html.anchors.iter().map(String::as_str)).collect();
    let ids = ids.join("\n").into();
    let mut wanted = Vec::new();
    let base = &renderer.scope.config.base;
    for link in html.links.iter().filter(|link| !link.external && !link.broken) {
        let Some(fragment) = link.fragment().filter(|fragment| !fragment.is_empty()) else {
            continue;
        };
        let path = link.href.split(['?', '#']).next().unwrap_or_default();
        let target = match path {
            "" => Some(page.path.clone()),
            path => base.strip(path).and_then(|path| UrlPath::decode(path).ok()),
        };
        let fragment = percent_encoding::percent_decode_str(fragment).decode_utf8_lossy();
        wanted.extend(target.map(|target| Wanted {
            position: position(link.offset),
            destination: link.destination.as_str().into(),
            target,
            fragment: fragment.into(),
        }));
    }
    // All pages keep theirs until the last is rendered, so none has room to spare.
    mistakes.shrink_to_fit();
    Learnt { ids, wanted: wanted.into(), mistakes, outbound }
}

/// Pictures that the front matter names and that are not there.
fn missing_pictures(page: &Page, scope: &Scope) -> Vec<(Position, Mistake)> {
    let front_matter = &page.front_matter;
    let named = [
        (&front_matter.seldom.image, page.places.image),
        (&front_matter.seldom.author_image, page.places.author_image),
    ];
    let missing = named.into_iter().filter_map(|(source, position)| {
        let source = source.as_ref().filter(|source| scope.lacks_picture(page, source))?;
        let mistake = Mistake::MissingImage { source: source.clone() };
        Some((position.unwrap_or(Position { line: 1, column: 1 }), mistake))
    });
    missing.collect()
}

fn mistakes_of(
    rendered: &Rendered,
    position: &impl Fn(usize) -> Position,
    scope: &Scope,
) -> Vec<(Position, Mistake)> {
    let links = rendered.links.iter().filter(|link| link.broken).map(|link| {
        let path = link.destination.split(['?', '#']).next().unwrap_or_default();
        let suggestion = scope.suggestion(path).map(ToString::to_string);
        let mistake = Mistake::BrokenLink { destination: link.destination.clone(), suggestion };
        (position(link.offset), mistake)
    });
    let images = rendered.images.iter().filter_map(|image| {
        let source = image.source.clone();
        let mistake = match (image.broken, image.alt.trim().is_empty()) {
            (true, _) => Mistake::MissingImage { source },
            (false, true) => Mistake::NoAltText { source },
            (false, false) => return None,
        };
        Some((position(image.offset), mistake))
    });
    let findings = rendered.findings.iter().map(|finding| {
        let limit = |what: &str| Mistake::MarkdownLimit { what: what.to_owned() };
        let (offset, mistake) = match finding {
            Finding::Nesting { offset } => {
                (offset, limit("the text is nested too deeply from here on"))
            }
            Finding::Table { offset } => (offset, limit("the table lacks too many cells")),
            Finding::LongCode { offset } => {
                (offset, limit("the code is too long to be highlighted"))
            }
            Finding::DuplicateId { offset, id } => {
                (offset, Mistake::DuplicateId { id: id.clone() })
            }
            Finding::UnusedFootnote { offset, label } => {
                (offset, Mistake::UnusedFootnote { label: label.clone() })
            }
        };
        (position(*offset), mistake)
    });
    links.chain(images).chain(findings).collect()
}

/// Titles that two pages share; a reader cannot tell these apart in a list.
pub fn duplicate_titles(pages: &[Arc<Page>]) -> Vec<Problem> {
    let mut by_title: BTreeMap<String, &Page> = BTreeMap::new();
    let mut in_order: Vec<&Arc<Page>> = pages.iter().collect();
    in_order.sort_by(|a, b| a.file.name.cmp(&b.file.name));
    in_order
        .into_iter()
        .filter_map(|page| {
            let other = *by_title.entry(page.title.to_lowercase()).or_insert(page);
            let (title, other_name) = (page.title.clone(), other.file.name.to_string());
            let is_other = other.file.name != page.file.name;
            let mistake = Mistake::DuplicateTitle { title, other: other_name };
            is_other.then(|| Problem::new(page.place(page.places.title), mistake))
        })
        .collect()
}
