//! Load, render, publish: the one path of build, serve and check.

mod again;
mod cache;
mod due;
mod memory;
mod moved;
mod problems;
mod receipt;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::due::Due;
pub use self::memory::Memory;
use self::moved::{gone, moved};
pub use self::problems::Problems;
use self::receipt::{MadeOf, Receipt};

use crate::clock::Timestamp;
use crate::config::{Config, Sources, VisitorId};
use crate::content::{self, ContentIndex, Moment, Survey};
use crate::problem::{Mistake, Problem};
use crate::publish::{self, Folders, Stage};
use crate::render::{self, Extras, Outbound, Progress, READERSHIP_LASTS, Readers, Readership};
use crate::site::{Catalog, Identity, NullSink, PageKind, Sink, Site};

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
    /// Knows how often pages were read.
    pub readership: Arc<dyn Readership>,
    /// What the last build of this order has found out, so that the next need not.
    pub memory: Memory,
}

/// A Site and the Problems met while making it.
#[derive(Debug)]
pub struct Build {
    /// The finished site; none if a problem stopped it, or if nothing has changed and this process does not ask.
    pub site: Option<Arc<Site>>,
    /// Whether a problem stopped it.
    pub is_stopped: bool,
    /// What the author got wrong, in order of place.
    pub problems: Problems,
    /// How many pages the site has.
    pub pages: usize,
    /// How many files were written.
    pub written: usize,
    /// How many were removed.
    pub removed: usize,
    /// When the site changes by itself.
    pub next_due: Option<Timestamp>,
}

/// What a build begins with.
struct Start {
    /// When the site is to be as it is built.
    now: Timestamp,
    /// What there is to build from.
    survey: Survey,
    /// When that was looked at, as the file system tells it.
    moment: Option<Moment>,
}

/// A site that was rendered, before it is decided whether it is published.
struct Draft {
    index: Arc<ContentIndex>,
    catalog: Catalog,
    problems: Vec<Problem>,
    outbound: Vec<Outbound>,
    due: Due,
}

/// Builds the site as it is to be at `now` and publishes it, unless a problem stops that.
pub fn build(order: &Order, now: Timestamp) -> anyhow::Result<Build> {
    build_unless(order, now, true)
}

/// Builds the site and looks at everything, also at what no change was told of.
pub fn build_thoroughly(order: &Order, now: Timestamp) -> anyhow::Result<Build> {
    order.memory.take_latest();
    build_unless(order, now, false)
}

/// Builds the site after nothing but the files at `changed` may have changed since the last build of this process.
pub fn rebuild(
    order: &Order,
    now: Timestamp,
    changed: &BTreeSet<PathBuf>,
) -> anyhow::Result<Build> {
    match again::build(order, now, changed)? {
        Some(build) => Ok(build),
        None => build_unless(order, now, true),
    }
}

/// Builds the site, unless a receipt that may be believed says that there is nothing to do.
fn build_unless(order: &Order, now: Timestamp, believes: bool) -> anyhow::Result<Build> {
    let (config, settings_problems) = Config::load(&order.sources)?;
    let config = Arc::new(config);
    let home = order.home.as_deref();
    let folders = Folders { output: &config.output_dir, root: &config.root, home };
    let last = order.memory.take_latest().map(|latest| latest.last);
    let stage = Stage::open(folders, order.force, last)?;
    let begun = order.memory.begin(&config, order.force);
    let survey = Survey::of(&config, begun.moment)?;
    let made_of = MadeOf::of(order, &config, &survey);
    if let Some(receipt) = order.memory.receipt(&begun).filter(|_| believes && !order.force)
        && made_of.is_some_and(|made_of| receipt.holds(made_of, (now, begun.is_first), &stage))
    {
        return unchanged(order, receipt, &stage);
    }
    order.memory.recall(&begun, &config);
    stage.refuse_foreign()?;
    let start = Start { now, survey, moment: begun.moment };
    let mut draft = draft(order, &config, start, &stage, false)?;
    draft.problems.extend(settings_problems);
    let has_errors = draft.problems.iter().any(Problem::is_error);
    if let Some(previous) = stage.previous().filter(|_| !has_errors) {
        draft.problems.extend(moved(previous, &draft));
        draft.catalog.gone = gone(previous, &draft.catalog);
    }
    let (pages, due) = (page_count(&draft.catalog), draft.due);
    let next_due = due.next();
    let problems = Problems::of(draft.problems, |mistake| !is_for_checks(mistake));
    if stops(&problems, order.strict) {
        let (site, is_stopped) = (None, true);
        return Ok(Build { site, is_stopped, problems, pages, written: 0, removed: 0, next_due });
    }
    let published = stage.publish(draft.catalog)?;
    let build = Build {
        site: Some(published.site),
        is_stopped: false,
        problems,
        pages,
        written: published.written,
        removed: published.removed,
        next_due,
    };
    order.memory.keep(&build, (made_of, due), now, &config);
    Ok(build)
}

