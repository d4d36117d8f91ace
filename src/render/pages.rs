//! Posts and pages: each source file to its page.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::archives;
use super::outbound::{self, Outbound};
use super::outputs::Claim;
use super::renderer::{Body, Renderer};
use super::resolver::Links;
use super::scope::Scope;
use super::summary::page_view;
use super::view::CurrentView;
use crate::content::Page;
use crate::fingerprint::{FastMap, Fingerprint};
use crate::markdown::{self, Finding, Rendered};
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Place, Positions, Problem, nearest};

/// What rendering the pages has taught: which headings they have, and which they lead to.
#[derive(Default)]
pub(super) struct Anchors {
    /// The ids on each page, a line each.
    ids: FastMap<UrlPath, Box<str>>,
    wanted: Vec<Wanted>,
}

/// What rendering a body has taught.
#[derive(Debug, Clone, Default)]
pub(super) struct Learnt {
    /// The ids on the page, a line each.
    ids: Box<str>,
    wanted: Vec<Wanted>,
    problems: Vec<Problem>,
    outbound: Vec<Outbound>,
}

/// A link to a place on a page.
#[derive(Debug, Clone)]
struct Wanted {
    place: Place,
    destination: String,
    target: UrlPath,
    fragment: String,
}

/// Renders every post and page.
pub(super) fn render(renderer: &Renderer<'_>) -> anyhow::Result<Anchors> {
    let scope = &renderer.scope;
    // A page that stands for a folder of posts is rendered with the list of these.
    let pages: Vec<&Arc<Page>> =
        scope.index.pages().iter().filter(|page| !archives::is_head(page, &scope.config)).collect();
    renderer.progress.begin(pages.len());
    let learnt: Vec<Learnt> =
        pages.par_iter().map(|page| render_one(page, renderer)).collect::<anyhow::Result<_>>()?;
    let mut anchors = Anchors::default();
    for (page, learnt) in pages.into_iter().zip(learnt) {
        anchors.add(&page.path, learnt, renderer);
    }
    Ok(anchors)
}

fn render_one(page: &Arc<Page>, renderer: &Renderer<'_>) -> anyhow::Result<Learnt> {
    renderer.progress.advance();
    let scope = &renderer.scope;
    let template = template_of(page, renderer);
    let is_free = renderer.outputs.claim(&page.path, &page.file.name, Claim::Page);
    let Some(template) = template.filter(|_| is_free) else {
        // Nothing comes of it, but everything that is wrong with it is told.
        return Ok(inspect(page, &renderer.body(page, Links::Rooted)?, renderer));
    };
    let told = Fingerprint::of(&(scope.shown(page), &template));
    renderer.traced(&page.path, told, || {
        let body = renderer.body(page, Links::Rooted)?;
        put_page(page, &body, &template, renderer)?;
        Ok((inspect(page, &body, renderer), body.is_current))
    })
}

fn put_page(
    page: &Page,
    body: &Body,
    template: &str,
    renderer: &Renderer<'_>,
) -> anyhow::Result<()> {
    let toc = markdown::table_of_contents(&body.rendered.headings);
    let view = page_view(page, &body.rendered.html, &toc, &renderer.scope);
    let current = CurrentView::of_page(page, &renderer.scope);
    renderer.put_page(template, &page.path, &current, &[("page", view)])
}

/// The template that the page asks for, else that of its kind; none if there is no such template.
fn template_of(page: &Page, renderer: &Renderer<'_>) -> Option<String> {
    let Some(name) = &page.front_matter.template else {
        return Some(if page.is_post() { "post.html" } else { "page.html" }.to_owned());
    };
    let name = if name.contains('.') { name.clone() } else { format!("{name}.html") };
    if renderer.templates.has(&name) {
        return Some(name);
    }
    let place = page.place(page.places.template);
    renderer.outputs.report(Problem::new(place, Mistake::UnknownTemplate { name }));
    None
}

/// What is wrong with a body, the places on it, and those that it leads to.
pub(super) fn inspect(page: &Page, body: &Body, renderer: &Renderer<'_>) -> Learnt {
    let html = &body.rendered;
    let positions = Positions::of(&body.text);
    let place = |offset: usize| page.place(Some(positions.at(body.start + offset)));
    let mut problems = problems_of(html, &place, &renderer.scope);
    problems.extend(missing_pictures(page, &renderer.scope));
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
            place: place(link.offset),
            destination: link.destination.clone(),
            target,
            fragment: fragment.into_owned(),
        }));
    }
    Learnt { ids, wanted, problems, outbound }
}

