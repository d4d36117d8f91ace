//! `tallymark completions`: what a shell needs to complete our commands.

use std::io;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Outcome};

/// Print completions for a shell
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "tallymark", &mut script);
        io::Write::write_all(&mut io::stdout(), &script)?;
        Ok(Outcome::Done)
    }
}