/// The build that there is nothing to do for.
fn unchanged(order: &Order, receipt: Receipt, stage: &Stage) -> anyhow::Result<Build> {
    if order.memory.is_of_one_build() {
        return Ok(receipt.build(None));
    }
    stage.read_previous()?;
    let build = receipt.clone().build(stage.site());
    order.memory.keep_on(receipt);
    Ok(build)
}

/// Whether the builds of `order` have published what is in `output` now.
pub fn has_published(order: &Order, output: &Path) -> bool {
    let own = order.memory.published();
    own.is_some() && own == publish::catalog_stamp(output)
}

/// Leaves to other processes what the builds of `order` have found out.
pub fn save(order: &Order) -> anyhow::Result<()> {
    let (config, _) = Config::load(&order.sources)?;
    order.memory.save(&config);
    Ok(())
}

/// Renders the site as it is to be at `now` into `sink`, and gives its catalog and everything wrong with it.
pub fn render_into(
    order: &Order,
    now: Timestamp,
    sink: &dyn Sink,
) -> anyhow::Result<(Catalog, Vec<Problem>)> {
    let draft = complete_draft(order, now, sink, false)?;
    Ok((draft.catalog, Problems::of(draft.problems, |_| true).to_vec()))
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
    Ok((Problems::of(draft.problems, |_| true).to_vec(), draft.outbound))
}

/// A draft that has everything that is wrong, also what no build tells.
fn complete_draft(
    order: &Order,
    now: Timestamp,
    sink: &dyn Sink,
    gathers_outbound: bool,
) -> anyhow::Result<Draft> {
    let (config, settings_problems) = Config::load(&order.sources)?;
    let survey = Survey::of(&config, None)?;
    let start = Start { now, survey, moment: None };
    let mut draft = draft(order, &Arc::new(config), start, sink, gathers_outbound)?;
    draft.problems.extend(settings_problems);
    draft.problems.extend(render::duplicate_titles(draft.index.pages()));
    Ok(draft)
}

fn draft(
    order: &Order,
    config: &Arc<Config>,
    start: Start,
    sink: &dyn Sink,
    gathers_outbound: bool,
) -> anyhow::Result<Draft> {
    let Start { now, survey, moment } = start;
    let (index, read) = content::load(config, survey, now, &order.memory.content)?;
    let extras = extras(order, config, (now, moment), gathers_outbound);
    let rendering = render::render(config, &index, extras, sink)?;
    // The few are added to the many, which need not move then.
    let mut problems = rendering.problems;
    problems.extend(read);
    let catalog = Catalog {
        identity: Identity::of(config),
        files: rendering.files,
        redirects: rendering.redirects,
        pages: rendering.pages,
        gone: BTreeMap::new(),
    };
    let outbound = rendering.outbound;
    let readership = rendering.shows_readership.then(|| now + READERSHIP_LASTS);
    let due = Due { content: index.next_due(), readership };
    Ok(Draft { index, catalog, problems, outbound, due })
}

/// What a rendering gives besides the site's own.
fn extras(
    order: &Order,
    config: &Config,
    (now, moment): (Timestamp, Option<Moment>),
    gathers_outbound: bool,
) -> Extras {
    Extras {
        scripts: scripts(config, &order.beacon),
        gathers_outbound,
        progress: order.progress.clone(),
        memory: order.memory.render.clone(),
        moment,
        readers: Readers { readership: order.readership.clone(), now },
    }
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
    let visitor = match config.analytics.visitor_id {
        VisitorId::None => " data-visitor=\"none\"",
        VisitorId::Persistent | VisitorId::Daily => "",
    };
    let wish = if config.analytics.respect_gpc { "" } else { " data-gpc=\"ignore\"" };
    format!("<script defer src=\"{host}{beacon}\"{visitor}{wish}></script>\n")
}

/// What a reader may stumble over, but no build has to say each time.
fn is_for_checks(mistake: &Mistake) -> bool {
    matches!(mistake, Mistake::NoAltText { .. })
}

fn stops(problems: &[Problem], strict: bool) -> bool {
    problems.iter().any(|problem| strict || problem.is_error())
}

fn page_count(catalog: &Catalog) -> usize {
    catalog.pages.values().filter(|page| page.kind != PageKind::Stats).count()
}
