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
    for (name, bytes) in builtin::templates() {
        if name == TEMPLATE {
            tera.add_raw_template(&name, &String::from_utf8_lossy(bytes))?;
        }
    }
    Ok(tera)
});

const TEMPLATE: &str = "dashboard.html";

/// The dashboard's script, which keeps its numbers moving.
pub const DASHBOARD_SCRIPT: &str = include_str!("../../templates/dashboard.js");

/// The inside of the dashboard that shows `stats`, which change all the time, and `view`, as HTML.
pub fn dashboard(stats: &impl Serialize, view: &impl Serialize) -> anyhow::Result<String> {
    let tera = TERA.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut context = Context::new();
    context.insert("stats", stats);
    context.insert("view", view);
    tera.render(TEMPLATE, &context).context("the dashboard cannot be filled in")
}
