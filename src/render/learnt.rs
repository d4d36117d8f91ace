//! What rendering the body of a page has taught: what is wrong with it, the places on it, and those that it leads to.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::outbound::Outbound;
use crate::content::Page;
use crate::fingerprint::FastMap;
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Place, Position, Problem, nearest};

/// What rendering the body of a page has taught. Its places are those in the page's own file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Learnt {
    /// The ids on the page, a line each.
    pub(super) ids: Box<str>,
    pub(super) wanted: Box<[Wanted]>,
    pub(super) mistakes: Vec<(Position, Mistake)>,
    /// What leaves the site; asked for by none of the builds whose traces are kept.
    #[serde(skip)]
    pub(super) outbound: Vec<Outbound>,
}

/// A link to a place on a page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Wanted {
    pub(super) position: Position,
    pub(super) destination: Box<str>,
    pub(super) target: UrlPath,
    pub(super) fragment: Box<str>,
}

/// A page, and what its body has taught.
pub(super) type Lesson = (Arc<Page>, Arc<Learnt>);

/// What was learnt of all pages.
#[derive(Debug, Default)]
pub(super) struct Lessons {
    pages: Vec<Lesson>,
    /// The text below every page, which has no place of its own that links could lead to.
    footer: Option<Lesson>,
    by_path: OnceLock<Arc<FastMap<UrlPath, usize>>>,
}

/// For how many more problems, of anything but bodies, there is room from the start.
const OTHERS: usize = 64;

impl Lessons {
    /// Adds what the body of a page has taught.
    pub(super) fn add(&mut self, page: &Arc<Page>, learnt: Arc<Learnt>) {
        self.pages.push((page.clone(), learnt));
    }

    /// Adds what the text below every page has taught.
    pub(super) fn add_footer(&mut self, page: &Arc<Page>, learnt: Arc<Learnt>) {
        self.footer = Some((page.clone(), learnt));
    }

    /// Takes over where the pages stand in `last`, whose addresses are the same in the same order.
    pub(super) fn stand_as_in(&self, last: &Self) {
        let _ = self.by_path.set(last.by_path().clone());
    }

    fn by_path(&self) -> &Arc<FastMap<UrlPath, usize>> {
        self.by_path.get_or_init(|| {
            let pages = self.pages.iter().enumerate();
            Arc::new(pages.map(|(at, (page, _))| (page.path.clone(), at)).collect())
        })
    }

    fn at(&self, path: &UrlPath) -> Option<&Lesson> {
        self.by_path().get(path).map(|at| &self.pages[*at])
    }

    /// Everything that is wrong with the bodies, links to places that are not there included. What nobody else keeps is
    /// taken from here, so that it need not be there twice.
    pub(super) fn problems(&mut self) -> Vec<Problem> {
        let all = self.pages.par_iter().chain(self.footer.par_iter());
        let broken = all.flat_map_iter(|(page, learnt)| self.broken_in(page, learnt));
        let broken = broken.collect_vec_list();
        let all = self.pages.iter().chain(&self.footer);
        let told: usize = all.map(|(_, learnt)| learnt.mistakes.len()).sum();
        // A long list that grows is there twice for a moment.
        let count = told + broken.iter().map(Vec::len).sum::<usize>();
        let mut problems = Vec::with_capacity(count + OTHERS);
        problems.extend(broken.into_iter().flatten());
        for (page, learnt) in self.pages.iter_mut().chain(&mut self.footer) {
            let mistakes = match Arc::get_mut(learnt) {
                Some(own) => std::mem::take(&mut own.mistakes),
                None => learnt.mistakes.clone(),
            };
            problems.extend(mistakes.into_iter().map(|(at, mistake)| problem(page, at, mistake)));
        }
        problems
    }

    /// Everything that is wrong with the body of a page.
    pub(super) fn problems_of(&self, page: &Page) -> Vec<Problem> {
        let own = self.at(&page.path).into_iter().chain(&self.footer);
        let own = own.filter(|(other, _)| other.file == page.file);
        own.flat_map(|(page, learnt)| self.problems_in(page, learnt)).collect()
    }

    /// The places on a page.
    pub(super) fn ids_of(&self, page: &Page) -> Option<&str> {
        self.at(&page.path).map(|(_, learnt)| &*learnt.ids)
    }

    fn problems_in<'a>(
        &'a self,
        page: &'a Page,
        learnt: &'a Learnt,
    ) -> impl Iterator<Item = Problem> + 'a {
        let told = learnt.mistakes.iter();
        let told = told.map(|(at, mistake)| problem(page, *at, mistake.clone()));
        told.chain(self.broken_in(page, learnt))
    }

    /// The links of a page to places that are not there.
    fn broken_in<'a>(
        &'a self,
        page: &'a Page,
        learnt: &'a Learnt,
    ) -> impl Iterator<Item = Problem> + 'a {
        let wanted = learnt.wanted.iter();
        wanted.filter_map(|wanted| Some(problem(page, wanted.position, self.broken(wanted)?)))
    }

    /// What is wrong with a link to a place, if that is not there.
    fn broken(&self, wanted: &Wanted) -> Option<Mistake> {
        let (_, target) = self.at(&wanted.target)?;
        if &*wanted.fragment == "top" || has_line(&target.ids, &wanted.fragment) {
            return None;
        }
        let suggestion = nearest(&wanted.fragment, target.ids.lines()).map(|id| format!("#{id}"));
        Some(Mistake::BrokenAnchor { destination: wanted.destination.to_string(), suggestion })
    }

    /// Everything that leaves the site.
    pub(super) fn outbound(&self) -> Vec<Outbound> {
        let all = self.pages.iter().chain(&self.footer);
        all.flat_map(|(_, learnt)| learnt.outbound.iter().cloned()).collect()
    }
}

/// Whether one of the lines of `text` is `line`.
fn has_line(text: &str, line: &str) -> bool {
    let ends =
        |at: usize| text[at + line.len()..].is_empty() || text[at + line.len()..].starts_with('\n');
    let begins = |at: usize| at == 0 || text[..at].ends_with('\n');
    memchr::memmem::find_iter(text.as_bytes(), line).any(|at| begins(at) && ends(at))
}

/// The mistake at a position in the file of a page.
fn problem(page: &Page, position: Position, mistake: Mistake) -> Problem {
    Problem::new(Place { file: page.file.name.clone(), position: Some(position) }, mistake)
}
