//! Every page to be published: ordered, filtered, no two at one address.

use std::sync::{Arc, OnceLock};

use super::tags::Tags;
use super::{Asset, Page, Role};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::fingerprint::{FastMap, Fingerprint};
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Problem};

/// Every page to be published, newest first, no two at one address; answers what path means which page.
#[derive(Debug, Clone, Default)]
pub struct ContentIndex {
    /// Posts newest first, then pages by their order and title; unlisted ones too.
    pages: Vec<Arc<Page>>,
    listed_posts: Vec<Arc<Page>>,
    home: Option<Arc<Page>>,
    footer: Option<Arc<Page>>,
    places: Arc<Places>,
    aliases: Vec<(UrlPath, Arc<Page>)>,
    tags: Tags,
    assets: Vec<Asset>,
    next_due: Option<Timestamp>,
}

/// Where each page stands among all.
#[derive(Debug, Default)]
struct Places {
    paths: FastMap<UrlPath, usize>,
    sources: FastMap<Arc<str>, usize>,
    /// By their fingerprints in lower case; of two with one title, the first in order. Made when somebody asks, for few
    /// sites do.
    titles: OnceLock<FastMap<Fingerprint, usize>>,
}

/// A page, and what it becomes when nothing of it has changed but its text.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The page as it was.
    pub old: Arc<Page>,
    /// The page as it is.
    pub new: Arc<Page>,
}

impl ContentIndex {
    /// The index of what of `pages` is to be published at `now`, and what stands in one another's way.
    pub fn new(
        pages: Vec<Arc<Page>>,
        assets: Vec<Asset>,
        config: &Config,
        now: Timestamp,
    ) -> (Self, Vec<Problem>) {
        let mut index = Self { next_due: next_due(&pages, config, now), ..Self::default() };
        let published = pages.into_iter().filter(|page| is_published(page, config, now));
        let mut problems = Vec::new();
        for page in published {
            index.place(page, &mut problems);
        }
        index.pages.sort_by(|a, b| order_of(a).cmp(&order_of(b)));
        index.check_addresses(config, &mut problems);
        index.places = Arc::new(Places::of(&index.pages));
        let listed = index.pages.iter().filter(|page| page.is_post() && page.is_listed());
        index.listed_posts = listed.cloned().collect();
        index.tags = Tags::of(&index.listed_posts);
        let is_wanted = |asset: &Asset| {
            asset.owner.as_ref().is_none_or(|owner| index.by_source(owner).is_some())
        };
        index.assets = assets.into_iter().filter(is_wanted).collect();
        (index, problems)
    }

    /// The index in which pages were exchanged for others that stand where they stood.
    #[must_use]
    pub fn exchanged(&self, exchanges: &[Exchange]) -> Self {
        let mut index = self.clone();
        for exchange in exchanges {
            let own = index.home.iter_mut().chain(index.footer.iter_mut());
            let aliases = index.aliases.iter_mut().map(|(_, page)| page);
            let pages = index.pages.iter_mut().chain(index.listed_posts.iter_mut());
            for page in own.chain(pages).chain(aliases).chain(index.tags.posts_mut()) {
                if Arc::ptr_eq(page, &exchange.old) {
                    *page = exchange.new.clone();
                }
            }
        }
        index
    }

    fn place(&mut self, page: Arc<Page>, problems: &mut Vec<Problem>) {
        let slot = match page.role {
            Role::Home => &mut self.home,
            Role::Footer => &mut self.footer,
            Role::Post | Role::Page => return self.pages.push(page),
        };
        match slot {
            None => *slot = Some(page),
            Some(other) => problems.push(collision(&page, &page.path, &other.file.name)),
        }
    }

