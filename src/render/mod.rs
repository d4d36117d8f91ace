//! Pages to output files: Markdown, then templates, handed to a sink as they are made.

mod addresses;
mod archives;
mod builtin;
mod claims;
mod dashboard;
mod digests;
mod discovery;
mod feed;
mod filters;
mod functions;
mod learnt;
mod lists;
mod locale;
mod memory;
mod outbound;
mod outputs;
mod pages;
mod palette;
mod parts;
mod privacy;
mod progress;
mod readership;
mod renderer;
mod reports;
mod resolver;
mod scope;
mod spool;
mod statics;
mod summary;
mod templates;
mod trace;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::addresses::Addresses;
use self::archives::Archive;
pub use self::dashboard::{DASHBOARD_SCRIPT, dashboard};
pub use self::filters::grouped;
use self::learnt::{Lesson, Lessons};
pub use self::locale::{DateStyle, Locale};
pub use self::memory::Memory;
pub use self::outbound::Outbound;
use self::outputs::Outputs;
pub use self::pages::duplicate_titles;
pub use self::parts::part;
pub use self::progress::Progress;
pub use self::readership::{READERSHIP_LASTS, Readers, Readership, Uncounted};
pub use self::renderer::Extras;
use self::renderer::Renderer;
use self::scope::{Parts, Scope};
use self::statics::Statics;
use self::templates::Templates;
use crate::config::Config;
use crate::content::{ContentIndex, Exchange, Page};
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Problem};
use crate::site::{OutputFile, PageEntry, PageKind, Sink};

/// What was rendered, without the bytes, which the sink has.
#[derive(Debug, Default)]
pub struct Rendering {
    /// Each path that is answered with a file.
    pub files: BTreeMap<UrlPath, OutputFile>,
    /// Each old path, and the path it leads to.
    pub redirects: BTreeMap<UrlPath, UrlPath>,
    /// Each path that readers may be counted on.
    pub pages: BTreeMap<UrlPath, PageEntry>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Each link and image that leaves the site, if they were asked for.
    pub outbound: Vec<Outbound>,
    /// Whether it was asked how often pages were read.
    pub shows_readership: bool,
}

/// Renders the site of `index` into `sink`.
pub fn render(
    config: &Arc<Config>,
    index: &Arc<ContentIndex>,
    extras: Extras,
    sink: &dyn Sink,
) -> anyhow::Result<Rendering> {
    if let Some(problem) = unknown_theme(config) {
        return Ok(Rendering { problems: vec![problem], ..Rendering::default() });
    }
    let mut problems = Vec::new();
    let templates = match Templates::load(config)? {
        Ok(templates) => templates,
        Err(problems) => return Ok(Rendering { problems, ..Rendering::default() }),
    };
    let mut statics = Statics::find(config)?;
    problems.append(&mut statics.problems);
    let outputs = Outputs::new(sink, Arc::default());
    statics.publish(&outputs, &extras)?;
    statics::publish_assets(index.assets(), &config.stats.path, &outputs, &extras)?;
    let before = extras.memory.take();
    extras.memory.begin(&config.cache_dir());
    let mut scope = scope_of(config, index, &statics, &templates, &extras)?;
    scope.has_same_addresses = scope.addresses.fingerprint() == before.addresses;
    let scope = Arc::new(scope);
    problems.extend(over_fixed(index));
    let renderer = Renderer::new(scope.clone(), Arc::new(templates), outputs, before, extras)?;
    let mut lessons = render_all(&renderer)?;
    // The few are added to the many, which need not move then.
    let before = std::mem::replace(&mut problems, lessons.problems());
    problems.extend(before);
    let outbound = lessons.outbound();
    statics.publish_fingerprinted(&scope, &renderer.outputs, &renderer.extras)?;
    let mut made = renderer.finish(lessons);
    problems.append(&mut made.problems);
    let redirects = index.aliases().iter();
    Ok(Rendering {
        files: made.in_order(),
        redirects: redirects.map(|(alias, page)| (alias.clone(), page.path.clone())).collect(),
        pages: entries(&scope),
        problems,
        outbound,
        shows_readership: scope.was_asked_for_views(),
    })
}

/// What has changed since the last rendering.
#[derive(Debug)]
pub struct Rerendering {
    /// The files that are not what they were.
    pub files: Vec<(UrlPath, OutputFile)>,
    /// What statistics want to know of the pages whose text has changed.
    pub pages: Vec<(UrlPath, PageEntry)>,
    /// What is wrong with these pages.
    pub problems: Vec<Problem>,
}

