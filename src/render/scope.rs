//! What template functions answer from while a page is rendered: the index, the settings, the addresses.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lru::LruCache;
use rayon::prelude::*;
use tera::Value;

use super::addresses::Addresses;
use super::archives::Archive;
use super::readership::{ALL_TIME, Readers, Views};
use super::resolver;
use super::summary::{summary, summary_beside};
use super::trace::Question;
use crate::config::Config;
use crate::content::{ContentIndex, Data, Exchange, NoData, Page, Term, read_data};
use crate::fingerprint::{Fingerprint, Fold};
use crate::permalink::UrlPath;
use crate::problem::Problem;
use crate::site::Digest;

thread_local! {
    /// Functions of a template engine cannot borrow, so the scope is handed to them by thread.
    static CURRENT: RefCell<Option<Rc<Current>>> = const { RefCell::new(None) };
}

/// How many summaries are at hand: a few for each core.
const LATELY: NonZeroUsize = NonZeroUsize::new(128).expect("it is more than nothing");

/// What template functions answer from.
#[derive(Debug)]
pub(super) struct Scope {
    pub(super) config: Arc<Config>,
    pub(super) index: Arc<ContentIndex>,
    pub(super) addresses: Arc<Addresses>,
    pub(super) archives: Vec<Archive>,
    /// Each file of `static/` and of the theme, by name.
    pub(super) statics: Arc<BTreeMap<String, StaticFile>>,
    /// What lists can show of each page, in the order of the index, as a fingerprint.
    shown: Vec<Fingerprint>,
    /// What `nav()` answers, which every page asks for.
    nav: OnceLock<Value>,
    nav_fingerprint: OnceLock<Fingerprint>,
    /// Summaries of the pages that were beside others lately: each is beside two, which are rendered close together.
    beside: Mutex<LruCache<usize, Value>>,
    /// The files of `data/` that were asked for, or why they cannot be read.
    data: Mutex<BTreeMap<String, Arc<Result<DataView, NoData>>>>,
    /// Whether templates may show of a page whatever they want, as an author's may. Those built in show little, in lists
    /// no number of words and no number of posts that share a tag, with each of which other pages would change.
    pub(super) shows_all: bool,
    /// Whether templates may show how often a page was viewed.
    pub(super) shows_views: bool,
    readers: Readers,
    /// How often pages were viewed in each period that was asked about, or why it is none.
    views: Mutex<BTreeMap<String, Arc<Result<Views, String>>>>,
    /// Whether the addresses of the site, and what leads to them, are those of the last build.
    pub(super) has_same_addresses: bool,
    /// What is not as it was in the last build; none if that could be anything.
    pub(super) difference: Option<Difference>,
}

/// What a scope is made of besides the index.
pub(super) struct Parts {
    pub(super) addresses: Addresses,
    pub(super) archives: Vec<Archive>,
    pub(super) statics: BTreeMap<String, StaticFile>,
    pub(super) shows_all: bool,
    pub(super) shows_views: bool,
    pub(super) readers: Readers,
}

/// What is not as it was: texts alone.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// The pages whose text is another.
    texts: Vec<Arc<Page>>,
    /// Those of them that lists show differently.
    shown: Vec<Arc<Page>>,
    /// The addresses of the pages that these stand beside.
    pub(super) beside: BTreeSet<UrlPath>,
}

impl Scope {
    /// What templates can ask about the site of `index`.
    pub(super) fn new(config: &Arc<Config>, index: &Arc<ContentIndex>, parts: Parts) -> Self {
        let Parts { addresses, archives, statics, shows_all, shows_views, readers } = parts;
        let mut scope = Self {
            config: config.clone(),
            index: index.clone(),
            addresses: Arc::new(addresses),
            archives,
            statics: Arc::new(statics),
            shown: Vec::new(),
            nav: OnceLock::new(),
            nav_fingerprint: OnceLock::new(),
            beside: Mutex::new(LruCache::new(LATELY)),
            data: Mutex::default(),
            shows_all,
            shows_views,
            readers,
            views: Mutex::default(),
            has_same_addresses: false,
            difference: None,
        };
        scope.shown = index.pages().par_iter().map(|page| scope.fingerprint_of(page)).collect();
        scope
    }