    /// Finds pages and aliases that share an address, even if only a careless file system would say so.
    fn check_addresses(&mut self, config: &Config, problems: &mut Vec<Problem>) {
        let mut taken: FastMap<String, &Arc<Page>> = FastMap::default();
        let stats = &config.stats.path;
        let addressed = || self.home.iter().chain(&self.pages);
        for page in addressed() {
            if page.path.is_reserved(stats) {
                let mistake = Mistake::ReservedPath { path: page.path.to_string() };
                problems.push(Problem::new(page.place(page.places.address), mistake));
            }
            if let Some(other) = taken.insert(page.path.folded_as_folder(), page) {
                problems.push(collision(page, &page.path, &other.file.name));
            }
        }
        let mut aliases = Vec::new();
        for page in addressed() {
            for alias in &page.front_matter.aliases {
                let place = || page.place(page.places.aliases);
                match taken.get(&alias.folded_as_folder()) {
                    Some(other) if other.path == page.path => {}
                    Some(other) => {
                        let (alias, other) = (alias.to_string(), other.file.name.to_string());
                        let mistake = Mistake::AliasCollision { alias, other };
                        problems.push(Problem::new(place(), mistake));
                    }
                    None if alias.is_reserved(stats) => {
                        let mistake = Mistake::ReservedPath { path: alias.to_string() };
                        problems.push(Problem::new(place(), mistake));
                    }
                    None => {
                        taken.insert(alias.folded_as_folder(), page);
                        aliases.push((alias.clone(), page.clone()));
                    }
                }
            }
        }
        self.aliases = aliases;
    }

    /// Posts newest first, then pages by their order and title; unlisted ones too.
    pub fn pages(&self) -> &[Arc<Page>] {
        &self.pages
    }

    /// The posts that may be named, newest first.
    pub fn listed_posts(&self) -> &[Arc<Page>] {
        &self.listed_posts
    }

    /// The pages that are no posts and may be named, by their order and title.
    pub fn listed_pages(&self) -> impl Iterator<Item = &Arc<Page>> {
        self.pages.iter().filter(|page| !page.is_post() && page.is_listed())
    }

    /// The text of the home page.
    pub fn home(&self) -> Option<&Arc<Page>> {
        self.home.as_ref()
    }

    /// The text below every page.
    pub fn footer(&self) -> Option<&Arc<Page>> {
        self.footer.as_ref()
    }

    /// The page at `path`.
    pub fn at(&self, path: &UrlPath) -> Option<&Arc<Page>> {
        self.places.paths.get(path).map(|at| &self.pages[*at])
    }

    /// Where `page` stands among the pages of this index.
    pub fn position(&self, page: &Page) -> Option<usize> {
        let at = *self.places.paths.get(&page.path)?;
        (self.pages[at].file.relative == page.file.relative).then_some(at)
    }

    /// The page made of the file `relative` to `content/`.
    pub fn by_source(&self, relative: &str) -> Option<&Arc<Page>> {
        let special = [&self.home, &self.footer].into_iter().flatten();
        self.places
            .sources
            .get(relative)
            .map(|at| &self.pages[*at])
            .or_else(|| special.into_iter().find(|page| *page.file.relative == *relative))
    }

    /// The page called so, in any letter case.
    pub fn titled(&self, title: &str) -> Option<&Arc<Page>> {
        let titles = self.places.titles.get_or_init(|| titles_of(&self.pages));
        let folded = title.to_lowercase();
        let found = titles.get(&Fingerprint::of(&*folded)).map(|at| &self.pages[*at]);
        found.filter(|page| page.title.to_lowercase() == folded)
    }

    /// Old addresses, and the pages they lead to.
    pub fn aliases(&self) -> &[(UrlPath, Arc<Page>)] {
        &self.aliases
    }

    /// What posts are filed under.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Files that are published as they are.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// When the index changes by itself: a post falls due, or a page expires.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.next_due
    }

    /// The listed posts before and after the one at `path`: the older, then the newer.
    pub fn neighbors(&self, path: &UrlPath) -> (Option<&Arc<Page>>, Option<&Arc<Page>>) {
        let is_listed = |page: &&Arc<Page>| page.is_post() && page.is_listed();
        let at = self.places.paths.get(path).copied();
        let Some(at) = at.filter(|at| is_listed(&&self.pages[*at])) else { return (None, None) };
        let older = self.pages[at + 1..].iter().find(is_listed);
        (older, self.pages[..at].iter().rev().find(is_listed))
    }
}

