//! What an output was made from: lets one whose every source is unchanged be kept instead of rendered.
//!
//! While an output is rendered, each question about the rest of the site is noted with a hash of its answer
//! (a verifying trace, as in "Build Systems à la Carte"). With a hash of what the output is told anyway, its own
//! source and everything that holds for the whole site, that is its trace. In the next build of the same
//! process an output whose trace still verifies is kept as it is.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::functions::PagesQuery;
use super::pages::Learnt;
use super::scope::Scope;
use crate::content::Page;
use crate::fingerprint::{Fingerprint, Fold};
use crate::permalink::UrlPath;
use crate::site::OutputFile;

thread_local! {
    /// The questions of the output that this thread renders; none if nobody wants to know.
    static ASKED: RefCell<Option<Vec<Asked>>> = const { RefCell::new(None) };
}

/// A question about the rest of the site.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Question {
    /// Which pages are there of this kind?
    Pages(PagesQuery),
    /// What does the navigation link to?
    Nav,
    /// Which posts stand beside this one?
    Neighbors(UrlPath),
    /// What are posts filed under?
    Terms,
    /// What is the canonical form of this address?
    Address(UrlPath),
    /// Where is this file beside a page?
    Asset(String),
    /// Which page is made of this source?
    Source(String),
    /// Which page is called so?
    Titled(String),
    /// Which address ends like this one?
    Suggestion(String),
    /// What is the fingerprint of this static file?
    Static(String),
}

/// A question, and the hash of its answer.
type Asked = (Question, Fingerprint);

/// What an output was made from, and what came of it.
#[derive(Debug)]
pub(super) struct Trace {
    /// The hash of what the output was told without asking.
    told: Fingerprint,
    asked: Vec<Asked>,
    file: OutputFile,
    learnt: Learnt,
}

/// The traces of the last build, for the next in the same process.
#[derive(Debug, Default)]
pub struct Memory {
    /// No build will follow, so nothing needs to be noted.
    is_last: bool,
    traces: Mutex<HashMap<UrlPath, Arc<Trace>>>,
}

impl Memory {
    /// The memory of a process that builds once.
    pub fn of_one_build() -> Self {
        Self { is_last: true, ..Self::default() }
    }

    /// Whether a build may follow that asks for the traces of this one.
    pub(super) fn is_wanted(&self) -> bool {
        !self.is_last
    }

    /// The traces of the last build; from now on there are none.
    pub(super) fn take(&self) -> HashMap<UrlPath, Arc<Trace>> {
        std::mem::take(&mut self.traces.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps the traces of a build for the next.
    pub(super) fn keep(&self, traces: HashMap<UrlPath, Arc<Trace>>) {
        *self.traces.lock().unwrap_or_else(PoisonError::into_inner) = traces;
    }
}

impl Trace {
    /// A trace of the output that came of `asked`.
    pub(super) fn new(
        told: Fingerprint,
        asked: Vec<Asked>,
        file: OutputFile,
        learnt: Learnt,
    ) -> Self {
        Self { told, asked, file, learnt }
    }

    /// Whether the output would be the same if it were rendered now.
    pub(super) fn verifies(&self, told: Fingerprint, scope: &Scope) -> bool {
        self.told == told
            && self.asked.iter().all(|(question, answer)| scope.answer(question) == *answer)
    }

    /// The file that came of it.
    pub(super) fn file(&self) -> OutputFile {
        self.file
    }

    /// What rendering it has taught.
    pub(super) fn learnt(&self) -> &Learnt {
        &self.learnt
    }

    /// Does again what asking has done beside answering: fingerprinted files are published because of it.
    pub(super) fn ask_again(&self, scope: &Scope) {
        for (question, _) in &self.asked {
            if let Question::Static(name) = question {
                scope.fingerprint(name);
            }
        }
    }
}

/// Renders with `work`, and gives the questions that were asked meanwhile.
pub(super) fn record<T>(work: impl FnOnce() -> T) -> (T, Vec<Asked>) {
    let outer = ASKED.replace(Some(Vec::new()));
    let result = work();
    let asked = ASKED.replace(outer).unwrap_or_default();
    (result, asked)
}

impl Scope {
    /// Notes that the output being rendered depends on the answer to `question`.
    pub(super) fn note(&self, question: impl FnOnce() -> Question) {
        ASKED.with_borrow_mut(|asked| {
            let Some(asked) = asked else { return };
            let question = question();
            if !asked.iter().any(|(known, _)| *known == question) {
                let answer = self.answer(&question);
                asked.push((question, answer));
            }
        });
    }

    /// The hash of the answer to `question` as the site is now.
    fn answer(&self, question: &Question) -> Fingerprint {
        match question {
            Question::Pages(query) => self.shown_of(query.select(self)),
            Question::Nav => self.shown_of(self.nav()),
            Question::Neighbors(path) => {
                let (older, newer) = self.index.neighbors(path);
                Fingerprint::of(&(self.shown_of(older), self.shown_of(newer)))
            }
            Question::Terms => {
                let terms = self.index.tags().terms().iter();
                let mut fold = Fold::default();
                terms.for_each(|term| fold.add(&(&term.name, &term.path, term.posts.len())));
                fold.finish()
            }
            Question::Address(path) => Fingerprint::of(&self.addresses.find(path)),
            Question::Asset(relative) => Fingerprint::of(&self.addresses.asset(relative)),
            Question::Source(relative) => {
                Fingerprint::of(&self.index.by_source(relative).map(identity))
            }
            Question::Titled(title) => Fingerprint::of(&self.index.titled(title).map(identity)),
            Question::Suggestion(path) => Fingerprint::of(&self.addresses.suggestion(path)),
            Question::Static(name) => {
                Fingerprint::of(&self.statics.get(name).map(|file| file.digest))
            }
        }
    }
}

/// What a link shows of the page that it leads to.
fn identity(page: &Arc<Page>) -> (&UrlPath, &str) {
    (&page.path, &page.title)
}
