//! What a page is judged by: on screens of several widths, by day and by night, by axe-core.

use serde_json::{Value, json};

use super::Browser;

/// A browser on a screen so many pixels wide, with a reader who likes it `light` or `dark`.
pub(crate) async fn look(browser: &Browser, width: u32, scheme: &str) {
    let screen = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
    browser.devtools("Emulation.setDeviceMetricsOverride", screen).await;
    let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
    browser.devtools("Emulation.setEmulatedMedia", scheme).await;
}

/// What is wider than the screen, without what scrolls by itself.
const STICKING_OUT: &str = "
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (wide <= 0) return [];
    const edge = document.documentElement.clientWidth;
    const out = [...document.body.querySelectorAll('*')].filter((one) => one.getBoundingClientRect().right > edge + 1);
    return [wide, ...out.map((one) => one.outerHTML.slice(0, 120))]";

/// What sticks out of the screen; an empty list if nothing does.
pub(crate) async fn sticking_out(browser: &Browser) -> Value {
    browser.run(STICKING_OUT).await
}

/// What axe-core finds wrong with the page, a line each.
pub(crate) async fn violations(browser: &Browser) -> Vec<String> {
    let axe = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/node_modules/axe-core/axe.min.js"
    ));
    let axe = axe.expect("axe-core is installed; `scripts/test` installs it");
    browser.run(&format!("if (!window.axe) {{ {axe} }}")).await;
    let result = browser.run_async("axe.run().then(done, (error) => done(String(error)))").await;
    assert!(result["violations"].is_array(), "{result}");
    result["violations"].as_array().into_iter().flatten().map(described).collect()
}

fn described(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().into_iter().flatten();
    let places: Vec<String> =
        nodes.map(|node| format!("{} {}", node["html"], node["any"][0]["message"])).collect();
    format!("{} ({}):\n    {}", violation["id"], violation["help"], places.join("\n    "))
}
