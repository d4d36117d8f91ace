//! The site that a command works on: its settings, from the flags, the environment and the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::readership::Statistics;
use super::{Global, Usage, absolute};
use crate::analytics::{Settings, Store, VisitorIds, beacon};
use crate::config::{Config, Overrides, Sources, VisitorId};
use crate::fingerprint::Fingerprint;
use crate::pipeline::{Memory, Order};
use crate::problem::Problem;
use crate::publish;
use crate::render::{Readership, Uncounted};

/// The site that a command works on.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) sources: Sources,
    pub(super) config: Config,
    /// What is wrong with the settings.
    pub(super) problems: Vec<Problem>,
}

/// How readers are counted.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        visitor_ids: match config.analytics.visitor_id {
            VisitorId::Persistent => VisitorIds::Persistent,
            VisitorId::Daily => VisitorIds::Daily,
            VisitorId::None => VisitorIds::None,
        },
        zone: config.timezone.clone(),
        retention: config.analytics.retention,
    }
}

/// Opens statistics that nobody else may have open; `remedy` is what to do if somebody has.
pub(super) fn open_statistics(path: &Path, remedy: &'static str) -> anyhow::Result<Store> {
    Store::open(path).map_err(|failure| {
        if Store::is_open_elsewhere(&failure) { failure.context(remedy) } else { failure }
    })
}

impl Workspace {
    /// Opens the site of `global`; a folder that holds none is wrong usage.
    pub(super) fn open(global: &Global, overrides: Overrides) -> anyhow::Result<Self> {
        let workspace = Self::open_anything(global, overrides)?;
        if global.config.is_none() && !workspace.has_site() {
            return Err(workspace.no_site().into());
        }
        Ok(workspace)
    }

    /// Opens the folder of `global`, whether there is a site in it or not.
    pub(super) fn open_anything(global: &Global, overrides: Overrides) -> anyhow::Result<Self> {
        let sources = Sources {
            root: absolute(&global.root)?,
            file: global.config.as_deref().map(absolute).transpose()?,
            environment: environment(),
            overrides,
        };
        let (config, problems) = Config::load(&sources)?;
        Ok(Self { sources, config, problems })
    }

    /// Opens the site of `global`, built or to be built, and says where its statistics are kept: in `folder`, or else in
    /// the site's own.
    pub(super) fn with_state(
        global: &Global,
        folder: Option<&Path>,
    ) -> anyhow::Result<(Self, PathBuf)> {
        let workspace = Self::open_anything(global, Overrides::default())?;
        let state_dir = workspace.state_dir(folder)?;
        let is_there = global.config.is_some() || workspace.has_site() || state_dir.is_dir();
        if !is_there && publish::open(&workspace.config.output_dir)?.is_none() {
            return Err(workspace.no_site().into());
        }
        Ok((workspace, state_dir))
    }

    /// What is to be built.
    pub(super) fn order(&self, strict: bool, force: bool) -> Order {
        let beacon = format!("/_/beacon.{}.js", beacon::hash());
        Order {
            sources: self.sources.clone(),
            beacon,
            strict,
            force,
            home: home(),
            progress: Arc::default(),
            readership: Arc::new(Uncounted),
            memory: Memory::none(),
        }
    }

    /// Where statistics are kept: in `folder`, or else in the site's own.
    pub(super) fn state_dir(&self, folder: Option<&Path>) -> anyhow::Result<PathBuf> {
        folder.map_or_else(|| Ok(self.config.root.join("state")), absolute)
    }

    /// What readers did, as far as templates may ask.
    pub(super) fn statistics(&self) -> Arc<dyn Readership> {
        Arc::new(Statistics::in_folder(self.config.root.join("state")))
    }

    /// Whether a setting is not what its author wants it to be.
    pub(super) fn has_wrong_settings(&self) -> bool {
        self.problems.iter().any(Problem::is_error)
    }

    /// Whether there is a site to build in the folder.
    pub(super) fn has_site(&self) -> bool {
        let config = &self.config;
        config.content_dir().is_dir() || config.root.join("tallymark.toml").is_file()
    }

    /// There is nothing to work on.
    pub(super) fn no_site(&self) -> Usage {
        let root = self.config.root.display();
        Usage(format!(
            "no site in `{root}`: it has neither `tallymark.toml` nor `content/`; \
             make one with `tallymark init DIR`, or name another folder with `--root`"
        ))
    }
}

/// This very program: what another has found out may be wrong, though its version be the same.
pub(super) fn program() -> Fingerprint {
    let file = std::env::current_exe().and_then(std::fs::metadata);
    let told = file.map(|file| (file.len(), file.modified().ok())).ok();
    Fingerprint::of(&(env!("CARGO_PKG_VERSION"), told))
}

/// The variables of the environment that are text.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}
