//! The theme: nothing sticks out, nothing is hard to read, nothing is fetched from elsewhere, and all of it is HTML.

use std::process::Command;

use serde_json::json;

use super::support::audit::{look, sticking_out, violations};
use super::support::{Browser, Hosted, until};

/// Every kind of page that the theme has.
const PAGES: [&str; 12] = [
    "/",
    "/page/2/",
    "/everything/",
    "/about/",
    "/tags/",
    "/tags/birds/",
    "/blog/",
    MISSING,
    "/stats/",
    "/bare/",
    "/_/sign-in",
    "/_/privacy/",
];

/// What the owner signs in with.
const PASSWORD: &str = "three blue herons";

/// An address that the site does not have.
const MISSING: &str = "/nothing-here/";

async fn site() -> Hosted {
    let mut files = vec![
        ("tallymark.toml".to_owned(), include_str!("theme/tallymark.toml").to_owned()),
        ("content/about.md".to_owned(), include_str!("theme/about.md").to_owned()),
        ("content/home.md".to_owned(), include_str!("theme/home.md").to_owned()),
        ("content/footer.md".to_owned(), "Written *outdoors*.\n".to_owned()),
        ("content/blog/everything.md".to_owned(), include_str!("theme/everything.md").to_owned()),
        ("content/blog/bare.md".to_owned(), "---\ntitle: Bare\ndate: 2026-11-03\n---\n".to_owned()),
        ("static/heron.svg".to_owned(), include_str!("theme/heron.svg").to_owned()),
    ];
    for day in 1..=12 {
        let text = format!(
            "---\ntitle: Day {day}\ndate: 2026-10-{day:02}\ntags: [Birds]\n---\n\nA heron.\n"
        );
        files.push((format!("content/blog/day-{day}.md"), text));
    }
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let site = Hosted::new(&files).await;
    site.set_password(PASSWORD);
    site
}

#[tokio::test]
async fn nothing_sticks_out_of_a_narrow_screen() {
    let site = site().await;
    let browser = Browser::open().await;
    let mut found = Vec::new();
    for path in PAGES {
        browser.go(&site.url(path)).await;
        for width in [320, 768, 1280] {
            look(&browser, width, "light").await;
            assert_eq!(browser.run("return innerWidth").await, width);
            let out = sticking_out(&browser).await;
            if out != json!([]) {
                found.push(format!("{path} at {width}: {out:#}"));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn everyone_can_use_every_page_by_day_and_by_night() {
    let site = site().await;
    let browser = Browser::open().await;
    let mut found = Vec::new();
    for path in PAGES {
        browser.go(&site.url(path)).await;
        for (width, scheme) in [(1280, "light"), (1280, "dark"), (320, "light")] {
            look(&browser, width, scheme).await;
            for violation in violations(&browser).await {
                found.push(format!("{path} at {width}, {scheme}: {violation}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[tokio::test]
async fn no_page_complains_or_asks_elsewhere() {
    let site = site().await;
    let browser = Browser::open().await;
    browser.requested().await;
    for path in PAGES {
        browser.go(&site.url(path)).await;
        let complete =
            async || (browser.run("return document.readyState").await == "complete").then_some(());
        until("the page is there", complete).await;
        assert_eq!(browser.run("return tests.violations").await, json!([]), "{path}");
        let mut complaints = browser.complaints().await;
        if path == MISSING {
            assert_eq!(complaints.len(), 1, "the missing page itself: {complaints:#?}");
            complaints.clear();
        }
        assert_eq!(complaints, Vec::<String>::new(), "{path}");
    }
    let requested = browser.requested().await;
    let is_foreign = |url: &&String| url.contains("://") && !url.starts_with(&site.url("/"));
    assert_eq!(requested.iter().filter(is_foreign).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test]
async fn every_page_is_valid_html() {
    let site = site().await;
    let browser = Browser::open().await;
    browser.go(&site.url("/everything/")).await;
    site.until_views(1).await;
    let fetched =
        browser.run_async("fetch('/stats/').then((answer) => answer.text()).then(done)").await;
    let dashboard = fetched.as_str().expect("a page is text");
    assert!(dashboard.contains("data-path=\"/everything/\""), "the numbers are in it");
    std::fs::write(site.output().join("dashboard.html"), dashboard).unwrap();
    browser.go(&site.url("/_/sign-in")).await;
    browser.type_into("#password", PASSWORD).await;
    browser.click(".sign-in button").await;
    browser.until_text(".account", "You are signed in").await;
    for (name, path) in [("own", "/stats/"), ("bar", "/everything/"), ("form", "/_/sign-in")] {
        let credentials = if name == "form" { "omit" } else { "same-origin" };
        let fetch = format!(
            "fetch('{path}', {{ credentials: '{credentials}' }}).then((answer) => answer.text()).then(done)"
        );
        let fetched = browser.run_async(&fetch).await;
        let html = fetched.as_str().expect("a page is text");
        std::fs::write(site.output().join(format!("{name}.html")), html).unwrap();
    }

    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let output = Command::new("node")
        .arg(format!("{tests}/node_modules/html-validate/bin/html-validate.mjs"))
        .args(["--formatter", "text", "--config"])
        .arg(format!("{tests}/htmlvalidate.json"))
        .arg(site.output())
        .output()
        .expect("node is installed; `scripts/test` installs it");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
