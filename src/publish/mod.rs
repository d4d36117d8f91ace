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

mod catalog;
mod journal;
mod refusal;
mod stage;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

pub use self::refusal::Refusal;
pub use self::stage::{Folders, Last, Published, Stage};
use crate::fingerprint::Fingerprint;
use crate::permalink::UrlPath;
use crate::site::{Bodies, Catalog, PRIVATE_FOLDER, Site};

/// The catalog within [`PRIVATE_FOLDER`].
pub const CATALOG: &str = "site.json";

/// The site that was built into `output`, if one was; what a killed build has left undone is done first.
pub fn open(output: &Path) -> anyhow::Result<Option<Site>> {
    let private = private_folder(output);
    while private.join(journal::JOURNAL).exists() {
        if let Some(_lock) = stage::lock(&private)? {
            journal::finish(output, false)?;
        }
    }
    let catalog = read_catalog(output)?;
    Ok(catalog.map(|catalog| Site::new(catalog, Bodies::Folder(output.to_owned()))))
}

/// What the file system says of the catalog in `output`, which is written with every site.
pub fn catalog_stamp(output: &Path) -> Option<Fingerprint> {
    let metadata = fs::metadata(private_folder(output).join(CATALOG)).ok()?;
    Some(Fingerprint::of(&(metadata.modified().ok()?, metadata.len())))
}

fn private_folder(output: &Path) -> PathBuf {
    output.join(PRIVATE_FOLDER)
}

/// The catalog in `output`; one that cannot be read is none, so that everything is written anew.
fn read_catalog(output: &Path) -> anyhow::Result<Option<Catalog>> {
    Ok(read_bytes(output)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// The files that the last build has written into `output`, whichever version of the program that was.
fn written_files(output: &Path) -> anyhow::Result<Vec<UrlPath>> {
    #[derive(Default, Deserialize)]
    struct Written {
        files: BTreeMap<UrlPath, serde_json::Value>,
    }
    let bytes = read_bytes(output)?.unwrap_or_default();
    let written: Written = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(written.files.into_keys().collect())
}

fn read_bytes(output: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let path = private_folder(output).join(CATALOG);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}
