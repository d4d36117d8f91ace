//! The site that a command works on: its settings, from the flags, the environment and the file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Global, Usage, absolute};
use crate::analytics::beacon;
use crate::config::{Config, Overrides, Sources};
use crate::pipeline::Order;
use crate::problem::Problem;

/// The site that a command works on.
#[derive(Debug)]
pub(super) struct Workspace {
    pub(super) config: Arc<Config>,
    pub(super) problems: Vec<Problem>,
}

impl Workspace {
    /// Opens the site of `global`; a folder that holds none is wrong usage.
    pub(super) fn open(global: &Global, overrides: Overrides) -> anyhow::Result<Self> {
        let workspace = Self::open_anything(global, overrides)?;
        let config = &workspace.config;
        if global.config.is_none() && !has_site(config) {
            return Err(no_site(config).into());
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
        Ok(Self { config: Arc::new(config), problems })
    }

    /// What is to be built.
    pub(super) fn order(&self, strict: bool, force: bool) -> Order {
        Order {
            config: self.config.clone(),
            settings_problems: self.problems.clone(),
            scripts: scripts(&self.config),
            strict,
            force,
            home: home(),
        }
    }
}

/// Whether there is a site to build in the folder.
pub(super) fn has_site(config: &Config) -> bool {
    config.content_dir().is_dir() || config.root.join("tallymark.toml").is_file()
}

/// There is nothing to work on.
pub(super) fn no_site(config: &Config) -> Usage {
    let root = config.root.display();
    Usage(format!(
        "no site in `{root}`: it has neither `tallymark.toml` nor `content/`; \
         make one with `tallymark init DIR`, or name another folder with `--root`"
    ))
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

/// The scripts that every page loads: the beacon, or what updates the tabs of a writer.
fn scripts(config: &Config) -> String {
    let prefix = config.base.prefix();
    if config.dev {
        return format!("<script defer src=\"{prefix}/_/reload.js\"></script>\n");
    }
    if !config.counts_readers() {
        return String::new();
    }
    let host = config.analytics.endpoint.as_ref();
    let host = host
        .map_or_else(|| prefix.to_owned(), |base| format!("{}{}", base.origin(), base.prefix()));
    format!("<script defer src=\"{host}/_/beacon.{}.js\"></script>\n", beacon::hash())
}
