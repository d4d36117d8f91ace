//! Parts of pages that the server fills in at the moment they are asked for, besides the numbers of the dashboard.

use std::sync::LazyLock;

use anyhow::Context as _;
use serde::Serialize;
use tera::{Context, Tera};

use super::{builtin, filters};

/// Their templates.
const NAMES: [&str; 3] = ["account.html", "author-bar.html", "sign-in-form.html"];

static TERA: LazyLock<Result<Tera, tera::Error>> = LazyLock::new(|| {
    let mut tera = Tera::new();
    tera.autoescape_on([".html"]);
    filters::register(&mut tera);
    for (name, bytes) in builtin::templates() {
        if NAMES.contains(&name.as_str()) {
            tera.add_raw_template(&name, &String::from_utf8_lossy(bytes))?;
        }
    }
    Ok(tera)
});

/// The part called `name`, which sees `view`, as HTML.
pub fn part(name: &str, view: &impl Serialize) -> anyhow::Result<String> {
    let tera = TERA.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut context = Context::new();
    context.insert("view", view);
    tera.render(name, &context).with_context(|| format!("`{name}` cannot be filled in"))
}