    /// The scope of an index in which texts were exchanged.
    pub(super) fn exchanged(&self, index: &Arc<ContentIndex>, exchanges: &[Exchange]) -> Self {
        let mut scope = Self {
            config: self.config.clone(),
            index: index.clone(),
            addresses: self.addresses.clone(),
            archives: self.archives.iter().map(|archive| archive.exchanged(exchanges)).collect(),
            statics: self.statics.clone(),
            shown: self.shown.clone(),
            nav: OnceLock::new(),
            nav_fingerprint: OnceLock::new(),
            beside: Mutex::new(LruCache::new(LATELY)),
            data: Mutex::default(),
            shows_all: self.shows_all,
            shows_views: self.shows_views,
            readers: self.readers.clone(),
            views: Mutex::default(),
            has_same_addresses: true,
            difference: None,
        };
        let mut difference = Difference::default();
        for Exchange { new, .. } in exchanges {
            difference.texts.push(new.clone());
            let Some(at) = index.position(new) else { continue };
            let shown = scope.fingerprint_of(new);
            if std::mem::replace(&mut scope.shown[at], shown) != shown {
                difference.shown.push(new.clone());
                let (older, newer) = index.neighbors(&new.path);
                let beside = older.into_iter().chain(newer);
                difference.beside.extend(beside.map(|page| page.path.clone()));
            }
        }
        scope.difference = Some(difference);
        scope
    }

    /// Whether the text of a page is known to be as it was.
    pub(super) fn has_same_text(&self, page: &Arc<Page>) -> bool {
        let is_it = |other: &Arc<Page>| Arc::ptr_eq(other, page);
        self.difference.as_ref().is_some_and(|difference| !difference.texts.iter().any(is_it))
    }

