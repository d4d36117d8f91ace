//! When a viewing begins, and which are one view.

use std::time::Duration;

use serde_json::json;

use super::{SITE, paths, settle};
use crate::support::{Browser, Hosted};

#[tokio::test]
async fn a_view_is_counted_once_under_the_path_of_its_page() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/?utm_source=letter#top")).await;
    site.wire.until_taken("view", 1).await;
    settle(&site, &browser).await;

    let sent = site.wire.sent();
    assert_eq!(sent.len(), 1, "{sent:#?}");
    let view = &sent[0].event;
    assert_eq!((&view["type"], &view["path"]), (&json!("view"), &json!("/herons/")));
    assert_eq!(view["utmSource"], "letter");
    assert_eq!(view["width"], browser.run("return innerWidth / 100 | 0").await);
    assert_eq!(view["visitor"], browser.run("return localStorage.tallymark").await);
}

#[tokio::test]
async fn the_page_that_led_here_is_told_once() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/")).await;
    // Who leaves before that sends it again.
    site.wire.until_taken("view", 1).await;
    browser.click("a[href='/owls/']").await;
    let views = site.wire.until_taken("view", 2).await;
    assert_eq!(paths(&views), ["/", "/owls/"]);
    assert_eq!(views[1]["referrer"], site.url("/"));
    assert_eq!(views[0]["visitor"], views[1]["visitor"]);
}

#[tokio::test]
async fn a_tab_that_nobody_has_seen_sends_nothing() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go("about:blank").await;
    browser.hide().await;
    browser.go(&site.url("/herons/")).await;
    browser.pass(31_000).await;
    settle(&site, &browser).await;
    assert_eq!(browser.run("return document.visibilityState").await, "hidden");
    assert_eq!(site.wire.sent().len(), 0);

    browser.show().await;
    site.wire.until_taken("view", 1).await;
}

#[tokio::test]
async fn a_page_that_comes_back_from_the_cache_is_a_new_viewing() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    browser.run("window.isKept = true").await;
    site.wire.until_taken("view", 1).await;
    browser.go(&site.url("/owls/")).await;
    site.wire.until_taken("view", 2).await;
    site.pass(Duration::from_mins(30));
    browser.back().await;
    assert_eq!(browser.run("return window.isKept").await, true, "it was not loaded again");
    let views = site.wire.until_taken("view", 3).await;
    assert_eq!(paths(&views), ["/herons/", "/owls/", "/herons/"]);
    assert_eq!(site.wire.viewings("view"), 3);
    assert_eq!(site.numbers().total_page_views, 3);
}

#[tokio::test]
async fn another_path_without_another_document_is_another_view() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;
    browser.run("location.hash = 'wings'").await;
    browser.run("history.replaceState(null, '', '/herons/?page=2')").await;
    browser.run("history.pushState(null, '', '/herons/?page=3')").await;
    browser.run("history.pushState(null, '', '/owls/')").await;
    site.wire.until_taken("view", 2).await;
    browser.run("history.replaceState(null, '', '/long/')").await;
    settle(&site, &browser).await;
    assert_eq!(paths(&site.wire.taken("view")), ["/herons/", "/owls/"]);
}

#[tokio::test]
async fn a_page_made_ready_in_advance_waits_until_it_is_seen() {
    let mut files = SITE.to_vec();
    let told = "new Image().src = `/_/health?${document.prerendering} ${document.hidden}`";
    files.push(("static/told.js", told));
    let text =
        "---\ntitle: Cranes\ndate: 2026-11-04\n---\n\n<script defer src=\"/told.js\"></script>\n";
    files.push(("content/blog/cranes.md", text));
    let site = Hosted::new(&files).await;
    let browser = Browser::open().await;
    browser.devtools("Page.setBypassCSP", json!({ "enabled": true })).await;
    browser.go(&site.url("/herons/")).await;
    site.wire.until_taken("view", 1).await;
    let in_advance = "const rules = document.createElement('script');
        rules.type = 'speculationrules';
        rules.text = '{\"prerender\": [{\"urls\": [\"/cranes/\"], \"eagerness\": \"immediate\"}]}';
        document.head.append(rules)";
    browser.run(in_advance).await;
    // The page's own script runs after the beacon.
    site.wire.until_asked("/_/health?true%20true").await;
    settle(&site, &browser).await;
    assert_eq!(paths(&site.wire.taken("view")), ["/herons/"]);

    browser.run("setTimeout(() => { location.href = '/cranes/' })").await;
    let views = site.wire.until_taken("view", 2).await;
    assert_eq!(paths(&views), ["/herons/", "/cranes/"]);
    assert_eq!(views[1]["referrer"], site.url("/herons/"));
    let ready = "return performance.getEntriesByType('navigation')[0].activationStart > 0";
    assert_eq!(browser.run(ready).await, true, "it was shown as it had been made ready");
}

#[tokio::test]
async fn going_back_without_another_document_is_another_view() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    let herons = site.wire.until_taken("view", 1).await.remove(0);
    browser.pass(20_000).await;
    browser.run("history.pushState(null, '', '/owls/')").await;
    let left = site.wire.until_taken("heartbeat", 1).await.remove(0);
    assert_eq!((&left["view"], &left["path"]), (&herons["view"], &json!("/herons/")));
    site.wire.until_taken("view", 2).await;
    site.pass(Duration::from_mins(30));
    browser.back().await;
    let views = site.wire.until_taken("view", 3).await;
    assert_eq!(paths(&views), ["/herons/", "/owls/", "/herons/"]);
    assert_eq!(
        (views[0]["referrer"].clone(), views[1]["referrer"].clone()),
        (json!(""), json!(""))
    );
    assert_eq!(site.wire.viewings("view"), 3);
    assert_eq!(site.numbers().total_page_views, 3);
}

#[tokio::test]
async fn two_tabs_are_one_visitor_with_two_viewings() {
    let site = Hosted::new(&SITE).await;
    let browser = Browser::open().await;
    browser.go(&site.url("/herons/")).await;
    browser.open_window().await;
    browser.go(&site.url("/herons/")).await;
    let views = site.wire.until_taken("view", 2).await;
    assert_eq!(site.wire.viewings("view"), 2);
    assert_eq!(views[0]["visitor"], views[1]["visitor"]);
    browser.go(&site.url("/owls/")).await;
    site.wire.until_taken("view", 3).await;
    let numbers = site.numbers();
    assert_eq!((numbers.total_page_views, numbers.unique_visitors), (2, 1));
}
