//! `tallymark man`: the manual page.

use std::io;

use clap::{Args, CommandFactory};

use super::{Cli, Outcome};

/// Print the manual page
#[derive(Debug, Args)]
pub(super) struct Man {}

/// Prints it.
pub(super) fn run() -> anyhow::Result<Outcome> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    io::Write::write_all(&mut io::stdout(), &page)?;
    Ok(Outcome::Done)
}
