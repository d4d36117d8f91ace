//! What an output was made from: lets one whose every source is unchanged be kept instead of rendered.
//!
//! While an output is rendered, each question about the rest of the site is noted with a fingerprint of its answer
//! (a verifying trace, as in "Build Systems à la Carte"). With a fingerprint of what the output is told anyway, its
//! own source and everything that holds for the whole site, that is its trace. In the next build an output whose
//! trace still verifies is kept as it is, whether the trace is in memory or comes from disk.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::functions::{PagesQuery, PopularQuery};
use super::learnt::Learnt;
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Question {
    /// Which pages are there of this kind?
    Pages(PagesQuery),
    /// Which posts were read most?
    Popular(PopularQuery),
    /// What does the navigation link to?
    Nav,
    /// Which posts stand beside this one?
    Neighbors(UrlPath),
    /// What are posts filed under?
    Terms,
    /// What is the canonical form of this address?
    Address(UrlPath),
    /// Where is this file beside a page?
    Asset(Box<str>),
    /// Which page is made of this source?
    Source(Box<str>),
    /// Which page is called so?
    Titled(Box<str>),
    /// Which address ends like this one?
    Suggestion(Box<str>),
    /// What is in this file of `data/`?
    Data(Box<str>),
    /// What is the fingerprint of this static file?
    Static(Box<str>),
}

impl Question {
    /// Whether the answer depends on nothing but which addresses there are, and what leads to them.
    fn is_about_addresses(&self) -> bool {
        matches!(
            self,
            Self::Address(_)
                | Self::Asset(_)
                | Self::Source(_)
                | Self::Titled(_)
                | Self::Suggestion(_)
        )
    }
}

/// A question, and the fingerprint of its answer.
pub(super) type Asked = (Question, Fingerprint);

/// What an output was made from, and what came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Trace {
    /// The fingerprint of what the output was told without asking.
    told: Fingerprint,
    asked: Vec<Asked>,
    file: OutputFile,
    learnt: Arc<Learnt>,
}

/// A trace as it is kept: as a value while many builds follow, else as it was read from disk.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    Value(Arc<Trace>),
    Bytes(Bytes),
}

impl Kept {
    /// The trace; none if the bytes are damaged.
    pub(super) fn trace(&self) -> Option<Arc<Trace>> {
        match self {
            Self::Value(trace) => Some(trace.clone()),
            Self::Bytes(bytes) => postcard::from_bytes(bytes).ok().map(Arc::new),
        }
    }

    /// Appends the trace as bytes to `blob`.
    pub(super) fn write(&self, blob: &mut Vec<u8>) {
        match self {
            Self::Value(trace) => blob.extend(trace.to_bytes()),
            Self::Bytes(bytes) => blob.extend_from_slice(bytes),
        }
    }
}

impl Trace {
    /// A trace of the output that came of `asked`.
    pub(super) fn new(
        told: Fingerprint,
        asked: Vec<Asked>,
        file: OutputFile,
        learnt: Arc<Learnt>,
    ) -> Self {
        Self { told, asked, file, learnt }
    }

    /// Whether the output would be the same if it were rendered now.
    ///
    /// `told` is the fingerprint of what it would be told; none if that is known to be what it was told.
    pub(super) fn verifies(&self, told: Option<Fingerprint>, scope: &Scope) -> bool {
        let is_same = |(question, answer): &Asked| {
            scope.is_known_to_answer(question) || scope.answer(question) == *answer
        };
        told.is_none_or(|told| self.told == told) && self.asked.iter().all(is_same)
    }

    /// The file that came of it.
    pub(super) fn file(&self) -> OutputFile {
        self.file
    }

    /// What rendering it has taught.
    pub(super) fn learnt(&self) -> &Arc<Learnt> {
        &self.learnt
    }

    /// Whether `asked` asks for the static files that this does.
    pub(super) fn asks_for_same_files(&self, asked: &[Asked]) -> bool {
        let files = |asked: &[Asked]| -> BTreeSet<Box<str>> {
            let names = asked.iter().filter_map(|(question, _)| match question {
                Question::Static(name) => Some(name.clone()),
                _ => None,
            });
            names.collect()
        };
        files(&self.asked) == files(asked)
    }

    /// Does again what asking has done beside answering: fingerprinted files are published because of it.
    pub(super) fn ask_again(&self, scope: &Scope) {
        for (question, _) in &self.asked {
            if let Question::Static(name) = question {
                scope.fingerprint(name);
            }
        }
    }

    /// The trace as bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }
}

/// Renders with `work`, and gives the questions that were asked meanwhile by this thread.
pub(super) fn record<T>(work: impl FnOnce() -> T) -> (T, Vec<Asked>) {
    let outer = ASKED.replace(Some(Vec::new()));
    let result = work();
    let asked = ASKED.replace(outer).unwrap_or_default();
    (result, asked)
}

/// Takes questions that another thread has asked for the output that this thread renders.
pub(super) fn adopt(questions: Vec<Asked>) {
    ASKED.with_borrow_mut(|asked| {
        let Some(asked) = asked else { return };
        for question in questions {
            if !asked.contains(&question) {
                asked.push(question);
            }
        }
    });
}

impl Scope {
    /// Notes that the output being rendered depends on the answer to `question`. What is asked to find that answer is
    /// part of it, and not noted.
    pub(super) fn note(&self, question: impl FnOnce() -> Question) {
        let Some(mut asked) = ASKED.take() else { return };
        let question = question();
        if !asked.iter().any(|(known, _)| *known == question) {
            let answer = self.answer(&question);
            asked.push((question, answer));
        }
        ASKED.set(Some(asked));
    }

    /// Whether the answer to `question` is known to be that of the last build.
    fn is_known_to_answer(&self, question: &Question) -> bool {
        if question.is_about_addresses() {
            return self.has_same_addresses;
        }
        let Some(difference) = &self.difference else { return false };
        match question {
            Question::Neighbors(path) => !difference.beside.contains(path),
            Question::Terms | Question::Static(_) | Question::Data(_) => true,
            _ => false,
        }
    }

    /// The fingerprint of the answer to `question` as the site is now.
    fn answer(&self, question: &Question) -> Fingerprint {
        match question {
            Question::Pages(query) => self.shown_of(query.select(self)),
            Question::Popular(query) => query.fingerprint(self),
            Question::Nav => self.nav_fingerprint(),
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
            Question::Data(name) => {
                let data = self.data_unnoted(name);
                Fingerprint::of(&data.as_ref().as_ref().map(|data| data.fingerprint))
            }
            Question::Static(name) => {
                Fingerprint::of(&self.statics.get(&**name).map(|file| file.digest))
            }
        }
    }
}

/// What a link shows of the page that it leads to.
fn identity(page: &Arc<Page>) -> (&UrlPath, &str) {
    (&page.path, &page.title)
}
