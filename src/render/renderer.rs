//! Fills templates in for one site: what every page gets is kept here, what differs is handed in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use memchr::memmem;
use serde::Serialize;
use tera::{Context, Value};

use super::learnt::{Learnt, Lessons};
use super::memory::{Last, Memory, Traces};
use super::outputs::{Made, Outputs};
use super::progress::Progress;
use super::readership::Readers;
use super::resolver::{Links, PageLinks};
use super::scope::Scope;
use super::templates::Templates;
use super::trace::{self, Kept, Trace};
use super::view::{CurrentView, SiteView};
use crate::content::{Moment, Page, Text};
use crate::fingerprint::{FastMap, Fingerprint};
use crate::folder::Folder;
use crate::markdown::{self, Options, Rendered};
use crate::permalink::UrlPath;
use crate::problem::Problem;

/// Renders the pages of one site.
pub(super) struct Renderer<'a> {
    pub(super) scope: Arc<Scope>,
    pub(super) templates: Arc<Templates>,
    pub(super) outputs: Outputs<'a>,
    pub(super) progress: Arc<Progress>,
    /// `site`, made once for each thread: each look at it counts who looks, and threads that share a count wait for
    /// one another.
    sites: Vec<Value>,
    pub(super) extras: Extras,
    /// Where the texts of pages are.
    content: Folder,
    /// The hash of what holds for the whole site.
    globals: Fingerprint,
    /// The traces of the last build.
    before: FastMap<UrlPath, Kept>,
    /// Those of this one, or of what is not as it was.
    traces: Mutex<FastMap<UrlPath, Kept>>,
    /// Whether everything is published as the last build has left it, so that what has not changed need not be
    /// gathered again.
    pub(super) is_resumed: bool,
    /// Outputs that were made of a text that is newer than the index, whose traces nobody may believe.
    untraced: Mutex<Vec<UrlPath>>,
    /// Whether an output asks for other static files than it did.
    asks_otherwise: AtomicBool,
}

/// What a rendering gives besides the site's own.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// What is put into the head of every page.
    pub scripts: String,
    /// Whether to gather the links and images that leave the site.
    pub gathers_outbound: bool,
    /// Follows how far the rendering has come.
    pub progress: Arc<Progress>,
    /// What outputs were made from in the last build.
    pub memory: Arc<Memory>,
    /// When the build began, as the file system tells it.
    pub moment: Option<Moment>,
    /// Who can be asked how often pages were read.
    pub readers: Readers,
}

/// What an output is told without asking.
pub(super) struct Told<F> {
    /// Whether that is known to be what it was told in the last build.
    pub(super) is_as_before: bool,
    /// Its fingerprint.
    pub(super) fingerprint: F,
}

/// The body of a page as HTML, and the text it was made of.
pub(super) struct Body {
    pub(super) text: Text,
    pub(super) rendered: Rendered,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(
        scope: Arc<Scope>,
        templates: Arc<Templates>,
        outputs: Outputs<'a>,
        before: Traces,
        extras: Extras,
    ) -> anyhow::Result<Self> {
        let content = Folder::of(&scope.config.content_dir());
        let mut renderer = Self {
            scope,
            templates,
            outputs,
            progress: extras.progress.clone(),
            sites: Vec::new(),
            content,
            globals: Fingerprint::default(),
            before: before.by_path,
            traces: Mutex::default(),
            is_resumed: false,
            untraced: Mutex::default(),
            asks_otherwise: AtomicBool::new(false),
            extras,
        };
        let footer = match renderer.scope.index.footer() {
            Some(page) => renderer.body(page, Links::Rooted)?.rendered.html,
            None => String::new(),
        };
        let view = site_view(&renderer.scope, footer);
        renderer.globals = Fingerprint::of(&(
            serde_json::to_string(&view).context("the site's own values cannot be written")?,
            renderer.scope.config.of_pages(),
            &renderer.extras.scripts,
        ));
        let threads = rayon::current_num_threads();
        renderer.sites = (0..=threads).map(|_| Value::from_serializable(&view)).collect();
        Ok(renderer)
    }

    /// Renders the Markdown of `page`.
    pub(super) fn body(&self, page: &Page, links: Links) -> anyhow::Result<Body> {
        let text = page.text(&self.content)?;
        let settings = &self.scope.config.markdown;
        let options = Options {
            smart_punctuation: settings.smart_punctuation,
            highlighting: settings.highlight,
            heading_anchors: settings.heading_anchors && links == Links::Rooted,
            skip_title: page.opens_with_title,
            ..Options::default()
        };
        let palette = &self.extras.memory.palette;
        let resolver = PageLinks { page, scope: &self.scope, palette, links };
        let rendered = markdown::render(&text.whole[text.body..], &options, &resolver);
        Ok(Body { text, rendered })
    }

