//! What templates may ask about the site: each function answers from the scope of the page being rendered.
#![expect(clippy::needless_pass_by_value, reason = "the engine hands arguments over by value")]

use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use super::scope::{Current, Scope};
use super::summary::{popular_summary, summary};
use super::trace::Question;
use super::view::TermView;
use crate::content::{NoData, Page};
use crate::fingerprint::{Fingerprint, Fold};
use crate::permalink::UrlPath;

/// The period of `popular()` if none is named.
const USUAL_PERIOD: &str = "28d";

/// Names each function and its arguments once: for the engine, and for who has misspelled one.
macro_rules! functions {
    ($($name:ident($($argument:ident),*);)*) => {
        /// The functions of this program, by name.
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Makes them known to `tera`.
        pub(super) fn register(tera: &mut Tera) {
            $(tera.register_function(stringify!($name), |arguments: Kwargs, _: &State<'_>| {
                verify(stringify!($name), &[$(stringify!($argument)),*], &arguments)?;
                $name(arguments)
            });)*
        }
    };
}

functions! {
    pages(kind, tag, featured, limit);
    popular(period, tag, limit);
    nav();
    neighbors(path);
    terms(taxonomy, limit);
    asset(path);
    link(path);
    load_data(path);
}

/// A misspelled argument that nobody reads would be an answer to another question.
fn verify(function: &str, known: &[&str], arguments: &Kwargs) -> TeraResult<()> {
    let Some((unknown, _)) =
        arguments.iter().find(|(name, _)| !known.contains(&name.as_str().unwrap_or_default()))
    else {
        return Ok(());
    };
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    let but = if known.is_empty() { String::new() } else { format!(", but {}", known.join(", ")) };
    Err(Error::message(format!("`{function}` takes no `{unknown}`{but}")))
}

fn scope() -> TeraResult<Rc<Current>> {
    Scope::current().ok_or_else(|| Error::message("this template knows no site to ask about"))
}

/// What `pages()` was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct PagesQuery {
    posts: bool,
    tag: Option<String>,
    featured: Option<bool>,
    limit: usize,
}

impl PagesQuery {
    fn read(arguments: &Kwargs) -> TeraResult<Self> {
        let kind: Option<&str> = arguments.get("kind")?;
        let posts = match kind.unwrap_or("post") {
            "post" => true,
            "page" => false,
            other => {
                let reason = format!("`kind` must be `post` or `page`, but is `{other}`");
                return Err(Error::message(reason));
            }
        };
        Ok(Self {
            posts,
            tag: arguments.get::<&str>("tag")?.map(str::to_owned),
            featured: arguments.get("featured")?,
            limit: limit(arguments)?,
        })
    }

    /// The pages that it means.
    pub(super) fn select<'a>(&self, scope: &'a Scope) -> Vec<&'a Arc<Page>> {
        let of_kind: Vec<&Arc<Page>> = match (self.posts, &self.tag) {
            (true, Some(tag)) => {
                let term = scope.index.tags().term(tag);
                term.map(|term| term.posts.iter().collect()).unwrap_or_default()
            }
            (true, None) => scope.index.listed_posts().iter().collect(),
            (false, None) => scope.index.listed_pages().collect(),
            (false, Some(_)) => Vec::new(),
        };
        let is_wanted = |page: &&Arc<Page>| {
            self.featured.is_none_or(|featured| page.front_matter.featured == featured)
        };
        let mut wanted: Vec<&Arc<Page>> = of_kind.into_iter().filter(is_wanted).collect();
        if self.featured == Some(true) {
            wanted.sort_by_key(|page| page.front_matter.seldom.featured_order.unwrap_or(i64::MAX));
        }
        wanted.truncate(self.limit);
        wanted
    }
}

/// What `popular()` was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct PopularQuery {
    period: String,
    tag: Option<String>,
    limit: usize,
}

impl PopularQuery {
    fn read(arguments: &Kwargs) -> TeraResult<Self> {
        Ok(Self {
            period: arguments.get::<&str>("period")?.unwrap_or(USUAL_PERIOD).to_owned(),
            tag: arguments.get::<&str>("tag")?.map(str::to_owned),
            limit: limit(arguments)?,
        })
    }

    /// The posts that it means and how often each was viewed, most first, then the newest; why it means none, if
    /// there is no such period.
    fn select<'a>(&self, scope: &'a Scope) -> Result<Vec<(&'a Arc<Page>, u64)>, String> {
        let views = scope.views(&self.period);
        let views = views.as_ref().as_ref().map_err(Clone::clone)?;
        let query =
            PagesQuery { posts: true, tag: self.tag.clone(), featured: None, limit: usize::MAX };
        let posts = query.select(scope).into_iter().map(|page| (page, views.at(&page.path)));
        let mut read: Vec<_> = posts.filter(|(_, views)| *views > 0).collect();
        read.sort_by_key(|(_, views)| std::cmp::Reverse(*views));
        read.truncate(self.limit);
        Ok(read)
    }

    /// The fingerprint of what it is answered.
    pub(super) fn fingerprint(&self, scope: &Scope) -> Fingerprint {
        let Ok(posts) = self.select(scope) else { return Fingerprint::default() };
        let mut fold = Fold::default();
        for (page, views) in posts {
            fold.add(&(scope.shown(page), scope.shows_views.then_some(views)));
        }
        fold.finish()
    }
}