    /// Whether all that lists show of `pages` is known to be as it was.
    pub(super) fn shows_the_same<'a>(
        &self,
        pages: impl IntoIterator<Item = &'a Arc<Page>>,
    ) -> bool {
        let Some(difference) = &self.difference else { return false };
        let differs = |page| difference.shown.iter().any(|other| Arc::ptr_eq(other, page));
        difference.shown.is_empty() || !pages.into_iter().any(differs)
    }

    /// Whether a page is one of those that readers are counted on.
    pub(super) fn entries_have(&self, page: &Page) -> bool {
        self.index.position(page).is_some()
    }

    /// The fingerprint of everything that lists can show of a page.
    pub(super) fn shown(&self, page: &Page) -> Fingerprint {
        match self.index.position(page) {
            Some(at) => self.shown[at],
            None => self.fingerprint_of(page),
        }
    }

    /// The fingerprint of all that lists can show of pages, in their order.
    pub(super) fn shown_of<'a>(
        &self,
        pages: impl IntoIterator<Item = &'a Arc<Page>>,
    ) -> Fingerprint {
        let mut fold = Fold::default();
        pages.into_iter().for_each(|page| fold.add(&self.shown(page)));
        fold.finish()
    }

    fn fingerprint_of(&self, page: &Page) -> Fingerprint {
        let mut fold = Fold::default();
        fold.add(&(&page.path, &page.file.relative, page.listed, page.reading_minutes()));
        fold.add(&self.shows_all.then_some(page.words));
        fold.add(&self.shows_views.then(|| self.views_of(page)));
        for term in self.terms_of(page) {
            fold.add(&(&term.name, &term.path, self.shows_all.then_some(term.posts.len())));
        }
        let matter = &page.front_matter;
        for source in [&matter.seldom.image, &matter.seldom.author_image] {
            fold.add(&self.picture(page, source.as_deref()));
        }
        fold.finish()
    }

    /// The scope of the page that this thread is rendering.
    pub(super) fn current() -> Option<Rc<Current>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Makes this the scope of what this thread renders, until the guard is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Guard {
        Guard {
            outer: CURRENT.replace(Some(Rc::new(Current {
                scope: self.clone(),
                failure: RefCell::default(),
            }))),
        }
    }

    /// The canonical form of an address, if the site answers it.
    pub(super) fn address(&self, path: &UrlPath) -> Option<&UrlPath> {
        self.note(|| Question::Address(path.clone()));
        self.addresses.find(path)
    }

    /// The address of the file `relative` to `content/`, if it is published as it is.
    pub(super) fn asset(&self, relative: &str) -> Option<&UrlPath> {
        self.note(|| Question::Asset(relative.into()));
        self.addresses.asset(relative)
    }

    /// The page made of the file `relative` to `content/`.
    pub(super) fn source(&self, relative: &str) -> Option<&Arc<Page>> {
        self.note(|| Question::Source(relative.into()));
        self.index.by_source(relative)
    }

    /// The page called so.
    pub(super) fn titled(&self, title: &str) -> Option<&Arc<Page>> {
        self.note(|| Question::Titled(title.into()));
        self.index.titled(title)
    }

    /// An address that ends as `path` does.
    pub(super) fn suggestion(&self, path: &str) -> Option<&UrlPath> {
        self.note(|| Question::Suggestion(path.into()));
        self.addresses.suggestion(path)
    }

    /// What a page is filed under, each term once.
    pub(super) fn terms_of(&self, page: &Page) -> Vec<&Term> {
        let mut terms: Vec<&Term> = Vec::with_capacity(page.front_matter.tags.len());
        for term in page.front_matter.tags.iter().filter_map(|tag| self.index.tags().term(tag)) {
            if !terms.iter().any(|known| known.path == term.path) {
                terms.push(term);
            }
        }
        terms
    }

    /// The pages that the navigation links to.
    pub(super) fn nav(&self) -> impl Iterator<Item = &Arc<Page>> {
        self.index.listed_pages().filter(|page| page.front_matter.show_in_nav)
    }

    /// A page as lists show it, for one that it stands beside.
    pub(super) fn summary_beside(&self, page: &Page) -> Value {
        let Some(at) = self.index.position(page) else { return summary_beside(page, self) };
        let recent = || self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = recent().get(&at) {
            return known.clone();
        }
        let made = summary_beside(page, self);
        recent().put(at, made.clone());
        made
    }

    /// What is in the file `name` of `data/`, or why that cannot be told.
    pub(super) fn data(&self, name: &str) -> Arc<Result<DataView, NoData>> {
        self.note(|| Question::Data(name.into()));
        self.data_unnoted(name)
    }

    /// As [`data`](Self::data), for those who only look whether it has changed.
    pub(super) fn data_unnoted(&self, name: &str) -> Arc<Result<DataView, NoData>> {
        let mut known = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            let view = |data: Data| DataView {
                value: Value::from_serializable(&data.value),
                fingerprint: data.fingerprint,
            };
            Arc::new(read_data(name, &self.config).map(view))
        };
        known.entry(name.to_owned()).or_insert_with(read).clone()
    }

    /// How often pages were viewed in the period called so, or why there is none.
    pub(super) fn views(&self, period: &str) -> Arc<Result<Views, String>> {
        let mut known = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(views) = known.get(period) {
            return views.clone();
        }
        let views = Arc::new(Views::of(period, &self.readers, &self.index));
        known.insert(period.to_owned(), views.clone());
        views
    }

    /// How often a page was ever viewed.
    pub(super) fn views_of(&self, page: &Page) -> u64 {
        self.views(ALL_TIME).as_ref().as_ref().map_or(0, |views| views.at(&page.path))
    }

    /// Whether it was asked how often pages were viewed.
    pub(super) fn was_asked_for_views(&self) -> bool {
        !self.views.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// What `nav()` answers.
    pub(super) fn nav_value(&self) -> Value {
        let value = || self.nav().map(|page| summary(page, self)).collect::<Vec<Value>>().into();
        self.nav.get_or_init(value).clone()
    }

    /// The fingerprint of what `nav()` answers.
    pub(super) fn nav_fingerprint(&self) -> Fingerprint {
        *self.nav_fingerprint.get_or_init(|| self.shown_of(self.nav()))
    }

    /// The link to a picture that front matter names: a file beside the page, or an address.
    pub(super) fn picture(&self, page: &Page, source: Option<&str>) -> Option<String> {
        let source = source?;
        let found = resolver::image_of(source, Some(page), self);
        Some(found.map_or_else(|| source.to_owned(), |path| self.config.base.link(&path)))
    }

    /// Whether a picture that front matter names should be on the site and is not.
    pub(super) fn lacks_picture(&self, page: &Page, source: &str) -> bool {
        resolver::is_inside(source, self) && resolver::image_of(source, Some(page), self).is_none()
    }

    /// The fingerprinted address of a static file, which may be kept for ever; none if there is no such file.
    ///
    /// While writing it is the plain address, so that a changed style sheet changes no page.
    pub(super) fn fingerprint(&self, name: &str) -> Option<UrlPath> {
        let name = name.trim_start_matches('/');
        self.note(|| Question::Static(name.into()));
        let file = self.statics.get(name)?;
        if self.config.dev {
            return UrlPath::parse(name).ok();
        }
        file.is_asked_for.store(true, Ordering::Relaxed);
        file.lasting.clone()
    }

    /// The names of the files whose fingerprinted address was asked for, and that address.
    pub(super) fn asked_for(&self) -> impl Iterator<Item = (&str, &UrlPath)> {
        let asked = |file: &&StaticFile| file.is_asked_for.load(Ordering::Relaxed);
        self.statics.iter().filter_map(move |(name, file)| {
            Some((name.as_str(), file.lasting.as_ref().filter(|_| asked(&file))?))
        })
    }
}

