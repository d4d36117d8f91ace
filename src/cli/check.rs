//! `tallymark check`: everything that is wrong with the site; builds nothing.

use clap::Args;

use super::report::Report;
use super::workspace::Workspace;
use super::{Global, Outcome, external};
use crate::clock::{Clock, SystemClock};
use crate::config::Overrides;
use crate::pipeline;

/// Look for mistakes: front matter, links, anchors, images, alt texts, titles
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Ask other sites, too, whether what the pages link to is there
    #[arg(long)]
    external: bool,
}

impl Check {
    /// Tells everything that is wrong.
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let workspace = Workspace::open(global, Overrides::default())?;
        let (order, now) = (workspace.order(true, false), SystemClock.now());
        let problems = if self.external {
            let (mut problems, outbound) = pipeline::check_outbound(&order, now)?;
            problems.extend(external::ask(&outbound, report));
            problems.sort();
            problems
        } else {
            pipeline::check(&order, now)?
        };
        report.problems(&problems);
        if problems.is_empty() {
            report.done("nothing is wrong");
            return Ok(Outcome::Done);
        }
        Ok(Outcome::Mistakes)
    }
}
