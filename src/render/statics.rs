//! Files that are published as they are: the site's `static/` over the theme's.

use std::collections::BTreeMap;

use anyhow::Context;

use super::builtin;
use super::claims::Claim;
use super::outputs::Outputs;
use super::renderer::Extras;
use super::scope::{Scope, StaticFile};
use crate::config::{Config, DEFAULT_THEME};
use crate::content::source::{self, Hidden, SourceFile};
use crate::content::{Asset, wrong_name};
use crate::permalink::UrlPath;
use crate::problem::{Mistake, Place, Problem};
use crate::site::{Digest, OutputFile};

/// The static files of a site, by name.
pub(super) struct Statics {
    files: BTreeMap<String, (UrlPath, Origin)>,
    pub(super) problems: Vec<Problem>,
}

enum Origin {
    Builtin(&'static [u8]),
    File(SourceFile),
}

impl Statics {
    /// Finds the static files of the site of `config`.
    pub(super) fn find(config: &Config) -> anyhow::Result<Self> {
        let mut statics = Self { files: BTreeMap::new(), problems: Vec::new() };
        // The built-in templates ask for the files of the built-in theme, whichever theme replaces some of both.
        for theme in [DEFAULT_THEME, &config.theme] {
            for (name, bytes) in builtin::theme_files(theme, "static") {
                statics.add(name, Origin::Builtin(bytes), config);
            }
        }
        for folder in [config.theme_dir().join("static"), config.static_dir()] {
            let walk = source::walk(&folder, &config.root, Hidden::Kept)?;
            statics.problems.extend(walk.problems);
            for file in walk.files {
                statics.add(file.relative.to_string(), Origin::File(file), config);
            }
        }
        Ok(statics)
    }

    fn add(&mut self, name: String, origin: Origin, config: &Config) {
        match UrlPath::parse(&name) {
            Ok(path) if path.is_reserved(&config.stats.path) => {
                let mistake = Mistake::ReservedPath { path: path.to_string() };
                self.problems.push(Problem::new(Place::file(origin.name(&name)), mistake));
            }
            Ok(path) => drop(self.files.insert(name, (path, origin))),
            Err(error) => self.problems.push(wrong_name(origin.name(&name), error)),
        }
    }

    /// Their addresses.
    pub(super) fn paths(&self) -> impl Iterator<Item = &UrlPath> {
        self.files.values().map(|(path, _)| path)
    }

    /// What templates may ask of each, by name.
    pub(super) fn answers(&self, extras: &Extras) -> anyhow::Result<BTreeMap<String, StaticFile>> {
        let digest = |origin: &Origin| match origin {
            Origin::Builtin(bytes) => Ok(Digest::of(bytes)),
            Origin::File(file) => digest_of(file, extras).map(|is_now| is_now.digest),
        };
        let answer = |(name, (_, origin)): (&String, &(UrlPath, Origin))| {
            Ok((name.clone(), StaticFile::new(name, digest(origin)?)))
        };
        self.files.iter().map(answer).collect()
    }

    /// Publishes each at its address. Those of the author claim it; those of the program give way.
    pub(super) fn publish(&self, outputs: &Outputs<'_>, extras: &Extras) -> anyhow::Result<()> {
        let built_in =
            |(_, (_, origin)): &(&String, &(UrlPath, Origin))| matches!(origin, Origin::Builtin(_));
        for (name, (path, _)) in self.files.iter().filter(built_in) {
            outputs.provide(path, &format!("{name} (built in)"));
        }
        for (path, origin) in self.files.values() {
            let is_free = match origin {
                Origin::File(file) => {
                    outputs.claim(path, Place::file(file.name.clone()), Claim::File)
                }
                Origin::Builtin(_) => !outputs.is_claimed(path),
            };
            if is_free {
                origin.publish(path, outputs, extras)?;
            }
        }
        Ok(())
    }

    /// Publishes those whose fingerprinted address templates have asked for at that address too.
    pub(super) fn publish_fingerprinted(
        &self,
        scope: &Scope,
        outputs: &Outputs<'_>,
        extras: &Extras,
    ) -> anyhow::Result<()> {
        for (name, path) in scope.asked_for() {
            if let Some((_, origin)) = self.files.get(name) {
                origin.publish(path, outputs, extras)?;
            }
        }
        Ok(())
    }
}

impl Origin {
    fn name<'a>(&'a self, relative: &'a str) -> &'a str {
        match self {
            Self::Builtin(_) => relative,
            Self::File(file) => &file.name,
        }
    }

    fn publish(
        &self,
        path: &UrlPath,
        outputs: &Outputs<'_>,
        extras: &Extras,
    ) -> anyhow::Result<()> {
        match self {
            Self::Builtin(bytes) => outputs.put(path, bytes.to_vec()),
            Self::File(file) => copy(path, file, outputs, extras),
        }
    }
}

fn copy(
    path: &UrlPath,
    file: &SourceFile,
    outputs: &Outputs<'_>,
    extras: &Extras,
) -> anyhow::Result<()> {
    outputs.copy(path, (&file.path, &file.name), digest_of(file, extras)?)
}

/// What a file that is published as it is hashes to, read only if it may have changed since the last build.
fn digest_of(file: &SourceFile, extras: &Extras) -> anyhow::Result<OutputFile> {
    let digest = extras.memory.digests.of(file, extras.moment);
    digest.with_context(|| format!("cannot read `{}`", file.name))
}

/// Publishes the files that lie beside pages.
pub(super) fn publish_assets(
    assets: &[Asset],
    stats: &UrlPath,
    outputs: &Outputs<'_>,
    extras: &Extras,
) -> anyhow::Result<()> {
    for asset in assets.iter().filter(|asset| asset.path.is_reserved(stats)) {
        let mistake = Mistake::ReservedPath { path: asset.path.to_string() };
        outputs.report(Problem::new(Place::file(asset.file.name.clone()), mistake));
    }
    let claim = |asset: &&Asset| {
        outputs.claim(&asset.path, Place::file(asset.file.name.clone()), Claim::File)
    };
    let mut claimed = assets.iter().filter(claim);
    claimed.try_for_each(|asset| copy(&asset.path, &asset.file, outputs, extras))
}
