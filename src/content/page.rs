//! One valid source file that knows its address; its body is still Markdown.

use std::sync::Arc;

use anyhow::Context;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::front_matter::{self, FrontMatter, Places, Source};
use super::source::{self, SourceFile};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::fingerprint::Fingerprint;
use crate::folder::Folder;
use crate::markdown;
use crate::permalink::{Slug, UrlPath};
use crate::problem::{Mistake, Place, Position, Problem};

/// The folder whose pages are addressed as if it were not there.
const TRANSPARENT_FOLDER: &str = "pages";

/// How fast people read English prose silently: 238 words a minute on average (Brysbaert 2019).
const WORDS_A_MINUTE: usize = 238;

/// What a source file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// It has a date, and appears in lists, feeds and tags.
    Post,
    /// It is reached by its address and by links.
    Page,
    /// Its text stands on the home page.
    Home,
    /// Its text stands below every page.
    Footer,
}

/// One valid source file that knows its permalink; its body is still Markdown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The file; where it is kept, it is known by its name.
    #[serde(skip)]
    pub file: SourceFile,
    /// What it is for.
    pub role: Role,
    /// Its metadata.
    pub front_matter: FrontMatter,
    /// What readers know it by.
    pub title: String,
    /// Its address.
    pub path: UrlPath,
    /// When a post is published; a page may have a date too.
    pub date: Option<Timestamp>,
    /// Plain text for lists and feeds.
    pub summary: Box<str>,
    /// How many words a reader meets.
    pub words: usize,
    /// Whether the body opens with a heading that says the title.
    pub opens_with_title: bool,
    /// Where the keys are that can be in the way of other pages.
    pub places: Places,
    /// What its file hashes to.
    pub fingerprint: Fingerprint,
    /// What lists show of it, but for its length, hashes to.
    pub listed: Fingerprint,
}

/// The text of a page.
#[derive(Debug)]
pub struct Text {
    /// The whole contents of the file.
    pub whole: String,
    /// Where the body begins in it.
    pub body: usize,
    /// Whether it is the text that the page was made of.
    pub is_current: bool,
}

/// A page, if the file makes one, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Read {
    /// The page; none if its address or its date cannot be told.
    pub page: Option<Arc<Page>>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

impl Page {
    /// Reads `text`, the contents of `file`.
    pub fn read(file: SourceFile, text: &str, config: &Config) -> Read {
        let source = Source { name: &file.name, text };
        let parsed = front_matter::parse(source, &config.timezone);
        let mut problems = parsed.problems;
        let front_matter = parsed.front_matter;
        let body = &text[parsed.body..];
        let options = markdown::Options {
            smart_punctuation: config.markdown.smart_punctuation,
            ..markdown::Options::default()
        };
        let outline = match &front_matter.title {
            Some(_) => markdown::outline_of_titled(body, &options),
            None => markdown::outline(body, &options),
        };
        let spot = Spot::of(&file.relative, config);
        let named = spot.dated_name(&config.timezone);
        let date = front_matter.date.or(named.map(|(date, _)| date));
        let stem = named.map_or(spot.name, |(_, rest)| rest);
        let path = match spot.address(&front_matter, stem, date, config) {
            Ok(path) => Some(path),
            Err(mistake) => {
                problems.push(Problem::new(Place::at(file.name.clone(), text, 0), mistake));
                None
            }
        };
        if spot.role == Role::Post && date.is_none() && !is_date_told_of(&problems) {
            problems.push(Problem::new(Place::at(file.name.clone(), text, 0), Mistake::NoDate));
        }
        let title = front_matter.title.clone();
        // The texts of the home page and the footer stand as they are, and show no title of their own.
        let opens_with_title = outline.opens_with_title
            && matches!(spot.role, Role::Post | Role::Page)
            && title.as_ref().is_none_or(|title| same_words(title, outline.heading.as_deref()));
        let title =
            title.or_else(|| outline.heading.clone()).unwrap_or_else(|| title_of_name(stem));
        let summary =
            front_matter.seldom.excerpt.clone().unwrap_or(outline.summary).into_boxed_str();
        let listed = Fingerprint::of(&(&text[..parsed.body], &title, &summary));
        let page = path.filter(|_| spot.role != Role::Post || date.is_some()).map(|path| Self {
            role: spot.role,
            title,
            path,
            date,
            summary,
            words: outline.words,
            opens_with_title,
            places: parsed.places,
            fingerprint: Fingerprint::of(text),
            listed,
            front_matter,
            file,
        });
        Read { page: page.map(Arc::new), problems }
    }

    /// Whether nothing but the text of its body tells it from `other`.
    pub(super) fn stands_where(&self, other: &Self) -> bool {
        let Self { file, role, front_matter, title, path, date, places: _, .. } = self;
        (file, role, front_matter, title)
            == (&other.file, &other.role, &other.front_matter, &other.title)
            && (path, date) == (&other.path, &other.date)
    }

    /// Whether it is a post.
    pub fn is_post(&self) -> bool {
        self.role == Role::Post
    }

