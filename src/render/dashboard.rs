//! The inside of the dashboard, filled in at the moment it is asked for.

use std::sync::LazyLock;

use anyhow::Context as _;
use serde::Serialize;
use tera::{Context, Tera};

use super::{builtin, filters};

static TERA: LazyLock<Result<Tera, tera::Error>> = LazyLock::new(|| {
    let mut tera = Tera::new();
    tera.autoescape_on([".html"]);
    filters::register(&mut tera);
    let templates = builtin::templates().into_iter();
    let own = templates.filter(|(name, _)| [TEMPLATE, LIST].contains(&name.as_str()));
    let own = own.map(|(name, bytes)| (name, String::from_utf8_lossy(bytes).into_owned()));
    tera.add_raw_templates(own.collect::<Vec<_>>())?;
    Ok(tera)
});

const TEMPLATE: &str = "dashboard.html";

/// What each of its lists is rendered by.
const LIST: &str = "dashboard/list.html";

/// The dashboard's script, which keeps its numbers moving and gives keys to its links.
pub const DASHBOARD_SCRIPT: &str = concat!(
    include_str!("../../templates/dashboard.js"),
    include_str!("../../templates/dashboard/controls.js"),
);

/// The inside of the dashboard that shows `stats`, which change all the time, and `view`, as HTML; numbers and days as
/// `language` writes them.
pub fn dashboard(
    language: &str,
    stats: &impl Serialize,
    view: &impl Serialize,
) -> anyhow::Result<String> {
    let tera = TERA.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut context = Context::new();
    context.insert("lang", language);
    context.insert("stats", stats);
    context.insert("view", view);
    tera.render(TEMPLATE, &context).context("the dashboard cannot be filled in")
}
