//! Load, render, publish: the one path of build, serve and check.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::config::{Config, Sources, VisitorId};
use crate::content::{self, ContentIndex, Page};
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Problem};
use crate::publish::{Folders, Stage};
use crate::render::{self, Extras, Outbound, Progress};
use crate::site::{Catalog, GonePage, Identity, NullSink, PageKind, Sink, Site};

/// What is to be built, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// Where the settings come from; they are read anew for each build.
    pub sources: Sources,
    /// The path of the script that counts readers, below the site's own or another's address.
    pub beacon: String,
    /// Warnings stop the build too.
    pub strict: bool,
    /// Everything is written anew, foreign files in the output are let be.
    pub force: bool,
    /// The home folder of who builds, which is never written into.
    pub home: Option<PathBuf>,
    /// Follows how far the build has come.
    pub progress: Arc<Progress>,
    /// What the last build of this order has found out, so that the next need not.
    pub memory: Memory,
}

/// What a build has found out about sources and outputs; shared by the clones of an order.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    content: Arc<content::Memory>,
    render: Arc<render::Memory>,
}

impl Memory {
    /// The memory of a process that builds once.
    pub fn of_one_build() -> Self {
        Self { content: Arc::default(), render: Arc::new(render::Memory::of_one_build()) }
    }
}

/// A Site and the Problems met while making it.
#[derive(Debug)]
pub struct Build {
    /// The finished site; none if a problem stopped it.
    pub site: Option<Arc<Site>>,
    /// What the author got wrong, in order of place.
    pub problems: Vec<Problem>,
    /// How many pages the site has.
    pub pages: usize,
    /// How many files were written.
    pub written: usize,
    /// How many were removed.
    pub removed: usize,
    /// When the site changes by itself.
    pub next_due: Option<Timestamp>,
}

/// A site that was rendered, before it is decided whether it is published.
struct Draft {
    index: Arc<ContentIndex>,
    catalog: Catalog,
    problems: Vec<Problem>,
    outbound: Vec<Outbound>,
    next_due: Option<Timestamp>,
}

/// Builds the site as it is to be at `now` and publishes it, unless a problem stops that.
pub fn build(order: &Order, now: Timestamp) -> anyhow::Result<Build> {
    let (config, settings_problems) = Config::load(&order.sources)?;
    let config = Arc::new(config);
    let home = order.home.as_deref();
    let folders = Folders { output: &config.output_dir, root: &config.root, home };
    let stage = Stage::open(folders, order.force)?;
    let mut draft = draft(order, &config, now, &stage, false)?;
    draft.problems.extend(settings_problems);
    let has_errors = draft.problems.iter().any(Problem::is_error);
    if let Some(previous) = stage.previous().filter(|_| !has_errors) {
        draft.problems.extend(moved(previous, &draft));
        draft.catalog.gone = gone(previous, &draft.catalog);
    }
    let problems = in_order(draft.problems, |mistake| !is_for_checks(mistake));
    let (pages, next_due) = (page_count(&draft.catalog), draft.next_due);
    if stops(&problems, order.strict) {
        return Ok(Build { site: None, problems, pages, written: 0, removed: 0, next_due });
    }
    let published = stage.publish(draft.catalog)?;
    Ok(Build {
        site: Some(Arc::new(published.site)),
        problems,
        pages,
        written: published.written,
        removed: published.removed,
        next_due,
    })
}

/// Renders the site as it is to be at `now` into `sink`, and gives its catalog and everything wrong with it.
pub fn render_into(
    order: &Order,
    now: Timestamp,
    sink: &dyn Sink,
) -> anyhow::Result<(Catalog, Vec<Problem>)> {
    let draft = complete_draft(order, now, sink, false)?;
    Ok((draft.catalog, in_order(draft.problems, |_| true)))
}

/// Everything that is wrong with the site; nothing is written.
pub fn check(order: &Order, now: Timestamp) -> anyhow::Result<Vec<Problem>> {
    Ok(render_into(order, now, &NullSink)?.1)
}

/// The same, and every link and image of the pages that leaves the site, in order.
pub fn check_outbound(
    order: &Order,
    now: Timestamp,
) -> anyhow::Result<(Vec<Problem>, Vec<Outbound>)> {
    let mut draft = complete_draft(order, now, &NullSink, true)?;
    draft.outbound.sort();
    Ok((in_order(draft.problems, |_| true), draft.outbound))
}

/// A draft that has the problems of the settings, too.
fn complete_draft(
    order: &Order,
    now: Timestamp,
    sink: &dyn Sink,
    gathers_outbound: bool,
) -> anyhow::Result<Draft> {
    let (config, settings_problems) = Config::load(&order.sources)?;
    let mut draft = draft(order, &Arc::new(config), now, sink, gathers_outbound)?;
    draft.problems.extend(settings_problems);
    Ok(draft)
}