/// Renders what shows the texts that were exchanged in `index` since the last rendering of this memory, which must
/// be what the sink has published; none if more than that may have to change.
pub fn rerender(
    config: &Config,
    index: &Arc<ContentIndex>,
    exchanges: &[Exchange],
    extras: Extras,
    sink: &dyn Sink,
) -> anyhow::Result<Option<Rerendering>> {
    let Some(last) = extras.memory.take_last(config) else { return Ok(None) };
    let scope = Arc::new(last.scope.exchanged(index, exchanges));
    let before = extras.memory.take();
    let outputs = Outputs::new(sink, last.claims);
    let mut renderer = Renderer::new(scope.clone(), last.templates, outputs, before, extras)?;
    if !renderer.has_same_globals(last.globals) {
        renderer.give_up();
        return Ok(None);
    }
    renderer.is_resumed = true;
    let lessons = render_all(&renderer)?;
    lessons.stand_as_in(&last.lessons);
    let new = || exchanges.iter().map(|exchange| &exchange.new);
    let has_same_ids = new().all(|page| lessons.ids_of(page) == last.lessons.ids_of(page));
    let is_enough = has_same_ids && !renderer.asks_otherwise();
    let problems = new().flat_map(|page| lessons.problems_of(page)).collect();
    let made = renderer.finish(lessons);
    let pages = new().filter(|page| scope.entries_have(page));
    Ok((is_enough && made.problems.is_empty()).then(|| Rerendering {
        pages: pages.map(|page| (page.path.clone(), entry(page, &scope))).collect(),
        files: made.files.into_iter().collect(),
        problems,
    }))
}

/// Renders every family of outputs, and gives what the bodies of pages have taught.
fn render_all(renderer: &Renderer<'_>) -> anyhow::Result<Lessons> {
    // Whoever has an address by right has it before anything is generated; from then on no family waits for another.
    let pages = pages::claim(renderer);
    discovery::render_redirects(renderer)?;
    let archives = archives::claim(renderer);
    let (lessons, (of_archives, of_home)) = rayon::join(
        || pages::render(pages, renderer),
        || rayon::join(|| render_long(archives, renderer), || render_lists(renderer)),
    );
    let mut lessons = lessons?;
    for (page, learnt) in of_home?.into_iter().chain(of_archives?) {
        lessons.add(&page, learnt);
    }
    if let Some(footer) = renderer.scope.index.footer() {
        let body = renderer.body(footer, resolver::Links::Rooted)?;
        lessons.add_footer(footer, Arc::new(pages::inspect(footer, &body, renderer)));
    }
    Ok(lessons)
}

/// Renders what has all pages in it, and is one output each.
fn render_long(
    archives: Vec<(&Archive, bool)>,
    renderer: &Renderer<'_>,
) -> anyhow::Result<Vec<Lesson>> {
    let lessons = archives::render(archives, renderer)?;
    discovery::render(renderer)?;
    privacy::render(renderer)?;
    Ok(lessons)
}

/// Renders what has a few pages in each of its outputs.
fn render_lists(renderer: &Renderer<'_>) -> anyhow::Result<Option<Lesson>> {
    let lesson = lists::render_home(renderer)?;
    lists::render_tags(renderer)?;
    feed::render(renderer)?;
    Ok(lesson)
}

fn scope_of(
    config: &Arc<Config>,
    index: &Arc<ContentIndex>,
    statics: &Statics,
    templates: &Templates,
    extras: &Extras,
) -> anyhow::Result<Scope> {
    let archives = archives::find(config, index);
    let addresses = addresses_of(config, index, &archives, statics);
    let statics = statics.answers(extras)?;
    let shows_all = !templates.are_all_built_in;
    let readers = extras.readers.clone();
    let shows_views = templates.mention("views");
    let parts = Parts { addresses, archives, statics, shows_all, shows_views, readers };
    Ok(Scope::new(config, index, parts))
}

/// Every address that the site answers.
fn addresses_of(
    config: &Config,
    index: &ContentIndex,
    archives: &[Archive],
    statics: &Statics,
) -> Addresses {
    let mut addresses = Addresses::default();
    let fixed = discovery::addresses().chain(UrlPath::parse(feed::PATH).ok());
    let fixed = fixed.chain([privacy::path()]);
    let stats = config.shows_stats().then(|| config.stats.path.clone());
    let by = config.paginate_by;
    let home = lists::addresses(&UrlPath::root(), index.listed_posts().len(), by);
    let terms = index.tags().terms();
    let tags = terms.iter().flat_map(|term| lists::addresses(&term.path, term.posts.len(), by));
    let tags_index = (!terms.is_empty()).then(lists::tags_index);
    let lists = home.into_iter().chain(tags).chain(tags_index);
    let archives = archives.iter().map(|archive| archive.path.clone());
    let statics = statics.paths().cloned();
    fixed.chain(stats).chain(lists).chain(archives).chain(statics).for_each(|path| {
        addresses.add(path);
    });
    index.home().into_iter().chain(index.footer()).for_each(|page| addresses.know(page));
    index.pages().iter().for_each(|page| addresses.add_page(page));
    for asset in index.assets() {
        addresses.add_asset(&asset.file.relative, &asset.path);
    }
    for (alias, page) in index.aliases() {
        addresses.add_alias(alias, &page.path);
    }
    addresses
}

