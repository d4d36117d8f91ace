//! `tallymark check`: everything that is wrong with the site; builds nothing.

use clap::Args;

use super::report::Report;
use super::workspace::Workspace;
use super::{Global, Outcome};
use crate::clock::{Clock, SystemClock};
use crate::config::Overrides;
use crate::pipeline;

/// Look for mistakes: front matter, links, anchors, images, alt texts, titles
#[derive(Debug, Args)]
pub(super) struct Check {}

/// Tells everything that is wrong.
pub(super) fn run(global: &Global, report: Report) -> anyhow::Result<Outcome> {
    let workspace = Workspace::open(global, Overrides::default())?;
    let problems = pipeline::check(&workspace.order(true, false), SystemClock.now())?;
    report.problems(&problems);
    if problems.is_empty() {
        report.done("nothing is wrong");
        return Ok(Outcome::Done);
    }
    Ok(Outcome::Mistakes)
}
