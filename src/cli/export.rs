//! `tallymark export`: the statistics as text.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::report::Report;
use super::workspace::{Workspace, open_statistics};
use super::{DATABASE, Global, Outcome, Usage};
use crate::analytics::{EventInWords, Store};
use crate::config::Overrides;
use crate::server::csv_field;

/// Write the statistics as text: everything as lines of JSON, or every event as CSV
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Where the text goes [default: standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Every view and event as CSV, which cannot be imported again
    #[arg(long)]
    csv: bool,
    /// Where statistics are kept [default: state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(self, global: &Global, report: Report) -> anyhow::Result<Outcome> {
        let workspace = Workspace::open_anything(global, Overrides::default())?;
        let state_dir = workspace.state_dir(self.state.as_deref())?;
        let database = state_dir.join(DATABASE);
        if !database.exists() {
            let folder = state_dir.display();
            return Err(Usage(format!("there are no statistics in `{folder}`")).into());
        }
        let store = open_statistics(
            &database,
            "while a server counts, export from a copy that `tallymark backup` makes",
        )?;
        let mut out: Box<dyn Write> = match &self.file {
            Some(file) => Box::new(BufWriter::new(
                File::create(file).with_context(|| format!("cannot write `{}`", file.display()))?,
            )),
            None => Box::new(BufWriter::new(io::stdout().lock())),
        };
        if self.csv {
            write_csv(&store, &mut out)?;
        } else {
            store.export(&mut out)?;
        }
        out.flush()?;
        if let Some(file) = &self.file {
            report.done(format!("exported to `{}`", file.display()));
        }
        Ok(Outcome::Done)
    }
}

fn write_csv(store: &Store, out: &mut dyn Write) -> anyhow::Result<()> {
    write!(
        out,
        "at,kind,path,visitor,referrer,source,campaign,country,device,browser,system,name,detail,scroll,engagedMs,read,entry,exit\r\n"
    )?;
    store.each_event(|event| {
        let EventInWords { visitor, scroll, engaged_ms, read, entry, exit, .. } = event;
        let texts = [&event.referrer, &event.source, &event.campaign, &event.country];
        let more = [&event.device, &event.browser, &event.system, &event.name, &event.detail];
        let cells: Vec<_> = texts.into_iter().chain(more).map(|text| csv_field(text)).collect();
        write!(
            out,
            "{},{},{},{visitor},{},{scroll},{engaged_ms},{read},{entry},{exit}\r\n",
            event.at,
            event.kind,
            csv_field(&event.path),
            cells.join(",")
        )?;
        Ok(())
    })
}