fn limit(arguments: &Kwargs) -> TeraResult<usize> {
    let limit = arguments.get::<u64>("limit")?;
    Ok(limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)))
}

/// `pages(kind="post", tag="x", featured=true, limit=5)`: summaries, newest or first in order first.
fn pages(arguments: Kwargs) -> TeraResult<Value> {
    let scope = scope()?;
    let query = PagesQuery::read(&arguments)?;
    scope.note(|| Question::Pages(query.clone()));
    let values = query.select(&scope).into_iter().map(|page| summary(page, &scope));
    Ok(values.collect::<Vec<Value>>().into())
}

/// `popular(period="28d", tag="x", limit=5)`: summaries of the posts that were read most, most first.
fn popular(arguments: Kwargs) -> TeraResult<Value> {
    let scope = scope()?;
    let query = PopularQuery::read(&arguments)?;
    scope.note(|| Question::Popular(query.clone()));
    let posts = query.select(&scope).map_err(Error::message)?;
    let values = posts.into_iter().map(|(page, views)| popular_summary(page, views, &scope));
    Ok(values.collect::<Vec<Value>>().into())
}

/// `nav()`: the pages that the navigation links to.
fn nav(_: Kwargs) -> TeraResult<Value> {
    let scope = scope()?;
    scope.note(|| Question::Nav);
    Ok(scope.nav_value())
}

/// `neighbors(path=page.path)`: the listed posts on either side; `previous` is the older.
fn neighbors(arguments: Kwargs) -> TeraResult<Value> {
    let scope = scope()?;
    let path = path_of(arguments.must_get("path")?)?;
    scope.note(|| Question::Neighbors(path.clone()));
    let (older, newer) = scope.index.neighbors(&path);
    let value =
        |page: Option<&Arc<Page>>| page.map_or_else(Value::none, |page| scope.summary_beside(page));
    Ok(Value::from_serializable(&Beside { previous: value(older), next: value(newer) }))
}

/// What `neighbors()` answers.
#[derive(Serialize)]
struct Beside {
    previous: Value,
    next: Value,
}

/// `terms(taxonomy="tags", limit=10)`: what posts are filed under; with a limit, the most used first.
fn terms(arguments: Kwargs) -> TeraResult<Value> {
    let scope = scope()?;
    let taxonomy: Option<&str> = arguments.get("taxonomy")?;
    if let Some(other) = taxonomy.filter(|taxonomy| *taxonomy != "tags") {
        return Err(Error::message(format!("there is no taxonomy `{other}`")));
    }
    scope.note(|| Question::Terms);
    let mut terms: Vec<_> = scope.index.tags().terms().iter().collect();
    let limit = limit(&arguments)?;
    if limit < usize::MAX {
        terms.sort_by_key(|term| std::cmp::Reverse(term.posts.len()));
        terms.truncate(limit);
    }
    let values =
        terms.into_iter().map(|term| Value::from_serializable(&TermView::new(term, &scope)));
    Ok(values.collect::<Vec<Value>>().into())
}

/// `asset(path="style.css")`: the fingerprinted link to a static file.
fn asset(arguments: Kwargs) -> TeraResult<Value> {
    let scope = scope()?;
    let name: &str = arguments.must_get("path")?;
    match scope.fingerprint(name) {
        Some(path) => Ok(scope.config.base.link(&path).into()),
        None => Err(Error::message(format!("there is no static file `{name}`"))),
    }
}

/// `link(path="/about/")`: the link to a path of the site.
fn link(arguments: Kwargs) -> TeraResult<Value> {
    let scope = scope()?;
    Ok(scope.config.base.link(&path_of(arguments.must_get("path")?)?).into())
}

/// `load_data(path="books.toml")`: what is in a file of `data/`.
fn load_data(arguments: Kwargs) -> TeraResult<Value> {
    let scope = scope()?;
    let data = scope.data(arguments.must_get("path")?);
    match &*data {
        Ok(data) => Ok(data.value.clone()),
        Err(NoData::Name(reason)) => Err(Error::message(reason.clone())),
        Err(NoData::File(problem)) => {
            scope.fail(problem.clone());
            Err(Error::message(problem.mistake.to_string()))
        }
    }
}

fn path_of(text: &str) -> TeraResult<UrlPath> {
    UrlPath::parse(text).map_err(|error| Error::message(format!("`{text}` is no path: {error}")))
}