/// What is in a file of `data/`, as templates see it.
#[derive(Debug)]
pub(super) struct DataView {
    pub(super) value: Value,
    pub(super) fingerprint: Fingerprint,
}

/// A static file, as templates may ask for it.
#[derive(Debug)]
pub(super) struct StaticFile {
    pub(super) digest: Digest,
    /// The address with a fingerprint in it.
    lasting: Option<UrlPath>,
    is_asked_for: AtomicBool,
}

impl StaticFile {
    /// The file `name` whose contents hash to `digest`.
    pub(super) fn new(name: &str, digest: Digest) -> Self {
        Self { digest, lasting: fingerprinted(name, digest), is_asked_for: AtomicBool::new(false) }
    }
}

/// `style.css` becomes `/style.0123456789abcdef.css`.
fn fingerprinted(name: &str, digest: Digest) -> Option<UrlPath> {
    let hash = &digest.to_string()[..16];
    let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
    let file = match file.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}.{hash}.{extension}"),
        None => format!("{file}.{hash}"),
    };
    UrlPath::parse(&format!("{folder}/{file}")).or_else(|_| UrlPath::parse(&file)).ok()
}

/// The scope of what this thread renders; counted by the thread alone, for every function asks for it.
pub(super) struct Current {
    scope: Arc<Scope>,
    failure: RefCell<Option<Problem>>,
}

impl Current {
    /// Notes why a function has no answer, if that is elsewhere than in the template that asks it.
    pub(super) fn fail(&self, problem: Problem) {
        self.failure.replace(Some(problem));
    }

    /// What was noted since.
    pub(super) fn take_failure(&self) -> Option<Problem> {
        self.failure.take()
    }
}

impl Deref for Current {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

/// Restores the scope that was there before.
pub(super) struct Guard {
    outer: Option<Rc<Current>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
    }
}