    /// Whether it may be named in lists, feeds and everywhere else.
    pub fn is_listed(&self) -> bool {
        !self.front_matter.unlisted
    }

    /// Whether the author wants a table of contents beside the text.
    pub fn wants_toc(&self) -> bool {
        self.front_matter.toc.unwrap_or(false)
    }

    /// How many minutes a reader takes, at least one.
    pub fn reading_minutes(&self) -> usize {
        self.words.div_ceil(WORDS_A_MINUTE).max(1)
    }

    /// A name that outlives the address.
    pub fn id(&self) -> &str {
        self.front_matter.seldom.id.as_deref().unwrap_or(&self.file.relative)
    }

    /// The same, shared with the page where the author gave none.
    pub fn shared_id(&self) -> Arc<str> {
        let given = self.front_matter.seldom.id.as_deref();
        given.map_or_else(|| self.file.relative.clone(), Arc::from)
    }

    /// The text of the page, read anew from `folder`, which is `content/`.
    ///
    /// The file may have been saved since; then what it says now is rendered, and the next build follows.
    pub fn text(&self, folder: &Folder) -> anyhow::Result<Text> {
        let is_it = |bytes: &[u8]| Fingerprint::of_text(bytes) == self.fingerprint;
        let (whole, is_current) = source::read_again(&self.file, folder, is_it)
            .with_context(|| format!("cannot read `{}`", self.file.name))?;
        let body = front_matter::body_of(&whole);
        Ok(Text { whole, body, is_current })
    }

    /// The place of something in the front matter; the start of the file if it is not written there.
    pub fn place(&self, position: Option<Position>) -> Place {
        let start = Position { line: 1, column: 1 };
        Place { file: self.file.name.clone(), position: Some(position.unwrap_or(start)) }
    }
}

/// Whether it was said already why there is no date: it is wrong, or nothing could be read.
fn is_date_told_of(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| match &problem.mistake {
        Mistake::WrongDate { key, .. } | Mistake::WrongType { key, .. } => {
            front_matter::is_called(key, "date")
        }
        Mistake::UnclosedFence { .. }
        | Mistake::FrontMatterSyntax { .. }
        | Mistake::FrontMatterTooLarge
        | Mistake::NotATable { .. }
        | Mistake::YamlAlias => true,
        _ => false,
    })
}

/// Where a source file lies, and what that makes of it.
struct Spot<'a> {
    role: Role,
    /// The folders above it, from `content/` on, without those that do not count.
    folders: Vec<&'a str>,
    /// Its name without the extension; of an `index.md` the name of its folder.
    name: &'a str,
}

impl<'a> Spot<'a> {
    fn of(relative: &'a str, config: &Config) -> Self {
        let mut folders: Vec<&str> = relative.split('/').collect();
        let file = folders.pop().unwrap_or_default();
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let posts_dir = config.posts_dirs.iter().find(|dir| is_within(relative, dir));
        if folders.first() == Some(&TRANSPARENT_FOLDER) && posts_dir.is_none() {
            folders.remove(0);
        }
        let is_index = stem == "index" || stem == "_index";
        let name = if is_index { folders.pop().unwrap_or_default() } else { stem };
        let depth = posts_dir.map_or(0, |dir| dir.matches('/').count() + 1);
        let heads_posts = posts_dir.is_some() && is_index && folders.len() < depth;
        let is_top = folders.is_empty();
        let role = match (posts_dir, name, is_top) {
            (Some(_), ..) if !heads_posts => Role::Post,
            (None, "home" | "", true) => Role::Home,
            (None, "footer", true) => Role::Footer,
            _ => Role::Page,
        };
        Self { role, folders, name }
    }

    /// The date that a post's name opens with, and the rest of the name.
    fn dated_name(&self, zone: &TimeZone) -> Option<(Timestamp, &'a str)> {
        (self.role == Role::Post).then(|| front_matter::date_in_name(self.name, zone)).flatten()
    }

    fn address(
        &self,
        front_matter: &FrontMatter,
        stem: &str,
        date: Option<Timestamp>,
        config: &Config,
    ) -> Result<UrlPath, Mistake> {
        if let Some(path) = &front_matter.seldom.permalink {
            return Ok(path.clone());
        }
        match self.role {
            Role::Home | Role::Footer => Ok(UrlPath::root()),
            Role::Post => {
                let slug = slug(front_matter, stem)?;
                let date = date.unwrap_or_default().in_zone(&config.timezone).date();
                config.post_permalink.expand(slug.as_str(), date).ok_or_else(|| too_long(stem))
            }
            Role::Page => {
                let folder = self
                    .folders
                    .iter()
                    .try_fold(UrlPath::root(), |path, folder| Ok(path.child(&slug_of(folder)?)))?;
                let path = folder.child(&slug(front_matter, stem)?);
                UrlPath::parse(path.as_str())
                    .map_err(|error| Mistake::FileName { reason: error.to_string() })
            }
        }
    }
}

fn slug(front_matter: &FrontMatter, stem: &str) -> Result<Slug, Mistake> {
    match &front_matter.slug {
        Some(slug) => Ok(slug.clone()),
        None => slug_of(stem),
    }
}

