//! A site to disk: what changed and nothing else, each file whole or absent, the whole site old or new.
//!
//! ```text
//! public/                     the output folder
//!   index.html, about/...     what the web gets
//!   .tallymark/site.json      the catalog: what was written, titles, redirects
//!   .tallymark/stats.html     the frame of the dashboard
//!   .tallymark/lock           held by who builds
//!   .tallymark/staging/...    files on their way, while building
//!   .tallymark/journal.json   present from the decision to publish until it is done
//! .public.staging/            a first build, renamed to `public` as a whole
//! ```
//!
//! A kill before the journal is written leaves the old site; after it, the next start finishes the work.

mod journal;
mod refusal;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

pub use self::refusal::Refusal;
pub use self::stage::{Folders, Published, Stage};
use crate::site::{Bodies, Catalog, PRIVATE_FOLDER, Site};

/// The catalog within [`PRIVATE_FOLDER`].
pub const CATALOG: &str = "site.json";

/// The site that was built into `output`, if one was; what a killed build has left undone is done first.
pub fn open(output: &Path) -> anyhow::Result<Option<Site>> {
    let private = private_folder(output);
    if private.join(journal::JOURNAL).exists() {
        let _lock = stage::lock(&private)?;
        journal::finish(output)?;
    }
    let catalog = read_catalog(output)?;
    Ok(catalog.map(|catalog| Site::new(catalog, Bodies::Folder(output.to_owned()))))
}

fn private_folder(output: &Path) -> PathBuf {
    output.join(PRIVATE_FOLDER)
}

/// The catalog in `output`; one that cannot be read is none, so that everything is written anew.
fn read_catalog(output: &Path) -> anyhow::Result<Option<Catalog>> {
    let path = private_folder(output).join(CATALOG);
    match fs::read(&path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}