impl Places {
    fn of(pages: &[Arc<Page>]) -> Self {
        let mut places = Self::default();
        for (at, page) in pages.iter().enumerate() {
            places.paths.entry(page.path.clone()).or_insert(at);
            places.sources.insert(page.file.relative.clone(), at);
        }
        places
    }
}

fn titles_of(pages: &[Arc<Page>]) -> FastMap<Fingerprint, usize> {
    let mut titles = FastMap::default();
    for (at, page) in pages.iter().enumerate() {
        titles.entry(Fingerprint::of(&*page.title.to_lowercase())).or_insert(at);
    }
    titles
}

/// Posts newest first; then pages by their order, those without one last, and title.
fn order_of(page: &Page) -> impl Ord + '_ {
    let newest_first = std::cmp::Reverse(page.date.filter(|_| page.is_post()));
    let order = page.front_matter.seldom.order.filter(|_| !page.is_post()).unwrap_or(i64::MAX);
    let title = (!page.is_post()).then_some(page.title.as_str());
    (page.role, newest_first, order, title, &page.path)
}

fn is_published(page: &Page, config: &Config, now: Timestamp) -> bool {
    let front_matter = &page.front_matter;
    let is_due = config.future || page.date.is_none_or(|date| date <= now);
    let is_current = front_matter.seldom.expires.is_none_or(|expires| now < expires);
    (config.drafts || !front_matter.draft) && is_due && is_current
}

fn next_due(pages: &[Arc<Page>], config: &Config, now: Timestamp) -> Option<Timestamp> {
    let counts = |page: &&Arc<Page>| config.drafts || !page.front_matter.draft;
    let instants = |page: &Arc<Page>| [page.date, page.front_matter.seldom.expires];
    pages.iter().filter(counts).flat_map(instants).flatten().filter(|instant| *instant > now).min()
}