fn slug_of(name: &str) -> Result<Slug, Mistake> {
    let reason = || "it has no letter or digit in it".to_owned();
    Slug::new(name).ok_or_else(|| Mistake::FileName { reason: reason() })
}

fn too_long(stem: &str) -> Mistake {
    Mistake::FileName { reason: format!("`{stem}` makes no path") }
}

fn is_within(relative: &str, folder: &str) -> bool {
    relative.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// `my-first_post` is "My first post".
fn title_of_name(name: &str) -> String {
    let spaced = name.replace(['-', '_'], " ");
    let mut letters = spaced.trim().chars();
    letters.next().map_or_else(
        || "Untitled".to_owned(),
        |first| first.to_uppercase().chain(letters).collect(),
    )
}

/// Whether two titles differ in no more than their punctuation and letter case.
fn same_words(title: &str, heading: Option<&str>) -> bool {
    heading.is_some_and(|heading| Slug::new(heading) == Slug::new(title))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn page(relative: &str, text: &str) -> (Option<Arc<Page>>, Vec<String>) {
        let sources = Sources { root: "/site".into(), ..Sources::default() };
        let (config, _) = Config::from_text("tallymark.toml", "", &sources);
        let file = SourceFile {
            path: format!("/site/content/{relative}").into(),
            name: format!("content/{relative}").into(),
            relative: relative.into(),
        };
        let read = Page::read(file, text, &config);
        (read.page, read.problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn where_a_file_lies_tells_its_role_and_address() {
        let dated = "---\ndate: 2026-11-24\n---\n";
        for (relative, text, role, path) in [
            ("blog/hello.md", dated, Role::Post, "/hello/"),
            ("posts/2026-11-24-hello.md", "", Role::Post, "/hello/"),
            ("blog/2026/hello.md", dated, Role::Post, "/hello/"),
            ("blog/trip/index.md", dated, Role::Post, "/trip/"),
            ("blog/2026-11-24-trip/index.md", "", Role::Post, "/trip/"),
            ("blog/_index.md", "", Role::Page, "/blog/"),
            ("blog/index.md", "", Role::Page, "/blog/"),
            ("about.md", "", Role::Page, "/about/"),
            ("pages/about.md", "", Role::Page, "/about/"),
            ("docs/setup.md", "", Role::Page, "/docs/setup/"),
            ("docs/index.md", "", Role::Page, "/docs/"),
            ("pages/docs/_index.md", "", Role::Page, "/docs/"),
            ("My Notes/C++ tips.md", "", Role::Page, "/my-notes/c-tips/"),
            ("home.md", "", Role::Home, "/"),
            ("index.md", "", Role::Home, "/"),
            ("_index.md", "", Role::Home, "/"),
            ("pages/home.md", "", Role::Home, "/"),
            ("pages/index.md", "", Role::Home, "/"),
            ("footer.md", "", Role::Footer, "/"),
            ("docs/home.md", "", Role::Page, "/docs/home/"),
            ("blog/x.md", "---\ndate: 2026-01-01\nslug: My Own\n---\n", Role::Post, "/my-own/"),
            ("a/b.md", "---\nslug: c\n---\n", Role::Page, "/a/c/"),
            ("a/b.md", "---\npermalink: /x/y.html\n---\n", Role::Page, "/x/y.html"),
        ] {
            let (page, problems) = page(relative, text);
            assert_eq!(problems, [""; 0], "{relative}");
            let page = page.unwrap();
            assert_eq!((page.role, page.path.as_str()), (role, path), "{relative}");
        }
    }

    #[test]
    fn the_title_is_written_or_the_first_heading_or_the_file_name() {
        for (text, title, opens_with_title) in [
            ("---\ntitle: T\n---\n# H\n", "T", false),
            ("---\ntitle: Don’t!\n---\n# don't\n", "Don’t!", true),
            ("# The *first*\n\ntext", "The first", true),
            ("text\n\n## Later\n", "Later", false),
            ("text", "My page", false),
        ] {
            let page = page("my-page.md", text).0.unwrap();
            assert_eq!((page.title.as_str(), page.opens_with_title), (title, opens_with_title));
        }
    }

    #[test]
    fn a_post_without_a_date_is_a_mistake_said_once() {
        let (none, problems) = page("blog/x.md", "text");
        assert_eq!(none, None);
        assert_eq!(
            problems,
            [
                "content/blog/x.md:1:1: error: a post needs a date\n  help: add `date: 2026-11-24`, or begin the file name with the date"
            ]
        );
        assert_eq!(page("blog/x.md", "---\ndate: soon\n---\n").1.len(), 1);
        assert_eq!(page("blog/x.md", "---\npubDate: soon\n---\n").1.len(), 1);
        assert_eq!(page("blog/x.md", "---\nslug: a/b\nupdated: soon\n---\n").1.len(), 3);
    }

    #[test]
    fn a_name_without_letters_needs_a_slug() {
        assert_eq!(page("+++.md", "").1.len(), 1);
        assert_eq!(page("+++.md", "---\nslug: plus\n---\n").0.unwrap().path.as_str(), "/plus/");
    }
}