/// Each path that readers may be counted on, and what statistics call it.
fn entries(scope: &Scope) -> BTreeMap<UrlPath, PageEntry> {
    let mut entries = Vec::with_capacity(scope.index.pages().len());
    let index = &scope.index;
    let by = scope.config.paginate_by;
    let mut add_list = |first: &UrlPath, title: &str, kind: PageKind, count: usize| {
        for (at, path) in lists::addresses(first, count, by).into_iter().enumerate() {
            entries.push((path, PageEntry::named(&lists::title_of(title, at + 1), kind)));
        }
    };
    add_list(&UrlPath::root(), "Home", PageKind::Home, index.listed_posts().len());
    for term in index.tags().terms() {
        add_list(&term.path, &term.name, PageKind::List, term.posts.len());
    }
    if !index.tags().terms().is_empty() {
        entries.push((lists::tags_index(), PageEntry::named(lists::TAGS_TITLE, PageKind::List)));
    }
    for archive in scope.archives.iter().filter(|archive| !archive.has_own_page()) {
        entries.push((archive.path.clone(), PageEntry::named(archive.title(), PageKind::List)));
    }
    for page in index.pages() {
        entries.push((page.path.clone(), entry(page, scope)));
    }
    if scope.config.shows_stats() {
        let stats = scope.config.stats.path.clone();
        entries.push((stats, PageEntry::named("Stats", PageKind::Stats)));
    }
    // Made of all at once, the map has no room to spare; of two at one address it takes the latter.
    entries.into_iter().collect()
}

fn entry(page: &Page, scope: &Scope) -> PageEntry {
    let front_matter = &page.front_matter;
    let author =
        front_matter.seldom.author_name.as_ref().filter(|_| front_matter.authors.is_empty());
    let authors = front_matter.authors.iter().chain(author);
    let tags = scope.terms_of(page).into_iter().filter(|_| page.is_post() && page.is_listed());
    PageEntry {
        listed: page.is_listed(),
        id: Some(page.shared_id()),
        published: page.date.filter(|_| page.is_post()),
        words: page.words,
        tags: tags.map(|term| term.name.clone()).collect(),
        authors: authors.map(|name| name.as_str().into()).collect(),
        series: front_matter.seldom.series.as_deref().map(Arc::from),
        ..PageEntry::named(
            &page.title,
            if page.is_post() { PageKind::Post } else { PageKind::Page },
        )
    }
}

/// Pages and aliases at an address that every site has for something else.
fn over_fixed(index: &ContentIndex) -> Vec<Problem> {
    let home = std::iter::once(UrlPath::root());
    let fixed: Vec<UrlPath> =
        discovery::addresses().chain(UrlPath::parse(feed::PATH)).chain(home).collect();
    // Nothing can be at the address of one of these, nor below one that is a file.
    let is_fixed = |path: &UrlPath| {
        let folded = path.folded_as_folder();
        fixed.iter().any(|fixed| {
            let own = fixed.folded_as_folder();
            folded == own || !fixed.is_folder() && folded.starts_with(&*own)
        })
    };
    let problem = |page: &Page, path: &UrlPath, position| {
        let mistake = Mistake::ReservedPath { path: path.to_string() };
        Problem::new(page.place(position), mistake)
    };
    let pages = index.pages().iter().filter(|page| is_fixed(&page.path));
    let aliases = index.aliases().iter().filter(|(alias, _)| is_fixed(alias));
    pages
        .map(|page| problem(page, &page.path, page.places.address))
        .chain(aliases.map(|(alias, page)| problem(page, alias, page.places.aliases)))
        .collect()
}

fn unknown_theme(config: &Config) -> Option<Problem> {
    let known = builtin::theme_names();
    let name = &config.theme;
    if known.contains(name) || config.theme_dir().is_dir() {
        return None;
    }
    let mistake = Mistake::UnknownTheme { name: name.clone(), known };
    Some(Problem::new(config.theme_place.clone(), mistake))
}