fn collision(page: &Page, path: &UrlPath, other: &str) -> Problem {
    let mistake = Mistake::Collision { path: path.to_string(), other: other.to_owned() };
    Problem::new(page.place(page.places.address), mistake)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;
    use crate::content::source::SourceFile;

    fn index(files: &[(&str, &str)]) -> (ContentIndex, Vec<String>) {
        let sources = Sources { root: "/site".into(), ..Sources::default() };
        let (config, _) = Config::from_text("tallymark.toml", "", &sources);
        let pages = files.iter().map(|(relative, text)| {
            let file = SourceFile {
                path: format!("/site/content/{relative}").into(),
                name: format!("content/{relative}").into(),
                relative: (*relative).into(),
            };
            Page::read(file, text, &config).page.unwrap()
        });
        let now = Timestamp::from_millis(1_795_478_400_000); // 2026-11-24T00:00:00Z
        let (index, problems) = ContentIndex::new(pages.collect(), Vec::new(), &config, now);
        (index, problems.iter().map(|problem| problem.to_string().replace('\n', "")).collect())
    }

    fn paths<'a>(pages: impl IntoIterator<Item = &'a Arc<Page>>) -> Vec<&'a str> {
        pages.into_iter().map(|page| page.path.as_str()).collect()
    }

    #[test]
    fn only_what_is_due_is_published_and_only_what_is_listed_is_named() {
        let (index, problems) = index(&[
            ("blog/old.md", "---\ndate: 2025-01-01\ntags: [Rust, web]\n---\n"),
            ("blog/new.md", "---\ndate: 2026-11-24\ntags: [rust]\n---\n"),
            ("blog/due.md", "---\ndate: 2026-11-24T00:00:01Z\n---\n"),
            ("blog/draft.md", "---\ndate: 2026-01-01\ndraft: true\n---\n"),
            ("blog/gone.md", "---\ndate: 2026-01-01\nexpires: 2026-11-24\n---\n"),
            ("blog/ends.md", "---\ndate: 2026-02-01\nexpires: 2026-11-25\n---\n"),
            ("blog/secret.md", "---\ndate: 2026-03-01\nunlisted: true\ntags: [rust]\n---\n"),
            ("b.md", "---\norder: 1\n---\n"),
            ("a.md", ""),
        ]);
        assert_eq!(problems, [""; 0]);
        assert_eq!(paths(index.pages()), ["/new/", "/secret/", "/ends/", "/old/", "/b/", "/a/"]);
        assert_eq!(paths(index.listed_posts()), ["/new/", "/ends/", "/old/"]);
        assert_eq!(paths(index.listed_pages()), ["/b/", "/a/"]);
        let rust = index.tags().term("RUST").unwrap();
        assert_eq!((&*rust.name, paths(&rust.posts)), ("Rust", vec!["/new/", "/old/"]));
        assert_eq!(index.next_due().unwrap().to_rfc3339(), "2026-11-24T00:00:01Z");
    }

    #[test]
    fn a_tag_is_one_however_its_letters_are_composed() {
        let (index, problems) = index(&[
            ("blog/a.md", "---\ndate: 2026-01-01\ntags: [\"Caf\u{e9}\"]\n---\n"),
            ("blog/b.md", "---\ndate: 2026-01-02\ntags: [\"cafe\u{301}\"]\n---\n"),
        ]);
        assert_eq!((index.tags().terms().len(), problems), (1, Vec::<String>::new()));
        let posts = &index.tags().term("CAF\u{c9}").unwrap().posts;
        assert_eq!(paths(posts), ["/b/", "/a/"]);
    }

    #[test]
    fn neighbors_are_the_listed_posts_on_either_side() {
        let (index, _) = index(&[
            ("blog/a.md", "---\ndate: 2026-01-01\n---\n"),
            ("blog/b.md", "---\ndate: 2026-01-02\nunlisted: true\n---\n"),
            ("blog/c.md", "---\ndate: 2026-01-03\n---\n"),
            ("blog/d.md", "---\ndate: 2026-01-03\n---\n"),
            ("page.md", ""),
        ]);
        let around = |path: &str| {
            let (older, newer) = index.neighbors(&UrlPath::parse(path).unwrap());
            (older.map(|page| page.path.as_str()), newer.map(|page| page.path.as_str()))
        };
        assert_eq!(around("/a/"), (None, Some("/d/")));
        assert_eq!(around("/d/"), (Some("/a/"), Some("/c/")));
        assert_eq!(around("/c/"), (Some("/d/"), None));
        assert_eq!(around("/b/"), (None, None));
        assert_eq!(around("/page/"), (None, None));
    }

    #[test]
    fn whatever_shares_an_address_is_told_with_both_names() {
        let (_, problems) = index(&[
            ("about.md", ""),
            ("pages/about.md", ""),
            ("Größe.md", ""),
            ("gro\u{308}ße.md", ""),
            ("stats.md", ""),
            ("_/x.md", ""),
            ("one.md", "---\naliases: [/about, /old, /one/, /stats/sub]\n---\n"),
            ("two.md", "---\naliases: [/OLD/]\n---\n"),
            ("home.md", ""),
            ("index.md", ""),
        ]);
        let mut problems: Vec<&str> =
            problems.iter().filter_map(|problem| problem.split("  help").next()).collect();
        problems.sort_unstable();
        assert_eq!(
            problems,
            [
                "content/Größe.md:1:1: error: the address `/größe/` is also that of `content/gro\u{308}ße.md`",
                "content/_/x.md:1:1: error: the address `/_/x/` is kept for the site itself",
                "content/index.md:1:1: error: the address `/` is also that of `content/home.md`",
                "content/one.md:2:10: error: the address `/stats/sub/` is kept for the site itself",
                "content/one.md:2:10: error: the alias `/about/` is also an address of `content/pages/about.md`",
                "content/pages/about.md:1:1: error: the address `/about/` is also that of `content/about.md`",
                "content/stats.md:1:1: error: the address `/stats/` is kept for the site itself",
                "content/two.md:2:10: error: the alias `/OLD/` is also an address of `content/one.md`",
            ]
        );
    }
}
