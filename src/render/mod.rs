//! Pages to output files.

use serde::Serialize;

/// The inside of the dashboard with `stats` in it.
pub fn dashboard(stats: &impl Serialize) -> anyhow::Result<String> {
    let mut context = tera::Context::new();
    context.insert("stats", stats);
    let mut tera = tera::Tera::new();
    tera.add_raw_template(
        "dashboard.html",
        "{% for row in stats.pageStats %}<b>{{ row.title }}</b> {{ row.views }}\n{% endfor %}",
    )?;
    Ok(tera.render("dashboard.html", &context)?)
}