/// Pictures that the front matter names and that are not there.
fn missing_pictures(page: &Page, scope: &Scope) -> Vec<Problem> {
    let front_matter = &page.front_matter;
    let named = [
        (&front_matter.image, page.places.image),
        (&front_matter.author_image, page.places.author_image),
    ];
    let missing = named.into_iter().filter_map(|(source, position)| {
        let source = source.as_ref().filter(|source| scope.lacks_picture(page, source))?;
        let mistake = Mistake::MissingImage { source: source.clone() };
        Some(Problem::new(page.place(position), mistake))
    });
    missing.collect()
}

fn problems_of(
    rendered: &Rendered,
    place: &impl Fn(usize) -> Place,
    scope: &Scope,
) -> Vec<Problem> {
    let links = rendered.links.iter().filter(|link| link.broken).map(|link| {
        let path = link.destination.split(['?', '#']).next().unwrap_or_default();
        let suggestion = scope.suggestion(path).map(ToString::to_string);
        let mistake = Mistake::BrokenLink { destination: link.destination.clone(), suggestion };
        Problem::new(place(link.offset), mistake)
    });
    let images = rendered.images.iter().filter_map(|image| {
        let source = image.source.clone();
        let mistake = match (image.broken, image.alt.trim().is_empty()) {
            (true, _) => Mistake::MissingImage { source },
            (false, true) => Mistake::NoAltText { source },
            (false, false) => return None,
        };
        Some(Problem::new(place(image.offset), mistake))
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
        Problem::new(place(*offset), mistake)
    });
    links.chain(images).chain(findings).collect()
}

impl Anchors {
    /// Adds what the body of the page at `path` has taught, and reports what is wrong with it.
    pub(super) fn add(&mut self, path: &UrlPath, learnt: Learnt, renderer: &Renderer<'_>) {
        let Learnt { ids, wanted, problems, outbound } = learnt;
        self.ids.insert(path.clone(), ids);
        self.wanted.extend(wanted);
        for problem in problems {
            renderer.outputs.report(problem);
        }
        renderer.outputs.note_outbound(outbound);
    }

    /// Adds what the text below every page has taught; it has no place of its own that links could lead to.
    pub(super) fn add_footer(&mut self, learnt: Learnt, renderer: &Renderer<'_>) {
        self.wanted.extend(learnt.wanted);
        for problem in learnt.problems {
            renderer.outputs.report(problem);
        }
        renderer.outputs.note_outbound(learnt.outbound);
    }

    /// The links to places that are not there.
    pub(super) fn problems(&self) -> impl Iterator<Item = Problem> {
        self.wanted.iter().filter_map(|wanted| {
            let ids = self.ids.get(&wanted.target)?;
            if wanted.fragment == "top" || ids.lines().any(|id| id == wanted.fragment) {
                return None;
            }
            let suggestion = nearest(&wanted.fragment, ids.lines()).map(|id| format!("#{id}"));
            let destination = wanted.destination.clone();
            Some(Problem::new(
                wanted.place.clone(),
                Mistake::BrokenAnchor { destination, suggestion },
            ))
        })
    }
}

/// Titles that two pages share; a reader cannot tell these apart in a list.
pub(super) fn duplicate_titles(pages: &[Arc<Page>]) -> Vec<Problem> {
    let mut by_title: BTreeMap<String, &Page> = BTreeMap::new();
    let mut in_order: Vec<&Arc<Page>> = pages.iter().collect();
    in_order.sort_by(|a, b| a.file.name.cmp(&b.file.name));
    in_order
        .into_iter()
        .filter_map(|page| {
            let other = *by_title.entry(page.title.to_lowercase()).or_insert(page);
            let (title, other_name) = (page.title.clone(), other.file.name.clone());
            let is_other = other.file.name != page.file.name;
            let mistake = Mistake::DuplicateTitle { title, other: other_name };
            is_other.then(|| Problem::new(page.place(page.places.title), mistake))
        })
        .collect()
}
