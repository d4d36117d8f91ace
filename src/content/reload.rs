//! After a change of texts alone: reads what has changed, and leaves the rest of the index as it was.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::memory::{Memory, Remembered};
use super::{ContentIndex, Exchange, Page, source};
use crate::config::Config;
use crate::fingerprint::Fingerprint;
use crate::folder::Folder;
use crate::problem::Problem;

/// An index in which texts have changed, and nothing else.
#[derive(Debug)]
pub struct Reloaded {
    /// The index.
    pub index: Arc<ContentIndex>,
    /// The pages whose text has changed.
    pub exchanges: Vec<Exchange>,
    /// What is wrong with their front matter.
    pub problems: Vec<Problem>,
}

/// Reads the files at `changed`, if that is all that a build must do: each makes a page that it made before, and
/// nothing of the page has changed but its text. Else everything must be looked at, and there is no answer.
pub fn reload(
    config: &Config,
    changed: &BTreeSet<PathBuf>,
    memory: &Memory,
) -> anyhow::Result<Option<Reloaded>> {
    let settings = config.of_pages();
    let Some(index) = memory.index(settings) else { return Ok(None) };
    let mut others = Vec::new();
    for path in changed {
        match reread(path, config, memory)? {
            Some(Reread::Same) => {}
            Some(Reread::Other(change)) => others.push(change),
            None => return Ok(None),
        }
    }
    let exchanges = others.iter().map(|change| change.exchange.clone()).collect::<Vec<_>>();
    let index = Arc::new(index.exchanged(&exchanges));
    let problems = others.iter().flat_map(|change| change.now.read.problems.clone()).collect();
    memory.exchange(&index, others.into_iter().map(|change| change.now));
    Ok(Some(Reloaded { index, exchanges, problems }))
}

/// What a file that may have changed has come to.
enum Reread {
    /// It says what it said.
    Same,
    Other(Box<Change>),
}

/// A page that was read again.
struct Change {
    now: Remembered,
    exchange: Exchange,
}

/// Reads a file again; none if more may have changed than the text of its page.
fn reread(path: &PathBuf, config: &Config, memory: &Memory) -> anyhow::Result<Option<Reread>> {
    let relative = path.strip_prefix(config.content_dir()).ok();
    let Some(relative) = relative.and_then(|relative| relative.to_str()) else { return Ok(None) };
    let Some(known) = memory.known(&relative.replace('\\', "/")) else { return Ok(None) };
    let is_plain = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file());
    let Some(old) = known.read.page.clone().filter(|old| is_plain && old.file.path == *path) else {
        return Ok(None);
    };
    let Ok(text) = source::read(&old.file, &Folder::of(&config.content_dir()))? else {
        return Ok(None);
    };
    let fingerprint = Some(Fingerprint::of(text.as_str()));
    if known.fingerprint == fingerprint {
        return Ok(Some(Reread::Same));
    }
    let read = Page::read(old.file.clone(), &text, config);
    let has_errors = read.problems.iter().any(Problem::is_error);
    let new = read.page.clone().filter(|new| !has_errors && new.stands_where(&old));
    Ok(new.map(|new| {
        let now = Remembered { stamp: None, fingerprint, read: Arc::new(read), name: known.name };
        Reread::Other(Box::new(Change { now, exchange: Exchange { old, new } }))
    }))
}
