//! `tallymark backup`: a copy of the statistics, also while a server counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;

use super::address_file::AddressFile;
use super::report::Report;
use super::workspace::Workspace;
use super::{DATABASE, Global, Outcome, Usage, absolute};
use crate::analytics::{Query, Store};
use crate::clock::{Clock, SystemClock};
use crate::config::Overrides;
use crate::server;

/// Copy the statistics, also while a server counts
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// Where the copy goes [default: analytics-DAY.redb]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Where statistics are kept [default: state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Backup {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let workspace = Workspace::open_anything(global, Overrides::default())?;
        let state_dir = workspace.state_dir(self.state.as_deref())?;
        let database = state_dir.join(DATABASE);
        if !database.exists() {
            let folder = state_dir.display();
            return Err(Usage(format!("there are no statistics in `{folder}`")).into());
        }
        let file = self.file.unwrap_or_else(|| {
            let day = SystemClock.now().to_rfc3339_in(&workspace.config.timezone);
            format!("analytics-{}.redb", day.get(..10).unwrap_or_default()).into()
        });
        let file = absolute(&file)?;
        if file == database {
            return Err(Usage(
                "a copy cannot take the place of the statistics themselves".to_owned(),
            )
            .into());
        }
        back_up(&state_dir, &file)
            .with_context(|| format!("cannot back up to `{}`", file.display()))?;
        report.done(format!("backed up to `{}`", file.display()));
        Ok(Outcome::Done)
    }
}

/// Has the server that holds the database copy it, else does so itself.
fn back_up(state_dir: &Path, file: &Path) -> anyhow::Result<()> {
    match Store::open(&state_dir.join(DATABASE)) {
        Ok(store) => Query::new(Arc::new(store)).back_up(file),
        Err(failure) => {
            // Another process has it, which may be a server that can be asked.
            let Some(contact) = AddressFile::read(state_dir) else { return Err(failure) };
            let path = file.to_str().context("the path is no text, so no server can be told")?;
            server::order(contact.at, &contact.key, "/_/backup", path.to_owned()).map(|_| ())
        }
    }
}