    /// Makes the output at `path` of `template` with `make`, unless its trace of the last build says that it would be
    /// the same.
    ///
    /// `told` is what it is made from besides what it asks for and what holds for the whole site.
    /// `make` gives what was learnt, and whether that may be believed the next time.
    pub(super) fn traced(
        &self,
        (path, template): (&UrlPath, &str),
        told: &Told<impl Fn() -> Fingerprint>,
        make: impl FnOnce() -> anyhow::Result<(Learnt, bool)>,
    ) -> anyhow::Result<Arc<Learnt>> {
        if !self.extras.memory.is_wanted() {
            return make().map(|(learnt, _)| Arc::new(learnt));
        }
        let is_as_before = self.is_resumed && told.is_as_before;
        let fingerprint = || {
            let template = self.templates.fingerprint(template);
            Fingerprint::of(&(self.globals, template, (told.fingerprint)()))
        };
        let told = (!is_as_before).then(fingerprint);
        let known = self.before.get(path).filter(|_| !self.extras.gathers_outbound);
        let known = known.and_then(|kept| Some((kept, kept.trace()?)));
        if let Some((kept, trace)) = &known
            && trace.verifies(told, &self.scope)
            && (self.is_resumed || self.outputs.keep(path, trace.file()))
        {
            if !self.is_resumed {
                trace.ask_again(&self.scope);
                self.traces().insert(path.clone(), (*kept).clone());
            }
            return Ok(trace.learnt().clone());
        }
        let (result, asked) = trace::record(make);
        let (learnt, is_current) = result?;
        let learnt = Arc::new(learnt);
        if self.is_resumed && known.is_none_or(|(_, trace)| !trace.asks_for_same_files(&asked)) {
            self.asks_otherwise.store(true, Ordering::Relaxed);
        }
        if let Some(file) = self.outputs.file(path).filter(|_| is_current) {
            let told = told.unwrap_or_else(fingerprint);
            let trace = Trace::new(told, asked, file, learnt.clone());
            if let Some(kept) = self.extras.memory.kept(path, trace) {
                self.traces().insert(path.clone(), kept);
            }
        } else {
            self.untraced.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
        }
        Ok(learnt)
    }

    /// As [`traced`](Self::traced), for what no author has written: it gives way to an author's file at `path`,
    /// also to one that was not there when the trace was made.
    pub(super) fn traced_generated(
        &self,
        (path, template): (&UrlPath, &str),
        told: &Told<impl Fn() -> Fingerprint>,
        put: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if self.outputs.is_claimed(path) {
            return Ok(());
        }
        self.traced((path, template), told, || put().map(|()| (Learnt::default(), true)))?;
        Ok(())
    }

    /// Whether an output that is not as it was asks for other static files, so that these must be gathered again.
    pub(super) fn asks_otherwise(&self) -> bool {
        self.asks_otherwise.load(Ordering::Relaxed)
    }

    /// Whether what holds for the whole site is as it was in the `last` rendering.
    pub(super) fn has_same_globals(&self, last: Fingerprint) -> bool {
        self.globals == last
    }

    /// Keeps the traces of the last build for the next.
    pub(super) fn give_up(self) {
        let addresses = self.scope.addresses.fingerprint();
        self.extras.memory.keep(Traces { addresses, by_path: self.before });
    }

    /// Keeps what was found out for the next build, and gives what was made.
    pub(super) fn finish(mut self, lessons: Lessons) -> Made {
        let mut by_path = std::mem::take(&mut *self.traces());
        if self.is_resumed {
            // Whatever was not made anew is as it was.
            let changed = std::mem::replace(&mut by_path, std::mem::take(&mut self.before));
            by_path.extend(changed);
            for path in self.untraced.get_mut().unwrap_or_else(PoisonError::into_inner).iter() {
                by_path.remove(path);
            }
        }
        let addresses = self.scope.addresses.fingerprint();
        let memory = &self.extras.memory;
        memory.keep(Traces { addresses, by_path });
        memory.keep_last(Last {
            globals: self.globals,
            scope: self.scope.clone(),
            templates: self.templates.clone(),
            claims: self.outputs.claims().clone(),
            lessons,
        });
        self.outputs.finish()
    }

