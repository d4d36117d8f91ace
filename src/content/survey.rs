//! What there is to build from: every file of the author's, and what the file system says of each.

use rayon::prelude::*;

use super::source::{self, Hidden, SourceFile, Walk};
use super::stamp::{Moment, Stamp};
use crate::config::Config;
use crate::fingerprint::{Fingerprint, Fold};
use crate::problem::Problem;

/// Every file that a site is made from, at the moment at which a build begins.
#[derive(Debug, Default)]
pub struct Survey {
    /// The files below `content/`.
    pub(super) files: Vec<Found>,
    /// What is wrong with files before they are read.
    pub(super) problems: Vec<Problem>,
    /// All of what was found as a fingerprint; none if a file may change without that showing.
    fingerprint: Option<Fingerprint>,
}

/// A file below `content/`, and what the file system says of it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: SourceFile,
    pub(super) stamp: Option<Stamp>,
}

impl Survey {
    /// Looks at the files of the site of `config`; without a moment, at no more than which there are.
    pub fn of(config: &Config, moment: Option<Moment>) -> anyhow::Result<Self> {
        let Walk { files, problems } =
            source::walk(&config.content_dir(), &config.root, Hidden::Passed)?;
        let Some(moment) = moment else {
            let files = files.into_iter().map(|file| Found { file, stamp: None }).collect();
            return Ok(Self { files, problems, fingerprint: None });
        };
        let stamp = |file: &SourceFile| Stamp::of(&file.path, moment).ok().flatten();
        let found = |file: SourceFile| Found { stamp: stamp(&file), file };
        let files: Vec<Found> = files.into_par_iter().map(found).collect();
        let mut all = Fold::default();
        let mut is_settled = problems.is_empty() && files.iter().all(|found| found.stamp.is_some());
        for found in &files {
            all.add(&(&found.file.name, found.stamp));
        }
        for folder in others(config) {
            let walk = source::walk(&folder, &config.root, Hidden::Kept)?;
            is_settled &= walk.problems.is_empty();
            for file in walk.files {
                let stamp = stamp(&file);
                is_settled &= stamp.is_some();
                all.add(&(&file.name, stamp));
            }
        }
        let fingerprint = is_settled.then(|| all.finish());
        Ok(Self { files, problems, fingerprint })
    }

    /// The fingerprint of all that the site is made from but its settings; none if it cannot be relied upon.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }
}

/// The folders besides `content/` that a site is made from.
fn others(config: &Config) -> impl Iterator<Item = std::path::PathBuf> {
    let theme = config.theme_dir();
    let themes = [theme.join("templates"), theme.join("static")];
    let own = [config.templates_dir(), config.static_dir(), config.data_dir()];
    own.into_iter().chain(themes)
}
