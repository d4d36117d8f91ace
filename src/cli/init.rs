//! `tallymark init`: a new site that builds and serves at once.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::report::Report;
use super::{Outcome, Usage, absolute};
use crate::clock::{Clock, SystemClock};

/// The files of a new site; `DATE` in them becomes today.
const FILES: [(&str, &str); 6] = [
    ("tallymark.toml", include_str!("starter/tallymark.toml")),
    (".gitignore", include_str!("starter/gitignore")),
    ("content/home.md", include_str!("starter/home.md")),
    ("content/about.md", include_str!("starter/about.md")),
    ("content/footer.md", include_str!("starter/footer.md")),
    ("content/blog/hello-world.md", include_str!("starter/hello-world.md")),
];

/// Make a new site
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The folder to make it in; it must be new or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Init {
    pub(super) fn run(self, report: Report) -> anyhow::Result<Outcome> {
        let folder = absolute(&self.folder)?;
        check_empty(&folder)?;
        let today = SystemClock.now().to_rfc3339();
        let today = today.split('T').next().unwrap_or_default();
        for (name, text) in FILES {
            write(&folder.join(name), &text.replace("DATE", today))?;
        }
        let shown = self.folder.display();
        report.done(format!("made a site in `{shown}`"));
        report.note(format!("see it with `tallymark --root {shown} serve --open`"));
        Ok(Outcome::Done)
    }
}

fn check_empty(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    match fs::read_dir(folder).map(Iterator::count) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Usage(format!("`{shown}` is not empty; name a new folder")).into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            Err(Usage(format!("`{shown}` is a file; name a new folder")).into())
        }
        Err(error) => Err(error).with_context(|| format!("cannot read `{shown}`")),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        fs::write(path, text)
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}
