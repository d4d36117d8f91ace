//! `tallymark build`: Markdown to a finished site in a folder.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Args;

use super::progress_line;
use super::report::{self, Report, counted_noun, timed};
use super::workspace::{Workspace, program};
use super::{Global, Outcome, absolute};
use crate::clock::{Clock, SystemClock};
use crate::config::Overrides;
use crate::permalink::BaseUrl;
use crate::pipeline::{self, Memory};

/// Build the site
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Build {
    /// Where the built site goes [default: public]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Where the site is on the web
    #[arg(long, value_name = "URL", value_parser = base_url)]
    base_url: Option<BaseUrl>,
    /// Publish drafts too
    #[arg(long)]
    drafts: bool,
    /// Publish posts before their time
    #[arg(long)]
    future: bool,
    /// Stop at warnings, too
    #[arg(long)]
    strict: bool,
    /// Write every file anew, and into a folder that holds other files
    #[arg(long)]
    force: bool,
    /// How many threads to use [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

impl Build {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let workspace = Workspace::open(global, self.overrides()?)?;
        let mut order = workspace.order(self.strict, self.force);
        order.memory = Memory::of_one_build(program());
        order.readership = workspace.statistics();
        let started = Instant::now();
        let progress = || {
            let (done, all) = order.progress.pages();
            format!("{done} of {}", counted_noun(all, "page"))
        };
        let build = progress_line::with_line(report, progress, || {
            with_threads(self.jobs, || pipeline::build(&order, SystemClock.now()))
        })??;
        let elapsed = started.elapsed();
        if self.json {
            report::data(serde_json::json!({
                "built": !build.is_stopped,
                "pages": build.pages,
                "written": build.written,
                "removed": build.removed,
                "milliseconds": u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
                "problems": build.problems,
            }))?;
        } else {
            report.problems(&build.problems);
        }
        if build.is_stopped {
            report.note("nothing was published; the site is as it was before");
            return Ok(Outcome::Mistakes);
        }
        report.done(format!("built {} in {}", counted_noun(build.pages, "page"), timed(elapsed)));
        Ok(Outcome::Done)
    }

    fn overrides(&self) -> anyhow::Result<Overrides> {
        Ok(Overrides {
            base: self.base_url.clone(),
            output_dir: self.output.as_deref().map(absolute).transpose()?,
            drafts: self.drafts,
            future: self.future,
            ..Overrides::default()
        })
    }
}

/// Does `work` with as many threads as were asked for, and with no other: one that only waited for them would keep memory
/// of its own, a fifteenth of what a large site takes.
fn with_threads<T: Send>(jobs: Option<u16>, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    let one_for_each_core = 0;
    let threads = jobs.map_or(one_for_each_core, usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    Ok(pool.context("cannot start the threads")?.install(work))
}

/// Reads a base URL from the command line.
fn base_url(text: &str) -> Result<BaseUrl, String> {
    BaseUrl::parse(text).map_err(|error| format!("{error}; write it as `https://example.org`"))
}
