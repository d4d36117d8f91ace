//! Builds again when nothing but texts has changed, in time that does not grow with what stays as it is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::memory::Latest;
use super::{Build, Order, extras, is_for_checks};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::content::{self, Reloaded};
use crate::problem::Problem;
use crate::publish::{self, Folders, Last, Stage};
use crate::render::{self, Rerendering};
use crate::site::Catalog;

/// Builds the site of `order` after nothing but the files at `changed` may have changed since the last build of this
/// process; none if everything must be looked at.
pub(super) fn build(
    order: &Order,
    now: Timestamp,
    changed: &BTreeSet<PathBuf>,
) -> anyhow::Result<Option<Build>> {
    // It is put back when all has gone well; else the next build looks at everything.
    let Some(latest) = order.memory.take_latest() else { return Ok(None) };
    if order.strict || order.force || latest.next_due.is_some_and(|due| due <= now) {
        return Ok(None);
    }
    let (config, _) = Config::load(&order.sources)?;
    let reloaded = content::reload(&config, changed, &order.memory.content)?;
    let Some(reloaded) = reloaded else { return Ok(None) };
    if reloaded.exchanges.is_empty() {
        let build = latest.unchanged();
        order.memory.keep_latest(latest);
        return Ok(Some(build));
    }
    republish(order, (&config, now), &latest, reloaded)
}

/// Renders and publishes what shows the texts that were read again.
fn republish(
    order: &Order,
    (config, now): (&Config, Timestamp),
    latest: &Latest,
    reloaded: Reloaded,
) -> anyhow::Result<Option<Build>> {
    let home = order.home.as_deref();
    let folders = Folders { output: &config.output_dir, root: &config.root, home };
    let stage = Stage::open(folders, false, Some(latest.last.clone()))?;
    if !stage.is_trusted() {
        return Ok(None);
    }
    let Reloaded { index, exchanges, mut problems } = reloaded;
    let extras = extras(order, config, (now, None), false);
    let rerendering = render::rerender(config, &index, &exchanges, extras, &stage)?;
    let Some(rerendering) = rerendering else { return Ok(None) };
    let catalog = patched(latest.last.site.catalog(), &rerendering);
    problems.extend(rerendering.problems);
    problems.retain(|problem| !is_for_checks(&problem.mistake));
    if problems.iter().any(Problem::is_error) {
        return Ok(None);
    }
    let published = stage.publish(catalog)?;
    let Some(catalog) = publish::catalog_stamp(&config.output_dir) else { return Ok(None) };
    let files = exchanges.iter().map(|exchange| exchange.new.file.name.clone()).collect();
    let latest = Latest {
        last: Last { site: published.site, catalog },
        problems: latest.problems.after(files, problems),
        ..*latest
    };
    let build = Build { written: published.written, ..latest.unchanged() };
    order.memory.keep_latest(latest);
    Ok(Some(build))
}

/// The catalog in which what has changed is as it is now.
fn patched(catalog: &Catalog, rerendering: &Rerendering) -> Catalog {
    let mut catalog = catalog.clone();
    catalog.files.extend(rerendering.files.iter().cloned());
    catalog.pages.extend(rerendering.pages.iter().cloned());
    catalog
}
