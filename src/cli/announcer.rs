//! Tells of each build while serving: the terminal, and the open tabs of who writes.

use std::sync::Arc;

use tokio::sync::watch;

use super::report::{self, Report, counted_noun, timed};
use crate::permalink::UrlPath;
use crate::pipeline::{Build, Problems};
use crate::problem::Problem;
use crate::server::{DevProblem, DevState};
use crate::site::Site;
use crate::watch::Rebuild;

/// Tells of each build.
pub(super) struct Announcer {
    report: Report,
    tabs: watch::Sender<DevState>,
    last: Option<Arc<Site>>,
    last_problems: Problems,
}

impl Announcer {
    pub(super) fn new(report: Report) -> Self {
        let tabs = watch::channel(DevState::default()).0;
        Self { report, tabs, last: None, last_problems: Problems::default() }
    }

    /// What open tabs are told.
    pub(super) fn subscribe(&self) -> watch::Receiver<DevState> {
        self.tabs.subscribe()
    }

    /// Tells of a build.
    pub(super) fn announce(&mut self, rebuild: &Rebuild) {
        match &rebuild.result {
            Err(failure) => report::failure(failure),
            Ok(build) => {
                // Both are in order. That some are gone is no reason to repeat the others.
                let is_new = |problem| self.last_problems.binary_search(problem).is_err();
                if build.problems.iter().any(is_new) {
                    self.report.problems(&build.problems);
                }
                self.last_problems = build.problems.clone();
                match &build.site {
                    Some(_) => self.tell_done(build, rebuild),
                    None => self.report.note("not published; the site stays as it was"),
                }
                self.tell_tabs(build);
            }
        }
    }

    fn tell_done(&self, build: &Build, rebuild: &Rebuild) {
        let (pages, time) = (counted_noun(build.pages, "page"), timed(rebuild.elapsed));
        match (&self.last, build.written + build.removed) {
            (Some(_), 0) => {}
            (Some(_), changed) => {
                self.report.note(format!("{} changed in {time}", counted_noun(changed, "file")));
            }
            (None, _) => self.report.done(format!("built {pages} in {time}")),
        }
    }

    fn tell_tabs(&mut self, build: &Build) {
        let is_watched = self.tabs.receiver_count() > 0;
        let change = build.site.as_ref().filter(|_| is_watched);
        let change = change.map(|site| change_to(site, self.last.as_deref()));
        if let Some(site) = &build.site {
            self.last = Some(site.clone());
        }
        if !is_watched {
            return;
        }
        let problems = build.problems.iter().map(dev_problem).collect();
        self.tabs.send_modify(|state| {
            state.problems = problems;
            match change {
                Some(Change::Pages) => state.pages += 1,
                Some(Change::Styles) => state.styles += 1,
                Some(Change::Nothing) | None => {}
            }
        });
    }
}

/// What a build has changed, as far as an open tab must know.
enum Change {
    Nothing,
    Styles,
    Pages,
}

fn change_to(next: &Site, last: Option<&Site>) -> Change {
    let Some(last) = last else { return Change::Nothing };
    let (old, new) = (&last.catalog().files, &next.catalog().files);
    let changed =
        new.iter().filter(|(path, file)| old.get(*path) != Some(file)).map(|(path, _)| path);
    let gone = old.keys().filter(|path| !new.contains_key(*path));
    changed.chain(gone).fold(Change::Nothing, |change, path| match change {
        Change::Nothing | Change::Styles if is_style(path) => Change::Styles,
        _ => Change::Pages,
    })
}

fn is_style(path: &UrlPath) -> bool {
    path.output_file().extension().is_some_and(|extension| extension == "css")
}

fn dev_problem(problem: &Problem) -> DevProblem {
    DevProblem {
        is_error: problem.is_error(),
        place: problem.place.to_string(),
        text: problem.mistake.to_string(),
        help: problem.mistake.help(),
    }
}
