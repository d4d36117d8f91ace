//! `tallymark restore`: puts a copy of the statistics in the place of those that are there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;

use super::report::Report;
use super::workspace::Workspace;
use super::{DATABASE, Global, Outcome, absolute};
use crate::analytics::Store;
use crate::clock::{Clock, SystemClock};
use crate::config::Overrides;

/// Put a copy of the statistics in the place of those that are there
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The copy, as `backup` made it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where statistics are kept [default: state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Restore {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let workspace = Workspace::open_anything(global, Overrides::default())?;
        let state_dir = workspace.state_dir(self.state.as_deref())?;
        let (file, database) = (absolute(&self.file)?, state_dir.join(DATABASE));
        check_closed(&database)?;
        fs::create_dir_all(&state_dir)?;
        // Verified as a copy of the copy: to open a database is to write into it.
        let incoming = state_dir.join(format!("{DATABASE}.incoming"));
        fs::copy(&file, &incoming).with_context(|| format!("cannot read `{}`", file.display()))?;
        let verified = Store::open_checked(&incoming).and_then(|copy| copy.agrees());
        let sound = verified.and_then(|sound| {
            ensure!(sound, "what was counted does not add up in `{}`", file.display());
            File::open(&incoming)?.sync_all()?;
            Ok(())
        });
        Store::forget(&incoming);
        if let Err(failure) = sound {
            let _ = fs::remove_file(&incoming);
            return Err(failure.context("nothing was restored"));
        }
        let aside = set_aside(&database)?;
        fs::rename(&incoming, &database)?;
        if let Some(aside) = aside {
            report.note(format!("what was there is now `{}`", aside.display()));
        }
        report.done(format!("restored `{}`", database.display()));
        Ok(Outcome::Done)
    }
}

/// Refuses statistics that a process has open.
fn check_closed(database: &Path) -> anyhow::Result<()> {
    if !database.exists() {
        return Ok(());
    }
    // One that is damaged is what a backup is for.
    let Err(failure) = Store::open(database) else { return Ok(()) };
    ensure!(!Store::is_open_elsewhere(&failure), "{failure:#}; end the server first");
    Ok(())
}

/// Moves the statistics that are there to another name, and gives that.
fn set_aside(database: &Path) -> anyhow::Result<Option<PathBuf>> {
    if !database.exists() {
        return Ok(None);
    }
    let now = SystemClock.now().as_millis();
    let aside = database.with_added_extension(format!("before-{now}"));
    fs::rename(database, &aside)?;
    Ok(Some(aside))
}
