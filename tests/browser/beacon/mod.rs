//! The beacon: what it sends when, and above all when it sends nothing.

mod clicks;
mod delivery;
mod totals;
mod viewings;
mod wishes;

use serde_json::Value;

use super::support::{Browser, Hosted, until_true};

const SITE: [(&str, &str); 4] = [
    ("tallymark.toml", "title = \"Field notes\"\n"),
    (
        "content/blog/herons.md",
        "---\ntitle: Herons at dusk\ndate: 2026-11-01\n---\n\nThey stand.\n",
    ),
    ("content/blog/owls.md", "---\ntitle: Owls at night\ndate: 2026-11-02\n---\n\nThey sit.\n"),
    ("content/blog/long.md", include_str!("../long.md")),
];

/// Waits until everything has been answered that the page has sent so far.
async fn settle(site: &Hosted, browser: &Browser) {
    // What the page asks for now arrives after what it sent before.
    let ask =
        "fetch('/_/health').then(() => fetch('/_/health')).then((answer) => done(answer.status))";
    assert_eq!(browser.run_async(ask).await, 200);
    let is_answered = async || site.wire.sent().iter().all(|sent| sent.status.is_some());
    until_true("every event is answered", is_answered).await;
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a heartbeat has numbers")
}

fn paths(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["path"].as_str()).collect()
}