    fn traces(&self) -> MutexGuard<'_, FastMap<UrlPath, Kept>> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills in a template of HTML for the address `current`, and puts it there, unless an author's file is there.
    pub(super) fn put_generated(
        &self,
        template: &str,
        path: &UrlPath,
        current: &CurrentView,
        values: &[(&'static str, Value)],
    ) -> anyhow::Result<()> {
        if self.outputs.is_claimed(path) {
            return Ok(());
        }
        self.put_page(template, path, current, values)
    }

    /// Fills in a template of HTML for the address `current`, and puts it there.
    pub(super) fn put_page(
        &self,
        template: &str,
        path: &UrlPath,
        current: &CurrentView,
        values: &[(&'static str, Value)],
    ) -> anyhow::Result<()> {
        let mut context = self.context(values);
        context.insert("current", current);
        let filled = self.fill(template, &context);
        if self.has_scripts(current) {
            return self.outputs.put_filled(path, filled.map(|html| self.with_scripts(html)));
        }
        self.outputs.put_filled(path, filled)
    }

    /// Fills in a template that is no page for readers, and puts it at `path`, unless an author's file is there.
    pub(super) fn put_file(
        &self,
        template: &str,
        path: &UrlPath,
        values: &[(&'static str, Value)],
    ) -> anyhow::Result<()> {
        if self.outputs.is_claimed(path) {
            return Ok(());
        }
        let filled = self.fill(template, &self.context(values));
        self.outputs.put_filled(path, filled.map(without_forbidden))
    }

    fn fill(&self, template: &str, context: &Context) -> Result<Vec<u8>, Problem> {
        let _guard = self.scope.enter();
        self.templates.fill(template, context).map_err(|problem| {
            // What a template was told may be the fault of what it asked about.
            Scope::current().and_then(|scope| scope.take_failure()).unwrap_or(problem)
        })
    }

    fn context(&self, values: &[(&'static str, Value)]) -> Context {
        let mut context = Context::new();
        // The last is for a thread that is not of the pool.
        let thread = rayon::current_thread_index().filter(|thread| *thread < self.sites.len());
        context.insert_value("site", self.sites[thread.unwrap_or(self.sites.len() - 1)].clone());
        for (name, value) in values {
            context.insert_value(*name, value.clone());
        }
        context
    }

    /// Who looks at the dashboard does not read: it counts nobody, or it would never fall to zero while it is open,
    /// and hide the post that its reader has come from; nor does who signs in, or reads how readers are counted. While
    /// writing, these update themselves as any page does.
    fn has_scripts(&self, current: &CurrentView) -> bool {
        !["stats", "sign_in", "privacy"].contains(&current.kind) || self.scope.config.dev
    }

    /// Puts the scripts into the head, whether the theme has thought of them or not.
    fn with_scripts(&self, mut html: Vec<u8>) -> Vec<u8> {
        let at = memmem::find(&html, b"</head>").or_else(|| memmem::rfind(&html, b"</body>"));
        let at = at.unwrap_or(html.len());
        html.splice(at..at, self.extras.scripts.bytes());
        html
    }
}

/// The text without the control characters that no XML document may have, not even escaped (XML 1.0, 2.2).
fn without_forbidden(text: Vec<u8>) -> Vec<u8> {
    let mut text = String::from_utf8(text).expect("templates and values are text");
    let is_forbidden = |letter: char| {
        letter.is_control() && letter.is_ascii() && !matches!(letter, '\t' | '\n' | '\r' | '\x7f')
            || matches!(letter, '\u{fffe}' | '\u{ffff}')
    };
    if text.contains(is_forbidden) {
        text.retain(|letter| !is_forbidden(letter));
    }
    text.into_bytes()
}

/// A value for a template.
pub(super) fn value(view: &impl Serialize) -> Value {
    Value::from_serializable(view)
}

fn site_view(scope: &Scope, footer: String) -> SiteView {
    let config = &scope.config;
    let root = UrlPath::root();
    let link = |path: &str| UrlPath::parse(path).map(|path| config.base.link(&path));
    let archive = scope.archives.first();
    SiteView {
        title: config.title.clone(),
        description: config.description.clone(),
        language: config.language.clone(),
        author: config.author.clone(),
        url: config.base.link(&root),
        base_url: config.base.permalink(&root),
        feed: link(super::feed::PATH).unwrap_or_default(),
        stats: if config.shows_stats_in_nav() {
            config.base.link(&config.stats.path)
        } else {
            String::new()
        },
        privacy: config.base.link(&super::privacy::path()),
        archive: archive.map_or_else(String::new, |archive| config.base.link(&archive.path)),
        generator: concat!("Tallymark ", env!("CARGO_PKG_VERSION")).to_owned(),
        footer,
        paginate_by: config.paginate_by,
        extra: config.extra.clone(),
    }
}