fn draft(
    order: &Order,
    config: &Arc<Config>,
    now: Timestamp,
    sink: &dyn Sink,
    gathers_outbound: bool,
) -> anyhow::Result<Draft> {
    let (index, mut problems) = content::load(config, now, &order.memory.content)?;
    let index = Arc::new(index);
    let extras = Extras {
        scripts: scripts(config, &order.beacon),
        gathers_outbound,
        progress: order.progress.clone(),
        memory: order.memory.render.clone(),
        moment: None,
    };
    let rendering = render::render(config, &index, extras, sink)?;
    problems.extend(rendering.problems);
    let catalog = Catalog {
        identity: Identity::of(config),
        files: rendering.files,
        redirects: rendering.redirects,
        pages: rendering.pages,
        gone: BTreeMap::new(),
    };
    let outbound = rendering.outbound;
    Ok(Draft { catalog, problems, outbound, next_due: index.next_due(), index })
}

/// What every page has in its head: the script that counts readers, or the one that updates a writer's tabs.
fn scripts(config: &Config, beacon: &str) -> String {
    let prefix = config.base.prefix();
    if config.dev {
        return format!("<script defer src=\"{prefix}/_/reload.js\"></script>\n");
    }
    if !config.counts_readers() {
        return String::new();
    }
    let host = match &config.analytics.endpoint {
        Some(endpoint) => format!("{}{}", endpoint.origin(), endpoint.prefix()),
        None => prefix.to_owned(),
    };
    let anonymous = match config.analytics.visitor_id {
        VisitorId::None => " data-anonymous=\"1\"",
        VisitorId::Persistent | VisitorId::Daily => "",
    };
    let wish = if config.analytics.respect_gpc { "" } else { " data-gpc=\"ignore\"" };
    format!("<script defer src=\"{host}{beacon}\"{anonymous}{wish}></script>\n")
}

/// Problems in order of place, each once.
fn in_order(mut problems: Vec<Problem>, is_wanted: impl Fn(&Mistake) -> bool) -> Vec<Problem> {
    problems.retain(|problem| is_wanted(&problem.mistake));
    problems.sort();
    problems.dedup();
    problems
}

/// What a reader may stumble over, but no build has to say each time.
fn is_for_checks(mistake: &Mistake) -> bool {
    matches!(mistake, Mistake::NoAltText { .. } | Mistake::DuplicateTitle { .. })
}

fn stops(problems: &[Problem], strict: bool) -> bool {
    problems.iter().any(|problem| strict || problem.is_error())
}

fn page_count(catalog: &Catalog) -> usize {
    catalog.pages.values().filter(|page| page.kind != PageKind::Stats).count()
}

/// Pages whose address has changed without an alias that leads from the old one to the new.
fn moved(previous: &Catalog, next: &Draft) -> Vec<Problem> {
    let catalog = &next.catalog;
    let pages = next.index.pages().iter();
    let by_id: BTreeMap<&str, &Arc<Page>> = pages.map(|page| (page.id(), page)).collect();
    let were =
        previous.pages.iter().filter_map(|(path, page)| Some((path, page, page.id.as_deref()?)));
    let known: BTreeSet<&str> = were.clone().map(|(_, _, id)| id).collect();
    // A file that was renamed is another page by name; its title tells.
    let renamed = |title: &str| {
        let mut new = next.index.pages().iter().filter(|page| !known.contains(page.id()));
        new.find(|page| page.title == title)
    };
    let moved = were.filter_map(|(from, page, id)| {
        let to = by_id.get(id).copied().or_else(|| renamed(&page.title))?;
        let is_there = catalog.redirects.contains_key(from) || next.index.at(from).is_some();
        let mistake = Mistake::Moved { from: from.to_string(), to: to.path.to_string() };
        (!is_there).then(|| Problem::new(to.place(to.places.address), mistake))
    });
    moved.collect()
}

/// The pages that were once there and are no more.
fn gone(previous: &Catalog, next: &Catalog) -> BTreeMap<UrlPath, GonePage> {
    let were = previous
        .pages
        .iter()
        .map(|(path, page)| (path, GonePage { title: page.title.clone(), listed: page.listed }));
    let before = previous.gone.iter().map(|(path, page)| (path, page.clone()));
    let is_gone =
        |path: &UrlPath| !next.pages.contains_key(path) && !next.redirects.contains_key(path);
    before
        .chain(were)
        .filter(|(path, _)| is_gone(path))
        .map(|(path, page)| (path.clone(), page))
        .collect()
}
