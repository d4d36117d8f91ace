//! `tallymark rebuild-rollups`: computes every sum of the statistics anew.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::report::{Report, counted_noun};
use super::workspace::Workspace;
use super::{DATABASE, Global, Outcome, Usage};
use crate::analytics::{Query, Store};
use crate::config::Overrides;

/// Compute every sum of the statistics anew from what was counted
#[derive(Debug, Args)]
pub(super) struct RebuildRollups {
    /// Where statistics are kept [default: state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl RebuildRollups {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let workspace = Workspace::open_anything(global, Overrides::default())?;
        let state_dir = workspace.state_dir(self.state.as_deref())?;
        let database = state_dir.join(DATABASE);
        if !database.exists() {
            let folder = state_dir.display();
            return Err(Usage(format!("there are no statistics in `{folder}`")).into());
        }
        let differences = Query::new(Arc::new(Store::open(&database)?)).rebuild()?;
        report.done(match usize::try_from(differences).unwrap_or(usize::MAX) {
            0 => "every sum is what it was".to_owned(),
            count => format!("{} other than before", counted_noun(count, "sum")),
        });
        Ok(Outcome::Done)
    }
}
