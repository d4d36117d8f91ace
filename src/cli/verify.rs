//! `tallymark verify`: whether the statistics are whole and add up.

use std::path::PathBuf;

use clap::Args;

use super::address_file::AddressFile;
use super::report::Report;
use super::workspace::Workspace;
use super::{DATABASE, Global, Outcome, Usage};
use crate::analytics::Store;
use crate::config::Overrides;
use crate::server;

/// Look whether the statistics are whole and add up
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Where statistics are kept [default: state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let workspace = Workspace::open_anything(global, Overrides::default())?;
        let state_dir = workspace.state_dir(self.state.as_deref())?;
        let database = state_dir.join(DATABASE);
        if !database.exists() {
            let folder = state_dir.display();
            return Err(Usage(format!("there are no statistics in `{folder}`")).into());
        }
        let is_sound = match Store::open_checked(&database) {
            Ok(store) => store.agrees()?,
            Err(failure) => {
                let Some(contact) = AddressFile::read(&state_dir) else { return Err(failure) };
                let answer = server::order(contact.at, &contact.key, "/_/verify", String::new());
                // Who neither has the database nor is told about it says why it could not be opened.
                let answer = answer.map_err(|error| failure.context(format!("{error:#}")))?;
                report.note("a server has them open: every page of the file is looked at only when it is not");
                answer == "sound"
            }
        };
        anyhow::ensure!(
            is_sound,
            "what was counted does not add up; `tallymark rebuild-rollups` computes the sums anew, \
             `tallymark restore` puts a backup in their place"
        );
        report.done("the statistics are whole, and what was counted adds up");
        Ok(Outcome::Done)
    }
}
