//! What the author wrote, from the files below `content/` to the index of what is published.

mod asset;
mod data;
pub mod front_matter;
mod index;
mod memory;
mod page;
mod reload;
pub mod source;
mod stamp;
mod survey;
mod tags;

use std::sync::Arc;

use rayon::prelude::*;

pub use self::asset::Asset;
pub use self::data::{Data, NoData, read as read_data};
pub use self::index::{ContentIndex, Exchange};
use self::memory::Remembered;
pub use self::memory::{Memory, Purpose};
pub use self::page::{Page, Read, Role, Text};
pub use self::reload::{Reloaded, reload};
pub use self::stamp::{Moment, Stamp};
use self::survey::Found;
pub use self::survey::Survey;
pub use self::tags::{TAGS_FOLDER, Tags, Term};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::fingerprint::{FastMap, Fingerprint};
use crate::folder::Folder;
use crate::permalink::UrlPathError;
use crate::problem::{Mistake, Place, Problem};

/// Reads everything below `content/`, as it was found, into the index of what is published at `now`.
///
/// Fails when a file cannot be read; what the author got wrong is in the problems.
pub fn load(
    config: &Config,
    survey: Survey,
    now: Timestamp,
    memory: &Memory,
) -> anyhow::Result<(Arc<ContentIndex>, Vec<Problem>)> {
    let Survey { files, mut problems, .. } = survey;
    if !config.content_dir().is_dir() {
        // A folder that is gone for a moment, or was never there, must not empty a site.
        problems.push(Problem::new(Place::file("content"), Mistake::NoContent));
    }
    let (sources, others): (Vec<Found>, Vec<Found>) =
        files.into_iter().partition(|found| found.file.is_markdown());
    let settings = config.of_pages();
    let known = memory.take(settings);
    let folder = Folder::of(&config.content_dir());
    let reads: Vec<Remembered> = sources
        .into_par_iter()
        .map(|found| read(found, config, &folder, &known))
        .collect::<anyhow::Result<_>>()?;
    memory.keep(settings, &reads);
    let mut pages = Vec::with_capacity(reads.len());
    for Remembered { read, .. } in reads {
        pages.extend(read.page.clone());
        problems.extend(read.problems.iter().cloned());
    }
    let bundles = asset::Bundles::of(&pages);
    let mut assets = Vec::with_capacity(others.len());
    for Found { file, .. } in others {
        let name = file.name.clone();
        match bundles.place(file) {
            Ok(asset) => assets.push(asset),
            Err(error) => problems.push(wrong_name(&name, error)),
        }
    }
    let (index, mut more) = ContentIndex::new(pages, assets, config, now);
    problems.append(&mut more);
    let index = Arc::new(index);
    memory.keep_index(&index);
    Ok((index, problems))
}

/// Reads a file; what came of the same text before is what comes of it now, and a file of the same stamp has it.
fn read(
    Found { file, stamp }: Found,
    config: &Config,
    folder: &Folder,
    known: &FastMap<Arc<str>, Remembered>,
) -> anyhow::Result<Remembered> {
    let name = file.relative.clone();
    let known = known.get(&name);
    if let Some(known) = known.filter(|known| stamp.is_some() && known.stamp == stamp) {
        return Ok(known.clone().found_as(file));
    }
    let text = match source::read(&file, folder)? {
        Ok(text) => text,
        Err(problem) => {
            let read = Arc::new(Read { page: None, problems: vec![problem] });
            return Ok(Remembered { name, stamp, fingerprint: None, read });
        }
    };
    let fingerprint = Some(Fingerprint::of(text.as_str()));
    if let Some(known) = known.filter(|known| known.fingerprint == fingerprint) {
        return Ok(Remembered { stamp, ..known.clone().found_as(file) });
    }
    let read = Arc::new(Page::read(file, &text, config));
    Ok(Remembered { name, stamp, fingerprint, read })
}

/// A file whose name cannot be part of an address.
pub fn wrong_name(name: &str, error: UrlPathError) -> Problem {
    Problem::new(Place::file(name), Mistake::FileName { reason: error.to_string() })
}
